//! What can be typed besides messages, and how the program ends.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use common::ident::TerminalId;
use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::login::Stretch;
use rustix::process::Signal;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::stage::{Seat, account};
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

#[test]
fn list_help_and_logout_work_at_the_prompt_and_behind_a_slash() {
    let stage = Stage::of(&[Example::Ali]);
    let bianca = account(Example::Bianca, Stretch::Least);
    stage.register(&bianca);
    let mut present = stage.client(fresh());
    present.log_in(&bianca, TerminalId([2; 16]), PEER_PORT).unwrap();
    let mut ali = stage.piped_of("ali");
    ali.enters("list");
    let table = "ID        STATE                     KEY\nbianca    online                    not verified\n";
    ali.asks(&format!("ID: list\n{table}Enter destination user ID: "));
    present.log_out().unwrap();
    ali.enters("/list");
    ali.asks("ID: /list\nID        STATE                     KEY\nEnter destination user ID: ");
    ali.enters("help");
    ali.shows("Type the ID of a user to connect, then your messages. CTRL-C ends it.\n");
    ali.enters("/lsit");
    ali.asks("-- No command /lsit. Did you mean /list? Nothing was sent.\nEnter destination user ID: ");
    ali.enters("ali");
    ali.shows("That is you. Choose someone else.\n");
    ali.enters("carol");
    ali.shows("No user carol.");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    assert!(ali.output().ends_with("ID: logout\nLogged out.\n"), "{}", ali.output());
}

/// How to leave.
#[derive(Debug, Clone, Copy)]
enum Way {
    Keys(&'static str),
    Signal(Signal),
}

#[test]
fn every_way_out_of_the_prompt_has_its_exit_code() {
    let stage = Stage::of(&[Example::Ali]);
    // Its first login makes keys for mail; whoever is told to stop meanwhile does not wait for that.
    let seat = stage.seat_of("ali");
    let typed = [("!quit\r", 0), ("\x04", 0), ("\x03", 130)].map(|(keys, code)| (Way::Keys(keys), code));
    let signals = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
    for (way, code) in typed.into_iter().chain(signals.map(|(signal, code)| (Way::Signal(signal), code))) {
        let mut ali = Terminal::start(&seat);
        ali.logs_in();
        let goes = || match way {
            Way::Keys(keys) => ali.types(keys),
            Way::Signal(signal) => ali.signal(signal),
        };
        goes();
        if code == 130 {
            ali.shows("-- Press CTRL-C once more to log out.");
            goes();
        }
        assert_eq!(ali.exit_code(), code, "{way:?}");
        ali.shows("Logged out.");
        assert_eq!(ali.modes(), ali.modes_before(), "{way:?} leaves the terminal as it was");
    }
}

#[test]
fn ctrl_c_clears_what_was_typed_before_it_ends_the_program() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = stage.terminal_of("ali");
    ali.types("bian");
    ali.holds("Enter destination user ID: bian");
    ali.ctrl_c();
    ali.is_at_prompt();
    ali.ctrl_c();
    ali.shows("-- Press CTRL-C once more to log out.");
    ali.is_at_prompt();
    // Whoever goes on is asked again.
    ali.enters("help quit");
    ali.shows("See also: /end");
    ali.ctrl_c();
    ali.shows_times("-- Press CTRL-C once more to log out.", 2);
    ali.ctrl_c();
    assert_eq!(ali.exit_code(), 130);
}

#[test]
fn commands_in_the_wrong_place_say_what_is_right_there() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    ali.ctrl_c();
    ali.is_at_prompt();
    for (typed, told) in [
        ("/mute", "-- You talk to nobody here, so /mute needs a name: /mute bianca"),
        ("history", "-- You talk to nobody here, so /history needs a name: /history bianca"),
        ("/file plans.pdf", "-- You talk to nobody here, so /file needs a name: /file bianca plans.pdf"),
        ("/file #team plans.pdf", "-- Files go to one user at a time. Name the user: /file bianca plans.pdf"),
        ("/edit", "-- /edit writes to whom you talk to. Type whom first: bianca, #team or *"),
    ] {
        ali.enters(typed);
        ali.shows(told);
        ali.is_at_prompt();
    }
    bianca.shows("Connection ended");
    bianca.enters("@ali written while nobody talks");
    ali.shows("written while nobody talks");
    // What was said is read without a call.
    ali.enters("/history bianca 1");
    ali.until("the history", |lines| {
        lines.iter().filter(|line| line.ends_with("written while nobody talks")).count() == 2
    });
    ali.is_at_prompt();
    let calls = bianca.lines().iter().filter(|line| line.starts_with("Connection received")).count();
    assert!(calls <= 1, "nobody is called to read what was said");
}

#[test]
fn suggested_commands_stay_whole_at_every_width_where_they_fit() {
    let stage = Stage::of(&[Example::Ali]);
    for width in [40, 60, 80, 100] {
        let ali = Terminal::start_wide(&stage.seat_of("ali"), width);
        ali.logs_in();
        ali.enters("/mute");
        ali.enters("/file plans.pdf");
        // As the rows are, not as they read when they are put together.
        ali.until_rows("whole commands", |rows| {
            ["/mute bianca", "/file bianca plans.pdf"].iter().all(|command| {
                command.split(' ').all(|word| rows.iter().any(|row| row.split_whitespace().any(|there| there == word)))
            })
        });
    }
}

