//! What takes several questions to the directory: making a room, bringing its terminals up to date, changing its members
//! (protocol section 6.7). One errand at a time.
//!
//! ```text
//! which terminals? ── whose keys are missing? ── commit, accepted ── our own commit in the mailbox: done
//!                                                └ epoch: another was first ── its commit in the mailbox: once more
//! ```
//!
//! The commit's way through the mailbox is what counts: a crash at any point leaves a commit that was taken to be merged
//! when it arrives, and one that was not taken to be made anew.

use std::collections::VecDeque;

use common::crypto::identity::PublicKey;
use common::ident::{GroupHandle, GroupName, RoomId, TerminalId, UserId};
use common::limits::{PIECE_MAX, TERMINALS_ASKED, TERMINALS_PER_USER};
use common::msg::{
    CommitReq, CommitStatus, GroupEntry, KeyPackageReply, KeyPackageReq, Member, Piece, TerminalsReply, TerminalsReq,
    Upload,
};

use super::desk::Asked;
use super::rooms::{MembershipChange, VerifiedKeyPackage};
use super::{Post, Step};
use crate::mls::RoomError;
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Next, Notice};

/// Something to be done about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Errand {
    /// Make a room for us and one other user.
    Pair(UserId),
    /// Add the terminals that are missing, remove those that are gone.
    Sync(RoomId),
    /// Found a group.
    Found(GroupName),
    /// Admit a user.
    Admit(RoomId, UserId),
    /// Remove a user, for an admin or because the user leaves.
    Remove(RoomId, UserId),
    /// Make a member an admin.
    Promote(RoomId, UserId),
}

impl Errand {
    fn room(&self) -> Option<RoomId> {
        match self {
            Self::Pair(_) | Self::Found(_) => None,
            Self::Sync(room) | Self::Admit(room, _) | Self::Remove(room, _) | Self::Promote(room, _) => Some(*room),
        }
    }
}

/// An errand under way.
#[derive(Debug)]
struct Running {
    /// Answers to an errand that was given up, or begun anew, are not taken for those to this one.
    number: u64,
    errand: Errand,
    room: RoomId,
    stage: Stage,
    /// Questions for terminals that were not answered yet.
    unanswered: usize,
    /// Whose key packages are to be taken.
    missing: VecDeque<(UserId, Vec<TerminalId>)>,
    newcomers: Vec<VerifiedKeyPackage>,
    gone: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Asking for terminals and key packages.
    Asking,
    /// The directory has the commit of this epoch.
    Committed(u64),
}

/// All errands.
#[derive(Debug, Default)]
pub(super) struct Errands {
    waiting: VecDeque<Errand>,
    now: Option<Running>,
    begun: u64,
    /// The directory asked for patience until then, by the tick clock.
    not_before: Option<u64>,
}

impl Errands {
    /// The errand of this number, if it is the one under way.
    fn running(&mut self, number: u64) -> Option<&mut Running> {
        self.now.as_mut().filter(|running| running.number == number)
    }

    /// Whether this room is about to change.
    pub(super) fn is_busy_with(&self, room: &RoomId) -> bool {
        self.now.as_ref().is_some_and(|running| running.room == *room)
    }

    /// The session is gone: what was under way begins anew with the next.
    pub(super) fn start_over(&mut self) {
        if let Some(running) = self.now.take() {
            self.waiting.push_front(running.errand);
        }
        self.not_before = None;
    }

    pub(super) fn put_off(&mut self, until: u64) {
        self.start_over();
        self.not_before = Some(until);
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.not_before
    }

    pub(super) fn wake(&mut self, tick: u64) {
        self.not_before = self.not_before.filter(|until| *until > tick);
    }

    /// Forgets what concerns a room that is gone.
    pub(super) fn forget(&mut self, room: &RoomId) {
        self.waiting.retain(|errand| errand.room() != Some(*room));
        self.now.take_if(|running| running.room == *room);
    }
}

impl Post {
    /// Takes up an errand, unless it waits already.
    pub(super) fn run(&mut self, step: &mut Step<'_>, errand: Errand) {
        // Terminals that have come meanwhile are missing in what a comparison under way was told.
        let compares = matches!(errand, Errand::Sync(_));
        let under_way = !compares && self.errands.now.as_ref().is_some_and(|running| running.errand == errand);
        if !under_way && !self.errands.waiting.contains(&errand) {
            self.errands.waiting.push_back(errand);
        }
        self.go_on(step);
    }

    /// Begins the next errand, if nothing stands in its way.
    pub(super) fn go_on(&mut self, step: &mut Step<'_>) {
        while self.desk.is_up()
            && self.inbox.is_drained()
            && self.errands.now.is_none()
            && self.errands.not_before.is_none()
        {
            let ready = self.errands.waiting.iter().position(|errand| match errand.room() {
                Some(room) => !self.rooms.expects_commit(&room),
                None => true,
            });
            let Some(errand) = ready.and_then(|place| self.errands.waiting.remove(place)) else { return };
            self.begin(step, errand);
        }
    }

