//! Ids of letters that have arrived, so that a second copy is dropped (decision D17).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::ident::{MessageId, UserId};
use zeroize::Zeroizing;

use crate::persistence::{Table, Write};

/// Ids remembered of one user, at least. A sender repeats only what was not confirmed, and no mailbox holds more of one sender.
const REMEMBERED: usize = 4096;
/// Ids beyond these that are forgotten together: their rows lie beside each other, and far from those that are added.
const FORGOTTEN_AT_ONCE: usize = 256;
/// Set in the number of a row whose letter is a [`Kind::Text`]. The store has 63 bits for it, and no count comes near; rows of
/// the version before do not say.
const TEXT: u64 = 1 << 62;

/// What has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text in a conversation of two: its sender waits for a receipt.
    Text,
    Other,
}

/// What has arrived, by sender.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    of: BTreeMap<UserId, Ids>,
    last: u64,
    /// Rows of the version before, which were found by the id, as rows of now: kept with the next.
    former: Vec<Write>,
}

#[derive(Debug, Default)]
struct Ids {
    known: BTreeSet<MessageId>,
    /// With the numbers of their rows.
    oldest_first: VecDeque<(u64, MessageId)>,
}

impl Dedup {
    /// Reads what was kept.
    pub(crate) fn load(rows: impl IntoIterator<Item = (Vec<u8>, Zeroizing<Vec<u8>>)>) -> Self {
        let mut dedup = Self::default();
        let mut numbered = Vec::new();
        for (key, value) in rows {
            if let Some((number, name)) = read(&key, &value) {
                numbered.push((number, name));
            } else if let Some((number, name)) = read(&value, &key) {
                dedup.former.push(Write::Delete { kind: Table::Seen, key });
                dedup.former.push(put(number, &name));
                numbered.push((number, name));
            }
        }
        numbered.sort_by_key(|(number, _)| number & !TEXT);
        for (number, Name(user, id)) in numbered {
            dedup.last = number & !TEXT;
            let ids = dedup.of.entry(user).or_default();
            ids.known.insert(id);
            ids.oldest_first.push_back((number, id));
        }
        dedup
    }

    /// Notes a letter; the changes to keep, or nothing if it has arrived before.
    pub(super) fn note(&mut self, from: &UserId, id: MessageId, kind: Kind) -> Option<Vec<Write>> {
        let ids = self.of.entry(from.clone()).or_default();
        if !ids.known.insert(id) {
            return None;
        }
        self.last += 1;
        let number = if kind == Kind::Text { self.last | TEXT } else { self.last };
        ids.oldest_first.push_back((number, id));
        let mut changes = std::mem::take(&mut self.former);
        changes.push(put(number, &Name(from.clone(), id)));
        if ids.oldest_first.len() >= REMEMBERED + FORGOTTEN_AT_ONCE {
            for (number, id) in ids.oldest_first.drain(..FORGOTTEN_AT_ONCE) {
                ids.known.remove(&id);
                changes.push(Write::Delete { kind: Table::Seen, key: number.to_be_bytes().into() });
            }
        }
        Some(changes)
    }

    /// Whether this letter has arrived, as far as that is remembered.
    pub(super) fn knows(&self, from: &UserId, id: &MessageId) -> bool {
        self.of.get(from).is_some_and(|ids| ids.known.contains(id))
    }

    /// The last texts that have arrived, at most so many of all senders together: their ids in order, by sender.
    pub(super) fn last_texts(&self, most: usize) -> BTreeMap<UserId, Vec<MessageId>> {
        let rows =
            self.of.iter().flat_map(|(user, ids)| ids.oldest_first.iter().map(move |(row, id)| (*row, user, *id)));
        let mut texts: Vec<_> = rows.filter(|(row, ..)| row & TEXT != 0).collect();
        texts.sort_unstable_by_key(|(row, ..)| *row);
        let mut last: BTreeMap<UserId, Vec<MessageId>> = BTreeMap::new();
        for (_, user, id) in texts.split_off(texts.len().saturating_sub(most)) {
            last.entry(user.clone()).or_default().push(id);
        }
        last
    }

    /// The last texts of one sender that have arrived, at most so many, in order.
    pub(super) fn last_texts_of(&self, user: &UserId, most: usize) -> Vec<MessageId> {
        let rows = self.of.get(user).into_iter().flat_map(|ids| ids.oldest_first.iter().rev());
        let mut last: Vec<MessageId> = rows.filter(|(row, _)| row & TEXT != 0).map(|(_, id)| *id).take(most).collect();
        last.reverse();
        last
    }
}

