//! Links between terminals: calls, texts and receipts over connections that break.

use common::ident::UserId;
use common::msg::{
    ByeReason, ConnectRefusal, ConnectReply, ConnectReq, ConnectStatus, Connected, Features, Message as _, PeerMessage,
};

use super::hosts::Life;
use super::people::{address, everybody};
use super::world::{Event, HostId, World};
use crate::engine::{DialFailed, DialId, Input, LinkEnd, LinkId};
use crate::verify::{LookupResult, Request};

/// The ends of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Caller,
    Callee,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// What goes over a link.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Request(Box<Request>),
    Message(PeerMessage),
}

/// What a terminal knows of its end.
#[derive(Debug, Clone, Copy)]
enum Held {
    Calling(DialId),
    Link(LinkId),
    Closed,
}

/// One connection.
pub(super) struct Cable {
    hosts: [HostId; 2],
    held: [Held; 2],
    /// When what was sent last to an end arrives there.
    last: [u64; 2],
    /// What arrives later is lost.
    until: u64,
}

/// A call at all addresses.
pub(super) struct Dialing {
    attempts: Vec<u64>,
    unanswered: usize,
    failed: DialFailed,
}

impl World {
    pub(super) fn dial(&mut self, caller: HostId, dial: DialId, to: &UserId, found: &LookupResult) {
        let callees = found.addresses.iter().map(|called| (0..self.hosts.len()).find(|host| address(*host) == *called));
        let callees: Vec<HostId> = callees.flatten().collect();
        let (unanswered, failed) = (callees.len(), DialFailed::NoAnswer { seconds: 10 });
        self.dials.insert((caller, dial), Dialing { attempts: Vec::new(), unanswered, failed });
        for callee in callees {
            if !self.hosts[callee].is_running() || self.dice.per_mille(self.weather.unreachable) {
                let (wait, life) = (self.dice.pick(&[5, 10_000]), self.hosts[caller].life);
                self.at(self.now + wait, Event::NoAnswer(caller, dial, life));
                continue;
            }
            let id = self.number();
            let held = [Held::Calling(dial), Held::Closed];
            self.cables.insert(id, Cable { hosts: [caller, callee], held, last: [self.now; 2], until: u64::MAX });
            self.dials.get_mut(&(caller, dial)).unwrap().attempts.push(id);
            let me = &everybody()[caller].me;
            let message = ConnectReq {
                initiator: me.user.clone(),
                destination: to.clone(),
                initiator_key: me.key.digest(),
                destination_key: found.key.digest(),
                terminal: me.terminal,
                features: Features::default(),
            };
            let request = Request { message, key: me.key.digest(), source: address(caller) };
            self.carry(id, Side::Callee, Frame::Request(Box::new(request)));
        }
    }

    /// Puts a frame on its way to an end.
    fn carry(&mut self, id: u64, to: Side, frame: Frame) {
        let latency = self.latency();
        let Some(cable) = self.cables.get_mut(&id) else { return };
        let last = &mut cable.last[to as usize];
        *last = (*last).max(self.now + latency);
        let when = *last;
        self.at(when, Event::Frame(id, to, frame));
    }

