//! Words that only the full screen says: headings, hints, states.

use common::ident::UserId;
use jiff::tz::TimeZone;

use super::help;
use peer_core::model::{DeliveryStatus, LinkWay};
use peer_core::notice::{KeyChange, Role};

/// In front of the entry.
pub(crate) const ENTRY: &str = " > ";
/// In front of the answer to a changed key.
pub(crate) const CHOOSE: &str = " choose> ";
/// In front of the answer to a safety number.
pub(crate) const YES_OR_NO: &str = " yes or no> ";
/// In front of the answer to a call.
pub(crate) const ACCEPT: &str = " [Y/n]> ";
/// In front of the letters of the opener.
pub(crate) const OPEN: &str = " open> ";

pub(crate) const PEOPLE: &str = "PEOPLE";
pub(crate) const GROUPS: &str = "GROUPS";
pub(crate) const COMMANDS: &str = "COMMANDS";
pub(crate) const CONNECTION: &str = "CONNECTION";
pub(crate) const OUTBOX: &str = "OUTBOX";
pub(crate) const MEMBERS: &str = "MEMBERS";
pub(crate) const HELP: &str = "HELP";
pub(crate) const TERMINALS: &str = "TERMINALS";
pub(crate) const FILES: &str = "FILES";
pub(crate) const TRANSFERS: &str = "TRANSFERS";
pub(crate) const SHARED_FILES: &str = "SHARED FILES";
pub(crate) const EVERYONE: &str = "* everyone";
pub(crate) const MESSAGE: &str = "MESSAGE";
pub(crate) const MUTED: &str = "muted";
pub(crate) const OPENER: &str = "OPEN";
/// The opener, where keys are looked for.
pub(crate) const KEYS: &str = "KEYS";

pub(crate) const VERIFIED: &str = "[verified]";
pub(crate) const NOT_VERIFIED: &str = "[not verified]";
pub(crate) const KEY_CHANGED: &str = "[KEY CHANGED]";
pub(crate) const BLOCKED: &str = "[blocked]";
/// Broadcasts are signed, not secret (decision D18).
pub(crate) const NOT_SECRET: &str = "[not secret]";
pub(crate) const OFFLINE: &str = "[OFFLINE]";

pub(crate) const ONLINE: &str = "online";
pub(crate) const NOT_ONLINE: &str = "offline";
pub(crate) const UNKNOWN: &str = "unknown";
pub(crate) const AWAY: &str = "away";
pub(crate) const CALLING: &str = "calling…";
pub(crate) const PENDING: &str = "pending";

/// What can be done in a conversation, the most useful first; as many as fit are shown.
pub(crate) const HINTS: [&str; 8] = [
    "Enter send",
    "Ctrl+J new line",
    "Ctrl+O open",
    "Alt+A next unread",
    "/find words",
    "F2 details",
    "F3 people",
    "/help",
];
/// The same where there is little chat.
pub(crate) const FEW_HINTS: [&str; 3] = ["/help", "F3 people", "Ctrl+O open"];
/// While a key question waits.
pub(crate) const QUESTION_HINTS: [&str; 3] = ["/help", "F3 people", "Esc decide later"];
/// While something lies above.
pub(crate) const OVERLAY_HINTS: [&str; 3] = ["Enter choose", "Up Down move", "Esc close"];
/// While the opener is open.
pub(crate) const OPENER_HINTS: [&str; 5] = ["Enter choose", "Up Down move", "/ commands", "? keys", "Esc close"];
/// While a page is read.
pub(crate) const PAGE_HINTS: [&str; 3] = ["Up Down scroll", "? keys", "Esc close"];
/// While a message is selected.
pub(crate) const SELECTION_HINTS: [&str; 6] =
    ["c copy", "r reply", "s save", "n N next found", "Enter details", "Esc leave"];
/// While what was found is walked through.
pub(crate) const FOUND_HINTS: [&str; 3] = ["n N or Up Down move", "Enter show", "Esc close"];
/// Logged out.
pub(crate) const LOGIN_HINTS: [&str; 2] = ["Enter continue", "Ctrl+C leave"];

/// How many notices are behind the one that is shown.
pub(crate) fn hidden_notices(number: usize, with_key: bool) -> String {
    if with_key { format!("+{number} more, Esc") } else { format!("+{number}") }
}

/// On the login card: where one logs in.
pub(crate) fn directory(name: &str) -> String {
    format!("Directory  {name}")
}

/// The steps of a login, in their order.
pub(crate) const LOGIN_STEPS: [&str; 3] = ["user", "passcode", "log in"];

/// `n.quit`
pub(crate) const PRESS_AGAIN: &str = "Press CTRL-C again to quit";

