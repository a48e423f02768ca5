//! Key packages: published by a terminal, given out once each (protocol section 6.7; threat G4).

use common::limits::{KEY_PACKAGE_MAX, KEY_PACKAGES_LOW};
use common::msg::{ErrorCode, FromDirectory, KeyPackagePut, KeyPackageReq, KeyPackageState, Member, Message as _};

use crate::directory::Directory;
use crate::records::{KnownPackages, TakenKeyPackages};
use crate::reply::Reply;
use crate::store::{Store, StoreResult};

/// Answers `KEYPACKAGEPUT`. `has_published`: whether others have heard from this session that the terminal can be added.
pub(crate) async fn publish<S: Store>(
    directory: &Directory<S>,
    owner: &Member,
    has_published: &mut bool,
    put: KeyPackagePut,
) -> StoreResult<Reply> {
    let KeyPackagePut { packages, last_resort, anew } = put;
    if packages.iter().chain(&last_resort).any(|piece| !(1..=KEY_PACKAGE_MAX).contains(&piece.0.len())) {
        return Ok(Reply::error(ErrorCode::Malformed));
    }
    let known = if anew { KnownPackages::Forgotten } else { KnownPackages::Kept };
    let first = last_resort.is_some();
    let state = directory.store.publish(owner, packages, last_resort, known).await?;
    // Whoever shares rooms with this user can add the terminal only from now on.
    if first && !std::mem::replace(has_published, true) {
        directory.presence.announce(&owner.userid);
    }
    Ok(Reply::Message(state.into()))
}

/// Answers `KEYPACKAGEREQ`, and tells the owners that few are left.
pub(crate) async fn take<S: Store>(directory: &Directory<S>, request: KeyPackageReq) -> StoreResult<Reply> {
    let KeyPackageReq { userid, mut terminals } = request;
    terminals.sort_unstable();
    terminals.dedup();
    let TakenKeyPackages { reply, left } = directory.store.take_key_packages(&userid, terminals).await?;
    for (terminal, state) in left {
        let owner = Member { userid: userid.clone(), terminal };
        if let Some(outbound) = directory.presence.outbound(&owner).filter(|_| is_low(state)) {
            outbound.message(FromDirectory::from(state).encode().into());
        }
    }
    Ok(Reply::Message(reply.into()))
}

/// Whether a terminal has so few left that it is asked for more.
fn is_low(state: KeyPackageState) -> bool {
    usize::try_from(state.left).is_ok_and(|left| left < KEY_PACKAGES_LOW)
}

#[cfg(test)]
mod tests {
    use common::msg::Piece;
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{directory, member, policy};

    #[test]
    fn a_terminal_with_few_key_packages_is_asked_for_more() {
        let low = u32::try_from(KEY_PACKAGES_LOW).unwrap();
        for (left, asked) in [(0, true), (low - 1, true), (low, false), (low + 1, false)] {
            assert_eq!(is_low(KeyPackageState { left, last_resort: true }), asked, "{left} left");
        }
    }

    #[test]
    fn a_key_package_has_a_byte_and_no_more_than_may_be() {
        let directory = directory(policy());
        for (size, sound) in [(0, false), (1, true), (KEY_PACKAGE_MAX, true), (KEY_PACKAGE_MAX + 1, false)] {
            let piece = || Piece(vec![7; size]);
            for (packages, last_resort) in
                [(vec![piece()], None), (vec![Piece(vec![1]), piece()], None), (vec![], Some(piece()))]
            {
                let put = KeyPackagePut { packages, last_resort, anew: false };
                let outcome = block_on(publish(&directory, &member("ali"), &mut false, put));
                assert_eq!(outcome.is_err(), sound, "{size} bytes reach the store or not");
            }
        }
    }
}
