//! Which conversation is shown, and how one is begun and ended.

use super::Output;
use super::chat::Loaded;
use super::questions::Question;
use super::{PAGE, View};
use crate::app::model::Link;
use crate::app::texts::screen::ConnectionChange;
use crate::app::texts::talk;
use peer_core::command::{Answer, CallCommand, Command, ContactCommand, GroupWish, MessageCommand};
use peer_core::model::{Conversation, MessageKey};

impl View {
    /// Shows a conversation without calling anybody.
    pub(super) fn show(&mut self, to: Conversation) {
        self.overlays.open = None;
        if self.is_current(&to) {
            return self.saw(&to);
        }
        self.put_entry_away();
        if let Conversation::User(user) = &to {
            self.model.people.meet(user);
        }
        if let Some(chat) = self.current_chat_mut() {
            (chat.news, chat.shown, chat.anchor) = (None, None, None);
        }
        self.current = Some(to.clone());
        self.overlays.popups.put_away_about(&to.to_string());
        self.selection.set(None);
        self.selection.sought = None;
        let chat = self.chat(&to);
        if chat.loaded == Loaded::Nothing {
            chat.loaded = Loaded::Asked(PAGE);
            self.command(Command::Message(MessageCommand::History { with: to.clone(), count: PAGE, before: None }));
        }
        let (me, unread) = (self.me().clone(), self.model.conversations.unread(&to));
        let chat = self.chat(&to);
        if unread > 0 && chat.news.is_none() {
            chat.mark_news(&me, unread);
        }
        self.saw(&to);
        match &to {
            // Of others the number is not known for sure, and comes with the connection.
            Conversation::User(with) if self.model.people.is_verified(with) => {
                self.command(Command::Contact(ContactCommand::SafetyNumber { with: with.clone() }));
            }
            Conversation::User(_) => {}
            Conversation::Group(group) => {
                self.command(Command::Group { group: group.clone(), wish: GroupWish::Members });
            }
            Conversation::Everyone => {}
        }
        if self.question().is_some_and(Question::is_of_security) {
            self.put(Output::Entry(String::new()));
            self.put(Output::DiscardTypeAhead);
        } else {
            self.give_entry_back();
        }
    }

    /// Shows a conversation in order to talk: whoever is in it is called.
    pub(super) fn talk(&mut self, to: Conversation) {
        if let Conversation::User(user) = &to {
            if user == self.me() {
                return self.tell(&talk::yourself());
            }
            let incoming_call = self.questions.iter().position(|question| *question == Question::Accept(user.clone()));
            if let Some(place) = incoming_call {
                // Somebody who is waiting to be let in is let in by calling.
                self.questions.remove(place);
                self.model.answers(user, Answer::Yes);
                self.command(Command::Call(CallCommand::Answer { from: user.clone(), answer: Answer::Yes }));
            } else if self.link(&to) == Link::None && self.model.changed_key(user).is_none() {
                self.model.calls(user);
                self.command(Command::Call(CallCommand::Place { to: user.clone() }));
            }
        }
        self.show(to);
    }

    /// Alt+A: whoever called one by name, whoever waits to be let in or has connected, whatever is new.
    pub(super) fn next_unread(&mut self) {
        let order = self.model.people.conversations();
        let waits = |to: &Conversation| {
            let asks = self.questions.iter().any(|question| question.conversation().as_ref() == Some(to));
            asks || self.chats.get(to).is_some_and(|chat| chat.incoming_call)
        };
        let chat = |to: &Conversation| self.chats.get(to);
        let not_here = |to: &&Conversation| !self.is_current(to);
        let mentioned = order.iter().filter(not_here).find(|to| chat(to).is_some_and(|chat| chat.mentioned));
        let waiting = order.iter().filter(not_here).find(|to| waits(to));
        let unread = order.iter().filter(not_here).find(|to| self.model.conversations.unread(to) > 0);
        if let Some(to) = mentioned.or(waiting).or(unread).cloned() {
            self.show(to);
        }
    }

    /// The n-th conversation of the list, from one.
    pub(super) fn show_nth(&mut self, number: usize) {
        let to = number.checked_sub(1).and_then(|place| self.model.people.conversations().get(place).cloned());
        to.into_iter().for_each(|to| self.show(to));
    }

    /// The conversation so many places further down the list.
    pub(super) fn step(&mut self, by: isize) {
        let order = self.model.people.conversations();
        let last = order.len().saturating_sub(1);
        let place = match order.iter().position(|to| self.is_current(to)) {
            Some(place) => place.saturating_add_signed(by).min(last),
            None if by < 0 => last,
            None => 0,
        };
        if let Some(to) = order.get(place).cloned() {
            self.show(to);
        }
    }

    /// Ends the conversation that is shown, in these words.
    pub(super) fn end(&mut self, words: &str) {
        let Some(to) = self.current.clone() else { return };
        if self.link(&to) != Link::None {
            self.connection(&to, ConnectionChange::Ended, words);
            if let Conversation::User(with) = &to {
                self.model.hangs_up(with);
                self.command(Command::Call(CallCommand::End { with: with.clone() }));
            }
        }
        self.close();
        self.tell(words);
        self.quit.ended_at = Some(self.now.instant);
    }

    /// No conversation is shown any more.
    pub(super) fn close(&mut self) {
        self.put_entry_away();
        if let Some(chat) = self.current_chat_mut() {
            (chat.news, chat.shown, chat.anchor) = (None, None, None);
        }
        self.current = None;
        self.selection.set(None);
        self.give_entry_back();
    }

    /// Older messages than those that are here.
    pub(super) fn look_up_older(&mut self, count: usize) {
        let Some(with) = self.current.clone() else { return };
        let chat = self.chat(&with);
        if chat.loaded != Loaded::Some {
            return;
        }
        chat.loaded = Loaded::Asked(count);
        let before = chat.oldest().map(|message| MessageKey {
            conversation: with.clone(),
            author: message.author.clone(),
            id: message.id,
        });
        self.command(Command::Message(MessageCommand::History { with, count, before }));
    }
}
