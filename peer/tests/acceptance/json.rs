//! `peer json` and `peer daemon`: a program logs in, sends and receives, and misses nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use common::limits::DIRECTORY_PORT;
use common::testkit::Example;
use serde_json::{Value, json};

use crate::harness::address::fresh;
use crate::harness::piped::runs;
use crate::harness::proxy::Proxy;
use crate::harness::stage::Seat;
use crate::harness::watch::PATIENCE;
use crate::harness::{Owned, PASSCODE, Piped, Stage};

/// A program that speaks JSON with a peer.
pub(crate) struct Bot {
    peer: Piped,
    /// Lines that were looked at.
    read: usize,
}

impl Bot {
    pub(crate) fn start(seat: &Seat) -> Self {
        Self { peer: Piped::start(&seat.clone().with(&["json"])), read: 0 }
    }

    #[track_caller]
    pub(crate) fn logged_in(seat: &Seat, user: &str) -> Self {
        let mut bot = Self::start(seat);
        bot.says("login", json!({"user": user, "passcode": PASSCODE}));
        bot.hears(|line| line["result"]["user"] == user);
        bot
    }

    /// Ends the program without a word.
    pub(crate) fn killed(mut self) {
        self.peer.kill();
    }

    pub(crate) fn says(&mut self, method: &str, params: Value) {
        self.peer.enters(&json!({"id": method, "method": method, "params": params}).to_string());
    }

    /// Waits for the next line that is wanted; the ones before it are skipped.
    #[track_caller]
    pub(crate) fn hears(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            self.read += 1;
            let line = self.peer.line(self.read);
            let line: Value = serde_json::from_str(&line).unwrap();
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Waits for a line that is wanted, unless it has come already.
    #[track_caller]
    pub(crate) fn has_heard(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.read = 0;
        self.hears(wanted)
    }

    /// Asks for something, and waits for it.
    #[track_caller]
    pub(crate) fn asks(&mut self, method: &str, params: Value) -> Value {
        self.says(method, params);
        self.result(method)
    }

    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.hears(|line| line["params"]["type"] == kind)["params"].clone()
    }

    #[track_caller]
    pub(crate) fn result(&mut self, method: &str) -> Value {
        let line = self.hears(|line| line["id"] == method);
        assert!(line.get("error").is_none(), "{line}");
        line["result"].clone()
    }
}

#[test]
fn two_programs_talk_by_mail_and_directly() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    let mut bianca = Bot::logged_in(&stage.seat(), "bianca");
    ali.says("send", json!({"to": "bianca", "text": "Hello, how are you today?", "ref": "job-41"}));
    let sent = ali.result("send")["msg"].clone();
    let message = bianca.event("message");
    assert_eq!((&message["from"], &message["text"]), (&json!("ali"), &json!("Hello, how are you today?")));
    let receipt = ali.event("receipt");
    assert_eq!((&receipt["msg"], &receipt["ref"], &receipt["state"]), (&sent, &json!("job-41"), &json!("delivered")));
    bianca.says("connect", json!({"to": "ali"}));
    assert_eq!(bianca.result("connect")["state"], "established");
    assert_eq!(ali.event("connection")["state"], "incoming");
    bianca.says("send", json!({"to": "ali", "text": "I am fine, how about you?", "queue": false}));
    assert_eq!(bianca.result("send")["state"], "sent");
    assert_eq!(ali.event("message")["text"], "I am fine, how about you?");
    ali.says("end", json!({"to": "bianca"}));
    let ended = bianca.hears(|line| line["params"]["state"] == "ended");
    assert_eq!(ended["params"]["by"], "them");
    ali.peer.ends_input();
    assert_eq!(ali.peer.exit_code(), Some(0));
}

#[test]
fn lines_that_are_no_text_are_told_from_long_ones_and_none_acts_on_a_terminal() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    ali.peer.writes(b"{\"id\": \"\xff\"}\n");
    let told = ali.hears(|line| line["id"].is_null() && line["error"].is_object());
    assert_eq!(
        (&told["error"]["code"], told["error"]["message"].as_str().unwrap().contains("UTF-8")),
        (&json!(-32700), true)
    );
    let acting = "\u{9b}31m\u{7f}\u{202e}\u{e0041}";
    ali.peer.enters(&json!({"id": acting, "method": "list"}).to_string());
    ali.hears(|line| line["id"] == acting);
    let line = ali.peer.line(ali.read);
    assert!(line.contains(r"\u009b31m\u007f\u202e\udb40\udc41"), "{line}");
    assert!(!line.contains(|c: char| acting.contains(c) && !c.is_ascii_alphanumeric()), "{line}");
}

