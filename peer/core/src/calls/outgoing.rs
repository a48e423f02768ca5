//! Calls this terminal places (protocol sections 7.3 and 7.4).

use common::crypto::identity::PublicKey;
use common::ident::UserId;
use common::limits::CALL_DEADLINE;
use common::msg::{ByeReason, ConnectRefusal, Record};

use super::meeting::is_of_the_way;
use super::unaided::ByRecord;
use super::{Calls, Occasion, keep};
use crate::command::{Answer, Ticket};
use crate::contacts::PinCheck;
use crate::context::{Context, Direction};
use crate::event::{Call, DialFailed, DialId, Effect, Fallback, LinkId};
use crate::meeting::{Meeting, Met, fallback};
use crate::model::Named;
use crate::notice::{CallFailed, CallNotice, CalleeRule, EndedBy};
use crate::request::{
    DeliveryRequest, DirectoryRequest, GroupRequest, LookupReason, NotLookedUp, Question, Request, successors,
};
use crate::verify::LookupResult;

/// A call that is being placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    stage: Stage,
    pub(super) occasion: Occasion,
    /// The command of the user that asked for it.
    ticket: Option<Ticket>,
    /// What is left to try where the callee is not reached.
    meeting: Option<Meeting>,
    /// Placed without the directory: when it has signed what takes the place of a lookup, by its clock.
    vouched: Option<u64>,
    /// The conversation that goes on with it, and with which terminal.
    named: Option<Named>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The directory was asked; it must answer before `until`.
    LookingUp { until: u64 },
    /// The callee's terminals are being called.
    Dialing(DialId),
    /// The directory was asked to bring us together with one of them; it must answer before `until`.
    Meeting { until: u64 },
    /// Both called at once and theirs goes on; it must arrive before `until`.
    AwaitingTheirs { until: u64 },
}

impl Outgoing {
    pub(super) fn deadline(&self) -> Option<u64> {
        match self.stage {
            Stage::LookingUp { until } | Stage::Meeting { until } | Stage::AwaitingTheirs { until } => Some(until),
            Stage::Dialing(_) => None,
        }
    }

    pub(super) fn dial(&self) -> Option<DialId> {
        match self.stage {
            Stage::Dialing(dial) => Some(dial),
            Stage::LookingUp { .. } | Stage::Meeting { .. } | Stage::AwaitingTheirs { .. } => None,
        }
    }
}

impl From<NotLookedUp> for CallFailed {
    fn from(why: NotLookedUp) -> Self {
        match why {
            NotLookedUp::Unreachable => Self::DirectoryLost,
            NotLookedUp::Refused(why) => Self::DirectoryRefused(why),
        }
    }
}

impl From<DialFailed> for CallFailed {
    fn from(why: DialFailed) -> Self {
        match why {
            // Of two families the address called from cannot be one that the directory has. A terminal that knows no
            // finer reasons calls that declined.
            DialFailed::RefusedFamily(ConnectRefusal::Address | ConnectRefusal::Declined) => {
                Self::Rule(CalleeRule::AddressFamily)
            }
            DialFailed::Refused(why) | DialFailed::RefusedFamily(why) => match why {
                ConnectRefusal::Declined => Self::Refused,
                ConnectRefusal::Unavailable => Self::Unavailable,
                ConnectRefusal::Address => Self::Rule(CalleeRule::Address),
                ConnectRefusal::Key => Self::Rule(CalleeRule::Key),
                ConnectRefusal::NotLoggedIn => Self::Rule(CalleeRule::NotLoggedIn),
                ConnectRefusal::Destination => Self::Rule(CalleeRule::Destination),
                ConnectRefusal::Busy => Self::Rule(CalleeRule::Busy),
                ConnectRefusal::Unanswered => Self::Rule(CalleeRule::Unanswered),
                ConnectRefusal::Record => Self::Rule(CalleeRule::Record),
                // A crossed call goes on; it fails only by its deadline.
                ConnectRefusal::Crossed | ConnectRefusal::Other => Self::Rule(CalleeRule::Unknown),
            },
            DialFailed::NoAnswer { seconds } => Self::NoAnswer { seconds },
            DialFailed::Unreached(why) => Self::Unreached(why),
            DialFailed::Broken => Self::Broken,
            DialFailed::Local { detail } => Self::Local { detail },
            DialFailed::WrongKey => Self::WrongKey,
        }
    }
}

