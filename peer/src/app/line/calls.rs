//! Calls and conversations beginning and ending, and who has the keyboard.

use common::ident::UserId;
use common::settings::nearest;

use super::State;
use super::question::Question;
use super::session::{Floor, Occasion, Seen, Session};
use super::stage::Stage;
use crate::app::exit;
use crate::app::texts::help::TOPICS;
use crate::app::texts::talk::{self, Acquaintance};
use peer_core::command::{Answer, CallCommand, Command};
use peer_core::notice::{AfterLoss, CallFailed, EndedBy};
use peer_core::persistence::Conversation;

impl Session {
    /// The call that the person asked for at the prompt or by `/switch`.
    pub(super) fn call(&mut self, to: UserId, stage: &mut Stage) {
        if to == self.user {
            return stage.say(&talk::call_failed(&to, &CallFailed::Yourself, Acquaintance::Known));
        }
        let back = Box::new(self.floor.clone());
        if let Floor::Conversation(with) = &self.floor {
            self.standing.push((with.clone(), Seen::Yes));
        }
        // Somebody who is waiting to be let in is let in by calling.
        let knocks = self.questions.iter().position(|question| question.caller() == Some(&to));
        match knocks {
            Some(place) => {
                self.questions.remove(place);
                stage.command(Command::Call(CallCommand::Answer { from: to.clone(), answer: Answer::Yes }));
            }
            None => stage.command(Command::Call(CallCommand::Place { to: to.clone() })),
        }
        self.floor = Floor::Calling { to, back, occasion: Occasion::Asked };
    }

    /// `/switch`
    pub(super) fn switch(&mut self, to: UserId, stage: &mut Stage) {
        match self.standing.iter().position(|(with, _)| *with == to) {
            Some(place) => {
                let (with, _) = self.standing.remove(place);
                if let Some(current) = self.conversation().cloned() {
                    self.standing.push((current, Seen::Yes));
                }
                stage.say(&talk::switched(&with));
                self.take_floor(with, stage);
            }
            None if self.conversation() == Some(&to) => stage.say(&talk::switched(&to)),
            None => self.call(to, stage),
        }
    }

    /// Alt+A: whoever has not been looked at, then whoever waits to be let in, then whoever stands longest.
    pub(super) fn next(&mut self, stage: &mut Stage) {
        if self.question.is_some() || matches!(self.floor, Floor::Calling { .. }) {
            return;
        }
        let unseen = self.standing.iter().find(|(_, seen)| *seen == Seen::No).map(|(with, _)| with);
        let knocking = self.questions.iter().find_map(Question::caller);
        let next = unseen.or(knocking).or(self.standing.first().map(|(with, _)| with));
        if let Some(to) = next.cloned() {
            self.put_entry_away(stage);
            self.switch(to, stage);
        }
    }

    pub(super) fn established(&mut self, with: UserId, stage: &mut Stage) {
        // An answer to a call that was given up meanwhile needs nothing: the engine has been told to end it.
        if self.is_calling(&with) {
            stage.say(talk::ESTABLISHED);
            self.standing.retain(|(other, _)| *other != with);
            self.take_floor(with, stage);
        }
    }

    pub(super) fn received(&mut self, from: UserId, stage: &mut Stage) {
        if self.conversation() == Some(&from) || self.stands(&from) {
            return;
        }
        if self.is_calling(&from) {
            stage.say(&talk::received(&from));
            self.take_floor(from, stage);
        } else if self.floor == Floor::Writing(Conversation::User(from.clone())) && self.question.is_none() {
            // Whom the person writes to is there.
            stage.say(&talk::received(&from));
            self.take_floor(from, stage);
        } else if self.is_idle() {
            self.push_destination_away(stage);
            stage.say(&talk::received(&from));
            self.tell_what_is_kept(stage);
            self.take_floor(from, stage);
        } else {
            stage.say(&talk::wants_to_talk(&from));
            self.standing.push((from, Seen::No));
        }
    }

    pub(super) fn asked(&mut self, from: UserId, stage: &mut Stage) {
        if !self.is_idle() {
            stage.say(&talk::wants_to_talk(&from));
        }
        self.questions.push(Question::Accept(from));
    }

    pub(super) fn asked_no_more(&mut self, from: &UserId, stage: &mut Stage) {
        if self.question.as_ref().and_then(Question::caller) == Some(from) {
            stage.abandon_entry();
            self.question = None;
        }
        self.questions.retain(|waiting| waiting.caller() != Some(from));
        stage.say(&talk::gave_up(from));
        if self.is_calling(from) {
            return self.give_call_up(stage);
        }
        self.take_up_entry(stage);
    }

    pub(super) fn ended(&mut self, with: &UserId, by: EndedBy, stage: &mut Stage) {
        if self.conversation() == Some(with) {
            stage.say(talk::ENDED);
            self.back_to(Floor::Destination, stage);
        } else if self.is_calling_after_a_loss(with) {
            stage.say(talk::ENDED);
            self.give_call_up(stage);
        } else if self.stands(with) {
            self.standing.retain(|(other, _)| other != with);
            if by == EndedBy::Them {
                stage.say(&talk::other_ended(with));
            }
        }
    }

