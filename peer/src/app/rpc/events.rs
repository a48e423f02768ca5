//! What of the engine's notices becomes an event, and in which words.

use common::ident::{MessageId, UserId};
use common::msg::PresenceStatus;
use serde_json::{Value, json};

use crate::app::texts;
use peer_core::model::{Conversation, DeliveryStatus, StoredMessage};
use peer_core::notice::{
    CallNotice, ContactNotice, DirectoryNotice, EndedBy, FileNews, FileNotice, FileShown, GroupNews, MessageNotice,
    Next, Notice, SessionNotice,
};

/// The types of events, as `hello` tells them.
pub(super) const TYPES: &[&str] = &[
    "ready",
    "presence",
    "connection",
    "message",
    "message_state",
    "receipt",
    "outbox",
    "group",
    "file",
    "key_changed",
    "server",
    "overflow",
    "error",
    "bye",
];

/// The events of a notice, without number and time.
pub(crate) fn event_filter(notice: &Notice) -> Vec<String> {
    events(notice).iter().map(Value::to_string).collect()
}

fn events(notice: &Notice) -> Vec<Value> {
    match notice {
        Notice::Message(notice) => message_events(notice),
        Notice::Directory(notice) => directory_event(notice).into_iter().collect(),
        Notice::Call(notice) => call_event(notice).into_iter().collect(),
        Notice::Group { group, news } => group_event(&group.to_string(), news).into_iter().collect(),
        Notice::File(FileNotice::News { file, news }) => file_event(file, news).into_iter().collect(),
        Notice::Contact(ContactNotice::KeyChanged { of, since, old, new }) => {
            vec![json!({"type": "key_changed", "id": of, "since": since, "old": old, "new": new})]
        }
        Notice::Session(notice) => session_event(notice).into_iter().collect(),
        // Answers, which only whoever asked is told.
        Notice::File(
            FileNotice::All(_)
            | FileNotice::Unknown { .. }
            | FileNotice::NotRead { .. }
            | FileNotice::NotOffered { .. },
        )
        | Notice::Contact(
            ContactNotice::Unblocked { .. }
            | ContactNotice::SafetyNumber { .. }
            | ContactNotice::NumberConfirmed { .. }
            | ContactNotice::KeyDecided { .. },
        )
        | Notice::Journal(_) => Vec::new(),
    }
}

fn message_events(notice: &MessageNotice) -> Vec<Value> {
    match notice {
        MessageNotice::Text { from, text, id, date } => {
            vec![message(&Conversation::User(from.clone()), from.as_str(), id, text, *date, false)]
        }
        MessageNotice::Arrived(arrivals) => arrivals
            .iter()
            .map(|a| message(&a.conversation, a.from.as_str(), &a.id, &a.text, a.date, a.waited))
            .collect(),
        MessageNotice::Sent { ticket: None, record } => {
            let StoredMessage { name, text, date, .. } = record;
            vec![message(&name.conversation, name.author.as_str(), &name.id, text, *date, false)]
        }
        MessageNotice::Sent { ticket: Some(ticket), record } => {
            let mut event = state(&record.name.conversation, &record.name.id, record.mark);
            if let (Value::Object(event), Some(reference)) = (&mut event, &ticket.reference) {
                event.insert("ref".to_owned(), reference.as_str().into());
            }
            vec![event]
        }
        MessageNotice::Marked { to, ids, mark: mark @ (DeliveryStatus::Delivered | DeliveryStatus::Read), .. } => ids
            .iter()
            .map(|id| json!({"type": "receipt", "msg": id, "from": to.to_string(), "state": mark_word(*mark)}))
            .collect(),
        MessageNotice::Marked { to, ids, mark, .. } => ids.iter().map(|id| state(to, id, *mark)).collect(),
        MessageNotice::Waiting { to, waiting, next } => {
            vec![json!({"type": "outbox", "to": to.to_string(), "waiting": waiting, "next": next_word(next)})]
        }
        MessageNotice::Frozen { with, why } => vec![error(&texts::mail::frozen(with, why))],
        MessageNotice::Lost { count } => vec![error(&texts::mail::mail_lost(*count))],
        // Answers, which only whoever asked is told.
        MessageNotice::NotSent { .. }
        | MessageNotice::Explained { .. }
        | MessageNotice::History { .. }
        | MessageNotice::Found { .. } => Vec::new(),
    }
}

fn directory_event(notice: &DirectoryNotice) -> Option<Value> {
    match notice {
        DirectoryNotice::Presence { user, status, text } => {
            let state = match status {
                PresenceStatus::Online => "online",
                PresenceStatus::Away => "away",
                PresenceStatus::Offline | PresenceStatus::Other => "offline",
            };
            Some(json!({"type": "presence", "id": user, "state": state, "text": text}))
        }
        DirectoryNotice::Lost { retry_in } => Some(json!({"type": "server", "state": "down", "retry_in": retry_in})),
        DirectoryNotice::Back => Some(json!({"type": "server", "state": "up"})),
        // Answers, which only whoever asked is told.
        DirectoryNotice::People { .. }
        | DirectoryNotice::NoPeople
        | DirectoryNotice::NotItself(_)
        | DirectoryNotice::TooFast { .. } => None,
    }
}

