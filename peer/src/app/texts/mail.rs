//! Words around what is sent while nobody is there, and around groups.

use common::ident::{GroupName, TerminalId, UserId};
use common::msg::{PresenceStatus, Withdrawal};
use jiff::tz::TimeZone;

use super::format::{self, moment};
use peer_core::command::Answer;
use peer_core::model::{Conversation, DeliveryStatus, StoredMessage};
use peer_core::notice::{DirectoryRefusal, Explained, Next, NotSent};

/// `n.everyone`: the broadcast conversation.
pub(crate) const EVERYONE: &str =
    "-- Everyone who is online reads this, and the server keeps it: signed, not secret. (CTRL-C leaves.)";
/// `n.new_terminal`
pub(crate) const NEW_TERMINAL: &str = "-- This machine's state was an old copy, so it goes on as a new terminal. \
     Messages in it are kept; what came after it was made may be missing. \
     Conversations and groups follow when others are online.";
/// `n.nothing`: `/history` and `/find` without a result.
pub(crate) const NOTHING_THERE: &str = "-- There is nothing.";
/// `e.server`
pub(crate) const OUT_OF_REACH: &str =
    "-- That needs the directory server, which is out of reach. Try again when it is back.";
/// `e.away`
pub(crate) const AWAY_TOO_LONG: &str =
    "-- That is too long for others to read in passing. Make it shorter: /away lunch";
/// `e.group_here`
pub(crate) const WHICH_GROUP: &str = "-- Which group? Name it at the end: #team";
/// `e.who_here`
pub(crate) const WHOM: &str =
    "-- Whom do you mean? Name a user or a group, as in /why bianca, or open a conversation: Ctrl+O.";

/// `n.offline_talk`: the conversation with somebody who is not there.
pub(crate) fn offline(with: &UserId) -> String {
    format!("-- {with} is offline. Messages wait here and go out when {with} is back. (CTRL-C leaves.)")
}

/// `n.group_talk`
pub(crate) fn in_group(group: &GroupName, members: usize) -> String {
    let members = format::count(members, "member", "members");
    format!("-- You are writing to {group}, {members}. CTRL-C goes back; you stay a member.")
}

/// `n.away` of the user here, and `n.back`.
pub(crate) fn away(text: Option<&str>) -> String {
    match text {
        None => "-- You are back.".to_owned(),
        Some("") => "-- You are away. /back ends it.".to_owned(),
        Some(text) => format!("-- You are away: {text}. /back ends it."),
    }
}

/// `n.receipts`
pub(crate) fn receipts(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "-- Until you log out others are told what you have read.",
        Answer::No => "-- Until you log out others are not told what you have read.",
    }
}

/// `n.unconfirmed`: nothing was heard of what went over a link.
pub(crate) fn unconfirmed(with: &UserId) -> String {
    format!(
        "-- {with} has not confirmed your last message yet. It is kept, and goes by mail if the connection is lost; /why {with}"
    )
}

/// `n.queued` and the like: what was just sent waits.
pub(crate) fn waiting(to: &Conversation, waiting: usize, next: &Next) -> Option<String> {
    let messages = format::count(waiting, "message waits", "messages wait");
    Some(match next {
        Next::Nothing | Next::Confirmation | Next::Existence | Next::Keys | Next::Again => return None,
        Next::Directory => format!("-- {messages} for {to} until the directory server is back."),
        Next::Refused(_) => format!("-- {messages} for {to} until the directory server takes it."),
        Next::Terminal => format!("-- {to} cannot take mail yet; {messages} here until {to} logs in."),
        Next::Space => format!("-- The mailbox of {to} is full; {messages} here and go out when {to} has taken some."),
        Next::Receiver => format!("-- {to} is offline; {messages} with the directory server."),
        Next::KeyDecision if matches!(to, Conversation::Group(_)) => {
            format!(
                "-- Not everybody in {to} is known to be who it says; {messages} here until that is settled: /why {to}"
            )
        }
        Next::KeyDecision => format!("-- The key of {to} has changed; {messages} here until you choose."),
    })
}

/// `n.sent_late`
pub(crate) fn delivered_late(to: &Conversation, count: usize) -> String {
    format!("-- Delivered to {to}: {}.", format::count(count, "waiting message", "waiting messages"))
}

