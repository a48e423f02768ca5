//! What takes several questions to the directory: making a room, bringing its terminals up to date, changing its members
//! (protocol section 6.7). One operation at a time.
//!
//! ```text
//! which terminals? ── whose keys are missing? ── commit, accepted ── our own commit in the mailbox: done
//!                                                └ epoch: another was first ── its commit in the mailbox: once more
//! ```
//!
//! The commit's way through the mailbox is what counts: a crash at any point leaves a commit that was taken to be merged
//! when it arrives, and one that was not taken to be made again.

use std::collections::VecDeque;

use common::crypto::identity::PublicKey;
use common::ident::{GroupHandle, RoomId, TerminalId, UserId};
use common::limits::{PIECE_MAX, TERMINALS_ASKED, TERMINALS_PER_USER};
use common::msg::{
    CommitReq, GroupEntry, KeyPackageReply, KeyPackageReq, Member, Piece, TerminalsReply, TerminalsReq, Upload,
};

use super::Groups;
use super::changes::{MembershipChange, OutgoingCommit};
use super::known::Identity;
use super::queue::{ActiveOperation, GroupOperation, Stage};
use crate::command::Ticket;
use crate::context::Context;
use crate::mls::{RoomError, VerifiedKeyPackage};
use crate::model::Conversation;
use crate::notice::{MessageNotice, Next};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Question, Request, successors};

/// How long, in seconds, what cannot be sealed is left alone. Chosen arbitrarily.
pub(super) const BROKEN_TIMEOUT: u64 = 60;

impl Groups {
    /// Begins the next operation, if nothing stands in its way.
    pub(crate) fn begin_next(&mut self, cx: &mut Context) -> Vec<Request> {
        while cx.is_caught_up() && self.operations.active.is_none() && self.operations.not_before.is_none() {
            let ready = self.operations.waiting.iter().position(|(operation, _)| {
                let expects_commit = operation.room().is_some_and(|room| self.rooms.expects_commit(&room));
                !expects_commit && self.operations.may_begin_at(operation) <= cx.now.tick
            });
            let Some((operation, tickets)) = ready.and_then(|place| self.operations.waiting.remove(place)) else {
                break;
            };
            cx.answering = tickets.first().cloned();
            let requests = self.begin(cx, operation, tickets);
            if !requests.is_empty() {
                return requests;
            }
        }
        Vec::new()
    }

    /// The room that an operation is about, made if it is not there yet.
    fn room_of(&mut self, cx: &mut Context, operation: &GroupOperation) -> Result<RoomId, (Conversation, RoomError)> {
        match operation {
            GroupOperation::CreateDirect(user) => {
                let room = self.rooms.direct_with(user);
                room.map_or_else(|| self.create_direct(cx, user), Ok)
            }
            GroupOperation::CreateAnother(user) => self.create_direct(cx, user),
            GroupOperation::CreateGroup(name) => {
                // The directory may have taken it, and its answer got lost.
                if let Some(room) = self.uncreated_room(name) {
                    return Ok(room);
                }
                let id = cx.ids.room();
                let made = self.rooms.create_group(id, name);
                cx.write(made.map_err(|why| (Conversation::Group(name.clone()), why))?);
                Ok(id)
            }
            GroupOperation::SyncTerminals(room)
            | GroupOperation::AddMember(room, _)
            | GroupOperation::RemoveMember(room, _)
            | GroupOperation::GrantAdmin(room, _)
            | GroupOperation::StepDown(room)
            | GroupOperation::AddAgain(room, _) => Ok(*room),
            GroupOperation::FoundAnew(..) | GroupOperation::Reclaim(..) => Ok(cx.ids.room()),
        }
    }

    fn create_direct(&mut self, cx: &mut Context, user: &UserId) -> Result<RoomId, (Conversation, RoomError)> {
        let id = cx.ids.room();
        let made = self.rooms.create_direct(id, user);
        cx.write(made.map_err(|why| (Conversation::User(user.clone()), why))?);
        Ok(id)
    }

