//! The row that whoever changes an account locks first.

use common::ident::UserId;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::params;

/// Locks a user.
pub(super) const LOCK_USER: &str = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";

/// Whoever changes what a user or the user's terminals are locks the user first; false if there is none.
pub(super) async fn lock_user(lane: &Lane, user: &UserId) -> PgResult<bool> {
    lane.has(LOCK_USER, params![user.as_str()]).await
}
