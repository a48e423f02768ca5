//! What the user wants of a group, and what comes of it (protocol sections 6.7, 6.9).

use common::ident::{GroupHandle, GroupName, RoomId, UserId};
use common::limits::RECEIPT_IDS;
use common::msg::{Body, CommitRefusal, GroupReply, GroupReq, Letter, MailItem, Member};

use super::Groups;
use super::known::{Group, Identity};
use super::queue::{ActiveOperation, GroupOperation, Stage};
use crate::command::{GroupWish, Ticket};
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{GroupNews, Notice, Role};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

/// What a wish leads to: requests, answered later, or news at once.
type Decided = Result<Vec<Request>, GroupNews>;

impl Groups {
    /// Does what the user wants of a group.
    pub(crate) fn change(&mut self, cx: &mut Context, group: GroupName, wish: GroupWish) -> Vec<Request> {
        match self.begin_wish(cx, &group, wish) {
            Ok(requests) => requests,
            Err(news) => {
                cx.tell(Notice::Group { group, news });
                Vec::new()
            }
        }
    }

    fn begin_wish(&mut self, cx: &mut Context, group: &GroupName, wish: GroupWish) -> Decided {
        match (wish, self.known.room(group)) {
            // What cannot be followed any more, or was lost, is left at once.
            (GroupWish::Leave, Some(room)) if !self.rooms.is_usable(&room) => Ok(self.leave_here(cx, group, &room)),
            (GroupWish::Create, Some(room)) if self.rooms.why_frozen(&room).is_some() => {
                let author = self.rooms.frozen_by(&room);
                self.found_anew(cx, &room, author)
            }
            (GroupWish::Remove(user), Some(room)) if self.rooms.why_frozen(&room).is_some() => {
                let terminal = self.rooms.terminals_of(&room, &user).first().copied();
                let Some(terminal) = terminal else { return Err(GroupNews::NotThere { user }) };
                self.found_anew(cx, &room, Some(Member { userid: user, terminal }))
            }
            (_, Some(room)) if self.rooms.why_frozen(&room).is_some() => {
                let tickets: Vec<Ticket> = cx.answering.iter().cloned().collect();
                self.tell_frozen(cx, &tickets, &room);
                Ok(Vec::new())
            }
            (GroupWish::Create, Some(_)) => Err(GroupNews::NameTaken),
            (GroupWish::Join, Some(room)) if self.rooms.epoch(&room).is_some() => {
                Err(GroupNews::AlreadyMember { user: cx.me.user.clone() })
            }
            (GroupWish::Create, None) if group.is_reserved() => Err(GroupNews::NameReserved),
            (GroupWish::Create, None) | (GroupWish::Join, _) if !cx.is_up() => Err(GroupNews::DirectoryLost),
            (GroupWish::Create, None) => self.operate(cx, GroupOperation::CreateGroup(group.clone())),
            // Who has lost the state of the room asks, too.
            (GroupWish::Join, _) => {
                let message = GroupReq { handle: GroupHandle::of(group, &cx.directory) }.into();
                Ok(vec![Request::Directory(DirectoryRequest::Ask {
                    message,
                    question: Question::Group(group.clone()),
                })])
            }
            (_, None) => Err(GroupNews::NotAMember),
            (_, Some(room)) if self.rooms.epoch(&room).is_none() => Err(GroupNews::Returning),
            (GroupWish::Members, Some(room)) => Err(self.members(group, &room)),
            (GroupWish::Leave, Some(room)) => self.leave(cx, group, &room),
            (wish, Some(room)) => self.decide(cx, group, room, wish),
        }
    }

    fn members(&self, group: &GroupName, room: &RoomId) -> GroupNews {
        let waiting = self.known.waiting(group).to_vec();
        let admins = self.rooms.admins(room);
        let role = |user: &UserId| if admins.contains(user) { Role::Admin } else { Role::Member };
        let members = self.rooms.users(room).into_iter().map(|user| (user.clone(), role(&user))).collect();
        GroupNews::Members { members, waiting }
    }

