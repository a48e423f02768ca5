//! Names for messages and rooms, from one seed that the shell draws at the start (decision D21).

use common::ident::{ConversationId, MessageId, RoomId};
use sha2::{Digest as _, Sha256};

/// An endless row of names nobody can guess.
pub(crate) struct Ids {
    seed: [u8; 32],
    drawn: u64,
}

/// Shows no names to come.
impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ids({} drawn)", self.drawn)
    }
}

impl Ids {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn message(&mut self) -> MessageId {
        MessageId(self.draw())
    }

    pub(crate) fn room(&mut self) -> RoomId {
        RoomId(self.draw())
    }

    pub(crate) fn conversation(&mut self) -> ConversationId {
        ConversationId(self.draw())
    }

    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let digest: [u8; 32] =
            Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize().into();
        let mut name = [0; 16];
        name.copy_from_slice(&digest[..16]);
        name
    }
}
