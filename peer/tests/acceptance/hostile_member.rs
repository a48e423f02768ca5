//! A member whose program is not ours, a second admin, and a stranger: whatever they send, the others keep the room, its
//! name and their messages, and talk on (threat G7).

use common::ident::{GroupHandle, GroupName, RoomId, TerminalId, UserId};
use common::msg::{CommitReq, CommitStatus, FromDirectory, GroupEntry, MailboxPut, Member as Named, TerminalsReq};
use common::testkit::Example;
use peer_core::command::GroupWish;
use peer_core::model::Conversation;
use peer_core::notice::{GroupNews, MessageNotice, Notice};
use serde_json::json;

use crate::harness::Stage;
use crate::harness::member::{Content, Member, rubbish};
use crate::harness::stage::id;
use crate::json::Bot;

/// Ali has founded `#team`; bianca and carol are in it, and carol's program is not ours.
struct Scene {
    stage: Stage,
    ali: Bot,
    bianca: Bot,
    carol: Member,
    said: usize,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::of(&[Example::Ali, Example::Bianca]);
        let [ali, bianca] = ["ali", "bianca"].map(|user| Bot::logged_in(&stage.seat(), user));
        let carol = Member::enter(&stage, Example::Carol);
        let mut scene = Self { stage, ali, bianca, carol, said: 0 };
        scene.ali.asks("group.create", json!({"group": "team"}));
        scene.bianca.says("group.join", json!({"group": "team"}));
        scene.approves("bianca");
        scene.bianca.hears(|line| line["params"]["type"] == "group" && line.to_string().contains("team"));
        scene.carol.wishes("team", GroupWish::Join);
        scene.approves("carol");
        scene
            .carol
            .until("carol is in", |notice| matches!(notice, Notice::Group { news: GroupNews::Joined { .. }, .. }));
        scene.carol.says(Conversation::Group(GroupName::parse("team").unwrap()), "Hello from carol");
        scene.bianca.has_heard(|line| line["params"]["text"] == "Hello from carol");
        scene.talk();
        scene
    }

    #[track_caller]
    fn approves(&mut self, user: &str) {
        self.ali.has_heard(|line| line["params"]["type"] == "group" && line["params"].to_string().contains(user));
        self.ali.asks("group.approve", json!({"group": "team", "user": user}));
    }

    /// Ali and bianca hear each other in the room, and privately.
    #[track_caller]
    fn talk(&mut self) {
        self.said += 1;
        for to in ["#team", "bianca"] {
            let text = format!("{} to {to}", self.said);
            self.ali.says("send", json!({"to": to, "text": text}));
            self.bianca.has_heard(|line| line["params"]["text"] == text);
        }
        let text = format!("{} from bianca", self.said);
        self.bianca.says("send", json!({"to": "#team", "text": text}));
        self.ali.has_heard(|line| line["params"]["text"] == text);
    }

    /// The room and its epoch, as carol knows them.
    fn room(&mut self) -> (RoomId, u64) {
        // What ended the epoch before, and what was said behind it, may come in two parts.
        let last = format!("{} from bianca", self.said);
        let is_last = |notice: &Notice| match notice {
            Notice::Message(MessageNotice::Arrived(arrivals)) => arrivals.iter().any(|it| it.text == last),
            _ => false,
        };
        self.carol.until("what bianca has said last", is_last);
        self.carol.settle();
        self.carol.room.unwrap()
    }

    /// Everybody's terminals.
    fn roster(&mut self) -> Vec<Named> {
        let users = [Example::Ali, Example::Bianca, Example::Carol].map(id).to_vec();
        let Some(FromDirectory::TerminalsReply(reply)) = self.carol.puts(TerminalsReq { users }) else { panic!() };
        let of = |user: common::msg::UserTerminals| {
            let name = move |terminal: TerminalId| Named { userid: user.userid.clone(), terminal };
            user.terminals.into_iter().map(name).collect::<Vec<_>>()
        };
        reply.users.into_iter().flat_map(of).collect()
    }
}

