//! Questions to a person who is logged in: accept a call or a file, decide on a changed key, compare a safety number.
//!
//! Those about keys and numbers are questions of security: what was typed before they appeared does not answer them, they take a
//! whole word, and leaving them decides nothing.

use common::ident::UserId;

use super::session::{Floor, Occasion, Pending, Session};
use super::stage::Stage;
use super::{Echo, Output};
use crate::app::passwd::Passwd;
use crate::app::texts::{files, talk};
use crate::app::{qr, texts};
use peer_core::command::{Answer, CallCommand, Command, ContactCommand, FileWish, KeyDecision};
use peer_core::notice::FileShown;
use peer_core::persistence::Conversation;

/// A question.
#[derive(Debug)]
pub(super) enum Question {
    /// Somebody calls and waits.
    Accept(UserId),
    /// The pinned key is not the one seen now.
    Key { of: UserId, since: u64, old: String, new: String },
    /// Do the numbers match?
    Number { with: UserId, digits: String },
    /// A file is offered.
    File(Box<FileShown>),
    /// `/passwd`
    Passcode(Passwd),
}

impl Question {
    pub(super) fn prompt(&self) -> String {
        match self {
            Self::Accept(from) => texts::accept(from),
            Self::Key { .. } => texts::KEY.to_owned(),
            Self::Number { .. } => texts::VERIFY.to_owned(),
            Self::File(file) => files::question(file),
            Self::Passcode(step) => step.prompt(),
        }
    }

    pub(super) fn echo(&self) -> Echo {
        if matches!(self, Self::Passcode(_)) { Echo::Hidden } else { Echo::Visible }
    }

    /// Whether this answers it, or asks for another answer. An offered file can wait: what answers something else is taken
    /// as what it is.
    pub(super) fn takes(&self, line: &str) -> bool {
        let is_answer = || matches!(line.trim().to_lowercase().as_str(), "" | "y" | "yes" | "n" | "no");
        !matches!(self, Self::File(_)) || is_answer()
    }

    pub(super) fn caller(&self) -> Option<&UserId> {
        if let Self::Accept(from) = self { Some(from) } else { None }
    }
}

impl Session {
    /// Shows what a question is about; its prompt follows.
    pub(super) fn ask(&mut self, question: Question, stage: &mut Stage) {
        match &question {
            Question::Accept(_) | Question::Passcode(_) => {}
            Question::File(_) => stage.discard_type_ahead(),
            Question::Key { of, since, old, new } => {
                stage.discard_type_ahead();
                talk::key_changed(of, *since, old, new).iter().for_each(|line| stage.say(line));
            }
            Question::Number { with, digits } => {
                stage.discard_type_ahead();
                talk::safety_number(with, digits).iter().for_each(|line| stage.say(line));
                let digits: String = digits.split_whitespace().collect();
                stage.put(Output::Picture(qr::picture(&digits)));
            }
        }
        self.question = Some(question);
    }

    /// An answer; anything unclear leaves the question open.
    pub(super) fn answer(&mut self, question: Question, line: &str, stage: &mut Stage) {
        if let Question::Passcode(step) = question {
            return self.passcode_typed(step, line, stage);
        }
        stage.echo(line);
        let word = line.trim().to_lowercase();
        match (&question, word.as_str()) {
            (Question::Accept(from), "" | "y" | "yes") => {
                stage.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::Yes }));
                let back = Box::new(Floor::Destination);
                self.floor = Floor::Calling { to: from.clone(), back, occasion: Occasion::Asked };
                return;
            }
            (Question::Accept(from), "n" | "no") => decline(from, stage),
            (Question::File(file), "y" | "yes") => {
                self.file_wish(file.number, FileWish::Accept { folder: None }, stage)
            }
            (Question::File(file), "n" | "no") => self.file_wish(file.number, FileWish::Refuse, stage),
            (Question::File(file), "") => stage.say(&files::later(file)),
            (Question::Key { of, .. }, "verify") => self.decide(of, KeyDecision::Verify, stage),
            (Question::Key { of, .. }, "accept") => self.decide(of, KeyDecision::Accept, stage),
            (Question::Key { of, .. }, "block") => self.decide(of, KeyDecision::Block, stage),
            (Question::Number { with, digits }, "yes") => self.confirm(with, digits, Answer::Yes, stage),
            (Question::Number { with, digits }, "no") => self.confirm(with, digits, Answer::No, stage),
            _ => {
                self.question = Some(question);
                return;
            }
        }
        self.take_up_entry(stage);
    }

    /// CTRL-C or CTRL-D at a question: the safe side.
    pub(super) fn put_off(&mut self, question: Question, stage: &mut Stage) {
        stage.abandon_entry();
        match &question {
            Question::Accept(from) => decline(from, stage),
            Question::Key { of, .. } => stage.say(&talk::key_later(of)),
            Question::File(file) => stage.say(&files::later(file)),
            Question::Number { .. } | Question::Passcode(_) => {}
        }
        self.take_up_entry(stage);
    }

    pub(super) fn key_changed(&mut self, of: UserId, since: u64, old: String, new: String, stage: &mut Stage) {
        if matches!(&self.floor, Floor::Calling { to, .. } if *to == of) {
            self.give_call_up(stage);
        }
        if self.floor == Floor::Writing(Conversation::User(of.clone())) {
            // Nothing goes there until the person has chosen, so that is asked at once.
            self.back_to(Floor::Destination, stage);
        }
        if !self.is_idle() {
            talk::key_changed(&of, since, &old, &new).iter().for_each(|line| stage.say(line));
        }
        self.questions.retain(|waiting| !matches!(waiting, Question::Key { of: other, .. } if *other == of));
        self.questions.push(Question::Key { of, since, old, new });
    }

    pub(super) fn key_decided(&mut self, of: &UserId, decision: KeyDecision, stage: &mut Stage) {
        if let Some(words) = talk::key_decided(of, decision) {
            self.pending = None;
            stage.say(&words);
            if decision == KeyDecision::Block && self.floor == Floor::Writing(Conversation::User(of.clone())) {
                self.back_to(Floor::Destination, stage);
            }
        }
    }

    pub(super) fn safety_number(&mut self, with: UserId, digits: String, stage: &mut Stage) {
        if self.is_waiting_for_number(&with) {
            self.pending = None;
            self.put_entry_away(stage);
            self.ask(Question::Number { with, digits }, stage);
        }
    }

    pub(super) fn is_waiting_for_number(&self, with: &UserId) -> bool {
        matches!(&self.pending, Some(Pending::Number(of) | Pending::Decision(of)) if of == with)
    }

    fn decide(&mut self, of: &UserId, decision: KeyDecision, stage: &mut Stage) {
        self.pending = Some(Pending::Decision(of.clone()));
        stage.command(Command::Contact(ContactCommand::DecideKey { of: of.clone(), decision }));
    }

    fn confirm(&mut self, with: &UserId, digits: &str, answer: Answer, stage: &mut Stage) {
        self.pending = Some(Pending::Confirmation);
        stage.command(Command::Contact(ContactCommand::ConfirmNumber {
            with: with.clone(),
            digits: digits.to_owned(),
            answer,
        }));
    }
}

fn decline(from: &UserId, stage: &mut Stage) {
    stage.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::No }));
}
