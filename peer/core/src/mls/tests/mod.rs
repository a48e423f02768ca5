//! Rooms of several terminals in one process. Each test is a sentence about what a room does, or refuses.

mod bytes;
mod commits;
mod crash;
mod invitations;
mod life;
mod newcomers;
mod simulation;
mod stage;
mod vectors;
