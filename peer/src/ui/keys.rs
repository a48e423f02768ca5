//! Reads a terminal: keys and whatever else happens at it. Which key asks for what is in [`super::keymap`].

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_channel::Receiver;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::raise;

use super::pastes::{Pastes, Read, TOGETHER, Taken};
use crate::app::keys::{Key, KeyAction, Scroll};
use crate::app::screen::Focus;

/// What happened at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TerminalEvent {
    Key(KeyAction),
    /// Lines that came at once, without being marked as a paste.
    Lines(String),
    Focus(Focus),
    /// A click of the mouse, at this column and row.
    Click((u16, u16)),
    /// The mouse is moved to there while its button is down.
    Drag((u16, u16)),
    /// The screen has another size, or had one meanwhile.
    Resized,
    /// The terminal was asked whether it draws signs as wide as they are thought to be; from now on it is read.
    Probed {
        fits: bool,
    },
    /// Nothing that concerns anybody.
    Nothing,
}

/// What was read before the reading here begins.
#[derive(Debug, Default)]
pub(super) struct ReadBefore {
    pub(super) found: Option<TerminalEvent>,
    /// Characters that came besides.
    pub(super) typed: String,
}

/// What was read, in its order.
pub(super) type Events = Receiver<io::Result<TerminalEvent>>;

/// Events that are read before anybody takes them: reading goes on, so that when something was typed is known however late
/// it is taken, and lines typed one after the other do not become a paste. Chosen arbitrarily: more than four times the
/// longest text, about 4 MB.
const READ_AHEAD: usize = 64 * 1024;
/// How long the reader waits where nobody takes so many.
const FULL: Duration = Duration::from_millis(10);

/// What becomes of several lines that come at once without being marked as a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmarked {
    /// They are one paste.
    Paste,
    /// They were typed.
    Typed,
}

/// Reads the terminal from now on; `action` is the key table, and in a pause another program reads it. What is read stays
/// in order: a change of the size of the screen comes after every key that was read before it.
///
/// Crossterm's own stream is not used: a key that comes together with a change of the size can wait there until the
/// next key, and a sequence that is not complete yet holds up whoever polls it.
pub(super) fn listen(
    pause: Pause,
    unmarked: Unmarked,
    action: impl Fn(&KeyEvent) -> Option<KeyAction> + Send + 'static,
) -> io::Result<Events> {
    // From here on no change of the size is missed.
    event::poll(Duration::ZERO)?;
    listen_behind(ReadBefore::default, pause, unmarked, action)
}

/// The same where `first` reads something else before.
pub(super) fn listen_behind(
    first: impl FnOnce() -> ReadBefore + Send + 'static,
    pause: Pause,
    unmarked: Unmarked,
    action: impl Fn(&KeyEvent) -> Option<KeyAction> + Send + 'static,
) -> io::Result<Events> {
    // A bounded queue would take its memory at once.
    let (found, events) = async_channel::unbounded();
    // Reading blocks, so it has a thread of its own, which ends with the program.
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let mut tell = |read: io::Result<Read>| {
            let event = |read| match read {
                Read::Event(event) => translate(event, &action),
                Read::Lines(lines) => TerminalEvent::Lines(lines),
            };
            while found.len() >= READ_AHEAD && !found.is_closed() {
                std::thread::sleep(FULL);
            }
            found.send_blocking(read.map(event)).is_ok()
        };
        let before = first();
        let keys = before.typed.chars().map(|c| translate(Event::Key(pressed(c)), &action));
        let mut before = keys.chain(before.found);
        // From here on no change of the size is missed, nor is one that is raised.
        let _ = event::poll(Duration::ZERO);
        if !before.all(|event| found.send_blocking(Ok(event)).is_ok()) {
            return;
        }
        // What was typed before anybody could read it came at once for that reason.
        while event::poll(Duration::ZERO).unwrap_or(false) {
            if !tell(event::read().map(Read::Event)) {
                return;
            }
        }
        let mut pastes = Pastes::default();
        loop {
            pause.sit_out();
            let goes_on = match (event::read(), unmarked) {
                (Ok(event), Unmarked::Paste) => whole(&mut pastes, event).into_iter().all(&mut tell),
                (read, _) => tell(read.map(Read::Event)),
            };
            if !goes_on {
                return;
            }
        }
    })?;
    Ok(events)
}

