//! The real program on real sockets.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use common::ident::{MessageId, RoomId, TerminalId};
use common::msg::{
    ByeReason, CommitReply, CommitReq, CommitStatus, FromDirectory, Mailbox, MailboxPut, MailboxReq, Member,
    Message as _, Outgoing, Piece,
};
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch, is_registered};
use common::testkit::{Example, sealed_message};
use rustix::process::{Pid, Signal, kill_process};

use super::{RIGHT, user};

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

/// A room of ali and bianca, and a message of ali's that waits for bianca.
pub(crate) fn write_to_bianca(server: &Server) -> RoomId {
    drop(log_in(server, Example::Bianca));
    let mut ali = log_in(server, Example::Ali);
    let room = RoomId([7; 16]);
    let members = ["ali", "bianca"].map(|name| Member { userid: user(name), terminal: TerminalId([1; 16]) });
    let create = CommitReq::without_commit(room, 0, members.to_vec());
    let create = ali.signed(&members[0], create, (b"", b"")).unwrap();
    let created = ali.ask(create).unwrap();
    let accepted = CommitReply::from(CommitStatus::Accepted);
    assert!(matches!(created, FromDirectory::CommitReply(reply) if reply == accepted));
    let items = vec![Outgoing { id: MessageId([1; 16]), piece: Piece(sealed_message(&room, 0, b"sealed")) }];
    match ali.ask(MailboxPut { room, epoch: 0, items, leave: false }).unwrap() {
        FromDirectory::MailboxReply(reply) => assert_eq!(reply.stored, 1),
        other => panic!("{other:?}"),
    }
    room
}

/// The next `MAILBOX`; others' coming and going is left out.
pub(crate) fn mail(session: &mut Client) -> Mailbox {
    loop {
        match FromDirectory::decode(&session.receive().unwrap().unwrap()) {
            Ok(FromDirectory::Mailbox(mailbox)) => return mailbox,
            Ok(FromDirectory::Presence(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Of a directory whose administrator says that its database was put back: nobody may say so while it runs, and then it goes
/// by another name, keeps what waits, and gives no number of an item out again.
pub(crate) fn assert_another_generation(start: impl Fn() -> Server, run: impl Fn(&[&str]) -> Output) {
    let generation = |server: &Server| {
        let account = account(Example::Ali);
        server.connect().log_in(&account, TerminalId([1; 16]), 65_000).unwrap().generation.unwrap()
    };
    let mut server = start();
    register(&server, Example::Ali);
    register(&server, Example::Bianca);
    let room = write_to_bianca(&server);
    let before = generation(&server);
    let refused = run(&["new-generation"]);
    assert_eq!(refused.status.code(), Some(12), "{refused:?}");
    server.signal(Signal::TERM);
    assert!(server.wait().success());

    let begun = run(&["new-generation"]);
    assert!(begun.status.success() && begun.stdout.starts_with(b"A new generation has begun. "), "{begun:?}");
    let server = start();
    assert_ne!(generation(&server), before);
    let mut ali = log_in(&server, Example::Ali);
    let items = vec![Outgoing { id: MessageId([2; 16]), piece: Piece(sealed_message(&room, 0, b"sealed")) }];
    ali.ask(MailboxPut { room, epoch: 0, items, leave: false }).unwrap();
    let mut bianca = log_in(&server, Example::Bianca);
    bianca.ask(MailboxReq {}).unwrap();
    let items = mail(&mut bianca).items;
    assert_eq!(items.len(), 2, "what waits is kept: {items:?}");
    assert!(items[1].item > items[0].item + (1 << 32), "no number is given out again: {items:?}");
}
