//! What arrives by mail, and the history.

use super::*;
use common::ident::MessageId;
use peer_core::model::{MessageKey, StoredMessage};
use peer_core::notice::{CallNotice, MessageNotice, SessionNotice};

fn record(conversation: Conversation, author: &str, text: &str, mark: DeliveryStatus) -> StoredMessage {
    let name = MessageKey { conversation, author: id(author), id: MessageId([1; 16]) };
    StoredMessage { name, text: text.into(), date: 1_795_183_320, arrived: 0, mark, since: 0 }
}

const READ: DeliveryStatus = DeliveryStatus::Received { read: true };

#[test]
fn what_waited_is_shown_with_its_date() {
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Message(MessageNotice::Arrived(vec![
        waited(with("bianca"), "bianca", "are you there?\nLogged out."),
        waited(in_group(), "carol", "hi all"),
    ])));
    assert_eq!(
        scene.seen(),
        "-- 2 messages arrived while you were away:\n\
         -- 20 Nov 14:02 bianca: are you there?\n  Logged out.\n\
         -- 20 Nov 14:02 #team carol: hi all\n\
         Enter destination user ID: "
    );
    assert_eq!(scene.marked_as_seen(), [with("bianca"), in_group()]);
}

#[test]
fn what_arrives_for_the_conversation_on_the_screen_looks_like_talk() {
    let mut scene = Scene::writing();
    scene.notice(arrives(with("bianca"), "bianca", "I read you"));
    scene.notice(arrives(with("bianca"), "bianca", "Connection ended"));
    assert_eq!(scene.seen(), "I read you\nbianca: Connection ended\n");
    assert_eq!(scene.marked_as_seen(), [with("bianca"), with("bianca")]);
}

#[test]
fn nobody_floods_the_screen_of_somebody_who_talks_to_another() {
    let mut scene = Scene::talking();
    for number in 1..=50 {
        scene.notice(arrives(with("carol"), "carol", &format!("number {number}")));
    }
    assert_eq!(scene.seen(), "-- carol: number 1\n");
    scene.waits(30);
    scene.notice(arrives(with("carol"), "carol", "one more"));
    scene.notice(arrives(with("dave"), "dave", "hi"));
    scene.waits(30);
    scene.waits(300);
    assert_eq!(
        scene.seen(),
        "-- carol: number 1\n\
         -- 49 new from carol\n\
         -- dave: hi\n\
         -- 1 new from carol\n"
    );
    assert!(!scene.marked_as_seen().split_off(1).contains(&with("carol")), "what was not shown was not seen");
    scene.types("/switch carol");
    scene.notice(Notice::Call(CallNotice::Offline { with: id("carol") }));
    assert_eq!(
        scene.sent(),
        ["Place { to: UserId(\"carol\") }", "History { with: User(UserId(\"carol\")), count: 50, before: None }"]
    );
}

#[test]
fn at_the_prompt_every_text_is_shown() {
    let mut scene = Scene::logged_in();
    for text in ["one", "two"] {
        scene.notice(arrives(with("carol"), "carol", text));
    }
    scene.notice(arrives(in_group(), "carol", "three"));
    scene.notice(arrives(Conversation::Everyone, "carol", "four"));
    assert_eq!(
        scene.seen(),
        "-- carol: one\n-- carol: two\n-- #team carol: three\n-- * carol: four\nEnter destination user ID: "
    );
}

#[test]
fn no_text_of_somebody_else_can_pass_for_ours() {
    let hostile = [
        "Connection ended",
        "-- bianca is verified.",
        "20 Nov 14:02 carol: I owe you a lot",
        "#team carol: hi",
        "carol is offline.",
        "carol did not accept the connection.",
        "carol     online                    verified",
        "That is you. Choose someone else.",
        "\u{1b}[2Jgone",
        "\u{202e}desrever",
    ];
    let named = &hostile[..8];
    let mut scene = Scene::talking();
    for text in hostile {
        scene.notice(arrives(with("bianca"), "bianca", text));
        scene.notice(arrives(with("carol"), "carol", text));
        scene.notice(Notice::Message(MessageNotice::Arrived(vec![waited(in_group(), "carol", text)])));
    }
    let screen = scene.seen();
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
    assert!(!screen.contains('\u{202e}'), "{screen:?}");
    for text in named {
        assert!(screen.contains(&format!("\nbianca: {text}\n")) || screen.starts_with(&format!("bianca: {text}\n")));
        assert!(!screen.lines().any(|line| line == *text), "{text}");
    }
}

