//! Which store a directory works on: the file in its data directory, or a database of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::crypto::directory_key::DirectoryKey;
use common::crypto::opaque::ServerSecret;
use directory_core::store::Store as _;
use sha2::{Digest as _, Sha256};

use super::data_dir::{DataDir, Dependents, LOCK};
use super::node::Node;
use super::rt;
use crate::failure::{Failure, Kind};
use crate::store::AnyStore;
use crate::store::postgres::{Applicant, OpenError, PgStore, Place};
use common::msg::ByeReason;

/// Pause between two looks at the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens a directory that must be there, for an administrator's command.
pub(crate) fn open_for_command(path: &Path, place: Option<Place>) -> Result<(DataDir, AnyStore), Failure> {
    let data_dir = match place {
        None => DataDir::open(path)?,
        Some(_) => DataDir::open_without_database(path)?,
    };
    let store = open(&data_dir, place)?;
    Ok((data_dir, store))
}

/// Opens the store of a directory that has its secrets.
pub(crate) fn open(data_dir: &DataDir, place: Option<Place>) -> Result<AnyStore, Failure> {
    let Some(place) = place else { return Ok(data_dir.store()?.into()) };
    let store = in_database(data_dir, place)?;
    secrets_for(data_dir, &store)?;
    Ok(AnyStore::Postgres(store))
}

/// Opens everything that a server needs; a first run makes the secrets.
pub(crate) fn open_for_server(
    data_dir: &DataDir,
    place: Option<Place>,
) -> Result<(DirectoryKey, ServerSecret, AnyStore), Failure> {
    let Some(place) = place else {
        let (key, secret) = data_dir.secrets(&data_dir.dependents())?;
        return Ok((key, secret, data_dir.store()?.into()));
    };
    if data_dir.dependents() != Dependents::Nobody {
        let message = format!(
            "There is a database in {}, which a directory in another database would leave behind. Use another --data-dir, \
             or leave out --store and store.url.",
            data_dir.path().display()
        );
        return Err(Failure::new(Kind::Config, message));
    }
    let store = in_database(data_dir, place)?;
    let (key, secret) = secrets_for(data_dir, &store)?;
    Ok((key, secret, AnyStore::Postgres(store)))
}

/// The secrets that go with what is in the database, which remembers their digest.
fn secrets_for(data_dir: &DataDir, store: &PgStore) -> Result<(DirectoryKey, ServerSecret), Failure> {
    let opened = || {
        let users = rt::block_on(store.count())?;
        let (key, secret) = data_dir.secrets(&if users > 0 { Dependents::InDatabase } else { Dependents::Nobody })?;
        let mut digest = Sha256::new_with_prefix(b"secrets of a directory\0");
        digest.update(key.digest().0);
        digest.update(secret.to_bytes().expose());
        if !rt::block_on(store.belongs_to(digest.finalize().into()))? {
            let message = format!(
                "The users in that database belong to other keys than those in {}. Use the data directory that they were \
                 registered with, or restore its keys from your backup.",
                data_dir.path().display()
            );
            return Err(Failure::new(Kind::Config, message));
        }
        Ok((key, secret))
    };
    opened().inspect_err(|_| rt::block_on(store.close()))
}

/// Opens a database of its own.
fn in_database(data_dir: &DataDir, place: Place) -> Result<PgStore, Failure> {
    let applicant = Applicant { holder: holder(data_dir.path()), name: name(data_dir.path()) };
    let opened = rt::block_on(PgStore::open(place, Arc::new(rt::Database), applicant));
    opened.map_err(|error| match error {
        OpenError::Busy { .. } => Failure::new(Kind::AlreadyRunning, format!("{error}.")),
        OpenError::Store(error) => error.into(),
    })
}

/// What tells one run of this machine, or else this machine, from others; the first that can be read. A unit that hides
/// what is not a process (`ProcSubset=pid`) hides the first.
const MACHINE: [&str; 2] = ["/proc/sys/kernel/random/boot_id", "/etc/machine-id"];

/// A digest of the file that is locked, on this machine: whoever gets the same one holds the lock, so that the last holder is
/// gone. Nothing is the same where the machine has no name.
fn holder(path: &Path) -> [u8; 32] {
    use std::os::unix::fs::MetadataExt as _;
    let machine = MACHINE
        .iter()
        .find_map(|file| std::fs::read(file).ok().filter(|name| !matches!(&name[..], b"" | b"uninitialized\n")));
    let (Some(machine), Ok(file)) = (machine, std::fs::metadata(path.join(LOCK))) else {
        return common::crypto::random().unwrap_or_default();
    };
    let mut digest = Sha256::new_with_prefix(machine);
    digest.update(file.dev().to_be_bytes());
    digest.update(file.ino().to_be_bytes());
    digest.finalize().into()
}

/// What people call this directory: machine, process, folder.
fn name(path: &Path) -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("the directory in {} on {machine} (process {})", path.display(), std::process::id())
}

/// Ends the sessions of a directory that may not use its database any more: it could neither store what they send nor say
/// who is there. They come back, to this one or to the one that has taken over. Says so when one has, and is done then.
pub(crate) async fn watch(node: Arc<Node>, taken: async_channel::Sender<Failure>) {
    let mut was_lost = false;
    loop {
        let is_lost = node.directory.store.is_lost();
        if is_lost {
            if !was_lost {
                tracing::error!("the database did not answer for too long; all sessions end");
            }
            node.directory.presence.end_all(ByeReason::Stopping);
        } else if was_lost {
            tracing::info!("the database answers again");
        }
        was_lost = is_lost;
        if let Some(holder) = node.directory.store.taken_by() {
            let message = format!(
                "{holder} has taken the database over, so this one stops. Stop that one first if this one is to go on."
            );
            // Who waits for it is the one who ends the process.
            let _ = taken.send(Failure::new(Kind::AlreadyRunning, message)).await;
            return;
        }
        rt::sleep(PAUSE).await;
    }
}
