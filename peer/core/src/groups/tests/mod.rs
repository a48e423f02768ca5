//! Rooms with real members: operations step by step, wishes, what becomes of rooms.

mod epochs;
mod hostile;
mod keys;
mod leaves;
mod leaving;
mod lost;
mod moved;
mod operations;
mod restored;
mod rooms;
mod stage;
mod succession;
mod uninvited;
mod wishes;
