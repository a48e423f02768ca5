//! Callers and calls one by one: what is looked up, who is refused, every bound.

mod contacts;
mod meeting;
mod moving;
mod search;
mod unaided;

use std::net::SocketAddr;

use common::ident::{KeyDigest, MessageId, TerminalId, UserId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE};
use common::msg::{ByeReason, ConnectRefusal, ConnectReply, ConnectReq, ConnectStatus, Features};
use common::testkit::Example;

use super::limiter::{LOOKUPS_OF_ALL, LOOKUPS_OF_ONE, REFUSAL_KEPT, REFUSALS, REFUSALS_TOLD};
use super::{Calls, WORTH_ANOTHER_CALL};
use crate::command::{Answer, KeyDecision};
use crate::context::{Context, Session};
use crate::event::{Accept, DialFailed, DialId, Effect, LinkEnd, LinkId};
use crate::fixtures;
use crate::notice::{
    CallFailed, CallNotice, CalleeRule, CallerRefused, ContactNotice, DirectoryRefusal, Notice, Unreached,
};
use crate::request::{DeliveryRequest, DirectoryRequest, GroupRequest, LookupReason, NotLookedUp, Request};
use crate::verify::{ConnectRequest, LookupResult};

fn ali() -> UserId {
    Example::Ali.user().unwrap()
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], 40_000))
}

fn found(example: Example) -> LookupResult {
    LookupResult {
        terminals: vec![address().into()],
        key: fixtures::identity(example).key,
        relayable: Vec::new(),
        punchable: Vec::new(),
        records: Vec::new(),
    }
}

/// Bianca's calls.
struct Stage {
    cx: Context,
    calls: Calls,
    links: u64,
    /// What whoever calls understands.
    callers_name: Features,
}

impl Stage {
    fn new(accept: Accept) -> Self {
        Self {
            cx: fixtures::context(fixtures::identity(Example::Bianca)),
            calls: Calls::new(accept),
            links: 100,
            callers_name: Features::default(),
        }
    }

    fn effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        effects
    }

    /// Somebody claims to be ali, with this key, from this address.
    fn claim(&mut self, key: KeyDigest, source: SocketAddr) -> (LinkId, ConnectRequest) {
        self.links += 1;
        let message = ConnectReq {
            initiator: ali(),
            destination: self.cx.me.user.clone(),
            initiator_key: key,
            destination_key: self.cx.me.key.digest(),
            terminal: TerminalId([1; 16]),
            features: self.callers_name.clone(),
            record: None,
            conversation: None,
        };
        (LinkId(self.links), ConnectRequest { message, key, source })
    }

    /// The same, and calls.
    fn is_called(&mut self, key: KeyDigest, source: SocketAddr) -> (LinkId, Vec<Request>) {
        let (link, request) = self.claim(key, source);
        (link, self.calls.handle_request(&mut self.cx, link, request))
    }

    fn ali_fetches(&mut self, file: (MessageId, u64)) -> (LinkId, Vec<Request>) {
        let (link, request) = self.claim(fixtures::identity(Example::Ali).key.digest(), address());
        (link, self.calls.handle_file_request(&mut self.cx, link, request, file))
    }

    fn ali_calls(&mut self) -> (LinkId, Vec<Request>) {
        self.is_called(fixtures::identity(Example::Ali).key.digest(), address())
    }

    fn is_found(&mut self, user: &UserId, reason: LookupReason, found: Option<LookupResult>) -> Vec<Request> {
        self.calls.handle_found(&mut self.cx, (user, reason), Ok(found))
    }

    /// Ali calls and is who ali says.
    fn verified(&mut self) -> (LinkId, Vec<Effect>) {
        let (link, _) = self.ali_calls();
        self.is_found(&ali(), LookupReason::Caller(link), Some(found(Example::Ali)));
        (link, self.effects())
    }

    /// Bianca calls ali, who answers or not.
    fn dials(&mut self) -> DialId {
        self.calls.place(&mut self.cx, ali());
        self.is_found(&ali(), LookupReason::Call, Some(found(Example::Ali)));
        let effects = self.effects();
        let dial =
            effects.iter().find_map(|effect| if let Effect::Dial { dial, .. } = effect { Some(*dial) } else { None });
        dial.unwrap()
    }
}

