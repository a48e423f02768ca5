//! Files in the line terminal: requests, and lines at every quarter.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use common::ident::UserId;

use super::session::{Pending, Session};
use super::stage::Stage;
use crate::app::grammar::Request;
use crate::app::words::{files, mail};
use crate::core::command::Command;
use crate::core::keep::Conversation;
use crate::core::notice::{FileNews, FileShown, Notice};

/// Where transfers stood when the person was told last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<u64, Mark>);

#[derive(Debug)]
struct Mark {
    began: Instant,
    /// Bytes that were there at the beginning.
    from: u64,
    quarter: u64,
}

impl Told {
    /// Bytes a second so far, where another quarter is full.
    fn quarter(&mut self, file: &FileShown) -> Option<u64> {
        let quarter = files::percent(file) / 25;
        let new = Mark { began: Instant::now(), from: file.done, quarter };
        let mark = self.0.entry(file.number).or_insert(new);
        if mark.quarter >= quarter {
            return None;
        }
        mark.quarter = quarter;
        let milliseconds = mark.began.elapsed().as_millis().max(1);
        let rate = u128::from(file.done.saturating_sub(mark.from)) * 1000 / milliseconds;
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    fn forget(&mut self, number: u64) {
        self.0.remove(&number);
    }
}

impl Session {
    pub(super) fn file_request(&mut self, request: Request, stage: &mut Stage) {
        let command = match request {
            Request::OfferFile { to, path } => match to.or_else(|| self.other_user()) {
                Some(to) => Command::OfferFile { to, path: PathBuf::from(path) },
                None => return stage.say(mail::WHOM),
            },
            Request::File { number, wish } => Command::File { number, wish },
            _ => Command::Files,
        };
        self.pending = Some(Pending::Answer);
        stage.command(command);
    }

    fn other_user(&self) -> Option<UserId> {
        match self.speaks_with() {
            Some(Conversation::User(user)) => Some(user),
            _ => None,
        }
    }

    /// Notices that concern files.
    pub(super) fn file_notice(&mut self, notice: Notice, stage: &mut Stage) {
        let is_news = matches!(
            &notice,
            Notice::File { file, news } if matches!(news, FileNews::Progress { .. } | FileNews::Stopped { .. })
                || (matches!(news, FileNews::Offered) && !file.ours)
        );
        if !is_news {
            self.pending.take_if(|pending| *pending == Pending::Answer);
        }
        match notice {
            Notice::File { file, news: FileNews::Progress { .. } } => {
                if let Some(rate) = self.files.quarter(&file) {
                    stage.say(&files::progress(&file, rate));
                }
            }
            Notice::File { file, news } => {
                self.files.forget(file.number);
                stage.say(&files::news(&file, &news));
            }
            Notice::Files(all) => files::list(&all).iter().for_each(|line| stage.say(line)),
            Notice::NoFile { number } => stage.say(&files::unknown(number)),
            Notice::FileNotRead { path, detail } => stage.say(&files::not_read(&path, &detail)),
            Notice::FileNotOffered { to, name, why } => stage.say(&files::not_offered(&to, &name, why)),
            _ => {}
        }
    }
}
