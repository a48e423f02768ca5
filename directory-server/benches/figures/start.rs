//! How long the programs take to start, and what they hold when they have nothing to do.

use std::process::Command;
use std::time::Instant;

use crate::bare::{Bare, Like, Sizes};
use crate::directory;
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Process, Programs};
use crate::{Effort, Outcome};

/// The argument that makes this program end at once: what starting any process costs.
pub(crate) const NOTHING: &str = "--nothing";

pub(crate) fn nothing() -> Outcome<()> {
    Ok(())
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let (mut version, mut prompt, mut ready, mut floor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut directory_version, mut bare_memory) = (Vec::new(), Vec::new());
    let (mut peer_memory, mut directory_memory) = (Vec::new(), Vec::new());
    let data = tempfile::tempdir()?;
    // The first start creates keys and database.
    drop(directory::start(programs, &data.path().join("directory"))?);
    for _ in 0..effort.of(15, 3) {
        floor.push(milliseconds(|| run(Command::new(&programs.ourselves).arg(NOTHING)))?.0);
        version.push(milliseconds(|| run(Command::new(&programs.peer).arg("--version")))?.0);
        directory_version.push(milliseconds(|| run(Command::new(&programs.directory_server).arg("--version")))?.0);
        bare_memory.push(Bare::start(programs, Like::Directory, Sizes { request: 1, reply: 1 })?.process.memory()?);
        let (took, (server, address)) = milliseconds(|| directory::start(programs, &data.path().join("directory")))?;
        ready.push(took);
        let (took, peer) = milliseconds(|| {
            let arguments = ["--server", &address.to_string(), "--data-dir"].map(Into::into);
            let arguments = arguments.into_iter().chain([data.path().join("peer").into_os_string()]);
            let mut peer = Process::start(&programs.peer, arguments, &[])?;
            peer.wait_for("Login: ")?;
            Ok(peer)
        })?;
        prompt.push(took);
        peer_memory.push(peer.memory()?);
        directory_memory.push(server.memory()?);
    }
    let (floor, bare_memory) = (median(floor), median(bare_memory));
    Ok(vec![
        Figure::new("start_peer_version", median(version), Unit::Milliseconds).floor(floor).target(Target::Value(5.0)),
        Figure::new("start_directory_version", median(directory_version), Unit::Milliseconds)
            .floor(floor)
            .target(Target::Value(5.0)),
        Figure::new("start_login_prompt", median(prompt), Unit::Milliseconds).floor(floor).target(Target::Value(20.0)),
        Figure::new("start_directory_ready", median(ready), Unit::Milliseconds).floor(floor),
        Figure::new("start_memory_of_peer", median(peer_memory), Unit::Kibibytes)
            .floor(bare_memory)
            .target(Target::Value(10.0 * 1024.0)),
        Figure::new("start_memory_of_directory", median(directory_memory), Unit::Kibibytes)
            .floor(bare_memory)
            .target(Target::Value(15.0 * 1024.0)),
    ])
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

fn milliseconds<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let begun = Instant::now();
    let done = work()?;
    Ok((begun.elapsed().as_secs_f64() * 1000.0, done))
}
