//! One engine and what a directory answers it: in any order, with and without numbers, or not at all.

use common::ident::{Challenge, TerminalId, UserId};
use common::msg::{
    AuthChallenge, AuthRefusal, AuthReply, AuthStatus, Blob, Error, ErrorCode, Features, FromDirectory, Hex, ListReply,
    ListedUser, LookupReply, LookupStatus, Message as _, PasscodeChallenge, PasscodeReply, PasscodeStatus,
    RemovalRefused, RequestNumber, TerminalRemove, TerminalsReply, ToDirectory, UserTerminals,
};
use common::secret::Passcode;
use common::testkit::Example;

use crate::command::{CallCommand, Command, ContactCommand, DirectoryCommand, SessionCommand, Ticket};
use crate::directory::requests::PENDING_MAX;
use crate::engine::Engine;
use crate::event::{Accept, Effect, Input, Now, PasscodeStep};
use crate::fixtures;
use crate::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryLoss, DirectoryNotice, DirectoryRefusal, NotChanged, Notice,
    SessionNotice,
};
use crate::persistence::Snapshot;
use crate::verify::LocalIdentity;

const NOW: Now = Now { tick: 100, date: 1_700_000_000, directory: 0 };

/// Ali's engine, in a session that has begun.
struct Scene(Engine);

fn me() -> LocalIdentity {
    LocalIdentity {
        user: Example::Ali.user().unwrap(),
        key: Example::Ali.identity().unwrap().public().clone(),
        terminal: TerminalId([1; 16]),
    }
}

fn bianca() -> UserId {
    Example::Bianca.user().unwrap()
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self(fixtures::engine(&me(), Accept::All).unwrap());
        scene.input(Input::Began(Features::of_directory()));
        scene
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.0.handle(NOW, input, &mut out);
        out
    }

    /// Gives the number of the last request that this causes.
    #[track_caller]
    fn asks(&mut self, command: Command) -> RequestNumber {
        last_request(&self.input(Input::Command(Ticket::default(), command)))
    }

    fn answers(&mut self, request: Option<RequestNumber>, message: impl Into<FromDirectory>) -> Vec<Effect> {
        self.input(Input::DirectoryMessage { request, message: Box::new(message.into()) })
    }
}

#[track_caller]
fn last_request(effects: &[Effect]) -> RequestNumber {
    let request = |effect: &Effect| if let Effect::Ask(envelope) = effect { envelope.request } else { None };
    effects.iter().rev().find_map(request).unwrap()
}

fn call() -> Command {
    Command::Call(CallCommand::Place { to: bianca() })
}

fn number() -> Command {
    Command::Contact(ContactCommand::SafetyNumber { with: Example::Carol.user().unwrap() })
}

fn list() -> Command {
    Command::Directory(DirectoryCommand::List)
}

fn own_terminals() -> Command {
    Command::Session(SessionCommand::Terminals)
}

fn too_fast(retry_after: u64) -> Notice {
    Notice::Directory(DirectoryNotice::Refused(DirectoryRefusal::TooFast { retry_after }))
}

fn found(example: Example) -> LookupReply {
    LookupReply {
        status: LookupStatus::Success,
        userid: example.user().unwrap().to_string(),
        addresses: vec![([127, 0, 0, 3], 65_000).into()],
        publickey: Hex(example.identity().unwrap().public().as_pkcs1().to_vec()),
        terminals: Vec::new(),
    }
}

fn page(users: &[&str], more: bool) -> ListReply {
    let listed = |id: &&str| ListedUser { userid: UserId::parse(id).unwrap(), online_since: Some(1), away: None };
    ListReply { users: users.iter().map(listed).collect(), more }
}

fn terminals() -> TerminalsReply {
    let ours = UserTerminals { userid: me().user, terminals: vec![TerminalId([1; 16])] };
    TerminalsReply { users: vec![ours], refused: None }
}

fn error(code: ErrorCode, to: Option<&str>) -> Error {
    Error { to: to.map(str::to_owned), retry_after: Some(7), ..Error::new(code) }
}

