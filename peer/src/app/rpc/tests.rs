//! What clients see, with an engine that says what the test says.

mod answers;
mod held;
mod reasons;
mod references;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::ident::{KeyDigest, MessageId, UserId};
use common::msg::Registration;
use serde_json::{Value, json};

use super::schema::conforms;
use super::*;
use peer_core::command::{Answer, Ticket};
use peer_core::model::{Conversation, DeliveryStatus, LinkWay, MessageKey, StoredMessage};
use peer_core::notice::{CallNotice, Event, JournalNotice, LoginRefused, MessageNotice, SessionNotice};

const ALI: ClientId = ClientId(1);
const OTHER: ClientId = ClientId(2);

struct Scene {
    rpc: Rpc,
    now: Instant,
    lines: Vec<(ClientId, Value)>,
    commands: Vec<String>,
    /// Those of the commands, in the same order.
    tickets: Vec<Ticket>,
    exit: Option<i32>,
    /// Clients that cannot take more events.
    full: Vec<ClientId>,
    /// Clients that were let go.
    gone: Vec<ClientId>,
    /// Which method has which number.
    asked: std::collections::BTreeMap<String, String>,
    schema: std::cell::OnceCell<Value>,
}

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn event(seq: u64, content: Value) -> Event {
    Event { seq, at: seq, content: content.to_string() }
}

impl Scene {
    fn new() -> Self {
        let options = Options {
            server: "127.0.0.1:7420".into(),
            user: None,
            passcode: None,
            patience: Duration::from_secs(10),
            life: Life::Daemon,
        };
        let now = Instant::now();
        let (rpc, out) = Rpc::new(options, now);
        assert!(out.is_empty());
        let mut scene = Self {
            rpc,
            now,
            lines: Vec::new(),
            commands: Vec::new(),
            tickets: Vec::new(),
            exit: None,
            asked: std::collections::BTreeMap::new(),
            schema: std::cell::OnceCell::new(),
            full: Vec::new(),
            gone: Vec::new(),
        };
        scene.input(Input::Opened(ALI));
        scene
    }

    fn logged_in() -> Self {
        let mut scene = Self::new();
        scene.says(json!({"id": 0, "method": "login", "params": {"user": "ali", "passcode": "482193"}}));
        scene.identified(Some(true));
        scene.notice(Notice::Session(SessionNotice::LoggedIn {
            user: id("ali"),
            address: "127.0.0.1:65000".parse().unwrap(),
        }));
        scene.notice(Notice::Journal(JournalNotice::Replayed { events: Vec::new(), lost: 0, last: 7 }));
        assert_eq!(scene.told()[0]["result"], json!({"user": "ali", "server": "127.0.0.1:7420", "seq": 7}));
        scene.commands.clear();
        scene.tickets.clear();
        scene
    }

    fn identified(&mut self, known: Option<bool>) {
        let (user, registration) = (id("ali"), Registration::Open);
        self.notice(Notice::Session(SessionNotice::Identified {
            user,
            known,
            refused: None,
            registration,
            passcode_min: 6,
        }));
    }

    fn input(&mut self, input: Input) {
        let full = self.full.clone();
        let outputs = self.rpc.handle((self.now, 1000), input, &|client| !full.contains(&client));
        for output in outputs {
            match output {
                Output::Tell(client, told) => {
                    let line = serde_json::from_str(&told.line()).unwrap();
                    self.is_as_told(&line);
                    self.lines.push((client, line));
                }
                Output::Command(TicketedCommand { ticket, command }) => {
                    self.commands.push(crate::app::bare(&command));
                    self.tickets.push(ticket);
                }
                Output::LetGo(client) => self.gone.push(client),
                Output::Complain(_) => {}
                Output::Exit(code) => self.exit = Some(code),
            }
        }
    }

