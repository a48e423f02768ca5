//! Callers: verified by a lookup of our own before anything is shown (protocol section 7.2).

use common::crypto::identity::PublicKey;
use common::ident::{MessageId, UserId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE};
use common::msg::{ByeReason, ConnectRefusal, MOVES};

use super::limiter::Standing;
use super::outgoing::Crossing;
use super::{Calls, keep, unaided};
use crate::command::Answer;
use crate::contacts::PinCheck;
use crate::context::{Context, Direction, StandingLink};
use crate::event::{Accept, Effect, LinkId};
use crate::model::Named;
use crate::notice::{CallFailed, CallNotice, CallerRefused, EndedBy, Unvouched};
use crate::request::{DeliveryRequest, DirectoryRequest, LookupReason, NotLookedUp, Request};
use crate::verify::{Claim, ConnectRequest, LookupResult};

/// A caller on the way to a conversation.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The directory was asked about the claim.
    Verifying(Box<Verifying>),
    /// The user was asked.
    Asking { from: UserId, until: u64 },
    /// We accepted; the caller has to take this link.
    Accepted { from: UserId, announce: Announce, until: u64 },
}

/// A caller who is being verified.
#[derive(Debug)]
pub(super) struct Verifying {
    claim: Claim,
    request: ConnectRequest,
    /// What the caller wants, if it is a file: which, and from which byte on.
    file: Option<(MessageId, u64)>,
}

/// How a call that was accepted is told to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// Somebody called.
    Received,
    /// Somebody called, and the user who was asked waits for it.
    Answered,
    /// It fulfils a call of our own that crossed it.
    Established,
    /// A conversation goes on with it.
    Moved,
}

impl Incoming {
    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Verifying(_) => None,
            Self::Asking { until, .. } | Self::Accepted { until, .. } => Some(*until),
        }
    }
}

impl Calls {
    /// Somebody wants to be connected.
    pub(crate) fn handle_request(&mut self, cx: &mut Context, link: LinkId, request: ConnectRequest) -> Vec<Request> {
        let initiator = &request.message.initiator;
        let is_declined = match self.accept {
            Accept::All | Accept::Ask => false,
            Accept::Contacts => !cx.contacts.is_chosen(initiator),
            Accept::None => true,
        };
        cx.callers.insert(link, request.message.features.clone());
        if request.message.features.include(MOVES) {
            let conversation = request.message.conversation.unwrap_or_else(|| cx.ids.conversation());
            cx.named.insert(link, Named { conversation, terminal: request.message.terminal });
        }
        // A call that crosses one of ours is ours as well; so is one that goes on with a conversation.
        let is_ours = self.is_calling(initiator) || followed(cx, initiator, link).is_some();
        let is_over = request.message.conversation.is_some_and(|conversation| self.moves.is_over(&conversation));
        if is_declined && !is_ours || is_over {
            cx.refuse(link, ConnectRefusal::Declined);
            return Vec::new();
        }
        self.verify(cx, link, request, None)
    }

    /// Somebody wants a file, from a byte on: verified as every caller is, but nobody is asked and nothing is shown.
    pub(crate) fn handle_file_request(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        request: ConnectRequest,
        file: (MessageId, u64),
    ) -> Vec<Request> {
        cx.callers.insert(link, request.message.features.clone());
        self.verify(cx, link, request, Some(file))
    }

    fn verify(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        request: ConnectRequest,
        file: Option<(MessageId, u64)>,
    ) -> Vec<Request> {
        match Claim::check(&cx.me, &request) {
            Err(why) => self.turn_away(cx, link, &request, why),
            Ok(claim) if cx.is_blocked(&claim.initiator) => cx.refuse(link, ConnectRefusal::Declined),
            Ok(claim) if !cx.is_up() && unaided::vouching(cx, &claim, &request).is_none() => {
                self.turn_away(cx, link, &request, CallerRefused::CannotVerify);
            }
            Ok(claim) => {
                if let Some(reason) = self.limiter.refused_lately(&claim, cx.now.tick) {
                    cx.refuse(link, reason);
                    return Vec::new();
                }
                if !self.limiter.may_look_up(&claim, standing(cx, &claim), cx.now.tick) {
                    cx.refuse(link, ConnectRefusal::Busy);
                    return Vec::new();
                }
                if !cx.is_up() {
                    return self.verify_by_record(cx, link, (&claim, &request), file);
                }
                let user = claim.initiator.clone();
                self.incoming.insert(link, Incoming::Verifying(Box::new(Verifying { claim, request, file })));
                return vec![Request::Directory(DirectoryRequest::LookUp { user, reason: LookupReason::Caller(link) })];
            }
        }
        Vec::new()
    }

