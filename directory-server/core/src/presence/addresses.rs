//! The addresses of one terminal: of both families, and in its own network (decision D26; protocol sections 5.8 and 6.1).
//!
//! A terminal is given a token in its session and shows it on a connection of the other family: so nothing but what was
//! observed is told, of either. Tokens are bounded by the sessions that begin while one is good.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, MutexGuard, PoisonError};

use common::crypto::{NoRandomness, random};
use common::ident::{SeenToken, UserId};
use common::limits::{LOCAL_ADDRESSES, SEEN_VALID};
use common::network::is_local;
use sha2::{Digest as _, Sha256};

use super::{PresenceGuard, PresentUsers};
use crate::timestamp::Timestamp;

/// Ports below are never named to anybody.
pub(crate) const FIRST_PORT: u16 = 1024;

/// SHA-256 of a token: the time it takes to compare them says nothing of a token.
type TokenDigest = [u8; 32];

fn digest(token: &SeenToken) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// Tokens that were given and not shown yet.
#[derive(Debug, Default)]
pub(super) struct SeenTokens {
    of: BTreeMap<TokenDigest, (UserId, u64)>,
    /// The oldest first: all are good for as long.
    until: VecDeque<(Timestamp, TokenDigest)>,
}

impl SeenTokens {
    fn forget(&mut self, now: Timestamp) {
        while let Some((_, old)) = self.until.front().copied().filter(|(until, _)| *until <= now) {
            self.until.pop_front();
            self.of.remove(&old);
        }
    }

    fn give(&mut self, user: &UserId, session: u64, now: Timestamp) -> Result<SeenToken, NoRandomness> {
        self.forget(now);
        let token = SeenToken(random()?);
        self.of.insert(digest(&token), (user.clone(), session));
        self.until.push_back((now + SEEN_VALID, digest(&token)));
        Ok(token)
    }

    /// Whose it is; it is good once.
    fn take(&mut self, token: &SeenToken, now: Timestamp) -> Option<(UserId, u64)> {
        self.forget(now);
        self.of.remove(&digest(token))
    }
}

/// Who asks for a user.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The user.
    pub user: &'a UserId,
    /// Where the session is seen.
    pub address: IpAddr,
}

impl PresenceGuard {
    /// Who asks in this session.
    #[must_use]
    pub fn asker(&self) -> Asker<'_> {
        Asker { user: self.user(), address: self.address.ip() }
    }

    /// A token by which this terminal is known on a connection of the other family.
    ///
    /// # Errors
    /// [`NoRandomness`]; it is seen from one family only then.
    pub fn seen_token(&self, now: Timestamp) -> Result<SeenToken, NoRandomness> {
        self.online.seen_tokens().give(self.user(), self.session, now)
    }

    /// Where the terminal listens in its own network, at the port of its address. Others are not told but by
    /// [`PresentUsers::lookup`].
    pub fn set_local(&self, local: &[IpAddr]) {
        let port = self.address.port();
        let local = local.iter().filter(|address| is_local(**address) && port >= FIRST_PORT).take(LOCAL_ADDRESSES);
        let local: Vec<_> = local.map(|address| SocketAddr::new(*address, port)).collect();
        let mut users = self.online.write();
        let terminals = users.get_mut(self.user()).map(|presence| &mut presence.terminals);
        if let Some(terminal) =
            terminals.and_then(|all| all.iter_mut().find(|terminal| terminal.session == self.session))
        {
            terminal.local = local;
        }
    }
}

impl PresentUsers {
    /// The terminal that was given this token is seen at this address as well. `None` if the token is not good, the session
    /// is over, or is seen from the same family.
    #[must_use]
    pub fn see(&self, token: &SeenToken, address: SocketAddr, now: Timestamp) -> Option<()> {
        let (user, session) = self.seen_tokens().take(token, now)?;
        let mut users = self.write();
        let presence = users.get_mut(&user)?;
        let terminal = presence.terminals.iter_mut().find(|terminal| terminal.session == session)?;
        if terminal.address.is_ipv4() == address.is_ipv4() || address.port() < FIRST_PORT {
            return None;
        }
        terminal.other = Some(address);
        let has_record = terminal.record.is_some();
        presence.encode_reply(&user);
        drop(users);
        if has_record {
            self.renew_record(&user, session, now);
        }
        Some(())
    }

    /// The encoded `LOOKUPREPLY` for a user who is there: of several addresses of a terminal, one of the asker's family is
    /// the first. Those in its own network are for whoever it watches and is seen at the same address.
    #[must_use]
    pub fn lookup(&self, user: &UserId, asker: Asker<'_>) -> Option<Arc<[u8]>> {
        let (reply, is_near) = {
            let users = self.read();
            let presence = users.get(user)?;
            (presence.reply(asker.address), presence.is_near(asker.address))
        };
        // Not while the users are locked: who watches whom is locked first.
        if !is_near || asker.user == user || !self.subscriptions().watches(user, asker.user) {
            return Some(reply);
        }
        self.read().get(user).map(|presence| presence.reply_nearby(user, asker.address))
    }

    fn seen_tokens(&self) -> MutexGuard<'_, SeenTokens> {
        self.seen_tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_once_and_for_a_minute() {
        let (mut tokens, begun) = (SeenTokens::default(), Timestamp::from_seconds(100));
        let ali = UserId::parse("ali").unwrap();
        let [first, second, third] = [1, 2, 3].map(|session| tokens.give(&ali, session, begun).unwrap());
        assert_eq!(tokens.take(&first, begun), Some((ali.clone(), 1)));
        assert_eq!(tokens.take(&first, begun), None);
        let last = begun + (SEEN_VALID - std::time::Duration::from_nanos(1));
        assert_eq!(tokens.take(&second, last), Some((ali, 2)));
        assert_eq!(tokens.take(&third, begun + SEEN_VALID), None);
        assert!(tokens.of.is_empty() && tokens.until.is_empty());
    }
}