    /// What only an admin may do.
    fn decide(&mut self, cx: &mut Context, group: &GroupName, room: RoomId, wish: GroupWish) -> Decided {
        let (users, admins) = (self.rooms.users(&room), self.rooms.admins(&room));
        if !admins.contains(&cx.me.user) {
            return Err(GroupNews::NotAdmin { admins });
        }
        let waits = |user: &UserId| self.known.waiting(group).contains(user);
        match wish {
            GroupWish::Approve(user) if users.contains(&user) => Err(GroupNews::AlreadyMember { user }),
            GroupWish::Approve(user) | GroupWish::Deny(user) if !waits(&user) => Err(GroupNews::NotThere { user }),
            GroupWish::Remove(user) | GroupWish::Admin(user) if !users.contains(&user) => {
                Err(GroupNews::NotThere { user })
            }
            GroupWish::Remove(user) if cx.is_me(&user) => Err(GroupNews::LastAdmin),
            GroupWish::Remove(user) if !self.rooms.may_remove(&room, &user) => Err(GroupNews::StandsBefore { user }),
            GroupWish::Approve(_) | GroupWish::Remove(_) | GroupWish::Admin(_) if !cx.is_up() => {
                Err(GroupNews::DirectoryLost)
            }
            GroupWish::Approve(user) => self.operate(cx, GroupOperation::AddMember(room, user)),
            GroupWish::Remove(user) => self.operate(cx, GroupOperation::RemoveMember(room, user)),
            GroupWish::Admin(user) => self.operate(cx, GroupOperation::GrantAdmin(room, user)),
            GroupWish::Deny(user) => Ok(self.deny(cx, group, user)),
            GroupWish::Create | GroupWish::Join | GroupWish::Leave | GroupWish::Members => Ok(Vec::new()),
        }
    }

    /// The user wants a group that cannot be followed to go on without somebody.
    fn found_anew(&mut self, cx: &mut Context, room: &RoomId, without: Option<Member>) -> Decided {
        if !cx.is_up() {
            return Err(GroupNews::DirectoryLost);
        }
        match without {
            None if self.rooms.has_gone_back(room) && self.stands_first(cx, room) => {
                self.operate(cx, GroupOperation::FoundAnew(*room, None))
            }
            Some(without) if self.may_found_anew(cx, room, &without) => {
                self.operate(cx, GroupOperation::FoundAnew(*room, Some(without)))
            }
            Some(_) | None => {
                let tickets: Vec<Ticket> = cx.answering.iter().cloned().collect();
                self.tell_frozen(cx, &tickets, room);
                Ok(Vec::new())
            }
        }
    }

    fn operate(&mut self, cx: &mut Context, operation: GroupOperation) -> Decided {
        let (room, at) = (operation.room(), self.operations.may_begin_at(&operation));
        self.operations.add_for(cx.answering.clone(), operation);
        if let Some(room) = room.filter(|_| at > cx.now.tick) {
            let tickets: Vec<Ticket> = cx.answering.iter().cloned().collect();
            self.tell_postponed(cx, &tickets, &room, at - cx.now.tick);
        }
        Ok(Vec::new())
    }

    /// What these commands wish of a group waits so many seconds for its turn. What becomes of it is answered then.
    fn tell_postponed(&self, cx: &mut Context, tickets: &[Ticket], room: &RoomId, after: u64) {
        if let Some(Conversation::Group(group)) = self.rooms.conversation(room) {
            cx.tell_each(tickets, Notice::Group { group, news: GroupNews::Postponed { after } });
        }
    }

    /// The directory takes no more ends of epochs of this room for now: whoever wishes something of it is told how long it
    /// waits.
    pub(super) fn tell_who_waits(&self, cx: &mut Context, room: &RoomId) {
        for (_, after, tickets) in self.operations.postponed(cx.now.tick).into_iter().filter(|(of, ..)| of == room) {
            self.tell_postponed(cx, &tickets, room, after);
        }
    }

