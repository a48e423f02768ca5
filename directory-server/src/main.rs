//! The program `directory-server`; everything it does is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    directory_server::run(std::env::args_os())
}
