//! What every machine may know, and where it puts what it has decided: who we are, what time it is, whose keys are
//! pinned, which links stand, who is there, whether the directory can be asked; and the writes and effects of one step.
//!
//! Each of these is kept once, here. Rows belong to the machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::crypto::identity::PublicKey;
use common::crypto::successor::{self, Verified};
use common::crypto::{self, safety_number};
use common::ident::{ContentDigest, KeyDigest, UserId};
use common::msg::{CommitReq, ConnectRefusal, ConnectReply, Features, PresenceStatus, RECORDS, Record, SUCCESSIONS};

use crate::command::Ticket;
use crate::contacts::{Contact, Contacts, PinCheck};
use crate::event::{Durability, Effect, LinkId, Now};
use crate::ids::Ids;
use crate::mls::OwnTerminal;
use crate::model::{LinkWay, Named, PresenceInfo};
use crate::notice::{CallNotice, ContactNotice, Notice};
use crate::persistence::Write;
use crate::verify::LocalIdentity;
use crate::vouching::Vouching;

/// Where this terminal stands with the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// It cannot be asked.
    Down,
    /// It can be asked; what waited in the mailbox when the session began has not all been taken.
    CatchingUp,
    /// Everything that waited was taken.
    CaughtUp,
}

/// Who placed the call; after a loss, that side calls again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ours,
    Theirs,
}

/// A link that both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StandingLink {
    pub(crate) link: LinkId,
    pub(crate) direction: Direction,
    /// When it began, by the tick clock.
    pub(crate) since: u64,
    /// Until when mail that was not confirmed holds back what is said over it, by the tick clock; nothing once that is
    /// over.
    pub(crate) mail_first_until: Option<u64>,
}

/// How long, in seconds, mail sent before a call may hold back what is said in it, so that the order is kept. Chosen
/// arbitrarily: whoever answers a call has logged in and takes the mail first, within milliseconds.
const MAIL_FIRST: u64 = 5;

/// The links that stand, by user.
#[derive(Debug, Default)]
pub(crate) struct Links(BTreeMap<UserId, StandingLink>);

impl Links {
    pub(crate) fn of(&self, user: &UserId) -> Option<StandingLink> {
        self.0.get(user).copied()
    }

    pub(crate) fn user_of(&self, link: LinkId) -> Option<&UserId> {
        self.0.iter().find(|(_, standing)| standing.link == link).map(|(user, _)| user)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.0.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&UserId, &StandingLink)> {
        self.0.iter()
    }

    /// Adds a link; gives the one it takes the place of.
    pub(crate) fn insert(&mut self, user: UserId, link: LinkId, direction: Direction, tick: u64) -> Option<LinkId> {
        let mail_first_until = Some(tick + MAIL_FIRST);
        let standing = StandingLink { link, direction, since: tick, mail_first_until };
        self.0.insert(user, standing).map(|old| old.link)
    }

    /// A link takes the place of one, and its conversation goes on.
    pub(crate) fn follow(&mut self, user: UserId, link: LinkId, direction: Direction, old: StandingLink) {
        self.0.insert(user, StandingLink { link, direction, ..old });
    }

    pub(crate) fn remove(&mut self, user: &UserId) -> Option<StandingLink> {
        self.0.remove(user)
    }

    /// Takes all of them out.
    pub(crate) fn clear(&mut self) -> Vec<(UserId, LinkId)> {
        std::mem::take(&mut self.0).into_iter().map(|(user, standing)| (user, standing.link)).collect()
    }

    /// Mail that was not confirmed by now holds back nothing any more.
    pub(crate) fn expire(&mut self, tick: u64) {
        for standing in self.0.values_mut() {
            standing.mail_first_until = standing.mail_first_until.filter(|until| *until > tick);
        }
    }

    /// As if all of them stood only now.
    pub(crate) fn renew(&mut self, tick: u64) {
        for standing in self.0.values_mut() {
            standing.mail_first_until = Some(tick + MAIL_FIRST);
        }
    }
}

