//! What of the engine's notices becomes an event, and in which words.

use common::ident::{GroupName, MessageId, UserId};
use common::msg::PresenceStatus;
use serde_json::{Value, json};

use super::news::{self, Arrived, EventTold, Missed, News, What};
use super::refusals::vouched_at;
use super::results::{self, Mark, Record};
use crate::app::texts::{self, talk};
use peer_core::files::model::LeftOut;
use peer_core::model::{Conversation, DeliveryStatus, LinkWay, StoredMessage};
use peer_core::notice::{
    CallNotice, ContactNotice, DirectoryLoss, DirectoryNotice, EndedBy, FileNews, FileNotice, FileShown, GroupNews,
    KeyChange, LinkLoss, MessageNotice, Next, Notice, SessionNotice,
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
    "key_succeeded",
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
        Notice::Contact(ContactNotice::KeyChanged { of, how, since, old, new }) => {
            let (id, old, new) = (of.clone(), old.clone(), new.clone());
            let confirmed = *how == KeyChange::Confirmed;
            let succeeded = (*how != KeyChange::Unconfirmed).then(|| News::KeySucceeded { id: of.clone(), confirmed });
            let changed = News::KeyChanged { id, since: *since, old, new };
            succeeded.iter().chain([&changed]).map(|news| written(news, None)).collect()
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
            vec![written(&message(&Conversation::User(from.clone()), from, id, text, *date, false), None)]
        }
        MessageNotice::Arrived(arrivals) => arrivals
            .iter()
            .map(|a| written(&message(&a.conversation, &a.from, &a.id, &a.text, a.date, a.waited), None))
            .collect(),
        MessageNotice::Sent { ticket: None, record } => {
            let StoredMessage { name, text, date, .. } = record;
            vec![written(&message(&name.conversation, &name.author, &name.id, text, *date, false), None)]
        }
        MessageNotice::Sent { ticket: Some(ticket), record } => {
            let state = state(&record.name.conversation, &record.name.id, record.mark);
            vec![written(&state, ticket.reference.clone())]
        }
        MessageNotice::Marked { to, ids, mark: mark @ (DeliveryStatus::Delivered | DeliveryStatus::Read), .. } => ids
            .iter()
            .map(|id| written(&News::Receipt { msg: *id, from: to.to_string(), state: (*mark).into() }, None))
            .collect(),
        MessageNotice::Withdrawn { to, id, users, reason, .. } => {
            let missed = Some(Missed { reason: *reason, users: users.clone() });
            let told = News::MessageState { msg: *id, to: to.to_string(), state: Mark::Failed, missed };
            vec![written(&told, None)]
        }
        // Told with its reason, by `Withdrawn`.
        MessageNotice::Marked { mark: DeliveryStatus::Withdrawn(_), .. } => Vec::new(),
        MessageNotice::Marked { to, ids, mark, .. } => {
            ids.iter().map(|id| written(&state(to, id, *mark), None)).collect()
        }
        MessageNotice::Waiting { to, waiting, next } => {
            vec![written(&News::Outbox { to: to.to_string(), waiting: *waiting, next: next.into() }, None)]
        }
        MessageNotice::NoSuchUser { user, texts, .. } => {
            let (to, waiting, next) = (user.to_string(), *texts, news::Next::NoSuchUser);
            vec![written(&News::Outbox { to, waiting, next }, None)]
        }
        MessageNotice::Frozen { with, why } => vec![error(&texts::mail::frozen(with, why))],
        MessageNotice::Dropped { with, from, why } => vec![error(&texts::mail::dropped(with, from, why))],
        MessageNotice::Lost { count } => vec![error(&texts::mail::mail_lost(*count))],
        // Answers, which only whoever asked is told.
        MessageNotice::NotSent { .. }
        | MessageNotice::Again { .. }
        | MessageNotice::Readers { .. }
        | MessageNotice::NotFailed { .. }
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
        DirectoryNotice::Restored { again, groups } => {
            let groups: Vec<&GroupName> = groups.iter().map(|(group, _)| group).collect();
            Some(json!({"type": "server", "state": "restored", "again": again, "groups": groups}))
        }
        DirectoryNotice::Lost { retry_in, why } => {
            let why = match why {
                DirectoryLoss::Network => "network",
                DirectoryLoss::Unavailable => "unavailable",
                DirectoryLoss::Broken => "broken",
            };
            Some(json!({"type": "server", "state": "down", "retry_in": retry_in, "why": why}))
        }
        DirectoryNotice::Back => Some(json!({"type": "server", "state": "up"})),
        // Answers, which only whoever asked is told; and how a loss goes on, which is told once.
        DirectoryNotice::People { .. }
        | DirectoryNotice::NoPeople
        | DirectoryNotice::StillLost { .. }
        | DirectoryNotice::NotItself(_)
        | DirectoryNotice::Refused(_) => None,
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
        CallNotice::LinkLost { with, why, .. } => {
            let mut event = connection(with, "lost");
            event["why"] = match why {
                LinkLoss::Network => "network",
                LinkLoss::TheyBroke => "they_broke_a_rule",
                LinkLoss::WeBroke => "we_broke_a_rule",
                LinkLoss::Stalled => "stalled",
            }
            .into();
            Some(event)
        }
        CallNotice::Way { way: LinkWay::DirectIpv4 | LinkWay::DirectIpv6, vouched: None, .. } => None,
        CallNotice::Way { with, way, vouched } | CallNotice::Moved { with, way, vouched, .. } => {
            let mut event = connection(with, "way");
            event["way"] = talk::way_word(*way).into();
            if let Some(at) = vouched {
                event["vouched"] = vouched_at(*at).into();
            }
            Some(event)
        }
        // Answers, which only whoever asked is told.
        CallNotice::AskedNoMore { .. }
        | CallNotice::CallerRefused { .. }
        | CallNotice::Failed { .. }
        | CallNotice::ByMail { .. }
        | CallNotice::Offline { .. } => None,
    }
}

