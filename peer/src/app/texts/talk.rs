//! Words around calls and conversations.

use std::fmt::Display;
use std::net::IpAddr;

use common::ident::UserId;
use jiff::tz::TimeZone;

use super::format;
use peer_core::command::KeyDecision;
use peer_core::model::LinkWay;
use peer_core::notice::{
    AfterLoss, CallFailed, CalleeRule, CallerRefused, DirectoryRefusal, KeyChange, LinkLoss, Unreached, Unvouched,
};

/// `n.established`
pub(crate) const ESTABLISHED: &str = "Connection established, type your messages";
/// `n.ended_local`
pub(crate) const ENDED_LOCAL: &str = "CTRL-C connection ended";
/// `n.ended`
pub(crate) const ENDED: &str = "Connection ended";
/// `e.end`
pub(crate) const NO_CONVERSATION: &str = "-- There is no conversation to end. /quit leaves the program.";
/// `e.list`
pub(crate) const NO_LIST: &str =
    "-- Cannot ask who is online: the directory server is out of reach. Try again when it is back.";

/// `n.slow`: a command holds the prompt up.
pub(crate) fn no_answer_yet(seconds: u64) -> String {
    format!("-- No answer yet after {seconds} s. It is shown when it comes; CTRL-C gives back the prompt.")
}

/// `n.way`: how a connection goes that has just begun, where that is worth saying.
pub(crate) fn way(with: &UserId, way: LinkWay) -> Option<String> {
    match way {
        LinkWay::DirectIpv4 | LinkWay::DirectIpv6 | LinkWay::Met => None,
        LinkWay::Relayed => Some(format!(
            "-- There is no direct way between you and {with}: the directory server passes on what you say. It cannot read it."
        )),
    }
}

/// `n.moved`: how a conversation goes that has another connection now, where that is worth saying.
pub(crate) fn moved(with: &UserId, before: Option<LinkWay>, now: LinkWay) -> Option<String> {
    match (before, now) {
        (Some(LinkWay::Relayed), LinkWay::Relayed) => None,
        (Some(LinkWay::Relayed), LinkWay::DirectIpv4 | LinkWay::DirectIpv6 | LinkWay::Met) => {
            Some(format!("-- What you and {with} say goes directly now, no longer by way of the directory server."))
        }
        (_, now) => way(with, now),
    }
}

/// `n.vouched`: a connection has come about without the directory.
pub(crate) fn vouched(with: &UserId, at: u64, now: u64, zone: &TimeZone) -> String {
    let at = match format::is_same_day(at, now, zone) {
        true => format!("at {}", format::clock(at, zone)),
        false => format!("on {}", format::moment(at, zone)),
    };
    format!("-- The directory is out of reach; {with} was vouched for {at}.")
}

/// How what is said goes to somebody: the same words everywhere.
pub(crate) fn way_words(way: Option<LinkWay>) -> &'static str {
    match way {
        Some(LinkWay::DirectIpv4) => "direct over IPv4",
        Some(LinkWay::DirectIpv6) => "direct over IPv6",
        Some(LinkWay::Met) => "direct, after meeting",
        Some(LinkWay::Relayed) => "relayed by the directory",
        None => "by mailbox",
    }
}

/// The word for a way, for programs.
pub(crate) fn way_word(way: LinkWay) -> &'static str {
    match way {
        LinkWay::DirectIpv4 => "direct_ipv4",
        LinkWay::DirectIpv6 => "direct_ipv6",
        LinkWay::Met => "direct_after_meeting",
        LinkWay::Relayed => "relayed",
    }
}

/// `n.received`
pub(crate) fn received(from: &UserId) -> String {
    format!("Connection received from user {from}, type your messages")
}

/// `n.other`
pub(crate) fn wants_to_talk(from: &UserId) -> String {
    format!("-- {from} wants to talk. Alt+A or /switch {from}.")
}

/// `n.switched`
pub(crate) fn switched(to: &UserId) -> String {
    format!("-- You are talking to {to} now.")
}

/// `n.other_ended`
pub(crate) fn other_ended(with: &UserId) -> String {
    format!("-- {with} ended the connection.")
}

/// `n.gave_up`: the caller of `p.accept` did not wait.
pub(crate) fn gave_up(from: &UserId) -> String {
    format!("-- {from} gave up calling.")
}

/// `n.cancelled`
pub(crate) fn cancelled(to: &UserId) -> String {
    format!("-- The call to {to} was given up.")
}

/// `e.lost`
pub(crate) fn lost(with: &UserId, then: AfterLoss, why: LinkLoss) -> String {
    let why = loss(why);
    match then {
        AfterLoss::CalledAgain => format!("-- Connection to {with} lost ({why}). Trying again…"),
        AfterLoss::Over => format!("-- Connection to {with} lost ({why})."),
    }
}

