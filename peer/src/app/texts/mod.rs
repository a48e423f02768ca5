//! The catalogue: every text of the program, once, English. One function per text, named by the id in its comment.
//!
//! Owns words only; when they are said is [`super::line`]'s part. Failures that end the program are in
//! [`failure`], calls and conversations in [`talk`], groups in [`groups`], the help in [`help`], command line and configuration in [`setup`],
//! export and import in [`backup`], the passcode in [`passcode`], commands that do one thing and end in [`oneshot`],
//! dates, durations and the `list` table in [`mod@format`].

pub(crate) mod backup;
pub(crate) mod doctor;
pub(crate) mod emoji;
pub(crate) mod failure;
pub(crate) mod files;
pub(crate) mod format;
pub(crate) mod groups;
pub(crate) mod help;
#[cfg(test)]
mod lint;
pub(crate) mod local_commands;
pub(crate) mod mail;
pub(crate) mod oneshot;
pub(crate) mod passcode;
pub(crate) mod screen;
pub(crate) mod setup;
pub(crate) mod talk;
pub(crate) mod trust;
pub(crate) mod verification;

use common::ident::{KeyDigest, UserId};
use common::limits::MESSAGE_TEXT;

use crate::app::exit;
use peer_core::notice::{DirectoryLoss, DirectoryRefusal, LoggedOut, LoginRefused, RegisterRefused, StoreUse};

/// `p.login`
pub(crate) const LOGIN: &str = "Login: ";
/// `p.passcode`
pub(crate) const PASSCODE: &str = "Enter passcode on keypad. ";
/// `p.again`
pub(crate) const AGAIN: &str = "Same passcode again: ";
/// `p.dest`
pub(crate) const DESTINATION: &str = "Enter destination user ID: ";
/// `p.trust`, below [`first_contact`]
pub(crate) const TRUST: &str = "Compare it with the one your administrator gave you. Continue? Type yes or no: ";
/// `p.vault`, below [`older_vault`]
pub(crate) const VAULT: &str = "Was a backup restored? Type yes or no: ";
/// `p.key`, below [`talk::key_changed`]
pub(crate) const KEY: &str = "Type verify, accept or block: ";
/// `p.verify`, below [`verification::safety_number`]
pub(crate) const VERIFY: &str = "Do the numbers match? Type yes or no: ";
/// `p.join`
pub(crate) const JOIN: &str = "Paste the invite: ";
/// `n.logged_in`, on the line of `p.passcode`
pub(crate) const LOGGED_IN: &str = "Logged in.";
/// `n.logout`
pub(crate) const LOGGED_OUT: &str = "Logged out.";
/// `e.secret`
pub(crate) const SECRET: &str = "-- That looks like your passcode. Nothing was sent.";
/// `e.again`
pub(crate) const DIFFERENT: &str = "-- The two are not the same. Nothing was sent; once more.";
/// `n.once_more`: CTRL-C at the empty prompt.
pub(crate) const ONCE_MORE: &str = "-- Press CTRL-C once more to log out.";
/// `n.server_back`
pub(crate) const SERVER_BACK: &str = "Directory server is back.";
/// `e.encoding`
pub(crate) const NOT_TEXT: &str =
    "-- That is not text in UTF-8. Nothing was sent. Convert it first, or check what your keyboard sends.";

/// `p.register`
pub(crate) fn register(user: &UserId, server: &str) -> String {
    format!("No user {user} on {server}. Register {user} now? [Y/n] ")
}

/// `e.unknown`, where nobody can be asked `p.register`.
pub(crate) fn not_registered(user: &UserId, server: &str) -> String {
    format!("No user {user} on {server}. Register {user} first: peer --user {user}")
}

/// `p.newpass`
pub(crate) fn new_passcode(min: u16) -> String {
    format!("New passcode, {min} digits or more: ")
}

/// `p.accept`
pub(crate) fn accept(from: &UserId) -> String {
    format!("Connection request from user {from}. Accept? [Y/n] ")
}

