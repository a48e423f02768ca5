//! Callers: verified by a lookup of our own before anything is shown (protocol section 7.2).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use common::ident::{KeyDigest, MessageId, UserId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE};
use common::msg::{ByeReason, ConnectRefusal, ConnectReply};
use common::window::{FixedWindow, Rate};

use super::outgoing::Crossing;
use super::{Accept, Conversation, Direction, Directory, Effect, Engine, LinkId, Now, Purpose, Unreachable};
use crate::command::Answer;
use crate::contacts::PinCheck;
use crate::notice::{CallFailed, CallNotice, CallerRefused, EndedBy, Notice};
use crate::post::Offer;
use crate::verify::{Claim, LookupResult, Request};

/// How long a refusal is remembered, so that the same stranger does not cost another lookup (threat P3), in seconds.
const REFUSAL_KEPT: u64 = 60;
/// Refusals remembered at most.
const REFUSALS: usize = 1024;
/// Refusals a person is told of: chosen arbitrarily, enough to notice an attack.
const REFUSALS_TOLD: Rate = Rate::per_minute(5);
/// Lookups that callers may cause within [`REFUSAL_KEPT`]: one key or source, and all together. A directory allows 120
/// in that time, so half of them stay for the person's own calls.
const LOOKUPS_OF_ONE: usize = 20;
const LOOKUPS_OF_ALL: usize = 60;

/// A caller on the way to a conversation.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The directory was asked about the claim.
    Verifying(Box<Verifying>),
    /// The person was asked.
    Asking { from: UserId, until: u64 },
    /// We accepted; the caller has to take this link.
    Accepted { from: UserId, announce: Announce, until: u64 },
}

/// A caller who is being verified.
#[derive(Debug)]
pub(super) struct Verifying {
    claim: Claim,
    request: Request,
    /// What the caller wants, if it is a file.
    fetching: Option<Fetching>,
}

/// A file that a caller wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetching {
    pub(super) file: MessageId,
    pub(super) offset: u64,
}

/// How a call that was accepted is told to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// Somebody called.
    Received,
    /// Somebody called, and the person who was asked waits for it.
    Answered,
    /// It fulfils a call of our own that crossed it.
    Established,
}

impl Incoming {
    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Verifying(_) => None,
            Self::Asking { until, .. } | Self::Accepted { until, .. } => Some(*until),
        }
    }
}

/// Bounds what strangers can cause in a minute: lookups, and lines on the screen (threat P3).
#[derive(Debug, Default)]
pub(super) struct CallerLimiter {
    /// Until when a key from an address is refused without another lookup.
    refused: BTreeMap<Stranger, u64>,
    looked_up: VecDeque<(u64, Stranger)>,
    told: FixedWindow,
}

/// A caller as the network shows it, whoever it claims to be.
type Stranger = (KeyDigest, IpAddr);

impl CallerLimiter {
    fn refused_lately(&self, claim: &Claim, now: Now) -> bool {
        self.refused.get(&claim.stranger()).is_some_and(|until| now.tick < *until)
    }

    fn remember(&mut self, claim: &Claim, now: Now) {
        if self.refused.len() >= REFUSALS {
            self.refused.retain(|_, until| now.tick < *until);
        }
        if self.refused.len() < REFUSALS {
            self.refused.insert(claim.stranger(), now.tick + REFUSAL_KEPT);
        }
    }

    /// Forgets whom it refused, because the person has decided about a key.
    pub(super) fn forgive(&mut self) {
        self.refused.clear();
    }

    /// Whether this caller may cost a lookup.
    fn may_look_up(&mut self, claim: &Claim, now: Now) -> bool {
        while self.looked_up.front().is_some_and(|(then, _)| then + REFUSAL_KEPT <= now.tick) {
            self.looked_up.pop_front();
        }
        let (key, source) = claim.stranger();
        let of_one = self.looked_up.iter().filter(|(_, (k, s))| *k == key || *s == source).count();
        let may = of_one < LOOKUPS_OF_ONE && self.looked_up.len() < LOOKUPS_OF_ALL;
        if may {
            self.looked_up.push_back((now.tick, (key, source)));
        }
        may
    }

    /// Whether the person is to be told of another refusal, so that nobody can fill the screen with them.
    fn may_tell(&mut self, now: Now) -> bool {
        self.told.count(Duration::from_secs(now.tick), REFUSALS_TOLD).is_ok()
    }
}