/// An event, or the whole paste that begins with it.
fn whole(pastes: &mut Pastes, first: Event) -> Vec<io::Result<Read>> {
    let mut taken = pastes.take(first, Instant::now());
    loop {
        match taken {
            Taken::On(events) => return events.into_iter().map(Ok).collect(),
            Taken::Held if event::poll(TOGETHER).unwrap_or(false) => match event::read() {
                Ok(event) => taken = pastes.take(event, Instant::now()),
                Err(error) => return pastes.end().into_iter().map(Ok).chain([Err(error)]).collect(),
            },
            Taken::Held => return pastes.end().into_iter().map(Ok).collect(),
        }
    }
}

/// The same lines as keys.
pub(super) fn typed(lines: &str) -> impl Iterator<Item = TerminalEvent> + '_ {
    lines.chars().map(|c| {
        TerminalEvent::Key(KeyAction::Edit(match c {
            '\n' | '\r' => Key::Enter,
            '\t' => Key::Complete,
            c => Key::Insert(c),
        }))
    })
}

/// The key that a character stands for where nobody has translated it.
fn pressed(c: char) -> KeyEvent {
    let (code, modifiers) = match c {
        '\r' | '\n' => (KeyCode::Enter, KeyModifiers::NONE),
        '\t' => (KeyCode::Tab, KeyModifiers::NONE),
        '\x7f' => (KeyCode::Backspace, KeyModifiers::NONE),
        '\0'..='\x1f' => (KeyCode::Char(char::from_u32(u32::from(c) | 0x60).unwrap_or(c)), KeyModifiers::CONTROL),
        c => (KeyCode::Char(c), KeyModifiers::NONE),
    };
    KeyEvent::new(code, modifiers)
}

/// Pauses in which nobody here reads the terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Pause(Arc<(Mutex<Reading>, Condvar)>);

/// What the thread that reads the terminal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reading {
    #[default]
    Reads,
    /// It is to stop.
    Stops,
    /// It has stopped.
    Rests,
}

/// How often what was read is thrown away while the reading thread stops. Chosen arbitrarily: it takes no time.
const STOPPING: Duration = Duration::from_millis(10);

impl Pause {
    /// From now on another program may read the terminal; keys that nobody has taken are thrown away.
    pub(super) fn begin(&self, keys: &Events) -> io::Result<()> {
        *self.state() = Reading::Stops;
        // Whoever waits for a key takes this for one.
        raise(SIGWINCH)?;
        while *self.state() != Reading::Rests {
            while keys.try_recv().is_ok() {}
            drop(self.0.1.wait_timeout(self.state(), STOPPING));
        }
        Ok(())
    }

    pub(super) fn end(&self) {
        *self.state() = Reading::Reads;
        self.0.1.notify_all();
    }

    fn sit_out(&self) {
        let mut state = self.state();
        while *state != Reading::Reads {
            *state = Reading::Rests;
            self.0.1.notify_all();
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, Reading> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Translates an event; `action` is the key table.
fn translate(event: Event, action: impl Fn(&KeyEvent) -> Option<KeyAction>) -> TerminalEvent {
    match event {
        Event::Paste(text) => TerminalEvent::Key(KeyAction::Edit(Key::Paste(text))),
        Event::Resize(..) => TerminalEvent::Resized,
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            action(&key).map_or(TerminalEvent::Nothing, TerminalEvent::Key)
        }
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
            TerminalEvent::Click((mouse.column, mouse.row))
        }
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Drag(MouseButton::Left) => {
            TerminalEvent::Drag((mouse.column, mouse.row))
        }
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::ScrollUp => {
            TerminalEvent::Key(KeyAction::Scroll(Scroll::WheelUp))
        }
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::ScrollDown => {
            TerminalEvent::Key(KeyAction::Scroll(Scroll::WheelDown))
        }
        Event::FocusGained => TerminalEvent::Focus(Focus::In),
        Event::FocusLost => TerminalEvent::Focus(Focus::Out),
        Event::Key(_) | Event::Mouse(_) => TerminalEvent::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_let_go_means_nothing() {
        let mut event = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        let read = |event| translate(Event::Key(event), |_| Some(KeyAction::Quit));
        assert_eq!(read(event), TerminalEvent::Key(KeyAction::Quit));
        event.kind = KeyEventKind::Release;
        assert_eq!(read(event), TerminalEvent::Nothing);
    }
}
