//! What delivery wants of others and what is to be done, for every input; and every back-off.

mod early;
mod incoming;
mod outgoing;
mod stage;
mod withdrawn;
