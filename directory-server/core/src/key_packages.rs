//! Key packages: published by a terminal, given out once each (protocol section 6.7; threat G4).

use common::ident::UserId;
use common::limits::{KEY_PACKAGE_MAX, KEY_PACKAGES_LOW, KEY_PACKAGES_PER_MINUTE};
use common::msg::{ErrorCode, FromDirectory, KeyPackagePut, KeyPackageReq, Member, Message as _};
use common::window::Rate;

use crate::directory::Directory;
use crate::records::TakenKeyPackages;
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Key packages that one user may take.
const TAKEN: Rate = Rate::per_minute(KEY_PACKAGES_PER_MINUTE);

/// Answers `KEYPACKAGEPUT`. `has_published`: whether this session has told others that the terminal can be added.
pub(crate) async fn publish<S: Store>(
    directory: &Directory<S>,
    owner: &Member,
    has_published: &mut bool,
    put: KeyPackagePut,
) -> StoreResult<Reply> {
    let KeyPackagePut { packages, last_resort } = put;
    if packages.iter().chain(&last_resort).any(|piece| !(1..=KEY_PACKAGE_MAX).contains(&piece.0.len())) {
        return Ok(Reply::error(ErrorCode::Malformed));
    }
    let first = last_resort.is_some();
    let state = directory.store.publish(owner, packages, last_resort).await?;
    // Whoever shares rooms with this user can add the terminal only from now on.
    if first && !std::mem::replace(has_published, true) {
        directory.presence.announce(&owner.userid);
    }
    Ok(Reply::Message(state.into()))
}

/// Answers `KEYPACKAGEREQ`, and tells the owners that few are left.
pub(crate) async fn take<S: Store>(
    directory: &Directory<S>,
    asker: &UserId,
    now: Timestamp,
    request: KeyPackageReq,
) -> StoreResult<Reply> {
    let KeyPackageReq { userid, mut terminals } = request;
    terminals.sort_unstable();
    terminals.dedup();
    // One at least: the answer tells whether there is such a user.
    let wanted = u32::try_from(terminals.len()).unwrap_or(u32::MAX).max(1);
    if let Err(wait) = directory.key_package_limiter().count(asker, wanted, now, TAKEN) {
        return Ok(Reply::rate_limited("KEYPACKAGEREQ", wait));
    }
    let TakenKeyPackages { reply, left } = directory.store.take_key_packages(&userid, terminals).await?;
    for (terminal, state) in left {
        let owner = Member { userid: userid.clone(), terminal };
        let low = usize::try_from(state.left).is_ok_and(|left| left < KEY_PACKAGES_LOW);
        if let Some(outbound) = directory.presence.outbound(&owner).filter(|_| low) {
            outbound.message(FromDirectory::from(state).encode().into());
        }
    }
    Ok(Reply::Message(reply.into()))
}
