//! The full screen: real peers in pseudo-terminals of several sizes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::testkit::Example;
use rustix::process::Signal;

use crate::harness::{Counterpart, PASSCODE, Seat, Stage, Terminal};
use crate::hostile_text::{is_harmful, say_everything};

pub(crate) fn seat(stage: &Stage, user: &str) -> Seat {
    stage.seat_of(user).with(&["tui"]).set("LANG", "C.UTF-8")
}

/// A user at a full screen, logged in.
#[track_caller]
pub(crate) fn logged_in(seat: &Seat, columns: u16, rows: u16) -> Terminal {
    let terminal = Terminal::start_sized(seat, columns, rows);
    terminal.shows("Enter passcode on keypad.");
    terminal.enters(PASSCODE);
    terminal.shows("/help");
    terminal
}

/// The row with `text` in it, without the people beside it.
fn said(terminal: &Terminal, text: &str) -> String {
    let lines = terminal.lines();
    let line = lines.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{lines:#?}"));
    line.split('│').nth(1).unwrap_or(line).trim_end().to_owned()
}

#[test]
fn two_people_talk_and_see_how_far_their_messages_have_come() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.shows("● bianca");
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    ali.shows("Hello, how are you today?                ✓✓");
    bianca.enters("I am fine, how about you?");
    ali.shows("bianca  I am fine, how about you?");
    assert!(said(&ali, "Hello, how").contains(" ali     Hello"), "authors stand in a column: {:#?}", ali.lines());
    assert!(ali.lines()[0].starts_with(" bianca  ● online  [not verified]"), "{:#?}", ali.lines());
    ali.ctrl_c();
    bianca.shows("Connection ended");
    ali.shows("CTRL-C connection ended");
    ali.shows("Type the ID of a user and Enter, to talk.");
}

#[test]
fn what_arrives_elsewhere_is_counted_and_alt_a_opens_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let [bianca, carol] = ["bianca", "carol"].map(|user| stage.terminal_of(user));
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("bianca");
    ali.shows("Connection established");
    bianca.shows("Connection received from user ali");
    carol.enters("ali");
    ali.shows("carol wants to talk. Alt+A opens, Esc hides this.");
    carol.enters("are you there?");
    ali.shows("1 unread");
    assert!(!ali.lines().iter().any(|line| line.contains("are you there?")), "{:#?}", ali.lines());
    ali.types("half a li");
    ali.types("\x1ba");
    ali.shows("carol  are you there?");
    ali.enters("yes");
    carol.shows("yes");
    // What was being typed to bianca is still there.
    ali.types("\x1b[1;3A");
    ali.shows(" > half a li");
}

#[test]
fn the_terminal_is_given_back_however_the_program_ends() {
    let stage = Stage::of(&[Example::Ali]);
    // Its first login makes keys for mail; whoever is told to stop meanwhile does not wait for that.
    let seat = seat(&stage, "ali");
    let signals = [(None, 0), (Some(Signal::TERM), 143), (Some(Signal::HUP), 129)];
    for (signal, code) in signals {
        let mut ali = logged_in(&seat, 80, 24);
        ali.shows("PEOPLE");
        assert!(ali.is_full_screen());
        match signal {
            Some(signal) => ali.signal(signal),
            None => ali.enters("/quit"),
        }
        assert_eq!(ali.exit_code(), code);
        assert_eq!(ali.modes(), ali.modes_before(), "{signal:?}");
        ali.shows("Logged out.");
        assert!(!ali.is_full_screen(), "{signal:?}");
    }
}

#[test]
fn ctrl_c_quits_only_when_it_is_pressed_again() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = logged_in(&seat(&stage, "ali"), 40, 20);
    ali.types("abc");
    ali.shows(" > abc");
    ali.ctrl_c();
    ali.until("an empty entry", |lines| !lines.iter().any(|line| line.contains("abc")));
    ali.ctrl_c();
    ali.shows("Press CTRL-C again to quit");
    ali.ctrl_c();
    assert_eq!(ali.exit_code(), 130);
}

#[test]
fn every_size_is_drawn_and_nothing_is_left_of_the_one_before() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 120, 40);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    bianca.enters("This is long enough to be broken into several rows on every screen that is not wide.");
    ali.shows("CONNECTION");
    ali.resize_to(40, 20);
    ali.until("one pane", |lines| lines.len() == 20 && !lines.iter().any(|line| line.contains("PEOPLE")));
    ali.shows("   be broken into several rows on");
    ali.resize_to(20, 6);
    ali.until("six rows", |lines| lines.len() == 6 && lines[5].contains("/help"));
    ali.resize_to(18, 5);
    ali.shows("Terminal too small");
    ali.shows("need 20x6");
    ali.resize_to(120, 40);
    ali.shows("CONNECTION");
    ali.until("no stale cells", |lines| lines.iter().all(|line| line.chars().count() <= 120) && lines.len() == 40);
    ali.types("still here");
    ali.shows(" > still here");
}

