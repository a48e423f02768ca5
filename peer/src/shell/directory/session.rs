//! Keeping a session with the directory: getting it back when it was lost (protocol section 6).
//!
//! While a connection stands, [`ActiveSession`] carries requests and answers as they are; the engine's table knows
//! which answer is whose. When the connection is gone the session logs in again, with a delay that doubles up to 30
//! seconds, at once where the user asks for something of it; requests that are made meanwhile are dropped, because the engine fails them when it hears of the loss.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use common::backoff::{Backoff, spread};
use common::crypto::random;
use common::ident::SeenToken;
use common::msg::Features;
use futures::{FutureExt as _, select_biased};
use peer_core::event::Input;
use peer_core::notice::{DirectoryLoss, DirectoryNotice, Failure, LoggedOut, LoginRefused, Notice};

use super::active::{ActiveSession, Over};
use super::login::{self, Credentials, NotLoggedIn};
use super::other_family::OtherFamily;
use super::passcode::Change;
use super::request::DirectoryRequest;
use super::{DirectoryConnection, Endpoint};
use crate::shell::events::{Back, Event, Events};
use crate::shell::rt::{self, Task};
use crate::store::pins;
use crate::store::places::ServerFolder;
use crate::store::state::State;

/// First and longest delay, in milliseconds, between two attempts to get a session back.
const FIRST_DELAY: u64 = 1_000;
const LONGEST_DELAY: u64 = 30_000;
const DELAYS: Backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);

/// What is needed to keep a session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where the directory is.
    pub(crate) endpoint: Endpoint,
    /// Where its pin is kept.
    pub(crate) folder: ServerFolder,
    /// Who we are.
    pub(crate) credentials: Arc<Credentials>,
    /// The address to listen on and to call from, where one was asked for.
    pub(crate) listen: Option<IpAddr>,
    /// The port that was asked for.
    pub(crate) port: Option<u16>,
    /// Where we listen now.
    pub(crate) listening: SocketAddr,
    /// What the directory understands.
    pub(crate) features: Features,
    /// The local store, for cookies and vaults of later logins.
    pub(crate) state: Arc<futures::lock::Mutex<State>>,
    /// Shows the directory our address of the other family.
    pub(crate) elsewhere: OtherFamily,
}

impl Session {
    /// Keeps the session until it ends for good.
    pub(crate) fn keep(
        mut self,
        connection: DirectoryConnection,
        other: Option<SeenToken>,
        requests: Receiver<DirectoryRequest>,
        events: Events,
    ) -> Task {
        rt::spawn(async move {
            let (mut connection, mut other) = (connection, other);
            let mut change = Change::new(Arc::clone(&self.state));
            loop {
                self.elsewhere.show(&connection, other, self.port, &events);
                let active = ActiveSession::new(
                    &mut connection,
                    &requests,
                    &events,
                    &self.credentials,
                    &mut change,
                    &self.features,
                );
                let why = match active.run().await {
                    Over::LoggedOut(why) => return events.input(Input::SessionEnded(why)).await,
                    Over::Lost(why) => why,
                };
                let Some(again) = self.come_back(why, &requests, &events, &mut change).await else { return };
                (connection, other) = again;
            }
        })
    }

