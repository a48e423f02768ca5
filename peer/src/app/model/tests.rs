//! What each notice changes, told in a row: notices, then what is known.

use std::time::Instant;

use common::ident::{GroupName, MessageId, TerminalId, UserId};
use common::msg::PresenceStatus;
use common::secret::Passcode;

use super::*;
use peer_core::model::{DeliveryStatus, MessageKey, StoredMessage};
use peer_core::notice::{
    Arrival, DirectoryLoss, EndedBy, FileNews, FileNotice, FileShown, FileState, GroupNews, KeyChange, LinkLoss,
    ListedGroup, NotChanged, Person, Role,
};

const ALI: &str = "ali";
const BIANCA: &str = "bianca";
const CAROL: &str = "carol";

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn with(text: &str) -> Conversation {
    Conversation::User(id(text))
}

fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}

fn now() -> Now {
    Now { instant: Instant::now(), date: 1_000 }
}

fn model() -> Model {
    Model::new(Account::new(id(ALI), Passcode::new("482193".into()), 6))
}

fn person(name: &str, online_since: Option<u64>, key: KeyState, unread: usize) -> Person {
    Person { user: id(name), online_since, away: None, unread, chosen: true, key }
}

fn people(people: Vec<Person>) -> Notice {
    Notice::Directory(DirectoryNotice::People { people, groups: Vec::new() })
}

fn presence(name: &str, status: PresenceStatus) -> Notice {
    Notice::Directory(DirectoryNotice::Presence { user: id(name), status, text: None })
}

fn established() -> Notice {
    Notice::Call(CallNotice::Established { with: id(BIANCA) })
}

fn ended() -> Notice {
    Notice::Call(CallNotice::Ended { with: id(BIANCA), by: EndedBy::Them })
}

fn lost(then: AfterLoss) -> Notice {
    Notice::Call(CallNotice::LinkLost { with: id(BIANCA), then, why: LinkLoss::Network })
}

fn call_failed(why: CallFailed) -> Notice {
    Notice::Call(CallNotice::Failed { to: id(BIANCA), why })
}

fn asked() -> Notice {
    Notice::Call(CallNotice::Asked { from: id(BIANCA) })
}

fn arrived(message: u8) -> Notice {
    Notice::Message(MessageNotice::Arrived(vec![Arrival {
        conversation: with(BIANCA),
        from: id(BIANCA),
        id: MessageId([message; 16]),
        text: "hi".into(),
        date: 1,
        waited: false,
    }]))
}

fn recalled(message: u8) -> Notice {
    let name = MessageKey { conversation: with(BIANCA), author: id(BIANCA), id: MessageId([message; 16]) };
    let mark = DeliveryStatus::Received { read: true };
    let record = StoredMessage { name, text: "hi".into(), date: 1, arrived: 1, mark, since: 1 };
    Notice::Message(MessageNotice::History { with: with(BIANCA), records: vec![record], unread: 0 })
}

fn key_changed() -> Notice {
    Notice::Contact(ContactNotice::KeyChanged {
        of: id(BIANCA),
        how: KeyChange::Unconfirmed,
        since: 3,
        old: "1".into(),
        new: "2".into(),
    })
}

fn key_decided(decision: KeyDecision) -> Notice {
    Notice::Contact(ContactNotice::KeyDecided { of: id(BIANCA), decision })
}

fn confirmed(verified: bool) -> Notice {
    Notice::Contact(ContactNotice::NumberConfirmed { with: id(BIANCA), verified })
}

fn group(news: GroupNews) -> Notice {
    Notice::Group { group: team(), news }
}

fn file(state: FileState, done: u64, news: FileNews) -> Notice {
    let (id, with, name) = (MessageId([9; 16]), id(BIANCA), "plan.pdf".to_owned());
    let file = FileShown {
        number: 1,
        id,
        with,
        ours: false,
        name,
        size: 100,
        files: None,
        content: None,
        left_out: Box::default(),
        done,
        state,
        waits: None,
    };
    Notice::File(FileNotice::News { file, news })
}

