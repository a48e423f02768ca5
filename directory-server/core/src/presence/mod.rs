//! Who is logged in, where, and with which key: the memory from which lookups and lists are answered.
//!
//! Presence belongs to a session: [`PresenceGuard`] is held by the connection and ends the presence when it is dropped.
//! Addresses live only here, never in the store (threat L5). Protocol section 6.

mod addresses;
mod records;
mod user;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use common::ident::{TerminalId, UserId};
use common::limits::{LIST_PAGE, TERMINALS_PER_USER};
use common::msg::{
    self, ByeReason, FromDirectory, ListReply, ListedUser, LookupReply, MeetingWay, MeetingWays, Member, Message as _,
    PresenceStatus,
};

use crate::outbound::OutboundQueue;
use crate::subscriptions::{Audience, Subscriptions, Visibility};
use crate::timestamp::Timestamp;
pub use addresses::Asker;
pub(crate) use addresses::FIRST_PORT;
use addresses::SeenTokens;
use common::network::Source;
use records::Issuing;
pub(crate) use records::half_over;
use user::{PresentUser, Terminal};

/// A terminal that has proved who it is and now becomes present.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Whose terminal.
    pub user: &'a UserId,
    /// Which terminal.
    pub terminal: TerminalId,
    /// How long it has been there beside the others of its user: the greater, the younger.
    pub age: i64,
    /// Where it listens, as observed.
    pub address: SocketAddr,
    /// The user's identity key, PKCS#1 DER.
    pub public_key: &'a [u8],
    /// Where the directory sees its session.
    pub seen: SocketAddr,
    /// How it can be met.
    pub ways: MeetingWays,
    /// When it arrived.
    pub now: Timestamp,
}

/// As many terminals of this user are present as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyTerminals;

/// All present terminals.
#[derive(Debug)]
pub struct PresentUsers {
    users: RwLock<BTreeMap<UserId, PresentUser>>,
    sessions: AtomicU64,
    terminals_per_user: AtomicUsize,
    not_found: Arc<[u8]>,
    subscriptions: Mutex<Subscriptions>,
    visibility: RwLock<Visibility>,
    seen_tokens: Mutex<SeenTokens>,
    issuing: RwLock<Issuing>,
}

fn offline(user: &UserId) -> Arc<[u8]> {
    let presence = msg::Presence { userid: user.clone(), status: PresenceStatus::Offline, since: None, text: None };
    FromDirectory::from(presence).encode().into()
}

fn page(users: &BTreeMap<UserId, PresentUser>, after: Option<&UserId>, is_told: impl Fn(&UserId) -> bool) -> ListReply {
    let behind = users.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
    let mut rest = behind.filter(|(user, _)| is_told(user));
    let page = rest.by_ref().take(LIST_PAGE).map(|(userid, presence)| ListedUser {
        userid: userid.clone(),
        online_since: presence.since().map(Timestamp::seconds),
        away: presence.away().map(str::to_owned),
    });
    ListReply { users: page.collect(), more: rest.next().is_some() }
}

/// The presence of one terminal; dropping it ends the presence.
#[derive(Debug)]
pub struct PresenceGuard {
    online: Arc<PresentUsers>,
    member: Member,
    session: u64,
    source: Source,
    address: SocketAddr,
    seen: Option<SocketAddr>,
    /// What waits to be sent to it.
    pub outbound: Arc<OutboundQueue>,
}

impl PresenceGuard {
    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The address that others get.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where others connect to at a meeting; nothing of a terminal that cannot be met so.
    #[must_use]
    pub fn seen(&self) -> Option<SocketAddr> {
        self.seen
    }

    /// Who is present.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.member.userid
    }

    /// Who is present where.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        self.online.leave(&self.member.userid, self.session);
    }
}

impl Default for PresentUsers {
    fn default() -> Self {
        let not_found = FromDirectory::from(LookupReply::not_found()).encode().into();
        let (subscriptions, visibility) = (Mutex::default(), RwLock::default());
        let terminals_per_user = AtomicUsize::new(TERMINALS_PER_USER);
        Self {
            users: RwLock::default(),
            sessions: AtomicU64::new(0),
            terminals_per_user,
            not_found,
            subscriptions,
            visibility,
            seen_tokens: Mutex::default(),
            issuing: RwLock::default(),
        }
    }
}