/// What the user is told, whichever command it answers.
fn told(effects: &[Effect]) -> Vec<&Notice> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notify(notice) | Effect::Answer(_, notice) => Some(notice),
            _ => None,
        })
        .collect()
}

fn dials(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Dial { .. }))
}

#[test]
fn answers_in_another_order_find_their_requests() {
    let mut scene = Scene::new();
    let [called, listed, shown, terminal] =
        [call(), list(), number(), own_terminals()].map(|command| Some(scene.asks(command)));
    let effects = scene.answers(terminal, terminals());
    assert!(matches!(told(&effects)[..], [Notice::Session(SessionNotice::Terminals { .. })]));
    let effects = scene.answers(shown, found(Example::Carol));
    assert!(matches!(told(&effects)[..], [Notice::Contact(ContactNotice::SafetyNumber { .. })]), "{effects:?}");
    assert!(!dials(&effects));
    let effects = scene.answers(listed, page(&["bianca"], false));
    assert!(matches!(told(&effects)[..], [Notice::Directory(DirectoryNotice::People { .. })]));
    assert!(dials(&scene.answers(called, found(Example::Bianca))));
}

#[test]
fn a_directory_without_numbers_is_understood_by_the_order_of_its_answers() {
    let mut scene = Scene::new();
    for command in [call(), list(), number(), own_terminals()] {
        scene.asks(command);
    }
    assert!(dials(&scene.answers(None, found(Example::Bianca))));
    let effects = scene.answers(None, page(&["bianca"], false));
    assert!(matches!(told(&effects)[..], [Notice::Directory(DirectoryNotice::People { .. })]));
    let effects = scene.answers(None, error(ErrorCode::RateLimited, Some("LOOKUPREQ")));
    let carol = Example::Carol.user().unwrap();
    let why = CallFailed::DirectoryRefused(DirectoryRefusal::TooFast { retry_after: 7 });
    assert_eq!(told(&effects), [&Notice::Call(CallNotice::Failed { to: carol, why })]);
    let effects = scene.answers(None, terminals());
    assert!(matches!(told(&effects)[..], [Notice::Session(SessionNotice::Terminals { .. })]));
}

#[test]
fn a_request_the_directory_does_not_know_shifts_no_other_answer() {
    let mut scene = Scene::new();
    let [first, second] = [own_terminals(), own_terminals()].map(|command| Some(scene.asks(command)));
    scene.asks(call());
    let effects = scene.answers(first, error(ErrorCode::UnknownMsgtype, None));
    assert!(
        matches!(told(&effects)[..], [Notice::Directory(DirectoryNotice::Refused(DirectoryRefusal::TooOld))]),
        "{effects:?}"
    );
    let effects = scene.answers(second, terminals());
    assert!(matches!(told(&effects)[..], [Notice::Session(SessionNotice::Terminals { .. })]));
    assert!(dials(&scene.answers(None, found(Example::Bianca))));
}

#[test]
fn what_came_too_fast_fails_and_nothing_else() {
    let mut scene = Scene::new();
    let (called, listed) = (scene.asks(call()), scene.asks(list()));
    let effects = scene.answers(Some(listed), error(ErrorCode::RateLimited, Some("LISTREQ")));
    assert_eq!(told(&effects), [&too_fast(7)]);
    assert!(dials(&scene.answers(Some(called), found(Example::Bianca))));
}

#[test]
fn what_nobody_waits_for_changes_nothing() {
    let mut scene = Scene::new();
    let called = scene.asks(call());
    for number in [RequestNumber::LAST, called.next()] {
        assert!(scene.answers(Some(number), found(Example::Bianca)).is_empty());
        assert!(scene.answers(Some(number), error(ErrorCode::RateLimited, None)).is_empty());
        assert!(scene.input(Input::Misunderstood { request: number }).is_empty());
    }
    assert!(dials(&scene.answers(Some(called), found(Example::Bianca))));
    assert!(scene.answers(Some(called), found(Example::Bianca)).is_empty(), "an answer counts once");
}