#[test]
fn a_daemon_that_is_told_to_stop_does_not_wait_for_a_directory_that_hangs() {
    let stage = Stage::of(&[Example::Ali]);
    let socket = stage.folder().join("sock");
    let seat = stage.script_of("ali").with(&["--timeout", "40", "daemon", "--socket", &socket.display().to_string()]);
    let mut daemon = Piped::start(&seat);
    stage.directory.logs("logged in");
    stage.directory.freeze();
    let told = std::time::Instant::now();
    daemon.child.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.exit_code(), Some(143));
    // Not a speed: the directory would be waited for forty seconds.
    assert!(told.elapsed() < std::time::Duration::from_secs(30));
}

#[test]
fn killed_before_the_acknowledgement_a_program_gets_the_event_again() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    let seat = stage.seat();
    let mut bianca = Bot::logged_in(&seat, "bianca");
    for text in ["one", "two", "three"] {
        ali.says("send", json!({"to": "bianca", "text": text}));
    }
    let [first, second, _] = [(); 3].map(|()| bianca.event("message"));
    bianca.says("ack", json!({"name": "bot", "seq": first["seq"]}));
    bianca.result("ack");
    bianca.peer.child.kill();
    bianca.peer.child.wait();
    let mut bianca = Bot::logged_in(&seat, "bianca");
    bianca.says("subscribe", json!({"name": "bot", "types": ["message"]}));
    bianca.result("subscribe");
    let again = bianca.event("message");
    assert_eq!((&again["seq"], &again["text"]), (&second["seq"], &json!("two")));
    assert_eq!(bianca.event("message")["text"], "three");
}

