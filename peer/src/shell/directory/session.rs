//! The session with the directory: questions while it stands, and getting it back when it was lost (protocol section 6).
//!
//! Answers come in the order of the questions. When the connection is gone, every open question is answered with
//! [`Unreachable`], and the session logs in anew, with a delay that doubles up to 30 seconds.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use common::backoff::{Backoff, spread};
use common::crypto::random;
use common::frame::Padding;
use common::ident::UserId;
use common::limits::{DEAD_AFTER, PING_AFTER};
use common::link::LinkError;
use common::msg::{
    ByeReason, ErrorCode, FromDirectory, ListReq, ListedUser, Logout, LookupReq, Message as _, Ping, Pong, ToDirectory,
};
use common::secret::Passcode;
use futures::{FutureExt as _, select_biased};

use super::login::{self, Credentials, NotLoggedIn};
use super::passcode::Change;
use super::{Place, Wire};
use crate::shell::events::{Back, Event, Events};
use crate::shell::rt::{self, Task};
use crate::store::pins;
use crate::store::places::ServerFolder;
use crate::store::state::State;
use peer_core::engine::{Input, Purpose, Unreachable};
use peer_core::notice::{DirectoryNotice, Failure, LoggedOut, LoginRefused, NotChanged, Notice, SessionNotice};
use peer_core::verify::found;

/// Users a list may have before it is cut; the directory pages, so it could go on for ever.
const LIST_MAX: usize = 10_000;
/// First and longest delay, in milliseconds, between two attempts to get a session back.
const FIRST_DELAY: u64 = 1_000;
const LONGEST_DELAY: u64 = 30_000;

/// A question to the directory.
#[derive(Debug)]
pub(crate) enum Question {
    /// Where and who is this user?
    Lookup { purpose: Purpose, user: UserId },
    /// Who is online?
    List,
    /// Something of the post office, which knows by itself what it waits for.
    Post(Box<ToDirectory>),
    /// Make this the passcode.
    ChangePasscode(Passcode),
    /// Log in anew: this terminal has become another one.
    Anew,
    /// The last one: end the session.
    Logout,
}

/// What is needed to keep a session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where the directory is.
    pub(crate) place: Place,
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
    /// The local store, for cookies and vaults of later logins.
    pub(crate) state: Arc<futures::lock::Mutex<State>>,
}

/// How a connection to the directory ended.
enum Over {
    /// For good.
    LoggedOut(LoggedOut),
    /// To be tried again.
    Lost,
}

impl Session {
    /// Keeps the session until it ends for good.
    pub(crate) fn keep(mut self, wire: Wire, questions: Receiver<Question>, events: Events) -> Task {
        rt::spawn(async move {
            let mut wire = wire;
            loop {
                let change = Change::new(Arc::clone(&self.credentials), Arc::clone(&self.state));
                let (over, changed) = Standing::new(&mut wire, &questions, &events, change).run().await;
                if let Over::LoggedOut(why) = over {
                    return events.input(Input::SessionEnded(why)).await;
                }
                if let Some(passcode) = changed {
                    self.credentials = Arc::new(Credentials { passcode, ..(*self.credentials).clone() });
                }
                let Some(again) = self.come_back(&questions, &events).await else { return };
                wire = again;
            }
        })
    }