/// What becomes of a caller whom we are calling ourselves (threat P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crossing {
    /// We are not calling that user.
    None,
    /// Our call goes on; theirs must be refused.
    OursSurvives,
    /// Theirs goes on; our own call was given up, and is fulfilled by theirs.
    TheirsSurvives,
}

impl Calls {
    /// Calls a user.
    pub(crate) fn place(&mut self, cx: &mut Context, to: UserId) -> Vec<Request> {
        let why = match () {
            () if cx.is_me(&to) => CallFailed::Yourself,
            () if cx.is_blocked(&to) => CallFailed::Blocked,
            () if cx.links.of(&to).is_some() => {
                cx.choose(&to);
                cx.tell(CallNotice::Established { with: to.clone() });
                if let Some(standing) = cx.links.of(&to) {
                    cx.tell_way(&to, standing.link);
                }
                return Vec::new();
            }
            () if self.is_asking(&to) => {
                self.answer(cx, &to, Answer::Yes);
                return Vec::new();
            }
            () if self.takes_over(cx, &to) => return Vec::new(),
            () if !cx.is_up() => match self.place_by_record(cx, &to, Occasion::Asked) {
                Ok(()) => return Vec::new(),
                Err(why) => why,
            },
            () => return self.look_up(cx, to, Occasion::Asked, None),
        };
        cx.tell(CallNotice::Failed { to, why });
        Vec::new()
    }

    pub(super) fn call_again(&mut self, cx: &mut Context, to: UserId, named: Option<Named>) -> Vec<Request> {
        if !cx.is_up() {
            // Whoever is called again can be called: that was asked before.
            let _ = self.place_by_record(cx, &to, Occasion::Lost);
            return Vec::new();
        }
        self.look_up(cx, to, Occasion::Lost, named)
    }

    /// Whether a call is being placed by itself, which becomes the one that the user asks for.
    fn takes_over(&mut self, cx: &Context, to: &UserId) -> bool {
        let by_itself = |outgoing: &&mut Outgoing| matches!(outgoing.occasion, Occasion::Again | Occasion::Moved);
        let Some(outgoing) = self.outgoing.get_mut(to).filter(by_itself) else { return false };
        (outgoing.occasion, outgoing.ticket) = (Occasion::Asked, cx.answering.clone());
        true
    }

    pub(super) fn look_up(
        &mut self,
        cx: &Context,
        to: UserId,
        occasion: Occasion,
        named: Option<Named>,
    ) -> Vec<Request> {
        if self.is_calling(&to) {
            return Vec::new();
        }
        let stage = Stage::LookingUp { until: cx.now.tick + CALL_DEADLINE.as_secs() };
        let ticket = cx.answering.clone();
        self.outgoing.insert(to.clone(), Outgoing { stage, occasion, ticket, meeting: None, vouched: None, named });
        vec![Request::Directory(DirectoryRequest::LookUp { user: to, reason: LookupReason::Call })]
    }

    /// Calls at the addresses that the directory has signed while it could be asked.
    pub(super) fn dial_by_record(&mut self, cx: &mut Context, to: &UserId, occasion: Occasion, by: ByRecord) {
        let (dial, ticket) = (self.next_dial(), cx.answering.clone());
        let ByRecord { found, shown, issued } = by;
        let stage = Stage::Dialing(dial);
        let (meeting, vouched, named) = (None, Some(issued), None);
        self.outgoing.insert(to.clone(), Outgoing { stage, occasion, ticket, meeting, vouched, named });
        let call = Call { to: to.clone(), found, conversation: None };
        cx.push(Effect::Dial { dial, call, fallback: Fallback::Nothing, shown: Some(shown) });
    }

