//! Files in the line terminal: requests, and lines at every quarter.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use common::ident::UserId;

use super::Questions;
use super::outputs::Outputs;
use super::question::Question;
use super::session::{Pending, Session};
use crate::app::grammar::Request;
use crate::app::pace::Pace;
use crate::app::texts::{files, mail};
use peer_core::command::{Command, FileCommand, FileWish};
use peer_core::notice::{FileNews, FileNotice, FileShown, Notice};
use peer_core::persistence::Conversation;

/// Where transfers stood when the person was told last.
#[derive(Debug, Default)]
pub(super) struct TransferNotices(BTreeMap<u64, Mark>);

#[derive(Debug)]
struct Mark {
    pace: Pace,
    quarter: u64,
}

impl TransferNotices {
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
    pub(super) fn file_request(&mut self, request: Request, outputs: &mut Outputs) {
        let command = match request {
            Request::OfferFile { to, path } => match to.or_else(|| self.other_user()) {
                Some(to) => Command::File(FileCommand::Offer { to, path: PathBuf::from(path) }),
                None => return outputs.say(mail::WHOM),
            },
            Request::File { number, wish } => return self.file_wish(number, wish, outputs),
            _ => Command::File(FileCommand::All),
        };
        self.pending = Some(Pending::Answer);
        outputs.command(command);
    }

    pub(super) fn file_wish(&mut self, number: u64, wish: FileWish, outputs: &mut Outputs) {
        self.pending = Some(Pending::Answer);
        outputs.command(Command::File(FileCommand::Change { number, wish }));
    }

    /// Asked at once where nothing else is going on; otherwise said, for later.
    fn file_offered(&mut self, file: FileShown, outputs: &mut Outputs) {
        let is_asked = self.is_idle() && self.questions.is_empty() && outputs.options.questions == Questions::Allowed;
        if is_asked {
            self.questions.push(Question::File(Box::new(file)));
        } else {
            outputs.say(&files::news(&file, &FileNews::Offered));
        }
    }

    /// A question about a file that is not offered any more is none.
    fn forget_question(&mut self, number: u64, outputs: &mut Outputs) {
        let about = |question: &Question| matches!(question, Question::File(file) if file.number == number);
        if self.question.as_ref().is_some_and(about) {
            outputs.abandon_entry();
            self.question = None;
            self.take_up_entry(outputs);
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
    pub(super) fn file_notice(&mut self, notice: Notice, outputs: &mut Outputs) {
        if !matches!(&notice, Notice::File(FileNotice::News { news, .. }) if !news.is_answer()) {
            self.pending.take_if(|pending| *pending == Pending::Answer);
        }
        match notice {
            Notice::File(FileNotice::News { file, news: FileNews::Progress { .. } }) => {
                if let Some(rate) = self.files.quarter(&file) {
                    outputs.say(&files::progress(&file.name, file.done, file.size, rate));
                }
            }
            Notice::File(FileNotice::News { file, news: FileNews::Offered }) => self.file_offered(file, outputs),
            Notice::File(FileNotice::News { file, news }) => {
                self.forget_question(file.number, outputs);
                self.files.forget(file.number);
                outputs.say(&files::news(&file, &news));
            }
            Notice::File(FileNotice::All(all)) => files::list(&all).iter().for_each(|line| outputs.say(line)),
            Notice::File(FileNotice::Unknown { number }) => outputs.say(&files::unknown(number)),
            Notice::File(FileNotice::NotRead { path, detail }) => outputs.say(&files::not_read(&path, &detail)),
            Notice::File(FileNotice::NotOffered { to, name, why }) => outputs.say(&files::not_offered(&to, &name, why)),
            _ => {}
        }
    }
}
