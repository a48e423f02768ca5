//! The real program on real sockets.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use common::ident::TerminalId;
use common::msg::{ByeReason, FromDirectory, Message as _};
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch, is_registered};
use rustix::process::{Pid, Signal, kill_process};

use super::RIGHT;

/// A command of the program on a data directory, free of what the environment may say.
pub(crate) fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_directory-server"));
    command.env_clear().env("TZ", "UTC").env("HOME", data_dir).arg("--data-dir").arg(data_dir).args(arguments);
    command.stdin(Stdio::null());
    command
}

pub(crate) fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    command(data_dir, arguments).output().unwrap()
}

/// Standard output of a command that has to succeed.
pub(crate) fn stdout(data_dir: &Path, arguments: &[&str]) -> String {
    let output = run(data_dir, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whom the examples are.
pub(crate) fn account(example: Example) -> Account {
    let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
    Account { user, passcode: RIGHT.into(), stretch: Stretch::Least, identity }
}

pub(crate) fn register(server: &Server, example: Example) {
    assert!(is_registered(&server.connect().register(&account(example), None).unwrap()));
}

pub(crate) fn log_in(server: &Server, example: Example) -> Client {
    let mut client = server.connect();
    client.log_in(&account(example), TerminalId([1; 16]), 65_000).unwrap();
    client
}

/// Why the directory ends a session, which it then closes in order. Others' coming and going is left out.
pub(crate) fn bye(session: &mut Client) -> ByeReason {
    loop {
        match FromDirectory::decode(&session.receive().unwrap().unwrap()) {
            Ok(FromDirectory::Presence(_)) => {}
            Ok(FromDirectory::Bye(bye)) => {
                assert_eq!(session.receive().unwrap(), None);
                return bye.reason;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) greeting: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_logging(command(data_dir, &["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()))
    }

    /// Starts a command whose standard error goes where the caller has said.
    pub(crate) fn start_logging(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = Vec::new();
        for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
            greeting.push(line.unwrap());
            if greeting.last().is_some_and(|line| line.starts_with("CTRL-C stops the server")) {
                break;
            }
        }
        // The first address it names is that where it listens.
        let address = greeting.iter().find_map(|line| line.split(' ').find_map(|word| word.parse().ok()));
        let address = address.expect("the server did not start");
        Self { child, greeting, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it has said to standard error until it ended, if somebody listens.
    pub(crate) fn said(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        }
        said
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect([127, 0, 0, 1].into(), self.address).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the test has ended it already.
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        assert_ne!(status.signal(), Some(6), "the server aborted");
    }
}
