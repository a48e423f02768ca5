//! What a user typed: a destination, a message, or a request to the program.
//!
//! Nothing unknown is ever passed on as text: what looks like a command and is none is refused with words.

mod request;

use common::crypto::invite::Invite;
use common::ident::{BadUserId, GroupName, UserId};
use common::secret::Passcode;

use self::request::{no_command, request};
use super::texts;
use super::texts::help::{Topic, topic};
use peer_core::command::{FileWish, GroupWish};
use peer_core::model::Conversation;

/// Words that nobody means as a message when they stand alone.
const LONE_WORDS: &[&str] = &["exit", "login", "logout", "passcode", "password", "quit"];
/// The least length of passcodes where an administrator has not said otherwise.
const USUAL_LEAST: u16 = 6;
/// Characters that begin something special; typed twice they begin a message.
const SPECIAL: &[char] = &['/', '!', '@', '#'];

/// What a typed line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An empty line.
    Nothing,
    /// Something for the program.
    Request(Request),
    /// With whom to talk.
    Destination(Conversation),
    /// A message for whoever is being talked to.
    Message(String),
    /// `@id text`, `#group text`, `/send TO TEXT`: a message for somebody, whoever is being talked to.
    Send { to: Conversation, text: String },
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
    /// `/passwd`
    Passwd,
    /// `/passwd --new-key`
    NewKey,
    /// `/version`
    Version,
    /// `/group …`; without a group: the one that is on the screen.
    Group { wish: GroupWish, group: Option<GroupName> },
    /// `/away [TEXT]`, `/back`
    Away(Option<String>),
    /// `/history [TO] [N]`
    History { with: Option<Conversation>, count: usize },
    /// `/find WORDS`
    Find(String),
    /// `/why [TO]`
    Why(Option<Conversation>),
    /// `/block ID`
    Block(UserId),
    /// `/unblock ID`
    Unblock(UserId),
    /// `/receipts on|off`
    Receipts(Switch),
    /// `/file [TO] PATH`
    OfferFile { to: Option<UserId>, path: String },
    /// `/accept N [DIR]`, `/refuse N`, `/cancel N`, `/resume N`
    File { number: u64, wish: FileWish },
    /// `/files`
    Files,
    /// What concerns this screen alone.
    Here(Here),
    /// `/terminal list`
    Terminals,
    /// `/terminal remove N`
    RemoveTerminal(usize),
}

/// What concerns this screen alone, and nobody else hears of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Here {
    /// `/copy [N]`: the last message of somebody else, or the last but so many.
    Copy(usize),
    /// `/edit`
    Edit,
    /// `/time on|off`
    Time(Switch),
    /// `/bell on|off`
    Bell(Switch),
    /// `/mouse on|off`
    Mouse(Switch),
    /// `/mute [TO]`
    Mute(Option<Conversation>),
    /// `/unmute [TO]`
    Unmute(Option<Conversation>),
    /// `/retry [N]`: the last text that was not delivered, or the last but so many.
    Retry(usize),
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Why a line was not understood, in words; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// Whether a line would show the passcode to somebody.
pub(crate) fn reveals(line: &str, entry: &Result<Entry, Refused>, passcode: &Passcode) -> bool {
    let said = if let Ok(Entry::Send { text, .. } | Entry::Request(Request::Away(Some(text)))) = entry {
        text.as_str()
    } else {
        line
    };
    passcode.matches(line.trim()) || passcode.matches(said.trim())
}

/// Reads a user id as people type it.
pub(crate) fn user_id(typed: &str) -> Result<UserId, BadUserId> {
    UserId::parse(&typed.trim().to_lowercase())
}

/// Whether a line is an invitation: it names a user, a directory and a secret.
pub(crate) fn is_invite(typed: &str) -> bool {
    Invite::parse(typed).is_ok()
}

/// What makes a text look like anything but a passcode.
enum Unlike {
    Command,
    Control,
    Short,
}

/// What is wrong with the looks of a passcode of at least this length.
fn unlike(passcode: &Passcode, least: u16) -> Option<Unlike> {
    let text = std::str::from_utf8(passcode.expose()).unwrap_or_default();
    let is_command = text.strip_prefix('/').is_some_and(|rest| topic(&first_word(rest).0).is_some());
    if is_command {
        Some(Unlike::Command)
    } else if text.chars().any(char::is_control) {
        Some(Unlike::Control)
    } else {
        (passcode.length() < usize::from(least)).then_some(Unlike::Short)
    }
}

