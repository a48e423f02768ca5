//! What `/help` says, and the one list of commands that [`crate::app::grammar`] knows.

/// A command that can be typed in the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    /// The word after the slash.
    pub(crate) word: &'static str,
    /// How it is typed.
    pub(crate) usage: &'static str,
    /// What `e.args` says of its arguments.
    needs: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    /// One example.
    pub(crate) example: &'static str,
}

impl Topic {
    /// Whether it never takes more words.
    pub(crate) fn stands_alone(&self) -> bool {
        self.usage.strip_prefix('/') == Some(self.word)
    }
}

/// `/verify`, which needs a user only where nobody is being talked to.
pub(crate) const VERIFY: Topic = Topic {
    word: "verify",
    usage: "/verify [ID]",
    needs: "needs a user",
    does: "compare keys, to be sure who it is",
    example: "/verify bianca",
};

/// All commands, the commonest first.
pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        word: "list",
        usage: "/list",
        needs: "stands alone",
        does: "who is online, and whose key is verified",
        example: "/list",
    },
    Topic {
        word: "send",
        usage: "/send TO TEXT",
        needs: "needs a user and a text",
        does: "a message, also to #groups, * and who is away",
        example: "/send bianca Hello",
    },
    Topic {
        word: "group",
        usage: "/group WISH #G",
        needs: "needs a wish (create, join, leave, members, approve ID, deny ID, remove ID, admin ID) and a group",
        does: "create, join, leave, members, approve, deny, remove, admin",
        example: "/group create #team",
    },
    Topic {
        word: "end",
        usage: "/end",
        needs: "stands alone",
        does: "end the conversation (CTRL-C does the same)",
        example: "/end",
    },
    Topic {
        word: "switch",
        usage: "/switch ID",
        needs: "needs a user",
        does: "talk to somebody else (Alt+A: the next one)",
        example: "/switch bianca",
    },
    Topic {
        word: "file",
        usage: "/file [TO] PATH",
        needs: "needs a path",
        does: "offer a file; it also waits for who is away",
        example: "/file bianca plans.pdf",
    },
    Topic {
        word: "accept",
        usage: "/accept N [DIR]",
        needs: "needs the number of a file",
        does: "take a file that was offered",
        example: "/accept 7",
    },
    VERIFY,
    Topic {
        word: "history",
        usage: "/history [TO] [N]",
        needs: "takes a user or group and a number at most",
        does: "the last messages here, or with somebody",
        example: "/history bianca 50",
    },
    Topic { word: "logout", usage: "/logout", needs: "stands alone", does: "log out and leave", example: "/logout" },
    Topic {
        word: "files",
        usage: "/files",
        needs: "stands alone",
        does: "files offered, coming, and done, with their numbers",
        example: "/files",
    },
    Topic {
        word: "refuse",
        usage: "/refuse N",
        needs: "needs the number of a file",
        does: "do not take a file",
        example: "/refuse 7",
    },
    Topic {
        word: "cancel",
        usage: "/cancel N",
        needs: "needs the number of a file",
        does: "stop or withdraw a file",
        example: "/cancel 7",
    },
    Topic {
        word: "resume",
        usage: "/resume N",
        needs: "needs the number of a file",
        does: "try again to fetch a file",
        example: "/resume 7",
    },
    Topic {
        word: "find",
        usage: "/find WORDS",
        needs: "needs words",
        does: "messages with these words, newest first",
        example: "/find page three",
    },
    Topic {
        word: "why",
        usage: "/why [TO]",
        needs: "takes a user or group at most",
        does: "what has become of your messages",
        example: "/why bianca",
    },
    Topic {
        word: "away",
        usage: "/away [TEXT]",
        needs: "takes a text",
        does: "tell others that you are away; /back ends it",
        example: "/away lunch",
    },
    Topic { word: "back", usage: "/back", needs: "stands alone", does: "you are no longer away", example: "/back" },
    Topic {
        word: "broadcast",
        usage: "/broadcast TEXT",
        needs: "needs a text",
        does: "tell everyone who is online; not secret",
        example: "/broadcast The server moves tonight.",
    },
    Topic {
        word: "block",
        usage: "/block ID",
        needs: "needs a user",
        does: "no calls and messages from this user; /unblock ends it",
        example: "/block bianca",
    },
    Topic {
        word: "unblock",
        usage: "/unblock ID",
        needs: "needs a user",
        does: "take this user's calls and messages again",
        example: "/unblock bianca",
    },
    Topic {
        word: "receipts",
        usage: "/receipts on|off",
        needs: "is on or off",
        does: "whether others are told what you have read",
        example: "/receipts on",
    },
    Topic {
        word: "terminal",
        usage: "/terminal [remove N]",
        needs: "stands alone, or removes one by its number",
        does: "where you are logged in; forget a terminal",
        example: "/terminal remove 2",
    },
    Topic {
        word: "retry",
        usage: "/retry [N]",
        needs: "takes a number at most",
        does: "send again what was not delivered",
        example: "/retry",
    },
    Topic {
        word: "copy",
        usage: "/copy [N]",
        needs: "takes a number at most",
        does: "the last message of somebody else (or the Nth last) to the clipboard",
        example: "/copy 2",
    },
    Topic {
        word: "edit",
        usage: "/edit",
        needs: "stands alone",
        does: "write in $EDITOR, then Enter",
        example: "/edit",
    },
    Topic {
        word: "time",
        usage: "/time on|off",
        needs: "is on or off",
        does: "whether the time stands behind messages",
        example: "/time on",
    },
    Topic {
        word: "bell",
        usage: "/bell on|off",
        needs: "is on or off",
        does: "whether messages ring the bell",
        example: "/bell on",
    },
    Topic {
        word: "mouse",
        usage: "/mouse on|off",
        needs: "is on or off",
        does: "whether the full screen takes clicks, wheel and dragging",
        example: "/mouse on",
    },
    Topic {
        word: "mute",
        usage: "/mute [TO]",
        needs: "takes a user or group at most",
        does: "tell nothing of them while you talk to others; /unmute ends it",
        example: "/mute #team",
    },
    Topic {
        word: "unmute",
        usage: "/unmute [TO]",
        needs: "takes a user or group at most",
        does: "tell of them again",
        example: "/unmute #team",
    },
    Topic {
        word: "passwd",
        usage: "/passwd [--new-key]",
        needs: "takes --new-key at most",
        does: "change your passcode; --new-key: your key, too",
        example: "/passwd --new-key",
    },
    Topic { word: "quit", usage: "/quit", needs: "stands alone", does: "the same as /logout", example: "/quit" },
    Topic { word: "who", usage: "/who", needs: "stands alone", does: "the same as /list", example: "/who" },
    Topic {
        word: "version",
        usage: "/version",
        needs: "stands alone",
        does: "the version of this program",
        example: "/version",
    },
    Topic {
        word: "help",
        usage: "/help [COMMAND]",
        needs: "takes one command at most",
        does: "this text, or more about one command",
        example: "/help verify",
    },
];