/// `n.first_contact`
pub(crate) fn first_contact(server: &str, key: &KeyDigest) -> String {
    format!("First contact with {server}. Its key is {}", key.short())
}

/// `n.older_vault`: what is older than what, and what the answers do; above `p.vault`.
pub(crate) fn older_vault(seen: u64, told: u64) -> [String; 3] {
    [
        format!(
            "WARNING: the directory server goes on from an older state. It has your key in version {told}; version {seen} has \
             been seen here, which is newer."
        ),
        "-- yes: log in with the older one. The passcode of then holds again; if others may know it, change it: /passwd"
            .to_owned(),
        "-- no: nothing is taken. Ask your administrator whether a backup was restored.".to_owned(),
    ]
}

/// `e.older_vault`: the same for a program that asks nothing.
pub(crate) fn older_vault_untaken(seen: u64, told: u64) -> String {
    format!(
        "The directory server goes on from an older state: it has your key in version {told}, and version {seen}, which is \
         newer, has been seen here. Nothing was taken. If a backup was restored, log in once with `peer`, which asks, or over \
         JSON with older_vault."
    )
}

/// `n.invite_proved`
pub(crate) fn invite_proved(key: &KeyDigest) -> String {
    format!("The invite also proves the server's key: {}", key.short())
}

/// `n.registered`
pub(crate) fn registered(user: &UserId) -> String {
    format!("Registered {user}.")
}

/// `n.registered`, by an invite: the server is remembered from now on.
pub(crate) fn registered_by_invite(user: &UserId, server: &str) -> String {
    format!("Registered {user} on {}. From now on just run: peer", format::without_default_port(server))
}

/// `n.registering`, while the directory is waited for.
pub(crate) fn registering(user: &UserId) -> String {
    format!("Registering {user}: a key is made and the passcode hashed… ")
}

/// `e.short`
pub(crate) fn too_short(min: u16) -> String {
    format!("-- Too short: {min} digits or more. Nothing was sent.")
}

/// `e.short`, of a command
pub(crate) fn command_for_passcode() -> String {
    "-- That is a command, not a passcode. Nothing was sent; the same again sends it. CTRL-C leaves.".to_owned()
}

/// `e.short`, of what no keyboard types
pub(crate) fn control_in_passcode() -> String {
    "-- There is a control character in it. Nothing was sent; the same again sends it.".to_owned()
}

/// `e.short`, of what may be a passcode of before
pub(crate) fn shorter_than_passcodes() -> String {
    "-- That is shorter than a passcode is. Nothing was sent; the same again sends it.".to_owned()
}

/// `e.short`, of nothing at all
pub(crate) const EMPTY_PASSCODE: &str = "The passcode is empty. Nothing was sent. Log in with a passcode.";

/// `e.short`, of a command for a new one
pub(crate) fn command_chosen() -> String {
    "-- That is a command, not a passcode. Nothing was sent. Type another passcode.".to_owned()
}

/// `e.short`, of what no keyboard types, for a new one
pub(crate) fn control_chosen() -> String {
    "-- A passcode has no control character. Nothing was sent. Type another one.".to_owned()
}

/// `e.register`
pub(crate) fn register_refused(user: &UserId, server: &str, why: RegisterRefused) -> String {
    match why {
        RegisterRefused::Unavailable => format!("{user} is taken or reserved on {server}. Choose another ID."),
        RegisterRefused::Invite => {
            format!(
                "{server} needs an invite for {user}. Ask its administrator for one; paste it at Login: or run: peer join"
            )
        }
        RegisterRefused::Closed => {
            format!("Nobody can register on {server}. Ask its administrator to add {user}.")
        }
        RegisterRefused::TooMany { retry_after } => too_fast(retry_after),
        RegisterRefused::Key => format!("{server} did not accept the key of {user}. Try again."),
    }
}

