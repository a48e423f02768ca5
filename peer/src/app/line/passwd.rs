//! `/passwd`, asked line by line.

use super::outputs::Outputs;
use super::pending::Pending;
use super::question::Question;
use super::session::Session;
use crate::app::model::Directory;
use crate::app::passwd::{Passwd, Purpose, Step};
use crate::app::texts::passcode;
use peer_core::command::{Command, SessionCommand};

impl Session {
    pub(super) fn begin_passwd(&mut self, purpose: Purpose, outputs: &mut Outputs) {
        if self.model.directory != Directory::Here {
            return outputs.say(&purpose.out_of_reach());
        }
        self.put_entry_away(outputs);
        self.ask(Question::Passcode(Passwd::Current(purpose)), outputs);
    }

    /// A hidden line; an empty one is ignored.
    pub(super) fn passcode_typed(&mut self, step: Passwd, line: &str, outputs: &mut Outputs) {
        if !line.is_empty() {
            outputs.finish("");
        }
        match step.typed(line, &self.model.account.passcode, self.model.account.passcode_min) {
            Step::Ask { next, why } => {
                why.iter().for_each(|why| outputs.say(why));
                self.question = Some(Question::Passcode(next));
            }
            Step::Command { command, to } => {
                to.into_iter().for_each(|to| self.model.account.changes_passcode(to));
                if matches!(command, SessionCommand::ChangeKey { .. }) {
                    outputs.say(passcode::MAKING_KEY);
                }
                outputs.ask(Pending::Passcode, Command::Session(command));
            }
        }
    }

    pub(super) fn passwd_done(&mut self, words: &str, outputs: &mut Outputs) {
        outputs.close(|pending| *pending == Pending::Passcode);
        outputs.say(words);
        self.take_up_entry(outputs);
    }
}
