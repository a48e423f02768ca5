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
    VERIFY,
    Topic { word: "logout", usage: "/logout", needs: "stands alone", does: "log out and leave", example: "/logout" },
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

/// The command of this name.
pub(crate) fn topic(word: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.word == word)
}

/// `/help`: fits 80x24.
pub(crate) fn overview() -> Vec<String> {
    let mut lines = vec!["Type the ID of a user to connect, then your messages. CTRL-C ends it.".to_owned()];
    lines.extend(TOPICS.iter().map(|topic| format!("  {:<16} {}", topic.usage, topic.does)));
    lines.extend(
        [
            "While you wait for a connection list, logout, help and quit need no slash.",
            "@bianca TEXT goes to bianca while you talk to somebody else.",
            "To send a text that starts with / ! @ or #, type that character twice.",
        ]
        .map(str::to_owned),
    );
    lines
}

/// `/help COMMAND`.
pub(crate) fn about(topic: &Topic) -> Vec<String> {
    vec![format!("{}   {}", topic.usage, topic.does), format!("Example: {}", topic.example)]
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

/// `e.no_text`
pub(crate) fn no_text(to: &str) -> String {
    format!("-- There is no text for {to}. Nothing was sent. Example: @bianca Hello")
}

/// `e.no_group`
pub(crate) fn no_group(name: &str) -> String {
    format!("-- There is no group #{name}. Nothing was sent. To send a text that starts with #, type ##.")
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
    fn every_command_is_a_reserved_id() {
        for topic in TOPICS {
            assert!(common::ident::UserId::parse(topic.word).unwrap().is_reserved(), "{}", topic.word);
        }
    }
}