    /// The users whose terminals an operation is about; nothing where the room cannot be used.
    fn concerned(&self, operation: &GroupOperation, room: &RoomId) -> Option<Vec<UserId>> {
        if let GroupOperation::FoundAnew(old, without) = operation {
            let own = self.rooms.own.member().userid;
            let stays_away = without.as_ref().map(|without| &without.userid).filter(|user| **user != own);
            let comes = |user: &UserId| stays_away != Some(user);
            return self.is_known(old).then(|| self.rooms.users(old).into_iter().filter(comes).collect());
        }
        if let GroupOperation::Reclaim(group, room, admins) = operation {
            // Whoever was in it when our user was goes along.
            let now = Identity { room: *room, admins: admins.clone(), members: Vec::new() };
            let former = self.known.of(group).and_then(|known| known.former.as_ref());
            let members = former.filter(|former| former.is_same(&now)).map_or(&[][..], |former| &former.members);
            let others = members.iter().filter(|member| !admins.contains(member));
            return Some(admins.iter().chain(others).cloned().collect());
        }
        if !self.rooms.is_usable(room) {
            return None;
        }
        if let GroupOperation::AddAgain(_, member) = operation {
            // Who was removed while this waited stays away; a terminal that asks need not have been in it.
            let is_in = self.rooms.users(room).contains(&member.userid);
            return is_in.then(|| vec![member.userid.clone()]);
        }
        // Whoever may change nobody else's terminals asks for none.
        let users = self.rooms.users(room).into_iter();
        let mut users: Vec<UserId> = users.filter(|user| self.rooms.may_add(room, user)).collect();
        let wanted = match (operation, self.rooms.conversation(room)) {
            (GroupOperation::AddMember(_, user), _) => Some(user.clone()),
            // A room of two whose first commit was never taken has only us in it.
            (_, Some(Conversation::User(other))) => Some(other),
            _ => None,
        };
        users.extend(wanted.filter(|user| !users.contains(user)));
        Some(users)
    }

    fn begin(&mut self, cx: &mut Context, operation: GroupOperation, tickets: Vec<Ticket>) -> Vec<Request> {
        let room = match self.room_of(cx, &operation) {
            Ok(room) => room,
            Err((conversation, why)) => return vec![broken(cx, &tickets, conversation, &why)],
        };
        let Some(users) = self.concerned(&operation, &room) else {
            self.tell_frozen(cx, &tickets, &room);
            return Vec::new();
        };
        self.operations.begun += 1;
        let number = self.operations.begun;
        let creates = matches!(operation, GroupOperation::CreateGroup(_));
        let questions: Vec<Request> = users
            .chunks(TERMINALS_ASKED)
            .filter(|_| !creates)
            .map(|users| {
                let message = TerminalsReq { users: users.to_vec() }.into();
                Request::Directory(DirectoryRequest::Ask { message, question: Question::Terminals(number) })
            })
            .collect();
        self.operations.active = Some(ActiveOperation {
            number,
            operation,
            tickets,
            room,
            stage: Stage::Asking,
            unanswered: questions.len(),
            missing: VecDeque::new(),
            newcomers: Vec::new(),
            gone: Vec::new(),
            certificates: None,
        });
        if creates { self.commit(cx) } else { questions }
    }

    /// Which terminals there are: compares them with the room.
    pub(crate) fn handle_terminals(&mut self, cx: &mut Context, number: u64, reply: TerminalsReply) -> Vec<Request> {
        let Some(active) = self.operations.active(number) else { return Vec::new() };
        if let Some(Conversation::User(other)) = self.rooms.conversation(&active.room)
            && !reply.users.iter().any(|listed| listed.userid == other)
        {
            return self.nobody_there(cx, other);
        }
        let group = match self.rooms.conversation(&active.room) {
            Some(Conversation::Group(group)) => Some(group),
            Some(Conversation::User(_) | Conversation::Everyone) | None => None,
        };
        for listed in reply.users {
            let present = self.rooms.terminals_of(&active.room, &listed.userid);
            let member = |terminal: TerminalId| Member { userid: listed.userid.clone(), terminal };
            // Whom we could not take off again, to add the terminal for good, comes in by asking.
            let asks =
                group.is_some() && !cx.is_me(&listed.userid) && !self.rooms.may_remove(&active.room, &listed.userid);
            let asked = group.as_ref().and_then(|group| self.asking.get(&(group.clone(), listed.userid.clone())));
            let asked = asked.filter(|asked| listed.terminals.iter().any(|terminal| asked.contains(terminal)));
            let wanted = |terminal: &TerminalId| match &active.operation {
                GroupOperation::RemoveMember(_, user) => *user != listed.userid && !present.contains(terminal),
                GroupOperation::AddAgain(_, again) => *again == member(*terminal),
                GroupOperation::FoundAnew(_, without) => {
                    *without != Some(member(*terminal)) && cx.me.terminal != *terminal
                }
                GroupOperation::Reclaim(..) => cx.me.terminal != *terminal,
                GroupOperation::AddMember(_, user) if *user == listed.userid => {
                    !present.contains(terminal) && asked.is_none_or(|asked| asked.contains(terminal))
                }
                GroupOperation::CreateDirect(_)
                | GroupOperation::CreateAnother(_)
                | GroupOperation::SyncTerminals(_)
                | GroupOperation::CreateGroup(_)
                | GroupOperation::AddMember(..)
                | GroupOperation::GrantAdmin(..)
                | GroupOperation::StepDown(_) => !present.contains(terminal) && !asks,
            };
            let missing: Vec<TerminalId> =
                listed.terminals.iter().filter(|terminal| wanted(terminal)).copied().collect();
            // A terminal the directory knows no more is gone, if its user goes on at another.
            let is_removed =
                matches!(&active.operation, GroupOperation::RemoveMember(_, user) if *user == listed.userid);
            let may_remove = !is_removed && self.rooms.may_remove(&active.room, &listed.userid);
            let gone = present.iter().filter(|terminal| {
                let ours = cx.is_me(&listed.userid) && **terminal == cx.me.terminal;
                may_remove && !ours && !listed.terminals.is_empty() && !listed.terminals.contains(terminal)
            });
            active.gone.extend(gone.map(|terminal| member(*terminal)));
            for terminals in missing.chunks(TERMINALS_PER_USER) {
                active.missing.push_back((listed.userid.clone(), terminals.to_vec()));
            }
        }
        active.unanswered = active.unanswered.saturating_sub(1);
        if active.unanswered == 0 { self.take_packages(cx) } else { Vec::new() }
    }

