//! Commands that do one thing and end: results on the output, everything else on the error output.

use std::process::Stdio;

use common::testkit::Example;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::harness::piped::runs;
use crate::harness::{PASSCODE, Piped, Stage};

fn text(of: &str) -> String {
    of.to_owned()
}

#[test]
fn a_message_sent_by_a_command_is_read_by_a_command() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    // Bianca's terminal has been there once, so mail reaches it.
    let mut there = Piped::start(&bianca.clone().with(&["json"]));
    there.line(1);
    assert_eq!(runs(&ali, &["send", "bianca", "build 41 failed"], ""), (Some(0), text(""), text("")));
    there.ends_input();
    assert_eq!(there.exit_code(), Some(0));
    let kept = "bianca is offline; the directory server keeps the message until bianca is back.\n";
    assert_eq!(runs(&ali, &["send", "bianca", "-"], "line one\nline two\n"), (Some(0), text(""), text(kept)));
    let read = "ali: build 41 failed\nali: line one\n  line two\n";
    assert_eq!(runs(&bianca, &["recv", "-n", "2"], ""), (Some(0), text(read), text("")));
    assert_eq!(runs(&bianca, &["recv"], ""), (Some(0), text(""), text("")), "what was read is not read again");
    assert_eq!(runs(&bianca, &["history", "ali"], ""), (Some(0), text(read), text("")));
    assert_eq!(runs(&ali, &["recv"], "").0, Some(0), "the receipts are taken");
    let (code, told, _) = runs(&ali, &["history", "bianca", "-n", "1", "--json"], "");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &told[0]["state"]), (Some(0), &Value::from("delivered")), "{told}");
}

#[test]
fn eight_commands_at_once_have_their_turns() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    // Bianca's terminal has been there once, so mail reaches it.
    assert_eq!(runs(&stage.script_of("bianca"), &["recv"], "").0, Some(0));
    let ali = stage.script_of("ali").with(&["--timeout", "40"]);
    let commands = (0..8).map(|number| {
        let mut command = ali.command();
        command.args(["send", "bianca", &format!("message {number}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for command in commands.collect::<Vec<_>>() {
        let ended = command.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let (_, told, _) = runs(&ali, &["history", "bianca"], "");
    let mut told: Vec<&str> = told.lines().collect();
    told.sort_unstable();
    assert_eq!(told, (0..8).map(|number| format!("ali: message {number}")).collect::<Vec<_>>());
}

#[test]
fn who_gives_up_waiting_for_its_turn_says_so_once() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = stage.script_of("ali");
    let open = Piped::start(&ali.clone().with(&["json"]));
    open.line(1);
    let (code, output, errors) = runs(&ali, &["list", "--timeout", "1"], "");
    assert_eq!((code, output.as_str(), errors.matches("already open").count()), (Some(12), "", 1), "{errors}");
}

#[test]
fn a_passcode_file_with_a_byte_order_mark_costs_no_try() {
    let stage = Stage::of(&[Example::Ali]);
    let marked = stage.passcode_file("marked", &format!("\u{feff}{PASSCODE}\r\n"), 0o600);
    let ali = stage.seat_of("ali").with(&["--no-input", "--passcode-file", &marked]);
    assert_eq!(runs(&ali, &["list"], "").0, Some(0));
}

#[test]
fn a_locked_store_is_not_taken_for_a_broken_one() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = stage.script_of("ali");
    assert_eq!(runs(&ali, &["list"], "").0, Some(0));
    let store = ali.data.join(ali.server.to_string().replace(':', "_")).join("ali/state.db");
    let browser = rusqlite::Connection::open(store).unwrap();
    browser.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (code, _, errors) = runs(&ali, &["list"], "");
    assert_eq!(code, Some(12));
    assert!(
        errors.starts_with("Another program, such as a backup or a database browser, has the local store"),
        "{errors}"
    );
}

#[test]
fn commands_end_with_the_codes_that_scripts_rely_on() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    let (code, output, errors) = runs(&ali, &["send", "bianca", "now", "--no-queue"], "");
    assert_eq!((code, output.as_str()), (Some(6), ""), "{errors}");
    assert_eq!(errors, "bianca is offline.\n");
    let nothing_waits = ali.clone().configured("[peer]\nqueue = false\n");
    assert_eq!(runs(&nothing_waits, &["send", "bianca", "now"], "").0, Some(6));
    std::fs::remove_dir_all(stage.folder().join(ali.ip.to_string()).join("config")).unwrap();
    for (arguments, wanted) in [
        (&["send", "ali", "me"][..], 7),
        (&["verify", "carol"], 5),
        (&["send", "carol", "hi"], 5),
        (&["send", "#team", "hi"], 7),
        (&["send", "#everyone", "hi"], 7),
        (&["send", "-x", "hi"], 2),
        (&["recv", "-n", "1", "--timeout", "1"], 9),
    ] {
        let (code, output, errors) = runs(&ali, arguments, "");
        assert_eq!((code, output.as_str()), (Some(wanted), ""), "{arguments:?}: {errors}");
        assert!(!errors.is_empty(), "{arguments:?} says nothing");
    }
    let wrong = stage.passcode_file("wrong", "111111", 0o600);
    let bianca = stage.seat_of("bianca").with(&["--no-input", "--passcode-file", &wrong]);
    assert_eq!(runs(&bianca, &["list"], "").0, Some(4));
    assert_eq!(runs(&stage.seat_of("bianca").with(&["--no-input"]), &["list"], "").0, Some(2), "a question");
    let open = Piped::start(&ali.clone().with(&["json"]));
    open.line(1);
    assert_eq!(runs(&ali, &["list", "--timeout", "1"], "").0, Some(12), "the same state in another process");
    drop(open);
    stage.directory.kill();
    assert_eq!(runs(&ali, &["list"], "").0, Some(3));
}

#[test]
fn lists_are_for_people_or_for_programs() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    let there = Piped::start(&bianca.with(&["json"]));
    there.line(1);
    let (code, told, _) = runs(&ali, &["list"], "");
    let rows: Vec<Vec<&str>> = told.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!((code, &rows[0]), (Some(0), &vec!["ID", "STATE", "SINCE", "KEY"]));
    assert_eq!((rows[1][0], rows[1][1], rows[1][3]), ("bianca", "online", "not verified"));
    let (_, told, _) = runs(&ali, &["list", "--json"], "");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told[0]["id"], &told[0]["state"]), (&Value::from("bianca"), &Value::from("online")));
}

