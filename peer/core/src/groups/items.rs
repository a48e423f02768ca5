//! Items of the mailbox, opened: letters, commits, welcomes; and what a commit or a welcome means (protocol sections 6.6,
//! 6.9).

use common::crypto::identity::PublicKey;
use common::ident::{GroupName, RoomId, UserId};
use common::msg::{MailKind, Member, UserCertificate};

use super::Groups;
use super::changes::{MembershipDiff, OldRoom, ProcessedItem};
use super::queue::GroupOperation;
use super::registry::DIRECT_ROOMS;
use super::succession::{AGAIN_EPOCHS, moved};
use crate::context::Context;
use crate::mls::VerifiedCredential;
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Request, SealedLetter, WholeItem};

/// Of how many groups that one user wants ours in it is told in a session. Chosen arbitrarily.
const INVITATIONS_TOLD: usize = 4;

/// Who makes rooms of two without end.
const TOO_MANY_ROOMS: &str = "one conversation after the other was begun, and the oldest are forgotten";

impl Groups {
    /// Opens an item of the mailbox, and says when it was taken.
    pub(crate) fn handle_item(&mut self, cx: &mut Context, whole: WholeItem) -> Vec<Request> {
        let room = whole.item.room;
        let known = verified(cx, whole.certificates.as_deref().unwrap_or_default());
        let processed = match whole.item.kind {
            MailKind::Welcome => {
                let vouched = whole.certificates.is_some().then_some(known.as_slice());
                let judged = (vouched, &cx.directory);
                self.rooms.join(&whole.item, &whole.bytes, judged, &self.known, |user| cx.is_blocked(user))
            }
            MailKind::Message | MailKind::Commit => self.rooms.open(&whole.item, &whole.bytes, &known, &cx.directory),
        };
        let number = whole.item.item;
        let processed = match processed {
            ProcessedItem::Needs(missing) if whole.certificates.is_none() => {
                return vec![Request::Mailbox(MailboxRequest::NeedsCertificates { whole: Box::new(whole), missing })];
            }
            // Asked for, and none came: whoever it is cannot be judged.
            ProcessedItem::Needs(_) => self.rooms.without_certificates(&whole.item),
            processed => processed,
        };
        self.rooms.expected().put_off(cx.now.tick);
        let mut requests = match processed {
            ProcessedItem::Strange => {
                self.make_room_known(cx, &whole.item.from.userid);
                Vec::new()
            }
            ProcessedItem::Unopened => self.ask_again(cx, &whole.item).into_iter().collect(),
            ProcessedItem::Nothing | ProcessedItem::Needs(_) => Vec::new(),
            ProcessedItem::Invited { group, by } => {
                self.invited(cx, group, by);
                Vec::new()
            }
            ProcessedItem::NotLetIn { group, by, why, old } => {
                cx.write(old.map(|old| self.rooms.changes(&old)).unwrap_or_default());
                cx.tell_each(&[], Notice::Group { group, news: GroupNews::NotLetIn { by, why } });
                Vec::new()
            }
            ProcessedItem::Dropped(why) => {
                self.dropped(cx, &room, &whole.item.from, why);
                Vec::new()
            }
            ProcessedItem::Letter { from, bytes } => {
                let conversation = self.rooms.conversation(&room);
                let Member { userid: from, terminal } = from;
                let letter = |conversation| SealedLetter { room, conversation, from, terminal, bytes };
                conversation
                    .map(letter)
                    .map(Box::new)
                    .map(|wanted| Request::Delivery(DeliveryRequest::Letter(wanted)))
                    .into_iter()
                    .collect()
            }
            ProcessedItem::Committed(diff) => self.committed(cx, &room, &whole.item.from, diff),
            ProcessedItem::Joined { by, old, surplus } => {
                cx.write(surplus);
                self.count_directs(cx, &room, &by);
                self.joined(cx, &room, &by, old)
            }
            ProcessedItem::NotMoved { old, by, why } => {
                self.frozen(cx, &old, format!("{by} has founded it anew in a way that cannot be followed: {why}"));
                let requests = if cx.is_caught_up() { self.mend(cx, &old) } else { Vec::new() };
                cx.write(self.rooms.changes(&old));
                requests
            }
            ProcessedItem::Frozen(why) => {
                self.frozen(cx, &room, why);
                if cx.is_caught_up() { self.mend(cx, &room) } else { Vec::new() }
            }
        };
        cx.write(self.rooms.changes(&room));
        requests.push(Request::Mailbox(MailboxRequest::Taken(number)));
        requests
    }

