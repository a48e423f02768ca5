//! Groups and rooms of two: which rooms there are, who is in them, and what changes them (decision D16; protocol sections
//! 6.7, 6.9).
//!
//! - [`registry`]: the MLS rooms of this terminal; [`known`]: groups by name; [`changes`]: what changes in a room;
//!   [`proposals`]: the commits that change it
//! - [`operations`]: what takes several questions to the directory, one at a time; [`queue`]: those that wait
//! - [`items`]: items of the mailbox, and what comes of them; [`opening`]: what they are; [`letters`]: what members say
//!   about the group
//! - [`leaves`]: leaves that are not those of their certificates
//! - [`packages`]: key packages that others add this terminal with
//! - [`commands`]: what the user wants; [`leaving`]: the end of a membership; [`replies`]: what the directory says of commits
//! - [`moved`]: a group that was founded anew without this terminal
//! - [`succession`]: what becomes of a group that cannot be followed any more; [`restored`]: a directory that has gone back
//!
//! Letters are sealed here and opened here; what they say, and which way they take, is not known here.

mod changes;
mod commands;
mod items;
mod known;
mod leaves;
mod leaving;
mod letters;
mod moved;
mod opening;
mod operations;
mod overdue;
mod pace;
mod packages;
mod proposals;
mod queue;
mod registry;
mod replies;
mod restored;
mod succession;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::backoff::Backoff;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::limits::PIECE_MAX;
use common::msg::{KeyPackagePut, Outgoing, Piece, TerminalsReq};

use self::known::KnownGroups;
use self::operations::BROKEN_TIMEOUT;
use self::pace::Pace;
use self::queue::{GroupOperation, Operations};
use self::registry::Rooms;
use self::restored::Comparison;
use crate::command::Ticket;
use crate::context::Context;
use crate::mls::{OwnTerminal, RoomError};
use crate::model::Conversation;
use crate::notice::{CallNotice, ListedGroup, Next};
use crate::persistence::Rows;
use crate::request::{DeliveryRequest, DirectoryRequest, PlainLetter, Question, Request};

/// How long, in seconds, a receiver without keys is left alone who is there …
const NEWCOMER_TIMEOUT: u64 = 1;
/// … and who is not; their coming ends it sooner. Both chosen arbitrarily.
const STRANGER_TIMEOUT: u64 = 60;

/// The longest, in seconds, that an operation which the directory refuses waits for its next try. Chosen arbitrarily.
const LONGEST_REFUSAL: u64 = 3600;

/// All rooms, and what is to be done about them.
#[derive(Debug)]
pub(crate) struct Groups {
    rooms: Rooms,
    known: KnownGroups,
    operations: Operations,
    /// Commands to leave a group whose goodbye is on its way.
    leaving: Vec<(GroupName, Ticket)>,
    /// Groups that a goodbye of ours is on its way to. The directory may have it, and its answer got lost.
    goodbyes: BTreeSet<GroupName>,
    /// Questions about our key packages that were not answered.
    publishing: usize,
    /// Whether all of them are made anew by that.
    publishes_anew: bool,
    /// Whose items were dropped in this session, and in which room: told once.
    told_dropped: BTreeSet<(RoomId, UserId)>,
    /// Into which groups users want ours, who has not asked, as it was told in this session.
    told_invited: BTreeMap<UserId, BTreeSet<GroupName>>,
    /// Which terminals of users have asked to be let in; of whom nothing is known all are.
    asking: BTreeMap<(GroupName, UserId), BTreeSet<TerminalId>>,
    /// How many rooms of two were joined in this session, by who made them.
    directs_made: BTreeMap<UserId, usize>,
    /// Rooms that the directory has said once it does not know, or has closed.
    gone_once: BTreeSet<RoomId>,
    /// Rooms that the directory has closed, and whose successor has not let this terminal in.
    moved: BTreeSet<RoomId>,
    /// Groups whose name another group has: whose it is, is being asked for these commands.
    reclaiming: Vec<(GroupName, Vec<Ticket>)>,
    /// Groups that could not be founded anew after the directory went back, because it has another room under their name.
    taken_once: BTreeSet<RoomId>,
    /// In the place of which room, as the directory has it, a group is founded anew that it has gone back on; of none if it has none.
    instead: BTreeMap<RoomId, Option<RoomId>>,
    /// How often the admins of a group were asked to take this terminal in again.
    asked_back: Pace<RoomId>,
    /// How often another room of two was made because one could not be followed.
    made_another: Pace<UserId>,
    /// Users who speak in rooms that this terminal is not in.
    elsewhere: BTreeSet<UserId>,
    /// How often terminals of a member were taken in again.
    taken_again: Pace<(RoomId, UserId)>,
    /// How long the directory is left alone with a room to be made that it says is in another epoch.
    refused: Backoff,
    /// While the directory is compared that goes on from an older state.
    comparison: Option<Comparison>,
}

