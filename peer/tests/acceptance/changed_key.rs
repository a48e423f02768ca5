//! A key that is not the one seen before (decision D14, threat P6): everything stops until the user decides.

use common::testkit::Example;

use crate::harness::failing_disk::{FOR_EVER, FULL, FailingDisk};
use crate::harness::stage::Seat;
use crate::harness::{Piped, Stage, Terminal};

/// Ali has talked to bianca, whose passcode was reset since: she has a new key now, and waits at her prompt.
struct Scene {
    _stage: Stage,
    ali: Terminal,
    ali_seat: Seat,
    bianca: Piped,
}

impl Scene {
    fn new() -> Self {
        Self::with(|seat| seat)
    }

    /// The same with ali at another place.
    fn with(place: impl FnOnce(Seat) -> Seat) -> Self {
        let stage = Stage::of(&[Example::Ali, Example::Bianca]);
        let ali_seat = place(stage.seat_of("ali"));
        let ali = Terminal::start(&ali_seat);
        ali.logs_in();
        let mut bianca = stage.piped_of("bianca");
        bianca.enters("ali");
        bianca.shows("Connection established");
        ali.shows("Connection received from user bianca");
        bianca.ends_input();
        assert_eq!(bianca.exit_code(), Some(0));
        ali.shows("Connection ended");
        ali.is_at_prompt();

        let printed = stage.directory.administrator(&["user", "passcode", "bianca", "--yes"]);
        let invite = printed.lines().find_map(|line| line.strip_prefix("bianca  ")).unwrap();
        let mut bianca = Piped::start(&stage.seat().with(&["join", "-"]));
        bianca.enters(invite);
        bianca.registers();
        Self { _stage: stage, ali, ali_seat, bianca }
    }

    #[track_caller]
    fn asks_ali(&self, times: usize) {
        self.ali.asks("Type verify, accept or block:");
        self.ali.shows_times("WARNING: the key of bianca has changed since ", times);
    }
}

#[test]
fn a_call_to_a_changed_key_sends_nothing_until_the_person_decides() {
    let scene = Scene::new();
    // An answer that was typed before the question was seen does not count.
    scene.ali.types("bianca\raccept\r");
    scene.asks_ali(1);
    for choice in ["verify  compare it with bianca", "accept  use it, unverified", "block   end and block bianca"] {
        scene.ali.shows(choice);
    }
    scene.ali.enters("yes");
    scene.ali.asks("Type verify, accept or block:");
    scene.ali.ctrl_c();
    scene.ali.shows("-- Nothing is sent to bianca. You are asked again at the next call.");
    scene.ali.is_at_prompt();
    assert!(!scene.bianca.output().contains("Connection received"), "{}", scene.bianca.output());

    scene.ali.enters("bianca");
    scene.asks_ali(2);
    let numbers: Vec<String> = scene.ali.lines().into_iter().filter(|line| line.starts_with("Old ")).collect();
    assert_eq!(numbers.len(), 2);
    assert_eq!(numbers[0], numbers[1], "the old key stays the pinned one");
    scene.ali.enters("accept");
    scene.ali.shows("-- The new key of bianca is used from now on, not verified.");
    // The call that raised the question is made now.
    scene.ali.shows("Connection established, type your messages");
    scene.bianca.shows("Connection received from user ali, type your messages\n");
}

#[test]
fn a_caller_whose_key_changed_is_refused_until_the_person_decides() {
    let mut scene = Scene::new();
    scene.bianca.enters("ali");
    scene.bianca.shows("ali has not decided about your new key yet, so there is no connection.");
    scene.asks_ali(1);
    scene.ali.enters("block");
    scene.ali.shows("-- bianca is blocked: no calls from or to bianca.");
    scene.bianca.enters("ali");
    scene.bianca.shows("ali did not accept the connection.\n");
    scene.ali.is_at_prompt();
    scene.ali.enters("bianca");
    scene.ali.shows("bianca is blocked by you. Nothing was sent.");
    assert_eq!(scene.ali.lines().iter().filter(|line| line.contains("Connection received")).count(), 1);
}

