//! Commands for one's own screen: clipboard, editor, clock.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::testkit::Example;

use crate::harness::{Stage, Terminal};

/// The text that a terminal was asked to put on its clipboard.
fn clipboard(written: &[u8]) -> Option<String> {
    let written = String::from_utf8_lossy(written).into_owned();
    let (_, rest) = written.split_once("\u{1b}]52;c;")?;
    let (encoded, _) = rest.split_once('\u{7}')?;
    Some(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
}

#[test]
fn a_message_is_copied_to_the_clipboard_of_a_terminal_without_what_would_act_on_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    ali.enters("Grüße 🙂");
    bianca.shows("Grüße 🙂");
    bianca.enters("/copy");
    bianca.shows("-- Copied: \"Grüße 🙂\".");
    assert_eq!(clipboard(&bianca.bytes()).as_deref(), Some("Grüße 🙂"));
    bianca.enters("/copy 2");
    bianca.shows("-- There is no such message of somebody else.");
}

#[test]
fn without_a_terminal_nothing_is_copied_or_edited_and_that_is_said() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let mut ali = stage.piped_of("ali");
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages");
    bianca.enters("Hello");
    ali.shows("Hello\n");
    ali.enters("/copy");
    ali.shows("-- Nothing was copied: that needs a terminal");
    ali.enters("/edit");
    ali.shows("-- Nothing was edited: that needs a terminal");
    assert!(!ali.output().contains('\u{1b}'));
}

#[test]
fn a_message_is_written_in_an_editor_and_sent_by_enter() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    // Reads what to write from the terminal, so it has the keys, and shows what modes it found.
    let editor = stage.folder().join("editor");
    std::fs::write(&editor, "#!/bin/sh\nstty -a | grep -q ' icanon' && echo ready\nread line\nprintf '%s\\nsecond\\n' \"$line\" >\"$2\"\necho \"$1 saved\"\n").unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let with_option = format!("{} --wait", editor.display());
    let mut bianca = stage.piped_of("bianca");
    let seat = stage.seat_of("ali").pastes_as_configured().set("EDITOR", &with_option).set("PATH", "/usr/bin:/bin");
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    ali.enters("/edit");
    ali.shows("ready");
    bianca.shows("Connection received from user ali, type your messages\n");
    // Meanwhile nothing is drawn over the editor, and nothing is lost.
    bianca.enters("are you there?");
    ali.types("from the editor\n");
    ali.shows("--wait saved");
    ali.shows("-- Paste of 2 lines: Enter sends it as one message, Esc discards it.");
    ali.shows("are you there?");
    ali.enters("");
    bianca.shows("from the editor\n  second\n");
    ali.enters("and by hand again");
    bianca.shows("and by hand again\n");
    ali.types("\u{4}");
    ali.is_at_prompt();
    ali.enters("quit");
    assert_eq!(ali.exit_code(), 0);
    assert_eq!(ali.modes(), ali.modes_before());
}

#[test]
fn an_editor_that_does_not_work_is_pointed_out() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut bianca = stage.piped_of("bianca");
    let ali = Terminal::start(&stage.seat_of("ali").set("EDITOR", "false").set("PATH", "/usr/bin:/bin"));
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    ali.enters("/edit");
    ali.shows("-- false did not work: exit status: 1. Set another: export EDITOR=nano");
    ali.enters("by hand");
    bianca.shows("by hand\n");
    bianca.ends_input();
}

#[test]
fn the_line_terminal_is_as_the_configuration_wants_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut bianca = stage.piped_of("bianca");
    let wishes = "[line]\ntime = \"always\"\nreceipts = true\npaste_guard = false\n";
    let ali = Terminal::start(&stage.seat_of("ali").pastes_as_configured().configured(wishes));
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    ali.types("\u{1b}[200~one\ntwo\u{1b}[201~");
    ali.holds("two");
    ali.enters("");
    bianca.shows("one\n  two\n");
    ali.shows("-- Delivered to bianca: 1 message.");
    bianca.enters("three");
    ali.until("a text with its time", |lines| {
        lines
            .iter()
            .any(|line| line.starts_with("three (") && line.ends_with(')') && line.len() == "three (14:02)".len())
    });
    assert!(!ali.lines().iter().any(|line| line.contains("-- Paste of")), "{:#?}", ali.lines());
}

