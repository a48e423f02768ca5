//! Who is online, safety numbers, and what becomes of a changed key (decision D14, threat P6).

use std::collections::BTreeMap;

use common::crypto::identity::PublicKey;
use common::crypto::safety_number;
use common::ident::UserId;
use common::msg::ListedUser;

use super::{Directory, Effect, Engine, Now, Purpose, Unreachable};
use crate::command::{Answer, KeyDecision};
use crate::contacts::{Contacts, PinCheck};
use crate::model::Conversation;
use crate::notice::{CallFailed, CallNotice, ContactNotice, DirectoryNotice, KeyState, Notice, Person};
use crate::verify::{LocalIdentity, LookupResult};

impl Engine {
    pub(super) fn listed(&self, listed: Result<Vec<ListedUser>, Unreachable>, out: &mut Vec<Effect>) {
        let mut people: BTreeMap<&UserId, Option<&ListedUser>> =
            self.contacts.users().map(|user| (user, None)).collect();
        let Ok(listed) = listed else { return out.push(Effect::Notify(Notice::Directory(DirectoryNotice::NoPeople))) };
        people.extend(listed.iter().map(|listed| (&listed.userid, Some(listed))));
        let mut people: Vec<Person> = people
            .into_iter()
            .filter(|(user, _)| **user != self.me.user)
            .map(|(user, listed)| Person {
                user: user.clone(),
                online_since: listed.and_then(|listed| listed.online_since),
                away: listed.and_then(|listed| listed.away.clone()),
                unread: self.post.unread(&Conversation::User(user.clone())),
                key: self.contacts.state(user),
            })
            .collect();
        people.sort_by_key(|person| person.online_since.is_none());
        out.push(Effect::Notify(Notice::Directory(DirectoryNotice::People {
            people,
            groups: self.post.listed_groups(),
        })));
    }

    pub(super) fn safety_number(&mut self, with: UserId, out: &mut Vec<Effect>) {
        if with == self.me.user {
            out.push(Effect::Notify(Notice::Call(CallNotice::Failed { to: with, why: CallFailed::Yourself })));
        } else if self.contacts.contact(&with).is_some() {
            self.show_number(&with, out);
        } else if self.directory == Directory::Up {
            self.look_up_user(Purpose::Number, with, out);
        } else {
            out.push(Effect::Notify(Notice::Call(CallNotice::Failed { to: with, why: CallFailed::DirectoryLost })));
        }
    }

    pub(super) fn found_number(
        &mut self,
        now: Now,
        with: &UserId,
        found: Result<Option<LookupResult>, Unreachable>,
        out: &mut Vec<Effect>,
    ) {
        let why = match found {
            Ok(Some(found)) => {
                if let PinCheck::First(contact) = self.contacts.judge(with, &found.key, now.date) {
                    out.push(Effect::Save(contact));
                }
                return self.show_number(with, out);
            }
            Ok(None) => CallFailed::NotFound,
            Err(Unreachable) => CallFailed::DirectoryLost,
        };
        out.push(Effect::Notify(Notice::Call(CallNotice::Failed { to: with.clone(), why })));
    }

    /// Shows the number of the key in question: the offered one while a change waits for a decision.
    fn show_number(&self, with: &UserId, out: &mut Vec<Effect>) {
        let Some(key) = self.contacts.offered(with).cloned().or_else(|| self.contacts.key(with)) else { return };
        let digits = self.number(with, &key);
        let verified = self.contacts.state(with) == KeyState::Verified;
        out.push(Effect::Notify(Notice::Contact(ContactNotice::SafetyNumber { with: with.clone(), digits, verified })));
    }

    fn number(&self, with: &UserId, key: &PublicKey) -> String {
        safety_number::of((&self.me.user, &self.me.key), (with, key))
    }

    /// Records a comparison, but only of the number that is valid now.
    pub(super) fn confirm_number(
        &mut self,
        now: Now,
        with: UserId,
        digits: &str,
        answer: Answer,
        out: &mut Vec<Effect>,
    ) {
        let matches = answer == Answer::Yes;
        let offered = self.contacts.offered(&with).filter(|key| self.number(&with, key) == digits).cloned();
        let pinned = self.contacts.key(&with).filter(|key| self.number(&with, key) == digits);
        let saved = match (offered, pinned, matches) {
            (Some(key), _, true) => Some(self.contacts.pin(&with, &key, now.date, true)),
            (None, Some(_), _) => self.contacts.set_verified(&with, matches),
            (Some(_), _, false) | (None, None, _) => None,
        };
        self.strangers.forgive();
        let verified = saved.as_ref().is_some_and(|contact| contact.verified);
        out.extend(saved.map(Effect::Save));
        let (post, mut step) = self.post(now, out);
        post.key_decided(&mut step, &with);
        out.push(Effect::Notify(Notice::Contact(ContactNotice::NumberConfirmed { with, verified })));
    }

    pub(super) fn tell_key_changed(&self, of: &UserId, out: &mut Vec<Effect>) {
        out.extend(key_changed(&self.me, &self.contacts, of).map(Effect::Notify));
    }

    pub(super) fn block(&mut self, user: UserId, out: &mut Vec<Effect>) {
        match self.contacts.block(&user) {
            Some(contact) => {
                self.end(&user, out);
                out.push(Effect::Save(contact));
                out.push(Effect::Notify(Notice::Contact(ContactNotice::KeyDecided {
                    of: user,
                    decision: KeyDecision::Block,
                })));
            }
            None => out.push(Effect::Notify(Notice::Call(CallNotice::Failed { to: user, why: CallFailed::NotFound }))),
        }
    }

    pub(super) fn unblock(&mut self, now: Now, user: UserId, out: &mut Vec<Effect>) {
        out.extend(self.contacts.unblock(&user).map(Effect::Save));
        let (post, mut step) = self.post(now, out);
        post.key_decided(&mut step, &user);
        out.push(Effect::Notify(Notice::Contact(ContactNotice::Unblocked { user })));
    }

    pub(super) fn decide_key(&mut self, now: Now, of: UserId, decision: KeyDecision, out: &mut Vec<Effect>) {
        match decision {
            KeyDecision::Verify => return self.show_number(&of, out),
            KeyDecision::Accept => {
                if let Some(key) = self.contacts.offered(&of).cloned() {
                    out.push(Effect::Save(self.contacts.pin(&of, &key, now.date, false)));
                }
            }
            KeyDecision::Block => {
                self.end(&of, out);
                out.extend(self.contacts.block(&of).map(Effect::Save));
            }
        }
        let (post, mut step) = self.post(now, out);
        post.key_decided(&mut step, &of);
        out.push(Effect::Notify(Notice::Contact(ContactNotice::KeyDecided { of, decision })));
    }
}

/// Says that the key of a user differs from the pinned one, if it does.
pub fn key_changed(me: &LocalIdentity, contacts: &Contacts, of: &UserId) -> Option<Notice> {
    let (contact, old, new) = (contacts.contact(of)?, contacts.key(of)?, contacts.offered(of)?);
    let number = |key: &PublicKey| safety_number::of((&me.user, &me.key), (of, key));
    Some(Notice::Contact(ContactNotice::KeyChanged {
        of: of.clone(),
        since: contact.since,
        old: number(&old),
        new: number(new),
    }))
}
