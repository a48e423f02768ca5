//! Pastes that a terminal does not mark as such (no bracketed paste): several lines that come faster than anybody types are
//! one paste, which is entered by the user and not by its line ends, so that a command in it is not carried out.
//!
//! Owns what is taken for lines that came at once; it reads nothing, and whoever asks for something decides about them. The first line of it has been typed by the time its line end is looked
//! at; what follows is one text.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What comes within this time of the key before was not typed: a burst of ten keys a tenth of a second is fast. Chosen
/// arbitrarily, long enough for a terminal that hands a paste on in pieces.
pub(super) const TOGETHER: Duration = Duration::from_millis(10);

/// Finds pastes among what is read.
#[derive(Debug, Default)]
pub(super) struct Pastes {
    /// When the last key that is text was read.
    last_text: Option<Instant>,
    /// What was read behind a line end so far, and that line end.
    gathered: Option<(Event, String)>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    Event(Event),
    /// Lines that came at once behind the line before them, its end included. What becomes of them depends on what is
    /// asked.
    Lines(String),
}

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It, or what was found, is handed on.
    On(Vec<Read>),
    /// It may belong to a paste: the next event decides, or that none comes [`TOGETHER`].
    Held,
}

impl Pastes {
    /// Takes an event that was read at this moment.
    pub(super) fn take(&mut self, event: Event, now: Instant) -> Taken {
        let letter = letter(&event);
        let follows = self.last_text.is_some_and(|last| now.saturating_duration_since(last) < TOGETHER);
        self.last_text = letter.map(|_| now);
        match (&mut self.gathered, letter) {
            (Some((_, text)), Some(letter)) => {
                text.push(letter);
                Taken::Held
            }
            (Some(_), None) => {
                let mut found = self.end();
                found.push(Read::Event(event));
                Taken::On(found)
            }
            (None, Some('\n')) if follows => {
                self.gathered = Some((event, String::new()));
                Taken::Held
            }
            (None, _) => Taken::On(vec![Read::Event(event)]),
        }
    }

    /// Nothing more has come.
    pub(super) fn end(&mut self) -> Vec<Read> {
        match self.gathered.take() {
            // A line and its end, as a program types it.
            Some((line_end, text)) if text.is_empty() => vec![Read::Event(line_end)],
            Some((_, text)) => vec![Read::Lines(format!("\n{text}"))],
            None => Vec::new(),
        }
    }
}

/// Whether something in these lines would be carried out, were they typed.
pub(super) fn commands(lines: &str) -> bool {
    let is_command = |line: &str| line.starts_with(['/', '!']) || matches!(line, "quit" | "exit" | "logout");
    lines.lines().any(|line| is_command(line.trim()))
}

/// What a key stands for in a text.
fn letter(event: &Event) -> Option<char> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) = event else {
        return None;
    };
    match (code, *modifiers) {
        (KeyCode::Char(c), KeyModifiers::NONE | KeyModifiers::SHIFT) => Some(*c),
        (KeyCode::Enter, KeyModifiers::NONE) | (KeyCode::Char('j'), KeyModifiers::CONTROL) => Some('\n'),
        (KeyCode::Tab, KeyModifiers::NONE) => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, held: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, held))
    }

    fn typed(c: char) -> Event {
        match c {
            '\r' => key(KeyCode::Enter, KeyModifiers::NONE),
            '\n' => key(KeyCode::Char('j'), KeyModifiers::CONTROL),
            '\t' => key(KeyCode::Tab, KeyModifiers::NONE),
            c => key(KeyCode::Char(c), KeyModifiers::NONE),
        }
    }

    /// What is handed on of keys that come this long after each other.
    fn read(keys: impl IntoIterator<Item = Event>, apart: Duration) -> Vec<Read> {
        let (mut pastes, mut now, mut read) = (Pastes::default(), Instant::now(), Vec::new());
        for event in keys {
            now += apart;
            if apart >= TOGETHER {
                read.extend(pastes.end());
            }
            if let Taken::On(events) = pastes.take(event, now) {
                read.extend(events);
            }
        }
        read.extend(pastes.end());
        read
    }

    fn events(text: &str) -> Vec<Event> {
        text.chars().map(typed).collect()
    }

    fn as_typed(text: &str) -> Vec<Read> {
        text.chars().map(typed).map(Read::Event).collect()
    }

    #[test]
    fn several_lines_at_once_are_a_paste_from_the_first_line_end_on() {
        for (text, first, rest) in [
            ("one\r/quit\r", "one", "\n/quit\n"),
            ("one\rtwo", "one", "\ntwo"),
            ("one\n\ttwo\n\n", "one", "\n\ttwo\n\n"),
            ("one\r\r", "one", "\n\n"),
        ] {
            let mut expected = as_typed(first);
            expected.push(Read::Lines(rest.to_owned()));
            assert_eq!(read(events(text), Duration::from_micros(10)), expected, "{text:?}");
        }
    }

    #[test]
    fn one_line_with_its_end_is_typed_however_fast() {
        assert_eq!(read(events("hello\r"), Duration::ZERO), as_typed("hello\r"));
        assert_eq!(read(events("\r"), Duration::ZERO), as_typed("\r"));
    }

    #[test]
    fn lines_that_are_typed_are_no_paste() {
        let text = "one\rtwo\r";
        assert_eq!(read(events(text), TOGETHER), as_typed(text));
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        assert!(["\n/quit\n", "\nyes\n !quit", "\nlogout"].into_iter().all(commands));
        assert!(!["\nyes\n", "\nno /quit\n"].into_iter().any(commands));
    }

    #[test]
    fn a_key_that_is_no_text_ends_a_paste_and_does_what_it_does() {
        let interrupt = key(KeyCode::Char('c'), KeyModifiers::CONTROL);
        let keys = events("a\rb").into_iter().chain([interrupt.clone(), Event::Resize(1, 1)]);
        let [first, interrupt, resized] = [typed('a'), interrupt, Event::Resize(1, 1)].map(Read::Event);
        let expected = [first, Read::Lines("\nb".to_owned()), interrupt, resized];
        assert_eq!(read(keys, Duration::ZERO), expected);
    }
}
