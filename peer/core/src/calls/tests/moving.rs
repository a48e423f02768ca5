//! A conversation goes on over another link: relayed until there is a direct way (decision D26).

use common::ident::ConversationId;
use common::msg::{MOVES, MeetReply, PUNCH, RELAY, ToDirectory};

use super::*;
use crate::context::Direction;
use crate::event::{Call, Fallback};
use crate::meeting::Met;
use crate::model::{LinkWay, Named};
use crate::notice::EndedBy;
use crate::verify::TerminalAddresses;

const CONVERSATION: ConversationId = ConversationId([9; 16]);
const TERMINAL: TerminalId = TerminalId([1; 16]);
const NAMED: Named = Named { conversation: CONVERSATION, terminal: TERMINAL };
const RELAYED: LinkId = LinkId(7);
const DIRECT: LinkId = LinkId(8);

/// Ali is at two terminals; the conversation is with the first.
fn at_two() -> LookupResult {
    let terminals = [1, 2].map(|byte| TerminalAddresses {
        terminal: Some(TerminalId([byte; 16])),
        seen: vec![SocketAddr::from(([127, 0, 0, byte], 40_000))],
        local: Vec::new(),
    });
    let both = || vec![TerminalId([1; 16]), TerminalId([2; 16])];
    LookupResult { terminals: terminals.to_vec(), relayable: both(), punchable: both(), ..found(Example::Ali) }
}

/// Bianca, who talks to ali over a relay; who of them has called.
fn relayed(direction: Direction, accept: Accept) -> Stage {
    let mut stage = Stage::new(accept);
    stage.cx.features = Features::of(&[RELAY, PUNCH]);
    stage.callers_name = Features::of(&[MOVES]);
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
    match direction {
        Direction::Ours => {
            let dial = stage.dials();
            stands(&mut stage, RELAYED, LinkWay::Relayed);
            stage.calls.handle_dialed(&mut stage.cx, dial, Ok(RELAYED));
        }
        Direction::Theirs => {
            stage.cx.links.insert(ali(), RELAYED, Direction::Theirs, stage.cx.now.tick);
            stands(&mut stage, RELAYED, LinkWay::Relayed);
            stage.calls.begin_to_move(&stage.cx, &ali());
        }
    }
    stage.effects();
    stage
}

fn stands(stage: &mut Stage, link: LinkId, way: LinkWay) {
    stage.cx.ways.insert(link, way);
    stage.cx.named.insert(link, NAMED);
}

/// It is time to look for a direct way, and ali is found.
fn looks(stage: &mut Stage) -> DialId {
    stage.cx.now.tick = stage.calls.next_deadline().unwrap();
    let asked = stage.calls.handle_tick(&mut stage.cx);
    assert_eq!(asked, [Request::Directory(DirectoryRequest::LookUp { user: ali(), reason: LookupReason::Call })]);
    stage.is_found(&ali(), LookupReason::Call, Some(at_two()));
    match &stage.effects()[..] {
        [Effect::Dial { dial, call: Call { found, conversation: Some(CONVERSATION), .. }, fallback, .. }] => {
            assert_eq!(*fallback, Fallback::Meeting);
            assert_eq!(found, &at_two().only(TERMINAL), "nobody else is called");
            *dial
        }
        other => panic!("{other:?}"),
    }
}

/// Ali's terminal calls to go on with this conversation; what is answered.
fn is_called_to_move(stage: &mut Stage, link: LinkId, conversation: ConversationId) -> Vec<Effect> {
    let key = fixtures::identity(Example::Ali).key.digest();
    let message = ConnectReq {
        initiator: ali(),
        destination: stage.cx.me.user.clone(),
        initiator_key: key,
        destination_key: stage.cx.me.key.digest(),
        terminal: TERMINAL,
        features: Features::of(&[MOVES]),
        record: None,
        conversation: Some(conversation),
    };
    stage.cx.ways.insert(link, LinkWay::DirectIpv4);
    stage.calls.handle_request(&mut stage.cx, link, ConnectRequest { message, key, source: address() });
    stage.is_found(&ali(), LookupReason::Caller(link), Some(found(Example::Ali)));
    stage.effects()
}

fn accepted(effects: &[Effect]) -> Option<ConversationId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply { reply, .. } => reply.conversation.filter(|_| reply.status == ConnectStatus::Accepted),
        _ => None,
    })
}

fn moved(way: LinkWay) -> Effect {
    let before = Some(LinkWay::Relayed);
    Effect::Notify(CallNotice::Moved { with: ali(), before, way, vouched: None }.into())
}