/// Why this is hardly the passcode that somebody wanted to log in with, so that a slip costs no try. It may be one all the
/// same, of before the directory asked for more, or chosen by another program: who gives it again means it. `min` is the least
/// length of new passcodes.
pub(crate) fn hardly_a_passcode(passcode: &Passcode, min: u16) -> Option<String> {
    unlike(passcode, min.min(USUAL_LEAST)).map(|unlike| match unlike {
        Unlike::Command => texts::command_for_passcode(),
        Unlike::Control => texts::control_in_passcode(),
        Unlike::Short => texts::shorter_than_passcodes(),
    })
}

/// Why this cannot be chosen as a passcode; `min` is the least length.
pub(crate) fn unfit_passcode(passcode: &Passcode, min: u16) -> Option<String> {
    unlike(passcode, min).map(|unlike| match unlike {
        Unlike::Command => texts::command_chosen(),
        Unlike::Control => texts::control_chosen(),
        Unlike::Short => texts::too_short(min),
    })
}

/// Reads a line typed at the destination prompt; commands need no slash there, because no id is a command. Of a text that
/// begins with a word which may be an id, or none, `whom` says to whom it may have been meant.
pub(crate) fn at_destination(
    typed: &str,
    whom: impl FnOnce(Option<UserId>) -> Option<UserId>,
) -> Result<Entry, Refused> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Entry::Nothing);
    }
    if let Some(entry) = special(typed) {
        return entry;
    }
    if typed == "?" {
        return Ok(Entry::Request(Request::Help(None)));
    }
    let (word, arguments) = first_word(typed);
    if topic(&word).is_some() {
        return request(&word, arguments);
    }
    if !arguments.is_empty() {
        let to_all = word == "*";
        return Err(Refused(match to_all {
            true => texts::help::everyone_first(),
            false => texts::help::whom_first(whom(user_id(&word).ok())),
        }));
    }
    let id = user_id(typed).map_err(|why| Refused(texts::not_an_id(why)))?;
    if id.is_reserved() { Err(no_command(&word)) } else { Ok(Entry::Destination(Conversation::User(id))) }
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
        return Err(Refused(texts::help::lone_word(&alone)));
    }
    Ok(Entry::Message(typed.to_owned()))
}

/// What begins with one of [`SPECIAL`] or is `*`; nothing where it is ordinary text all the same (`! really`).
fn special(typed: &str) -> Option<Result<Entry, Refused>> {
    let begins_word = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    if let Some(rest) = typed.strip_prefix('/') {
        let (word, arguments) = first_word(rest);
        return Some(request(&word, arguments));
    }
    if let Some(rest) = typed.strip_prefix('!').filter(|rest| begins_word(rest)) {
        let (word, arguments) = first_word(rest);
        return Some(request(&word, arguments));
    }
    if let Some(rest) = typed.strip_prefix('@') {
        return Some(to_somebody(rest, |id| user_id(id).map(Conversation::User)));
    }
    if let Some(rest) = typed.strip_prefix('#').filter(|rest| begins_word(rest)) {
        return Some(to_somebody(rest, |name| group_name(name).map(Conversation::Group)));
    }
    (typed.trim() == "*").then_some(Ok(Entry::Destination(Conversation::Everyone)))
}

