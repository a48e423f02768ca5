//! Calls that are placed, cross each other, are lost and end.

use common::msg::{ByeReason, ConnectRefusal, Error, ErrorCode, Features};

use common::testkit::Example;

use super::world::*;
use crate::command::{CallCommand, Command, SessionCommand, Ticket};
use crate::event::{DialFailed, Effect, Input, LinkEnd};
use crate::model::Conversation;
use crate::notice::{
    AfterLoss, CallFailed, CallNotice, CallerRefused, DirectoryLoss, DirectoryNotice, DirectoryRefusal, EndedBy,
    LinkLoss, Notice,
};

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
        world.input(Ali, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: bianca() })));
        world.input(Bianca, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: ali() })));
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
fn a_lost_link_is_called_again_by_the_side_that_had_called() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.tick += 10;
    let [(_, near), (_, far)] = world.cables[0].ends;
    world.input(Bianca, Input::LinkEnded { link: far, end: LinkEnd::Lost });
    world.input(Ali, Input::LinkEnded { link: near, end: LinkEnd::Lost });
    world.settle();
    let lost = |with, then| Notice::Call(CallNotice::LinkLost { with, then, why: LinkLoss::Network });
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
    for (lasted, end, why) in [
        (9, LinkEnd::Lost, LinkLoss::Network),
        (60, LinkEnd::Broken, LinkLoss::TheyBroke),
        (60, LinkEnd::Stalled, LinkLoss::Stalled),
        (60, LinkEnd::Bye(ByeReason::Protocol), LinkLoss::WeBroke),
    ] {
        let mut world = two();
        world.call(Ali, Bianca);
        world.told.clear();
        world.tick += lasted;
        let [(_, near), _] = world.cables[0].ends;
        world.input(Ali, Input::LinkEnded { link: near, end });
        world.settle();
        assert_eq!(
            world.told(Ali),
            [Notice::Call(CallNotice::LinkLost { with: bianca(), then: AfterLoss::Over, why })]
        );
    }
}

#[test]
fn without_the_directory_conversations_go_on_and_nobody_new_is_let_in() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.input(Bianca, Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
    world.command(Ali, say(Conversation::User(bianca()), "still here"));
    let lost = Notice::Directory(DirectoryNotice::Lost { retry_in: 1, why: DirectoryLoss::Network });
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
    world.input(Bianca, Input::DirectoryBack(Features::of_directory()));
    world.call(Bianca, Ali);
    assert_eq!(world.told(Bianca)[1], Notice::Call(CallNotice::Established { with: ali() }));
}

#[test]
fn an_unanswered_lookup_fails_the_call_and_a_crossed_call_that_never_comes_times_out() {
    let mut world = two();
    world.input(Ali, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: bianca() })));
    world.work.clear();
    let unavailable = Box::new(Error::new(ErrorCode::Unavailable).into());
    world.input(Ali, Input::DirectoryMessage { request: None, message: unavailable });
    world.settle();
    let failed = |why| [Notice::Call(CallNotice::Failed { to: bianca(), why })];
    assert_eq!(world.told(Ali), failed(CallFailed::DirectoryRefused(DirectoryRefusal::Unavailable)));

    // A directory that says nothing at all.
    world.told.clear();
    world.input(Ali, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: bianca() })));
    world.work.clear();
    world.tick = world.engines[&(Ali as u8)].next_deadline().unwrap();
    world.input(Ali, Input::Tick);
    world.settle();
    assert_eq!(world.told(Ali), failed(CallFailed::DirectorySilent { seconds: 10 }));

    world.told.clear();
    world.input(Ali, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: bianca() })));
    world.work.clear();
    world.input(Ali, answer(None, &bianca(), Some(&found(Bianca))));
    let dial = |(_, effect): (_, Effect)| if let Effect::Dial { dial, .. } = effect { Some(dial) } else { None };
    let dial = world.work.drain(..).find_map(dial).unwrap();
    let outcome = Err(DialFailed::Refused(ConnectRefusal::Crossed));
    world.input(Ali, Input::Dialed { dial, outcome });
    world.tick = world.engines[&(Ali as u8)].next_deadline().unwrap();
    world.input(Ali, Input::Tick);
    world.work.retain(|(_, effect)| matches!(effect, Effect::Notify(_) | Effect::Answer(..)));
    world.settle();
    assert_eq!(
        world.told(Ali),
        [Notice::Call(CallNotice::ByMail { with: bianca(), why: CallFailed::NoAnswer { seconds: 10 } })]
    );
}

#[test]
fn logging_out_says_goodbye_to_everybody() {
    let mut world = two();
    world.call(Ali, Bianca);
    world.told.clear();
    world.input(Ali, Input::Command(Ticket::default(), Command::Session(SessionCommand::Logout)));
    let [(_, near), _] = world.cables[0].ends;
    let effects: Vec<_> = world.work.iter().map(|(_, effect)| effect).collect();
    assert_eq!(effects, [&Effect::Close { link: near, reason: ByeReason::Ended }, &Effect::LogOut]);
}