/// `n.receipt`: where every one is to be told.
pub(crate) fn has_come(to: &Conversation, count: usize, mark: DeliveryStatus) -> Option<String> {
    let messages = format::count(count, "message", "messages");
    match (mark, to) {
        (DeliveryStatus::Delivered, Conversation::User(to)) => Some(format!("-- Delivered to {to}: {messages}.")),
        (DeliveryStatus::Read, Conversation::User(to)) => Some(format!("-- Read by {to}: {messages}.")),
        _ => None,
    }
}

/// `e.not_sent`
pub(crate) fn not_sent(to: &Conversation, text: &str, why: &NotSent) -> String {
    let quoted = format::quoted(text);
    match why {
        NotSent::NotAMember => format!("-- Not sent: \"{quoted}\". You are not a member of {to}: /group join {to}"),
        NotSent::Blocked => format!("-- Not sent: \"{quoted}\". {to} is blocked by you: /unblock {to}"),
        NotSent::TooLong => format!("-- Not sent: \"{quoted}\". It is too long; make it shorter."),
        NotSent::Yourself => "That is you. Choose someone else.".to_owned(),
        NotSent::NoSuchUser { near } => {
            format!(
                "-- Not sent: \"{quoted}\". No user {to}.{} Type list to see everyone.",
                format::did_you_mean(near.as_ref())
            )
        }
        NotSent::DirectoryLost => {
            format!("-- Not sent: \"{quoted}\". The directory server is out of reach; /retry when it is back.")
        }
        NotSent::Refused(DirectoryRefusal::TooFast { retry_after }) => {
            format!("-- Not sent: \"{quoted}\". The server asks to wait {}.", format::duration(*retry_after))
        }
        NotSent::Refused(why) => {
            format!("-- Not sent: \"{quoted}\". {}", super::refused(*why).trim_start_matches("-- "))
        }
        NotSent::NotKept { detail } => {
            format!(
                "-- Not sent: \"{quoted}\". This machine's disk does not keep it: {detail}. Free some space, then /retry"
            )
        }
    }
}

/// `e.unknown`, of what was taken while the directory could not be asked.
pub(crate) fn no_such_user(user: &UserId, texts: usize, near: Option<&UserId>) -> String {
    let messages = format::count(texts, "message", "messages");
    format!("-- Not delivered: {messages}. No user {user}.{} Type list to see everyone.", format::did_you_mean(near))
}

/// `n.stored`, above what waited.
pub(crate) fn arrived_while_away(count: usize) -> String {
    format!("-- {} arrived while you were away:", format::count(count, "message", "messages"))
}

/// In front of a message that waited.
pub(crate) fn waited(conversation: &Conversation, from: &UserId, date: u64, zone: &TimeZone) -> String {
    format!("-- {} {}", moment(date, zone), author(conversation, from))
}

/// In front of a message for another conversation than the one on the screen.
pub(crate) fn elsewhere(conversation: &Conversation, from: &UserId) -> String {
    format!("-- {}", author(conversation, from))
}

/// `n.other`: more of somebody who does not have the screen.
pub(crate) fn more(from: &UserId, count: usize) -> String {
    format!("-- {count} new from {from}")
}

fn author(conversation: &Conversation, from: &UserId) -> String {
    match conversation {
        Conversation::User(_) => format!("{from}: "),
        group @ (Conversation::Group(_) | Conversation::Everyone) => format!("{group} {from}: "),
    }
}

/// In front of a message of the history.
pub(crate) fn recalled(record: &StoredMessage, zone: &TimeZone) -> String {
    format!("{} {}{}: ", moment(record.date, zone), record.name.author, state(record))
}

/// In front of a message that may be of any conversation.
pub(crate) fn recalled_anywhere(record: &StoredMessage, zone: &TimeZone) -> String {
    let StoredMessage { name, date, .. } = record;
    let (place, author) = (&name.conversation, &name.author);
    let said = match place {
        Conversation::User(with) if with == author => author.to_string(),
        Conversation::User(with) => format!("{author} to {with}"),
        Conversation::Group(_) | Conversation::Everyone => format!("{place} {author}"),
    };
    format!("{} {said}{}: ", moment(*date, zone), state(record))
}