fn stranger(number: u16) -> (KeyDigest, SocketAddr) {
    let [high, low] = number.to_be_bytes();
    let mut key = [0; 32];
    key[..2].copy_from_slice(&[high, low]);
    (KeyDigest(key), SocketAddr::from(([127, 1, high, low], 40_000)))
}

fn refusal(effects: &[Effect]) -> Option<ConnectRefusal> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply { reply: ConnectReply { status: ConnectStatus::Refused, reason, .. }, .. } => *reason,
        _ => None,
    })
}

fn failed(effects: &[Effect]) -> Option<CallFailed> {
    effects.iter().find_map(|effect| match effect {
        Effect::Notify(Notice::Call(CallNotice::Failed { why, .. } | CallNotice::ByMail { why, .. })) => {
            Some(why.clone())
        }
        _ => None,
    })
}

#[test]
fn a_call_that_cannot_be_placed_says_why_and_asks_nothing() {
    let mut stage = Stage::new(Accept::All);
    let me = stage.cx.me.user.clone();
    assert_eq!(stage.calls.place(&mut stage.cx, me), []);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::Yourself));
    stage.cx.session = Session::Down;
    assert_eq!(stage.calls.place(&mut stage.cx, ali()), []);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::DirectoryLost));
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
    stage.cx.contacts.block(&ali(), 0);
    assert_eq!(stage.calls.place(&mut stage.cx, ali()), []);
    assert_eq!(failed(&stage.effects()), Some(CallFailed::Blocked));
}

#[test]
fn a_call_is_looked_up_once_and_dialed_when_found() {
    let mut stage = Stage::new(Accept::All);
    let looked_up = [Request::Directory(DirectoryRequest::LookUp { user: ali(), reason: LookupReason::Call })];
    assert_eq!(stage.calls.place(&mut stage.cx, ali()), looked_up);
    assert_eq!(stage.calls.place(&mut stage.cx, ali()), []);
    assert_eq!(stage.is_found(&ali(), LookupReason::Call, None), [Request::Group(GroupRequest::NotOnline(ali()))]);
    stage.calls.place(&mut stage.cx, ali());
    stage.calls.handle_found(&mut stage.cx, (&ali(), LookupReason::Call), Err(NotLookedUp::Unreachable));
    assert_eq!(failed(&stage.effects()), Some(CallFailed::DirectoryLost));
    let dial = stage.dials();
    assert_eq!(
        stage.calls.handle_dialed(&mut stage.cx, dial, Ok(LinkId(1))),
        [Request::Delivery(DeliveryRequest::LinkUp(ali()))]
    );
    assert_eq!(stage.cx.links.user_of(LinkId(1)), Some(&ali()));
}

/// Every reason by which a call can be refused.
fn every_refusal() -> Vec<ConnectRefusal> {
    use ConnectRefusal::*;
    let all =
        vec![Declined, Crossed, Unavailable, Address, Key, NotLoggedIn, Destination, Busy, Unanswered, Record, Other];
    // Whoever adds a reason has to add it here.
    for reason in &all {
        match reason {
            Declined | Crossed | Unavailable | Address | Key | NotLoggedIn | Destination | Busy | Unanswered
            | Record | Other => {}
        }
    }
    all
}