impl PresentUsers {
    /// Makes a terminal present. An older session of the same terminal ends with `BYE replaced`. Where there is no room, the
    /// session of the youngest terminal ends with `BYE elsewhere`, if this one has been there for longer: whoever learns the
    /// passcode does not keep the owner's terminals out (threat L14).
    ///
    /// # Errors
    /// [`TooManyTerminals`]; nothing has changed then.
    pub fn join(self: &Arc<Self>, arrival: &Arrival<'_>) -> Result<PresenceGuard, TooManyTerminals> {
        let mut users = self.write();
        let presence = users.entry(arrival.user.clone()).or_insert_with(|| PresentUser::empty(arrival));
        if !presence.has_room_for(&arrival.terminal, arrival.age, self.terminals_per_user()) {
            return Err(TooManyTerminals);
        }
        if !presence.is_below(self.terminals_per_user(), &arrival.terminal)
            && let Some(youngest) = presence.youngest()
        {
            presence.terminals.remove(youngest).outbound.end(ByeReason::Elsewhere);
        }
        if let Some(old) = presence.terminals.iter().position(|terminal| terminal.id == arrival.terminal) {
            presence.terminals.remove(old).outbound.end(ByeReason::Replaced);
        }
        let outbound = Arc::<OutboundQueue>::default();
        let session = self.sessions.fetch_add(1, Ordering::Relaxed);
        presence.terminals.insert(
            0,
            Terminal {
                id: arrival.terminal,
                age: arrival.age,
                session,
                address: arrival.address,
                since: arrival.now,
                outbound: Arc::clone(&outbound),
                away: None,
                ways: arrival.ways,
                seen: arrival.seen,
                other: None,
                local: Vec::new(),
                record: None,
            },
        );
        // A passcode reset gives the user another key while an older session may still be ending.
        presence.public_key = arrival.public_key.into();
        presence.encode_reply(arrival.user);
        drop(users);
        self.subscriptions().join(session, arrival.user, Arc::clone(&outbound));
        self.announce(arrival.user);
        let member = Member { userid: arrival.user.clone(), terminal: arrival.terminal };
        let (source, address) = (Source::of(arrival.address.ip()), arrival.address);
        let seen = arrival.ways.punch.then_some(arrival.seen);
        Ok(PresenceGuard { online: Arc::clone(self), member, session, source, address, seen, outbound })
    }

    /// How many terminals of one user may be present from now on; those that are stay.
    pub fn set_terminals_per_user(&self, limit: usize) {
        self.terminals_per_user.store(limit, Ordering::Relaxed);
    }

    fn terminals_per_user(&self) -> usize {
        self.terminals_per_user.load(Ordering::Relaxed)
    }

    /// Whether a terminal of this age may [`PresentUsers::join`] now.
    #[must_use]
    pub fn has_room_for(&self, user: &UserId, terminal: &TerminalId, age: i64) -> bool {
        let limit = self.terminals_per_user();
        self.read().get(user).is_none_or(|presence| presence.has_room_for(terminal, age, limit))
    }

    /// The encoded `LOOKUPREPLY` for whoever is not found or must not be found.
    #[must_use]
    pub fn not_found(&self) -> Arc<[u8]> {
        Arc::clone(&self.not_found)
    }

    /// One page of the users online, behind `after`.
    #[must_use]
    pub fn list(&self, after: Option<&UserId>) -> ListReply {
        page(&self.read(), after, |_| true)
    }

    /// The same for a user who asks, and is told of those whom it hears of: where only contacts hear of each other, of these and
    /// of itself (threat L10).
    #[must_use]
    pub fn list_for(&self, asker: &UserId, after: Option<&UserId>) -> ListReply {
        if self.audience() != Audience::Mutual {
            return self.list(after);
        }
        let subscriptions = self.subscriptions();
        let are_contacts = |user: &UserId| subscriptions.watches(asker, user) && subscriptions.watches(user, asker);
        page(&self.read(), after, |user| user == asker || are_contacts(user))
    }

    /// Since when a user is online; nothing if offline.
    #[must_use]
    pub fn since(&self, user: &UserId) -> Option<Timestamp> {
        self.read().get(user).and_then(PresentUser::since)
    }

    /// Terminals of a user that are present.
    #[must_use]
    pub fn terminals(&self, user: &UserId) -> u32 {
        self.read().get(user).map_or(0, |presence| u32::try_from(presence.terminals.len()).unwrap_or(u32::MAX))
    }