#[test]
fn a_changed_key_is_taken_as_verified_only_after_the_numbers_were_compared() {
    let mut scene = Scene::new();
    scene.ali.enters("bianca");
    scene.asks_ali(1);
    scene.ali.enters("verify");
    scene.ali.asks("Do the numbers match? Type yes or no:");
    scene.bianca.enters("/verify ali");
    scene.bianca.shows("Do the numbers match?");
    let shown: Vec<String> = scene.bianca.output().lines().map(str::to_owned).collect();
    let number = shown.iter().position(|line| line.starts_with("-- Your number with ali")).unwrap();
    for line in &shown[number + 1..number + 4] {
        scene.ali.shows(line.trim());
    }
    scene.ali.enters("yes");
    scene.ali.shows("-- bianca is verified.");
    scene.ali.shows("Connection established, type your messages");
    scene.ali.ctrl_c();
    scene.ali.is_at_prompt();
    scene.ali.enters("list");
    scene.ali.until("a verified bianca", |lines| {
        lines.iter().any(|line| line.starts_with("bianca ") && line.ends_with("  verified"))
    });
    // The decision outlives the program.
    scene.ali.enters("logout");
    assert_eq!(scene.ali.exit_code(), 0);
    let ali = Terminal::start(&scene.ali_seat);
    ali.logs_in();
    ali.enters("list");
    ali.until("a verified bianca", |lines| {
        lines.iter().any(|line| line.starts_with("bianca ") && line.ends_with("  verified"))
    });
}

#[test]
fn what_comes_from_a_changed_key_is_held_and_shown_when_the_person_accepts_it() {
    let mut scene = Scene::new();
    scene.bianca.enters("@ali written with the new key");
    scene.ali.enters("bianca");
    scene.asks_ali(1);
    assert!(!scene.ali.lines().iter().any(|line| line.contains("written with")), "{:#?}", scene.ali.lines());
    scene.ali.enters("accept");
    scene.ali.shows("-- The new key of bianca is used from now on, not verified.");
    scene.ali.shows("written with the new key");
    scene.ali.shows("Connection established, type your messages");
}

#[test]
fn a_decision_that_the_disk_does_not_keep_is_not_made() {
    let mut failing = None;
    let mut scene = Scene::with(|seat| {
        failing = FailingDisk::below(&seat.data);
        let environment = failing.as_ref().map(FailingDisk::environment).into_iter().flatten();
        environment.fold(seat.clone(), |seat, (name, value)| seat.set(name, value))
    });
    let Some(disk) = failing else { return };
    scene.ali.enters("bianca");
    scene.asks_ali(1);
    disk.fails(1, FOR_EVER, FULL);
    scene.ali.enters("accept");
    scene.ali.shows("That was not done. Free some space and try again.");
    disk.mended();
    scene.ali.enters("logout");
    assert_eq!(scene.ali.exit_code(), 0);
    assert!(!scene.ali.lines().iter().any(|line| line.contains("is used from now on")), "{:#?}", scene.ali.lines());
    let ali = Terminal::start(&scene.ali_seat);
    ali.logs_in();
    ali.enters("bianca");
    ali.asks("Type verify, accept or block:");
    ali.enters("accept");
    ali.shows("-- The new key of bianca is used from now on, not verified.");
}

#[test]
fn type_ahead_never_answers_whether_the_numbers_match() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = stage.terminal_of("ali");
    let _bianca = stage.terminal_of("bianca");
    ali.types("/verify bianca\ryes\r");
    ali.asks("Do the numbers match? Type yes or no:");
    assert!(!ali.lines().iter().any(|line| line.contains("is verified")), "{:#?}", ali.lines());
    ali.enters("no");
    ali.shows("-- bianca is not verified.");
}