fn call_event(notice: &CallNotice) -> Option<Value> {
    let connection = |id: &UserId, state: &str| json!({"type": "connection", "id": id, "state": state});
    match notice {
        CallNotice::Asked { from } => Some(connection(from, "asked")),
        CallNotice::Received { from } => Some(connection(from, "incoming")),
        CallNotice::Established { with } => Some(connection(with, "established")),
        CallNotice::Ended { with, by } => {
            let mut event = connection(with, "ended");
            event["by"] = if *by == EndedBy::Us { "us" } else { "them" }.into();
            Some(event)
        }
        CallNotice::LinkLost { with, .. } => Some(connection(with, "lost")),
        // Answers, which only whoever asked is told.
        CallNotice::AskedNoMore { .. }
        | CallNotice::CallerRefused { .. }
        | CallNotice::Failed { .. }
        | CallNotice::Offline { .. } => None,
    }
}

fn session_event(notice: &SessionNotice) -> Option<Value> {
    match notice {
        SessionNotice::NotKept { detail } => Some(error(&texts::not_kept(detail))),
        SessionNotice::NewTerminal => Some(error(texts::mail::NEW_TERMINAL)),
        // Answers, which only whoever asked is told.
        SessionNotice::FirstContact { .. }
        | SessionNotice::Identified { .. }
        | SessionNotice::InviteProved { .. }
        | SessionNotice::Registered { .. }
        | SessionNotice::RegisterRefused { .. }
        | SessionNotice::LoginRefused { .. }
        | SessionNotice::LoggedIn { .. }
        | SessionNotice::FormerPasscode
        | SessionNotice::PasscodeChanged
        | SessionNotice::PasscodeNotChanged(_)
        | SessionNotice::AlsoElsewhere { .. }
        | SessionNotice::Terminals { .. }
        | SessionNotice::LoggedOut { .. }
        | SessionNotice::Failed(_) => None,
    }
}

fn error(text: &str) -> Value {
    json!({"type": "error", "message": text.trim_start_matches("-- ")})
}

fn message(at: &Conversation, from: &str, id: &MessageId, text: &str, date: u64, waited: bool) -> Value {
    json!({
        "type": "message", "msg": id, "from": from, "in": at.to_string(), "group": group_of(at),
        "text": text, "date": date, "offline": waited
    })
}

fn group_of(at: &Conversation) -> Option<String> {
    if let Conversation::Group(group) = at { Some(group.to_string()) } else { None }
}

fn state(to: &Conversation, id: &MessageId, mark: DeliveryStatus) -> Value {
    json!({"type": "message_state", "msg": id, "to": to.to_string(), "state": mark_word(mark)})
}

/// The word for what a message waits for.
fn next_word(next: &Next) -> &'static str {
    match next {
        Next::Nothing => "nothing",
        Next::Confirmation => "confirmation",
        Next::Directory => "server",
        Next::Keys => "keys",
        Next::Terminal => "terminal",
        Next::Space => "space",
        Next::Receiver => "receiver",
        Next::KeyDecision => "key_decision",
    }
}

/// The word for how far a message has come.
pub(super) fn mark_word(mark: DeliveryStatus) -> &'static str {
    match mark {
        DeliveryStatus::Received { read: false } => "unread",
        DeliveryStatus::Received { read: true } | DeliveryStatus::Read => "read",
        DeliveryStatus::Queued => "queued",
        DeliveryStatus::Stored => "stored",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Failed => "failed",
    }
}

/// A stored message, as `history` and `search` tell it.
pub(super) fn record(record: &StoredMessage) -> Value {
    let StoredMessage { name, text, date, mark, since, .. } = record;
    json!({
        "msg": name.id, "from": name.author, "in": name.conversation.to_string(), "group": group_of(&name.conversation),
        "text": text, "date": date, "state": mark_word(*mark), "state_since": since
    })
}

/// A file, as `file.list` and answers tell it.
pub(super) fn file_shown(file: &FileShown) -> Value {
    let FileShown { number, id, with, ours, name, size, files, done, state } = file;
    json!({
        "file": number, "id": id, "with": with, "outgoing": ours, "name": name, "size": size, "files": files,
        "done": done, "state": state
    })
}