/// What carol tries, and what the directory answers; nothing if it hangs up.
type Attack = (&'static str, fn(&mut Scene) -> Option<FromDirectory>);

/// Tries one after the other; the others talk on after each.
#[track_caller]
fn talk_on(scene: &mut Scene, attacks: &[Attack]) {
    for (name, attack) in attacks {
        eprintln!("carol: {name}");
        if attack(scene).is_none() {
            scene.carol.comes_back(&scene.stage);
        }
        scene.talk();
    }
}

/// A commit of these members with a header that fits and nothing in it that anybody could read.
fn commit(scene: &mut Scene, members: Vec<Named>, group: Option<GroupEntry>) -> Option<FromDirectory> {
    let (room, epoch) = scene.room();
    let request = CommitReq { group, ..CommitReq::without_commit(room, epoch, members) };
    scene.carol.commits(request, (&rubbish(room, epoch, Content::Commit, 900), &[]))
}

fn entry(scene: &Scene, name: &str, admins: &[Example]) -> Option<GroupEntry> {
    let handle = GroupHandle::of(&GroupName::parse(name).unwrap(), &scene.carol.directory());
    Some(GroupEntry { handle, admins: admins.iter().map(|admin| id(*admin)).collect() })
}

fn without(roster: Vec<Named>, user: Example) -> Vec<Named> {
    roster.into_iter().filter(|member| member.userid != id(user)).collect()
}

/// What carol has said last, once more and changed.
fn mail(scene: &mut Scene, change: impl FnOnce(&mut MailboxPut)) -> Option<FromDirectory> {
    let (room, epoch) = scene.room();
    let mut put = MailboxPut { room, epoch, ..scene.carol.last_put.clone().unwrap() };
    change(&mut put);
    scene.carol.puts(put)
}

/// The same with other bytes.
fn letter(scene: &mut Scene, change: impl Fn(&mut Vec<u8>)) -> Option<FromDirectory> {
    mail(scene, |put| put.items.iter_mut().for_each(|item| change(&mut item.piece.0)))
}

/// A commit to a room of its own, with whom it likes.
fn founds(scene: &mut Scene, number: u8, members: Vec<Named>, bytes: (&[u8], &[u8])) -> Option<FromDirectory> {
    scene.carol.commits(CommitReq::without_commit(RoomId([number; 16]), 0, members), bytes)
}

#[test]
fn a_member_who_is_no_admin_ends_no_epoch_of_others() {
    let attacks: &[Attack] = &[
        ("gives the group up", |scene| {
            let (room, epoch) = scene.room();
            scene.carol.commits(CommitReq::without_commit(room, epoch, Vec::new()), (&[], &[]))
        }),
        ("gives the group up with a commit", |scene| commit(scene, Vec::new(), None)),
        ("removes ali", |scene| {
            let roster = without(scene.roster(), Example::Ali);
            commit(scene, roster, None)
        }),
        ("removes bianca", |scene| {
            let roster = without(scene.roster(), Example::Bianca);
            commit(scene, roster, None)
        }),
        ("removes everybody else", |scene| {
            let me = scene.carol.me.clone();
            commit(scene, vec![me], None)
        }),
        ("makes itself the only admin", |scene| {
            let (roster, entry) = (scene.roster(), entry(scene, "team", &[Example::Carol]));
            commit(scene, roster, entry)
        }),
        ("puts itself beside the admin", |scene| {
            let (roster, entry) = (scene.roster(), entry(scene, "team", &[Example::Ali, Example::Carol]));
            commit(scene, roster, entry)
        }),
        ("takes the room to another name", |scene| {
            let (roster, entry) = (scene.roster(), entry(scene, "team2", &[Example::Carol]));
            commit(scene, roster, entry)
        }),
        ("signs nothing", |scene| {
            let ((room, epoch), members) = (scene.room(), scene.roster());
            scene.carol.puts(CommitReq::without_commit(room, epoch, members))
        }),
        ("commits an epoch that is over", |scene| {
            let ((room, epoch), members) = (scene.room(), scene.roster());
            let request = CommitReq::without_commit(room, epoch - 1, members);
            scene.carol.commits(request, (&rubbish(room, epoch - 1, Content::Commit, 900), &[]))
        }),
        ("commits an epoch to come", |scene| {
            let ((room, epoch), members) = (scene.room(), scene.roster());
            let request = CommitReq::without_commit(room, epoch + 1, members);
            scene.carol.commits(request, (&rubbish(room, epoch + 1, Content::Commit, 900), &[]))
        }),
        ("commits under a header of another epoch", |scene| {
            let ((room, epoch), members) = (scene.room(), scene.roster());
            let request = CommitReq::without_commit(room, epoch, members);
            scene.carol.commits(request, (&rubbish(room, epoch + 7, Content::Commit, 900), &[]))
        }),
        ("commits one byte", |scene| {
            let ((room, epoch), members) = (scene.room(), scene.roster());
            scene.carol.commits(CommitReq::without_commit(room, epoch, members), (&[0], &[]))
        }),
        ("founds another group of that name", |scene| {
            let (me, entry) = (scene.carol.me.clone(), entry(scene, "team", &[Example::Carol]));
            let request = CommitReq { group: entry, ..CommitReq::without_commit(RoomId([0x77; 16]), 0, vec![me]) };
            scene.carol.commits(request, (&[], &[]))
        }),
        ("founds the group anew", |scene| {
            let ((old, _), me) = (scene.room(), scene.carol.me.clone());
            let (room, group) = (RoomId([0x78; 16]), entry(scene, "team", &[Example::Carol]));
            let request = CommitReq { group, replaces: Some(old), ..CommitReq::without_commit(room, 0, vec![me]) };
            scene.carol.commits(request, (&rubbish(room, 0, Content::Commit, 900), &[]))
        }),
        // A terminal that gets no mail changes nothing for the directory, so this ends an epoch, and carol is left out.
        ("brings in a terminal nobody knows", |scene| {
            let mut roster = scene.roster();
            roster.push(Named { userid: UserId::parse("dave").unwrap(), terminal: TerminalId([9; 16]) });
            commit(scene, roster, None)
        }),
    ];
    talk_on(&mut Scene::new(), attacks);
}

#[test]
fn letters_of_a_member_that_nobody_can_read_change_nothing() {
    // 1 byte version, 16 fork tag, 4 version and format, 1 and 16 room, 8 epoch.
    let attacks: &[Attack] = &[
        ("says the same again", |scene| mail(scene, |_| ())),
        ("names an epoch to come", |scene| letter(scene, |bytes| bytes[45] ^= 0x40)),
        ("names an epoch far away", |scene| letter(scene, |bytes| bytes[38] ^= 0x40)),
        ("says it for an epoch to come", |scene| mail(scene, |put| put.epoch += 3)),
        ("says it for another room", |scene| mail(scene, |put| put.room = RoomId([0x55; 16]))),
        ("has another fork tag", |scene| letter(scene, |bytes| bytes[1] ^= 1)),
        ("is of another version", |scene| letter(scene, |bytes| bytes[0] = 2)),
        ("turns a bit", |scene| letter(scene, |bytes| bytes.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1))),
        ("cuts it off", |scene| letter(scene, |bytes| bytes.truncate(60))),
        ("says one byte", |scene| letter(scene, |bytes| bytes.truncate(1))),
        ("says nothing at all", |scene| letter(scene, Vec::clear)),
        ("goes on behind its end", |scene| letter(scene, |bytes| bytes.push(0))),
        ("says rubbish under a header that fits", |scene| {
            let (room, epoch) = scene.room();
            letter(scene, |bytes| *bytes = rubbish(room, epoch, Content::Application, 300))
        }),
        ("calls a commit mail", |scene| {
            let (room, epoch) = scene.room();
            letter(scene, |bytes| *bytes = rubbish(room, epoch, Content::Commit, 300))
        }),
    ];
    talk_on(&mut Scene::new(), attacks);
}