fn session_event(notice: &SessionNotice) -> Option<Value> {
    match notice {
        SessionNotice::NewTerminal => Some(error(texts::mail::NEW_TERMINAL)),
        SessionNotice::Forgot { messages } => Some(error(&texts::forgot(*messages))),
        // Answers, which only whoever asked is told.
        SessionNotice::StoreFailed { .. }
        | SessionNotice::FirstContact { .. }
        | SessionNotice::OlderVault { .. }
        | SessionNotice::Identified { .. }
        | SessionNotice::WouldForget { .. }
        | SessionNotice::InviteProved { .. }
        | SessionNotice::Registered { .. }
        | SessionNotice::RegisterRefused { .. }
        | SessionNotice::LoginRefused { .. }
        | SessionNotice::LoggedIn { .. }
        | SessionNotice::FormerPasscode
        | SessionNotice::PasscodeChanged
        | SessionNotice::KeyReplaced
        | SessionNotice::KeyTakenOver
        | SessionNotice::PasscodeProved
        | SessionNotice::TerminalNotRemoved(_)
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

/// News as the journal keeps them.
fn written(news: &News, reference: Option<String>) -> Value {
    let event = EventTold { news: news.clone(), seq: None, ts: None, reference };
    // Nothing in it can fail to be written.
    serde_json::to_value(event).unwrap_or_default()
}

fn message(at: &Conversation, from: &UserId, id: &MessageId, text: &str, date: u64, waited: bool) -> News {
    News::Message(Arrived {
        msg: *id,
        from: from.to_string(),
        at: at.to_string(),
        group: group_of(at),
        text: text.to_owned(),
        date,
        offline: waited,
        verified: None,
    })
}

fn group_of(at: &Conversation) -> Option<String> {
    if let Conversation::Group(group) = at { Some(group.to_string()) } else { None }
}

fn state(to: &Conversation, id: &MessageId, mark: DeliveryStatus) -> News {
    News::MessageState { msg: *id, to: to.to_string(), state: mark.into(), missed: None }
}

impl From<&Next> for news::Next {
    fn from(next: &Next) -> Self {
        match next {
            Next::Nothing => Self::Nothing,
            Next::Confirmation | Next::Existence => Self::Confirmation,
            Next::Directory | Next::Refused(_) => Self::Server,
            Next::Keys => Self::Keys,
            Next::Terminal => Self::Terminal,
            Next::Space => Self::Space,
            Next::Receiver => Self::Receiver,
            Next::KeyDecision => Self::KeyDecision,
            Next::Again => Self::Again,
        }
    }
}

/// A stored message, as `history` and `search` tell it.
pub(super) fn record(record: &StoredMessage) -> Record {
    let StoredMessage { name, text, date, mark, since, .. } = record;
    Record {
        msg: name.id,
        from: name.author.clone(),
        at: name.conversation.to_string(),
        group: group_of(&name.conversation),
        text: text.clone(),
        date: *date,
        state: (*mark).into(),
        state_since: *since,
    }
}

/// A file, as `file.list` and answers tell it.
pub(super) fn file_shown(file: &FileShown) -> results::File {
    let FileShown { number, id, with, ours, name, size, files, content, left_out, done, state, waits } = file.clone();
    let waits = waits.map(|waits| texts::files::waits_for_a_way(&with, &waits));
    let LeftOut { count: left_out, names: left_out_names } = *left_out;
    let outgoing = ours;
    results::File {
        file: number,
        id,
        with,
        outgoing,
        name,
        size,
        files,
        content,
        left_out,
        left_out_names,
        done,
        state,
        waits,
    }
}

/// News that came by themselves; of progress every whole percent, so that the journal stays short.
fn file_event(file: &FileShown, news: &FileNews) -> Option<Value> {
    let what = match news {
        FileNews::Offering | FileNews::OfferWaits | FileNews::Offered => What::Offer,
        FileNews::Progress { is_step: true } => What::Progress,
        FileNews::Saved { .. } | FileNews::Received => What::Done,
        FileNews::Refused | FileNews::NotTaken(_) | FileNews::TooLarge { .. } => What::Refused,
        FileNews::Withdrawn | FileNews::GivenUp => What::Cancelled,
        FileNews::Stopped { .. } | FileNews::NoWay(_) => What::Stopped,
        FileNews::DiskFull { .. } | FileNews::NotSaved { .. } => What::Paused,
        FileNews::Failed(_) => What::Failed,
        FileNews::Elsewhere => What::Elsewhere,
        FileNews::Progress { is_step: false }
        | FileNews::OfferedBefore
        | FileNews::Accepted
        | FileNews::Over
        | FileNews::NotThat => return None,
    };
    let mut event = news::FileNews { file: file_shown(file), what, path: None, message: None };
    match news {
        FileNews::Saved { path } => event.path = Some(path.to_string_lossy().into_owned()),
        FileNews::Stopped { done } => event.file.done = *done,
        FileNews::NoWay(_)
        | FileNews::DiskFull { .. }
        | FileNews::NotSaved { .. }
        | FileNews::Failed(_)
        | FileNews::NotTaken(_)
        | FileNews::TooLarge { .. } => {
            event.message = Some(texts::files::news(file, news, None).trim_start_matches("-- ").to_owned());
        }
        FileNews::Offering
        | FileNews::OfferWaits
        | FileNews::OfferedBefore
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
    Some(written(&News::File(event), None))
}

/// News that came by themselves, and that a wish waits; what answers a wish of this user only is told to who wished.
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
        GroupNews::Lost => event("lost", None),
        GroupNews::AskedBack { .. } => event("asked_back", None),
        GroupNews::Invited { by } => event("invited", Some(by)),
        GroupNews::NotLetIn { by, .. } => event("not_let_in", Some(by)),
        GroupNews::Unverified { users, .. } => event("unverified", users.first()),
        GroupNews::FoundedAnew { by, without } => {
            Some(json!({"type": "group", "group": group, "what": "founded_anew", "user": by, "left": without}))
        }
        GroupNews::FoundedAgain { by, members, admins, without, .. } => Some(json!({
            "type": "group", "group": group, "what": "founded_anew", "user": by, "left": without, "members": members, "admins": admins,
        })),
        GroupNews::Postponed { after } => {
            Some(json!({"type": "group", "group": group, "what": "postponed", "user": null, "after": after}))
        }
        GroupNews::Removed { by } => event("removed", Some(by)),
        GroupNews::NewAdmin { user } => event("admin", Some(user)),
        GroupNews::Changed { by, joined, left } => Some(
            json!({"type": "group", "group": group, "what": "changed", "user": by, "joined": joined, "left": left}),
        ),
        GroupNews::NameTaken
        | GroupNews::NameReserved
        | GroupNews::NoSuchGroup
        | GroupNews::Members { .. }
        | GroupNews::NotAdmin { .. }
        | GroupNews::NotAMember
        | GroupNews::NotThere { .. }
        | GroupNews::AlreadyMember { .. }
        | GroupNews::NoTerminal { .. }
        | GroupNews::Returning
        | GroupNews::LastAdmin
        | GroupNews::AnotherGroup { .. }
        | GroupNews::NotAllowed { .. }
        | GroupNews::StandsBefore { .. }
        | GroupNews::DirectoryLost
        | GroupNews::Refused(_)
        | GroupNews::Done => None,
    }
}

#[cfg(test)]
mod tests;