#[test]
fn a_text_of_somebody_else_moves_colours_and_imitates_nothing() {
    let stage = Stage::of(&[Example::Bianca]);
    let seat = seat(&stage, "bianca");
    let ali = Counterpart::ali(&stage);
    for (columns, rows) in [(80, 60), (40, 80)] {
        let mut bianca = logged_in(&seat, columns, rows);
        bianca.types("half a li");
        bianca.shows(" > half a li");
        let mut caller = ali.call(seat.address()).place().unwrap();
        bianca.shows("Connection received from user ali");
        let before = bianca.bytes().len();
        say_everything(&mut caller);
        bianca.shows("that was all");
        let written = String::from_utf8(bianca.bytes().split_off(before)).unwrap();
        let harmful: Vec<char> = written.chars().filter(|c| is_harmful(*c) && *c != '\x1b').collect();
        assert!(harmful.is_empty(), "{harmful:?}");
        for sequence in ["\x1b]", "\x1bP", "\x1bc", "\x1b[2J", "\x1b[?1049", "\x1b[?2004"] {
            assert!(!written.contains(sequence), "{sequence:?} was written");
        }
        assert_nothing_begins_where_we_do(&bianca.lines());
        bianca.signal(Signal::TERM);
        bianca.exit_code();
    }
}

/// Program lines begin in the second column of the conversation; texts of others never do.
#[track_caller]
fn assert_nothing_begins_where_we_do(lines: &[String]) {
    let ours = ["Connection ended", "CTRL-C", "Enter ", "Login:", "WARNING", "-- bianca is"];
    let talk = lines.iter().filter(|line| !line.contains("Enter send"));
    for line in talk {
        let row = line.split('│').nth(1).unwrap_or(line);
        let begins = row.strip_prefix(' ').unwrap_or(row);
        assert!(!ours.iter().any(|words| begins.starts_with(words)), "{row:?} can pass for ours in {lines:#?}");
    }
}

#[test]
fn without_a_screen_the_line_terminal_takes_its_place() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = Terminal::start_sized(&seat(&stage, "ali").with(&["--plain"]), 80, 24);
    ali.logs_in();
    assert!(!ali.bytes().contains(&0x1b), "no escape byte is written");
}

#[test]
fn tab_completes_what_is_typed_in_both_terminals_and_lists_what_it_can_be() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.shows("● bianca");
    ali.types("bi\t");
    ali.shows(" > bianca");
    ali.types("\r");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    ali.types("/ver\t");
    ali.shows(" > /ver");
    ali.types("\t");
    ali.shows("/verify  /version");
    ali.types("i\tb\t");
    ali.shows(" > /verify bianca");
    bianca.types("fine :thumbsu\t@al\t");
    bianca.shows("fine 👍 @ali");
    bianca.types("\r");
    ali.shows("bianca  fine 👍 @ali");
}

#[test]
fn messages_are_selected_copied_quoted_and_found() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    for text in ["The plans are here.", "Page three is blank.", "See you at two."] {
        bianca.enters(text);
        ali.shows(&format!("bianca  {text}"));
    }
    ali.types("\x1b[1;2A\x1b[1;2A");
    ali.shows("c copy");
    ali.types("c");
    ali.shows("Copied: \"Page three is blank.\"");
    let copied = format!("\x1b]52;c;{}\x07", STANDARD.encode("Page three is blank."));
    assert!(String::from_utf8(ali.bytes()).unwrap().contains(&copied));
    ali.types("\x1b[1;2Ar");
    ali.shows(" > > See you at two.");
    ali.types("fine\r");
    bianca.shows("fine");
    ali.enters("/find plans");
    ali.shows("n N or Up Down move");
    ali.types("\r");
    ali.shows("c copy");
    ali.types("\r");
    ali.shows("MESSAGE");
    ali.shows("UTC, received");
    ali.types("\x1b");
    ali.shows("c copy");
}

