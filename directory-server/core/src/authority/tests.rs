use std::collections::BTreeSet;
use std::time::Duration;

use common::ident::{ContentDigest, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{Blob, CommitDigests, CommitRefusal, CommitReply, CommitStatus, GroupEntry, Member, SignedCommit};

use super::{Change, Holder, Kind, Past, Room, Situation, Verdict, judge};
use crate::records::CommitRequest;

const ROOM: RoomId = RoomId([7; 16]);
const OLD: RoomId = RoomId([6; 16]);
const TEAM: GroupHandle = GroupHandle([2; 32]);

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// `ali` is ali's terminal 1, `ali2` the second.
fn member(name: &str) -> Member {
    let (id, terminal) = match name.strip_suffix('2') {
        Some(id) => (id, 2),
        None => (name, 1),
    };
    Member { userid: user(id), terminal: TerminalId([terminal; 16]) }
}

fn members(names: &str) -> Vec<Member> {
    names.split_whitespace().map(member).collect()
}

fn set(names: &str) -> BTreeSet<Member> {
    members(names).into_iter().collect()
}

fn users(names: &str) -> Vec<UserId> {
    names.split_whitespace().map(user).collect()
}

fn entry(admins: &str) -> Option<GroupEntry> {
    Some(GroupEntry { handle: TEAM, admins: users(admins) })
}

fn request(from: &str, epoch: u64, names: &str) -> CommitRequest {
    let digest = ContentDigest([0; 32]);
    let digests =
        CommitDigests { commit: digest, welcome: digest, members: digest, entry: None, again: None, replaces: None };
    CommitRequest {
        from: member(from),
        room: ROOM,
        epoch,
        members: members(names),
        commit: vec![1],
        welcome: vec![2],
        group: None,
        again: Vec::new(),
        replaces: None,
        signed: SignedCommit { digests, signature: Blob::default() },
        kept_after: crate::timestamp::Timestamp::from_seconds(0),
        run: crate::timestamp::Timestamp::from_seconds(0),
    }
}

/// Everybody the directory knows.
const THERE: &str = "ali ali2 bianca bianca2 carol carol2 dora";

/// A group in epoch 3 with these admins, terminals and ghosts.
fn group(admins: &str, roster: &str, ghosts: &str) -> Situation {
    let kind = Kind::Group { handle: Some(TEAM), admins: users(admins) };
    let room = Room { epoch: 3, kind, roster: set(roster), ghosts: set(ghosts) };
    Situation { room: Some(room), there: set(THERE), ..Situation::default() }
}

fn pair(two: &str, roster: &str) -> Situation {
    let room = Room { epoch: 3, kind: Kind::Pair(users(two)), roster: set(roster), ghosts: BTreeSet::new() };
    Situation { room: Some(room), there: set(THERE), ..Situation::default() }
}

fn nothing() -> Situation {
    Situation { there: set(THERE), ..Situation::default() }
}

fn held(admins: &str, roster: &str) -> Situation {
    let holder = Holder { room: OLD, admins: users(admins), roster: set(roster), is_free: false };
    Situation { holder: Some(holder), ..nothing() }
}

fn accepted(request: &CommitRequest, situation: &Situation) -> Change {
    match judge(request, situation) {
        Verdict::Accepted(change) => *change,
        other => panic!("{other:?}"),
    }
}

fn refusal(request: &CommitRequest, situation: &Situation) -> Option<CommitRefusal> {
    match judge(request, situation) {
        Verdict::Refused(reply) if reply.status == CommitStatus::Refused => reply.reason,
        Verdict::Accepted(_) => None,
        other => panic!("{other:?}"),
    }
}

fn status(request: &CommitRequest, situation: &Situation) -> CommitStatus {
    match judge(request, situation) {
        Verdict::Refused(reply) => reply.status,
        Verdict::Repeated | Verdict::Accepted(_) => CommitStatus::Accepted,
    }
}

#[test]
fn in_a_room_of_two_both_change_the_terminals_of_these_two_and_of_nobody_else() {
    let room = pair("ali bianca", "ali bianca");
    for (from, behind, reason) in [
        ("ali", "ali ali2 bianca", None),
        ("ali", "ali bianca bianca2", None),
        ("bianca", "bianca", None),
        ("ali", "ali bianca carol", Some(CommitRefusal::Members)),
        ("ali", "bianca", Some(CommitRefusal::Members)),
    ] {
        assert_eq!(refusal(&request(from, 3, behind), &room), reason, "{from}: {behind}");
    }
    let named = CommitRequest { group: entry("ali"), ..request("ali", 3, "ali bianca") };
    assert_eq!(refusal(&named, &room), Some(CommitRefusal::Entry), "it does not become a group");
}

#[test]
fn a_room_without_an_entry_belongs_to_the_first_two_users() {
    assert_eq!(refusal(&request("ali", 0, "ali bianca carol"), &nothing()), Some(CommitRefusal::Members));
    let founded = accepted(&request("ali", 0, "ali bianca bianca2"), &nothing());
    assert_eq!(founded.kind, Kind::Pair(users("ali bianca")));
    let alone = pair("ali", "ali");
    assert_eq!(accepted(&request("ali", 3, "ali carol"), &alone).kind, Kind::Pair(users("ali carol")));
}

#[test]
fn in_a_group_who_is_no_admin_changes_terminals_of_the_same_user_only() {
    let team = group("ali", "ali bianca carol", "");
    for (from, behind, reason) in [
        ("bianca", "ali bianca bianca2 carol", None),
        ("bianca", "ali bianca carol", None),
        ("bianca", "ali bianca", Some(CommitRefusal::NotAdmin)),
        ("bianca", "bianca carol", Some(CommitRefusal::NotAdmin)),
        ("bianca", "ali bianca carol carol2", Some(CommitRefusal::NotAdmin)),
        ("bianca", "ali bianca carol dora", Some(CommitRefusal::NotAdmin)),
        ("ali", "ali bianca dora", None),
    ] {
        assert_eq!(refusal(&request(from, 3, behind), &team), reason, "{from}: {behind}");
    }
    let appoints = CommitRequest { group: entry("ali bianca"), ..request("bianca", 3, "ali bianca carol") };
    assert_eq!(refusal(&appoints, &team), Some(CommitRefusal::NotAdmin));
    let again = CommitRequest { again: members("carol"), ..request("bianca", 3, "ali bianca carol") };
    assert_eq!(refusal(&again, &team), Some(CommitRefusal::NotAdmin));
}

#[test]
fn nobody_removes_demotes_or_passes_an_admin_who_stands_before() {
    let team = group("ali bianca", "ali ali2 bianca carol", "");
    let everybody = "ali ali2 bianca carol";
    for (from, behind, admins, reason) in [
        ("bianca", "bianca carol", None, Some(CommitRefusal::Order)),
        ("bianca", "ali bianca carol", None, Some(CommitRefusal::Order)),
        ("bianca", everybody, Some("bianca ali"), Some(CommitRefusal::Order)),
        ("bianca", everybody, Some("bianca"), Some(CommitRefusal::Order)),
        ("bianca", everybody, Some("carol ali bianca"), Some(CommitRefusal::Order)),
        ("bianca", everybody, Some("ali bianca carol"), None),
        ("bianca", everybody, Some("ali carol"), None),
        ("ali", "ali ali2 carol", Some("ali"), None),
        ("ali", everybody, Some("bianca"), None),
        ("ali", everybody, Some("bianca ali"), None),
        ("ali", everybody, Some("ali ali bianca"), Some(CommitRefusal::Entry)),
        ("ali", everybody, Some("ali bianca dora"), Some(CommitRefusal::Entry)),
    ] {
        let request = CommitRequest { group: admins.and_then(entry), ..request(from, 3, behind) };
        assert_eq!(refusal(&request, &team), reason, "{from}: {behind} with {admins:?}");
    }
    let renamed = Some(GroupEntry { handle: GroupHandle([3; 32]), admins: users("ali bianca") });
    let renamed = CommitRequest { group: renamed, ..request("ali", 3, everybody) };
    assert_eq!(refusal(&renamed, &team), Some(CommitRefusal::Entry), "a group keeps its name");
}

#[test]
fn an_admin_without_terminals_stays_one_and_one_who_is_removed_does_not() {
    // Ali got a new identity: nothing of ali's is on the roster, what is in the tree is a ghost.
    let team = group("ali bianca carol", "bianca carol", "ali");
    let Kind::Group { admins, .. } = accepted(&request("bianca", 3, "ali bianca"), &team).kind else { panic!() };
    assert_eq!(admins, users("ali bianca"), "carol was removed without a word about the entry");
    let kept = CommitRequest { group: entry("ali bianca"), ..request("bianca", 3, "bianca carol") };
    assert_eq!(refusal(&kept, &team), None, "ali's leaf may go");
    let dropped = CommitRequest { group: entry("bianca"), ..request("bianca", 3, "bianca carol") };
    assert_eq!(refusal(&dropped, &team), Some(CommitRefusal::Order), "but not ali");
}

#[test]
fn a_room_is_given_up_by_its_last_user_only() {
    let give_up = |from| CommitRequest { commit: vec![], welcome: vec![], ..request(from, 3, "") };
    assert_eq!(refusal(&give_up("ali"), &group("ali", "ali bianca", "")), Some(CommitRefusal::Members));
    assert_eq!(refusal(&give_up("bianca"), &pair("ali bianca", "ali bianca")), Some(CommitRefusal::Members));
    assert!(accepted(&give_up("ali"), &group("ali", "ali ali2", "bianca")).gives_up, "who left does not count");
    assert_eq!(status(&give_up("carol"), &group("ali", "ali", "")), CommitStatus::Room);
}

#[test]
fn a_ghost_gets_mail_again_only_if_it_is_added_again() {
    let team = Situation { gone: set("dora2"), ..group("ali", "ali bianca", "carol") };
    let listed = accepted(&request("bianca", 3, "ali bianca carol dora2"), &team);
    assert_eq!((listed.roster, listed.ghosts), (set("ali bianca"), set("carol dora2")));
    assert_eq!(listed.welcomed, set(""));
    let again = CommitRequest { again: members("bianca carol"), ..request("ali", 3, "ali bianca carol") };
    let change = accepted(&again, &team);
    assert_eq!((change.roster, change.ghosts), (set("ali bianca carol"), set("")));
    assert_eq!(change.welcomed, set("bianca carol"), "also who is on the roster");
    assert_eq!(change.followers, set("ali bianca"));
    let dropped = accepted(&request("ali", 3, "ali bianca"), &team);
    assert_eq!(dropped.ghosts, set(""), "what the tree does not have is no ghost");
}

#[test]
fn who_has_never_been_a_terminal_here_is_no_ghost() {
    let known = Situation { gone: set("bianca2"), ..group("ali", "ali", "carol") };
    let known = Situation { there: set("ali dora"), ..known };
    let change = accepted(&request("ali", 3, "ali bianca bianca2 carol carol2 dora"), &known);
    assert_eq!((change.roster, change.ghosts), (set("ali dora"), set("bianca2 carol")));
    let founded = accepted(&request("ali", 0, "ali bianca"), &Situation { room: None, ..known });
    assert_eq!((founded.roster, founded.ghosts), (set("ali"), set("")));
}

#[test]
fn the_first_commit_of_an_epoch_wins_and_strangers_learn_nothing() {
    let team = group("ali", "ali bianca", "");
    assert_eq!(status(&request("bianca", 2, "ali bianca"), &team), CommitStatus::Epoch);
    assert_eq!(status(&request("carol", 3, "ali bianca carol"), &team), CommitStatus::Room);
    assert_eq!(status(&request("ali", 1, "ali"), &nothing()), CommitStatus::Room, "nothing begins later than in 0");
    assert_eq!(status(&request("ali", 0, "bianca"), &nothing()), CommitStatus::Room);
    let over = Situation { past: Some(Past::Over), ..nothing() };
    assert_eq!(status(&request("ali", 0, "ali bianca"), &over), CommitStatus::Room, "ids are used once");
    let moved = Situation { past: Some(Past::Moved), ..nothing() };
    assert_eq!(refusal(&request("ali", 3, "ali bianca"), &moved), Some(CommitRefusal::Moved));
}

#[test]
fn a_handle_is_taken_and_moves_by_compare_and_set_to_whom_it_may() {
    let found = |from: &str, behind: &str, admins: &str, replaces| CommitRequest {
        group: entry(admins),
        replaces,
        ..request(from, 0, behind)
    };
    let old = held("ali bianca", "ali bianca carol");
    let verdict = |from: &str, behind: &str, admins: &str, replaces, known: &Situation| {
        let CommitReply { status, reason, .. } = match judge(&found(from, behind, admins, replaces), known) {
            Verdict::Refused(reply) => reply,
            Verdict::Repeated | Verdict::Accepted(_) => CommitStatus::Accepted.into(),
        };
        (status, reason)
    };
    let refused = |reason| (CommitStatus::Refused, Some(reason));
    let (accepted, taken) = ((CommitStatus::Accepted, None), (CommitStatus::Taken, None));
    let other = Some(RoomId([5; 16]));
    for (from, behind, admins, replaces, expected) in [
        ("dora", "dora", "dora", None, taken),
        ("ali", "ali bianca", "ali bianca", None, taken),
        ("ali", "ali bianca", "ali bianca", other, taken),
        ("ali", "ali bianca", "ali bianca", Some(OLD), accepted),
        ("ali", "ali", "ali", Some(OLD), accepted),
        ("bianca", "ali bianca", "ali bianca", Some(OLD), accepted),
        ("bianca", "bianca carol", "ali bianca", Some(OLD), refused(CommitRefusal::Order)),
        ("bianca", "ali bianca", "bianca ali", Some(OLD), refused(CommitRefusal::Order)),
        ("bianca", "ali bianca", "bianca", Some(OLD), refused(CommitRefusal::Order)),
        ("carol", "ali bianca carol", "ali bianca carol", Some(OLD), refused(CommitRefusal::NotAdmin)),
        ("dora", "dora", "dora", Some(OLD), refused(CommitRefusal::NotAdmin)),
        ("ali", "ali bianca", "bianca", Some(OLD), refused(CommitRefusal::Entry)),
    ] {
        assert_eq!(verdict(from, behind, admins, replaces, &old), expected, "{from}: {behind} {admins} {replaces:?}");
    }
    let moved = Situation { replaced: Some(Past::Moved), ..old.clone() };
    assert_eq!(verdict("ali", "ali", "ali", other, &moved), refused(CommitRefusal::Moved), "somebody was faster");
    // Ali has a new identity and no terminal in the old room: bianca need not take ali along, and ali founds anew as well.
    let reset = held("ali bianca", "bianca carol");
    assert_eq!(verdict("bianca", "bianca carol", "ali bianca", Some(OLD), &reset), accepted);
    assert_eq!(verdict("bianca", "bianca carol", "bianca", Some(OLD), &reset), refused(CommitRefusal::Order));
    assert_eq!(verdict("ali", "ali bianca carol", "ali bianca", Some(OLD), &reset), accepted);
    let change = super::judge(&found("ali", "ali bianca", "ali bianca", Some(OLD)), &old);
    assert!(matches!(change, Verdict::Accepted(change) if change.replaces == Some(OLD) && change.founds));
}

#[test]
fn every_terminal_of_an_admin_who_stands_before_the_founder_hears_of_a_group_founded_anew() {
    let old = held("ali bianca carol", "ali ali2 bianca bianca2 carol carol2 dora");
    for (from, behind, told) in [
        ("carol", "ali2 bianca carol", "ali bianca2"),
        ("carol", "ali ali2 bianca bianca2 carol", ""),
        ("bianca", "ali bianca carol", "ali2"),
        ("ali", "ali bianca carol", ""),
    ] {
        let anew = CommitRequest { group: entry("ali bianca carol"), replaces: Some(OLD), ..request(from, 0, behind) };
        let change = accepted(&anew, &old);
        assert_eq!((change.told, &change.roster), (set(told), &set(behind)), "{from}: {behind}");
        assert_eq!(change.welcomed, &set(behind) - &set(from));
    }
    let free = Holder { is_free: true, ..old.holder.clone().unwrap() };
    let another = CommitRequest { group: entry("dora"), ..request("dora", 0, "dora") };
    assert_eq!(accepted(&another, &Situation { holder: Some(free), ..nothing() }).told, set(""));
    let goes_on =
        accepted(&request("bianca", 3, "ali ali2 bianca bianca2"), &group("ali bianca", "ali ali2 bianca", ""));
    assert_eq!(goes_on.told, set(""));
}

#[test]
fn the_handle_of_a_group_that_was_given_up_is_kept_for_its_admins() {
    let found = |from: &str, admins: &str| CommitRequest { group: entry(admins), ..request(from, 0, from) };
    let kept = held("ali bianca", "");
    assert_eq!(status(&found("dora", "dora"), &kept), CommitStatus::Taken);
    assert_eq!(status(&found("ali", "ali"), &kept), CommitStatus::Accepted);
    assert_eq!(refusal(&found("bianca", "bianca"), &kept), Some(CommitRefusal::Order), "ali stands before");
    assert_eq!(status(&found("bianca", "ali bianca"), &kept), CommitStatus::Accepted);
    let mut free = kept;
    free.holder.as_mut().unwrap().is_free = true;
    assert_eq!(status(&found("dora", "dora"), &free), CommitStatus::Accepted);
}

#[test]
fn epochs_and_rooms_take_their_time() {
    let wait = Some(Duration::from_millis(1500));
    let team = Situation { epochs_wait: wait, ..group("ali", "ali bianca", "") };
    let new = Situation { founding_wait: wait, ..nothing() };
    for (request, known, reason) in [
        (request("ali", 3, "ali bianca"), team, CommitRefusal::Epochs),
        (request("ali", 0, "ali bianca"), new, CommitRefusal::Rooms),
    ] {
        let told = CommitReply { status: CommitStatus::Refused, reason: Some(reason), retry_after: Some(2) };
        assert_eq!(judge(&request, &known), Verdict::Refused(told));
    }
}

#[test]
fn a_room_of_two_too_many_closes_the_oldest_of_its_founder() {
    let rooms: Vec<RoomId> = (1..=5).map(|n| RoomId([n; 16])).collect();
    for (before, closed) in [(0, 0), (3, 0), (4, 1), (5, 2)] {
        let known = Situation { founded_with: rooms[..before].to_vec(), ..nothing() };
        assert_eq!(accepted(&request("ali", 0, "ali bianca"), &known).closes, rooms[..closed], "{before}");
    }
}
