//! What a session with the directory is to do, from whoever carries out the engine's effects.

use async_channel::Sender;
use common::msg::{Envelope, RequestNumber, ToDirectory};
use common::secret::Passcode;
use peer_core::command::{CallCommand, Command, DirectoryCommand, SessionCommand};
use peer_core::event::PasscodeStep;

/// What the session is to do.
#[derive(Debug)]
pub(crate) enum DirectoryRequest {
    /// Send this.
    Send(Box<Envelope<ToDirectory>>),
    /// Begin to prove this passcode, by a request of this number; what it is to become, if it is changed then.
    ProvePasscode { request: RequestNumber, wish: PasscodeWish },
    /// Go on with the proof, or the change of the passcode.
    Passcode(PasscodeStep),
    /// Log in again: this terminal has become another one.
    LogInAgain,
    /// Somebody waits for the directory: a lost session is got back as soon as may be.
    Hurry,
    /// The last one: end the session.
    Logout,
}

impl DirectoryRequest {
    /// Whether a command of the user waits for what only the directory can tell.
    pub(crate) fn is_needed_for(command: &Command) -> bool {
        matches!(
            command,
            Command::Directory(DirectoryCommand::List)
                | Command::Call(CallCommand::Place { .. })
                | Command::Group { .. }
        )
    }
}

/// The passcodes that the user gave.
#[derive(Debug, Clone)]
pub(crate) struct PasscodeWish {
    /// The present one.
    pub(crate) current: Passcode,
    /// The one that it is to become.
    pub(crate) to: Option<Passcode>,
    /// Whether it is to open a new identity key.
    pub(crate) new_key: bool,
}

impl PasscodeWish {
    /// The passcodes that a command gives, if it needs any.
    pub(crate) fn of(command: &SessionCommand) -> Option<Self> {
        let (current, to) = match command {
            SessionCommand::ProvePasscode { current } | SessionCommand::RemoveTerminal { current, .. } => {
                (current, None)
            }
            SessionCommand::ChangePasscode { current, to } | SessionCommand::ChangeKey { current, to } => {
                (current, Some(to.clone()))
            }
            SessionCommand::Identify { .. }
            | SessionCommand::TrustDirectory(_)
            | SessionCommand::TakeVault(_)
            | SessionCommand::Login { .. }
            | SessionCommand::Register { .. }
            | SessionCommand::Invitation { .. }
            | SessionCommand::Terminals
            | SessionCommand::Logout => return None,
        };
        let new_key = matches!(command, SessionCommand::ChangeKey { .. });
        Some(Self { current: current.clone(), to, new_key })
    }
}

/// Sends a request; a session that is over answers nothing any more, and nobody asks it.
pub(crate) async fn ask(requests: &Sender<DirectoryRequest>, request: DirectoryRequest) {
    let _ = requests.send(request).await;
}
