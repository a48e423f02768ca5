//! Rooms with real members: operations step by step, wishes, what becomes of rooms.

mod hostile;
mod keys;
mod operations;
mod rooms;
mod stage;
mod succession;
mod wishes;
