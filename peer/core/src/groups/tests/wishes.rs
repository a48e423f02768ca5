//! What the user wants of a group, what members say, and how memberships end.

use common::ident::{GroupHandle, MessageId};
use common::limits::KEY_PACKAGES_IN_ONE;
use common::msg::{Body, CommitStatus, GroupReply, KeyPackageState, ToDirectory};
use common::testkit::Example::{Ali, Bianca};

use super::stage::{Committing, Stage, bianca, carol, team};
use crate::command::{GroupWish, Ticket};
use crate::context::Session;
use crate::event::Effect;
use crate::groups::letters::WAITING;
use crate::model::Conversation;
use crate::notice::{DirectoryRefusal, GroupNews, Notice, Role};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, OpenedLetter, Question, Request};

fn to_team() -> Conversation {
    Conversation::Group(team())
}

/// A letter of a member, or of somebody who wants to be one.
fn said(stage: &mut Stage, conversation: Conversation, from: &common::ident::UserId, body: Body) -> Vec<Request> {
    let room = stage.groups.known.room(&team()).unwrap();
    let (id, terminal) = (MessageId([1; 16]), common::ident::TerminalId([1; 16]));
    let letter = OpenedLetter { room, conversation, from: from.clone(), terminal, id, body };
    stage.groups.handle_letter(&mut stage.cx, letter)
}

fn asks(stage: &mut Stage, user: &common::ident::UserId) {
    let handle = GroupHandle::of(&team(), &stage.cx.directory);
    said(stage, Conversation::User(user.clone()), user, Body::Ask { group: team(), handle });
}

#[test]
fn wishes_that_cannot_be_granted_say_why() {
    let me = || Ali.user().unwrap();
    let none = Stage::new;
    type Case = (fn() -> Stage, GroupWish, GroupNews);
    let cases: [Case; 10] = [
        (none, GroupWish::Members, GroupNews::NotAMember),
        (none, GroupWish::Leave, GroupNews::NotAMember),
        (Stage::with_group, GroupWish::Create, GroupNews::NameTaken),
        (Stage::with_group, GroupWish::Join, GroupNews::AlreadyMember { user: me() }),
        (Stage::with_group, GroupWish::Approve(bianca()), GroupNews::NotThere { user: bianca() }),
        (Stage::with_group, GroupWish::Deny(bianca()), GroupNews::NotThere { user: bianca() }),
        (Stage::with_group, GroupWish::Remove(bianca()), GroupNews::NotThere { user: bianca() }),
        (Stage::with_group, GroupWish::Remove(me()), GroupNews::LastAdmin),
        (Stage::with_bianca, GroupWish::Approve(bianca()), GroupNews::AlreadyMember { user: bianca() }),
        (Stage::with_bianca, GroupWish::Leave, GroupNews::LastAdmin),
    ];
    for (stage, wish, news) in cases {
        let mut stage = stage();
        assert_eq!(stage.wants(wish.clone()), [], "{wish:?}");
        assert_eq!(stage.news(), [news], "{wish:?}");
    }
}

#[test]
fn without_the_directory_only_what_waits_for_nobody_is_done() {
    for (wish, lost) in
        [(GroupWish::Remove(bianca()), true), (GroupWish::Admin(bianca()), true), (GroupWish::Members, false)]
    {
        let mut stage = Stage::with_bianca();
        stage.cx.session = Session::Down;
        stage.wants(wish.clone());
        assert_eq!(stage.news() == [GroupNews::DirectoryLost], lost, "{wish:?}");
    }
    for wish in [GroupWish::Create, GroupWish::Join] {
        let mut stage = Stage::new();
        stage.cx.session = Session::Down;
        stage.wants(wish);
        assert_eq!(stage.news(), [GroupNews::DirectoryLost]);
    }
}

