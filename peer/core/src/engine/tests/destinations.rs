//! Whom the user means: somebody who exists, nobody, or somebody of whom it cannot be said.

use std::path::PathBuf;

use common::ident::UserId;
use common::msg::{
    Error, ErrorCode, Features, FromDirectory, RequestNumber, TerminalsReply, ToDirectory, UserTerminals,
};

use super::world::{Ali, Bianca, Carol, bianca, me, say};
use crate::command::{Command, ContactCommand, MessageCommand, Ticket};
use crate::contacts::Contacts;
use crate::engine::{Engine, Setup};
use crate::event::{Accept, Effect, Input, Now};
use crate::files::model::{AcceptFiles, FilePolicy, LeftOut, Source};
use crate::fixtures;
use crate::model::{Conversation, DeliveryStatus};

use crate::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryLoss, Explained, FileNotice, MessageNotice, Next, NotOffered,
    NotSent, Notice,
};
use crate::persistence::Snapshot;

const NOW: Now = Now { tick: 100, date: 1_700_000_000, directory: 0 };

/// Ali's engine, which knows bianca's key and has chosen carol.
struct Scene(Engine);

fn typed() -> UserId {
    UserId::parse("biancca").unwrap()
}

fn to_typed() -> Conversation {
    Conversation::User(typed())
}

impl Scene {
    fn new() -> (Self, Vec<Effect>) {
        let mut contacts = Contacts::default();
        contacts.pin(&bianca(), &me(Bianca).key, 1, false);
        contacts.pin(&me(Carol).user, &me(Carol).key, 1, false);
        contacts.choose(&me(Carol).user, 1);
        let files = FilePolicy { accept: AcceptFiles::Ask, max: u64::MAX };
        let directory = common::ident::KeyDigest([7; 32]);
        let setup = Setup { me: me(Ali), directory, accept: Accept::All, read_receipts: false, files };
        let contacts = contacts.users().filter_map(|user| contacts.contact(user).cloned()).collect();
        let rows = Snapshot { contacts, ..Snapshot::default() };
        let opening = fixtures::opening(&me(Ali), rows).unwrap();
        let mut scene = Self(Engine::new(setup, opening).unwrap());
        let began = scene.input(Input::Began(Features::default()));
        (scene, began)
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.0.handle(NOW, input, &mut out);
        out
    }

    fn command(&mut self, command: Command) -> Vec<Effect> {
        self.input(Input::Command(Ticket::default(), command))
    }

    fn answers(&mut self, request: RequestNumber, message: impl Into<FromDirectory>) -> Vec<Effect> {
        self.input(Input::DirectoryMessage { request: Some(request), message: Box::new(message.into()) })
    }

    /// Something is done for the user who was typed; the number of the question whether there is one.
    #[track_caller]
    fn asks(&mut self, input: Input) -> RequestNumber {
        let effects = self.input(input);
        let [Effect::Ask(envelope)] = &effects[..] else { panic!("{effects:?}") };
        let ToDirectory::TerminalsReq(request) = &envelope.message else { panic!("{envelope:?}") };
        assert_eq!(request.users, [typed()]);
        envelope.request.unwrap()
    }
}

fn told(effects: &[Effect]) -> Vec<&Notice> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Notify(notice) | Effect::Answer(_, notice) => Some(notice),
        _ => None,
    });
    told.collect()
}

fn keeps(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Persist(_) | Effect::Save(_)))
}

fn nobody() -> TerminalsReply {
    TerminalsReply { users: Vec::new(), refused: None }
}

fn somebody() -> TerminalsReply {
    TerminalsReply { users: vec![UserTerminals { userid: typed(), terminals: Vec::new() }], refused: None }
}

fn text() -> Input {
    Input::Command(Ticket::default(), say(to_typed(), "hi"))
}

fn file() -> Input {
    let source = Source { path: PathBuf::from("/plans.pdf"), size: 9, files: None, content: None, state: [7; 32] };
    Input::FileRead {
        ticket: Ticket::default(),
        to: typed(),
        name: "plans.pdf".into(),
        source,
        left_out: LeftOut::default(),
    }
}

fn block() -> Input {
    Input::Command(Ticket::default(), Command::Contact(ContactCommand::Block { user: typed() }))
}

