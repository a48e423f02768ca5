//! Files in the full screen: lines of their conversations, and a list of those on the way.

use std::collections::BTreeMap;
use std::time::Instant;

use super::view::View;
use crate::app::pace::Pace;
use crate::app::texts::files;
use peer_core::notice::{FileNews, FileShown, FileState};
use peer_core::persistence::Conversation;

/// A file, and what was told of it last.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) file: FileShown,
    pub(crate) news: FileNews,
    pace: Option<Pace>,
}

impl Transfer {
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

/// Whether a file was told of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    First,
    Again,
}

impl Transfers {
    pub(super) fn learn(&mut self, file: FileShown, news: FileNews, now: Instant) -> Told {
        let before = self.0.get(&file.number);
        let told = if before.is_some() { Told::Again } else { Told::First };
        let pace = before.and_then(|before| before.pace).or_else(|| Some(Pace::new(file.done, now)));
        let pace = pace.filter(|_| file.state == FileState::Running);
        self.0.insert(file.number, Transfer { file, news, pace });
        told
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Transfer> {
        self.0.get(&number)
    }

    /// Those on the way now.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Transfer> {
        self.0.values().filter(|transfer| transfer.is_running())
    }

    /// Those with somebody, the newest first.
    pub(crate) fn with<'a>(&'a self, user: &'a common::ident::UserId) -> impl Iterator<Item = &'a Transfer> {
        self.0.values().rev().filter(move |transfer| transfer.file.with == *user)
    }
}

impl View {
    /// Something has become of a file: its line in the conversation says it, and a notice where nobody looks.
    pub(super) fn file_news(&mut self, file: FileShown, news: FileNews) {
        let with = Conversation::User(file.with.clone());
        let text = files::news(&file, &news);
        let (number, is_silent) = (file.number, matches!(news, FileNews::Progress { .. }));
        if matches!(news, FileNews::Over | FileNews::NotThat) {
            return self.tell(&text);
        }
        let left_some_out = matches!(news, FileNews::Offering { left_out: 1.. });
        if self.transfers.learn(file, news, self.now.instant) == Told::First {
            let date = self.now.date;
            self.chat(&with).file(date, number);
        }
        if !is_silent && (left_some_out || !self.is_current(&with)) {
            self.tell(&text);
        }
    }
}
