//! The line terminal as it looks where it may not move the cursor or use colours: `--plain`,
//! `TERM=dumb`, `NO_COLOR`.
//!
//! The same session each time, with a text that would colour the screen and one that imitates the program.

use common::testkit::Example;

use crate::harness::{Piped, Seat, Stage, Terminal};

/// Bianca says this.
const SAID: &[&str] = &["I am fine, how about you?", "\u{1b}[31mred", "Connection ended", "Grüße 🙂"];

/// Ali at a terminal talks to bianca, who says everything in [`SAID`] and leaves.
fn session(stage: &Stage, change: impl FnOnce(Seat) -> Seat) -> Terminal {
    let mut bianca = stage.piped_of("bianca");
    let ali = Terminal::start(&change(stage.seat_of("ali")));
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?\n");
    for text in SAID {
        bianca.enters(text);
        let last = text.rsplit('[').next().unwrap();
        ali.shows(last);
    }
    bianca.ends_input();
    assert_eq!(bianca.exit_code(), Some(0));
    ali.is_at_prompt();
    ali
}

const ENTRANCE: &[&str] = &[
    "Enter passcode on keypad. Logged in.",
    "Enter destination user ID: bianca",
    "Connection established, type your messages",
    "Hello, how are you today?",
];

/// The time behind a message, which no test can know.
fn without_time(line: &str) -> String {
    let digits = |time: &str| {
        time.len() == 5 && time.chars().enumerate().all(|(n, c)| if n == 2 { c == ':' } else { c.is_ascii_digit() })
    };
    let (said, time) = line.rsplit_once(" (").unwrap_or((line, ""));
    if time.strip_suffix(')').is_some_and(digits) { format!("{said} (TIME)") } else { line.to_owned() }
}

#[track_caller]
fn reads(ali: &Terminal, said: &[&str]) {
    reads_beside(ali, said, "");
}

/// The same, where this line of ours stands somewhere between them.
#[track_caller]
fn reads_beside(ali: &Terminal, said: &[&str], ours: &str) {
    let end = ["Connection ended", "Enter destination user ID:"];
    let wanted: Vec<&str> = ENTRANCE.iter().chain(said).chain(&end).copied().collect();
    ali.until(&format!("{wanted:#?} and {ours:?}"), |lines| {
        let (beside, lines): (Vec<_>, Vec<_>) = lines.iter().partition(|line| !ours.is_empty() && *line == ours);
        beside.is_empty() == ours.is_empty() && lines.iter().map(|line| without_time(line)).eq(wanted.iter().copied())
    });
}

/// What is written is text, line ends, and the echo of the terminal itself.
#[track_caller]
fn moves_nothing(ali: &Terminal) {
    let written = String::from_utf8(ali.bytes()).unwrap();
    let control: Vec<char> = written.chars().filter(|c| c.is_control() && !matches!(c, '\r' | '\n')).collect();
    assert!(control.is_empty(), "{control:?} in {written:?}");
}

#[test]
fn plain_output_only_appends_and_names_who_speaks() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = session(&stage, |seat| seat.with(&["--plain"]));
    // It has no marks beside messages, so it says what has become of them.
    reads_beside(
        &ali,
        &[
            "bianca: I am fine, how about you? (TIME)",
            "bianca: ^[[31mred (TIME)",
            "bianca: Connection ended (TIME)",
            "bianca: Grüße 🙂 (TIME)",
        ],
        "-- Delivered to bianca: 1 message.",
    );
    moves_nothing(&ali);
}

#[test]
fn a_dumb_terminal_gets_the_same_texts_and_no_cursor_is_moved() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = session(&stage, |seat| seat.set("TERM", "dumb"));
    reads(&ali, &["I am fine, how about you?", "␛[31mred", "bianca: Connection ended", "Grüße 🙂"]);
    moves_nothing(&ali);
}

#[test]
fn without_colours_the_line_terminal_is_as_it_is_with_them() {
    for (variable, value, coloured) in
        [("NO_COLOR", "1", false), ("CLICOLOR_FORCE", "1", true), ("LANG", "C.UTF-8", true)]
    {
        let stage = Stage::of(&[Example::Ali, Example::Bianca]);
        let ali = session(&stage, |seat| seat.set(variable, value));
        reads(&ali, &["I am fine, how about you?", "␛[31mred", "bianca: Connection ended", "Grüße 🙂"]);
        let written = String::from_utf8(ali.bytes()).unwrap();
        let sequences = written.split("\u{1b}[").skip(1);
        let colours: Vec<&str> = sequences
            .filter(|rest| rest.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).starts_with('m'))
            .collect();
        assert_eq!(!colours.is_empty(), coloured, "{variable}: {colours:?}");
        let bold = "\u{1b}[1mEnter destination user ID: \u{1b}[0m";
        assert_eq!(written.contains(bold), coloured, "{variable}");
    }
}

#[test]
fn over_a_pipe_plain_output_is_as_on_a_screen() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut bianca = Piped::start(&stage.seat_of("bianca").with(&["--plain"]));
    bianca.logs_in();
    let mut ali = stage.piped_of("ali");
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages\n");
    ali.enters("Hello, how are you today?");
    bianca.shows("ali: Hello, how are you today? (");
}

#[test]
fn a_code_for_a_camera_is_black_on_white_whatever_the_colours_of_the_terminal() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = session(&stage, |seat| seat);
    ali.enters("/verify bianca");
    ali.asks("Do the numbers match? Type yes or no:");
    let lines = ali.lines();
    // Twelve groups of five digits, in rows that are set in.
    let groups = lines.iter().filter(|line| line.starts_with("  ")).flat_map(|line| line.split_whitespace());
    let digits: String = groups.filter(|group| group.len() == 5 && group.parse::<u32>().is_ok()).collect();
    assert_eq!(digits.len(), 60, "{lines:#?}");
    let code = common::qr::rows(&digits);
    let drawn: Vec<&str> = code.iter().map(|row| row.trim_end()).collect();
    let first = lines.windows(drawn.len()).position(|rows| rows == drawn).unwrap_or_else(|| panic!("{lines:#?}"));
    let width = code[0].chars().count();
    let styles = ali.styles();
    for row in first..first + drawn.len() {
        // What is drawn is light, and all that is left out is dark: 15 is the bright white.
        let wanted = format!("{row}  0-{} 15 on black", width - 1);
        assert!(styles.contains(&wanted), "{wanted}: {styles:#?}");
    }
}
