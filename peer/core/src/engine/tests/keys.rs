//! Changed keys and safety numbers.

use common::crypto::successor;
use common::ident::{KeyDigest, TerminalId, UserId};
use common::msg::{ConnectReq, Features, ListReply, SUCCESSIONS};
use common::testkit::Example;

use super::world::*;
use crate::command::{Answer, CallCommand, Command, ContactCommand, DirectoryCommand, KeyDecision, Ticket};
use crate::contacts::Contact;
use crate::event::{Durability, Effect, Input, Now};
use crate::fixtures;
use crate::model::Conversation;
use crate::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryNotice, KeyChange, KeyState, MessageNotice, Next, Notice,
};
use crate::persistence::{Snapshot, Write};
use crate::verify::{ConnectRequest, LookupResult};

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
    world.input(Ali, Input::Command(Ticket::default(), Command::Call(CallCommand::Place { to: bianca() })));
    let effects: Vec<_> = world.work.drain(..).collect();
    let [(Ali, effect)] = &effects[..] else { panic!("{effects:?}") };
    let request = lookup_of(effect);
    let mut out = Vec::new();
    let engine = world.engines.get_mut(&(Ali as u8)).unwrap();
    let now = Now { tick: 0, date: 0, directory: 0 };
    engine.handle(now, answer(request, &bianca(), world.directory.get(&bianca())), &mut out);
    assert!(matches!(&out[..], [Effect::Dial { call, .. }] if call.found.key == me(Carol).key));
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
    world.input(Ali, Input::DirectoryMessage { request: None, message: Box::new(listed) });
    world.settle();
    let told = world.told(Ali);
    assert!(
        matches!(&told[..], [Notice::Directory(DirectoryNotice::People { people, .. })] if people[0].key == KeyState::Verified)
    );
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
        record: None,
        conversation: None,
    };
    world.directory.insert(bianca(), LookupResult { key: me(Carol).key, ..found(Bianca) });
    let link = world.link();
    let request = ConnectRequest { message, key: me(Carol).key.digest(), source: address(Bianca) };
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
fn a_key_that_the_former_one_confirmed_is_taken_over_and_decided_about_before_a_call() {
    let statement = |old: Example, user: &UserId| {
        let (old, new) = (old.identity().unwrap(), Carol.identity().unwrap());
        successor::sign(user, &KeyDigest([7; 32]), (&old, &new), Vec::new()).unwrap()
    };
    for (told, confirmed) in [
        (vec![statement(Bianca, &bianca())], true),
        (vec![statement(Ali, &bianca())], false),
        (vec![statement(Bianca, &ali())], false),
        (Vec::new(), false),
    ] {
        let mut world = two();
        world.call(Ali, Bianca);
        world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
        world.input(Ali, Input::DirectoryBack(Features::of(&[SUCCESSIONS])));
        world.settle();
        world.told.clear();
        world.successors = told;
        world.directory.insert(bianca(), LookupResult { key: me(Carol).key, ..found(Bianca) });
        world.call(Ali, Bianca);
        let told = world.told(Ali);
        let Some(Notice::Contact(ContactNotice::KeyChanged { how, .. })) = told.last() else { panic!("{told:?}") };
        assert_eq!(*how, if confirmed { KeyChange::Confirmed } else { KeyChange::Unconfirmed }, "{told:?}");
        assert_eq!(world.told(Bianca), [], "nothing was sent");
        // What was given up is not accepted again; a key that nobody confirmed is still the user's to decide.
        world.successors.clear();
        world.directory.insert(bianca(), found(Bianca));
        world.call(Ali, Bianca);
        let told = world.told(Ali);
        let refused = Notice::Call(CallNotice::Failed { to: bianca(), why: CallFailed::FormerKey });
        assert_eq!(told.contains(&refused), confirmed, "{told:?}");
    }
}