/// Why a link broke, in brackets.
fn loss(why: LinkLoss) -> &'static str {
    match why {
        LinkLoss::Network => "network",
        LinkLoss::TheyBroke => "the program there broke the protocol",
        LinkLoss::WeBroke => "the program there says that this one broke the protocol",
        LinkLoss::Stalled => "the program there takes nothing any more",
    }
}

/// In front of a text of somebody who is not the one being talked to.
pub(crate) fn author(from: &UserId) -> String {
    format!("{from}: ")
}

/// `e.not_delivered`
pub(crate) fn not_delivered(text: &str) -> String {
    format!("-- Not delivered: \"{}\". /retry sends it again.", format::quoted(text))
}

/// What is known locally of an id that the directory does not show as logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acquaintance<'a> {
    /// Seen before: `e.offline`.
    Known,
    /// Never seen, but like something that exists: `e.unknown`.
    Near(&'a str),
    /// Never seen.
    Stranger,
}

/// What can be done for somebody who cannot be looked up now.
pub(crate) fn text_waits(to: &UserId) -> String {
    format!("-- A text waits here until it can go out: @{to} TEXT")
}

/// Why a call came to nothing: `e.offline`, `e.unknown`, `e.refused`, `e.self`, `e.unreachable` and the like.
pub(crate) fn call_failed(to: &UserId, why: &CallFailed, acquaintance: Acquaintance<'_>) -> String {
    match why {
        CallFailed::NotFound => match acquaintance {
            Acquaintance::Known => format!("{to} is offline."),
            Acquaintance::Near(near) => {
                format!("No user {to} is online. Did you mean {near}? Type list to see everyone.")
            }
            Acquaintance::Stranger => format!("No user {to} is online. Type list to see everyone."),
        },
        CallFailed::NoSuchUser { near } => {
            let near = match (near, acquaintance) {
                (None, Acquaintance::Near(near)) => format!(" Did you mean {near}?"),
                (near, _) => format::did_you_mean(near.as_ref()),
            };
            format!("No user {to}.{near} Type list to see everyone.")
        }
        CallFailed::Refused => format!("{to} did not accept the connection."),
        CallFailed::Rule(rule) => rule_of_callee(to, *rule),
        CallFailed::Unavailable => {
            format!("{to} cannot check who is calling, because its directory server is out of reach. Try again later.")
        }
        CallFailed::NoAnswer { seconds } => {
            format!("Cannot reach {to} (no answer in {}). Try again later.", format::duration(*seconds))
        }
        CallFailed::Unreached(why) => {
            let why = match why {
                Unreached::NobodyListens => "nobody listens at the address that the directory server has",
                Unreached::NoWay => "there is no way from here to the address that the directory server has",
                Unreached::Closed => "whoever is at the address that the directory server has ends the connection",
            };
            format!("Cannot reach {to}: {why}. Try again later.")
        }
        CallFailed::NotMet => {
            format!("{to} takes no call now, neither directly nor by way of the directory server. Try again later.")
        }
        CallFailed::Broken => {
            format!(
                "Cannot talk to {to}: what answers breaks the protocol. Nothing was sent. Ask {to} which program it is."
            )
        }
        CallFailed::Local { detail } => {
            format!("This machine cannot call {to}: {detail}. Check its network and its limits.")
        }
        CallFailed::WrongKey => {
            format!(
                "WARNING: whoever answers for {to} does not hold the key of {to}. Nothing was sent. Ask {to} by another channel."
            )
        }
        CallFailed::FormerKey => {
            format!(
                "WARNING: the directory server shows a key that {to} has given up. Nothing was sent. Ask {to} by another channel."
            )
        }
        CallFailed::Yourself => yourself(),
        CallFailed::Blocked => {
            format!("{to} is blocked by you. Nothing was sent. /unblock {to} ends that.")
        }
        CallFailed::DirectoryLost => {
            format!("Cannot look up {to}: the directory server is out of reach. Try again when it is back.")
        }
        CallFailed::DirectoryJustLost { again_in } => {
            format!(
                "Cannot look up {to}: the directory server is out of reach. In {} {to} can be called without it; try again then.",
                format::duration(*again_in)
            )
        }
        CallFailed::DirectoryRefused(why) => {
            format!("Cannot look up {to}. {}", super::refused(*why).trim_start_matches("-- "))
        }
        CallFailed::DirectorySilent { seconds } => format!(
            "Cannot look up {to}: the directory server has not answered in {}. Try again later.",
            format::duration(*seconds)
        ),
    }
}

