//! Without a terminal no command writes an escape byte, and its help is short. The commands are those of the grammar:
//! one that is missing here fails the test.

use std::collections::BTreeSet;

use common::testkit::Example;

use crate::harness::piped::runs;
use crate::harness::{PASSCODE, Seat, Stage};

/// The commands as the program itself lists them, from its completions.
fn grammar(seat: &Seat) -> BTreeSet<String> {
    let (_, script, _) = runs(seat, &["completions", "bash"], "");
    let names = script.lines().filter_map(|line| line.trim().strip_prefix("peer,")?.strip_suffix(')'));
    let names: BTreeSet<String> = names.map(str::to_owned).filter(|name| name != "help").collect();
    assert!(names.len() > 10, "{names:?} in {script}");
    names
}

#[test]
fn no_command_of_the_grammar_writes_an_escape_byte() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let file = |name: &str| stage.folder().join(name).display().to_string();
    // Even where colours are asked for.
    let wants_colours = |seat: Seat| seat.set("CLICOLOR_FORCE", "1").set("TERM", "xterm-256color");
    let ali = wants_colours(stage.script_of("ali"));
    let anybody = wants_colours(stage.seat_of("ali"));
    let server = stage.directory.address.to_string();
    let backup = file("backup");
    let socket = file("socket");
    // A line of input is typed in full, whatever it asks.
    let backups = format!("{PASSCODE}\nsome longer passcode\nsome longer passcode\n");
    let runs_of: &[(&Seat, &[&str], &str)] = &[
        (&anybody, &[], PASSCODE),
        (&anybody, &["tui"], PASSCODE),
        (&anybody, &["join", "-"], "nonsense\n"),
        (&ali, &["send", "bianca", "\u{1b}[31mred"], ""),
        (&ali, &["recv"], ""),
        (&ali, &["list"], ""),
        (&ali, &["list", "--json"], ""),
        (&ali, &["history", "bianca"], ""),
        (&ali, &["history", "bianca", "--json"], ""),
        (&ali, &["file", "bianca", "/nowhere/\u{1b}[31mred"], ""),
        (&ali, &["verify", "carol"], ""),
        (&anybody, &["passwd"], "000000\n"),
        (&ali, &["json"], "{\"id\":1,\"method\":\"list\"}\n\u{1b}[31m\n"),
        (&ali, &["json", "--schema"], ""),
        (&stage.seat(), &["daemon", "--socket", "/dev/null/socket"], &socket),
        (&anybody, &["doctor"], ""),
        (&anybody, &["doctor", "--json"], ""),
        (&anybody, &["trust-server", &server], "no\n"),
        (&anybody, &["export", &backup], &backups),
        (&anybody, &["import", &backup], "wrong\n"),
        (&anybody, &["config", "path"], ""),
        (&anybody, &["config", "show"], ""),
        (&anybody, &["config", "check"], ""),
        (&anybody, &["config", "init"], ""),
        (&anybody, &["completions", "zsh"], ""),
        (&anybody, &["man"], ""),
        (&anybody, &["--version"], ""),
        (&anybody, &["sned"], ""),
        (&anybody, &["--colour"], ""),
    ];
    let mut left = grammar(&anybody);
    for (seat, arguments, input) in runs_of {
        let (_, output, errors) = runs(seat, arguments, input);
        let told: Vec<char> = (output + &errors).chars().filter(|c| c.is_control() && !"\n\t".contains(*c)).collect();
        assert!(told.is_empty(), "{arguments:?} wrote {told:?}");
        if let Some(name) = arguments.first() {
            left.remove(*name);
        }
    }
    assert!(left.is_empty(), "nobody has tried {left:?}");
}

#[test]
fn every_help_fits_a_terminal() {
    let seat = Stage::new().seat();
    let mut commands: Vec<Vec<String>> = grammar(&seat).into_iter().map(|name| vec![name]).collect();
    commands.push(Vec::new());
    for command in commands {
        for how in ["-h", "--help"] {
            let arguments: Vec<&str> = command.iter().map(String::as_str).chain([how]).collect();
            let (code, help, errors) = runs(&seat, &arguments, "");
            assert_eq!((code, errors.as_str()), (Some(0), ""), "{arguments:?}");
            assert!(help.lines().count() <= 24, "{arguments:?} has {} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }
}
