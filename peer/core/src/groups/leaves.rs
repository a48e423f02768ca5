//! Leaves of a group that are not those of their terminals' certificates (protocol section 8.7; threats G1, G7).
//!
//! Such a leaf keeps nobody out: who is welcomed joins, says nothing as long as it is there, and names its user. Whoever may
//! remove it does so before adding anybody, and adds the terminal again as it is certified now.

use common::ident::{GroupName, RoomId};
use common::limits::CERTIFICATES_ASKED;
use common::msg::{CertificatesReq, Member, UserCertificate};

use super::Groups;
use super::items::verified;
use super::queue::GroupOperation;
use super::registry::Rooms;
use crate::context::Context;
use crate::mls::{Room, VerifiedCredential};
use crate::model::Conversation;
use crate::notice::{GroupNews, Notice};
use crate::request::{DirectoryRequest, Question, Request};

impl Groups {
    /// Asks for the certificates that leaves are to be compared with before the operation under way commits; nothing where that
    /// was done, or where nobody is added and every leaf is known.
    pub(super) fn looks_at_leaves(&mut self) -> Option<Vec<Request>> {
        let active = self.operations.active.as_mut().filter(|active| active.certificates.is_none())?;
        active.certificates = Some(Vec::new());
        let members = self.rooms.to_compare(&active.room, !active.newcomers.is_empty());
        let number = active.number;
        let ask = |members: &[Member]| {
            let message = CertificatesReq { members: members.to_vec() }.into();
            Request::Directory(DirectoryRequest::Ask { message, question: Question::Leaves(number) })
        };
        let questions: Vec<Request> = members.chunks(CERTIFICATES_ASKED).map(ask).collect();
        active.unanswered = questions.len();
        Some(questions).filter(|questions| !questions.is_empty())
    }

    /// Certificates came: leaves that are not theirs go, and their terminals come again.
    pub(crate) fn handle_leaves(
        &mut self,
        cx: &mut Context,
        number: u64,
        certificates: Vec<UserCertificate>,
    ) -> Vec<Request> {
        let Some(active) = self.operations.active(number) else { return Vec::new() };
        active.certificates.get_or_insert_default().extend(certificates);
        active.unanswered = active.unanswered.saturating_sub(1);
        if active.unanswered > 0 {
            return Vec::new();
        }
        let vouched = verified(cx, active.certificates.as_deref().unwrap_or_default());
        let room = active.room;
        for member in self.rooms.strange_leaves(&room, &vouched) {
            let is_known = active.gone.contains(&member) || active.newcomers.iter().any(|it| it.member() == member);
            let removed = matches!(&active.operation, GroupOperation::RemoveMember(_, user) if *user == member.userid);
            if !is_known && !removed && self.rooms.may_remove(&room, &member.userid) {
                active.missing.push_back((member.userid.clone(), vec![member.terminal]));
                active.gone.push(member);
            }
        }
        cx.write(self.rooms.changes(&room));
        self.take_packages(cx)
    }

    /// Names the users of leaves that were not verified.
    pub(super) fn tell_unverified(&self, cx: &mut Context, group: &GroupName, room: &RoomId) {
        let mut users: Vec<_> = self.rooms.unverified(room).iter().map(|member| member.userid.clone()).collect();
        users.sort();
        users.dedup();
        if !users.is_empty() {
            // Nobody is asked to remove themselves.
            let mut admins = self.rooms.admins(room);
            admins.retain(|admin| !users.contains(admin));
            let news = GroupNews::Unverified { users, admins };
            cx.tell_each(&[], Notice::Group { group: group.clone(), news });
        }
    }
}

impl Rooms {
    /// Whose leaves of a group are to be compared with their certificates: those that were not verified, and where somebody
    /// is added all that may be removed from here.
    fn to_compare(&self, room: &RoomId, adds: bool) -> Vec<Member> {
        let is_group = matches!(self.conversation(room), Some(Conversation::Group(_)));
        let Some(mls) = self.rooms.get(room).filter(|_| is_group) else { return Vec::new() };
        let (own, unverified) = (self.own.member(), mls.unverified());
        let wanted = |member: &Member| unverified.contains(member) || (adds && self.may_remove(room, &member.userid));
        mls.members().into_iter().filter(|member| *member != own && wanted(member)).collect()
    }

    /// Leaves that are not those of these certificates. One that cannot note what it has found finds it again.
    fn strange_leaves(&mut self, room: &RoomId, vouched: &[VerifiedCredential]) -> Vec<Member> {
        self.rooms.get_mut(room).map(|mls| Room::compare_leaves(mls, vouched)).and_then(Result::ok).unwrap_or_default()
    }
}
