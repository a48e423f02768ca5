//! Which notice answers which request, and how.

use std::path::PathBuf;

use common::ident::{GroupName, UserId};
use common::msg::CommitRefusal;
use serde_json::{Value, json};

use super::events::{file_shown, record};
use super::refusals::{call_failed, key_changed, not_changed, not_offered, not_sent, plain, refused, vouched_at};
use super::results::{Availability, Done, Listed, Reply, SafetyNumber, Sent, SentState};
use super::wire::RpcError;
use crate::app::exit;
use crate::app::texts::{self, files, groups, local_commands, mail, talk};
use peer_core::command::{GroupWish, KeyDecision};
use peer_core::model::{Conversation, DeliveryStatus};
use peer_core::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryNotice, FileNews, FileNotice, FileShown, GroupNews, JournalNotice,
    KeyState, ListedGroup, MessageNotice, Notice, Person, Role, SessionNotice,
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
    /// A message that has failed, sent again.
    Again,
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
pub(super) fn answer(awaited: &Await, notice: &Notice) -> Option<Result<Reply, RpcError>> {
    match notice {
        Notice::Directory(notice) => directory_answer(awaited, notice),
        Notice::Call(notice) => call_answer(awaited, notice),
        Notice::Message(notice) => message_answer(awaited, notice),
        Notice::Group { group: told, news } => {
            let Await::Group { group, wish } = awaited else { return None };
            if group == told { group_answer(group, wish, news) } else { None }
        }
        Notice::File(notice) => file_answer(awaited, notice),
        Notice::Contact(notice) => contact_answer(awaited, notice),
        Notice::Session(notice) => session_answer(awaited, notice),
        Notice::Journal(JournalNotice::Acknowledged { name: told, .. }) => {
            matches!(awaited, Await::Acknowledged(name) if name == told).then(|| Ok(Done {}.into()))
        }
        Notice::Journal(JournalNotice::Journaled(_) | JournalNotice::Replayed { .. }) => None,
    }
}

fn directory_answer(awaited: &Await, notice: &DirectoryNotice) -> Option<Result<Reply, RpcError>> {
    match notice {
        DirectoryNotice::People { people, groups } => {
            matches!(awaited, Await::List).then(|| Ok(Reply::Listed(list(people, groups))))
        }
        DirectoryNotice::NoPeople => matches!(awaited, Await::List | Await::History(Conversation::Everyone))
            .then(|| Err(RpcError::of(exit::SERVER_UNREACHABLE, plain(mail::OUT_OF_REACH)))),
        DirectoryNotice::Refused(why) => {
            matches!(awaited, Await::List | Await::History(_) | Await::Group { .. }).then(|| Err(refused(*why)))
        }
        DirectoryNotice::Presence { .. }
        | DirectoryNotice::Lost { .. }
        | DirectoryNotice::Back
        | DirectoryNotice::Restored { .. }
        | DirectoryNotice::StillLost { .. }
        | DirectoryNotice::NotItself(_) => None,
    }
}

fn call_answer(awaited: &Await, notice: &CallNotice) -> Option<Result<Reply, RpcError>> {
    let is_to = |user: &UserId| matches!(awaited, Await::Call(to) if to == user);
    match notice {
        // Said right behind `Established`, or `Received` where both called.
        CallNotice::Way { with, way, vouched } => is_to(with).then(|| {
            let mut reply = json!({ "conn": with, "state": "established", "way": talk::way_word(*way) });
            if let Some(at) = vouched {
                reply["vouched"] = vouched_at(*at).into();
            }
            Ok(reply.into())
        }),
        CallNotice::Offline { with } => {
            is_to(with).then(|| Err(RpcError::of(exit::OFFLINE, format!("{with} is offline."))))
        }
        CallNotice::ByMail { with: to, why } | CallNotice::Failed { to, why } if is_to(to) => {
            Some(Err(call_failed(to, why)))
        }
        CallNotice::Failed { to, why } => {
            let unknown = || RpcError::of(exit::UNKNOWN_USER, plain(&talk::no_key(to)));
            let error = || if *why == CallFailed::NotFound { unknown() } else { call_failed(to, why) };
            matches!(awaited, Await::Number(of) | Await::Block(of) if of == to).then(|| Err(error()))
        }
        CallNotice::Established { .. }
        | CallNotice::Received { .. }
        | CallNotice::Moved { .. }
        | CallNotice::ByMail { .. }
        | CallNotice::Asked { .. }
        | CallNotice::AskedNoMore { .. }
        | CallNotice::CallerRefused { .. }
        | CallNotice::Ended { .. }
        | CallNotice::LinkLost { .. } => None,
    }
}

