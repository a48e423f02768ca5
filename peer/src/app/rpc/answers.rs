//! Which notice answers which request, and how.

use std::path::PathBuf;

use common::ident::{GroupName, UserId};
use serde_json::{Value, json};

use super::events::{file_shown, record};
use super::wire::RpcError;
use crate::app::exit;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{self, files, mail, passcode};
use peer_core::command::{GroupWish, KeyDecision};
use peer_core::model::{Conversation, DeliveryStatus};
use peer_core::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryNotice, FileNews, FileNotice, GroupNews, JournalNotice, KeyState,
    ListedGroup, MessageNotice, NotChanged, NotSent, Notice, Person, Role, SessionNotice,
};

/// What a request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Await {
    List,
    Call(UserId),
    /// A message; `linked`: a direct connection stood when it was sent.
    Sent {
        linked: bool,
    },
    History(Conversation),
    Search {
        limit: usize,
    },
    Group {
        group: GroupName,
        wish: GroupWish,
    },
    /// A file that is offered.
    Offer {
        to: UserId,
        path: PathBuf,
    },
    /// A wish about the file of this number.
    File(u64),
    Files,
    Number(UserId),
    Confirmed {
        of: UserId,
        verified: bool,
    },
    Block(UserId),
    Unblock(UserId),
    Passcode,
    Acknowledged(String),
}

/// The answer that a notice gives; nothing if it is about something else.
pub(super) fn answer(awaited: &Await, notice: &Notice) -> Option<Result<Value, RpcError>> {
    let out_of_reach = || RpcError::of(exit::SERVER_UNREACHABLE, plain(mail::OUT_OF_REACH));
    Some(match (awaited, notice) {
        (Await::List, Notice::Directory(DirectoryNotice::People { people, groups })) => Ok(list(people, groups)),
        (Await::List | Await::History(Conversation::Everyone), Notice::Directory(DirectoryNotice::NoPeople)) => {
            Err(out_of_reach())
        }
        (
            Await::List | Await::History(_) | Await::Group { .. },
            Notice::Directory(DirectoryNotice::TooFast { retry_after }),
        ) => Err(too_fast(*retry_after)),
        (
            Await::Call(to),
            Notice::Call(CallNotice::Established { with }) | Notice::Call(CallNotice::Received { from: with }),
        ) if to == with => Ok(json!({ "conn": with, "state": "established" })),
        (Await::Call(to), Notice::Call(CallNotice::Offline { with })) if to == with => {
            Err(RpcError::of(exit::OFFLINE, format!("{to} is offline.")))
        }
        (Await::Call(to), Notice::Call(CallNotice::Failed { to: whom, why })) if to == whom => {
            Err(call_failed(to, why))
        }
        (Await::Call(to), Notice::Contact(ContactNotice::KeyChanged { of, since, old, new })) if to == of => {
            Err(key_changed(of, *since, old, new))
        }
        (Await::Sent { linked }, Notice::Message(MessageNotice::Sent { ticket: Some(_), record })) => {
            let state = if *linked || record.mark != DeliveryStatus::Queued { "sent" } else { "queued" };
            Ok(json!({ "msg": record.name.id, "state": state }))
        }
        (Await::Sent { .. }, Notice::Message(MessageNotice::NotSent { to, text, why, .. })) => {
            Err(RpcError::of(not_sent(why), plain(&mail::not_sent(to, text, why))))
        }
        (Await::History(with), Notice::Message(MessageNotice::History { with: told, records, .. })) if with == told => {
            Ok(records.iter().map(record).collect())
        }
        (Await::Search { limit }, Notice::Message(MessageNotice::Found { records, .. })) => {
            Ok(records.iter().take(*limit).map(record).collect())
        }
        (Await::Group { group, wish }, Notice::Group { group: told, news }) if group == told => {
            return group_answer(group, wish, news);
        }
        (Await::Offer { to, .. }, Notice::File(FileNotice::News { file, news: FileNews::Offering { .. } }))
            if *to == file.with =>
        {
            Ok(file_shown(file))
        }
        (Await::Offer { path, .. }, Notice::File(FileNotice::NotRead { path: told, detail })) if path == told => {
            Err(RpcError::of(exit::IO, plain(&files::not_read(path, detail))))
        }
        (Await::Offer { to, .. }, Notice::File(FileNotice::NotOffered { to: told, name, why })) if to == told => {
            Err(RpcError::of(exit::REFUSED, plain(&files::not_offered(to, name, *why))))
        }
        (Await::File(number), Notice::File(FileNotice::News { file, news })) if *number == file.number => match news {
            FileNews::Accepted | FileNews::GivenUp => Ok(file_shown(file)),
            FileNews::Over | FileNews::NotThat => Err(RpcError::of(exit::REFUSED, plain(&files::news(file, news)))),
            FileNews::Offering { .. }
            | FileNews::Offered
            | FileNews::Progress { .. }
            | FileNews::Saved { .. }
            | FileNews::Received
            | FileNews::Refused
            | FileNews::Withdrawn
            | FileNews::Stopped { .. }
            | FileNews::NotSaved { .. }
            | FileNews::DiskFull { .. }
            | FileNews::Failed(_)
            | FileNews::TooLarge { .. }
            | FileNews::Elsewhere => return None,
        },
        (Await::File(number), Notice::File(FileNotice::Unknown { number: told })) if number == told => {
            Err(RpcError::params(plain(&files::unknown(*number))))
        }
        (Await::Files, Notice::File(FileNotice::All(all))) => Ok(all.iter().map(file_shown).collect()),
        (Await::Number(of), Notice::Contact(ContactNotice::SafetyNumber { with, digits, verified })) if of == with => {
            let digits: Vec<&str> = digits.split_whitespace().collect();
            Ok(json!({ "id": with, "digits": digits, "verified": verified }))
        }
        (Await::Number(of) | Await::Block(of), Notice::Call(CallNotice::Failed { to, .. })) if of == to => {
            Err(RpcError::of(exit::UNKNOWN_USER, plain(&talk::no_key(of))))
        }
        (
            Await::Confirmed { of, verified },
            Notice::Contact(ContactNotice::NumberConfirmed { with, verified: told }),
        ) if of == with => {
            if verified == told {
                Ok(json!({ "id": with, "verified": told }))
            } else {
                let why =
                    format!("The digits are not the number of {of} now. Nothing was changed; verify.number tells it.");
                Err(RpcError::of(exit::REFUSED, why))
            }
        }
        (Await::Block(of), Notice::Contact(ContactNotice::KeyDecided { of: told, decision: KeyDecision::Block }))
            if of == told =>
        {
            Ok(json!({}))
        }
        (Await::Unblock(of), Notice::Contact(ContactNotice::Unblocked { user })) if of == user => Ok(json!({})),
        (Await::Acknowledged(_), Notice::Session(SessionNotice::NotKept { detail })) => {
            Err(RpcError::of(exit::IO, plain(&texts::not_kept(detail))))
        }
        (Await::Passcode, Notice::Session(SessionNotice::PasscodeChanged)) => Ok(json!({})),
        (Await::Passcode, Notice::Session(SessionNotice::PasscodeNotChanged(why))) => Err(not_changed(*why)),
        (Await::Acknowledged(name), Notice::Journal(JournalNotice::Acknowledged { name: told, .. }))
            if name == told =>
        {
            Ok(json!({}))
        }
        _ => return None,
    })
}

