//! Sessions with the directory: connections that keep the order of what they carry, and break.

use common::msg::{ByeReason, Envelope, FromDirectory, MailboxState, ToDirectory};
use directory_core::session;

use super::clients::Life;
use super::server::Shown;
use super::world::{ClientId, End, Event, World};
use crate::event::Input;
use crate::notice::LoggedOut;

/// One connection.
pub(super) struct Session {
    pub(super) client: ClientId,
    /// The life of the terminal's program that holds it.
    pub(super) life: Life,
    /// Whether the terminal's end is open.
    pub(super) near: bool,
    /// Whether the login has come to its end.
    pub(super) entered: bool,
    /// The directory's end.
    pub(super) far: Option<Box<session::Session>>,
    /// What arrives later than this is lost.
    pub(super) up_until: u64,
    pub(super) down_until: u64,
    /// When what was sent last arrives.
    up_last: u64,
    pub(super) down_last: u64,
    /// Whether the directory is going to look for something to push.
    pub(super) turn: bool,
}

impl World {
    /// Connects a terminal; whether there was somebody to answer.
    pub(super) fn connect(&mut self, client: ClientId, life: Life) -> bool {
        if self.clients[client].cut_off_until > self.now {
            return false;
        }
        let Some(present) = self.attend(client) else { return false };
        let id = self.number();
        let entered = self.now + self.latency() + self.latency();
        let session = Session {
            client,
            life,
            near: true,
            entered: false,
            far: Some(present),
            up_until: u64::MAX,
            down_until: u64::MAX,
            up_last: self.now,
            down_last: entered,
            turn: false,
        };
        self.sessions.insert(id, session);
        self.clients[client].session = Some(id);
        self.at(entered, Event::Entered(id));
        self.look_for_pushes();
        true
    }

    /// The terminal says something to the directory, if it has a session.
    pub(super) fn send_up(&mut self, client: ClientId, envelope: Envelope<ToDirectory>) {
        let latency = self.latency();
        let id_status = self.clients[client].session;
        let session =
            id_status.and_then(|id| self.sessions.get_mut(&id)).filter(|session| session.near && session.entered);
        let Some(session) = session else { return };
        session.up_last = session.up_last.max(self.now + latency);
        let when = session.up_last;
        self.at(when, Event::Up(id_status.unwrap(), Box::new(envelope)));
    }

    pub(super) fn send_down(&mut self, id: u64, envelope: Envelope<FromDirectory>) {
        let latency = self.latency();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.down_last = session.down_last.max(self.now + latency);
        let when = session.down_last;
        self.at(when, Event::Down(id, Box::new(envelope)));
    }

    /// The terminal hears something from the directory.
    pub(super) fn heard(&mut self, id: u64, envelope: Envelope<FromDirectory>) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| session.near) else { return };
        if self.now > session.down_until {
            return;
        }
        let client = session.client;
        let Envelope { request, message } = envelope;
        self.note(&self.clients[client].name, format_args!("hears {}", Shown(&message)));
        match message {
            FromDirectory::Bye(bye) if bye.reason == ByeReason::Ended => self.session_over(client, LoggedOut::Asked),
            FromDirectory::Bye(_) => self.session_gone(id, End::Terminal),
            // What her terminal has said beside her core is counted as well, and would make it an old copy.
            FromDirectory::MailboxState(state) if self.is_hostile(client) => {
                let message = Box::new(MailboxState { written: 0, ..state }.into());
                self.feed(client, Input::DirectoryMessage { request, message });
            }
            message => self.feed(client, Input::DirectoryMessage { request, message: Box::new(message) }),
        }
    }

    /// The session is over for good.
    pub(super) fn session_over(&mut self, client: ClientId, why: LoggedOut) {
        self.feed(client, Input::SessionEnded(why));
    }

    /// The connection breaks; a part of what is under way still arrives, and each end notices when it does.
    pub(super) fn break_session(&mut self, id: u64) {
        let most = self.profile.latency;
        let (up, down) = (self.now + self.rng.up_to(most), self.now + self.rng.up_to(most));
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.up_until = session.up_until.min(up);
        session.down_until = session.down_until.min(down);
        let (near, far) = (session.down_until + 1, session.up_until + 1);
        let (near, far) = (near + self.rng.up_to(6000), far + self.rng.up_to(20_000));
        self.at(near, Event::SessionGone(id, End::Terminal));
        self.at(far, Event::SessionGone(id, End::Directory));
    }

    pub(super) fn session_gone(&mut self, id: u64, end: End) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (client, life) = (session.client, session.life);
        match end {
            End::Directory => {
                // Dropping it ends the presence, of which others are told.
                if session.far.take().is_some() {
                    self.look_for_pushes();
                }
            }
            End::Terminal if std::mem::take(&mut session.near) => {
                let entered = session.entered;
                session.up_until = session.up_until.min(self.now + self.profile.latency);
                self.at(self.now + 2 * self.profile.latency, Event::SessionGone(id, End::Directory));
                self.clients[client].session = None;
                if self.clients[client].life == life {
                    self.session_lost(client, entered);
                }
            }
            End::Terminal => {}
        }
        if self.sessions.get(&id).is_some_and(|session| !session.near && session.far.is_none()) {
            self.sessions.remove(&id);
        }
    }
}
