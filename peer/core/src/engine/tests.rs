//! Two engines in one world: a directory that answers from a table, and a network that delivers in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::OnceLock;

use common::ident::{KeyDigest, MessageId, TerminalId, UserId};
use common::msg::{
    ByeReason, Chat, ConnectRefusal, ConnectReq, ConnectStatus, Error, ErrorCode, Features, Hex, ListReply,
    LookupReply, LookupReq, LookupStatus, RequestNumber, ToDirectory,
};
use common::testkit::Example;

use super::{Accept, DialFailed, Effect, Engine, Input, LinkEnd, LinkId, Now};
use crate::command::{
    Answer, CallCommand, Command, ContactCommand, DirectoryCommand, KeyDecision, MessageCommand, SessionCommand, Ticket,
};
use crate::contacts::Contacts;
use crate::model::Conversation;
use crate::notice::{
    AfterLoss, CallFailed, CallNotice, CallerRefused, ContactNotice, DirectoryNotice, EndedBy, KeyState, MessageNotice,
    Next, NotSent, Notice,
};
use crate::post;
use crate::verify::{LocalIdentity, LookupResult, Request};

fn me(example: Example) -> LocalIdentity {
    /// Parsing a key anew for each of thousands of worlds would take most of the time.
    static EVERYBODY: OnceLock<[LocalIdentity; 3]> = OnceLock::new();
    let everybody = EVERYBODY.get_or_init(|| {
        [Ali, Bianca, Carol].map(|example| LocalIdentity {
            user: example.user().unwrap(),
            key: example.identity().unwrap().public().clone(),
            terminal: TerminalId([example as u8; 16]),
        })
    });
    everybody[example as usize].clone()
}

fn chat(text: &str) -> Chat {
    Chat { id: MessageId([1; 16]), nick: "ali".into(), message: text.into(), date: 1_700_000_000 }
}

fn address(example: Example) -> SocketAddr {
    format!("127.0.0.{}:65000", 2 + example as u8).parse().unwrap()
}

fn found(example: Example) -> LookupResult {
    LookupResult { addresses: vec![address(example)], key: me(example).key }
}

/// What the directory answers a lookup with.
fn answer(request: Option<RequestNumber>, user: &UserId, found: Option<&LookupResult>) -> Input {
    let reply = found.map_or_else(LookupReply::not_found, |found| LookupReply {
        status: LookupStatus::Success,
        userid: user.to_string(),
        addresses: found.addresses.clone(),
        publickey: Hex(found.key.as_pkcs1().to_vec()),
    });
    Input::Said { request, message: Box::new(reply.into()) }
}

/// The number of a lookup, if it is one.
fn lookup_of(effect: &Effect) -> Option<RequestNumber> {
    match effect {
        Effect::Ask(envelope) if matches!(envelope.message, ToDirectory::LookupReq(_)) => envelope.request,
        _ => None,
    }
}

/// A link between two engines, known to each by its own name.
#[derive(Clone, Copy)]
struct Cable {
    ends: [(Example, LinkId); 2],
}

struct World {
    engines: BTreeMap<u8, Engine>,
    directory: BTreeMap<UserId, LookupResult>,
    told: Vec<(Example, Notice)>,
    work: VecDeque<(Example, Effect)>,
    cables: Vec<Cable>,
    /// Dials whose CONNECTREQ is at the callee, by the callee's link.
    dials: BTreeMap<LinkId, (Example, super::DialId)>,
    links: u64,
    tick: u64,
}

impl World {
    fn new(people: &[(Example, Accept)]) -> Self {
        let engines = people
            .iter()
            .map(|(who, accept)| {
                (*who as u8, Engine::new(me(*who), *accept, Contacts::default(), post::blank(&me(*who)).unwrap()))
            })
            .collect();
        let directory = people.iter().map(|(who, _)| (me(*who).user, found(*who))).collect();
        Self {
            engines,
            directory,
            told: Vec::new(),
            work: VecDeque::new(),
            cables: Vec::new(),
            dials: BTreeMap::new(),
            links: 0,
            tick: 0,
        }
    }

    fn input(&mut self, who: Example, input: Input) {
        let mut effects = Vec::new();
        let now = Now { tick: self.tick, date: 1_700_000_000 };
        self.engines.get_mut(&(who as u8)).unwrap().handle(now, input, &mut effects);
        self.work.extend(effects.into_iter().map(|effect| (who, effect)));
    }

    fn command(&mut self, who: Example, command: Command) {
        self.input(who, Input::Command(command));
        self.settle();
    }

