//! What is asked of the directory, who is told of whom, what becomes of questions that are not answered.

use common::ident::{MessageId, UserId};
use common::limits::{BROADCAST_TEXT, WATCH_IN_ONE};
use common::msg::{
    BroadcastLog, FromDirectory, ListReply, ListedUser, LookupReply, PasscodeReply, PasscodeStatus, PresenceStatus,
    TerminalsReply, ToDirectory, UserTerminals,
};
use common::testkit::Example;

use super::broadcasts::LOG_PAGES;
use super::requests::Answered;
use super::{DirectoryClient, LIST_MAX};
use crate::command::Ticket;
use crate::context::{Context, Session};
use crate::event::{Effect, PasscodeStep};
use crate::fixtures;
use crate::model::PresenceInfo;
use crate::notice::{
    CallFailed, CallNotice, DirectoryNotice, DirectoryRefusal, MessageNotice, NotChanged, NotSent, Notice,
    SessionNotice,
};
use crate::request::{Aim, Asked, DirectoryRequest, LookupReason, Question, Request};

fn user(number: usize) -> UserId {
    UserId::parse(&format!("user{number}")).unwrap()
}

struct Stage {
    cx: Context,
    directory: DirectoryClient,
}

impl Stage {
    fn new() -> Self {
        let mut directory = DirectoryClient::default();
        directory.handle_connected();
        Self { cx: fixtures::context(fixtures::identity(Example::Ali)), directory }
    }

    fn down() -> Self {
        let mut stage = Self::new();
        stage.directory.handle_session_lost(&mut stage.cx);
        stage.cx.session = Session::Down;
        stage
    }

    fn effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        effects
    }

    /// What was said to the directory.
    fn said(&mut self) -> Vec<ToDirectory> {
        let said = |effect| if let Effect::Ask(envelope) = effect { Some(envelope.message) } else { None };
        self.effects().into_iter().filter_map(said).collect()
    }

    fn presence(&mut self, user: &UserId, status: PresenceStatus) -> (Vec<Request>, Vec<Effect>) {
        let there = PresenceInfo { status, text: None };
        let requests = self.directory.handle_presence(&mut self.cx, user.clone(), there);
        (requests, self.effects())
    }
}

#[test]
fn answers_find_their_questions_in_any_order() {
    let mut stage = Stage::new();
    for (number, reason) in [LookupReason::Call, LookupReason::Number].into_iter().enumerate() {
        assert_eq!(stage.directory.look_up(&mut stage.cx, user(number), reason), None);
    }
    let numbers = stage.effects().into_iter().map(|effect| match effect {
        Effect::Ask(envelope) => envelope.request,
        effect => panic!("{effect:?}"),
    });
    let numbers: Vec<_> = numbers.collect();
    let answer = FromDirectory::from(LookupReply::not_found());
    for (place, reason) in [(1, LookupReason::Number), (0, LookupReason::Call)] {
        let question = Question::LookUp { user: user(place), reason };
        assert_eq!(
            stage.directory.handle_answer(numbers[place], &answer),
            Some(Answered::Reply(Asked { question, ticket: None }))
        );
    }
}

#[test]
fn without_a_session_questions_come_back_and_nothing_is_said() {
    let mut stage = Stage::down();
    let question = Question::LookUp { user: user(1), reason: LookupReason::Call };
    let unanswered = Some(Request::Directory(DirectoryRequest::Unanswered(Asked { question, ticket: None })));
    assert_eq!(stage.directory.look_up(&mut stage.cx, user(1), LookupReason::Call), unanswered);
    stage.directory.set_away(&mut stage.cx, Some("lunch".into()));
    assert_eq!(stage.said(), []);
}

#[test]
fn a_session_that_ends_leaves_questions_unanswered_the_oldest_first() {
    let mut stage = Stage::new();
    stage.directory.look_up(&mut stage.cx, user(1), LookupReason::Call);
    stage.directory.look_up(&mut stage.cx, user(2), LookupReason::Number);
    stage.presence(&user(3), PresenceStatus::Online);
    let unanswered = stage.directory.handle_session_lost(&mut stage.cx);
    assert!(
        matches!(&unanswered[..], [Request::Directory(DirectoryRequest::Unanswered(Asked { question: Question::LookUp { user: first, .. }, .. })), _] if *first == user(1))
    );
    assert!(stage.cx.presence.is_empty());
}