    /// Tries to log in anew until it works. `None` when the session is over.
    async fn come_back(&mut self, questions: &Receiver<Question>, events: &Events) -> Option<Wire> {
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        let mut warned = false;
        events.input(Input::DirectoryLost { retry_in: FIRST_DELAY / 1000 }).await;
        loop {
            // Spread, so that the peers of a directory that comes back do not arrive all at once.
            let delay = spread(backoff.fail(), random::<1>().map_or(0, |[draw]| draw));
            let mut pause = Box::pin(rt::sleep(Duration::from_millis(delay)).fuse());
            loop {
                select_biased! {
                    question = questions.recv().fuse() => match question {
                        Ok(Question::Logout) | Err(_) => {
                            events.input(Input::SessionEnded(LoggedOut::Asked)).await;
                            return None;
                        }
                        Ok(other) => leave_unanswered(other, events).await,
                    },
                    () = pause => break,
                }
            }
            match self.log_in_again().await {
                Ok((wire, moved)) => {
                    events.send(Event::Back(moved)).await;
                    events.input(Input::DirectoryBack).await;
                    return Some(wire);
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
                // What is wrong here does not pass by waiting.
                Err(NotLoggedIn::Failed(failure)) if failure.is_local() => {
                    events.send(Event::Failed(failure)).await;
                    return None;
                }
                Err(_) => {}
            }
        }
    }

    /// Logs in anew; listens anew if our address has changed.
    async fn log_in_again(&mut self) -> Result<(Wire, Back), NotLoggedIn> {
        let mut wire = Wire::open(&self.place).await?;
        check_pin(&wire, &self.folder, &self.place)?;
        let (user, passcode) = (&self.credentials.user, &self.credentials.passcode);
        let known = self.state.lock().await.known()?;
        let authenticated = login::authenticate(&mut wire, known, user, passcode).await?;
        let challenge = authenticated.challenge;
        let credentials = authenticated.keep(&mut *self.state.lock().await, user, passcode)?;
        let address = self.listen.unwrap_or_else(|| wire.local());
        let mut listener = None;
        if address != self.listening.ip() {
            let (anew, port) = login::listen(address, self.port)?;
            self.listening = SocketAddr::new(address, port);
            listener = Some(anew);
        }
        let presence = login::announce(&mut wire, &credentials, &challenge, self.listening.port()).await?;
        Ok((wire, Back { presence, source: address, listener, certificate: credentials.certificate }))
    }
}

/// Compares a directory's key with its pin; a directory without a pin passes, somebody else decides about it.
pub(crate) fn check_pin(wire: &Wire, folder: &ServerFolder, place: &Place) -> Result<(), Failure> {
    match pins::directory(folder)? {
        Some(pin) if pin.key != wire.key() => Err(Failure::DirectoryKeyChanged {
            server: place.server.clone(),
            since: pin.since,
            old: pin.key,
            new: wire.key(),
        }),
        Some(_) | None => Ok(()),
    }
}

async fn leave_unanswered(question: Question, events: &Events) {
    match question {
        Question::Lookup { purpose, user } => {
            events.input(Input::LookedUp { purpose, user, found: Err(Unreachable) }).await;
        }
        Question::List => events.input(Input::Listed(Err(Unreachable))).await,
        Question::ChangePasscode(_) => {
            events
                .send(Event::Notice(Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::DirectoryLost))))
                .await;
        }
        // The post office begins anew with the next session.
        Question::Post(_) | Question::Anew | Question::Logout => {}
    }
}

/// A session while its connection stands.
struct Standing<'a> {
    wire: &'a mut Wire,
    questions: &'a Receiver<Question>,
    events: &'a Events,
    change: Change,
    open: VecDeque<Question>,
    listed: Vec<ListedUser>,
    heard: Instant,
    pinged: bool,
    /// `LOGOUT` was said: however the connection ends now, nobody wants another one.
    is_leaving: bool,
}

impl<'a> Standing<'a> {
    fn new(wire: &'a mut Wire, questions: &'a Receiver<Question>, events: &'a Events, change: Change) -> Self {
        let (open, listed) = (VecDeque::new(), Vec::new());
        Self { wire, questions, events, change, open, listed, heard: Instant::now(), pinged: false, is_leaving: false }
    }