    fn call(&mut self, who: Example, to: Example) {
        self.command(who, Command::Call(CallCommand::Place { to: to.user().unwrap() }));
    }

    fn settle(&mut self) {
        while self.step() {}
    }

    /// Carries out one effect. `false` when there is none.
    fn step(&mut self) -> bool {
        let Some((who, effect)) = self.work.pop_front() else { return false };
        match effect {
            Effect::Notify(notice) => self.told.push((who, notice)),
            Effect::Ask(envelope) => {
                if let ToDirectory::LookupReq(LookupReq { lookup, .. }) = envelope.message {
                    let found = self.directory.get(&lookup).cloned();
                    self.input(who, answer(envelope.request, &lookup, found.as_ref()));
                }
            }
            Effect::Dial { dial, to, found } => {
                let callee = [Example::Ali, Example::Bianca, Example::Carol]
                    .into_iter()
                    .find(|example| address(*example) == found.addresses[0])
                    .unwrap();
                let link = self.link();
                self.dials.insert(link, (who, dial));
                let message = ConnectReq {
                    initiator: me(who).user,
                    destination: to,
                    initiator_key: me(who).key.digest(),
                    destination_key: found.key.digest(),
                    terminal: me(who).terminal,
                    features: Features::default(),
                };
                let request = Request { message, key: me(who).key.digest(), source: address(who) };
                self.input(callee, Input::Requested { link, request });
            }
            Effect::Hang(dial) => {
                let hung = self.dials.iter().find(|(_, other)| **other == (who, dial)).map(|(link, _)| *link);
                if let Some(link) = hung {
                    self.dials.remove(&link);
                    let callee = if who == Example::Ali { Example::Bianca } else { Example::Ali };
                    self.input(callee, Input::LinkEnded { link, end: LinkEnd::Lost });
                }
            }
            Effect::Reply { link, reply } => {
                let Some((caller, dial)) = self.dials.remove(&link) else { return true };
                if reply.status == ConnectStatus::Refused {
                    let outcome = Err(DialFailed::Refused(reply.reason.unwrap()));
                    self.input(caller, Input::Dialed { dial, outcome });
                } else {
                    let near = self.link();
                    self.cables.push(Cable { ends: [(caller, near), (who, link)] });
                    self.input(who, Input::Connected { link });
                    self.input(caller, Input::Dialed { dial, outcome: Ok(near) });
                }
            }
            Effect::Say { link, chat } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::Text { link, chat });
                }
            }
            Effect::Confirm { link, receipt } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::Receipt { link, receipt });
                }
            }
            Effect::Close { link, reason } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::LinkEnded { link, end: LinkEnd::Bye(reason) });
                }
            }
            Effect::Save(_)
            | Effect::Fetch { .. }
            | Effect::Serve { .. }
            | Effect::StopFile { .. }
            | Effect::Passcode(_)
            | Effect::LogOut
            | Effect::Persist(_)
            | Effect::QueryHistory(_)
            | Effect::NewTerminal => {}
        }
        true
    }

    fn link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    fn other_end(&self, who: Example, link: LinkId) -> Option<(Example, LinkId)> {
        self.cables.iter().find_map(|cable| match cable.ends {
            [here, there] if here == (who, link) => Some(there),
            [there, here] if here == (who, link) => Some(there),
            _ => None,
        })
    }

    /// What one person was told since the last time.
    fn told(&mut self, who: Example) -> Vec<Notice> {
        let (mine, rest) = std::mem::take(&mut self.told).into_iter().partition(|(other, _)| *other == who);
        self.told = rest;
        let notices = mine.into_iter().map(|(_, notice): (Example, Notice)| notice);
        // That each text was kept and confirmed is the matter of other tests; ids and dates are not known before.
        let notices = notices.filter(|notice| {
            !matches!(
                notice,
                Notice::Message(MessageNotice::Sent { .. }) | Notice::Message(MessageNotice::Marked { .. })
            )
        });
        let nameless = |notice| match notice {
            Notice::Message(MessageNotice::Text { from, text: said, .. }) => text(from, &said),
            notice => notice,
        };
        notices.map(nameless).collect()
    }
}

use Example::{Ali, Bianca, Carol};

fn say(to: Conversation, text: &str) -> Command {
    Command::Message(MessageCommand::Send { to, text: text.into(), ticket: Ticket::default() })
}