fn to_somebody(rest: &str, read: impl Fn(&str) -> Result<Conversation, BadUserId>) -> Result<Entry, Refused> {
    let (id, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let to = read(id).map_err(|why| Refused(texts::not_an_id(why)))?;
    match (text.trim(), &to) {
        ("", Conversation::Group(_)) => Ok(Entry::Destination(to)),
        ("", _) => Err(Refused(texts::help::no_text(&to.to_string()))),
        _ => Ok(Entry::Send { to, text: text.to_owned() }),
    }
}

/// Reads the name of a group, with or without its sign.
pub(crate) fn group_name(typed: &str) -> Result<GroupName, BadUserId> {
    let typed = typed.trim();
    GroupName::parse(&typed.strip_prefix('#').unwrap_or(typed).to_lowercase())
}

/// Reads with whom: `ID`, `#group` or `*`.
pub(crate) fn conversation(typed: &str) -> Result<Conversation, BadUserId> {
    match typed.trim() {
        "*" => Ok(Conversation::Everyone),
        typed if typed.starts_with('#') => group_name(typed).map(Conversation::Group),
        typed => user_id(typed).map(Conversation::User),
    }
}

/// The first word in lower case, and what follows it.
fn first_word(text: &str) -> (String, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word.to_lowercase(), rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::texts::help::TOPICS;

    fn id(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    fn at_destination(typed: &str) -> Result<Entry, Refused> {
        super::at_destination(typed, |id| id)
    }

    #[test]
    fn a_destination_is_folded_to_lower_case() {
        assert_eq!(at_destination(" Bianca "), Ok(Entry::Destination(Conversation::User(id("bianca")))));
    }

    #[test]
    fn a_text_at_the_destination_prompt_says_how_it_is_sent() {
        let refused = |typed| at_destination(typed).unwrap_err().0;
        let bianca = "-- Type whom to talk to first, the ID alone, then your messages. In one line: /send bianca TEXT";
        assert_eq!(refused("Bianca hello there"), bianca);
        assert_eq!(refused("how's that?  hello"), bianca.replace("bianca", "ID"));
        assert_eq!(refused("carol hi"), bianca.replace("bianca", "carol"));
        let talked = |typed| super::at_destination(typed, |_| Some(id("carol"))).unwrap_err().0;
        assert_eq!(talked("see you there"), bianca.replace("bianca", "carol"));
        assert_eq!(refused("* hello"), "-- To everyone in one line: /send * TEXT. The * alone opens the conversation.");
        // One word that is no id is one that was mistyped.
        assert!(refused("bianca!").starts_with("-- Not a user ID: "));
    }

    #[test]
    fn commands_need_no_slash_at_the_destination_prompt() {
        assert_eq!(at_destination("?"), Ok(Entry::Request(Request::Help(None))));
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
            Ok(Entry::Send { to: Conversation::User(id("carol")), text: "hi  there".into() })
        );
        assert!(in_conversation("@carol").is_err());
        assert!(in_conversation("@carol ").is_err());
        assert!(in_conversation("@-x hi").is_err());
    }

    #[test]
    fn groups_and_everyone_are_written_to_and_entered_by_their_signs() {
        let team = || Conversation::Group(group_name("team").unwrap());
        assert_eq!(in_conversation("#Team hello"), Ok(Entry::Send { to: team(), text: "hello".into() }));
        assert_eq!(at_destination("#team"), Ok(Entry::Destination(team())));
        assert_eq!(at_destination("*"), Ok(Entry::Destination(Conversation::Everyone)));
        assert_eq!(at_destination("send #team hello"), Ok(Entry::Send { to: team(), text: "hello".into() }));
        let all = Entry::Send { to: Conversation::Everyone, text: "hello all".into() };
        assert_eq!(at_destination("broadcast hello all"), Ok(all.clone()));
        assert_eq!(in_conversation("/send * hello all"), Ok(all));
    }

    #[test]
    fn wishes_about_groups_name_whom_and_where() {
        let wish = |line: &str| match in_conversation(line) {
            Ok(Entry::Request(Request::Group { wish, group })) => (wish, group.map(|group| group.to_string())),
            other => panic!("{other:?}"),
        };
        assert_eq!(wish("/group create #team"), (GroupWish::Create, Some("#team".into())));
        assert_eq!(wish("/group join team"), (GroupWish::Join, Some("#team".into())));
        assert_eq!(wish("/group members"), (GroupWish::Members, None));
        assert_eq!(wish("/group approve bianca #team"), (GroupWish::Approve(id("bianca")), Some("#team".into())));
        assert_eq!(wish("/group deny bianca"), (GroupWish::Deny(id("bianca")), None));
        assert!(in_conversation("/group").is_err());
        assert!(in_conversation("/group dance #team").is_err());
        assert!(in_conversation("/group approve").is_err());
        assert!(in_conversation("/group create").is_err());
    }

    #[test]
    fn words_meant_for_the_program_are_not_sent_alone() {
        assert!(in_conversation("Passcode").is_err());
        assert!(in_conversation("logout ").is_err());
        assert!(in_conversation("quit").is_err());
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