fn message_answer(awaited: &Await, notice: &MessageNotice) -> Option<Result<Reply, RpcError>> {
    match (awaited, notice) {
        (Await::Sent { linked }, MessageNotice::Sent { ticket: Some(_), record }) => {
            let state =
                if *linked || record.mark != DeliveryStatus::Queued { SentState::Sent } else { SentState::Queued };
            Some(Ok(Sent { msg: record.name.id, state }.into()))
        }
        (Await::Sent { .. }, MessageNotice::NotSent { to, text, why, .. }) => {
            Some(Err(not_sent(why, &mail::not_sent(to, text, why))))
        }
        (Await::Again, MessageNotice::Again { id, .. }) => Some(Ok(Sent { msg: *id, state: SentState::Queued }.into())),
        (Await::Again, MessageNotice::Readers { to, text, users, .. }) => {
            let error = RpcError::of(exit::REFUSED, plain(&mail::readers(to, text, users)));
            Some(Err(error.with("readers", json!(users))))
        }
        (Await::Again, MessageNotice::NotFailed { .. }) => {
            Some(Err(RpcError::params(plain(local_commands::NOTHING_TO_RETRY))))
        }
        (Await::History(with), MessageNotice::History { with: told, records, .. }) => {
            (with == told).then(|| Ok(Reply::Records(records.iter().map(record).collect())))
        }
        (Await::Search { limit }, MessageNotice::Found { records, .. }) => {
            Some(Ok(Reply::Records(records.iter().take(*limit).map(record).collect())))
        }
        (Await::Group { group, .. }, MessageNotice::Frozen { with: Conversation::Group(frozen), why }) => {
            let with = Conversation::Group(frozen.clone());
            (group == frozen).then(|| Err(RpcError::of(exit::REFUSED, mail::frozen(&with, why))))
        }
        (
            _,
            MessageNotice::Text { .. }
            | MessageNotice::Arrived(_)
            | MessageNotice::Sent { .. }
            | MessageNotice::NotSent { .. }
            | MessageNotice::NoSuchUser { .. }
            | MessageNotice::Marked { .. }
            | MessageNotice::Withdrawn { .. }
            | MessageNotice::Again { .. }
            | MessageNotice::Readers { .. }
            | MessageNotice::NotFailed { .. }
            | MessageNotice::Waiting { .. }
            | MessageNotice::Explained { .. }
            | MessageNotice::History { .. }
            | MessageNotice::Found { .. }
            | MessageNotice::Frozen { .. }
            | MessageNotice::Dropped { .. }
            | MessageNotice::Lost { .. },
        ) => None,
    }
}

fn file_answer(awaited: &Await, notice: &FileNotice) -> Option<Result<Reply, RpcError>> {
    match (awaited, notice) {
        (
            Await::Offer { to, .. },
            FileNotice::News { file, news: FileNews::Offering | FileNews::OfferWaits | FileNews::OfferedBefore },
        ) => (*to == file.with).then(|| Ok(file_shown(file).into())),
        (Await::Offer { path, .. }, FileNotice::NotRead { path: told, detail }) => {
            (path == told).then(|| Err(RpcError::of(exit::IO, plain(&files::not_read(path, detail)))))
        }
        (Await::Offer { to, .. }, FileNotice::NotOffered { to: told, name, why }) => {
            (to == told).then(|| Err(RpcError::of(not_offered(why), plain(&files::not_offered(to, name, why)))))
        }
        (Await::File(number), FileNotice::News { file, news }) if *number == file.number => wish_answer(file, news),
        (Await::File(number), FileNotice::Unknown { number: told }) => {
            (number == told).then(|| Err(RpcError::params(plain(&files::unknown(*number)))))
        }
        (Await::Files, FileNotice::All(all)) => Some(Ok(Reply::Files(all.iter().map(file_shown).collect()))),
        (
            _,
            FileNotice::News { .. }
            | FileNotice::All(_)
            | FileNotice::Unknown { .. }
            | FileNotice::NotRead { .. }
            | FileNotice::NotOffered { .. },
        ) => None,
    }
}

