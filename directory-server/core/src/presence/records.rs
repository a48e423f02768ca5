//! Records of those who are present: what a lookup says of a terminal, signed, so that it holds while the directory is out of
//! reach (decision D27; protocol section 5.9).
//!
//! A session has one from the moment it asks for it; another one takes its place when half of its time is over, or when the
//! terminal is seen at a further address.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use common::crypto::record::Issuer;
use common::ident::{KeyDigest, UserId};
use common::limits::{ADDRESSES_PER_TERMINAL, RECORD_VALID};
use common::msg::{Blob, FromDirectory, Hex, Message as _, Record};

use super::{FIRST_PORT, PresenceGuard, PresentUsers};
use crate::timestamp::Timestamp;

/// Who signs, and for how long that holds.
#[derive(Debug, Default)]
pub(super) struct Issuing {
    issuer: Option<Arc<Issuer>>,
    valid: Duration,
}

impl PresentUsers {
    /// Records are signed with this key from now on; without one there are none.
    pub fn set_issuer(&self, issuer: Issuer) {
        self.issuing.write().unwrap_or_else(PoisonError::into_inner).issuer = Some(Arc::new(issuer));
    }

    /// How long records are valid from now on, at most [`RECORD_VALID`]; zero: there are no new ones.
    pub(crate) fn set_records_valid(&self, valid: Duration) {
        self.issuing.write().unwrap_or_else(PoisonError::into_inner).valid = valid.min(RECORD_VALID);
    }

    fn issuer(&self) -> Option<(Arc<Issuer>, u64)> {
        let issuing = self.issuing.read().unwrap_or_else(PoisonError::into_inner);
        let valid = issuing.valid.as_secs();
        issuing.issuer.clone().filter(|_| valid > 0).map(|issuer| (issuer, valid))
    }

    /// Gives a session a new record. `None` if there are none, it is over, has no address that others are told, or there is
    /// no randomness: the one before holds on then.
    fn issue(&self, user: &UserId, session: u64, now: Timestamp) -> Option<Box<Record>> {
        let (issuer, valid) = self.issuer()?;
        let mut users = self.write();
        let presence = users.get_mut(user)?;
        let key = KeyDigest::of(&presence.public_key);
        let terminal = presence.terminals.iter_mut().find(|terminal| terminal.session == session)?;
        let addresses = terminal.addresses().filter(|address| address.port() >= FIRST_PORT);
        let addresses: Vec<_> = addresses.take(ADDRESSES_PER_TERMINAL).collect();
        if addresses.is_empty() {
            return None;
        }
        let issued = now.seconds();
        let record = Record {
            userid: user.clone(),
            terminal: terminal.id,
            key,
            addresses,
            issued,
            until: issued + valid,
            directory: Hex::default(),
            signature: Blob::default(),
        };
        let record = Box::new(issuer.sign(record).ok()?);
        terminal.record = Some(record.clone());
        presence.encode_reply(user);
        Some(record)
    }

    /// The same, and tells the session.
    pub(super) fn renew_record(&self, user: &UserId, session: u64, now: Timestamp) -> Option<Box<Record>> {
        let record = self.issue(user, session, now)?;
        let users = self.read();
        let terminal = users.get(user)?.terminals.iter().find(|terminal| terminal.session == session)?;
        terminal.outbound.message(FromDirectory::from((*record).clone()).encode().into());
        Some(record)
    }
}

impl PresenceGuard {
    /// The first record of this session; nothing where there are none.
    #[must_use]
    pub fn record(&self, now: Timestamp) -> Option<Box<Record>> {
        self.online.issue(self.user(), self.session, now)
    }

    /// Another one, which the session is told; nothing where there are none.
    #[must_use]
    pub(crate) fn renew_record(&self, now: Timestamp) -> Option<Box<Record>> {
        self.online.renew_record(self.user(), self.session, now)
    }
}

/// When the time of a record is half over.
#[must_use]
pub(crate) fn half_over(record: &Record) -> Timestamp {
    Timestamp::from_seconds(record.issued + record.until.saturating_sub(record.issued) / 2)
}
