//! A panic, whichever thread has it, gives the terminal back and says where to read more.

use std::ffi::OsString;
use std::path::Path;

use peer::testkit::{Front, run_and_panic};
use portable_pty::CommandBuilder;

use crate::harness::Terminal;

/// Tells the program below which front end to run.
const FRONT: &str = "PANICS_FRONT";

/// Not a test: the program that the test below starts in a pseudo-terminal.
#[test]
#[ignore = "started by the test of what becomes of a panic"]
fn a_program_that_panics() {
    let front = if std::env::var(FRONT).unwrap() == "full" { Front::Full } else { Front::Line };
    run_and_panic(front, ["peer", "--server", "127.0.0.1:1"].map(OsString::from).to_vec());
}

#[test]
fn after_a_panic_the_terminal_is_as_it_was_and_the_bug_can_be_reported() {
    for front in ["line", "full"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "panics::a_program_that_panics", "--ignored", "--nocapture"]);
        command.env_clear();
        command.env("HOME", home.path());
        command.env("LANG", "C.UTF-8");
        command.env("TZ", "UTC");
        command.env("TERM", "xterm-256color");
        command.env(FRONT, front);
        let mut ali = Terminal::start_program(command, 80, 24);
        ali.shows("Login:");
        assert_eq!(ali.is_full_screen(), front == "full");
        assert_ne!(ali.modes(), ali.modes_before());
        ali.enters("ali");
        assert_eq!(ali.exit_code(), 1);
        assert_eq!(ali.modes(), ali.modes_before(), "{front}");
        ali.shows("Internal error (this is a bug). Details: ");
        ali.shows("Report it with that file to whoever gave you this program (peer ");
        assert!(!ali.is_full_screen(), "{front}");
        says_where(&home.path().join(".local/state/peer"));
    }
}

/// There is one report, for the user alone.
fn says_where(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let reports: Vec<_> = std::fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let report = std::fs::read_to_string(reports[0].path()).unwrap();
    for part in ["peer ", "panics.rs:", "an example", "in thread "] {
        assert!(report.contains(part), "{part:?} is missing in {report}");
    }
}
