//! What the Tab key can make of the word before the cursor: commands, IDs, groups, paths, `:emoji:`.
//!
//! Which argument is what is read from the usage that `/help` shows, so a command is completed as it is explained. Pure:
//! what is in a folder is told by whoever may look.

use std::collections::BTreeSet;

use super::texts::emoji;
use super::texts::help::{TOPICS, topic};
use peer_core::notice::{CallNotice, DirectoryNotice, MessageNotice, Notice};

/// Where the line is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where a destination is asked for: commands need no slash, and IDs no sign.
    Destination,
    /// In a conversation.
    Conversation,
}

/// Users and groups that this terminal was told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    users: BTreeSet<String>,
    /// With their sign.
    groups: BTreeSet<String>,
}

impl Names {
    /// Takes over who is named in a notice.
    pub(crate) fn hear(&mut self, notice: &Notice) {
        match notice {
            Notice::Directory(DirectoryNotice::People { people, groups }) => {
                self.users.extend(people.iter().map(|person| person.user.to_string()));
                self.groups.extend(groups.iter().map(|group| group.group.to_string()));
            }
            Notice::Directory(DirectoryNotice::Presence { user, .. })
            | Notice::Call(CallNotice::Established { with: user })
            | Notice::Call(CallNotice::Received { from: user }) => {
                self.users.insert(user.to_string());
            }
            Notice::Message(MessageNotice::Arrived(arrivals)) => {
                self.users.extend(arrivals.iter().map(|arrival| arrival.from.to_string()))
            }
            Notice::Group { group, .. } => {
                self.groups.insert(group.to_string());
            }
            Notice::Directory(
                DirectoryNotice::NoPeople
                | DirectoryNotice::Lost { .. }
                | DirectoryNotice::StillLost { .. }
                | DirectoryNotice::NotItself(_)
                | DirectoryNotice::Back
                | DirectoryNotice::Restored { .. }
                | DirectoryNotice::Refused(_),
            )
            | Notice::Call(
                CallNotice::Asked { .. }
                | CallNotice::AskedNoMore { .. }
                | CallNotice::CallerRefused { .. }
                | CallNotice::Failed { .. }
                | CallNotice::Offline { .. }
                | CallNotice::Way { .. }
                | CallNotice::Moved { .. }
                | CallNotice::ByMail { .. }
                | CallNotice::Ended { .. }
                | CallNotice::LinkLost { .. },
            )
            | Notice::Message(
                MessageNotice::Text { .. }
                | MessageNotice::Waiting { .. }
                | MessageNotice::Sent { .. }
                | MessageNotice::Marked { .. }
                | MessageNotice::Withdrawn { .. }
                | MessageNotice::Again { .. }
                | MessageNotice::Readers { .. }
                | MessageNotice::NotFailed { .. }
                | MessageNotice::NotSent { .. }
                | MessageNotice::NoSuchUser { .. }
                | MessageNotice::Explained { .. }
                | MessageNotice::History { .. }
                | MessageNotice::Found { .. }
                | MessageNotice::Frozen { .. }
                | MessageNotice::Dropped { .. }
                | MessageNotice::Lost { .. },
            )
            | Notice::Session(_)
            | Notice::Contact(_)
            | Notice::File(_)
            | Notice::Journal(_) => {}
        }
    }
}

/// What a word can become.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Completion {
    /// Where the word begins, in bytes.
    pub(crate) from: usize,
    /// Everything it can be. What is final ends in a space.
    pub(crate) candidates: Vec<String>,
}

impl Completion {
    /// The beginning that all candidates share.
    pub(crate) fn common(&self) -> &str {
        let Some((first, rest)) = self.candidates.split_first() else { return "" };
        let shared = |other: &String| first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let count = rest.iter().map(shared).min().unwrap_or(usize::MAX);
        first.char_indices().nth(count).map_or(first.as_str(), |(end, _)| &first[..end])
    }

    /// The candidates, for a user to choose from.
    pub(crate) fn list(&self) -> String {
        let candidates: Vec<&str> = self.candidates.iter().map(|candidate| candidate.trim_end()).collect();
        candidates.join("  ")
    }
}

