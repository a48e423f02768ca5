//! Commands and their arguments.

use common::settings::nearest;

use super::{Entry, Here, Refused, Request, Switch, conversation, first_word, group_name, user_id};
use crate::app::texts;
use crate::app::texts::help::{TOPICS, Topic, topic};
use peer_core::command::{FileWish, GroupWish};
use peer_core::model::Conversation;

/// Messages that `/history` shows.
const HISTORY: usize = 20;
/// At most: more than a screen keeps.
const HISTORY_MOST: usize = 1000;

/// Reads what follows a slash.
pub(super) fn request(word: &str, arguments: &str) -> Result<Entry, Refused> {
    let Some(topic) = topic(word) else { return Err(no_command(word)) };
    let wrong = || Refused(texts::help::wrong_arguments(topic));
    let id = || user_id(arguments).map_err(|_| wrong());
    let request = match (topic.word, arguments) {
        ("send", _) => {
            let (to, text) = arguments.split_once(char::is_whitespace).ok_or_else(wrong)?;
            return said(conversation(to).map_err(|_| wrong())?, text).ok_or_else(wrong);
        }
        ("broadcast", text) => return said(Conversation::Everyone, text).ok_or_else(wrong),
        ("help", "") => Request::Help(None),
        ("help", about) => {
            let word = about.trim_start_matches('/').to_lowercase();
            Request::Help(Some(texts::help::topic(&word).ok_or_else(|| no_command(&word))?))
        }
        ("switch", _) => {
            let to = conversation(arguments).map_err(|_| wrong())?;
            match to {
                Conversation::User(user) => Request::Switch(user),
                to @ (Conversation::Group(_) | Conversation::Everyone) => return Ok(Entry::Destination(to)),
            }
        }
        ("verify", "") => Request::Verify(None),
        ("verify", _) => Request::Verify(Some(id()?)),
        ("group", _) => group(topic, arguments)?,
        ("away", text) => Request::Away(Some(text.to_owned())),
        ("history", arguments) => history(arguments).ok_or_else(wrong)?,
        ("find", "") => return Err(wrong()),
        ("find", sought) => Request::Find(sought.to_owned()),
        ("why", "") => Request::Why(None),
        ("why", of) => Request::Why(Some(conversation(of).map_err(|_| wrong())?)),
        ("block", _) => Request::Block(id()?),
        ("unblock", _) => Request::Unblock(id()?),
        ("receipts" | "time" | "bell" | "mouse", word) => {
            let switch = match word.to_lowercase().as_str() {
                "on" => Switch::On,
                "off" => Switch::Off,
                _ => return Err(wrong()),
            };
            match topic.word {
                "time" => Request::Here(Here::Time(switch)),
                "bell" => Request::Here(Here::Bell(switch)),
                "mouse" => Request::Here(Here::Mouse(switch)),
                _ => Request::Receipts(switch),
            }
        }
        ("mute" | "unmute", of) => {
            let of = if of.is_empty() { None } else { Some(conversation(of).map_err(|_| wrong())?) };
            Request::Here(if topic.word == "mute" { Here::Mute(of) } else { Here::Unmute(of) })
        }
        ("copy" | "retry", number) => {
            let number = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
            Request::Here(if topic.word == "copy" { Here::Copy(number) } else { Here::Retry(number) })
        }
        ("terminal", "" | "list") => Request::Terminals,
        ("terminal", arguments) => {
            let number = arguments.strip_prefix("remove ").and_then(|number| number.trim().parse().ok());
            Request::RemoveTerminal(number.ok_or_else(wrong)?)
        }
        ("file", "") => return Err(wrong()),
        ("file", path) if is_for_several(path) => return Err(Refused(texts::files::ONE_USER.to_owned())),
        ("file", path) => offer(path),
        ("accept" | "refuse" | "cancel" | "resume", arguments) => {
            let (number, folder) = first_word(arguments);
            let number = number.parse().map_err(|_| wrong())?;
            let wish = match (topic.word, folder) {
                ("accept", folder) => FileWish::Accept { folder: (!folder.is_empty()).then(|| folder.into()) },
                ("refuse", "") => FileWish::Refuse,
                ("cancel", "") => FileWish::Cancel,
                ("resume", "") => FileWish::Resume,
                _ => return Err(wrong()),
            };
            Request::File { number, wish }
        }
        ("passwd", "--new-key") => Request::NewKey,
        (_, arguments) if !arguments.is_empty() => return Err(wrong()),
        ("back", _) => Request::Away(None),
        ("list" | "who", _) => Request::List,
        ("files", _) => Request::Files,
        ("end", _) => Request::End,
        ("edit", _) => Request::Here(Here::Edit),
        ("passwd", _) => Request::Passwd,
        ("version", _) => Request::Version,
        ("logout" | "quit", _) => Request::Logout,
        _ => return Err(no_command(word)),
    };
    Ok(Entry::Request(request))
}

