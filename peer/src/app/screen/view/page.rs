//! What lies above a conversation: the layer of pages of text, and notices.

use common::ident::UserId;

use super::{Taken, View};
use crate::app::keys::{Key, KeyAction, Scroll};
use crate::app::sanitise::SafeText;

/// Details are scrolled no further. Chosen arbitrarily: more rows than what is known of two who talk.
const DETAILS: usize = 24;

/// What lies above; one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// Something to read.
    Page(Page),
    /// What is known of the conversation, where there is no room for it beside; scrolled by so many rows.
    Details { from: usize },
    /// What a search has found, to choose from.
    Found,
    /// The people, to choose from.
    People { selected: usize },
    /// The same, narrowed by what is typed.
    Opener { selected: usize },
}

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) lines: Vec<SafeText>,
    /// Rows scrolled.
    pub(crate) from: usize,
}

/// Notices that are kept for who has not put them away; older ones are forgotten. Chosen arbitrarily: more than anybody
/// reads one by one.
const KEPT: usize = 16;

/// A notice about something that is not on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Popup {
    pub(crate) title: SafeText,
    pub(crate) text: SafeText,
    /// What it says of this is true until the next one does.
    standing: Option<Standing>,
}

/// What notices tell the present state of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Whether the directory is there.
    Directory,
    /// What is being typed.
    Entry,
    /// Whether this user wants to talk.
    Caller(UserId),
}

/// Notices that nobody has put away, the newest last. The newest is shown.
#[derive(Debug, Default)]
pub(crate) struct Popups(Vec<Popup>);

impl Popups {
    pub(crate) fn newest(&self) -> Option<&Popup> {
        self.0.last()
    }

    /// How many are hidden by the newest.
    pub(crate) fn hidden(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    fn push(&mut self, popup: Popup) {
        let is_outdated =
            |older: &Popup| *older == popup || (older.standing.is_some() && older.standing == popup.standing);
        self.0.retain(|older| !is_outdated(older));
        self.0.push(popup);
        self.0.drain(..self.0.len().saturating_sub(KEPT));
    }

    /// Puts the one that is shown away; whether there was one.
    pub(super) fn put_away(&mut self) -> bool {
        self.0.pop().is_some()
    }

    /// What they are about is on the screen now: those with this title go, and where there are none the one that is shown.
    pub(super) fn put_away_about(&mut self, title: &str) {
        let before = self.0.len();
        self.0.retain(|popup| popup.title.as_str() != title);
        if self.0.len() == before {
            self.put_away();
        }
    }
}

/// All that lies above.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    pub(crate) open: Option<Overlay>,
    /// They take no keys.
    pub(crate) popups: Popups,
    /// Rows of the conversation on the screen, and so of a page.
    pub(super) rows: usize,
    pub(super) has_room_for_details: bool,
}

impl View {
    pub(super) fn page_key(&mut self, key: &KeyAction) -> Taken {
        // A page is turned by what is on the screen, but for two rows.
        let rows = self.overlays.rows.saturating_sub(2).max(1).cast_signed();
        let is_blank = self.composer.is_blank;
        match key {
            KeyAction::Edit(Key::Older) => self.turn_page(-1),
            KeyAction::Edit(Key::Newer) => self.turn_page(1),
            KeyAction::Edit(Key::Start) if is_blank => self.turn_page(-rows),
            KeyAction::Edit(Key::End) if is_blank => self.turn_page(rows),
            KeyAction::Scroll(Scroll::Up | Scroll::Top) => self.turn_page(-rows),
            KeyAction::Scroll(Scroll::Down | Scroll::End) => self.turn_page(rows),
            KeyAction::Scroll(Scroll::WheelUp) => self.turn_page(-1),
            KeyAction::Scroll(Scroll::WheelDown) => self.turn_page(1),
            KeyAction::Details if matches!(self.overlays.open, Some(Overlay::Details { .. })) => {
                self.overlays.open = None
            }
            KeyAction::Edit(Key::Insert('?')) if is_blank => self.open_keys(),
            KeyAction::Edit(Key::Escape) | KeyAction::Interrupt | KeyAction::EndOrDelete => self.overlays.open = None,
            KeyAction::Edit(_)
            | KeyAction::Scroll(Scroll::Unread)
            | KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Open
            | KeyAction::People
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Quit
            | KeyAction::Redraw
            | KeyAction::Suspend => return Taken::Passed,
        }
        Taken::Consumed
    }

    /// Whatever is entered closes the page, and counts as if it had not been there.
    pub(super) fn page_line(&mut self) -> Taken {
        self.overlays.open = None;
        Taken::Passed
    }

    fn turn_page(&mut self, by: isize) {
        match &mut self.overlays.open {
            Some(Overlay::Page(page)) => {
                page.from = page.from.saturating_add_signed(by).min(page.lines.len().saturating_sub(1));
            }
            Some(Overlay::Details { from }) => *from = from.saturating_add_signed(by).min(DETAILS),
            Some(Overlay::Found | Overlay::People { .. } | Overlay::Opener { .. }) | None => {}
        }
    }

    /// Puts something above the conversation, in place of what is there.
    pub(super) fn open(&mut self, overlay: Overlay) {
        self.overlays.open = Some(overlay);
    }

    /// What is known of the conversation: beside it, or as a page.
    pub(super) fn show_details(&mut self) {
        if self.overlays.has_room_for_details {
            self.details = !self.details;
        } else if self.current.is_some() {
            self.open(Overlay::Details { from: 0 });
        }
    }

    pub(super) fn show_page(&mut self, title: &str, lines: &[String]) {
        let lines = lines.iter().map(|line| SafeText::ours(plain(line))).collect();
        self.open(Overlay::Page(Page { title: title.to_owned(), lines, from: 0 }));
    }

    /// Says something that belongs to no conversation.
    pub(super) fn tell(&mut self, text: &str) {
        self.tell_about("", text);
    }

    pub(super) fn tell_about(&mut self, title: &str, text: &str) {
        let (title, text) = (SafeText::ours(title), SafeText::ours(plain(text)));
        self.overlays.popups.push(Popup { title, text, standing: None });
    }

    /// Says how something stands, in place of how it stood.
    pub(super) fn tell_standing(&mut self, of: Standing, text: &str) {
        let (title, text) = match &of {
            Standing::Directory | Standing::Entry => (SafeText::default(), plain(text)),
            Standing::Caller(user) => (SafeText::ours(user.as_str()), plain(text)),
        };
        self.overlays.popups.push(Popup { title, text: SafeText::ours(text), standing: Some(of) });
    }
}

/// Our lines begin with a sign where others write beside them; here they stand apart anyway.
pub(super) fn plain(line: &str) -> &str {
    line.strip_prefix("-- ").unwrap_or(line)
}