#[test]
fn an_answer_that_is_none_fails_its_request() {
    let mut scene = Scene::new();
    let why = CallFailed::DirectoryRefused(DirectoryRefusal::Unsound);
    let lost = Notice::Call(CallNotice::Failed { to: bianca(), why });
    let request = scene.asks(call());
    assert_eq!(told(&scene.input(Input::Misunderstood { request })), [&lost]);
    let request = scene.asks(call());
    assert_eq!(told(&scene.answers(Some(request), page(&[], false))), [&lost]);
}

#[test]
fn two_lists_of_several_pages_do_not_mix() {
    let mut scene = Scene::new();
    let [first, second] = [list(), list()].map(|command| Some(scene.asks(command)));
    let more = Some(last_request(&scene.answers(first, page(&["bianca"], true))));
    let effects = scene.answers(second, page(&["carol"], false));
    let users = |effects: &[Effect]| match told(effects)[..] {
        [Notice::Directory(DirectoryNotice::People { people, .. })] => {
            people.iter().map(|person| person.user.to_string()).collect::<Vec<_>>()
        }
        _ => panic!("{effects:?}"),
    };
    assert_eq!(users(&effects), ["carol"]);
    assert_eq!(users(&scene.answers(more, page(&["dora"], false))), ["bianca", "dora"]);
}

#[test]
fn one_request_too_many_fails_at_once_and_the_others_are_answered() {
    let mut scene = Scene::new();
    let called = scene.asks(call());
    let too_many =
        (0..=PENDING_MAX).find(|_| !told(&scene.input(Input::Command(Ticket::default(), list()))).is_empty());
    assert!(too_many.is_some());
    let effects = scene.input(Input::Command(Ticket::default(), list()));
    assert_eq!(told(&effects), [&too_fast(1)]);
    assert!(dials(&scene.answers(Some(called), found(Example::Bianca))));
    assert!(told(&scene.input(Input::Command(Ticket::default(), list()))).is_empty(), "an answer has made room");
}

