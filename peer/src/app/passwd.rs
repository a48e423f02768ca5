//! `/passwd`: the passcode in use, a new one, and the same again. None of the three is shown.

use common::secret::Passcode;

use super::texts::{self, passcode};

/// What is asked next.
#[derive(Debug, Clone)]
pub(crate) enum Passwd {
    /// The passcode in use, so that nobody changes it at a terminal that was left alone.
    Current,
    /// A new one of so many characters.
    New { min: u16 },
    /// The new one again.
    Again { first: Passcode },
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
    /// That was not the passcode in use.
    GiveUp,
    /// The directory is asked to change it.
    Change(Passcode),
}

impl Passwd {
    pub(crate) fn prompt(&self) -> String {
        match self {
            Self::Current => passcode::CURRENT.to_owned(),
            Self::New { min } => texts::new_passcode(*min),
            Self::Again { .. } => texts::AGAIN.to_owned(),
        }
    }

    /// Takes a line; `current` is the passcode in use, `min` the least length of a new one. An empty line is ignored.
    pub(crate) fn typed(self, line: &str, current: &Passcode, min: u16) -> Step {
        let typed = Passcode::new(line.to_owned());
        let ask = |next| Step::Ask { next, why: None };
        match self {
            step if typed.is_empty() => ask(step),
            Self::Current if current.matches(line) => ask(Self::New { min }),
            Self::Current => Step::GiveUp,
            Self::New { .. } if typed.length() < usize::from(min) => {
                Step::Ask { next: Self::New { min }, why: Some(texts::too_short(min)) }
            }
            Self::New { .. } => ask(Self::Again { first: typed }),
            Self::Again { first } if first.expose() != typed.expose() => {
                Step::Ask { next: Self::New { min }, why: Some(texts::DIFFERENT.to_owned()) }
            }
            Self::Again { first } => Step::Change(first),
        }
    }
}