#[test]
fn keys_are_what_the_configuration_says() {
    let stage = Stage::of(&[Example::Ali]);
    let changed = seat(&stage, "ali").configured("[keys]\nopen = [\"ctrl-g\"]\n");
    let ali = logged_in(&changed, 80, 24);
    // What CTRL-O would do is not done, and CTRL-G does it.
    ali.types("\x0fabc");
    ali.shows(" > abc");
    ali.types("\x07");
    ali.shows(" open>");
    let mistaken = stage.seat().configured("[keys]\nopen = [\"f3\"]\n").with(&["config", "check"]);
    let output = mistaken.command().output().unwrap();
    assert_eq!(output.status.code(), Some(11));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"f3\" is both open and people"), "{said}");
}

#[test]
fn a_message_rings_and_is_announced_while_the_person_looks_elsewhere() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali").set("PEER_NOTIFY__VIA", "osc9"), 80, 24);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    bianca.enters("not a secret");
    ali.shows("not a secret");
    assert!(!String::from_utf8(ali.bytes()).unwrap().contains("\x1b]9;"), "nobody is called who looks here");
    ali.types("\x1b[Oabc");
    ali.shows(" > abc");
    let before = ali.bytes().len();
    bianca.enters("a secret");
    ali.until_written(before, "\x07\x1b]9;bianca: new message\x07");
    ali.until_written(before, "(1) peer");
}

#[test]
fn the_passcode_can_be_clicked_on_the_keypad_of_the_card() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = Terminal::start_sized(&seat(&stage, "ali"), 80, 24);
    ali.until("the whole card", |lines| {
        let below = lines.iter().skip_while(|line| !line.contains("[ ok]")).nth(1);
        below.is_some_and(|line| line.ends_with('┘'))
    });
    ali.until_written(0, "\x1b[?1000h");
    let keys = ali.lines();
    let click = |key: &str| {
        let (row, line) = keys.iter().enumerate().find(|(_, line)| line.contains(key)).unwrap();
        let column = line[..line.find(key).unwrap()].chars().count();
        ali.types(&format!("\x1b[<0;{};{}M", column + 2, row + 1));
    };
    click("[ 7 ]");
    // Something answers each click, and tells neither which key it was nor how many.
    let marks = |lines: &[String]| lines.iter().find_map(|line| line.split_once("keypad. ")?.1.chars().next());
    let before = ali.lines();
    ali.until("a mark", |lines| marks(lines).is_some_and(|mark| "*+xo".contains(mark)));
    let one = marks(&ali.lines());
    click("[ 8 ]");
    ali.until("another mark", |lines| marks(lines).is_some_and(|mark| "*+xo".contains(mark)) && marks(lines) != one);
    assert_eq!(without_mark(&ali.lines()), without_mark(&before), "one mark is all there is to see");
    click("[del]");
    click("[del]");
    ali.until("no mark", |lines| !marks(lines).is_some_and(|mark| "*+xo".contains(mark)));
    PASSCODE.chars().for_each(|digit| click(&format!("[ {digit} ]")));
    click("[ ok]");
    ali.shows("PEOPLE");
    ali.until_written(0, "\x1b[?1000l");
    assert!(!ali.lines().iter().any(|line| line.contains(PASSCODE)));
}

/// The mark behind the question is left out.
fn without_mark(lines: &[String]) -> Vec<String> {
    let without = |line: &String| match line.split_once("keypad. ") {
        Some((before, rest)) => format!("{before}keypad. {}", rest.replace(['*', '+', 'x', 'o'], " ")),
        None => line.clone(),
    };
    lines.iter().map(without).collect()
}

#[test]
fn a_file_has_a_line_that_says_how_far_it_is() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = Terminal::start(&stage.seat_of("ali").set("PEER_FILES__RATE", "1MiB"));
    ali.logs_in();
    let bianca = logged_in(&seat(&stage, "bianca"), 120, 40);
    let (plans, saved) = (stage.folder().join("plans.pdf"), stage.folder().join("saved"));
    std::fs::write(&plans, vec![b'x'; 3_000_000]).unwrap();
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    ali.enters(&format!("/file {}", plans.display()));
    bianca.shows("ali     ↓ plans.pdf 3.0 MB");
    bianca.shows("/accept 1 takes it, /refuse 1 does not");
    bianca.shows("plans.pdf   3.0 MB offered");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    bianca.shows(" TRANSFERS");
    bianca.shows("1 transfer ");
    bianca.shows("█░");
    bianca.shows("s left    /cancel 1");
    bianca.shows("(checked)");
    ali.has_whole("-- bianca has plans.pdf (3.0 MB");
    bianca.until("the list without transfers", |lines| !lines.iter().any(|line| line.contains("TRANSFERS")));
    assert_eq!(std::fs::metadata(saved.join("plans.pdf")).unwrap().len(), 3_000_000);
}