    pub(super) fn is_calling(&self, user: &UserId) -> bool {
        self.outgoing.contains_key(user)
    }

    pub(super) fn found_callee(
        &mut self,
        cx: &mut Context,
        to: &UserId,
        found: Result<Option<LookupResult>, NotLookedUp>,
    ) -> Vec<Request> {
        let looked_up = |outgoing: &&Outgoing| matches!(outgoing.stage, Stage::LookingUp { .. });
        let Some(outgoing) = self.outgoing.get(to).filter(looked_up) else { return Vec::new() };
        match found {
            Ok(Some(found)) => self.dial(cx, to, found),
            Ok(None) if outgoing.occasion != Occasion::Asked => self.call_failed(cx, to, CallFailed::NotFound),
            // Mail may reach them all the same.
            Ok(None) => {
                self.outgoing.remove(to);
                // Nor is anybody seen in the moment in which a new key takes the place of the pinned one.
                let is_pinned = cx.contacts.contact(to).is_some_and(|contact| contact.key.is_some());
                let ask = successors(cx, is_pinned.then(|| to.clone()));
                return ask.into_iter().chain([Request::Group(GroupRequest::NotOnline(to.clone()))]).collect();
            }
            Err(why) => self.call_failed(cx, to, why.into()),
        }
        Vec::new()
    }

    fn dial(&mut self, cx: &mut Context, to: &UserId, found: LookupResult) {
        if found.key == cx.me.key {
            return self.call_failed(cx, to, CallFailed::WrongKey);
        }
        match cx.check_pin(to, &found.key) {
            PinCheck::Changed => {
                self.outgoing.remove(to);
                return cx.tell_key_changed(to);
            }
            PinCheck::Blocked => return self.call_failed(cx, to, CallFailed::Blocked),
            PinCheck::Former => return self.call_failed(cx, to, CallFailed::FormerKey),
            PinCheck::Same if cx.contacts.awaits_decision(to) => {
                self.outgoing.remove(to);
                return cx.tell_decision(to);
            }
            PinCheck::First(_) | PinCheck::Same => {}
        }
        if self.outgoing.get(to).is_some_and(|outgoing| outgoing.occasion == Occasion::Asked) {
            cx.choose(to);
        }
        let (dial, all) = (self.next_dial(), found.clone());
        let Some(outgoing) = self.outgoing.get_mut(to) else { return };
        outgoing.stage = Stage::Dialing(dial);
        let shown = cx.vouching.own().filter(|_| !found.records.is_empty());
        let conversation = outgoing.named.map(|named| named.conversation);
        let (found, fallback) = match outgoing.named.filter(|_| outgoing.occasion == Occasion::Moving) {
            // Over a relay it goes already.
            Some(named) => {
                let found = found.only(named.terminal);
                outgoing.meeting = Meeting::to_move(cx, &found);
                let fallback = outgoing.meeting.as_ref().map_or(Fallback::Relay, |_| Fallback::Meeting);
                (found, fallback)
            }
            None => {
                outgoing.meeting = Meeting::to_talk(cx, &found);
                let fallback = fallback(outgoing.meeting.as_ref());
                (found, fallback)
            }
        };
        cx.push(Effect::Dial { dial, call: Call { to: to.clone(), found, conversation }, fallback, shown });
        keep(cx, to, &all);
    }

    fn next_dial(&mut self) -> DialId {
        self.dials += 1;
        DialId(self.dials)
    }

    /// A terminal that a dial has reached shows what its directory says of it.
    pub(crate) fn handle_shown(&mut self, link: LinkId, record: Record) {
        self.shown = Some((link, record));
    }