/// So many of them `/help` explains; of the rest it gives the names.
const COMMONEST: usize = 10;

/// The command of this name.
pub(crate) fn topic(word: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.word == word)
}

/// `/help`: fits 80x24.
pub(crate) fn overview() -> Vec<String> {
    let mut lines = vec!["Type the ID of a user to connect, then your messages. CTRL-C ends it.".to_owned()];
    lines.extend(TOPICS[..COMMONEST].iter().map(|topic| format!("  {:<17} {}", topic.usage, topic.does)));
    let rest: Vec<&str> = TOPICS[COMMONEST..].iter().map(|topic| topic.word).collect();
    let rows = rest.chunks(rest.len().div_ceil(3)).map(|row| row.join(" "));
    lines.extend(
        rows.enumerate().map(|(number, row)| format!("{}{row}", if number == 0 { "Also: " } else { "      " })),
    );
    lines.extend(
        [
            "At the destination prompt commands need no slash. /help COMMAND says more.",
            "@bianca TEXT and #team TEXT go there while you talk to somebody else.",
            "To send a text that starts with / ! @ or #, type that character twice.",
        ]
        .map(str::to_owned),
    );
    lines
}

/// Commands that people look for together.
const RELATED: &[&[&str]] = &[
    &["list", "who", "switch"],
    &["send", "broadcast", "why", "retry"],
    &["group", "send", "list"],
    &["end", "switch", "logout", "quit"],
    &["file", "files", "accept", "refuse", "cancel", "resume"],
    &["verify", "block", "unblock"],
    &["history", "find", "copy", "edit"],
    &["away", "back"],
    &["mute", "unmute", "bell", "time", "mouse"],
    &["receipts", "why"],
    &["terminal", "passwd"],
    &["version", "help"],
];

