//! `peer export` and `peer import`: the identity key and the pins, in a file under a passcode of its own (protocol
//! section 8.8).
//!
//! What a backup is good for: on another machine the pins are there again; at a directory that lost the user, or whose
//! administrator has reset the passcode, the user registers with the same key, so that nobody's pin breaks. Keys of
//! terminals and state of rooms stay out: two copies of them would use the same keys twice.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use common::crypto::backup::{self, Broken};
use common::crypto::identity::IdentityKey;
use common::crypto::invite::Invite;
use common::ident::{KeyDigest, UserId};
use common::msg::{Blob, Welcome};
use common::secret::{Passcode, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::clock;
use super::directory::login::{self, NotLoggedIn, OlderVault};
use super::directory::register::{self, NotRegistered};
use super::directory::session::check_pin;
use super::directory::{DirectoryConnection, Endpoint};
use super::login_flow::open_state;
use super::setup::Setup;
use crate::store::StoreError;
use crate::store::places::{ServerFolder, create_private};
use crate::store::state::State;
use peer_core::contacts::Contact;
use peer_core::mailbox::begin_without_rooms;
use peer_core::notice::{Failure, LoginRefused, RegisterRefused};
use peer_core::persistence::Table;

/// Bytes of a backup, far more than the pins of anybody's contacts take.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// What a backup holds.
#[derive(Debug)]
pub(crate) struct Backup {
    /// Whose it is.
    pub(crate) user: UserId,
    /// When it was made, seconds since the epoch.
    pub(crate) date: u64,
    /// The directory it was made at.
    pub(crate) server: String,
    /// That directory's key.
    pub(crate) server_key: KeyDigest,
    /// The users known there.
    pub(crate) contacts: Vec<Contact>,
    identity: Arc<IdentityKey>,
}

/// The same in the file.
#[derive(Serialize, Deserialize)]
struct Content {
    userid: UserId,
    date: u64,
    server: String,
    serverkey: KeyDigest,
    identity: Blob,
    /// Those whose key is pinned.
    contacts: Vec<Contact>,
    /// Those who were chosen or blocked before a key was seen; versions before know none.
    #[serde(default)]
    unmet: Vec<Contact>,
}

/// Why a backup cannot be read.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// The operating system's word.
    Io(String),
    /// It is something else, or does not open.
    Broken(Broken),
}

/// Why nothing came of exporting or importing.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The directory refused the login.
    Login(LoginRefused),
    /// The directory refused the registration.
    Registration(RegisterRefused),
    /// The directory knows the user by another key than the backup's.
    OtherKey,
    /// Something broke.
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<NotLoggedIn> for Stopped {
    fn from(why: NotLoggedIn) -> Self {
        match why {
            NotLoggedIn::Refused(why) => Self::Login(why),
            NotLoggedIn::Failed(failure) => Self::Failed(failure),
            NotLoggedIn::Older(_) => Self::Failed(OlderVault::refused()),
        }
    }
}