    /// Whatever a client gets has the form that the schema tells.
    fn is_as_told(&self, line: &Value) {
        let root = self.schema.get_or_init(|| serde_json::from_str(&schema()).unwrap());
        let (form, value) = match self.asked.get(&line["id"].to_string()) {
            Some(method) => (&root["$defs"]["Result"]["properties"][method], &line["result"]),
            None => (&root["$defs"]["Event"], &line["params"]),
        };
        if !value.is_null() {
            conforms(root, form, value).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
    }

    fn says(&mut self, line: Value) {
        if let Some(method) = line["method"].as_str() {
            self.asked.insert(line["id"].to_string(), method.to_owned());
        }
        self.input(Input::Line(ALI, line.to_string()));
    }

    fn notice(&mut self, notice: Notice) {
        self.input(Input::Notice(notice.into()));
    }

    /// The engine answers a command.
    fn answers(&mut self, ticket: &Ticket, notice: Notice) {
        self.input(Input::Notice(Notification { answers: Some(ticket.clone()), notice }));
    }

    /// What the first client was told since the last time.
    fn told(&mut self) -> Vec<Value> {
        let lines = std::mem::take(&mut self.lines);
        lines.into_iter().filter(|(client, _)| *client == ALI).map(|(_, line)| line).collect()
    }

    /// The numbers of the events that a client was told since the last time.
    fn events(&mut self, of: ClientId) -> Vec<u64> {
        let lines = std::mem::take(&mut self.lines);
        lines
            .iter()
            .filter(|(client, _)| *client == of)
            .filter_map(|(_, line)| line["params"]["seq"].as_u64())
            .collect()
    }
}

fn record(msg: u8, mark: DeliveryStatus) -> StoredMessage {
    let name =
        MessageKey { conversation: Conversation::User(id("bianca")), author: id("ali"), id: MessageId([msg; 16]) };
    StoredMessage { name, text: "Hello".into(), date: 5, arrived: 5, mark, since: 5 }
}

#[test]
fn nothing_but_a_login_is_done_before_the_login() {
    let mut scene = Scene::new();
    scene.says(json!({"id": 1, "method": "list"}));
    assert_eq!(scene.told()[0]["error"]["data"]["kind"], "login_refused");
    scene.says(json!({"id": 2, "method": "login", "params": {"user": "ali", "passcode": "111111"}}));
    scene.identified(Some(true));
    scene.notice(Notice::Session(SessionNotice::LoginRefused {
        user: id("ali"),
        why: LoginRefused::Passcode { tries_left: 3 },
    }));
    let told = scene.told();
    assert_eq!(told[0]["error"]["message"], "Not accepted, 3 tries left.");
    scene.says(json!({"id": 3, "method": "login", "params": {"user": "ali", "passcode": "482193"}}));
    assert_eq!(scene.commands.last().unwrap(), "Identify { user: UserId(\"ali\") }", "another attempt is possible");
    assert_eq!(scene.exit, None);
}

#[test]
fn an_unknown_user_is_registered_only_if_that_was_asked_for() {
    let mut scene = Scene::new();
    scene.says(json!({"id": 1, "method": "login", "params": {"user": "ali", "passcode": "482193"}}));
    scene.identified(Some(false));
    assert_eq!(scene.told()[0]["error"]["data"]["kind"], "unknown_user");
    for (passcode, registers) in [("123", false), ("482193", true)] {
        let params = json!({"user": "ali", "passcode": passcode, "register": true});
        scene.says(json!({"id": 2, "method": "login", "params": params}));
        scene.identified(Some(false));
        assert_eq!(scene.commands.last().unwrap().starts_with("Register"), registers, "{passcode}");
    }
}

#[test]
fn a_directory_elsewhere_is_trusted_by_its_key_alone() {
    let key = KeyDigest([0x3f; 32]);
    for (told, answer) in [
        (None, Answer::No),
        (Some("3F3F 3F3F 3F3F 3F3F 3F3E"), Answer::No),
        (Some("3f3f3f3f3f3f3f3f3f3f"), Answer::Yes),
    ] {
        let mut scene = Scene::new();
        let params = json!({"user": "ali", "passcode": "482193", "server_key": told});
        scene.says(json!({"id": 1, "method": "login", "params": params}));
        scene.notice(Notice::Session(SessionNotice::FirstContact { server: "dir.example.org:7420".into(), key }));
        assert_eq!(scene.commands.last().unwrap(), &format!("TrustDirectory({answer:?})"));
        let refused = scene.told().first().map(|told| told["error"]["data"]["server_key"].clone());
        assert_eq!(refused, (answer == Answer::No).then(|| json!(key.short())));
    }
}

#[test]
fn an_older_vault_is_taken_only_where_the_client_has_said_so() {
    for (said, answer) in [(None, Answer::No), (Some(false), Answer::No), (Some(true), Answer::Yes)] {
        let mut scene = Scene::new();
        let mut params = json!({"user": "ali", "passcode": "482193"});
        if let Some(said) = said {
            params["older_vault"] = said.into();
        }
        scene.says(json!({"id": 1, "method": "login", "params": params}));
        scene.identified(Some(true));
        scene.notice(Notice::Session(SessionNotice::OlderVault { seen: 5, told: 3 }));
        assert_eq!(scene.commands.last().unwrap(), &format!("TakeVault({answer:?})"));
        let refused = scene.told().first().map(|told| told["error"]["data"].clone());
        let data = refused.map(|data| (data["exit"].clone(), data["older_vault"].clone()));
        let expected = (json!(exit::LOGIN_REFUSED), json!({"seen": 5, "told": 3}));
        assert_eq!(data, (answer == Answer::No).then_some(expected));
    }
}

#[test]
fn answers_find_the_requests_they_belong_to() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": "a", "method": "send", "params": {"to": "bianca", "text": "one"}}));
    scene.says(json!({"id": "b", "method": "send", "params": {"to": "bianca", "text": "two"}}));
    scene.says(json!({"id": "c", "method": "verify.number", "params": {"id": "carol"}}));
    let tickets = scene.tickets.clone();
    let sent = |number: u8| MessageNotice::Sent {
        ticket: Some(Ticket::default()),
        record: record(number, DeliveryStatus::Queued),
    };
    scene.answers(&tickets[1], Notice::Message(sent(2)));
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    let (to, why) = (id("carol"), peer_core::notice::CallFailed::NotFound);
    scene.answers(&tickets[2], Notice::Call(CallNotice::Failed { to, why }));
    scene.answers(&tickets[0], Notice::Message(sent(1)));
    let told = scene.told();
    let ids: Vec<&Value> = told.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, ["b", "c", "a"]);
    assert_eq!(told[0]["result"], json!({"msg": "02".repeat(16), "state": "queued"}));
    assert_eq!(told[1]["error"]["data"]["exit"], 5);
}

