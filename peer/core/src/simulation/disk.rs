//! A model of the peer's store: what one `Effect::Persist` carries becomes durable together, as one transaction of the real
//! one does.

use std::collections::BTreeMap;

use common::ident::UserId;
use zeroize::Zeroizing;

use crate::contacts::Contact;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::persistence::Snapshot;
use crate::persistence::{HistoryWrite, Table, Write};

/// What one terminal has kept.
#[derive(Clone, Default)]
pub(super) struct Disk {
    rows: BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>>,
    /// In the order they were kept.
    pub(super) history: Vec<StoredMessage>,
    places: BTreeMap<MessageKey, usize>,
    contacts: BTreeMap<UserId, Contact>,
}

impl Disk {
    pub(super) fn keep(&mut self, changes: &[Write]) {
        for change in changes {
            match change {
                Write::Put { kind, key, value } => drop(self.rows.insert((*kind, key.clone()), value.clone())),
                Write::Delete { kind, key } => drop(self.rows.remove(&(*kind, key.clone()))),
                Write::Contact(contact) => drop(self.contacts.insert(contact.user.clone(), contact.clone())),
                Write::History(change) => self.keep_history(change),
            }
        }
    }

    fn keep_history(&mut self, change: &HistoryWrite) {
        match change {
            HistoryWrite::Append(record) if self.places.contains_key(&record.name) => {}
            HistoryWrite::Append(record) => {
                self.places.insert(record.name.clone(), self.history.len());
                self.history.push(record.clone());
            }
            HistoryWrite::SetMark { name, mark, since } => {
                if let Some(place) = self.places.get(name) {
                    (self.history[*place].mark, self.history[*place].since) = (*mark, *since);
                }
            }
            HistoryWrite::MarkRead { conversation } => {
                let here = |record: &&mut StoredMessage| {
                    record.name.conversation == *conversation && record.mark == DeliveryStatus::Received { read: false }
                };
                self.history
                    .iter_mut()
                    .filter(here)
                    .for_each(|record| record.mark = DeliveryStatus::Received { read: true });
            }
            HistoryWrite::Forget { .. } => {}
        }
    }

    pub(super) fn find(&self, name: &MessageKey) -> Option<&StoredMessage> {
        self.places.get(name).map(|place| &self.history[*place])
    }

    pub(super) fn load(&self, kind: Table) -> Vec<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let rows = self.rows.iter().filter(|((of, _), _)| *of == kind);
        rows.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    /// What messaging is opened with.
    pub(super) fn kept(&self) -> Snapshot {
        let mut unread: BTreeMap<Conversation, usize> = BTreeMap::new();
        for record in self.history.iter().filter(|record| record.mark == (DeliveryStatus::Received { read: false })) {
            *unread.entry(record.name.conversation.clone()).or_default() += 1;
        }
        Snapshot {
            mls: self.load(Table::Mls),
            outbox: self.load(Table::Outbox),
            seen: self.load(Table::Seen),
            group: self.load(Table::Group),
            counter: self.load(Table::Counter),
            file: self.load(Table::File),
            early: self.load(Table::Early),
            contacts: self.contacts.values().cloned().collect(),
            unread,
        }
    }
}