    pub(super) fn found_caller(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        found: Result<Option<LookupResult>, NotLookedUp>,
    ) -> Vec<Request> {
        if !matches!(self.incoming.get(&link), Some(Incoming::Verifying(_))) {
            return Vec::new();
        }
        let Some(Incoming::Verifying(verifying)) = self.incoming.remove(&link) else { return Vec::new() };
        let Verifying { claim, request, file } = *verifying;
        let confirmed = match found {
            Ok(found) => claim.confirm(found.as_ref()).map(|()| found),
            Err(why) => {
                let why = match why {
                    NotLookedUp::Unreachable => CallerRefused::CannotVerify,
                    NotLookedUp::Refused(why) => CallerRefused::NotTold(why),
                };
                self.turn_away(cx, link, &request, why);
                return Vec::new();
            }
        };
        let found = match confirmed {
            Ok(Some(found)) => found,
            Ok(None) => return Vec::new(),
            Err(why) => {
                self.limiter.remember(&claim, reason_of(why), cx.now.tick);
                self.turn_away(cx, link, &request, why);
                return Vec::new();
            }
        };
        let from = claim.initiator.clone();
        match cx.check_pin(&from, &found.key) {
            PinCheck::Changed => {
                self.limiter.remember(&claim, reason_of(CallerRefused::KeyChanged), cx.now.tick);
                self.turn_away(cx, link, &request, CallerRefused::KeyChanged);
                cx.tell_key_changed(&from);
            }
            PinCheck::Former => {
                self.limiter.remember(&claim, reason_of(CallerRefused::WrongKey), cx.now.tick);
                self.turn_away(cx, link, &request, CallerRefused::WrongKey);
            }
            PinCheck::Blocked => cx.refuse(link, ConnectRefusal::Declined),
            // The former key confirmed this one, or another one, too: nothing passes before the user has agreed (decisions D33,
            // D47). Not remembered: the next try may come behind that. A file is asked for again and again, and says nothing new.
            PinCheck::Same if cx.contacts.awaits_decision(&from) => match file {
                Some(_) => cx.refuse(link, reason_of(CallerRefused::KeyChanged)),
                None => {
                    self.turn_away(cx, link, &request, CallerRefused::KeyChanged);
                    cx.tell_decision(&from);
                }
            },
            PinCheck::First(_) | PinCheck::Same => {
                if let Some((file, offset)) = file {
                    return vec![Request::Fetch { link, from, file, offset }];
                }
                self.handle_verified(cx, link, from.clone(), &found.key);
                keep(cx, &from, &found);
            }
        }
        Vec::new()
    }

    /// The caller is who it says.
    pub(super) fn handle_verified(&mut self, cx: &mut Context, link: LinkId, from: UserId, key: &PublicKey) {
        let goes_on = followed(cx, &from, link).is_some();
        match (self.cross(cx, (&from, key), goes_on), self.accept) {
            (Crossing::OursSurvives, _) => cx.refuse(link, ConnectRefusal::Crossed),
            _ if goes_on => self.take(cx, link, from, Announce::Moved),
            (Crossing::TheirsSurvives, _) => self.take(cx, link, from, Announce::Established),
            (Crossing::None, Accept::None) => cx.refuse(link, ConnectRefusal::Declined),
            (Crossing::None, Accept::Ask) => {
                let until = cx.now.tick + ANSWER_DEADLINE.as_secs();
                self.incoming.insert(link, Incoming::Asking { from: from.clone(), until });
                cx.tell(CallNotice::Asked { from });
            }
            (Crossing::None, Accept::All | Accept::Contacts) => self.take(cx, link, from, Announce::Received),
        }
    }

    fn take(&mut self, cx: &mut Context, link: LinkId, from: UserId, announce: Announce) {
        let reply = cx.accepted_to_talk(link);
        cx.push(Effect::Reply { link, reply });
        let until = cx.now.tick + CALL_DEADLINE.as_secs();
        self.incoming.insert(link, Incoming::Accepted { from, announce, until });
    }

    pub(super) fn is_asking(&self, user: &UserId) -> bool {
        self.asking(user).is_some()
    }

    fn asking(&self, user: &UserId) -> Option<LinkId> {
        let asks = |incoming: &Incoming| matches!(incoming, Incoming::Asking { from, .. } if from == user);
        self.incoming.iter().find(|(_, incoming)| asks(incoming)).map(|(link, _)| *link)
    }

    /// Takes or declines a caller who waits.
    pub(crate) fn answer(&mut self, cx: &mut Context, from: &UserId, answer: Answer) {
        let Some(link) = self.asking(from) else { return };
        self.incoming.remove(&link);
        match answer {
            Answer::Yes => {
                cx.choose(from);
                self.take(cx, link, from.clone(), Announce::Answered);
            }
            Answer::No => cx.refuse(link, ConnectRefusal::Declined),
        }
    }

