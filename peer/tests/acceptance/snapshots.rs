//! The full screen as it looks, cell by cell: one session in pseudo-terminals of several sizes
//! and looks, compared with the files in `tests/golden/screens`.
//!
//! What differs from one run to the next (times, days, addresses, digits of keys) is replaced by something that takes as
//! much room. `SCREENS=write` writes the files anew instead; look at every change.

use std::path::Path;
use std::time::Duration;

use common::testkit::Example;
use rustix::process::Signal;

use crate::full_screen::{logged_in, seat};
use crate::harness::{Piped, Seat, Stage, Terminal};

const THEMES: [&str; 5] = ["terminal", "mono", "light", "dark", "high-contrast"];
/// Each has a layout of its own.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (40, 20), (20, 6)];

/// Ali talks to bianca, who is verified; carol is away and has said something.
struct Session {
    ali: Terminal,
    bianca: Piped,
    carol: Piped,
    stage: Stage,
}

impl Session {
    fn new(columns: u16, rows: u16, change: impl FnOnce(Seat) -> Seat) -> Self {
        let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
        let mut bianca = stage.piped_of("bianca");
        let mut carol = stage.piped_of("carol");
        let ali = logged_in(&change(seat(&stage, "ali")), columns, rows);
        ali.enters("bianca");
        ali.shows("Connection established");
        bianca.shows("Connection received from user ali");
        ali.enters("/verify");
        ali.shows("yes or no>");
        ali.enters("yes");
        ali.shows("bianca is verified.");
        bianca.enters("Hello, how are you today?");
        ali.shows("Hello, how are you");
        ali.enters("I am fine, how about you?");
        bianca.shows("I am fine, how about you?");
        bianca.enters("Here are the plans. The first page is what we should read before Monday.");
        ali.shows("before Monday.");
        carol.enters("/away lunch");
        carol.shows("away");
        for text in ["Are you there?", "It is about the plans.", "I am back at two."] {
            carol.enters(&format!("/send ali {text}"));
        }
        ali.shows("3 unread");
        // Nobody looks at this screen any more, which it knows when it shows what was typed after that.
        ali.types("\x1b[OShall we meet at");
        ali.shows(" > Shall we meet at");
        bianca.enters("Did you see page 3? I can call at four.");
        ali.shows("call at four.");
        Self { ali, bianca, carol, stage }
    }
}

#[test]
fn the_screen_is_drawn_as_designed_in_every_size_and_nothing_stays_of_the_one_before() {
    let session = Session::new(80, 24, |seat| seat);
    let ali = &session.ali;
    is_as_designed(ali, "80x24");
    is_styled_as_designed(ali, "80x24", "terminal");
    for (columns, rows) in [(120, 40), (40, 20), (20, 6), (120, 40), (80, 24)] {
        ali.resize_to(columns, rows);
        is_as_designed(ali, &format!("{columns}x{rows}"));
        is_styled_as_designed(ali, &format!("{columns}x{rows}"), "terminal");
        // Everything is drawn again: nothing else was on the screen.
        let before = steady(&ali.cells());
        let written = ali.bytes().len();
        ali.types("\x0c");
        ali.until_written(written, "\x1b[2J");
        ali.until_cells("the same cells after a fresh draw", |cells| steady(cells) == before);
    }
    // The terminal was small while the program could not look, and has cut what was there.
    ali.signal(Signal::STOP);
    ali.resize_to(20, 6);
    ali.resize_to(80, 24);
    ali.signal(Signal::CONT);
    is_as_designed(ali, "80x24");
    session.bianca.shows("I am fine");
}

/// What can lie above a conversation, and the keys that put it there.
const ABOVE: [(&str, &str); 5] = [
    ("-opener", "\x0f"),
    ("-keys", "\x0f?"),
    ("-people", "\x1bOR"),
    ("-selection", "\x1b[1;2A"),
    ("-details", "\x1bOQ"),
];

/// Every page of a session in this theme in every size: the conversation, and what can lie above it.
fn every_page_is_as_designed(theme: &str) {
    let session = Session::new(80, 24, |seat| seat.set("PEER_UI__THEME", theme));
    let ali = &session.ali;
    in_every_size(ali, "", theme);
    for (page, keys) in ABOVE {
        ali.resize_to(80, 24);
        is_as_designed(ali, "80x24");
        ali.types(keys);
        in_every_size(ali, page, theme);
        ali.types("\x1b");
    }
}

#[test]
fn every_page_is_drawn_as_designed_in_the_colours_of_the_terminal() {
    every_page_is_as_designed("terminal");
}

#[test]
fn every_page_is_drawn_as_designed_without_colours() {
    every_page_is_as_designed("mono");
}

#[test]
fn every_page_is_drawn_as_designed_on_light() {
    every_page_is_as_designed("light");
}

#[test]
fn every_page_is_drawn_as_designed_on_dark() {
    every_page_is_as_designed("dark");
}

#[test]
fn every_page_is_drawn_as_designed_in_high_contrast() {
    every_page_is_as_designed("high-contrast");
}

