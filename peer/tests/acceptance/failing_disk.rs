//! A disk that fails at any call, below the directory or below a peer (decision D32, threats T6, G5): each time the
//! right thing is said, and nothing is believed that is not on the disk.
//!
//! The ordinary tests let a few calls of each story fail; `scripts/failing-disk` every one, full and broken, once and
//! from then on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::testkit::Example::{Ali, Bianca};

use crate::harness::directory::Start;
use crate::harness::failing_disk::{BROKEN, FOR_EVER, FULL, FailingDisk};
use crate::harness::piped::runs;
use crate::harness::{Piped, Seat, Stage, Terminal};

/// How many calls of a story fail one after the other in the ordinary tests; each takes a second or two.
const FEW: i64 = 4;

/// One way for a disk to fail.
#[derive(Debug, Clone, Copy)]
struct Fault {
    /// The first call that fails.
    at: i64,
    /// How many do.
    count: i64,
    error: i64,
}

impl Fault {
    fn is_passing(self) -> bool {
        self.count == 1
    }
}

/// The faults to be tried where a story makes this many calls.
fn faults(calls: i64) -> Vec<Fault> {
    assert!(calls > 0, "the shim sees nothing");
    let kinds = [(1, BROKEN), (FOR_EVER, FULL), (FOR_EVER, BROKEN), (1, FULL)];
    let fault = |at: i64, kind: usize| Fault { at, count: kinds[kind].0, error: kinds[kind].1 };
    if is_every() {
        return (1..=calls).flat_map(|at| (0..kinds.len()).map(move |kind| fault(at, kind))).collect();
    }
    let step = (calls / FEW).max(1);
    let mut few: Vec<Fault> = (0..)
        .map(|n| 1 + n * step)
        .take_while(|at| *at < calls)
        .zip((0..2).cycle())
        .map(|(at, kind)| fault(at, kind))
        .collect();
    few.extend([fault(calls, 0), fault(calls, 1)]);
    few
}

fn is_every() -> bool {
    std::env::var_os("FAILING_DISK_EVERY").is_some()
}

/// What a command has said, and how it ended.
type Said = (Option<i32>, String, String);

/// A failure of this machine's disk is called that, and not a time-out, nor anybody else's doing.
#[track_caller]
fn names_the_disk(what: &str, fault: Fault, (code, output, errors): &Said) {
    let story = format!("{what}, {fault:?}: {code:?} {output:?} {errors:?}");
    assert_eq!(*code, Some(10), "{story}");
    let words = errors.to_lowercase();
    assert!(["disk", "space", "input/output", "i/o"].iter().any(|word| words.contains(word)), "{story}");
    assert!(!words.contains("internal error"), "{story}");
}

/// Texts of a conversation, as one side has kept them.
#[track_caller]
fn history(seat: &Seat, with: &str) -> Vec<String> {
    let (code, told, errors) = runs(seat, &["history", with, "-n", "1000", "--json"], "");
    assert_eq!(code, Some(0), "{errors}");
    let told: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    told.iter().map(|record| record["text"].as_str().unwrap().to_owned()).collect()
}

/// Both sides have the same messages, each once; whatever was said to be sent is among them, and nothing that was not.
#[track_caller]
fn agree(ali: &Seat, bianca: &Seat, sent: &BTreeSet<String>, not_sent: &BTreeSet<String>) {
    // The first takes out what waits, the second takes it and confirms.
    for seat in [ali, bianca, ali] {
        let (code, _, errors) = runs(seat, &["recv"], "");
        assert_eq!(code, Some(0), "{errors}");
    }
    let [here, there] = [history(ali, "bianca"), history(bianca, "ali")];
    assert_eq!(here, there);
    let all: BTreeSet<String> = here.iter().cloned().collect();
    assert_eq!(all.len(), here.len(), "nothing came twice: {here:?}");
    assert!(sent.is_subset(&all), "lost: {:?}", sent.difference(&all));
    assert!(not_sent.is_disjoint(&all), "came all the same: {:?}", not_sent.intersection(&all));
}