#[test]
fn a_refused_login_and_wrong_lines_leave_the_program_running() {
    let stage = Stage::of(&[Example::Ali]);
    let mut bot = Bot::start(&stage.seat());
    bot.says("login", json!({"user": "ali", "passcode": "111111"}));
    assert_eq!(bot.hears(|line| line["id"] == "login")["error"]["data"]["kind"], "login_refused");
    bot.peer.enters("{");
    assert_eq!(bot.hears(|_| true)["error"]["code"], -32700);
    bot.peer.writes(&[b'x'; 2 * 1024 * 1024]);
    bot.peer.enters("");
    assert!(bot.hears(|_| true)["error"]["message"].as_str().unwrap().starts_with("oversize"));
    bot.says("login", json!({"user": "ali", "passcode": PASSCODE}));
    bot.result("login");
    let said = bot.peer.output() + &bot.peer.errors();
    assert!(!said.contains(PASSCODE) && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn an_unreachable_directory_is_told_with_its_exit_code() {
    let mut stage = Stage::of(&[Example::Ali]);
    stage.directory.kill();
    let mut bot = Bot::start(&stage.seat());
    bot.says("login", json!({"user": "ali", "passcode": PASSCODE}));
    assert_eq!(bot.hears(|line| line["id"] == "login")["error"]["data"]["exit"], 3);
    assert_eq!(bot.event("bye")["exit"], 3);
    assert_eq!(bot.peer.exit_code(), Some(3));
}

#[test]
fn a_program_that_leaves_is_not_held_up_by_a_directory_that_is_gone() {
    let mut stage = Stage::of(&[Example::Ali]);
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    stage.directory.kill();
    assert_eq!(ali.event("server")["state"], "down");
    ali.peer.ends_input();
    assert_eq!(ali.peer.exit_code(), Some(0));
}

#[test]
fn a_goodbye_that_is_not_answered_is_a_goodbye() {
    let mut stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat();
    let proxy = Proxy::start((fresh(), DIRECTORY_PORT).into(), seat.ip, stage.directory.address);
    let mut ali = Bot::logged_in(&seat.at_server(proxy.address()), "ali");
    ali.says("list", json!({}));
    ali.result("list");
    stage.directory.freeze();
    let before = proxy.sent_by_client().len();
    ali.peer.ends_input();
    // What ali says last is on its way, and nobody takes it.
    proxy.until_client_sent_more_than(before);
    stage.directory.kill();
    assert_eq!(ali.peer.exit_code(), Some(0));
}

#[test]
fn several_clients_share_a_daemon_and_commands_join_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let folder = stage.folder().join("run");
    let passcode = stage.folder().join("passcode");
    std::fs::write(&passcode, PASSCODE).unwrap();
    std::fs::set_permissions(&passcode, PermissionsExt::from_mode(0o600)).unwrap();
    let seat = stage.seat_of("ali").set("XDG_RUNTIME_DIR", folder.to_str().unwrap());
    let with_passcode = seat.clone().with(&["--passcode-file", passcode.to_str().unwrap()]);
    let mut daemon = Piped::start(&with_passcode.with(&["daemon"]));
    let path = folder.join("peer/ali.sock");
    daemon.tells(&format!("Listening on {}", path.display()));
    let mut one = Client::of(&path);
    let mut two = Client::of(&path);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    one.until(|line| line["params"]["type"] == "ready" || line["params"]["type"] == "presence", "status");
    let mut bianca = Bot::logged_in(&stage.seat(), "bianca");
    bianca.says("send", json!({"to": "ali", "text": "to both"}));
    for client in [&mut one, &mut two] {
        client.until(|line| line["params"]["text"] == "to both", "status");
    }
    // A command of the same user asks for no passcode: it joins the daemon.
    let mut send = Piped::start(&seat.clone().with(&["send", "bianca", "from a script"]));
    assert_eq!(send.exit_code(), Some(0), "{}", send.errors());
    assert_eq!(bianca.event("message")["text"], "from a script");
    let mut second = Piped::start(&seat.clone().with(&["daemon"]));
    assert_eq!(second.exit_code(), Some(12), "{}", second.errors());
    drop(one);
    two.says(&json!({"id": 1, "method": "shutdown"}));
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(!path.exists());
}

/// A client of a daemon.
struct Client {
    stream: UnixStream,
    lines: std::io::Lines<BufReader<UnixStream>>,
}

impl Client {
    fn of(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        Self { stream, lines }
    }

    fn says(&mut self, line: &Value) {
        writeln!(self.stream, "{line}").unwrap();
    }

    /// Reads until a line is wanted, or `method` is answered while logged in.
    #[track_caller]
    fn until(&mut self, wanted: impl Fn(&Value) -> bool, method: &str) {
        self.says(&json!({"id": 9, "method": method}));
        loop {
            let line: Value = serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap();
            if wanted(&line) {
                return;
            }
        }
    }
}

#[test]
fn a_bot_of_twenty_lines_answers_and_answers_once() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3, which the example is written in, is not installed");
        return;
    }
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let passcode = stage.folder().join("passcode");
    std::fs::write(&passcode, PASSCODE).unwrap();
    std::fs::set_permissions(&passcode, PermissionsExt::from_mode(0o600)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/examples/echo-bot");
    let programs = Path::new(env!("CARGO_BIN_EXE_peer")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let seat = stage.seat();
    let start = || {
        let mut bot = Command::new("python3");
        bot.arg(script).arg("bianca").arg(&passcode).arg(&passcode).args(seat.arguments());
        bot.env_clear().envs(seat.environment()).env("PATH", &path);
        Owned(bot.spawn().unwrap())
    };
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    ali.says("send", json!({"to": "bianca", "text": "Hello"}));
    let bot = start();
    assert_eq!(ali.event("message")["text"], "You said: Hello");
    drop(bot);
    // Its peer logs out; until then nobody else can use the state.
    let state = seat.data.join(format!("{}_{}", seat.server.ip(), seat.server.port())).join("bianca/lock");
    std::fs::File::open(state).unwrap().lock().unwrap();
    let _again = start();
    ali.says("send", json!({"to": "bianca", "text": "And again"}));
    assert_eq!(ali.event("message")["text"], "You said: And again", "the first is not answered twice");
    ali.says("send", json!({"to": "bianca", "text": "file"}));
    let offer = ali.event("file");
    let saved = stage.folder().join("saved");
    ali.says("file.accept", json!({"file": offer["file"], "dir": saved}));
    ali.hears(|line| line["params"]["what"] == "done");
    assert_eq!(std::fs::read(saved.join("passcode")).unwrap(), PASSCODE.as_bytes());
}

#[test]
fn programs_send_files_to_each_other() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    let mut bianca = Bot::logged_in(&stage.seat(), "bianca");
    let (plans, saved) = (stage.folder().join("plans.pdf"), stage.folder().join("saved"));
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&plans, &content).unwrap();
    ali.says("file.send", json!({"to": "bianca", "path": "/nowhere/plans.pdf"}));
    assert_eq!(ali.hears(|line| line["id"] == "file.send")["error"]["data"]["kind"], "io");
    ali.says("file.send", json!({"to": "bianca", "path": plans}));
    let offered = ali.result("file.send");
    assert_eq!((&offered["state"], &offered["size"]), (&json!("offered"), &json!(4_000_000)));
    let offer = bianca.event("file");
    assert_eq!((&offer["what"], &offer["with"], &offer["name"]), (&json!("offer"), &json!("ali"), &json!("plans.pdf")));
    bianca.says("file.accept", json!({"file": 77}));
    assert_eq!(bianca.hears(|line| line["id"] == "file.accept")["error"]["code"], -32602);
    bianca.says("file.accept", json!({"file": offer["file"], "dir": saved}));
    assert_eq!(bianca.result("file.accept")["outgoing"], false);
    let done = bianca.hears(|line| line["params"]["what"] == "done");
    assert_eq!(done["params"]["path"], json!(saved.join("plans.pdf")));
    assert_eq!(std::fs::read(saved.join("plans.pdf")).unwrap(), content);
    ali.hears(|line| line["params"]["what"] == "done" && line["params"]["file"] == offered["file"]);
    bianca.says("file.cancel", json!({"file": offer["file"]}));
    assert_eq!(bianca.hears(|line| line["id"] == "file.cancel")["error"]["data"]["kind"], "refused");
    ali.says("file.list", json!({}));
    let listed = ali.result("file.list");
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["state"]), (1, &json!("done")));
}

