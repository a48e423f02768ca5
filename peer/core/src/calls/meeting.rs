//! What is tried where none of the callee's terminals is reached: a meeting by relay (decision D26; protocol sections 6.12
//! and 7.3). And the other side of it: whom this terminal comes to meet.

use common::ident::{TerminalId, UserId};
use common::msg::{ConnectRefusal, Meet, MeetReq, MeetingWay, RELAY};

use super::Calls;
use crate::context::Context;
use crate::event::{Accept, DialFailed, Effect};
use crate::notice::CallFailed;
use crate::verify::LookupResult;

/// What is left to try of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meeting {
    found: LookupResult,
    /// Terminals that have not been asked for, the newest login last.
    left: Vec<TerminalId>,
    /// Why the addresses did not do, once they have been tried.
    direct: Option<DialFailed>,
}

impl Meeting {
    /// What can be tried behind the addresses, if anything.
    pub(super) fn prepared(cx: &Context, found: &LookupResult) -> Option<Self> {
        let left: Vec<TerminalId> = found.relayable.iter().rev().copied().collect();
        if left.is_empty() || !cx.features.include(RELAY) {
            return None;
        }
        Some(Self { found: found.clone(), left, direct: None })
    }

    /// The next terminal to ask for.
    pub(super) fn next(&mut self, of: &UserId) -> Option<MeetReq> {
        let terminal = self.left.pop()?;
        Some(MeetReq { userid: of.clone(), terminal, how: MeetingWay::Relay })
    }

    /// A dial came to nothing.
    pub(super) fn not_reached(&mut self, why: DialFailed) {
        self.direct.get_or_insert(why);
    }

    /// Whom to call.
    pub(super) fn found(&self) -> &LookupResult {
        &self.found
    }

    /// Why the call has failed: what was tried first says most.
    pub(super) fn failed(self) -> CallFailed {
        self.direct.map_or(CallFailed::NotFound, CallFailed::from)
    }
}

/// Whether it says of the way that it does not lead there, and nothing of who is there.
pub(super) fn is_of_the_way(why: &DialFailed) -> bool {
    match why {
        DialFailed::NoAnswer { .. }
        | DialFailed::Unreached(_)
        | DialFailed::Refused(ConnectRefusal::Address)
        | DialFailed::RefusedFamily(ConnectRefusal::Address) => true,
        DialFailed::Refused(_)
        | DialFailed::RefusedFamily(_)
        | DialFailed::Broken
        | DialFailed::Local { .. }
        | DialFailed::WrongKey => false,
    }
}

impl Calls {
    /// Somebody wants to be brought together with this terminal. Nothing is dialled for whom it would not talk to anyway;
    /// whoever comes is verified as every caller is.
    pub(crate) fn handle_meet(&self, cx: &mut Context, meet: Meet) {
        let from = &meet.userid;
        let is_welcome = match self.accept {
            Accept::All | Accept::Ask => true,
            Accept::Contacts => cx.contacts.is_chosen(from),
            Accept::None => false,
        };
        // A call that crosses one of ours is ours as well.
        let is_welcome = is_welcome || self.is_calling(from);
        if is_welcome && !cx.is_blocked(from) && !cx.is_me(from) && meet.how == MeetingWay::Relay {
            cx.push(Effect::Meet(Box::new(meet)));
        }
    }
}