#[test]
fn machines_that_begin_again_wait_for_nothing_and_others_go_on_waiting() {
    let mut stage = Stage::new();
    stage.directory.look_up(&mut stage.cx, user(1), LookupReason::Call);
    let mailbox = common::msg::MailboxReq {}.into();
    stage.directory.ask(&mut stage.cx, mailbox, Question::Mailbox);
    stage.directory.handle_reopened();
    assert_eq!(stage.directory.handle_session_lost(&mut stage.cx).len(), 1);
}

#[test]
fn an_answer_nobody_understands_fails_its_question() {
    let mut stage = Stage::new();
    stage.directory.look_up(&mut stage.cx, user(1), LookupReason::Call);
    let effects = stage.effects();
    let [Effect::Ask(envelope)] = &effects[..] else { panic!("{effects:?}") };
    let requests = stage.directory.handle_misunderstood(&mut stage.cx, envelope.request.unwrap());
    assert!(matches!(
        &requests[..],
        [Request::Directory(DirectoryRequest::Failed { why: DirectoryRefusal::Unsound, again_in: 60, .. })]
    ));
    assert_eq!(stage.directory.handle_misunderstood(&mut stage.cx, envelope.request.unwrap()), []);
}

#[test]
fn everybody_is_watched_once_so_many_in_one_message() {
    for (users, messages) in [(WATCH_IN_ONE - 1, 1), (WATCH_IN_ONE, 2)] {
        let mut stage = Stage::new();
        stage.directory.handle_session(&mut stage.cx, (0..users).map(user));
        assert_eq!(stage.said().len(), messages, "{users} users and oneself");
        stage.directory.watch(&mut stage.cx, [user(0)]);
        assert_eq!(stage.said(), []);
        stage.directory.handle_session(&mut stage.cx, [user(0)]);
        assert_eq!(stage.said().len(), 1, "another session");
    }
}

#[test]
fn the_next_session_is_told_too_that_the_user_is_away() {
    let mut stage = Stage::new();
    stage.directory.set_away(&mut stage.cx, Some("lunch".into()));
    assert!(matches!(&stage.said()[..], [ToDirectory::Away(away)] if away.text.as_deref() == Some("lunch")));
    stage.directory.handle_session(&mut stage.cx, []);
    assert!(matches!(&stage.said()[..], [ToDirectory::Away(_), ToDirectory::Watch(_)]));
    stage.directory.set_away(&mut stage.cx, None);
    stage.said();
    stage.directory.handle_session(&mut stage.cx, []);
    assert!(matches!(&stage.said()[..], [ToDirectory::Watch(_)]));
}

#[test]
fn who_is_there_at_the_beginning_is_no_news_and_who_comes_is() {
    use PresenceStatus::{Offline, Online};
    let mut stage = Stage::new();
    assert_eq!(stage.presence(&user(1), Online), (vec![Request::Came(user(1))], vec![]));
    assert_eq!(stage.presence(&user(1), Online).1, [], "nothing has changed");
    let told = |effects: Vec<Effect>| {
        matches!(&effects[..], [Effect::Notify(Notice::Directory(DirectoryNotice::Presence { .. }))])
    };
    let (requests, effects) = stage.presence(&user(1), Offline);
    assert!(requests.is_empty() && told(effects));
    stage.cx.session = Session::CaughtUp;
    assert!(told(stage.presence(&user(2), Online).1));
    let me = stage.cx.me.user.clone();
    assert_eq!(stage.presence(&me, Online), (vec![Request::Came(me.clone())], vec![]), "not of oneself");
}

#[test]
fn a_list_is_asked_for_page_by_page_up_to_an_end() {
    let mut stage = Stage::new();
    let listed = |number| ListedUser { userid: user(number), online_since: None, away: None };
    let requests = stage.directory.list();
    assert!(
        matches!(&requests[..], [Request::Directory(DirectoryRequest::Ask { question: Question::List { listed }, .. })] if listed.is_empty())
    );
    let page = |more| ListReply { users: vec![listed(1)], more };
    let requests = stage.directory.handle_list(Vec::new(), page(true));
    let [Request::Directory(DirectoryRequest::Ask { message: ToDirectory::ListReq(request), .. })] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!(request.after, Some(user(1)));
    assert_eq!(
        stage.directory.handle_list(vec![listed(0)], page(false)),
        [Request::Listed(vec![listed(0), listed(1)])]
    );
    for (before, asks) in [(LIST_MAX - 2, true), (LIST_MAX - 1, false)] {
        let requests = stage.directory.handle_list(vec![listed(0); before], page(true));
        assert_eq!(
            matches!(requests[0], Request::Directory(DirectoryRequest::Ask { .. })),
            asks,
            "{before} users before"
        );
    }
}

