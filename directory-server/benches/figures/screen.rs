//! How soon the full screen is there, and what the front ends hold in memory, in pseudo-terminals.

use std::io::{self, Read, Write as _};
use std::time::Instant;

use common::crypto::identity::IdentityKey;
use common::testkit::login::Stretch;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::directory::{PASSCODE, RunningDirectory};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Programs, memory_of};
use crate::{Effort, Outcome};

/// The argument that makes this program fill a screen of its own and wait: what any full screen costs.
pub(crate) const FILL: &str = "--fill";
/// The last words of the first screen.
const LAST: &str = "Ctrl+C leave";
const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
/// What the front ends may hold, in KiB.
const LINE: f64 = 10.0 * 1024.0;
const FULL: f64 = 15.0 * 1024.0;

pub(crate) fn fill() -> Outcome<()> {
    let mut screen = String::from("\x1b[?1049h");
    for row in 1..SIZE.rows {
        screen.push_str(&format!("\x1b[{row};1H{}", "x".repeat(SIZE.cols.into())));
    }
    screen.push_str(&format!("\x1b[{};1H{LAST}", SIZE.rows));
    let mut out = io::stdout();
    out.write_all(screen.as_bytes())?;
    out.flush()?;
    io::stdin().read_to_string(&mut String::new())?;
    Ok(())
}

/// A program in a pseudo-terminal; ended when dropped.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn io::Write + Send>,
    seen: Box<dyn Read + Send>,
    _master: Box<dyn MasterPty + Send>,
}

impl Screen {
    fn start(mut command: CommandBuilder, arguments: &[&str]) -> Outcome<Self> {
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let pair = native_pty_system().openpty(SIZE)?;
        let child = pair.slave.spawn_command(command)?;
        let (keyboard, seen) = (pair.master.take_writer()?, pair.master.try_clone_reader()?);
        Ok(Self { child, keyboard, seen, _master: pair.master })
    }

    fn wait_for(&mut self, text: &str) -> Outcome<()> {
        let mut written = Vec::new();
        let mut piece = [0; 4096];
        while !written.windows(text.len()).any(|window| window == text.as_bytes()) {
            let count = self.seen.read(&mut piece)?;
            if count == 0 {
                return Err(format!("the program ended before it showed {text:?}").into());
            }
            written.extend_from_slice(&piece[..count]);
        }
        Ok(())
    }

    fn enter(&mut self, line: &str) -> Outcome<()> {
        self.keyboard.write_all(format!("{line}\r").as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    fn memory(&self) -> Outcome<f64> {
        memory_of(self.child.process_id().ok_or("the program has no id")?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let directory = RunningDirectory::start(programs)?;
    let account = directory.register("ali", Stretch::Full, IdentityKey::generate()?.to_pkcs1())?;
    let data = tempfile::tempdir()?;
    let (server, data) = (directory.address.to_string(), data.path().display().to_string());
    let arguments = ["--server", &server, "--data-dir", &data];
    let (mut painted, mut floor) = (Vec::new(), Vec::new());
    let mut bare = Vec::new();
    for _ in 0..effort.of(15, 3) {
        let begun = Instant::now();
        let mut screen = Screen::start(CommandBuilder::new(&programs.ourselves), &[FILL])?;
        screen.wait_for(LAST)?;
        floor.push(begun.elapsed().as_secs_f64() * 1000.0);
        bare.push(screen.memory()?);
        let begun = Instant::now();
        let mut screen = Screen::start(CommandBuilder::new(&programs.peer), &[&arguments[..], &["tui"]].concat())?;
        screen.wait_for(LAST)?;
        painted.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let bare = median(bare);
    let logged_in = |command: &[&str], sign: &str| {
        let user = ["--user", account.user.as_str()];
        let mut screen =
            Screen::start(CommandBuilder::new(&programs.peer), &[&arguments[..], &user, command].concat())?;
        screen.wait_for("Enter passcode on keypad.")?;
        screen.enter(PASSCODE)?;
        screen.wait_for(sign)?;
        screen.memory()
    };
    let (line, full) = (logged_in(&[], "Enter destination user ID:")?, logged_in(&["tui"], "/help")?);
    Ok(vec![
        Figure::new("screen_first_paint", median(painted), Unit::Milliseconds)
            .floor(median(floor))
            .target(Target::Value(30.0))
            .note("80x24, beside a program that only fills it"),
        Figure::new("screen_memory_of_line", line, Unit::Kibibytes)
            .floor(bare)
            .target(Target::Value(LINE))
            .note("logged in"),
        Figure::new("screen_memory_of_full", full, Unit::Kibibytes)
            .floor(bare)
            .target(Target::Value(FULL))
            .note("logged in"),
    ])
}
