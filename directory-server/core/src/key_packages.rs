//! Key packages: published by a terminal, given out once each (protocol section 6.7; threat G4).

use common::ident::TerminalId;
use common::limits::{KEY_PACKAGE_MAX, KEY_PACKAGES_LOW, KEY_PACKAGES_PER_MINUTE};
use common::msg::{
    ErrorCode, FromDirectory, KeyPackagePut, KeyPackageReply, KeyPackageReq, KeyPackageState, Member, Message as _,
};
use common::window::Rate;

use super::Directory;
use super::session::{Reply, Session};
use super::store::Store;
use super::timestamp::Timestamp;

/// Key packages that one user may take.
const TAKEN: Rate = Rate::per_minute(KEY_PACKAGES_PER_MINUTE);

/// What came of taking key packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What the asker is told.
    pub reply: KeyPackageReply,
    /// What is left to each terminal.
    pub left: Vec<(TerminalId, KeyPackageState)>,
}

impl Session {
    /// Answers `KEYPACKAGEPUT`.
    pub(super) async fn publish<S: Store>(&mut self, directory: &Directory<S>, put: KeyPackagePut) -> Reply {
        let KeyPackagePut { packages, last_resort } = put;
        if packages.iter().chain(&last_resort).any(|piece| !(1..=KEY_PACKAGE_MAX).contains(&piece.0.len())) {
            return Reply::error(ErrorCode::Malformed);
        }
        let first = last_resort.is_some();
        match directory.store.publish(self.presence.member(), packages, last_resort).await {
            Ok(state) => {
                // Whoever shares rooms with this user can add the terminal only from now on.
                if first && !std::mem::replace(&mut self.has_published, true) {
                    directory.presence.announce(self.presence.user());
                }
                Reply::Message(state.into())
            }
            Err(error) => error.into(),
        }
    }

    /// Answers `KEYPACKAGEREQ`, and tells the owners that few are left.
    pub(super) async fn take_key_packages<S: Store>(
        &self,
        directory: &Directory<S>,
        now: Timestamp,
        request: KeyPackageReq,
    ) -> Reply {
        let KeyPackageReq { userid, mut terminals } = request;
        terminals.sort_unstable();
        terminals.dedup();
        // One at least: the answer tells whether there is such a user.
        let wanted = u32::try_from(terminals.len()).unwrap_or(u32::MAX).max(1);
        if let Err(wait) = directory.key_package_limiter().count(self.presence.user(), wanted, now, TAKEN) {
            return Reply::rate_limited("KEYPACKAGEREQ", wait);
        }
        match directory.store.take_key_packages(&userid, terminals).await {
            Ok(Taken { reply, left }) => {
                for (terminal, state) in left {
                    let owner = Member { userid: userid.clone(), terminal };
                    let low = usize::try_from(state.left).is_ok_and(|left| left < KEY_PACKAGES_LOW);
                    if let Some(outbound) = directory.presence.outbound(&owner).filter(|_| low) {
                        outbound.message(FromDirectory::from(state).encode().into());
                    }
                }
                Reply::Message(reply.into())
            }
            Err(error) => error.into(),
        }
    }
}
