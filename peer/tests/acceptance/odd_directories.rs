//! Directories that are of another version, or answer as they like: every answer finds its request, and no session ends.

use common::testkit::Example;
use common::testkit::login::Stretch;
use serde_json::{Value, json};

use crate::harness::odd_directory::{Habit, OddDirectory};
use crate::harness::stage::{Seat, account};
use crate::harness::{PASSCODE, Piped, Stage};
use crate::json::Bot;

/// Seats at a directory with a habit, at which ali and bianca have registered.
fn scene(habit: Habit, lookups_per_minute: u32) -> (Stage, OddDirectory, [Seat; 2]) {
    let (stage, directory) = (Stage::new(), OddDirectory::start(habit, lookups_per_minute));
    for example in [Example::Ali, Example::Bianca] {
        directory.register(&account(example, Stretch::Full));
    }
    let seats = [(); 2].map(|()| stage.seat().at_server(directory.address));
    (stage, directory, seats)
}

/// The main session, word for word, and a message to somebody who is away.
fn talks(seats: &[Seat; 2]) {
    let [mut ali, mut bianca] = seats.each_ref().map(Piped::start);
    for (peer, user) in [(&mut ali, "ali"), (&mut bianca, "bianca")] {
        peer.enters(user);
        peer.enters(PASSCODE);
        peer.shows("Enter passcode on keypad. Logged in.\n");
        peer.asks("Enter destination user ID: ");
    }
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages\n");
    ali.shows("Connection established, type your messages\n");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?\n");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?\n");
    ali.enters("/end");
    bianca.asks("Connection ended\nEnter destination user ID: ");
    bianca.enters("logout");
    assert_eq!(bianca.exit_code(), Some(0));
    ali.enters("/send bianca Are you still there?");
    ali.enters("/group create team");
    ali.enters("/list");
    ali.shows("bianca");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    let mut bianca = Piped::start(&seats[1].clone().with(&["--user", "bianca"]));
    bianca.logs_in();
    bianca.shows("Are you still there?");
    bianca.enters("logout");
    assert_eq!(bianca.exit_code(), Some(0));
    for peer in [&ali, &bianca] {
        assert!(!peer.output().contains("directory lost"), "{}", peer.output());
    }
}

#[test]
fn a_directory_of_the_version_before_which_knows_no_numbers_still_works() {
    let (_stage, directory, seats) = scene(Habit::Former, 0);
    talks(&seats);
    assert!(directory.shown() > 0, "the terminals gave their requests numbers");
}

#[test]
fn answers_that_come_backwards_find_their_requests() {
    let (_stage, directory, seats) = scene(Habit::Backwards, 0);
    talks(&seats);
    assert!(directory.shown() > 0, "nothing was answered out of order");
    let (frames, telling) = directory.frames();
    assert!(frames > 40, "{frames}");
    assert!(telling.is_empty(), "frames whose length tells something: {telling:#?}");
}

#[test]
fn what_no_version_knows_ends_no_session() {
    let (_stage, directory, seats) = scene(Habit::Newer, 0);
    talks(&seats);
    assert!(directory.shown() > 0);
}

/// Questions of four kinds.
fn asks_all_at_once(bot: &mut Bot) {
    let params = [json!({"id": "bianca"}), json!({}), json!({"with": "*"}), json!({"group": "nowhere"})];
    let methods = ["verify.number", "list", "history", "group.join"];
    methods.into_iter().zip(params).for_each(|(method, params)| bot.says(method, params));
}

/// Waits for the answer to each, and looks whether it is one to that question.
#[track_caller]
fn each_is_answered(bot: &mut Bot, methods: &[&str]) {
    let mut answers: Vec<Value> =
        methods.iter().map(|_| bot.hears(|line| methods.iter().any(|m| line["id"] == *m))).collect();
    for method in methods {
        let place = answers.iter().position(|line| line["id"] == *method);
        let line = answers.remove(place.unwrap_or_else(|| panic!("no answer to {method}: {answers:?}")));
        let (result, error) = (&line["result"], &line["error"]);
        let fits = match *method {
            "verify.number" => result["digits"].is_array(),
            "list" => result.as_array().is_some_and(|users| users.iter().any(|user| user["id"] == "bianca")),
            "history" => result.as_array().is_some_and(Vec::is_empty),
            // There is no such group.
            _ => error["message"].as_str().is_some_and(|message| message.contains("nowhere")),
        };
        assert!(fits, "{method}: {line}");
    }
}

#[test]
fn many_questions_answered_backwards_get_each_its_own_answer() {
    let (stage, directory, seats) = scene(Habit::Backwards, 0);
    directory.register(&account(Example::Carol, Stretch::Full));
    let _bianca = Bot::logged_in(&seats[1], "bianca");
    let _carol = Bot::logged_in(&stage.seat().at_server(directory.address), "carol");
    let mut ali = Bot::logged_in(&seats[0], "ali");
    let before = directory.shown();
    // Two questions of one kind, whose answers come in the wrong order.
    asks_all_at_once(&mut ali);
    ali.says("verify.number", json!({"id": "carol"}));
    each_is_answered(&mut ali, &["verify.number", "list", "history", "group.join", "verify.number"]);
    assert!(directory.shown() > before, "they were answered out of order");
    ali.says("passwd", json!({"passcode": "739164"}));
    assert!(ali.hears(|line| line["id"] == "passwd").get("error").is_none());
}

#[test]
fn a_request_the_directory_does_not_know_shifts_no_other_answer() {
    let (_stage, directory, seats) = scene(Habit::BackwardsWithout("BROADCASTLOGREQ"), 0);
    let _bianca = Bot::logged_in(&seats[1], "bianca");
    let mut ali = Bot::logged_in(&seats[0], "ali");
    asks_all_at_once(&mut ali);
    each_is_answered(&mut ali, &["verify.number", "list", "group.join"]);
    assert!(directory.shown() > 0);
}

#[test]
fn what_came_too_fast_fails_and_nothing_else() {
    let (_stage, _directory, seats) = scene(Habit::Backwards, 20);
    let _bianca = Bot::logged_in(&seats[1], "bianca");
    let mut ali = Bot::logged_in(&seats[0], "ali");
    (0..30).for_each(|_| ali.says("list", json!({})));
    let failed = (0..30).filter(|_| ali.hears(|line| line["id"] == "list").get("error").is_some()).count();
    assert!((10..30).contains(&failed), "{failed} of 30");
}