/// What all machines share, and the output of one step.
pub(crate) struct Context {
    pub(crate) me: LocalIdentity,
    pub(crate) own: Arc<OwnTerminal>,
    /// The directory's key, part of the handles of groups and of what broadcasts sign.
    pub(crate) directory: KeyDigest,
    pub(crate) now: Now,
    pub(crate) contacts: Contacts,
    pub(crate) links: Links,
    /// What callers understand who were not answered yet.
    pub(crate) callers: BTreeMap<LinkId, Features>,
    /// How links go that stand, or are about to.
    pub(crate) ways: BTreeMap<LinkId, LinkWay>,
    /// By which names the conversations of such links go.
    pub(crate) named: BTreeMap<LinkId, Named>,
    /// What the directory has signed, for while it is out of reach.
    pub(crate) vouching: Vouching,
    /// Of links that stand, or are about to, because of a record: when the directory has signed it, by its clock.
    pub(crate) vouched: BTreeMap<LinkId, u64>,
    pub(crate) presence: BTreeMap<UserId, PresenceInfo>,
    pub(crate) session: Session,
    /// What the directory understands beyond the first version of the protocol.
    pub(crate) features: Features,
    pub(crate) ids: Ids,
    /// Whom the user has chosen in this step: their presence is to be asked for.
    newly_chosen: Vec<UserId>,
    /// Whose key was found to have changed in this step: what is for them waits, and that is to be said.
    changed_keys: Vec<UserId>,
    /// Statements that keys took the place of others, as the directory has told them in this session.
    pub(crate) successions: BTreeMap<UserId, Vec<Verified>>,
    /// Keys about which it was asked whether they took the place of the pinned ones.
    asked_about: BTreeSet<(UserId, KeyDigest)>,
    /// Users about whose keys it is to be asked, with the command that waits for it.
    to_ask: Vec<(UserId, Option<Ticket>)>,
    /// The command that brings about what happens now, at once or by what was asked for it.
    pub(crate) answering: Option<Ticket>,
    /// Of whom this step keeps something.
    changed: BTreeMap<UserId, Contact>,
    /// Whether the user has decided something about one of them.
    has_decided: bool,
    writes: Vec<Write>,
    effects: Vec<Effect>,
}

/// Shows no keys.
impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({:?}, {:?})", self.now, self.session)
    }
}

