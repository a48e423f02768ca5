//! Files in the line terminal: requests, and lines at every quarter.

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::ident::UserId;

use super::outputs::Outputs;
use super::pending::Pending;
use super::question::Question;
use super::session::Session;
use super::{Output, Questions, State};
use crate::app::grammar::Request;
use crate::app::model::Transfer;
use crate::app::sanitise::SafeText;
use crate::app::texts::{files, help};
use peer_core::command::{Command, FileCommand, FileWish};
use peer_core::model::Conversation;
use peer_core::notice::{FileNews, FileNotice, FileShown};

/// Quarters of files that the user was told of last.
#[derive(Debug, Default)]
pub(super) struct TransferNotices(BTreeMap<u64, u64>);

impl TransferNotices {
    /// Whether another quarter is full.
    fn is_fuller(&mut self, file: &FileShown) -> bool {
        let quarter = files::percent(file.done, file.size) / 25;
        let told = self.0.entry(file.number).or_insert(quarter);
        std::mem::replace(told, quarter.max(*told)) < quarter
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
                None if self.speaks_with().is_some() => return outputs.say(files::ONE_USER),
                None => return outputs.say(&help::needs_whom("file")),
            },
            Request::File { number, wish } => return self.file_wish(number, wish, outputs),
            Request::Help(_)
            | Request::List
            | Request::Switch(_)
            | Request::End
            | Request::Logout
            | Request::Verify(_)
            | Request::Passwd
            | Request::NewKey
            | Request::Version
            | Request::Group { .. }
            | Request::Away(_)
            | Request::History { .. }
            | Request::Find(_)
            | Request::Why(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Receipts(_)
            | Request::Files
            | Request::Here(_)
            | Request::Terminals
            | Request::RemoveTerminal(_) => Command::File(FileCommand::All),
        };
        outputs.ask(Pending::Answer, command);
    }

    pub(super) fn file_wish(&mut self, number: u64, wish: FileWish, outputs: &mut Outputs) {
        outputs.ask(Pending::Answer, Command::File(FileCommand::Change { number, wish }));
    }

    /// Asked at once where nothing else is going on; otherwise said, for later.
    fn file_offered(&mut self, file: FileShown, outputs: &mut Outputs) {
        let is_asked =
            self.is_idle(outputs) && self.questions.is_empty() && outputs.options.questions == Questions::Allowed;
        if is_asked {
            self.questions.push(Question::File(Box::new(file)));
        } else {
            outputs.say(&files::news(&file, &FileNews::Offered, None));
            self.offered = Some(file);
        }
    }

    /// What looks like an answer to an offer is no message; it is one if it is typed again.
    pub(super) fn no_answer(&self, file: &FileShown, text: &str, outputs: &mut Outputs) -> Option<State> {
        outputs.say(&files::no_answer(file, text.trim(), &self.speaks_with()?.to_string()));
        None
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
        self.offered.take_if(|file| file.number == number);
    }

    fn other_user(&self) -> Option<UserId> {
        match self.speaks_with() {
            Some(Conversation::User(user)) => Some(user),
            _ => None,
        }
    }

    pub(super) fn file_notice(&mut self, notice: FileNotice, outputs: &mut Outputs) {
        if !matches!(&notice, FileNotice::News { news, .. } if !news.is_answer()) {
            outputs.close(|pending| *pending == Pending::Answer);
        }
        match notice {
            FileNotice::News { file, news: FileNews::Progress { .. } } => self.progress(&file, outputs),
            FileNotice::News { file, news: FileNews::Offered } => self.file_offered(file, outputs),
            FileNotice::News { file, news: news @ FileNews::OfferedBefore } => {
                outputs.say(&files::news(&file, &news, None))
            }
            FileNotice::News { file, news } => {
                self.forget_question(file.number, outputs);
                self.files.forget(file.number);
                outputs.put(Output::Progress { number: file.number, row: None, percent: 0, quarter: false });
                let took = self.model.transfers.get(file.number).and_then(Transfer::took);
                outputs.say(&files::news(&file, &news, took));
            }
            FileNotice::All(all) => files::list(&all).iter().for_each(|line| outputs.say(line)),
            FileNotice::Unknown { number } => outputs.say(&files::unknown(number)),
            FileNotice::NotRead { path, detail } => outputs.say(&files::not_read(&path, &detail)),
            FileNotice::NotOffered { to, name, why } => outputs.say(&files::not_offered(&to, &name, &why)),
        }
    }

    fn progress(&mut self, file: &FileShown, outputs: &mut Outputs) {
        let transfer = self.model.transfers.get(file.number);
        let rate = transfer.and_then(|transfer| transfer.per_second(outputs.now)).unwrap_or_default();
        let quarter = self.files.is_fuller(file);
        let row = SafeText::ours(&files::progress(&file.name, file.done, file.size, rate));
        let percent = files::percent(file.done, file.size);
        outputs.put(Output::Progress { number: file.number, row: Some(row), percent, quarter });
    }
}