/// `n.by_mail`: whom the user has called is there, and no way leads to them: what happens instead, and why.
pub(crate) fn by_mail(with: &UserId, why: &CallFailed) -> String {
    if *why == CallFailed::NotMet {
        return format!(
            "-- Messages to {with} go by the directory server: {with} takes no call now, neither directly nor by way of the \
             directory server. Trying again. (CTRL-C leaves.)"
        );
    }
    format!(
        "-- Messages to {with} go by the directory server: no direct way yet ({}). Trying again. (CTRL-C leaves.)",
        no_way(why)
    )
}

/// Why there is no way, in brackets.
pub(crate) fn no_way(why: &CallFailed) -> String {
    match why {
        CallFailed::NoAnswer { seconds } => format!("no answer in {}", format::duration(*seconds)),
        CallFailed::Unreached(Unreached::NobodyListens) => {
            "nobody listens at the address that the directory server has".to_owned()
        }
        CallFailed::Unreached(Unreached::NoWay) => "your network has no way to the address".to_owned(),
        CallFailed::Unreached(Unreached::Closed) => "somebody else is at that address".to_owned(),
        CallFailed::NotMet => "no call is taken by way of the directory server either".to_owned(),
        // None of them is a matter of the way.
        CallFailed::NotFound
        | CallFailed::NoSuchUser { .. }
        | CallFailed::Refused
        | CallFailed::Rule(_)
        | CallFailed::Unavailable
        | CallFailed::Broken
        | CallFailed::Local { .. }
        | CallFailed::WrongKey
        | CallFailed::FormerKey
        | CallFailed::Yourself
        | CallFailed::Blocked
        | CallFailed::DirectoryLost
        | CallFailed::DirectoryJustLost { .. }
        | CallFailed::DirectoryRefused(_)
        | CallFailed::DirectorySilent { .. } => "nobody knows why".to_owned(),
    }
}

/// `n.way_found`: there is a connection to somebody whom the user has called, and has turned away from since.
pub(crate) fn way_found(with: &UserId) -> String {
    format!("-- {with} can be talked to now. Alt+A or /switch {with}.")
}

/// `n.connection`: how the connection to somebody goes, for `/why`; nothing where there is none and none was asked for.
pub(crate) fn connection((with, way, why): (&UserId, Option<LinkWay>, Option<&CallFailed>)) -> Option<String> {
    let words = way_words(way);
    Some(match (way, why) {
        (Some(LinkWay::Relayed), _) => format!("-- You are connected to {with}: {words}, which cannot read it."),
        (Some(LinkWay::DirectIpv4 | LinkWay::DirectIpv6 | LinkWay::Met), _) => {
            format!("-- You are connected to {with}: {words}.")
        }
        (None, Some(CallFailed::NotMet)) => format!(
            "-- You are not connected to {with}: {words}, because {with} takes no call, neither directly nor by way of the \
             directory server."
        ),
        (None, Some(why)) => {
            format!("-- You are not connected to {with}: {words}, because there is no direct way ({}).", no_way(why))
        }
        (None, None) => return None,
    })
}

/// `e.rule`: a rule of the terminal called forbids the call, whatever its user wants.
fn rule_of_callee(to: &UserId, rule: CalleeRule) -> String {
    match rule {
        CalleeRule::Address => format!(
            "The terminal of {to} may not take the call: it comes from another address than the directory server has for \
             you. Log in again from the network that you call from."
        ),
        CalleeRule::AddressFamily => format!(
            "The terminal of {to} may not take the call: one of you is logged in over IPv4, the other over IPv6, so that \
             it comes from an address that the directory server does not have for you. Log in over the same: \
             peer --server ADDRESS. Messages arrive all the same."
        ),
        CalleeRule::Key => format!(
            "{to} has not decided about your new key yet, so there is no connection. Tell {to} by another channel, or \
             compare keys: /verify {to}"
        ),
        CalleeRule::NotLoggedIn => format!(
            "The terminal of {to} may not take the call: its directory server does not show you as logged in. \
             Log in again."
        ),
        CalleeRule::Destination => {
            format!("Whoever answers for {to} is not whom you have called, or has a new key. Try again in a moment.")
        }
        CalleeRule::Busy => format!("The terminal of {to} has too much to do at once. Try again in a minute."),
        CalleeRule::Unanswered => format!("{to} was asked and has not answered. Try again later."),
        CalleeRule::Record => format!(
            "The terminal of {to} may not take the call: the directory server is out of reach, and what it last said of you \
             is too old, or of another address. Try again when it is back."
        ),
        CalleeRule::Unknown => format!(
            "The terminal of {to} does not take the call, for a reason that this program is too old to know. \
             Get the newest one: peer --version"
        ),
    }
}