impl Groups {
    /// Reads what was written.
    ///
    /// # Errors
    /// [`RoomError`] if there are rooms that this version cannot read.
    pub(crate) fn load(own: &Arc<OwnTerminal>, mls: Rows, group: Rows) -> Result<Self, RoomError> {
        let (rooms, known) = (Rooms::load(own, mls)?, KnownGroups::load(group));
        Ok(Self {
            rooms,
            known,
            operations: Operations::default(),
            leaving: Vec::new(),
            goodbyes: BTreeSet::new(),
            publishing: 0,
            publishes_anew: false,
            told_dropped: BTreeSet::new(),
            told_invited: BTreeMap::new(),
            asking: BTreeMap::new(),
            directs_made: BTreeMap::new(),
            gone_once: BTreeSet::new(),
            moved: BTreeSet::new(),
            reclaiming: Vec::new(),
            taken_once: BTreeSet::new(),
            instead: BTreeMap::new(),
            asked_back: Pace::default(),
            made_another: Pace::default(),
            taken_again: Pace::default(),
            elsewhere: BTreeSet::new(),
            refused: Backoff::new(BROKEN_TIMEOUT, LONGEST_REFUSAL),
            comparison: None,
        })
    }

    /// The session stands: others must find key packages of ours, so the directory is asked how many it has.
    pub(crate) fn handle_session(&mut self) -> Vec<Request> {
        self.publishing = 1;
        self.told_dropped.clear();
        self.told_invited.clear();
        self.directs_made.clear();
        let message = KeyPackagePut { packages: Vec::new(), last_resort: None, anew: false }.into();
        vec![Request::Directory(DirectoryRequest::Tell(message))]
    }

    /// The members of all groups; whoever is only in a room of two with us is not among them.
    pub(crate) fn members_of_groups(&self) -> BTreeSet<UserId> {
        self.rooms.groups().iter().flat_map(|(_, room)| self.rooms.users(room)).collect()
    }

    /// Every user of every room.
    pub(crate) fn all_users(&self) -> BTreeSet<UserId> {
        self.rooms.all_users()
    }

    /// The session is gone.
    pub(crate) fn handle_session_lost(&mut self) {
        (self.publishing, self.publishes_anew, self.comparison) = (0, false, None);
        self.operations.start_over();
    }

    /// Everything that waited was taken: what was expected has come, and what was interrupted goes on.
    pub(crate) fn handle_caught_up(&mut self, cx: &mut Context) -> Vec<Request> {
        self.rooms.expect_nothing();
        self.rooms.forget_surplus_packages();
        cx.write(self.rooms.key_package_writes());
        self.go_on_with_creations(cx);
        let mut requests = self.compare_rooms(cx);
        requests.extend(self.mend_all(cx));
        requests
    }

