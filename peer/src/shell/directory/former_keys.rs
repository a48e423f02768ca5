//! The way from the identity key that this terminal knows to the one in the vault, if there is one (decision D47; protocol
//! section 5.7).
//!
//! A terminal takes another key of its own user only where each key on the way has signed for the next: a directory that
//! replaced the vault, or a thief who made another one, cannot make such a statement.

use common::crypto::identity::IdentityKey;
use common::crypto::store_key::{self, Handover};
use common::crypto::{successor, vault};
use common::ident::{KeyDigest, UserId};
use common::msg::{FormerReq, FromDirectory};
use common::secret::Secret;

use super::DirectoryConnection;
use crate::store::state::KnownVault;
use peer_core::notice::Failure;

/// From one key to the next, and what opens a store that the former one opened.
struct Step {
    old: KeyDigest,
    new: KeyDigest,
    store: Vec<u8>,
}

/// The steps from the key that is known; at least one.
pub(super) struct Way {
    steps: Vec<Step>,
    end: KeyDigest,
}

impl Way {
    /// Asks for the way, if the vault has another key than the known one. None: it has not, or there is no way.
    pub(super) async fn find(
        connection: &mut DirectoryConnection,
        user: &UserId,
        known: Option<&KnownVault>,
        sent: &[u8],
    ) -> Result<Option<Self>, Failure> {
        let Some((known, end)) = known.map(|known| known.key).zip(vault::key(sent)).filter(|(a, b)| a != b) else {
            return Ok(None);
        };
        let reply = match connection.ask(FormerReq { known }).await? {
            FromDirectory::FormerReply(reply) => reply,
            // One of the version before; the vault is refused then.
            _ => return Ok(None),
        };
        let (mut steps, mut at) = (Vec::new(), known);
        for own in reply.own {
            let Ok(told) = successor::verify(&own.successor, user, &connection.key) else { return Ok(None) };
            if told.former != at {
                return Ok(None);
            }
            at = told.key.digest();
            steps.push(Step { old: told.former, new: at, store: own.store.0 });
        }
        Ok((at == end).then_some(Self { steps, end }))
    }

    /// The key that it leads to.
    pub(super) fn leads_to(&self) -> KeyDigest {
        self.end
    }

    /// The secret of the key where it begins, from the key at its end.
    pub(super) fn back(self, user: &UserId, identity: &IdentityKey) -> Result<Secret, Failure> {
        let mut secret = store_key::secret_of(identity);
        for Step { old, new, store } in self.steps.iter().rev() {
            let handover = Handover { user, old, new };
            secret = store_key::handed_on(handover, &secret, store).ok_or_else(|| {
                let detail = "what opens this terminal's store was not handed on with the new identity key";
                Failure::VaultUnusable { detail: detail.to_owned() }
            })?;
        }
        Ok(secret)
    }
}
