//! Questions to a user who is logged in: accept a call or a file, decide on a changed key, compare a safety number.
//!
//! Those about keys and numbers are questions of security: what was typed before they appeared does not answer them, they take a
//! whole word, and leaving them decides nothing.

use common::ident::{MessageId, UserId};

use super::outputs::Outputs;
use super::pending::Pending;
use super::session::{Focus, Occasion, Session};
use super::{Echo, Output};
use crate::app::passwd::Passwd;
use crate::app::texts::{files, mail, screen, talk, verification};
use crate::app::{qr, texts};
use peer_core::command::{Answer, CallCommand, Command, ContactCommand, FileWish, KeyDecision, MessageCommand, Ticket};
use peer_core::model::Conversation;
use peer_core::notice::{FileShown, KeyChange};

/// A key that is not the pinned one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SeenKey {
    pub(super) how: KeyChange,
    pub(super) since: u64,
    pub(super) old: String,
    pub(super) new: String,
}

/// A question.
#[derive(Debug)]
pub(super) enum Question {
    /// Somebody calls and waits.
    Accept(UserId),
    /// The pinned key is not the one seen now.
    Key { of: UserId, change: SeenKey },
    /// Do the numbers match?
    Number { with: UserId, digits: String },
    /// A message goes to a group again, where these would read it now.
    Again { to: Conversation, id: MessageId, text: String, users: Vec<UserId> },
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
            Self::Again { .. } => mail::SEND_AGAIN.to_owned(),
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
    pub(super) fn ask(&mut self, question: Question, outputs: &mut Outputs) {
        match &question {
            Question::Accept(_) | Question::Passcode(_) => {}
            Question::File(_) => outputs.discard_type_ahead(),
            Question::Again { to, text, users, .. } => {
                outputs.discard_type_ahead();
                outputs.say(&mail::readers(to, text, users));
            }
            Question::Key { of, change: SeenKey { how, since, old, new } } => {
                outputs.discard_type_ahead();
                outputs.say(&talk::key_changed(of, *how, *since, &outputs.options.zone));
                let numbers = talk::key_numbers(old, new);
                numbers.iter().chain(&screen::key_choices(of)).for_each(|line| outputs.say(line));
            }
            Question::Number { with, digits } => {
                outputs.discard_type_ahead();
                verification::safety_number(with, digits).iter().for_each(|line| outputs.say(line));
                let digits: String = digits.split_whitespace().collect();
                outputs.put(Output::Picture(qr::picture(&digits)));
            }
        }
        self.question = Some(question);
    }