    /// A dial came to an end.
    pub(crate) fn handle_dialed(
        &mut self,
        cx: &mut Context,
        dial: DialId,
        outcome: Result<LinkId, DialFailed>,
    ) -> Vec<Request> {
        let placed = self.outgoing.iter().find(|(_, outgoing)| outgoing.stage == Stage::Dialing(dial));
        let Some((to, ticket)) = placed.map(|(to, outgoing)| (to.clone(), outgoing.ticket.clone())) else {
            // Given up meanwhile.
            if let Ok(link) = outcome {
                cx.push(Effect::Close { link, reason: ByeReason::Ended });
            }
            return Vec::new();
        };
        cx.answering = ticket;
        match outcome {
            Ok(link) => {
                let outgoing = self.outgoing.remove(&to);
                if let Some(issued) = outgoing.as_ref().and_then(|outgoing| outgoing.vouched) {
                    cx.vouched.insert(link, issued);
                }
                self.established(cx, to, link, outgoing.map(|outgoing| outgoing.occasion))
            }
            Err(DialFailed::Refused(ConnectRefusal::Crossed) | DialFailed::RefusedFamily(ConnectRefusal::Crossed)) => {
                if let Some(outgoing) = self.outgoing.get_mut(&to) {
                    outgoing.stage = Stage::AwaitingTheirs { until: cx.now.tick + CALL_DEADLINE.as_secs() };
                }
                Vec::new()
            }
            Err(why) => self.not_reached(cx, &to, why),
        }
    }

    /// A dial came to nothing: another way is tried, or the call has failed.
    fn not_reached(&mut self, cx: &mut Context, to: &UserId, why: DialFailed) -> Vec<Request> {
        let outgoing = self.outgoing.get_mut(to).and_then(|outgoing| outgoing.meeting.as_mut());
        match outgoing {
            Some(meeting) if is_of_the_way(&why) => {
                meeting.not_reached(why.into());
                self.ask_to_meet(cx, to)
            }
            Some(_) | None => {
                self.call_failed(cx, to, why.into());
                Vec::new()
            }
        }
    }

    /// Asks to be brought together with the next terminal.
    fn ask_to_meet(&mut self, cx: &mut Context, to: &UserId) -> Vec<Request> {
        let Some(outgoing) = self.outgoing.get_mut(to) else { return Vec::new() };
        let Some(meeting) = outgoing.meeting.as_mut() else { return Vec::new() };
        match meeting.next(to).filter(|_| cx.is_up()) {
            Some(request) => {
                outgoing.stage = Stage::Meeting { until: cx.now.tick + CALL_DEADLINE.as_secs() };
                let message = request.into();
                vec![Request::Directory(DirectoryRequest::Ask { message, question: Question::Meeting(to.clone()) })]
            }
            None => {
                let why = meeting.clone().failed();
                self.call_failed(cx, to, why);
                Vec::new()
            }
        }
    }

    /// The directory brings us together, or does not.
    pub(crate) fn handle_met(&mut self, cx: &mut Context, to: &UserId, met: Option<Met>) -> Vec<Request> {
        let dial = self.next_dial();
        let Some(outgoing) = self.outgoing.get_mut(to) else { return Vec::new() };
        let (Stage::Meeting { .. }, Some(meeting)) = (outgoing.stage, &outgoing.meeting) else { return Vec::new() };
        let Some(met) = met else { return self.ask_to_meet(cx, to) };
        let conversation = outgoing.named.map(|named| named.conversation);
        let call = Call { to: to.clone(), found: meeting.found().clone(), conversation };
        outgoing.stage = Stage::Dialing(dial);
        cx.push(match met {
            Met::Relay(token) => Effect::DialByRelay { dial, call, token },
            Met::Punch(address, after) => Effect::DialToMeet { dial, call, address, after },
        });
        Vec::new()
    }

    fn established(&mut self, cx: &mut Context, to: UserId, link: LinkId, occasion: Option<Occasion>) -> Vec<Request> {
        self.searches.remove(&to);
        if let Some((_, shown)) = self.shown.take_if(|(reached, _)| *reached == link) {
            cx.keep_records(&to, &[shown]);
        }
        if matches!(occasion, Some(Occasion::Moving | Occasion::Moved)) {
            let old = cx.links.of(&to);
            return self.moved(cx, to, (link, Direction::Ours), old);
        }
        let old = cx.links.insert(to.clone(), link, Direction::Ours, cx.now.tick);
        cx.tell(CallNotice::Established { with: to.clone() });
        cx.tell_way(&to, link);
        self.begin_to_move(cx, &to);
        let down = old.map(|old| Request::Delivery(DeliveryRequest::LinkDown(to.clone(), old)));
        down.into_iter().chain([Request::Delivery(DeliveryRequest::LinkUp(to))]).collect()
    }

