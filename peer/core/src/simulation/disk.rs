//! A model of the peer's store: what one `Effect::Keep` carries becomes durable together, as one transaction of the real
//! one does.

use std::collections::BTreeMap;

use common::ident::UserId;
use zeroize::Zeroizing;

use crate::contacts::Contact;
use crate::keep::{Change, Conversation, HistoryChange, Kind, Mark, Name, Record};
use crate::post::Kept;

/// What one terminal has kept.
#[derive(Clone, Default)]
pub(super) struct Disk {
    rows: BTreeMap<(Kind, Vec<u8>), Zeroizing<Vec<u8>>>,
    /// In the order they were kept.
    pub(super) history: Vec<Record>,
    places: BTreeMap<Name, usize>,
    contacts: BTreeMap<UserId, Contact>,
}

impl Disk {
    pub(super) fn keep(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put { kind, key, value } => drop(self.rows.insert((*kind, key.clone()), value.clone())),
                Change::Delete { kind, key } => drop(self.rows.remove(&(*kind, key.clone()))),
                Change::History(change) => self.keep_history(change),
            }
        }
    }

    fn keep_history(&mut self, change: &HistoryChange) {
        match change {
            HistoryChange::Append(record) if self.places.contains_key(&record.name) => {}
            HistoryChange::Append(record) => {
                self.places.insert(record.name.clone(), self.history.len());
                self.history.push(record.clone());
            }
            HistoryChange::SetMark { name, mark, since } => {
                if let Some(place) = self.places.get(name) {
                    (self.history[*place].mark, self.history[*place].since) = (*mark, *since);
                }
            }
            HistoryChange::MarkRead { conversation } => {
                let here = |record: &&mut Record| {
                    record.name.conversation == *conversation && record.mark == Mark::Received { read: false }
                };
                self.history.iter_mut().filter(here).for_each(|record| record.mark = Mark::Received { read: true });
            }
            HistoryChange::Forget { .. } => {}
        }
    }

    pub(super) fn find(&self, name: &Name) -> Option<&Record> {
        self.places.get(name).map(|place| &self.history[*place])
    }

    pub(super) fn save(&mut self, contact: Contact) {
        self.contacts.insert(contact.user.clone(), contact);
    }

    pub(super) fn contacts(&self) -> Vec<Contact> {
        self.contacts.values().cloned().collect()
    }

    pub(super) fn load(&self, kind: Kind) -> Vec<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let rows = self.rows.iter().filter(|((of, _), _)| *of == kind);
        rows.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    /// What a post office is opened with.
    pub(super) fn kept(&self) -> Kept {
        let mut unread: BTreeMap<Conversation, usize> = BTreeMap::new();
        for record in self.history.iter().filter(|record| record.mark == (Mark::Received { read: false })) {
            *unread.entry(record.name.conversation.clone()).or_default() += 1;
        }
        Kept {
            mls: self.load(Kind::Mls),
            outbox: self.load(Kind::Outbox),
            seen: self.load(Kind::Seen),
            group: self.load(Kind::Group),
            counter: self.load(Kind::Counter),
            file: self.load(Kind::File),
            unread,
        }
    }
}