    /// An answer; anything unclear leaves the question open.
    pub(super) fn answer(&mut self, question: Question, line: &str, outputs: &mut Outputs) {
        if let Question::Passcode(step) = question {
            return self.passcode_typed(step, line, outputs);
        }
        outputs.echo(line);
        let word = line.trim().to_lowercase();
        match (&question, word.as_str()) {
            (Question::Accept(from), "" | "y" | "yes") => {
                self.model.answers(from, Answer::Yes);
                outputs.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::Yes }));
                let back = Box::new(Focus::Destination);
                self.focus = Focus::Calling { to: from.clone(), back, occasion: Occasion::Asked };
                return;
            }
            (Question::Accept(from), "n" | "no") => self.decline(from, outputs),
            (Question::File(file), "y" | "yes") => {
                self.file_wish(file.number, FileWish::Accept { folder: None }, outputs)
            }
            (Question::File(file), "n" | "no") => self.file_wish(file.number, FileWish::Refuse, outputs),
            (Question::File(file), "") => outputs.say(&files::later(file)),
            (Question::Again { to, id, users, .. }, "y" | "yes") => {
                outputs.ask(Pending::Answer, again(to.clone(), Some(*id), Some(users.clone())));
            }
            (Question::Again { .. }, "" | "n" | "no") => {}
            (Question::Key { of, .. }, "verify") => self.decide(of, KeyDecision::Verify, outputs),
            (Question::Key { of, .. }, "accept") => self.decide(of, KeyDecision::Accept, outputs),
            (Question::Key { of, .. }, "block") => self.decide(of, KeyDecision::Block, outputs),
            (Question::Number { with, digits }, "yes") => self.confirm(with, digits, Answer::Yes, outputs),
            (Question::Number { with, digits }, "no") => self.confirm(with, digits, Answer::No, outputs),
            _ => {
                self.question = Some(question);
                return;
            }
        }
        self.take_up_entry(outputs);
    }

    /// CTRL-C or CTRL-D at a question: the safe side.
    pub(super) fn put_off(&mut self, question: Question, outputs: &mut Outputs) {
        outputs.abandon_entry();
        match &question {
            Question::Accept(from) => self.decline(from, outputs),
            Question::Key { of, .. } => {
                self.wanted = None;
                outputs.say(&talk::key_later(of));
            }
            Question::File(file) => outputs.say(&files::later(file)),
            Question::Again { .. } | Question::Number { .. } | Question::Passcode(_) => {}
        }
        self.take_up_entry(outputs);
    }

    pub(super) fn key_changed(&mut self, of: UserId, change: SeenKey, outputs: &mut Outputs) {
        let is_asked = |question: &Question| matches!(question, Question::Key { of: other, change: seen } if *other == of && *seen == change);
        if self.question.as_ref().is_some_and(is_asked) {
            return;
        }
        if matches!(&self.focus, Focus::Calling { to, .. } if *to == of) {
            self.give_call_up(outputs);
            self.wanted = Some(of.clone());
        }
        if self.focus == Focus::Writing(Conversation::User(of.clone())) {
            // Nothing goes there until the user has chosen, so that is asked at once.
            self.back_to(Focus::Destination, outputs);
        }
        if !self.is_idle(outputs) && !self.questions.iter().any(is_asked) {
            outputs.say(&talk::key_changed_meanwhile(&of, change.how));
        }
        self.questions.retain(|waiting| !matches!(waiting, Question::Key { of: other, .. } if *other == of));
        self.questions.push(Question::Key { of, change });
    }

    pub(super) fn key_decided(&mut self, of: &UserId, decision: KeyDecision, outputs: &mut Outputs) {
        if let Some(words) = talk::key_decided(of, decision) {
            outputs.close(|pending| *pending == Pending::Decision(of.clone()));
            outputs.say(&words);
            self.call_after_all(of, if decision == KeyDecision::Accept { Answer::Yes } else { Answer::No }, outputs);
            if decision == KeyDecision::Block && self.focus == Focus::Writing(Conversation::User(of.clone())) {
                self.back_to(Focus::Destination, outputs);
            }
        }
    }

    /// Whoever was to be called when the key was seen to have changed is called, now that the user trusts it.
    pub(super) fn call_after_all(&mut self, of: &UserId, trusted: Answer, outputs: &mut Outputs) {
        let wanted = self.wanted.take_if(|wanted| wanted == of);
        if let (Some(to), Answer::Yes, Focus::Destination) = (wanted, trusted, &self.focus) {
            self.call(to, outputs);
        }
    }

    pub(super) fn safety_number(&mut self, with: UserId, digits: String, outputs: &mut Outputs) {
        if closes_number(&with, outputs) {
            self.put_entry_away(outputs);
            self.ask(Question::Number { with, digits }, outputs);
        }
    }

    fn decide(&mut self, of: &UserId, decision: KeyDecision, outputs: &mut Outputs) {
        outputs.ask(
            Pending::Decision(of.clone()),
            Command::Contact(ContactCommand::DecideKey { of: of.clone(), decision }),
        );
    }

    fn confirm(&mut self, with: &UserId, digits: &str, answer: Answer, outputs: &mut Outputs) {
        outputs.ask(
            Pending::Confirmation,
            Command::Contact(ContactCommand::ConfirmNumber { with: with.clone(), digits: digits.to_owned(), answer }),
        );
    }

    fn decline(&mut self, from: &UserId, outputs: &mut Outputs) {
        self.model.answers(from, Answer::No);
        outputs.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::No }));
    }
}

/// Sends again what has failed; the last of a conversation, if none is named.
pub(super) fn again(to: Conversation, id: Option<MessageId>, readers: Option<Vec<UserId>>) -> Command {
    Command::Message(MessageCommand::SendAgain { to, id, readers, ticket: Ticket::default() })
}

/// Whether the notice at hand answers who wanted to see the safety number shared with `with`.
pub(super) fn closes_number(with: &UserId, outputs: &mut Outputs) -> bool {
    let asked = |pending: &Pending| matches!(pending, Pending::Number(of) | Pending::Decision(of) if of == with);
    outputs.close(asked).is_some()
}
