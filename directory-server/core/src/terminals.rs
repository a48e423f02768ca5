//! Removing a terminal of one's own (decision D33; protocol section 6.7; threat L14).
//!
//! Which terminals there are, and their certificates, is told by [`crate::rooms`].

use common::msg::{ByeReason, Member, RemovalRefused, TerminalRemove};

use crate::directory::Directory;
use crate::proof::Proof;
use crate::records::{CookieDigest, Remover, TerminalRemoval};
use crate::reply::Reply;
use crate::rooms::fitting;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Answers `TERMINALREMOVE`: by a terminal that is no younger and has just proved the passcode, or by whoever holds the
/// cookie of the terminal that is removed.
pub(crate) async fn remove<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    proof: &mut Proof,
    now: Timestamp,
    request: TerminalRemove,
) -> StoreResult<Reply> {
    let removed = Member { userid: member.userid.clone(), terminal: request.terminal };
    let by = match request.cookie {
        Some(cookie) => Some(Remover::Successor { terminal: member.terminal, cookie: CookieDigest::of(&cookie) }),
        None => proof.take(now).map(|_| Remover::Terminal(member.terminal)),
    };
    let outcome = match by {
        Some(by) => directory.store.remove_terminal(&removed, by).await?,
        None => TerminalRemoval::NotProved,
    };
    let refused = match outcome {
        TerminalRemoval::Removed => None,
        TerminalRemoval::NotProved => Some(RemovalRefused::Proof),
        TerminalRemoval::Older => Some(RemovalRefused::Older),
    };
    if refused.is_none() {
        tracing::info!(user = %directory.named(&removed.userid), terminal = %removed.terminal, "terminal removed");
        if let Some(outbound) = directory.presence.outbound(&removed) {
            outbound.end(ByeReason::Administrator);
        }
    }
    Ok(Reply::Message(fitting(directory.store.terminals(vec![removed.userid]).await?, refused)))
}