/// A letter's id, and who has given it.
struct Name(UserId, MessageId);

/// A row: its number, and the letter's name.
fn put(number: u64, Name(user, id): &Name) -> Write {
    let value = Zeroizing::new([id.as_bytes().as_slice(), user.as_str().as_bytes()].concat());
    Write::Put { kind: Table::Seen, key: number.to_be_bytes().into(), value }
}

fn read(number: &[u8], name: &[u8]) -> Option<(u64, Name)> {
    let number = u64::from_be_bytes(number.try_into().ok()?);
    let (id, user) = name.split_first_chunk()?;
    let user = UserId::parse(std::str::from_utf8(user).ok()?).ok()?;
    Some((number, Name(user, MessageId(*id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> MessageId {
        MessageId(u128::try_from(n).unwrap().to_be_bytes())
    }

    fn keep(rows: &mut BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>, changes: Vec<Write>) {
        for change in changes {
            match change {
                Write::Put { key, value, .. } => drop(rows.insert(key, value)),
                Write::Delete { key, .. } => drop(rows.remove(&key)),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_second_copy_is_known_also_after_a_restart_and_the_oldest_are_forgotten() {
        let ali = UserId::parse("ali").unwrap();
        let mut rows = BTreeMap::new();
        let mut dedup = Dedup::default();
        for n in 0..REMEMBERED + FORGOTTEN_AT_ONCE {
            keep(&mut rows, dedup.note(&ali, id(n), Kind::Text).unwrap());
        }
        assert_eq!(rows.len(), REMEMBERED);
        let mut dedup = Dedup::load(rows);
        assert_eq!(dedup.note(&ali, id(FORGOTTEN_AT_ONCE), Kind::Text), None);
        assert!(dedup.note(&UserId::parse("bianca").unwrap(), id(REMEMBERED), Kind::Text).is_some());
        assert!(dedup.note(&ali, id(FORGOTTEN_AT_ONCE - 1), Kind::Text).is_some(), "the oldest went first");
    }

    #[test]
    fn what_the_version_before_has_kept_is_known_and_kept_as_it_is_now() {
        let ali = UserId::parse("ali").unwrap();
        let former = |n: usize| ([id(n).as_bytes(), b"ali".as_slice()].concat(), n.to_be_bytes().to_vec().into());
        let mut rows: BTreeMap<_, _> = (1..4).map(former).collect();
        // Once where nothing was kept since, once where it was.
        for n in 4..6 {
            let mut dedup = Dedup::load(rows.clone());
            assert_eq!(dedup.note(&ali, id(2), Kind::Other), None);
            keep(&mut rows, dedup.note(&ali, id(n), Kind::Text).unwrap());
            assert_eq!(rows.len(), n);
            assert!(rows.keys().all(|key| key.len() == 8));
        }
        let mut dedup = Dedup::load(rows);
        assert!((1..6).all(|n| dedup.note(&ali, id(n), Kind::Text).is_none()));
    }

    #[test]
    fn the_last_texts_of_all_senders_are_known_also_after_a_restart() {
        let (ali, bianca) = (UserId::parse("ali").unwrap(), UserId::parse("bianca").unwrap());
        // Of a version that did not say what it was.
        let mut rows: BTreeMap<_, _> =
            [(1_u64.to_be_bytes().to_vec(), [id(1).as_bytes(), b"ali".as_slice()].concat().into())].into();
        let mut dedup = Dedup::load(rows.clone());
        let arrived = [(&ali, 2, Kind::Text), (&bianca, 3, Kind::Text), (&ali, 4, Kind::Other), (&ali, 5, Kind::Text)];
        for (user, n, kind) in arrived {
            keep(&mut rows, dedup.note(user, id(n), kind).unwrap());
        }
        assert!(rows.keys().all(|key| key[0] < 0x80), "a number that the store has room for");
        for mut dedup in [dedup, Dedup::load(rows)] {
            let all = [(ali.clone(), vec![id(2), id(5)]), (bianca.clone(), vec![id(3)])];
            assert_eq!(dedup.last_texts(9), all.into());
            assert_eq!(dedup.last_texts(2), [(ali.clone(), vec![id(5)]), (bianca.clone(), vec![id(3)])].into());
            assert_eq!(dedup.last_texts_of(&ali, 9), [id(2), id(5)]);
            assert_eq!(dedup.last_texts_of(&ali, 1), [id(5)]);
            assert_eq!(dedup.note(&ali, id(5), Kind::Text), None);
            dedup.note(&ali, id(6), Kind::Other);
            assert_eq!(dedup.last, 6, "the next number is the next");
        }
    }
}
