//! Files by relay, and files that wait for a way.

use common::ident::MeetingToken;
use common::msg::{Features, Meet, MeetingWay, RELAY, RELAY_FILES, ToDirectory};

use super::stage::*;
use crate::context::Direction;
use crate::event::{Fallback, Over};
use crate::model::LinkWay;
use crate::notice::{CallFailed, FileRelay, FileWaits, Unreached};
use crate::request::Question;

const TOKEN: MeetingToken = MeetingToken([5; 32]);

fn unreached() -> CallFailed {
    CallFailed::Unreached(Unreached::NobodyListens)
}

fn waits(relay: FileRelay) -> FileNews {
    FileNews::NoWay(Box::new(FileWaits { why: Some(unreached()), relay }))
}

/// A file of ali's that is wanted, at a directory that names these features.
fn wanted(features: &[&str]) -> Stage {
    let mut stage = Stage::asking();
    stage.cx.features = Features::of(features);
    stage.is_offered(1, 9);
    stage.accepts(1);
    stage
}

/// Where the one file is fetched.
fn over(done: &Done) -> Over {
    let over = done.effects.iter().find_map(|effect| match effect {
        Effect::Fetch { over, .. } => Some(*over),
        _ => None,
    });
    over.unwrap()
}

fn is_met(stage: &mut Stage, token: Option<MeetingToken>) -> Done {
    stage.does(|files, cx| files.handle_met(cx, 1, token))
}

fn asks_to_meet(done: &Done) -> bool {
    done.requests.iter().any(|request| match request {
        Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MeetReq(meet), question }) => {
            assert_eq!((meet.how, question), (MeetingWay::File, &Question::FileMeeting(1)));
            true
        }
        _ => false,
    })
}

#[test]
fn a_file_that_no_address_gives_is_fetched_by_relay() {
    let mut stage = wanted(&[RELAY, RELAY_FILES]);
    assert_eq!(over(&stage.finds_relayable(1)), Over::Addresses(Fallback::Relay));
    let ended = stage.ends(1, TransferOutcome::NotReached(unreached()));
    assert!(asks_to_meet(&ended) && ended.news().is_empty());
    assert_eq!(over(&is_met(&mut stage, Some(TOKEN))), Over::Relay(TOKEN));
    let saved = stage.ends(1, TransferOutcome::Saved { path: "/plans.pdf".into() });
    assert_eq!(saved.said(), [Outcome::Received]);
}

#[test]
fn where_only_conversations_are_relayed_the_file_waits_and_says_why_once() {
    let mut stage = wanted(&[RELAY]);
    for told in [vec![waits(FileRelay::Off)], vec![]] {
        assert_eq!(over(&stage.finds_relayable(1)), Over::Addresses(Fallback::Nothing));
        let ended = stage.ends(1, TransferOutcome::NotReached(unreached()));
        assert_eq!((asks_to_meet(&ended), ended.news()), (false, told));
        assert!(stage.files.shown(1).unwrap().waits.is_some());
        stage.cx.now.tick = stage.files.next_deadline().unwrap();
        assert!(stage.ticks().looks_up(), "it is looked for again");
    }
    assert!(stage.finds_relayable(1).fetches());
    stage.progresses(1, 1);
    stage.ends(1, TransferOutcome::Stopped);
    assert_eq!(stage.files.shown(1).unwrap().waits, None, "there was a way");
}

#[test]
fn a_meeting_that_does_not_come_about_is_tried_again_later() {
    let mut stage = wanted(&[RELAY_FILES]);
    stage.finds_relayable(1);
    stage.ends(1, TransferOutcome::NotReached(unreached()));
    let refused = is_met(&mut stage, None);
    assert_eq!((asks_to_meet(&refused), refused.news()), (false, vec![waits(FileRelay::InVain)]));
    assert!(stage.files.next_deadline().is_some());
    assert!(is_met(&mut stage, Some(TOKEN)).effects.is_empty(), "nobody waits for this answer");
}

#[test]
fn a_file_that_was_given_up_is_not_fetched_by_relay() {
    let mut stage = wanted(&[RELAY_FILES]);
    stage.finds_relayable(1);
    stage.ends(1, TransferOutcome::NotReached(unreached()));
    stage.wishes(1, FileWish::Cancel);
    assert!(!is_met(&mut stage, Some(TOKEN)).fetches());
}

#[test]
fn who_was_refused_does_not_come_by_relay() {
    let mut stage = wanted(&[RELAY_FILES]);
    stage.finds_relayable(1);
    let refused = stage.ends(1, TransferOutcome::NotReached(CallFailed::Refused));
    assert_eq!((asks_to_meet(&refused), refused.news()), (false, vec![FileNews::Stopped { done: 0 }]));
}

#[test]
fn only_who_is_offered_a_file_is_met_for_one() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    let mut goes = |userid: UserId, how| {
        let (token, terminal, address) = (Some(TOKEN), TerminalId([1; 16]), ([127, 0, 0, 2], 65000).into());
        let meet = Meet { token, userid, terminal, address, how, after: None };
        let done = stage.does(|files, cx| {
            files.handle_meet(cx, meet);
            Vec::new()
        });
        matches!(&done.effects[..], [Effect::Meet(_)])
    };
    assert!(goes(ali(), MeetingWay::File));
    assert!(!goes(ali(), MeetingWay::Relay));
    assert!(!goes(Example::Carol.user().unwrap(), MeetingWay::File));
    stage.is_told(&ali(), Outcome::Received);
}

/// A connection to ali goes this way.
fn is_linked(stage: &mut Stage, way: LinkWay) -> Done {
    let link = LinkId(7);
    stage.cx.ways.insert(link, way);
    stage.cx.links.insert(ali(), link, Direction::Ours, stage.cx.now.tick);
    stage.does(|files, cx| {
        files.handle_link(cx, &ali());
        Vec::new()
    })
}

fn waiting(stage: &Stage) -> Option<Box<FileWaits>> {
    stage.files.shown(1).unwrap().waits
}

#[test]
fn the_sender_of_a_file_is_told_once_that_it_waits_for_a_direct_way() {
    let waits = || FileWaits { why: None, relay: FileRelay::Off };
    let told = || FileNews::NoWay(Box::new(waits()));
    let mut stage = Stage::asking();
    stage.cx.features = Features::of(&[RELAY]);
    is_linked(&mut stage, LinkWay::Relayed);
    assert_eq!(stage.offers("plans.pdf").news(), [FileNews::Offering, told()], "offered in a relayed conversation");
    assert_eq!(is_linked(&mut stage, LinkWay::Relayed).news(), [], "once");
    assert_eq!(waiting(&stage), Some(Box::new(waits())));
    assert_eq!(is_linked(&mut stage, LinkWay::Met).news(), []);
    assert_eq!(waiting(&stage), None, "there is a direct way");
    assert_eq!(is_linked(&mut stage, LinkWay::Relayed).news(), [told()], "there is none any more");
    // A file that is fetched does not wait.
    stage.does(|files, cx| {
        let file = files.all[&1].file;
        files.handle_fetch(cx, LinkId(8), &ali(), (file, 0));
        Vec::new()
    });
    assert_eq!(waiting(&stage), None);

    for (way, features) in [(LinkWay::Relayed, &[RELAY, RELAY_FILES][..]), (LinkWay::DirectIpv4, &[RELAY])] {
        let mut stage = Stage::asking();
        stage.cx.features = Features::of(features);
        is_linked(&mut stage, way);
        assert_eq!(stage.offers("plans.pdf").news(), [FileNews::Offering], "{way:?}, {features:?}");
    }
}