    /// Mail for a conversation needs a room: it is ready, or what makes it ready is begun.
    pub(crate) fn handle_needs_room(&mut self, cx: &Context, to: Conversation) -> Vec<Request> {
        let id = match &to {
            Conversation::User(user) => match self.rooms.direct_with(user) {
                Some(id) => id,
                None => {
                    self.operations.add(GroupOperation::CreateDirect(user.clone()));
                    return Vec::new();
                }
            },
            Conversation::Group(group) => match self.known.room(group) {
                Some(id) => id,
                None => return Vec::new(),
            },
            Conversation::Everyone => return Vec::new(),
        };
        if !self.rooms.is_usable(&id) || self.rooms.expects_commit(&id) || self.operations.is_busy_with(&id) {
            return Vec::new();
        }
        if !self.rooms.is_synced(&id) || self.rooms.has_leaving(&id) {
            self.operations.add(GroupOperation::SyncTerminals(id));
            return Vec::new();
        }
        // A key that was not decided about stops what is said here, not what is read.
        // The same where nobody knows whose a leaf is.
        if self.undecided(cx, &id).next().is_some() || !self.rooms.unverified(&id).is_empty() {
            let until = cx.now.tick + STRANGER_TIMEOUT;
            return vec![Request::Delivery(DeliveryRequest::BackOff { to, next: Next::KeyDecision, until })];
        }
        if let Conversation::User(user) = &to
            && !self.rooms.users(&id).contains(user)
        {
            // Who has just logged in for the first time publishes keys in a moment, without any other sign of it.
            let timeout = if cx.is_online(user) { NEWCOMER_TIMEOUT } else { STRANGER_TIMEOUT };
            self.rooms.set_not_synced(&id);
            let watch = Request::Directory(DirectoryRequest::Watch(vec![user.clone()]));
            return vec![
                Request::Delivery(DeliveryRequest::BackOff { to, next: Next::Terminal, until: cx.now.tick + timeout }),
                watch,
            ];
        }
        vec![Request::Delivery(DeliveryRequest::RoomReady { to, room: id })]
    }

    /// The members of a room whose key has to be decided about.
    fn undecided<'a>(&'a self, cx: &'a Context, room: &RoomId) -> impl Iterator<Item = &'a UserId> {
        let pinned = |user: &UserId| cx.contacts.key(user).map(|key| key.digest());
        let undecided = self.rooms.undecided(room).iter();
        undecided.filter(move |(member, key)| pinned(&member.userid) != Some(*key)).map(|(member, _)| &member.userid)
    }

    /// The user has decided about a key, or a block: where it held back what is said, and what can be asked of its user now.
    pub(crate) fn handle_key_decided(&mut self, cx: &mut Context, user: &UserId) -> Vec<Request> {
        let frozen: Vec<RoomId> = self.rooms.frozen().filter(|room| self.is_admin(room, user)).collect();
        let mut requests: Vec<Request> = Vec::new();
        for room in frozen {
            self.asked_back.forget(&room);
            requests.extend(self.mend(cx, &room));
        }
        for room in self.rooms.with_user(user) {
            let Some(to) = self.rooms.conversation(&room) else { continue };
            if let Conversation::User(_) = to {
                // Terminals that only the new key vouches for could not be added before.
                self.rooms.set_not_synced(&room);
            }
            requests.push(Request::Delivery(DeliveryRequest::Retry(to)));
        }
        requests
    }

    /// Seals letters, as many as fit in one message to the directory.
    pub(crate) fn handle_seal(
        &mut self,
        cx: &mut Context,
        to: Conversation,
        room: RoomId,
        letters: Vec<PlainLetter>,
    ) -> Vec<Request> {
        let Some(epoch) = self.rooms.epoch(&room) else { return Vec::new() };
        let (mut sealed, mut size) = (Vec::new(), 0);
        for PlainLetter { number, id, bytes } in letters {
            let Some(piece) = self.rooms.seal(&room, &bytes) else { break };
            size += piece.len();
            sealed.push((number, Outgoing { id, piece: Piece(piece) }));
            if size > PIECE_MAX / 2 {
                break;
            }
        }
        cx.write(self.rooms.changes(&room));
        vec![Request::Delivery(DeliveryRequest::Sealed { to, room, epoch, sealed })]
    }

    /// Whom the user calls is not online; mail may reach them all the same, which is said by `Offline` or `Failed`.
    pub(crate) fn handle_not_online(&self, cx: &mut Context, user: UserId) -> Vec<Request> {
        if self.rooms.direct_with(&user).is_some() {
            cx.choose(&user);
            cx.tell(CallNotice::Offline { with: user });
            return Vec::new();
        }
        let message = TerminalsReq { users: vec![user.clone()] }.into();
        vec![Request::Directory(DirectoryRequest::Ask { message, question: Question::Reachable(user) })]
    }

