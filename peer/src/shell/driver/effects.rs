//! What the engine decides, carried out in its order: what is kept first, then what rests on it. What was only written is
//! synced beside everything else, and what rests on that waits for it ([`super::unsynced`]).
//!
//! Owns what happens when the disk refuses: nothing that rests on the refused write leaves, and the core begins again
//! with what the disk has (threat T6).

use std::time::Duration;

use super::batch::Batch;
use super::refused::{self, Refused};
use super::unsynced::Held;
use super::{Driver, Run, store_failed};
use crate::shell::dial::{self as calling, Dial};
use crate::shell::directory::request::{DirectoryRequest, ask};
use crate::shell::link::LinkCommand;
use crate::shell::rt;
use crate::store::StoreError;
use peer_core::event::{Call, Durability, Effect, Input, Now, Over, PasscodeStep};
use peer_core::notice::{DirectoryNotice, Event, Failure, JournalNotice, Notice, SessionNotice, StoreUse};
use peer_core::persistence::Write;

/// How long a disk that would not keep something is left alone. Chosen arbitrarily.
const DISK_PATIENCE: Duration = Duration::from_secs(10);
/// Why nothing is kept while this terminal becomes another one.
const RENEWING: &str = "this terminal is beginning anew";

impl Driver {
    /// Hands an input to the engine; what it decides is carried out with the batch.
    pub(super) fn step(&mut self, input: Input, batch: &mut Batch) {
        let answering = if let Input::Command(ticket, _) = &input { Some(ticket.clone()) } else { None };
        let refused = Refused::of(&input);
        let mut effects = Vec::new();
        let now = Now { directory: self.calls.time(), ..self.retention.date(self.clock.now()) };
        self.engine.handle(now, input, &mut effects);
        batch.add((refused, answering), effects, self.event_filter);
    }

    /// Hands one input to the engine and carries out what it decides.
    pub(super) async fn input(&mut self, input: Input) -> Result<Run, Failure> {
        let mut batch = Batch::default();
        self.step(input, &mut batch);
        self.carry_out_all(batch).await
    }

    /// Carries out what some inputs have led to: one transaction, and the effects in their order.
    pub(super) async fn carry_out_all(&mut self, mut batch: Batch) -> Result<Run, Failure> {
        let durability = batch.rests_on();
        let (mut run, mut is_kept) = (Run::On, false);
        for (place, effect) in std::mem::take(&mut batch.effects) {
            if !is_kept && batch.stands_behind(place, &effect) {
                is_kept = true;
                self.keep(&mut batch, durability).await?;
            }
            let suspended = self.suspended.clone();
            let Some(step) = batch.steps.get_mut(place) else { continue };
            match effect {
                // Whoever calls, or leaves, is not held up by a disk.
                effect if step.refused.is_refused() && effect.rests_on() > Durability::Nothing => {
                    step.refused.miss(effect);
                }
                effect if suspended.is_some() && (effect.speaks_of_state() || effect.may_wait()) => {
                    step.refused.refuse(suspended);
                    step.refused.miss(effect);
                }
                Effect::NewTerminal => {
                    if !is_kept {
                        self.keep(&mut batch, durability).await?;
                    }
                    return self.renew().await;
                }
                effect if effect.may_wait() && self.unsynced.last().is_some() => {
                    self.unsynced.hold(Held::Effect(effect));
                }
                effect => {
                    step.refused.see(&effect);
                    self.answering.clone_from(&step.answering);
                    if self.carry_out(effect).await? == Run::Over {
                        run = Run::Over;
                    }
                }
            }
        }
        if !is_kept {
            self.keep(&mut batch, durability).await?;
        }
        for (ticket, notice) in batch.steps.into_iter().flat_map(|step| step.refused.answers()) {
            self.front_end.answer(Some(ticket), notice).await;
        }
        self.sync_soon();
        Ok(run)
    }

