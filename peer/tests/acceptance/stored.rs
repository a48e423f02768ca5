//! What a terminal and a directory of an earlier version have left on their disks (see `fixtures/stored/README.md`) opens with
//! the programs of now: nothing in it is lost, and everything that had begun goes on.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::harness::directory::Start;
use crate::harness::stage::Seat;
use crate::harness::{PASSCODE, Stage};
use crate::json::Bot;

/// When the programs that made it were stopped, seconds since the epoch. The directory's clock goes on from there, so that
/// the mail that waits has not run out. A terminal forgets old messages by the clock of its machine, which cannot be told
/// another time, so it is told to keep them for ever.
const MADE: u64 = 1_796_009_024;
const FOR_EVER: &str = "[peer]\nkeep_messages = \"36500d\"\n";
/// What bianca changed hers to, and had not used yet.
const NEW_PASSCODE: &str = "739164";

/// The stored directory, running, and ali's seat with the stored data.
fn stored() -> (Stage, Seat) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let clock_offset = MADE.cast_signed() - now.cast_signed();
    let start = Start { clock_offset, ..Start::default() };
    let stage =
        Stage::over(|folder| unpack("../directory-server/tests/fixtures/stored/directory.tar.gz", folder), start);
    let seat = stage.seat().configured(FOR_EVER);
    unpack("tests/fixtures/stored/peer.tar.gz", stage.folder());
    std::fs::create_dir_all(seat.data.parent().unwrap()).unwrap();
    std::fs::rename(stage.folder().join("peer"), &seat.data).unwrap();
    // Data are kept by the address of their directory.
    let server = format!("{}_{}", seat.server.ip(), seat.server.port());
    std::fs::rename(seat.data.join("server"), seat.data.join(server)).unwrap();
    (stage, seat)
}

fn unpack(archive: &str, into: &Path) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(archive);
    let status = Command::new("tar").arg("-xzpf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(status.success());
}

fn history(bot: &mut Bot, with: &str) -> Vec<[String; 3]> {
    bot.says("history", json!({"with": with}));
    let history = bot.result("history");
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    history.as_array().unwrap().iter().map(|record| ["from", "text", "state"].map(|name| text(record, name))).collect()
}

#[test]
fn the_state_of_the_version_before_is_all_there() {
    let (_stage, seat) = stored();
    let mut ali = Bot::logged_in(&seat, "ali");

    // First: whoever reads the history has read it.
    ali.says("list", json!({}));
    let list = ali.result("list");
    let of = |id: &str| list.as_array().unwrap().iter().find(|row| row["id"] == id).cloned().unwrap();
    assert_eq!((&of("bianca")["unread"], &of("bianca")["key"]), (&json!(1), &json!("verified")));
    assert_eq!((&of("carol")["unread"], &of("carol")["key"]), (&json!(2), &json!("not_verified")));
    let team = of("#team");
    assert_eq!((&team["members"], &team["unread"], &team["waiting"]), (&json!(3), &json!(1), &json!(1)));

    let with_bianca = history(&mut ali, "bianca");
    let known = [
        ["ali", "Hello, how are you today?", "read"],
        ["bianca", "I am fine, how about you?", "read"],
        ["ali", "Shall we meet on Friday?", "read"],
        ["bianca", "Friday is fine.", "unread"],
        ["ali", "This waits at the directory.", "stored"],
    ];
    assert_eq!(with_bianca[..5], known);
    assert_eq!(with_bianca[5][1], "This waits on ali's disk.");
    let with_carol = [
        ["carol", "Have you seen the plans?", "unread"],
        ["carol", "They are on the table.", "unread"],
        ["ali", "Not yet.", "delivered"],
    ];
    assert_eq!(history(&mut ali, "carol"), with_carol);
    assert_eq!(history(&mut ali, "#old"), [["ali", "Is anybody here?", "failed"]]);
    assert_eq!(history(&mut ali, "*"), [["bianca", "The kitchen is closed today.", "read"]]);
    let in_team = history(&mut ali, "#team");
    assert_eq!(in_team[0], ["ali", "Welcome to the team.", "stored"]);
    assert_eq!(in_team[1], ["carol", "Glad to be here.", "unread"]);

    ali.says("search", json!({"words": "friday"}));
    let found = ali.result("search");
    let texts: Vec<&Value> = found.as_array().unwrap().iter().map(|record| &record["text"]).collect();
    assert_eq!(texts, ["Friday is fine.", "Shall we meet on Friday?"]);
    ali.says("file.list", json!({}));
    let files = ali.result("file.list");
    let files: Vec<[&Value; 4]> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["name", "with", "outgoing", "state"].map(|name| &row[name]))
        .collect();
    let offered = [
        [&json!("plans.pdf"), &json!("carol"), &json!(false), &json!("done")],
        [&json!("photo.jpg"), &json!("bianca"), &json!(true), &json!("offered")],
        [&json!("minutes.txt"), &json!("bianca"), &json!(false), &json!("offered")],
    ];
    assert_eq!(files, offered);

    // The journal goes on behind the event that the reader has acknowledged.
    ali.says("subscribe", json!({"name": "bot"}));
    ali.result("subscribe");
    let next = ali.hears(|line| line["params"]["seq"] == 36);
    assert_eq!(next["params"]["type"], "server");
}