#[test]
fn for_an_id_nobody_has_nothing_is_kept_and_the_nearest_one_is_named() {
    let near = || Some(bianca());
    let refused: [fn(&Notice, Option<UserId>) -> bool; 3] = [
        |told, near| {
            matches!(told, Notice::Message(MessageNotice::NotSent { why, text, .. })
                if *why == NotSent::NoSuchUser { near } && text == "hi")
        },
        |told, near| matches!(told, Notice::File(FileNotice::NotOffered { why, .. }) if *why == NotOffered::NoSuchUser { near }),
        |told, near| matches!(told, Notice::Call(CallNotice::Failed { why, .. }) if *why == CallFailed::NoSuchUser { near }),
    ];
    for (input, is_refused) in [text(), file(), block()].into_iter().zip(refused) {
        let (mut scene, _) = Scene::new();
        let request = scene.asks(input);
        let effects = scene.answers(request, nobody());
        assert!(matches!(told(&effects)[..], [notice] if is_refused(notice, near())), "{effects:?}");
        assert!(!keeps(&effects));
    }
}

#[test]
fn what_waits_for_the_answer_is_told_by_why() {
    let (mut scene, _) = Scene::new();
    let request = scene.asks(text());
    let why = || Command::Message(MessageCommand::Why { of: to_typed() });
    let effects = scene.command(why());
    let waits = Explained { text: "hi".into(), mark: DeliveryStatus::Queued, since: NOW.date, next: Next::Existence };
    let explained = MessageNotice::Explained { of: to_typed(), messages: vec![waits] };
    assert_eq!(told(&effects), [&Notice::Message(explained)]);
    assert_eq!(scene.input(file()), [], "the question is asked already");
    let effects = scene.command(why());
    let [Notice::Message(MessageNotice::Explained { messages, .. })] = told(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(messages.len(), 2, "the file waits, too");
    scene.answers(request, nobody());
    let effects = scene.command(why());
    assert!(matches!(effects[..], [Effect::QueryHistory(_)]), "{effects:?}");
}

#[test]
fn for_somebody_who_exists_it_is_done_when_the_answer_is_there() {
    for input in [text(), file(), block()] {
        let (mut scene, _) = Scene::new();
        let request = scene.asks(input);
        assert!(keeps(&scene.answers(request, somebody())));
        // Now that the user is known nothing is asked any more.
        let effects = scene.input(text());
        assert!(!told(&effects).is_empty(), "{effects:?}");
    }
}

#[test]
fn what_the_directory_does_not_say_is_taken_at_the_user_s_word() {
    let (mut scene, _) = Scene::new();
    let request = scene.asks(text());
    assert!(keeps(&scene.answers(request, Error::new(ErrorCode::RateLimited))));

    let (mut scene, _) = Scene::new();
    scene.asks(text());
    assert!(keeps(&scene.input(Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network })));
    let effects = scene.command(say(Conversation::User(UserId::parse("dora").unwrap()), "hi"));
    assert!(keeps(&effects), "nobody can be asked");
    let waits = |notice: &&Notice| matches!(notice, Notice::Message(MessageNotice::Waiting { .. }));
    assert!(told(&effects).iter().any(waits), "{effects:?}");
}

#[test]
fn what_is_said_meanwhile_waits_in_its_order_and_is_asked_about_once() {
    let (mut scene, _) = Scene::new();
    let request = scene.asks(text());
    assert_eq!(scene.command(say(to_typed(), "are you there?")), []);
    let effects = scene.answers(request, somebody());
    let texts = told(&effects).into_iter().filter_map(|notice| match notice {
        Notice::Message(MessageNotice::Sent { record, .. }) => Some(record.text.as_str()),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["hi", "are you there?"]);
}

#[test]
fn only_the_chosen_are_watched_and_whoever_is_chosen_from_then_on() {
    let watched = |effects: &[Effect]| -> Vec<UserId> {
        let users = effects.iter().filter_map(|effect| match effect {
            Effect::Ask(envelope) => match &envelope.message {
                ToDirectory::Watch(watch) => Some(watch.users.clone()),
                _ => None,
            },
            _ => None,
        });
        users.flatten().collect()
    };
    let (mut scene, began) = Scene::new();
    assert_eq!(watched(&began), [me(Ali).user, me(Carol).user], "a pinned key is no choice");
    assert_eq!(watched(&scene.command(say(Conversation::User(bianca()), "hi"))), [bianca()]);
    assert_eq!(watched(&scene.command(say(Conversation::User(bianca()), "hi"))), []);
}

#[test]
fn somebody_who_was_never_met_is_blocked_at_once_where_the_directory_cannot_be_asked() {
    let (mut scene, _) = Scene::new();
    scene.input(Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
    let effects = scene.input(block());
    assert!(matches!(told(&effects)[..], [Notice::Contact(ContactNotice::KeyDecided { .. })]), "{effects:?}");
    assert!(keeps(&effects));
}