#[test]
fn whoever_asks_waits_once_and_can_be_declined() {
    let mut stage = Stage::with_group();
    asks(&mut stage, &bianca());
    assert_eq!(stage.news(), [GroupNews::Request { user: bianca() }]);
    asks(&mut stage, &bianca());
    assert_eq!(stage.news(), []);
    stage.wants(GroupWish::Members);
    let members = vec![(Ali.user().unwrap(), Role::Admin)];
    assert_eq!(stage.news(), [GroupNews::Members { members, waiting: vec![bianca()] }]);
    let requests = stage.wants(GroupWish::Deny(bianca()));
    let [
        Request::Delivery(DeliveryRequest::Send { to: first, letter: denied }),
        Request::Delivery(DeliveryRequest::Send { to: second, letter: decided }),
    ] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!((first, &denied.body), (&Conversation::User(bianca()), &Body::Denied { group: team() }));
    assert_eq!((second, &decided.body), (&to_team(), &Body::Decided { user: bianca() }));
    assert_eq!(stage.news(), [GroupNews::Done]);
}

#[test]
fn a_request_for_another_group_of_the_name_is_not_heard() {
    let mut stage = Stage::with_group();
    let handle = GroupHandle::of(&team(), &common::ident::KeyDigest([9; 32]));
    said(&mut stage, Conversation::User(bianca()), &bianca(), Body::Ask { group: team(), handle });
    assert_eq!(stage.news(), []);
}

#[test]
fn a_user_is_admitted_when_our_commit_has_come_back() {
    let mut stage = Stage::with_group();
    asks(&mut stage, &bianca());
    stage.effects();
    assert_eq!(stage.wants(GroupWish::Approve(bianca())), []);
    let committing = stage.goes_on(&[(Ali, true), (Bianca, true)], Bianca);
    assert_eq!(stage.news(), []);
    stage.comes_back(&committing);
    let by = Ali.user().unwrap();
    assert_eq!(stage.news(), [GroupNews::Changed { by, joined: vec![bianca()], left: Vec::new() }]);
    assert_eq!(stage.groups.known.waiting(&team()), []);
}

#[test]
fn a_user_without_a_terminal_goes_on_waiting() {
    let mut stage = Stage::with_group();
    asks(&mut stage, &bianca());
    stage.effects();
    stage.wants(GroupWish::Approve(bianca()));
    let number = stage.asks_for_terminals();
    let reply = super::stage::terminals(&[(Ali, true), (Bianca, false)]);
    stage.groups.handle_terminals(&mut stage.cx, number, reply);
    assert_eq!(stage.news(), [GroupNews::NoTerminal { user: bianca() }]);
    assert_eq!(stage.groups.known.waiting(&team()), [bianca()]);
}

#[test]
fn whom_to_ask_for_admission_is_asked_each_by_a_letter() {
    let mut stage = Stage::new();
    let requests = stage.wants(GroupWish::Join);
    assert!(matches!(&requests[..], [Request::Directory(DirectoryRequest::Ask { question: Question::Group(_), .. })]));
    let reply = |admins| GroupReply { room: Some(common::ident::RoomId([5; 16])), admins };
    stage.groups.handle_group(&mut stage.cx, team(), &reply(Vec::new()));
    assert_eq!(stage.news(), [GroupNews::NoSuchGroup]);
    let requests = stage.groups.handle_group(&mut stage.cx, team(), &reply(vec![bianca(), carol()]));
    assert_eq!(requests.len(), 2);
    assert_eq!(stage.news(), [GroupNews::Asked]);
}

