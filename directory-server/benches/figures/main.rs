//! What the real programs cost, each figure beside a limit measured in the same run.
//!
//! Run by `scripts/bench`. The programs are the release binaries, spoken to over loopback by the testkit's blocking
//! clients. The limit, or floor, is [`bare`]: rustls on bare sockets with the same keys, cipher suite, connections and
//! byte counts, and nothing of ours above it. Floor and value are measured in turn, so that both suffer alike from
//! whatever else the machine does, and the figures are medians. Costs are CPU time of the server where possible.

mod bare;
mod bare_store;
mod call;
mod chat;
mod cores;
mod crowd;
mod directory;
mod figure;
mod file;
mod flood;
mod login;
mod lookup;
mod mail;
mod memory;
mod process;
mod screen;
mod start;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use figure::Figure;
use process::Programs;

/// Whatever stops a measurement.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How thorough to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    Quick,
    Full,
}

impl Effort {
    /// `full`, or what is enough to see that everything works.
    fn of(self, full: usize, quick: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// One measurement, which gives one or more figures whose names begin with its own.
type Measurement = fn(&Programs, Effort) -> Outcome<Vec<Figure>>;

const MEASUREMENTS: [(&str, Measurement); 10] = [
    ("start", start::measure),
    ("screen", screen::measure),
    ("login", login::measure),
    ("lookup", lookup::measure),
    ("call", call::measure),
    ("chat", chat::measure),
    ("idle", memory::measure),
    ("flood", flood::measure),
    ("mail", mail::measure),
    ("file", file::measure),
];

const USAGE: &str =
    "scripts/bench [--json] [--quick] [start] [screen] [login] [lookup] [call] [chat] [idle] [flood] [mail] [file]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Table,
    Json,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((first, rest)) if first == bare::SERVE => bare::serve(rest),
        Some((first, _)) if first == screen::FILL => screen::fill(),
        Some((first, rest)) if first == file::POUR => file::pour(rest),
        Some((first, _)) if first == start::NOTHING => start::nothing(),
        _ => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome<()> {
    let (mut output, mut effort, mut names) = (Output::Table, Effort::Full, Vec::new());
    for argument in arguments {
        match argument.as_str() {
            "--json" => output = Output::Json,
            "--quick" => effort = Effort::Quick,
            // Cargo says this to every benchmark.
            "--bench" => {}
            name if MEASUREMENTS.iter().any(|(known, _)| *known == name) => names.push(name),
            other => return Err(format!("{other} is not known. Usage: {USAGE}").into()),
        }
    }
    let programs = Programs::built()?;
    if output == Output::Table {
        writeln!(io::stdout(), "{}", figure::TABLE_HEAD)?;
    }
    for (name, measure) in MEASUREMENTS {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        for figure in measure(&programs, effort).map_err(|error| format!("{name}: {error}"))? {
            match output {
                Output::Table => writeln!(io::stdout(), "{figure}")?,
                Output::Json => writeln!(io::stdout(), "{}", figure.json()?)?,
            }
            if !figure.is_possible() {
                return Err(format!("{name}: faster than its floor, so something else was measured: {figure}").into());
            }
        }
    }
    Ok(())
}
