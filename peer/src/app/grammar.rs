//! What a person typed: a destination, a message, or a request to the program.
//!
//! Nothing unknown is ever passed on as text: what looks like a command and is none is refused with words.

use common::ident::{BadUserId, UserId};
use common::settings::nearest;

use super::words;
use super::words::help::{TOPICS, Topic, topic};

/// Words that nobody means as a message when they stand alone.
const LONE_WORDS: &[&str] = &["login", "logout", "passcode", "password"];
/// Characters that begin something special; typed twice they begin a message.
const SPECIAL: &[char] = &['/', '!', '@', '#'];

/// What a typed line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An empty line.
    Nothing,
    /// Something for the program.
    Request(Request),
    /// A user to connect to.
    Destination(UserId),
    /// A message for the person being talked to.
    Message(String),
    /// `@id text`: a message for one person, whoever is being talked to.
    Private { to: UserId, text: String },
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// `/help [COMMAND]`
    Help(Option<&'static Topic>),
    /// `/list`, `/who`
    List,
    /// `/switch ID`
    Switch(UserId),
    /// `/end`
    End,
    /// `/logout`, `/quit`, `!quit`
    Logout,
    /// `/verify [ID]`
    Verify(Option<UserId>),
    /// `/version`
    Version,
}

/// Why a line was not understood, in words; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// Reads a user id as people type it.
pub(crate) fn user_id(typed: &str) -> Result<UserId, BadUserId> {
    UserId::parse(&typed.trim().to_lowercase())
}

/// Reads a line typed at the destination prompt; commands need no slash there, because no id is a command.
pub(crate) fn at_destination(typed: &str) -> Result<Entry, Refused> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Entry::Nothing);
    }
    if let Some(entry) = special(typed) {
        return entry;
    }
    let (word, arguments) = first_word(typed);
    if topic(&word).is_some() {
        return request(&word, arguments).map(Entry::Request);
    }
    let id = user_id(typed).map_err(|why| Refused(words::not_an_id(why)))?;
    if id.is_reserved() { Err(no_command(&word)) } else { Ok(Entry::Destination(id)) }
}

/// Reads a line typed in a conversation.
pub(crate) fn in_conversation(typed: &str) -> Result<Entry, Refused> {
    if typed.trim().is_empty() {
        return Ok(Entry::Nothing);
    }
    let mut characters = typed.chars();
    let first = characters.next().filter(|c| SPECIAL.contains(c));
    if first.is_some() && first == characters.clone().next() {
        return Ok(Entry::Message(characters.collect()));
    }
    if let Some(entry) = special(typed) {
        return entry;
    }
    let alone = typed.trim().to_lowercase();
    if LONE_WORDS.contains(&alone.as_str()) {
        return Err(Refused(words::help::lone_word(&alone)));
    }
    Ok(Entry::Message(typed.to_owned()))
}

/// What begins with one of [`SPECIAL`]; nothing where it is ordinary text all the same (`! really`, `# heading`).
fn special(typed: &str) -> Option<Result<Entry, Refused>> {
    let begins_word = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    if let Some(rest) = typed.strip_prefix('/') {
        let (word, arguments) = first_word(rest);
        return Some(request(&word, arguments).map(Entry::Request));
    }
    if let Some(rest) = typed.strip_prefix('!').filter(|rest| begins_word(rest)) {
        let (word, arguments) = first_word(rest);
        return Some(request(&word, arguments).map(Entry::Request));
    }
    if let Some(rest) = typed.strip_prefix('@') {
        return Some(private(rest));
    }
    if let Some(rest) = typed.strip_prefix('#').filter(|rest| begins_word(rest)) {
        return Some(Err(Refused(words::help::no_group(&first_word(rest).0))));
    }
    None
}

fn private(rest: &str) -> Result<Entry, Refused> {
    let (id, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let to = user_id(id).map_err(|why| Refused(words::not_an_id(why)))?;
    if text.trim().is_empty() {
        return Err(Refused(words::help::no_text(to.as_str())));
    }
    Ok(Entry::Private { to, text: text.to_owned() })
}

/// The first word in lower case, and what follows it.
fn first_word(text: &str) -> (String, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word.to_lowercase(), rest.trim())
}