/// Somebody who types at the keyboard of a pipe hears no bell, and who asks for it at a terminal does.
#[test]
fn a_bell_rings_on_a_terminal_where_it_was_asked_for() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    ali.enters("before");
    bianca.shows("before");
    assert!(!bianca.bytes().contains(&7));
    bianca.enters("/bell on");
    bianca.shows("-- Every message rings the bell of the terminal.");
    ali.enters("after");
    bianca.shows("after");
    assert!(bianca.bytes().contains(&7));
}

/// Nobody wakes a program that has no shell, so it goes on at once; it must have taken the terminal over again.
#[test]
fn after_ctrl_z_the_terminal_is_taken_over_again() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = stage.terminal_of("ali");
    let modes = ali.modes();
    assert!(modes.contains("-icanon"), "{modes}");
    ali.types("\u{1a}bian");
    ali.holds("Enter destination user ID: bian");
    assert_eq!(ali.modes(), modes);
    ali.types("\u{15}quit\r");
    assert_eq!(ali.exit_code(), 0);
    assert_eq!(ali.modes(), ali.modes_before());
}

#[test]
fn after_a_restart_the_arrow_keys_bring_back_what_was_written_unless_that_is_not_wanted() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let seat = stage.seat_of("ali");
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    for said in ["first", "second"] {
        ali.enters(said);
        bianca.shows(said);
    }
    bianca.enters("mine");
    ali.shows("mine");
    ali.enters("/quit");
    assert_eq!(ali.exit_code(), 0);
    bianca.is_at_prompt();

    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    let up = "\u{1b}[A";
    // Lookups are answered in turn, so this comes after the one for the keys.
    ali.enters("/history 1");
    ali.shows("bianca: mine");
    for entry in ["/history 1", "second", "first"] {
        ali.types(up);
        ali.holds(entry);
    }
    ali.types("\u{15}/quit\r");
    assert_eq!(ali.exit_code(), 0);
    bianca.is_at_prompt();

    let mut ali = Terminal::start(&seat.configured("[line]\nhistory_file = false\n"));
    ali.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    ali.enters("/history 1");
    ali.shows("bianca: mine");
    ali.types(&up.repeat(3));
    ali.holds("/history 1");
    ali.types("\u{15}/quit\r");
    assert_eq!(ali.exit_code(), 0);
}

/// Whether a row that ends in `text` was written dim.
fn is_dim(written: &[u8], text: &str) -> bool {
    let written = String::from_utf8_lossy(written).into_owned();
    let mut dim = written.split("\u{1b}[2m").skip(1).filter_map(|rest| rest.split("\u{1b}[0m").next());
    dim.any(|row| row.ends_with(text))
}

#[test]
fn the_last_messages_are_shown_dim_when_a_group_is_opened_and_of_two_people_where_that_is_wanted() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seats = ["ali", "bianca"].map(|user| stage.seat_of(user));
    let [mut ali, bianca] = stage.conversation_at(seats.clone());
    bianca.enters("between two");
    ali.shows("between two");
    ali.ctrl_c();
    ali.is_at_prompt();
    ali.enters("/group create #team");
    ali.shows("-- Group #team created; you are its admin.");
    bianca.enters("/group join #team");
    ali.shows("-- bianca asks to join #team:");
    ali.enters("/group approve bianca #team");
    bianca.shows("-- You are now a member of #team (2 members).");
    ali.enters("#team among all");
    bianca.shows("-- #team ali: among all");
    ali.enters("/quit");
    assert_eq!(ali.exit_code(), 0);

    for (wish, of_two) in [("", false), ("[line]\nbacklog = 3\n", true)] {
        let mut ali = Terminal::start(&seats[0].clone().configured(wish));
        ali.logs_in();
        ali.enters("#team");
        ali.shows("ali: among all");
        assert!(is_dim(&ali.bytes(), "ali: among all"), "{:#?}", ali.lines());
        // Who speaks in a group has a colour, beside the name.
        let text = if of_two { "still here" } else { "here" };
        bianca.enters(&format!("#team {text}"));
        ali.shows(&format!("bianca: {text}"));
        assert!(String::from_utf8(ali.bytes()).unwrap().contains(&format!("mbianca\u{1b}[0m: {text}")));
        ali.ctrl_c();
        ali.is_at_prompt();
        ali.enters("bianca");
        ali.shows("Connection established, type your messages");
        // What was looked up is shown before what comes from now on.
        bianca.enters("and now");
        ali.shows("and now");
        assert_eq!(is_dim(&ali.bytes(), "between two"), of_two, "{wish:?}: {:#?}", ali.lines());
        ali.enters("/quit");
        assert_eq!(ali.exit_code(), 0);
        bianca.is_at_prompt();
    }
}