/// Ali, who has talked to bianca; she has another key since, which was offered to him.
fn with_another_key() -> World {
    let mut world = two();
    world.call(Ali, Bianca);
    world.command(Ali, Command::Call(CallCommand::End { with: bianca() }));
    world.directory.insert(bianca(), LookupResult { key: me(Carol).key, ..found(Bianca) });
    world.call(Ali, Bianca);
    world.told.clear();
    world
}

fn decide(decision: KeyDecision) -> ContactCommand {
    ContactCommand::DecideKey { of: bianca(), decision }
}

/// What ali decides; what is kept of it.
#[track_caller]
fn kept(world: &mut World, command: ContactCommand) -> Contact {
    world.input(Ali, Input::Command(Ticket::default(), Command::Contact(command)));
    let effects: Vec<_> = world.work.drain(..).map(|(_, effect)| effect).collect();
    let persist = effects.iter().position(|effect| matches!(effect, Effect::Persist(_))).expect("nothing is kept");
    let done = effects.iter().position(|effect| matches!(effect, Effect::Answer(_, Notice::Contact(_))));
    let done = done.expect("nothing is said");
    assert!(persist < done && effects[done].rests_on() == Durability::Synced, "{effects:?}");
    let Effect::Persist(writes) = &effects[persist] else { panic!("{effects:?}") };
    let contact =
        writes.iter().find_map(|write| if let Write::Contact(contact) = write { Some(contact) } else { None });
    contact.cloned().unwrap()
}

#[test]
fn what_is_decided_about_others_is_said_to_be_done_once_it_is_kept() {
    let mut world = with_another_key();
    assert!(kept(&mut world, decide(KeyDecision::Block)).blocked);
    assert!(!kept(&mut world, ContactCommand::Unblock { user: bianca() }).blocked);
    assert_eq!(kept(&mut world, decide(KeyDecision::Accept)).key.unwrap().0, me(Carol).key.as_pkcs1());
    world.command(Ali, Command::Contact(ContactCommand::SafetyNumber { with: bianca() }));
    let Some(Notice::Contact(ContactNotice::SafetyNumber { digits, .. })) = world.told(Ali).pop() else { panic!() };
    let confirm = |answer| ContactCommand::ConfirmNumber { with: bianca(), digits: digits.clone(), answer };
    assert!(kept(&mut world, confirm(Answer::Yes)).verified);
    assert!(!kept(&mut world, confirm(Answer::No)).verified);
    assert!(kept(&mut world, decide(KeyDecision::Block)).blocked);
}

/// Ali's program goes on from a disk that has kept these contacts.
fn reopens(world: &mut World, contacts: Vec<Contact>) {
    let rows = Snapshot { contacts, ..Snapshot::default() };
    world.input(Ali, Input::Reopened(Box::new(fixtures::opening(&me(Ali), rows).unwrap())));
    world.settle();
    world.told.clear();
}

#[test]
fn what_was_decided_and_not_kept_is_undecided_and_can_be_decided_again() {
    let mut world = with_another_key();
    let former = Contact { blocked: false, ..kept(&mut world, decide(KeyDecision::Block)) };
    kept(&mut world, ContactCommand::Unblock { user: bianca() });
    for decision in [KeyDecision::Accept, KeyDecision::Block] {
        kept(&mut world, decide(decision));
        reopens(&mut world, vec![former.clone()]);
        world.call(Ali, Bianca);
        let told = world.told(Ali);
        assert!(
            matches!(&told[..], [Notice::Contact(ContactNotice::KeyChanged { of, .. })] if *of == bianca()),
            "{decision:?}: {told:?}"
        );
    }
    // Also where nobody has shown the key once more.
    for _ in 0..2 {
        let accepted = kept(&mut world, decide(KeyDecision::Accept));
        assert_eq!(accepted.key.unwrap().0, me(Carol).key.as_pkcs1());
        reopens(&mut world, vec![former.clone()]);
    }
    // Somebody whose first key could not be kept is no stranger until the program ends.
    reopens(&mut world, Vec::new());
    world.call(Ali, Bianca);
    assert!(matches!(&world.told(Ali)[..], [Notice::Contact(ContactNotice::KeyChanged { .. })]));
}
