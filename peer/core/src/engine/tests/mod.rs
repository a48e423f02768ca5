//! The engine as a whole, by subject.

mod answers;
mod callers;
mod calling;
mod destinations;
mod keys;
mod texts;
mod world;
