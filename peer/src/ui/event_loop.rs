//! What a front end waits for, in the order in which it is taken: signals, the user, the engine, the clock.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Instant, SystemTime};

use async_channel::{Receiver, Sender};
use futures::{FutureExt as _, select_biased};

use super::hang_up;
use crate::alarm::Alarm;
use crate::app::sanitise::SafeText;
use crate::app::texts::failure;
use crate::app::{Now, exit};
use peer_core::command::{Ticket, TicketedCommand};
use peer_core::notice::{Failure, Notice, Notification};

/// Notices shown in one update, so that a flood of them does not keep keys waiting. Chosen arbitrarily.
pub(super) const NOTICES_PER_UPDATE: usize = 64;

/// The size that is taken where the terminal does not tell.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// A signal that concerns the user at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// SIGINT; the key CTRL-C takes the same path.
    CtrlC,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, or the terminal is gone without one.
    HangUp,
}

/// The ways in and out of a front end.
pub(crate) struct Channels {
    pub(crate) commands: Sender<TicketedCommand>,
    pub(crate) notices: Receiver<Notification>,
    pub(crate) interrupts: Receiver<Interrupt>,
    pub(crate) alarm: Alarm,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event<P> {
    /// CTRL-C, from outside.
    CtrlC,
    /// The program is asked to stop, with this exit code.
    Stop(i32),
    /// The user did something.
    Person(P),
    /// Something from the engine.
    Notice(Option<Ticket>, Box<Notice>),
    /// The engine is gone.
    EngineGone,
    /// The deadline has passed.
    Tick,
}

impl Channels {
    /// Waits for whatever comes first.
    pub(super) async fn next<P>(
        &mut self,
        person: impl Future<Output = io::Result<P>>,
        deadline: Option<Instant>,
    ) -> io::Result<Event<P>> {
        let mut tick = std::pin::pin!(self.alarm.ring(deadline).fuse());
        let mut interrupt = std::pin::pin!(interrupt(&self.interrupts).fuse());
        let mut person = std::pin::pin!(person.fuse());
        let mut notice = std::pin::pin!(self.notices.recv().fuse());
        select_biased! {
            event = interrupt => Ok(event),
            input = person => input.map(Event::Person),
            notice = notice => Ok(notice.map_or(Event::EngineGone, |told| Event::Notice(told.answers, Box::new(told.notice)))),
            () = tick => Ok(Event::Tick),
        }
    }

    /// Gives the engine a command. An engine that is gone says so by closing its notices.
    pub(super) async fn command(&self, command: TicketedCommand) {
        let _ = self.commands.send(command).await;
    }
}

async fn interrupt<P>(interrupts: &Receiver<Interrupt>) -> Event<P> {
    match interrupts.recv().await {
        Ok(Interrupt::CtrlC) => Event::CtrlC,
        Ok(Interrupt::Terminate) => Event::Stop(exit::TERMINATE),
        Ok(Interrupt::HangUp) => Event::Stop(exit::HANG_UP),
        // Nobody listens for signals any more.
        Err(_) => std::future::pending().await,
    }
}

/// Whether there is a terminal whose cursor can be moved.
pub(super) fn can_move_the_cursor() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// This moment.
pub(super) fn now() -> Now {
    let date = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Now { instant: Instant::now(), date }
}

/// Columns and rows.
pub(crate) fn screen_size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or(USUAL_SIZE)
}

/// The exit code when the terminal cannot be read or written.
pub(super) fn lost_terminal(error: &io::Error) -> i32 {
    if hang_up::is_gone() {
        return exit::HANG_UP;
    }
    if error.kind() == io::ErrorKind::BrokenPipe {
        return exit::BROKEN_PIPE;
    }
    let failure = Failure::Io { path: "the terminal".to_owned(), detail: error.to_string() };
    let report = failure::undated(&failure);
    for line in &report.lines {
        // Whether this can be seen is exactly what is in doubt.
        let _ = writeln!(io::stderr(), "{}", SafeText::ours(line).as_str());
    }
    report.exit
}