fn text(from: UserId, text: &str) -> Notice {
    Notice::Message(MessageNotice::Text { from, text: text.into(), id: MessageId([0; 16]), date: 0 })
}

fn ali() -> UserId {
    Ali.user().unwrap()
}

fn bianca() -> UserId {
    Bianca.user().unwrap()
}

fn two() -> World {
    World::new(&[(Ali, Accept::All), (Bianca, Accept::All)])
}

#[test]
fn a_call_connects_carries_texts_both_ways_and_ends_ten_times_over() {
    let mut world = two();
    for round in 0..10 {
        let (caller, callee) = if round % 2 == 0 { (Ali, Bianca) } else { (Bianca, Ali) };
        let (caller_id, callee_id) = (caller.user().unwrap(), callee.user().unwrap());
        world.call(caller, callee);
        assert_eq!(world.told(caller), [Notice::Call(CallNotice::Established { with: callee_id.clone() })]);
        assert_eq!(world.told(callee), [Notice::Call(CallNotice::Received { from: caller_id.clone() })]);
        world.command(caller, say(Conversation::User(callee_id.clone()), "Hello"));
        world.command(callee, say(Conversation::User(caller_id.clone()), "Fine"));
        assert_eq!(world.told(callee), [text(caller_id.clone(), "Hello")]);
        assert_eq!(world.told(caller), [text(callee_id.clone(), "Fine")]);
        world.command(callee, Command::Call(CallCommand::End { with: caller_id.clone() }));
        assert_eq!(world.told(callee), [Notice::Call(CallNotice::Ended { with: caller_id, by: EndedBy::Us })]);
        assert_eq!(world.told(caller), [Notice::Call(CallNotice::Ended { with: callee_id, by: EndedBy::Them })]);
    }
}

#[test]
fn of_crossed_calls_one_survives_whatever_happens_first() {
    // Every order in which the two engines' effects can interleave, up to 12 choices.
    for order in 0..1u32 << 12 {
        let mut world = two();
        world.input(Ali, Input::Command(Command::Call(CallCommand::Place { to: bianca() })));
        world.input(Bianca, Input::Command(Command::Call(CallCommand::Place { to: ali() })));
        for choice in 0.. {
            let first_of = |who: Example| world.work.iter().position(|(other, _)| *other == who);
            let wanted = if choice < 12 && order >> choice & 1 == 1 { Bianca } else { Ali };
            let Some(position) = first_of(wanted).or_else(|| first_of(if wanted == Ali { Bianca } else { Ali })) else {
                break;
            };
            let effect = world.work.remove(position).unwrap();
            world.work.push_front(effect);
            world.step();
        }
        assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Established { with: bianca() })], "order {order:b}");
        assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Established { with: ali() })], "order {order:b}");
        world.command(Ali, say(Conversation::User(bianca()), "one link"));
        assert_eq!(world.told(Bianca), [text(ali(), "one link")], "order {order:b}");
    }
}

#[test]
fn a_caller_the_directory_contradicts_is_refused_and_the_callee_told_why() {
    type Write = fn(&mut World);
    let cases: [(Write, CallerRefused); 3] = [
        (|world| drop(world.directory.remove(&ali())), CallerRefused::NotLoggedIn),
        (
            |world| drop(world.directory.insert(ali(), LookupResult { key: me(Carol).key, ..found(Ali) })),
            CallerRefused::WrongKey,
        ),
        (
            |world| drop(world.directory.insert(ali(), LookupResult { addresses: vec![address(Carol)], ..found(Ali) })),
            CallerRefused::WrongAddress,
        ),
    ];
    for (change, why) in cases {
        let mut world = two();
        change(&mut world);
        world.call(Ali, Bianca);
        let refused = Notice::Call(CallNotice::CallerRefused { claimed: Some(ali()), source: address(Ali), why });
        assert_eq!(world.told(Bianca), [refused]);
        assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::Refused })]);
        // The same stranger costs no second lookup and no second notice for a while.
        world.call(Ali, Bianca);
        assert_eq!(world.told(Bianca), []);
        world.tick += 61;
        world.call(Ali, Bianca);
        assert_eq!(world.told(Bianca).len(), 1);
    }
}

#[test]
fn strangers_cannot_fill_the_screen_with_refusals() {
    let mut world = two();
    for number in 0..20 {
        let request = stranger(number);
        let link = world.link();
        world.input(Bianca, Input::Requested { link, request });
        world.settle();
    }
    assert_eq!(world.told(Bianca).len(), 5);
}

