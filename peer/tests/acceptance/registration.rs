//! First runs: registration at a directory on this machine, and by invitation.

use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::login::Stretch;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::stage::account;
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

const INVITE: Start<'_> = Start { clock_offset: 0, settings: &[("REGISTER__MODE", "invite")] };

#[test]
fn two_people_without_accounts_or_addresses_of_their_own_register_and_talk() {
    let stage = Stage::new();
    let server = stage.directory.address;
    // The same machine and address for both, as for people who try it out.
    let seat = stage.seat();
    let [ali, bianca] = ["ali", "bianca"].map(|user| {
        let terminal = Terminal::start(&seat);
        terminal.asks("Login:");
        terminal.enters(user);
        terminal.asks(&format!("No user {user} on {server}. Register {user} now? [Y/n]"));
        terminal.enters("");
        terminal.asks("New passcode, 6 digits or more:");
        terminal.enters("4821");
        terminal.shows("-- Too short: 6 digits or more. Nothing was sent.");
        terminal.asks("New passcode, 6 digits or more:");
        terminal.enters(PASSCODE);
        terminal.asks("Same passcode again:");
        terminal.enters(PASSCODE);
        terminal.shows(&format!("Registered {user}."));
        terminal.is_at_prompt();
        terminal.reads(&[
            &format!("Login: {user}"),
            &format!("No user {user} on {server}. Register {user} now? [Y/n]"),
            "New passcode, 6 digits or more:",
            "-- Too short: 6 digits or more. Nothing was sent.",
            "New passcode, 6 digits or more:",
            "Same passcode again:",
            &format!("Registered {user}."),
            "Enter passcode on keypad. Logged in.",
            "Enter destination user ID:",
        ]);
        let written = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        assert!(!written.contains("4821"), "a passcode was shown");
        terminal
    });
    bianca.enters("ali");
    bianca.shows("Connection established, type your messages");
    ali.shows("Connection received from user bianca, type your messages");
    ali.enters("I am fine, how about you?");
    bianca.shows("I am fine, how about you?");

    let carol = account(Example::Carol, Stretch::Least);
    stage.register(&carol);
    let mut client = stage.client(fresh());
    client.log_in(&carol, common::ident::TerminalId([3; 16]), PEER_PORT).unwrap();
    let ports = [Example::Ali, Example::Bianca]
        .map(|user| client.lookup(&carol.user, &user.user().unwrap()).unwrap().addresses[0].port());
    assert_eq!(ports, [PEER_PORT, PEER_PORT + 1], "the second takes the next free port");
}

/// Joins with an invitation; gives the peer before any passcode was asked.
fn joins(stage: &Stage, line: &str) -> Piped {
    let mut peer = Piped::start(&stage.seat().with(&["join", "-"]));
    peer.asks("Paste the invite: ");
    peer.enters(line);
    peer
}

fn invite(stage: &Stage, user: &str) -> String {
    let printed = stage.directory.administrator(&["invite", user]);
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{user}  "))).unwrap();
    line.to_owned()
}

#[test]
fn an_invitation_introduces_both_sides_and_works_once() {
    let stage = Stage::with(INVITE);
    let server = stage.directory.address;
    let line = invite(&stage, "bianca");
    assert!(line.starts_with(&format!("bianca@{server}/")), "{line}");
    let key = stage.directory.output().lines().find_map(|line| line.strip_prefix("Server key ").map(str::to_owned));

    let mut bianca = joins(&stage, &line);
    bianca.registers();
    let expected = [
        &format!("Paste the invite: {line}"),
        &format!("The invite also proves the server's key: {}", key.unwrap()),
        "New passcode, 6 digits or more: ",
        "Same passcode again: ",
        &format!("Registered bianca on {}. From now on just run: peer", server.ip()),
        "Enter passcode on keypad. Logged in.",
        "Enter destination user ID: ",
    ];
    assert_eq!(bianca.output(), expected.join("\n"));

    let mut again = joins(&stage, &line);
    assert_eq!(again.exit_code(), Some(4));
    again.shows_in_the_end(&format!(
        "{server} does not know this invite, or it was used or is out of date. Nothing was sent."
    ));
}

