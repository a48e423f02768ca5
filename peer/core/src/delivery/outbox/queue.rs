//! What is under way in one conversation, found by its place, by its id and by the route that it takes, however much it is.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::MessageId;

use super::{Entry, Route};

/// Bytes that a text over a link takes beside itself.
pub(super) const BESIDE: usize = 256;

/// Letters under way, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<u64, Entry>,
    ids: BTreeMap<MessageId, u64>,
    /// By route, and whether it is a text; none is empty.
    routes: BTreeMap<(Route, bool), BTreeSet<u64>>,
    /// Bytes of texts that were said over links.
    said: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }

    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(super) fn find(&self, id: &MessageId) -> Option<u64> {
        self.ids.get(id).copied()
    }

    pub(super) fn insert(&mut self, number: u64, entry: Entry) {
        self.remove(number);
        self.note(number, &entry);
        self.ids.insert(entry.letter.id, number);
        self.entries.insert(number, entry);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        self.forget(number, &entry);
        if self.ids.get(&entry.letter.id) == Some(&number) {
            self.ids.remove(&entry.letter.id);
        }
        Some(entry)
    }

    /// Changes an entry; gives it as it is then, and what the change gave.
    pub(super) fn change<T>(&mut self, number: u64, change: impl FnOnce(&mut Entry) -> T) -> Option<(&Entry, T)> {
        let mut entry = self.entries.remove(&number)?;
        self.forget(number, &entry);
        let given = change(&mut entry);
        self.note(number, &entry);
        Some((self.entries.entry(number).or_insert(entry), given))
    }

    /// Whether anything takes such a route.
    pub(super) fn any(&self, is_meant: impl Fn(Route, bool) -> bool) -> bool {
        self.routes.keys().any(|(route, is_text)| is_meant(*route, *is_text))
    }

    /// How many take such a route.
    pub(super) fn count(&self, is_meant: impl Fn(Route, bool) -> bool) -> usize {
        self.meant(is_meant).map(BTreeSet::len).sum()
    }

    /// The first of those that take such a route, in order.
    pub(super) fn first(&self, most: usize, is_meant: impl Fn(Route, bool) -> bool) -> Vec<u64> {
        let mut numbers: Vec<u64> =
            self.meant(is_meant).flat_map(|numbers| numbers.iter().take(most).copied()).collect();
        numbers.sort_unstable();
        numbers.truncate(most);
        numbers
    }

    /// How many bytes were said over links and not confirmed.
    pub(super) fn said(&self) -> usize {
        self.said
    }

    fn meant(&self, is_meant: impl Fn(Route, bool) -> bool) -> impl Iterator<Item = &BTreeSet<u64>> {
        self.routes.iter().filter(move |((route, is_text), _)| is_meant(*route, *is_text)).map(|(_, numbers)| numbers)
    }

    fn note(&mut self, number: u64, entry: &Entry) {
        self.routes.entry((entry.route, entry.text().is_some())).or_default().insert(number);
        if matches!(entry.route, Route::OnLink(_)) {
            self.said = self.said.saturating_add(size(entry));
        }
    }

    fn forget(&mut self, number: u64, entry: &Entry) {
        let route = (entry.route, entry.text().is_some());
        if let Some(numbers) = self.routes.get_mut(&route) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.routes.remove(&route);
            }
        }
        if matches!(entry.route, Route::OnLink(_)) {
            self.said = self.said.saturating_sub(size(entry));
        }
    }
}

/// Bytes that a text takes on a link, padding aside.
pub(super) fn size(entry: &Entry) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    BESIDE + entry.text().map_or(0, |text| text.bytes().map(escaped).sum())
}