#[test]
fn the_last_user_gives_the_room_up_and_others_say_goodbye() {
    let mut stage = Stage::with_group();
    let requests = stage.wants(GroupWish::Leave);
    let [Request::Delivery(DeliveryRequest::Send { to, letter })] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((to, &letter.body), (&to_team(), &Body::Leave), "a letter is kept until the group was left");
    let requests = stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    let [
        Request::Mailbox(MailboxRequest::CountWritten),
        Request::Directory(DirectoryRequest::Ask { message: ToDirectory::CommitReq(request), question }),
    ] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!((request.members.len(), question), (0, &Question::GiveUp(team())));
    let requests = stage.groups.handle_given_up(&mut stage.cx, team(), &CommitStatus::Accepted.into());
    assert_eq!(requests, [Request::Delivery(DeliveryRequest::ConversationOver(to_team()))]);
    assert_eq!(stage.news(), [GroupNews::Left]);
    assert!(!stage.groups.is_member(&team()));

    let mut stage = Stage::with_group();
    stage.wants(GroupWish::Leave);
    let requests = stage.groups.handle_given_up(&mut stage.cx, team(), &CommitStatus::Epoch.into());
    assert_eq!(
        requests,
        [Request::Delivery(DeliveryRequest::GoodbyeAgain(to_team()))],
        "another terminal of ours has changed it"
    );
    assert!(stage.groups.is_member(&team()));
}

#[test]
fn a_goodbye_that_is_stored_ends_the_membership_or_gives_the_room_up() {
    let mut stage = Stage::with_bianca();
    let requests = stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    assert_eq!(requests, [Request::Delivery(DeliveryRequest::ConversationOver(to_team()))]);
    assert_eq!(
        stage.groups.handle_goodbye_stored(&mut stage.cx, to_team()),
        [Request::Delivery(DeliveryRequest::ConversationOver(to_team()))]
    );
    let mut stage = Stage::with_group();
    let requests = stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    assert!(matches!(
        &requests[..],
        [
            Request::Mailbox(MailboxRequest::CountWritten),
            Request::Directory(DirectoryRequest::Ask { question: Question::GiveUp(_), .. })
        ]
    ));
}

#[test]
fn who_says_goodbye_is_removed_by_one_of_those_who_stay() {
    let mut stage = Stage::with_bianca();
    assert_eq!(said(&mut stage, to_team(), &bianca(), Body::Leave), []);
    let number = stage.asks_for_terminals();
    let reply = super::stage::terminals(&[(Ali, true), (Bianca, true)]);
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, reply);
    let committing = super::stage::Committing::of(requests);
    assert_eq!(committing.members.len(), 1);
    stage.comes_back(&committing);
    let by = Ali.user().unwrap();
    assert_eq!(stage.news(), [GroupNews::Changed { by, joined: Vec::new(), left: vec![bianca()] }]);
}

#[test]
fn a_user_who_comes_makes_one_of_those_who_are_there_compare() {
    let mut stage = Stage::with_bianca();
    stage.groups.handle_came(&stage.cx, &bianca());
    stage.asks_for_terminals();
    let mut stage = Stage::with_bianca();
    stage.groups.handle_came(&stage.cx, &carol());
    assert_eq!(stage.begins(), [], "no room is shared");
}

#[test]
fn key_packages_go_out_in_parts_and_are_counted_when_the_last_has_arrived() {
    let mut stage = Stage::new();
    assert!(matches!(
        &stage.groups.handle_session()[..],
        [Request::Directory(DirectoryRequest::Tell(ToDirectory::KeyPackagePut(_)))]
    ));
    assert!(stage.groups.is_publishing());
    let none = KeyPackageState { left: 0, last_resort: false };
    let requests = stage.groups.handle_key_packages(&mut stage.cx, &none);
    let counts: Vec<usize> = requests
        .iter()
        .map(|request| match request {
            Request::Directory(DirectoryRequest::Tell(ToDirectory::KeyPackagePut(put))) => put.packages.len(),
            request => panic!("{request:?}"),
        })
        .collect();
    assert!(counts.iter().all(|count| *count <= KEY_PACKAGES_IN_ONE), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 32);
    for part in 1..=counts.len() {
        assert!(stage.groups.is_publishing(), "part {part}");
        let state = KeyPackageState { left: if part == counts.len() { 32 } else { 0 }, last_resort: true };
        assert_eq!(stage.groups.handle_key_packages(&mut stage.cx, &state), []);
    }
    assert!(!stage.groups.is_publishing());
}