/// No conversation is shown.
pub(crate) const EMPTY: [&str; 3] = [
    "Type the ID of a user and Enter, to talk.",
    "Ctrl+O opens by a few letters, Alt+Down the next one.",
    "/help says what else there is. Ctrl+C quits.",
];

/// A conversation without messages.
pub(crate) const NOTHING_YET: &str = "Nothing was said yet.";

/// What the answers to a changed key mean.
pub(crate) fn key_choices(of: &UserId) -> [String; 3] {
    [
        format!("verify  compare it with {of}"),
        "accept  use it, unverified".to_owned(),
        format!("block   end and block {of}"),
    ]
}

/// `e.key`, on the full screen.
pub(crate) fn key_changed(of: &UserId, how: KeyChange, since: u64, zone: &TimeZone) -> String {
    match how {
        KeyChange::Unconfirmed => format!(
            "{of}'s key is not the one you have known since {}. Sending is off until you choose.",
            super::format::day(since, zone)
        ),
        KeyChange::Confirmed => {
            format!("{of} has a new key, confirmed by the former one. Sending is off until you choose.")
        }
        KeyChange::Forked => format!(
            "Two keys claim to follow the former one of {of}: somebody else has had it. Sending is off until you choose."
        ),
    }
}

/// What became of a direct connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionChange {
    Established,
    Ended,
}

/// `Connection established 14:02, ended 14:05`: two things that became of one, and when.
pub(crate) fn connection(changes: [(ConnectionChange, u64); 2], zone: &TimeZone) -> String {
    let [before, last] = changes.map(|(change, date)| {
        let what = match change {
            ConnectionChange::Established => "established",
            ConnectionChange::Ended => "ended",
        };
        format!("{what} {}", super::format::clock(date, zone))
    });
    format!("Connection {before}, {last}")
}

/// `n.first_key`
pub(crate) fn first_key(with: &UserId) -> String {
    format!("-- To be sure it is {with}, compare keys with /verify.")
}

/// `n.other`, on the full screen
pub(crate) fn wants_to_talk(from: &UserId) -> String {
    format!("{from} wants to talk. Alt+A opens, Esc hides this.")
}

/// Of a single message: who, when, how far it has come.
pub(crate) fn said_by(author: &UserId, date: u64, mark: DeliveryStatus, zone: &TimeZone) -> String {
    let state = match mark {
        DeliveryStatus::Received { .. } => "received",
        DeliveryStatus::Queued => "waits here",
        DeliveryStatus::Stored => "kept by the directory server",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Read => "read",
        DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_) => "not delivered",
    };
    let (moment, name) = (super::format::moment(date, zone), super::format::zone_name(date, zone));
    format!("{author}, {moment} {name}, {state}")
}

/// For the desktop of somebody who looks elsewhere.
pub(crate) fn new_message(from: &UserId, said: Option<&str>) -> String {
    format!("{from}: {}", said.map_or_else(|| "new message".to_owned(), super::format::quoted))
}

/// The title of the terminal's window.
pub(crate) fn window(unread: usize) -> String {
    if unread > 0 { format!("({unread}) peer") } else { "peer".to_owned() }
}

/// Behind the presence of somebody who is not there.
pub(crate) fn waiting(count: usize) -> String {
    format!("offline: {count} waiting")
}

/// `15 unread in 2`
pub(crate) fn unread_in(messages: usize, chats: usize) -> String {
    if chats > 1 { format!("{messages} unread in {chats}") } else { format!("{messages} unread") }
}

/// The directory is out of reach.
pub(crate) fn offline_retry(seconds: u64) -> String {
    format!("[OFFLINE, retry in {seconds} s]")
}

/// Between what was seen and what was not.
pub(crate) fn new_below(count: usize) -> String {
    format!(" {count} new ")
}

/// On the last row while a conversation is scrolled up.
pub(crate) fn more_below(count: usize) -> String {
    format!(" {count} more below, End ")
}

/// `Friday 20 November`
pub(crate) fn day(since_epoch: u64, zone: &TimeZone) -> String {
    super::format::long_day(since_epoch, zone)
}

/// `2 ask to join`
pub(crate) fn ask_to_join(count: usize) -> String {
    let ask = if count == 1 { "asks" } else { "ask" };
    format!("{count} {ask} to join")
}

/// `2 ask to join: Enter to review`, where nothing is typed.
pub(crate) fn review(count: usize) -> String {
    format!("{}: Enter to review", ask_to_join(count))
}

/// The opener finds nothing; what Enter does with what is typed.
pub(crate) fn nothing_matches(typed: &str) -> String {
    match common::ident::UserId::parse(typed.trim()) {
        Ok(user) => format!("Nothing in the list matches. Enter opens a conversation with {user}."),
        Err(_) => "Nothing matches.".to_owned(),
    }
}

