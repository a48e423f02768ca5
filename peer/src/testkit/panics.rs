//! A program whose engine panics, under the real front ends.

use std::ffi::OsString;

use futures::executor::block_on;

use crate::alarm::Alarm;
use crate::app::line::Start;
use crate::cli::{self, Settings};
use crate::program::{bug, sleep};
use crate::ui;

/// A front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The line terminal.
    Line,
    /// The full screen.
    Full,
}

/// Runs a front end as the program does, with an engine that panics as soon as it is asked for anything.
///
/// # Panics
/// That is what it is for.
#[expect(clippy::panic, reason = "what becomes of a panic is tested with it")]
pub fn run_and_panic(front: Front, arguments: Vec<OsString>) {
    bug::install();
    let Ok(cli) = cli::parse(arguments) else { return };
    let Ok(settings) = Settings::load(cli.given, jiff::tz::TimeZone::UTC) else { return };
    let (command_sender, commands) = async_channel::unbounded();
    let (_held_open, notices) = async_channel::unbounded();
    let (_no_signals, interrupts) = async_channel::unbounded();
    std::thread::spawn(move || {
        // The front end is on its screen by now, or has ended.
        let _ = commands.recv_blocking();
        panic!("an example");
    });
    let alarm = Alarm::new(sleep);
    let channels = ui::event_loop::Channels { commands: command_sender, notices, interrupts, alarm };
    let options = settings.line_options(Start::Login, None);
    match front {
        Front::Line => block_on(ui::line::run(options, channels)),
        Front::Full => block_on(ui::tui::run(settings.tui_options(&options), channels)),
    };
}
