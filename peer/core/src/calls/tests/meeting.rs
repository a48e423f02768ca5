//! Where a terminal is not reached, the directory is asked to relay; and who is met (decision D26).

use common::ident::MeetingToken;
use common::msg::{Meet, MeetRefusal, MeetReply, MeetingWay, PUNCH, RELAY, ToDirectory};

use super::*;
use crate::event::Fallback;
use crate::meeting::Met;
use crate::model::LinkWay;
use crate::request::Question;

const TOKEN: MeetingToken = MeetingToken([5; 32]);

/// Ali is at two terminals that can be met by relay, the newest first.
fn met() -> LookupResult {
    LookupResult { relayable: vec![TerminalId([1; 16]), TerminalId([2; 16])], ..found(Example::Ali) }
}

/// Bianca, whose directory relays, calls ali.
fn calling(directory: Features) -> (Stage, DialId, Fallback) {
    let mut stage = Stage::new(Accept::All);
    stage.cx.features = directory;
    stage.calls.place(&mut stage.cx, ali());
    stage.is_found(&ali(), LookupReason::Call, Some(met()));
    let dialed = stage.effects().into_iter().find_map(|effect| match effect {
        Effect::Dial { dial, fallback, .. } => Some((dial, fallback)),
        _ => None,
    });
    let (dial, fallback) = dialed.unwrap();
    (stage, dial, fallback)
}

/// The terminal that the directory is asked for.
fn asked(requests: &[Request]) -> Option<u8> {
    match requests {
        [Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MeetReq(request), question })] => {
            assert_eq!((&request.userid, question), (&ali(), &Question::Meeting(ali())));
            assert_eq!(request.how, MeetingWay::Relay);
            Some(request.terminal.0[0])
        }
        [] => None,
        other => panic!("{other:?}"),
    }
}

fn no_answer() -> DialFailed {
    DialFailed::NoAnswer { seconds: 2 }
}

#[test]
fn who_is_not_reached_is_called_by_relay_and_the_user_is_told_of_the_way() {
    let (mut stage, direct, fallback) = calling(Features::of(&[RELAY]));
    assert_eq!(fallback, Fallback::Relay);
    let requests = stage.calls.handle_dialed(&mut stage.cx, direct, Err(no_answer()));
    assert_eq!(asked(&requests), Some(1));
    assert_eq!(stage.calls.handle_met(&mut stage.cx, &ali(), Some(Met::Relay(TOKEN))), []);
    let effects = stage.effects();
    let [Effect::DialByRelay { dial, token, call }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&call.to, token, &call.found), (&ali(), &TOKEN, &met()));
    stage.cx.ways.insert(LinkId(7), LinkWay::Relayed);
    stage.calls.handle_dialed(&mut stage.cx, *dial, Ok(LinkId(7)));
    let told = [
        CallNotice::Established { with: ali() },
        CallNotice::Way { with: ali(), way: LinkWay::Relayed, vouched: None },
    ];
    assert_eq!(stage.effects(), told.map(|notice| Effect::Notify(notice.into())));
}

#[test]
fn the_next_terminal_is_asked_for_where_one_is_not_to_be_met_and_the_first_reason_is_told() {
    let (mut stage, direct, _) = calling(Features::of(&[RELAY]));
    stage.calls.handle_dialed(&mut stage.cx, direct, Err(DialFailed::Unreached(Unreached::NobodyListens)));
    assert_eq!(asked(&stage.calls.handle_met(&mut stage.cx, &ali(), None)), Some(2));
    assert_eq!(stage.calls.handle_met(&mut stage.cx, &ali(), None), []);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::Unreached(Unreached::NobodyListens)));
}