impl From<NotRegistered> for Stopped {
    fn from(why: NotRegistered) -> Self {
        match why {
            NotRegistered::Refused(why) => Self::Registration(why),
            NotRegistered::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Backup {
    /// Opens a file. Takes about half a second.
    pub(crate) fn read(path: &Path, passcode: &Passcode) -> Result<Self, NotRead> {
        let mut file = Vec::new();
        let opened = std::fs::File::open(path).and_then(|opened| opened.take(FILE_MAX).read_to_end(&mut file));
        opened.map_err(|error| NotRead::Io(error.to_string()))?;
        let content = backup::open(passcode, &file).map_err(NotRead::Broken)?;
        let no_backup = || NotRead::Broken(Broken::NotABackup);
        let content: Content = serde_json::from_slice(content.expose()).map_err(|_| no_backup())?;
        let identity = IdentityKey::from_pkcs1(&Secret::new(content.identity.0)).map_err(|_| no_backup())?;
        let Content { userid: user, date, server, serverkey: server_key, mut contacts, unmet, .. } = content;
        contacts.extend(unmet);
        Ok(Self { user, date, server, server_key, contacts, identity: Arc::new(identity) })
    }

    /// Writes a file for its owner alone, which must not exist. Takes about half a second.
    pub(crate) fn write(&self, path: &Path, passcode: &Passcode) -> Result<(), Failure> {
        let internal = |detail: String| Failure::Internal { detail };
        let (contacts, unmet) = self.contacts.iter().cloned().partition(|contact| contact.key.is_some());
        let mut content = Content {
            userid: self.user.clone(),
            date: self.date,
            server: self.server.clone(),
            serverkey: self.server_key,
            identity: Blob(self.identity.to_pkcs1().expose().to_vec()),
            contacts,
            unmet,
        };
        let plain = serde_json::to_vec(&content).map(Secret::new).map_err(|error| internal(error.to_string()))?;
        content.identity.0.zeroize();
        let file = backup::seal(passcode, &plain).map_err(|error| internal(error.to_string()))?;
        Ok(create_private(path, &file)?)
    }
}

/// Logs in, to get at the identity key, without being present; gives what is to be kept.
pub(crate) async fn export(setup: &Setup, user: &UserId, passcode: &Passcode) -> Result<Backup, Stopped> {
    let folder = ServerFolder::new(&setup.data, &setup.server);
    let mut state = open_state(setup, &folder, user).await?;
    let mut connection = pinned_connection(setup, &setup.server).await?;
    let authenticated = login::authenticate(&mut connection, state.known()?, user, passcode).await?;
    let server_key = connection.key();
    connection.close().await;
    let identity = authenticated.keep(&mut state, user, passcode)?.identity;
    let contacts = state.contacts()?;
    Ok(Backup { user: user.clone(), date: clock::date(), server: setup.server.clone(), server_key, contacts, identity })
}

/// Asks the directory whether it knows the backup's user, and who may register.
pub(crate) async fn hello(setup: &Setup, backup: &Backup) -> Result<Welcome, Stopped> {
    let mut connection = pinned_connection(setup, &setup.server).await?;
    let welcome = register::hello(&mut connection, &backup.user).await?;
    connection.close().await;
    Ok(welcome)
}

/// Logs in with the passcode; if the user's key is the backup's, keeps its pins. Gives how many are new.
pub(crate) async fn restore(setup: &Setup, backup: &Backup, passcode: &Passcode) -> Result<usize, Stopped> {
    let mut state = open_state(setup, &ServerFolder::new(&setup.data, &setup.server), &backup.user).await?;
    let mut connection = pinned_connection(setup, &setup.server).await?;
    let authenticated = login::authenticate(&mut connection, state.known()?, &backup.user, passcode).await?;
    connection.close().await;
    if authenticated.key() != backup.identity.public().digest() {
        return Err(Stopped::OtherKey);
    }
    authenticated.keep(&mut state, &backup.user, passcode)?;
    Ok(add_contacts(&state, backup)?)
}

/// Registers the user with the backup's key and keeps its pins. Gives how many are new.
pub(crate) async fn register(
    setup: &Setup,
    backup: &Backup,
    passcode: &Passcode,
    invite: Option<&Invite>,
) -> Result<usize, Stopped> {
    let server = invite.map_or(&setup.server, |invite| &invite.server);
    let mut state = open_state(setup, &ServerFolder::new(&setup.data, server), &backup.user).await?;
    let mut connection = pinned_connection(setup, server).await?;
    if let Some(invite) = invite
        && !register::directory_knows(&mut connection, &backup.user, &invite.code).await?
    {
        return Err(Failure::InviteNotProved { server: server.clone() }.into());
    }
    let key = IdentityKey::from_pkcs1(backup.identity.to_pkcs1());
    let key = key.map_err(|error| Failure::Internal { detail: error.to_string() })?;
    let code = invite.map(|invite| &invite.code);
    let vault = register::register(&mut connection, key, &backup.user, passcode.clone(), code).await?;
    connection.close().await;
    let was_here = state.under_former_key()?.is_some();
    state.set_vault(&vault)?;
    state.unlock(&backup.identity)?;
    if was_here {
        become_another_terminal(&mut state)?;
    }
    Ok(add_contacts(&state, backup)?)
}

/// The directory has forgotten the terminal that was here, with its mailbox and its places in rooms, where nobody would
/// miss it as long as it bears the same name: messages stay, rooms begin anew.
fn become_another_terminal(state: &mut State) -> Result<(), StoreError> {
    let known = state.known()?;
    let before = (known.terminal, known.cookie.as_ref());
    let forgotten = begin_without_rooms(before, &state.load(Table::Mls)?, &state.load(Table::Counter)?);
    state.renew_terminal(&forgotten)
}

/// Nobody's pin is replaced: what this terminal knows already is newer than the backup, or a decision of its user.
fn add_contacts(state: &State, backup: &Backup) -> Result<usize, StoreError> {
    let here: BTreeSet<UserId> = state.contacts()?.into_iter().map(|contact| contact.user).collect();
    let new: Vec<&Contact> = backup.contacts.iter().filter(|contact| !here.contains(&contact.user)).collect();
    new.iter().try_for_each(|contact| state.save_contact(contact))?;
    Ok(new.len())
}

async fn pinned_connection(setup: &Setup, server: &str) -> Result<DirectoryConnection, Failure> {
    let endpoint = Endpoint { server: server.to_owned(), source: setup.listen, patience: setup.patience };
    let connection = DirectoryConnection::open(&endpoint).await?;
    check_pin(&connection, &ServerFolder::new(&setup.data, server), &endpoint)?;
    Ok(connection)
}
