//! The links of a driver: each has a task, and a queue of commands to it. What is said over them is the engine's.

use std::collections::BTreeMap;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use common::link::Link;
use common::msg::{ConnectReply, ConnectStatus};

use crate::shell::events::Events;
use crate::shell::half_open::HalfOpen;
use crate::shell::link::{Admission, LinkCommand, LinkTask};
use crate::shell::link_pace::LinkPaces;
use crate::shell::rt::{self, TcpStream};
use peer_core::event::LinkId;

/// How long goodbyes may take when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// All links that stand, or are about to.
pub(super) struct Links {
    handles: BTreeMap<LinkId, Handle>,
    last: u64,
    /// Closed when the last task has ended.
    alive: (Sender<()>, Receiver<()>),
    events: Events,
    paces: LinkPaces,
}

struct Handle {
    commands: Sender<LinkCommand>,
    /// Set while the caller is not accepted.
    half_open: Option<HalfOpen>,
}

impl Links {
    pub(super) fn new(events: Events) -> Self {
        Self {
            handles: BTreeMap::new(),
            last: 0,
            alive: async_channel::bounded(1),
            events,
            paces: LinkPaces::default(),
        }
    }

    /// Gives a link its task.
    pub(super) fn adopt(&mut self, link: Link<TcpStream>, half_open: Option<HalfOpen>) -> LinkId {
        self.last += 1;
        let id = LinkId(self.last);
        let (commands, received) = async_channel::unbounded();
        let admission = if half_open.is_some() { Admission::Open } else { Admission::Accepted };
        let (events, paces) = (self.events.clone(), self.paces.clone());
        let task = LinkTask { link, id, commands: received, events, admission, paces };
        let alive = self.alive.0.clone();
        rt::detach(async move {
            task.run().await;
            drop(alive);
        });
        self.handles.insert(id, Handle { commands, half_open });
        id
    }

    /// Gives a command; a link that is gone has told the engine already.
    pub(super) fn command(&self, id: LinkId, command: LinkCommand) {
        if let Some(handle) = self.handles.get(&id) {
            let _ = handle.commands.try_send(command);
        }
    }

    /// Answers a caller, who is half open no more; one who is refused gets nothing else.
    pub(super) fn reply(&mut self, id: LinkId, reply: ConnectReply) {
        match reply.status {
            ConnectStatus::Accepted => drop(self.accept(id, LinkCommand::Reply(reply))),
            ConnectStatus::Refused => self.end(id, LinkCommand::Reply(reply)),
        }
    }

    /// Accepts a caller with a command that does so. `None` if the caller is gone.
    pub(super) fn accept(&mut self, id: LinkId, command: LinkCommand) -> Option<()> {
        self.handles.get_mut(&id)?.half_open = None;
        self.command(id, command);
        Some(())
    }

    /// Gives a link its last command.
    pub(super) fn end(&mut self, id: LinkId, command: LinkCommand) {
        self.command(id, command);
        self.handles.remove(&id);
    }

    /// A link has ended by itself.
    pub(super) fn forget(&mut self, id: LinkId) {
        self.handles.remove(&id);
    }

    /// Ends all of them and waits until every one has said goodbye.
    pub(super) async fn close_all(&mut self) {
        self.handles.clear();
        let (ours, all_gone) = std::mem::replace(&mut self.alive, async_channel::bounded(1));
        drop(ours);
        // Nobody ever sends: this ends when the last sender is gone.
        let _ = rt::timeout(LAST_WORDS, all_gone.recv()).await;
    }
}