#[test]
fn the_loss_of_the_session_fails_all_that_waits_in_order_and_late_answers_find_nobody() {
    let mut scene = Scene::new();
    let (_, shown) = (scene.asks(call()), scene.asks(number()));
    let effects = scene.input(Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
    let lost = |example: Example| {
        Notice::Call(CallNotice::Failed { to: example.user().unwrap(), why: CallFailed::DirectoryLost })
    };
    let expected = [
        &lost(Example::Bianca),
        &lost(Example::Carol),
        &Notice::Directory(DirectoryNotice::Lost { retry_in: 1, why: DirectoryLoss::Network }),
    ];
    assert_eq!(told(&effects), expected);
    assert_eq!(
        told(&scene.input(Input::Command(Ticket::default(), list()))),
        [&Notice::Directory(DirectoryNotice::NoPeople)]
    );
    scene.input(Input::DirectoryBack(Features::of_directory()));
    let called = scene.asks(call());
    assert!(scene.answers(Some(shown), found(Example::Bianca)).is_empty());
    assert!(dials(&scene.answers(Some(called), found(Example::Bianca))));
}

#[test]
fn machines_that_begin_again_forget_what_they_asked_and_calls_do_not() {
    let mut scene = Scene::new();
    let (terminal, called) = (scene.asks(own_terminals()), scene.asks(call()));
    scene.input(Input::Reopened(Box::new(fixtures::opening(&me(), Snapshot::default()).unwrap())));
    assert!(told(&scene.answers(Some(terminal), terminals())).is_empty());
    let effects = scene.answers(Some(called), found(Example::Bianca));
    assert!(dials(&effects));
}

fn change_command() -> Command {
    let passcode = |typed: &str| Passcode::new(typed.into());
    Command::Session(SessionCommand::ChangePasscode { current: passcode("482193"), to: passcode("739164") })
}

/// Begins to change the passcode; gives the number of `AUTHREQ`.
fn begins(scene: &mut Scene) -> RequestNumber {
    let effects = scene.input(Input::Command(Ticket::default(), change_command()));
    let [Effect::Passcode(PasscodeStep::Prove { request })] = effects[..] else { panic!("{effects:?}") };
    request
}

fn challenge() -> AuthChallenge {
    AuthChallenge { passcode: Blob(vec![1; 320]), challenge: Challenge([2; 32]), changed: false }
}

fn granted() -> AuthReply {
    AuthReply { status: AuthStatus::Granted, reason: None, ..AuthReply::refused(AuthRefusal::Other) }
}

/// The passcode is proved; gives the number of `PASSCODEREQ`.
fn change_with(scene: &mut Scene, with_numbers: bool) -> RequestNumber {
    let request = begins(scene);
    let effects = scene.answers(with_numbers.then_some(request), challenge());
    let [Effect::Passcode(PasscodeStep::Confirm { request, .. })] = effects[..] else { panic!("{effects:?}") };
    let effects = scene.answers(with_numbers.then_some(request), granted());
    let [Effect::Passcode(PasscodeStep::Begin { request, .. })] = effects[..] else { panic!("{effects:?}") };
    request
}

fn change(scene: &mut Scene) -> RequestNumber {
    change_with(scene, true)
}

/// The directory goes on with it; gives the number of the second request.
fn goes_on(scene: &mut Scene, request: Option<RequestNumber>) -> RequestNumber {
    let effects = scene.answers(request, PasscodeChallenge { passcode: Blob(vec![1; 64]) });
    let [Effect::Passcode(PasscodeStep::Seal { request, .. })] = effects[..] else { panic!("{effects:?}") };
    request
}

fn not_changed(effects: &[Effect]) -> &NotChanged {
    match effects {
        [
            Effect::Passcode(PasscodeStep::NotChanged),
            Effect::Answer(_, Notice::Session(SessionNotice::PasscodeNotChanged(why))),
        ] => why,
        _ => panic!("{effects:?}"),
    }
}

#[test]
fn a_passcode_is_proved_and_changed_with_and_without_numbers() {
    for with_numbers in [true, false] {
        let mut scene = Scene::new();
        let first = change_with(&mut scene, with_numbers);
        scene.asks(list());
        let second = goes_on(&mut scene, with_numbers.then_some(first));
        let reply = |status| PasscodeReply { status };
        let effects = scene.answers(with_numbers.then_some(second), reply(PasscodeStatus::Changed));
        let changed = [
            Effect::Passcode(PasscodeStep::Changed),
            Effect::Answer(Ticket::default(), Notice::Session(SessionNotice::PasscodeChanged)),
        ];
        assert_eq!(effects, changed);
        let request = change(&mut scene);
        let request = goes_on(&mut scene, Some(request));
        let effects = scene.answers(Some(request), reply(PasscodeStatus::Refused));
        assert_eq!(not_changed(&effects), &NotChanged::Meanwhile);
    }
}

#[test]
fn a_change_of_the_passcode_that_fails_says_why() {
    let mut scene = Scene::new();
    let request = change(&mut scene);
    let effects = scene.answers(Some(request), error(ErrorCode::RateLimited, Some("PASSCODEREQ")));
    assert_eq!(not_changed(&effects), &NotChanged::Refused(DirectoryRefusal::TooFast { retry_after: 7 }));
    let request = change(&mut scene);
    let effects = scene.answers(Some(request), error(ErrorCode::UnknownMsgtype, None));
    assert_eq!(not_changed(&effects), &NotChanged::Refused(DirectoryRefusal::TooOld));
    let request = change(&mut scene);
    goes_on(&mut scene, Some(request));
    let effects = scene.input(Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
    assert_eq!(not_changed(&effects[..2]), &NotChanged::Unsure);
    let effects = scene.input(Input::Command(Ticket::default(), change_command()));
    assert_eq!(told(&effects), [&Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::DirectoryLost))]);
}