/// What keys ask for, by their names in `[keys]`, in the order of the list of keys: writing, conversations, reading, leaving.
pub(crate) const KEY_HELP: &[(&str, &str)] = &[
    ("send", "send, answer, choose"),
    ("newline", "begin a new line"),
    ("complete", "complete; where nothing is typed, to the people"),
    ("close", "close what lies above, leave a selection, clear a notice"),
    ("open", "open a conversation or a command by a few letters"),
    ("next_unread", "next conversation with something new"),
    ("previous", "previous conversation of the list"),
    ("next", "next conversation of the list"),
    ("nth", "the first to ninth conversation of the list"),
    ("people", "people and groups"),
    ("details", "what is known of the conversation"),
    ("up", "entry before; in a list, up"),
    ("down", "newer entry; in a list, down"),
    ("scroll_up", "scroll up"),
    ("scroll_down", "scroll down"),
    ("scroll_top", "to the beginning of the conversation"),
    ("scroll_bottom", "to the end of the conversation"),
    ("unread", "to the first new message"),
    ("select_up", "select a message: c copies, r replies, Enter says more"),
    ("select_down", "select the message below"),
    ("interrupt", "end the conversation; in the list, quit"),
    ("end", "delete; where nothing is typed, end the conversation or leave"),
    ("quit", "log out and leave"),
    ("redraw", "draw everything again"),
];

/// The terminal is too small for anything.
pub(crate) fn too_small(columns: u16, rows: u16) -> Vec<String> {
    let line = format!("Terminal too small ({columns}x{rows}; need 20x6)");
    if line.len() <= columns.into() {
        return vec![line];
    }
    vec!["Terminal too small".to_owned(), "need 20x6".to_owned(), format!("({columns}x{rows})")]
}

/// While the directory is waited for.
pub(crate) fn connecting(seconds: u64) -> String {
    format!("connecting… {seconds} s  (Esc cancels)")
}

/// Since when somebody is online.
pub(crate) fn online_since(clock: &str) -> String {
    format!("online since {clock}")
}

/// In the details.
pub(crate) fn outbox(waiting: usize) -> String {
    format!("{waiting} waiting")
}

/// How what is said goes to somebody, in the details.
pub(crate) fn connection_way(way: Option<LinkWay>) -> [&'static str; 2] {
    [super::talk::way_words(way), "encrypted, forward-secret"]
}

/// In the details, of a key.
pub(crate) const KEY_VERIFIED: &str = "key verified";
/// In the details, of a key.
pub(crate) const KEY_NOT_VERIFIED: &str = "key not verified";
/// In the details of a group, or of everyone.
pub(crate) const GROUP_COMMANDS: [&str; 2] = ["/mute    no notices", "Ctrl+C   close it"];
/// In the details of a user.
pub(crate) const DETAIL_COMMANDS: [&str; 4] =
    ["/verify  compare keys", "/file    send a file", "/mute    no notices", "Ctrl+C   end connection"];

/// `/help`
pub(crate) fn overview() -> Vec<String> {
    let mut lines: Vec<String> =
        help::TOPICS.iter().map(|topic| format!("{:<20} {}", topic.usage, topic.does)).collect();
    lines.extend(
        [
            "",
            "Enter sends, Ctrl+J begins a new line, Up brings back what was sent.",
            "PgUp PgDn scroll, Home End go to the ends where nothing is typed.",
            "Alt+A next unread, Alt+U to the first new message, Alt+Up Alt+Down walk the list.",
            "Ctrl+O opens by a few letters (/ commands, ? keys), F2 details, F3 people, Ctrl+L redraws, Tab completes.",
            "Shift+Up Shift+Down select a message: c copies, r replies, Enter says more.",
            "After /find n and N go to the next one and back.",
            "Ctrl+C ends the conversation, then quits; Ctrl+Q quits. Esc closes what lies above.",
            "@bianca TEXT and #team TEXT go there while another conversation is shown.",
            "To send a text that starts with / ! @ or #, type that character twice.",
        ]
        .map(str::to_owned),
    );
    lines
}

/// `/group members`
pub(crate) fn members(members: &[(UserId, Role)], waiting: &[UserId]) -> Vec<String> {
    let named = members.iter().map(|(user, role)| match role {
        Role::Admin => format!("{user}  admin"),
        Role::Member => user.to_string(),
    });
    let asking =
        waiting.iter().map(|user| format!("{user}  asks to join: /group approve {user}  or  /group deny {user}"));
    named.chain(asking).collect()
}