/// One message that was found, in a row.
pub(crate) fn found_line(record: &StoredMessage, zone: &TimeZone) -> String {
    let text: String = record.text.chars().map(|c| if c == '\n' { ' ' } else { c }).collect();
    format!("{}{text}", recalled_anywhere(record, zone))
}

/// How far a message of ours has come. In a group and in `*` nobody confirms.
fn state(record: &StoredMessage) -> &'static str {
    match (record.mark, &record.name.conversation) {
        (DeliveryStatus::Queued, _) => " (waits)",
        (DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_), _) => " (not delivered)",
        (DeliveryStatus::Stored, Conversation::User(_)) => " (stored)",
        (DeliveryStatus::Delivered, Conversation::User(_)) => " (delivered)",
        (DeliveryStatus::Read, Conversation::User(_)) => " (read)",
        _ => "",
    }
}

/// `n.unread`: between what was seen and what was not.
pub(crate) fn unread(count: usize) -> String {
    format!("-- {count} new --")
}

/// `n.found`
pub(crate) fn found(words: &str, count: usize) -> String {
    format!("-- {} with \"{}\", newest first:", format::count(count, "message", "messages"), format::quoted(words))
}

/// `n.why`
pub(crate) fn explained(of: &Conversation, messages: &[Explained], zone: &TimeZone) -> Vec<String> {
    if messages.is_empty() {
        return vec![format!("-- You have sent nothing to {of} that is kept here.")];
    }
    let line = |message: &Explained| {
        let state = match message.mark {
            DeliveryStatus::Queued => "waits here since",
            DeliveryStatus::Stored => "is kept by the directory server since",
            DeliveryStatus::Delivered | DeliveryStatus::Received { .. } => "was delivered",
            DeliveryStatus::Read => "was read",
            DeliveryStatus::Failed => "was given up",
            DeliveryStatus::Withdrawn(reason) => withdrawn_because(reason),
        };
        let (text, since) = (format::quoted(&message.text), moment(message.since, zone));
        format!("-- \"{text}\" {state} {since}. {}", next(of, &message.next))
    };
    messages.iter().map(line).collect()
}

fn next(of: &Conversation, next: &Next) -> String {
    match next {
        Next::Nothing => "Nothing is missing.".to_owned(),
        Next::Confirmation => "It is under way; the confirmation is being waited for.".to_owned(),
        Next::Directory => "The directory server is out of reach; it is tried again by itself.".to_owned(),
        Next::Refused(DirectoryRefusal::TooFast { .. }) => {
            "The directory server asks for patience; it is tried again by itself.".to_owned()
        }
        Next::Refused(DirectoryRefusal::Unavailable) => {
            "The directory server cannot keep it now (its disk is full or fails, or it has too much to do); it is tried \
             again by itself."
                .to_owned()
        }
        Next::Refused(DirectoryRefusal::TooOld | DirectoryRefusal::NotTaken | DirectoryRefusal::Unsound) => {
            "The directory server does not take it; it is tried again by itself. Tell the administrator.".to_owned()
        }
        Next::Existence => format!("The directory server is asked whether there is a user {of}."),
        Next::Keys => format!("The keys of {of}'s terminals are being fetched."),
        Next::Terminal => format!("{of} has no terminal that takes mail; it goes out when {of} logs in."),
        Next::Space => format!("The mailbox of {of} is full; it is tried again when {of} has taken some."),
        Next::Receiver => format!("{of} gets it at the next login."),
        Next::KeyDecision if matches!(of, Conversation::Group(_)) => format!(
            "A key or a terminal of somebody in {of} could not be verified: choose about the key, or ask an admin to remove \
             the terminal; /group members {of}"
        ),
        Next::KeyDecision => format!("The key of {of} has changed: compare it first, /verify {of}"),
        Next::Again => "/retry sends it again.".to_owned(),
    }
}

/// `n.online`, `n.offline`, `n.away`
pub(crate) fn presence(user: &UserId, status: PresenceStatus, text: Option<&str>) -> Option<String> {
    Some(match (status, text) {
        (PresenceStatus::Online, _) => format!("-- {user} is online."),
        (PresenceStatus::Offline, _) => format!("-- {user} is offline."),
        (PresenceStatus::Away, None | Some("")) => format!("-- {user} is away."),
        (PresenceStatus::Away, Some(text)) => format!("-- {user} is away: {text}"),
        (PresenceStatus::Other, _) => return None,
    })
}

