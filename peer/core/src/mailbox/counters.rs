//! Numbers that only grow; the directory has its own, and if those are greater, this state is an old copy (threat G5).

use common::ident::{Cookie, TerminalId};
use common::msg::TerminalRemove;
use zeroize::Zeroizing;

use crate::persistence::{Rows, Table, Write};

const ACKED: &[u8] = b"acked";
const WRITTEN: &[u8] = b"written";
const REPLACED: &[u8] = b"replaced";

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
    Write::Put { kind: Table::Counter, key: name.to_vec(), value: Zeroizing::new(value.to_be_bytes().to_vec()) }
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
