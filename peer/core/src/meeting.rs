//! What is tried where none of a user's terminals is reached: meetings (decision D26; protocol sections 6.12, 7.3).

use std::net::SocketAddr;

use common::ident::{MeetingToken, TerminalId, UserId};
use common::msg::{MeetReply, MeetReq, MeetingWay, PUNCH, RELAY, RELAY_FILES};

use crate::context::Context;
use crate::event::Fallback;
use crate::notice::CallFailed;
use crate::verify::LookupResult;

/// What is left to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meeting {
    found: LookupResult,
    /// Terminals that have not been asked for, and how, the next one last.
    left: Vec<(TerminalId, MeetingWay)>,
    /// How the last one was asked for.
    asked: Option<MeetingWay>,
    /// Why the addresses did not do, once they have been tried.
    direct: Option<CallFailed>,
    /// Whether one that was asked for has not come.
    unmet: bool,
}

impl Meeting {
    /// What can be tried behind the addresses to talk to somebody, if anything.
    pub(crate) fn to_talk(cx: &Context, found: &LookupResult) -> Option<Self> {
        let by_relay = of_feature(cx, RELAY, &found.relayable, MeetingWay::Relay);
        Self::prepared(found, by_relay.chain(of_feature(cx, PUNCH, &found.punchable, MeetingWay::Punch)))
    }

    /// The same where a relayed link stands, to go on without the directory.
    pub(crate) fn to_move(cx: &Context, found: &LookupResult) -> Option<Self> {
        Self::prepared(found, of_feature(cx, PUNCH, &found.punchable, MeetingWay::Punch))
    }

    /// The same, to fetch a file. Which terminals give files so is the directory's to know.
    pub(crate) fn for_file(cx: &Context, found: &LookupResult) -> Option<Self> {
        Self::prepared(found, of_feature(cx, RELAY_FILES, &found.relayable, MeetingWay::File))
    }

    fn prepared(found: &LookupResult, left: impl Iterator<Item = (TerminalId, MeetingWay)>) -> Option<Self> {
        let left: Vec<_> = left.collect();
        (!left.is_empty()).then(|| Self { found: found.clone(), left, asked: None, direct: None, unmet: false })
    }

    /// The next terminal to ask for.
    pub(crate) fn next(&mut self, of: &UserId) -> Option<MeetReq> {
        let (terminal, how) = self.left.pop()?;
        self.asked = Some(how);
        Some(MeetReq { userid: of.clone(), terminal, how })
    }

    /// A dial came to nothing.
    pub(crate) fn not_reached(&mut self, why: CallFailed) {
        // Who does not come to a relay may not want to; that two do not connect to each other says nothing of them.
        self.unmet |= self.asked == Some(MeetingWay::Relay);
        self.direct.get_or_insert(why);
    }

    /// Whom to call.
    pub(crate) fn found(&self) -> &LookupResult {
        &self.found
    }

    /// Why nobody was reached: what was tried first says most, unless somebody was to come and did not. That may be the will of
    /// the user there, so it is no matter of the addresses. (A file waits for both, and says so.)
    pub(crate) fn failed(self) -> CallFailed {
        if self.unmet {
            return CallFailed::NotMet;
        }
        self.direct.unwrap_or(CallFailed::NotFound)
    }
}

/// The terminals that can be met this way, where the directory has named it; the newest login last.
fn of_feature<'a>(
    cx: &Context,
    feature: &str,
    terminals: &'a [TerminalId],
    how: MeetingWay,
) -> impl Iterator<Item = (TerminalId, MeetingWay)> + use<'a> {
    let known = if cx.features.include(feature) { terminals } else { &[] };
    known.iter().rev().map(move |terminal| (*terminal, how))
}

/// What is tried behind a dial.
pub(crate) fn fallback(meeting: Option<&Meeting>) -> Fallback {
    let left = meeting.map_or(&[][..], |meeting| &meeting.left);
    let is_punch = |(_, how): &(TerminalId, MeetingWay)| *how == MeetingWay::Punch;
    match left.last() {
        None => Fallback::Nothing,
        Some(_) if left.iter().all(is_punch) => Fallback::MeetingAlone,
        Some(next) if is_punch(next) => Fallback::Meeting,
        Some(_) => Fallback::Relay,
    }
}

/// How the directory brings us together with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// By a leg that this token opens.
    Relay(MeetingToken),
    /// By connecting to each other at this place, so many milliseconds from now.
    Punch(SocketAddr, u32),
}

impl Met {
    /// What an answer says; nothing where there is no meeting.
    pub(crate) fn said(reply: &MeetReply) -> Option<Self> {
        let punch = reply.address.zip(reply.after).map(|(address, after)| Self::Punch(address, after));
        reply.token.map(Self::Relay).or(punch)
    }
}