#[test]
fn the_login_card_is_drawn_as_designed_in_every_size_and_theme() {
    let stage = Stage::of(&[Example::Ali]);
    for theme in THEMES {
        let ali = Terminal::start_sized(&seat(&stage, "ali").set("PEER_UI__THEME", theme), 80, 24);
        ali.shows("Enter passcode on keypad.");
        in_every_size(&ali, "-login", theme);
    }
}

#[test]
fn a_group_is_drawn_as_designed_in_every_size_and_theme() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let [mut bianca, mut carol] = ["bianca", "carol"].map(|user| stage.piped_of(user));
    let place = seat(&stage, "ali");
    let mut ali = logged_in(&place, 80, 24);
    ali.enters("/group create #team");
    ali.shows("# team");
    for (other, name) in [(&mut bianca, "bianca"), (&mut carol, "carol")] {
        other.enters("/group join #team");
        ali.enters("#team");
        ali.shows(&format!("{name} asks to join #team"));
        ali.enters(&format!("/group approve {name}"));
        other.shows("You are now a member of #team");
        ali.shows(&format!("{name} is now a member"));
    }
    bianca.enters("#team Shall we meet at four?");
    ali.shows("Shall we meet at four?");
    carol.enters("#team Four is fine.");
    ali.shows("Four is fine.");
    ali.enters("Then at four, in the small room.");
    ali.shows("small room.");
    for user in [&mut bianca, &mut carol] {
        user.shows("small room.");
    }
    for theme in THEMES {
        // What was said is there again; the terminal says so, whatever its theme.
        ali.types("\x11");
        assert_eq!(ali.exit_code(), 0);
        ali = logged_in(&place.clone().set("PEER_UI__THEME", theme), 80, 24);
        ali.shows("# team");
        ali.enters("#team");
        ali.shows("small room.");
        in_every_size(&ali, "-group", theme);
    }
}

