//! The program as its administrator knows it: start, stop, data directory, commands.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use common::crypto::terminal::TerminalIdentity;
use common::crypto::transcript;
use common::ident::{MessageId, TerminalId};
use common::msg::{AuthRefusal, AuthReply, Blob, BroadcastReq, ByeReason, FromDirectory, LookupStatus, Message as _};
use common::secret::Secret;
use common::testkit::Example;
use common::testkit::login::Account;
use rustix::process::Signal;
use support::process::{Server, account, bye, command, log_in, register, run, stdout};
use support::user;

/// The directory's reply to a login with the right passcode that it refuses.
fn refusal(server: &Server, example: Example) -> AuthReply {
    let Account { user, passcode, stretch, .. } = account(example);
    let mut client = server.connect();
    let begun = client.begin_login(&user, &passcode, TerminalId([1; 16]), None).unwrap().unwrap();
    client.finish_login(&user, stretch, begun).unwrap().unwrap_err()
}

#[test]
fn the_first_run_creates_private_files_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let key = server.connect().key().short();
    let address = server.address;
    assert_eq!(
        server.greeting,
        [
            format!("Created {} (first run).", data.display()),
            format!("Server key {key}"),
            format!("Listening on {address} (this machine only; anyone here may register)."),
            format!("Start a peer in another terminal:  peer --server {address}"),
            "CTRL-C stops the server.".into(),
        ]
    );
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
    drop(server);
    let again = Server::start(&data);
    assert_eq!(again.greeting[0], format!("Server key {key}"), "the key stays");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let second = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(12));
    assert!(String::from_utf8_lossy(&second.stderr).contains("already used by another directory-server (process "));
}

#[test]
fn secrets_that_others_can_read_or_that_are_missing_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path()));
    for name in ["server.key", "opaque.secret"] {
        let file = dir.path().join(name);
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let exposed = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(exposed.status.code(), Some(13), "{name}");
        assert!(String::from_utf8_lossy(&exposed.stderr).contains("chmod 600"));
        assert_eq!(run(dir.path(), &["check"]).status.code(), Some(11));
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&file, dir.path().join("aside")).unwrap();
        let missing = run(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(missing.status.code(), Some(11), "{name}");
        std::fs::rename(dir.path().join("aside"), &file).unwrap();
    }
    assert_eq!(run(dir.path(), &["check"]).status.code(), Some(0));
}

#[test]
fn a_database_that_others_can_read_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(Server::start(dir.path()));
    let database = dir.path().join("directory.db");
    let set = |mode| std::fs::set_permissions(&database, Permissions::from_mode(mode)).unwrap();
    set(0o640);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let refused = run(dir.path(), arguments);
        assert_eq!(refused.status.code(), Some(13), "{arguments:?}");
        let advice = format!(" If nobody has read it: chmod 600 {}\n", database.display());
        assert!(String::from_utf8_lossy(&refused.stderr).ends_with(&advice));
    }
    assert_ne!(run(dir.path(), &["check"]).status.code(), Some(0));
    set(0o600);
    assert_eq!(run(dir.path(), &["check"]).status.code(), Some(0));
}

#[test]
fn a_stop_says_goodbye_to_sessions_and_exits_as_asked() {
    for (signal, code) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path());
        register(&server, Example::Ali);
        let mut ali = log_in(&server, Example::Ali);
        server.signal(signal);
        assert_eq!(bye(&mut ali), ByeReason::Stopping);
        assert_eq!(server.wait().code(), Some(code));
        assert!(!dir.path().join("admin.sock").exists());
    }
}

#[test]
fn two_users_register_log_in_and_find_each_other_also_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    for example in [Example::Ali, Example::Bianca] {
        register(&server, example);
    }
    server.signal(Signal::KILL);
    server.wait();
    let server = Server::start(dir.path());
    let _ali = log_in(&server, Example::Ali);
    let mut bianca = log_in(&server, Example::Bianca);
    let reply = bianca.lookup(&user("bianca"), &user("ali")).unwrap();
    assert_eq!(reply.status, LookupStatus::Success);
    assert_eq!(reply.addresses, [([127, 0, 0, 1], 65_000).into()]);
    assert_eq!(reply.publickey.0, Example::Ali.identity().unwrap().public().as_pkcs1());
}

