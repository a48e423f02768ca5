//! Finished entries, remembered by the place they were entered at, and the way back to them.

use std::collections::HashMap;

/// Entries of all places; the current one is browsed.
#[derive(Debug)]
pub(super) struct History {
    limit: usize,
    entries: HashMap<String, Vec<String>>,
    /// Absent where entries are not remembered.
    place: Option<String>,
    browsing: Option<Browsing>,
}

/// Whether entries belong to another place than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Elsewhere,
    Nowhere,
}

/// A look back.
#[derive(Debug)]
struct Browsing {
    /// Which entry is shown.
    index: usize,
    /// What was being typed.
    unfinished: String,
    /// What is searched for.
    query: String,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, entries: HashMap::new(), place: None, browsing: None }
    }

    /// From now on entries belong to `place`.
    pub(super) fn enter(&mut self, place: Option<&str>) -> Moved {
        if self.place.as_deref() == place {
            return Moved::Nowhere;
        }
        self.place = place.map(str::to_owned);
        self.browsing = None;
        Moved::Elsewhere
    }

    /// Whether entries are remembered here.
    pub(super) fn is_kept(&self) -> bool {
        self.place.is_some()
    }

    /// What was being typed is kept while something is sought.
    pub(super) fn begin_search(&mut self, typed: &str) {
        let (index, unfinished) = (self.here().len(), typed.to_owned());
        self.browsing = Some(Browsing { index, unfinished, query: typed.to_owned() });
    }

    /// The newest entry that contains `query`, which is sought from now on.
    pub(super) fn search_newest(&mut self, query: &str) -> Option<String> {
        let newest = self.here().len();
        let browsing = self.browsing.as_mut()?;
        query.clone_into(&mut browsing.query);
        browsing.index = newest;
        if query.is_empty() { None } else { self.search_older() }
    }

    /// The newest entry older than the one shown that contains what is sought.
    pub(super) fn search_older(&mut self) -> Option<String> {
        let Browsing { index, query, .. } = self.browsing.as_ref()?;
        let found = self.here()[..*index].iter().rposition(|entry| entry.contains(query))?;
        let entry = self.here().get(found)?.clone();
        self.browsing.as_mut()?.index = found;
        Some(entry)
    }

    /// Nothing is sought any more: what was being typed before.
    pub(super) fn leave_search(&mut self) -> Option<String> {
        self.browsing.take().map(|browsing| browsing.unfinished)
    }

    pub(super) fn push(&mut self, entry: &str) {
        let Some(place) = &self.place else { return };
        let entries = self.entries.entry(place.clone()).or_default();
        if !entry.trim().is_empty() && entries.last().is_none_or(|last| last != entry) {
            entries.push(entry.to_owned());
            let surplus = entries.len().saturating_sub(self.limit);
            entries.drain(..surplus);
        }
    }

    /// Entries of `place` from earlier; those that are here already stay the newest.
    pub(super) fn put_before(&mut self, place: &str, mut earlier: Vec<String>) {
        let entries = self.entries.entry(place.to_owned()).or_default();
        earlier.retain(|entry| !entry.trim().is_empty());
        earlier.dedup();
        let before = earlier.len();
        earlier.append(entries);
        let surplus = earlier.len().saturating_sub(self.limit);
        earlier.drain(..surplus);
        if let Some(browsing) = &mut self.browsing
            && self.place.as_deref() == Some(place)
        {
            browsing.index += before.saturating_sub(surplus);
        }
        *entries = earlier;
    }

    /// The look back is over.
    pub(super) fn rest(&mut self) {
        self.browsing = None;
    }

    /// The entry before the one shown.
    pub(super) fn older(&mut self, typed: &str) -> Option<String> {
        let before = self.shown();
        let index = before.checked_sub(1)?;
        self.show(index, typed)
    }

    /// The entry after the one shown, in the end what was being typed.
    pub(super) fn newer(&mut self, typed: &str) -> Option<String> {
        let after = self.browsing.as_ref()?.index + 1;
        if after < self.here().len() {
            return self.show(after, typed);
        }
        self.browsing.take().map(|browsing| browsing.unfinished)
    }

    fn here(&self) -> &[String] {
        self.place.as_ref().and_then(|place| self.entries.get(place)).map_or(&[], Vec::as_slice)
    }

    fn shown(&self) -> usize {
        self.browsing.as_ref().map_or(self.here().len(), |browsing| browsing.index)
    }

    fn show(&mut self, index: usize, typed: &str) -> Option<String> {
        let entry = self.here().get(index)?.clone();
        let browsing =
            self.browsing.get_or_insert_with(|| Browsing { index, unfinished: typed.to_owned(), query: String::new() });
        browsing.index = index;
        Some(entry)
    }
}