    /// The session is over, and with it what waits for its turn: whoever wished it is told that it was not done.
    pub(crate) fn handle_session_over(&mut self, cx: &mut Context) {
        for (room, after, tickets) in self.operations.postponed(cx.now.tick) {
            if let Some(Conversation::Group(group)) = self.rooms.conversation(&room) {
                let news = GroupNews::NotAllowed { why: CommitRefusal::Epochs, retry_after: Some(after) };
                cx.tell_each(&tickets, Notice::Group { group, news });
            }
        }
    }

    fn deny(&mut self, cx: &mut Context, group: &GroupName, user: UserId) -> Vec<Request> {
        cx.write(self.known.no_longer_waits(group, &user));
        cx.tell(Notice::Group { group: group.clone(), news: GroupNews::Done });
        let (to, all) = (Conversation::User(user.clone()), Conversation::Group(group.clone()));
        vec![write(cx, to, Body::Denied { group: group.clone() }), write(cx, all, Body::Decided { user })]
    }

    /// Whom to ask for admission.
    pub(crate) fn handle_group(&mut self, cx: &mut Context, group: GroupName, reply: &GroupReply) -> Vec<Request> {
        let Some(room) = reply.room.filter(|_| !reply.admins.is_empty()) else {
            cx.tell(Notice::Group { group, news: GroupNews::NoSuchGroup });
            return Vec::new();
        };
        let asked_of = Identity { room, admins: reply.admins.clone(), members: Vec::new() };
        if let Some(former) = self.warns_of(&group, &asked_of) {
            cx.write([self.known.change(&group, |known| known.warned_of = Some(room))]);
            let admins = asked_of.admins;
            cx.tell(Notice::Group { group, news: GroupNews::AnotherGroup { admins, former } });
            return Vec::new();
        }
        let handle = GroupHandle::of(&group, &cx.directory);
        cx.write([self.known.change(&group, |known| (known.asked, known.asked_of) = (true, Some(asked_of)))]);
        cx.tell(Notice::Group { group: group.clone(), news: GroupNews::Asked });
        let admins: Vec<&UserId> = reply.admins.iter().filter(|admin| !cx.is_me(admin)).collect();
        let ask = |admin: &UserId| {
            let body = Body::Ask { group: group.clone(), handle };
            write(cx, Conversation::User(admin.clone()), body)
        };
        admins.into_iter().map(ask).collect()
    }

    /// An admin has taken this terminal in with a key package that was used before, because a directory that was put back has
    /// given it out again: the admin is asked once more, with whom this terminal counts as a member that cannot follow.
    pub(super) fn ask_again(&mut self, cx: &mut Context, welcome: &MailItem) -> Option<Request> {
        let (room, by) = (welcome.room, &welcome.from.userid);
        let is_asked =
            |known: &Group| known.asked_of.as_ref().is_some_and(|it| it.room == room && it.admins.contains(by));
        let (group, _) = self.known.iter().find(|(_, known)| known.asked && is_asked(known))?;
        let (group, handle) = (group.clone(), GroupHandle::of(group, &cx.directory));
        let may = self.asked_back.begin_or_leave(&room, cx.now.tick);
        may.then(|| write(cx, Conversation::User(by.clone()), Body::Ask { group, handle }))
    }

    /// The admins of the group of this name that the user was in, if this is another one and the user was not warned of it.
    fn warns_of(&self, group: &GroupName, other: &Identity) -> Option<Vec<UserId>> {
        let known = self.known.of(group)?;
        let former = known.former.as_ref().filter(|former| !former.is_same(other))?;
        (known.warned_of != Some(other.room)).then(|| former.admins.clone())
    }

    /// Rooms that were made for a group, of which it is not known whether the directory has taken it.
    fn uncreated(&self) -> Vec<(GroupName, RoomId)> {
        let groups = self.rooms.groups().into_iter();
        groups.filter(|(name, room)| self.known.room(name) != Some(*room)).collect()
    }