#[test]
fn a_message_that_must_not_wait_needs_a_connection() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "send", "params": {"to": "bianca", "text": "now", "queue": false}}));
    assert_eq!(scene.commands, ["Place { to: UserId(\"bianca\") }"]);
    scene.notice(Notice::Call(CallNotice::Offline { with: id("bianca") }));
    assert_eq!(scene.told()[0]["error"]["code"], -32006);
    scene.says(json!({"id": 2, "method": "send", "params": {"to": "bianca", "text": "now", "queue": false}}));
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    scene.notice(Notice::Call(CallNotice::Way { with: id("bianca"), way: LinkWay::DirectIpv4, vouched: None }));
    assert!(scene.commands.last().unwrap().starts_with("Send"), "{:?}", scene.commands);
    scene.notice(Notice::Message(MessageNotice::Sent {
        ticket: Some(Ticket { number: 1, reference: None }),
        record: record(1, DeliveryStatus::Queued),
    }));
    assert_eq!(scene.told()[0]["result"]["state"], "sent");
}

#[test]
fn the_same_reference_is_sent_once() {
    let mut scene = Scene::logged_in();
    let state =
        json!({"type": "message_state", "msg": "07".repeat(16), "to": "bianca", "state": "queued", "ref": "job-41"});
    scene.notice(Notice::Journal(JournalNotice::Journaled(event(8, state))));
    scene.told();
    scene.says(json!({"id": 1, "method": "send", "params": {"to": "bianca", "text": "again", "ref": "job-41"}}));
    assert_eq!(scene.told()[0]["result"]["msg"], "07".repeat(16));
    assert!(scene.commands.is_empty(), "{:?}", scene.commands);
    let receipt = json!({"type": "receipt", "msg": "07".repeat(16), "from": "bianca", "state": "delivered"});
    scene.notice(Notice::Journal(JournalNotice::Journaled(event(9, receipt))));
    assert_eq!(scene.told()[0]["params"]["ref"], "job-41", "later events name it too");
}

