//! A message as a row of the history: sealed under its name, found by HMACs of its conversation and its name.

use rusqlite::Row;
use zeroize::Zeroizing;

use super::StoreError;
use super::sealed::Seal;
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, Position, StoredMessage};

/// A message and where it stands.
pub(crate) type Placed = (Position, StoredMessage);

/// Opens a row of `position, row, value`.
pub(super) fn open(seal: &Seal, row: &Row<'_>) -> Result<Placed, StoreError> {
    let value = seal.open(row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?)?;
    let record = serde_json::from_slice(&value).map_err(|_| StoreError::Unreadable)?;
    Ok((Position(row.get(0)?), record))
}

/// What is sealed of a message.
pub(super) fn encode(record: &StoredMessage) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    serde_json::to_vec(record).map(Zeroizing::new).map_err(|_| StoreError::Unreadable)
}

/// Whether it waits to be seen.
pub(super) fn is_unread(record: &StoredMessage) -> bool {
    record.mark == DeliveryStatus::Received { read: false }
}

/// The name under which a conversation is found.
pub(super) fn conversation_row(seal: &Seal, conversation: &Conversation) -> Result<Vec<u8>, StoreError> {
    seal.row("conversation", conversation.to_string().as_bytes())
}

/// The name under which a message is found.
pub(super) fn name_row(seal: &Seal, name: &MessageKey) -> Result<Vec<u8>, StoreError> {
    // No name of a conversation or user contains a 0.
    let parts = [name.conversation.to_string().as_bytes(), b"\0", name.author.as_str().as_bytes(), b"\0"].concat();
    seal.row("message", &[&parts[..], name.id.as_bytes()].concat())
}
