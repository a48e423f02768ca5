//! Connections that begin, end, or do not come about.

use common::ident::UserId;

use super::chat::ConnectionEvent;
use super::page::Standing;
use super::{Awaited, View};
use crate::app::model::{Here, Link};
use crate::app::texts::screen::ConnectionChange;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{mail, screen};
use peer_core::command::{Command, ContactCommand};
use peer_core::model::Conversation;
use peer_core::notice::{CallFailed, CallNotice, CallerRefused, EndedBy, KeyState, Notice};

impl View {
    /// How the connection stood that a notice is about.
    pub(super) fn link_before(&self, notice: &Notice) -> Link {
        match notice {
            Notice::Call(CallNotice::Ended { with, .. } | CallNotice::Failed { to: with, .. }) => {
                self.model.conversations.link(with)
            }
            Notice::Call(
                CallNotice::Established { .. }
                | CallNotice::Received { .. }
                | CallNotice::Asked { .. }
                | CallNotice::AskedNoMore { .. }
                | CallNotice::CallerRefused { .. }
                | CallNotice::Offline { .. }
                | CallNotice::Way { .. }
                | CallNotice::Moved { .. }
                | CallNotice::ByMail { .. }
                | CallNotice::LinkLost { .. },
            )
            | Notice::Session(_)
            | Notice::Directory(_)
            | Notice::Message(_)
            | Notice::Contact(_)
            | Notice::Group { .. }
            | Notice::File(_)
            | Notice::Journal(_) => Link::None,
        }
    }

    pub(super) fn call_notice(&mut self, notice: CallNotice, link_before: Link) {
        match notice {
            CallNotice::Established { with } => self.connected(&with, talk::ESTABLISHED),
            CallNotice::Received { from } => self.received(from),
            CallNotice::Ended { with, by } => self.ended(&with, by, link_before),
            CallNotice::LinkLost { with, then, why } => {
                let to = Conversation::User(with.clone());
                self.note(&to, &talk::lost(&with, then, why));
            }
            CallNotice::Failed { to, why } => self.call_failed(&to, &why, link_before),
            CallNotice::Offline { with } => {
                let to = Conversation::User(with.clone());
                self.note(&to, &mail::offline(&with));
            }
            CallNotice::Way { with, way, vouched } => self.way(&with, talk::way(&with, way), vouched),
            CallNotice::Moved { with, before, way, vouched } => {
                self.way(&with, talk::moved(&with, before, way), vouched);
            }
            CallNotice::ByMail { with, why } => {
                self.note(&Conversation::User(with.clone()), &talk::by_mail(&with, &why));
            }
            CallNotice::Asked { from } => self.asked(from),
            CallNotice::AskedNoMore { from } => self.asked_no_more(&from),
            // Shown together with KeyChanged, which says more.
            CallNotice::CallerRefused { why: CallerRefused::KeyChanged, .. } => {}
            CallNotice::CallerRefused { claimed, source, why } => {
                self.tell(&talk::caller_refused(claimed.as_ref(), source.ip(), why));
            }
        }
    }

    /// How a connection goes.
    fn way(&mut self, with: &UserId, words: Option<String>, vouched: Option<u64>) {
        let vouched = vouched.map(|at| talk::vouched(with, at, self.now.date, &self.zone));
        for words in words.into_iter().chain(vouched) {
            self.note(&Conversation::User(with.clone()), &words);
        }
    }

    fn connected(&mut self, with: &UserId, words: &str) {
        let to = Conversation::User(with.clone());
        self.connection(&to, ConnectionChange::Established, words);
        if self.model.people.known(with).key == KeyState::NotVerified {
            let date = self.now.date;
            self.chat(&to).note_once(date, &screen::first_key(with));
        }
        self.command(Command::Contact(ContactCommand::SafetyNumber { with: with.clone() }));
    }

    /// A connection of the conversation began or ended.
    pub(super) fn connection(&mut self, to: &Conversation, what: ConnectionChange, words: &str) {
        let date = self.now.date;
        self.chat(to).connection(ConnectionEvent { date, what, words: words.to_owned() });
    }

    fn received(&mut self, from: UserId) {
        let to = Conversation::User(from.clone());
        self.connected(&from, &talk::received(&from));
        if self.current.is_none() {
            self.show(to);
        } else if !self.is_current(&to) {
            self.chat(&to).incoming_call = true;
            if self.is_muted(&to) {
                return;
            }
            self.tell_standing(Standing::Caller(from.clone()), &screen::wants_to_talk(&from));
        }
    }

    fn ended(&mut self, with: &UserId, by: EndedBy, link_before: Link) {
        let to = Conversation::User(with.clone());
        self.chat(&to).incoming_call = false;
        if link_before != Link::None && by == EndedBy::Them {
            self.connection(&to, ConnectionChange::Ended, talk::ENDED);
            if !self.is_current(&to) {
                self.tell_standing(Standing::Caller(with.clone()), &talk::other_ended(with));
            }
        }
    }

    /// There is no such user: the conversation that was begun by mistake goes, unless something is in it.
    fn nobody_there(&mut self, to: &UserId, why: &CallFailed) {
        let (with, words) = (Conversation::User(to.clone()), talk::call_failed(to, why, Acquaintance::Stranger));
        let is_typed = self.is_current(&with) && !self.composer.typed.is_empty();
        if is_typed || self.chats.get(&with).is_some_and(|chat| !chat.is_blank()) {
            return self.note(&with, &words);
        }
        if self.is_current(&with) {
            self.close();
        }
        self.chats.remove(&with);
        self.model.people.forget(to);
        self.tell(&words);
    }

    fn call_failed(&mut self, to: &UserId, why: &CallFailed, link_before: Link) {
        if self.awaits(&Awaited::Number(to.clone())) {
            return self.tell(&talk::no_key(to));
        }
        if matches!(why, CallFailed::NoSuchUser { .. }) {
            return self.nobody_there(to, why);
        }
        if link_before != Link::Calling {
            return;
        }
        let known = self.model.people.known(to).here != Here::Unknown;
        let acquaintance = if known { Acquaintance::Known } else { Acquaintance::Stranger };
        self.note(&Conversation::User(to.clone()), &talk::call_failed(to, why, acquaintance));
    }
}