/// A text of the catalogue without the mark that sets it apart from messages on a screen.
fn plain(text: &str) -> &str {
    text.trim_start_matches("-- ")
}

fn too_fast(retry_after: u64) -> RpcError {
    RpcError::of(exit::NOT_PERMITTED, plain(&texts::too_fast(retry_after))).with("retry_after", retry_after)
}

fn key_changed(of: &UserId, since: u64, old: &str, new: &str) -> RpcError {
    let [warning, ..] = talk::key_changed(of, since, old, new);
    RpcError::of(exit::KEY_CHANGED, warning).with("old", old).with("new", new)
}

fn call_failed(to: &UserId, why: &CallFailed) -> RpcError {
    let code = match why {
        CallFailed::NotFound => exit::UNKNOWN_USER,
        CallFailed::Refused | CallFailed::Unavailable | CallFailed::Yourself | CallFailed::Blocked => exit::REFUSED,
        CallFailed::NoAnswer { .. } => exit::TIMEOUT,
        CallFailed::WrongKey => exit::KEY_CHANGED,
        CallFailed::DirectoryLost => exit::SERVER_UNREACHABLE,
    };
    RpcError::of(code, talk::call_failed(to, why, Acquaintance::Stranger))
}

fn not_sent(why: &NotSent) -> i32 {
    match why {
        NotSent::NotAMember | NotSent::Blocked | NotSent::Yourself => exit::REFUSED,
        NotSent::TooLong => exit::USAGE,
        NotSent::DirectoryLost => exit::SERVER_UNREACHABLE,
        NotSent::TooFast { .. } => exit::NOT_PERMITTED,
    }
}

