//! What of one's own messages has not left this machine.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::MessageId;

use peer_core::model::{Conversation, DeliveryStatus};
use peer_core::notice::MessageNotice;

#[derive(Debug, Default)]
struct Waiting {
    /// Sent in this session.
    ids: BTreeSet<MessageId>,
    /// How many there were when that was told last; those of earlier sessions count here alone.
    told: usize,
}

/// Messages that wait here, by whom they are for.
#[derive(Debug, Default)]
pub(crate) struct Outbox(BTreeMap<Conversation, Waiting>);

impl Outbox {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|waiting| waiting.told.max(waiting.ids.len())).sum()
    }

    pub(super) fn learn(&mut self, notice: &MessageNotice) {
        match notice {
            MessageNotice::Sent { ticket: Some(_), record } if record.mark == DeliveryStatus::Queued => {
                let name = &record.name;
                self.0.entry(name.conversation.clone()).or_default().ids.insert(name.id);
            }
            MessageNotice::Again { to, id, .. } => {
                self.0.entry(to.clone()).or_default().ids.insert(*id);
            }
            MessageNotice::Marked { to, ids, mark, .. } if *mark != DeliveryStatus::Queued => {
                let Some(waiting) = self.0.get_mut(to) else { return };
                // A receipt for what had left before takes nothing away.
                let left = ids.iter().filter(|id| waiting.ids.remove(id)).count();
                let stored = if *mark == DeliveryStatus::Stored { ids.len() } else { left };
                waiting.told = waiting.told.saturating_sub(stored);
            }
            MessageNotice::Waiting { to, waiting, .. } => self.0.entry(to.clone()).or_default().told = *waiting,
            MessageNotice::NoSuchUser { user, .. } => {
                self.0.remove(&Conversation::User(user.clone()));
            }
            MessageNotice::Sent { .. }
            | MessageNotice::Marked { .. }
            | MessageNotice::Text { .. }
            | MessageNotice::Arrived(_)
            | MessageNotice::History { .. }
            | MessageNotice::Withdrawn { .. }
            | MessageNotice::Readers { .. }
            | MessageNotice::NotFailed { .. }
            | MessageNotice::NotSent { .. }
            | MessageNotice::Explained { .. }
            | MessageNotice::Found { .. }
            | MessageNotice::Frozen { .. }
            | MessageNotice::Dropped { .. }
            | MessageNotice::Lost { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ident::UserId;
    use peer_core::command::Ticket;
    use peer_core::model::{MessageKey, StoredMessage};
    use peer_core::notice::Next;

    #[test]
    fn what_waits_counts_until_the_directory_or_the_receiver_has_it() {
        let user = UserId::parse("bianca").unwrap();
        let (to, id) = (Conversation::User(user.clone()), MessageId([1; 16]));
        let mut outbox = Outbox::default();
        let name = MessageKey { conversation: to.clone(), author: user, id };
        let mark = DeliveryStatus::Queued;
        let record = StoredMessage { name, text: "hi".into(), date: 1, arrived: 1, mark, since: 1 };
        outbox.learn(&MessageNotice::Sent { ticket: Some(Ticket::default()), record });
        assert_eq!(outbox.len(), 1);
        // Two more of an earlier session.
        outbox.learn(&MessageNotice::Waiting { to: to.clone(), waiting: 3, next: Next::Directory });
        assert_eq!(outbox.len(), 3);
        let marked = |ids: Vec<MessageId>, mark| MessageNotice::Marked { to: to.clone(), ids, mark, late: false };
        outbox.learn(&marked(vec![MessageId([9; 16])], DeliveryStatus::Read));
        assert_eq!(outbox.len(), 3);
        outbox.learn(&marked(vec![id, MessageId([2; 16])], DeliveryStatus::Stored));
        assert_eq!(outbox.len(), 1);
        outbox.learn(&MessageNotice::Waiting { to: to.clone(), waiting: 0, next: Next::Nothing });
        assert_eq!(outbox.len(), 0);
    }
}
