//! Every exit code has a cause that produces it, in real processes. The code 1 is a bug, and has a test
//! of its own beside the report about it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use common::limits::DIRECTORY_PORT;
use common::testkit::Example;
use rustix::process::Signal;
use rustls::ServerConnection;

use crate::downgrades::p256;
use crate::harness::address::fresh;
use crate::harness::piped::runs;
use crate::harness::{self, Piped, Seat, Stage, Terminal};
use crate::hostile::{Clients, Hostile};

/// All that a script may meet, but a bug.
const CODES: &[i32] = &[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 129, 130, 141, 143];

/// What was produced, and by what.
#[derive(Default)]
struct Produced(BTreeMap<i32, &'static str>);

impl Produced {
    #[track_caller]
    fn by(&mut self, cause: &'static str, code: i32, (ended, output, errors): (Option<i32>, String, String)) {
        assert_eq!(ended, Some(code), "{cause}: {output:?} {errors:?}");
        if code != 0 {
            assert!(!errors.is_empty() || !output.is_empty(), "{cause} says nothing");
        }
        self.0.insert(code, cause);
    }
}

#[test]
fn every_exit_code_has_a_cause() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut produced = Produced::default();
    let ali = stage.script_of("ali");
    let anybody = stage.seat();

    produced.by("the version", 0, runs(&anybody, &["--version"], ""));
    produced.by("a mistyped command", 2, runs(&anybody, &["sned"], ""));
    let nobody = stage.seat_of("ali").at_server((fresh(), DIRECTORY_PORT).into());
    produced.by("a directory that is not there", 3, runs(&nobody, &[], ""));
    let wrong = stage.passcode_file("wrong", "000000\n", 0o600);
    let refused = stage.seat_of("bianca").with(&["--passcode-file", &wrong]);
    produced.by("a wrong passcode", 4, runs(&refused, &["list"], ""));
    produced.by("somebody unknown", 5, runs(&ali, &["verify", "carol"], ""));
    let bianca = stage.script_of("bianca");
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0), "bianca's terminal is known from now on");
    produced.by("somebody offline", 6, runs(&ali, &["send", "bianca", "now", "--no-queue"], ""));
    produced.by("a message to oneself", 7, runs(&ali, &["send", "ali", "me"], ""));
    let silent = TcpListener::bind((fresh(), DIRECTORY_PORT)).unwrap();
    let patient = stage.seat_of("ali").at_server(silent.local_addr().unwrap()).with(&["--timeout", "1"]);
    produced.by("a directory that is silent", 9, runs(&patient, &[], ""));
    let unwritable = ali.clone().keeping_state_in(Path::new("/dev/null/data"));
    produced.by("a disk that cannot be written", 10, runs(&unwritable, &["list"], ""));
    let unknown = stage.seat().configured("[line]\nhistry = 5\n");
    produced.by("an unknown key", 11, runs(&unknown, &["config", "check"], ""));
    let open = Piped::start(&ali.clone().with(&["json"]));
    open.line(1);
    produced.by("the same state in another process", 12, runs(&ali, &["list", "--timeout", "1"], ""));
    drop(open);
    produced.by("a directory of another version", 14, at_a_newer_directory(&stage));
    produced.by("a folder with a link in it", 15, folder_with_a_link(&stage, &ali));

    for (signal, code) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        let mut ali = stage.terminal_of("ali");
        ali.signal(signal);
        if signal == Signal::INT {
            ali.shows("-- Press CTRL-C once more to log out.");
            ali.signal(signal);
        }
        let ended = i32::try_from(ali.exit_code()).unwrap();
        produced.by("a signal", code, (Some(ended), ali.lines().join("\n"), String::new()));
    }
    let mut closed = ali.command();
    let mut closed = closed.arg("list").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    drop(closed.stdout.take());
    produced.0.insert(closed.wait().unwrap().code().unwrap(), "a closed pipe");

    produced.by("a session that was ended", 13, ended_by_the_administrator(&stage));
    produced.by("a directory with another key", 8, at_a_changed_directory(stage, &ali));
    assert_eq!(produced.0.keys().copied().collect::<Vec<_>>(), CODES, "{:#?}", produced.0);
}

/// Bianca takes a folder of which not everything is sent.
fn folder_with_a_link(stage: &Stage, ali: &Seat) -> (Option<i32>, String, String) {
    let bianca = stage.terminal_of("bianca");
    let folder = stage.folder().join("plans");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("page"), "one").unwrap();
    std::os::unix::fs::symlink("page", folder.join("latest")).unwrap();
    let mut file = Piped::start(&ali.clone().with(&["file", "bianca", folder.to_str().unwrap()]));
    bianca.asks("ali offers plans (1 file, 3 B, 1 left out). Accept? [y/N]");
    bianca.enters(&format!("/accept 1 {}", stage.folder().join("saved").display()));
    bianca.shows("(1 file, 3 B, 1 left out, checked). Left out");
    let code = file.exit_code();
    assert!(file.errors().contains("bianca has plans, but not what"), "{}", file.errors());
    assert!(file.errors().ends_with(": latest.\n"), "{}", file.errors());
    (code, file.output(), file.errors())
}

/// The next version of the protocol has another name in the handshake.
fn at_a_newer_directory(stage: &Stage) -> (Option<i32>, String, String) {
    let listener = TcpListener::bind((fresh(), DIRECTORY_PORT)).unwrap();
    let seat = stage.seat_of("ali").at_server(listener.local_addr().unwrap());
    let newer = Hostile::new(b"directory/2", p256()).server(Clients::Anonymous);
    std::thread::spawn(move || {
        let mut stream = harness::accept(&listener);
        let mut tls = ServerConnection::new(Arc::clone(&newer)).unwrap();
        // It refuses, and says why.
        assert!(tls.complete_io(&mut stream).is_err());
    });
    let ended = runs(&seat, &[], "");
    assert!((ended.1.clone() + &ended.2).contains("speaks another version of the protocol"), "{ended:?}");
    ended
}

fn ended_by_the_administrator(stage: &Stage) -> (Option<i32>, String, String) {
    let mut bianca = stage.terminal_of("bianca");
    stage.directory.administrator(&["user", "lock", "bianca", "--reason", "lost laptop"]);
    bianca.shows("The administrator ended this session.");
    (Some(i32::try_from(bianca.exit_code()).unwrap()), bianca.lines().join("\n"), String::new())
}

fn at_a_changed_directory(mut stage: Stage, ali: &Seat) -> (Option<i32>, String, String) {
    stage.directory.kill();
    std::fs::remove_dir_all(stage.directory.folder()).unwrap();
    stage.directory.start_again(harness::directory::Start::default());
    runs(ali, &["list"], "")
}

#[test]
fn a_terminal_says_why_it_ends() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = Terminal::start(&stage.seat_of("ali").at_server((fresh(), DIRECTORY_PORT).into()));
    assert_eq!(ali.exit_code(), 3);
    ali.shows("Start one with: directory-server serve   or choose another: peer --server HOST");
    assert_eq!(ali.modes(), ali.modes_before());
}
