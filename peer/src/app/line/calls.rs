//! Calls and conversations beginning and ending, and who has the keyboard.

use std::time::{Duration, Instant};

use common::ident::UserId;
use common::settings::nearest;

use super::outputs::Outputs;
use super::question::{Question, closes_number};
use super::session::{Focus, Occasion, Seen, Session};
use super::{Leave, State};
use crate::app::grammar::{self, Entry};
use crate::app::texts::help::TOPICS;
use crate::app::texts::local_commands;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::{exit, texts};
use peer_core::command::{Answer, CallCommand, Command};
use peer_core::model::Conversation;
use peer_core::notice::{AfterLoss, CallFailed, EndedBy, LinkLoss};

/// How soon after the first CTRL-C at an empty prompt a second one leaves. Chosen arbitrarily.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

impl Session {
    /// The call that the user asked for at the prompt or by `/switch`.
    pub(super) fn call(&mut self, to: UserId, outputs: &mut Outputs) {
        if to == *self.me() {
            return outputs.say(&talk::call_failed(&to, &CallFailed::Yourself, Acquaintance::Known));
        }
        let back = Box::new(self.focus.clone());
        if let Focus::Conversation(with) = &self.focus {
            self.standing.push((with.clone(), Seen::Yes));
        }
        // Somebody who is waiting to be let in is let in by calling.
        let knocks = self.questions.iter().position(|question| question.caller() == Some(&to));
        match knocks {
            Some(place) => {
                self.questions.remove(place);
                self.model.answers(&to, Answer::Yes);
                outputs.command(Command::Call(CallCommand::Answer { from: to.clone(), answer: Answer::Yes }));
            }
            None => {
                self.model.calls(&to);
                outputs.command(Command::Call(CallCommand::Place { to: to.clone() }));
            }
        }
        self.focus = Focus::Calling { to, back, occasion: Occasion::Asked };
    }

    /// `/switch`
    pub(super) fn switch(&mut self, to: UserId, outputs: &mut Outputs) {
        match self.standing.iter().position(|(with, _)| *with == to) {
            Some(place) => {
                let (with, _) = self.standing.remove(place);
                if let Some(current) = self.conversation().cloned() {
                    self.standing.push((current, Seen::Yes));
                }
                outputs.say(&talk::switched(&with));
                self.take_focus(with, outputs);
            }
            None if self.conversation() == Some(&to) => outputs.say(&talk::switched(&to)),
            None => self.call(to, outputs),
        }
    }

    /// Alt+A: whoever has not been looked at, then whoever waits to be let in, then whoever stands longest.
    pub(super) fn next(&mut self, outputs: &mut Outputs) {
        if self.question.is_some() || matches!(self.focus, Focus::Calling { .. }) {
            return;
        }
        let unseen = self.standing.iter().find(|(_, seen)| *seen == Seen::No).map(|(with, _)| with);
        let knocking = self.questions.iter().find_map(Question::caller);
        let next = unseen.or(knocking).or(self.standing.first().map(|(with, _)| with));
        if let Some(to) = next.cloned() {
            self.put_entry_away(outputs);
            self.switch(to, outputs);
        }
    }

    pub(super) fn established(&mut self, with: UserId, outputs: &mut Outputs) {
        // An answer to a call that was given up meanwhile needs nothing: the engine has been told to end it.
        if self.is_calling(&with) || self.focus == Focus::Writing(Conversation::User(with.clone())) {
            outputs.say(talk::ESTABLISHED);
            self.standing.retain(|(other, _)| *other != with);
            self.take_focus(with.clone(), outputs);
        } else if self.sought.contains(&with) && self.conversation() != Some(&with) && !self.stands(&with) {
            outputs.say(&talk::way_found(&with));
            self.standing.push((with.clone(), Seen::No));
        }
        self.sought.remove(&with);
    }

    pub(super) fn received(&mut self, from: UserId, outputs: &mut Outputs) {
        if self.conversation() == Some(&from) || self.stands(&from) {
            return;
        }
        if self.is_calling(&from) {
            outputs.say(&talk::received(&from));
            self.take_focus(from, outputs);
        } else if self.focus == Focus::Writing(Conversation::User(from.clone())) && self.question.is_none() {
            // Whom the user writes to is there.
            outputs.say(&talk::received(&from));
            self.take_focus(from, outputs);
        } else if self.is_idle(outputs) {
            self.push_destination_away(outputs);
            outputs.say(&talk::received(&from));
            self.tell_what_is_kept(outputs);
            self.take_focus(from, outputs);
        } else {
            outputs.say(&talk::wants_to_talk(&from));
            self.standing.push((from, Seen::No));
        }
    }

