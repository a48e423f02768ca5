//! A terminal that is gone ends whoever talks in it, with 129, whether a signal tells it or not, and without a panic.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use common::testkit::Example;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use crate::harness::stage::Seat;
use crate::harness::watch::PATIENCE;
use crate::harness::{PASSCODE, Stage};

/// Whether the kernel tells the program that its window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    BySignal,
    /// It is of another session than its window.
    ByNothing,
}

/// A window that can be closed: nobody else holds its terminal open.
struct Window {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    program: Box<dyn Child + Send + Sync>,
}

impl Window {
    fn open(seat: &Seat, told: Told) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("sh");
        let script = match told {
            Told::BySignal => r#"exec "$@""#,
            Told::ByNothing => r#"trap "" HUP; setsid --wait "$@"; exit $?"#,
        };
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_peer")]);
        command.args(seat.arguments());
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("TERM", "xterm-256color");
        for (variable, value) in seat.environment() {
            command.env(variable, value);
        }
        let program = pair.slave.spawn_command(command).unwrap();
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, program }
    }

    fn enters(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// Waits until the program writes this.
    #[track_caller]
    fn shows(&self, text: &'static str) {
        let mut reader = self.master.try_clone_reader().unwrap();
        let (tell, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&seen).contains(text) {
                let count = reader.read(&mut piece).unwrap_or(0);
                if count == 0 {
                    return;
                }
                seen.extend_from_slice(&piece[..count]);
            }
            drop(reader);
            // The test may be over.
            let _ = tell.send(());
        });
        shown.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{text:?} is not shown"));
    }

    /// Closes the window; the program's exit code.
    fn closes(self) -> u32 {
        let Self { master, keys, mut program } = self;
        let window = master.tty_name().unwrap();
        let window = rustix::fs::open(window, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        // Where there is a key for the end of input, the library types it when its writer goes.
        let mut keyboard = tcgetattr(&window).unwrap();
        keyboard.special_codes[SpecialCodeIndex::VEOF] = 0;
        tcsetattr(&window, OptionalActions::Now, &keyboard).unwrap();
        drop(window);
        drop(keys);
        drop(master);
        let (tell, ended) = mpsc::channel();
        let mut killer = program.clone_killer();
        std::thread::spawn(move || {
            let _ = tell.send(program.wait().unwrap().exit_code());
        });
        let code = ended.recv_timeout(PATIENCE);
        if code.is_err() {
            killer.kill().unwrap();
        }
        code.unwrap_or_else(|_| panic!("the program goes on without its window"))
    }
}

/// Every front end, what it shows first, and what it shows once somebody has logged in.
const FRONT_ENDS: [(&[&str], &str, &str); 3] = [
    (&[], "Enter passcode", "Enter destination user ID:"),
    (&["tui"], "passcode", "open"),
    (&["--plain"], "Enter passcode", "Enter destination user ID:"),
];

#[test]
fn a_closed_window_ends_its_program_with_129_and_without_a_panic() {
    let stage = Stage::of(&[Example::Ali]);
    for told in [Told::BySignal, Told::ByNothing] {
        for (front_end, first, then) in FRONT_ENDS {
            let seat = stage.seat_of("ali").with(front_end);
            let mut window = Window::open(&seat, told);
            window.shows(first);
            window.enters(PASSCODE);
            window.shows(then);
            assert_eq!(window.closes(), 129, "{told:?} {front_end:?}");
            let reports = stage.folder().join(seat.ip.to_string()).join("state/peer");
            assert!(!reports.exists(), "{told:?} {front_end:?}: a panic");
        }
    }
}

#[test]
fn whoever_is_talked_to_hears_the_end_when_a_window_is_closed() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.terminal_of("bianca");
    let mut calls = 0;
    for told in [Told::BySignal, Told::ByNothing] {
        for (front_end, first, then) in FRONT_ENDS {
            let mut window = Window::open(&stage.seat_of("ali").with(front_end), told);
            window.shows(first);
            window.enters(PASSCODE);
            window.shows(then);
            bianca.is_at_prompt();
            bianca.enters("ali");
            calls += 1;
            bianca.shows_times("Connection established, type your messages", calls);
            assert_eq!(window.closes(), 129, "{told:?} {front_end:?}");
            bianca.is_at_prompt();
            let lines = bianca.lines();
            let ended = lines.iter().filter(|line| *line == "Connection ended").count();
            assert!(
                ended == calls && !lines.iter().any(|line| line.contains("lost")),
                "{told:?} {front_end:?} {lines:?}"
            );
        }
    }
}

#[test]
fn a_window_closed_in_front_of_a_question_ends_its_program_too() {
    let stage = Stage::of(&[Example::Ali]);
    for told in [Told::BySignal, Told::ByNothing] {
        for (arguments, question) in
            [(&["list"][..], "Enter passcode"), (&[], "Enter passcode"), (&["tui"], "passcode")]
        {
            let window = Window::open(&stage.seat_of("ali").with(arguments), told);
            window.shows(question);
            assert_eq!(window.closes(), 129, "{told:?} {arguments:?}");
        }
        let window = Window::open(&stage.script_of("ali").with(&["json"]), told);
        window.shows("ready");
        assert_eq!(window.closes(), 129, "{told:?} json");
    }
}