    /// A user came, perhaps with a new terminal: rooms shared with that user are looked after.
    pub(crate) fn handle_came(&mut self, cx: &Context, user: &UserId) {
        let shared: Vec<RoomId> = self.rooms.with_user(user).into_iter().filter(|room| self.is_created(room)).collect();
        let frozen: Vec<RoomId> = self.rooms.frozen().filter(|room| self.is_admin(room, user)).collect();
        frozen.iter().for_each(|room| self.asked_back.want(room, cx.now.tick));
        for room in shared {
            self.rooms.set_not_synced(&room);
            // In a large room one of the others who are there and may is enough; who has come may have lost everything.
            let admins = self.rooms.admins(&room);
            let may = |other: &UserId| admins.is_empty() || admins.contains(other);
            let online = |other: &UserId| other != user && may(other) && (cx.is_me(other) || cx.is_online(other));
            let first = self.rooms.first_user(&room, online);
            if first.is_some_and(|first| cx.is_me(&first)) || cx.is_me(user) {
                self.operations.add(GroupOperation::SyncTerminals(room));
            }
        }
    }

    /// What ended the epoch of a room is another's commit, which comes.
    pub(crate) fn handle_epoch_ended(&mut self, cx: &Context, room: &RoomId) {
        if self.rooms.epoch(room).is_some() {
            self.rooms.expect_commit(room, cx.now.tick);
        }
    }

    /// A deadline has passed.
    pub(crate) fn handle_tick(&mut self, cx: &mut Context) -> Vec<Request> {
        self.operations.wake(cx.now.tick);
        self.rooms.forget_old_comparisons(cx.now.tick);
        if !cx.is_caught_up() {
            return Vec::new();
        }
        let mut requests = self.mend_due(cx);
        requests.extend(self.ask_for_overdue(cx));
        requests.extend(self.compare_again(cx));
        requests
    }

    /// When something must be looked at again, by the tick clock.
    pub(crate) fn next_deadline(&self, cx: &Context) -> Option<u64> {
        let mending = [self.asked_back.next_deadline(), self.made_another.next_deadline()];
        let asking = [self.rooms.overdue_at(), self.compares_at()];
        let mending = mending.into_iter().chain(asking).flatten().filter(|_| cx.is_caught_up());
        mending.chain(self.operations.next_deadline(cx.now.tick)).min()
    }

    /// Who reads what is sent to a conversation now, in the order of the ids.
    pub(crate) fn readers(&self, cx: &Context, to: &Conversation) -> Vec<UserId> {
        let room = match to {
            Conversation::Group(group) => self.known.room(group),
            Conversation::User(_) | Conversation::Everyone => None,
        };
        let users = room.map(|room| self.rooms.users(&room)).unwrap_or_default();
        users.into_iter().filter(|user| !cx.is_me(user)).collect()
    }

    /// The conversation of a room; of one that is not known any more, that with the user.
    pub(crate) fn place(&self, room: &RoomId, user: &UserId) -> Conversation {
        self.rooms.conversation(room).unwrap_or_else(|| Conversation::User(user.clone()))
    }

    /// Whether this user is a member of a group.
    pub(crate) fn is_member(&self, group: &GroupName) -> bool {
        self.known.room(group).is_some()
    }

    /// The groups this user is a member of; how many messages of each were not seen is not known here.
    pub(crate) fn listed(&self, cx: &Context, unread: impl Fn(&Conversation) -> usize) -> Vec<ListedGroup> {
        let listed = self.known.iter().filter_map(|(group, known)| {
            let room = known.room?;
            let users = self.rooms.users(&room);
            let online = users.iter().filter(|user| cx.is_me(user) || cx.is_online(user)).count();
            Some(ListedGroup {
                group: group.clone(),
                members: users.len(),
                online,
                admins: self.rooms.admins(&room),
                unread: unread(&Conversation::Group(group.clone())),
                waiting: known.waiting.len(),
            })
        });
        listed.collect()
    }

    fn is_admin(&self, room: &RoomId, user: &UserId) -> bool {
        self.rooms.admins(room).contains(user)
    }

    /// Whether nobody but our user is in the room of a group.
    fn is_alone(&self, group: &GroupName) -> bool {
        self.known.room(group).is_some_and(|room| self.rooms.users(&room).len() == 1)
    }
}