#[test]
fn a_dial_that_comes_to_nothing_says_why() {
    let rule = |reason| match reason {
        ConnectRefusal::Declined => CallFailed::Refused,
        ConnectRefusal::Unavailable => CallFailed::Unavailable,
        ConnectRefusal::Address => CallFailed::Rule(CalleeRule::Address),
        ConnectRefusal::Key => CallFailed::Rule(CalleeRule::Key),
        ConnectRefusal::NotLoggedIn => CallFailed::Rule(CalleeRule::NotLoggedIn),
        ConnectRefusal::Destination => CallFailed::Rule(CalleeRule::Destination),
        ConnectRefusal::Busy => CallFailed::Rule(CalleeRule::Busy),
        ConnectRefusal::Unanswered => CallFailed::Rule(CalleeRule::Unanswered),
        ConnectRefusal::Record => CallFailed::Rule(CalleeRule::Record),
        ConnectRefusal::Crossed | ConnectRefusal::Other => CallFailed::Rule(CalleeRule::Unknown),
    };
    let family = CallFailed::Rule(CalleeRule::AddressFamily);
    let refusals = every_refusal().into_iter().filter(|reason| *reason != ConnectRefusal::Crossed);
    let refused = refusals.clone().map(|reason| (DialFailed::Refused(reason), rule(reason)));
    let of_other_family = refusals.map(|reason| {
        let told = matches!(reason, ConnectRefusal::Declined | ConnectRefusal::Address);
        (DialFailed::RefusedFamily(reason), if told { family.clone() } else { rule(reason) })
    });
    let detail = || "no more files".to_owned();
    let others = [
        (DialFailed::NoAnswer { seconds: 10 }, CallFailed::NoAnswer { seconds: 10 }),
        (DialFailed::Unreached(Unreached::NoWay), CallFailed::Unreached(Unreached::NoWay)),
        (DialFailed::Broken, CallFailed::Broken),
        (DialFailed::Local { detail: detail() }, CallFailed::Local { detail: detail() }),
        (DialFailed::WrongKey, CallFailed::WrongKey),
    ];
    for (outcome, why) in refused.chain(of_other_family).chain(others) {
        let mut stage = Stage::new(Accept::All);
        let dial = stage.dials();
        stage.calls.handle_dialed(&mut stage.cx, dial, Err(outcome));
        assert_eq!(failed(&stage.effects()), Some(why));
        let late = stage.calls.handle_dialed(&mut stage.cx, dial, Ok(LinkId(1)));
        let closed = Effect::Close { link: LinkId(1), reason: ByeReason::Ended };
        assert_eq!((late, stage.effects()), (vec![], vec![closed]), "given up meanwhile");
    }
}

#[test]
fn a_lookup_that_cannot_be_used_is_not_told_as_being_offline() {
    for (found, why) in [
        (NotLookedUp::Unreachable, CallFailed::DirectoryLost),
        (NotLookedUp::Refused(DirectoryRefusal::Unsound), CallFailed::DirectoryRefused(DirectoryRefusal::Unsound)),
    ] {
        let mut stage = Stage::new(Accept::All);
        stage.calls.place(&mut stage.cx, ali());
        stage.calls.handle_found(&mut stage.cx, (&ali(), LookupReason::Call), Err(found));
        assert_eq!(failed(&stage.effects()), Some(why.clone()));
        stage.calls.show_safety_number(&mut stage.cx, ali());
        stage.calls.handle_found(&mut stage.cx, (&ali(), LookupReason::Number), Err(found));
        assert_eq!(failed(&stage.effects()), Some(why));
    }
}

#[test]
fn a_rule_is_told_as_what_it_is_to_whoever_knows_the_words_and_coarsely_to_others() {
    use ConnectRefusal::{Address, Declined, Destination, Key, NotLoggedIn, Unavailable};
    let elsewhere = SocketAddr::from(([127, 0, 0, 9], 40_000));
    let key = fixtures::identity(Example::Ali).key.digest();
    let carols = found(Example::Carol);
    let ours = fixtures::identity(Example::Bianca).key.digest();
    for (source, key, answer, fine, coarse) in [
        (elsewhere, key, Some(Ok(Some(found(Example::Ali)))), Address, Declined),
        (address(), key, Some(Ok(Some(carols))), Key, Declined),
        (address(), key, Some(Ok(None)), NotLoggedIn, Declined),
        (address(), key, Some(Err(NotLookedUp::Unreachable)), Unavailable, Unavailable),
        (address(), ours, None, Key, Declined),
    ] {
        for (features, told) in [(Features::between_terminals(), fine), (Features::default(), coarse)] {
            let mut stage = Stage::new(Accept::All);
            stage.callers_name = features;
            // Twice: what is remembered is told as what it was.
            for _ in 0..2 {
                let (link, _) = stage.is_called(key, source);
                if let Some(answer) = &answer {
                    let reason = (&ali(), LookupReason::Caller(link));
                    stage.calls.handle_found(&mut stage.cx, reason, answer.clone());
                }
                assert_eq!(refusal(&stage.effects()), Some(told));
            }
        }
    }
    assert_eq!(Destination.known_to(&Features::default()), Declined);
    for reason in every_refusal() {
        assert_eq!(reason.known_to(&Features::between_terminals()), reason);
        let coarse = reason.known_to(&Features::default());
        assert!(matches!(coarse, Declined | Unavailable | ConnectRefusal::Crossed), "{reason:?}");
    }
}

