use super::*;
use peer_core::notice::{CallNotice, DirectoryNotice, MessageNotice};

#[test]
fn after_a_silence_the_time_is_told_once() {
    let mut scene = Scene::new(Options { user: Some(id("ali")), time: Time::Auto, ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    scene.screen.clear();
    scene.notice(text("bianca", "one"));
    scene.waits(599);
    scene.notice(text("bianca", "two"));
    scene.waits(600);
    scene.types("three");
    scene.notice(text("bianca", "four"));
    assert_eq!(scene.seen(), "one\ntwo\nthree\n-- 14:02 --\nfour\n");
}

#[test]
fn the_time_stands_behind_messages_on_request() {
    let mut scene = Scene::talking();
    scene.types("/time on");
    scene.notice(text("bianca", "one\ntwo"));
    scene.types("/time off");
    scene.notice(text("bianca", "three"));
    assert_eq!(
        scene.seen(),
        "/time on\n-- The time (UTC) stands behind every message from now on.\none\n  two (14:02)\n\
         /time off\n-- No times from now on.\nthree\n"
    );
}

#[test]
fn a_bell_rings_only_on_request() {
    let mut scene = Scene::talking();
    scene.notice(text("bianca", "quiet\u{7}"));
    scene.types("/bell on");
    scene.notice(text("bianca", "loud"));
    assert_eq!(scene.seen(), "quiet␇\n/bell on\n-- Every message rings the bell of the terminal.\n(bell)\nloud\n");
}

#[test]
fn who_is_muted_is_shown_when_the_person_turns_to_them() {
    let mut scene = Scene::talking();
    scene.types("/mute carol");
    scene.types("/mute #team");
    scene.screen.clear();
    scene.notice(arrives(with("carol"), "carol", "psst"));
    scene.notice(arrives(in_group(), "dave", "hello team"));
    scene.notice(Notice::Directory(DirectoryNotice::Presence {
        user: id("carol"),
        status: common::msg::PresenceStatus::Online,
        text: None,
    }));
    assert_eq!((scene.seen().as_str(), scene.marked_as_seen()), ("", Vec::new()));
    scene.types("/unmute carol");
    scene.notice(arrives(with("carol"), "carol", "psst again"));
    scene.types("/switch carol");
    scene.notice(Notice::Call(CallNotice::Offline { with: id("carol") }));
    let asked = scene.sent();
    assert!(asked.iter().any(|asked| asked.starts_with("History") && asked.contains("count: 2")), "{asked:?}");
}

#[test]
fn what_was_not_delivered_is_sent_again_on_request() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("one");
    scene.types("two");
    scene.notice(Notice::Call(CallNotice::Failed { to: id("bianca"), why: CallFailed::NoAnswer { seconds: 10 } }));
    scene.screen.clear();
    scene.commands.clear();
    scene.types("/retry 2");
    scene.types("/retry");
    scene.types("/retry");
    assert_eq!(scene.sent().len(), 2);
    assert!(
        scene.seen().starts_with(
            "Enter destination user ID: /retry 2\n-- Once more to bianca: \"one\"\n\
             Enter destination user ID: /retry\n-- Once more to bianca: \"two\"\n\
             Enter destination user ID: /retry\n-- Nothing waits to be sent again."
        ),
        "{}",
        scene.seen()
    );
}

#[test]
fn the_last_message_of_somebody_else_is_copied() {
    let mut scene = Scene::talking();
    scene.types("/copy");
    scene.notice(text("bianca", "one"));
    scene.notice(text("bianca", "two"));
    scene.screen.clear();
    scene.types("mine");
    scene.types("/copy");
    scene.types("/copy 2");
    assert_eq!(scene.seen(), "mine\n/copy\n(copied \"two\")\n/copy 2\n(copied \"one\")\n");
}

#[test]
fn an_editor_is_for_messages_only() {
    let mut scene = Scene::logged_in();
    scene.types("/edit");
    assert!(scene.seen().contains("-- /edit writes to whom you talk to."), "{}", scene.seen());
    let mut scene = Scene::talking();
    scene.types("/edit");
    assert_eq!(scene.seen(), "/edit\n(edit)\n");
}

#[test]
fn each_receipt_is_told_on_request() {
    let ids = [message(1)];
    let mut scene = Scene::talking();
    scene.notice(Notice::Message(MessageNotice::Marked {
        to: with("bianca"),
        ids: ids.to_vec(),
        mark: DeliveryStatus::Delivered,
        late: false,
    }));
    assert_eq!(scene.seen(), "");
    let mut scene = Scene::new(Options { user: Some(id("ali")), receipts: Receipts::All, ..options() });
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.screen.clear();
    for mark in [DeliveryStatus::Stored, DeliveryStatus::Delivered, DeliveryStatus::Read] {
        scene.notice(Notice::Message(MessageNotice::Marked {
            to: with("bianca"),
            ids: ids.to_vec(),
            mark,
            late: false,
        }));
    }
    let told = "Enter destination user ID: -- Delivered to bianca: 1 message.\n-- Read by bianca: 1 message.\n";
    assert!(
        scene.seen().contains("-- Delivered to bianca: 1 message.\n-- Read by bianca: 1 message.\n"),
        "{told}{}",
        scene.seen()
    );
}