impl Engine {
    pub(super) fn requested(&mut self, now: Now, link: LinkId, request: Request, out: &mut Vec<Effect>) {
        let initiator = &request.message.initiator;
        let is_declined = match self.accept {
            Accept::All | Accept::Ask => false,
            Accept::Contacts => self.contacts.contact(initiator).is_none(),
            Accept::None => true,
        };
        // A call that crosses one of ours is ours as well.
        if is_declined && !self.outgoing.contains_key(initiator) {
            return out.push(refuse(link, ConnectRefusal::Declined));
        }
        self.verify(now, link, request, None, out);
    }

    /// Somebody wants a file: verified as every caller is, but nobody is asked and nothing is shown.
    pub(super) fn file_requested(
        &mut self,
        now: Now,
        link: LinkId,
        request: Request,
        fetching: Fetching,
        out: &mut Vec<Effect>,
    ) {
        self.verify(now, link, request, Some(fetching), out);
    }

    fn verify(&mut self, now: Now, link: LinkId, request: Request, fetching: Option<Fetching>, out: &mut Vec<Effect>) {
        let claim = match Claim::check(&self.me, &request) {
            Ok(claim) => claim,
            Err(why) => return self.turn_away(now, link, &request, why, out),
        };
        let blocked = self.contacts.contact(&claim.initiator).is_some_and(|contact| contact.blocked);
        if blocked || self.strangers.refused_lately(&claim, now) {
            return out.push(refuse(link, ConnectRefusal::Declined));
        }
        if self.directory == Directory::Down {
            return self.turn_away(now, link, &request, CallerRefused::CannotVerify, out);
        }
        if !self.strangers.may_look_up(&claim, now) {
            return out.push(refuse(link, ConnectRefusal::Unavailable));
        }
        self.look_up_user(Purpose::Caller(link), claim.initiator.clone(), out);
        self.incoming.insert(link, Incoming::Verifying(Box::new(Verifying { claim, request, fetching })));
    }

    pub(super) fn found_caller(
        &mut self,
        now: Now,
        link: LinkId,
        found: Result<Option<LookupResult>, Unreachable>,
        out: &mut Vec<Effect>,
    ) {
        let Some(Incoming::Verifying(verifying)) = self.incoming.remove(&link) else { return };
        let Verifying { claim, request, fetching } = *verifying;
        let Ok(found) = found else {
            return self.turn_away(now, link, &request, CallerRefused::CannotVerify, out);
        };
        let found = match (claim.confirm(found.as_ref()), found) {
            (Ok(()), Some(found)) => found,
            (Err(why), _) => {
                self.strangers.remember(&claim, now);
                return self.turn_away(now, link, &request, why, out);
            }
            (Ok(()), None) => return,
        };
        let remembered = claim.clone();
        let from = claim.initiator;
        match self.contacts.judge(&from, &found.key, now.date) {
            PinCheck::Changed => {
                self.strangers.remember(&remembered, now);
                self.turn_away(now, link, &request, CallerRefused::KeyChanged, out);
                return self.tell_key_changed(&from, out);
            }
            PinCheck::Blocked => return out.push(refuse(link, ConnectRefusal::Declined)),
            PinCheck::First(contact) => out.push(Effect::Save(contact)),
            PinCheck::Same => {}
        }
        if let Some(Fetching { file, offset }) = fetching {
            let reply = ConnectReply::accepted(self.me.terminal);
            return out.push(match self.post.file_for(&from, &file) {
                Offer::Stands { number, source } => Effect::Serve { link, reply, number, source, offset },
                Offer::Busy => refuse(link, ConnectRefusal::Unavailable),
                Offer::None => refuse(link, ConnectRefusal::Declined),
            });
        }
        match (self.cross(&from, &found.key, out), self.accept) {
            (Crossing::OursSurvives, _) => out.push(refuse(link, ConnectRefusal::Crossed)),
            (Crossing::TheirsSurvives, _) => self.take(now, link, from, Announce::Established, out),
            (Crossing::None, Accept::None) => out.push(refuse(link, ConnectRefusal::Declined)),
            (Crossing::None, Accept::Ask) => {
                let until = now.tick + ANSWER_DEADLINE.as_secs();
                self.incoming.insert(link, Incoming::Asking { from: from.clone(), until });
                out.push(Effect::Notify(Notice::Call(CallNotice::Asked { from })));
            }
            (Crossing::None, Accept::All | Accept::Contacts) => self.take(now, link, from, Announce::Received, out),
        }
    }

    fn take(&mut self, now: Now, link: LinkId, from: UserId, announce: Announce, out: &mut Vec<Effect>) {
        let reply = ConnectReply::accepted(self.me.terminal);
        out.push(Effect::Reply { link, reply });
        let until = now.tick + CALL_DEADLINE.as_secs();
        self.incoming.insert(link, Incoming::Accepted { from, announce, until });
    }