#[test]
fn a_running_server_obeys_its_administrator_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    let mut ali = log_in(&server, Example::Ali);
    assert!(stdout(dir.path(), &["user", "list"]).lines().nth(1).unwrap().starts_with("ali  online "));
    assert!(stdout(dir.path(), &["status"]).contains(" 1 user, 1 online · 0 queued messages "));
    let locked = stdout(dir.path(), &["user", "lock", "ali", "--reason", "lost laptop"]);
    assert_eq!(locked, "Locked ali and ended 1 session. Unlock: directory-server user unlock ali\n");
    assert_eq!(bye(&mut ali), ByeReason::Administrator);
    assert!(stdout(dir.path(), &["user", "show", "ali"]).contains("locked, lost laptop"));
    assert_eq!(refusal(&server, Example::Ali).reason, Some(AuthRefusal::Locked));
    assert_eq!(stdout(dir.path(), &["user", "unlock", "ali"]), "Unlocked ali.\n");
    assert_eq!(stdout(dir.path(), &["user", "unlock", "ali"]), "ali was not locked.\n");
    let nobody = run(dir.path(), &["user", "unlock", "carol"]);
    assert_eq!((nobody.status.code(), nobody.stdout), (Some(5), Vec::new()), "there is nobody to unlock");
    let mut again = log_in(&server, Example::Ali);
    assert_eq!(stdout(dir.path(), &["user", "remove", "ali", "--yes"]), "Removed ali and ended 1 session.\n");
    assert_eq!(bye(&mut again), ByeReason::Administrator);
    assert_eq!(run(dir.path(), &["user", "show", "ali"]).status.code(), Some(5));
    assert_eq!(run(dir.path(), &["invite", "ali"]).status.code(), Some(13), "the id is never given out again");
    assert_eq!(run(dir.path(), &["health"]).status.code(), Some(0));
}

#[test]
fn without_a_server_commands_work_on_the_store_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["user", "list"]).status.code(), Some(10), "there is nothing yet");
    drop(Server::start(dir.path()));
    let listed = run(dir.path(), &["user", "list"]);
    assert_eq!(String::from_utf8_lossy(&listed.stderr), "(server not running)\n");
    assert_eq!(run(dir.path(), &["health"]).status.code(), Some(3));
    let invited = stdout(dir.path(), &["invite", "ali", "bianca"]);
    let lines: Vec<_> = invited.lines().collect();
    assert!(lines[0].starts_with("Send each line to its person by a channel you trust. Each works once, until "));
    assert!(lines[1].starts_with("ali     ali@127.0.0.1:7420/"));
    assert!(lines[2].starts_with("bianca  bianca@127.0.0.1:7420/"));
    let open: Vec<serde_json::Value> =
        serde_json::from_str(&stdout(dir.path(), &["invite", "list", "--json"])).unwrap();
    assert_eq!(open.len(), 2);
    let line = open[1]["line"].as_str().unwrap();
    assert_eq!(stdout(dir.path(), &["invite", "revoke", line]), "Revoked the invitation of bianca.\n");
    assert_eq!(run(dir.path(), &["invite", "revoke", line]).status.code(), Some(5));
}

#[test]
fn what_cannot_be_undone_is_asked_for_twice() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    let answer = |typed: &str, arguments: &[&str]| {
        let mut child = command(dir.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    for doomed in ["passcode", "remove"] {
        assert_eq!(run(dir.path(), &["user", doomed, "ali", "--no-input"]).status.code(), Some(2));
        let wrong = answer("alli\n", &["user", doomed, "ali"]);
        assert_eq!(wrong.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&wrong.stderr).ends_with("Nothing was changed.\n"));
    }
    let reset = answer("ali\n", &["user", "passcode", "ali"]);
    assert!(String::from_utf8_lossy(&reset.stdout).starts_with("Forgot the passcode of ali.\nSend each line "));
    assert_eq!(refusal(&server, Example::Ali).tries_left, Some(3));
    assert!(answer("ali\n", &["user", "remove", "ali"]).status.success());
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "[limits]\nlookup_per_minute = 1\n").unwrap();
    let named = config.to_str().unwrap();
    for arguments in [&["config", "check", "-c", named][..], &["serve", "-c", named]] {
        let output = run(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(11));
        let expected = format!("{named}:2: unknown key \"lookup_per_minute\". Did you mean \"lookups_per_minute\"?\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn a_hang_up_reloads_the_rules_and_a_broken_file_keeps_the_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "[register]\nmode = \"open\"\n").unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "-c", config.to_str().unwrap()];
    let mut command = command(dir.path(), &arguments);
    let log = dir.path().join("log");
    let log_to = std::fs::File::create(&log).unwrap();
    let server = Server::start_logging(command.stderr(log_to));
    let known = |server: &Server| server.connect().hello(&user("ali")).unwrap().known;
    assert_eq!(known(&server), Some(false));
    let wait_for = |text: &str| {
        while !std::fs::read_to_string(&log).unwrap().contains(text) {
            std::thread::yield_now();
        }
    };
    std::fs::write(&config, "[register]\nmode = \"ajar\"\n").unwrap();
    server.signal(Signal::HUP);
    wait_for("configuration not reloaded");
    assert_eq!(known(&server), Some(false));
    std::fs::write(&config, "[register]\nmode = \"invite\"\n").unwrap();
    server.signal(Signal::HUP);
    wait_for("configuration reloaded");
    assert_eq!(known(&server), None);
}

