//! Keys beyond those of the entry.

use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEventKind};

use super::bindings::Bindings;
use crate::app::screen::{Action, Focus};
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
    /// A click of the mouse, at this column and row.
    Click((u16, u16)),
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
    /// To the first message that was not seen.
    Unread,
}

/// Translates an event.
pub(super) fn press(event: Event, bindings: &Bindings) -> Press {
    match &event {
        Event::FocusGained => return Press::Focus(Focus::In),
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
            return Press::Click((mouse.column, mouse.row));
        }
        Event::FocusLost => return Press::Focus(Focus::Out),
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            if let Some(press) = bindings.of(key) {
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
