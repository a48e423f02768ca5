//! What the engine decides, carried out in its order: what is kept first, then what rests on it.
//!
//! Owns what happens when the disk refuses: nothing that rests on the refused write leaves, and the core begins again
//! with what the disk has (threat T6).

use std::time::Duration;

use super::refused::Refused;
use super::{Driver, Run, store_failed};
use crate::shell::dial::Dial;
use crate::shell::directory::request::{DirectoryRequest, ask};
use crate::shell::link::LinkCommand;
use crate::shell::{event_log, rt};
use crate::store::StoreError;
use peer_core::event::{Durability, Effect, Input, PasscodeStep};
use peer_core::notice::{DirectoryNotice, Failure, JournalNotice, Notice, SessionNotice, StoreUse};
use peer_core::persistence::Write;

/// How long a disk that would not keep something is left alone. Chosen arbitrarily.
const DISK_PATIENCE: Duration = Duration::from_secs(10);
/// Why nothing is kept while this terminal becomes another one.
const RENEWING: &str = "this terminal is beginning anew";

impl Driver {
    /// Hands an input to the engine and carries out what it decides.
    pub(super) async fn input(&mut self, input: Input) -> Result<Run, Failure> {
        self.answering = if let Input::Command(ticket, _) = &input { Some(ticket.clone()) } else { None };
        let mut refused = Refused::of(&input);
        let mut effects = Vec::new();
        self.engine.handle(self.retention.date(self.clock.now()), input, &mut effects);
        let mut run = Run::On;
        let mut news = event_log::news(self.event_filter, &effects);
        for effect in effects {
            match effect {
                // Whoever calls, or leaves, is not held up by a disk.
                effect if refused.is_refused() && effect.rests_on() > Durability::Nothing => refused.miss(effect),
                Effect::Persist(_) if self.suspended.is_some() => refused.refuse(self.suspended.clone()),
                effect if self.suspended.is_some() && effect.speaks_of_state() => {
                    refused.refuse(self.suspended.clone());
                    refused.miss(effect);
                }
                // Every commit is synced so far, which is more than some effects rest on.
                Effect::Persist(writes) => {
                    let persisted = self.persist(&writes, news.pop_front().unwrap_or_default()).await;
                    if let Err(error) = persisted {
                        // What follows rests on it. The core begins again where the disk stands now.
                        refused.refuse(Some(error.to_string()));
                        if !refused.is_asked_for() {
                            self.front_end.tell(store_failed(StoreUse::Step, &error)).await;
                        }
                        self.reopen(error.to_string()).await?;
                    }
                }
                Effect::NewTerminal => return self.renew().await,
                effect => {
                    refused.see(&effect);
                    if self.carry_out(effect).await? == Run::Over {
                        run = Run::Over;
                    }
                }
            }
        }
        for (ticket, notice) in refused.answers() {
            self.front_end.answer(Some(ticket), notice).await;
        }
        // Nothing was kept: what was told is about this moment only.
        if let Some(news) = news.pop_front().filter(|news| !news.is_empty())
            && let Err(error) = self.persist(&[], news).await
        {
            self.front_end.tell(store_failed(StoreUse::Events, &error)).await;
        }
        Ok(run)
    }

    async fn persist(&mut self, writes: &[Write], news: Vec<String>) -> Result<(), StoreError> {
        for event in self.storage.persist(writes, news).await? {
            self.front_end.tell(Notice::Journal(JournalNotice::Journaled(event))).await;
        }
        Ok(())
    }

    /// Opens the core with what is on the disk, after a while: a disk that is full stays so for some time. The session
    /// begins again, so that no answer comes to a question that nobody remembers; what was asked for commands of the
    /// user is answered by what the disk says.
    async fn reopen(&mut self, detail: String) -> Result<(), Failure> {
        self.suspended = Some(detail.clone());
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
        self.suspended = Some(RENEWING.to_owned());
        self.storage.renew_terminal().await?;
        self.front_end.tell(Notice::Session(SessionNotice::NewTerminal)).await;
        self.is_renewing = true;
        ask(&self.requests, DirectoryRequest::LogInAgain).await;
        Ok(Run::On)
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Run, Failure> {
        match effect {
            Effect::Notify(notice) => return Ok(self.notify(notice).await),
            Effect::Answer(ticket, notice) => self.front_end.answer(Some(ticket), notice).await,
            Effect::Ask(envelope) => ask(&self.requests, DirectoryRequest::Send(envelope)).await,
            Effect::Passcode(PasscodeStep::Prove { request }) => {
                if let Some(wish) = self.passcode_wish.take() {
                    ask(&self.requests, DirectoryRequest::ProvePasscode { request, wish }).await;
                }
            }
            Effect::Passcode(step) => ask(&self.requests, DirectoryRequest::Passcode(step)).await,
            Effect::LogOut => ask(&self.requests, DirectoryRequest::Logout).await,
            Effect::Dial { dial, to, found, fallback } => {
                self.calls.place(dial, Dial { fallback, ..self.calls.call(&self.storage.me, to, found)? });
            }
            Effect::DialByRelay { dial, to, found, token } => {
                self.calls.place(dial, self.calls.call_by_relay(&self.storage.me, (to, found), token)?);
            }
            Effect::Meet(meet) => self.calls.meet(*meet),
            Effect::Hang(dial) => drop(self.calls.end(dial)),
            Effect::Reply { link, reply } => self.links.reply(link, reply),
            Effect::Say { link, chat } => self.links.command(link, LinkCommand::Say(chat)),
            Effect::Confirm { link, receipt } => self.links.command(link, LinkCommand::Confirm(receipt)),
            Effect::Close { link, reason } => self.links.end(link, LinkCommand::Close(reason)),
            Effect::Serve { link, reply, number, source, offset } => {
                self.transfers.give(&mut self.links, (link, reply), number, (source, offset));
            }
            Effect::Fetch { to, found, wanted } => {
                self.transfers.fetch(self.calls.call(&self.storage.me, to, found)?, *wanted);
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
