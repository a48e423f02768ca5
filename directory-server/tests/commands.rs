//! What every command has in common: exit codes, no escape byte without a terminal, help of at most 24 lines.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Output;

use common::msg::ByeReason;
use common::testkit::Example;
use rustix::process::Signal;
use support::process::{Server, bye, command, log_in, register, run, stdout};

/// All that may come of a command. 1 is a bug, which no test can order: `cli::run::tests` has it. 129 and 141 do not
/// occur: a hang-up reloads, and a closed output stops nobody.
const CODES: &[i32] = &[0, 2, 3, 5, 10, 11, 12, 13, 14, 15, 130, 143];

/// What was produced, and by what.
#[derive(Default)]
struct Produced(BTreeMap<i32, &'static str>);

impl Produced {
    #[track_caller]
    fn by(&mut self, cause: &'static str, code: i32, ended: &Output) {
        assert_eq!(ended.status.code(), Some(code), "{cause}: {ended:?}");
        assert!(code == 0 || !ended.stderr.is_empty() || !ended.stdout.is_empty(), "{cause} says nothing");
        self.0.insert(code, cause);
    }

    #[track_caller]
    fn by_signals(&mut self, cause: &'static str, code: i32, signals: &[Signal]) {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path());
        register(&server, Example::Ali);
        let mut ali = log_in(&server, Example::Ali);
        // The end of a session cannot be written down, so the server has reason to wait.
        let database = rusqlite::Connection::open(dir.path().join("directory.db")).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        server.signal(signals[0]);
        assert_eq!(bye(&mut ali), ByeReason::Stopping);
        match signals.get(1) {
            Some(signal) => server.signal(*signal),
            None => drop(database),
        }
        assert_eq!(server.wait().code(), Some(code), "{cause}");
        self.0.insert(code, cause);
    }
}

#[test]
fn every_exit_code_has_a_cause() {
    let dir = tempfile::tempdir().unwrap();
    let mut produced = Produced::default();
    let nothing = dir.path().join("nothing");
    produced.by("nothing to look at", 10, &run(&nothing, &["user", "list"]));
    let data = dir.path().join("data");
    let server = Server::start(&data);
    register(&server, Example::Ali);
    produced.by("a running server", 0, &run(&data, &["health"]));
    produced.by("a mistyped command", 2, &run(&data, &["sevre"]));
    produced.by("a question that nobody can answer", 2, &run(&data, &["user", "remove", "ali", "--no-input"]));
    produced.by("an unknown user", 5, &run(&data, &["user", "show", "carol"]));
    let invited = run(&data, &["invite", "bianca", "ali", "carol"]);
    let told = String::from_utf8_lossy(&invited.stdout);
    assert!(told.contains("\nbianca  ") && told.contains("\ncarol   ") && !told.contains("\nali "), "{told}");
    assert!(String::from_utf8_lossy(&invited.stderr).contains("ali is registered already"), "{invited:?}");
    produced.by("one invitation of several that cannot be", 15, &invited);
    produced.by("the only invitation", 13, &run(&data, &["invite", "ali"]));
    produced.by("a second server", 12, &run(&data, &["serve", "--listen", "127.0.0.1:0"]));
    produced.by("a backup over a file", 10, &run(&data, &["backup", data.join("lock").to_str().unwrap()]));
    produced.by("a key that cannot change", 13, &run(&data, &["key", "rotate"]));
    let wrong = command(&data, &["config", "check"]).env("DIRSRV_AUTH__TRIES", "many").output().unwrap();
    produced.by("a mistake in the configuration", 11, &wrong);
    drop(server);
    produced.by("no server", 3, &run(&data, &["health"]));
    std::fs::set_permissions(data.join("server.key"), Permissions::from_mode(0o644)).unwrap();
    produced.by("an exposed key", 13, &run(&data, &["serve", "--listen", "127.0.0.1:0"]));
    produced.by("what check finds", 11, &run(&data, &["check"]));

    let other = UnixListener::bind(nothing_at(&dir.path().join("other")).join("admin.sock")).unwrap();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"{\"answer\":\"from another version\"}\n").unwrap();
    });
    produced.by("a server of another version", 14, &run(&dir.path().join("other"), &["status"]));
    answer.join().unwrap();

    produced.by_signals("CTRL-C", 130, &[Signal::INT]);
    produced.by_signals("termination", 0, &[Signal::TERM]);
    produced.by_signals("termination, twice", 143, &[Signal::TERM, Signal::TERM]);
    produced.by_signals("CTRL-C, twice", 130, &[Signal::INT, Signal::INT]);
    assert_eq!(produced.0.keys().copied().collect::<Vec<_>>(), CODES);
}

