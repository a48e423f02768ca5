//! The line terminal: the loop between a user, the [`LineTerminal`] and the engine.
//!
//! [`screen`] serves a terminal whose cursor can be moved, [`pipe`] everything else; both carry out what the machine
//! says. Nothing here depends on a runtime: input comes through channels and streams, the clock is read per input.

mod canvas;
mod paint;
mod pipe;
mod screen;

use std::io::{self, IsTerminal as _};

use common::limits::MESSAGE_TEXT;

use super::editor::Editor;
use super::event_loop::{Channels, Event, NOTICES_PER_UPDATE, can_move_the_cursor, lost_terminal, now};
use crate::app::line::{Auto, Backlog, Input, Leave, LineTerminal, Options, Output, Past};
pub(crate) use paint::Paint;
use peer_core::notice::Notice;
use pipe::Pipe;
use screen::Screen;

/// How the line terminal looks and begins.
#[derive(Debug, Clone)]
pub(crate) struct LineOptions {
    /// For the machine.
    pub(crate) session: Options,
    /// Entries remembered per conversation.
    pub(crate) history: usize,
    /// Whether the cursor may be moved.
    pub(crate) look: Look,
    /// What becomes of a paste of several lines.
    pub(crate) pastes: Pastes,
    /// Whether there are colours.
    pub(crate) paint: Paint,
}

/// What becomes of a paste of several lines; it is one message in any case, and Enter sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pastes {
    /// It is pointed out.
    PointedOut,
    /// It is taken as if it had been typed; one that the terminal does not mark is typed, line by line.
    Silent,
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

/// What a front end does for the loop.
trait Front {
    /// Waits for the user. Nothing where what happened concerns only the front end.
    async fn next(&mut self) -> io::Result<Option<Input>>;
    /// An input that has come with the one before it, of those that are only taken while the machine asks.
    fn next_ahead(&mut self) -> Option<Input> {
        None
    }
    /// CTRL-C, as a key or as SIGINT: what the machine hears of it. Nothing where it concerns only the front end.
    fn interrupted(&mut self) -> Option<Input> {
        Some(Input::CtrlC)
    }
    /// What stands in the entry just now.
    fn typed(&self) -> &str;
    /// Hears of a notice before the machine does.
    fn hear(&mut self, _notice: &Notice) {}
    /// Takes one output; it may be seen only after [`Front::settle`].
    fn show(&mut self, output: Output);
    /// Makes what was taken visible, and asks for a line if one would be taken.
    fn settle(&mut self, asks: Asks) -> io::Result<()>;
    /// Gives the terminal back.
    fn close(&mut self) -> io::Result<()>;
}

/// Whether the machine would take a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Yes,
    No,
}

/// Runs the line terminal until the user or the engine ends it; returns the exit code.
pub(crate) async fn run(options: LineOptions, channels: Channels) -> i32 {
    let leave = if io::stdin().is_terminal() { Leave::OnceMore } else { Leave::AtOnce };
    let options = LineOptions { session: Options { leave, ..options.session }, ..options };
    let ended = if options.look == Look::Screen && can_move_the_cursor() {
        let editor = Editor::new(MESSAGE_TEXT, options.history);
        match Screen::open(editor, options.pastes, options.paint, options.session.glyphs) {
            Ok(screen) => converse(channels, screen, options.session).await,
            Err(error) => Err(error),
        }
    } else {
        // Nobody has arrow keys there, and a script has read what there was unless it wants to read it.
        let backlog = match options.session.backlog {
            Backlog::Word(Auto::Auto) => Backlog::Count(0),
            count @ Backlog::Count(_) => count,
        };
        let session = Options { past: Past::Forgotten, backlog, ..options.session };
        let options = LineOptions { session, ..options };
        match Pipe::open(options.session.glyphs) {
            Ok(pipe) => converse(channels, pipe, options.session).await,
            Err(error) => Err(error),
        }
    };
    ended.unwrap_or_else(|error| lost_terminal(&error))
}

async fn converse(mut channels: Channels, mut front: impl Front, options: Options) -> io::Result<i32> {
    let (mut machine, first) = LineTerminal::new(options, now());
    let mut ended = carry_out(&channels, first, &mut front).await;
    loop {
        if let Some(code) = ended {
            front.close()?;
            return Ok(code);
        }
        front.settle(if machine.asks() { Asks::Yes } else { Asks::No })?;
        let mut input = match channels.next(front.next(), machine.deadline()).await? {
            Event::Person(input) => input,
            Event::CtrlC => front.interrupted(),
            Event::Stop(code) => Some(Input::Stop(code)),
            Event::Notice(answers, notice) => Some(Input::Notice(answers, *notice)),
            Event::EngineGone => Some(Input::EngineGone),
            Event::Tick => Some(Input::Tick),
        };
        for _ in 0..NOTICES_PER_UPDATE {
            let Some(taken) = input.take() else { break };
            if let Input::Notice(_, notice) = &taken {
                front.hear(notice);
            }
            let output = machine.handle(now(), front.typed(), taken);
            ended = carry_out(&channels, output, &mut front).await;
            if ended.is_none() {
                input = channels.notices.try_recv().ok().map(|told| Input::Notice(told.answers, told.notice));
                if input.is_none() && machine.asks() {
                    input = front.next_ahead();
                }
            }
        }
        if let Some(left_over) = input {
            let output = machine.handle(now(), front.typed(), left_over);
            ended = carry_out(&channels, output, &mut front).await;
        }
    }
}

/// Returns the exit code if the machine is over.
async fn carry_out(channels: &Channels, outputs: Vec<Output>, front: &mut impl Front) -> Option<i32> {
    let mut ended = None;
    for output in outputs {
        match output {
            // An engine that is gone says so by closing its notices.
            Output::Command(command) => channels.command(command).await,
            Output::Exit(code) => ended = Some(code),
            output => front.show(output),
        }
    }
    ended
}
