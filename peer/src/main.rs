//! Starts the peer terminal.
#![forbid(unsafe_code)]

fn main() {
    std::process::exit(peer::run(std::env::args_os().collect()));
}