fn not_changed(why: NotChanged) -> RpcError {
    let code = match why {
        NotChanged::Meanwhile => exit::REFUSED,
        NotChanged::TooFast { .. } => exit::NOT_PERMITTED,
        NotChanged::DirectoryLost | NotChanged::Unsure => exit::SERVER_UNREACHABLE,
    };
    RpcError::of(code, plain(&passcode::not_changed(why)))
}

/// The answer to a wish about a group; nothing where this is news of something else.
fn group_answer(group: &GroupName, wish: &GroupWish, news: &GroupNews) -> Option<Result<Value, RpcError>> {
    let done = |state: &str| Some(Ok(json!({ "group": group.to_string(), "state": state })));
    let code = match (news, wish) {
        (GroupNews::Created, GroupWish::Create) => return done("created"),
        (GroupNews::Asked, GroupWish::Join) => return done("asked"),
        (GroupNews::Left, GroupWish::Leave) => return done("left"),
        (GroupNews::Changed { joined, .. }, GroupWish::Approve(user)) if joined.contains(user) => return done("done"),
        (GroupNews::Changed { left, .. }, GroupWish::Remove(user)) if left.contains(user) => return done("done"),
        (GroupNews::NewAdmin { user: new }, GroupWish::Admin(user)) if new == user => return done("done"),
        (GroupNews::Done, GroupWish::Approve(_) | GroupWish::Deny(_) | GroupWish::Remove(_) | GroupWish::Admin(_)) => {
            return done("done");
        }
        (GroupNews::Members { members, waiting }, GroupWish::Members) => {
            let members: Vec<Value> =
                members.iter().map(|(user, role)| json!({ "id": user, "admin": *role == Role::Admin })).collect();
            let told = json!({ "group": group.to_string(), "state": "member", "members": members, "waiting": waiting });
            return Some(Ok(told));
        }
        (GroupNews::NotAdmin { .. }, _) => exit::NOT_PERMITTED,
        (GroupNews::NoSuchGroup, GroupWish::Join) => exit::UNKNOWN_USER,
        (GroupNews::NameTaken, GroupWish::Create)
        | (GroupNews::NoTerminal { .. }, GroupWish::Approve(_))
        | (
            GroupNews::NotAMember
            | GroupNews::NotThere { .. }
            | GroupNews::AlreadyMember { .. }
            | GroupNews::Returning
            | GroupNews::LastAdmin,
            _,
        ) => exit::REFUSED,
        (GroupNews::DirectoryLost, _) => exit::SERVER_UNREACHABLE,
        (
            GroupNews::Created
            | GroupNews::Asked
            | GroupNews::Left
            | GroupNews::Done
            | GroupNews::Members { .. }
            | GroupNews::NoSuchGroup
            | GroupNews::NameTaken
            | GroupNews::NoTerminal { .. }
            | GroupNews::Request { .. }
            | GroupNews::Joined { .. }
            | GroupNews::Declined
            | GroupNews::Removed { .. }
            | GroupNews::Changed { .. }
            | GroupNews::NewAdmin { .. },
            _,
        ) => return None,
    };
    let told = mail::group(group, news);
    Some(Err(RpcError::of(code, plain(told.first().map_or("", String::as_str)))))
}

fn list(people: &[Person], groups: &[ListedGroup]) -> Value {
    let people = people.iter().map(|person| {
        let state = match (person.online_since, &person.away) {
            (None, _) => "offline",
            (Some(_), None) => "online",
            (Some(_), Some(_)) => "away",
        };
        json!({
            "id": person.user, "kind": "user", "state": state, "since": person.online_since, "away": person.away,
            "unread": person.unread, "verified": person.key == KeyState::Verified, "key": key_word(person.key)
        })
    });
    let groups = groups.iter().map(|group| {
        json!({
            "id": group.group.to_string(), "kind": "group", "members": group.members, "online": group.online,
            "admins": group.admins, "unread": group.unread, "waiting": group.waiting
        })
    });
    people.chain(groups).collect()
}

fn key_word(key: KeyState) -> &'static str {
    match key {
        KeyState::Verified => "verified",
        KeyState::NotVerified => "not_verified",
        KeyState::Changed => "changed",
        KeyState::Blocked => "blocked",
    }
}
