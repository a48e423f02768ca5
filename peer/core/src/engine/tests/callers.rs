//! Callers: who is refused, who is asked about, what they can cause.

use common::ident::{KeyDigest, TerminalId, UserId};
use common::msg::{ByeReason, ConnectReq, Features};
use std::net::SocketAddr;

use super::world::*;
use crate::command::{Answer, CallCommand, Command, Ticket};
use crate::event::{Accept, Input, LinkEnd};
use crate::notice::{CallFailed, CallNotice, CallerRefused, Notice};
use crate::verify::{ConnectRequest, LookupResult};

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
            |world| {
                drop(
                    world
                        .directory
                        .insert(ali(), LookupResult { terminals: vec![address(Carol).into()], ..found(Ali) }),
                )
            },
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
fn stranger(number: u8) -> ConnectRequest {
    let key = KeyDigest([number; 32]);
    let message = ConnectReq {
        initiator: ali(),
        destination: bianca(),
        initiator_key: key,
        destination_key: me(Bianca).key.digest(),
        terminal: TerminalId([9; 16]),
        features: Features::default(),
        record: None,
        conversation: None,
    };
    ConnectRequest { message, key, source: SocketAddr::from(([127, 0, number, 1], 40_000)) }
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
fn a_caller_who_was_answered_and_never_comes_is_told_of() {
    for end in [LinkEnd::Lost, LinkEnd::Bye(ByeReason::Ended)] {
        let mut world = World::new(&[(Ali, Accept::All), (Bianca, Accept::Ask)]);
        world.call(Ali, Bianca);
        let link = *world.dials.keys().next().unwrap();
        world.input(
            Bianca,
            Input::Command(Ticket::default(), Command::Call(CallCommand::Answer { from: ali(), answer: Answer::Yes })),
        );
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
            record: None,
            conversation: None,
        };
        let link = world.link();
        let request = ConnectRequest { message, key: me(Carol).key.digest(), source: address(Carol) };
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
