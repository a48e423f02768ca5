//! A directory that lies to people who know each other: each lie is refused or told, and when it tells the truth again
//! nobody has lost a message, a room, a name or a pin (threats P6, G1, G2, G7).

use common::testkit::Example;
use common::testkit::login::Stretch;
use serde_json::{Value, json};

use crate::harness::Stage;
use crate::harness::lies::Lie;
use crate::harness::odd_directory::{Habit, OddDirectory};
use crate::harness::stage::{account, identity};
use crate::json::Bot;

/// Ali and bianca, who have talked, and share `#team`.
struct Scene {
    _stage: Stage,
    directory: OddDirectory,
    ali: Bot,
    bianca: Bot,
}

impl Scene {
    fn new() -> Self {
        let (stage, directory) = (Stage::new(), OddDirectory::start(Habit::Lies, 0));
        for example in [Example::Ali, Example::Bianca, Example::Carol] {
            directory.register(&account(example, Stretch::Full));
        }
        let [ali, bianca] =
            ["ali", "bianca"].map(|user| Bot::logged_in(&stage.seat().at_server(directory.address), user));
        let mut scene = Self { _stage: stage, directory, ali, bianca };
        scene.ali.asks("group.create", json!({"group": "team"}));
        scene.bianca.says("group.join", json!({"group": "team"}));
        scene.ali.hears(|line| line["params"]["type"] == "group" && line.to_string().contains("bianca"));
        scene.ali.says("group.approve", json!({"group": "team", "user": "bianca"}));
        scene.bianca.hears(|line| line["params"]["type"] == "group" && line.to_string().contains("team"));
        scene.says_and_hears("before");
        scene
    }

    /// Ali says something to bianca and to the group, and bianca hears both.
    #[track_caller]
    fn says_and_hears(&mut self, text: &str) {
        for to in ["bianca", "#team"] {
            let text = format!("{text} to {to}");
            self.ali.says("send", json!({"to": to, "text": text}));
            self.bianca.has_heard(|line| line["params"]["text"] == text);
        }
    }

    /// What ali is told who tries everything while the directory lies; the lie must have been told.
    #[track_caller]
    fn under(&mut self, lie: Lie) -> Vec<Value> {
        let before = self.directory.shown();
        self.directory.lies(Some(lie));
        let told = [
            ("connect", json!({"to": "bianca"})),
            ("end", json!({"to": "bianca"})),
            ("send", json!({"to": "bianca", "text": "during to bianca"})),
            ("send", json!({"to": "#team", "text": "during to #team"})),
            ("group.join", json!({"group": "team2"})),
            ("group.create", json!({"group": "second"})),
            ("send", json!({"to": "*", "text": "during to all"})),
            ("list", json!({})),
        ]
        .map(|(method, params)| {
            self.ali.says(method, params);
            self.ali.hears(|line| line["id"] == method)
        });
        // What was sent has been answered, and so pushed, before this is.
        self.bianca.says("list", json!({}));
        self.bianca.hears(|line| line["id"] == "list");
        self.directory.lies(None);
        assert!(self.directory.shown() > before, "the directory had no occasion to lie");
        told.into()
    }

    /// The texts of `#team` as bianca has read them, and as ali has sent them, with their states.
    fn team(&mut self) -> (Vec<String>, Vec<Value>) {
        let [read, sent] = [&mut self.bianca, &mut self.ali].map(|bot| bot.asks("history", json!({"with": "#team"})));
        let text = |message: &Value| message["text"].as_str().unwrap().to_owned();
        (read.as_array().unwrap().iter().map(text).collect(), sent.as_array().unwrap().clone())
    }
}

/// Tells a lie; then nothing is lost. What ali was told.
#[track_caller]
fn survives(lie: Lie) -> Vec<Value> {
    let mut scene = Scene::new();
    let told = scene.under(lie);
    scene.says_and_hears("after");
    for text in ["during to bianca", "during to #team"] {
        scene.bianca.has_heard(|line| line["params"]["text"] == text);
    }
    told
}

/// Lies about mail; then it was not shown and has changed nothing, and is called delivered only if it was.
#[track_caller]
fn is_not_fooled(lie: Lie) {
    let mut scene = Scene::new();
    scene.under(lie);
    scene.says_and_hears("after");
    let (read, sent) = scene.team();
    let honest = ["before to #team", "during to #team", "after to #team"];
    assert!(read.iter().all(|text| honest.contains(&text.as_str())), "{read:?}");
    for message in sent {
        let arrived = read.iter().any(|text| message["text"] == *text);
        assert!(arrived || message["state"] != "delivered", "{message} in {read:?}");
    }
}