#[test]
fn an_invitation_can_be_a_picture_that_fits_a_small_screen() {
    let stage = Stage::with(INVITE);
    let printed = stage.directory.administrator(&["invite", "bianca", "--qr"]);
    let rows: Vec<&str> = printed.lines().filter(|line| line.contains('█')).collect();
    assert!((10..=19).contains(&rows.len()), "{printed}");
    assert!(rows.iter().all(|row| row.chars().count() <= 37), "{printed}");
    assert!(!printed.contains('\u{1b}') && printed.contains("\nbianca  bianca@"), "{printed}");
}

#[test]
fn a_wrong_invitation_tells_the_directory_nothing_and_spoils_nothing() {
    let stage = Stage::with(INVITE);
    let line = invite(&stage, "bianca");
    let (rest, code) = line.rsplit_once('/').unwrap();
    let first = if code.starts_with('0') { '1' } else { '0' };
    let wrong = format!("{rest}/{first}{}", &code[1..]);

    let mut peer = joins(&stage, &wrong);
    assert_eq!(peer.exit_code(), Some(4));
    peer.shows_in_the_end("does not know this invite, or it was used or is out of date. Nothing was sent.");
    let mut peer = joins(&stage, "bianca@nowhere");
    assert_eq!(peer.exit_code(), Some(2));
    peer.shows_in_the_end("That is not an invite; nothing was sent.");
    assert!(!stage.directory.output().contains("\"registered\""));

    // Typed by hand, in small letters and with the letter O for a nought.
    let mut peer = joins(&stage, &line.to_lowercase().replace('0', "o").replacen(&rest.replace('0', "o"), rest, 1));
    peer.registers();
}

#[test]
fn without_an_invitation_nobody_registers_where_one_is_needed() {
    let stage = Stage::with(INVITE);
    let mut client = stage.client(fresh());
    let refused = client.register(&account(Example::Ali, Stretch::Least), None).unwrap();
    assert_eq!(refused.reason, Some(common::msg::RegisterRefusal::Invite));
    let mut ali = Piped::start(&stage.seat_of("ali"));
    // Whether the user exists is not told: a passcode is asked for, and is wrong.
    ali.asks("Enter passcode on keypad. ");
    ali.enters(PASSCODE);
    ali.shows("Not accepted, 3 tries left.");
}

#[test]
fn an_id_that_is_not_to_be_had_is_refused_before_a_passcode_is_asked_and_an_invitation_is_taken_at_login() {
    let stage = Stage::new();
    let server = stage.directory.address;
    let line = invite(&stage, "bianca");
    let bianca = Terminal::start(&stage.seat());
    bianca.asks("Login:");
    bianca.enters("me");
    bianca.shows(&format!("me is taken or reserved on {server}. Choose another ID."));
    bianca.asks("Login:");
    bianca.enters("bianca");
    bianca.shows(&format!("{server} needs an invite for bianca."));
    bianca.asks("Login:");
    bianca.enters(&line);
    bianca.shows("The invite also proves the server's key:");
    for question in ["New passcode, 6 digits or more:", "Same passcode again:"] {
        bianca.asks(question);
        bianca.enters(PASSCODE);
    }
    bianca.shows("Registered bianca on ");
    bianca.is_at_prompt();
    assert!(!bianca.lines().iter().any(|line| line.contains("Register me now")));
}

#[test]
fn keys_of_a_passcode_are_acknowledged_and_neither_shown_nor_counted() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = Terminal::start(&stage.seat_of("ali"));
    let question = "Enter passcode on keypad.";
    ali.asks(question);
    let mut shown = ali.lines();
    for key in PASSCODE.chars() {
        ali.types(&key.to_string());
        let marked = |lines: &[String]| {
            let mark = lines.last().and_then(|line| line.strip_prefix(question));
            lines != shown && mark.is_some_and(|mark| ["*", "+", "x", "o"].contains(&mark.trim_start()))
        };
        ali.until("another mark", marked);
        shown = ali.lines();
    }
    // Nothing is left to acknowledge in an empty entry.
    ali.types("\x15");
    ali.logs_in();
    ali.reads(&["Enter passcode on keypad. Logged in.", "Enter destination user ID:"]);
}