#[test]
fn a_passcode_that_was_not_proved_changes_nothing_and_says_why() {
    let refused = |reason| AuthReply { retry_after: Some(9), tries_left: Some(3), ..AuthReply::refused(reason) };
    let cases = [
        (AuthRefusal::Passcode, NotChanged::Wrong { tries_left: Some(3) }),
        (AuthRefusal::Locked, NotChanged::Locked { retry_after: Some(9) }),
        (AuthRefusal::TooMany, NotChanged::Refused(DirectoryRefusal::TooFast { retry_after: 9 })),
    ];
    for (reason, why) in cases {
        let mut scene = Scene::new();
        let request = begins(&mut scene);
        let effects = scene.answers(Some(request), challenge());
        let [Effect::Passcode(PasscodeStep::Confirm { request, .. })] = effects[..] else { panic!("{effects:?}") };
        assert_eq!(not_changed(&scene.answers(Some(request), refused(reason))), &why);
        let request = begins(&mut scene);
        let early = scene.answers(Some(request), refused(reason));
        assert_eq!(not_changed(&early), &why, "before the challenge, too");
        begins(&mut scene);
        let lost = scene.input(Input::DirectoryLost { retry_in: 1, why: DirectoryLoss::Network });
        assert_eq!(not_changed(&lost[..2]), &NotChanged::DirectoryLost, "nothing was sent");
    }
}

#[test]
fn a_terminal_is_removed_when_the_passcode_was_proved() {
    let mut scene = Scene::new();
    let terminal = TerminalId([7; 16]);
    let command = SessionCommand::RemoveTerminal { terminal, current: Passcode::new("482193".into()) };
    let effects = scene.input(Input::Command(Ticket::default(), Command::Session(command)));
    let [Effect::Passcode(PasscodeStep::Prove { request })] = effects[..] else { panic!("{effects:?}") };
    let effects = scene.answers(Some(request), challenge());
    let [Effect::Passcode(PasscodeStep::Confirm { request, .. })] = effects[..] else { panic!("{effects:?}") };
    let effects = scene.answers(Some(request), granted());
    let [Effect::Ask(envelope)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(envelope.message, TerminalRemove { terminal, cookie: None }.into());
    let older = TerminalsReply { refused: Some(RemovalRefused::Older), ..terminals() };
    let effects = scene.answers(envelope.request, older);
    assert_eq!(told(&effects), [&Notice::Session(SessionNotice::TerminalNotRemoved(NotChanged::Older))]);
}

#[test]
fn a_second_change_of_the_passcode_takes_the_place_of_the_first() {
    let mut scene = Scene::new();
    let [first, second] = [change(&mut scene), change(&mut scene)];
    assert!(scene.answers(Some(first), PasscodeChallenge { passcode: Blob(vec![1; 64]) }).is_empty());
    goes_on(&mut scene, Some(second));
}

#[test]
fn every_request_of_a_session_has_a_number_of_its_own() {
    let mut scene = Scene(fixtures::engine(&me(), Accept::All).unwrap());
    let mut effects = scene.input(Input::Began(Features::of_directory()));
    for command in
        [call(), list(), number(), own_terminals(), Command::Directory(DirectoryCommand::Away { text: None })]
    {
        effects.extend(scene.input(Input::Command(Ticket::default(), command)));
    }
    let number = |effect: &Effect| match effect {
        Effect::Ask(envelope) => Some((envelope.request, envelope.message.msgtype())),
        _ => None,
    };
    let asked: Vec<_> = effects.iter().filter_map(number).collect();
    assert!(asked.iter().any(|(_, msgtype)| *msgtype == "MAILBOXREQ") && asked.len() >= 8, "{asked:?}");
    let numbers: Vec<Option<u64>> = asked.iter().map(|(number, _)| number.map(RequestNumber::value)).collect();
    assert_eq!(numbers, (1..).map(Some).take(asked.len()).collect::<Vec<_>>());
    let is_lookup = |effect: &&Effect| match effect {
        Effect::Ask(envelope) => matches!(envelope.message, ToDirectory::LookupReq(_) | ToDirectory::ListReq(_)),
        _ => false,
    };
    assert!(effects.iter().filter(is_lookup).all(|effect| !effect.speaks_of_state()));
}