    fn call_failed(&mut self, cx: &mut Context, to: &UserId, why: CallFailed) {
        let Some(outgoing) = self.outgoing.remove(to) else { return };
        cx.answering = outgoing.ticket;
        let with = to.clone();
        match outgoing.occasion {
            Occasion::Asked if why.is_of_the_way() && cx.is_up() => {
                self.searches.begin(cx, to);
                cx.tell(CallNotice::ByMail { with, why });
            }
            Occasion::Asked => cx.tell(CallNotice::Failed { to: with, why }),
            Occasion::Lost | Occasion::Moved => cx.tell(CallNotice::Ended { with, by: EndedBy::Them }),
            Occasion::Moving => self.not_moved(cx, to),
            Occasion::Again => self.searches.go_on(cx, to, &why),
        }
    }

    /// Gives up a call that is being placed, if there is one.
    pub(super) fn give_up(&mut self, cx: &mut Context, to: &UserId) {
        let outgoing = self.outgoing.remove(to);
        if let Some(dial) = outgoing.and_then(|outgoing| outgoing.dial()) {
            cx.push(Effect::Hang(dial));
        }
    }

    /// Gives up a call that was to take the place of a link.
    pub(super) fn give_up_moving(&mut self, cx: &mut Context, to: &UserId) {
        if self.outgoing.get(to).is_some_and(|outgoing| outgoing.occasion == Occasion::Moving) {
            self.give_up(cx, to);
        }
    }

    /// Whether the other side, which ends a link, has taken one of ours in its place: that it has, we are about to hear.
    pub(super) fn has_been_followed(&mut self, by: &UserId) -> bool {
        let moving = self.outgoing.get_mut(by).filter(|outgoing| outgoing.occasion == Occasion::Moving);
        let followed = moving.filter(|outgoing| outgoing.dial().is_some());
        followed.map(|outgoing| outgoing.occasion = Occasion::Moved).is_some()
    }

    /// Decides between our call to `caller` and theirs to us: the call of the smaller key digest survives. One that goes on with
    /// a conversation stands back behind one that does not.
    pub(super) fn cross(&mut self, cx: &mut Context, (caller, key): (&UserId, &PublicKey), goes_on: bool) -> Crossing {
        let Some(outgoing) = self.outgoing.get(caller) else { return Crossing::None };
        if outgoing.occasion == Occasion::Moving && !goes_on {
            self.give_up(cx, caller);
            return Crossing::None;
        }
        let awaiting = matches!(outgoing.stage, Stage::AwaitingTheirs { .. });
        if !awaiting && cx.me.key.digest() < key.digest() {
            return Crossing::OursSurvives;
        }
        self.give_up(cx, caller);
        Crossing::TheirsSurvives
    }

    pub(super) fn expire_outgoing(&mut self, cx: &mut Context) {
        let due = |outgoing: &Outgoing| outgoing.deadline().is_some_and(|deadline| deadline <= cx.now.tick);
        let expired = self.outgoing.iter().filter(|(_, outgoing)| due(outgoing));
        let expired: Vec<(UserId, Outgoing)> = expired.map(|(to, outgoing)| (to.clone(), outgoing.clone())).collect();
        let seconds = CALL_DEADLINE.as_secs();
        for (to, outgoing) in expired {
            let why = match outgoing.stage {
                Stage::LookingUp { .. } => CallFailed::DirectorySilent { seconds },
                Stage::Meeting { .. } => outgoing.meeting.map_or(CallFailed::NotFound, Meeting::failed),
                Stage::Dialing(_) | Stage::AwaitingTheirs { .. } => CallFailed::NoAnswer { seconds },
            };
            self.call_failed(cx, &to, why);
        }
        cx.answering = None;
    }
}