/// `e.passcode`, on the line of `p.passcode`; `e.locked` and `e.rate` on a line of their own.
pub(crate) fn login_refused(user: &UserId, why: LoginRefused) -> String {
    match why {
        LoginRefused::Passcode { tries_left: 1 } => "Not accepted, 1 try left.".to_owned(),
        LoginRefused::Passcode { tries_left } => format!("Not accepted, {tries_left} tries left."),
        LoginRefused::Locked { retry_after: Some(seconds) } => format!(
            "Too many wrong passcodes. {user} is locked for {}; an administrator can unlock it: directory-server user \
             unlock {user}",
            format::duration(seconds)
        ),
        LoginRefused::Locked { retry_after: None } => {
            format!("{user} is locked; an administrator can unlock it: directory-server user unlock {user}")
        }
        LoginRefused::TooMany { retry_after } => too_fast(retry_after),
        LoginRefused::Terminals => format!(
            "As many terminals of {user} are logged in, or known, as the server allows. Log out at another one; if that does \
             not help, remove those that are used no more, at one that you have had for longer: /terminal remove"
        ),
    }
}

/// `e.rate`
pub(crate) fn too_fast(retry_after: u64) -> String {
    format!("-- Too fast: the server asks to wait {}.", format::duration(retry_after))
}

/// `e.directory`: why the directory does not do what it was asked.
pub(crate) fn refused(why: DirectoryRefusal) -> String {
    match why {
        DirectoryRefusal::TooFast { retry_after } => too_fast(retry_after),
        DirectoryRefusal::Unavailable => {
            "-- The directory server cannot do that now: its disk is full or fails, or it \
             has too much to do. Try again later, or tell its administrator."
                .to_owned()
        }
        DirectoryRefusal::TooOld => "-- The directory server is older than this program and does not know that. \
             Ask its administrator for a newer one."
            .to_owned(),
        DirectoryRefusal::NotTaken => "-- The directory server does not take what this program has said. \
             Tell the administrator; /version says which program this is."
            .to_owned(),
        DirectoryRefusal::Unsound => "-- What the directory server answers cannot be used. \
             Tell the administrator; nothing was believed of it."
            .to_owned(),
    }
}

/// The exit code of a [`refused`] request.
pub(crate) fn refused_exit(why: DirectoryRefusal) -> i32 {
    match why {
        DirectoryRefusal::TooFast { .. } => exit::NOT_PERMITTED,
        DirectoryRefusal::TooOld => exit::VERSION,
        DirectoryRefusal::Unavailable | DirectoryRefusal::NotTaken | DirectoryRefusal::Unsound => {
            exit::SERVER_UNREACHABLE
        }
    }
}

/// `e.id`
pub(crate) fn not_an_id(why: common::ident::BadUserId) -> String {
    format!("-- Not a user ID: {why}.")
}

/// `e.elsewhere`, a notice since several terminals may be logged in at once
pub(crate) fn also_elsewhere(user: &UserId) -> String {
    format!("-- {user} is logged in on another terminal too.")
}

/// `n.would_forget`
pub(crate) fn would_forget(user: &UserId, messages: u64) -> String {
    let messages = format::count(usize::try_from(messages).unwrap_or(usize::MAX), "message", "messages");
    format!(
        "-- This machine has {messages} of {user}, sealed under the key from before. With a new passcode {user} gets a \
         new key, and they go. If you have a backup, leave with CTRL-C and use it: peer import FILE"
    )
}

/// `n.forgot`
pub(crate) fn forgot(messages: u64) -> String {
    let messages = format::count(usize::try_from(messages).unwrap_or(usize::MAX), "message", "messages");
    format!(
        "-- You have a new key. What this machine had kept under the old one could not be read any more and is gone: \
         {messages}, and whom you know. Others are asked whether they trust the new key."
    )
}

/// `e.not_kept`: the store on this machine failed.
pub(crate) fn store_failed(at: StoreUse, detail: &str) -> String {
    match at {
        StoreUse::Contact => format!(
            "-- Cannot write to this machine's disk: {detail}. Free some space; the key of whoever called is not kept."
        ),
        StoreUse::Step => format!(
            "-- Cannot write to this machine's disk: {detail}. Free some space; what was not kept is done once more then."
        ),
        StoreUse::Command => {
            format!(
                "-- Cannot write to this machine's disk: {detail}. That was not done. Free some space and try again."
            )
        }
        StoreUse::Events => format!(
            "-- Cannot write to this machine's disk: {detail}. Free some space; programs are not told of what has just \
             happened."
        ),
        StoreUse::Reading => format!("-- Cannot read what is kept on this machine's disk: {detail}. Check the disk."),
    }
}

