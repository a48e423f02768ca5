//! What lies above the full screen and beside it: the opener, keys, details, an editor, who asks to join, what is unknown.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::testkit::Example;
use rustix::process::Signal;

use crate::full_screen::{logged_in, seat};
use crate::harness::{PASSCODE, Stage, Terminal};

#[test]
fn the_opener_finds_commands_too_and_says_when_nothing_matches() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let _bianca = stage.piped_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.shows("● bianca");
    ali.types("half a line\x0fvers");
    ali.shows("/version");
    ali.types("\r");
    ali.shows("» peer ");
    // What was being typed is still there.
    ali.shows(" > half a line");
    ali.types("\x15\x0f/fi");
    ali.shows("/file [TO] PATH");
    ali.shows("/find WORDS");
    ali.until("commands alone", |lines| !lines.iter().any(|line| line.contains("bianca")));
    ali.types("\r");
    ali.shows(" > /file");
    ali.types("\x15\x0fzzz");
    ali.shows("Nothing in the list matches. Enter opens a conversation with zzz.");
    ali.types("/");
    ali.shows("Nothing matches.");
}

#[test]
fn a_question_mark_lists_the_keys_and_words_narrow_them() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = logged_in(&seat(&stage, "ali").configured("[keys]\nopen = [\"ctrl-g\"]\n"), 80, 24);
    ali.types("?");
    ali.shows(" KEYS");
    ali.shows("ctrl-g               open a conversation or a command by a few letters");
    ali.types("scroll");
    ali.shows(" open> ?scroll");
    ali.until("what scrolls", |lines| {
        let keys: Vec<&String> = lines.iter().filter(|line| line.starts_with("   ")).collect();
        keys.len() == 2 && keys.iter().all(|line| line.contains("scroll"))
    });
    ali.types("\x1b");
    ali.until("no keys", |lines| !lines.iter().any(|line| line.contains("KEYS")));
    ali.enters("/help");
    ali.shows(" HELP");
    ali.types("?");
    ali.shows(" KEYS");
}

#[test]
fn details_are_a_page_where_there_is_no_room_beside_the_conversation() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    ali.types("\x1bOQ");
    ali.shows(" CONNECTION");
    ali.shows("  key not verified");
    ali.types("\x1bOQ");
    ali.until("the conversation", |lines| !lines.iter().any(|line| line.contains("CONNECTION")));
    ali.resize_to(120, 40);
    ali.shows("│ CONNECTION");
    ali.types("\x1bOQ");
    ali.until("no details", |lines| !lines.iter().any(|line| line.contains("CONNECTION")));
}

#[test]
fn without_the_directory_nobody_is_said_to_be_online_unless_they_are_connected() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let _bianca = stage.piped_of("bianca");
    let carol = stage.terminal_of("carol");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.shows("● bianca");
    ali.enters("carol");
    carol.shows("Connection received from user ali");
    ali.shows(" carol  ● online");
    stage.directory.kill();
    ali.shows("[OFFLINE");
    ali.shows("? bianca");
    ali.shows("● carol");
    ali.types("\x1b[1;3A\x1b[1;3A");
    ali.shows(" bianca  ? unknown");
}

#[test]
fn whoever_asks_to_join_waits_in_a_row_of_their_own_and_enter_reviews_them() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("/group create #team");
    ali.shows("# team");
    bianca.enters("/group join #team");
    ali.shows("bianca");
    ali.enters("#team");
    ali.types("\x1b");
    ali.shows("» 1 asks to join: Enter to review");
    ali.enters("");
    ali.shows("bianca  asks to join: /group approve bianca");
    ali.enters("/group approve bianca");
    ali.until("nobody who waits", |lines| !lines.iter().any(|line| line.contains("Enter to review")));
}

#[test]
fn a_message_is_written_in_an_editor_on_the_full_screen_too() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let editor = stage.folder().join("editor");
    let script =
        "#!/bin/sh\nstty -a | grep -q ' icanon' && echo ready\nread line\nprintf '%s\\nsecond\\n' \"$line\" >\"$1\"\n";
    std::fs::write(&editor, script).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bianca = stage.terminal_of("bianca");
    let seat = seat(&stage, "ali").set("EDITOR", &editor.display().to_string()).set("PATH", "/usr/bin:/bin");
    let mut ali = logged_in(&seat, 80, 24);
    ali.enters("/edit");
    ali.shows("/edit writes to whom you talk to");
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    ali.enters("/edit");
    ali.shows("ready");
    assert!(!ali.is_full_screen());
    // Nothing is drawn over the editor, and nothing is lost.
    bianca.enters("are you there?");
    ali.types("from the editor\n");
    ali.shows("bianca  are you there?");
    ali.shows(" > from the editor");
    ali.types("\r");
    bianca.shows("from the editor");
    bianca.shows("  second");
    ali.signal(Signal::TERM);
    assert_eq!(ali.exit_code(), 143);
    assert_eq!(ali.modes(), ali.modes_before());
}

