//! What passes through the store: requests on their way in, outcomes on their way out.
//!
//! Plain values without behaviour, but for what follows from them alone. [`accounts`] is what logins, registrations and
//! changes of a passcode need, [`mail`] what mailboxes and rooms do, [`administration`] what administrators see. What is
//! sent as it is stored is a type of `common::msg`.

pub mod accounts;
pub mod administration;
pub mod mail;

pub use accounts::{
    Account, Admits, Attempt, CookieDigest, Entry, EntryCheck, Generation, Grant, IdStatus, KeyChange, NewKey,
    NewPasscode, NewUser, PasscodeChange, Registered, Remover, Reservation, Success, TerminalRemoval,
};
pub use administration::{
    InviteRecord, LoggedBroadcast, RoomRecord, RoomRemoval, RunBegun, Totals, UnlockOutcome, UserChange, UserRecord,
};
pub use mail::{
    CommitOutcome, CommitRequest, Deposit, DepositOutcome, ExpiryProgress, KnownPackages, MailRule, TakenKeyPackages,
};
