//! Whom no way leads to is written to, and looked for again (decision D26).

use super::*;
use crate::event::Now;

const NO_ANSWER: CallFailed = CallFailed::NoAnswer { seconds: 3 };

/// Bianca has called ali, to whom there is no way.
fn without_a_way() -> Stage {
    let mut stage = Stage::new(Accept::All);
    let dial = stage.dials();
    stage.calls.handle_dialed(&mut stage.cx, dial, Err(DialFailed::NoAnswer { seconds: 3 }));
    let told = CallNotice::ByMail { with: ali(), why: NO_ANSWER };
    assert_eq!(stage.effects(), [Effect::Notify(told.into())]);
    stage
}

/// Seconds until the next try, which is placed, and its dial.
fn next_try(stage: &mut Stage) -> (u64, DialId) {
    let at = stage.calls.next_deadline().unwrap();
    let waited = at - stage.cx.now.tick;
    stage.cx.now = Now { tick: at, ..stage.cx.now };
    let asked = stage.calls.handle_tick(&mut stage.cx);
    assert!(matches!(&asked[..], [Request::Directory(DirectoryRequest::LookUp { .. })]), "{asked:?}");
    stage.is_found(&ali(), LookupReason::Call, Some(found(Example::Ali)));
    let effects = stage.effects();
    let [Effect::Dial { dial, .. }] = &effects[..] else { panic!("{effects:?}") };
    (waited, *dial)
}

#[test]
fn a_way_is_looked_for_more_and_more_seldom_and_told_when_it_is_found() {
    let mut stage = without_a_way();
    for expected in [15, 30, 60, 120, 240, 300, 300] {
        let (waited, dial) = next_try(&mut stage);
        assert_eq!(waited, expected);
        stage.calls.handle_dialed(&mut stage.cx, dial, Err(DialFailed::Unreached(Unreached::Closed)));
        assert_eq!(stage.effects(), [], "nobody is told again what is known");
    }
    let (_, dial) = next_try(&mut stage);
    stage.calls.handle_dialed(&mut stage.cx, dial, Ok(LinkId(7)));
    assert_eq!(stage.effects(), [Effect::Notify(CallNotice::Established { with: ali() }.into())]);
    assert_eq!(stage.calls.next_deadline(), None);
}

#[test]
fn it_ends_with_the_user_s_word_with_a_link_and_where_nobody_is_there() {
    let mut ended = without_a_way();
    ended.calls.end(&mut ended.cx, &ali());
    assert_eq!(ended.calls.next_deadline(), None);
    let mut called = without_a_way();
    let (link, _) = called.verified();
    called.calls.handle_connected(&mut called.cx, link);
    assert_eq!(called.calls.next_deadline(), None);
    let mut offline = without_a_way();
    offline.cx.now.tick = offline.calls.next_deadline().unwrap();
    offline.calls.handle_tick(&mut offline.cx);
    offline.is_found(&ali(), LookupReason::Call, None);
    assert_eq!((offline.calls.next_deadline(), offline.effects()), (None, Vec::new()));
    let mut refused = without_a_way();
    let (_, dial) = next_try(&mut refused);
    refused.calls.handle_dialed(&mut refused.cx, dial, Err(DialFailed::Refused(ConnectRefusal::Declined)));
    assert_eq!(
        (refused.calls.next_deadline(), refused.effects()),
        (None, Vec::new()),
        "somebody is there and does not want it"
    );
}

#[test]
fn who_comes_again_is_called_at_once_and_the_user_s_own_call_takes_that_over() {
    let mut stage = without_a_way();
    let asked = stage.calls.handle_came(&stage.cx, &ali());
    assert!(matches!(&asked[..], [Request::Directory(DirectoryRequest::LookUp { .. })]), "{asked:?}");
    assert_eq!(stage.calls.handle_came(&stage.cx, &ali()), [], "it is under way");
    assert_eq!(stage.calls.place(&mut stage.cx, ali()), []);
    stage.is_found(&ali(), LookupReason::Call, Some(found(Example::Ali)));
    let effects = stage.effects();
    let dial =
        effects.iter().find_map(|effect| if let Effect::Dial { dial, .. } = effect { Some(*dial) } else { None });
    stage.calls.handle_dialed(&mut stage.cx, dial.unwrap(), Err(DialFailed::NoAnswer { seconds: 3 }));
    assert_eq!(failed(&stage.effects()), Some(NO_ANSWER), "the user asked, and is told");
}