    /// A frame arrives.
    pub(super) fn frame(&mut self, id: u64, side: Side, frame: Frame) {
        let Some(cable) = self.cables.get_mut(&id).filter(|cable| self.now <= cable.until) else { return };
        let host = cable.hosts[side as usize];
        match (cable.held[side as usize], frame) {
            (_, Frame::Request(request)) => {
                if !self.hosts[host].is_running() {
                    return self.drop_end(id, Side::Callee);
                }
                let link = self.adopt(host, id, side);
                self.cables.get_mut(&id).unwrap().held[side as usize] = Held::Link(link);
                self.feed(host, Input::Requested { link, request: *request });
            }
            (Held::Calling(dial), Frame::Message(PeerMessage::ConnectReply(reply))) => {
                self.replied(id, host, dial, &reply);
            }
            (Held::Link(link), Frame::Message(message)) => {
                self.note(&self.hosts[host].name, format_args!("hears {} over link {}", message.msgtype(), link.0));
                match message {
                    PeerMessage::Connected(_) => self.feed(host, Input::Connected { link }),
                    PeerMessage::Chat(chat) => self.feed(host, Input::Text { link, chat }),
                    PeerMessage::Receipt(receipt) => self.feed(host, Input::Receipt { link, receipt }),
                    PeerMessage::Bye(bye) => self.link_over(id, side, LinkEnd::Bye(bye.reason)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The callee of a dial has answered.
    fn replied(&mut self, id: u64, caller: HostId, dial: DialId, reply: &ConnectReply) {
        if reply.status == ConnectStatus::Refused {
            self.drop_end(id, Side::Caller);
            let why = DialFailed::Refused(reply.reason.unwrap_or(ConnectRefusal::Other));
            return self.attempt_failed(caller, dial, why);
        }
        let Some(dialing) = self.dials.remove(&(caller, dial)) else { return self.drop_end(id, Side::Caller) };
        for other in dialing.attempts.into_iter().filter(|other| *other != id) {
            self.drop_end(other, Side::Caller);
        }
        let link = self.adopt(caller, id, Side::Caller);
        self.cables.get_mut(&id).unwrap().held[Side::Caller as usize] = Held::Link(link);
        self.carry(id, Side::Callee, Frame::Message(Connected {}.into()));
        self.feed(caller, Input::Dialed { dial, outcome: Ok(link) });
    }

    fn attempt_failed(&mut self, caller: HostId, dial: DialId, why: DialFailed) {
        let Some(dialing) = self.dials.get_mut(&(caller, dial)) else { return };
        dialing.unanswered -= 1;
        if matches!(why, DialFailed::Refused(_)) && dialing.failed != DialFailed::Refused(ConnectRefusal::Crossed) {
            dialing.failed = why;
        }
        if dialing.unanswered == 0 {
            let outcome = Err(dialing.failed);
            self.dials.remove(&(caller, dial));
            self.feed(caller, Input::Dialed { dial, outcome });
        }
    }

    pub(super) fn no_answer(&mut self, caller: HostId, dial: DialId, life: Life) {
        if self.hosts[caller].life == life {
            self.attempt_failed(caller, dial, DialFailed::NoAnswer { seconds: 10 });
        }
    }

    pub(super) fn hang(&mut self, caller: HostId, dial: DialId) {
        let attempts = self.dials.remove(&(caller, dial)).map(|dialing| dialing.attempts);
        attempts.into_iter().flatten().for_each(|attempt| self.drop_end(attempt, Side::Caller));
    }

    /// All dials of a program that is gone.
    pub(super) fn dials_end(&mut self, caller: HostId) {
        let dials: Vec<DialId> = self.dials.keys().filter(|(host, _)| *host == caller).map(|(_, dial)| *dial).collect();
        dials.into_iter().for_each(|dial| self.hang(caller, dial));
    }

    pub(super) fn reply(&mut self, host: HostId, link: LinkId, reply: ConnectReply) {
        let refused = reply.status == ConnectStatus::Refused;
        self.say(host, link, reply.into());
        if refused && let Some((cable, side)) = self.hosts[host].links.remove(&link) {
            self.hold(cable, side, Held::Closed);
        }
    }

    pub(super) fn say(&mut self, host: HostId, link: LinkId, message: PeerMessage) {
        if let Some((cable, side)) = self.hosts[host].links.get(&link).copied() {
            self.carry(cable, side.other(), Frame::Message(message));
        }
    }

    pub(super) fn close(&mut self, host: HostId, link: LinkId, reason: ByeReason) {
        self.say(host, link, common::msg::Bye { reason }.into());
        if let Some((cable, side)) = self.hosts[host].links.remove(&link) {
            self.hold(cable, side, Held::Closed);
        }
    }

    fn hold(&mut self, id: u64, side: Side, held: Held) {
        if let Some(cable) = self.cables.get_mut(&id) {
            cable.held[side as usize] = held;
        }
    }

    /// One end is closed without a goodbye; the other notices, behind what is under way.
    pub(super) fn drop_end(&mut self, id: u64, side: Side) {
        self.hold(id, side, Held::Closed);
        if let Some(cable) = self.cables.get(&id) {
            let behind = cable.last[side.other() as usize] + 1 + self.dice.up_to(1000);
            self.at(behind, Event::LinkGone(id, side.other()));
        }
    }

    /// The connection breaks.
    pub(super) fn break_cable(&mut self, id: u64) {
        let until = self.now + self.dice.up_to(self.weather.latency);
        self.cables.get_mut(&id).unwrap().until = until;
        for side in [Side::Caller, Side::Callee] {
            let when = until + 1 + self.dice.up_to(8000);
            self.at(when, Event::LinkGone(id, side));
        }
    }

    pub(super) fn link_gone(&mut self, id: u64, side: Side) {
        let Some(cable) = self.cables.get(&id) else { return };
        match cable.held[side as usize] {
            Held::Calling(dial) => {
                let caller = cable.hosts[side as usize];
                self.hold(id, side, Held::Closed);
                self.attempt_failed(caller, dial, DialFailed::NoAnswer { seconds: 10 });
            }
            Held::Link(_) => self.link_over(id, side, LinkEnd::Lost),
            Held::Closed => {}
        }
        if self.cables.get(&id).is_some_and(|cable| cable.held.iter().all(|held| matches!(held, Held::Closed))) {
            self.cables.remove(&id);
        }
    }

    /// The link has ended for this end, which is told.
    fn link_over(&mut self, id: u64, side: Side, end: LinkEnd) {
        let Some(cable) = self.cables.get_mut(&id) else { return };
        let host = cable.hosts[side as usize];
        let held = std::mem::replace(&mut cable.held[side as usize], Held::Closed);
        let last = cable.last[side.other() as usize];
        if let Held::Link(link) = held {
            self.at(last + 1, Event::LinkGone(id, side.other()));
            self.hosts[host].links.remove(&link);
            self.feed(host, Input::LinkEnded { link, end });
        }
    }
}