/// The same place, on a disk that may fail.
fn on(disk: &FailingDisk, seat: &Seat) -> Seat {
    disk.environment().iter().fold(seat.clone(), |seat, (name, value)| seat.set(name, value))
}

/// Ali and bianca, who have written to each other.
fn two() -> (Stage, Seat, Seat) {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0));
    assert_eq!(runs(&ali, &["send", "bianca", "zero"], "").0, Some(0));
    (stage, ali, bianca)
}

fn zero() -> BTreeSet<String> {
    BTreeSet::from(["zero".to_owned()])
}

#[test]
fn a_message_on_a_failing_disk_is_sent_or_said_not_to_be() {
    let (_stage, ali, bianca) = two();
    let Some(disk) = FailingDisk::below(&ali.data) else { return };
    let failing = on(&disk, &ali);
    disk.counts();
    let (code, _, errors) = runs(&failing, &["send", "bianca", "one"], "");
    assert_eq!(code, Some(0), "{errors}");
    let (calls, _) = disk.mended();
    let (mut sent, mut not_sent) = (zero(), BTreeSet::new());
    sent.insert("one".to_owned());
    for (number, fault) in faults(calls).into_iter().enumerate() {
        let text = format!("message {number}");
        disk.fails(fault.at, fault.count, fault.error);
        let said = runs(&failing, &["send", "bianca", &text], "");
        eprintln!("{fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        if said.0 == Some(0) {
            sent.insert(text);
        } else {
            names_the_disk("send", fault, &said);
            not_sent.insert(text);
        }
    }
    agree(&ali, &bianca, &sent, &not_sent);
}

#[test]
fn a_message_comes_once_whatever_the_receivers_disk_does() {
    let (_stage, ali, bianca) = two();
    let Some(disk) = FailingDisk::below(&bianca.data) else { return };
    let failing = on(&disk, &bianca);
    disk.counts();
    assert_eq!(runs(&failing, &["recv"], "").0, Some(0));
    let (calls, _) = disk.mended();
    let mut sent = zero();
    for (number, fault) in faults(calls).into_iter().enumerate() {
        let text = format!("message {number}");
        assert_eq!(runs(&ali, &["send", "bianca", &text], "").0, Some(0));
        sent.insert(text);
        disk.fails(fault.at, fault.count, fault.error);
        let said = runs(&failing, &["recv"], "");
        eprintln!("{fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        if said.0 != Some(0) {
            names_the_disk("recv", fault, &said);
        }
    }
    agree(&ali, &bianca, &sent, &BTreeSet::new());
}

#[test]
fn the_first_login_on_a_failing_disk_says_so_and_the_next_one_is_as_if_nothing_had_been() {
    let (stage, ali, bianca) = two();
    let calls = {
        let seat = stage.script_of("ali");
        let Some(disk) = FailingDisk::below(&seat.data) else { return };
        disk.counts();
        assert_eq!(runs(&on(&disk, &seat), &["list"], "").0, Some(0));
        disk.mended().0
    };
    // A user has so many terminals and no more.
    for fault in faults(calls).into_iter().take(if is_every() { usize::MAX } else { 5 }) {
        let seat = stage.script_of("ali");
        let Some(disk) = FailingDisk::below(&seat.data) else { return };
        disk.fails(fault.at, fault.count, fault.error);
        let said = runs(&on(&disk, &seat), &["list"], "");
        eprintln!("{fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        if said.0 != Some(0) {
            names_the_disk("list", fault, &said);
        }
        let (code, _, errors) = runs(&seat, &["list"], "");
        assert_eq!(code, Some(0), "{fault:?}: {errors}");
        stage.directory.administrator(&["user", "show", "ali"]);
    }
    agree(&ali, &bianca, &zero(), &BTreeSet::new());
}