    /// There is no such user, or no more: the operation is over, and a room that only we are in goes.
    fn nobody_there(&mut self, cx: &mut Context, other: UserId) -> Vec<Request> {
        if let Some(active) = self.operations.active.take()
            && self.rooms.users(&active.room).iter().all(|user| cx.is_me(user))
        {
            cx.write(self.rooms.forget(&active.room));
        }
        vec![Request::Delivery(DeliveryRequest::NoSuchUser(other))]
    }

    /// Takes key packages of the next user, or commits when there are no more to take.
    pub(super) fn take_packages(&mut self, cx: &mut Context) -> Vec<Request> {
        let Some(active) = &mut self.operations.active else { return Vec::new() };
        let number = active.number;
        let Some((userid, terminals)) = active.missing.pop_front() else { return self.commit(cx) };
        let question = Question::Packages(userid.clone(), number);
        let mut requests: Vec<Request> = successors(cx, [userid.clone()]).into_iter().collect();
        let message = KeyPackageReq { userid, terminals }.into();
        requests.push(Request::Directory(DirectoryRequest::Ask { message, question }));
        requests
    }

    /// Key packages of a user came; those count that were made under the pinned key.
    pub(crate) fn handle_packages(
        &mut self,
        cx: &mut Context,
        (user, number): (&UserId, u64),
        reply: &KeyPackageReply,
    ) -> Vec<Request> {
        let Some(active) = self.operations.active(number) else { return Vec::new() };
        if let Ok(key) = PublicKey::from_pkcs1(&reply.publickey.0)
            && cx.is_pinned(user, &key)
        {
            let carried = cx.carried(user, &key);
            let verified = reply.packages.iter().filter_map(|taken| self.rooms.newcomer(user, (&key, &carried), taken));
            active.newcomers.extend(verified);
        }
        self.take_packages(cx)
    }

