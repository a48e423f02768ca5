//! Calls this terminal places (protocol sections 7.3 and 7.4).

use common::crypto::identity::PublicKey;
use common::ident::UserId;
use common::limits::CALL_DEADLINE;
use common::msg::ConnectRefusal;

use super::{
    Conversation, DialFailed, DialId, Direction, Directory, Effect, Engine, LinkId, Now, Purpose, Unreachable,
};
use crate::command::Answer;
use crate::contacts::PinCheck;
use crate::notice::{CallFailed, CallNotice, EndedBy, Notice};
use crate::verify::LookupResult;

/// A call that is being placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outgoing {
    stage: Stage,
    occasion: Occasion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The directory was asked.
    LookingUp,
    /// The callee's terminals are being called.
    Dialing(DialId),
    /// Both called at once and theirs goes on; it must arrive before `until`.
    AwaitingTheirs { until: u64 },
}

/// Why a call is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// The person asked for it.
    Asked,
    /// A link was lost.
    Lost,
}

impl Outgoing {
    pub(super) fn deadline(&self) -> Option<u64> {
        match self.stage {
            Stage::AwaitingTheirs { until } => Some(until),
            Stage::LookingUp | Stage::Dialing(_) => None,
        }
    }

    pub(super) fn dial(&self) -> Option<DialId> {
        match self.stage {
            Stage::Dialing(dial) => Some(dial),
            Stage::LookingUp | Stage::AwaitingTheirs { .. } => None,
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

impl Engine {
    pub(super) fn call(&mut self, now: Now, to: UserId, out: &mut Vec<Effect>) {
        if to == self.me.user {
            return out.push(failed(to, CallFailed::Yourself));
        }
        if self.contacts.contact(&to).is_some_and(|contact| contact.blocked) {
            return out.push(failed(to, CallFailed::Blocked));
        }
        if self.conversations.contains_key(&to) {
            return out.push(Effect::Notify(Notice::Call(CallNotice::Established { with: to })));
        }
        if self.is_asking(&to) {
            return self.answer_call(now, &to, Answer::Yes, out);
        }
        if self.directory == Directory::Down {
            return out.push(failed(to, CallFailed::DirectoryLost));
        }
        self.look_up(to, Occasion::Asked, out);
    }

    pub(super) fn call_again(&mut self, to: UserId, out: &mut Vec<Effect>) {
        self.look_up(to, Occasion::Lost, out);
    }

    fn look_up(&mut self, to: UserId, occasion: Occasion, out: &mut Vec<Effect>) {
        if self.outgoing.contains_key(&to) {
            return;
        }
        self.outgoing.insert(to.clone(), Outgoing { stage: Stage::LookingUp, occasion });
        self.look_up_user(Purpose::Call, to, out);
    }

    /// Whom the person calls is not online; mail may reach them all the same.
    fn not_online(&mut self, now: Now, to: &UserId, out: &mut Vec<Effect>) {
        if self.outgoing.get(to).is_some_and(|outgoing| outgoing.occasion == Occasion::Lost) {
            return self.call_failed(to, CallFailed::NotFound, out);
        }
        self.outgoing.remove(to);
        let (post, mut step) = self.post(now, out);
        post.is_reachable(&mut step, to.clone());
    }

    pub(super) fn found_callee(
        &mut self,
        now: Now,
        to: &UserId,
        found: Result<Option<LookupResult>, Unreachable>,
        out: &mut Vec<Effect>,
    ) {
        if !self.outgoing.get(to).is_some_and(|outgoing| outgoing.stage == Stage::LookingUp) {
            return;
        }
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self.not_online(now, to, out),
            Err(Unreachable) => return self.call_failed(to, CallFailed::DirectoryLost, out),
        };
        if found.key == self.me.key {
            return self.call_failed(to, CallFailed::WrongKey, out);
        }
        match self.contacts.judge(to, &found.key, now.date) {
            PinCheck::Changed => {
                self.outgoing.remove(to);
                return self.tell_key_changed(to, out);
            }
            PinCheck::Blocked => return self.call_failed(to, CallFailed::Blocked, out),
            PinCheck::First(contact) => out.push(Effect::Save(contact)),
            PinCheck::Same => {}
        }
        self.dials += 1;
        let dial = DialId(self.dials);
        if let Some(outgoing) = self.outgoing.get_mut(to) {
            outgoing.stage = Stage::Dialing(dial);
        }
        out.push(Effect::Dial { dial, to: to.clone(), found });
    }

    pub(super) fn dialed(
        &mut self,
        now: Now,
        dial: DialId,
        outcome: Result<LinkId, DialFailed>,
        out: &mut Vec<Effect>,
    ) {
        let placed = self.outgoing.iter().find(|(_, outgoing)| outgoing.stage == Stage::Dialing(dial));
        let Some(to) = placed.map(|(to, _)| to.clone()) else {
            // Given up meanwhile.
            out.extend(outcome.ok().map(|link| Effect::Close { link, reason: common::msg::ByeReason::Ended }));
            return;
        };
        match outcome {
            Ok(link) => {
                self.outgoing.remove(&to);
                self.conversations
                    .insert(to.clone(), Conversation { link, direction: Direction::Ours, since: now.tick });
                out.push(Effect::Notify(Notice::Call(CallNotice::Established { with: to })));
            }
            Err(DialFailed::Refused(ConnectRefusal::Crossed)) => {
                if let Some(outgoing) = self.outgoing.get_mut(&to) {
                    outgoing.stage = Stage::AwaitingTheirs { until: now.tick + CALL_DEADLINE.as_secs() };
                }
            }
            Err(DialFailed::Refused(ConnectRefusal::Unavailable)) => {
                self.call_failed(&to, CallFailed::Unavailable, out);
            }
            Err(DialFailed::Refused(ConnectRefusal::Declined | ConnectRefusal::Other)) => {
                self.call_failed(&to, CallFailed::Refused, out);
            }
            Err(DialFailed::NoAnswer { seconds }) => self.call_failed(&to, CallFailed::NoAnswer { seconds }, out),
            Err(DialFailed::WrongKey) => self.call_failed(&to, CallFailed::WrongKey, out),
        }
    }

    fn call_failed(&mut self, to: &UserId, why: CallFailed, out: &mut Vec<Effect>) {
        let Some(outgoing) = self.outgoing.remove(to) else { return };
        out.push(match outgoing.occasion {
            Occasion::Asked => failed(to.clone(), why),
            Occasion::Lost => Effect::Notify(Notice::Call(CallNotice::Ended { with: to.clone(), by: EndedBy::Them })),
        });
    }

    /// Gives up a call that is being placed, if there is one.
    pub(super) fn give_up(&mut self, to: &UserId, out: &mut Vec<Effect>) {
        let outgoing = self.outgoing.remove(to);
        out.extend(outgoing.and_then(|outgoing| outgoing.dial()).map(Effect::Hang));
    }

    /// Decides between our call to `caller` and theirs to us: the call of the smaller key digest survives.
    pub(super) fn cross(&mut self, caller: &UserId, key: &PublicKey, out: &mut Vec<Effect>) -> Crossing {
        let Some(outgoing) = self.outgoing.get(caller) else { return Crossing::None };
        let awaiting = matches!(outgoing.stage, Stage::AwaitingTheirs { .. });
        if !awaiting && self.me.key.digest() < key.digest() {
            return Crossing::OursSurvives;
        }
        self.give_up(caller, out);
        Crossing::TheirsSurvives
    }

    pub(super) fn expire_outgoing(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = |outgoing: &Outgoing| outgoing.deadline().is_some_and(|deadline| deadline <= now.tick);
        let expired: Vec<UserId> =
            self.outgoing.iter().filter(|(_, outgoing)| due(outgoing)).map(|(to, _)| to.clone()).collect();
        for to in expired {
            self.call_failed(&to, CallFailed::NoAnswer { seconds: CALL_DEADLINE.as_secs() }, out);
        }
    }
}

fn failed(to: UserId, why: CallFailed) -> Effect {
    Effect::Notify(Notice::Call(CallNotice::Failed { to, why }))
}