    /// The room that was made for a group, if there is one that the directory has not taken.
    pub(super) fn uncreated_room(&self, group: &GroupName) -> Option<RoomId> {
        self.uncreated().into_iter().find(|(name, _)| name == group).map(|(_, room)| room)
    }

    pub(super) fn is_created(&self, room: &RoomId) -> bool {
        self.uncreated().iter().all(|(_, other)| other != room)
    }

    /// Goes on with the groups whose creation was interrupted.
    pub(super) fn go_on_with_creations(&mut self, cx: &mut Context) {
        for (group, room) in self.uncreated() {
            if self.known.room(&group).is_none() {
                self.operations.add(GroupOperation::CreateGroup(group));
            } else {
                // The user is in another group of this name by now.
                cx.write(self.rooms.forget(&room));
            }
        }
    }

    /// An operation has come to its end.
    pub(super) fn operation_done(&mut self, cx: &mut Context, done: &ActiveOperation) -> Vec<Request> {
        let ActiveOperation { operation, tickets, room, stage, .. } = done;
        let (group, news) = match operation {
            GroupOperation::CreateDirect(_)
            | GroupOperation::CreateAnother(_)
            | GroupOperation::SyncTerminals(_)
            | GroupOperation::FoundAnew(..)
            | GroupOperation::Reclaim(..)
            | GroupOperation::AddAgain(..) => return Vec::new(),
            GroupOperation::CreateGroup(group) => {
                cx.write([self.known.joined(group, *room)]);
                // The other terminals of its founder.
                self.operations.add(GroupOperation::SyncTerminals(*room));
                (group.clone(), GroupNews::Created)
            }
            GroupOperation::StepDown(_) => {
                let Some(Conversation::Group(group)) = self.rooms.conversation(room) else { return Vec::new() };
                return self.say_goodbye(cx, &group, tickets);
            }
            GroupOperation::AddMember(_, user)
            | GroupOperation::RemoveMember(_, user)
            | GroupOperation::GrantAdmin(_, user) => {
                let Some(Conversation::Group(group)) = self.rooms.conversation(room) else { return Vec::new() };
                (group, self.news_of(cx, operation, room, user.clone()))
            }
        };
        // Where there was nothing left to do, a commit has brought it about that was told of when it came.
        let came_about = matches!(news, GroupNews::Changed { .. } | GroupNews::NewAdmin { .. });
        if !(came_about && *stage == Stage::Asking && tickets.is_empty()) {
            cx.tell_each(tickets, Notice::Group { group: group.clone(), news });
        }
        if !matches!(operation, GroupOperation::GrantAdmin(..)) {
            return Vec::new();
        }
        let tell =
            |users: &[UserId]| write(cx, Conversation::Group(group.clone()), Body::Waiting { users: users.to_vec() });
        self.known.waiting(&group).chunks(RECEIPT_IDS).map(tell).collect()
    }

    /// What has become of a user.
    fn news_of(&self, cx: &Context, operation: &GroupOperation, room: &RoomId, user: UserId) -> GroupNews {
        let is_member = self.rooms.users(room).contains(&user);
        let by = cx.me.user.clone();
        match operation {
            GroupOperation::GrantAdmin(..) => GroupNews::NewAdmin { user },
            GroupOperation::AddMember(..) if !is_member => GroupNews::NoTerminal { user },
            _ if is_member => GroupNews::Changed { by, joined: vec![user], left: Vec::new() },
            _ => GroupNews::Changed { by, joined: Vec::new(), left: vec![user] },
        }
    }
}

/// A letter that is no text.
fn write(cx: &mut Context, to: Conversation, body: Body) -> Request {
    Request::Delivery(DeliveryRequest::Send { to, letter: Letter { id: cx.ids.message(), date: cx.now.date, body } })
}
