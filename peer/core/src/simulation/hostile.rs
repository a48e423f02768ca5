//! A member whose program is not ours alone: carol's core goes on as always, and beside it her terminal says, signed, what
//! no core of ours would (threat G7).

use common::crypto::commit;
use common::ident::{GroupHandle, MessageId, RoomId, TerminalId, UserId};
use common::msg::{
    CommitReq, Envelope, GroupEntry, MailboxPut, Member, Outgoing, Piece, RequestNumber, ToDirectory, Upload,
};
use common::testkit::{sealed_commit, sealed_message, sealed_welcome};

use super::fixtures::{fixtures, key, team};
use super::server::KEY;
use super::world::{ClientId, World};
use crate::model::Conversation;

/// Whose program it is.
pub(super) const CAROL: ClientId = 3;

impl World {
    /// Whether this terminal's program is not ours alone, so that nothing is promised to it.
    pub(super) fn is_hostile(&self, client: ClientId) -> bool {
        self.profile.hostile && client == CAROL
    }

    /// Whether nothing is promised to this user, or to those who talk with it.
    pub(super) fn is_hostile_user(&self, user: &UserId) -> bool {
        self.profile.hostile && fixtures()[CAROL].me.user == *user
    }

    /// The same of a conversation, for somebody in it.
    pub(super) fn is_with_hostile(&self, with: &Conversation) -> bool {
        matches!(with, Conversation::User(user) if self.is_hostile_user(user))
    }

    /// Carol tries something.
    pub(super) fn attack(&mut self) {
        let carol = fixtures()[CAROL].member();
        let rosters = self.invariants.rosters.iter();
        let hers: Vec<RoomId> = rosters.filter(|(_, roster)| roster.contains(&carol)).map(|(room, _)| *room).collect();
        let known: Vec<RoomId> = self.invariants.rosters.keys().copied().collect();
        if hers.is_empty() || !self.clients[CAROL].is_online(self) {
            return;
        }
        let room = self.rng.pick(&hers);
        let roster = self.invariants.rosters[&room].clone();
        let epoch = self.invariants.epochs.get(&room).copied().unwrap_or_default();
        let others: Vec<Member> = roster.iter().filter(|member| **member != carol).cloned().collect();
        let kind = self.rng.below(16);
        self.note("hostile", format_args!("attack {kind} on {room} epoch {epoch}"));
        match kind {
            0..=3 => self.ends(room, epoch, roster, None),
            4 => {
                let later = self.rng.up_to(2);
                self.ends(room, epoch + later, Vec::new(), None);
            }
            5 => self.ends(room, epoch, vec![carol], None),
            6 if !others.is_empty() => {
                let gone = self.rng.below(others.len());
                self.ends(room, epoch, roster.into_iter().filter(|member| *member != others[gone]).collect(), None);
            }
            7 => {
                let stranger = Member { userid: carol.userid, terminal: TerminalId([0x99; 16]) };
                self.ends(room, epoch, [roster, vec![stranger]].concat(), None);
            }
            8 => self.ends(room, epoch + 1, roster, None),
            9 => {
                let admins = [carol.userid].into_iter().chain(others.into_iter().map(|other| other.userid)).collect();
                let entry = GroupEntry { handle: GroupHandle::of(&team(), &KEY), admins };
                self.ends(room, epoch, roster, Some(entry));
            }
            10 => {
                let strange = RoomId(self.rng.bytes()[..16].try_into().unwrap());
                let members = vec![carol, fixtures()[self.rng.below(CAROL)].member()];
                self.ends(strange, 0, members, None);
            }
            11 => {
                // Founded anew, by whoever has no right to it.
                let strange = RoomId(self.rng.bytes()[..16].try_into().unwrap());
                let entry = GroupEntry { handle: GroupHandle::of(&team(), &KEY), admins: vec![carol.userid.clone()] };
                let request = CommitReq { replaces: Some(room), ..CommitReq::without_commit(strange, 0, vec![carol]) };
                let commit = sealed_commit(&strange, 0, b"rubbish");
                self.gives(CommitReq { group: Some(entry), ..request }, &commit, &[]);
            }
            12 => self.says_sealed(room, epoch, sealed_message(&room, epoch, b"rubbish")),
            13 => self.says_sealed(room, epoch, sealed_message(&room, epoch + 3, b"rubbish")),
            14 => {
                let elsewhere = self.rng.pick(&known);
                self.says_sealed(elsewhere, epoch, sealed_message(&elsewhere, epoch, b"rubbish"));
            }
            _ => {
                let mut said = self.invariants.overheard.iter().filter(|said| said.room == room);
                if let Some(mut altered) = said.next_back().map(|said| said.sealed.clone()) {
                    altered.last_mut().into_iter().for_each(|last| *last ^= 1);
                    self.says_sealed(room, epoch, altered);
                }
            }
        }
    }

    /// Asks for the end of an epoch with a commit that nobody can follow.
    fn ends(&mut self, room: RoomId, epoch: u64, members: Vec<Member>, group: Option<GroupEntry>) {
        let request = CommitReq { group, ..CommitReq::without_commit(room, epoch, members) };
        let is_new = !self.invariants.rosters.contains_key(&room);
        let welcome = if is_new { sealed_welcome(b"rubbish") } else { Vec::new() };
        self.gives(request, &sealed_commit(&room, epoch, b"rubbish"), &welcome);
    }

    fn gives(&mut self, request: CommitReq, commit: &[u8], welcome: &[u8]) {
        // Nothing is uploaded for a room that is given up.
        let (commit, welcome) = if request.members.is_empty() { (&[][..], &[][..]) } else { (commit, welcome) };
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let request = CommitReq { commit: size(commit), welcome: size(welcome), ..request };
        let by = fixtures()[CAROL].member();
        let request = commit::signed(request, &by, &KEY, (commit, welcome), |said| key(CAROL).sign(said));
        let bytes = [commit, welcome].concat();
        if !bytes.is_empty() {
            self.send_up(CAROL, ToDirectory::from(Upload { piece: Piece(bytes) }).into());
        }
        self.says(request.into());
    }

    fn says_sealed(&mut self, room: RoomId, epoch: u64, piece: Vec<u8>) {
        let id = MessageId(self.rng.bytes()[..16].try_into().unwrap());
        self.says(MailboxPut { room, epoch, items: vec![Outgoing { id, piece: Piece(piece) }], leave: false }.into());
    }

    /// Says it under a number that her core does not know.
    fn says(&mut self, message: ToDirectory) {
        self.send_up(CAROL, Envelope { request: Some(RequestNumber::LAST), message });
    }
}
