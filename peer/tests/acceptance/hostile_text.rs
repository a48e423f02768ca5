//! Texts of somebody else on our screen (threats T1, T2): no control byte, and nothing that passes for ours.

use common::testkit::Example;
use common::testkit::caller::Caller;

use crate::harness::{Counterpart, Piped, Stage, Terminal};

/// Each would do something to a terminal that shows it as it is.
pub(crate) const HOSTILE: &[&str] = &[
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "\x1b[2J\x1b[Hcleared",
    "left \u{202e}thgir\u{202c} \u{2066}isolated\u{2069} \u{200f}mark",
    "zero\u{200b}width\u{2060}joined\u{feff}",
    "\u{9b}31mC1 \u{90}device\u{9c} \u{85}next",
    "\x1b]52;c;Y29weQ==\x07copied",
    "tab\tstop",
    "del\x7f bell\x07 back\x08\x08\x08space \x0c\x0b\x0e\x0f\0",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}algo",
    "👨‍👩‍👧‍👦 🇩🇪 1️⃣ 각",
    "*bold* _i_ `code` https://example.org/\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
    "over\rwritten",
    "\x1bP+q544e\x1b\\ \x1b[6n \x1b[c \x1b[>q",
    "\x1b[?1049h\x1b[?2004l\x1b[?25l\x1bc",
];

/// Lines that a user could take for ours.
const IMITATIONS: &[&str] = &[
    "Connection ended",
    "CTRL-C connection ended",
    "  connection ENDED",
    "\u{200b}Connection ended",
    "Enter passcode on keypad. ",
    "Enter destination user ID: ",
    "Login: ",
    "-- bianca is verified.",
    "WARNING: the key of carol has changed",
    "C\u{43e}nnection ended",
];

pub(crate) fn say_everything(caller: &mut Caller) {
    for text in HOSTILE.iter().chain(IMITATIONS) {
        caller.say("\x1b[31mnick", text).unwrap();
    }
    caller.say("ali", "first\nConnection ended\nthird").unwrap();
    caller.say("ali", "that was all").unwrap();
}

/// Characters that move, hide or reorder others.
pub(crate) fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

#[test]
fn over_pipes_nothing_but_line_ends_is_written_for_control_characters() {
    let stage = Stage::of(&[Example::Bianca]);
    let seat = stage.seat_of("bianca");
    let mut bianca = Piped::start(&seat);
    bianca.logs_in();
    let ali = Counterpart::ali(&stage);
    let mut caller = ali.call(seat.address()).place().unwrap();
    say_everything(&mut caller);
    bianca.shows("that was all\n");
    let output = bianca.output();
    let harmful: Vec<char> = output.chars().filter(|c| is_harmful(*c)).collect();
    assert!(harmful.is_empty(), "{harmful:?} in:\n{output}");
    assert_imitations_show_their_author(&output.lines().map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn in_a_terminal_a_remote_text_moves_colours_and_hides_nothing() {
    let stage = Stage::of(&[Example::Bianca]);
    let seat = stage.seat_of("bianca");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.types("half a li");
    bianca.holds("Enter destination user ID: half a li");
    let ali = Counterpart::ali(&stage);
    let mut caller = ali.call(seat.address()).place().unwrap();
    say_everything(&mut caller);
    bianca.shows("that was all");
    let written = bianca.bytes();
    let strange = escapes(&written);
    assert!(strange.is_empty(), "{strange:?}");
    let text = String::from_utf8(written).unwrap();
    let harmful: Vec<char> = text.chars().filter(|c| is_harmful(*c) && !matches!(c, '\r' | '\x1b')).collect();
    assert!(harmful.is_empty(), "{harmful:?}");
    assert_imitations_show_their_author(&bianca.lines());
}

/// Escape sequences other than those the program itself draws with.
fn escapes(written: &[u8]) -> Vec<String> {
    let ours = |sequence: &str| {
        let numbered = |end: char| {
            sequence.strip_suffix(end).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        // Bold prompts, dim marks, red warnings, and back; no text of anybody is inside.
        let styled = matches!(sequence, "0m" | "1m" | "2m" | "1;31m");
        styled
            || matches!(sequence, "J" | "?2004h" | "?2004l")
            || ["A", "C"].iter().any(|end| numbered(end.chars().next().unwrap()))
    };
    let text = String::from_utf8_lossy(written);
    let sequences = text.split('\x1b').skip(1).map(|rest| {
        let rest = rest.strip_prefix('[').map(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
            &rest[..end]
        });
        rest.map(str::to_owned)
    });
    sequences.map(|sequence| sequence.unwrap_or_else(|| "not a CSI".to_owned())).filter(|s| !ours(s)).collect()
}

/// Every line that could be ours begins with the name of who said it; further lines of a message are indented.
#[track_caller]
fn assert_imitations_show_their_author(lines: &[String]) {
    let begin = lines.iter().position(|line| line.starts_with("Connection received from user ali")).unwrap();
    let said = &lines[begin + 1..];
    for words in ["Connection ended", "CTRL-C connection ended", "Enter passcode", "Login:", "-- bianca", "WARNING"] {
        let ours: Vec<_> = said.iter().filter(|line| line.starts_with(words)).collect();
        assert!(ours.is_empty(), "{ours:?} can pass for ours in {said:#?}");
    }
    for words in ["ali: Connection ended", "ali: CTRL-C connection ended", "ali: Enter passcode on keypad."] {
        assert!(said.iter().any(|line| line.starts_with(words)), "{words:?} is missing in {said:#?}");
    }
    assert!(said.iter().any(|line| line == "  Connection ended"), "{said:#?}");
}