/// The answer to a wish about a file; nothing where this is news of something else.
fn wish_answer(file: &FileShown, news: &FileNews) -> Option<Result<Reply, RpcError>> {
    match news {
        FileNews::Accepted | FileNews::GivenUp => Some(Ok(file_shown(file).into())),
        FileNews::Over | FileNews::NotThat => {
            Some(Err(RpcError::of(exit::REFUSED, plain(&files::news(file, news, None)))))
        }
        FileNews::Offering
        | FileNews::OfferWaits
        | FileNews::OfferedBefore
        | FileNews::Offered
        | FileNews::Progress { .. }
        | FileNews::Saved { .. }
        | FileNews::Received
        | FileNews::Refused
        | FileNews::NotTaken(_)
        | FileNews::Withdrawn
        | FileNews::NoWay(_)
        | FileNews::Stopped { .. }
        | FileNews::NotSaved { .. }
        | FileNews::DiskFull { .. }
        | FileNews::Failed(_)
        | FileNews::TooLarge { .. }
        | FileNews::Elsewhere => None,
    }
}

fn contact_answer(awaited: &Await, notice: &ContactNotice) -> Option<Result<Reply, RpcError>> {
    match (awaited, notice) {
        (Await::Call(to), ContactNotice::KeyChanged { of, how, since, old, new }) => {
            (to == of).then(|| Err(key_changed(of, *how, *since).with("old", old.as_str()).with("new", new.as_str())))
        }
        (Await::Number(of), ContactNotice::SafetyNumber { with, digits, verified }) => (of == with).then(|| {
            let digits = digits.split_whitespace().map(str::to_owned).collect();
            Ok(SafetyNumber { id: with.clone(), digits, verified: *verified }.into())
        }),
        (Await::Confirmed { of, verified }, ContactNotice::NumberConfirmed { with, verified: told }) if of == with => {
            if verified == told {
                return Some(Ok(json!({ "id": with, "verified": told }).into()));
            }
            let why =
                format!("The digits are not the number of {of} now. Nothing was changed; verify.number tells it.");
            Some(Err(RpcError::of(exit::REFUSED, why)))
        }
        (Await::Block(of), ContactNotice::KeyDecided { of: told, decision: KeyDecision::Block }) => {
            (of == told).then(|| Ok(Done {}.into()))
        }
        (Await::Unblock(of), ContactNotice::Unblocked { user }) => (of == user).then(|| Ok(Done {}.into())),
        (
            _,
            ContactNotice::KeyChanged { .. }
            | ContactNotice::SafetyNumber { .. }
            | ContactNotice::NumberConfirmed { .. }
            | ContactNotice::KeyDecided { .. }
            | ContactNotice::Unblocked { .. },
        ) => None,
    }
}

fn session_answer(awaited: &Await, notice: &SessionNotice) -> Option<Result<Reply, RpcError>> {
    match notice {
        // Told under the ticket of whatever was asked.
        SessionNotice::StoreFailed { at, detail } => {
            Some(Err(RpcError::of(exit::IO, plain(&texts::store_failed(*at, detail)))))
        }
        SessionNotice::PasscodeChanged | SessionNotice::KeyReplaced => {
            matches!(awaited, Await::Passcode).then(|| Ok(Done {}.into()))
        }
        SessionNotice::PasscodeNotChanged(why) => matches!(awaited, Await::Passcode).then(|| Err(not_changed(*why))),
        SessionNotice::PasscodeProved
        | SessionNotice::KeyTakenOver
        | SessionNotice::TerminalNotRemoved(_)
        | SessionNotice::FirstContact { .. }
        | SessionNotice::OlderVault { .. }
        | SessionNotice::Identified { .. }
        | SessionNotice::WouldForget { .. }
        | SessionNotice::Forgot { .. }
        | SessionNotice::InviteProved { .. }
        | SessionNotice::Registered { .. }
        | SessionNotice::RegisterRefused { .. }
        | SessionNotice::LoginRefused { .. }
        | SessionNotice::LoggedIn { .. }
        | SessionNotice::FormerPasscode
        | SessionNotice::AlsoElsewhere { .. }
        | SessionNotice::NewTerminal
        | SessionNotice::Terminals { .. }
        | SessionNotice::LoggedOut { .. }
        | SessionNotice::Failed(_) => None,
    }
}

