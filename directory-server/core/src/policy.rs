//! The rules of a directory that its administrator may change.

use std::time::Duration;

use common::limits::{Allowance, Budget};
use common::msg::Registration;

use crate::address_style::AddressStyle;
use crate::lockout::LockRule;
use crate::records::MailRule;
use crate::relay::RelayMode;
use crate::sources::LoopbackRule;
use crate::subscriptions::Visibility;
use crate::user_style::UserStyle;

/// The rules an administrator may change, also while the directory runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Who may register.
    pub registration: Registration,
    /// Fewest characters of a new passcode; the terminal enforces it, because the directory never sees a passcode.
    pub passcode_min: u16,
    /// Tries and first lock.
    pub lock: LockRule,
    /// Logins of one source in a minute; 0: no limit.
    pub logins_per_minute: u32,
    /// Requests of one user in a minute; 0: no limit, and none on what they carry.
    pub requests_per_minute: u32,
    /// Users and groups that one user asks for in a minute; 0: no limit.
    pub lookups_per_minute: u32,
    /// What mailboxes take.
    pub mail: MailRule,
    /// Who hears of it when somebody comes or goes.
    pub presence: Visibility,
    /// Broadcasts of one user in a minute; 0: no limit.
    pub broadcasts_per_minute: u32,
    /// Whether what comes from this machine is counted by its address.
    pub loopback: LoopbackRule,
    /// How much of an address the log shows.
    pub addresses: AddressStyle,
    /// How the log names users.
    pub users: UserStyle,
    /// Terminals of one user that may be present.
    pub terminals_per_user: usize,
    /// Whether links are relayed.
    pub relay: RelayMode,
    /// How long records are valid; zero: there are none.
    pub records: Duration,
}

impl Policy {
    /// How large a budget is.
    pub(crate) fn allowance(&self, budget: Budget) -> Allowance {
        let fixed = budget.allowance();
        // A source has room for as many users as it has by default.
        let chosen =
            |user: u32| Allowance { user, source: user.saturating_mul(fixed.source / fixed.user.max(1)), ..fixed };
        match budget {
            Budget::Requests => chosen(self.requests_per_minute),
            Budget::Names => chosen(self.lookups_per_minute),
            Budget::Broadcasts => chosen(self.broadcasts_per_minute),
            Budget::DailyBroadcasts if self.broadcasts_per_minute == 0 => Allowance { user: 0, source: 0, ..fixed },
            Budget::Logins => Allowance { source: self.logins_per_minute, ..fixed },
            Budget::Bytes
            | Budget::Watches
            | Budget::Messages
            | Budget::Commits
            | Budget::Published
            | Budget::Certificates
                if self.requests_per_minute == 0 =>
            {
                Allowance { user: 0, source: 0, ..fixed }
            }
            Budget::Bytes
            | Budget::Meetings
            | Budget::Watches
            | Budget::Messages
            | Budget::Commits
            | Budget::KeyPackages
            | Budget::DailyBroadcasts
            | Budget::Published
            | Budget::Certificates
            | Budget::Passcodes
            | Budget::Questions
            | Budget::Failures
            | Budget::Registrations => fixed,
        }
    }
}