/// `n.room_frozen`
pub(crate) fn frozen(with: &Conversation, why: &str) -> String {
    let advice = match with {
        Conversation::User(user) => format!("Messages to {user} take a new way; compare keys with /verify {user}."),
        Conversation::Group(_) | Conversation::Everyone => {
            format!("An admin founds it anew, or takes you in again. To leave it at once: /group leave {with}")
        }
    };
    format!("-- WARNING: {with} cannot be used any more: {why}. {advice}")
}

/// `n.item_dropped`
pub(crate) fn dropped(with: &Conversation, from: &UserId, why: &str) -> String {
    let place = match with {
        Conversation::User(_) => String::new(),
        Conversation::Group(_) | Conversation::Everyone => format!(" in {with}"),
    };
    format!("-- WARNING: something from {from}{place} was dropped: {why}. It has changed nothing.")
}

/// `n.mail_lost`
pub(crate) fn mail_lost(count: u64) -> String {
    let messages = if count == 1 {
        "1 message for this terminal was".to_owned()
    } else {
        format!("{count} messages for this terminal were")
    };
    format!(
        "-- {messages} not kept: the mailbox was full, or too much time has passed. Ask the senders to repeat them."
    )
}

/// What has become of a message that the directory server had stored.
fn withdrawn_because(reason: Withdrawal) -> &'static str {
    match reason {
        Withdrawal::Expired => "was not fetched in time and given up by the directory server",
        Withdrawal::Full => "found a full mailbox",
        Withdrawal::Removed => "lost the terminal it waited for",
        Withdrawal::Other => "was given up by the directory server",
    }
}

/// `n.withdrawn`
pub(crate) fn withdrawn(to: &Conversation, text: &str, users: &[UserId], reason: Withdrawal) -> String {
    let whom = match to {
        Conversation::User(user) => user.to_string(),
        Conversation::Group(_) | Conversation::Everyone => format!("{} in {to}", format::listed(users)),
    };
    let why = match reason {
        Withdrawal::Expired => "it was not fetched in time, and the directory server keeps it no longer",
        Withdrawal::Full => "the mailbox was full",
        Withdrawal::Removed => "the terminal that it waited for was removed",
        Withdrawal::Other => "the directory server keeps it no longer",
    };
    format!("-- Not delivered to {whom}: \"{}\" ({why}). /retry sends it again.", format::quoted(text))
}

/// `p.again`
pub(crate) const SEND_AGAIN: &str = "Send it again? [y/N] ";

/// `n.readers`: before a message goes to a group again.
pub(crate) fn readers(to: &Conversation, text: &str, users: &[UserId]) -> String {
    let readers = if users.is_empty() { "nobody else".to_owned() } else { format::listed(users) };
    format!(
        "-- \"{}\" would be read in {to} now by: {readers}. Who has had it does not get it twice.",
        format::quoted(text)
    )
}

/// `n.restored`
pub(crate) fn restored(again: usize, groups: &[(GroupName, Option<UserId>)]) -> Vec<String> {
    let again = match again {
        0 => String::new(),
        1 => " 1 message that it had kept is sent again.".to_owned(),
        again => format!(" {again} messages that it had kept are sent again."),
    };
    let first = format!("-- The directory server goes on from an older state (a backup was restored).{again}");
    let lost = |(group, first): &(GroupName, Option<UserId>)| {
        let who = first.as_ref().map_or_else(String::new, |first| format!(" by {first}, its first admin"));
        format!("-- {group}: the last changes of its members are undone; it has to be founded anew{who}.")
    };
    std::iter::once(first).chain(groups.iter().map(lost)).collect()
}

/// `n.unblocked`
pub(crate) fn unblocked(user: &UserId) -> String {
    format!("-- {user} is not blocked any more.")
}

/// `n.terminals`
pub(crate) fn terminals(this: TerminalId, all: &[TerminalId]) -> Vec<String> {
    let line = |(number, terminal): (usize, &TerminalId)| {
        let short: String = terminal.to_string().chars().take(8).collect();
        let here = if *terminal == this { "  this one" } else { "" };
        format!("-- {}  {short}{here}", number + 1)
    };
    std::iter::once("-- Your terminals; /terminal remove N forgets one:".to_owned())
        .chain(all.iter().enumerate().map(line))
        .collect()
}