#[test]
fn a_crossed_call_is_awaited_until_its_deadline() {
    let mut stage = Stage::new(Accept::All);
    let dial = stage.dials();
    stage.calls.handle_dialed(&mut stage.cx, dial, Err(DialFailed::Refused(ConnectRefusal::Crossed)));
    let until = stage.cx.now.tick + CALL_DEADLINE.as_secs();
    assert_eq!(stage.calls.next_deadline(), Some(until));
    for (tick, given_up) in [(until - 1, false), (until, true)] {
        stage.cx.now.tick = tick;
        stage.calls.handle_tick(&mut stage.cx);
        assert_eq!(failed(&stage.effects()).is_some(), given_up);
    }
}

#[test]
fn a_link_is_called_again_if_it_lasted_and_was_ours() {
    for (lasted, again) in [(WORTH_ANOTHER_CALL - 1, false), (WORTH_ANOTHER_CALL, true), (WORTH_ANOTHER_CALL + 1, true)]
    {
        let mut stage = Stage::new(Accept::All);
        let dial = stage.dials();
        stage.calls.handle_dialed(&mut stage.cx, dial, Ok(LinkId(1)));
        stage.cx.now.tick += lasted;
        let requests = stage.calls.handle_link_end(&mut stage.cx, LinkId(1), LinkEnd::Lost);
        assert_eq!(requests[0], Request::Delivery(DeliveryRequest::LinkDown(ali(), LinkId(1))));
        assert_eq!(requests.len() == 2, again, "after {lasted} seconds");
    }
}

#[test]
fn a_caller_who_waits_is_declined_at_the_deadline_and_one_who_was_taken_must_come() {
    let mut stage = Stage::new(Accept::Ask);
    let (link, effects) = stage.verified();
    assert!(effects.contains(&Effect::Notify(Notice::Call(CallNotice::Asked { from: ali() }))));
    let until = stage.cx.now.tick + ANSWER_DEADLINE.as_secs();
    assert_eq!(stage.calls.next_deadline(), Some(until));
    stage.cx.now.tick = until - 1;
    stage.calls.handle_tick(&mut stage.cx);
    assert_eq!(stage.effects(), []);
    stage.cx.now.tick = until;
    stage.calls.handle_tick(&mut stage.cx);
    assert_eq!(refusal(&stage.effects()), Some(ConnectRefusal::Declined));

    let mut stage = Stage::new(Accept::Ask);
    let (second, _) = stage.verified();
    stage.calls.answer(&mut stage.cx, &ali(), Answer::Yes);
    stage.effects();
    let until = stage.cx.now.tick + CALL_DEADLINE.as_secs();
    assert_eq!(stage.calls.next_deadline(), Some(until));
    stage.cx.now.tick = until;
    stage.calls.handle_tick(&mut stage.cx);
    let closed = Effect::Close { link: second, reason: ByeReason::Protocol };
    assert!(stage.effects().contains(&closed));
    assert_eq!(stage.calls.handle_connected(&mut stage.cx, link), []);
}