    /// A commit was followed.
    pub(super) fn committed(
        &mut self,
        cx: &mut Context,
        room: &RoomId,
        by: &Member,
        diff: MembershipDiff,
    ) -> Vec<Request> {
        let conversation = self.rooms.conversation(room);
        let ours = cx.is_me(&by.userid) && by.terminal == cx.me.terminal;
        let tickets = self.operations.tickets_of(room);
        let told = if ours { self.operations.tells_of(room) } else { None };
        if cx.is_me(&by.userid) {
            self.operations.has_ended(room, cx.now.tick);
        }
        let mut requests = self.epoch_moved(cx, room, ours);
        let Some(conversation) = conversation else { return requests };
        if diff.removed_us {
            requests.extend(self.lose_room(cx, room));
            if let Conversation::Group(group) = conversation
                && !cx.is_me(&by.userid)
            {
                cx.tell(Notice::Group { group, news: GroupNews::Removed { by: by.userid.clone() } });
            }
            return requests;
        }
        requests.push(Request::Directory(DirectoryRequest::Watch(diff.joined.clone())));
        if diff.replaced.iter().any(|user| !cx.is_me(user)) {
            requests.push(Request::Delivery(DeliveryRequest::ReceiverReplaced(conversation.clone())));
        }
        self.take_siblings_in(cx, room, by, &diff.added);
        if let Conversation::User(user) = &conversation
            && diff.again.iter().any(|member| member.userid == *user)
        {
            requests.push(Request::Delivery(DeliveryRequest::ConfirmAgain(user.clone())));
        }
        // Who was taken in again has missed an epoch or two, whoever did it. That it is done without end makes nobody repeat
        // without end: a text is said again once for a terminal, and twice for those of one user.
        if !diff.again.is_empty() && matches!(conversation, Conversation::Group(_)) {
            let (to, whom) = (conversation.clone(), diff.again.clone());
            let epoch = self.rooms.epoch(room).unwrap_or_default().saturating_sub(AGAIN_EPOCHS);
            requests.push(Request::Delivery(DeliveryRequest::SayAgain { to, epoch, whom }));
        }
        if let Conversation::Group(group) = &conversation {
            for user in &diff.joined {
                self.asking.remove(&(group.clone(), user.clone()));
                cx.write(self.known.no_longer_waits(group, user));
            }
            let goes_on = self.known.room(group) == Some(*room);
            // Who has left with it is not in it any more.
            if ours && self.rooms.epoch(room).is_some() {
                requests.extend(self.took_the_place(cx, group, room, &tickets));
            }
            if goes_on {
                tell_changes(cx, group, by, diff, told.as_ref());
            }
        }
        requests.push(Request::Delivery(DeliveryRequest::Flush(conversation)));
        requests
    }

    /// A welcome was accepted.
    fn joined(&mut self, cx: &mut Context, room: &RoomId, by: &Member, old: Option<OldRoom>) -> Vec<Request> {
        // Leaves that were not verified are looked at again before anything is said.
        if self.rooms.unverified(room).is_empty() {
            self.rooms.set_synced(room, cx.now.tick);
        }
        let Some(conversation) = self.rooms.conversation(room) else { return Vec::new() };
        let users = self.rooms.users(room);
        if let Conversation::Group(group) = &conversation {
            cx.write([self.known.joined(group, *room)]);
            let founded_anew = old.as_ref().filter(|old| old.room != *room);
            let news = match founded_anew {
                Some(old) => self.founded_anew(cx, room, &by.userid, (&old.users, old.gone_back)),
                None => GroupNews::Joined { members: users.len() },
            };
            cx.tell(Notice::Group { group: group.clone(), news });
            if !cx.is_me(&by.userid) {
                let were_in = old.as_ref().map_or(&[][..], |old| &old.own);
                let mut added = self.rooms.members(room);
                added.retain(|member| !were_in.contains(member));
                self.take_siblings_in(cx, room, by, &added);
            }
            if old.is_none() && !cx.is_me(&by.userid) {
                self.operations.add(GroupOperation::SyncTerminals(*room));
            }
            self.tell_unverified(cx, group, room);
        }
        let mut requests = vec![
            Request::Directory(DirectoryRequest::Watch(users.into_iter().collect())),
            Request::Delivery(DeliveryRequest::Flush(conversation.clone())),
        ];
        if let Conversation::User(user) = &conversation
            && self.rooms.directs_with(user).count() > 1
        {
            // The other side may not have been able to follow the room before.
            requests.push(Request::Delivery(DeliveryRequest::ReceiverReplaced(conversation.clone())));
            if by.userid == *user {
                requests.push(Request::Delivery(DeliveryRequest::ConfirmAgain(user.clone())));
            }
        }
        if let Some(old) = old {
            if old.room != *room {
                let (to, epoch) = (conversation.clone(), old.epoch.saturating_sub(1));
                requests.push(Request::Delivery(DeliveryRequest::SayAgain { to, epoch, whom: Vec::new() }));
            }
            let tickets = self.operations.forget(&old.room);
            if let Conversation::Group(group) = &conversation {
                moved(cx, &tickets, group);
            }
            cx.write(old.writes);
        }
        requests
    }