#[test]
fn who_was_to_be_met_and_does_not_come_is_no_matter_of_the_addresses() {
    let (mut stage, direct, _) = calling(Features::of(&[RELAY]));
    stage.calls.handle_dialed(&mut stage.cx, direct, Err(DialFailed::Unreached(Unreached::NobodyListens)));
    stage.calls.handle_met(&mut stage.cx, &ali(), Some(Met::Relay(TOKEN)));
    let effects = stage.effects();
    let [Effect::DialByRelay { dial, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(asked(&stage.calls.handle_dialed(&mut stage.cx, *dial, Err(no_answer()))), Some(2));
    stage.calls.handle_met(&mut stage.cx, &ali(), None);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::NotMet));
}

/// A call of ali, who can be met both ways where the directory does both.
fn calling_to_meet(directory: Features) -> (Stage, DialId, Fallback) {
    let mut stage = Stage::new(Accept::All);
    stage.cx.features = directory;
    stage.calls.place(&mut stage.cx, ali());
    let newest = TerminalId([1; 16]);
    let met = LookupResult { punchable: vec![newest], relayable: vec![newest], ..found(Example::Ali) };
    stage.is_found(&ali(), LookupReason::Call, Some(met));
    let direct = stage.effects().into_iter().find_map(|effect| match effect {
        Effect::Dial { dial, fallback, .. } => Some((dial, fallback)),
        _ => None,
    });
    let (direct, fallback) = direct.unwrap();
    (stage, direct, fallback)
}

#[test]
fn where_a_meeting_is_all_there_is_everything_else_is_tried_before() {
    let (_, _, fallback) = calling_to_meet(Features::of(&[PUNCH]));
    assert_eq!(fallback, Fallback::MeetingAlone);
}

#[test]
fn two_connect_to_each_other_before_they_are_relayed_and_that_they_cannot_is_nobodys_will() {
    let (mut stage, direct, fallback) = calling_to_meet(Features::of(&[RELAY, PUNCH]));
    assert_eq!(fallback, Fallback::Meeting);
    let how = |requests: &[Request]| match requests {
        [Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MeetReq(request), .. })] => Some(request.how),
        _ => None,
    };
    let unreached = || Err(DialFailed::Unreached(Unreached::NobodyListens));
    assert_eq!(how(&stage.calls.handle_dialed(&mut stage.cx, direct, unreached())), Some(MeetingWay::Punch));
    let reply = MeetReply::punch(address(), 200);
    assert_eq!(stage.calls.handle_met(&mut stage.cx, &ali(), Met::said(&reply)), []);
    let effects = stage.effects();
    let [Effect::DialToMeet { dial, address: place, after: 200, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*place, address());
    assert_eq!(how(&stage.calls.handle_dialed(&mut stage.cx, *dial, unreached())), Some(MeetingWay::Relay));
    stage.calls.handle_met(&mut stage.cx, &ali(), Met::said(&MeetReply::refused(MeetRefusal::Off)));
    assert_eq!(failed(&stage.effects()), Some(CallFailed::Unreached(Unreached::NobodyListens)));
}

#[test]
fn only_what_is_of_the_way_is_tried_by_another_way() {
    for (why, is_tried) in [
        (no_answer(), true),
        (DialFailed::Unreached(Unreached::NoWay), true),
        (DialFailed::Refused(ConnectRefusal::Address), true),
        (DialFailed::RefusedFamily(ConnectRefusal::Address), true),
        (DialFailed::Refused(ConnectRefusal::Declined), false),
        (DialFailed::RefusedFamily(ConnectRefusal::Declined), false),
        (DialFailed::Refused(ConnectRefusal::Busy), false),
        (DialFailed::WrongKey, false),
        (DialFailed::Broken, false),
        (DialFailed::Local { detail: "no".into() }, false),
    ] {
        let (mut stage, direct, _) = calling(Features::of(&[RELAY]));
        let requests = stage.calls.handle_dialed(&mut stage.cx, direct, Err(why.clone()));
        assert_eq!(asked(&requests).is_some(), is_tried, "{why:?}");
        assert_eq!(failed(&stage.effects()).is_none(), is_tried, "{why:?}");
    }
}