/// Completes the end of `typed`; `folder` gives what is in a folder, folders with a slash at their end.
pub(crate) fn complete(typed: &str, place: Place, names: &Names, folder: impl Fn(&str) -> Vec<String>) -> Completion {
    if let Some(command) = command_line(typed, place) {
        return arguments(typed, &command, names, folder);
    }
    let from = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let word = &typed[from..];
    let among = |all: Vec<String>| chosen(from, word, all);
    match word.chars().next() {
        Some('/') if from == 0 => among(TOPICS.iter().map(|topic| format!("/{} ", topic.word)).collect()),
        Some('!') if from == 0 => among(vec!["!quit ".to_owned()]),
        Some('@') => among(names.users.iter().map(|user| format!("@{user} ")).collect()),
        Some('#') => among(names.groups.iter().map(|group| format!("{group} ")).collect()),
        Some(':') if word.len() > 1 => emoji_of(from, word),
        _ if place == Place::Destination && from == 0 => {
            // Whoever is meant is there by name; a command of the same letters has its slash.
            let users = || names.users.iter().map(|user| format!("{user} "));
            let commands = TOPICS.iter().map(|topic| format!("{} ", topic.word));
            let named = among(users().collect());
            match named.candidates.is_empty() {
                false if !word.is_empty() => named,
                _ => among(users().chain(commands).collect()),
            }
        }
        _ => Completion::default(),
    }
}

/// A command whose arguments are being typed.
struct Typed {
    usage: &'static str,
    word: &'static str,
    /// Where its arguments begin.
    at: usize,
}

fn command_line(typed: &str, place: Place) -> Option<Typed> {
    let bare = typed.strip_prefix('/').or_else(|| (place == Place::Destination).then_some(typed))?;
    let (word, _) = bare.split_once(char::is_whitespace)?;
    let topic = topic(&word.to_lowercase())?;
    let at = typed.len() - bare.len() + word.len() + 1;
    Some(Typed { usage: topic.usage, word: topic.word, at })
}

fn arguments(typed: &str, command: &Typed, names: &Names, folder: impl Fn(&str) -> Vec<String>) -> Completion {
    let given = &typed[command.at..];
    let last = given.rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let (word, first) = (&given[last..], given[..last].trim().is_empty());
    let mut all: Vec<String> = Vec::new();
    let users = || names.users.iter().map(|user| format!("{user} "));
    let groups = || names.groups.iter().map(|group| format!("{group} "));
    let asks = |what: &str| command.usage.split([' ', '[', ']', '|']).any(|part| part == what);
    if command.word == "group" {
        let wishes = ["create", "join", "leave", "members", "approve", "deny", "remove", "admin"];
        match (first, word.starts_with('#')) {
            (true, _) => all.extend(wishes.map(|wish| format!("{wish} "))),
            (false, true) => all.extend(groups()),
            (false, false) => all.extend(users().chain(groups())),
        }
        return chosen(command.at + last, word, all);
    }
    if first {
        if asks("TO") || asks("ID") {
            all.extend(users());
        }
        if asks("TO") {
            all.extend(groups());
        }
        if asks("COMMAND") {
            all.extend(TOPICS.iter().map(|topic| format!("{} ", topic.word)));
        }
        let choices = command.usage.split(' ').skip(1).filter(|part| part.contains('|'));
        all.extend(
            choices.flat_map(|part| part.trim_matches(['[', ']']).split('|')).map(|choice| format!("{choice} ")),
        );
    }
    if asks("PATH") || asks("DIR") && !first {
        // A path may have spaces: it is everything behind whom it is for, if that was said.
        let path = given.split_once(char::is_whitespace).map_or(given, |(to, path)| {
            if names.users.contains(&to.to_lowercase()) || asks("DIR") { path } else { given }
        });
        let parent = path.rfind('/').map_or("", |slash| &path[..=slash]);
        let found = folder(parent).into_iter().map(|name| format!("{parent}{name}"));
        // What begins with a dot is hidden unless it is asked for.
        let hidden = |name: &String| name[parent.len()..].starts_with('.') && !path[parent.len()..].starts_with('.');
        let mut paths = chosen(typed.len() - path.len(), path, found.filter(|name| !hidden(name)).collect());
        if first {
            paths.candidates.extend(chosen(0, word, all).candidates);
        }
        return paths;
    }
    if all.is_empty() && word.starts_with(':') && word.len() > 1 {
        return emoji_of(command.at + last, word);
    }
    chosen(command.at + last, word, all)
}

