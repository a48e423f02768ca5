//! The terminal's modes: taken over at the start, given back however the program ends (T5: echo never stays off).

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcgetattr, tcsetattr};

const BRACKETED_PASTE_ON: &str = "\x1b[?2004h";
const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";
/// Saves the screen and the title, shows another screen, tells of the focus (1049, 22;2, 1004).
const FULL_SCREEN_ON: &str = "\x1b[?1049h\x1b[22;2t\x1b[?1004h";
/// Undoes that, and whatever was drawn with: mouse, colours, the cursor.
const FULL_SCREEN_OFF: &str = "\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?1004l\x1b[0m\x1b[?25h\x1b[23;2t\x1b[?1049l";

/// Whether the full screen was taken, so that it is given back.
static FULL_SCREEN: AtomicBool = AtomicBool::new(false);

/// The modes to go back to while the echo of a terminal that edits lines itself is off.
static ECHO_OFF: Mutex<Option<Termios>> = Mutex::new(None);

/// What is taken of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    /// Keys as they come, and pastes as one.
    Line,
    /// That, a screen of its own, and whether the user looks at it.
    Full,
}

/// Raw mode and bracketed paste, until dropped.
#[derive(Debug)]
pub(super) struct RawMode(Modes);

impl RawMode {
    pub(super) fn enter(modes: Modes) -> io::Result<Self> {
        let guard = Self(modes);
        guard.again()?;
        Ok(guard)
    }

    /// Takes the terminal over once more, after [`RawMode::leave`].
    pub(super) fn again(&self) -> io::Result<()> {
        enable_raw_mode()?;
        if self.0 == Modes::Full {
            FULL_SCREEN.store(true, Ordering::SeqCst);
            write(FULL_SCREEN_ON)?;
        }
        write(BRACKETED_PASTE_ON)
    }

    /// Gives the terminal back; dropping does the same but cannot tell of an error.
    pub(super) fn leave(&self) -> io::Result<()> {
        restore()
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = restore();
    }
}

/// Gives the terminal back when the program ends without unwinding.
pub(crate) fn give_terminal_back() {
    // What the program has to say last matters more than an error here.
    let _ = restore();
    if let Ok(Some(modes)) = ECHO_OFF.try_lock().as_deref() {
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, modes);
    }
}

fn restore() -> io::Result<()> {
    if !crossterm::terminal::is_raw_mode_enabled()? {
        return Ok(());
    }
    disable_raw_mode()?;
    if FULL_SCREEN.swap(false, Ordering::SeqCst) {
        write(FULL_SCREEN_OFF)?;
    }
    write(BRACKETED_PASTE_OFF)
}

fn write(sequence: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(sequence.as_bytes())?;
    out.flush()
}

/// Echo of a terminal that edits lines itself; back on when dropped. Does nothing where the input is no terminal.
#[derive(Debug)]
pub(crate) struct TerminalEcho {
    /// The modes found at the start; absent where the input is no terminal.
    found: Option<Termios>,
}

impl TerminalEcho {
    pub(crate) fn of_stdin() -> io::Result<Self> {
        let stdin = io::stdin();
        let found = if stdin.is_terminal() { Some(tcgetattr(stdin.as_fd())?) } else { None };
        Ok(Self { found })
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { found: None }
    }

    /// Forgets what was typed ahead and not read yet. What a script has written is not typed ahead.
    pub(crate) fn discard_input(&self) {
        if self.is_terminal() {
            // A failure leaves the whole word that security questions ask for.
            let _ = rustix::termios::tcflush(io::stdin().as_fd(), QueueSelector::IFlush);
        }
    }

    /// Whether the terminal itself shows what is typed.
    pub(crate) fn is_terminal(&self) -> bool {
        self.found.is_some()
    }

    pub(crate) fn off(&self) -> io::Result<()> {
        let Some(mut modes) = self.found.clone() else { return Ok(()) };
        *ECHO_OFF.lock().unwrap_or_else(PoisonError::into_inner) = Some(modes.clone());
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        Ok(tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &modes)?)
    }

    pub(crate) fn on(&self) -> io::Result<()> {
        match &self.found {
            Some(modes) => {
                tcsetattr(io::stdin().as_fd(), OptionalActions::Now, modes)?;
                *ECHO_OFF.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Drop for TerminalEcho {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.on();
    }
}