/// `n.server_lost`
pub(crate) fn server_lost(retry_in: u64, why: DirectoryLoss) -> String {
    lost_and_retrying(&format!("retrying in {retry_in} s"), why)
}

/// The same where it stands for as long as it lasts, beside the time of the first attempt.
pub(crate) fn server_is_lost(why: DirectoryLoss) -> String {
    lost_and_retrying("retrying", why)
}

fn lost_and_retrying(retrying: &str, why: DirectoryLoss) -> String {
    match why {
        DirectoryLoss::Network => {
            format!("Lost the directory server; {retrying}. Open conversations go on.")
        }
        DirectoryLoss::Unavailable => format!(
            "The directory server cannot work now (its disk is full or fails, or it has too much to do); {retrying}. \
             Open conversations go on."
        ),
        DirectoryLoss::Broken => format!(
            "Left the directory server, because what it said makes no sense; {retrying}. \
             Open conversations go on."
        ),
    }
}

/// `n.session_ended`, an administrator's doing
pub(crate) const SESSION_ENDED: &str = "The administrator ended this session. Ask why, or log in again: peer";
/// `n.session_replaced`
pub(crate) const SESSION_REPLACED: &str = "This terminal was logged in anew by another process. Log in again: peer";

/// Why a session is over, and the exit code.
pub(crate) fn logged_out(why: LoggedOut) -> (&'static str, i32) {
    match why {
        LoggedOut::Asked => (LOGGED_OUT, exit::OK),
        LoggedOut::Administrator => (SESSION_ENDED, exit::NOT_PERMITTED),
        LoggedOut::Replaced => (SESSION_REPLACED, exit::ALREADY_RUNNING),
        LoggedOut::PasscodeChanged => (passcode::CHANGED_ELSEWHERE, exit::LOGIN_REFUSED),
    }
}

/// `e.input`: `--no-input` forbids the question.
pub(crate) fn no_input(question: &str) -> String {
    format!(
        "--no-input forbids the question \"{}\". Give the answer by an option or leave --no-input out.",
        question.trim()
    )
}

/// `e.input`: the input has ended.
pub(crate) fn no_answer(question: &str) -> String {
    format!(
        "The input ended before \"{}\" was answered. Nothing was changed. Give the answer as a further line.",
        question.trim()
    )
}

/// `e.input`: an input that goes on with what is no answer.
pub(crate) fn no_answers(lines: usize) -> String {
    format!(
        "The last {lines} lines of the input were no answers, so it is not read any further. Check it and try again."
    )
}

/// `n.kept`
pub(crate) fn kept(entry: &str) -> String {
    format!("(your unfinished entry \"{}\" is kept)", format::quoted(entry))
}

/// `n.paste`
pub(crate) fn pasted(lines: usize) -> String {
    format!("-- Paste of {lines} lines: Enter sends it as one message, Esc discards it.")
}

/// `e.long`
pub(crate) fn too_long(bytes: usize) -> String {
    format!(
        "-- Too long: {bytes} of {MESSAGE_TEXT} bytes; nothing was taken. Make it shorter, or send it as a file: /file PATH"
    )
}

/// `e.full`, while it is typed
pub(crate) fn full(bytes: usize) -> String {
    format!(
        "-- Too long: {bytes} of {MESSAGE_TEXT} bytes. What is typed beyond is not taken. Make it shorter, or press Enter \
         once more for what is there."
    )
}

/// What stands in front of the entry while the history is searched.
pub(crate) fn searched(words: &str, has_found: bool) -> String {
    let nothing = if has_found || words.is_empty() { "" } else { " (nothing found)" };
    format!("search \"{words}\"{nothing}: ")
}
