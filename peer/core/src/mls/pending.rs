//! Commits that wait: an own one for the directory, one of somebody else for the certificates of newcomers.

use common::ident::UserId;
use common::msg::Member;
use openmls::prelude::{LeafNodeIndex, StagedCommit};
use serde::{Deserialize, Serialize};

use super::RoomError;

/// An own commit, as `COMMITREQ` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The epoch it ends.
    pub epoch: u64,
    /// Every terminal of the room behind it.
    pub members: Vec<Member>,
    /// The admins from now on, in the order of their appointment, if that changes.
    pub admins: Option<Vec<UserId>>,
    /// For those who are in the room.
    #[serde(skip)]
    pub commit: Vec<u8>,
    /// For those who are added; empty if there are none.
    #[serde(skip)]
    pub welcome: Vec<u8>,
}

impl Commit {
    /// Length and bytes of each part: the plain ones, the commit, the welcome.
    pub(super) fn encode(&self) -> Result<Vec<u8>, RoomError> {
        let plain = serde_json::to_vec(self).map_err(RoomError::library)?;
        let mut bytes = Vec::with_capacity(plain.len() + self.commit.len() + self.welcome.len() + 12);
        for part in [&plain, &self.commit, &self.welcome] {
            bytes.extend_from_slice(&u32::try_from(part.len()).map_err(RoomError::library)?.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, RoomError> {
        let mut part = || {
            let (length, rest) = bytes.split_first_chunk()?;
            let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            bytes = rest;
            Some(part)
        };
        let (Some(plain), Some(commit), Some(welcome)) = (part(), part(), part()) else {
            return Err(RoomError::Library("a commit was kept in part".to_owned()));
        };
        let plain: Self = serde_json::from_slice(plain).map_err(RoomError::library)?;
        Ok(Self { commit: commit.to_vec(), welcome: welcome.to_vec(), ..plain })
    }
}

/// A commit that waits for [`Room::apply`](super::Room::apply).
pub(super) struct Staged {
    pub(super) blob: Vec<u8>,
    pub(super) waiting: Waiting,
    /// The committer's leaf and the copy with the commit done. None: our own, which was judged before it was sent.
    pub(super) commit: Option<(LeafNodeIndex, Box<StagedCommit>)>,
}

/// A commit that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who made it.
    pub by: Member,
    /// Whose certificates [`Room::apply`](super::Room::apply) needs.
    pub newcomers: Vec<Member>,
}