impl Context {
    pub(crate) fn new(
        me: LocalIdentity,
        own: Arc<OwnTerminal>,
        ids: Ids,
        directory: KeyDigest,
        contacts: Contacts,
    ) -> Self {
        Self {
            me,
            own,
            directory,
            now: Now::default(),
            contacts,
            links: Links::default(),
            callers: BTreeMap::new(),
            ways: BTreeMap::new(),
            named: BTreeMap::new(),
            vouching: Vouching::default(),
            vouched: BTreeMap::new(),
            presence: BTreeMap::new(),
            session: Session::CatchingUp,
            features: Features::default(),
            ids,
            newly_chosen: Vec::new(),
            changed_keys: Vec::new(),
            successions: BTreeMap::new(),
            asked_about: BTreeSet::new(),
            to_ask: Vec::new(),
            answering: None,
            changed: BTreeMap::new(),
            has_decided: false,
            writes: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Tells the user; under the ticket of the command that has brought it about, if one has.
    pub(crate) fn tell(&mut self, notice: impl Into<Notice>) {
        self.effects.push(match self.answering.clone() {
            Some(ticket) => Effect::Answer(ticket, notice.into()),
            None => Effect::Notify(notice.into()),
        });
    }

    /// Tells the user under the ticket of each of these commands; once without a ticket if there are none.
    pub(crate) fn tell_each(&mut self, tickets: &[Ticket], notice: impl Into<Notice>) {
        let notice = notice.into();
        if tickets.is_empty() {
            return self.effects.push(Effect::Notify(notice));
        }
        self.effects.extend(tickets.iter().map(|ticket| Effect::Answer(ticket.clone(), notice.clone())));
    }

    /// Adds something to be done.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Adds to what this step changes on the disk.
    pub(crate) fn write(&mut self, writes: impl IntoIterator<Item = Write>) {
        self.writes.extend(writes);
    }

    /// Keeps what was seen of a user, or that the user was chosen: with what else the step keeps, or by itself, and then no
    /// call is held up by a disk that refuses it.
    pub(crate) fn keep_seen(&mut self, contact: Contact) {
        self.changed.insert(contact.user.clone(), contact);
    }

    /// Keeps what the user has decided about another one; if the disk refuses it, it is not done.
    pub(crate) fn keep_decision(&mut self, contact: Contact) {
        self.has_decided = true;
        self.keep_seen(contact);
    }

    /// Ends a step: everything that changed in one `Persist`, in front of the first effect that rests on it.
    pub(crate) fn finish(&mut self, out: &mut Vec<Effect>) {
        self.answering = None;
        let mut writes = std::mem::take(&mut self.writes);
        let effects = std::mem::take(&mut self.effects);
        let has_decided = std::mem::take(&mut self.has_decided);
        let changed = std::mem::take(&mut self.changed).into_values();
        if effects.contains(&Effect::NewTerminal) {
            return out.push(Effect::NewTerminal);
        }
        if has_decided || !writes.is_empty() {
            writes.extend(changed.map(Write::Contact));
        } else {
            out.extend(changed.map(Effect::Save));
        }
        let rests = |effect: &Effect| effect.rests_on() > Durability::Nothing;
        let place = effects.iter().position(rests).unwrap_or(effects.len());
        let mut effects = effects.into_iter();
        out.extend(effects.by_ref().take(place));
        if !writes.is_empty() {
            out.push(Effect::Persist(writes));
        }
        out.extend(effects);
    }

    /// Whether the directory can be asked.
    pub(crate) fn is_up(&self) -> bool {
        self.session != Session::Down
    }

    /// Whether everything that waited in the mailbox when the session began was taken.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.session == Session::CaughtUp
    }

    pub(crate) fn is_online(&self, user: &UserId) -> bool {
        self.presence.get(user).is_some_and(|there| there.status != PresenceStatus::Offline)
    }

    pub(crate) fn is_me(&self, user: &UserId) -> bool {
        *user == self.me.user
    }

    /// A commit, or what is said without one, with our signature.
    pub(crate) fn signed(&self, request: CommitReq, commit: &[u8], welcome: &[u8]) -> CommitReq {
        let sign = |transcript: &[u8]| self.own.sign_plain(transcript);
        crypto::commit::signed(request, &self.own.member(), &self.directory, (commit, welcome), sign)
    }

    pub(crate) fn is_blocked(&self, user: &UserId) -> bool {
        self.contacts.contact(user).is_some_and(|contact| contact.blocked)
    }

    /// The user has chosen another one (decision D48).
    pub(crate) fn choose(&mut self, user: &UserId) {
        if !self.is_me(user)
            && let Some(contact) = self.contacts.choose(user, self.now.date)
        {
            self.keep_seen(contact);
            self.newly_chosen.push(user.clone());
        }
    }

    /// Whom the user has chosen since this was asked last.
    pub(crate) fn take_newly_chosen(&mut self) -> Vec<UserId> {
        std::mem::take(&mut self.newly_chosen)
    }

    /// Whose key was found to have changed since this was asked last.
    pub(crate) fn take_changed_keys(&mut self) -> Vec<UserId> {
        std::mem::take(&mut self.changed_keys)
    }

    /// Judges a key against the pin of its user; a first one is pinned.
    pub(crate) fn check_pin(&mut self, user: &UserId, key: &PublicKey) -> PinCheck {
        let check = self.contacts.judge(user, key, self.now.date);
        if let PinCheck::First(contact) = &check {
            self.keep_seen(contact.clone());
        }
        check
    }

    /// Whether a key is the pinned one; if it differs, the user is told.
    pub(crate) fn is_pinned(&mut self, user: &UserId, key: &PublicKey) -> bool {
        match self.check_pin(user, key) {
            PinCheck::First(_) | PinCheck::Same => true,
            PinCheck::Changed => {
                self.tell_key_changed(user);
                false
            }
            PinCheck::Former | PinCheck::Blocked => false,
        }
    }

    /// The safety number that this user shares with another who holds this key.
    pub(crate) fn safety_number(&self, with: &UserId, key: &PublicKey) -> String {
        safety_number::of((&self.me.user, &self.me.key), (with, key))
    }

    /// Says that the key of a user is not the one that was pinned, if that is so. Where the directory can say whether it took
    /// the place of that one, it is asked first.
    pub(crate) fn tell_key_changed(&mut self, of: &UserId) {
        let Some(offered) = self.contacts.offered(of).map(PublicKey::digest) else {
            return self.tell_decision(of);
        };
        let asks = self.is_up() && self.features.include(SUCCESSIONS);
        if asks && self.asked_about.insert((of.clone(), offered)) {
            return self.to_ask.push((of.clone(), self.answering.clone()));
        }
        self.tell_decision(of);
    }

    /// Says that there is something to be decided about the key of a user, if there is.
    pub(crate) fn tell_decision(&mut self, of: &UserId) {
        let Some((how, since, old, new)) = self.contacts.change(of) else { return };
        let (old, new) = (self.safety_number(of, &old), self.safety_number(of, &new));
        self.tell(ContactNotice::KeyChanged { of: of.clone(), how, since, old, new });
        self.changed_keys.push(of.clone());
    }

    /// Says how a link goes that stands now.
    pub(crate) fn tell_way(&mut self, with: &UserId, link: LinkId) {
        if let Some(way) = self.ways.get(&link).copied() {
            let vouched = self.vouched.get(&link).copied();
            self.push(Effect::Notify(CallNotice::Way { with: with.clone(), way, vouched }.into()));
        }
    }

    /// About whose keys it is to be asked, since this was asked last.
    pub(crate) fn take_to_ask(&mut self) -> Vec<(UserId, Option<Ticket>)> {
        std::mem::take(&mut self.to_ask)
    }

    /// A session begins: what the directory has said of keys is asked anew.
    pub(crate) fn forget_successions(&mut self) {
        self.successions.clear();
        self.asked_about.clear();
    }

    /// Fingerprints of the certificates of a user's terminals that hold on under this key of theirs.
    pub(crate) fn carried(&self, user: &UserId, key: &PublicKey) -> BTreeSet<ContentDigest> {
        let told = self.successions.get(user).map(Vec::as_slice).unwrap_or_default();
        successor::carried(told, &key.digest()).into_iter().collect()
    }

    /// Accepts a caller.
    pub(crate) fn accepted(&self) -> ConnectReply {
        ConnectReply::accepted(self.me.terminal)
    }

    /// Accepts a caller to talk, and shows what the directory says of us to whoever knows what that is.
    pub(crate) fn accepted_to_talk(&self, link: LinkId) -> ConnectReply {
        let knows_records = self.callers.get(&link).is_some_and(|features| features.include(RECORDS));
        let conversation = self.named.get(&link).map(|named| named.conversation);
        ConnectReply { record: self.vouching.own().filter(|_| knows_records), conversation, ..self.accepted() }
    }

    /// Keeps what the directory has signed of a contact's terminals, where the key is the pinned one.
    pub(crate) fn keep_records(&mut self, user: &UserId, shown: &[Record]) {
        let Some(key) = self.contacts.key(user).filter(|_| self.contacts.is_chosen(user)) else { return };
        let kept = self.vouching.keep((user, &key.digest()), &self.directory, shown, self.now.directory);
        kept.into_iter().for_each(|kept| self.push(Effect::KeepRecords(kept)));
    }

    /// Forgets what the directory has signed of contacts where its time is over.
    pub(crate) fn forget_old_records(&mut self) {
        let changed = self.vouching.forget_old(self.now.directory);
        changed.into_iter().for_each(|kept| self.push(Effect::KeepRecords(kept)));
    }

    /// Whether one link has the conversation of another, with the same terminal.
    pub(crate) fn follows(&self, link: LinkId, other: LinkId) -> bool {
        self.named.get(&link).is_some_and(|named| self.named.get(&other) == Some(named))
    }

    /// A link is over, or is going to be.
    pub(crate) fn forget_link(&mut self, link: LinkId) {
        self.callers.remove(&link);
        self.ways.remove(&link);
        self.named.remove(&link);
        self.vouched.remove(&link);
    }

    /// Refuses a caller, in words that it knows.
    pub(crate) fn refuse(&mut self, link: LinkId, reason: ConnectRefusal) {
        let reason = reason.known_to(&self.callers.remove(&link).unwrap_or_default());
        self.forget_link(link);
        self.push(Effect::Reply { link, reply: ConnectReply::refused(reason) });
    }
}

#[cfg(test)]
mod tests;
