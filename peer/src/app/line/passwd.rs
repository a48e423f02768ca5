//! `/passwd`, asked line by line.

use super::question::Question;
use super::session::{Pending, Session};
use super::stage::Stage;
use crate::app::passwd::{Passwd, Step};
use crate::app::texts::passcode;
use peer_core::command::{Command, SessionCommand};
use peer_core::notice::NotChanged;

impl Session {
    pub(super) fn begin_passwd(&mut self, stage: &mut Stage) {
        self.put_entry_away(stage);
        self.ask(Question::Passcode(Passwd::Current), stage);
    }

    /// A hidden line; an empty one is ignored.
    pub(super) fn passcode_typed(&mut self, step: Passwd, line: &str, stage: &mut Stage) {
        if !line.is_empty() {
            stage.finish("");
        }
        match step.typed(line, &self.passcode, self.passcode_min) {
            Step::Ask { next, why } => {
                why.iter().for_each(|why| stage.say(why));
                self.question = Some(Question::Passcode(next));
            }
            Step::GiveUp => {
                stage.say(passcode::NOT_YOURS);
                self.take_up_entry(stage);
            }
            Step::Change(to) => {
                self.pending = Some(Pending::Passcode);
                self.new_passcode = Some(to.clone());
                stage.command(Command::Session(SessionCommand::ChangePasscode { to }));
            }
        }
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
