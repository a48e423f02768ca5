//! Items that were taken, of which the directory has not shown yet that it knows it.
//!
//! They come again, or the directory has forgotten that there were such items: then it goes on from an older state, and their
//! numbers are given to other mail (decision D32). At most one `MAILBOX` is not acknowledged, so these are few.

use std::collections::VecDeque;

use common::crypto::commit;
use common::ident::ContentDigest;
use common::limits::MAIL_IN_ONE;
use common::msg::MailItem;
use zeroize::Zeroizing;

use crate::persistence::{Rows, Table, Write};

const TAKEN: &[u8] = b"taken";
/// A number and a digest.
const ROW: usize = 8 + 32;

/// What an item is, beside its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print([u8; 32]);

impl Print {
    pub(super) fn of(item: &MailItem) -> Self {
        let MailItem { item: _, room, from, kind, epoch, date, size, piece, signed: _ } = item;
        let head = format!("{room} {from:?} {kind:?} {epoch} {date} {size} ");
        let body = piece.as_ref().map_or(&[][..], |piece| &piece.0);
        let ContentDigest(digest) = commit::of(&[head.as_bytes(), body].concat());
        Self(digest)
    }
}

/// One that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    number: u64,
    print: Print,
    /// Whether it has come again in this session.
    came: bool,
}

/// What is known of an item whose number is not new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was taken.
    Same,
    /// Another was taken under its number.
    Another,
    /// Nothing any more.
    Forgotten,
}

/// The last items that were taken, in order.
#[derive(Debug, Default)]
pub(super) struct Taken {
    items: VecDeque<Item>,
    /// Of items up to this one nothing is known here.
    floor: u64,
}

impl Taken {
    /// Reads what was written; the version before wrote nothing, and had taken all up to `acked`.
    pub(super) fn load(rows: &Rows, acked: u64) -> Self {
        let Some((_, value)) = rows.iter().find(|(key, _)| key == TAKEN) else {
            return Self { items: VecDeque::new(), floor: acked };
        };
        let item = |row: &[u8]| {
            let (number, print) = row.split_first_chunk()?;
            let print = Print(print.try_into().ok()?);
            Some(Item { number: u64::from_be_bytes(*number), print, came: false })
        };
        let (floor, rest) = value.split_first_chunk().unwrap_or((&[0; 8], &[]));
        Self { items: rest.chunks(ROW).filter_map(item).collect(), floor: u64::from_be_bytes(*floor) }
    }

    pub(super) fn row(&self) -> Write {
        let items = self.items.iter().flat_map(|item| item.number.to_be_bytes().into_iter().chain(item.print.0));
        let value = Zeroizing::new(self.floor.to_be_bytes().into_iter().chain(items).collect());
        Write::Put { kind: Table::Counter, key: TAKEN.to_vec(), value }
    }

    /// An item was taken.
    pub(super) fn add(&mut self, number: u64, print: Print) {
        self.items.push_back(Item { number, print, came: true });
        if self.items.len() > 2 * MAIL_IN_ONE {
            self.floor = self.items.pop_front().map_or(self.floor, |item| item.number);
        }
    }

    /// The directory knows that everything up to here was taken.
    pub(super) fn confirmed(&mut self, upto: u64) {
        self.floor = self.floor.max(upto);
        self.items.retain(|item| item.number > upto);
    }

    /// A session begins: what was not confirmed comes again.
    pub(super) fn begin(&mut self) {
        self.items.iter_mut().for_each(|item| item.came = false);
    }

    /// Nothing is missed: the directory says that it has lost mail.
    pub(super) fn excuse(&mut self) {
        self.items.iter_mut().for_each(|item| item.came = true);
    }

    /// Whether something that was not confirmed has not come again.
    pub(super) fn misses_any(&self) -> bool {
        self.items.iter().any(|item| !item.came)
    }

    /// Everything behind this item was taken of a directory that knows nothing of it any more.
    pub(super) fn forget(&mut self, behind: u64) {
        *self = Self { items: VecDeque::new(), floor: behind };
    }

    /// An item has come whose number is not new.
    pub(super) fn comes_again(&mut self, number: u64, print: Print) -> Known {
        match self.items.iter_mut().find(|item| item.number == number) {
            Some(item) if item.print == print => {
                item.came = true;
                Known::Same
            }
            None if number <= self.floor => Known::Forgotten,
            Some(_) | None => Known::Another,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_the_version_before_knew_nothing() {
        let mut taken = Taken { floor: 3, ..Taken::default() };
        taken.add(5, Print([5; 32]));
        taken.add(9, Print([9; 32]));
        let Write::Put { key, value, .. } = taken.row() else { panic!() };
        let mut read = Taken::load(&vec![(key, value)], 9);
        assert!(read.misses_any(), "each comes again");
        for (number, print, known) in [
            (3, 3, Known::Forgotten),
            (4, 4, Known::Another),
            (5, 5, Known::Same),
            (5, 9, Known::Another),
            (9, 9, Known::Same),
        ] {
            assert_eq!(read.comes_again(number, Print([print; 32])), known, "{number}");
        }
        assert!(!read.misses_any());
        let mut former = Taken::load(&Rows::new(), 9);
        assert_eq!((former.misses_any(), former.comes_again(9, Print([1; 32]))), (false, Known::Forgotten));
    }

    #[test]
    fn only_the_last_ones_are_remembered() {
        let mut taken = Taken::default();
        (1..=500).for_each(|number| taken.add(number, Print([0; 32])));
        assert_eq!((taken.items.len(), taken.floor), (2 * MAIL_IN_ONE, 500 - 128));
        taken.confirmed(499);
        assert_eq!((taken.items.len(), taken.floor), (1, 499));
    }
}