#[test]
fn what_had_begun_with_the_version_before_goes_on() {
    let (stage, seat) = stored();
    // Bianca comes with the passcode that she had changed to, at a terminal of today, which conversations take in; whether it is
    // to be in a group, nobody of hers says who is there.
    let mut bianca = Bot::start(&stage.seat());
    bianca.says("login", json!({"user": "bianca", "passcode": NEW_PASSCODE}));
    bianca.result("login");
    let mut ali = Bot::logged_in(&seat, "ali");
    let waited = bianca.has_heard(|line| line["params"]["text"] == "This waits on ali's disk.");
    assert_eq!(waited["params"]["from"], "ali");
    ali.has_heard(|line| line["params"]["type"] == "receipt" && line["params"]["msg"] == waited["params"]["msg"]);
    let delivered = ["ali", "This waits on ali's disk.", "delivered"];
    assert_eq!(history(&mut ali, "bianca")[5], delivered);

    // The group: what waited goes out, a newcomer is taken in, and both sides can be heard.
    bianca.has_heard(|line| line["params"]["what"] == "invited" && line["params"]["group"] == "#team");
    bianca.says("group.join", json!({"group": "#team"}));
    bianca.has_heard(|line| line["params"]["text"] == "So does this.");
    ali.says("send", json!({"to": "#team", "text": "Today we move."}));
    bianca.hears(|line| line["params"]["text"] == "Today we move.");
    bianca.says("send", json!({"to": "#team", "text": "At last."}));
    ali.hears(|line| line["params"]["text"] == "At last.");
    let mut fran = Bot::start(&stage.seat());
    fran.says("login", json!({"user": "fran", "passcode": PASSCODE, "register": true}));
    fran.result("login");
    fran.says("group.join", json!({"group": "#team"}));
    ali.hears(|line| line["params"]["what"] == "request" && line["params"]["user"] == "fran");
    ali.says("group.approve", json!({"group": "#team", "user": "fran"}));
    fran.hears(|line| line["params"]["what"] == "joined");
    fran.says("send", json!({"to": "#team", "text": "Hello from fran."}));
    ali.hears(|line| line["params"]["text"] == "Hello from fran.");
    assert_eq!(history(&mut ali, "#team")[3], ["ali", "So does this.", "stored"]);

    // An offer that nobody had answered can be declined.
    ali.says("file.refuse", json!({"file": 3}));
    assert_eq!(ali.result("file.refuse")["state"], "refused");
}