#[test]
fn terminals_are_not_asked_for_without_a_session() {
    let mut stage = Stage::down();
    assert_eq!(stage.directory.terminals(&mut stage.cx), []);
    assert_eq!(stage.effects(), [Effect::Notify(Notice::Directory(DirectoryNotice::NoPeople))]);
}

#[test]
fn who_exists_is_offline_and_whom_the_directory_does_not_know_is_nobody() {
    let mut stage = Stage::new();
    let reply = |terminals| TerminalsReply { users: vec![UserTerminals { userid: user(1), terminals }], refused: None };
    let offline = || Effect::Notify(Notice::Call(CallNotice::Offline { with: user(1) }));
    let terminal = stage.cx.me.terminal;
    stage.directory.handle_reachable(&mut stage.cx, user(1), &reply(vec![terminal]), None);
    assert!(stage.effects().contains(&offline()) && stage.cx.contacts.is_chosen(&user(1)));
    stage.directory.handle_reachable(&mut stage.cx, user(1), &reply(Vec::new()), None);
    assert_eq!(stage.effects(), [offline()], "who has never logged in");
    let nobody = TerminalsReply { users: Vec::new(), refused: None };
    stage.directory.handle_reachable(&mut stage.cx, user(2), &nobody, Some(user(1)));
    assert!(!stage.cx.contacts.is_chosen(&user(2)));
    let failed = CallNotice::Failed { to: user(2), why: CallFailed::NoSuchUser { near: Some(user(1)) } };
    assert_eq!(stage.effects(), [Effect::Notify(Notice::Call(failed))]);
}

#[test]
fn a_broadcast_is_signed_and_asked_for_or_refused_at_once() {
    for (length, is_up, expected) in [
        (BROADCAST_TEXT, true, None),
        (BROADCAST_TEXT + 1, true, Some(NotSent::TooLong)),
        (1, false, Some(NotSent::DirectoryLost)),
    ] {
        let mut stage = if is_up { Stage::new() } else { Stage::down() };
        let requests = stage.directory.broadcast(&mut stage.cx, "x".repeat(length), Ticket::default());
        let why = match &stage.effects()[..] {
            [Effect::Notify(Notice::Message(MessageNotice::NotSent { why, .. }))] => Some(why.clone()),
            _ => None,
        };
        assert_eq!((requests.is_empty(), why), (expected.is_some(), expected));
    }
}