    /// Gives the passcode too, if it was changed meanwhile.
    async fn run(mut self) -> (Over, Option<Passcode>) {
        let over = loop {
            let due = if self.pinged { DEAD_AFTER } else { PING_AFTER };
            let silence = due.saturating_sub(self.heard.elapsed());
            let step = select_biased! {
                received = self.wire.link.next().fuse() => self.received(received).await,
                question = self.questions.recv().fuse() => self.ask(question.unwrap_or(Question::Logout)),
                () = rt::sleep(silence).fuse() => self.silent(),
            };
            match step {
                Ok(None) => {}
                Ok(Some(why)) => break Over::LoggedOut(why),
                Err(_) if self.is_leaving => break Over::LoggedOut(LoggedOut::Asked),
                Err(_) => break Over::Lost,
            }
        };
        for question in std::mem::take(&mut self.open) {
            leave_unanswered(question, self.events).await;
        }
        if self.change.is_under_way() {
            self.events
                .send(Event::Notice(Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::Unsure))))
                .await;
        }
        (over, self.change.into_new())
    }

    fn ask(&mut self, question: Question) -> Result<Option<LoggedOut>, LinkError> {
        let message: ToDirectory = match &question {
            Question::Anew => return Err(LinkError::Lost),
            Question::Post(message) => {
                self.wire.link.queue(&message.encode(), Padding::None)?;
                return Ok(None);
            }
            Question::ChangePasscode(to) => {
                let request = self.change.begin(to).map_err(|_| LinkError::Lost)?;
                self.wire.link.queue(&ToDirectory::from(request).encode(), Padding::None)?;
                return Ok(None);
            }
            Question::Lookup { user, .. } => {
                LookupReq { userid: self.change.user().clone(), lookup: user.clone() }.into()
            }
            Question::List => {
                self.listed.clear();
                ListReq { after: None }.into()
            }
            Question::Logout => Logout {}.into(),
        };
        match question {
            Question::Logout => self.is_leaving = true,
            question => self.open.push_back(question),
        }
        self.wire.link.queue(&message.encode(), Padding::None)?;
        Ok(None)
    }

    async fn tell(&self, notice: Option<Notice>) {
        if let Some(notice) = notice {
            self.events.send(Event::Notice(notice)).await;
        }
    }

    fn silent(&mut self) -> Result<Option<LoggedOut>, LinkError> {
        if self.pinged {
            return Err(LinkError::Lost);
        }
        self.pinged = true;
        self.wire.link.queue(&ToDirectory::from(Ping {}).encode(), Padding::None)?;
        Ok(None)
    }

    async fn received(&mut self, received: Result<Option<Vec<u8>>, LinkError>) -> Result<Option<LoggedOut>, LinkError> {
        let Some(payload) = received? else { return Err(LinkError::Lost) };
        (self.heard, self.pinged) = (Instant::now(), false);
        let Ok(message) = FromDirectory::decode(&payload) else { return Err(LinkError::Lost) };
        match message {
            FromDirectory::LookupReply(reply) => {
                if let Some(Question::Lookup { purpose, user }) = self.open.pop_front() {
                    let found = Ok(found(&reply, &user));
                    self.events.input(Input::LookedUp { purpose, user, found }).await;
                }
            }
            FromDirectory::ListReply(reply) => {
                let last = reply.users.last().map(|listed| listed.userid.clone());
                self.listed.extend(reply.users);
                if let (true, Some(after)) = (reply.more && self.listed.len() < LIST_MAX, last) {
                    let next = ToDirectory::from(ListReq { after: Some(after) });
                    self.wire.link.queue(&next.encode(), Padding::None)?;
                    // Its answer comes behind those of all questions asked meanwhile.
                    self.open.rotate_left(1);
                } else if self.open.pop_front().is_some() {
                    self.events.input(Input::Listed(Ok(std::mem::take(&mut self.listed)))).await;
                }
            }
            FromDirectory::Error(error)
                if error.code == ErrorCode::RateLimited
                    && matches!(error.to.as_deref(), Some("LOOKUPREQ" | "LISTREQ") | None) =>
            {
                if let Some(question) = self.open.pop_front() {
                    // A caller who makes us ask too often is no business of the person.
                    if !matches!(question, Question::Lookup { purpose: Purpose::Caller(_), .. }) {
                        let retry_after = error.retry_after.unwrap_or(1);
                        self.events
                            .send(Event::Notice(Notice::Directory(DirectoryNotice::TooFast { retry_after })))
                            .await;
                    }
                    leave_unanswered(question, self.events).await;
                }
            }
            FromDirectory::PasscodeChallenge(challenge) => {
                let upload = self.change.seal(self.wire, challenge).await;
                if let Some(upload) = upload.map_err(|_| LinkError::Lost)? {
                    self.wire.link.queue(&ToDirectory::from(upload).encode(), Padding::None)?;
                }
            }
            FromDirectory::PasscodeReply(reply) => {
                let notice = self.change.replied(reply.status);
                self.tell(notice).await;
            }
            FromDirectory::Error(error) if matches!(error.to.as_deref(), Some("PASSCODEREQ" | "PASSCODEUPLOAD")) => {
                let notice = self.change.refused(&error);
                self.tell(notice).await;
            }
            FromDirectory::Ping(_) => self.wire.link.queue(&ToDirectory::from(Pong {}).encode(), Padding::None)?,
            FromDirectory::Bye(bye) => match bye.reason {
                ByeReason::Ended => return Ok(Some(LoggedOut::Asked)),
                ByeReason::Administrator => return Ok(Some(LoggedOut::Administrator)),
                ByeReason::Replaced => return Ok(Some(LoggedOut::Replaced)),
                _ => return Err(LinkError::Lost),
            },
            FromDirectory::Error(error) if error.to.is_none() => {}
            FromDirectory::Pong(_) => {}
            message => self.events.input(Input::Said(Box::new(message))).await,
        }
        Ok(None)
    }
}

/// Sends a question; a session that is over answers nothing any more, and nobody asks it.
pub(crate) async fn ask(questions: &Sender<Question>, question: Question) {
    let _ = questions.send(question).await;
}
