//! The clients' own names for messages: with the same one, a message is sent once within 24 hours.

use std::collections::BTreeMap;

use common::ident::MessageId;
use serde_json::Value;

use peer_core::notice::Event;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Names, by message and by name.
#[derive(Debug, Default)]
pub(super) struct References {
    names: BTreeMap<MessageId, String>,
    messages: BTreeMap<String, (MessageId, u64)>,
}

impl References {
    /// Takes up what the journal says.
    pub(super) fn learn(&mut self, event: &Event) {
        let Ok(content) = serde_json::from_str::<Value>(&event.content) else { return };
        let id = content.get("msg").and_then(|id| serde_json::from_value::<MessageId>(id.clone()).ok());
        if let (Some(id), Some(name)) = (id, content.get("ref").and_then(Value::as_str)) {
            self.names.insert(id, name.to_owned());
            self.messages.insert(name.to_owned(), (id, event.at));
        }
    }

    /// The message that was sent under this name in the 24 hours before `now` (milliseconds since the epoch).
    pub(super) fn sent(&self, name: &str, now: u64) -> Option<MessageId> {
        self.messages.get(name).filter(|(_, at)| at + DAY > now).map(|(id, _)| *id)
    }

    /// The name of a message.
    pub(super) fn of(&self, id: &MessageId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }
}