    pub(super) fn is_asking(&self, user: &UserId) -> bool {
        self.asking(user).is_some()
    }

    fn asking(&self, user: &UserId) -> Option<LinkId> {
        let asks = |incoming: &Incoming| matches!(incoming, Incoming::Asking { from, .. } if from == user);
        self.incoming.iter().find(|(_, incoming)| asks(incoming)).map(|(link, _)| *link)
    }

    pub(super) fn answer_call(&mut self, now: Now, from: &UserId, answer: Answer, out: &mut Vec<Effect>) {
        let Some(link) = self.asking(from) else { return };
        self.incoming.remove(&link);
        match answer {
            Answer::Yes => self.take(now, link, from.clone(), Announce::Answered, out),
            Answer::No => out.push(refuse(link, ConnectRefusal::Declined)),
        }
    }

    /// The caller took this link: now the conversation exists. A second sign of it does nothing.
    pub(super) fn connected(&mut self, now: Now, link: LinkId, out: &mut Vec<Effect>) {
        if !matches!(self.incoming.get(&link), Some(Incoming::Accepted { .. })) {
            return;
        }
        let Some(Incoming::Accepted { from, announce, .. }) = self.incoming.remove(&link) else { return };
        let conversation = Conversation { link, direction: Direction::Theirs, since: now.tick };
        if let Some(old) = self.conversations.insert(from.clone(), conversation) {
            // The same user, verified anew: the old link is stale, or belongs to another terminal.
            out.push(Effect::Close { link: old.link, reason: ByeReason::Elsewhere });
            out.push(Effect::Notify(Notice::Call(CallNotice::Ended { with: from.clone(), by: EndedBy::Them })));
        }
        self.give_up(&from, out);
        out.push(Effect::Notify(match announce {
            Announce::Received | Announce::Answered => Notice::Call(CallNotice::Received { from }),
            Announce::Established => Notice::Call(CallNotice::Established { with: from }),
        }));
    }

    /// A caller is gone before there was a conversation; whoever waits for it is told.
    pub(super) fn caller_gone(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        out.extend(self.incoming.remove(&link).and_then(given_up).map(Effect::Notify));
    }

    pub(super) fn expire_incoming(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = |incoming: &Incoming| incoming.deadline().is_some_and(|deadline| deadline <= now.tick);
        let expired: Vec<LinkId> =
            self.incoming.iter().filter(|(_, incoming)| due(incoming)).map(|(link, _)| *link).collect();
        for link in expired {
            let Some(incoming) = self.incoming.remove(&link) else { continue };
            out.push(match incoming {
                Incoming::Asking { .. } => refuse(link, ConnectRefusal::Declined),
                _ => Effect::Close { link, reason: ByeReason::Protocol },
            });
            out.extend(given_up(incoming).map(Effect::Notify));
        }
    }

    /// Refuses a caller: the reason is for the person called, the caller gets the coarse one.
    fn turn_away(&mut self, now: Now, link: LinkId, request: &Request, why: CallerRefused, out: &mut Vec<Effect>) {
        let coarse = match why {
            CallerRefused::CannotVerify => ConnectRefusal::Unavailable,
            CallerRefused::NotLoggedIn
            | CallerRefused::WrongKey
            | CallerRefused::WrongAddress
            | CallerRefused::WrongDestination
            | CallerRefused::KeyChanged => ConnectRefusal::Declined,
        };
        out.push(refuse(link, coarse));
        if self.strangers.may_tell(now) {
            let claimed = Some(request.message.initiator.clone());
            out.push(Effect::Notify(Notice::Call(CallNotice::CallerRefused { claimed, source: request.source, why })));
        }
    }
}

/// What to tell the person when a caller goes away at this point.
fn given_up(incoming: Incoming) -> Option<Notice> {
    match incoming {
        Incoming::Asking { from, .. } | Incoming::Accepted { from, announce: Announce::Answered, .. } => {
            Some(Notice::Call(CallNotice::AskedNoMore { from }))
        }
        Incoming::Accepted { from, announce: Announce::Established, .. } => {
            let seconds = CALL_DEADLINE.as_secs();
            Some(Notice::Call(CallNotice::Failed { to: from, why: CallFailed::NoAnswer { seconds } }))
        }
        Incoming::Verifying(_) | Incoming::Accepted { announce: Announce::Received, .. } => None,
    }
}

fn refuse(link: LinkId, reason: ConnectRefusal) -> Effect {
    let reply = ConnectReply::refused(reason);
    Effect::Reply { link, reply }
}

#[cfg(test)]
mod tests;