#[test]
fn without_colours_every_state_is_there_in_words_and_shapes() {
    let session = Session::new(80, 24, |seat| seat.set("NO_COLOR", "1"));
    in_every_size(&session.ali, "", "mono");
    let written = String::from_utf8(session.ali.bytes()).unwrap();
    let coloured = written.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')).filter(|(codes, _)| {
        let digits = codes.chars().all(|c| c.is_ascii_digit() || c == ';');
        digits && codes.split(';').any(|code| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=107)))
    });
    assert_eq!(coloured.map(|(codes, _)| codes.to_owned()).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn ascii_signs_are_enough_for_the_whole_screen() {
    let session = Session::new(80, 24, |seat| seat.set("PEER_UI__GLYPHS", "ascii"));
    is_as_designed(&session.ali, "80x24-ascii");
    let wide: Vec<String> = session.ali.lines().into_iter().filter(|line| !line.is_ascii()).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_the_line_terminal() {
    let stage = Stage::of(&[Example::Ali]);
    for change in [|seat: Seat| seat.set("TERM", "dumb"), |seat: Seat| seat.with(&["--plain"])] {
        let ali = Terminal::start_sized(&change(seat(&stage, "ali")), 80, 24);
        ali.logs_in();
        ali.reads(&["Enter passcode on keypad. Logged in.", "Enter destination user ID:"]);
        assert!(!ali.bytes().contains(&0x1b), "an escape byte is written");
    }
}

#[test]
fn a_changed_key_takes_the_screen_until_the_person_decides() {
    let session = Session::new(40, 20, |seat| seat);
    let Session { ali, mut bianca, mut carol, stage } = session;
    bianca.ends_input();
    assert_eq!(bianca.exit_code(), Some(0));
    ali.shows("Connection ended");
    let printed = stage.directory.administrator(&["user", "passcode", "bianca", "--yes"]);
    let invite = printed.lines().find_map(|line| line.strip_prefix("bianca  ")).unwrap();
    let mut bianca = Piped::start(&stage.seat().with(&["join", "-"]));
    bianca.enters(invite);
    bianca.registers();
    bianca.enters("ali");
    bianca.shows("ali has not decided about your new key yet");
    ali.shows("choose>");
    ali.types("verify");
    ali.shows("choose> verify");
    is_as_designed(&ali, "40x20-key-changed");
    is_styled_as_designed(&ali, "40x20-key-changed", "terminal");
    // In other sizes dates are broken elsewhere. On the smallest screen the last choice stands for all.
    for (columns, rows, first) in [(80, 24, 0), (120, 40, 0), (20, 6, 2), (40, 20, 0)] {
        ali.resize_to(columns, rows);
        let choices = ["verify  compare", "accept  use it", "block   end"];
        ali.until("the choices, and what is answered below them", |lines| {
            let at = |text: &str| lines.iter().position(|line| line.contains(text));
            let entry = lines.iter().position(|line| line == " choose> verify");
            choices[first..].iter().all(|choice| at(choice).is_some() && at(choice) < entry)
        });
    }
    is_as_designed(&ali, "40x20-key-changed");
    // A notice that comes up covers none of it, and Esc takes the notice alone.
    carol.enters("ali");
    ali.shows("» carol wants to talk.");
    for row in [" ! bianca's key is not", "   verify  compare", "   accept  use", "   block   end", " choose> verify"] {
        ali.until(row, |lines| lines.iter().any(|line| line.starts_with(row)));
    }
    is_as_designed(&ali, "40x20-key-changed-notice");
    ali.types("\x1b");
    is_as_designed(&ali, "40x20-key-changed");
    ali.types("\x1b");
    ali.shows("Type the ID of a user");
}

/// The page in every size, cell by cell and look by look.
#[track_caller]
fn in_every_size(terminal: &Terminal, page: &str, theme: &str) {
    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        is_as_designed(terminal, &format!("{columns}x{rows}{page}"));
        is_styled_as_designed(terminal, &format!("{columns}x{rows}{page}"), theme);
    }
}

/// Whether the files are written instead of compared. Nothing tells when a screen is complete that nobody has designed
/// yet, so that it gets some time.
fn writes(path: &Path, lines: impl FnOnce() -> Vec<String>) -> bool {
    let writes = std::env::var_os("SCREENS").is_some_and(|value| value == "write");
    if writes {
        std::thread::sleep(Duration::from_secs(2));
        std::fs::write(path, lines().join("\n") + "\n").unwrap();
    }
    writes
}

/// Waits until the screen is that of the file.
#[track_caller]
fn is_as_designed(terminal: &Terminal, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/screens/{name}.txt"));
    if writes(&path, || steady(&terminal.lines())) {
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let golden: Vec<&str> = golden.lines().collect();
    terminal
        .until(&format!("the screen of {}:\n{}", path.display(), golden.join("\n")), |lines| steady(lines) == golden);
}

/// Waits until the cells of the screen look as the file says: colours, bold, dim, reversed.
#[track_caller]
fn is_styled_as_designed(terminal: &Terminal, name: &str, theme: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/screens/{name}.{theme}.txt"));
    if writes(&path, || styles_without_days(&terminal.lines(), &terminal.styles())) {
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let golden: Vec<&str> = golden.lines().collect();
    let what = format!("the looks of {}:\n{}", path.display(), golden.join("\n"));
    terminal.until_styles(&what, |lines, styles| styles_without_days(lines, styles) == golden);
}

/// How wide a day is depends on the day, so of its row it is not said what looks how.
fn styles_without_days(lines: &[String], styles: &[String]) -> Vec<String> {
    let has_day = |row: usize| lines.get(row).is_some_and(|line| days(line) != line.trim_end());
    let row = |style: &str| style.split_once("  ").and_then(|(row, _)| row.parse().ok());
    let each = styles.iter().map(|style| match row(style).filter(|row| has_day(*row)) {
        Some(row) => format!("{row}  day"),
        None => style.clone(),
    });
    each.collect()
}

/// The same for every run.
fn steady(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| days(&address(&digits(line)))).collect()
}

/// Times and groups of digits.
fn digits(line: &str) -> String {
    let mut characters: Vec<char> = line.chars().collect();
    for at in 0..characters.len() {
        let run = |from: usize, length: usize| {
            let digits = characters.get(from..from + length).is_some_and(|run| run.iter().all(char::is_ascii_digit));
            digits && !characters.get(from + length).is_some_and(char::is_ascii_digit)
        };
        if run(at, 2) && characters.get(at + 2) == Some(&':') && run(at + 3, 2) {
            for place in [at, at + 1, at + 3, at + 4] {
                characters[place] = '0';
            }
        } else if run(at, 5) {
            characters[at..at + 5].fill('0');
        }
    }
    characters.into_iter().collect()
}

/// Where the directory is.
fn address(line: &str) -> String {
    if let Some((before, rest)) = line.split_once("Directory  ") {
        let (address, after) = rest.split_once(' ').unwrap_or((rest, ""));
        return format!("{before}Directory  {:<width$} {after}", "ADDRESS", width = address.len())
            .trim_end()
            .to_owned();
    }
    let Some((before, rest)) = line.split_once("ali@") else { return line.to_owned() };
    let (address, after) =
        rest.split_once(' ').map_or((rest, String::new()), |(address, after)| (address, format!(" {after}")));
    let room = before.len() - before.trim_end().len();
    let width = room + address.len();
    format!("{}{:>width$}{after}", before.trim_end(), "ali@DIRECTORY", width = width + "ali@".len())
}

/// The rule above a day, and a day in a sentence, instead of which there is a word.
fn days(line: &str) -> String {
    let separator = if line.contains('|') { "|" } else { "│" };
    let cells: Vec<String> = line.split(separator).map(without_day).collect();
    cells.join(separator).trim_end().to_owned()
}

fn without_day(cell: &str) -> String {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let width = cell.chars().count();
    let mut words = cell.split_whitespace();
    if let (Some(sign), Some(name)) = (words.next(), words.next())
        && NAMES.contains(&name)
    {
        return format!("{:width$}", format!("    {sign} DAY {sign}"));
    }
    match cell.split_once(" since ") {
        Some((before, rest)) if rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains(':') => {
            let after = rest.split_once(". ").map_or("", |(_, after)| after);
            format!("{before} since DAY. {after}")
        }
        _ => cell.to_owned(),
    }
}
