//! What searching and keeping messages costs, beside the same SQLite with the same texts in the clear.
//!
//! Run by `scripts/bench search`. 100,000 messages of some ten words, frequent and rare as in a natural language, are
//! kept as a peer keeps them: sealed one by one, in durable steps. The floor is SQLite's own full-text index, FTS5: what
//! it would cost if a stolen disk were no concern.

#[path = "../../../directory-server/benches/figures/figure.rs"]
#[allow(dead_code, reason = "the form of all figures; these ones need less of it")]
mod figure;
mod plain;
mod texts;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use figure::{Figure, Target, Unit};
use peer::testkit::Archive;
use plain::Plain;

/// Whatever stops a measurement.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const MESSAGES: u64 = 100_000;
/// Messages that arrive in one durable step: as many as one `MAILBOX` holds.
const STEP: usize = common::limits::MAIL_IN_ONE;
/// Messages shown.
const SHOWN: usize = 50;
/// Milliseconds that a search may take.
const PROMISE: f64 = 50.0;

const SEARCHES: [(&str, &str, &str); 4] = [
    ("search oldest", texts::RARE, "one message, the oldest"),
    ("search frequent", texts::FREQUENT, "the 50 newest of very many"),
    ("search apart", texts::APART, "two frequent words that never meet"),
    ("search nothing", "nowhere", "a word that was never used"),
];

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
    let (mut json, mut rounds) = (false, 21);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--quick" => rounds = 5,
            // Cargo says this to every benchmark.
            "--bench" => {}
            other => return Err(format!("{other} is not known. Usage: scripts/bench [--json] [--quick] search").into()),
        }
    }
    if !json {
        writeln!(io::stdout(), "{}", figure::TABLE_HEAD)?;
    }
    for figure in measure(rounds)? {
        let line = if json { figure.json()? } else { figure.to_string() };
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

fn measure(rounds: usize) -> Outcome<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let mut archive = Archive::open(&folder.path().join("sealed"))?;
    let mut plain = Plain::open(&folder.path().join("plain.db"))?;
    let mut keeping = (Vec::new(), Vec::new());
    let messages: Vec<(u64, String)> = (0..MESSAGES).zip(texts::messages(MESSAGES)).collect();
    for step in messages.chunks(STEP) {
        let step = || step.iter().map(|(number, text)| (*number, text.as_str()));
        keeping.0.push(milliseconds(|| Ok(archive.keep(step())?))?.0);
        keeping.1.push(milliseconds(|| plain.keep(step()))?.0);
    }

    let microseconds = |steps: Vec<f64>| steps.iter().sum::<f64>() * 1000.0 / MESSAGES as f64;
    let mut figures = vec![
        Figure::new("search keep", microseconds(keeping.0), Unit::Microseconds)
            .floor(microseconds(keeping.1))
            .note("a message, sealed and indexed, 64 in a durable step"),
    ];
    for (name, words, note) in SEARCHES {
        let (mut sealed, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (time, found) = milliseconds(|| Ok(archive.find(words, SHOWN)?))?;
            sealed.push(time);
            let (time, expected) = milliseconds(|| plain.find(words, SHOWN))?;
            floor.push(time);
            if found != expected {
                return Err(
                    format!("{words}: {} messages found, not the {} there are", found.len(), expected.len()).into()
                );
            }
        }
        let figure = Figure::new(name, figure::median(sealed), Unit::Milliseconds);
        figures.push(figure.floor(figure::median(floor)).target(Target::Value(PROMISE)).note(note));
    }
    Ok(figures)
}

fn milliseconds<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed().as_secs_f64() * 1000.0, done))
}