/// News that came by themselves; of progress every whole percent, so that the journal stays short.
fn file_event(file: &FileShown, news: &FileNews) -> Option<Value> {
    let what = match news {
        FileNews::Offering { .. } | FileNews::Offered => "offer",
        FileNews::Progress { is_step: true } => "progress",
        FileNews::Saved { .. } | FileNews::Received => "done",
        FileNews::Refused | FileNews::TooLarge { .. } => "refused",
        FileNews::Withdrawn | FileNews::GivenUp => "cancelled",
        FileNews::Stopped { .. } => "stopped",
        FileNews::DiskFull { .. } | FileNews::NotSaved { .. } => "paused",
        FileNews::Failed(_) => "failed",
        FileNews::Elsewhere => "elsewhere",
        FileNews::Progress { is_step: false } | FileNews::Accepted | FileNews::Over | FileNews::NotThat => return None,
    };
    let mut event = file_shown(file);
    if let Value::Object(event) = &mut event {
        event.insert("type".to_owned(), "file".into());
        event.insert("what".to_owned(), what.into());
        match news {
            FileNews::Saved { path } => drop(event.insert("path".to_owned(), path.to_string_lossy().into())),
            FileNews::Stopped { done } => drop(event.insert("done".to_owned(), (*done).into())),
            FileNews::DiskFull { .. } | FileNews::NotSaved { .. } | FileNews::Failed(_) | FileNews::TooLarge { .. } => {
                let text = texts::files::news(file, news);
                event.insert("message".to_owned(), text.trim_start_matches("-- ").into());
            }
            FileNews::Offering { .. }
            | FileNews::Offered
            | FileNews::Accepted
            | FileNews::Progress { .. }
            | FileNews::Received
            | FileNews::Refused
            | FileNews::Withdrawn
            | FileNews::GivenUp
            | FileNews::Elsewhere
            | FileNews::Over
            | FileNews::NotThat => {}
        }
    }
    Some(event)
}

/// News that came by themselves; what answers a wish of this user only is told to who wished.
fn group_event(group: &str, news: &GroupNews) -> Option<Value> {
    let event =
        |what: &str, user: Option<&UserId>| Some(json!({"type": "group", "group": group, "what": what, "user": user}));
    match news {
        GroupNews::Created => event("created", None),
        GroupNews::Asked => event("asked", None),
        GroupNews::Request { user } => event("request", Some(user)),
        GroupNews::Joined { .. } => event("joined", None),
        GroupNews::Declined => event("denied", None),
        GroupNews::Left => event("left", None),
        GroupNews::Removed { by } => event("removed", Some(by)),
        GroupNews::NewAdmin { user } => event("admin", Some(user)),
        GroupNews::Changed { by, joined, left } => Some(
            json!({"type": "group", "group": group, "what": "changed", "user": by, "joined": joined, "left": left}),
        ),
        GroupNews::NameTaken
        | GroupNews::NoSuchGroup
        | GroupNews::Members { .. }
        | GroupNews::NotAdmin { .. }
        | GroupNews::NotAMember
        | GroupNews::NotThere { .. }
        | GroupNews::AlreadyMember { .. }
        | GroupNews::NoTerminal { .. }
        | GroupNews::Returning
        | GroupNews::LastAdmin
        | GroupNews::DirectoryLost
        | GroupNews::Done => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peer_core::command::Ticket;
    use peer_core::model::MessageKey;

    #[test]
    fn every_event_has_a_type_that_hello_tells() {
        let user = UserId::parse("bianca").unwrap();
        let name = MessageKey { conversation: Conversation::Everyone, author: user.clone(), id: MessageId([7; 16]) };
        let record =
            StoredMessage { name, text: "hi".into(), date: 1, arrived: 1, mark: DeliveryStatus::Queued, since: 1 };
        let ticket = Some(Ticket { number: 1, reference: Some("job".into()) });
        let notices = [
            Notice::Message(MessageNotice::Text {
                from: user.clone(),
                text: "hi".into(),
                id: MessageId([7; 16]),
                date: 1,
            }),
            Notice::Message(MessageNotice::Sent { ticket, record: record.clone() }),
            Notice::Message(MessageNotice::Sent { ticket: None, record }),
            Notice::Message(MessageNotice::Marked {
                to: Conversation::Everyone,
                ids: vec![MessageId([7; 16])],
                mark: DeliveryStatus::Stored,
                late: false,
            }),
            Notice::Message(MessageNotice::Marked {
                to: Conversation::Everyone,
                ids: vec![MessageId([7; 16])],
                mark: DeliveryStatus::Read,
                late: false,
            }),
            Notice::Call(CallNotice::Asked { from: user.clone() }),
            Notice::Contact(ContactNotice::KeyChanged { of: user, since: 0, old: "1".into(), new: "2".into() }),
            Notice::Directory(DirectoryNotice::Back),
            Notice::Message(MessageNotice::Lost { count: 1 }),
        ];
        for notice in &notices {
            let told = events(notice);
            assert_eq!(told.len(), 1, "{notice:?}");
            assert!(TYPES.contains(&told[0]["type"].as_str().unwrap()), "{told:?}");
        }
        assert_eq!(events(&notices[1])[0]["ref"], "job");
        assert_eq!(events(&Notice::Directory(DirectoryNotice::NoPeople)), Vec::<Value>::new());
    }
}