#[test]
fn rooms_of_two_that_nobody_asked_for_are_no_way_in() {
    let attacks: &[Attack] = &[
        ("a welcome of rubbish", |scene| {
            let roster = without(scene.roster(), Example::Bianca);
            founds(scene, 1, roster, (&rubbish(RoomId([1; 16]), 0, Content::Commit, 900), &[0xa5; 900]))
        }),
        ("a welcome for three", |scene| {
            let roster = scene.roster();
            founds(scene, 2, roster, (&rubbish(RoomId([2; 16]), 0, Content::Commit, 900), &[0xa5; 900]))
        }),
        ("a room without its founder", |scene| {
            let roster = without(scene.roster(), Example::Carol);
            founds(scene, 3, roster, (&rubbish(RoomId([3; 16]), 0, Content::Commit, 900), &[0xa5; 900]))
        }),
        ("a room id that is in use", |scene| {
            let ((room, _), roster) = (scene.room(), scene.roster());
            let bytes = rubbish(room, 0, Content::Commit, 900);
            scene.carol.commits(CommitReq::without_commit(room, 0, roster), (&bytes, &[0xa5; 900]))
        }),
        ("two hundred rooms", |scene| {
            let roster = without(scene.roster(), Example::Bianca);
            let bytes = |number| (rubbish(RoomId([number; 16]), 0, Content::Commit, 90), [0xa5; 90]);
            (10..210).try_fold(None, |_, number| {
                let (commit, welcome) = bytes(number);
                founds(scene, number, roster.clone(), (&commit, &welcome)).map(Some)
            })?
        }),
    ];
    talk_on(&mut Scene::new(), attacks);
}