/// The error that answers `connect`.
fn refusal(told: &[Value]) -> (&str, &str) {
    let error = &told[0]["error"];
    (error["data"]["kind"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
}

fn key_of_carol() -> &'static str {
    hex::encode(identity(Example::Carol).public().as_pkcs1()).leak()
}

#[test]
fn a_lookup_without_sense_is_not_told_as_absence() {
    for lie in [Lie::AboutSomebodyElse, Lie::KeyOfRubbish, Lie::CountlessAddresses, Lie::NoAddress] {
        let told = survives(lie);
        let (kind, message) = refusal(&told);
        assert!(!message.is_empty() && kind != "offline" && kind != "timeout", "{kind}: {message}");
    }
}

#[test]
fn another_key_stops_everything_until_ali_decides() {
    let mut scene = Scene::new();
    let told = scene.under(Lie::AnotherKey(key_of_carol()));
    assert_eq!(refusal(&told).0, "key_changed");
    // Whoever decides is asked with the digits of both keys; the group goes on.
    scene.bianca.has_heard(|line| line["params"]["text"] == "during to #team");
    let (read, _) = scene.team();
    assert!(!read.contains(&"during to bianca".to_owned()));
}

#[test]
fn an_address_where_nobody_listens_is_told_as_silence() {
    let told = survives(Lie::DeadAddress);
    let (kind, message) = refusal(&told);
    assert!(!message.is_empty() && kind != "refused", "{kind}: {message}");
}

#[test]
fn a_directory_that_keeps_silent_is_not_told_as_bianca_s_silence_alone() {
    let told = survives(Lie::SilentOnLookups);
    let (kind, message) = refusal(&told);
    assert!(kind == "timeout" && message.contains("the directory server"), "{kind}: {message}");
}

#[test]
fn a_directory_that_is_always_in_a_hurry_delays_and_loses_nothing() {
    let told = survives(Lie::TooFast);
    assert!(!refusal(&told).1.is_empty());
}

#[test]
fn rooms_and_commits_of_a_liar() {
    for lie in [Lie::AnotherRoom, Lie::InventedTerminals] {
        survives(lie);
    }
}

#[test]
fn a_commit_that_is_always_too_late_is_not_asked_for_at_the_speed_of_the_network() {
    let mut scene = Scene::new();
    scene.under(Lie::AlwaysTooLate);
    let asked = scene.directory.shown();
    assert!(asked < 50, "asked {asked} times");
    scene.says_and_hears("after");
}

#[test]
fn mail_that_comes_twice_is_shown_once() {
    let mut scene = Scene::new();
    scene.under(Lie::MailTwice);
    scene.says_and_hears("after");
    let (read, _) = scene.team();
    assert_eq!(read, ["before to #team", "during to #team", "after to #team"]);
}

#[test]
fn mail_from_somebody_else_than_its_author() {
    for lie in [Lie::MailFromOurselves, Lie::MailFromCarol] {
        is_not_fooled(lie);
    }
}

#[test]
fn mail_of_another_epoch_or_room() {
    for lie in [Lie::MailOfALaterEpoch, Lie::MailOfAnotherRoom] {
        is_not_fooled(lie);
    }
}

#[test]
fn mail_that_is_spoilt_or_endless() {
    for lie in [Lie::SpoiltMail, Lie::EndlessMail] {
        is_not_fooled(lie);
    }
}

#[test]
fn mail_that_is_called_what_it_is_not() {
    for lie in [Lie::MailAsWelcome, Lie::MailAsCommit] {
        is_not_fooled(lie);
    }
}

#[test]
fn a_broadcast_with_other_words_is_not_shown_as_ali_s() {
    let mut scene = Scene::new();
    scene.under(Lie::OtherWords);
    scene.says_and_hears("after");
    let broadcasts = scene.bianca.asks("history", json!({"with": "*"}));
    assert!(!broadcasts.to_string().contains("passcode"), "{broadcasts}");
}

#[test]
fn a_crowd_of_strangers_costs_nothing() {
    survives(Lie::CrowdOfStrangers);
}
