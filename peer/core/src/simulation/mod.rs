//! A simulation: real cores, a clock of its own, a network and disks that fail, programs that are killed between any two
//! effects. Everything that happens follows from one seed.
//!
//! Real are the peer's engine with messaging and rooms, and the directory's core with its store; modelled are the shells
//! ([`clients`], [`sessions`], [`network`], [`server`]) and the peer's store ([`disk`], [`disk_failures`]).
//! [`faults_profile`] is what users do and what breaks; [`invariants`] what must hold at every step, [`final_checks`] what must hold once everything is
//! mended. [`faults`] tells again, step by step, what was found. [`files`] is the transfers of files, on links of their
//! own, without bytes. [`hostile`] is a member who says what no program of ours would.
//!
//! The key encapsulation of the rooms draws from the operating system, so ciphertexts differ from run to run. The trace
//! of a seed does not: one line per step, the same bit for bit.

mod clients;
mod disk;
mod disk_failures;
mod faults;
mod faults_profile;
mod files;
mod final_checks;
mod fixtures;
mod hostile;
mod invariants;
mod network;
mod rng;
mod server;
mod sessions;
mod world;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use directory_server::store::sqlite::going_back::GoingBack;
use faults_profile::FaultsProfile;
use world::{Trace, World};

/// Seeds of the ordinary test run.
const SEEDS: u64 = 200;
/// Milliseconds after which everything must have come to rest: longer than the longest wait there is, the 64 minutes for
/// which a mailbox that was full seven times is left alone.
const PATIENCE: u64 = 7_200_000;
/// Failures after which a worker stops: several seeds often fail for one reason, and the shortest trace is read first.
const FAILURES: usize = 8;
/// Names the seeds of a long run, `FIRST..LAST`.
const CHOSEN: &str = "SIMULATION_SEEDS";

/// Makes the world of a seed another one.
type Alter = fn(&mut FaultsProfile);

/// A seed as it is drawn.
const AS_DRAWN: Alter = |_| ();

/// One seed from its beginning to its end: the trace, and what went wrong.
fn simulate(seed: u64, alter: Alter) -> (String, Result<(), String>) {
    let trace = Trace::default();
    let told = trace.clone();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, trace);
        alter(&mut world.profile);
        world.begin();
        while !world.is_done() {
            world.run_until(world.now + 1000)?;
        }
        world.mend();
        come_to_rest(&mut world)?;
        // What was lost is told when a session begins.
        world.log_in_again();
        come_to_rest(&mut world)?;
        world.check_texts()?;
        world.check_files()?;
        // Whoever has come to rest can go on; and whoever speaks in a room learns what has become of it.
        world.say_something_everywhere();
        come_to_rest(&mut world)?;
        world.log_in_again();
        come_to_rest(&mut world)?;
        world.check_texts()?;
        world.check_files()?;
        world.check_rooms()?;
        world.check_secrets()
    }));
    let panicked = |_| Err("the program panicked; its words are above".to_owned());
    (told.text(), outcome.unwrap_or_else(panicked))
}

fn come_to_rest(world: &mut World) -> Result<(), String> {
    match world.run_until(world.now + PATIENCE)? {
        true => Err(format!("does not come to rest; next: {}", world.upcoming())),
        false => Ok(()),
    }
}

/// Runs these seeds on all cores; says how to replay the first that fails.
#[expect(clippy::disallowed_methods, reason = "the trace of a seed that fails is left in a file")]
fn run(seeds: Range<u64>, alter: Alter) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut failed = Vec::new();
        while failed.len() < FAILURES {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let (trace, outcome) = simulate(seed, alter);
            if let Err(why) = outcome {
                let file = std::env::temp_dir().join(format!("peer-simulation-{seed}.trace"));
                std::fs::write(&file, format!("{trace}{why}\n")).unwrap();
                failed.push(format!(
                    "seed {seed}: {why}\nIts trace is in {}. To replay it: scripts/simulate {seed}..{}",
                    file.display(),
                    seed + 1
                ));
            }
        }
        failed
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn nothing_is_lost_doubled_or_misread_whatever_breaks() {
    run(0..SEEDS, AS_DRAWN);
}

#[test]
fn a_seed_is_replayed_bit_for_bit() {
    for seed in [3, 7] {
        assert_eq!(simulate(seed, AS_DRAWN).0, simulate(seed, AS_DRAWN).0, "seed {seed}");
    }
}

#[test]
fn nothing_is_lost_in_silence_where_a_directory_is_put_back_unsaid() {
    run(chosen().unwrap_or(0..SEEDS), |profile| profile.goes_back = Some(GoingBack::PutBack));
}

/// Which seeds are asked for.
#[expect(clippy::disallowed_methods, reason = "which seeds are asked for is said in the environment")]
fn chosen() -> Option<Range<u64>> {
    let chosen = std::env::var(CHOSEN).ok()?;
    let (first, last) = chosen.split_once("..").unwrap();
    Some(first.parse().unwrap()..last.parse().unwrap())
}

#[test]
#[ignore = "takes hours; scripts/simulate runs it"]
fn as_many_seeds_as_are_asked_for() {
    run(chosen().unwrap_or(0..10_000), AS_DRAWN);
}