#[test]
fn a_status_counts_what_waits_what_was_not_seen_and_what_is_on_its_way() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let mut ali = Bot::logged_in(&stage.seat().set("PEER_FILES__RATE", "64KiB"), "ali");
    let mut bianca = Bot::logged_in(&stage.seat(), "bianca");
    bianca.says("send", json!({"to": "ali", "text": "Hello"}));
    ali.event("message");
    // Carol has no terminal yet, so it waits here.
    ali.says("send", json!({"to": "carol", "text": "Hello"}));
    assert_eq!(ali.result("send")["state"], "queued");
    let plans = stage.folder().join("plans.pdf");
    std::fs::write(&plans, vec![b'x'; 4_000_000]).unwrap();
    ali.says("file.send", json!({"to": "bianca", "path": plans}));
    let offer = bianca.event("file");
    bianca.says("file.accept", json!({"file": offer["file"], "dir": stage.folder().join("saved")}));
    ali.hears(|line| line["params"]["what"] == "progress");
    ali.says("status", json!({}));
    let status = ali.result("status");
    assert_eq!((&status["outbox"], &status["unread"]), (&json!(1), &json!(1)), "{status}");
    assert_eq!(
        (&status["transfers"][0]["name"], &status["transfers"][0]["state"]),
        (&json!("plans.pdf"), &json!("running"))
    );
}

#[test]
fn the_schema_is_the_one_that_was_released() {
    let mut peer = Piped::start(&Stage::new().seat().with(&["json", "--schema"]));
    assert_eq!(peer.exit_code(), Some(0));
    let golden = include_str!("../golden/json-schema.json");
    assert_eq!(peer.output().trim(), golden.trim(), "what clients rely on changes only with protocol 2");
}

#[test]
fn requests_in_a_pipe_are_all_answered_before_its_end() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let requests = [
        json!({"id": 1, "method": "login", "params": {"user": "ali", "passcode": PASSCODE}}),
        json!({"id": 2, "method": "send", "params": {"to": "bianca", "text": "Hello"}}),
        json!({"id": 3, "method": "list"}),
        json!({"id": 4, "method": "history", "params": {"with": "bianca"}}),
    ];
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let (code, output, errors) = runs(&stage.seat(), &["json"], &input);
    assert_eq!(code, Some(0), "{output} {errors}");
    let told: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for id in 1..=4 {
        let answers: Vec<&Value> = told.iter().filter(|line| line["id"] == id).collect();
        assert!(matches!(answers[..], [answer] if answer["error"].is_null()), "{id}: {output}");
    }
}