    /// The transaction of a batch. If the disk refuses it, nothing that rests on it is done.
    async fn keep(&mut self, batch: &mut Batch, durability: Durability) -> Result<(), Failure> {
        let writes = std::mem::take(&mut batch.writes);
        let written = batch.steps.iter_mut().filter(|step| step.has_writes);
        if self.suspended.is_some() {
            written.for_each(|step| step.refused.refuse(self.suspended.clone()));
            return self.keep_moment(batch.take_news(true)).await;
        }
        if writes.is_empty() {
            if durability == Durability::Synced {
                // It may rest on what was written before.
                self.sync_now().await?;
            }
            return self.keep_moment(batch.take_news(true)).await;
        }
        let news = batch.take_news(true);
        match self.persist(&writes, news, durability).await {
            Ok(()) => Ok(()),
            Err(error) => {
                // What follows rests on it. The core begins again where the disk stands now.
                let mut is_asked_for = true;
                for step in batch.steps.iter_mut().filter(|step| step.has_writes) {
                    step.refused.refuse(Some(error.to_string()));
                    is_asked_for &= step.refused.is_asked_for();
                }
                if !is_asked_for {
                    self.front_end.tell(store_failed(StoreUse::Step, &error)).await;
                }
                self.reopen(error.to_string()).await
            }
        }
    }

    /// Nothing is kept with it: what was told is about this moment only.
    async fn keep_moment(&mut self, news: Vec<String>) -> Result<(), Failure> {
        if !news.is_empty()
            && let Err(error) = self.persist(&[], news, Durability::Written).await
        {
            self.front_end.tell(store_failed(StoreUse::Events, &error)).await;
        }
        Ok(())
    }

    async fn persist(&mut self, writes: &[Write], news: Vec<String>, durability: Durability) -> Result<(), StoreError> {
        let events = self.storage.persist(writes, news, durability).await?;
        if durability == Durability::Synced {
            let ready = self.unsynced.all_synced();
            self.release(ready).await;
        } else {
            self.unsynced.wrote();
        }
        for event in events {
            // Numbers are never used again, not even where the power is lost.
            match durability {
                Durability::Synced => self.tell_event(event).await,
                Durability::Nothing | Durability::Written => self.unsynced.hold(Held::Event(event)),
            }
        }
        Ok(())
    }

    pub(super) async fn tell_event(&self, event: Event) {
        self.front_end.tell(Notice::Journal(JournalNotice::Journaled(event))).await;
    }

    /// Opens the core with what is on the disk, after a while: a disk that is full stays so for some time. The session
    /// begins again, so that no answer comes to a question that nobody remembers; what was asked for commands of the
    /// user is answered by what the disk says.
    pub(super) async fn reopen(&mut self, detail: String) -> Result<(), Failure> {
        self.suspended = Some(detail.clone());
        self.disk_said = Some(detail.clone());
        self.is_renewing = true;
        ask(&self.requests, DirectoryRequest::LogInAgain).await;
        let opening = self.storage.opening().await?;
        let events = self.events.clone();
        let again = rt::spawn(async move {
            events.input(Input::NotKept { detail }).await;
            rt::sleep(DISK_PATIENCE).await;
            events.input(Input::Reopened(Box::new(opening))).await;
        });
        self.reopening = Some(again);
        Ok(())
    }