    /// How the connection goes to whoever is talked to.
    pub(super) fn way(&self, with: &UserId, words: Option<String>, vouched: Option<u64>, outputs: &mut Outputs) {
        if self.conversation() != Some(with) {
            return;
        }
        if let Some(words) = words {
            outputs.say(&words);
        }
        if let Some(at) = vouched {
            outputs.say(&talk::vouched(with, at, outputs.date, &outputs.options.zone));
        }
    }

    pub(super) fn asked(&mut self, from: UserId, outputs: &mut Outputs) {
        if !self.is_idle(outputs) {
            outputs.say(&talk::wants_to_talk(&from));
        }
        self.questions.push(Question::Accept(from));
    }

    pub(super) fn asked_no_more(&mut self, from: &UserId, outputs: &mut Outputs) {
        if self.question.as_ref().and_then(Question::caller) == Some(from) {
            outputs.abandon_entry();
            self.question = None;
        }
        self.questions.retain(|waiting| waiting.caller() != Some(from));
        outputs.say(&talk::gave_up(from));
        if self.is_calling(from) {
            return self.give_call_up(outputs);
        }
        self.take_up_entry(outputs);
    }

    pub(super) fn ended(&mut self, with: &UserId, by: EndedBy, outputs: &mut Outputs) {
        if self.conversation() == Some(with) {
            outputs.say(talk::ENDED);
            self.back_to(Focus::Destination, outputs);
        } else if self.is_calling_after_a_loss(with) {
            outputs.say(talk::ENDED);
            self.give_call_up(outputs);
        } else if self.stands(with) {
            self.standing.retain(|(other, _)| other != with);
            if by == EndedBy::Them {
                outputs.say(&talk::other_ended(with));
            }
        }
    }

    /// The link is gone. What is typed until it is known whether the other side can be reached again waits.
    pub(super) fn lost(&mut self, with: &UserId, then: AfterLoss, why: LinkLoss, outputs: &mut Outputs) {
        let talking = self.conversation() == Some(with);
        if !talking && !self.stands(with) {
            return;
        }
        outputs.say(&talk::lost(with, then, why));
        match then {
            AfterLoss::CalledAgain if talking => {
                let back = Box::new(Focus::Destination);
                self.focus = Focus::Calling { to: with.clone(), back, occasion: Occasion::Lost };
            }
            AfterLoss::Over if talking => {
                outputs.say(talk::ENDED);
                self.back_to(Focus::Destination, outputs);
            }
            AfterLoss::CalledAgain => {}
            AfterLoss::Over => self.standing.retain(|(other, _)| other != with),
        }
    }

    pub(super) fn call_failed(&mut self, to: &UserId, why: &CallFailed, outputs: &mut Outputs) {
        if closes_number(to, outputs) {
            let is_nobody = matches!(why, CallFailed::NoSuchUser { .. });
            let nobody = || talk::call_failed(to, why, Acquaintance::Stranger);
            return outputs.say(&if is_nobody { nobody() } else { talk::no_key(to) });
        }
        if !self.is_calling(to) {
            return;
        }
        let known = self.model.people.existing().contains(to);
        let candidates =
            self.model.people.existing().iter().map(UserId::as_str).chain(TOPICS.iter().map(|topic| topic.word));
        let acquaintance = match nearest(to.as_str(), candidates) {
            _ if known => Acquaintance::Known,
            Some(near) => Acquaintance::Near(near),
            None => Acquaintance::Stranger,
        };
        outputs.count_refused();
        outputs.say(&talk::call_failed(to, why, acquaintance));
        if matches!(why, CallFailed::DirectoryLost | CallFailed::DirectoryJustLost { .. }) {
            outputs.say(&talk::text_waits(to));
        }
        self.give_call_up(outputs);
    }

    /// The call came to nothing: whatever was typed meanwhile was meant for `to` and goes to nobody else.
    pub(super) fn give_call_up(&mut self, outputs: &mut Outputs) {
        if let Focus::Calling { to, back, .. } = self.focus.clone() {
            for line in std::mem::take(&mut outputs.ahead) {
                self.give_line_up(&line, &to, outputs);
            }
            self.back_to(*back, outputs);
        }
    }

    /// A line that was typed for a conversation that did not come about: only a message may be sent later.
    fn give_line_up(&mut self, line: &str, to: &UserId, outputs: &mut Outputs) {
        let entry = grammar::in_conversation(line);
        if grammar::reveals(line, &entry, &self.model.account.passcode) {
            return outputs.say(texts::SECRET);
        }
        match entry {
            Ok(Entry::Nothing) => {}
            Ok(Entry::Message(text)) => {
                outputs.say(&talk::not_delivered(&text));
                self.habits.not_delivered(Conversation::User(to.clone()), text);
            }
            Ok(Entry::Request(_) | Entry::Destination(_) | Entry::Send { .. }) | Err(_) => {
                outputs.say(&local_commands::not_carried_out(line));
            }
        }
    }