#[test]
fn a_second_link_of_a_user_takes_the_place_of_the_first() {
    let mut stage = Stage::new(Accept::All);
    let (first, _) = stage.verified();
    assert_eq!(stage.calls.handle_connected(&mut stage.cx, first), [Request::Delivery(DeliveryRequest::LinkUp(ali()))]);
    assert_eq!(stage.calls.handle_connected(&mut stage.cx, first), [], "once");
    let (second, _) = stage.verified();
    let requests = stage.calls.handle_connected(&mut stage.cx, second);
    assert_eq!(
        requests,
        [Request::Delivery(DeliveryRequest::LinkDown(ali(), first)), Request::Delivery(DeliveryRequest::LinkUp(ali()))]
    );
    assert!(stage.effects().contains(&Effect::Close { link: first, reason: ByeReason::Elsewhere }));
}

#[test]
fn a_verified_caller_who_wants_a_file_is_handed_on() {
    let mut stage = Stage::new(Accept::None);
    let file = MessageId([3; 16]);
    let (link, _) = stage.ali_fetches((file, 5));
    let requests = stage.is_found(&ali(), LookupReason::Caller(link), Some(found(Example::Ali)));
    assert_eq!(requests, [Request::Fetch { link, from: ali(), file, offset: 5 }]);
}

#[test]
fn one_key_or_one_address_costs_so_many_lookups_in_a_minute() {
    let mut stage = Stage::new(Accept::All);
    let (key, _) = stranger(0);
    for number in 0..u16::try_from(LOOKUPS_OF_ONE).unwrap() {
        assert_eq!(stage.is_called(key, stranger(number).1).1.len(), 1);
    }
    let (_, requests) = stage.is_called(key, stranger(999).1);
    assert_eq!((requests, refusal(&stage.effects())), (vec![], Some(ConnectRefusal::Unavailable)));
    assert_eq!(stage.is_called(stranger(998).0, stranger(998).1).1.len(), 1, "somebody else");
    stage.cx.now.tick += REFUSAL_KEPT - 1;
    assert_eq!(stage.is_called(key, stranger(997).1).1.len(), 0);
    stage.cx.now.tick += 1;
    assert_eq!(stage.is_called(key, stranger(996).1).1.len(), 1);
}

#[test]
fn all_callers_together_leave_lookups_for_the_user() {
    let mut stage = Stage::new(Accept::All);
    for number in 0..u16::try_from(LOOKUPS_OF_ALL).unwrap() {
        let (key, source) = stranger(number);
        assert_eq!(stage.is_called(key, source).1.len(), 1);
    }
    let (key, source) = stranger(999);
    assert_eq!(stage.is_called(key, source).1.len(), 0);
}

#[test]
fn a_crowd_of_strangers_does_not_keep_contacts_out() {
    let mut stage = Stage::new(Accept::All);
    let key = fixtures::identity(Example::Ali).key;
    stage.cx.contacts.pin(&ali(), &key, 0, false);
    for number in 0..u16::try_from(LOOKUPS_OF_ALL).unwrap() {
        let (key, source) = stranger(number);
        stage.is_called(key, source);
    }
    let source = stranger(0).1;
    assert_eq!(stage.is_called(key.digest(), source).1.len(), 0, "a pin makes nobody a contact");
    stage.cx.contacts.choose(&ali(), 0);
    assert_eq!(stage.is_called(stranger(999).0, source).1.len(), 0, "nor does a name");
    for _ in 0..LOOKUPS_OF_ONE {
        assert_eq!(stage.is_called(key.digest(), source).1.len(), 1, "from the address of a stranger");
    }
    assert_eq!(stage.is_called(key.digest(), source).1.len(), 0, "and no more than others");
}

/// Somebody is refused whom the directory does not know.
fn is_refused(stage: &mut Stage, number: u16) -> Vec<Effect> {
    let (key, source) = stranger(number);
    let (link, requests) = stage.is_called(key, source);
    assert_eq!(requests.len(), 1, "stranger {number}");
    stage.is_found(&ali(), LookupReason::Caller(link), None);
    stage.effects()
}