    /// This state is an old copy: the session begins again with a new terminal.
    async fn renew(&mut self) -> Result<Run, Failure> {
        self.suspended = Some(self.disk_said.clone().unwrap_or_else(|| RENEWING.to_owned()));
        self.storage.renew_terminal().await?;
        self.front_end.tell(Notice::Session(SessionNotice::NewTerminal)).await;
        self.is_renewing = true;
        ask(&self.requests, DirectoryRequest::LogInAgain).await;
        Ok(Run::On)
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Run, Failure> {
        match effect {
            Effect::Notify(notice) => return Ok(self.notify(notice).await),
            Effect::Answer(ticket, notice) => {
                let notice = match &self.disk_said {
                    Some(detail) if self.is_renewing => refused::by_disk(notice, detail),
                    _ => notice,
                };
                self.front_end.answer(Some(ticket), notice).await;
            }
            Effect::Ask(envelope) => ask(&self.requests, DirectoryRequest::Send(envelope)).await,
            Effect::Passcode(PasscodeStep::Prove { request }) => {
                if let Some(wish) = self.passcode_wish.take() {
                    ask(&self.requests, DirectoryRequest::ProvePasscode { request, wish }).await;
                }
            }
            Effect::Passcode(step @ PasscodeStep::KeyChanged) => {
                // The session begins again under the new key, of which the user is told.
                self.is_renewing = true;
                self.disk_said = None;
                ask(&self.requests, DirectoryRequest::Passcode(step)).await;
            }
            Effect::Passcode(step) => ask(&self.requests, DirectoryRequest::Passcode(step)).await,
            Effect::LogOut => {
                self.sync_now().await?;
                ask(&self.requests, DirectoryRequest::Logout).await;
            }
            Effect::Dial { dial, call, fallback, shown } => {
                let over = calling::Over::Addresses(fallback);
                self.calls.place(dial, Dial { over, shown, ..self.calls.call(&self.storage.me, call)? });
            }
            Effect::DialByRelay { dial, call, token } => {
                self.calls.place(dial, self.calls.call_by_relay(&self.storage.me, call, token)?);
            }
            Effect::DialToMeet { dial, call, address, after } => {
                self.calls.place(dial, self.calls.call_to_meet(&self.storage.me, call, (address, after))?);
            }
            Effect::Meet(meet) => self.calls.meet(*meet),
            Effect::Hang(dial) => drop(self.calls.end(dial)),
            Effect::Reply { link, reply } => self.links.reply(link, reply),
            Effect::Say { link, chat } => self.links.command(link, LinkCommand::Say(chat)),
            Effect::Confirm { link, receipt } => self.links.command(link, LinkCommand::Confirm(receipt)),
            Effect::Close { link, reason } => {
                // Receipts go before the goodbye.
                self.sync_now().await?;
                self.links.end(link, LinkCommand::Close(reason));
            }
            Effect::Serve { link, reply, number, source, offset } => {
                self.transfers.give(&mut self.links, (link, reply), number, (source, offset));
            }
            Effect::Fetch { to, found, over, wanted } => {
                let call = Call { to, found, conversation: None };
                let dial = match over {
                    Over::Addresses(fallback) => {
                        let over = calling::Over::Addresses(fallback);
                        Dial { over, ..self.calls.call(&self.storage.me, call)? }
                    }
                    Over::Relay(token) => self.calls.call_by_relay(&self.storage.me, call, token)?,
                };
                self.transfers.fetch(dial, *wanted);
            }
            Effect::StopFile { number, came } => {
                self.transfers.stop(&mut self.links, number, came.map(|unwanted| *unwanted));
            }
            Effect::QueryHistory(query) => {
                let answer = self.storage.look_up(query).await;
                let answer = answer.unwrap_or_else(|error| store_failed(StoreUse::Reading, &error));
                self.front_end.answer(self.answering.clone(), answer).await;
            }
            Effect::Recall(name) => match self.storage.recall(&name).await {
                Ok(record) => self.recalled.push_back(Input::Recalled { name: *name, record: record.map(Box::new) }),
                // The directory is not told, and reports again.
                Err(error) => self.front_end.tell(store_failed(StoreUse::Reading, &error)).await,
            },
            Effect::Save(contact) => {
                if let Err(error) = self.storage.save(&contact).await {
                    self.front_end.tell(store_failed(StoreUse::Contact, &error)).await;
                }
            }
            // They are had again as long as the directory can be asked.
            Effect::KeepRecords(kept) => {
                if let Err(error) = self.storage.keep_records(&kept).await {
                    tracing::warn!(%error, "what the directory has signed of a contact could not be kept");
                }
            }
            // Taken before they come here.
            Effect::Persist(_) | Effect::NewTerminal => {}
            Effect::Fail(failure) => return Err(failure),
        }
        Ok(Run::On)
    }

    async fn notify(&mut self, notice: Notice) -> Run {
        match &notice {
            Notice::Session(SessionNotice::LoggedOut { .. }) => {
                self.links.close_all().await;
                self.front_end.tell(notice).await;
                return Run::Over;
            }
            // The user knows.
            Notice::Directory(DirectoryNotice::Lost { .. }) if self.is_renewing => {}
            Notice::Directory(DirectoryNotice::Back) if self.is_renewing => self.is_renewing = false,
            _ => self.front_end.tell(notice).await,
        }
        Run::On
    }
}
