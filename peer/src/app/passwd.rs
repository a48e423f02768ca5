//! `/passwd`: the passcode in use, a new one, and the same again; and the passcode in use for what needs only that. None of
//! them is shown.

use common::ident::TerminalId;
use common::secret::Passcode;
use peer_core::command::SessionCommand;
use peer_core::notice::NotChanged;

use super::grammar;
use super::texts::{self, passcode};

/// What is asked next.
#[derive(Debug, Clone)]
pub(crate) enum Passwd {
    /// The passcode in use, so that nobody changes anything at a terminal that was left alone.
    Current(Purpose),
    /// A new one of so many characters, in the place of the one in use.
    New { min: u16, current: Passcode, opens: Opens },
    /// The new one again.
    Again { first: Passcode, current: Passcode, opens: Opens },
}

/// What the passcode in use is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To change it, and perhaps the identity key.
    Change(Opens),
    /// To remove a terminal.
    Removal(TerminalId),
}

impl Purpose {
    /// What is said instead of asking while the directory is out of reach: nobody types passcodes for nothing.
    pub(crate) fn out_of_reach(self) -> String {
        match self {
            Self::Change(_) => passcode::not_changed(NotChanged::DirectoryLost),
            Self::Removal(_) => passcode::terminal_not_removed(NotChanged::DirectoryLost),
        }
    }
}

/// What a new passcode opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opens {
    /// The identity key that there is.
    SameKey,
    /// A new one in its place.
    NewKey,
}

/// Two of the same step ask the same.
impl PartialEq for Passwd {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for Passwd {}

/// What a hidden line leads to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Another question, and why, if it is not simply the next one.
    Ask { next: Passwd, why: Option<String> },
    /// The directory is asked; to what a passcode is to be changed.
    Command { command: SessionCommand, to: Option<Passcode> },
}

impl Passwd {
    pub(crate) fn prompt(&self) -> String {
        match self {
            Self::Current(_) => passcode::CURRENT.to_owned(),
            Self::New { min, .. } => texts::new_passcode(*min),
            Self::Again { .. } => texts::AGAIN.to_owned(),
        }
    }

    /// Takes a line; `own` is the passcode in use as far as it is known here, `min` the least length of a new one. An empty
    /// line is ignored. A passcode that is not the one in use is proved at once, so that the directory counts it.
    pub(crate) fn typed(self, line: &str, own: &Passcode, min: u16) -> Step {
        let typed = Passcode::new(line.to_owned());
        let ask = |next| Step::Ask { next, why: None };
        match self {
            step if typed.is_empty() => ask(step),
            Self::Current(Purpose::Removal(terminal)) => {
                Step::Command { command: SessionCommand::RemoveTerminal { terminal, current: typed }, to: None }
            }
            Self::Current(Purpose::Change(opens)) if own.matches(line) => ask(Self::New { min, current: typed, opens }),
            Self::Current(Purpose::Change(_)) => {
                Step::Command { command: SessionCommand::ProvePasscode { current: typed }, to: None }
            }
            Self::New { current, opens, .. } => match grammar::unfit_passcode(&typed, min) {
                Some(why) => Step::Ask { next: Self::New { min, current, opens }, why: Some(why) },
                None => ask(Self::Again { first: typed, current, opens }),
            },
            Self::Again { first, current, opens } if first.expose() != typed.expose() => {
                Step::Ask { next: Self::New { min, current, opens }, why: Some(texts::DIFFERENT.to_owned()) }
            }
            Self::Again { first, current, opens } => {
                let to = first.clone();
                let command = match opens {
                    Opens::SameKey => SessionCommand::ChangePasscode { current, to },
                    Opens::NewKey => SessionCommand::ChangeKey { current, to },
                };
                Step::Command { command, to: Some(first) }
            }
        }
    }
}
