//! Ids of letters that have arrived, so that a second copy is dropped (decision D17).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::ident::{MessageId, UserId};
use zeroize::Zeroizing;

use crate::persistence::{Table, Write};

/// Ids remembered of one user, at least. A sender repeats only what was not confirmed, and no mailbox holds more of one sender.
const REMEMBERED: usize = 4096;
/// Ids beyond these that are forgotten together: their rows lie beside each other, and far from those that are added.
const FORGOTTEN_AT_ONCE: usize = 256;

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
        numbered.sort_by_key(|(number, _)| *number);
        for (number, Name(user, id)) in numbered {
            dedup.last = number;
            let ids = dedup.of.entry(user).or_default();
            ids.known.insert(id);
            ids.oldest_first.push_back((number, id));
        }
        dedup
    }

    /// Notes a letter; the changes to keep, or nothing if it has arrived before.
    pub(crate) fn note(&mut self, from: &UserId, id: MessageId) -> Option<Vec<Write>> {
        let ids = self.of.entry(from.clone()).or_default();
        if !ids.known.insert(id) {
            return None;
        }
        self.last += 1;
        ids.oldest_first.push_back((self.last, id));
        let mut changes = std::mem::take(&mut self.former);
        changes.push(put(self.last, &Name(from.clone(), id)));
        if ids.oldest_first.len() >= REMEMBERED + FORGOTTEN_AT_ONCE {
            for (number, id) in ids.oldest_first.drain(..FORGOTTEN_AT_ONCE) {
                ids.known.remove(&id);
                changes.push(Write::Delete { kind: Table::Seen, key: number.to_be_bytes().into() });
            }
        }
        Some(changes)
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
                Write::History(_) => panic!("not of the history"),
            }
        }
    }

    #[test]
    fn a_second_copy_is_known_also_after_a_restart_and_the_oldest_are_forgotten() {
        let ali = UserId::parse("ali").unwrap();
        let mut rows = BTreeMap::new();
        let mut dedup = Dedup::default();
        for n in 0..REMEMBERED + FORGOTTEN_AT_ONCE {
            keep(&mut rows, dedup.note(&ali, id(n)).unwrap());
        }
        assert_eq!(rows.len(), REMEMBERED);
        let mut dedup = Dedup::load(rows);
        assert_eq!(dedup.note(&ali, id(FORGOTTEN_AT_ONCE)), None);
        assert!(dedup.note(&UserId::parse("bianca").unwrap(), id(REMEMBERED)).is_some());
        assert!(dedup.note(&ali, id(FORGOTTEN_AT_ONCE - 1)).is_some(), "the oldest went first");
    }

    #[test]
    fn what_the_version_before_has_kept_is_known_and_kept_as_it_is_now() {
        let ali = UserId::parse("ali").unwrap();
        let former = |n: usize| ([id(n).as_bytes(), b"ali".as_slice()].concat(), n.to_be_bytes().to_vec().into());
        let mut rows: BTreeMap<_, _> = (1..4).map(former).collect();
        // Once where nothing was kept since, once where it was.
        for n in 4..6 {
            let mut dedup = Dedup::load(rows.clone());
            assert_eq!(dedup.note(&ali, id(2)), None);
            keep(&mut rows, dedup.note(&ali, id(n)).unwrap());
            assert_eq!(rows.len(), n);
            assert!(rows.keys().all(|key| key.len() == 8));
        }
        let mut dedup = Dedup::load(rows);
        assert!((1..6).all(|n| dedup.note(&ali, id(n)).is_none()));
    }
}