fn delivery_moves(requests: &[Request]) -> bool {
    let down = Request::Delivery(DeliveryRequest::LinkDown(ali(), RELAYED));
    requests == [down, Request::Delivery(DeliveryRequest::LinkUp(ali()))]
}

fn unreached() -> Result<LinkId, DialFailed> {
    Err(DialFailed::Unreached(Unreached::NobodyListens))
}

#[test]
fn what_was_relayed_goes_directly_when_there_is_a_way_and_no_end_is_told() {
    let mut stage = relayed(Direction::Ours, Accept::All);
    assert_eq!(stage.calls.next_deadline(), Some(stage.cx.now.tick + 15));
    let dial = looks(&mut stage);
    stands(&mut stage, DIRECT, LinkWay::DirectIpv4);
    assert!(delivery_moves(&stage.calls.handle_dialed(&mut stage.cx, dial, Ok(DIRECT))));
    // Whoever was called ends the old link: we do not know yet that it has heard of the new one.
    assert_eq!(stage.effects(), [moved(LinkWay::DirectIpv4)]);
    let ended = LinkEnd::Bye(ByeReason::Elsewhere);
    assert_eq!(stage.calls.handle_link_end(&mut stage.cx, RELAYED, ended), []);
    assert_eq!(stage.effects(), []);
    assert_eq!((stage.cx.links.user_of(DIRECT), stage.calls.next_deadline()), (Some(&ali()), None));
}

#[test]
fn whoever_is_called_takes_the_link_unasked_and_ends_the_old_one() {
    for accept in [Accept::All, Accept::Ask, Accept::None, Accept::Contacts] {
        let mut stage = relayed(Direction::Theirs, accept);
        let answered = is_called_to_move(&mut stage, DIRECT, CONVERSATION);
        assert_eq!(accepted(&answered), Some(CONVERSATION), "{answered:?}");
        assert!(delivery_moves(&stage.calls.handle_connected(&mut stage.cx, DIRECT)));
        let close = Effect::Close { link: RELAYED, reason: ByeReason::Elsewhere };
        assert_eq!(stage.effects(), [close, moved(LinkWay::DirectIpv4)]);
        assert_eq!(stage.cx.links.user_of(DIRECT), Some(&ali()));
    }
}

#[test]
fn a_call_that_names_another_conversation_is_a_call_like_others() {
    let other = ConversationId([5; 16]);
    let mut stage = relayed(Direction::Theirs, Accept::None);
    assert_eq!(refusal(&is_called_to_move(&mut stage, DIRECT, other)), Some(ConnectRefusal::Declined));
    let mut stage = relayed(Direction::Theirs, Accept::All);
    assert_eq!(accepted(&is_called_to_move(&mut stage, DIRECT, other)), Some(other));
    stage.calls.handle_connected(&mut stage.cx, DIRECT);
    let told = stage.effects();
    let ended = CallNotice::Ended { with: ali(), by: EndedBy::Them };
    let received = CallNotice::Received { from: ali() };
    assert!([ended, received].iter().all(|notice| told.contains(&Effect::Notify(notice.clone().into()))), "{told:?}");
}

#[test]
fn nothing_goes_on_with_a_conversation_that_its_user_has_ended() {
    let mut stage = relayed(Direction::Theirs, Accept::All);
    stage.calls.end(&mut stage.cx, &ali());
    stage.effects();
    assert_eq!(refusal(&is_called_to_move(&mut stage, DIRECT, CONVERSATION)), Some(ConnectRefusal::Declined));
    stage.cx.now.tick += 120;
    stage.calls.handle_tick(&mut stage.cx);
    assert_eq!(accepted(&is_called_to_move(&mut stage, LinkId(9), CONVERSATION)), Some(CONVERSATION));
}

#[test]
fn a_direct_way_is_looked_for_again_and_again_while_the_relayed_link_stands() {
    for (direction, waits) in [(Direction::Ours, [15, 30, 60]), (Direction::Theirs, [25, 50, 100])] {
        let mut stage = relayed(direction, Accept::All);
        for wait in waits {
            assert_eq!(stage.calls.next_deadline(), Some(stage.cx.now.tick + wait));
            let dial = looks(&mut stage);
            let met = stage.calls.handle_dialed(&mut stage.cx, dial, unreached());
            let asks =
                |message: &ToDirectory| matches!(message, ToDirectory::MeetReq(meet) if meet.terminal == TERMINAL);
            assert!(
                matches!(&met[..], [Request::Directory(DirectoryRequest::Ask { message, .. })] if asks(message)),
                "{met:?}"
            );
            stage.calls.handle_met(&mut stage.cx, &ali(), Met::said(&MeetReply::punch(address(), 200)));
            let effects = stage.effects();
            let [Effect::DialToMeet { dial, call, .. }] = &effects[..] else { panic!("{effects:?}") };
            assert_eq!(call.conversation, Some(CONVERSATION));
            assert_eq!(stage.calls.handle_dialed(&mut stage.cx, *dial, unreached()), [], "no relay beside the relay");
            assert_eq!(stage.effects(), [], "nobody hears of it");
        }
        stage.calls.end(&mut stage.cx, &ali());
        assert_ne!(stage.calls.next_deadline(), Some(stage.cx.now.tick + 200));
    }
}

