//! What messages and changes of members cost in rooms of 2, 32 and 256 terminals.
//!
//! Run by `scripts/bench rooms`. Times include what a terminal would keep of each step, but no disk. The floor of a
//! message is one AES-256-GCM and one Ed25519 operation over the same bytes. The floor of adding and removing is no lower
//! limit but the other way to do it: the new secret sealed to every member one by one, with the same algorithms. Groups
//! are as they are right after they were made, which is when a change costs most.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

mod bare;
#[path = "../../../../directory-server/benches/figures/figure.rs"]
#[allow(dead_code, reason = "the form of all figures; these ones need less of it")]
mod figure;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use bare::{Message, OneByOne};
use figure::{Figure, Unit, median};
use peer_core::testkit::Assembly;

/// Whatever stops a measurement.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of a letter: the smallest size that letters are padded to.
const LETTER: usize = common::limits::PADDED_SIZES[0];

/// The names of the figures of one size of room.
struct Names {
    members: u16,
    seal: &'static str,
    open: &'static str,
    message: &'static str,
    add: &'static str,
    added: &'static str,
    welcome: &'static str,
    follow: &'static str,
    join: &'static str,
    remove: &'static str,
    removed: &'static str,
}

macro_rules! names {
    ($members:literal) => {
        Names {
            members: $members,
            seal: concat!("room ", $members, " seal"),
            open: concat!("room ", $members, " open"),
            message: concat!("room ", $members, " message"),
            add: concat!("room ", $members, " add"),
            added: concat!("room ", $members, " add, commit"),
            welcome: concat!("room ", $members, " add, welcome"),
            follow: concat!("room ", $members, " follow"),
            join: concat!("room ", $members, " join"),
            remove: concat!("room ", $members, " remove"),
            removed: concat!("room ", $members, " remove, commit"),
        }
    };
}

// A room of 256 takes no further terminal.
const SIZES: [Names; 3] = [names!(2), names!(32), names!(255)];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let (mut json, mut rounds) = (false, 11);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--quick" => rounds = 3,
            // Cargo says this to every benchmark.
            "--bench" => {}
            other => return Err(format!("{other} is not known. Usage: scripts/bench [--json] [--quick] rooms").into()),
        }
    }
    if !json {
        writeln!(io::stdout(), "{}", figure::TABLE_HEAD)?;
    }
    for names in &SIZES {
        let mut assembly = Assembly::new(names.members)?;
        let figures = [messages(names, &mut assembly, rounds * 20)?, changes(names, &mut assembly, rounds)?].concat();
        for figure in figures {
            let line = if json { figure.json()? } else { figure.to_string() };
            writeln!(io::stdout(), "{line}")?;
        }
    }
    Ok(())
}

fn messages(names: &Names, assembly: &mut Assembly, rounds: usize) -> Outcome<Vec<Figure>> {
    let bare = Message::new()?;
    let letter = [b' '; LETTER];
    let (mut seal, mut open, mut bare_seal, mut bare_open) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut bytes, mut bare_bytes) = (0, 0);
    for _ in 0..rounds {
        let (time, sealed) = microseconds(|| Ok(assembly.say(&letter)?))?;
        seal.push(time);
        bytes = sealed.len();
        let (time, read) = microseconds(|| Ok(assembly.hear(&sealed)?))?;
        open.push(time);
        if read != letter {
            return Err("the reader read something else".into());
        }
        let (time, sealed) = microseconds(|| bare.seal(&letter))?;
        bare_seal.push(time);
        bare_bytes = sealed.len();
        bare_open.push(microseconds(|| bare.open(&sealed))?.0);
    }
    Ok(vec![
        Figure::new(names.seal, median(seal), Unit::Microseconds)
            .floor(median(bare_seal))
            .note("AES-256-GCM and Ed25519 alone"),
        Figure::new(names.open, median(open), Unit::Microseconds)
            .floor(median(bare_open))
            .note("AES-256-GCM and Ed25519 alone"),
        Figure::new(names.message, kibibytes(bytes), Unit::Kibibytes).floor(kibibytes(bare_bytes)),
    ])
}

fn changes(names: &Names, assembly: &mut Assembly, rounds: usize) -> Outcome<Vec<Figure>> {
    let bare = OneByOne::new()?;
    let [mut add, mut follow, mut join, mut remove, mut one_by_one] = [const { Vec::new() }; 5];
    let (mut added, mut removed, mut bare_bytes) = ((0, 0), (0, 0), 0);
    for _ in 0..rounds {
        assembly.prepare()?;
        let (time, sizes) = microseconds(|| Ok(assembly.add()?))?;
        add.push(time);
        added = sizes;
        follow.push(microseconds(|| Ok(assembly.follow()?))?.0);
        join.push(microseconds(|| Ok(assembly.join()?))?.0);
        let (time, sizes) = microseconds(|| Ok(assembly.remove()?))?;
        remove.push(time);
        removed = sizes;
        assembly.follow()?;
        let (time, bytes) = microseconds(|| bare.send(names.members))?;
        one_by_one.push(time);
        bare_bytes = bytes;
    }
    let milliseconds = |times| median(times) / 1000.0;
    let (bare_time, bare_bytes) = (milliseconds(one_by_one), kibibytes(bare_bytes));
    let figure = |name, times| Figure::new(name, milliseconds(times), Unit::Milliseconds);
    let size = |name, bytes| Figure::new(name, kibibytes(bytes), Unit::Kibibytes);
    Ok(vec![
        figure(names.add, add).floor(bare_time).note("a secret sealed to each, one by one"),
        size(names.added, added.0).floor(bare_bytes).note("a secret sealed to each, one by one"),
        size(names.welcome, added.1),
        figure(names.follow, follow),
        figure(names.join, join),
        figure(names.remove, remove).floor(bare_time).note("a secret sealed to each, one by one"),
        size(names.removed, removed.0).floor(bare_bytes).note("a secret sealed to each, one by one"),
    ])
}

fn kibibytes(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

fn microseconds<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed().as_secs_f64() * 1_000_000.0, done))
}
