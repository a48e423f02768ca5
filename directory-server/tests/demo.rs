//! The throw-away server.

mod support;

use std::process::{Command, Stdio};

use common::ident::TerminalId;
use common::testkit::Example;
use common::testkit::login::{Account, Stretch};
use rustix::process::Signal;
use support::process::Server;
use support::user;

#[test]
fn a_demo_lets_its_two_users_in_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_directory-server"));
    // No configuration is read either: this one would stop any other server.
    command.env_clear().env("HOME", home.path()).env("DIRSRV_REGISTER__MODE", "nonsense").current_dir(home.path());
    let mut server = Server::start_logging(command.arg("demo").stdin(Stdio::null()).stderr(Stdio::null()));
    for (id, passcode) in [("ali", "111111"), ("bianca", "222222")] {
        let told = server.greeting.join("\n");
        let line = format!(
            " --server {} --user {id} --data-dir \"$(mktemp -d)\"\n      passcode {passcode}\n",
            server.address
        );
        assert!(told.contains(&line), "{told}");
        // The identity in an account is for registering; what a login gives comes out of the vault.
        let identity = Example::Ali.identity().unwrap();
        let account = Account { user: user(id), passcode: passcode.into(), stretch: Stretch::Full, identity };
        let mut client = server.connect();
        let begun = client.begin_login(&account.user, passcode, TerminalId([1; 16]), None).unwrap().unwrap();
        let granted = client.finish_login(&account.user, account.stretch, begun).unwrap();
        assert!(granted.is_ok_and(|granted| granted.identity.public() != account.identity.public()), "{id}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "it keeps nothing");
}

#[test]
fn a_demo_ends_when_the_window_it_runs_in_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_directory-server"));
    command.env_clear().env("HOME", home.path()).current_dir(home.path());
    let mut server = Server::start_logging(command.arg("demo").stdin(Stdio::null()).stderr(Stdio::null()));
    server.signal(Signal::HUP);
    assert_eq!(server.wait().code(), Some(129));
}
