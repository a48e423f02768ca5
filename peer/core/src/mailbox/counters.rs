//! Numbers that only grow; the directory has its own, and if those are greater, this state is an old copy (threat G5).

use common::ident::{Cookie, DirectoryGeneration, TerminalId};
use common::msg::TerminalRemove;
use zeroize::Zeroizing;

use crate::persistence::{Rows, Table, Write};

const ACKED: &[u8] = b"acked";
const WRITTEN: &[u8] = b"written";
const REPLACED: &[u8] = b"replaced";
/// Of the directory: its numbers as it showed them last, and the name of what it remembers.
const TOLD: &[u8] = b"told";
const GENERATION: &[u8] = b"generation";
/// There while what an older state of the directory has spoilt is made anew; empty until the key packages are.
const REPAIRING: &[u8] = b"repairing";

/// What this terminal and the directory both count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// The last item that was taken.
    pub(super) acked: u64,
    /// How often we gave something to the directory.
    pub(super) written: u64,
}

impl Counters {
    pub(super) fn load(rows: &Rows) -> Self {
        let value = |name: &[u8]| {
            let row = rows.iter().find(|(key, _)| key == name)?;
            Some(u64::from_be_bytes(row.1.as_slice().try_into().ok()?))
        };
        Self { acked: value(ACKED).unwrap_or_default(), written: value(WRITTEN).unwrap_or_default() }
    }

    pub(super) fn acked_row(self) -> Write {
        counter(ACKED, self.acked)
    }

    pub(super) fn written_row(self) -> Write {
        counter(WRITTEN, self.written)
    }
}

fn counter(name: &[u8], value: u64) -> Write {
    put(name, value.to_be_bytes().to_vec())
}

fn put(name: &[u8], value: Vec<u8>) -> Write {
    Write::Put { kind: Table::Counter, key: name.to_vec(), value: Zeroizing::new(value) }
}

/// What the directory has told of itself, as it is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Its numbers for this terminal, as far as it has shown that it knows them; they never fall, unless it goes on from an
    /// older state.
    pub(super) acked: u64,
    pub(super) written: u64,
    /// By which name what it remembers goes.
    pub(super) generation: Option<DirectoryGeneration>,
    /// Whether it was found to go on from an older state, and not all is made anew.
    pub(super) is_repairing: bool,
    /// Whether the directory has the key packages that were made anew since.
    pub(super) has_packages: bool,
}

impl Told {
    pub(super) fn load(rows: &Rows) -> Self {
        let value = |name: &[u8]| rows.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
        let numbers: Option<[u8; 16]> = value(TOLD).and_then(|numbers| numbers.try_into().ok());
        let numbers = u128::from_be_bytes(numbers.unwrap_or_default());
        // The upper and the lower half.
        let (acked, written) = ((numbers >> 64) as u64, numbers as u64);
        let generation = value(GENERATION).and_then(|name| name.try_into().ok()).map(DirectoryGeneration);
        let repairing = value(REPAIRING);
        let has_packages = repairing.is_some_and(|made| !made.is_empty());
        Self { acked, written, generation, is_repairing: repairing.is_some(), has_packages }
    }

    pub(super) fn numbers_row(self) -> Write {
        let numbers = (u128::from(self.acked) << 64) | u128::from(self.written);
        put(TOLD, numbers.to_be_bytes().to_vec())
    }

    pub(super) fn rows(self) -> Vec<Write> {
        let mut rows = vec![self.numbers_row()];
        rows.extend(self.generation.map(|name| put(GENERATION, name.0.to_vec())));
        rows.push(match self.is_repairing {
            true => put(REPAIRING, vec![1; usize::from(self.has_packages)]),
            false => Write::Delete { kind: Table::Counter, key: REPAIRING.to_vec() },
        });
        rows
    }
}

/// By which name the directory's memory went when this terminal was there last.
#[must_use]
pub fn known_generation(counters: &Rows) -> Option<DirectoryGeneration> {
    Told::load(counters).generation
}

/// The request that has the directory forget the terminal that this one took the place of, until it has. That terminal's
/// cookie shows that we were it; a row of the version before has none.
pub(super) fn replaced(rows: &Rows) -> Option<TerminalRemove> {
    let row = rows.iter().find(|(key, _)| key == REPLACED)?;
    let (terminal, cookie) = row.1.split_first_chunk()?;
    Some(TerminalRemove { terminal: TerminalId(*terminal), cookie: cookie.try_into().ok().map(Cookie) })
}

/// The directory has forgotten that terminal.
pub(super) fn is_replaced() -> Write {
    Write::Delete { kind: Table::Counter, key: REPLACED.to_vec() }
}

/// What makes a terminal begin without rooms and key packages, in the place of another, which had this cookie (threat G5).
pub fn begin_without_rooms(
    (replaced, cookie): (TerminalId, Option<&Cookie>),
    mls: &Rows,
    counters: &Rows,
) -> Vec<Write> {
    let forget = |kind, rows: &Rows| {
        let keys: Vec<Vec<u8>> = rows.iter().map(|(key, _)| key.clone()).collect();
        keys.into_iter().map(move |key| Write::Delete { kind, key })
    };
    let cookie = cookie.map_or(&[][..], |cookie| cookie.as_bytes());
    let value = Zeroizing::new([replaced.as_bytes(), cookie].concat());
    let replaces = Write::Put { kind: Table::Counter, key: REPLACED.to_vec(), value };
    forget(Table::Mls, mls).chain(forget(Table::Counter, counters)).chain([replaces]).collect()
}