#[test]
fn a_commit_of_rubbish_costs_its_author_the_room_and_nobody_else() {
    let mut scene = Scene::new();
    scene.ali.asks("group.admin", json!({"group": "team", "user": "carol"}));
    scene
        .carol
        .until("carol is an admin", |notice| matches!(notice, Notice::Group { news: GroupNews::NewAdmin { .. }, .. }));
    scene.talk();
    let roster = scene.roster();
    let answer = commit(&mut scene, roster, None);
    let is_accepted = |reply: &FromDirectory| matches!(reply, FromDirectory::CommitReply(reply) if reply.status == CommitStatus::Accepted);
    assert!(answer.as_ref().is_some_and(is_accepted), "{answer:?}");
    // Ali stands before carol, and founds the group anew.
    scene.talk();
    for bot in [&mut scene.ali, &mut scene.bianca] {
        bot.has_heard(|line| line["params"]["type"] != "message" && line.to_string().contains("carol"));
    }
    let members = scene.ali.asks("group.members", json!({"group": "team"}));
    assert!(!members.to_string().contains("carol"), "{members}");
}

#[test]
fn a_second_admin_does_nothing_to_the_first() {
    let mut scene = Scene::new();
    scene.ali.asks("group.admin", json!({"group": "team", "user": "carol"}));
    scene
        .carol
        .until("carol is an admin", |notice| matches!(notice, Notice::Group { news: GroupNews::NewAdmin { .. }, .. }));
    let attacks: &[Attack] = &[
        ("removes ali", |scene| {
            let roster = without(scene.roster(), Example::Ali);
            commit(scene, roster, None)
        }),
        ("removes ali, entry and all", |scene| {
            let (roster, entry) =
                (without(scene.roster(), Example::Ali), entry(scene, "team", &[Example::Carol, Example::Bianca]));
            commit(scene, roster, entry)
        }),
        ("demotes ali", |scene| {
            let (roster, entry) = (scene.roster(), entry(scene, "team", &[Example::Carol]));
            commit(scene, roster, entry)
        }),
        ("steps before ali", |scene| {
            let (roster, entry) = (scene.roster(), entry(scene, "team", &[Example::Carol, Example::Ali]));
            commit(scene, roster, entry)
        }),
        ("founds the group anew without ali", |scene| {
            let ((old, _), me) = (scene.room(), scene.carol.me.clone());
            let (room, group) = (RoomId([0x79; 16]), entry(scene, "team", &[Example::Carol]));
            let request = CommitReq { group, replaces: Some(old), ..CommitReq::without_commit(room, 0, vec![me]) };
            scene.carol.commits(request, (&rubbish(room, 0, Content::Commit, 900), &[]))
        }),
        ("gives the group up", |scene| {
            let (room, epoch) = scene.room();
            scene.carol.commits(CommitReq::without_commit(room, epoch, Vec::new()), (&[], &[]))
        }),
    ];
    talk_on(&mut scene, attacks);
}