    fn begin(&mut self, step: &mut Step<'_>, errand: Errand) {
        let room = match &errand {
            Errand::Pair(user) => match self.rooms.pair_with(user) {
                Some(room) => room,
                None => {
                    let id = self.ids.room();
                    match self.rooms.create_pair(id, user) {
                        Ok(changes) => step.keep(changes),
                        Err(why) => return self.give_up(step, &Conversation::User(user.clone()), &why),
                    }
                    id
                }
            },
            Errand::Found(name) => match self.unfounded_room(name) {
                // The directory may have taken it, and its answer got lost.
                Some(room) => room,
                None => {
                    let id = self.ids.room();
                    match self.rooms.create_group(id, name) {
                        Ok(changes) => step.keep(changes),
                        Err(why) => return self.give_up(step, &Conversation::Group(name.clone()), &why),
                    }
                    id
                }
            },
            Errand::Sync(room) | Errand::Admit(room, _) | Errand::Remove(room, _) | Errand::Promote(room, _) => *room,
        };
        if !self.rooms.is_usable(&room) {
            return;
        }
        let mut users: Vec<UserId> = self.rooms.users(&room).into_iter().collect();
        let wanted = match (&errand, self.rooms.conversation(&room)) {
            (Errand::Admit(_, user), _) => Some(user.clone()),
            // A room of two whose first commit was never taken has only us in it.
            (_, Some(Conversation::User(other))) => Some(other),
            _ => None,
        };
        users.extend(wanted.filter(|user| !users.contains(user)));
        let (newcomers, gone, missing) = (Vec::new(), Vec::new(), VecDeque::new());
        self.errands.begun += 1;
        let number = self.errands.begun;
        let mut running =
            Running { number, errand, room, stage: Stage::Asking, unanswered: 0, missing, newcomers, gone };
        if matches!(running.errand, Errand::Found(_)) {
            self.errands.now = Some(running);
            return self.commit(step);
        }
        for users in users.chunks(TERMINALS_ASKED) {
            running.unanswered += 1;
            self.desk.ask(step, TerminalsReq { users: users.to_vec() }, Asked::Terminals(number));
        }
        self.errands.now = Some(running);
    }

    /// Which terminals there are: compares them with the room.
    pub(super) fn terminals_came(&mut self, step: &mut Step<'_>, errand: u64, reply: TerminalsReply) {
        let Some(running) = self.errands.running(errand) else { return };
        for listed in reply.users {
            let leaving = matches!(&running.errand, Errand::Remove(_, user) if *user == listed.userid);
            if leaving {
                continue;
            }
            let present = self.rooms.terminals_of(&running.room, &listed.userid);
            let missing: Vec<TerminalId> =
                listed.terminals.iter().filter(|terminal| !present.contains(terminal)).copied().collect();
            // A terminal the directory knows no more is gone, if its user goes on at another.
            let gone = present.iter().filter(|terminal| {
                let ours = listed.userid == self.me.user && **terminal == self.me.terminal;
                !ours && !listed.terminals.is_empty() && !listed.terminals.contains(terminal)
            });
            running.gone.extend(gone.map(|terminal| Member { userid: listed.userid.clone(), terminal: *terminal }));
            for terminals in missing.chunks(TERMINALS_PER_USER) {
                running.missing.push_back((listed.userid.clone(), terminals.to_vec()));
            }
        }
        running.unanswered = running.unanswered.saturating_sub(1);
        if running.unanswered == 0 {
            self.take_packages(step);
        }
    }

    /// Takes key packages of the next user, or commits when there are no more to take.
    fn take_packages(&mut self, step: &mut Step<'_>) {
        let Some(running) = &mut self.errands.now else { return };
        match running.missing.pop_front() {
            Some((userid, terminals)) => {
                let asked = Asked::Packages(userid.clone(), running.number);
                self.desk.ask(step, KeyPackageReq { userid, terminals }, asked);
            }
            None => self.commit(step),
        }
    }

    pub(super) fn packages_came(&mut self, step: &mut Step<'_>, user: &UserId, errand: u64, reply: KeyPackageReply) {
        let Some(running) = self.errands.running(errand) else { return };
        if let Ok(key) = PublicKey::from_pkcs1(&reply.publickey.0)
            && step.is_pinned(user, &key)
        {
            let verified = reply.packages.iter().filter_map(|taken| self.rooms.newcomer(user, &key, taken));
            running.newcomers.extend(verified);
        }
        self.take_packages(step);
    }

