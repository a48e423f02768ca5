//! Files in the line terminal: requests, and lines at every quarter.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use common::ident::UserId;

use super::Questions;
use super::question::Question;
use super::session::{Pending, Session};
use super::stage::Stage;
use crate::app::grammar::Request;
use crate::app::pace::Pace;
use crate::app::texts::{files, mail};
use peer_core::command::{Command, FileCommand, FileWish};
use peer_core::notice::{FileNews, FileNotice, FileShown, Notice};
use peer_core::persistence::Conversation;

/// Where transfers stood when the person was told last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<u64, Mark>);

#[derive(Debug)]
struct Mark {
    pace: Pace,
    quarter: u64,
}

impl Told {
    /// Bytes a second so far, where another quarter is full.
    fn quarter(&mut self, file: &FileShown) -> Option<u64> {
        let (quarter, now) = (files::percent(file.done, file.size) / 25, Instant::now());
        let mark = self.0.entry(file.number).or_insert_with(|| Mark { pace: Pace::new(file.done, now), quarter });
        if mark.quarter >= quarter {
            return None;
        }
        mark.quarter = quarter;
        Some(mark.pace.per_second(file.done, now))
    }

    fn forget(&mut self, number: u64) {
        self.0.remove(&number);
    }
}

impl Session {
    pub(super) fn file_request(&mut self, request: Request, stage: &mut Stage) {
        let command = match request {
            Request::OfferFile { to, path } => match to.or_else(|| self.other_user()) {
                Some(to) => Command::File(FileCommand::Offer { to, path: PathBuf::from(path) }),
                None => return stage.say(mail::WHOM),
            },
            Request::File { number, wish } => return self.file_wish(number, wish, stage),
            _ => Command::File(FileCommand::All),
        };
        self.pending = Some(Pending::Answer);
        stage.command(command);
    }

    pub(super) fn file_wish(&mut self, number: u64, wish: FileWish, stage: &mut Stage) {
        self.pending = Some(Pending::Answer);
        stage.command(Command::File(FileCommand::Change { number, wish }));
    }

    /// Asked at once where nothing else is going on; otherwise said, for later.
    fn file_offered(&mut self, file: FileShown, stage: &mut Stage) {
        let is_asked = self.is_idle() && self.questions.is_empty() && stage.options.questions == Questions::Allowed;
        if is_asked {
            self.questions.push(Question::File(Box::new(file)));
        } else {
            stage.say(&files::news(&file, &FileNews::Offered));
        }
    }

    /// A question about a file that is not offered any more is none.
    fn forget_question(&mut self, number: u64, stage: &mut Stage) {
        let about = |question: &Question| matches!(question, Question::File(file) if file.number == number);
        if self.question.as_ref().is_some_and(about) {
            stage.abandon_entry();
            self.question = None;
            self.take_up_entry(stage);
        }
        self.questions.retain(|question| !about(question));
    }

    fn other_user(&self) -> Option<UserId> {
        match self.speaks_with() {
            Some(Conversation::User(user)) => Some(user),
            _ => None,
        }
    }

    /// Notices that concern files.
    pub(super) fn file_notice(&mut self, notice: Notice, stage: &mut Stage) {
        if !matches!(&notice, Notice::File(FileNotice::News { news, .. }) if !news.is_answer()) {
            self.pending.take_if(|pending| *pending == Pending::Answer);
        }
        match notice {
            Notice::File(FileNotice::News { file, news: FileNews::Progress { .. } }) => {
                if let Some(rate) = self.files.quarter(&file) {
                    stage.say(&files::progress(&file.name, file.done, file.size, rate));
                }
            }
            Notice::File(FileNotice::News { file, news: FileNews::Offered }) => self.file_offered(file, stage),
            Notice::File(FileNotice::News { file, news }) => {
                self.forget_question(file.number, stage);
                self.files.forget(file.number);
                stage.say(&files::news(&file, &news));
            }
            Notice::File(FileNotice::All(all)) => files::list(&all).iter().for_each(|line| stage.say(line)),
            Notice::File(FileNotice::Unknown { number }) => stage.say(&files::unknown(number)),
            Notice::File(FileNotice::NotRead { path, detail }) => stage.say(&files::not_read(&path, &detail)),
            Notice::File(FileNotice::NotOffered { to, name, why }) => stage.say(&files::not_offered(&to, &name, why)),
            _ => {}
        }
    }
}