#[test]
fn a_client_that_does_not_keep_up_gets_the_rest_from_the_journal_and_is_told_what_is_gone() {
    let mut scene = Scene::logged_in();
    scene.input(Input::Opened(OTHER));
    let news = |seq| event(seq, json!({"type": "server", "state": "up"}));
    scene.notice(Notice::Journal(JournalNotice::Journaled(news(8))));
    scene.full = vec![OTHER];
    (9..12).for_each(|seq| scene.notice(Notice::Journal(JournalNotice::Journaled(news(seq)))));
    assert!(scene.rpc.deadline().is_some(), "it is looked at again");
    assert_eq!(scene.events(OTHER), [8]);
    scene.full.clear();
    scene.input(Input::Tick);
    assert_eq!(scene.commands, ["Replay { after: Seq(8), count: 256 }"]);
    scene.notice(Notice::Journal(JournalNotice::Journaled(news(12))));
    scene.notice(Notice::Journal(JournalNotice::Replayed { events: vec![news(11), news(12)], lost: 2, last: 12 }));
    let (overflow, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut scene.lines)
        .into_iter()
        .filter(|(client, _)| *client == OTHER)
        .partition(|(_, line)| line["params"]["type"] == "overflow");
    assert_eq!(overflow[0].1["params"], json!({"type": "overflow", "lost": 9, "count": 2}));
    assert_eq!(rest.iter().map(|(_, line)| line["params"]["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [11, 12]);
    scene.notice(Notice::Journal(JournalNotice::Journaled(news(13))));
    assert_eq!(scene.events(OTHER), [13], "it is up to date again");
}

#[test]
fn a_subscription_begins_where_its_name_was_acknowledged_and_has_the_types_it_chose() {
    let mut scene = Scene::logged_in();
    let params = json!({"name": "bot", "types": ["message"]});
    scene.says(json!({"id": 1, "method": "subscribe", "params": params}));
    assert_eq!(scene.commands.pop().unwrap(), "Replay { after: Cursor { name: \"bot\", otherwise: None }, count: 1 }");
    let message = |seq| {
        event(
            seq,
            json!({
                "type": "message", "msg": "07".repeat(16), "from": "bianca", "in": "bianca", "group": null, "text": "hi",
                "date": 5, "offline": false
            }),
        )
    };
    scene.notice(Notice::Journal(JournalNotice::Replayed { events: vec![message(4)], lost: 0, last: 7 }));
    assert_eq!(scene.commands.pop().unwrap(), "Replay { after: Seq(3), count: 256 }");
    let server = event(5, json!({"type": "server", "state": "up"}));
    scene.told();
    scene.notice(Notice::Journal(JournalNotice::Replayed {
        events: vec![message(4), server, message(7)],
        lost: 0,
        last: 7,
    }));
    assert_eq!(scene.events(ALI), [4, 7]);
    scene.says(json!({"id": 2, "method": "subscribe", "params": {"types": ["massage"]}}));
    assert_eq!(scene.told()[0]["error"]["code"], -32602);
}

#[test]
fn an_answer_that_does_not_come_is_a_timeout_and_the_end_is_told_to_everyone() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "list"}));
    scene.now += Duration::from_secs(10);
    scene.input(Input::Tick);
    assert_eq!(scene.told()[0]["error"]["data"]["kind"], "timeout");
    scene.says(json!({"id": 2, "method": "logout"}));
    assert_eq!(scene.commands.last().unwrap(), "Logout");
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.told().last().unwrap()["params"], json!({"type": "bye", "exit": 0}));
    assert_eq!(scene.exit, Some(0));
}

#[test]
fn every_method_that_hello_tells_is_one_of_the_schema() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let methods: Vec<&str> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["properties"]["method"]["const"].as_str().unwrap())
        .collect();
    assert_eq!(methods, methods::METHODS);
    let answered: BTreeSet<&str> =
        schema["$defs"]["Result"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(answered, methods::METHODS.iter().copied().collect());
    let events = schema["$defs"]["Event"]["oneOf"].as_array().unwrap().iter();
    let types: Vec<&str> = events.map(|one| one["properties"]["type"]["const"].as_str().unwrap()).collect();
    assert_eq!(types, super::events::TYPES);
}

#[test]
fn the_manual_page_names_every_method_and_event() {
    let page = super::manual();
    for name in methods::METHODS.iter().chain(super::events::TYPES) {
        assert!(page.contains(&format!(".B \"{name}\"")), "{name}");
    }
    assert!(page.contains("8 key_changed") && page.contains("15 incomplete"), "{page}");
    assert!(page.contains("Parameters: [queue], [ref], text, to."), "{page}");
}

#[test]
fn a_program_that_logs_in_by_itself_ends_with_the_code_of_the_refusal() {
    let passcode = Some(Passcode::new("482193".into()));
    for (known, code) in [(Some(false), exit::UNKNOWN_USER), (Some(true), exit::LOGIN_REFUSED)] {
        let mut scene = Scene::new();
        let options = Options { user: Some(id("ali")), passcode: passcode.clone(), ..scene.rpc.options.clone() };
        scene.rpc = Rpc::new(options, scene.now).0;
        scene.identified(known);
        scene.notice(Notice::Session(SessionNotice::LoginRefused {
            user: id("ali"),
            why: LoginRefused::Passcode { tries_left: 3 },
        }));
        assert_eq!(scene.exit, Some(code));
    }
}