    /// Somebody else has added other terminals of our user, which do not go into a group that nobody has asked for there: they
    /// do if they are added from here.
    fn take_siblings_in(&mut self, cx: &Context, room: &RoomId, by: &Member, added: &[Member]) {
        let is_group = matches!(self.rooms.conversation(room), Some(Conversation::Group(_)));
        let siblings = added.iter().filter(|member| cx.is_me(&member.userid) && member.terminal != cx.me.terminal);
        for sibling in siblings.filter(|_| is_group && !cx.is_me(&by.userid)) {
            // At no pace: it happens once for each time that somebody else adds them.
            if self.rooms.is_usable(room) && self.rooms.may_remove(room, &sibling.userid) {
                self.operations.add(GroupOperation::AddAgain(*room, sibling.clone()));
            }
        }
    }

    /// Somebody wants the user in a group, who has not asked: told of a few groups in a session.
    pub(super) fn invited(&mut self, cx: &mut Context, group: GroupName, by: UserId) {
        let told = self.told_invited.entry(by.clone()).or_default();
        if told.len() < INVITATIONS_TOLD && told.insert(group.clone()) {
            cx.tell(Notice::Group { group, news: GroupNews::Invited { by } });
        }
    }

    /// A room of two was joined: who makes more of them in one session than the directory leaves is named.
    fn count_directs(&mut self, cx: &mut Context, room: &RoomId, by: &Member) {
        let Some(with @ Conversation::User(_)) = self.rooms.conversation(room) else { return };
        let made = self.directs_made.entry(by.userid.clone()).or_default();
        *made += 1;
        if *made == DIRECT_ROOMS + 1 && !cx.is_me(&by.userid) {
            cx.tell(MessageNotice::Dropped { with, from: by.userid.clone(), why: TOO_MANY_ROOMS.to_owned() });
        }
    }

    /// An item changes nothing; its sender is named, once in a session.
    fn dropped(&mut self, cx: &mut Context, room: &RoomId, from: &Member, why: String) {
        let Some(with) = self.rooms.conversation(room) else { return };
        if self.told_dropped.insert((*room, from.userid.clone())) {
            cx.tell(MessageNotice::Dropped { with, from: from.userid.clone(), why });
        }
    }

    /// A room can be used no more.
    pub(super) fn frozen(&mut self, cx: &mut Context, room: &RoomId, why: String) {
        let tickets = self.operations.forget(room);
        if let Some(with) = self.rooms.conversation(room) {
            cx.tell_each(&tickets, MessageNotice::Frozen { with, why });
        }
    }
}

/// What a commit has changed in a group, but for what the operation that it is of tells of this user.
fn tell_changes(cx: &mut Context, group: &GroupName, by: &Member, diff: MembershipDiff, told: Option<&UserId>) {
    let MembershipDiff { mut joined, mut left, mut admins, .. } = diff;
    for users in [&mut joined, &mut left, &mut admins] {
        users.retain(|user| told != Some(user));
    }
    if !joined.is_empty() || !left.is_empty() {
        let news = GroupNews::Changed { by: by.userid.clone(), joined, left };
        cx.tell(Notice::Group { group: group.clone(), news });
    }
    for user in admins {
        cx.tell(Notice::Group { group: group.clone(), news: GroupNews::NewAdmin { user } });
    }
}

/// The terminals whose certificates were made with an identity key of their user: the pinned one, or one that the user is
/// told of and has to decide about.
pub(super) fn verified(cx: &mut Context, certificates: &[UserCertificate]) -> Vec<VerifiedCredential> {
    let verified = certificates.iter().filter_map(|told| {
        let key = PublicKey::from_pkcs1(&told.publickey.0).ok()?;
        let carried = cx.carried(&told.userid, &key);
        let verified = VerifiedCredential::carried(&told.userid, &told.certificate, &key, carried).ok()?;
        let ours = cx.is_me(&told.userid);
        if ours && key != cx.me.key {
            return None;
        }
        // What a key signs that was given up is worth nothing; what it signed before stands in a statement.
        if !ours && cx.contacts.has_given_up(&told.userid, &key) {
            return None;
        }
        let pinned = ours || cx.is_pinned(&told.userid, &key);
        Some(if pinned { verified } else { verified.undecided() })
    });
    verified.collect()
}