/// A number alone says how many; it can be a name only in front of a number.
fn history(arguments: &str) -> Option<Request> {
    let (first, rest) = first_word(arguments);
    let number = |word: &str| word.parse::<usize>().ok().map(|count| count.clamp(1, HISTORY_MOST));
    let (with, count) = match (first.as_str(), rest) {
        ("", _) => (None, HISTORY),
        (word, "") => match number(word) {
            Some(count) => (None, count),
            None => (Some(conversation(word).ok()?), HISTORY),
        },
        (word, count) => (Some(conversation(word).ok()?), number(count)?),
    };
    Some(Request::History { with, count })
}

/// Whether a file is meant for a group or for everyone; a file of such a name is written as `./#team`.
fn is_for_several(arguments: &str) -> bool {
    let to = arguments.split_once(char::is_whitespace).map(|(to, _)| to);
    to.is_some_and(|to| to == "*" || to.starts_with('#') && group_name(to).is_ok())
}

/// The first word is a user only if something follows it and it could be one: paths may have spaces.
fn offer(arguments: &str) -> Request {
    let named = arguments.split_once(char::is_whitespace).and_then(|(to, path)| Some((user_id(to).ok()?, path.trim())));
    let (to, path) = named.map_or((None, arguments), |(to, path)| (Some(to), path));
    Request::OfferFile { to, path: path.to_owned() }
}

fn said(to: Conversation, text: &str) -> Option<Entry> {
    (!text.trim().is_empty()).then(|| Entry::Send { to, text: text.to_owned() })
}

fn group(topic: &Topic, arguments: &str) -> Result<Request, Refused> {
    let wrong = || Refused(texts::help::wrong_arguments(topic));
    let (word, rest) = first_word(arguments);
    let about_somebody: Option<fn(common::ident::UserId) -> GroupWish> = match word.as_str() {
        "approve" => Some(GroupWish::Approve),
        "deny" => Some(GroupWish::Deny),
        "remove" => Some(GroupWish::Remove),
        "admin" => Some(GroupWish::Admin),
        _ => None,
    };
    let (wish, named) = match about_somebody {
        Some(wish) => {
            let (user, named) = first_word(rest);
            (wish(user_id(&user).map_err(|_| wrong())?), named)
        }
        None => match word.as_str() {
            "create" => (GroupWish::Create, rest),
            "join" => (GroupWish::Join, rest),
            "leave" => (GroupWish::Leave, rest),
            "members" => (GroupWish::Members, rest),
            _ => return Err(wrong()),
        },
    };
    let group = match named {
        "" if matches!(wish, GroupWish::Create | GroupWish::Join) => return Err(wrong()),
        "" => None,
        named => Some(group_name(named).map_err(|why| Refused(texts::not_an_id(why)))?),
    };
    Ok(Request::Group { wish, group })
}

pub(super) fn no_command(word: &str) -> Refused {
    Refused(texts::help::no_command(word, nearest(word, TOPICS.iter().map(|topic| topic.word))))
}