fn request(word: &str, arguments: &str) -> Result<Request, Refused> {
    let Some(topic) = topic(word) else { return Err(no_command(word)) };
    let wrong = || Refused(words::help::wrong_arguments(topic));
    let id = || user_id(arguments).map_err(|_| wrong());
    let request = match (topic.word, arguments) {
        ("help", "") => Request::Help(None),
        ("help", about) => {
            let word = about.trim_start_matches('/').to_lowercase();
            return Ok(Request::Help(Some(words::help::topic(&word).ok_or_else(|| no_command(&word))?)));
        }
        ("switch", _) => Request::Switch(id()?),
        ("verify", "") => Request::Verify(None),
        ("verify", _) => Request::Verify(Some(id()?)),
        (_, arguments) if !arguments.is_empty() => return Err(wrong()),
        ("list" | "who", _) => Request::List,
        ("end", _) => Request::End,
        ("version", _) => Request::Version,
        ("logout" | "quit", _) => Request::Logout,
        _ => return Err(no_command(word)),
    };
    Ok(request)
}

fn no_command(word: &str) -> Refused {
    Refused(words::help::no_command(word, nearest(word, TOPICS.iter().map(|topic| topic.word))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    #[test]
    fn a_destination_is_folded_to_lower_case() {
        assert_eq!(at_destination(" Bianca "), Ok(Entry::Destination(id("bianca"))));
    }

    #[test]
    fn commands_need_no_slash_at_the_destination_prompt() {
        assert_eq!(at_destination("list"), Ok(Entry::Request(Request::List)));
        assert_eq!(at_destination("/list"), Ok(Entry::Request(Request::List)));
        assert_eq!(at_destination("logout"), Ok(Entry::Request(Request::Logout)));
        assert_eq!(at_destination("!quit"), Ok(Entry::Request(Request::Logout)));
        assert_eq!(at_destination("help verify"), Ok(Entry::Request(Request::Help(topic("verify")))));
    }

    #[test]
    fn commands_need_a_slash_in_a_conversation() {
        assert_eq!(in_conversation("list"), Ok(Entry::Message("list".into())));
        assert_eq!(in_conversation("/LIST"), Ok(Entry::Request(Request::List)));
        assert_eq!(in_conversation("/verify Carol"), Ok(Entry::Request(Request::Verify(Some(id("carol"))))));
    }

    #[test]
    fn a_mistyped_command_is_never_a_message() {
        let refused = in_conversation("/lsit").unwrap_err();
        assert_eq!(refused.0, "-- No command /lsit. Did you mean /list? Nothing was sent.");
        assert!(in_conversation("/home/ali/notes").is_err());
        assert!(in_conversation("!qiut").is_err());
        assert!(in_conversation("#team hello").is_err());
    }

    #[test]
    fn a_doubled_sign_sends_a_text_with_one() {
        for (typed, sent) in [("//list", "/list"), ("!!quit", "!quit"), ("@@home", "@home"), ("##1", "#1")] {
            assert_eq!(in_conversation(typed), Ok(Entry::Message(sent.into())));
        }
    }

    #[test]
    fn signs_that_begin_no_command_are_text() {
        for text in ["! really", "# heading", "*bold*", "!", " /list"] {
            assert_eq!(in_conversation(text), Ok(Entry::Message(text.into())), "{text}");
        }
    }

    #[test]
    fn a_private_text_needs_an_id_and_a_text() {
        assert_eq!(
            in_conversation("@Carol hi  there"),
            Ok(Entry::Private { to: id("carol"), text: "hi  there".into() })
        );
        assert!(in_conversation("@carol").is_err());
        assert!(in_conversation("@carol ").is_err());
        assert!(in_conversation("@-x hi").is_err());
    }

    #[test]
    fn words_meant_for_the_program_are_not_sent_alone() {
        assert!(in_conversation("Passcode").is_err());
        assert!(in_conversation("logout ").is_err());
        assert!(in_conversation("my passcode is safe").is_ok());
    }

    #[test]
    fn a_sentence_at_the_destination_prompt_calls_nobody() {
        assert!(at_destination("Hello, how are you today?").is_err());
        assert!(at_destination("send").is_err());
        assert_eq!(at_destination("  "), Ok(Entry::Nothing));
    }

    #[test]
    fn superfluous_arguments_are_pointed_out() {
        assert_eq!(at_destination("/list all").unwrap_err().0, "-- /list stands alone: /list");
        assert!(at_destination("/switch").is_err());
    }

    #[test]
    fn every_topic_of_the_help_is_a_command() {
        for topic in TOPICS {
            assert!(at_destination(topic.example).is_ok(), "{}", topic.example);
        }
    }
}
