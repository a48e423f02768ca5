//! What the engine tells a front end. Facts only: the words are in `app::texts`, the look is the front end's.
//!
//! Texts in here that come from other people are raw; front ends pass them through `app::sanitise` before display.
#![expect(missing_docs, reason = "fields are named after what they hold")]

mod call;
mod contact;
mod directory;
mod file;
mod group;
mod journal;
mod message;
mod refusal;
mod session;

use common::ident::GroupName;

use crate::command::Ticket;

pub use self::call::{
    AfterLoss, CallFailed, CallNotice, CalleeRule, CallerRefused, EndedBy, LinkLoss, Unreached, Unvouched,
};
pub use self::contact::{ContactNotice, KeyChange, KeyState};
pub use self::directory::{DirectoryLoss, DirectoryNotice, Person};
pub use self::file::{
    FileFailed, FileNews, FileNotice, FileRelay, FileShown, FileState, FileWaits, NotOffered, Undelivered,
};
pub use self::group::{GroupNews, ListedGroup, Role};
pub use self::journal::{Event, JournalNotice};
pub use self::message::{Arrival, Explained, MessageNotice, Next, NotSent};
pub use self::refusal::DirectoryRefusal;
pub use self::session::{Failure, LoggedOut, LoginRefused, NotChanged, RegisterRefused, SessionNotice, StoreUse};

/// Something a user may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The way in, this user, this terminal, and the end.
    Session(SessionNotice),
    /// Who and what the directory shows, and whether it can be asked.
    Directory(DirectoryNotice),
    /// Calls and direct connections.
    Call(CallNotice),
    /// Messages, how far they have come, and what was said before.
    Message(MessageNotice),
    /// Keys of other users.
    Contact(ContactNotice),
    /// Something about a group.
    Group { group: GroupName, news: GroupNews },
    /// Files.
    File(FileNotice),
    /// The journal of events that programs read.
    Journal(JournalNotice),
}

/// A notice on its way to the front end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The command that it answers; nothing: it comes by itself.
    pub answers: Option<Ticket>,
    /// What there is to say.
    pub notice: Notice,
}

impl From<Notice> for Notification {
    fn from(notice: Notice) -> Self {
        Self { answers: None, notice }
    }
}

impl From<SessionNotice> for Notice {
    fn from(notice: SessionNotice) -> Self {
        Self::Session(notice)
    }
}

impl From<DirectoryNotice> for Notice {
    fn from(notice: DirectoryNotice) -> Self {
        Self::Directory(notice)
    }
}

impl From<CallNotice> for Notice {
    fn from(notice: CallNotice) -> Self {
        Self::Call(notice)
    }
}

impl From<MessageNotice> for Notice {
    fn from(notice: MessageNotice) -> Self {
        Self::Message(notice)
    }
}

impl From<ContactNotice> for Notice {
    fn from(notice: ContactNotice) -> Self {
        Self::Contact(notice)
    }
}

impl From<FileNotice> for Notice {
    fn from(notice: FileNotice) -> Self {
        Self::File(notice)
    }
}

impl From<JournalNotice> for Notice {
    fn from(notice: JournalNotice) -> Self {
        Self::Journal(notice)
    }
}