#[test]
fn a_refusal_is_remembered_for_a_minute_and_costs_no_lookup() {
    let mut stage = Stage::new(Accept::All);
    is_refused(&mut stage, 1);
    let (key, source) = stranger(1);
    for (later, lookups) in [(0, 0), (REFUSAL_KEPT - 1, 0), (REFUSAL_KEPT, 1)] {
        let mut again = Stage { cx: fixtures::context(fixtures::identity(Example::Bianca)), ..Stage::new(Accept::All) };
        is_refused(&mut again, 1);
        again.cx.now.tick += later;
        assert_eq!(again.is_called(key, source).1.len(), lookups, "after {later} seconds");
    }
    stage.calls.decide_key(&mut stage.cx, ali(), KeyDecision::Verify);
    stage.calls.confirm_number(&mut stage.cx, ali(), "00000", Answer::No);
    assert_eq!(stage.is_called(key, source).1.len(), 1, "the user has looked at a key");
}

#[test]
fn so_many_refusals_are_remembered_and_no_more() {
    for (before, is_remembered) in [(REFUSALS - 1, true), (REFUSALS, false)] {
        let mut stage = Stage::new(Accept::All);
        for number in 0..u16::try_from(before).unwrap() {
            let claim = claim(&stage, number);
            stage.calls.limiter.remember(&claim, ConnectRefusal::Key, stage.cx.now.tick);
        }
        let last = claim(&stage, 5000);
        stage.calls.limiter.remember(&last, ConnectRefusal::Key, stage.cx.now.tick);
        assert_eq!(
            stage.calls.limiter.refused_lately(&last, stage.cx.now.tick).is_some(),
            is_remembered,
            "{before} before"
        );
        // Those whose time is over make room.
        let later = stage.cx.now.tick + REFUSAL_KEPT;
        stage.calls.limiter.remember(&last, ConnectRefusal::Key, later);
        assert!(stage.calls.limiter.refused_lately(&last, later).is_some());
    }
}

fn claim(stage: &Stage, number: u16) -> crate::verify::Claim {
    let (key, source) = stranger(number);
    let message = ConnectReq {
        initiator: ali(),
        destination: stage.cx.me.user.clone(),
        initiator_key: key,
        destination_key: stage.cx.me.key.digest(),
        terminal: TerminalId([1; 16]),
        features: Features::default(),
        record: None,
        conversation: None,
    };
    crate::verify::Claim::check(&stage.cx.me, &ConnectRequest { message, key, source }).unwrap()
}

#[test]
fn the_user_is_told_of_so_many_refusals_in_a_minute() {
    let mut stage = Stage::new(Accept::All);
    let told = |effects: Vec<Effect>| {
        effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Notify(Notice::Call(CallNotice::CallerRefused { why: CallerRefused::NotLoggedIn, .. }))
            )
        })
    };
    for number in 0..REFUSALS_TOLD + 3 {
        let refused = is_refused(&mut stage, u16::try_from(number).unwrap());
        assert_eq!(told(refused), number < REFUSALS_TOLD, "refusal {number}");
    }
    stage.cx.now.tick += REFUSAL_KEPT;
    assert!(told(is_refused(&mut stage, 500)));
}

#[test]
fn blocking_ends_the_conversation_and_unblocking_lets_mail_go() {
    let mut stage = Stage::new(Accept::All);
    let (link, _) = stage.verified();
    stage.calls.handle_connected(&mut stage.cx, link);
    assert_eq!(stage.calls.block(&mut stage.cx, ali()), [Request::Delivery(DeliveryRequest::LinkDown(ali(), link))]);
    assert_eq!(stage.calls.unblock(&mut stage.cx, ali()), [Request::Delivery(DeliveryRequest::KeyDecided(ali()))]);
}

#[test]
fn a_safety_number_of_somebody_unknown_is_looked_up() {
    let mut stage = Stage::new(Accept::All);
    let requests = stage.calls.show_safety_number(&mut stage.cx, ali());
    assert_eq!(requests, [Request::Directory(DirectoryRequest::LookUp { user: ali(), reason: LookupReason::Number })]);
    stage.is_found(&ali(), LookupReason::Number, Some(found(Example::Ali)));
    let effects = stage.effects();
    assert!(matches!(
        effects.last(),
        Some(Effect::Notify(Notice::Contact(ContactNotice::SafetyNumber { verified: false, .. })))
    ));
    assert_eq!(stage.calls.show_safety_number(&mut stage.cx, ali()), [], "known from then on");
}