/// The answer to a wish about a group; nothing where this is news of something else.
fn group_answer(group: &GroupName, wish: &GroupWish, news: &GroupNews) -> Option<Result<Reply, RpcError>> {
    let done = |state: &str| Some(Ok(json!({ "group": group.to_string(), "state": state }).into()));
    let code = match (news, wish) {
        (GroupNews::Created, GroupWish::Create) => return done("created"),
        (GroupNews::Asked, GroupWish::Join) => return done("asked"),
        (GroupNews::Left, GroupWish::Leave) => return done("left"),
        (GroupNews::FoundedAnew { .. } | GroupNews::FoundedAgain { .. }, GroupWish::Create | GroupWish::Remove(_)) => {
            return done("founded_anew");
        }
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
            return Some(Ok(told.into()));
        }
        (GroupNews::NotAdmin { .. } | GroupNews::StandsBefore { .. }, _) => exit::NOT_PERMITTED,
        (GroupNews::NotAllowed { why, .. }, _) => match why {
            CommitRefusal::NotAdmin | CommitRefusal::Order => exit::NOT_PERMITTED,
            CommitRefusal::Signature
            | CommitRefusal::Members
            | CommitRefusal::Entry
            | CommitRefusal::Epochs
            | CommitRefusal::Rooms
            | CommitRefusal::Moved
            | CommitRefusal::Other => exit::REFUSED,
        },
        (GroupNews::AnotherGroup { .. }, GroupWish::Join) => exit::REFUSED,
        (GroupNews::NoSuchGroup, GroupWish::Join) => exit::UNKNOWN_USER,
        (GroupNews::NameTaken | GroupNews::NameReserved, GroupWish::Create)
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
        (GroupNews::Refused(why), _) => return Some(Err(refused(*why))),
        (
            GroupNews::Created
            | GroupNews::Asked
            | GroupNews::Left
            | GroupNews::Done
            | GroupNews::Members { .. }
            | GroupNews::Lost
            | GroupNews::FoundedAnew { .. }
            | GroupNews::FoundedAgain { .. }
            | GroupNews::AskedBack { .. }
            | GroupNews::Invited { .. }
            | GroupNews::NotLetIn { .. }
            | GroupNews::Unverified { .. }
            | GroupNews::AnotherGroup { .. }
            | GroupNews::NoSuchGroup
            | GroupNews::NameTaken
            | GroupNews::NameReserved
            | GroupNews::NoTerminal { .. }
            | GroupNews::Request { .. }
            | GroupNews::Joined { .. }
            | GroupNews::Declined
            | GroupNews::Removed { .. }
            | GroupNews::Changed { .. }
            | GroupNews::NewAdmin { .. }
            | GroupNews::Postponed { .. },
            _,
        ) => return None,
    };
    let told = groups::news(group, news);
    Some(Err(RpcError::of(code, plain(told.first().map_or("", String::as_str)))))
}

fn list(people: &[Person], groups: &[ListedGroup]) -> Vec<Listed> {
    let people = people.iter().map(|person| Listed::User {
        id: person.user.clone(),
        state: match (person.online_since, &person.away) {
            (None, _) => Availability::Offline,
            (Some(_), None) => Availability::Online,
            (Some(_), Some(_)) => Availability::Away,
        },
        contact: person.chosen,
        since: person.online_since,
        away: person.away.clone(),
        unread: person.unread,
        verified: person.key == KeyState::Verified,
        key: person.key.into(),
    });
    let groups = groups.iter().map(|group| Listed::Group {
        id: group.group.to_string(),
        members: group.members,
        online: group.online,
        admins: group.admins.clone(),
        unread: group.unread,
        waiting: group.waiting,
    });
    people.chain(groups).collect()
}
