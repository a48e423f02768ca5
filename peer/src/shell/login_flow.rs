//! From nothing to logged in: which user, which directory, which key, which passcode (protocol section 5).
//!
//! A user may take minutes at a prompt, and a directory gives ten seconds, so every step opens its own connection.

use std::time::{Duration, Instant};

use common::crypto::NoRandomness;
use common::crypto::identity::IdentityKey;
use common::crypto::invite::Invite;
use common::ident::UserId;
use common::secret::Passcode;
use futures::future::BoxFuture;

use super::directory::login::{self, Credentials, Held, NotLoggedIn, OlderVault, Presence};
use super::directory::register::{self, NotRegistered};
use super::directory::session::check_pin;
use super::directory::{DirectoryConnection, Endpoint};
use super::front_end::FrontEnd;
use super::rt::TcpListener;
use super::setup::{Setup, Turn};
use super::{clock, rt};
use crate::store::StoreError;
use crate::store::pins::{self, DirectoryPin};
use crate::store::places::ServerFolder;
use crate::store::state::State;
use peer_core::command::{Answer, Command, SessionCommand, Ticket, TicketedCommand};
use peer_core::notice::{Failure, Notice, SessionNotice};

/// How soon it is looked again whether the one before has had its turn. Chosen arbitrarily.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A terminal that is present.
pub(crate) struct LoggedIn {
    /// The connection to the directory.
    pub(crate) connection: DirectoryConnection,
    /// Where the directory is.
    pub(crate) endpoint: Endpoint,
    /// What is kept about it.
    pub(crate) folder: ServerFolder,
    /// Who we are.
    pub(crate) credentials: Credentials,
    /// The local store, unlocked.
    pub(crate) state: State,
    /// Where callers arrive.
    pub(crate) socket: TcpListener,
    /// The port announced.
    pub(crate) port: u16,
    /// What the directory tells others.
    pub(crate) presence: Presence,
}

/// How a directory's key came to be trusted.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    /// It was pinned before, or runs on this machine.
    AtOnce,
    /// The user was asked.
    AfterQuestion,
}

struct LoginFlow<'a> {
    setup: &'a Setup,
    front_end: &'a FrontEnd,
    endpoint: Endpoint,
    folder: ServerFolder,
    invite: Option<Invite>,
    /// A new identity key in the making, begun while the user thinks of a passcode.
    identity: Option<BoxFuture<'static, Result<IdentityKey, NoRandomness>>>,
    /// The local store of the user who is logging in. Holding it keeps other processes out.
    opened: Option<(UserId, State)>,
    /// Messages that went because the user has a new identity key; told once the user is logged in.
    forgotten: Option<u64>,
    /// The command that is being carried out.
    ticket: Ticket,
}

/// Serves the commands of a user who is not logged in yet. `None` if the front end left.
pub(crate) async fn run(setup: &Setup, front_end: &FrontEnd) -> Result<Option<LoggedIn>, Failure> {
    let endpoint = Endpoint { server: setup.server.clone(), source: setup.listen, patience: setup.patience };
    let folder = ServerFolder::new(&setup.data, &setup.server);
    let mut flow = LoginFlow {
        setup,
        front_end,
        endpoint,
        folder,
        invite: None,
        identity: None,
        opened: None,
        forgotten: None,
        ticket: Ticket::default(),
    };
    while let Ok(TicketedCommand { ticket, command }) = front_end.commands.recv().await {
        flow.ticket = ticket;
        match command {
            Command::Session(SessionCommand::Identify { user }) => flow.identify(user).await?,
            Command::Session(SessionCommand::Invitation { line }) => flow.invitation(&line).await?,
            Command::Session(SessionCommand::Register { user, passcode }) => {
                if let Some(logged_in) = flow.register(user, passcode).await? {
                    return Ok(Some(logged_in));
                }
            }
            Command::Session(SessionCommand::Login { user, passcode }) => {
                if let Some(logged_in) = flow.log_in(user, passcode).await? {
                    return Ok(Some(logged_in));
                }
            }
            Command::Session(SessionCommand::Logout) => return Ok(None),
            // Nobody can be called, listed or answered before login.
            _ => {}
        }
    }
    Ok(None)
}