#[test]
fn tab_completes_people_before_commands_and_a_search_goes_on_with_every_letter() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, _bianca] = stage.conversation();
    ali.enters("the first plan");
    ali.enters("a second plan");
    ali.types("\x12");
    ali.asks("search \"\":");
    ali.types("pl");
    ali.asks_in("search \"pl\": a second plan");
    ali.types("\x12");
    ali.asks_in("search \"pl\": the first plan");
    ali.types("\x1b");
    ali.until("an empty entry", |lines| !lines.iter().any(|line| line.contains("search \"")));
    ali.ctrl_c();
    ali.is_at_prompt();
    // There are /back, /bell, /block and /broadcast.
    ali.types("b\t");
    ali.asks("Enter destination user ID: bianca");
}

#[test]
fn tab_completes_groups_from_the_login_on() {
    let stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("/group create #team");
    ali.shows("#team");
    ali.is_at_prompt();
    ali.enters("/quit");
    assert_eq!(ali.exit_code(), 0);
    let ali = Terminal::start(&seat);
    ali.logs_in();
    // What is answered behind it has come.
    ali.enters("/terminal");
    ali.shows("this one");
    ali.types("#te\t");
    ali.asks("Enter destination user ID: #team");
    assert!(!ali.lines().iter().any(|line| line.starts_with("ID ")), "nobody has asked for the list");
}

#[test]
fn the_terminal_is_given_back_when_a_signal_comes_during_the_passcode_or_a_conversation() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut ali = Terminal::start(&stage.seat_of("ali"));
    ali.asks("Enter passcode on keypad.");
    ali.signal(Signal::TERM);
    assert_eq!(ali.exit_code(), 143);
    assert_eq!(ali.modes(), ali.modes_before());

    let [mut ali, bianca] = stage.conversation();
    ali.types("half a mess");
    ali.holds("half a mess");
    ali.signal(Signal::HUP);
    assert_eq!(ali.exit_code(), 129);
    assert_eq!(ali.modes(), ali.modes_before());
    bianca.shows("Connection ended");
}

/// Runs a peer that ends by itself.
fn ends(seat: &Seat) -> (Option<i32>, String) {
    let mut peer = Piped::start(seat);
    peer.ends_input();
    let code = peer.exit_code();
    let said = peer.output() + &peer.errors();
    // Line ends are line ends, also in what the parser of the command line says.
    assert!(!said.contains('\x1b') && !said.contains("^J"), "{said:?}");
    (code, said)
}

#[track_caller]
fn assert_ends(seat: &Seat, code: i32, words: &str) {
    let (ended, said) = ends(seat);
    assert!(said.contains(words), "{words:?} is missing in {said:?}");
    assert_eq!(ended, Some(code), "{said:?}");
}

#[test]
fn every_failure_has_its_exit_code_and_says_what_to_do() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = || stage.seat_of("ali");
    let passcode = |content: &str, mode: u32| stage.passcode_file(&format!("passcode.{mode:o}"), content, mode);
    assert_ends(&stage.seat().with(&["--sevrer", "x"]), 2, "No option '--sevrer'. Did you mean '--server'?");
    assert_ends(&stage.seat().with(&["jion"]), 2, "No command 'jion'. Did you mean 'join'?");
    assert_ends(&ali().with(&["--no-input"]), 2, "--no-input forbids the question");
    let nobody = (fresh(), 7420).into();
    assert_ends(
        &ali().at_server(nobody),
        3,
        &format!("Cannot reach the directory server at {nobody} (connection refused)."),
    );
    assert_ends(&ali().at_server(nobody), 3, "Start one with: directory-server serve");
    let wrong = passcode("000000\n", 0o600);
    assert_ends(&ali().with(&["--passcode-file", &wrong]), 4, "Not accepted, 3 tries left.");
    let silent = TcpListener::bind((fresh(), 7420)).unwrap();
    let patience = ali().at_server(silent.local_addr().unwrap()).with(&["--timeout", "1"]);
    assert_ends(&patience, 9, "in 1 s. Try again, or wait longer: --timeout SECS");
    assert_ends(&ali().keeping_state_in(Path::new("/dev/null/data")), 10, "/dev/null/data");
    let unknown = ali().configured("[line]\nhistry = 5\n");
    assert_ends(&unknown, 11, "config.toml:2: unknown key \"histry\". Did you mean \"history\"?");
    let exposed = passcode(PASSCODE, 0o644);
    assert_ends(&ali().with(&["--passcode-file", &exposed]), 13, "chmod 600");

    let seat = ali();
    let mut first = Piped::start(&seat);
    first.logs_in();
    let pid = first.child.0.id();
    assert_ends(&seat, 12, &format!("ali is already open in another window (process {pid})."));
}

#[test]
fn a_directory_with_another_key_is_not_told_anything() {
    let mut stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));

    stage.directory.kill();
    std::fs::remove_dir_all(stage.directory.folder()).unwrap();
    stage.directory.start_again(Start { settings: &[("LOG__LEVEL", "debug")], ..Start::default() });
    let server = stage.directory.address;
    assert_ends(&seat, 8, &format!("The key of {server} is not the one you trusted on "));
    assert!(!stage.directory.output().contains("ali"), "{}", stage.directory.output());

    let mut trust = Piped::start(&seat.clone().with(&["trust-server", &server.to_string()]));
    trust.enters("yes");
    assert_eq!(trust.exit_code(), Some(0));
    let (_, said) = ends(&seat);
    assert!(said.contains(&format!("No user ali on {server}. Register ali now? [Y/n] ")), "{said}");
}

#[test]
fn nothing_is_read_or_written_beyond_a_closed_pipe() {
    let stage = Stage::of(&[Example::Ali]);
    let mut command = stage.seat_of("ali").command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(141));
    assert!(ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}
