//! Engines in one world: a directory that answers from a table, and a network that delivers in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use common::ident::{MessageId, UserId};
use common::msg::{
    Chat, ConnectReq, ConnectStatus, Features, Hex, LookupReply, LookupReq, LookupStatus, RequestNumber, Successor,
    SuccessorsReply, ToDirectory,
};
use common::testkit::Example;

use crate::command::{CallCommand, Command, MessageCommand, Ticket};
use crate::engine::Engine;
use crate::event::{Accept, Call, DialFailed, DialId, Effect, Input, LinkEnd, LinkId, Now};
use crate::fixtures;
use crate::model::Conversation;
use crate::notice::{MessageNotice, Notice};
use crate::verify::{ConnectRequest, LocalIdentity, LookupResult};

pub(super) fn me(example: Example) -> LocalIdentity {
    fixtures::identity(example)
}

pub(super) fn chat(text: &str) -> Chat {
    Chat { id: MessageId([1; 16]), nick: "ali".into(), message: text.into(), date: 1_700_000_000 }
}

pub(super) fn address(example: Example) -> SocketAddr {
    format!("127.0.0.{}:65000", 2 + example as u8).parse().unwrap()
}

pub(super) fn found(example: Example) -> LookupResult {
    LookupResult {
        terminals: vec![address(example).into()],
        key: me(example).key,
        relayable: Vec::new(),
        punchable: Vec::new(),
        records: Vec::new(),
    }
}

/// What the directory answers a lookup with.
pub(super) fn answer(request: Option<RequestNumber>, user: &UserId, found: Option<&LookupResult>) -> Input {
    let reply = found.map_or_else(LookupReply::not_found, |found| LookupReply {
        status: LookupStatus::Success,
        userid: user.to_string(),
        addresses: found.addresses().collect(),
        publickey: Hex(found.key.as_pkcs1().to_vec()),
        terminals: Vec::new(),
    });
    Input::DirectoryMessage { request, message: Box::new(reply.into()) }
}

/// The number of a lookup, if it is one.
pub(super) fn lookup_of(effect: &Effect) -> Option<RequestNumber> {
    match effect {
        Effect::Ask(envelope) if matches!(envelope.message, ToDirectory::LookupReq(_)) => envelope.request,
        _ => None,
    }
}

/// A link between two engines, known to each by its own name.
#[derive(Clone, Copy)]
pub(super) struct Cable {
    pub(super) ends: [(Example, LinkId); 2],
}

pub(super) struct World {
    pub(super) engines: BTreeMap<u8, Engine>,
    pub(super) directory: BTreeMap<UserId, LookupResult>,
    /// What the directory says of keys that took the place of others.
    pub(super) successors: Vec<Successor>,
    pub(super) told: Vec<(Example, Notice)>,
    pub(super) work: VecDeque<(Example, Effect)>,
    pub(super) cables: Vec<Cable>,
    /// Dials whose CONNECTREQ is at the callee, by the callee's link.
    pub(super) dials: BTreeMap<LinkId, (Example, DialId)>,
    pub(super) links: u64,
    pub(super) tick: u64,
}

impl World {
    pub(super) fn new(people: &[(Example, Accept)]) -> Self {
        let engines =
            people.iter().map(|(who, accept)| (*who as u8, fixtures::engine(&me(*who), *accept).unwrap())).collect();
        let directory = people.iter().map(|(who, _)| (me(*who).user, found(*who))).collect();
        Self {
            engines,
            directory,
            successors: Vec::new(),
            told: Vec::new(),
            work: VecDeque::new(),
            cables: Vec::new(),
            dials: BTreeMap::new(),
            links: 0,
            tick: 0,
        }
    }

    pub(super) fn input(&mut self, who: Example, input: Input) {
        let mut effects = Vec::new();
        let now = Now { tick: self.tick, date: 1_700_000_000, directory: 0 };
        self.engines.get_mut(&(who as u8)).unwrap().handle(now, input, &mut effects);
        self.work.extend(effects.into_iter().map(|effect| (who, effect)));
    }

    pub(super) fn command(&mut self, who: Example, command: Command) {
        self.input(who, Input::Command(Ticket::default(), command));
        self.settle();
    }

    pub(super) fn call(&mut self, who: Example, to: Example) {
        self.command(who, Command::Call(CallCommand::Place { to: to.user().unwrap() }));
    }

    pub(super) fn settle(&mut self) {
        while self.step() {}
    }