#[test]
fn no_way_is_looked_for_where_the_other_side_does_not_know_of_it_or_the_link_is_direct() {
    for (way, named) in [(LinkWay::Relayed, false), (LinkWay::DirectIpv4, true), (LinkWay::Met, true)] {
        let mut stage = Stage::new(Accept::All);
        let dial = stage.dials();
        stands(&mut stage, RELAYED, way);
        if !named {
            stage.cx.named.clear();
        }
        stage.calls.handle_dialed(&mut stage.cx, dial, Ok(RELAYED));
        assert_eq!(stage.calls.next_deadline(), None);
    }
}

#[test]
fn of_two_that_call_to_go_on_one_survives() {
    let (ours, theirs) =
        (fixtures::identity(Example::Bianca).key.digest(), fixtures::identity(Example::Ali).key.digest());
    let mut stage = relayed(Direction::Ours, Accept::All);
    let dial = looks(&mut stage);
    let answered = is_called_to_move(&mut stage, DIRECT, CONVERSATION);
    if ours < theirs {
        assert_eq!(refusal(&answered), Some(ConnectRefusal::Crossed));
    } else {
        assert!(answered.contains(&Effect::Hang(dial)));
        assert_eq!(accepted(&answered), Some(CONVERSATION));
        stage.calls.handle_connected(&mut stage.cx, DIRECT);
        assert!(stage.effects().contains(&moved(LinkWay::DirectIpv4)));
    }
}

#[test]
fn a_call_that_goes_on_stands_back_behind_one_that_a_user_has_placed() {
    let mut stage = relayed(Direction::Ours, Accept::All);
    let dial = looks(&mut stage);
    let (link, answered) = stage.verified();
    assert!(answered.contains(&Effect::Hang(dial)));
    assert!(accepted(&answered).is_some_and(|conversation| conversation != CONVERSATION));
    stage.calls.handle_connected(&mut stage.cx, link);
    assert!(stage.effects().contains(&Effect::Notify(CallNotice::Received { from: ali() }.into())));
}

#[test]
fn the_end_of_the_old_link_may_be_heard_before_the_answer_of_the_new_one() {
    let followed = || {
        let mut stage = relayed(Direction::Ours, Accept::All);
        let dial = looks(&mut stage);
        let down = stage.calls.handle_link_end(&mut stage.cx, RELAYED, LinkEnd::Bye(ByeReason::Elsewhere));
        assert_eq!(down, [Request::Delivery(DeliveryRequest::LinkDown(ali(), RELAYED))]);
        assert_eq!(stage.effects(), [], "it has not ended");
        (stage, dial)
    };
    let (mut stage, dial) = followed();
    stands(&mut stage, DIRECT, LinkWay::DirectIpv4);
    let up = stage.calls.handle_dialed(&mut stage.cx, dial, Ok(DIRECT));
    assert_eq!(up, [Request::Delivery(DeliveryRequest::LinkUp(ali()))]);
    let told = CallNotice::Moved { with: ali(), before: None, way: LinkWay::DirectIpv4, vouched: None };
    assert_eq!(stage.effects(), [Effect::Notify(told.into())]);

    let (mut stage, dial) = followed();
    stage.calls.handle_dialed(&mut stage.cx, dial, Err(DialFailed::Broken));
    let ended = CallNotice::Ended { with: ali(), by: EndedBy::Them };
    assert_eq!(stage.effects(), [Effect::Notify(ended.into())]);
}

#[test]
fn a_relayed_link_that_is_lost_meanwhile_is_called_again_by_every_way() {
    let mut stage = relayed(Direction::Ours, Accept::All);
    let dial = looks(&mut stage);
    let requests = stage.calls.handle_link_end(&mut stage.cx, RELAYED, LinkEnd::Lost);
    assert!(
        requests.contains(&Request::Directory(DirectoryRequest::LookUp { user: ali(), reason: LookupReason::Call }))
    );
    assert!(stage.effects().contains(&Effect::Hang(dial)));
    stage.is_found(&ali(), LookupReason::Call, Some(at_two()));
    let effects = stage.effects();
    let [Effect::Dial { call, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&call.found, call.conversation), (&at_two(), Some(CONVERSATION)), "whoever still has a link knows");
}
