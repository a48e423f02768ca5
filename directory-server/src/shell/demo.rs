//! `directory-server demo`: a directory in memory with two users, for trying things out.
//!
//! It writes no file and reads none, listens on this machine only, and its users' passcodes are known to everybody.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use common::crypto::directory_key::DirectoryKey;
use common::crypto::identity::IdentityKey;
use common::crypto::opaque::{self, ClientRegistration, ServerSecret};
use common::crypto::transcript::Channel;
use common::crypto::vault;
use common::ident::{CredentialId, KeyDigest, UserId};
use common::limits::DIRECTORY_PORT;
use common::secret::Passcode;

use super::clock::Clock;
use super::launch::{self, Foundation, harden, launch, say};
use super::metrics::Timing;
use super::signals::Asked;
use super::{accept, logs, rt, signals};
use crate::config::{Config, Log, LogLevel};
use crate::failure::{Failure, Kind};
use crate::store::AnyStore;
use crate::store::sqlite::SqliteStore;
use directory_core::records::{Account, NewUser};
use directory_core::store::Store as _;

/// The users and their passcodes.
const USERS: [(&str, &str); 2] = [("ali", "111111"), ("bianca", "222222")];

/// Serves until a signal asks to stop.
pub(crate) fn demo() -> Result<ExitCode, Failure> {
    harden();
    let config = Config { log: Log { level: LogLevel::Warn, ..Log::default() }, ..Config::default() };
    logs::start(&config.log)?;
    // Nobody is left who could stop it when its window is closed.
    let signals = signals::listen(Asked::Stop(129))?;
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = accept::listen(here(DIRECTORY_PORT)).or_else(|_| accept::listen(here(0)));
    let listener = listener.map_err(|error| launch::cannot_listen(here(0), &error, "another machine"))?;
    let internal = |error: &dyn std::fmt::Display| Failure::new(Kind::Internal, format!("{error}."));
    let (key, secret) = (DirectoryKey::generate().map_err(|error| internal(&error))?, ServerSecret::generate());
    let (store, clock) = (AnyStore::from(SqliteStore::in_memory()?), Clock::start(0));
    let directory = key.digest();
    // A key takes a second to make, so all of them are made at once.
    let users = std::thread::scope(|scope| {
        let making = USERS.map(|(id, passcode)| scope.spawn(|| new_user(&secret, &directory, id, passcode)));
        making.map(|one| one.join().map_err(|_| internal(&"a user could not be made")))
    });
    for user in users {
        rt::block_on(store.register(user?.map_err(|error| internal(&*error))?, clock.now()))?;
    }
    let foundation =
        Foundation { config: &config, store, key: &key, secret, clock, timing: Timing::Off, data_dir: None };
    let launched = launch(foundation, vec![listener])?;
    say(&greeting(&launched.node.public, &key.digest()));
    let code = launched.until_stopped(&signals, |_, _| tracing::warn!("a demo has no configuration and no log file"));
    launched.stop();
    code.map(ExitCode::from)
}

/// What a registration leaves at the directory; both sides of it are played here.
fn new_user(
    secret: &ServerSecret,
    directory: &KeyDigest,
    id: &str,
    passcode: &str,
) -> Result<NewUser, Box<dyn std::error::Error + Send + Sync>> {
    let user = UserId::parse(id)?;
    let identity = IdentityKey::generate()?;
    let credential = CredentialId(common::crypto::random()?);
    let (client, request) = ClientRegistration::start(Passcode::new(passcode.to_owned()))?;
    let response = opaque::register_start(secret, &request, &credential)?;
    // There is no connection; what is kept of a registration does not depend on one.
    let channel = Channel { user: &user, directory, exporter: &[0; 32] };
    let (upload, export_key) = client.finish(&response, channel)?;
    let account = Account {
        newest: None,
        credential,
        record: opaque::register_finish(&upload)?,
        public_key: identity.public().as_pkcs1().to_vec(),
        vault: vault::seal(&export_key, &user, 1, &identity)?,
    };
    Ok(NewUser { id: user, account, invite: None })
}

/// What to type where. Each terminal gets a folder of its own, because the keys of the next demo are others.
fn greeting(server: &str, key: &KeyDigest) -> String {
    let peer = peer();
    let mut lines = format!(
        "Directory for trying out on {server} (this machine only). It keeps nothing.\nServer key {}\n\
         In two other terminals:\n",
        key.short()
    );
    for (user, passcode) in USERS {
        lines += &format!(
            "  {peer} --server {server} --user {user} --data-dir \"$(mktemp -d)\"\n      passcode {passcode}\n"
        );
    }
    lines + "CTRL-C stops the server and forgets everything.\n"
}

/// How the other program is called here: by its name, or by its place beside this one.
fn peer() -> String {
    let name = "peer";
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    let beside =
        || std::env::current_exe().ok().map(|program| program.with_file_name(name)).filter(|path| path.is_file());
    let place: Option<PathBuf> = if on_path { None } else { beside() };
    place.map_or_else(|| name.to_owned(), |path| path.display().to_string())
}
