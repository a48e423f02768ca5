//! Rooms with real members: operations step by step, wishes, what becomes of rooms.

mod operations;
mod rooms;
mod stage;
mod wishes;