/// A whole name becomes its sign at once; of a part the names are candidates.
fn emoji_of(from: usize, word: &str) -> Completion {
    let sought = word.trim_matches(':');
    let found: Vec<&(&str, &str)> = emoji::ALL.iter().filter(|(name, _)| name.starts_with(sought)).collect();
    let exact = word.len() > 2 && word.ends_with(':');
    let candidates = match found.as_slice() {
        [(_, sign)] => vec![format!("{sign} ")],
        _ if exact => found.iter().filter(|(name, _)| *name == sought).map(|(_, sign)| format!("{sign} ")).collect(),
        _ => found.iter().map(|(name, _)| format!(":{name}:")).collect(),
    };
    Completion { from, candidates }
}

/// Those of `all` that begin like `word`, in whatever case it was typed.
fn chosen(from: usize, word: &str, all: Vec<String>) -> Completion {
    let begins = |name: &str| name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let candidates: BTreeSet<String> = all.into_iter().filter(|name| begins(name)).collect();
    Completion { from, candidates: candidates.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Names {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        Names { users: names(&["bianca", "bert", "carol"]), groups: names(&["#team"]) }
    }

    fn files(folder: &str) -> Vec<String> {
        let names: &[&str] = match folder {
            "" => &["plans.pdf", "pictures/", ".secret", "with space.txt"],
            "pictures/" => &["one.png", "other.png"],
            _ => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What the line is after the key.
    #[track_caller]
    fn becomes(place: Place, typed: &str, wanted: &str) {
        let completion = complete(typed, place, &known(), files);
        let line = if completion.candidates.is_empty() {
            typed.to_owned()
        } else {
            typed[..completion.from].to_owned() + completion.common()
        };
        assert_eq!(line, wanted, "{completion:?}");
    }

    #[test]
    fn a_word_becomes_what_all_that_it_can_be_share() {
        use Place::{Conversation, Destination};
        for (place, typed, wanted) in [
            // A command of the same letters comes behind whoever is meant.
            (Destination, "ca", "carol "),
            (Destination, "can", "cancel "),
            (Destination, "car", "carol "),
            (Destination, "b", "b"),
            (Destination, "bi", "bianca "),
            (Destination, "BI", "bianca "),
            (Destination, "verify bi", "verify bianca "),
            (Conversation, "ca", "ca"),
            (Conversation, "/ver", "/ver"),
            (Conversation, "/veri", "/verify "),
            (Conversation, "/send c", "/send carol "),
            (Conversation, "/send #", "/send #team "),
            (Conversation, "/send carol c", "/send carol c"),
            (Conversation, "/verify #", "/verify #"),
            (Conversation, "ask @be", "ask @bert "),
            (Conversation, "#t", "#team "),
            (Conversation, "/group ap", "/group approve "),
            (Conversation, "/group approve ca", "/group approve carol "),
            (Conversation, "/group members #", "/group members #team "),
            (Conversation, "/receipts of", "/receipts off "),
            (Conversation, "/help fin", "/help find "),
            (Conversation, "/file pl", "/file plans.pdf"),
            (Conversation, "/file pi", "/file pictures/"),
            (Conversation, "/file pictures/o", "/file pictures/o"),
            (Conversation, "/file bianca pictures/on", "/file bianca pictures/one.png"),
            (Conversation, "/file with sp", "/file with space.txt"),
            (Conversation, "/file .", "/file .secret"),
            (Conversation, "/accept 7 pi", "/accept 7 pictures/"),
            (Conversation, "fine :thumbsu", "fine 👍 "),
            (Conversation, "fine :smile:", "fine 😄 "),
            (Conversation, "", ""),
        ] {
            becomes(place, typed, wanted);
        }
    }

    #[test]
    fn what_a_word_can_be_is_listed() {
        let list = |typed| complete(typed, Place::Destination, &known(), files).list();
        assert_eq!(list("ber"), "bert");
        assert_eq!(list("/send b"), "bert  bianca");
        assert_eq!(list("/file "), "pictures/  plans.pdf  with space.txt  #team  bert  bianca  carol");
        assert_eq!(list("nothing"), "");
    }

    #[test]
    fn whoever_is_named_in_a_notice_can_be_completed() {
        let mut names = Names::default();
        names.hear(&Notice::Call(CallNotice::Received { from: common::ident::UserId::parse("dave").unwrap() }));
        let completion = complete("@d", Place::Conversation, &names, |_| Vec::new());
        assert_eq!(completion.candidates, ["@dave "]);
    }
}
