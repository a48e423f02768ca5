//! Questions to a user who is logged in. Each belongs to a conversation and is asked while that one is shown.
//!
//! A changed key and a safety number are questions of security: what was typed before they appeared does not answer
//! them, they take a whole word, and leaving them decides nothing.

use common::ident::{MessageId, UserId};

use super::page::Standing;
use super::{Awaited, Output, Taken, View};
use crate::app::keys::{Key, KeyAction};
use crate::app::line::Echo;
use crate::app::passwd::{Passwd, Step};
use crate::app::texts::{self, screen, talk, verification};
use peer_core::command::{
    Answer, CallCommand, Command, ContactCommand, DirectoryCommand, KeyDecision, MessageCommand, SessionCommand, Ticket,
};
use peer_core::model::Conversation;
use peer_core::notice::KeyChange;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// Somebody calls and waits.
    Accept(UserId),
    /// The pinned key is not the one seen now.
    Key { of: UserId, how: KeyChange, since: u64, old: String, new: String },
    /// Do the numbers match?
    Number { with: UserId, digits: String },
    /// A message goes to a group again, where these would read it now.
    Again { to: Conversation, id: MessageId, users: Vec<UserId> },
    /// `/passwd`, wherever the user is.
    Passcode(Passwd),
}

impl Question {
    /// Where it is asked; nothing: everywhere.
    pub(super) fn conversation(&self) -> Option<Conversation> {
        match self {
            Self::Accept(user) | Self::Key { of: user, .. } | Self::Number { with: user, .. } => {
                Some(Conversation::User(user.clone()))
            }
            Self::Again { to, .. } => Some(to.clone()),
            Self::Passcode(_) => None,
        }
    }

    pub(super) fn prompt(&self) -> String {
        match self {
            Self::Accept(_) => screen::ACCEPT.to_owned(),
            Self::Key { .. } => screen::CHOOSE.to_owned(),
            Self::Number { .. } | Self::Again { .. } => screen::YES_OR_NO.to_owned(),
            Self::Passcode(step) => format!(" {}", step.prompt()),
        }
    }

    pub(super) fn echo(&self) -> Echo {
        if matches!(self, Self::Passcode(_)) { Echo::Hidden } else { Echo::Visible }
    }

    pub(super) fn is_of_security(&self) -> bool {
        matches!(self, Self::Key { .. } | Self::Number { .. })
    }
}

impl View {
    /// What is being asked now.
    pub(crate) fn question(&self) -> Option<&Question> {
        self.questions.iter().rev().find(|question| {
            let place = question.conversation();
            place.is_none() || place == self.current
        })
    }

