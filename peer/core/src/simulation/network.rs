//! Links between terminals: calls, texts and receipts over connections that break.

use common::msg::{
    ByeReason, ConnectRefusal, ConnectReply, ConnectReq, ConnectStatus, Connected, Features, MOVES, Message as _,
    PeerMessage,
};

use super::clients::Life;
use super::fixtures::{address, fixtures};
use super::world::{ClientId, Event, World};
use crate::event::{Call, DialFailed, DialId, Input, LinkEnd, LinkId};
use crate::model::{LinkWay, Named};
use crate::verify::ConnectRequest;

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
    Request(Box<ConnectRequest>),
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
pub(super) struct Connection {
    clients: [ClientId; 2],
    held: [Held; 2],
    /// When what was sent last to an end arrives there.
    last: [u64; 2],
    /// What arrives later is lost.
    until: u64,
    way: LinkWay,
}

/// A call at all addresses.
pub(super) struct Dialing {
    attempts: Vec<u64>,
    unanswered: usize,
    failed: DialFailed,
}

impl World {
    pub(super) fn dial(&mut self, caller: ClientId, dial: DialId, call: &Call) {
        let Call { to, found, conversation } = call;
        let callees = found.addresses().map(|called| (0..self.clients.len()).find(|client| address(*client) == called));
        let callees: Vec<ClientId> = callees.flatten().collect();
        let (unanswered, failed) = (callees.len(), DialFailed::NoAnswer { seconds: 10 });
        self.dials.insert((caller, dial), Dialing { attempts: Vec::new(), unanswered, failed });
        for callee in callees {
            if !self.clients[callee].is_running() || self.rng.per_mille(self.profile.unreachable) {
                let (wait, life) = (self.rng.pick(&[5, 10_000]), self.clients[caller].life);
                self.at(self.now + wait, Event::NoAnswer(caller, dial, life));
                continue;
            }
            let id = self.number();
            let (held, way) = ([Held::Calling(dial), Held::Closed], self.way(call));
            let connection = Connection { clients: [caller, callee], held, last: [self.now; 2], until: u64::MAX, way };
            self.connections.insert(id, connection);
            self.dials.get_mut(&(caller, dial)).unwrap().attempts.push(id);
            let me = &fixtures()[caller].me;
            let message = ConnectReq {
                initiator: me.user.clone(),
                destination: to.clone(),
                initiator_key: me.key.digest(),
                destination_key: found.key.digest(),
                terminal: me.terminal,
                features: if self.profile.relayed > 0 { Features::of(&[MOVES]) } else { Features::default() },
                record: None,
                conversation: *conversation,
            };
            let request = ConnectRequest { message, key: me.key.digest(), source: address(caller) };
            self.carry(id, Side::Callee, Frame::Request(Box::new(request)));
        }
    }

    /// How a call goes. Those that are relayed are followed by others; a link that follows one is direct.
    fn way(&mut self, call: &Call) -> LinkWay {
        let most = self.profile.relayed;
        let relayed = call.conversation.is_none() && most > 0 && self.rng.per_mille(most);
        if relayed { LinkWay::Relayed } else { LinkWay::DirectIpv4 }
    }

    /// Puts a frame on its way to an end.
    fn carry(&mut self, id: u64, to: Side, frame: Frame) {
        let latency = self.latency();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let last = &mut connection.last[to as usize];
        *last = (*last).max(self.now + latency);
        let when = *last;
        self.at(when, Event::Frame(id, to, frame));
    }

