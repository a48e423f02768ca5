//! Callers: verified by a lookup of our own before anything is shown (protocol section 7.2).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use common::ident::{KeyDigest, UserId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE};
use common::msg::{ByeReason, ConnectRefusal, ConnectReply, ConnectStatus};

use super::outgoing::Crossing;
use super::{Accept, Conversation, Direction, Directory, Effect, Engine, LinkId, Now, Purpose, Unreachable};
use crate::core::command::Answer;
use crate::core::contacts::Judgement;
use crate::core::notice::{CallerRefused, EndedBy, Notice};
use crate::core::verify::{Claim, Found, Request};

/// How long a refusal is remembered, so that the same stranger does not cost another lookup (threat P3), in seconds.
const REFUSAL_KEPT: u64 = 60;
/// Refusals remembered at most.
const REFUSALS: usize = 1024;
/// Refusals a person is told of within [`REFUSAL_KEPT`]: chosen arbitrarily, enough to notice an attack.
const REFUSALS_TOLD: usize = 5;

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
}

/// How a call that was accepted is told to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// Somebody called.
    Received,
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

/// Strangers refused a short while ago, and how often the person was told of such.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    refused: BTreeMap<(UserId, KeyDigest, IpAddr), u64>,
    told: VecDeque<u64>,
}

impl Strangers {
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

    /// Whether the person is to be told of another refusal, so that nobody can fill the screen with them.
    fn may_tell(&mut self, now: Now) -> bool {
        while self.told.front().is_some_and(|then| then + REFUSAL_KEPT <= now.tick) {
            self.told.pop_front();
        }
        let may = self.told.len() < REFUSALS_TOLD;
        if may {
            self.told.push_back(now.tick);
        }
        may
    }
}

impl Engine {
    pub(super) fn requested(&mut self, now: Now, link: LinkId, request: Request, out: &mut Vec<Effect>) {
        if self.accept == Accept::None {
            return out.push(refuse(link, ConnectRefusal::Declined));
        }
        let claim = match Claim::check(&self.me, &request) {
            Ok(claim) => claim,
            Err(why) => return self.turn_away(now, link, &request, why, out),
        };
        if self.strangers.refused_lately(&claim, now) {
            return out.push(refuse(link, ConnectRefusal::Declined));
        }
        if self.directory == Directory::Down {
            return self.turn_away(now, link, &request, CallerRefused::CannotVerify, out);
        }
        out.push(Effect::Lookup { purpose: Purpose::Caller(link), user: claim.initiator.clone() });
        self.incoming.insert(link, Incoming::Verifying(Box::new(Verifying { claim, request })));
    }

    pub(super) fn found_caller(
        &mut self,
        now: Now,
        link: LinkId,
        found: Result<Option<Found>, Unreachable>,
        out: &mut Vec<Effect>,
    ) {
        let Some(Incoming::Verifying(verifying)) = self.incoming.remove(&link) else { return };
        let Verifying { claim, request } = *verifying;
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
        let from = claim.initiator;
        match self.contacts.judge(&from, &found.key, now.date) {
            Judgement::Changed => {
                self.turn_away(now, link, &request, CallerRefused::KeyChanged, out);
                return self.tell_key_changed(&from, out);
            }
            Judgement::Blocked => return out.push(refuse(link, ConnectRefusal::Declined)),
            Judgement::First(contact) => out.push(Effect::Save(contact)),
            Judgement::Same => {}
        }
        match (self.cross(&from, &found.key, out), self.accept) {
            (Crossing::OursSurvives, _) => out.push(refuse(link, ConnectRefusal::Crossed)),
            (Crossing::TheirsSurvives, _) => self.take(now, link, from, Announce::Established, out),
            (Crossing::None, Accept::Ask) => {
                let until = now.tick + ANSWER_DEADLINE.as_secs();
                self.incoming.insert(link, Incoming::Asking { from: from.clone(), until });
                out.push(Effect::Notify(Notice::Asked { from }));
            }
            (Crossing::None, _) => self.take(now, link, from, Announce::Received, out),
        }
    }

    fn take(&mut self, now: Now, link: LinkId, from: UserId, announce: Announce, out: &mut Vec<Effect>) {
        let reply = ConnectReply { status: ConnectStatus::Accepted, reason: None, terminal: Some(self.me.terminal) };
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
            Answer::Yes => self.take(now, link, from.clone(), Announce::Received, out),
            Answer::No => out.push(refuse(link, ConnectRefusal::Declined)),
        }
    }

    /// The caller took this link: now the conversation exists. A second sign of it does nothing.
    pub(super) fn connected(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        if !matches!(self.incoming.get(&link), Some(Incoming::Accepted { .. })) {
            return;
        }
        let Some(Incoming::Accepted { from, announce, .. }) = self.incoming.remove(&link) else { return };
        let conversation = Conversation { link, direction: Direction::Theirs };
        if let Some(old) = self.conversations.insert(from.clone(), conversation) {
            // The same user, verified anew: the old link is stale, or belongs to another terminal.
            out.push(Effect::Close { link: old.link, reason: ByeReason::Elsewhere });
            out.push(Effect::Notify(Notice::Ended { with: from.clone(), by: EndedBy::Them }));
        }
        self.give_up(&from, out);
        out.push(Effect::Notify(match announce {
            Announce::Received => Notice::Received { from },
            Announce::Established => Notice::Established { with: from },
        }));
    }

    pub(super) fn caller_gone(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        if let Some(Incoming::Asking { from, .. }) = self.incoming.remove(&link) {
            out.push(Effect::Notify(Notice::AskedNoMore { from }));
        }
    }

    pub(super) fn expire_incoming(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = |incoming: &Incoming| incoming.deadline().is_some_and(|deadline| deadline <= now.tick);
        let expired: Vec<LinkId> =
            self.incoming.iter().filter(|(_, incoming)| due(incoming)).map(|(link, _)| *link).collect();
        for link in expired {
            match self.incoming.remove(&link) {
                Some(Incoming::Asking { from, .. }) => {
                    out.push(refuse(link, ConnectRefusal::Declined));
                    out.push(Effect::Notify(Notice::AskedNoMore { from }));
                }
                _ => out.push(Effect::Close { link, reason: ByeReason::Protocol }),
            }
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
            out.push(Effect::Notify(Notice::CallerRefused { claimed, source: request.source, why }));
        }
    }
}

fn refuse(link: LinkId, reason: ConnectRefusal) -> Effect {
    let reply = ConnectReply { status: ConnectStatus::Refused, reason: Some(reason), terminal: None };
    Effect::Reply { link, reply }
}