    /// The link is gone. What is typed until it is known whether the other side can be reached again waits.
    pub(super) fn lost(&mut self, with: &UserId, then: AfterLoss, stage: &mut Stage) {
        let talking = self.conversation() == Some(with);
        if !talking && !self.stands(with) {
            return;
        }
        stage.say(&talk::lost(with, then));
        match then {
            AfterLoss::CalledAgain if talking => {
                let back = Box::new(Floor::Destination);
                self.floor = Floor::Calling { to: with.clone(), back, occasion: Occasion::Lost };
            }
            AfterLoss::Over if talking => {
                stage.say(talk::ENDED);
                self.back_to(Floor::Destination, stage);
            }
            AfterLoss::CalledAgain => {}
            AfterLoss::Over => self.standing.retain(|(other, _)| other != with),
        }
    }

    pub(super) fn call_failed(&mut self, to: &UserId, why: &CallFailed, stage: &mut Stage) {
        if self.is_waiting_for_number(to) {
            self.pending = None;
            return stage.say(&talk::no_key(to));
        }
        if !self.is_calling(to) {
            return;
        }
        let known = self.known.contains(to);
        let candidates = self.known.iter().map(UserId::as_str).chain(TOPICS.iter().map(|topic| topic.word));
        let acquaintance = match nearest(to.as_str(), candidates) {
            _ if known => Acquaintance::Known,
            Some(near) => Acquaintance::Near(near),
            None => Acquaintance::Stranger,
        };
        stage.say(&talk::call_failed(to, why, acquaintance));
        self.give_call_up(stage);
    }

    /// The call came to nothing: whatever was typed meanwhile was meant for `to` and goes to nobody else.
    pub(super) fn give_call_up(&mut self, stage: &mut Stage) {
        if let Floor::Calling { to, back, .. } = self.floor.clone() {
            for text in std::mem::take(&mut stage.ahead) {
                stage.say(&talk::not_delivered(&text));
                self.habits.not_delivered(Conversation::User(to.clone()), text);
            }
            self.back_to(*back, stage);
        }
    }

    /// CTRL-C: ends the smallest thing there is to end. Returns where the program leaves to.
    pub(super) fn ctrl_c(&mut self, stage: &mut Stage) -> Option<State> {
        let grace = stage.options.grace;
        if self.ended_at.take().is_some_and(|then| stage.now.saturating_duration_since(then) < grace) {
            return None;
        }
        if let Some(question) = self.question.take() {
            self.put_off(question, stage);
        } else if self.pending.take().is_some() {
            // The prompt comes back without the answer.
        } else {
            match self.floor.clone() {
                Floor::Calling { to, .. } => {
                    stage.say(&talk::cancelled(&to));
                    stage.command(Command::Call(CallCommand::End { with: to }));
                    self.give_call_up(stage);
                }
                Floor::Conversation(with) => self.end(with, talk::ENDED_LOCAL, stage),
                Floor::Writing(_) => self.stop_writing(talk::ENDED_LOCAL, stage),
                Floor::Destination if !stage.typed.is_empty() => {
                    stage.entry("");
                    return None;
                }
                Floor::Destination => return Some(stage.leave(exit::INTERRUPT)),
            }
            self.ended_at = Some(stage.now);
        }
        None
    }

    /// CTRL-D with nothing typed.
    pub(super) fn ctrl_d(&mut self, stage: &mut Stage) -> Option<State> {
        if let Some(question) = self.question.take() {
            self.put_off(question, stage);
            return None;
        }
        match self.floor.clone() {
            _ if self.pending.is_some() => None,
            Floor::Calling { .. } => None,
            Floor::Conversation(with) => {
                self.end(with, talk::ENDED, stage);
                None
            }
            Floor::Writing(_) => {
                self.stop_writing(talk::ENDED, stage);
                None
            }
            Floor::Destination => Some(stage.leave(exit::OK)),
        }
    }

    /// Ends the conversation that has the keyboard.
    pub(super) fn end(&mut self, with: UserId, words: &str, stage: &mut Stage) {
        stage.say(words);
        stage.command(Command::Call(CallCommand::End { with }));
        self.back_to(Floor::Destination, stage);
    }

    /// Whoever waits gets the keyboard, or a question is asked, as soon as nobody is being talked to.
    pub(super) fn serve_the_waiting(&mut self, stage: &mut Stage) {
        if !self.is_idle() {
            return;
        }
        if !self.questions.is_empty() {
            let question = self.questions.remove(0);
            self.push_destination_away(stage);
            self.tell_what_is_kept(stage);
            self.ask(question, stage);
        } else if let Some(place) = self.standing.iter().position(|(_, seen)| *seen == Seen::No) {
            let (with, _) = self.standing.remove(place);
            self.push_destination_away(stage);
            stage.say(&talk::received(&with));
            self.tell_what_is_kept(stage);
            self.take_floor(with, stage);
        }
    }

    fn conversation(&self) -> Option<&UserId> {
        if let Floor::Conversation(with) = &self.floor { Some(with) } else { None }
    }

    fn is_calling(&self, who: &UserId) -> bool {
        matches!(&self.floor, Floor::Calling { to, .. } if to == who)
    }

    /// Only then the end of a conversation ends the call too. It may also be that of an earlier conversation, told after
    /// the person has called the same user anew.
    fn is_calling_after_a_loss(&self, who: &UserId) -> bool {
        matches!(&self.floor, Floor::Calling { to, occasion: Occasion::Lost, .. } if to == who)
    }

    pub(super) fn stands(&self, with: &UserId) -> bool {
        self.standing.iter().any(|(other, _)| other == with)
    }
}
