//! Keys beyond those of the entry (UX 4.3).

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::full::{Action, Focus};
use crate::ui::editor::Key;
use crate::ui::keys::{self, Meaning};

/// What happened at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Press {
    /// For the entry.
    Edit(Key),
    /// CTRL-D.
    EndOrDelete,
    /// CTRL-C.
    Interrupt,
    Do(Action),
    Scroll(Scroll),
    Focus(Focus),
    Redraw,
    Suspend,
    Resized,
    /// The terminal is not there any more.
    Gone,
    Nothing,
}

/// How a conversation is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    Up,
    Down,
    Top,
    End,
}

/// Translates an event.
pub(super) fn press(event: Event) -> Press {
    match &event {
        Event::FocusGained => return Press::Focus(Focus::In),
        Event::FocusLost => return Press::Focus(Focus::Out),
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            if let Some(press) = own(key) {
                return press;
            }
        }
        _ => {}
    }
    match keys::meaning(event) {
        Meaning::Edit(key) => Press::Edit(key),
        Meaning::Interrupt => Press::Interrupt,
        Meaning::EndOrDelete => Press::EndOrDelete,
        Meaning::Next => Press::Do(Action::NextUnread),
        Meaning::Redraw => Press::Redraw,
        Meaning::Suspend => Press::Suspend,
        Meaning::Resized => Press::Resized,
        Meaning::Nothing => Press::Nothing,
    }
}

fn own(key: &KeyEvent) -> Option<Press> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        KeyCode::Char('o') if control => Press::Do(Action::Open),
        KeyCode::Char('q') if control => Press::Do(Action::Quit),
        KeyCode::Char('u') if alt => Press::Do(Action::ToUnread),
        KeyCode::Char(digit @ '1'..='9') if alt => {
            Press::Do(Action::Nth(digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok())?))
        }
        KeyCode::Up if alt => Press::Do(Action::Previous),
        KeyCode::Down if alt => Press::Do(Action::Next),
        KeyCode::F(2) => Press::Do(Action::Details),
        KeyCode::F(3) => Press::Do(Action::People),
        KeyCode::PageUp => Press::Scroll(Scroll::Up),
        KeyCode::PageDown => Press::Scroll(Scroll::Down),
        _ => return None,
    })
}