    /// Carries out one effect. `false` when there is none.
    pub(super) fn step(&mut self) -> bool {
        let Some((who, effect)) = self.work.pop_front() else { return false };
        match effect {
            Effect::Notify(notice) | Effect::Answer(_, notice) => self.told.push((who, notice)),
            Effect::Ask(envelope) => {
                let request = envelope.request;
                match envelope.message {
                    ToDirectory::LookupReq(LookupReq { lookup, .. }) => {
                        let found = self.directory.get(&lookup).cloned();
                        self.input(who, answer(request, &lookup, found.as_ref()));
                    }
                    ToDirectory::SuccessorsReq(_) => {
                        let message = Box::new(SuccessorsReply { successors: self.successors.clone() }.into());
                        self.input(who, Input::DirectoryMessage { request, message });
                    }
                    _ => {}
                }
            }
            Effect::Dial { dial, call: Call { to, found, .. }, .. } => {
                let callee = [Example::Ali, Example::Bianca, Example::Carol]
                    .into_iter()
                    .find(|example| found.addresses().next() == Some(address(*example)))
                    .unwrap();
                let link = self.link();
                self.dials.insert(link, (who, dial));
                let message = ConnectReq {
                    initiator: me(who).user,
                    destination: to,
                    initiator_key: me(who).key.digest(),
                    destination_key: found.key.digest(),
                    terminal: me(who).terminal,
                    features: Features::default(),
                    record: None,
                    conversation: None,
                };
                let request = ConnectRequest { message, key: me(who).key.digest(), source: address(who) };
                self.input(callee, Input::Requested { link, request });
            }
            // This directory brings nobody together.
            Effect::DialByRelay { .. } | Effect::DialToMeet { .. } | Effect::Meet(_) => {}
            Effect::Hang(dial) => {
                let hung = self.dials.iter().find(|(_, other)| **other == (who, dial)).map(|(link, _)| *link);
                if let Some(link) = hung {
                    self.dials.remove(&link);
                    let callee = if who == Example::Ali { Example::Bianca } else { Example::Ali };
                    self.input(callee, Input::LinkEnded { link, end: LinkEnd::Lost });
                }
            }
            Effect::Reply { link, reply } => {
                let Some((caller, dial)) = self.dials.remove(&link) else { return true };
                if reply.status == ConnectStatus::Refused {
                    let outcome = Err(DialFailed::Refused(reply.reason.unwrap()));
                    self.input(caller, Input::Dialed { dial, outcome });
                } else {
                    let near = self.link();
                    self.cables.push(Cable { ends: [(caller, near), (who, link)] });
                    self.input(who, Input::Connected { link });
                    self.input(caller, Input::Dialed { dial, outcome: Ok(near) });
                }
            }
            Effect::Say { link, chat } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::Text { link, chat });
                }
            }
            Effect::Confirm { link, receipt } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::Receipt { link, receipt });
                }
            }
            Effect::Close { link, reason } => {
                if let Some((other, link)) = self.other_end(who, link) {
                    self.input(other, Input::LinkEnded { link, end: LinkEnd::Bye(reason) });
                }
            }
            Effect::Save(_)
            | Effect::KeepRecords(_)
            | Effect::Recall(_)
            | Effect::Fetch { .. }
            | Effect::Serve { .. }
            | Effect::StopFile { .. }
            | Effect::Passcode(_)
            | Effect::LogOut
            | Effect::Persist(_)
            | Effect::QueryHistory(_)
            | Effect::Fail(_)
            | Effect::NewTerminal => {}
        }
        true
    }

    pub(super) fn link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    pub(super) fn other_end(&self, who: Example, link: LinkId) -> Option<(Example, LinkId)> {
        self.cables.iter().find_map(|cable| match cable.ends {
            [here, there] if here == (who, link) => Some(there),
            [there, here] if here == (who, link) => Some(there),
            _ => None,
        })
    }

    /// What one person was told since the last time.
    pub(super) fn told(&mut self, who: Example) -> Vec<Notice> {
        let (mine, rest) = std::mem::take(&mut self.told).into_iter().partition(|(other, _)| *other == who);
        self.told = rest;
        let notices = mine.into_iter().map(|(_, notice): (Example, Notice)| notice);
        // That each text was kept and confirmed is the matter of other tests; ids and dates are not known before.
        let notices = notices.filter(|notice| {
            !matches!(
                notice,
                Notice::Message(MessageNotice::Sent { .. }) | Notice::Message(MessageNotice::Marked { .. })
            )
        });
        let nameless = |notice| match notice {
            Notice::Message(MessageNotice::Text { from, text: said, .. }) => text(from, &said),
            notice => notice,
        };
        notices.map(nameless).collect()
    }
}

pub(super) use Example::{Ali, Bianca, Carol};

pub(super) fn say(to: Conversation, text: &str) -> Command {
    Command::Message(MessageCommand::Send { to, text: text.into(), ticket: Ticket::default() })
}

pub(super) fn text(from: UserId, text: &str) -> Notice {
    Notice::Message(MessageNotice::Text { from, text: text.into(), id: MessageId([0; 16]), date: 0 })
}

pub(super) fn ali() -> UserId {
    Ali.user().unwrap()
}

pub(super) fn bianca() -> UserId {
    Bianca.user().unwrap()
}

pub(super) fn two() -> World {
    World::new(&[(Ali, Accept::All), (Bianca, Accept::All)])
}