    /// CTRL-C: ends the smallest thing there is to end. Returns where the program leaves to.
    pub(super) fn ctrl_c(&mut self, outputs: &mut Outputs) -> Option<State> {
        let grace = outputs.options.grace;
        if self.ended_at.take().is_some_and(|then| outputs.now.saturating_duration_since(then) < grace) {
            return None;
        }
        if let Some(question) = self.question.take() {
            self.put_off(question, outputs);
        } else if outputs.stop_waiting() {
            // The prompt comes back without the answer.
        } else {
            match self.focus.clone() {
                Focus::Calling { to, .. } => {
                    outputs.say(&talk::cancelled(&to));
                    self.model.hangs_up(&to);
                    outputs.command(Command::Call(CallCommand::End { with: to }));
                    self.give_call_up(outputs);
                }
                Focus::Conversation(with) => self.end(with, talk::ENDED_LOCAL, outputs),
                Focus::Writing(_) => self.stop_writing(talk::ENDED_LOCAL, outputs),
                Focus::Destination if !outputs.typed.is_empty() => {
                    outputs.entry("");
                    return None;
                }
                Focus::Destination if outputs.options.leave == Leave::OnceMore && !self.may_leave(outputs.now) => {
                    self.asked_to_leave = Some(outputs.now);
                    outputs.finish("");
                    outputs.say(texts::ONCE_MORE);
                    return None;
                }
                Focus::Destination => return Some(outputs.leave(exit::INTERRUPT)),
            }
            self.ended_at = Some(outputs.now);
        }
        None
    }

    /// Whether CTRL-C was pressed at the empty prompt a moment ago.
    fn may_leave(&self, now: Instant) -> bool {
        self.asked_to_leave.is_some_and(|then| now.saturating_duration_since(then) < LEAVE_WITHIN)
    }

    /// CTRL-D with nothing typed.
    pub(super) fn ctrl_d(&mut self, outputs: &mut Outputs) -> Option<State> {
        if let Some(question) = self.question.take() {
            self.put_off(question, outputs);
            return None;
        }
        match self.focus.clone() {
            _ if outputs.is_waiting() => None,
            Focus::Calling { .. } => None,
            Focus::Conversation(with) => {
                self.end(with, talk::ENDED, outputs);
                None
            }
            Focus::Writing(_) => {
                self.stop_writing(talk::ENDED, outputs);
                None
            }
            Focus::Destination => Some(outputs.leave(exit::OK)),
        }
    }

    /// Ends the conversation that has the keyboard.
    pub(super) fn end(&mut self, with: UserId, words: &str, outputs: &mut Outputs) {
        outputs.say(words);
        self.model.hangs_up(&with);
        outputs.command(Command::Call(CallCommand::End { with }));
        self.back_to(Focus::Destination, outputs);
    }

    /// Whoever waits gets the keyboard, or a question is asked, as soon as nobody is being talked to.
    pub(super) fn serve_the_waiting(&mut self, outputs: &mut Outputs) {
        if !self.is_idle(outputs) {
            return;
        }
        if !self.questions.is_empty() {
            let question = self.questions.remove(0);
            self.push_destination_away(outputs);
            self.tell_what_is_kept(outputs);
            self.ask(question, outputs);
        } else if let Some(place) = self.standing.iter().position(|(_, seen)| *seen == Seen::No) {
            let (with, _) = self.standing.remove(place);
            self.push_destination_away(outputs);
            outputs.say(&talk::received(&with));
            self.tell_what_is_kept(outputs);
            self.take_focus(with, outputs);
        }
    }

    fn conversation(&self) -> Option<&UserId> {
        if let Focus::Conversation(with) = &self.focus { Some(with) } else { None }
    }

    fn is_calling(&self, who: &UserId) -> bool {
        matches!(&self.focus, Focus::Calling { to, .. } if to == who)
    }

    /// Only then the end of a conversation ends the call too. It may also be that of an earlier conversation, told after
    /// the user has called the same user again.
    fn is_calling_after_a_loss(&self, who: &UserId) -> bool {
        matches!(&self.focus, Focus::Calling { to, occasion: Occasion::Lost, .. } if to == who)
    }

    pub(super) fn stands(&self, with: &UserId) -> bool {
        self.standing.iter().any(|(other, _)| other == with)
    }
}
