//! The clients' own names for messages: with the same one, a message is sent once within 24 hours.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::MessageId;
use serde_json::Value;

use peer_core::notice::Event;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Names, by message and by name.
#[derive(Debug, Default)]
pub(super) struct References {
    names: BTreeMap<MessageId, String>,
    messages: BTreeMap<String, (MessageId, u64)>,
    /// Names of messages that were accepted, of which it is not known yet whether they are sent.
    under_way: BTreeSet<String>,
}

impl References {
    /// Takes up what the journal says.
    pub(super) fn learn(&mut self, event: &Event) {
        let Ok(content) = serde_json::from_str::<Value>(&event.content) else { return };
        let id = content.get("msg").and_then(|id| serde_json::from_value::<MessageId>(id.clone()).ok());
        if let (Some(id), Some(name)) = (id, content.get("ref").and_then(Value::as_str)) {
            self.keep(id, name, event.at);
        }
    }

    /// A message was sent under a name at a moment, milliseconds since the epoch. The journal says so later, when it is synced.
    pub(super) fn keep(&mut self, id: MessageId, name: &str, at: u64) {
        self.names.insert(id, name.to_owned());
        self.messages.insert(name.to_owned(), (id, at));
    }

    /// A message was accepted under this name; false if another one is under way.
    pub(super) fn begin(&mut self, name: &str) -> bool {
        self.under_way.insert(name.to_owned())
    }

    /// It is known what has become of the message that was accepted under this name; false if none was under way.
    pub(super) fn settle(&mut self, name: &str) -> bool {
        self.under_way.remove(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_name_from_the_moment_it_is_sent_for_a_day() {
        let (mut references, id) = (References::default(), MessageId([7; 16]));
        assert_eq!(references.sent("job", 1), None);
        references.keep(id, "job", 1);
        assert_eq!((references.sent("job", DAY), references.sent("job", DAY + 1)), (Some(id), None));
        assert_eq!(references.of(&id), Some("job"));
    }
}
