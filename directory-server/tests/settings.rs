//! Settings of a running server that no other test turns.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use common::ident::TerminalId;
use common::msg::AuthRefusal;
use common::testkit::Example;
use common::testkit::login::Account;
use support::process::{Server, account, command, log_in, register, run, stdout};

fn serve(data_dir: &Path, settings: &[(&str, &str)]) -> Command {
    let mut serve = command(data_dir, &["serve", "--listen", "127.0.0.1:0"]);
    serve.envs(settings.iter().map(|(key, value)| (format!("DIRSRV_{key}"), *value))).stderr(Stdio::null());
    serve
}

/// The names in a folder, in their order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_server_backs_itself_up_and_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backups) = (dir.path().join("data"), dir.path().join("backups"));
    let settings =
        [("STORE__BACKUP_DIR", backups.to_str().unwrap()), ("STORE__BACKUP_EVERY", "1s"), ("STORE__BACKUP_KEEP", "1")];
    let server = Server::start_logging(&mut serve(&data, &settings));
    register(&server, Example::Ali);
    let wait = |wanted: &dyn Fn(&[String]) -> bool| loop {
        let found = names(&backups);
        if wanted(&found) {
            return found;
        }
        std::thread::yield_now();
    };
    let first = wait(&|found| found.len() == 1);
    // The one after the next was begun when ali had registered.
    let second = wait(&|found| found.len() == 1 && *found != first);
    let third = wait(&|found| found.len() == 1 && *found != second);
    assert!(first < second && second < third);
    assert!(stdout(&data, &["status"]).contains(", backup "));
    drop(server);

    // It is one like any other: with the secrets of a backup taken by hand it can be restored.
    let last = backups.join(&names(&backups)[0]);
    let by_hand = dir.path().join("by hand");
    stdout(&data, &["backup", by_hand.to_str().unwrap()]);
    let beside = |path: &Path| format!("{}.secrets", path.display());
    std::fs::copy(beside(&by_hand), beside(&last)).unwrap();
    let restored = dir.path().join("restored");
    assert!(stdout(&restored, &["restore", last.to_str().unwrap()]).starts_with("Restored 1 user, "));
    let again = Server::start_logging(&mut serve(&restored, &[]));
    let _ali = log_in(&again, Example::Ali);
}

#[test]
fn a_user_has_as_many_sessions_as_the_setting_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_logging(&mut serve(dir.path(), &[("AUTH__SESSIONS_PER_USER", "1")]));
    register(&server, Example::Ali);
    let _ali = log_in(&server, Example::Ali);
    let Account { user, passcode, stretch, .. } = account(Example::Ali);
    let mut client = server.connect();
    let begun = client.begin_login(&user, &passcode, TerminalId([2; 16]), None).unwrap().unwrap();
    let refused = client.finish_login(&user, stretch, begun).unwrap().unwrap_err();
    assert_eq!(refused.reason, Some(AuthRefusal::TooMany));
    let _same_terminal = log_in(&server, Example::Ali);
}

#[test]
fn what_administrators_change_is_logged_unless_that_is_turned_off() {
    for (audit, logged) in [("true", true), ("false", false)] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let settings = [("LOG__AUDIT", audit), ("LOG__FILE", log.to_str().unwrap())];
        let mut server = Server::start_logging(&mut serve(dir.path(), &settings));
        stdout(dir.path(), &["invite", "ali"]);
        register(&server, Example::Bianca);
        stdout(dir.path(), &["user", "unlock", "bianca"]);
        server.signal(rustix::process::Signal::TERM);
        server.wait();
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.contains("\"event\":\"stopping\""), "{text}");
        assert_eq!(text.contains("\"event\":\"administrator\""), logged, "{text}");
        assert_eq!(text.contains("\"user\":\"bianca\""), logged, "{text}");
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (key, value, advice) in [
        ("AUTH__SESSIONS_PER_USER", "0", "a number from 1 to 8"),
        ("AUTH__SESSIONS_PER_USER", "9", "a number from 1 to 8"),
        ("STORE__BACKUP_EVERY", "1h", "needs backup_dir"),
    ] {
        let refused = serve(dir.path(), &[(key, value)]).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(refused.status.code(), Some(11), "{key}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(advice), "{refused:?}");
    }
    assert_eq!(run(dir.path(), &["config", "check"]).status.code(), Some(0));
}
