//! The keys of a terminal and what they mean.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_channel::Receiver;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::raise;

use super::editor::Key;

/// The meaning of a terminal event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// For the editor.
    Edit(Key),
    /// CTRL-C.
    Interrupt,
    /// CTRL-D: the end of the input where nothing is typed, else it deletes.
    EndOrDelete,
    /// Alt+A.
    Next,
    /// CTRL-L.
    Redraw,
    /// CTRL-Z.
    Suspend,
    /// The screen has another size.
    Resized,
    /// Nothing.
    Nothing,
}

/// Reads the terminal from now on; `meaning` translates what happens. What is read stays in order: a change of the size of the screen comes after every
/// key that was read before it.
///
/// Crossterm's own stream is not used: a key that comes together with a change of the size can wait there until the
/// next key, and a sequence that is not complete yet holds up whoever polls it.
pub(super) fn listen<M: Send + 'static>(
    meaning: impl FnMut(Event) -> M + Send + 'static,
) -> io::Result<Receiver<io::Result<M>>> {
    listen_between(Pause::default(), meaning)
}

/// The same, with pauses in which another program reads the terminal.
pub(super) fn listen_between<M: Send + 'static>(
    pause: Pause,
    mut meaning: impl FnMut(Event) -> M + Send + 'static,
) -> io::Result<Receiver<io::Result<M>>> {
    let (found, meanings) = async_channel::bounded(1);
    // From here on no change of the size is missed.
    event::poll(Duration::ZERO)?;
    // Reading blocks, so it has a thread of its own, which ends with the program.
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        loop {
            pause.sit_out();
            if found.send_blocking(event::read().map(&mut meaning)).is_err() {
                return;
            }
        }
    })?;
    Ok(meanings)
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
    pub(super) fn begin<M>(&self, keys: &Receiver<M>) -> io::Result<()> {
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

/// Translates an event.
pub(super) fn meaning(event: Event) -> Meaning {
    match event {
        Event::Paste(text) => Meaning::Edit(Key::Paste(text)),
        Event::Resize(..) => Meaning::Resized,
        Event::Key(key) if key.kind != KeyEventKind::Release => pressed(key),
        _ => Meaning::Nothing,
    }
}

fn pressed(key: KeyEvent) -> Meaning {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let edit = match key.code {
        KeyCode::Char(c) if control => return with_control(c),
        KeyCode::Char(c) if alt => return with_alt(c),
        KeyCode::Char(c) => Key::Insert(c),
        KeyCode::Enter if alt => Key::NewLine,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Complete,
        KeyCode::Backspace if alt => Key::KillWordLeft,
        KeyCode::Backspace => Key::DeleteLeft,
        KeyCode::Delete => Key::DeleteRight,
        KeyCode::Left if control || alt => Key::WordLeft,
        KeyCode::Left => Key::Left,
        KeyCode::Right if control || alt => Key::WordRight,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Start,
        KeyCode::End => Key::End,
        KeyCode::Up => Key::Older,
        KeyCode::Down => Key::Newer,
        _ => return Meaning::Nothing,
    };
    Meaning::Edit(edit)
}

fn with_control(c: char) -> Meaning {
    let edit = match c.to_ascii_lowercase() {
        'c' => return Meaning::Interrupt,
        'd' => return Meaning::EndOrDelete,
        'l' => return Meaning::Redraw,
        'z' => return Meaning::Suspend,
        'a' => Key::Start,
        'e' => Key::End,
        'b' => Key::Left,
        'f' => Key::Right,
        'h' => Key::DeleteLeft,
        'j' => Key::NewLine,
        'k' => Key::KillToEnd,
        'm' => Key::Enter,
        'n' => Key::Newer,
        'p' => Key::Older,
        'r' => Key::Search,
        'u' => Key::KillToStart,
        'w' => Key::KillWordLeft,
        'y' => Key::Yank,
        // Terminals send byte 0x1f for CTRL-_, which crossterm calls CTRL-7.
        '_' | '7' | '/' => Key::Undo,
        _ => return Meaning::Nothing,
    };
    Meaning::Edit(edit)
}

fn with_alt(c: char) -> Meaning {
    match c.to_ascii_lowercase() {
        'a' => Meaning::Next,
        'b' => Meaning::Edit(Key::WordLeft),
        'd' => Meaning::Edit(Key::KillWordRight),
        'f' => Meaning::Edit(Key::WordRight),
        _ => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> Meaning {
        meaning(Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers)))
    }

    #[test]
    fn letters_are_inserted_and_control_letters_are_commands() {
        assert_eq!(key('a', KeyModifiers::NONE), Meaning::Edit(Key::Insert('a')));
        assert_eq!(key('A', KeyModifiers::SHIFT), Meaning::Edit(Key::Insert('A')));
        assert_eq!(key('a', KeyModifiers::CONTROL), Meaning::Edit(Key::Start));
        assert_eq!(key('a', KeyModifiers::ALT), Meaning::Next);
        assert_eq!(key('7', KeyModifiers::CONTROL), Meaning::Edit(Key::Undo));
        assert_eq!(key('x', KeyModifiers::CONTROL), Meaning::Nothing);
    }

    #[test]
    fn a_key_let_go_means_nothing() {
        let mut event = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(meaning(Event::Key(event)), Meaning::Nothing);
    }
}
