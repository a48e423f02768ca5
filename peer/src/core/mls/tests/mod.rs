//! Rooms of several terminals in one process. Each test is a sentence about what a room does, or refuses.

mod life;
mod stage;