/// One row of a table: what is told, and whether this is known then.
type Row = (&'static str, Vec<Notice>, fn(&Model) -> bool);

fn hold(rows: Vec<Row>) {
    for (name, notices, holds) in rows {
        let mut model = model();
        notices.iter().for_each(|notice| model.learn(now(), notice));
        assert!(holds(&model), "{name}: {model:?}");
    }
}

#[test]
fn people_are_where_they_were_last_seen() {
    let listed =
        || people(vec![person(BIANCA, Some(5), KeyState::Verified, 0), person(ALI, Some(1), KeyState::Verified, 0)]);
    let here = |model: &Model| model.people.known(&id(BIANCA)).here;
    hold(vec![
        ("nobody has said", vec![], |model| model.people.known(&id(BIANCA)).here == Here::Unknown),
        ("listed", vec![listed()], |model| model.people.known(&id(BIANCA)).here == Here::Online { since: Some(5) }),
        ("listed before", vec![listed(), people(vec![])], |model| {
            model.people.known(&id(BIANCA)).here == Here::Offline
        }),
        ("not a contact of oneself", vec![listed(), presence(ALI, PresenceStatus::Away)], |model| {
            model.people.by_presence().len() == 1 && model.people.existing().contains(&id(ALI))
        }),
        ("came", vec![presence(BIANCA, PresenceStatus::Online)], |model| {
            model.people.known(&id(BIANCA)).here == Here::Online { since: Some(1_000) }
        }),
        ("went, and when", vec![presence(BIANCA, PresenceStatus::Offline)], |model| {
            model.people.gone(&id(BIANCA)) == Some(1_000)
        }),
        (
            "came back",
            vec![presence(BIANCA, PresenceStatus::Offline), presence(BIANCA, PresenceStatus::Online)],
            |model| model.people.gone(&id(BIANCA)).is_none(),
        ),
        ("is not there, but exists", vec![Notice::Call(CallNotice::Offline { with: id(BIANCA) })], |model| {
            model.people.known(&id(BIANCA)).here == Here::Offline && model.people.existing().contains(&id(BIANCA))
        }),
        ("whoever asks may not exist", vec![asked()], |model| model.people.existing().is_empty()),
    ]);
    assert_eq!(here(&model()), Here::Unknown);
}

#[test]
fn a_connection_stands_from_its_beginning_to_its_end() {
    let link = |model: &Model| model.conversations.link(&id(BIANCA));
    hold(vec![
        ("established", vec![established()], |model| model.conversations.link(&id(BIANCA)) == Link::Up),
        ("ended", vec![established(), ended()], |model| model.conversations.linked().next().is_none()),
        ("lost", vec![established(), lost(AfterLoss::Over)], |model| model.conversations.linked().next().is_none()),
        ("called again", vec![established(), lost(AfterLoss::CalledAgain)], |model| {
            model.conversations.link(&id(BIANCA)) == Link::Calling
        }),
        ("a changed key ends no connection", vec![established(), key_changed()], |model| {
            model.conversations.link(&id(BIANCA)) == Link::Up
        }),
        (
            "a failed call is none",
            vec![established(), lost(AfterLoss::CalledAgain), call_failed(CallFailed::Refused)],
            |model| model.conversations.link(&id(BIANCA)) == Link::None,
        ),
        ("a failure of another call ends none", vec![established(), call_failed(CallFailed::Refused)], |model| {
            model.conversations.link(&id(BIANCA)) == Link::Up
        }),
    ]);
    let mut model = model();
    model.calls(&id(BIANCA));
    assert_eq!(link(&model), Link::Calling);
    model.learn(now(), &call_failed(CallFailed::Blocked));
    assert_eq!((link(&model), model.people.known(&id(BIANCA)).key), (Link::None, KeyState::Blocked));
}

#[test]
fn whoever_waits_to_be_let_in_waits_until_they_are_answered() {
    hold(vec![
        ("asked", vec![asked()], |model| model.is_calling_us(&id(BIANCA))),
        ("gave up", vec![asked(), Notice::Call(CallNotice::AskedNoMore { from: id(BIANCA) })], |model| {
            !model.is_calling_us(&id(BIANCA))
        }),
        ("connected", vec![asked(), Notice::Call(CallNotice::Received { from: id(BIANCA) })], |model| {
            !model.is_calling_us(&id(BIANCA))
        }),
    ]);
    for (answer, link) in [(Answer::Yes, Link::Calling), (Answer::No, Link::None)] {
        let mut model = model();
        model.learn(now(), &asked());
        model.answers(&id(BIANCA), answer);
        assert!(!model.is_calling_us(&id(BIANCA)));
        assert_eq!(model.conversations.link(&id(BIANCA)), link);
    }
}

#[test]
fn a_message_is_unread_once_and_until_it_is_seen() {
    hold(vec![
        ("arrived", vec![arrived(1), arrived(2)], |model| model.conversations.all_unread() == (2, 1)),
        ("twice", vec![arrived(1), arrived(1)], |model| model.conversations.all_unread() == (1, 1)),
        ("looked up before", vec![recalled(1), arrived(1)], |model| model.conversations.all_unread() == (0, 0)),
        ("listed", vec![arrived(1), people(vec![person(BIANCA, None, KeyState::NotVerified, 5)])], |model| {
            model.conversations.unread(&with(BIANCA)) == 5
        }),
        ("listed as fewer", vec![arrived(1), people(vec![person(BIANCA, None, KeyState::NotVerified, 0)])], |model| {
            model.conversations.unread(&with(BIANCA)) == 1
        }),
    ]);
    let mut model = model();
    model.learn(now(), &arrived(1));
    assert!(model.conversations.saw(&with(BIANCA)), "there was something new");
    assert!(!model.conversations.saw(&with(BIANCA)), "and now there is not");
}

#[test]
fn a_key_is_what_was_last_said_of_it() {
    let changed = |then: Notice| vec![key_changed(), then];
    hold(vec![
        ("changed", vec![key_changed()], |model| {
            model.people.known(&id(BIANCA)).key == KeyState::Changed && model.changed_key(&id(BIANCA)).is_some()
        }),
        ("accepted", changed(key_decided(KeyDecision::Accept)), |model| {
            model.people.known(&id(BIANCA)).key == KeyState::NotVerified && model.changed_key(&id(BIANCA)).is_none()
        }),
        ("blocked", changed(key_decided(KeyDecision::Block)), |model| {
            model.people.known(&id(BIANCA)).key == KeyState::Blocked && model.changed_key(&id(BIANCA)).is_none()
        }),
        ("being compared", changed(key_decided(KeyDecision::Verify)), |model| model.changed_key(&id(BIANCA)).is_some()),
        ("compared", changed(confirmed(true)), |model| {
            model.people.is_verified(&id(BIANCA)) && model.changed_key(&id(BIANCA)).is_none()
        }),
        ("does not match", vec![confirmed(true), confirmed(false)], |model| !model.people.is_verified(&id(BIANCA))),
        (
            "unblocked",
            vec![key_decided(KeyDecision::Block), Notice::Contact(ContactNotice::Unblocked { user: id(BIANCA) })],
            |model| model.people.known(&id(BIANCA)).key == KeyState::NotVerified,
        ),
    ]);
    let number = ContactNotice::SafetyNumber { with: id(BIANCA), digits: "12345".into(), verified: false };
    let mut model = model();
    model.learn(now(), &Notice::Contact(number));
    assert_eq!(model.people.safety_number(&id(BIANCA)), Some("12345"));
    model.learn(now(), &key_changed());
    assert_eq!(model.people.safety_number(&id(BIANCA)), None, "it is the number of the old key");
}

#[test]
fn groups_are_those_that_were_listed_and_those_that_were_asked() {
    let listed = || {
        let group = ListedGroup { group: team(), members: 2, online: 1, admins: Vec::new(), unread: 3, waiting: 0 };
        Notice::Directory(DirectoryNotice::People { people: Vec::new(), groups: vec![group] })
    };
    hold(vec![
        ("listed", vec![listed()], |model| matches!(model.people.groups.get(&team()), Some(Membership::Member(_)))),
        ("unread", vec![listed()], |model| model.conversations.unread(&Conversation::Group(team())) == 3),
        ("not listed any more", vec![listed(), people(vec![])], |model| model.people.groups.is_empty()),
        ("asked for admission", vec![group(GroupNews::Asked), people(vec![])], |model| {
            model.people.groups.get(&team()) == Some(&Membership::Pending)
        }),
        ("declined", vec![group(GroupNews::Asked), group(GroupNews::Declined)], |model| model.people.groups.is_empty()),
        ("left", vec![listed(), group(GroupNews::Left)], |model| model.people.groups.is_empty()),
        (
            "members",
            vec![group(GroupNews::Members {
                members: vec![(id(ALI), Role::Admin), (id(BIANCA), Role::Member)],
                waiting: Vec::new(),
            })],
            |model| model.people.members(&team()) == Some(&[id(ALI), id(BIANCA)][..]),
        ),
    ]);
}

#[test]
fn who_is_online_in_a_group_is_what_is_known_of_its_members() {
    let mut model = model();
    let listed = ListedGroup { group: team(), members: 2, online: 1, admins: Vec::new(), unread: 0, waiting: 0 };
    assert_eq!(model.online_in(&listed), 1);
    let members = vec![(id(ALI), Role::Admin), (id(BIANCA), Role::Member)];
    model.learn(now(), &Notice::Group { group: team(), news: GroupNews::Members { members, waiting: Vec::new() } });
    assert_eq!(model.online_in(&listed), 1);
    model.learn(now(), &presence(BIANCA, PresenceStatus::Online));
    assert_eq!(model.online_in(&listed), 2);
    model.learn(now(), &presence(CAROL, PresenceStatus::Online));
    let changed = |joined: &[&str], left: &[&str]| {
        let [joined, left] = [joined, left].map(|users| users.iter().map(|user| id(user)).collect());
        group(GroupNews::Changed { by: id(ALI), joined, left })
    };
    model.learn(now(), &changed(&[CAROL], &[]));
    assert_eq!(model.online_in(&listed), 3, "who has come counts");
    model.learn(now(), &changed(&[], &[BIANCA]));
    assert_eq!(model.online_in(&listed), 2, "and who has gone does not");
    model.learn(now(), &presence(CAROL, PresenceStatus::Offline));
    assert_eq!(model.online_in(&listed), 1);
}

#[test]
fn a_transfer_has_a_pace_while_it_runs_and_no_news_from_a_wish_that_came_too_late() {
    let running = |model: &Model| model.transfers.running().count();
    let mut model = model();
    let begin = now();
    model.learn(begin, &file(FileState::Offered, 0, FileNews::Offered));
    assert_eq!(running(&model), 0);
    model.learn(begin, &file(FileState::Running, 10, FileNews::Progress { is_step: true }));
    let later = Now { instant: begin.instant + Duration::from_secs(2), ..begin };
    model.learn(later, &file(FileState::Running, 50, FileNews::Progress { is_step: true }));
    let transfer = model.transfers.get(1).unwrap();
    assert_eq!((running(&model), transfer.per_second(later.instant)), (1, Some(20)));
    model.learn(later, &file(FileState::Done, 100, FileNews::Received));
    model.learn(later, &file(FileState::Done, 100, FileNews::Over));
    let transfer = model.transfers.get(1).unwrap();
    assert_eq!((running(&model), &transfer.news, transfer.per_second(later.instant)), (0, &FileNews::Received, None));
}

#[test]
fn the_directory_is_gone_until_it_is_back() {
    let mut model = model();
    let then = now();
    model.learn(then, &Notice::Directory(DirectoryNotice::Lost { retry_in: 8, why: DirectoryLoss::Network }));
    assert_eq!(model.directory, Directory::Lost { retry: then.instant + Duration::from_secs(8) });
    model.learn(then, &Notice::Directory(DirectoryNotice::StillLost { retry_in: 30 }));
    assert_eq!(
        model.directory,
        Directory::Lost { retry: then.instant + Duration::from_secs(30) },
        "as long as it takes now"
    );
    model.learn(then, &Notice::Directory(DirectoryNotice::Back));
    assert_eq!(model.directory, Directory::Here);
}

#[test]
fn a_passcode_is_the_new_one_only_where_the_directory_said_so() {
    let new = || Passcode::new("918273".into());
    for (notice, passcode) in [
        (SessionNotice::PasscodeChanged, "918273"),
        (SessionNotice::PasscodeNotChanged(NotChanged::Meanwhile), "482193"),
    ] {
        let mut model = model();
        model.account.changes_passcode(new());
        model.learn(now(), &Notice::Session(notice));
        // One that comes without being asked for changes nothing.
        model.learn(now(), &Notice::Session(SessionNotice::PasscodeChanged));
        assert_eq!(model.account.passcode.expose(), passcode.as_bytes());
    }
}

#[test]
fn terminals_are_called_by_their_place_in_the_list() {
    let mut model = model();
    let (this, other) = (TerminalId([1; 16]), TerminalId([2; 16]));
    model.learn(now(), &Notice::Session(SessionNotice::Terminals { this, all: vec![this, other] }));
    assert_eq!([0, 1, 2, 3].map(|number| model.account.terminal(number)), [None, Some(this), Some(other), None]);
}
