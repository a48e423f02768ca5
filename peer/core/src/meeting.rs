//! What is tried where none of a user's terminals is reached: meetings by relay (decision D26; protocol sections 6.12, 7.3).

use common::ident::{TerminalId, UserId};
use common::msg::{MeetReq, MeetingWay, RELAY, RELAY_FILES};

use crate::context::Context;
use crate::event::Fallback;
use crate::notice::CallFailed;
use crate::verify::LookupResult;

/// What is left to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meeting {
    found: LookupResult,
    how: MeetingWay,
    /// Terminals that have not been asked for, the newest login last.
    left: Vec<TerminalId>,
    /// Why the addresses did not do, once they have been tried.
    direct: Option<CallFailed>,
    /// Whether one that was asked for has not come.
    unmet: bool,
}

impl Meeting {
    /// What can be tried behind the addresses to talk to somebody, if anything.
    pub(crate) fn to_talk(cx: &Context, found: &LookupResult) -> Option<Self> {
        Self::prepared(cx, found, (MeetingWay::Relay, RELAY))
    }

    /// The same, to fetch a file. Which terminals give files so is the directory's to know.
    pub(crate) fn for_file(cx: &Context, found: &LookupResult) -> Option<Self> {
        Self::prepared(cx, found, (MeetingWay::File, RELAY_FILES))
    }

    fn prepared(cx: &Context, found: &LookupResult, (how, feature): (MeetingWay, &str)) -> Option<Self> {
        let left: Vec<TerminalId> = found.relayable.iter().rev().copied().collect();
        if left.is_empty() || !cx.features.include(feature) {
            return None;
        }
        Some(Self { found: found.clone(), how, left, direct: None, unmet: false })
    }

    /// The next terminal to ask for.
    pub(crate) fn next(&mut self, of: &UserId) -> Option<MeetReq> {
        let terminal = self.left.pop()?;
        Some(MeetReq { userid: of.clone(), terminal, how: self.how })
    }

    /// A dial came to nothing.
    pub(crate) fn not_reached(&mut self, why: CallFailed) {
        // Behind the addresses it is a relay that was dialled.
        self.unmet |= self.direct.is_some();
        self.direct.get_or_insert(why);
    }

    /// Whom to call.
    pub(crate) fn found(&self) -> &LookupResult {
        &self.found
    }

    /// Why nobody was reached: what was tried first says most, unless somebody was to come and did not. That may be the will of
    /// the user there, so it is no matter of the addresses. (A file waits for both, and says so.)
    pub(crate) fn failed(self) -> CallFailed {
        if self.unmet && self.how == MeetingWay::Relay {
            return CallFailed::NotMet;
        }
        self.direct.unwrap_or(CallFailed::NotFound)
    }
}

/// What is tried behind a dial.
pub(crate) fn fallback(meeting: Option<&Meeting>) -> Fallback {
    if meeting.is_some() { Fallback::Relay } else { Fallback::Nothing }
}