/// What the commands of these numbers are answered.
fn answers(stage: &mut Stage) -> Vec<(u64, GroupNews)> {
    let answer = |effect| match effect {
        Effect::Answer(ticket, Notice::Group { news, .. }) => Some((ticket.number, news)),
        _ => None,
    };
    stage.effects().into_iter().filter_map(answer).collect()
}

fn wants_as(stage: &mut Stage, number: u64, wish: GroupWish) {
    stage.cx.answering = Some(Ticket { number, reference: None });
    stage.wants(wish);
    stage.effects();
}

#[test]
fn the_same_wish_twice_is_carried_out_once_and_answered_twice() {
    let mut stage = Stage::with_group();
    stage.groups.known.change(&team(), |known| known.waiting.push(bianca()));
    wants_as(&mut stage, 1, GroupWish::Approve(bianca()));
    wants_as(&mut stage, 2, GroupWish::Approve(bianca()));
    let committing = stage.goes_on(&[(Ali, true), (Bianca, true)], Bianca);
    wants_as(&mut stage, 3, GroupWish::Approve(bianca()));
    stage.comes_back(&committing);
    let joined = GroupNews::Changed { by: Ali.user().unwrap(), joined: vec![bianca()], left: Vec::new() };
    assert_eq!(answers(&mut stage), [1, 2, 3].map(|number| (number, joined.clone())));
    assert_eq!(stage.begins(), []);
}

#[test]
fn a_name_that_is_taken_is_said_to_every_command_that_wished_it() {
    let mut stage = Stage::new();
    wants_as(&mut stage, 1, GroupWish::Create);
    let created = Committing::of(stage.begins());
    wants_as(&mut stage, 2, GroupWish::Create);
    stage.groups.handle_commit(&mut stage.cx, (created.room, created.epoch), &CommitStatus::Taken.into());
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&GroupReply { room: None, admins: Vec::new() }));
    assert_eq!(answers(&mut stage), [1, 2].map(|number| (number, GroupNews::NameTaken)));
}

#[test]
fn wishes_about_a_room_that_is_gone_are_answered() {
    let mut stage = Stage::with_bianca();
    let room = stage.groups.known.room(&team()).unwrap();
    wants_as(&mut stage, 1, GroupWish::Remove(bianca()));
    wants_as(&mut stage, 2, GroupWish::Admin(bianca()));
    stage.begins();
    stage.groups.lose_room(&mut stage.cx, &room);
    assert_eq!(answers(&mut stage), [1, 2].map(|number| (number, GroupNews::NotAMember)));
}

#[test]
fn who_leaves_twice_is_answered_twice() {
    let mut stage = Stage::with_bianca();
    stage.wants(GroupWish::Admin(bianca()));
    let number = stage.asks_for_terminals();
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, super::stage::terminals(&[(Ali, true)]));
    stage.comes_back(&Committing::of(requests));
    wants_as(&mut stage, 1, GroupWish::Leave);
    wants_as(&mut stage, 2, GroupWish::Leave);
    // Nobody could remove the first admin: ali steps down, and only then says goodbye.
    let number = stage.asks_for_terminals();
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, super::stage::terminals(&[(Ali, true)]));
    let requests = stage.comes_back(&Committing::of(requests));
    let says_goodbye = |request: &Request| match request {
        Request::Delivery(DeliveryRequest::Send { letter, .. }) => letter.body == common::msg::Body::Leave,
        _ => false,
    };
    assert_eq!(requests.iter().filter(|request| says_goodbye(request)).count(), 1, "{requests:?}");
    assert_eq!(stage.groups.rooms.admins(&stage.groups.known.room(&team()).unwrap()), [bianca()]);
    stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    assert_eq!(answers(&mut stage), [1, 2].map(|number| (number, GroupNews::Left)));

    let mut stage = Stage::with_group();
    wants_as(&mut stage, 1, GroupWish::Leave);
    wants_as(&mut stage, 2, GroupWish::Leave);
    stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    stage.groups.handle_given_up(&mut stage.cx, team(), &CommitStatus::Room.into());
    assert_eq!(answers(&mut stage), [1, 2].map(|number| (number, GroupNews::Left)));

    let mut stage = Stage::with_group();
    wants_as(&mut stage, 1, GroupWish::Leave);
    stage.groups.handle_goodbye_stored(&mut stage.cx, to_team());
    let refused = GroupNews::Refused(DirectoryRefusal::Unsound);
    stage.groups.handle_give_up_refused(&mut stage.cx, team(), refused.clone());
    assert_eq!(answers(&mut stage), [(1, refused)], "it goes on in the next session");
    let room = stage.groups.known.room(&team()).unwrap();
    assert_eq!(stage.groups.handle_room_gone(&mut stage.cx, &room).len(), 1);
    assert_eq!(stage.news(), [GroupNews::Left]);
}