#[test]
fn the_passcode_is_changed_by_a_command() {
    let stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let (code, output, errors) = runs(&seat, &["passwd"], &format!("{PASSCODE}\n12\n739164\n739164\n"));
    assert_eq!((code, output.as_str()), (Some(0), ""), "{errors}");
    assert!(errors.contains("-- Too short: 6 digits or more."), "{errors}");
    assert!(!errors.contains("739164"));
    assert_eq!(runs(&seat, &["list"], "739164\n").0, Some(0));
    assert_eq!(runs(&seat, &["list"], &format!("{PASSCODE}\n")).0, Some(4));
}

#[test]
fn completions_and_manual_come_from_the_grammar() {
    let seat = Stage::new().seat();
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, errors) = runs(&seat, &["completions", shell], "");
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        assert!(script.contains("trust-server") && script.contains("no-queue"), "{shell}: {script}");
    }
    let (code, page, _) = runs(&seat, &["man"], "");
    assert_eq!(code, Some(0));
    assert!(page.contains(".TH peer 1") && page.contains("passcode\\-file"), "{page}");
}

#[test]
fn a_configuration_file_is_written_once_and_is_in_order() {
    let seat = Stage::new().seat();
    let places = |hint: &str| {
        let (_, told, _) = runs(&seat, &["config", "path"], "");
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].ends_with(&format!("/peer/config.toml{hint}")), "{told}");
        assert!(lines[2].starts_with("daemon socket /") && lines[2].ends_with(".sock"), "{told}");
    };
    places(" (none yet; peer config init writes it)");
    let (code, told, _) = runs(&seat, &["config", "init"], "");
    assert_eq!(code, Some(0), "{told}");
    let path = told.split(" explains every key").next().unwrap().to_owned();
    let text = std::fs::read_to_string(&path).unwrap();
    let shown = runs(&seat, &["config", "show"], "").1;
    // Explanations stand in the file alone: a key there is a line behind a mark that can be taken away.
    let is_setting = |line: &&str| line.starts_with('[') || line.starts_with('#') && !line.starts_with("# ");
    let in_file = text.lines().filter(is_setting).map(|line| line.trim_start_matches('#').to_owned());
    let shown = shown.replace(&seat.server.to_string(), "127.0.0.1:7420").replace(&seat.ip.to_string(), "auto");
    let in_force = shown.lines().filter(|line| !line.is_empty()).map(str::to_owned);
    assert_eq!(in_file.collect::<Vec<_>>(), in_force.collect::<Vec<_>>());
    assert_eq!(runs(&seat, &["config", "check"], "").0, Some(0));
    assert_eq!(runs(&seat, &["config", "init"], "").0, Some(10), "what is there stays");
    places("");
    // The same for programs.
    let told = |command: &str| {
        let (code, told, errors) = runs(&seat, &["config", command, "--json"], "");
        assert_eq!((code, errors.as_str()), (Some(0), ""));
        serde_json::from_str::<Value>(&told).unwrap()
    };
    assert_eq!(told("path")["files"], serde_json::json!([path]));
    assert_eq!(told("check"), serde_json::json!({ "files": [path], "in_order": true }));
    assert_eq!(told("show")["server"]["address"], serde_json::json!(seat.server.to_string()));
    std::fs::remove_file(&path).unwrap();
    let (code, told, _) = runs(&seat, &["config", "init", "--json"], "");
    assert_eq!((code, serde_json::from_str(&told).ok()), (Some(0), Some(serde_json::json!({ "file": path }))));
}