#[test]
fn a_directory_that_relays_nothing_is_not_asked() {
    let (mut stage, direct, fallback) = calling(Features::of_directory());
    assert_eq!(fallback, Fallback::Nothing);
    assert_eq!(stage.calls.handle_dialed(&mut stage.cx, direct, Err(no_answer())), []);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::NoAnswer { seconds: 2 }));
}

#[test]
fn a_directory_that_does_not_answer_is_waited_for_no_longer_than_a_step_of_a_call() {
    let (mut stage, direct, _) = calling(Features::of(&[RELAY]));
    stage.calls.handle_dialed(&mut stage.cx, direct, Err(no_answer()));
    stage.cx.now.tick += CALL_DEADLINE.as_secs();
    assert_eq!(stage.calls.next_deadline(), Some(stage.cx.now.tick));
    stage.calls.handle_tick(&mut stage.cx);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::NoAnswer { seconds: 2 }));
    assert_eq!(
        stage.calls.handle_met(&mut stage.cx, &ali(), Some(Met::Relay(TOKEN))),
        [],
        "an answer that comes too late"
    );
    assert_eq!(stage.effects(), []);
}

#[test]
fn nothing_is_dialled_for_whom_the_user_would_not_talk_to() {
    let meet = |userid| Meet {
        token: Some(TOKEN),
        userid,
        terminal: TerminalId([1; 16]),
        address: address(),
        how: MeetingWay::Relay,
        after: None,
    };
    let met_by = |accept, prepare: fn(&mut Stage), change: fn(&mut Meet)| {
        let mut stage = Stage::new(accept);
        prepare(&mut stage);
        stage.effects();
        let mut meet = meet(ali());
        change(&mut meet);
        stage.calls.handle_meet(&mut stage.cx, meet);
        matches!(&stage.effects()[..], [Effect::Meet(_)])
    };
    let chosen = |stage: &mut Stage| stage.cx.choose(&ali());
    let blocked = |stage: &mut Stage| {
        stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
        stage.cx.contacts.block(&ali(), 0);
    };
    let called = |stage: &mut Stage| drop(stage.calls.place(&mut stage.cx, ali()));
    assert!(met_by(Accept::All, |_| (), |_| ()));
    assert!(met_by(Accept::Ask, |_| (), |_| ()));
    assert!(met_by(Accept::Contacts, chosen, |_| ()));
    assert!(met_by(Accept::None, called, |_| ()), "a call that crosses one of ours");
    assert!(!met_by(Accept::Contacts, |_| (), |_| ()));
    assert!(!met_by(Accept::None, chosen, |_| ()));
    assert!(!met_by(Accept::All, blocked, |_| ()));
    assert!(met_by(Accept::All, |_| (), |meet| (meet.how, meet.after) = (MeetingWay::Punch, Some(200))));
    assert!(!met_by(Accept::All, blocked, |meet| (meet.how, meet.after) = (MeetingWay::Punch, Some(200))));
    assert!(!met_by(Accept::All, |_| (), |meet| meet.how = MeetingWay::Punch), "at no time");
    assert!(!met_by(Accept::All, |_| (), |meet| meet.token = None), "without a token");
    assert!(!met_by(Accept::All, |_| (), |meet| meet.how = MeetingWay::Other));
    assert!(!met_by(Accept::All, |_| (), |meet| meet.userid = Example::Bianca.user().unwrap()));
}

#[test]
fn a_call_to_whom_there_is_a_connection_says_how_it_goes() {
    let mut stage = Stage::new(Accept::All);
    let dial = stage.dials();
    stage.cx.ways.insert(LinkId(1), LinkWay::Relayed);
    stage.calls.handle_dialed(&mut stage.cx, dial, Ok(LinkId(1)));
    stage.effects();
    stage.calls.place(&mut stage.cx, ali());
    let told = [
        CallNotice::Established { with: ali() },
        CallNotice::Way { with: ali(), way: LinkWay::Relayed, vouched: None },
    ];
    assert_eq!(stage.effects(), told.map(|notice| Effect::Notify(notice.into())));
}
