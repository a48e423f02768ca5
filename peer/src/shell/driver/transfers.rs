//! The files of a driver: looked at, given, fetched, stopped. The bytes are `transfer`'s, the offers the engine's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::ident::UserId;
use common::msg::{ByeReason, ConnectReply};

use super::links::Links;
use crate::shell::dial::Dial;
use crate::shell::events::{Event, Events};
use crate::shell::link::LinkCommand;
use crate::shell::rt::{self, Task};
use crate::shell::transfer::config::TransferConfig;
use crate::shell::transfer::download::Fetch;
use crate::shell::transfer::partial_file::throw_away;
use crate::shell::transfer::source::{Look, look_at};
use crate::shell::transfer::upload::Upload;
use peer_core::command::Ticket;
use peer_core::event::{Input, LinkId};
use peer_core::files::model::{Download, Source};
use peer_core::notice::{FileNotice, Notice};

/// What is given and fetched now.
pub(super) struct Transfers {
    config: TransferConfig,
    fetching: BTreeMap<u64, Task>,
    /// Links over which files are given.
    uploads: BTreeMap<u64, LinkId>,
    events: Events,
}

impl Transfers {
    pub(super) fn new(config: TransferConfig, events: Events) -> Self {
        Self { config, fetching: BTreeMap::new(), uploads: BTreeMap::new(), events }
    }

    /// Looks at what is to be offered, beside everything else: a folder may be large.
    pub(super) fn look_at(&self, ticket: Ticket, to: UserId, path: PathBuf) {
        let events = self.events.clone();
        rt::detach(async move {
            let at = path.clone();
            match rt::unblock(move || look_at(&at)).await {
                Ok(Look { name, source, left_out }) => {
                    events.input(Input::FileRead { ticket, to, name, source, left_out }).await;
                }
                Err(error) => {
                    let detail = error.to_string();
                    events.send(Event::Answer(ticket, Notice::File(FileNotice::NotRead { path, detail }))).await;
                }
            }
        });
    }

    /// Fetches a file by a call to its sender.
    pub(super) fn fetch(&mut self, dial: Dial, wanted: Download) {
        let (number, events) = (wanted.number, self.events.clone());
        let fetch = Fetch { wanted, config: self.config.clone(), dial, events: self.events.clone() };
        let task = rt::spawn(async move {
            let outcome = fetch.run().await;
            events.input(Input::FileEnded { number, outcome }).await;
        });
        self.fetching.insert(number, task);
    }

    /// Gives a file, from a byte on, to a caller that is accepted with this reply.
    pub(super) fn give(
        &mut self,
        links: &mut Links,
        (link, reply): (LinkId, ConnectReply),
        number: u64,
        (source, offset): (Source, u64),
    ) {
        let upload = Upload { number, source, offset, rate: self.config.rate };
        if links.accept(link, LinkCommand::Upload { reply, upload }).is_some() {
            // The receiver has lost the old one, or it would not ask again.
            self.stop_upload(links, number);
            self.uploads.insert(number, link);
        }
    }

    fn stop_upload(&mut self, links: &mut Links, number: u64) {
        if let Some(link) = self.uploads.remove(&number) {
            links.end(link, LinkCommand::Close(ByeReason::Ended));
        }
    }

    /// Stops giving or fetching a file; deletes what is here of it where it is not wanted any more.
    pub(super) fn stop(&mut self, links: &mut Links, number: u64, unwanted: Option<Download>) {
        self.fetching.remove(&number);
        self.stop_upload(links, number);
        if let Some(wanted) = unwanted {
            let config = self.config.clone();
            rt::detach(rt::unblock(move || throw_away(&wanted, &config)));
        }
    }
}
