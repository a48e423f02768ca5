//! Writing to somebody who is not there, and what becomes of it.

use super::*;
use common::msg::PresenceStatus;
use peer_core::model::{MessageKey, StoredMessage};
use peer_core::notice::{
    CallNotice, ContactNotice, DirectoryLoss, DirectoryNotice, DirectoryRefusal, Explained, KeyChange, MessageNotice,
    NotChanged, NotSent, SessionNotice,
};

fn marked(ids: &[MessageId], mark: DeliveryStatus, late: bool) -> Notice {
    Notice::Message(MessageNotice::Marked { to: with("bianca"), ids: ids.to_vec(), mark, late })
}

/// The engine has kept a text.
fn kept(id: MessageId) -> Notice {
    let name = MessageKey { conversation: with("bianca"), author: super::id("ali"), id };
    let record =
        StoredMessage { name, text: String::new(), date: 0, arrived: 0, mark: DeliveryStatus::Queued, since: 0 };
    Notice::Message(MessageNotice::Sent { ticket: Some(Ticket::default()), record })
}

#[test]
fn whoever_is_offline_is_written_to() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("typed ahead");
    scene.notice(Notice::Call(CallNotice::Offline { with: id("bianca") }));
    scene.types("Hello");
    scene.notice(Notice::Message(MessageNotice::Waiting { to: with("bianca"), waiting: 2, next: Next::Receiver }));
    scene.notice(Notice::Directory(DirectoryNotice::Presence {
        user: id("bianca"),
        status: PresenceStatus::Online,
        text: None,
    }));
    scene.notice(marked(&[message(1), message(2)], DeliveryStatus::Delivered, true));
    scene.input(Input::CtrlC);
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         -- bianca is offline. Messages wait here and go out when bianca is back. (CTRL-C leaves.)\n\
         typed ahead\n\
         Hello\n\
         -- bianca is online.\n\
         -- Delivered to bianca: 2 waiting messages.\n\
         CTRL-C connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(
        scene.sent(),
        [
            "Place { to: UserId(\"bianca\") }",
            "Send { to: User(UserId(\"bianca\")), text: \"typed ahead\" }",
            "Send { to: User(UserId(\"bianca\")), text: \"Hello\" }",
        ]
    );
}

#[test]
fn what_nobody_confirms_over_a_link_is_told_once() {
    let told = "-- bianca has not confirmed your last message yet. It is kept, and goes by mail if the connection is lost; /why bianca\n";
    let mut scene = Scene::talking();
    scene.types("Hello");
    scene.notice(kept(message(1)));
    scene.waits(14);
    assert_eq!(scene.seen(), "Hello\n", "it may be slow");
    scene.waits(1);
    scene.types("still there?");
    scene.notice(kept(message(2)));
    scene.waits(60);
    assert_eq!(scene.seen(), format!("Hello\n{told}still there?\n"));
    scene.notice(marked(&[message(1), message(2)], DeliveryStatus::Delivered, false));
    scene.types("fine");
    scene.notice(kept(message(3)));
    scene.notice(marked(&[message(3)], DeliveryStatus::Delivered, false));
    scene.waits(60);
    assert_eq!(scene.seen(), format!("Hello\n{told}still there?\nfine\n"), "confirmed in time");
    // What waits for somebody who is not there was told as that.
    let mut scene = Scene::writing();
    scene.types("Hello");
    scene.notice(kept(message(1)));
    scene.waits(60);
    assert_eq!(scene.seen(), "Hello\n");
}

