//! Files that were told of in this session, and how fast they come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::ident::UserId;

use crate::app::pace::Pace;
use peer_core::model::Conversation;
use peer_core::notice::{FileNews, FileNotice, FileShown, FileState};

/// A file, and what was told of it last.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) file: FileShown,
    pub(crate) news: FileNews,
    pace: Option<Pace>,
    /// How long it took, once it is over, if all of it came or went in this session.
    took: Option<Duration>,
}

impl Transfer {
    /// How long it took, once it is over, if all of it came or went in this session.
    pub(crate) fn took(&self) -> Option<Duration> {
        self.took
    }

    /// Bytes a second, while it is on the way.
    pub(crate) fn per_second(&self, now: Instant) -> Option<u64> {
        Some(self.pace?.per_second(self.file.done, now))
    }

    /// Whether it is on the way now.
    pub(crate) fn is_running(&self) -> bool {
        self.file.state == FileState::Running
    }
}

/// All files that were told of in this session.
#[derive(Debug, Default)]
pub(crate) struct Transfers(BTreeMap<u64, Transfer>);

impl Transfers {
    pub(super) fn learn(&mut self, notice: &FileNotice, now: Instant) {
        match notice {
            // What is said about a wish that came too late, or once more, is no news of the file.
            FileNotice::News { news: FileNews::OfferedBefore | FileNews::Over | FileNews::NotThat, .. }
            | FileNotice::All(_)
            | FileNotice::Unknown { .. }
            | FileNotice::NotRead { .. }
            | FileNotice::NotOffered { .. } => {}
            FileNotice::News { file, news } => {
                let before = self.0.get(&file.number).and_then(|before| before.pace);
                let took = before.filter(|_| file.state == FileState::Done).and_then(|pace| pace.since_the_first(now));
                let pace = before.unwrap_or_else(|| Pace::new(file.done, now));
                let pace = Some(pace).filter(|_| file.state == FileState::Running);
                self.0.insert(file.number, Transfer { file: file.clone(), news: news.clone(), pace, took });
            }
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Transfer> {
        self.0.get(&number)
    }

    /// Those on the way now.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Transfer> {
        self.0.values().filter(|transfer| transfer.is_running())
    }

    /// Those that may wait in a conversation.
    pub(crate) fn waiting<'a>(&'a self, of: &'a Conversation) -> impl Iterator<Item = &'a FileShown> {
        let is_of = |file: &&FileShown| matches!(of, Conversation::User(with) if *with == file.with);
        self.0.values().map(|transfer| &transfer.file).filter(is_of)
    }

    /// Those with somebody, the newest first.
    pub(crate) fn with<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = &'a Transfer> {
        self.0.values().rev().filter(move |transfer| transfer.file.with == *user)
    }
}
