//! A message as a row of the history: sealed under its name, and beside it how far it has come since.

use std::borrow::Cow;

use common::ident::{MessageId, UserId};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::StoreError;
use super::sealed::Seal;
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, Position, StoredMessage};

/// A message and where it stands.
pub(crate) type Placed = (Position, StoredMessage);

/// What [`open`] reads; the beginning of a query.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT messages.position, messages.row, messages.value, marks.value FROM messages
             LEFT JOIN marks ON marks.position = messages.position ",
            $rest
        )
    };
}
pub(super) use select;

/// What is sealed of a message: the same as of the message itself, without the names of its fields.
#[derive(Serialize, Deserialize)]
struct Content<'a>(Cow<'a, Conversation>, Cow<'a, UserId>, MessageId, Cow<'a, str>, u64, u64, DeliveryStatus, u64);

impl From<Content<'_>> for StoredMessage {
    fn from(Content(conversation, author, id, text, date, arrived, mark, since): Content<'_>) -> Self {
        let name = MessageKey { conversation: conversation.into_owned(), author: author.into_owned(), id };
        Self { name, text: text.into_owned(), date, arrived, mark, since }
    }
}

/// Opens a row of [`select`].
pub(super) fn open(seal: &Seal, row: &Row<'_>) -> Result<Placed, StoreError> {
    let position = Position(row.get(0)?);
    let mut record = opened(&seal.open(row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?)?)?;
    if let Some(mark) = row.get_ref(3)?.as_blob_or_null()? {
        let mark = seal.open(&mark_name(position), mark)?;
        (record.mark, record.since) = serde_json::from_slice(&mark).map_err(|_| StoreError::Unreadable)?;
    }
    Ok((position, record))
}

/// The version before had the fields' names.
fn opened(value: &[u8]) -> Result<StoredMessage, StoreError> {
    let record = match value.first() {
        Some(b'[') => serde_json::from_slice::<Content<'_>>(value).map(StoredMessage::from),
        _ => serde_json::from_slice(value),
    };
    record.map_err(|_| StoreError::Unreadable)
}

/// What is sealed of a message.
pub(super) fn encode(record: &StoredMessage) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let StoredMessage { name, text, date, arrived, mark, since } = record;
    let (conversation, author) = (Cow::Borrowed(&name.conversation), Cow::Borrowed(&name.author));
    let content = Content(conversation, author, name.id, text.into(), *date, *arrived, *mark, *since);
    serde_json::to_vec(&content).map(Zeroizing::new).map_err(|_| StoreError::Unreadable)
}

/// What is sealed beside a message.
pub(super) fn encode_mark(seal: &Seal, position: Position, mark: (DeliveryStatus, u64)) -> Result<Vec<u8>, StoreError> {
    let value = serde_json::to_vec(&mark).map_err(|_| StoreError::Unreadable)?;
    seal.seal(&mark_name(position), &value)
}

/// No other value is sealed under a name like this.
fn mark_name(position: Position) -> Vec<u8> {
    [b"mark".as_slice(), &position.0.to_be_bytes()].concat()
}

/// Whether it waits to be seen.
pub(super) fn is_unread(mark: DeliveryStatus) -> bool {
    mark == DeliveryStatus::Received { read: false }
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
