//! How a login is left, or taken back by a step, before it has come about.

use super::{Login, State, take_vault, trust};
use crate::app::line::outputs::Outputs;
use crate::app::{exit, texts};
use peer_core::command::Answer;

impl Login {
    pub(super) fn ctrl_c(self, outputs: &mut Outputs) -> State {
        outputs.abandon_entry();
        match self {
            Self::Trust { user } => trust(user, Answer::No, outputs),
            Self::Vault { user, passcode, passcode_min } => {
                take_vault((user, passcode, passcode_min), Answer::No, outputs)
            }
            Self::Register(newcomer) | Self::NewPasscode(newcomer) | Self::Again { newcomer, .. }
                if newcomer.invited_by.is_none() =>
            {
                Self::User.ask(outputs)
            }
            Self::User
            | Self::Identifying { .. }
            | Self::Register(_)
            | Self::NewPasscode(_)
            | Self::Again { .. }
            | Self::Registering { .. }
            | Self::Passcode { .. }
            | Self::LoggingIn { .. }
            | Self::Join
            | Self::Joining => outputs.exit(exit::INTERRUPT),
        }
    }

    pub(super) fn ctrl_d(self, outputs: &mut Outputs) -> State {
        outputs.abandon_entry();
        match self {
            Self::Trust { user } => trust(user, Answer::No, outputs),
            Self::Vault { user, passcode, passcode_min } => {
                take_vault((user, passcode, passcode_min), Answer::No, outputs)
            }
            Self::NewPasscode(newcomer) | Self::Again { newcomer, .. } if newcomer.invited_by.is_none() => {
                Self::User.ask(outputs)
            }
            Self::User
            | Self::Identifying { .. }
            | Self::Register(_)
            | Self::NewPasscode(_)
            | Self::Again { .. }
            | Self::Registering { .. }
            | Self::Passcode { .. }
            | Self::LoggingIn { .. }
            | Self::Join
            | Self::Joining => {
                let code = outputs.exit_at_end_of_input;
                outputs.exit(code)
            }
        }
    }

    /// An input that ends before the login has one: a script has forgotten something.
    pub(super) fn end_of_input(self, outputs: &mut Outputs) -> State {
        let (question, _) = self.question(outputs);
        outputs.exit_at_end_of_input = exit::USAGE;
        let state = self.ctrl_d(outputs);
        match state {
            State::Left => outputs.say(&texts::no_answer(&question)),
            // It goes back one step, where the input ends again.
            State::Login(_) | State::Session(_) | State::Leaving(_) => outputs.exit_at_end_of_input = exit::OK,
        }
        state
    }
}
