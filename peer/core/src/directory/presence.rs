//! Who is there, and who is told where this user is (protocol section 6.5).

use common::ident::UserId;
use common::limits::WATCH_IN_ONE;
use common::msg::{Away, PresenceStatus, Watch};

use super::{DirectoryClient, LIST_MAX};
use crate::context::Context;
use crate::model::PresenceInfo;
use crate::notice::DirectoryNotice;
use crate::request::Request;

impl DirectoryClient {
    /// The session stands: others are told where this user is, and these users are watched.
    pub(crate) fn handle_session(&mut self, cx: &mut Context, users: impl IntoIterator<Item = UserId>) {
        if self.away.is_some() {
            let away = Away { text: self.away.clone() };
            self.tell(cx, away.into());
        }
        self.watched.clear();
        let mut all: Vec<UserId> = users.into_iter().chain([cx.me.user.clone()]).collect();
        all.sort();
        self.watch(cx, all);
    }

    /// Has the directory say where these users are.
    pub(crate) fn watch(&mut self, cx: &mut Context, users: impl IntoIterator<Item = UserId>) {
        let new: Vec<UserId> = users.into_iter().filter(|user| self.watched.insert(user.clone())).collect();
        for users in new.chunks(WATCH_IN_ONE) {
            self.tell(cx, Watch { users: users.to_vec() }.into());
        }
    }

    /// Where a user is.
    pub(crate) fn handle_presence(&mut self, cx: &mut Context, user: UserId, there: PresenceInfo) -> Vec<Request> {
        // A small directory tells of everybody, and one that makes users up tells of no end of them.
        let is_crowd = cx.presence.len() >= LIST_MAX && !cx.presence.contains_key(&user);
        if is_crowd && !self.watched.contains(&user) {
            return Vec::new();
        }
        let before = cx.presence.insert(user.clone(), there.clone());
        let came = (there.status != PresenceStatus::Offline).then(|| Request::Came(user.clone()));
        let is_news = before.as_ref() != Some(&there) && !cx.is_me(&user);
        // Who is there at the beginning is no news.
        if is_news && (before.is_some() || cx.is_caught_up()) {
            cx.tell(DirectoryNotice::Presence { user, status: there.status, text: there.text });
        }
        came.into_iter().collect()
    }

    /// The user is away, or without a text, back.
    pub(crate) fn set_away(&mut self, cx: &mut Context, text: Option<String>) {
        self.away.clone_from(&text);
        self.tell(cx, Away { text }.into());
    }
}
