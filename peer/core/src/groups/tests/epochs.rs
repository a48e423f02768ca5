//! A user ends only so many epochs of a room in a while: who asks to be taken in again does not use them up.

use common::ident::{GroupHandle, MessageId, RoomId, TerminalId};
use common::limits::{EPOCHS_PER_USER, EPOCHS_WINDOW};
use common::msg::{Body, CommitRefusal, CommitReply, CommitStatus, UserCertificate};
use common::testkit::Example::{self, Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, member, team, terminals};
use super::succession::Scene;
use crate::command::{GroupWish, Ticket};
use crate::event::Effect;
use crate::groups::pace::FIRST_PAUSE;
use crate::groups::queue::{GroupOperation, KEPT_FOR_WISHES};
use crate::model::Conversation;
use crate::notice::{GroupNews, Notice};
use crate::request::{DirectoryRequest, OpenedLetter, Question, Request};

const WINDOW: u64 = EPOCHS_WINDOW.as_secs();

/// Ali's group, long after it was made, and carol, who asks to be taken in again.
struct Asking {
    ali: Stage,
    carol: Stage,
    room: RoomId,
}

impl Asking {
    fn new() -> Self {
        let Scene { mut ali, carol, room, .. } = Scene::new();
        ali.cx.now.tick += WINDOW;
        Self { ali, carol, room }
    }

    fn asks(&mut self, terminal: TerminalId) {
        let body = Body::Ask { group: team(), handle: GroupHandle::of(&team(), &self.ali.cx.directory) };
        let (conversation, from, id) = (Conversation::User(carol()), carol(), MessageId([4; 16]));
        let letter = OpenedLetter { room: self.room, conversation, from, terminal, id, body };
        self.ali.groups.handle_letter(&mut self.ali.cx, letter);
    }

    /// The commit that ali makes next, if any.
    fn next(&mut self) -> Option<Committing> {
        let requests = self.ali.begins();
        let [Request::Directory(DirectoryRequest::Ask { question: Question::Terminals(number), .. })] = requests[..]
        else {
            return None;
        };
        let users = match &self.ali.groups.operations.active.as_ref().unwrap().operation {
            GroupOperation::AddAgain(_, member) => [member.userid.clone()].into(),
            _ => self.ali.groups.rooms.users(&self.room),
        };
        let everybody = [Ali, Bianca, Carol].into_iter().filter(|example| users.contains(&example.user().unwrap()));
        let listed: Vec<(Example, bool)> = everybody.map(|example| (example, true)).collect();
        let requests = self.ali.groups.handle_terminals(&mut self.ali.cx, number, terminals(&listed));
        Some(self.ali.takes(requests, |_| self.carol.package()))
    }

    /// So much time passes, and what is due is done.
    fn passes(&mut self, seconds: u64) {
        self.ali.cx.now.tick += seconds;
        self.ali.groups.handle_tick(&mut self.ali.cx);
    }

    /// Carol is taken in again as often as possible for so long; how often that is.
    fn is_taken_in(&mut self, seconds: u64) -> usize {
        let mut taken = 0;
        for _ in 0..seconds {
            self.asks(member(Carol).terminal);
            while let Some(again) = self.next() {
                assert_eq!(again.request.again, [member(Carol)]);
                self.ali.comes_back(&again);
                taken += 1;
            }
            self.passes(1);
        }
        taken
    }

    fn wants(&mut self, number: u64, wish: GroupWish) {
        self.ali.cx.answering = Some(Ticket { number, reference: None });
        self.ali.wants(wish);
    }

    /// What is told of the group, and which command it answers.
    fn told(&mut self) -> Vec<(Option<u64>, GroupNews)> {
        let told = |effect| match effect {
            Effect::Answer(ticket, Notice::Group { news, .. }) => Some((Some(ticket.number), news)),
            Effect::Notify(Notice::Group { news, .. }) => Some((None, news)),
            _ => None,
        };
        self.ali.effects().into_iter().filter_map(told).collect()
    }

    fn is_refused(&mut self, refused: &Committing, retry_after: u64) {
        let (reason, retry_after) = (Some(CommitRefusal::Epochs), Some(retry_after));
        let reply = CommitReply { status: CommitStatus::Refused, reason, retry_after };
        self.ali.groups.handle_commit(&mut self.ali.cx, (refused.room, refused.epoch), &reply);
    }
}

#[test]
fn a_member_who_asks_to_be_taken_in_again_and_again_can_be_removed() {
    let mut scene = Asking::new();
    assert_eq!(scene.is_taken_in(WINDOW / 2), EPOCHS_PER_USER - KEPT_FOR_WISHES);
    scene.told();
    scene.wants(1, GroupWish::Remove(carol()));
    let removed = scene.next().unwrap();
    assert_eq!(removed.members, [member(Ali), member(Bianca)], "at once");
    scene.ali.comes_back(&removed);
    let left = GroupNews::Changed { by: Ali.user().unwrap(), joined: Vec::new(), left: vec![carol()] };
    assert_eq!(scene.told(), [(Some(1), left)]);
    scene.passes(WINDOW);
    assert!(scene.next().is_none(), "nor is carol taken in again for having asked before");
}