#[test]
fn no_half_of_a_flag_is_written_because_terminals_disagree_about_its_width() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali: Terminal = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    bianca.enters("from 🇩🇪 to 🇫🇷 and back");
    ali.shows("bianca  from DE to FR and back");
    ali.enters("/find back");
    ali.shows("from DE to FR and back");
    ali.types("\x1b");
    let written = String::from_utf8(ali.bytes()).unwrap();
    assert!(!written.contains(|c| ('\u{1f1e6}'..='\u{1f1ff}').contains(&c)));
}

#[test]
fn with_the_mouse_conversations_are_clicked_messages_dragged_over_and_the_wheel_scrolls() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    let before = ali.bytes().len();
    ali.enters("/mouse on");
    ali.shows("drag over messages");
    ali.until_written(before, "\x1b[?1002h");
    ali.shows("● bianca");
    let at = |text: &str| {
        let lines = ali.lines();
        let (row, line) = lines.iter().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        (line[..line.find(text).unwrap()].chars().count() + 2, row + 1)
    };
    let press = |button: usize, (column, row): (usize, usize)| ali.types(&format!("\x1b[<{button};{column};{row}M"));
    press(0, at("● bianca"));
    ali.shows("Nothing was said yet.");
    bianca.enters("ali");
    bianca.shows("Connection established");
    for number in 1..=30 {
        bianca.enters(&format!("number {number}."));
    }
    ali.shows("number 30.");
    press(0, at("number 29."));
    ali.shows("c copy");
    press(32, at("number 27."));
    let before = ali.bytes().len();
    ali.types("c");
    // All that the mouse was dragged over, with who has said it.
    let copied = STANDARD.encode("bianca: number 27.\nbianca: number 28.\nbianca: number 29.\n");
    ali.until_written(before, &format!("\x1b]52;c;{copied}"));
    ali.shows("Copied: \"bianca: number 27.");
    press(64, (40, 10));
    ali.shows("more below, End");
    press(65, (40, 10));
    ali.until("the end", |lines| !lines.iter().any(|line| line.contains("more below")));
    let before = ali.bytes().len();
    ali.enters("/mouse off");
    ali.until_written(before, "\x1b[?1002l");
}

#[test]
fn a_notice_gives_back_the_one_that_it_hid() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let [bianca, carol] = ["bianca", "carol"].map(|user| stage.terminal_of(user));
    let ali = logged_in(&seat(&stage, "ali"), 80, 24);
    ali.enters("bianca");
    bianca.shows("Connection received from user ali");
    carol.enters("ali");
    carol.shows("Connection established");
    ali.shows("» carol wants to talk.");
    stage.directory.kill();
    ali.until("both notices", |lines| {
        lines.iter().any(|line| line.starts_with(" » Lost the directory") && line.ends_with("+1 more, Esc"))
    });
    ali.types("\x1b");
    ali.until("the notice before, and no other behind it", |lines| {
        lines.iter().any(|line| line == " » carol wants to talk. Alt+A opens, Esc hides this.")
    });
    ali.types("\x1b");
    ali.until("no notice", |lines| !lines.iter().any(|line| line.starts_with(" »")));
}

#[test]
fn signs_that_the_terminal_draws_wide_are_found_out_while_the_first_screen_is_there_already() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = Terminal::start_sized(&seat(&stage, "ali"), 80, 24);
    // What the terminal says to the questions: the cursor stands where seven wide signs have put it.
    ali.types(&"\x1b[1;15R".repeat(4));
    ali.until("a card without wide signs", |lines| {
        lines.iter().any(|line| line.contains("+----")) && lines.iter().all(|line| line.is_ascii())
    });
    let written = String::from_utf8(ali.bytes()).unwrap();
    let (_, behind) = written.split_once("\x1b[2J").unwrap();
    assert!(behind.contains('─'), "the first screen waits for an answer");
    ali.enters(PASSCODE);
    ali.shows("/help");
    let wide: Vec<String> = ali.lines().into_iter().filter(|line| !line.is_ascii()).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}
