//! Which events a client has had and gets next: live while it keeps up, from the journal when it does not.

use std::collections::BTreeSet;

use common::ident::{MessageId, UserId};
use serde_json::{Value, json};

use super::events::TYPES;
use super::pending::Replay;
use super::wire::{RpcError, ToClient};
use super::{ClientId, Output, Rpc};
use crate::app::texts::format;
use peer_core::command::After;
use peer_core::notice::Event;

/// Events that one look into the journal gives. Chosen arbitrarily.
pub(super) const PAGE: usize = 256;

/// One client.
#[derive(Debug)]
pub(super) struct Feed {
    /// The last event that was sent, or left out because its type is not wanted.
    sent: u64,
    pace: Pace,
    /// All types, if nothing was said.
    types: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Every event as it comes.
    Live,
    /// The rest is fetched when the client has taken what it was sent.
    Behind,
    /// A page is on its way.
    Fetching,
}

impl Feed {
    pub(super) fn live_behind(seq: u64) -> Self {
        Self { sent: seq, pace: Pace::Live, types: None }
    }

    /// Which types are wanted.
    pub(super) fn choose(&mut self, types: Option<Vec<String>>) -> Result<(), RpcError> {
        let unknown = types.iter().flatten().find(|name| !TYPES.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(RpcError::params(format!("there are no events of type {name:?}")));
        }
        self.types = types.map(BTreeSet::from_iter);
        Ok(())
    }

    /// Begins again behind `seq`.
    pub(super) fn begin_behind(&mut self, seq: u64) {
        (self.sent, self.pace) = (seq, Pace::Behind);
    }

    /// Whether it has to be looked at again without anything happening.
    pub(super) fn is_behind(&self) -> bool {
        self.pace == Pace::Behind
    }

    fn wants(&self, event: &Value) -> bool {
        let wanted = |types: &BTreeSet<String>| event["type"].as_str().is_some_and(|name| types.contains(name));
        self.types.as_ref().is_none_or(wanted)
    }
}

impl Rpc {
    /// Something was written to the journal.
    pub(super) fn journaled(&mut self, event: &Event, room: &dyn Fn(ClientId) -> bool) {
        self.last = event.seq;
        let Some(told) = self.told(event) else { return };
        for (client, feed) in &mut self.clients {
            if feed.pace != Pace::Live {
                continue;
            }
            if !room(*client) {
                feed.pace = Pace::Behind;
                continue;
            }
            feed.sent = event.seq;
            if feed.wants(&told) {
                self.out.push(Output::Tell(*client, ToClient::Event(told.clone())));
            }
        }
    }

    /// Clients that are behind get the next page.
    pub(super) fn catch_up(&mut self, room: &dyn Fn(ClientId) -> bool) {
        let behind = self.clients.iter_mut().filter(|(client, feed)| feed.pace == Pace::Behind && room(**client));
        let pages: Vec<(ClientId, u64)> = behind
            .map(|(client, feed)| {
                feed.pace = Pace::Fetching;
                (*client, feed.sent)
            })
            .collect();
        for (client, sent) in pages {
            self.replay(Replay::Page(client), After::Seq(sent), PAGE);
        }
    }

    /// A page for a client has come.
    pub(super) fn page(&mut self, client: ClientId, events: &[Event], lost: u64, last: u64) {
        let told: Vec<(u64, Value)> = events.iter().filter_map(|event| Some((event.seq, self.told(event)?))).collect();
        let Some(feed) = self.clients.get_mut(&client) else { return };
        if lost > 0 {
            let overflow = json!({ "type": "overflow", "lost": feed.sent + 1, "count": lost });
            self.out.push(Output::Tell(client, ToClient::Event(overflow)));
        }
        for (_, event) in told.into_iter().filter(|(_, event)| feed.wants(event)) {
            self.out.push(Output::Tell(client, ToClient::Event(event)));
        }
        feed.sent = events.last().map_or(last, |event| event.seq);
        feed.pace = if feed.sent >= last { Pace::Live } else { Pace::Behind };
    }

    /// An event as clients see it.
    fn told(&self, event: &Event) -> Option<Value> {
        let Ok(Value::Object(mut told)) = serde_json::from_str(&event.content) else { return None };
        told.insert("seq".to_owned(), event.seq.into());
        told.insert("ts".to_owned(), format::timestamp(event.at).into());
        let id = told.get("msg").and_then(|id| serde_json::from_value::<MessageId>(id.clone()).ok());
        if let Some(reference) = id.and_then(|id| self.references.of(&id)) {
            told.insert("ref".to_owned(), reference.into());
        }
        if told.get("type").is_some_and(|name| name == "message") {
            let from = told.get("from").and_then(Value::as_str).and_then(|from| UserId::parse(from).ok());
            let verified = from.is_some_and(|from| self.model().is_some_and(|model| model.people.is_verified(&from)));
            told.insert("verified".to_owned(), verified.into());
        }
        Some(Value::Object(told))
    }
}