    /// The caller took this link: now the conversation exists. A second sign of it does nothing.
    pub(crate) fn handle_connected(&mut self, cx: &mut Context, link: LinkId) -> Vec<Request> {
        if !matches!(self.incoming.get(&link), Some(Incoming::Accepted { .. })) {
            return Vec::new();
        }
        let Some(Incoming::Accepted { from, announce, .. }) = self.incoming.remove(&link) else { return Vec::new() };
        if let Some(old) = followed(cx, &from, link).filter(|_| announce == Announce::Moved) {
            self.give_up(cx, &from);
            return self.moved(cx, from, (link, Direction::Theirs), Some(old));
        }
        let mut requests = Vec::new();
        if let Some(old) = cx.links.insert(from.clone(), link, Direction::Theirs, cx.now.tick) {
            // The same user, verified again: the old link is stale, or belongs to another terminal.
            cx.push(Effect::Close { link: old, reason: ByeReason::Elsewhere });
            cx.forget_link(old);
            cx.tell(CallNotice::Ended { with: from.clone(), by: EndedBy::Them });
            requests.push(Request::Delivery(DeliveryRequest::LinkDown(from.clone(), old)));
        }
        self.give_up(cx, &from);
        self.searches.remove(&from);
        requests.push(Request::Delivery(DeliveryRequest::LinkUp(from.clone())));
        cx.tell(match announce {
            Announce::Received | Announce::Answered | Announce::Moved => CallNotice::Received { from: from.clone() },
            Announce::Established => CallNotice::Established { with: from.clone() },
        });
        cx.tell_way(&from, link);
        self.begin_to_move(cx, &from);
        requests
    }

    /// A caller is gone before there was a conversation; whoever waits for it is told.
    pub(super) fn caller_gone(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(notice) = self.incoming.remove(&link).and_then(given_up) {
            cx.tell(notice);
        }
    }

    pub(super) fn expire_incoming(&mut self, cx: &mut Context) {
        let due = |incoming: &Incoming| incoming.deadline().is_some_and(|deadline| deadline <= cx.now.tick);
        let expired: Vec<LinkId> =
            self.incoming.iter().filter(|(_, incoming)| due(incoming)).map(|(link, _)| *link).collect();
        for link in expired {
            let Some(incoming) = self.incoming.remove(&link) else { continue };
            match incoming {
                Incoming::Asking { .. } => cx.refuse(link, ConnectRefusal::Unanswered),
                Incoming::Verifying(_) | Incoming::Accepted { .. } => {
                    cx.push(Effect::Close { link, reason: ByeReason::Protocol });
                    cx.forget_link(link);
                }
            }
            if let Some(notice) = given_up(incoming) {
                cx.tell(notice);
            }
        }
    }

    /// Refuses a caller: the reason is for the user called, the caller gets as much of it as the wire has words for.
    /// Of a call that was to go on with a conversation the user hears nothing: that goes on as it is.
    pub(super) fn turn_away(&mut self, cx: &mut Context, link: LinkId, request: &ConnectRequest, why: CallerRefused) {
        let goes_on = followed(cx, &request.message.initiator, link).is_some();
        cx.refuse(link, reason_of(why));
        if !goes_on && self.limiter.may_tell(cx.now.tick) {
            let claimed = Some(request.message.initiator.clone());
            cx.tell(CallNotice::CallerRefused { claimed, source: request.source, why });
        }
    }
}

/// The link that stands with a user whose conversation another one has.
fn followed(cx: &Context, with: &UserId, link: LinkId) -> Option<StandingLink> {
    cx.links.of(with).filter(|standing| cx.follows(link, standing.link))
}

/// Whether the caller has shown the key that is pinned for a contact.
fn standing(cx: &Context, claim: &Claim) -> Standing {
    let from = &claim.initiator;
    let is_contact = cx.contacts.is_chosen(from) && cx.contacts.key(from).is_some_and(|key| claim.is_of(&key));
    if is_contact { Standing::Contact } else { Standing::Stranger }
}

/// What a caller who could not be verified is told. Whoever is blocked is told what everybody else is who is not wanted.
fn reason_of(why: CallerRefused) -> ConnectRefusal {
    match why {
        CallerRefused::CannotVerify | CallerRefused::NotTold(_) => ConnectRefusal::Unavailable,
        CallerRefused::NotLoggedIn => ConnectRefusal::NotLoggedIn,
        CallerRefused::WrongKey | CallerRefused::KeyChanged => ConnectRefusal::Key,
        CallerRefused::WrongAddress => ConnectRefusal::Address,
        CallerRefused::Unvouched(Unvouched::Key) => ConnectRefusal::Key,
        CallerRefused::Unvouched(Unvouched::Forged | Unvouched::Expired | Unvouched::Address) => ConnectRefusal::Record,
        CallerRefused::WrongDestination => ConnectRefusal::Destination,
    }
}

/// What to tell the user when a caller goes away at this point.
fn given_up(incoming: Incoming) -> Option<CallNotice> {
    match incoming {
        Incoming::Asking { from, .. } | Incoming::Accepted { from, announce: Announce::Answered, .. } => {
            Some(CallNotice::AskedNoMore { from })
        }
        Incoming::Accepted { from, announce: Announce::Established, .. } => {
            let seconds = CALL_DEADLINE.as_secs();
            Some(CallNotice::Failed { to: from, why: CallFailed::NoAnswer { seconds } })
        }
        Incoming::Verifying(_) | Incoming::Accepted { announce: Announce::Received | Announce::Moved, .. } => None,
    }
}