#[test]
fn writing_becomes_talking_when_the_other_side_connects() {
    let mut scene = Scene::writing();
    scene.entry = "half a mess".into();
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    scene.notice(text("bianca", "I am back"));
    scene.types("Hello");
    scene.input(Input::CtrlC);
    assert_eq!(
        scene.seen(),
        "Connection received from user bianca, type your messages\n\
         I am back\n\
         Hello\n\
         CTRL-C connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(scene.sent().last().unwrap(), "End { with: UserId(\"bianca\") }");
}

#[test]
fn a_call_that_fails_gives_the_former_conversation_back() {
    let mut scene = Scene::in_team();
    scene.types("/switch carol");
    scene.notice(Notice::Call(CallNotice::Failed { to: id("carol"), why: CallFailed::Refused }));
    scene.types("Hello");
    assert_eq!(scene.sent().last().unwrap(), "Send { to: Group(GroupName(UserId(\"team\"))), text: \"Hello\" }");
    let mut scene = Scene::talking();
    scene.types("/switch carol");
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    scene.notice(Notice::Call(CallNotice::Failed { to: id("carol"), why: CallFailed::Refused }));
    assert!(scene.seen().ends_with("Enter destination user ID: "), "{}", scene.seen());
}

#[test]
fn of_what_was_typed_for_a_call_that_fails_only_messages_can_be_sent_later() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    for line in ["hello", "482193", "/quit", "@carol hi", "//etc/hosts", "exit", " "] {
        scene.types(line);
    }
    scene.notice(Notice::Call(CallNotice::Failed { to: id("bianca"), why: CallFailed::Refused }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         bianca did not accept the connection.\n\
         -- Not delivered: \"hello\". /retry sends it again.\n\
         -- That looks like your passcode. Nothing was sent.\n\
         -- Not carried out: \"/quit\". Type it again where it is meant.\n\
         -- Not carried out: \"@carol hi\". Type it again where it is meant.\n\
         -- Not delivered: \"/etc/hosts\". /retry sends it again.\n\
         -- Not carried out: \"exit\". Type it again where it is meant.\n\
         Enter destination user ID: "
    );
    scene.types("/retry");
    scene.types("/retry");
    scene.types("/retry");
    let sent = scene.sent();
    let [.., one, two] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(
        [one.as_str(), two.as_str()],
        [
            "Send { to: User(UserId(\"bianca\")), text: \"/etc/hosts\" }",
            "Send { to: User(UserId(\"bianca\")), text: \"hello\" }"
        ]
    );
}

#[test]
fn a_message_for_somebody_else_needs_no_connection() {
    let mut scene = Scene::talking();
    scene.types("@carol hi");
    scene.types("/send #team hello");
    scene.types("/broadcast hello all");
    scene.notice(Notice::Message(MessageNotice::NotSent {
        to: in_group(),
        text: "hello".into(),
        why: NotSent::NotAMember,
        ticket: Ticket::default(),
    }));
    assert_eq!(
        scene.sent(),
        [
            "Send { to: User(UserId(\"carol\")), text: \"hi\" }",
            "Send { to: Group(GroupName(UserId(\"team\"))), text: \"hello\" }",
            "Send { to: Everyone, text: \"hello all\" }",
        ]
    );
    assert!(
        scene.seen().ends_with("-- Not sent: \"hello\". You are not a member of #team: /group join #team\n"),
        "{}",
        scene.seen()
    );
}

#[test]
fn a_message_that_waits_says_for_what() {
    for (next, words) in [
        (Next::Space, "-- The mailbox of bianca is full; 1 message waits here and go"),
        (Next::Receiver, "-- bianca is offline; 1 message waits with the directory server.\n"),
        (Next::Directory, "-- 1 message waits for bianca until the directory server is back.\n"),
    ] {
        let mut scene = Scene::logged_in();
        scene.types("send bianca Hello");
        scene.notice(Notice::Message(MessageNotice::Waiting { to: with("bianca"), waiting: 1, next }));
        assert!(scene.seen().contains(words), "{}", scene.seen());
    }
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Message(MessageNotice::Waiting { to: with("bianca"), waiting: 1, next: Next::Keys }));
    assert_eq!(scene.seen(), "Enter destination user ID: ", "that takes a moment only");
}

#[test]
fn the_passcode_is_not_sent_to_anybody_by_any_command() {
    for line in ["@carol 482193", "/send #team 482193", "/broadcast 482193", "/away 482193", "482193"] {
        let mut scene = Scene::talking();
        scene.types(line);
        assert_eq!(scene.seen(), "-- That looks like your passcode. Nothing was sent.\n", "{line}");
        assert_eq!(scene.sent(), [] as [&str; 0], "{line}");
    }
}

#[test]
fn why_is_told_in_plain_words_before_the_next_prompt() {
    let mut scene = Scene::logged_in();
    scene.types("why bianca");
    scene.types("list");
    let waits =
        Explained { text: "Hello".into(), mark: DeliveryStatus::Stored, since: 1_795_183_320, next: Next::Receiver };
    scene.notice(Notice::Message(MessageNotice::Explained { of: with("bianca"), messages: vec![waits] }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: why bianca\n\
         -- \"Hello\" is kept by the directory server since 20 Nov 14:02. bianca gets it at the next login.\n\
         Enter destination user ID: list\n"
    );
    assert_eq!(scene.sent(), ["Why { of: User(UserId(\"bianca\")) }", "List"]);
}

#[test]
fn questions_the_directory_cannot_be_asked_give_the_prompt_back() {
    for lost in [
        Notice::Directory(DirectoryNotice::NoPeople),
        Notice::Directory(DirectoryNotice::Lost { retry_in: 2, why: DirectoryLoss::Network }),
        Notice::Directory(DirectoryNotice::Refused(DirectoryRefusal::TooFast { retry_after: 5 })),
    ] {
        let mut scene = Scene::logged_in();
        scene.types("terminal list");
        assert!(!scene.machine.asks());
        scene.notice(lost);
        assert!(scene.machine.asks());
    }
    let mut scene = Scene::logged_in();
    scene.types("terminal");
    scene.notice(Notice::Directory(DirectoryNotice::NoPeople));
    assert!(scene.seen().contains("-- That needs the directory server, which is out of reach."), "{}", scene.seen());
}

#[test]
fn a_terminal_is_removed_by_its_number_in_the_list() {
    let mut scene = Scene::logged_in();
    scene.types("terminal remove 2");
    let [this, other] = [1, 2].map(|byte| common::ident::TerminalId([byte; 16]));
    scene.notice(Notice::Session(SessionNotice::Terminals { this, all: vec![this, other] }));
    scene.types("terminal remove 2");
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: terminal remove 2\n\
         -- Your terminals; /terminal remove N forgets one:\n\
         -- 1  01010101  this one\n\
         -- 2  02020202\n\
         Enter destination user ID: terminal remove 2\n\
         Enter the passcode you have now: "
    );
    scene.types("482193");
    let removal = format!("RemoveTerminal {{ terminal: {other:?}, current: Passcode(…) }}");
    assert_eq!(scene.sent(), ["Terminals".to_owned(), removal]);
    scene.notice(Notice::Session(SessionNotice::TerminalNotRemoved(NotChanged::Older)));
    assert!(scene.seen().contains("-- Not removed: it has been there longer than this terminal."), "{}", scene.seen());
    assert!(scene.seen().ends_with("Enter destination user ID: "), "{}", scene.seen());
}

#[test]
fn away_and_back_are_confirmed() {
    let mut scene = Scene::talking();
    scene.types("/away lunch");
    scene.types("/back");
    scene.types("/receipts on");
    scene.types(&format!("/away {}", "long ".repeat(50)));
    assert_eq!(scene.sent(), ["Away { text: Some(\"lunch\") }", "Away { text: None }", "ReadReceipts(Yes)"]);
    assert!(scene.seen().starts_with("/away lunch\n-- You are away: lunch. /back ends it.\n/back\n-- You are back.\n"));
    assert!(scene.seen().ends_with("Make it shorter: /away lunch\n"), "{}", scene.seen());
}

#[test]
fn a_block_is_answered_before_the_next_prompt() {
    let mut scene = Scene::writing();
    scene.types("/block bianca");
    assert!(!scene.machine.asks());
    scene.notice(Notice::Contact(ContactNotice::KeyDecided { of: id("bianca"), decision: KeyDecision::Block }));
    scene.types("block carol");
    scene.notice(Notice::Call(CallNotice::Failed { to: id("carol"), why: CallFailed::NotFound }));
    scene.types("unblock bianca");
    scene.notice(Notice::Contact(ContactNotice::Unblocked { user: id("bianca") }));
    scene.types("block ali");
    assert_eq!(
        scene.seen(),
        "/block bianca\n\
         -- bianca is blocked: no calls from or to bianca.\n\
         Enter destination user ID: block carol\n\
         -- The key of carol is not known here yet. Connect to carol first.\n\
         Enter destination user ID: unblock bianca\n\
         -- bianca is not blocked any more.\n\
         Enter destination user ID: block ali\n\
         That is you. Choose someone else.\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_changed_key_of_whom_the_person_writes_to_is_decided_at_once() {
    let mut scene = Scene::writing();
    scene.entry = "half".into();
    scene.notice(Notice::Contact(ContactNotice::KeyChanged {
        of: id("bianca"),
        how: KeyChange::Unconfirmed,
        since: 0,
        old: "1".into(),
        new: "2".into(),
    }));
    assert_eq!(
        scene.seen(),
        "(your unfinished entry \"half\" is kept)\n\
         WARNING: the key of bianca has changed since 1 Jan. Nothing is sent until you choose.\n\
         Old 1\nNew 2\n\
         verify  compare it with bianca\n\
         accept  use it, unverified\n\
         block   end and block bianca\n\
         Type verify, accept or block: "
    );
}

#[test]
fn the_end_of_a_script_waits_until_its_messages_have_left() {
    let mut scene = Scene::logged_in();
    scene.types("send bianca one");
    scene.types("send bianca two");
    scene.input(Input::End);
    assert!(!scene.machine.asks(), "the end is read once");
    scene.notice(kept(message(1)));
    scene.notice(marked(&[message(1)], DeliveryStatus::Stored, false));
    assert!(!scene.sent().contains(&"Logout".to_owned()), "the other is not even kept");
    scene.notice(kept(message(2)));
    // A confirmation of the one that is with the directory is none of the other.
    scene.notice(marked(&[message(1)], DeliveryStatus::Delivered, false));
    assert!(!scene.sent().contains(&"Logout".to_owned()));
    scene.notice(marked(&[message(2)], DeliveryStatus::Delivered, false));
    assert_eq!(scene.sent(), ["Logout"]);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.exit, Some(exit::OK));
}

#[test]
fn the_end_of_a_script_waits_no_longer_than_it_may() {
    let mut scene = Scene::talking();
    scene.types("Hello");
    scene.input(Input::End);
    scene.waits(9);
    assert_eq!(scene.seen(), "Hello\n");
    scene.waits(1);
    assert_eq!(scene.seen(), "Hello\nConnection ended\nEnter destination user ID: ");
    scene.input(Input::End);
    assert_eq!(scene.sent().last().unwrap(), "Logout");
}

#[test]
fn the_end_of_a_script_does_not_wait_for_what_others_must_do() {
    for next in [Next::Space, Next::Terminal, Next::KeyDecision] {
        let mut scene = Scene::logged_in();
        scene.types("send bianca one");
        scene.input(Input::End);
        scene.notice(Notice::Message(MessageNotice::Waiting { to: with("bianca"), waiting: 1, next }));
        assert_eq!(scene.sent().last().unwrap(), "Logout");
    }
    let mut scene = Scene::logged_in();
    scene.types("broadcast one");
    scene.input(Input::End);
    let (to, why) = (Conversation::Everyone, NotSent::Refused(DirectoryRefusal::TooFast { retry_after: 9 }));
    scene.notice(Notice::Message(MessageNotice::NotSent { to, text: "one".into(), why, ticket: Ticket::default() }));
    assert_eq!(scene.sent().last().unwrap(), "Logout");
}

#[test]
fn at_a_keyboard_the_outbox_is_not_waited_for() {
    let mut scene = Scene::logged_in();
    scene.types("send bianca one");
    scene.input(Input::CtrlD);
    assert_eq!(scene.sent().last().unwrap(), "Logout");
}

#[test]
fn where_nothing_may_wait_whoever_is_offline_is_not_written_to() {
    let mut scene = Scene::new(Options { user: Some(id("ali")), queue: Queue::Forbidden, ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.screen.clear();
    scene.types("bianca");
    scene.types("Hello");
    scene.notice(Notice::Call(CallNotice::Offline { with: id("bianca") }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\nbianca is offline.\n\
         -- Not delivered: \"Hello\". /retry sends it again.\nEnter destination user ID: "
    );
    assert!(!scene.sent().iter().any(|sent| sent.starts_with("Send")));
}

#[test]
fn the_list_says_since_when_somebody_is_gone() {
    let mut scene = Scene::logged_in();
    let left = Notice::Directory(DirectoryNotice::Presence {
        user: id("bianca"),
        status: common::msg::PresenceStatus::Offline,
        text: None,
    });
    scene.notice(left);
    scene.types("list");
    let person = Person { online_since: None, ..online("bianca") };
    scene.notice(Notice::Directory(DirectoryNotice::People { people: vec![person], groups: Vec::new() }));
    assert!(scene.seen().contains("\nbianca    offline since 1 Jan       not verified\n"), "{}", scene.seen());
}

#[test]
fn an_id_that_nobody_has_is_told_with_the_nearest_one() {
    let mut scene = Scene::logged_in();
    let (near, to) = (Some(id("bianca")), id("biancca"));
    scene.types("/send biancca Hi");
    let (with, text, ticket) = (Conversation::User(to.clone()), "Hi".to_owned(), Ticket::default());
    let why = NotSent::NoSuchUser { near: near.clone() };
    scene.notice(Notice::Message(MessageNotice::NotSent { to: with, text, why, ticket }));
    scene.types("/block biancca");
    let why = CallFailed::NoSuchUser { near: near.clone() };
    scene.notice(Notice::Call(CallNotice::Failed { to: to.clone(), why: why.clone() }));
    scene.types("biancca");
    scene.notice(Notice::Call(CallNotice::Failed { to: to.clone(), why }));
    scene.notice(Notice::Message(MessageNotice::NoSuchUser { user: to, texts: 2, near }));
    let seen = scene.seen();
    for line in [
        "-- Not sent: \"Hi\". No user biancca. Did you mean bianca? Type list to see everyone.\n",
        "-- Not delivered: 2 messages. No user biancca. Did you mean bianca? Type list to see everyone.\n",
    ] {
        assert!(seen.contains(line), "{seen}");
    }
    let call = "\nNo user biancca. Did you mean bianca? Type list to see everyone.\n";
    assert_eq!(seen.matches(call).count(), 2, "of the block and of the call: {seen}");
}