#[test]
fn the_screen_tells_the_time_of_its_zone_and_json_that_of_utc() {
    // By rule, so that no file of this machine is needed; half an hour beside the others, in summer and in winter.
    const ZONE: &str = "LHST-10:30LHDT-11,M10.1.0,M4.1.0";
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user).set("TZ", ZONE));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    assert_eq!(runs(&ali, &["send", "bianca", "build 41 failed", "--quiet"], "").0, Some(0));
    let (_, told, _) = runs(&bianca, &["recv", "-n", "1", "--json"], "");
    let event: Value = serde_json::from_str(&told).unwrap();
    let sent = Timestamp::from_second(event["date"].as_i64().unwrap()).unwrap();
    let at: Timestamp = event["ts"].as_str().filter(|at| at.ends_with('Z')).unwrap().parse().unwrap();
    assert!(at.as_second().abs_diff(sent.as_second()) < 3600, "{event}");

    let mut terminal = Piped::start(&bianca);
    terminal.enters("ali");
    terminal.enters("/history");
    let local = sent.to_zoned_datetime(TimeZone::posix(ZONE).unwrap()).strftime("%-d %b %H:%M");
    terminal.shows(&format!("\n{local} ali: build 41 failed\n"));
}

#[test]
fn an_id_that_nobody_has_is_said_by_name_and_nothing_waits_for_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    assert_eq!(runs(&ali, &["send", "bianca", "hello"], "").0, Some(0));
    let plans = stage.folder().join("plans.txt");
    std::fs::write(&plans, "plans").unwrap();
    let (code, output, errors) = runs(&ali, &["send", "biancca", "hello"], "");
    assert_eq!((code, output.as_str()), (Some(5), ""), "{errors}");
    assert_eq!(errors, "Not sent: \"hello\". No user biancca. Did you mean bianca? Type list to see everyone.\n");
    let (code, output, errors) = runs(&ali, &["file", "biancca", plans.to_str().unwrap()], "");
    assert_eq!((code, output.as_str()), (Some(5), ""), "{errors}");
    assert_eq!(errors, "plans.txt was not offered. No user biancca. Did you mean bianca? Type list to see everyone.\n");
    let listed = runs(&ali, &["list"], "").1;
    assert!(listed.contains("bianca") && !listed.contains("biancca"), "{listed}");
    assert_eq!(runs(&ali, &["history", "biancca"], "").1, "");

    // What was chosen by hand is a contact.
    let (_, told, _) = runs(&ali, &["list", "--json"], "");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told[0]["id"], &told[0]["contact"]), (&Value::from("bianca"), &Value::from(true)), "{told}");
    runs(&bianca, &["recv"], "");
    let (_, told, _) = runs(&bianca, &["list", "--json"], "");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told[0]["id"], &told[0]["contact"]), (&Value::from("ali"), &Value::from(false)), "{told}");

    // A user who was removed is nobody from then on, also for whoever has written to them.
    stage.directory.administrator(&["user", "remove", "bianca", "--yes"]);
    let (code, _, errors) = runs(&ali, &["send", "bianca", "still there?"], "");
    assert_eq!(code, Some(5), "{errors}");
    assert_eq!(errors, "No user bianca. The message was not delivered.\n");
}

