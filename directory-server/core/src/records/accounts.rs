//! Users and their credentials, as logins, registrations and changes of a passcode need them.

use common::crypto::invite::InviteCode;
use common::ident::{Cookie, CredentialId, TerminalId, UserId};
use common::msg::OwnSuccessor;
use sha2::{Digest, Sha256};

use crate::lockout::{Class, Verdict};
use crate::timestamp::Timestamp;

/// What an id is to the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdStatus {
    /// Nobody has it.
    Free,
    /// Kept for whoever holds this invitation.
    Invited(InviteCode),
    /// The id is kept, but the invitation that goes with it has expired.
    AwaitsInvite,
    /// A user has it.
    Taken,
    /// A removed user had it; it is never given out again (threat L8).
    Removed,
}

/// What a login needs of a registered user.
#[derive(Debug, Clone)]
pub struct Account {
    /// Immutable internal id (threat L2).
    pub credential: CredentialId,
    /// OPAQUE record.
    pub record: Vec<u8>,
    /// Identity key, PKCS#1 DER.
    pub public_key: Vec<u8>,
    /// The encrypted identity key.
    pub vault: Vec<u8>,
    /// The version of the vault in force, if this is one from before a change.
    pub newest: Option<u64>,
}

/// SHA-256 of a terminal's cookie; the store never sees the cookie itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieDigest(pub [u8; 32]);

impl CookieDigest {
    /// Digest of a cookie.
    #[must_use]
    pub fn of(cookie: &Cookie) -> Self {
        Self(Sha256::digest(cookie.as_bytes()).into())
    }
}

/// A record and the vault that goes with it (protocol section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The record of the last change of the passcode, or of the registration.
    Current,
    /// The record from before a change: at the terminal that changed it until the first login with the current one, at older
    /// ones for [`FORMER_PASSCODE`](common::limits::FORMER_PASSCODE).
    Previous,
}

/// A KE1 that has arrived.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who logs in.
    pub user: UserId,
    /// At which terminal.
    pub terminal: TerminalId,
    /// The cookie it presented.
    pub cookie: Option<CookieDigest>,
    /// What it wants to log in with; only a known terminal gets the former one.
    pub generation: Generation,
    /// Who may try at all.
    pub admits: Admits,
}

/// Whose attempts are counted and answered (decision D10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Everybody's.
    Everybody,
    /// Those of terminals that have logged in before: their source has failed too often.
    KnownTerminals,
}

/// Outcome of counting an attempt.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Whether KE2 may be computed.
    pub verdict: Verdict,
    /// Whose budget was drawn from.
    pub class: Class,
    /// The user, if there is one.
    pub account: Option<Account>,
    /// Whether the record from before a change is kept; only known terminals learn it.
    pub changed: bool,
}

/// A valid KE3.
#[derive(Debug, Clone)]
pub struct Success {
    /// Who has logged in.
    pub user: UserId,
    /// Against which credentials.
    pub credential: CredentialId,
    /// Against which record of these; if it is the newest, a former one is forgotten.
    pub record: Vec<u8>,
    /// At which terminal.
    pub terminal: TerminalId,
    /// Whose budget is given back.
    pub class: Class,
    /// The cookie the terminal holds from now on.
    pub cookie: CookieDigest,
    /// Where there are as many terminals as are remembered, one that has not logged in since then may make room.
    pub unseen_since: Timestamp,
}

/// Outcome of a valid KE3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The budget was given back and the terminal is known from now on.
    Granted {
        /// The certificate this terminal announced before, encoded.
        certificate: Option<Vec<u8>>,
        /// How long it has been there beside the others of its user: the greater, the younger.
        age: i64,
    },
    /// An administrator has locked the user.
    LockedByAdministrator,
    /// The credentials were removed or reset since KE1.
    Gone,
    /// The passcode was changed since KE1, and this terminal may not use the one before.
    Outdated,
    /// As many older terminals as are remembered stay: there is no room for another one.
    Full,
}

/// A terminal about to be present.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose.
    pub user: UserId,
    /// Against which credentials the user has logged in.
    pub credential: CredentialId,
    /// Against which record of these.
    pub record: Vec<u8>,
    /// Which one.
    pub terminal: TerminalId,
    /// Its certificate, encoded, if it is not the one announced before.
    pub new_certificate: Option<Vec<u8>>,
}

/// Whether a terminal may still become present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryCheck {
    /// User, credentials and terminal are what they were when the login was granted.
    Valid,
    /// The user was locked, reset or removed meanwhile, the passcode was changed, or the terminal was removed.
    Revoked,
}

/// What came of a change of the passcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasscodeChange {
    /// The new record and vault are in force, and no younger terminal has a cookie any more.
    Changed,
    /// The record that was proved does not hold any more, or the vault's version is not above that of its vault; nothing
    /// has happened.
    Outdated,
}

/// Who removes a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remover {
    /// A terminal of the same user that has just proved the passcode.
    Terminal(TerminalId),
    /// Whoever holds the cookie of the terminal that is removed, and is as old as that one from then on.
    Successor {
        /// Which terminal takes its place.
        terminal: TerminalId,
        /// The digest of the cookie.
        cookie: CookieDigest,
    },
    /// An administrator.
    Administrator,
}

/// What came of removing a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalRemoval {
    /// It is gone, or was before.
    Removed,
    /// Whoever asked has not shown that they may.
    NotProved,
    /// It is older than the terminal that asked.
    Older,
}

/// A user about to be registered.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// Credentials and key.
    pub account: Account,
    /// The invitation that is used up by this registration.
    pub invite: Option<InviteCode>,
}

/// Outcome of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The user exists from now on.
    Done,
    /// Somebody else was faster.
    Unavailable,
    /// The invitation was used, revoked or has expired.
    InviteGone,
}

/// A passcode about to be changed.
#[derive(Debug, Clone)]
pub struct NewPasscode {
    /// Whose.
    pub user: UserId,
    /// At which terminal.
    pub terminal: TerminalId,
    /// The credentials that are changed.
    pub credential: CredentialId,
    /// The record of these that was proved just before.
    pub proved: Vec<u8>,
    /// OPAQUE record.
    pub record: Vec<u8>,
    /// The encrypted identity key.
    pub vault: Vec<u8>,
    /// The vault's version.
    pub version: i64,
}

/// An identity key about to take the place of another, with the passcode that opens it.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Record and vault.
    pub passcode: NewPasscode,
    /// The key that it takes the place of, PKCS#1 DER.
    pub former: Vec<u8>,
    /// The statement, and what opens stores.
    pub own: OwnSuccessor,
}

/// What came of a new identity key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// Key, record, vault and statement are in force, and no other terminal has a cookie any more.
    Changed,
    /// The record that was proved does not hold any more, the key is not the one there is, or the vault's version is not above
    /// that of the one there is; nothing has happened.
    Outdated,
    /// There is an older terminal that holds a cookie; nothing has happened.
    Older,
}
