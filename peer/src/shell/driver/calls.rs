//! Calls that a driver places. Whom to call, and what a failed call means, is the engine's.

use common::ident::UserId;

use super::Driver;
use crate::shell::dial::{self, Dial};
use crate::shell::events::Event;
use crate::shell::rt;
use peer_core::event::DialId;
use peer_core::notice::Failure;
use peer_core::verify::LookupResult;

impl Driver {
    /// A call that is ready to be placed.
    pub(super) fn call(&self, to: UserId, found: LookupResult) -> Result<Dial, Failure> {
        let config = dial::config(&self.credentials.identity, &found);
        let config = config.map_err(|error| Failure::Internal { detail: error.to_string() })?;
        let (me, time) = (self.storage.me.clone(), self.listener.time());
        Ok(Dial { me, to, found, config, source: self.source, time, fetch: None })
    }

    /// Calls, beside everything else.
    pub(super) fn dial(&mut self, dial: DialId, to: UserId, found: LookupResult) -> Result<(), Failure> {
        let call = self.call(to, found)?;
        let events = self.events.clone();
        let task = rt::spawn(async move {
            let outcome = call.place().await.map(Box::new);
            events.send(Event::Dialed(dial, outcome)).await;
        });
        self.dials.insert(dial, task);
        Ok(())
    }
}