#[test]
fn a_broadcast_that_was_taken_is_written_told_and_stored() {
    let mut stage = Stage::new();
    let said = (MessageId([1; 16]), "hello".to_owned());
    stage.directory.handle_broadcast_taken(&mut stage.cx, said, Ticket::default());
    let effects = stage.effects();
    let [Effect::Persist(_), Effect::Notify(sent), Effect::Notify(marked)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(matches!(sent, Notice::Message(MessageNotice::Sent { .. })));
    assert!(matches!(marked, Notice::Message(MessageNotice::Marked { .. })));
}

#[test]
fn an_empty_log_is_told_and_not_asked_for_again() {
    let mut stage = Stage::new();
    let log = BroadcastLog { entries: Vec::new(), more: true };
    assert_eq!(stage.directory.handle_log(&mut stage.cx, (10, Vec::new()), (None, 1), &log), []);
    assert!(matches!(
        &stage.effects()[..],
        [Effect::Notify(Notice::Message(MessageNotice::History { records, .. }))] if records.is_empty()
    ));
}

#[test]
fn a_change_of_the_passcode_ends_with_one_word() {
    let not_changed = |why| {
        vec![
            Effect::Passcode(PasscodeStep::NotChanged),
            Effect::Notify(Notice::Session(SessionNotice::PasscodeNotChanged(why))),
        ]
    };
    let mut stage = Stage::new();
    assert_eq!(stage.directory.prove_passcode(&mut stage.cx, Aim::Change), None);
    assert!(matches!(&stage.effects()[..], [Effect::Passcode(PasscodeStep::Prove { .. })]));
    stage.directory.prove_passcode(&mut stage.cx, Aim::Change);
    stage.effects();
    let question = Question::Proof(Aim::Change);
    assert_eq!(
        stage.directory.handle_session_lost(&mut stage.cx),
        [Request::Directory(DirectoryRequest::Unanswered(Asked { question, ticket: None }))]
    );
    for why in [DirectoryRefusal::TooFast { retry_after: 7 }, DirectoryRefusal::Unavailable] {
        stage.directory.handle_passcode_refused(&mut stage.cx, Aim::Change, why);
        assert_eq!(stage.effects(), not_changed(NotChanged::Refused(why)));
    }
    stage.directory.handle_passcode_reply(&mut stage.cx, &PasscodeReply { status: PasscodeStatus::Refused });
    assert_eq!(stage.effects(), not_changed(NotChanged::Meanwhile));
    let mut down = Stage::down();
    down.directory.prove_passcode(&mut down.cx, Aim::Change);
    let lost = SessionNotice::PasscodeNotChanged(NotChanged::DirectoryLost);
    assert_eq!(down.effects(), [Effect::Notify(Notice::Session(lost))]);
}

#[test]
fn what_is_asked_for_a_command_comes_back_with_its_ticket() {
    let mut stage = Stage::new();
    let ticket = |number| Some(Ticket { number, reference: None });
    stage.cx.answering = ticket(1);
    stage.directory.look_up(&mut stage.cx, user(1), LookupReason::Call);
    let [Effect::Ask(envelope)] = &stage.effects()[..] else { panic!("nothing was asked") };
    assert_eq!(stage.cx.answering, None, "a step has ended");
    stage.cx.answering = ticket(2);
    stage.directory.look_up(&mut stage.cx, user(2), LookupReason::Number);
    let answer = FromDirectory::from(LookupReply::not_found());
    let Some(Answered::Reply(asked)) = stage.directory.handle_answer(envelope.request, &answer) else {
        panic!("nobody asked");
    };
    asked.go_on(&mut stage.cx);
    assert_eq!(stage.cx.answering, ticket(1), "not that of what was asked last");
    let unanswered = stage.directory.handle_session_lost(&mut stage.cx);
    assert!(
        matches!(&unanswered[..], [Request::Directory(DirectoryRequest::Unanswered(asked))] if asked.ticket == ticket(2)),
        "{unanswered:?}"
    );
}

/// A page of the log with one broadcast that nobody has signed, which the directory says is not the last.
fn page_of_rubbish(number: u64) -> BroadcastLog {
    let rubbish = serde_json::json!({
        "number": number, "taken": 1, "id": "ab".repeat(16), "message": "", "date": 1, "signature": "A".repeat(86) + "==",
        "sender": {"userid": "carol", "publickey": "", "certificate":
            {"terminal": "ab".repeat(16), "key": "ab".repeat(32), "issued": 1, "signature": "AAAA".repeat(128)}},
    });
    BroadcastLog { entries: vec![serde_json::from_value(rubbish).unwrap()], more: true }
}

#[test]
fn a_log_without_an_end_is_not_read_without_end() {
    let mut stage = Stage::new();
    let reads = |stage: &mut Stage, number: &dyn Fn(u64) -> u64| {
        let (mut at, mut read) = ((None, 1), 1);
        loop {
            let log = page_of_rubbish(number(read));
            match &stage.directory.handle_log(&mut stage.cx, (10, Vec::new()), at, &log)[..] {
                [Request::Directory(DirectoryRequest::Ask { question: Question::Log { before, pages, .. }, .. })] => {
                    at = (*before, *pages);
                    read += 1;
                }
                _ => return read,
            }
        }
    };
    assert_eq!(reads(&mut stage, &|_| 7), 2, "a page that is no older is the last");
    assert_eq!(reads(&mut stage, &|read| u64::MAX - read), u64::try_from(LOG_PAGES).unwrap());
    let [Effect::Notify(Notice::Message(MessageNotice::History { .. })), _] = &stage.effects()[..] else {
        panic!("the user waits for what was found")
    };
}

#[test]
fn users_that_a_directory_makes_up_are_not_remembered_without_end_and_those_who_are_watched_are() {
    let mut stage = Stage::new();
    stage.directory.watch(&mut stage.cx, [user(0)]);
    for number in 1..=LIST_MAX + 5 {
        stage.presence(&user(number), PresenceStatus::Online);
    }
    assert_eq!(stage.cx.presence.len(), LIST_MAX);
    stage.presence(&user(1), PresenceStatus::Offline);
    assert_eq!(stage.cx.presence[&user(1)].status, PresenceStatus::Offline, "who is known is heard of");
    stage.presence(&user(0), PresenceStatus::Online);
    assert!(stage.cx.is_online(&user(0)));
}