impl LoginFlow<'_> {
    /// Answers the command that is being carried out.
    async fn tell(&self, notice: Notice) {
        self.front_end.answer(Some(self.ticket.clone()), notice).await;
    }

    async fn identify(&mut self, user: UserId) -> Result<(), Failure> {
        self.open(&user).await?;
        let mut connection = DirectoryConnection::open(&self.endpoint).await?;
        if self.trust(&connection).await? == Trust::AfterQuestion {
            // The user may have thought about the key for longer than the directory waits.
            connection = DirectoryConnection::open(&self.endpoint).await?;
            check_pin(&connection, &self.folder, &self.endpoint)?;
        }
        let welcome = register::hello(&mut connection, &user).await?;
        connection.close().await;
        let refused = welcome.refused.map(|why| register::refusal(Some(why), None));
        if welcome.known == Some(false) && refused.is_none() {
            self.prepare_identity();
            self.warn(&user).await?;
        }
        self.tell(Notice::Session(SessionNotice::Identified {
            user,
            known: welcome.known,
            refused,
            registration: welcome.registration,
            passcode_min: welcome.passcode_min,
        }))
        .await;
        Ok(())
    }

    /// Makes sure that the directory's key is pinned: at once on this machine, after a question elsewhere.
    async fn trust(&self, connection: &DirectoryConnection) -> Result<Trust, Failure> {
        check_pin(connection, &self.folder, &self.endpoint)?;
        if pins::directory(&self.folder)?.is_some() {
            return Ok(Trust::AtOnce);
        }
        let trust = if connection.is_local() { Trust::AtOnce } else { Trust::AfterQuestion };
        if trust == Trust::AfterQuestion {
            let server = self.endpoint.server.clone();
            self.tell(Notice::Session(SessionNotice::FirstContact { server: server.clone(), key: connection.key() }))
                .await;
            loop {
                match self.front_end.commands.recv().await.map(|taken| taken.command) {
                    Ok(Command::Session(SessionCommand::TrustDirectory(Answer::Yes))) => break,
                    Ok(
                        Command::Session(SessionCommand::TrustDirectory(Answer::No))
                        | Command::Session(SessionCommand::Logout),
                    )
                    | Err(_) => {
                        return Err(Failure::DirectoryNotTrusted { server });
                    }
                    Ok(_) => {}
                }
            }
        }
        self.pin(connection)?;
        Ok(trust)
    }

    fn pin(&self, connection: &DirectoryConnection) -> Result<(), Failure> {
        Ok(pins::trust_directory(&self.folder, DirectoryPin { key: connection.key(), since: clock::date() })?)
    }

    async fn invitation(&mut self, line: &str) -> Result<(), Failure> {
        let invite = Invite::parse(line).map_err(|_| Failure::BadInvite)?;
        self.endpoint.server = invite.server.clone();
        self.folder = ServerFolder::new(&self.setup.data, &invite.server);
        self.open(&invite.user).await?;
        let mut connection = DirectoryConnection::open(&self.endpoint).await?;
        check_pin(&connection, &self.folder, &self.endpoint)?;
        if !register::directory_knows(&mut connection, &invite.user, &invite.code).await? {
            return Err(Failure::InviteNotProved { server: invite.server });
        }
        if pins::directory(&self.folder)?.is_none() {
            self.pin(&connection)?;
        }
        let welcome = register::hello(&mut connection, &invite.user).await?;
        let notice = Notice::Session(SessionNotice::InviteProved {
            user: invite.user.clone(),
            server: invite.server.clone(),
            key: connection.key(),
            passcode_min: welcome.passcode_min,
        });
        connection.close().await;
        self.prepare_identity();
        self.warn(&invite.user).await?;
        self.tell(notice).await;
        self.invite = Some(invite);
        Ok(())
    }

    async fn register(&mut self, user: UserId, passcode: Passcode) -> Result<Option<LoggedIn>, Failure> {
        self.open(&user).await?;
        self.prepare_identity();
        let Some(generated) = self.identity.take() else { return Ok(None) };
        let identity = generated.await.map_err(|e| Failure::Internal { detail: e.to_string() })?;
        let mut connection = self.trusted_connection().await?;
        let invite = self.invite.as_ref().filter(|invite| invite.user == user).map(|invite| &invite.code);
        match register::register(&mut connection, identity, &user, passcode.clone(), invite).await {
            Ok(vault) => {
                connection.close().await;
                if let Some((_, state)) = &mut self.opened {
                    self.forgotten = state.set_vault(&vault)?;
                }
                if self.invite.is_some() {
                    pins::remember_joined(&self.setup.data, &self.endpoint.server)?;
                }
                let server = self.endpoint.server.clone();
                self.tell(Notice::Session(SessionNotice::Registered { user: user.clone(), server })).await;
                self.log_in(user, passcode).await
            }
            Err(NotRegistered::Refused(why)) => {
                self.tell(Notice::Session(SessionNotice::RegisterRefused { user, why })).await;
                Ok(None)
            }
            Err(NotRegistered::Failed(failure)) => Err(failure),
        }
    }

    /// Says what goes if the user gets a new identity key; a backup of the old one would keep it.
    async fn warn(&self, user: &UserId) -> Result<(), Failure> {
        let Some((_, state)) = &self.opened else { return Ok(()) };
        if let Some(messages) = state.under_former_key()? {
            self.tell(Notice::Session(SessionNotice::WouldForget { user: user.clone(), messages })).await;
        }
        Ok(())
    }

    fn prepare_identity(&mut self) {
        self.identity.get_or_insert_with(|| Box::pin(rt::unblock(IdentityKey::generate)));
    }

    async fn log_in(&mut self, user: UserId, passcode: Passcode) -> Result<Option<LoggedIn>, Failure> {
        self.open(&user).await?;
        let (mut connection, listening) =
            DirectoryConnection::open_listening(&self.endpoint, None, self.setup.port).await?;
        self.trust(&connection).await?;
        let Some((_, state)) = &mut self.opened else { return Ok(None) };
        let authenticated = match login::authenticate(&mut connection, state.known()?, &user, &passcode).await {
            Ok(authenticated) => authenticated,
            Err(NotLoggedIn::Refused(why)) => {
                self.tell(Notice::Session(SessionNotice::LoginRefused { user, why })).await;
                return Ok(None);
            }
            Err(NotLoggedIn::Failed(failure)) => return Err(failure),
            Err(NotLoggedIn::Older(older)) => return self.older_vault((user, passcode), connection, *older).await,
        };
        let (challenge, held, new_key) = (authenticated.challenge, authenticated.held, authenticated.has_new_key());
        let credentials = authenticated.keep(state, &user, &passcode)?;
        let address = self.setup.listen.unwrap_or_else(|| connection.local());
        let (socket, port) = match listening {
            Some((socket, at)) if at.ip() == address => (socket, at.port()),
            _ => login::listen(address, self.setup.port)?,
        };
        let presence = login::announce(&mut connection, &credentials, &challenge, port).await?;
        self.tell(Notice::Session(SessionNotice::LoggedIn { user: user.clone(), address: presence.address })).await;
        if held == Held::Former {
            self.tell(Notice::Session(SessionNotice::FormerPasscode)).await;
        }
        if new_key {
            self.tell(Notice::Session(SessionNotice::KeyTakenOver)).await;
        }
        if let Some(messages) = self.forgotten.take() {
            self.tell(Notice::Session(SessionNotice::Forgot { messages })).await;
        }
        if presence.terminals > 1 {
            self.tell(Notice::Session(SessionNotice::AlsoElsewhere { user })).await;
        }
        let Some((_, state)) = self.opened.take() else { return Ok(None) };
        let (endpoint, folder) = (self.endpoint.clone(), self.folder.clone());
        Ok(Some(LoggedIn { connection, endpoint, folder, credentials, state, socket, port, presence }))
    }

    /// The directory has an older vault than was seen here. One that was restored from a backup has, and then the user is
    /// asked; from any other none is taken (decision D32, threat L6).
    async fn older_vault(
        &mut self,
        (user, passcode): (UserId, Passcode),
        connection: DirectoryConnection,
        older: OlderVault,
    ) -> Result<Option<LoggedIn>, Failure> {
        let Some((_, state)) = &mut self.opened else { return Ok(None) };
        let address = self.setup.listen.unwrap_or_else(|| connection.local());
        let (_socket, port) = login::listen(address, self.setup.port)?;
        let (known, now) = older.generations(connection, state, (&user, &passcode), port).await?;
        if known.zip(now).is_none_or(|(known, now)| known == now) {
            return Err(OlderVault::refused());
        }
        let (seen, told) = (older.seen, older.told());
        self.tell(Notice::Session(SessionNotice::OlderVault { seen, told })).await;
        loop {
            match self.front_end.commands.recv().await.map(|taken| taken.command) {
                Ok(Command::Session(SessionCommand::TakeVault(Answer::Yes))) => break,
                Ok(Command::Session(SessionCommand::TakeVault(Answer::No) | SessionCommand::Logout)) | Err(_) => {
                    return Err(OlderVault::refused());
                }
                Ok(_) => {}
            }
        }
        let Some((_, state)) = &mut self.opened else { return Ok(None) };
        older.take(state)?;
        Box::pin(self.log_in(user, passcode)).await
    }

    async fn trusted_connection(&self) -> Result<DirectoryConnection, Failure> {
        let connection = DirectoryConnection::open(&self.endpoint).await?;
        self.trust(&connection).await?;
        Ok(connection)
    }

    /// Opens the user's local store, and lets go of another user's.
    async fn open(&mut self, user: &UserId) -> Result<(), Failure> {
        if self.opened.as_ref().is_some_and(|(opened, _)| opened == user) {
            return Ok(());
        }
        self.opened = None;
        self.opened = Some((user.clone(), open_state(self.setup, &self.folder, user).await?));
        Ok(())
    }
}

/// Opens a user's local store; waits for one's turn where that is wanted.
pub(super) async fn open_state(setup: &Setup, folder: &ServerFolder, user: &UserId) -> Result<State, Failure> {
    let (mut holder, mut since) = (None, Instant::now());
    loop {
        let pid = match State::open(&folder.user(user)) {
            Err(StoreError::InUse { pid }) => pid,
            opened => return Ok(opened?),
        };
        // Who has just come to its turn may not have written yet who it is.
        if pid.is_some() && pid != holder {
            (holder, since) = (pid, Instant::now());
        }
        if setup.turn == Turn::AtOnce || since.elapsed() >= 2 * setup.patience {
            return Err(Failure::AlreadyRunning { user: user.clone(), pid });
        }
        rt::sleep(LOOK_AGAIN).await;
    }
}