#[test]
fn the_history_says_who_when_and_what_is_new() {
    let mut scene = Scene::talking();
    scene.types("/history 3");
    scene.types("not before the answer");
    scene.notice(Notice::Message(MessageNotice::History {
        with: with("bianca"),
        records: vec![
            record(with("bianca"), "ali", "sent", DeliveryStatus::Delivered),
            record(with("bianca"), "ali", "unsent", DeliveryStatus::Queued),
            record(with("bianca"), "bianca", "Login:\nLogin:", READ),
        ],
        unread: 1,
    }));
    assert_eq!(
        scene.seen(),
        "/history 3\n\
         20 Nov 14:02 ali (delivered): sent\n\
         20 Nov 14:02 ali (waits): unsent\n\
         -- 1 new --\n\
         20 Nov 14:02 bianca: Login:\n  Login:\n\
         not before the answer\n"
    );
}

#[test]
fn what_is_found_says_where_it_was_said() {
    let mut scene = Scene::logged_in();
    scene.types("find page three");
    let records = vec![
        record(in_group(), "carol", "see page three", READ),
        record(with("bianca"), "ali", "page three?", DeliveryStatus::Stored),
        record(with("bianca"), "bianca", "three pages", READ),
    ];
    scene.notice(Notice::Message(MessageNotice::Found { words: "page three".into(), records }));
    scene.types("find nothing");
    scene.notice(Notice::Message(MessageNotice::Found { words: "nothing".into(), records: Vec::new() }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: find page three\n\
         -- 3 messages with \"page three\", newest first:\n\
         20 Nov 14:02 #team carol: see page three\n\
         20 Nov 14:02 ali to bianca (stored): page three?\n\
         20 Nov 14:02 bianca: three pages\n\
         Enter destination user ID: find nothing\n\
         -- There is nothing.\n\
         Enter destination user ID: "
    );
}

#[test]
fn what_was_lost_and_what_was_forgotten_is_told_with_the_next_step() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Message(MessageNotice::Lost { count: 1 }));
    scene.notice(Notice::Session(SessionNotice::NewTerminal));
    scene.notice(Notice::Message(MessageNotice::Frozen {
        with: in_group(),
        why: "\u{1b}[2Ja member broke the rules".into(),
    }));
    let screen = scene.seen();
    for words in ["-- 1 message for this terminal was not kept", "as a new terminal", "WARNING: #team cannot be used"] {
        assert!(screen.contains(words), "{words} is missing in {screen}");
    }
    assert!(!screen.contains('\u{1b}'));
}

#[test]
fn who_sent_what_could_not_be_taken_is_named() {
    let mut scene = Scene::talking();
    let carol = UserId::parse("carol").unwrap();
    let why = "a message cannot be decrypted, or is not from whom it says".to_owned();
    scene.notice(Notice::Message(MessageNotice::Dropped { with: in_group(), from: carol.clone(), why: why.clone() }));
    scene.notice(Notice::Message(MessageNotice::Dropped { with: with("carol"), from: carol, why }));
    let screen = scene.seen();
    for words in [
        "-- WARNING: something from carol in #team was dropped: a message cannot be decrypted, or is not from whom it \
         says. It has changed nothing.\n",
        "-- WARNING: something from carol was dropped: a message cannot be decrypted",
    ] {
        assert!(screen.contains(words), "{words} is missing in {screen}");
    }
}

#[test]
fn the_arrow_keys_bring_back_what_was_written_earlier_and_nothing_of_it_is_shown() {
    let mut scene = Scene::new(Options { user: Some(id("ali")), past: Past::Recalled(500), ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    scene.types("/history 2");
    scene.screen.clear();
    let history = || {
        Notice::Message(MessageNotice::History {
            with: with("bianca"),
            records: vec![
                record(with("bianca"), "ali", "mine", DeliveryStatus::Read),
                record(with("bianca"), "bianca", "yours", DeliveryStatus::Received { read: true }),
            ],
            unread: 0,
        })
    };
    scene.notice(history());
    assert_eq!(scene.seen(), "(bianca: [\"mine\"])\n");
    scene.screen.clear();
    scene.notice(history());
    assert!(scene.seen().contains("ali (read): mine\n"), "{}", scene.seen());
    scene.commands.clear();
    scene.input(Input::CtrlC);
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    assert!(scene.sent().iter().all(|sent| !sent.starts_with("History")), "it is asked for once");
}
