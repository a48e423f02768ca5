//! When what was written is synced, and what is done then.

use std::time::Duration;

use super::storage::sync_log;
use super::unsynced::Held;
use super::{Driver, store_failed};
use crate::shell::events::Event as ShellEvent;
use crate::shell::link::LinkCommand;
use crate::shell::rt::{self, Task};
use crate::store::StoreError;
use peer_core::event::Effect;
use peer_core::notice::{Failure, StoreUse};

/// How long what nobody waits for is left to be lost with the power. Chosen so that a mark still appears at once.
const LATER: Duration = Duration::from_millis(50);

/// Whether what was written is being synced.
#[derive(Debug, Default)]
pub(super) enum Syncing {
    #[default]
    Not,
    /// In a while.
    Later(#[expect(dead_code, reason = "held, so that the while goes on")] Task),
    UnderWay,
}

impl Driver {
    /// Does what has waited for its commit to be synced.
    pub(super) async fn release(&mut self, ready: Vec<Held>) {
        for held in ready {
            match held {
                Held::Event(event) => self.tell_event(event).await,
                Held::Effect(Effect::Confirm { link, receipt }) => {
                    self.links.command(link, LinkCommand::Confirm(receipt));
                }
                Held::Effect(Effect::Notify(notice)) => self.front_end.tell(notice).await,
                // Nothing else may wait.
                Held::Effect(_) => {}
            }
        }
    }

    /// Syncs what was written beside everything else: now where somebody waits for it, in a while elsewhere, so that one
    /// sync does for many commits.
    pub(super) fn sync_soon(&mut self) {
        let Some(number) = self.unsynced.last() else { return };
        match (&self.syncing, self.unsynced.is_waited_for()) {
            (Syncing::UnderWay, _) | (Syncing::Later(_), false) => {}
            (Syncing::Not | Syncing::Later(_), true) => self.begin_sync(number),
            (Syncing::Not, false) => {
                let events = self.events.clone();
                self.syncing = Syncing::Later(rt::spawn(async move {
                    rt::sleep(LATER).await;
                    events.send(ShellEvent::SyncDue).await;
                }));
            }
        }
    }

    /// The while is over.
    pub(super) fn sync_due(&mut self) {
        if let Syncing::Later(_) = self.syncing {
            self.syncing = Syncing::Not;
            if let Some(number) = self.unsynced.last() {
                self.begin_sync(number);
            }
        }
    }

    fn begin_sync(&mut self, number: u64) {
        self.syncing = Syncing::UnderWay;
        let (log, events) = (self.storage.log.clone(), self.events.clone());
        rt::detach(async move {
            let outcome = rt::unblock(move || sync_log(&log)).await;
            events.send(ShellEvent::Synced(number, outcome)).await;
        });
    }

    /// A sync has come to its end.
    pub(super) async fn synced(&mut self, number: u64, outcome: Result<(), StoreError>) -> Result<(), Failure> {
        self.syncing = Syncing::Not;
        match outcome {
            Ok(()) => {
                let ready = self.unsynced.synced(number);
                self.release(ready).await;
            }
            // A later commit has been synced meanwhile, by the database itself.
            Err(_) if self.unsynced.last().is_none() => {}
            Err(error) => self.not_synced(&error).await?,
        }
        self.sync_soon();
        Ok(())
    }

    /// Syncs what was written before anything else is done.
    pub(super) async fn sync_now(&mut self) -> Result<(), Failure> {
        if self.unsynced.last().is_none() {
            return Ok(());
        }
        let log = self.storage.log.clone();
        match rt::unblock(move || sync_log(&log)).await {
            Ok(()) => {
                let ready = self.unsynced.all_synced();
                self.release(ready).await;
                Ok(())
            }
            Err(error) => self.not_synced(&error).await,
        }
    }

    /// What was written may be lost with the power: nobody is told that it is kept.
    async fn not_synced(&mut self, error: &StoreError) -> Result<(), Failure> {
        self.unsynced.give_up();
        self.storage.is_doubtful = true;
        if self.suspended.is_some() {
            return Ok(());
        }
        self.front_end.tell(store_failed(StoreUse::Step, error)).await;
        self.reopen(error.to_string()).await
    }
}
