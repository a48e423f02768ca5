//! Offers and transfers without any bytes: for every input, what is wanted of others and what is to be done.

mod offers;
mod relayed;
mod stage;
mod transfers;