/// Somebody with a key and an address of its own who claims to be ali.
fn stranger(number: u8) -> Request {
    let key = KeyDigest([number; 32]);
    let message = ConnectReq {
        initiator: ali(),
        destination: bianca(),
        initiator_key: key,
        destination_key: me(Bianca).key.digest(),
        terminal: TerminalId([9; 16]),
        features: Features::default(),
    };
    Request { message, key, source: SocketAddr::from(([127, 0, number, 1], 40_000)) }
}

#[test]
fn a_changed_key_stops_calls_in_both_directions_until_the_person_decides() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
    world.told.clear();
    world.directory.insert(bianca(), LookupResult { key: me(Carol).key, ..found(Bianca) });
    world.call(Ali, Bianca);
    let told = world.told(Ali);
    assert!(
        matches!(&told[..], [Notice::Contact(ContactNotice::KeyChanged { of, old, new, .. })] if *of == bianca() && old != new)
    );
    assert!(world.told(Bianca).is_empty(), "nothing was sent");

    world.command(Ali, Command::Contact(ContactCommand::DecideKey { of: bianca(), decision: KeyDecision::Accept }));
    world.told.clear();
    world.input(Ali, Input::Command(Command::Call(CallCommand::Place { to: bianca() })));
    let effects: Vec<_> = world.work.drain(..).collect();
    let [(Ali, effect)] = &effects[..] else { panic!("{effects:?}") };
    let request = lookup_of(effect);
    let mut out = Vec::new();
    let engine = world.engines.get_mut(&(Ali as u8)).unwrap();
    let now = Now { tick: 0, date: 0 };
    engine.handle(now, answer(request, &bianca(), world.directory.get(&bianca())), &mut out);
    assert!(matches!(&out[..], [Effect::Dial { found, .. }] if found.key == me(Carol).key));
}

#[test]
fn a_number_is_confirmed_only_if_it_is_the_one_shown() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.command(Ali, Command::Contact(ContactCommand::SafetyNumber { with: bianca() }));
    let told = world.told(Ali);
    let [Notice::Contact(ContactNotice::SafetyNumber { digits, verified: false, .. })] = &told[..] else {
        panic!("{told:?}")
    };
    let confirm = |digits: &str| {
        Command::Contact(ContactCommand::ConfirmNumber { with: bianca(), digits: digits.into(), answer: Answer::Yes })
    };
    world.command(Ali, confirm("00000 00000"));
    assert_eq!(world.told(Ali), [Notice::Contact(ContactNotice::NumberConfirmed { with: bianca(), verified: false })]);
    world.command(Ali, confirm(digits));
    assert_eq!(world.told(Ali), [Notice::Contact(ContactNotice::NumberConfirmed { with: bianca(), verified: true })]);
    world.command(Ali, Command::Directory(DirectoryCommand::List));
    let listed = ListReply { users: Vec::new(), more: false }.into();
    world.input(Ali, Input::Said { request: None, message: Box::new(listed) });
    world.settle();
    let told = world.told(Ali);
    assert!(
        matches!(&told[..], [Notice::Directory(DirectoryNotice::People { people, .. })] if people[0].key == KeyState::Verified)
    );
}

#[test]
fn asked_callers_wait_for_the_answer_and_may_give_up() {
    let mut world = World::new(&[(Ali, Accept::All), (Bianca, Accept::Ask)]);
    world.call(Ali, Bianca);
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Asked { from: ali() })]);
    assert_eq!(world.told(Ali), []);
    world.command(Bianca, Command::Call(CallCommand::Answer { from: ali(), answer: Answer::Yes }));
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Received { from: ali() })]);
    assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Established { with: bianca() })]);
    world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
    world.told.clear();

    world.call(Ali, Bianca);
    world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
    assert_eq!(
        world.told(Bianca),
        [Notice::Call(CallNotice::Asked { from: ali() }), Notice::Call(CallNotice::AskedNoMore { from: ali() })]
    );

    world.told.clear();
    world.call(Ali, Bianca);
    world.command(Bianca, Command::Call(CallCommand::Answer { from: ali(), answer: Answer::No }));
    assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::Refused })]);

    world.call(Ali, Bianca);
    world.tick = world.engines[&(Bianca as u8)].next_deadline().unwrap();
    world.told.clear();
    world.input(Bianca, Input::Tick);
    world.settle();
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::AskedNoMore { from: ali() })]);
    assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::Refused })]);
}