/// Says something to everyone, in a session of its own.
fn say_to_everyone(server: &Server, example: Example, message: &str) {
    let Account { user, passcode, stretch, identity } = account(example);
    let terminal = TerminalIdentity::from_seed(TerminalId([2; 16]), &Secret::new(vec![2; 32])).unwrap();
    let mut client = server.connect();
    let begun = client.begin_login(&user, &passcode, terminal.id(), None).unwrap().unwrap();
    let granted = client.finish_login(&user, stretch, begun).unwrap().unwrap();
    client.announce_as(&user, &granted, terminal.certify(&user, &identity, 0).unwrap(), 65_000).unwrap();
    let (id, date) = (MessageId(common::crypto::random().unwrap()), 0);
    let said = transcript::broadcast(&user, &terminal.id(), &client.key(), &id, date, message);
    let signature = Blob(terminal.sign(said.as_bytes()));
    let reply = client.ask(BroadcastReq { id, message: message.into(), date, signature }).unwrap();
    assert!(matches!(reply, FromDirectory::BroadcastReply(_)), "{reply:?}");
}

#[test]
fn an_administrator_reads_the_log_of_broadcasts_with_and_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    assert_eq!(stdout(&data, &["log", "--broadcasts"]), "No broadcasts yet.\n");
    register(&server, Example::Ali);
    register(&server, Example::Bianca);
    let mut bianca = log_in(&server, Example::Bianca);
    say_to_everyone(&server, Example::Ali, "Lunch is ready.");
    say_to_everyone(&server, Example::Ali, "Dinner\n    9  ali: \u{1b}[2Jis ready.");
    let told = std::iter::from_fn(|| FromDirectory::decode(&bianca.receive().unwrap().unwrap()).ok());
    let told = told.filter_map(|message| match message {
        FromDirectory::Broadcast(broadcast) => Some(broadcast.number),
        _ => None,
    });
    assert_eq!(told.take(2).collect::<Vec<_>>(), [1, 2]);
    let running = stdout(&data, &["log", "--broadcasts"]);
    let lines: Vec<_> = running.lines().collect();
    assert!(lines[0].starts_with("    1  ") && lines[0].ends_with("  ali: Lunch is ready."), "{running}");
    assert!(lines[1].starts_with("    2  ") && lines[1].ends_with("  ali: Dinner"), "{running}");
    assert_eq!(lines[2..], ["           9  ali: <U+001B>[2Jis ready."], "no text passes for an entry");
    server.signal(Signal::TERM);
    server.wait();
    assert_eq!(stdout(&data, &["log", "--broadcasts"]), running);
    let newest = stdout(&data, &["log", "--broadcasts", "--limit", "1", "--json"]);
    let entries: serde_json::Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(entries.as_array().map(Vec::len), Some(1));
    assert_eq!((&entries[0]["number"], &entries[0]["sender"]["userid"]), (&2.into(), &"ali".into()));
    for wrong in [&["log", "--limit", "5"][..], &["log", "--broadcasts", "--limit", "0"], &["log", "--since", "noon"]] {
        assert_eq!(run(&data, wrong).status.code(), Some(2), "{wrong:?}");
    }
}
