//! Other users, sealed: whose key is pinned, who was chosen, who is blocked.

use common::ident::UserId;

use rusqlite::{Connection, params};

use super::StoreError;
use super::sealed::Seal;
use super::state::State;
use peer_core::contacts::Contact;
use peer_core::model::Conversation;

const CONTACT: &str = "contact";
/// Written once rows say who was chosen.
const CHOICES: &str = "contact choices";
/// How far back a message of ours is looked for.
const LOOK_BACK: usize = 200;

impl State {
    /// Everybody who was met, chosen or blocked. Needs [`State::unlock`].
    pub(crate) fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        let mut query = self.db.prepare("SELECT row, value FROM sealed WHERE kind = ?1")?;
        let rows = query.query_map([CONTACT], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let mut contacts = Vec::new();
        for row in rows {
            let (row, value) = row?;
            let value = self.seal()?.open(&row, &value)?;
            contacts.push(serde_json::from_slice(&value).map_err(|_| StoreError::Unreadable)?);
        }
        Ok(contacts)
    }

    /// Keeps a contact. Needs [`State::unlock`].
    pub(crate) fn save_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        self.sync_commits(true)?;
        put(&self.db, self.seal()?, contact)
    }

    /// Decides once about contacts that a version before wrote, which took every pin for a contact: those whose number
    /// was compared, and those to whom `me` has written, were chosen (decision D48). Needs [`State::unlock`].
    pub(crate) fn decide_choices(&self, me: &UserId) -> Result<(), StoreError> {
        if self.plain(CHOICES)?.is_some() {
            return Ok(());
        }
        for contact in self.contacts()? {
            let chosen = contact.verified || self.has_written(me, &contact.user)?;
            self.save_contact(&Contact { chosen, ..contact })?;
        }
        self.set_plain(CHOICES, &[1])
    }

    fn has_written(&self, me: &UserId, to: &UserId) -> Result<bool, StoreError> {
        let last = self.history(&Conversation::User(to.clone()), None, LOOK_BACK)?;
        Ok(last.iter().any(|(_, record)| record.name.author == *me))
    }
}

/// Writes a contact; the transaction is the caller's.
pub(super) fn put(db: &Connection, seal: &Seal, contact: &Contact) -> Result<(), StoreError> {
    let row = seal.row(CONTACT, contact.user.as_str().as_bytes())?;
    let value = serde_json::to_vec(contact).map_err(|_| StoreError::Unreadable)?;
    let sealed = seal.seal(&row, &value)?;
    let mut change = db.prepare_cached("INSERT OR REPLACE INTO sealed VALUES (?1, ?2, ?3)")?;
    change.execute(params![row, CONTACT, sealed])?;
    Ok(())
}