    /// Users and terminals present.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let users = self.read();
        (users.len(), users.values().map(|presence| presence.terminals.len()).sum())
    }

    /// What waits to be sent to a terminal; nothing if it is not present.
    #[must_use]
    pub fn outbound(&self, member: &Member) -> Option<Arc<OutboundQueue>> {
        let users = self.read();
        let terminals = &users.get(&member.userid)?.terminals;
        terminals.iter().find(|terminal| terminal.id == member.terminal).map(|terminal| Arc::clone(&terminal.outbound))
    }

    /// What waits to be sent to a terminal that can be met this way, and where it is seen; nothing if it is not present, or knows
    /// no such way.
    pub(super) fn to_meet(&self, member: &Member, how: MeetingWay) -> Option<(Arc<OutboundQueue>, SocketAddr)> {
        let users = self.read();
        let is_meant = |terminal: &&Terminal| terminal.id == member.terminal && terminal.ways.include(how);
        let terminal = users.get(&member.userid)?.terminals.iter().find(is_meant)?;
        Some((Arc::clone(&terminal.outbound), terminal.seen))
    }

    /// Tells those of these terminals that are present that their mailboxes have something new.
    pub fn mail_for(&self, members: &[Member]) {
        members.iter().filter_map(|member| self.outbound(member)).for_each(|outbound| outbound.mail());
    }

    /// Tells those of these terminals that are present that there are reports of dropped messages for them.
    pub fn withdrawn_for(&self, members: &[Member]) {
        members.iter().filter_map(|member| self.outbound(member)).for_each(|outbound| outbound.withdrawn());
    }

    /// Ends all sessions of a user; returns how many there were. Lookups do not find the user from now on.
    pub fn end(&self, user: &UserId, reason: ByeReason) -> usize {
        let presence = self.write().remove(user);
        presence.map_or(0, |presence| presence.end(reason))
    }

    /// Ends all sessions of a user but that of one terminal; returns how many there were.
    pub fn end_others(&self, member: &Member, reason: ByeReason) -> usize {
        let mut users = self.write();
        let Some(presence) = users.get_mut(&member.userid) else { return 0 };
        let (stays, others) = presence.terminals.drain(..).partition(|terminal| terminal.id == member.terminal);
        presence.terminals = stays;
        presence.encode_reply(&member.userid);
        drop(users);
        let others: Vec<Terminal> = others;
        others.iter().for_each(|terminal| terminal.outbound.end(reason));
        self.announce(&member.userid);
        others.len()
    }

    /// Ends all sessions.
    pub fn end_all(&self, reason: ByeReason) {
        let users = std::mem::take(&mut *self.write());
        for presence in users.into_values() {
            presence.end(reason);
        }
    }

    /// Who may hear of whom from now on.
    pub(super) fn set_visibility(&self, visibility: Visibility) {
        *self.visibility.write().unwrap_or_else(PoisonError::into_inner) = visibility;
    }

    /// A session watches further users and hears of those that are there. Where only contacts hear of each other, it is
    /// only now known that these are contacts, so they hear of this user too.
    pub(super) fn watch(&self, presence: &PresenceGuard, users: Vec<UserId>) {
        let audience = self.audience();
        let mut subscriptions = self.subscriptions();
        let (own, session) = (presence.user(), presence.session);
        let Some(outbound) = subscriptions.outbound(session) else { return };
        for user in subscriptions.watch(session, users) {
            let mutual = subscriptions.watches(&user, own);
            if (audience != Audience::Mutual || mutual)
                && let Some(presence) = self.presence(&user)
            {
                outbound.presence(&user, presence);
            }
            if mutual
                && audience == Audience::Mutual
                && let Some(presence) = self.presence(own)
            {
                subscriptions.of(&user).iter().for_each(|outbound| outbound.presence(own, Arc::clone(&presence)));
            }
        }
    }

    /// A terminal's user is away from it, or back.
    pub(super) fn set_away(&self, member: &Member, text: Option<String>) {
        {
            let mut users = self.write();
            let terminals = users.get_mut(&member.userid).map(|presence| &mut presence.terminals);
            let terminal = terminals.and_then(|all| all.iter_mut().find(|terminal| terminal.id == member.terminal));
            match terminal {
                Some(terminal) if terminal.away != text => terminal.away = text,
                _ => return,
            }
        }
        self.announce(&member.userid);
    }

    /// Sends an encoded message to every session but those of `user`.
    pub(super) fn tell_all_but(&self, user: &UserId, message: &Arc<[u8]>) {
        let all = self.subscriptions().all_but(user);
        all.iter().for_each(|outbound| outbound.message(Arc::clone(message)));
    }

    /// Tells everybody who may know what a user is now. Every change ends with this, so that the last word is right.
    pub(super) fn announce(&self, user: &UserId) {
        let audience = self.audience();
        let subscriptions = self.subscriptions();
        let Some(presence) = self.presence(user) else { return };
        for outbound in subscriptions.audience(user, audience) {
            outbound.presence(user, Arc::clone(&presence));
        }
    }

    /// The encoded `PRESENCE` of a user who is there.
    fn presence(&self, user: &UserId) -> Option<Arc<[u8]>> {
        let users = self.read();
        let presence = users.get(user)?;
        let (text, since) = (presence.away().map(str::to_owned), presence.since().map(Timestamp::seconds));
        let status = if text.is_some() { PresenceStatus::Away } else { PresenceStatus::Online };
        Some(FromDirectory::from(msg::Presence { userid: user.clone(), status, since, text }).encode().into())
    }

    fn audience(&self) -> Audience {
        self.visibility.read().unwrap_or_else(PoisonError::into_inner).audience(self.read().len())
    }

    fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, user: &UserId, session: u64) {
        let mut users = self.write();
        if let Some(presence) = users.get_mut(user) {
            let before = presence.terminals.len();
            presence.terminals.retain(|terminal| terminal.session != session);
            if presence.terminals.is_empty() {
                users.remove(user);
            } else if presence.terminals.len() != before {
                presence.encode_reply(user);
            }
        }
        drop(users);
        let audience = self.audience();
        let mut subscriptions = self.subscriptions();
        // Those who may know before it leaves: they hear of it even if no other session of the user watches them.
        let audience = subscriptions.audience(user, audience);
        subscriptions.leave(session);
        // Read under the lock, because the user may have come back since.
        let news = self.presence(user).unwrap_or_else(|| offline(user));
        audience.iter().for_each(|outbound| outbound.presence(user, Arc::clone(&news)));
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<UserId, PresentUser>> {
        self.users.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<UserId, PresentUser>> {
        self.users.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
