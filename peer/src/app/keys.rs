//! What keys ask for, in the line terminal and in the full screen.
//!
//! Which stroke asks for it is the keymap's part, what becomes of it that of whoever takes it: the editor, the line
//! terminal, a layer of the full screen. Knows no terminal.

/// A key of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Insert(char),
    Paste(String),
    Enter,
    NewLine,
    Escape,
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    End,
    DeleteLeft,
    DeleteRight,
    KillWordLeft,
    KillWordRight,
    KillToStart,
    KillToEnd,
    Yank,
    Undo,
    Older,
    Newer,
    Search,
    Complete,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyAction {
    /// A key of the entry; a layer in front of it may take it for itself.
    Edit(Key),
    /// CTRL-D: the end of the input where nothing is typed, else it deletes.
    EndOrDelete,
    /// CTRL-C, as a key or as SIGINT.
    Interrupt,
    /// The next conversation with something new.
    NextUnread,
    /// The conversation above in the list.
    Previous,
    /// The conversation below in the list.
    Next,
    /// The n-th conversation of the list, from one.
    Nth(usize),
    /// Choose a conversation by a few letters.
    Open,
    /// The people, where there is no room for them.
    People,
    /// What is known of the conversation.
    Details,
    /// Select the message above the selected one, or the last.
    SelectAbove,
    /// Select the message below the selected one.
    SelectBelow,
    /// Move the conversation, or a page above it.
    Scroll(Scroll),
    /// Log out.
    Quit,
    /// Draw everything again.
    Redraw,
    /// Give the terminal to the shell.
    Suspend,
}

/// Keys, as they are written, and what they ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyHelp {
    pub(crate) keys: String,
    pub(crate) does: &'static str,
}

/// How a conversation is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scroll {
    Up,
    Down,
    Top,
    End,
    /// To the first message that was not seen.
    Unread,
    /// A few rows up, and down, as a wheel turns.
    WheelUp,
    WheelDown,
}

#[cfg(test)]
impl KeyAction {
    /// One of every kind; a kind that is added finds no place to go to in [`Self::after`], which does not compile then.
    pub(crate) fn all() -> Vec<Self> {
        std::iter::successors(Some(Self::Edit(Key::Insert('x'))), Self::after).collect()
    }

    fn after(&self) -> Option<Self> {
        Some(match self {
            Self::Edit(key) => match key.after() {
                Some(key) => Self::Edit(key),
                None => Self::EndOrDelete,
            },
            Self::EndOrDelete => Self::Interrupt,
            Self::Interrupt => Self::NextUnread,
            Self::NextUnread => Self::Previous,
            Self::Previous => Self::Next,
            Self::Next => Self::Nth(1),
            Self::Nth(_) => Self::Open,
            Self::Open => Self::People,
            Self::People => Self::Details,
            Self::Details => Self::SelectAbove,
            Self::SelectAbove => Self::SelectBelow,
            Self::SelectBelow => Self::Scroll(Scroll::Up),
            Self::Scroll(Scroll::Up) => Self::Scroll(Scroll::Down),
            Self::Scroll(Scroll::Down) => Self::Scroll(Scroll::Top),
            Self::Scroll(Scroll::Top) => Self::Scroll(Scroll::End),
            Self::Scroll(Scroll::End) => Self::Scroll(Scroll::Unread),
            Self::Scroll(Scroll::Unread) => Self::Scroll(Scroll::WheelUp),
            Self::Scroll(Scroll::WheelUp) => Self::Scroll(Scroll::WheelDown),
            Self::Scroll(Scroll::WheelDown) => Self::Quit,
            Self::Quit => Self::Redraw,
            Self::Redraw => Self::Suspend,
            Self::Suspend => return None,
        })
    }
}

#[cfg(test)]
impl Key {
    fn after(&self) -> Option<Self> {
        Some(match self {
            Self::Insert(_) => Self::Paste("pasted".to_owned()),
            Self::Paste(_) => Self::Enter,
            Self::Enter => Self::NewLine,
            Self::NewLine => Self::Escape,
            Self::Escape => Self::Left,
            Self::Left => Self::Right,
            Self::Right => Self::WordLeft,
            Self::WordLeft => Self::WordRight,
            Self::WordRight => Self::Start,
            Self::Start => Self::End,
            Self::End => Self::DeleteLeft,
            Self::DeleteLeft => Self::DeleteRight,
            Self::DeleteRight => Self::KillWordLeft,
            Self::KillWordLeft => Self::KillWordRight,
            Self::KillWordRight => Self::KillToStart,
            Self::KillToStart => Self::KillToEnd,
            Self::KillToEnd => Self::Yank,
            Self::Yank => Self::Undo,
            Self::Undo => Self::Older,
            Self::Older => Self::Newer,
            Self::Newer => Self::Search,
            Self::Search => Self::Complete,
            Self::Complete => return None,
        })
    }
}