#[test]
fn a_wish_for_which_too_many_epochs_were_ended_comes_in_its_turn_and_before_who_asks() {
    let mut scene = Asking::new();
    scene.told();
    scene.wants(1, GroupWish::Remove(carol()));
    let refused = scene.next().unwrap();
    // The other terminals of the admin have ended them, whatever is known of that here.
    scene.is_refused(&refused, 90);
    assert_eq!(scene.told(), [(Some(1), GroupNews::Postponed { after: 90 })]);
    scene.passes(30);
    assert_eq!(scene.is_taken_in(1), 0);
    scene.wants(2, GroupWish::Admin(bianca()));
    assert_eq!(scene.told(), [(Some(2), GroupNews::Postponed { after: 59 })]);
    assert!(scene.next().is_none());
    assert_eq!(scene.ali.groups.next_deadline(&scene.ali.cx), Some(scene.ali.cx.now.tick + 59));
    scene.passes(59);
    let removed = scene.next().unwrap();
    assert_eq!(removed.members, [member(Ali), member(Bianca)]);
    scene.ali.comes_back(&removed);
    let left = GroupNews::Changed { by: Ali.user().unwrap(), joined: Vec::new(), left: vec![carol()] };
    assert_eq!(scene.told(), [(Some(1), left)]);
    let named = scene.next().unwrap();
    scene.ali.comes_back(&named);
    assert_eq!(scene.told(), [(Some(2), GroupNews::NewAdmin { user: bianca() })]);
}

#[test]
fn all_that_waits_for_its_turn_is_told_so_and_when_the_session_is_over_that_it_was_not_done() {
    let mut scene = Asking::new();
    scene.told();
    scene.wants(1, GroupWish::Remove(carol()));
    let refused = scene.next().unwrap();
    scene.wants(2, GroupWish::Admin(bianca()));
    assert_eq!(scene.told(), [], "nothing is known of it yet");
    scene.is_refused(&refused, 90);
    let waits = |number| (Some(number), GroupNews::Postponed { after: 90 });
    assert_eq!(scene.told(), [waits(1), waits(2)]);
    scene.passes(30);
    scene.ali.groups.handle_session_lost();
    assert_eq!(scene.told(), [], "the next session carries it out");
    scene.ali.groups.handle_session_over(&mut scene.ali.cx);
    let not_done = |number| (Some(number), GroupNews::NotAllowed { why: CommitRefusal::Epochs, retry_after: Some(60) });
    assert_eq!(scene.told(), [not_done(1), not_done(2)]);
}

#[test]
fn a_change_for_who_asks_that_is_refused_holds_up_nothing_that_is_said() {
    let mut scene = Asking::new();
    scene.asks(member(Carol).terminal);
    let refused = scene.next().unwrap();
    let (reason, retry_after) = (Some(CommitRefusal::Epochs), Some(500));
    let reply = CommitReply { status: CommitStatus::Refused, reason, retry_after };
    let ali = &mut scene.ali;
    assert_eq!(ali.groups.handle_commit(&mut ali.cx, (refused.room, refused.epoch), &reply), []);
}

#[test]
fn terminals_of_one_member_are_taken_in_again_at_the_pace_of_one() {
    let mut scene = Asking::new();
    // Carol's second terminal comes.
    let (mut second, certificate) = super::stage::second_of(Carol);
    let told = UserCertificate { certificate, ..scene.carol.certificates[0].clone() };
    let (first, other) = (member(Carol).terminal, told.certificate.terminal);
    let listed = |users: &[(Example, bool)]| {
        let mut listed = terminals(users);
        listed.users.last_mut().unwrap().terminals.push(other);
        listed
    };
    scene.ali.groups.operations.add(GroupOperation::SyncTerminals(scene.room));
    let number = scene.ali.asks_for_terminals();
    let all = listed(&[(Ali, true), (Bianca, true), (Carol, true)]);
    let requests = scene.ali.groups.handle_terminals(&mut scene.ali.cx, number, all);
    let added = scene.ali.takes(requests, |_| super::stage::package_of(&mut second, &told));
    scene.ali.certificates.push(told);
    scene.ali.comes_back(&added);
    scene.asks(first);
    let number = scene.ali.asks_for_terminals();
    let requests = scene.ali.groups.handle_terminals(&mut scene.ali.cx, number, listed(&[(Carol, true)]));
    let again = scene.ali.takes(requests, |_| scene.carol.package());
    scene.ali.comes_back(&again);
    assert_eq!(scene.ali.groups.rooms.terminals_of(&scene.room, &carol()), [first, other].into());
    scene.asks(other);
    assert_eq!(scene.ali.begins(), [], "not at once");
    scene.passes(FIRST_PAUSE);
    scene.asks(other);
    scene.ali.asks_for_terminals();
}