    /// Everything is there: commits, or finds that there is nothing to do.
    fn commit(&mut self, cx: &mut Context) -> Vec<Request> {
        if let Some(questions) = self.looks_at_leaves() {
            return questions;
        }
        let Some(active) = &mut self.operations.active else { return Vec::new() };
        let room = active.room;
        let newcomers: Vec<VerifiedKeyPackage> = active.newcomers.drain(..).collect();
        let in_place_of = match &active.operation {
            GroupOperation::FoundAnew(old, _) => {
                let successor = self.rooms.successor(old).map_or(*old, |successor| successor.room);
                let replaced = self.instead.get(old).copied().unwrap_or(Some(successor));
                self.rooms.charter_of_group(old).map(|(name, admins)| (replaced, name, admins))
            }
            GroupOperation::Reclaim(name, old, admins) => Some((Some(*old), name.clone(), admins.clone())),
            GroupOperation::CreateDirect(_)
            | GroupOperation::CreateAnother(_)
            | GroupOperation::SyncTerminals(_)
            | GroupOperation::CreateGroup(_)
            | GroupOperation::AddMember(..)
            | GroupOperation::RemoveMember(..)
            | GroupOperation::GrantAdmin(..)
            | GroupOperation::StepDown(_)
            | GroupOperation::AddAgain(..) => None,
        };
        if let Some((old, name, admins)) = in_place_of {
            let made = self.rooms.found_anew(room, (old, name, admins), newcomers);
            return self.committed_as(cx, made);
        }
        let coming: Vec<Member> = newcomers.iter().map(VerifiedKeyPackage::member).collect();
        let comes_again = |member: &Member| coming.contains(member);
        let newcomers = newcomers.into_iter().map(|newcomer| MembershipChange::Add(Box::new(newcomer)));
        let mut changes: Vec<MembershipChange> = newcomers.collect();
        changes.extend(active.gone.drain(..).map(MembershipChange::RemoveTerminal));
        match &active.operation {
            GroupOperation::RemoveMember(_, user) => changes.push(MembershipChange::RemoveUser(user.clone())),
            GroupOperation::GrantAdmin(_, user) => changes.push(MembershipChange::Promote(user.clone())),
            GroupOperation::StepDown(_) => changes.push(MembershipChange::StepDown),
            GroupOperation::AddAgain(_, member)
                if comes_again(member) && self.rooms.members(&room).contains(member) =>
            {
                changes.push(MembershipChange::RemoveTerminal(member.clone()));
            }
            GroupOperation::CreateDirect(_)
            | GroupOperation::CreateAnother(_)
            | GroupOperation::SyncTerminals(_)
            | GroupOperation::CreateGroup(_)
            | GroupOperation::AddMember(..)
            | GroupOperation::FoundAnew(..)
            | GroupOperation::Reclaim(..)
            | GroupOperation::AddAgain(..) => {}
        }
        self.rooms.set_synced(&room, cx.now.tick);
        let made = match active.operation {
            GroupOperation::CreateGroup(_) => Ok(self.rooms.founding(&room)),
            _ => self.rooms.propose(&room, changes),
        };
        self.committed_as(cx, made)
    }

    /// The commit of the operation was made, or there is nothing to change.
    fn committed_as(&mut self, cx: &mut Context, made: Result<Option<OutgoingCommit>, RoomError>) -> Vec<Request> {
        let Some(active) = &mut self.operations.active else { return Vec::new() };
        let room = active.room;
        match made {
            Ok(Some(commit)) => {
                active.stage = Stage::Committed(commit.epoch);
                cx.write(self.rooms.changes(&room));
                give(cx, room, commit)
            }
            Ok(None) => self.finish(cx),
            Err(why) => {
                let tickets = self.operations.active.take().map(|active| active.tickets).unwrap_or_default();
                let conversation = self.rooms.conversation(&room);
                conversation.map(|conversation| broken(cx, &tickets, conversation, &why)).into_iter().collect()
            }
        }
    }
}

/// The requests that give a commit to the directory.
fn give(cx: &Context, room: RoomId, commit: OutgoingCommit) -> Vec<Request> {
    let OutgoingCommit { epoch, members, commit, welcome, entry, again, replaces } = commit;
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let (commit_size, welcome_size) = (size(&commit), size(&welcome));
    let mut requests = vec![Request::Mailbox(MailboxRequest::CountWritten)];
    let bytes = [commit.as_slice(), &welcome].concat();
    requests.extend(
        bytes
            .chunks(PIECE_MAX)
            .map(|piece| Request::Directory(DirectoryRequest::Tell(Upload { piece: Piece(piece.to_vec()) }.into()))),
    );
    let group = entry.map(|(name, admins)| GroupEntry { handle: GroupHandle::of(&name, &cx.directory), admins });
    let request = CommitReq {
        commit: commit_size,
        welcome: welcome_size,
        group,
        again,
        replaces,
        ..CommitReq::without_commit(room, epoch, members)
    };
    let message = cx.signed(request, &commit, &welcome).into();
    requests.push(Request::Directory(DirectoryRequest::Ask { message, question: Question::Commit { room, epoch } }));
    requests
}

/// Something cannot be done now, because a room is broken.
fn broken(cx: &mut Context, tickets: &[Ticket], with: Conversation, why: &RoomError) -> Request {
    cx.tell_each(tickets, MessageNotice::Frozen { with: with.clone(), why: why.to_string() });
    Request::Delivery(DeliveryRequest::BackOff { to: with, next: Next::Keys, until: cx.now.tick + BROKEN_TIMEOUT })
}