/// `/help COMMAND`: usage, an example, related commands.
pub(crate) fn about(topic: &Topic) -> Vec<String> {
    let together = RELATED.iter().filter(|words| words.contains(&topic.word)).copied().flatten();
    let others: Vec<String> = together.filter(|word| **word != topic.word).map(|word| format!("/{word}")).collect();
    vec![
        format!("{}   {}", topic.usage, topic.does),
        format!("Example: {}", topic.example),
        format!("See also: {}", others.join(" ")),
    ]
}

/// `/version`
pub(crate) fn version() -> String {
    format!("peer {}", env!("CARGO_PKG_VERSION"))
}

/// `e.command`
pub(crate) fn no_command(word: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("-- No command /{word}. Did you mean /{near}? Nothing was sent."),
        None => format!("-- No command /{word}. /help lists them. Nothing was sent."),
    }
}

/// `e.args`
pub(crate) fn wrong_arguments(topic: &Topic) -> String {
    format!("-- /{} {}: {}", topic.word, topic.needs, topic.example)
}

/// `e.whom`: a command that is about whom one talks to, typed where one talks to nobody.
pub(crate) fn needs_whom(word: &str) -> String {
    match word {
        "edit" => format!("-- /{word} writes to whom you talk to. Type whom first: bianca, #team or *"),
        "file" => "-- You talk to nobody here, so /file needs a name: /file bianca plans.pdf".to_owned(),
        word => format!("-- You talk to nobody here, so /{word} needs a name: /{word} bianca"),
    }
}

/// `e.no_text`
pub(crate) fn no_text(to: &str) -> String {
    format!("-- There is no text for {to}. Nothing was sent. Example: @{to} Hello")
}

/// `e.whom_first`: a text where the id of a user is asked for; perhaps it begins with one.
pub(crate) fn whom_first(id: Option<common::ident::UserId>) -> String {
    let id = id.as_ref().map_or("ID", common::ident::UserId::as_str);
    format!("-- Type whom to talk to first, the ID alone, then your messages. In one line: /send {id} TEXT")
}

/// `e.whom_first`, of a text for everyone.
pub(crate) fn everyone_first() -> String {
    "-- To everyone in one line: /send * TEXT. The * alone opens the conversation.".to_owned()
}

/// `e.word`: a word that was probably meant for the program.
pub(crate) fn lone_word(word: &str) -> String {
    format!(
        "-- \"{word}\" alone looks as if it was not meant as a message. Nothing was sent. /help lists the commands."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_fits_eighty_columns_and_twenty_four_rows() {
        let lines = overview();
        assert!(lines.len() <= 23);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
    }

    #[test]
    fn the_help_of_a_command_has_an_example_and_names_related_commands() {
        for topic in TOPICS {
            let lines = about(topic);
            assert!(lines[2].starts_with("See also: /"), "{lines:?}");
            assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        }
        assert!(RELATED.iter().copied().flatten().all(|word| super::topic(word).is_some()));
    }

    #[test]
    fn every_command_is_a_reserved_id() {
        for topic in TOPICS {
            assert!(common::ident::UserId::parse(topic.word).unwrap().is_reserved(), "{}", topic.word);
        }
    }
}