#[test]
fn a_key_that_has_changed_is_a_failure_of_the_command() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    assert_eq!(runs(&ali, &["send", "bianca", "hello"], "").0, Some(0));
    let printed = stage.directory.administrator(&["user", "passcode", "bianca", "--yes"]);
    let invite = printed.lines().find_map(|line| line.strip_prefix("bianca  ")).unwrap();
    let mut elsewhere = Piped::start(&stage.seat().with(&["join", "-"]));
    elsewhere.enters(invite);
    elsewhere.registers();
    elsewhere.ends_input();
    assert_eq!(elsewhere.exit_code(), Some(0));

    let plans = stage.folder().join("plans.txt");
    std::fs::write(&plans, "plans").unwrap();
    let (code, output, errors) = runs(&ali, &["send", "bianca", "secret"], "");
    assert_eq!((code, output.as_str()), (Some(8), ""), "{errors}");
    assert!(errors.starts_with("The key of bianca has changed; the message waits until you choose"), "{errors}");
    let (code, output, errors) = runs(&ali, &["send", "Bianca", "secret", "--json"], "");
    assert_eq!(code, Some(8), "{errors}");
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&told["to"], &told["state"]), (&Value::from("bianca"), &Value::from("queued")), "{told}");
    assert_eq!(told["error"]["data"]["kind"], "key_changed", "one object tells both");
    let (code, output, errors) = runs(&ali, &["verify", "fran", "--json"], "");
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, &told["error"]["data"]["exit"]), (Some(5), &Value::from(5)), "{told}");
    assert!(errors.contains(told["error"]["message"].as_str().unwrap()), "{errors}");
    let (code, output, _) = runs(&ali, &["lsit", "--json"], "");
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, &told["error"]["data"]["kind"]), (Some(2), &Value::from("usage")), "{told}");
    let (code, output, errors) = runs(&ali, &["file", "bianca", plans.to_str().unwrap(), "--timeout", "20"], "");
    assert_eq!((code, output.as_str()), (Some(8), ""), "{errors}");
}

#[test]
fn after_a_reset_and_a_new_join_in_the_same_folder_mail_arrives_and_what_is_gone_is_said() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali_seat, bianca_seat] = ["ali", "bianca"].map(|user| stage.seat_of(user));
    let passcode = stage.passcode_file("passcode", PASSCODE, 0o600);
    let [ali, bianca] =
        [&ali_seat, &bianca_seat].map(|seat| seat.clone().with(&["--no-input", "--passcode-file", &passcode]));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    assert_eq!(runs(&ali, &["send", "bianca", "before"], "").0, Some(0));
    assert_eq!(runs(&bianca, &["recv", "-n", "1"], "").0, Some(0));
    let printed = stage.directory.administrator(&["user", "passcode", "bianca", "--yes"]);
    let invite = printed.lines().find_map(|line| line.strip_prefix("bianca  ")).unwrap();
    let mut again = Piped::start(&bianca_seat.clone().with(&["join", "-"]));
    again.enters(invite);
    again.shows("-- This machine has 1 message of bianca, sealed under the key from before.");
    again.registers();
    again.shows("-- You have a new key. What this machine had kept under the old one");
    again.ends_input();
    assert_eq!(again.exit_code(), Some(0));

    // Ali decides about the new key when asked; then what has waited leaves, and arrives.
    let (code, _, errors) = runs(&ali, &["send", "bianca", "after"], "");
    assert_eq!(code, Some(8), "{errors}");
    let mut person = Piped::start(&ali_seat);
    person.enters(PASSCODE);
    person.asks("Type verify, accept or block: ");
    person.enters("accept");
    person.shows("-- The new key of bianca is used from now on, not verified.");
    person.ends_input();
    assert_eq!(person.exit_code(), Some(0));
    let (code, read, errors) = runs(&bianca, &["recv", "-n", "1"], "");
    assert_eq!((code, read.as_str()), (Some(0), "ali: after\n"), "{errors}");
}

#[test]
fn an_input_that_ends_or_goes_on_without_answers_ends_the_line_terminal_with_2() {
    let stage = Stage::new();
    let (code, output, errors) = runs(&stage.seat(), &[], "");
    assert_eq!(code, Some(2), "{output} {errors}");
    assert!(output.contains("The input ended before \"Login:\" was answered."), "{output}");
    let (code, output, errors) = runs(&stage.seat(), &[], &"y\n".repeat(2_000));
    assert_eq!(code, Some(2), "{output} {errors}");
    assert!(output.contains("The last 256 lines of the input were no answers"), "{output}");
}
