//! Rooms with real members: operations step by step, wishes, what becomes of rooms.

mod epochs;
mod hostile;
mod keys;
mod leaving;
mod lost;
mod operations;
mod restored;
mod rooms;
mod stage;
mod succession;
mod wishes;