/// An empty folder.
fn nothing_at(path: &Path) -> &Path {
    std::fs::create_dir(path).unwrap();
    path
}

/// The commands as the program itself lists them, from its completions; those with commands of their own left out.
fn grammar(data: &Path) -> BTreeSet<String> {
    let script = stdout(data, &["completions", "bash"]);
    let listed = script.lines().filter_map(|line| line.trim().strip_prefix("directory__server")?.strip_suffix(')'));
    let listed = listed.filter(|path| !path.contains("help") && path.contains(','));
    let paths: BTreeSet<String> =
        listed.map(|path| path.replace("__subcmd__", " ").replace(',', " ").trim().to_owned()).collect();
    let has_more = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path} ")));
    paths.iter().filter(|path| !has_more(path)).cloned().collect()
}

#[test]
fn no_command_of_the_grammar_writes_an_escape_byte() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    register(&server, Example::Ali);
    let _ali = log_in(&server, Example::Ali);
    let copy = dir.path().join("copy");
    let copy = copy.to_str().unwrap();
    let config = dir.path().join("config.toml");
    let config = config.to_str().unwrap();
    let room = "00".repeat(16);
    let runs: &[&[&str]] = &[
        &["backup", copy],
        &["check"],
        &["completions", "zsh"],
        &["config", "init", "--config", config],
        &["config", "path"],
        &["config", "show"],
        &["config", "check"],
        // Neither gets far: their servers are the other tests'.
        &["demo", "--listen"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["group", "list"],
        &["group", "show", &room],
        &["group", "remove", &room, "--yes"],
        &["health"],
        &["invite", "bianca"],
        &["invite", "list"],
        &["invite", "revoke", "\u{1b}[31mred"],
        &["key", "show"],
        &["key", "rotate"],
        &["log", "--broadcasts"],
        &["log", "--user", "ali"],
        &["man"],
        &["new-generation"],
        &["restore", copy],
        &["session", "list"],
        &["session", "end", "ali"],
        &["status"],
        &["user", "add", "carol"],
        &["user", "list"],
        &["user", "show", "ali"],
        &["user", "show", "\u{1b}[31mred"],
        &["user", "lock", "ali", "--reason", "\u{1b}[31mred"],
        &["user", "list"],
        &["user", "unlock", "ali"],
        &["user", "passcode", "ali", "--yes"],
        &["user", "remove", "ali", "--yes"],
        &["\u{1b}[31mred"],
        &["--version"],
    ];
    let ran: Vec<String> = runs.iter().map(|arguments| arguments.join(" ")).collect();
    for path in grammar(&data) {
        assert!(ran.iter().any(|line| line.starts_with(&path)), "{path} is not tried");
    }
    for arguments in runs {
        let json = [arguments, &["--json"][..]].concat();
        for arguments in [*arguments, &json] {
            // Even where colours are asked for.
            let mut command = command(&data, arguments);
            let ended = command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color").output().unwrap();
            for output in [&ended.stdout, &ended.stderr] {
                let text = String::from_utf8_lossy(output);
                assert!(!output.contains(&0x1b), "{arguments:?}: {text:?}");
            }
        }
    }
    server.signal(Signal::TERM);
    server.wait();
}

#[test]
fn the_help_of_every_command_fits_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    for path in grammar(dir.path()).iter().map(String::as_str).chain([""]) {
        let arguments: Vec<_> = path.split(' ').filter(|word| !word.is_empty()).chain(["-h"]).collect();
        let help = stdout(dir.path(), &arguments);
        assert!(help.lines().count() <= 24, "{path}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{path}: {help}");
    }
}