    /// Tries to log in again until it works. `None` when the session is over.
    async fn come_back(
        &mut self,
        why: DirectoryLoss,
        requests: &Receiver<DirectoryRequest>,
        events: &Events,
        change: &mut Change,
    ) -> Option<(DirectoryConnection, Option<SeenToken>)> {
        let mut backoff = DELAYS;
        let (mut warned, mut failed) = (false, false);
        let mut tried = Instant::now();
        events.input(Input::DirectoryLost { retry_in: FIRST_DELAY / 1000, why }).await;
        loop {
            let delay = delay(&mut backoff, random::<1>().map_or(0, |[draw]| draw));
            if failed {
                let retry_in = delay.as_secs();
                events.send(Event::Notice(Notice::Directory(DirectoryNotice::StillLost { retry_in }))).await;
            }
            failed = true;
            let mut due = Instant::now() + delay;
            let mut pause = Box::pin(rt::sleep(delay).fuse());
            loop {
                select_biased! {
                    request = requests.recv().fuse() => {
                        let request = request.unwrap_or(DirectoryRequest::Logout);
                        if matches!(request, DirectoryRequest::Hurry) {
                            let now = Instant::now();
                            due = hurried(due, tried, now);
                            pause = Box::pin(rt::sleep(due.saturating_duration_since(now)).fuse());
                        }
                        if leave(request, change) == Leave::Asked {
                            events.input(Input::SessionEnded(LoggedOut::Asked)).await;
                            return None;
                        }
                    }
                    () = pause => break,
                }
            }
            if let Some(passcode) = change.take_new() {
                self.credentials = Arc::new(Credentials { passcode, ..(*self.credentials).clone() });
            }
            let came_back = self.log_in_again().await;
            tried = Instant::now();
            match came_back {
                Ok((connection, moved)) => {
                    // Whatever was asked before belongs to the session that is gone.
                    while let Ok(request) = requests.try_recv() {
                        if leave(request, change) == Leave::Asked {
                            events.input(Input::SessionEnded(LoggedOut::Asked)).await;
                            return None;
                        }
                    }
                    let features = moved.presence.features.clone();
                    self.features = features.clone();
                    let (generation, other) = (moved.presence.generation, moved.presence.other);
                    let record = moved.presence.record.clone();
                    events.send(Event::Back(moved)).await;
                    if let Some(record) = record {
                        events.input(Input::of_directory(*record)).await;
                    }
                    if let Some(generation) = generation {
                        events.input(Input::Generation(generation)).await;
                    }
                    events.input(Input::DirectoryBack(features)).await;
                    return Some((connection, other));
                }
                Err(NotLoggedIn::Refused(LoginRefused::Passcode { .. })) => {
                    events.input(Input::SessionEnded(LoggedOut::Administrator)).await;
                    return None;
                }
                // Somebody else answers in the directory's place. Conversations go on, nobody new is looked up.
                Err(NotLoggedIn::Failed(failure @ Failure::DirectoryKeyChanged { .. })) => {
                    if !std::mem::replace(&mut warned, true) {
                        events.send(Event::Notice(Notice::Directory(DirectoryNotice::NotItself(failure)))).await;
                    }
                }
                // The user can be asked about it only when logging in.
                Err(NotLoggedIn::Older(_)) => {
                    events.send(Event::Failed(Failure::VaultUnusable { detail: OLDER.to_owned() })).await;
                    return None;
                }
                // What is wrong here does not pass by waiting.
                Err(NotLoggedIn::Failed(failure)) if failure.is_local() => {
                    events.send(Event::Failed(failure)).await;
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Logs in again; listens again if our address has changed.
    async fn log_in_again(&mut self) -> Result<(DirectoryConnection, Back), NotLoggedIn> {
        let (mut connection, begun) =
            DirectoryConnection::open_listening(&self.endpoint, Some(self.listening), self.port).await?;
        check_pin(&connection, &self.folder, &self.endpoint)?;
        let (user, passcode) = (&self.credentials.user, &self.credentials.passcode);
        let known = self.state.lock().await.known()?;
        let authenticated = login::authenticate(&mut connection, known, user, passcode).await?;
        let challenge = authenticated.challenge;
        let credentials = authenticated.keep(&mut *self.state.lock().await, user, passcode)?;
        let address = self.listen.unwrap_or_else(|| connection.local());
        let mut listener = None;
        if address != self.listening.ip() {
            let (socket, port) = match begun {
                Some((socket, at)) if at.ip() == address => (socket, at.port()),
                _ => login::listen(address, self.port)?,
            };
            self.listening = SocketAddr::new(address, port);
            listener = Some(socket);
        }
        let presence = login::announce(&mut connection, &credentials, &challenge, self.listening.port()).await?;
        let credentials = Arc::new(credentials);
        self.credentials = Arc::clone(&credentials);
        let ends = connection.ends(address, self.listening.port());
        Ok((connection, Back { presence, ends, listener, credentials }))
    }
}

/// The vault is older than the one seen here, in the middle of a session.
const OLDER: &str = "the vault is older than the last one seen here. If a backup of the directory server was restored, log in \
                     once more, which asks what to do";

/// Compares a directory's key with its pin; a directory without a pin passes, somebody else decides about it.
pub(crate) fn check_pin(
    connection: &DirectoryConnection,
    folder: &ServerFolder,
    endpoint: &Endpoint,
) -> Result<(), Failure> {
    match pins::directory(folder)? {
        Some(pin) if pin.key != connection.key() => Err(Failure::DirectoryKeyChanged {
            server: endpoint.server.clone(),
            since: pin.since,
            old: pin.key,
            new: connection.key(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Whether the user wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Asked,
    NotAsked,
}

/// Nothing is sent while there is no connection.
fn leave(request: DirectoryRequest, change: &mut Change) -> Leave {
    match request {
        DirectoryRequest::Logout => return Leave::Asked,
        DirectoryRequest::Passcode(step) => change.settle(&step),
        DirectoryRequest::Send(_)
        | DirectoryRequest::ProvePasscode { .. }
        | DirectoryRequest::Hurry
        | DirectoryRequest::LogInAgain => {}
    }
    Leave::NotAsked
}

/// When the next attempt is made if somebody waits for the directory: not sooner after the last one than after a loss, so
/// that a program which asks again and again does not keep a directory busy that comes back.
fn hurried(due: Instant, tried: Instant, now: Instant) -> Instant {
    due.min(now.max(tried + Duration::from_millis(FIRST_DELAY)))
}

/// How long to wait before the next attempt. Spread, so that the peers of a directory that comes back do not arrive all at
/// once.
fn delay(backoff: &mut Backoff, draw: u8) -> Duration {
    Duration::from_millis(spread(backoff.fail(), draw))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_the_directory_does_not_wait_for_the_next_attempt_of_many() {
        let tried = Instant::now();
        let after = |millis| tried + Duration::from_millis(millis);
        assert_eq!(hurried(after(30_000), tried, after(12_000)), after(12_000), "at once");
        assert_eq!(hurried(after(30_000), tried, after(200)), after(FIRST_DELAY), "but for the last attempt");
        assert_eq!(hurried(after(500), tried, after(200)), after(500), "never later than without");
    }

    #[test]
    fn the_way_back_to_the_directory_takes_twice_as_long_each_time_up_to_half_a_minute() {
        let mut backoff = DELAYS;
        let seconds: Vec<u64> = (0..7).map(|_| delay(&mut backoff, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        let spread_out = delay(&mut backoff, 255).as_millis();
        assert!((37_000..37_500).contains(&spread_out), "{spread_out} ms");
    }
}