/// The word for a rule, for programs.
pub(crate) fn rule_word(rule: CalleeRule) -> &'static str {
    match rule {
        CalleeRule::Address => "address",
        CalleeRule::AddressFamily => "address_family",
        CalleeRule::Key => "key",
        CalleeRule::NotLoggedIn => "not_logged_in",
        CalleeRule::Destination => "destination",
        CalleeRule::Busy => "busy",
        CalleeRule::Unanswered => "unanswered",
        CalleeRule::Record => "record",
        CalleeRule::Unknown => "unknown",
    }
}

/// `e.self`
pub(crate) fn yourself() -> String {
    "That is you. Choose someone else.".to_owned()
}

/// `e.no_key`: the safety number of somebody whose key has never been seen.
pub(crate) fn no_key(of: &UserId) -> String {
    format!("-- The key of {of} is not known here yet. Connect to {of} first.")
}

/// `n.caller_refused`: a call was turned away; told to the user who was called.
pub(crate) fn caller_refused(claimed: Option<&UserId>, source: IpAddr, why: CallerRefused) -> String {
    let who: &dyn Display = claimed.map_or(&"an unknown user" as &dyn Display, |user| user);
    let why = match why {
        CallerRefused::NotLoggedIn => "the directory server does not show that user as logged in",
        CallerRefused::WrongKey => "the key is not the one the directory server has",
        CallerRefused::WrongAddress => "the address is not the one the directory server has",
        CallerRefused::WrongDestination => "the call was meant for somebody else",
        CallerRefused::KeyChanged => "the key has changed",
        CallerRefused::CannotVerify => "the directory server is out of reach, so nobody can be verified",
        CallerRefused::Unvouched(Unvouched::Key) => {
            "the directory server is out of reach, and the key is not the one known here"
        }
        CallerRefused::Unvouched(Unvouched::Forged) => {
            "the directory server is out of reach, and what was shown is not its word about that user"
        }
        CallerRefused::Unvouched(Unvouched::Expired) => {
            "the directory server is out of reach, and its last word about that user is too old"
        }
        CallerRefused::Unvouched(Unvouched::Address) => {
            "the directory server is out of reach, and its last word about that user is of another address"
        }
        CallerRefused::NotTold(DirectoryRefusal::TooFast { .. }) => {
            "the directory server asks for patience, so nobody can be verified"
        }
        CallerRefused::NotTold(DirectoryRefusal::Unavailable) => {
            "the directory server cannot work now, so nobody can be verified"
        }
        CallerRefused::NotTold(DirectoryRefusal::TooOld | DirectoryRefusal::NotTaken | DirectoryRefusal::Unsound) => {
            "what the directory server says of that user cannot be used"
        }
    };
    format!("-- Refused a call from {who} at {source}: {why}.")
}

/// `e.key`: what both numbers and the choices stand under, above `p.key`.
pub(crate) fn key_changed(of: &UserId, how: KeyChange, since: u64, zone: &TimeZone) -> String {
    match how {
        KeyChange::Unconfirmed => format!(
            "WARNING: the key of {of} has changed since {}. Nothing is sent until you choose.",
            format::day(since, zone)
        ),
        KeyChange::Confirmed => format!(
            "-- {of} has a new key, confirmed by the former one. It is not verified, and what waits for {of} is sent when you \
             accept it."
        ),
        KeyChange::Forked => format!(
            "WARNING: two keys claim to follow the former one of {of}: somebody else has had it. Nothing is sent until you \
             choose; ask {of} by another channel first."
        ),
    }
}

/// Both numbers of `e.key`.
pub(crate) fn key_numbers(old: &str, new: &str) -> [String; 2] {
    [format!("Old {old}"), format!("New {new}")]
}

/// `e.key`, while the user does something else; the question follows.
pub(crate) fn key_changed_meanwhile(of: &UserId, how: KeyChange) -> String {
    let what = match how {
        KeyChange::Unconfirmed => format!("WARNING: the key of {of} has changed"),
        KeyChange::Confirmed => format!("-- {of} has a new key, confirmed by the former one"),
        KeyChange::Forked => format!("WARNING: two keys claim to follow the former one of {of}"),
    };
    format!("{what}. You are asked about it when this is over; nothing is sent until then.")
}

/// `n.key_later`: `p.key` was put off.
pub(crate) fn key_later(of: &UserId) -> String {
    format!("-- Nothing is sent to {of}. You are asked again at the next call.")
}

/// `n.key_decided`; nothing for `Verify`, whose answer is the safety number.
pub(crate) fn key_decided(of: &UserId, decision: KeyDecision) -> Option<String> {
    match decision {
        KeyDecision::Verify => None,
        KeyDecision::Accept => {
            Some(format!("-- The new key of {of} is used from now on, not verified. /verify {of} compares it."))
        }
        KeyDecision::Block => Some(format!("-- {of} is blocked: no calls from or to {of}.")),
    }
}