    /// A frame arrives.
    pub(super) fn frame(&mut self, id: u64, side: Side, frame: Frame) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| self.now <= connection.until) else {
            return;
        };
        let client = connection.clients[side as usize];
        match (connection.held[side as usize], frame) {
            (_, Frame::Request(request)) => {
                if !self.clients[client].is_running() {
                    return self.drop_end(id, Side::Callee);
                }
                let link = self.adopt(client, id, side);
                let connection = self.connections.get_mut(&id).unwrap();
                connection.held[side as usize] = Held::Link(link);
                let way = connection.way;
                self.feed(client, Input::LinkStands { link, way });
                self.feed(client, Input::Requested { link, request: *request });
            }
            (Held::Calling(dial), Frame::Message(PeerMessage::ConnectReply(reply))) => {
                self.replied(id, client, dial, &reply);
            }
            (Held::Link(link), Frame::Message(message)) => {
                self.note(&self.clients[client].name, format_args!("hears {} over link {}", message.msgtype(), link.0));
                match message {
                    PeerMessage::Connected(_) => self.feed(client, Input::Connected { link }),
                    PeerMessage::Chat(chat) => self.feed(client, Input::Text { link, chat }),
                    PeerMessage::Receipt(receipt) => self.feed(client, Input::Receipt { link, receipt }),
                    PeerMessage::Bye(bye) => self.link_over(id, side, LinkEnd::Bye(bye.reason)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The callee of a dial has answered.
    fn replied(&mut self, id: u64, caller: ClientId, dial: DialId, reply: &ConnectReply) {
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
        let connection = self.connections.get_mut(&id).unwrap();
        connection.held[Side::Caller as usize] = Held::Link(link);
        let way = connection.way;
        self.carry(id, Side::Callee, Frame::Message(Connected {}.into()));
        self.feed(caller, Input::LinkStands { link, way });
        if let Some((conversation, terminal)) = reply.conversation.zip(reply.terminal) {
            self.feed(caller, Input::LinkNamed { link, named: Named { conversation, terminal } });
        }
        self.feed(caller, Input::Dialed { dial, outcome: Ok(link) });
    }

    fn attempt_failed(&mut self, caller: ClientId, dial: DialId, why: DialFailed) {
        let Some(dialing) = self.dials.get_mut(&(caller, dial)) else { return };
        dialing.unanswered -= 1;
        if matches!(why, DialFailed::Refused(_)) && dialing.failed != DialFailed::Refused(ConnectRefusal::Crossed) {
            dialing.failed = why;
        }
        if dialing.unanswered == 0 {
            let outcome = Err(dialing.failed.clone());
            self.dials.remove(&(caller, dial));
            self.feed(caller, Input::Dialed { dial, outcome });
        }
    }

    pub(super) fn no_answer(&mut self, caller: ClientId, dial: DialId, life: Life) {
        if self.clients[caller].life == life {
            self.attempt_failed(caller, dial, DialFailed::NoAnswer { seconds: 10 });
        }
    }

    pub(super) fn hang(&mut self, caller: ClientId, dial: DialId) {
        let attempts = self.dials.remove(&(caller, dial)).map(|dialing| dialing.attempts);
        attempts.into_iter().flatten().for_each(|attempt| self.drop_end(attempt, Side::Caller));
    }

    /// All dials of a program that is gone.
    pub(super) fn dials_end(&mut self, caller: ClientId) {
        let dials: Vec<DialId> =
            self.dials.keys().filter(|(client, _)| *client == caller).map(|(_, dial)| *dial).collect();
        dials.into_iter().for_each(|dial| self.hang(caller, dial));
    }

    pub(super) fn reply(&mut self, client: ClientId, link: LinkId, reply: ConnectReply) {
        if self.file_refused(client, link) {
            return;
        }
        let refused = reply.status == ConnectStatus::Refused;
        self.say(client, link, reply.into());
        if refused && let Some((connection, side)) = self.clients[client].links.remove(&link) {
            self.hold(connection, side, Held::Closed);
        }
    }

    pub(super) fn say(&mut self, client: ClientId, link: LinkId, message: PeerMessage) {
        if let Some((connection, side)) = self.clients[client].links.get(&link).copied() {
            self.carry(connection, side.other(), Frame::Message(message));
        }
    }

    pub(super) fn close(&mut self, client: ClientId, link: LinkId, reason: ByeReason) {
        self.file_refused(client, link);
        self.say(client, link, common::msg::Bye { reason }.into());
        if let Some((connection, side)) = self.clients[client].links.remove(&link) {
            self.hold(connection, side, Held::Closed);
        }
    }

    fn hold(&mut self, id: u64, side: Side, held: Held) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.held[side as usize] = held;
        }
    }

    /// One end is closed without a goodbye; the other notices, behind what is under way.
    pub(super) fn drop_end(&mut self, id: u64, side: Side) {
        self.hold(id, side, Held::Closed);
        if let Some(connection) = self.connections.get(&id) {
            let behind = connection.last[side.other() as usize] + 1 + self.rng.up_to(1000);
            self.at(behind, Event::LinkGone(id, side.other()));
        }
    }

    /// The connection breaks.
    pub(super) fn break_connection(&mut self, id: u64) {
        let until = self.now + self.rng.up_to(self.profile.latency);
        self.connections.get_mut(&id).unwrap().until = until;
        for side in [Side::Caller, Side::Callee] {
            let when = until + 1 + self.rng.up_to(8000);
            self.at(when, Event::LinkGone(id, side));
        }
    }

    pub(super) fn link_gone(&mut self, id: u64, side: Side) {
        let Some(connection) = self.connections.get(&id) else { return };
        match connection.held[side as usize] {
            Held::Calling(dial) => {
                let caller = connection.clients[side as usize];
                self.hold(id, side, Held::Closed);
                self.attempt_failed(caller, dial, DialFailed::NoAnswer { seconds: 10 });
            }
            Held::Link(_) => self.link_over(id, side, LinkEnd::Lost),
            Held::Closed => {}
        }
        if self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.held.iter().all(|held| matches!(held, Held::Closed)))
        {
            self.connections.remove(&id);
        }
    }

    /// The link has ended for this end, whose terminal hears of it.
    fn link_over(&mut self, id: u64, side: Side, end: LinkEnd) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let client = connection.clients[side as usize];
        let held = std::mem::replace(&mut connection.held[side as usize], Held::Closed);
        let last = connection.last[side.other() as usize];
        if let Held::Link(link) = held {
            self.at(last + 1, Event::LinkGone(id, side.other()));
            self.clients[client].links.remove(&link);
            self.feed(client, Input::LinkEnded { link, end });
        }
    }
}
