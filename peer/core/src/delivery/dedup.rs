//! Ids of letters that have arrived, so that a second copy is dropped (decision D17).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::ident::{MessageId, UserId};
use zeroize::Zeroizing;

use crate::persistence::{Table, Write};

/// Ids remembered of one user. A sender repeats only what was not confirmed, and no mailbox holds more of one sender.
const REMEMBERED: usize = 4096;

/// What has arrived, by sender.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    of: BTreeMap<UserId, Ids>,
    last: u64,
}

#[derive(Debug, Default)]
struct Ids {
    known: BTreeSet<MessageId>,
    oldest_first: VecDeque<MessageId>,
}

impl Dedup {
    /// Reads what was kept.
    pub(crate) fn load(rows: impl IntoIterator<Item = (Vec<u8>, Zeroizing<Vec<u8>>)>) -> Self {
        let mut numbered: Vec<(u64, UserId, MessageId)> =
            rows.into_iter().filter_map(|(key, value)| read(&key, &value)).collect();
        numbered.sort_by_key(|(number, ..)| *number);
        let mut dedup = Self::default();
        for (number, user, id) in numbered {
            dedup.last = number;
            let ids = dedup.of.entry(user).or_default();
            ids.known.insert(id);
            ids.oldest_first.push_back(id);
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
        ids.oldest_first.push_back(id);
        let value = Zeroizing::new(self.last.to_be_bytes().to_vec());
        let mut changes = vec![Write::Put { kind: Table::Seen, key: key(from, id), value }];
        if ids.oldest_first.len() > REMEMBERED
            && let Some(oldest) = ids.oldest_first.pop_front()
        {
            ids.known.remove(&oldest);
            changes.push(Write::Delete { kind: Table::Seen, key: key(from, oldest) });
        }
        Some(changes)
    }
}

fn key(user: &UserId, id: MessageId) -> Vec<u8> {
    [id.as_bytes().as_slice(), user.as_str().as_bytes()].concat()
}

fn read(key: &[u8], value: &[u8]) -> Option<(u64, UserId, MessageId)> {
    let (id, user) = key.split_first_chunk()?;
    let user = UserId::parse(std::str::from_utf8(user).ok()?).ok()?;
    Some((u64::from_be_bytes(value.try_into().ok()?), user, MessageId(*id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_copy_is_known_also_after_a_restart_and_the_oldest_are_forgotten() {
        let ali = UserId::parse("ali").unwrap();
        let id = |n: usize| MessageId(u128::try_from(n).unwrap().to_be_bytes());
        let mut rows = BTreeMap::new();
        let mut dedup = Dedup::default();
        for n in 0..=REMEMBERED {
            for change in dedup.note(&ali, id(n)).unwrap() {
                match change {
                    Write::Put { key, value, .. } => drop(rows.insert(key, value)),
                    Write::Delete { key, .. } => drop(rows.remove(&key)),
                    Write::History(_) => panic!("not of the history"),
                }
            }
        }
        assert_eq!(rows.len(), REMEMBERED);
        let mut dedup = Dedup::load(rows);
        assert_eq!(dedup.note(&ali, id(REMEMBERED)), None);
        assert!(dedup.note(&UserId::parse("bianca").unwrap(), id(REMEMBERED)).is_some());
        assert!(dedup.note(&ali, id(0)).is_some(), "the oldest went first");
    }
}
