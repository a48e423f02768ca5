//! The line terminal: the loop between a person, the [`Dialogue`] and the engine.
//!
//! [`screen`] serves a terminal whose cursor can be moved, [`pipe`] everything else; both carry out what the dialogue
//! says. Nothing here depends on a runtime: input comes through channels and streams, the clock is read per input.

mod editor;
mod keys;
mod layout;
mod pipe;
mod raw;
mod screen;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use common::limits::MESSAGE_TEXT;
use futures::future::BoxFuture;
use futures::{FutureExt as _, select_biased};

use crate::app::dialogue::{Dialogue, Input, Options, Output};
use crate::app::exit;
use crate::app::sanitise::SafeText;
use crate::app::words::failure;
use crate::core::command::Command;
use crate::core::notice::{Failure, Notice};
use editor::Editor;
use pipe::Pipe;
pub(crate) use raw::TerminalEcho;
use screen::Screen;

/// Notices shown in one update, so that a flood of them does not keep keys waiting. Chosen arbitrarily.
const NOTICES_PER_UPDATE: usize = 64;

/// How the line terminal looks and begins.
#[derive(Debug, Clone)]
pub(crate) struct LineOptions {
    /// For the dialogue.
    pub(crate) dialogue: Options,
    /// Entries remembered per conversation.
    pub(crate) history: usize,
    /// Whether the cursor may be moved.
    pub(crate) look: Look,
}

/// Whether the cursor may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Look {
    /// Yes, where there is a terminal that can.
    #[default]
    Screen,
    /// No: output is only ever appended.
    Plain,
}

/// A signal that concerns the person at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// SIGINT; the key CTRL-C takes the same path.
    CtrlC,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    HangUp,
}

/// What a front end does for the loop.
trait Front {
    /// Waits for the person. Nothing where what happened concerns only the front end.
    async fn next(&mut self) -> io::Result<Option<Input>>;
    /// What stands in the entry just now.
    fn typed(&self) -> &str;
    /// Takes one output; it may be seen only after [`Front::settle`].
    fn show(&mut self, output: Output);
    /// Makes what was taken visible, and asks for a line if one would be taken.
    fn settle(&mut self, asks: Asks) -> io::Result<()>;
    /// Gives the terminal back.
    fn close(&mut self) -> io::Result<()>;
}

/// Whether the dialogue would take a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Yes,
    No,
}

/// Runs the line terminal until the person or the engine ends it; returns the exit code.
pub(crate) async fn run(
    options: LineOptions,
    commands: Sender<Command>,
    notices: Receiver<Notice>,
    interrupts: Receiver<Interrupt>,
    sleep: Sleep,
) -> i32 {
    let channels = Channels { commands, notices, interrupts, sleep };
    let ended = if options.look == Look::Screen && can_move_the_cursor() {
        let editor = Editor::new(MESSAGE_TEXT, options.history);
        match Screen::open(editor) {
            Ok(screen) => channels.converse(screen, options.dialogue).await,
            Err(error) => Err(error),
        }
    } else {
        match Pipe::open(options.dialogue.glyphs) {
            Ok(pipe) => channels.converse(pipe, options.dialogue).await,
            Err(error) => Err(error),
        }
    };
    ended.unwrap_or_else(|error| lost_terminal(&error))
}

fn can_move_the_cursor() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The exit code when the terminal cannot be read or written.
fn lost_terminal(error: &io::Error) -> i32 {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return exit::BROKEN_PIPE;
    }
    let failure = Failure::Io { path: "the terminal".to_owned(), detail: error.to_string() };
    let report = failure::report(&failure);
    for line in &report.lines {
        // Whether this can be seen is exactly what is in doubt.
        let _ = writeln!(io::stderr(), "{}", SafeText::ours(line).as_str());
    }
    report.exit
}

/// Waits; given by whoever knows the runtime.
pub(crate) type Sleep = fn(Duration) -> BoxFuture<'static, ()>;

struct Channels {
    commands: Sender<Command>,
    notices: Receiver<Notice>,
    interrupts: Receiver<Interrupt>,
    sleep: Sleep,
}

impl Channels {
    async fn converse(self, mut front: impl Front, options: Options) -> io::Result<i32> {
        let (mut dialogue, first) = Dialogue::new(options, Instant::now());
        let mut ended = self.carry_out(first, &mut front).await;
        loop {
            if let Some(code) = ended {
                front.close()?;
                return Ok(code);
            }
            front.settle(if dialogue.asks() { Asks::Yes } else { Asks::No })?;
            let mut input = self.next(&mut front, dialogue.deadline()).await?;
            for _ in 0..NOTICES_PER_UPDATE {
                let Some(taken) = input.take() else { break };
                let output = dialogue.handle(Instant::now(), front.typed(), taken);
                ended = self.carry_out(output, &mut front).await;
                if ended.is_none() {
                    input = self.notices.try_recv().ok().map(Input::Notice);
                }
            }
            if let Some(left_over) = input {
                let output = dialogue.handle(Instant::now(), front.typed(), left_over);
                ended = self.carry_out(output, &mut front).await;
            }
        }
    }

    /// Signals first, then the person, then the engine, then the clock.
    async fn next(&self, front: &mut impl Front, deadline: Option<Instant>) -> io::Result<Option<Input>> {
        let mut tick = std::pin::pin!(self.tick(deadline).fuse());
        let mut interrupt = std::pin::pin!(self.interrupt().fuse());
        let mut person = std::pin::pin!(front.next().fuse());
        let mut notice = std::pin::pin!(self.notices.recv().fuse());
        select_biased! {
            input = interrupt => Ok(Some(input)),
            input = person => input,
            notice = notice => Ok(Some(notice.map_or(Input::EngineGone, Input::Notice))),
            () = tick => Ok(Some(Input::Tick)),
        }
    }

    async fn tick(&self, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => (self.sleep)(deadline.saturating_duration_since(Instant::now())).await,
            None => std::future::pending().await,
        }
    }

    async fn interrupt(&self) -> Input {
        match self.interrupts.recv().await {
            Ok(Interrupt::CtrlC) => Input::CtrlC,
            Ok(Interrupt::Terminate) => Input::Stop(exit::TERMINATE),
            Ok(Interrupt::HangUp) => Input::Stop(exit::HANG_UP),
            // Nobody listens for signals any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns the exit code if the dialogue is over.
    async fn carry_out(&self, outputs: Vec<Output>, front: &mut impl Front) -> Option<i32> {
        let mut ended = None;
        for output in outputs {
            match output {
                // An engine that is gone says so by closing its notices.
                Output::Command(command) => drop(self.commands.send(command).await),
                Output::Exit(code) => ended = Some(code),
                output => front.show(output),
            }
        }
        ended
    }
}