    /// Everything is there: commits, or finds that there is nothing to do.
    fn commit(&mut self, step: &mut Step<'_>) {
        let Some(running) = &mut self.errands.now else { return };
        let (room, errand) = (running.room, running.errand.clone());
        let mut wishes: Vec<MembershipChange> =
            running.newcomers.drain(..).map(|newcomer| MembershipChange::Add(Box::new(newcomer))).collect();
        wishes.extend(running.gone.drain(..).map(MembershipChange::RemoveTerminal));
        match &errand {
            Errand::Remove(_, user) => wishes.push(MembershipChange::RemoveUser(user.clone())),
            Errand::Promote(_, user) => wishes.push(MembershipChange::Promote(user.clone())),
            Errand::Pair(_) | Errand::Sync(_) | Errand::Found(_) | Errand::Admit(..) => {}
        }
        self.rooms.set_synced(&room, step.now.tick);
        let sealed = match errand {
            Errand::Found(_) => Ok(self.rooms.founding(&room)),
            _ => self.rooms.propose(&room, wishes),
        };
        let sealed = match sealed {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return self.done(step),
            Err(why) => {
                self.errands.now = None;
                if let Some(conversation) = self.rooms.conversation(&room) {
                    self.give_up(step, &conversation, &why);
                }
                return self.go_on(step);
            }
        };
        let mut kept = self.rooms.changes(&room);
        kept.push(self.inbox.count_written());
        step.keep(kept);
        let bytes = [sealed.commit.as_slice(), &sealed.welcome].concat();
        for piece in bytes.chunks(PIECE_MAX) {
            self.desk.say(step, Upload { piece: Piece(piece.to_vec()) });
        }
        let group = sealed.entry.map(|(name, admins)| GroupEntry {
            handle: GroupHandle::of(&name, &self.directory),
            admins: admins.into_iter().collect(),
        });
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let request = CommitReq {
            room,
            epoch: sealed.epoch,
            members: sealed.members,
            commit: size(&sealed.commit),
            welcome: size(&sealed.welcome),
            group,
        };
        if let Some(running) = &mut self.errands.now {
            running.stage = Stage::Committed(sealed.epoch);
        }
        self.desk.ask(step, request, Asked::Commit { room, epoch: sealed.epoch });
    }

    /// What the directory says of our commit.
    pub(super) fn commit_answered(&mut self, step: &mut Step<'_>, room: RoomId, epoch: u64, status: CommitStatus) {
        let current = self.errands.now.as_ref();
        if !current.is_some_and(|running| running.room == room && running.stage == Stage::Committed(epoch)) {
            return;
        }
        match status {
            CommitStatus::Accepted => {
                // A room that was only created has no commit to wait for.
                if self.errands.now.as_ref().is_some_and(|running| matches!(running.errand, Errand::Found(_))) {
                    self.done(step);
                }
            }
            CommitStatus::Epoch => {
                self.rooms.drop_commit(&room);
                self.rooms.expect_commit(&room);
                step.keep(self.rooms.changes(&room));
                self.errands.start_over();
                self.go_on(step);
            }
            CommitStatus::Room | CommitStatus::Taken => {
                let errand = self.errands.now.take().map(|running| running.errand);
                let changes = self.lose_room(step, &room);
                step.keep(changes);
                if let (Some(Errand::Found(group)), CommitStatus::Taken) = (errand, status) {
                    step.tell(Notice::Group { group, news: GroupNews::NameTaken });
                }
                self.go_on(step);
            }
        }
    }

    /// A commit of this room was taken: ours if `ours`, so that the errand is done; otherwise it begins anew.
    pub(super) fn epoch_moved(&mut self, step: &mut Step<'_>, room: &RoomId, ours: bool) {
        if !self.errands.is_busy_with(room) {
            return;
        }
        let committed = self.errands.now.as_ref().is_some_and(|running| running.stage != Stage::Asking);
        if ours && committed {
            self.done(step);
        } else {
            self.errands.start_over();
        }
    }

    fn done(&mut self, step: &mut Step<'_>) {
        let Some(running) = self.errands.now.take() else { return };
        let room = running.room;
        self.errand_done(step, &running.errand, &room);
        if let Some(conversation) = self.rooms.conversation(&room) {
            self.pump(step, &conversation);
        }
        self.go_on(step);
    }

    /// Something cannot be done now.
    fn give_up(&mut self, step: &mut Step<'_>, conversation: &Conversation, why: &RoomError) {
        self.sending.hold(conversation, Next::Keys, Some(step.now.tick + 60));
        step.tell(Notice::Message(MessageNotice::Frozen { with: conversation.clone(), why: why.to_string() }));
    }

    /// A user came, perhaps with a new terminal: rooms shared with that user are looked after.
    pub(super) fn look_after_rooms_of(&mut self, step: &mut Step<'_>, user: &UserId) {
        for room in self.rooms.with_user(user).into_iter().filter(|room| self.is_founded(room)).collect::<Vec<_>>() {
            self.rooms.set_not_synced(&room);
            // In a large room one of the others who are there is enough; who has come may have lost everything.
            let online = |other: &UserId| other != user && (*other == self.me.user || self.is_online(other));
            let first = self.rooms.first_user(&room, online);
            if first.as_ref() == Some(&self.me.user) || *user == self.me.user {
                self.run(step, Errand::Sync(room));
            }
        }
    }
}
