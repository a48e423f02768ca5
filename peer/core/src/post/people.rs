//! Who is there, who is told where this user is, and which terminals there are (protocol sections 6.4 and 6.7).

use common::ident::{TerminalId, UserId};
use common::limits::WATCH_IN_ONE;
use common::msg::{Away, PresenceStatus, TerminalRemove, TerminalsReq, Watch};

use super::desk::Asked;
use super::{Post, PresenceInfo, Step};
use crate::model::Conversation;
use crate::notice::{CallFailed, CallNotice, DirectoryNotice, Notice};

impl Post {
    pub(super) fn watch(&mut self, step: &mut Step<'_>, users: impl IntoIterator<Item = UserId>) {
        let new: Vec<UserId> = users.into_iter().filter(|user| self.watched.insert(user.clone())).collect();
        for users in new.chunks(WATCH_IN_ONE) {
            self.desk.say(step, Watch { users: users.to_vec() });
        }
    }

    pub(super) fn presence(&mut self, step: &mut Step<'_>, user: UserId, there: PresenceInfo) {
        let before = self.there.insert(user.clone(), there.clone());
        if there.status != PresenceStatus::Offline {
            self.sending.encourage(&Conversation::User(user.clone()));
            self.look_after_rooms_of(step, &user);
            self.pump(step, &Conversation::User(user.clone()));
            self.fetch_from(step, Some(&user));
        }
        let news = before.as_ref() != Some(&there) && user != self.me.user;
        // Who is there at the beginning is no news.
        if news && (before.is_some() || self.inbox.is_drained()) {
            step.tell(Notice::Directory(DirectoryNotice::Presence { user, status: there.status, text: there.text }));
        }
    }

    pub(super) fn is_online(&self, user: &UserId) -> bool {
        self.there.get(user).is_some_and(|there| there.status != PresenceStatus::Offline)
    }

    /// Whether mail reaches somebody who is not online: said by `Offline` or `CallFailed`.
    pub(crate) fn is_reachable(&mut self, step: &mut Step<'_>, user: UserId) {
        if self.rooms.pair_with(&user).is_some() {
            step.tell(Notice::Call(CallNotice::Offline { with: user }));
        } else {
            self.desk.ask(step, TerminalsReq { users: vec![user.clone()] }, Asked::Reachable(user));
        }
    }

    /// Asks which terminals our user has.
    pub(super) fn own_terminals(&mut self, step: &mut Step<'_>) {
        self.desk.ask(step, TerminalsReq { users: vec![self.me.user.clone()] }, Asked::OwnTerminals);
    }

    /// Has the directory forget a terminal of our user.
    pub(super) fn remove_terminal(&mut self, step: &mut Step<'_>, terminal: TerminalId) {
        self.desk.ask(step, TerminalRemove { terminal }, Asked::OwnTerminals);
    }

    pub(super) fn tell_away(&mut self, step: &mut Step<'_>, text: Option<String>) {
        self.away.clone_from(&text);
        if self.desk.is_up() {
            self.desk.say(step, Away { text });
        }
    }

    /// The person has decided about a key, or a block.
    pub(crate) fn key_decided(&mut self, step: &mut Step<'_>, of: &UserId) {
        let to = Conversation::User(of.clone());
        self.sending.encourage(&to);
        self.pump(step, &to);
    }
}

pub(super) fn not_found(to: UserId) -> Notice {
    Notice::Call(CallNotice::Failed { to, why: CallFailed::NotFound })
}