#[test]
fn a_lost_link_is_called_again_by_the_side_that_had_called() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.tick += 10;
    let [(_, near), (_, far)] = world.cables[0].ends;
    world.input(Bianca, Input::LinkEnded { link: far, end: LinkEnd::Lost });
    world.input(Ali, Input::LinkEnded { link: near, end: LinkEnd::Lost });
    world.settle();
    let lost = |with, then| Notice::Call(CallNotice::LinkLost { with, then });
    assert_eq!(
        world.told(Ali),
        [lost(bianca(), AfterLoss::CalledAgain), Notice::Call(CallNotice::Established { with: bianca() })]
    );
    assert_eq!(world.told(Bianca), [lost(ali(), AfterLoss::Over), Notice::Call(CallNotice::Received { from: ali() })]);

    world.tick += 10;
    world.directory.remove(&bianca());
    let [(_, near), _] = world.cables[1].ends;
    world.input(Ali, Input::LinkEnded { link: near, end: LinkEnd::Lost });
    world.settle();
    let ended = Notice::Call(CallNotice::Ended { with: bianca(), by: EndedBy::Them });
    assert_eq!(world.told(Ali), [lost(bianca(), AfterLoss::CalledAgain), ended]);
}

#[test]
fn whoever_hangs_up_at_once_or_breaks_a_rule_is_not_called_again() {
    for (lasted, end) in [(9, LinkEnd::Lost), (60, LinkEnd::Broken)] {
        let mut world = two();
        world.call(Ali, Bianca);
        world.told.clear();
        world.tick += lasted;
        let [(_, near), _] = world.cables[0].ends;
        world.input(Ali, Input::LinkEnded { link: near, end });
        world.settle();
        assert_eq!(world.told(Ali), [Notice::Call(CallNotice::LinkLost { with: bianca(), then: AfterLoss::Over })]);
    }
}

#[test]
fn a_caller_who_was_answered_and_never_comes_is_told_of() {
    for end in [LinkEnd::Lost, LinkEnd::Bye(ByeReason::Ended)] {
        let mut world = World::new(&[(Ali, Accept::All), (Bianca, Accept::Ask)]);
        world.call(Ali, Bianca);
        let link = *world.dials.keys().next().unwrap();
        world.input(Bianca, Input::Command(Command::Call(CallCommand::Answer { from: ali(), answer: Answer::Yes })));
        world.work.clear();
        world.input(Bianca, Input::LinkEnded { link, end });
        world.settle();
        assert_eq!(
            world.told(Bianca),
            [Notice::Call(CallNotice::Asked { from: ali() }), Notice::Call(CallNotice::AskedNoMore { from: ali() })]
        );
    }
}

#[test]
fn one_stranger_costs_one_lookup_whoever_it_claims_to_be() {
    let mut world = two();
    let mut lookups = 0;
    for number in 0..100 {
        let message = ConnectReq {
            initiator: UserId::parse(&format!("ghost{number}")).unwrap(),
            destination: bianca(),
            initiator_key: me(Carol).key.digest(),
            destination_key: me(Bianca).key.digest(),
            terminal: TerminalId([9; 16]),
            features: Features::default(),
        };
        let link = world.link();
        let request = Request { message, key: me(Carol).key.digest(), source: address(Carol) };
        world.input(Bianca, Input::Requested { link, request });
        lookups += world.work.iter().filter(|(_, effect)| lookup_of(effect).is_some()).count();
        world.settle();
    }
    assert_eq!(lookups, 1);
}

#[test]
fn callers_leave_lookups_for_the_person_called() {
    let mut world = two();
    let mut lookups = 0;
    for number in 0..200 {
        let request = stranger(number);
        let link = world.link();
        world.input(Bianca, Input::Requested { link, request });
        lookups += world.work.iter().filter(|(_, effect)| lookup_of(effect).is_some()).count();
        world.settle();
    }
    assert_eq!(lookups, 60);
}

#[test]
fn nothing_is_said_to_somebody_whose_key_has_changed_until_the_person_decides() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    let message = ConnectReq {
        initiator: bianca(),
        destination: ali(),
        initiator_key: me(Carol).key.digest(),
        destination_key: me(Ali).key.digest(),
        terminal: TerminalId([9; 16]),
        features: Features::default(),
    };
    world.directory.insert(bianca(), LookupResult { key: me(Carol).key, ..found(Bianca) });
    let link = world.link();
    let request = Request { message, key: me(Carol).key.digest(), source: address(Bianca) };
    world.input(Ali, Input::Requested { link, request });
    world.settle();
    world.command(Ali, say(Conversation::User(bianca()), "secret"));
    let told = world.told(Ali);
    let [.., Notice::Contact(ContactNotice::KeyChanged { .. }), Notice::Message(MessageNotice::Waiting { next, .. })] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(*next, Next::KeyDecision);
    assert_eq!(world.told(Bianca), []);
}

