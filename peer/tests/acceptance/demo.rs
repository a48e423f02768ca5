//! `directory-server demo`: two peers, started as it says, talk to each other.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::harness::directory::program;
use crate::harness::{Owned, Stage, Terminal};

#[test]
fn two_peers_talk_with_what_a_demo_tells_them() {
    let stage = Stage::new();
    let mut command = Command::new(program());
    command.arg("demo").env_clear().env("HOME", stage.folder()).stdin(Stdio::null()).stderr(Stdio::null());
    let mut demo = Owned(command.stdout(Stdio::piped()).spawn().unwrap());
    let output = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let told: Vec<_> = output.take_while(|line| !line.starts_with("CTRL-C stops the server")).collect();
    // Two lines for each: how to start a peer, and its passcode.
    let terminals: Vec<_> = told[told.len() - 4..]
        .chunks(2)
        .map(|lines| {
            let after = |name: &str| lines[0].split(name).nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
            let server: SocketAddr = after("--server ").parse().unwrap();
            let terminal = Terminal::start(&stage.seat_of(after("--user ")).at_server(server));
            terminal.asks("Enter passcode on keypad.");
            terminal.enters(lines[1].trim().strip_prefix("passcode ").unwrap());
            terminal.asks("Enter destination user ID:");
            terminal
        })
        .collect();
    terminals[0].enters("bianca");
    terminals[0].shows("Connection established, type your messages");
    terminals[1].shows("Connection received from user ali, type your messages");
    terminals[1].enters("Hello.");
    terminals[0].shows("Hello.");
}
