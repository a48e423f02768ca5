//! A disk that fails at any call, below the directory or below a peer (decision D32, threats T6, G5): each time the
//! right thing is said, and nothing is believed that is not on the disk.
//!
//! The ordinary tests let a few calls of each story fail; `scripts/failing-disk` every one, full and broken, once and
//! from then on.

use std::collections::BTreeSet;

use common::testkit::Example::{Ali, Bianca};

use crate::harness::failing_disk::{BROKEN, FOR_EVER, FULL, FailingDisk};
use crate::harness::piped::runs;
use crate::harness::{Seat, Stage};

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
    let every = std::env::var_os("FAILING_DISK_EVERY").is_some();
    let kinds = [(1, BROKEN), (FOR_EVER, FULL), (FOR_EVER, BROKEN), (1, FULL)];
    let fault = |at: i64, kind: usize| Fault { at, count: kinds[kind].0, error: kinds[kind].1 };
    if every {
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

#[test]
fn a_message_on_a_failing_disk_is_sent_or_said_not_to_be() {
    let stage = Stage::of(&[Ali, Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.script_of(user));
    let Some(disk) = FailingDisk::below(&ali.data) else { return };
    let failing = disk.environment().iter().fold(ali.clone(), |seat, (name, value)| seat.set(name, value));
    assert_eq!(runs(&bianca, &["recv"], "").0, Some(0));
    assert_eq!(runs(&ali, &["send", "bianca", "zero"], "").0, Some(0));
    disk.counts();
    let (code, _, errors) = runs(&failing, &["send", "bianca", "one"], "");
    assert_eq!(code, Some(0), "{errors}");
    let (calls, _) = disk.mended();
    let mut sent = BTreeSet::from(["zero".to_owned(), "one".to_owned()]);
    let mut not_sent = BTreeSet::new();
    for (number, fault) in faults(calls).into_iter().enumerate() {
        let text = format!("message {number}");
        disk.fails(fault.at, fault.count, fault.error);
        let said = runs(&failing, &["send", "bianca", &text], "");
        let (_, failed) = disk.mended();
        println!("{number} {fault:?} failed {failed}: {said:?}");
        if said.0 == Some(0) {
            sent.insert(text);
        } else {
            names_the_disk("send", fault, &said);
            not_sent.insert(text);
        }
    }
    agree(&ali, &bianca, &sent, &not_sent);
}
