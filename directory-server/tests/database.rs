//! The program on a database of its own.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use common::ident::TerminalId;
use common::msg::{FromDirectory, LookupStatus, MailboxReq, Message as _, ToDirectory};
use common::testkit::Example;
use common::testkit::login::Account;
use rustix::process::Signal;
use support::postgres::{Isolation, Postgres};
use support::process::{Server, account, assert_another_generation, command, log_in, register, run, stdout};

fn serve(data_dir: &Path, url: &str) -> Command {
    let mut serve = command(data_dir, &["serve", "--listen", "127.0.0.1:0", "--store", url]);
    serve.stderr(Stdio::null());
    serve
}

fn start(data_dir: &Path, url: &str) -> Server {
    Server::start_logging(&mut serve(data_dir, url))
}

/// Stops a server in order.
fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    assert!(server.wait().success());
}

/// Exit code and what was said of a command that fails.
fn failure(data_dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(data_dir, arguments);
    assert!(!output.status.success());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn everything_is_there_again_after_a_restart_and_administrators_reach_it_either_way() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let (dir, url) = (tempfile::tempdir().unwrap(), postgres.url());
    let server = start(dir.path(), &url);
    for example in [Example::Ali, Example::Bianca] {
        register(&server, example);
    }
    let Account { user, stretch, .. } = account(Example::Ali);
    let bianca = support::user("bianca");
    let mut wrong = server.connect();
    let begun = wrong.begin_login(&user, "482194", TerminalId([1; 16]), None).unwrap().unwrap();
    assert!(wrong.finish_login(&user, stretch, begun).unwrap().is_err());
    let mut ali = log_in(&server, Example::Ali);
    assert_eq!(ali.lookup(&user, &bianca).unwrap().status, LookupStatus::NotFound);
    let _bianca = log_in(&server, Example::Bianca);
    assert_eq!(ali.lookup(&user, &bianca).unwrap().status, LookupStatus::Success);
    // The server is asked; what is said to the store itself does not matter.
    let listed = stdout(dir.path(), &["user", "list", "--store", &url]);
    assert!(listed.lines().any(|line| line.starts_with("ali ") && line.contains(" online ")), "{listed}");
    drop(ali);
    stop(server);
    let listed = run(dir.path(), &["user", "list", "--store", &url]);
    assert_eq!(String::from_utf8(listed.stderr).unwrap(), "(server not running)\n");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.lines().any(|line| line.starts_with("ali ") && !line.contains(" online ")), "{listed}");
    assert!(stdout(dir.path(), &["check", "--store", &url]).contains("ok    database postgres at "));
    let invited = stdout(dir.path(), &["invite", "carol", "--store", &url]);
    assert!(stdout(dir.path(), &["invite", "list", "--store", &url]).contains(invited.split(' ').next().unwrap()));
    let server = start(dir.path(), &url);
    log_in(&server, Example::Ali);
    let dump = postgres.dump();
    let holds = |canary: &[u8]| dump.windows(canary.len()).any(|window| window == canary);
    assert!(holds(b"bianca"), "the search finds what is there");
    for secret in ["opaque.secret", "server.key"] {
        assert!(!holds(&std::fs::read(dir.path().join(secret)).unwrap()), "{secret}");
    }
    assert!(!holds(b"127.0.0.1") && !holds(&[127, 0, 0, 1]) && !holds(b"482193"), "no address, no passcode");
    assert!(!dir.path().join("directory.db").exists());
}

