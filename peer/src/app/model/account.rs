//! The user of this terminal: who it is, the passcode, the terminals.

use common::ident::{TerminalId, UserId};
use common::secret::Passcode;

/// Who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: UserId,
    /// Kept so that it is never sent as a message.
    pub(crate) passcode: Passcode,
    /// Fewest characters of a passcode.
    pub(crate) passcode_min: u16,
    /// The one that the directory was asked to change it to.
    next_passcode: Option<Passcode>,
    /// This user's terminals as they were listed last; each is called by its place.
    terminals: Vec<TerminalId>,
}

impl Account {
    pub(crate) fn new(user: UserId, passcode: Passcode, passcode_min: u16) -> Self {
        Self { user, passcode, passcode_min, next_passcode: None, terminals: Vec::new() }
    }

    /// The directory is asked to change the passcode.
    pub(crate) fn changes_passcode(&mut self, to: Passcode) {
        self.next_passcode = Some(to);
    }

    pub(super) fn passcode_changed(&mut self) {
        if let Some(next) = self.next_passcode.take() {
            self.passcode = next;
        }
    }

    pub(super) fn passcode_not_changed(&mut self) {
        self.next_passcode = None;
    }

    pub(super) fn terminals_listed(&mut self, all: &[TerminalId]) {
        self.terminals = all.to_vec();
    }

    /// The terminal with this number, counted from one as they were listed.
    pub(crate) fn terminal(&self, number: usize) -> Option<TerminalId> {
        self.terminals.get(number.checked_sub(1)?).copied()
    }
}
