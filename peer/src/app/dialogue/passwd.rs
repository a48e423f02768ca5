//! `/passwd`: the passcode in use, a new one, and the same again. None of the three is shown.

use common::secret::Passcode;

use super::question::Question;
use super::session::{Pending, Session};
use super::stage::Stage;
use crate::app::words::{self, passcode};
use crate::core::command::Command;
use crate::core::notice::NotChanged;

/// What is asked next.
#[derive(Debug)]
pub(super) enum Passwd {
    /// The passcode in use, so that nobody changes it at a terminal that was left alone.
    Current,
    /// A new one of so many characters.
    New { min: u16 },
    /// The new one again.
    Again { first: Passcode },
}

impl Passwd {
    pub(super) fn prompt(&self) -> String {
        match self {
            Self::Current => passcode::CURRENT.to_owned(),
            Self::New { min } => words::new_passcode(*min),
            Self::Again { .. } => words::AGAIN.to_owned(),
        }
    }
}

impl Session {
    pub(super) fn begin_passwd(&mut self, stage: &mut Stage) {
        self.put_entry_away(stage);
        self.ask(Question::Passcode(Passwd::Current), stage);
    }

    /// A hidden line; an empty one is ignored.
    pub(super) fn passcode_typed(&mut self, step: Passwd, line: &str, stage: &mut Stage) {
        let typed = Passcode::new(line.to_owned());
        if typed.is_empty() {
            self.question = Some(Question::Passcode(step));
            return;
        }
        stage.finish("");
        let min = self.passcode_min;
        let next = match step {
            Passwd::Current if self.passcode.matches(line) => Passwd::New { min },
            Passwd::Current => {
                stage.say(passcode::NOT_YOURS);
                return self.take_up_entry(stage);
            }
            Passwd::New { .. } if typed.length() < usize::from(min) => {
                stage.say(&words::too_short(min));
                Passwd::New { min }
            }
            Passwd::New { .. } => Passwd::Again { first: typed },
            Passwd::Again { first } if first.expose() != typed.expose() => {
                stage.say(words::DIFFERENT);
                Passwd::New { min }
            }
            Passwd::Again { first } => {
                self.pending = Some(Pending::Passcode);
                self.new_passcode = Some(first.clone());
                return stage.command(Command::ChangePasscode { to: first });
            }
        };
        self.question = Some(Question::Passcode(next));
    }

    pub(super) fn passcode_changed(&mut self, stage: &mut Stage) {
        if let Some(new) = self.new_passcode.take() {
            self.passcode = new;
        }
        self.passwd_done(passcode::CHANGED, stage);
    }

    pub(super) fn passcode_not_changed(&mut self, why: NotChanged, stage: &mut Stage) {
        self.new_passcode = None;
        self.passwd_done(&passcode::not_changed(why), stage);
    }

    fn passwd_done(&mut self, words: &str, stage: &mut Stage) {
        self.pending.take_if(|pending| *pending == Pending::Passcode);
        stage.say(words);
        self.take_up_entry(stage);
    }
}