#[test]
fn a_database_belongs_to_one_directory_and_to_its_keys() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let (one, other, url) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), postgres.url());
    let server = start(one.path(), &url);
    register(&server, Example::Ali);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", &url];
    let (code, said) = failure(other.path(), &serve);
    assert!(code == Some(12) && said.contains("is used by the directory in "), "{said}");
    stop(server);
    // Its first try has left nothing behind that could be taken for the keys of these users.
    let (code, said) = failure(other.path(), &serve);
    assert!(code == Some(11) && said.contains("is missing, and the users in the database depend on it"), "{said}");
    let empty = Postgres::start(Isolation::ReadCommitted).unwrap();
    drop(start(other.path(), &empty.url()));
    let (code, said) = failure(other.path(), &serve);
    assert!(code == Some(11) && said.contains("belong to other keys"), "{said}");
    // The keys can be kept apart, and come back.
    let file = other.path().join("backup");
    let file = file.to_str().unwrap();
    assert!(stdout(one.path(), &["backup", file, "--store", &url]).contains("pg_dump"));
    let third = tempfile::tempdir().unwrap();
    stdout(third.path(), &["restore", file, "--store", &url]);
    let server = start(third.path(), &url);
    log_in(&server, Example::Ali);
    stop(server);
    // One who was killed is no obstacle to the next one in the same place.
    let mut killed = start(one.path(), &url);
    killed.signal(Signal::KILL);
    killed.wait();
    log_in(&start(one.path(), &url), Example::Ali);
}

#[test]
fn a_database_that_its_own_tools_have_put_back_goes_by_another_name_and_gives_no_number_out_again() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let (dir, url) = (tempfile::tempdir().unwrap(), postgres.url());
    let with_store = |arguments: &[&str]| run(dir.path(), &[arguments, &["--store", &url]].concat());
    assert_another_generation(|| start(dir.path(), &url), with_store);
}

#[test]
fn a_url_that_would_show_a_password_or_go_through_the_open_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (url, why) in [
        ("postgres://ali:482193@localhost/users", "holds a password"),
        ("postgres://ali@192.0.2.7/users?sslmode=require", "sslmode=verify-full"),
        ("mysql://ali@localhost/users", "postgres://USER@HOST/DATABASE"),
    ] {
        for arguments in [["serve", "--store", url], ["check", "--store", url]] {
            let (code, said) = failure(dir.path(), &arguments);
            assert!(code == Some(2) && said.contains(why) && !said.contains("482193"), "{said}");
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was created");
}

#[test]
fn a_database_that_cannot_be_reached_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("postgres://ali@/users?host={}", dir.path().display());
    let (code, said) = failure(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--store", &url]);
    assert!(code == Some(10) && said.contains("The database does not answer (users at "), "{said}");
}

/// The first line of what `/readyz` answers, and the last.
fn readiness(address: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    (reply.lines().next().unwrap().to_owned(), reply.lines().last().unwrap().to_owned())
}

#[test]
fn while_the_database_is_away_the_server_is_not_ready_and_sessions_wait_for_it() {
    let Some(mut postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let dir = tempfile::tempdir().unwrap();
    let url = postgres.url();
    let server = Server::start_logging(serve(dir.path(), &url).env("DIRSRV_HTTP__LISTEN", "127.0.0.1:0"));
    let site = server.greeting.iter().find_map(|line| line.split("http://").nth(1)?.split('/').next()).unwrap();
    register(&server, Example::Ali);
    let (mut ali, ali_id) = (log_in(&server, Example::Ali), support::user("ali"));
    assert!(readiness(site).0.contains("200"));
    postgres.stop();
    // The lease is renewed every few seconds.
    while readiness(site).0.contains("200") {
        std::thread::yield_now();
    }
    let (status, why) = readiness(site);
    assert!(status.contains("503") && why.contains("the database"), "{status} {why}");
    // What is asked meanwhile waits; the session does not notice.
    ali.send(&ToDirectory::from(MailboxReq {}).encode()).unwrap();
    postgres.start_again();
    while !matches!(FromDirectory::decode(&ali.receive().unwrap().unwrap()), Ok(FromDirectory::MailboxState(_))) {}
    while !readiness(site).0.contains("200") {
        std::thread::yield_now();
    }
    assert_eq!(ali.lookup(&ali_id, &ali_id).unwrap().status, LookupStatus::Success);
}

#[test]
fn whoever_loses_its_database_to_another_directory_ends() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_logging(serve(dir.path(), &postgres.url()).stderr(Stdio::piped()));
    postgres.sql("UPDATE nodes SET incarnation = '1', holder = '2', name = 'carol', until = until + 1000000");
    // The lease is renewed every few seconds.
    assert_eq!(server.wait().code(), Some(12));
    let said = server.said();
    assert!(said.contains("carol has taken the database over"), "{said}");
}