#[test]
fn without_the_directory_conversations_go_on_and_nobody_new_is_let_in() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.input(Bianca, Input::DirectoryLost { retry_in: 1 });
    world.command(Ali, say(Conversation::User(bianca()), "still here"));
    let lost = Notice::Directory(DirectoryNotice::Lost { retry_in: 1 });
    assert_eq!(world.told(Bianca), [lost, text(ali(), "still here")]);
    world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
    world.told.clear();

    world.call(Ali, Bianca);
    assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::Unavailable })]);
    let why = CallerRefused::CannotVerify;
    assert_eq!(
        world.told(Bianca),
        [Notice::Call(CallNotice::CallerRefused { claimed: Some(ali()), source: address(Ali), why })]
    );
    world.call(Bianca, Ali);
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Failed { to: ali(), why: CallFailed::DirectoryLost })]);
    world.input(Bianca, Input::DirectoryBack);
    world.call(Bianca, Ali);
    assert_eq!(world.told(Bianca)[1], Notice::Call(CallNotice::Established { with: ali() }));
}

#[test]
fn texts_from_a_link_that_was_not_accepted_are_never_shown() {
    let mut world = World::new(&[(Ali, Accept::All), (Bianca, Accept::Ask)]);
    world.call(Ali, Bianca);
    let link = *world.dials.keys().next().unwrap();
    world.input(Bianca, Input::Text { link, chat: chat("let me in") });
    world.input(Bianca, Input::Text { link: LinkId(999), chat: chat("or me") });
    world.settle();
    assert_eq!(world.told(Bianca), [Notice::Call(CallNotice::Asked { from: ali() })]);
}

#[test]
fn an_unanswered_lookup_fails_the_call_and_a_crossed_call_that_never_comes_times_out() {
    let mut world = two();
    world.input(Ali, Input::Command(Command::Call(CallCommand::Place { to: bianca() })));
    world.work.clear();
    let unavailable = Box::new(Error::new(ErrorCode::Unavailable).into());
    world.input(Ali, Input::Said { request: None, message: unavailable });
    world.settle();
    assert_eq!(world.told(Ali), [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::DirectoryLost })]);

    world.input(Ali, Input::Command(Command::Call(CallCommand::Place { to: bianca() })));
    world.work.clear();
    world.input(Ali, answer(None, &bianca(), Some(&found(Bianca))));
    let Some((_, Effect::Dial { dial, .. })) = world.work.pop_back() else { panic!("no dial") };
    let outcome = Err(DialFailed::Refused(ConnectRefusal::Crossed));
    world.input(Ali, Input::Dialed { dial, outcome });
    world.tick = world.engines[&(Ali as u8)].next_deadline().unwrap();
    world.input(Ali, Input::Tick);
    world.work.retain(|(_, effect)| matches!(effect, Effect::Notify(_)));
    world.settle();
    assert_eq!(
        world.told(Ali),
        [Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::NoAnswer { seconds: 10 } })]
    );
}

#[test]
fn a_text_that_cannot_be_sent_is_reported_and_the_conversation_goes_on() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    for text in ["x".repeat(16 * 1024 + 1), "\u{1}".repeat(16 * 1024)] {
        world.command(Ali, say(Conversation::User(bianca()), &text));
        let (to, why) = (Conversation::User(bianca()), NotSent::TooLong);
        assert_eq!(
            world.told(Ali),
            [Notice::Message(MessageNotice::NotSent { to, text, why, ticket: Ticket::default() })]
        );
    }
    world.command(Ali, say(Conversation::User(bianca()), &"\"".repeat(16 * 1024)));
    assert!(matches!(&world.told(Bianca)[..], [Notice::Message(MessageNotice::Text { .. })]));
}

#[test]
fn logging_out_says_goodbye_to_everybody() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.input(Ali, Input::Command(Command::Session(SessionCommand::Logout)));
    let [(_, near), _] = world.cables[0].ends;
    let effects: Vec<_> = world.work.iter().map(|(_, effect)| effect).collect();
    assert_eq!(effects, [&Effect::Close { link: near, reason: ByeReason::Ended }, &Effect::LogOut]);
}