#[test]
fn a_reserved_word_names_no_new_group_and_one_that_exists_can_be_asked() {
    let everyone = || common::ident::GroupName::parse("everyone").unwrap();
    let mut stage = Stage::new();
    assert_eq!(stage.groups.change(&mut stage.cx, everyone(), GroupWish::Create), []);
    assert_eq!(stage.news(), [GroupNews::NameReserved]);
    assert_eq!(stage.groups.change(&mut stage.cx, everyone(), GroupWish::Join).len(), 1);
    assert_eq!(stage.news(), []);
}

/// Bianca becomes an admin of ali's group; what ali says to the others of the group behind that.
fn is_appointed(stage: &mut Stage) -> Vec<Body> {
    stage.wants(GroupWish::Admin(bianca()));
    let number = stage.asks_for_terminals();
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, super::stage::terminals(&[(Ali, true)]));
    let requests = stage.comes_back(&Committing::of(requests));
    let letter = |request| match request {
        Request::Delivery(DeliveryRequest::Send { to, letter }) if to == to_team() => Some(letter.body),
        _ => None,
    };
    requests.into_iter().filter_map(letter).collect()
}

#[test]
fn an_admin_who_names_endless_users_fills_neither_the_row_nor_the_screen() {
    let mut stage = Stage::with_bianca();
    is_appointed(&mut stage);
    stage.news();
    let made_up = |number: usize| common::ident::UserId::parse(&format!("stranger{number}")).unwrap();
    for letter in 0..20 {
        let users = (0..64).map(|number| made_up(64 * letter + number)).collect();
        said(&mut stage, to_team(), &bianca(), Body::Waiting { users });
    }
    assert_eq!((stage.news().len(), stage.groups.known.waiting(&team()).len()), (WAITING, WAITING));
    asks(&mut stage, &carol());
    assert_eq!(stage.news(), [], "nobody more is noted until somebody was decided about");
    stage.wants(GroupWish::Deny(made_up(0)));
    stage.news();
    asks(&mut stage, &carol());
    assert_eq!(stage.news(), [GroupNews::Request { user: carol() }]);
}

#[test]
fn a_new_admin_is_told_of_all_who_wait_in_letters_that_can_be_read() {
    let mut stage = Stage::with_bianca();
    for number in 0..65 {
        asks(&mut stage, &common::ident::UserId::parse(&format!("u{number}")).unwrap());
    }
    let letters = is_appointed(&mut stage);
    let told = letters.into_iter().map(|body| {
        let letter = common::msg::Letter { id: MessageId([1; 16]), date: 1, body };
        match common::msg::Letter::decode(&letter.encode()).unwrap().body {
            Body::Waiting { users } => users.len(),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(told.collect::<Vec<_>>(), [64, 1]);
}