#[test]
fn a_directory_on_a_failing_disk_keeps_what_it_promises_and_says_what_it_cannot() {
    let (mut stage, ali, bianca) = two();
    let Some(disk) = FailingDisk::below(stage.directory.folder()) else { return };
    stage.directory.kill();
    stage.directory.environment = disk.environment().to_vec();
    stage.directory.start_again(Start::default());
    disk.counts();
    assert_eq!(runs(&ali, &["send", "bianca", "one"], "").0, Some(0));
    let (calls, _) = disk.mended();
    let (mut sent, mut not_sent) = (zero(), BTreeSet::new());
    sent.insert("one".to_owned());
    for (number, fault) in faults(calls).into_iter().enumerate() {
        let text = format!("message {number}");
        disk.fails(fault.at, fault.count, fault.error);
        let said = runs(&ali, &["send", "bianca", &text], "");
        eprintln!("{fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        match said.0 {
            // It is with the directory, or waits here.
            Some(0) => drop(sent.insert(text)),
            Some(3) => {
                let words = &said.2;
                assert!(
                    words.contains("its disk is full or fails") || words.contains("out of reach"),
                    "{fault:?}: {said:?}"
                );
                not_sent.insert(text);
            }
            _ => panic!("{fault:?}: {said:?}"),
        }
        // What it has not promised is not there after a kill either.
        if fault.is_passing() {
            stage.directory.kill();
            stage.directory.start_again(Start::default());
        }
    }
    agree(&ali, &bianca, &sent, &not_sent);
}

