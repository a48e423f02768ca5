//! The files of a driver: looked at, given, fetched, stopped. The bytes are `transfer`'s, the offers the engine's.

use std::path::PathBuf;

use common::ident::UserId;
use common::msg::{ByeReason, ConnectReply};

use super::Driver;
use crate::shell::events::Event;
use crate::shell::link::LinkCommand;
use crate::shell::rt;
use crate::shell::transfer::download::Fetch;
use crate::shell::transfer::partial_file::throw_away;
use crate::shell::transfer::source::{Look, look_at};
use crate::shell::transfer::upload::Upload;
use peer_core::command::Ticket;
use peer_core::event::{Input, LinkId};
use peer_core::files::model::Download;
use peer_core::notice::{Failure, FileNotice, Notice};
use peer_core::verify::LookupResult;

impl Driver {
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

    /// Fetches a file from where its sender is.
    pub(super) fn fetch(&mut self, to: UserId, found: LookupResult, wanted: Download) -> Result<(), Failure> {
        let dial = self.call(to, found)?;
        let (number, events) = (wanted.number, self.events.clone());
        let fetch = Fetch { wanted, config: self.transfers.clone(), dial, events: self.events.clone() };
        let task = rt::spawn(async move {
            let outcome = fetch.run().await;
            events.input(Input::FileEnded { number, outcome }).await;
        });
        self.fetching.insert(number, task);
        Ok(())
    }

    /// Gives a file to a caller that is accepted with this reply.
    pub(super) fn upload(&mut self, link: LinkId, reply: ConnectReply, upload: Upload) {
        let number = upload.number;
        if self.links.accept(link, LinkCommand::Upload { reply, upload }).is_some() {
            // The receiver has lost the old one, or it would not ask again.
            self.stop_upload(number);
            self.uploads.insert(number, link);
        }
    }

    fn stop_upload(&mut self, number: u64) {
        if let Some(link) = self.uploads.remove(&number) {
            self.links.end(link, LinkCommand::Close(ByeReason::Ended));
        }
    }

    /// Stops giving or fetching a file; deletes its temporary file where it is not wanted any more.
    pub(super) fn stop_file(&mut self, number: u64, came: Option<Box<Download>>) {
        self.fetching.remove(&number);
        self.stop_upload(number);
        if let Some(wanted) = came {
            let config = self.transfers.clone();
            rt::detach(rt::unblock(move || throw_away(&wanted, &config)));
        }
    }
}
