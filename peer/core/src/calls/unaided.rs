//! Calls while the directory is out of reach, in both directions: what it has signed before takes the place of a lookup
//! (decision D27; protocol section 7.7).

use common::crypto::identity::PublicKey;
use common::ident::{MessageId, UserId};
use common::msg::Record;

use super::{Calls, Occasion};
use crate::context::Context;
use crate::event::LinkId;
use crate::notice::{CallFailed, CallerRefused};
use crate::request::Request;
use crate::verify::{Claim, ConnectRequest, LookupResult, Pins, TerminalAddresses};

/// Somebody who can be called without the directory.
#[derive(Debug)]
pub(super) struct ByRecord {
    /// Where, and under which key: as a lookup would say.
    pub(super) found: LookupResult,
    /// What we show of ourselves.
    pub(super) shown: Box<Record>,
    /// When the newest of what the directory has signed of them was signed, by its clock.
    pub(super) issued: u64,
}

/// The key of a contact, if what the directory signs of its holder may count now: it has been silent for long enough, and the
/// key was pinned before and is in no doubt. Otherwise why there is no call.
fn contact_s_key(cx: &Context, user: &UserId) -> Result<PublicKey, CallFailed> {
    let key = cx.contacts.key(user).filter(|_| cx.contacts.is_chosen(user) && cx.contacts.offered(user).is_none());
    let key = key.ok_or(CallFailed::DirectoryLost)?;
    match cx.vouching.counts_in(cx.now.tick) {
        Some(0) => Ok(key),
        Some(again_in) => Err(CallFailed::DirectoryJustLost { again_in }),
        None => Err(CallFailed::DirectoryLost),
    }
}

/// How a user can be called without the directory.
///
/// # Errors
/// Why not.
pub(super) fn by_record(cx: &Context, to: &UserId) -> Result<ByRecord, CallFailed> {
    let (time, lost) = (cx.now.directory, CallFailed::DirectoryLost);
    let shown = cx.vouching.valid_own(time).ok_or_else(|| lost.clone())?;
    let pinned = cx.contacts.key(to).ok_or_else(|| lost.clone())?;
    let records = cx.vouching.valid(to, &pinned.digest(), time);
    let issued = records.first().ok_or(lost)?.issued;
    let key = contact_s_key(cx, to)?;
    let terminal = |record: &&Record| TerminalAddresses {
        terminal: Some(record.terminal),
        seen: record.addresses.clone(),
        local: Vec::new(),
    };
    let found = LookupResult {
        terminals: records.iter().map(terminal).collect(),
        key,
        relayable: Vec::new(),
        punchable: Vec::new(),
        records: Vec::new(),
    };
    Ok(ByRecord { found, shown, issued })
}

/// What a caller shows, and the key it has to be about, while the directory is out of reach; nothing if nobody can be verified
/// by what is shown.
pub(super) fn vouching<'a>(
    cx: &Context,
    claim: &Claim,
    request: &'a ConnectRequest,
) -> Option<(&'a Record, PublicKey)> {
    let shown = request.message.record.as_deref()?;
    if cx.contacts.awaits_decision(&claim.initiator) {
        return None;
    }
    contact_s_key(cx, &claim.initiator).ok().map(|key| (shown, key))
}

impl Calls {
    /// Calls without the directory.
    ///
    /// # Errors
    /// Why there is no call.
    pub(super) fn place_by_record(
        &mut self,
        cx: &mut Context,
        to: &UserId,
        occasion: Occasion,
    ) -> Result<(), CallFailed> {
        if self.is_calling(to) {
            return Ok(());
        }
        let by = by_record(cx, to)?;
        if cx.contacts.awaits_decision(to) {
            cx.tell_decision(to);
        } else {
            self.dial_by_record(cx, to, occasion, by);
        }
        Ok(())
    }

    /// Verifies a caller by what the caller shows.
    pub(super) fn verify_by_record(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        (claim, request): (&Claim, &ConnectRequest),
        file: Option<(MessageId, u64)>,
    ) -> Vec<Request> {
        let Some((shown, pinned)) = vouching(cx, claim, request) else {
            self.turn_away(cx, link, request, CallerRefused::CannotVerify);
            return Vec::new();
        };
        let pins = Pins { user: &pinned, directory: &cx.directory, time: cx.now.directory };
        match claim.vouched(shown, &pins) {
            Ok(issued) => {
                let from = claim.initiator.clone();
                if let Some((file, offset)) = file {
                    return vec![Request::Fetch { link, from, file, offset }];
                }
                cx.vouched.insert(link, issued);
                self.handle_verified(cx, link, from.clone(), &pinned);
                cx.keep_records(&from, std::slice::from_ref(shown));
            }
            // Not remembered: it has cost the directory nothing, and may be otherwise as soon as that is back.
            Err(why) => self.turn_away(cx, link, request, why),
        }
        Vec::new()
    }
}