#[test]
fn a_backup_on_a_failing_disk_is_whole_or_is_none() {
    let (mut stage, _, _) = two();
    let place = stage.folder().join("backups");
    let Some(disk) = FailingDisk::below(&place) else { return };
    stage.directory.environment = disk.environment().to_vec();
    let backup = |file: &std::path::Path| stage.directory.runs(&["backup", file.to_str().unwrap()]);
    disk.counts();
    let whole = place.join("whole");
    assert_eq!(backup(&whole).0, Some(0));
    let (calls, _) = disk.mended();
    for (number, fault) in faults(calls).into_iter().enumerate() {
        let (file, secrets) = (place.join(number.to_string()), place.join(format!("{number}.secrets")));
        disk.fails(fault.at, fault.count, fault.error);
        let said = backup(&file);
        eprintln!("{fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        let is_there = [&file, &secrets].map(|path| path.exists());
        if said.0 == Some(0) {
            assert_eq!(is_there, [true; 2], "{fault:?}: {said:?}");
        } else {
            names_the_disk("backup", fault, &said);
            assert_eq!(is_there, [false; 2], "half a backup, {fault:?}: {said:?}");
            continue;
        }
        let data = stage.folder().join(format!("restored {number}"));
        let restored = stage.directory.runs_in(&data, &["restore", file.to_str().unwrap()]);
        assert_eq!(restored.0, Some(0), "{fault:?}: {restored:?}");
    }
    // Restored onto a disk that fails, and then onto one that does not.
    let place = stage.folder().join("restored");
    let Some(disk) = FailingDisk::below(&place) else { return };
    stage.directory.environment = disk.environment().to_vec();
    let restore =
        |number: usize| stage.directory.runs_in(&place.join(number.to_string()), &["restore", whole.to_str().unwrap()]);
    disk.counts();
    assert_eq!(restore(1000).0, Some(0));
    let (calls, _) = disk.mended();
    for (number, fault) in faults(calls).into_iter().enumerate() {
        disk.fails(fault.at, fault.count, fault.error);
        let said = restore(number);
        eprintln!("restore: {fault:?} of {calls}, {:?}: {said:?}", disk.mended());
        if said.0 != Some(0) {
            names_the_disk("restore", fault, &said);
            let again = restore(number);
            assert!(again.0 == Some(0) || again.2.contains("There is a directory in"), "{fault:?}: {again:?}");
        }
        assert!(stage.directory.runs_in(&place.join(number.to_string()), &["check"]).0 == Some(0), "{fault:?}");
    }
}

/// Ali, and bianca, who saves files on a disk that fails.
struct OntoADisk {
    stage: Stage,
    disk: FailingDisk,
    /// Where that is.
    saved: PathBuf,
    ali: Terminal,
    bianca: Terminal,
}

impl OntoADisk {
    fn begin() -> Option<Self> {
        let stage = Stage::of(&[Ali, Bianca]);
        let saved = stage.folder().join("saved");
        let disk = FailingDisk::below(&saved)?;
        let ali = stage.terminal_of("ali");
        let bianca = Terminal::start(&on(&disk, &stage.seat_of("bianca")));
        bianca.logs_in();
        Some(Self { stage, disk, saved, ali, bianca })
    }
}

#[test]
fn a_file_on_a_failing_disk_is_paused_and_goes_on() {
    let Some(OntoADisk { stage, disk, saved, ali, bianca }) = OntoADisk::begin() else { return };
    let content: Vec<u8> = (0..600_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    // Opened, written, synced.
    let kinds = [(1, BROKEN), (3, FULL), (5, BROKEN)];
    for (number, (at, error)) in (1..).zip(kinds) {
        let name = format!("plans{number}.bin");
        std::fs::write(stage.folder().join(&name), &content).unwrap();
        ali.enters(&format!("/file bianca {}", stage.folder().join(&name).display()));
        bianca.asks(&format!("ali offers {name} (600.0 kB, BIN). Accept? [y/N]"));
        disk.fails(at, FOR_EVER, error);
        bianca.enters(&format!("/accept {number} {}", saved.display()));
        let words = if error == FULL { "-- Disk full: " } else { &format!("-- {name} is paused: Input/output error") };
        bianca.shows(words);
        disk.mended();
        assert!(!saved.join(&name).exists());
        bianca.enters(&format!("/resume {number}"));
        ali.has_whole(&format!("-- bianca has {name} (600.0 kB"));
        assert_eq!(std::fs::read(saved.join(&name)).unwrap(), content);
    }
}

#[test]
fn a_folder_on_a_failing_disk_is_paused_and_goes_on() {
    let Some(OntoADisk { stage, disk, saved, ali, bianca }) = OntoADisk::begin() else { return };
    let offer = |number: i64| {
        let plans = stage.folder().join(format!("plans{number}"));
        std::fs::create_dir_all(plans.join("drafts")).unwrap();
        std::fs::write(plans.join("one"), b"one").unwrap();
        std::fs::write(plans.join("drafts/two"), b"two").unwrap();
        ali.enters(&format!("/file bianca {}", plans.display()));
        bianca.shows(&format!("ali offers plans{number}"));
    };
    let is_there = |number: i64| {
        let plans = saved.join(format!("plans{number}"));
        let read = |name: &str| std::fs::read(plans.join(name)).ok();
        (read("one"), read("drafts/two")) == (Some(b"one".to_vec()), Some(b"two".to_vec()))
    };
    offer(1);
    disk.counts();
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    ali.shows("-- bianca has plans1");
    let (calls, _) = disk.mended();
    assert!(is_there(1));
    // The archive, two files, two folders, the folder above: opened, written where there is something, synced, named.
    assert!(calls >= 12, "{calls}");
    for (number, fault) in (2..).zip(faults(calls)) {
        offer(number);
        disk.fails(fault.at, fault.count, fault.error);
        bianca.enters(&format!("/accept {number} {}", saved.display()));
        bianca.shows(if fault.error == FULL { "-- Disk full: " } else { "is paused: Input/output error" });
        disk.mended();
        bianca.enters(&format!("/resume {number}"));
        ali.shows(&format!("-- bianca has plans{number}"));
        assert!(is_there(number) || is_named_beside(&saved, number), "{fault:?}");
    }
}

/// Where the folder had its name before the disk failed, it has one beside that.
fn is_named_beside(saved: &Path, number: i64) -> bool {
    std::fs::read(saved.join(format!("plans{number} (2)/drafts/two"))).is_ok_and(|two| two == b"two")
}

/// A program that asks ali's, and how often it has.
struct Asking(Piped, u32);

impl Asking {
    fn start(seat: &Seat) -> Self {
        let json = Piped::start(&seat.clone().with(&["json"]));
        json.line(1);
        Self(json, 0)
    }

    /// Asks for this; gives the answer.
    fn ask(&mut self, method: &str, params: &str) -> String {
        let Self(json, asked) = self;
        *asked += 1;
        json.enters(&format!(r#"{{"jsonrpc":"2.0","id":{asked},"method":"{method}","params":{params}}}"#));
        let answer = format!("\"id\":{asked},");
        json.until("the answer", |output| output.lines().any(|line| line.contains(&answer)));
        json.output().lines().find(|line| line.contains(&answer)).unwrap().to_owned()
    }

    fn ends(mut self) {
        self.0.ends_input();
        self.0.exit_code();
    }
}

#[test]
fn a_command_that_the_disk_refuses_is_answered_and_works_when_it_is_mended() {
    let (_stage, ali, bianca) = two();
    let Some(disk) = FailingDisk::below(&ali.data) else { return };
    let mut json = Asking::start(&on(&disk, &ali));
    disk.fails(1, FOR_EVER, FULL);
    let refused = json.ask("send", r#"{"to":"bianca","text":"refused"}"#);
    assert!(refused.contains("\"kind\":\"io\"") && refused.contains("Not sent"), "{refused}");
    // What is asked while nothing can be kept is answered as well.
    for (method, params) in [
        ("send", r#"{"to":"bianca","text":"too early"}"#),
        ("group.create", r##"{"group":"#team"}"##),
        ("block", r#"{"id":"bianca"}"#),
    ] {
        let refused = json.ask(method, params);
        assert!(refused.contains("\"kind\":\"io\"") && refused.contains("disk"), "{method}: {refused}");
    }
    disk.mended();
    json.ends();
    assert_eq!(runs(&ali, &["send", "bianca", "mended"], "").0, Some(0));
    let mut sent = zero();
    sent.insert("mended".to_owned());
    agree(&ali, &bianca, &sent, &["refused", "too early"].map(str::to_owned).into());
}

#[test]
fn what_is_decided_about_somebody_is_kept_or_said_not_to_be_done() {
    let (_stage, ali, _) = two();
    let Some(disk) = FailingDisk::below(&ali.data) else { return };
    let state = || {
        let (code, listed, errors) = runs(&ali, &["list", "--json"], "");
        assert_eq!(code, Some(0), "{errors}");
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let users = listed.as_array().unwrap();
        users.iter().find(|user| user["id"] == "bianca").unwrap()["key"].as_str().unwrap().to_owned()
    };
    let decisions = [("block", "not_verified", "blocked"), ("unblock", "blocked", "not_verified")];
    for (method, before, after) in decisions.into_iter().chain([("verify.set", "not_verified", "verified")]) {
        for fails in [true, false] {
            let mut json = Asking::start(&on(&disk, &ali));
            let number = json.ask("verify.number", r#"{"id":"bianca"}"#);
            let number: serde_json::Value = serde_json::from_str(&number).unwrap();
            let digits = &number["result"]["digits"];
            let params = match method {
                "verify.set" => format!(r#"{{"id":"bianca","digits":{digits},"verified":true}}"#),
                _ => r#"{"id":"bianca"}"#.to_owned(),
            };
            if fails {
                disk.fails(1, FOR_EVER, FULL);
            }
            let answer = json.ask(method, &params);
            let is_refused = answer.contains("\"kind\":\"io\"") && answer.contains("That was not done");
            assert_eq!(is_refused, fails, "{method}: {answer}");
            disk.mended();
            json.ends();
            assert_eq!(state(), if fails { before } else { after }, "{method}");
        }
    }
}