    /// What an answer is made of is for the entry; nothing else is begun while something is asked.
    pub(super) fn question_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Escape) | KeyAction::Interrupt | KeyAction::EndOrDelete => self.put_off(),
            KeyAction::Open | KeyAction::People => {}
            KeyAction::Edit(Key::Complete) if self.composer.is_blank => {}
            KeyAction::Edit(_)
            | KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Scroll(_)
            | KeyAction::Quit
            | KeyAction::Redraw
            | KeyAction::Suspend => return Taken::Passed,
        }
        Taken::Consumed
    }

    fn take_question(&mut self) -> Option<Question> {
        let question = self.question()?.clone();
        self.questions.retain(|other| *other != question);
        Some(question)
    }

    /// Asks; if it is asked right now, what was typed for something else waits.
    pub(super) fn ask(&mut self, question: Question) {
        self.put_entry_away();
        let place = question.conversation();
        self.questions.retain(|other| {
            other.conversation() != place || std::mem::discriminant(other) != std::mem::discriminant(&question)
        });
        let security = question.is_of_security();
        self.questions.push(question);
        if place.is_none() || place == self.current {
            self.overlays.open = None;
            self.put(Output::Entry(String::new()));
            if security {
                self.put(Output::DiscardTypeAhead);
            }
        } else {
            self.give_entry_back();
        }
    }

    /// A line while something is asked; anything unclear leaves the question open.
    pub(super) fn answer(&mut self, line: &str) {
        let Some(question) = self.take_question() else { return };
        let word = line.trim().to_lowercase();
        let again = match (&question, word.as_str()) {
            (Question::Passcode(step), _) => return self.passcode_typed(step.clone(), line),
            (Question::Accept(from), "" | "y" | "yes") => {
                self.model.answers(from, Answer::Yes);
                self.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::Yes }));
                false
            }
            (Question::Accept(from), "n" | "no") => {
                self.model.answers(from, Answer::No);
                self.command(Command::Call(CallCommand::Answer { from: from.clone(), answer: Answer::No }));
                self.close();
                return;
            }
            (Question::Key { of, .. }, "verify") => {
                let decide = ContactCommand::DecideKey { of: of.clone(), decision: KeyDecision::Verify };
                self.ask_engine(Awaited::Number(of.clone()), Command::Contact(decide));
                false
            }
            (Question::Key { of, .. }, "accept") => {
                self.command(Command::Contact(ContactCommand::DecideKey {
                    of: of.clone(),
                    decision: KeyDecision::Accept,
                }));
                false
            }
            (Question::Key { of, .. }, "block") => {
                self.command(Command::Contact(ContactCommand::DecideKey {
                    of: of.clone(),
                    decision: KeyDecision::Block,
                }));
                false
            }
            (Question::Again { to, id, users }, "y" | "yes") => {
                let (to, id, readers) = (to.clone(), Some(*id), Some(users.clone()));
                let again = MessageCommand::SendAgain { to, id, readers, ticket: Ticket::default() };
                self.command(Command::Message(again));
                false
            }
            (Question::Again { .. }, "" | "n" | "no") => false,
            (Question::Number { with, digits }, "yes" | "no") => {
                let answer = if word == "yes" { Answer::Yes } else { Answer::No };
                self.command(Command::Contact(ContactCommand::ConfirmNumber {
                    with: with.clone(),
                    digits: digits.clone(),
                    answer,
                }));
                false
            }
            _ => true,
        };
        if again {
            self.questions.push(question);
            self.put(Output::Entry(String::new()));
        } else {
            self.give_entry_back();
        }
    }

    /// CTRL-C, CTRL-D or Esc at a question: the safe side.
    pub(super) fn put_off(&mut self) {
        match self.question().cloned() {
            Some(Question::Accept(from)) => {
                self.take_question();
                self.model.answers(&from, Answer::No);
                self.command(Command::Call(CallCommand::Answer { from, answer: Answer::No }));
                self.close();
            }
            Some(Question::Key { of, .. }) => {
                // It stays, and is asked again whenever the conversation is shown.
                self.close();
                self.tell(&talk::key_later(&of));
            }
            Some(Question::Number { .. } | Question::Again { .. } | Question::Passcode(_)) => {
                self.take_question();
                self.give_entry_back();
            }
            None => {}
        }
    }

    pub(super) fn key_changed(&mut self, (of, how, since): (UserId, KeyChange, u64), old: String, new: String) {
        let words = talk::key_changed(&of, how, since, &self.zone);
        let to = Conversation::User(of.clone());
        self.ask(Question::Key { of, how, since, old, new });
        if how != KeyChange::Unconfirmed {
            self.note(&to, &words);
        }
        if self.current.is_none() {
            self.show(to);
        } else if !self.is_current(&to) {
            self.tell(&words);
        }
    }

    pub(super) fn key_decided(&mut self, of: &UserId, decision: KeyDecision) {
        let Some(words) = talk::key_decided(of, decision) else { return };
        let date = self.now.date;
        self.chat(&Conversation::User(of.clone())).note(date, &words);
        self.command(Command::Directory(DirectoryCommand::List));
    }

    pub(super) fn safety_number(&mut self, with: UserId, digits: String) {
        if self.awaits(&Awaited::Number(with.clone())) {
            self.talkless(&with);
            self.ask(Question::Number { with, digits });
        }
    }

    /// Shows the conversation with `with`, if another is shown, without calling.
    fn talkless(&mut self, with: &UserId) {
        self.show(Conversation::User(with.clone()));
    }

    pub(super) fn number_confirmed(&mut self, with: &UserId, verified: bool) {
        let date = self.now.date;
        self.chat(&Conversation::User(with.clone())).note(date, &verification::number_confirmed(with, verified));
        if verified {
            self.questions.retain(|question| !matches!(question, Question::Key { of, .. } if of == with));
        }
        self.command(Command::Directory(DirectoryCommand::List));
    }

    fn passcode_typed(&mut self, step: Passwd, line: &str) {
        match step.typed(line, &self.model.account.passcode, self.model.account.passcode_min) {
            Step::Ask { next, why } => {
                why.iter().for_each(|why| self.tell(why));
                self.questions.push(Question::Passcode(next));
                self.put(Output::Entry(String::new()));
            }
            Step::Command { command, to } => {
                self.give_entry_back();
                to.into_iter().for_each(|to| self.model.account.changes_passcode(to));
                if matches!(command, SessionCommand::ChangeKey { .. }) {
                    self.tell(crate::app::texts::passcode::MAKING_KEY);
                }
                if matches!(command, SessionCommand::RemoveTerminal { .. }) {
                    self.ask_engine(Awaited::Terminals, Command::Session(command));
                } else {
                    self.command(Command::Session(command));
                }
            }
        }
    }

    pub(super) fn asked(&mut self, from: UserId) {
        let to = Conversation::User(from.clone());
        self.tell_standing(Standing::Caller(from.clone()), &talk::wants_to_talk(&from));
        self.ask(Question::Accept(from));
        if self.current.is_none() {
            self.show(to);
        }
    }

    pub(super) fn asked_no_more(&mut self, from: &UserId) {
        let question = Question::Accept(from.clone());
        let here = self.question() == Some(&question);
        self.questions.retain(|other| *other != question);
        self.tell_standing(Standing::Caller(from.clone()), &talk::gave_up(from));
        if here {
            self.give_entry_back();
        }
    }

    /// The prompt of the accept question, in words.
    pub(crate) fn accept_words(from: &UserId) -> String {
        texts::accept(from)
    }
}
