//! What was refused or failed, as the error of a program: its exit code, the words of the catalogue, and what else is known.

use common::ident::UserId;
use jiff::tz::TimeZone;

use super::wire::RpcError;
use crate::app::exit;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{self, format, passcode};
use peer_core::notice::{CallFailed, CalleeRule, DirectoryRefusal, KeyChange, NotChanged, NotOffered, NotSent};

/// A text of the catalogue without the mark that sets it apart from messages on a screen.
pub(super) fn plain(text: &str) -> &str {
    text.trim_start_matches("-- ")
}

pub(super) fn refused(why: DirectoryRefusal) -> RpcError {
    with_patience(RpcError::of(texts::refused_exit(why), plain(&texts::refused(why))), why)
}

/// When the directory has vouched for somebody, as programs are told.
pub(super) fn vouched_at(seconds: u64) -> String {
    format::timestamp(seconds.saturating_mul(1000))
}

/// The same with the time to wait, where the directory has named one.
pub(super) fn with_patience(error: RpcError, why: DirectoryRefusal) -> RpcError {
    match why {
        DirectoryRefusal::TooFast { retry_after } => error.with("retry_after", retry_after),
        DirectoryRefusal::Unavailable
        | DirectoryRefusal::TooOld
        | DirectoryRefusal::NotTaken
        | DirectoryRefusal::Unsound => error,
    }
}

/// Programs are told in UTC, also in words.
pub(super) fn key_changed(of: &UserId, how: KeyChange, since: u64) -> RpcError {
    let words = talk::key_changed(of, how, since, &TimeZone::UTC);
    RpcError::of(exit::KEY_CHANGED, plain(&words))
}

pub(super) fn call_failed(to: &UserId, why: &CallFailed) -> RpcError {
    let code = match why {
        CallFailed::NotFound | CallFailed::NoSuchUser { .. } => exit::UNKNOWN_USER,
        CallFailed::Refused | CallFailed::Unavailable | CallFailed::Yourself | CallFailed::Blocked => exit::REFUSED,
        CallFailed::Rule(CalleeRule::Unanswered) => exit::TIMEOUT,
        CallFailed::Rule(CalleeRule::Key) => exit::KEY_CHANGED,
        CallFailed::Rule(
            CalleeRule::Address
            | CalleeRule::AddressFamily
            | CalleeRule::NotLoggedIn
            | CalleeRule::Destination
            | CalleeRule::Busy
            | CalleeRule::Record,
        ) => exit::NOT_PERMITTED,
        CallFailed::Rule(CalleeRule::Unknown) | CallFailed::Broken => exit::VERSION,
        CallFailed::NoAnswer { .. } | CallFailed::NotMet | CallFailed::DirectorySilent { .. } => exit::TIMEOUT,
        CallFailed::Unreached(_) => exit::OFFLINE,
        CallFailed::WrongKey | CallFailed::FormerKey => exit::KEY_CHANGED,
        CallFailed::Local { .. } => exit::IO,
        CallFailed::DirectoryLost | CallFailed::DirectoryJustLost { .. } => exit::SERVER_UNREACHABLE,
        CallFailed::DirectoryRefused(why) => texts::refused_exit(*why),
    };
    let error = RpcError::of(code, talk::call_failed(to, why, Acquaintance::Stranger));
    match why {
        CallFailed::Rule(rule) => error.with("rule", talk::rule_word(*rule)),
        CallFailed::DirectoryRefused(why) => with_patience(error, *why),
        CallFailed::DirectoryJustLost { again_in } => error.with("retry_after", *again_in),
        CallFailed::NotFound
        | CallFailed::NoSuchUser { .. }
        | CallFailed::Refused
        | CallFailed::Unavailable
        | CallFailed::NoAnswer { .. }
        | CallFailed::Unreached(_)
        | CallFailed::NotMet
        | CallFailed::Broken
        | CallFailed::Local { .. }
        | CallFailed::WrongKey
        | CallFailed::FormerKey
        | CallFailed::Yourself
        | CallFailed::Blocked
        | CallFailed::DirectoryLost
        | CallFailed::DirectorySilent { .. } => error,
    }
}

pub(super) fn not_sent(why: &NotSent, text: &str) -> RpcError {
    let code = match why {
        NotSent::NotAMember | NotSent::Blocked | NotSent::Yourself => exit::REFUSED,
        NotSent::NoSuchUser { .. } => exit::UNKNOWN_USER,
        NotSent::TooLong => exit::USAGE,
        NotSent::DirectoryLost => exit::SERVER_UNREACHABLE,
        NotSent::Refused(why) => return with_patience(RpcError::of(texts::refused_exit(*why), plain(text)), *why),
        NotSent::NotKept { .. } => exit::IO,
    };
    RpcError::of(code, plain(text))
}

pub(super) fn not_offered(why: &NotOffered) -> i32 {
    match why {
        NotOffered::Yourself | NotOffered::Blocked | NotOffered::TooMany => exit::REFUSED,
        NotOffered::KeyChanged => exit::KEY_CHANGED,
        NotOffered::NoSuchUser { .. } => exit::UNKNOWN_USER,
    }
}

pub(super) fn not_changed(why: NotChanged) -> RpcError {
    let code = match why {
        NotChanged::Wrong { .. } | NotChanged::Locked { .. } => exit::LOGIN_REFUSED,
        NotChanged::Meanwhile | NotChanged::Older => exit::REFUSED,
        NotChanged::NotKnown => exit::VERSION,
        NotChanged::Refused(why) => return refused(why),
        NotChanged::DirectoryLost | NotChanged::Unsure => exit::SERVER_UNREACHABLE,
    };
    RpcError::of(code, plain(&passcode::not_changed(why)))
}
