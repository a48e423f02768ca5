//! What the tests and benchmarks of the program use.

mod archive;
mod panics;

pub use archive::Archive;
pub use panics::{Front, run_and_panic};
