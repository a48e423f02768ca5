//! `backup` and `restore`, also while the server runs.
//!
//! A backup is two files: the database, and beside it the server key and the OPAQUE secret. Whoever has both can guess
//! passcodes; whoever has one of them cannot (decision D11), so they belong in different places. The secrets never
//! change; the file with them is needed once.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use common::secret::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::clock::Clock;
use super::data_dir::{DATABASE, DataDir, OPAQUE_SECRET, SERVER_KEY, read_private};
use super::private_files;
use super::private_files::PRIVATE;
use crate::failure::{Failure, Kind};
use crate::store::sqlite::backup::{self, Copied};
use directory_core::store::StoreError;

/// The file that says when the last backup was taken.
const LAST: &str = "last-backup";

/// What was backed up or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) users: u64,
    pub(crate) groups: u64,
    pub(crate) bytes: u64,
    /// The file with the database.
    pub(crate) file: PathBuf,
    /// The file with the secrets.
    pub(crate) secrets: PathBuf,
}

impl Report {
    fn of(copied: Copied, file: &Path, secrets: PathBuf) -> Self {
        let Copied { users, rooms, bytes } = copied;
        Self { users, groups: rooms, bytes, file: file.to_owned(), secrets }
    }
}

/// The file with the secrets: hexadecimal, so that it can be printed and kept on paper.
#[derive(Serialize, Deserialize)]
struct Secrets {
    server_key: String,
    opaque_secret: String,
}

impl Secrets {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.server_key, &self.opaque_secret] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

/// Backs a directory up, whether a server runs on it or not. Overwrites nothing but secrets that are the same.
pub(crate) fn back_up(data_dir: &Path, file: &Path) -> Result<Report, Failure> {
    let secrets = secrets_of(data_dir)?;
    let beside = secrets_path(file);
    if let Ok(known) = read_secrets(&beside)
        && known.digest() != secrets.digest()
    {
        let message = format!("{} holds the secrets of another directory. Choose another file.", beside.display());
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    let copied = copy_database(data_dir, file, &secrets)?;
    if !beside.exists() {
        write_secrets(&beside, &secrets).inspect_err(|_| {
            // Half a backup must not pass for one, nor keep the next from its place.
            let _ = (std::fs::remove_file(&beside), std::fs::remove_file(file));
        })?;
    }
    remember(data_dir)?;
    Ok(Report::of(copied, file, beside))
}

fn write_secrets(path: &Path, secrets: &Secrets) -> Result<(), Failure> {
    let mut out = create(path)?;
    let text = serde_json::to_string(secrets).unwrap_or_default() + "\n";
    let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
    written.map_err(|error| Failure::io(format_args!("write {}", path.display()), &error))
}

/// Backs up the database only. The secrets never change, and kept beside it they would be of no use to anybody but a
/// thief (decision D11).
pub(crate) fn back_up_database(data_dir: &Path, file: &Path) -> Result<(), Failure> {
    copy_database(data_dir, file, &secrets_of(data_dir)?)?;
    remember(data_dir)
}

/// The secrets that were backed up or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SecretsReport {
    /// The file with them.
    pub(crate) secrets: PathBuf,
}

/// Backs up the secrets only, of a directory whose users are in a database of its own. Overwrites nothing but those that are
/// the same.
pub(crate) fn back_up_secrets(data_dir: &Path, file: &Path) -> Result<SecretsReport, Failure> {
    let secrets = secrets_beside(data_dir, SERVER_KEY)?;
    let beside = secrets_path(file);
    if beside.exists() {
        if read_secrets(&beside)?.digest() != secrets.digest() {
            let message = format!("{} holds the secrets of another directory. Choose another file.", beside.display());
            return Err(Failure::new(Kind::NotPermitted, message));
        }
    } else {
        write_secrets(&beside, &secrets).inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
    }
    Ok(SecretsReport { secrets: beside })
}

/// Restores the secrets only, into a data directory that has none.
pub(crate) fn restore_secrets(data_dir: &Path, file: &Path) -> Result<SecretsReport, Failure> {
    let beside = secrets_path(file);
    let secrets = read_secrets(&beside)?;
    let there = [SERVER_KEY, OPAQUE_SECRET, DATABASE].into_iter().find(|name| data_dir.join(name).exists());
    if let Some(there) = there {
        let message = format!(
            "There is {there} in {} already. Move it away, or restore elsewhere: --data-dir DIR",
            data_dir.display()
        );
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    keep_secrets(&DataDir::create(data_dir)?, &secrets, &beside)?;
    Ok(SecretsReport { secrets: beside })
}

fn keep_secrets(data: &DataDir, secrets: &Secrets, from: &Path) -> Result<(), Failure> {
    let bytes = |text: &str| hex::decode(text).map(Secret::new).map_err(|_| damaged(from));
    data.keep(SERVER_KEY, &bytes(&secrets.server_key)?)?;
    data.keep(OPAQUE_SECRET, &bytes(&secrets.opaque_secret)?)
}

fn secrets_of(data_dir: &Path) -> Result<Secrets, Failure> {
    secrets_beside(data_dir, DATABASE)
}

/// The secrets of a data directory, which is one if it has this file.
fn secrets_beside(data_dir: &Path, mark: &str) -> Result<Secrets, Failure> {
    if !data_dir.join(mark).exists() {
        let message = format!("No directory in {}. Nothing was backed up.", data_dir.display());
        return Err(Failure::new(Kind::Io, message));
    }
    let hex = |name: &str| read_private(&data_dir.join(name)).map(|secret: Secret| hex::encode(secret.expose()));
    Ok(Secrets { server_key: hex(SERVER_KEY)?, opaque_secret: hex(OPAQUE_SECRET)? })
}

fn copy_database(data_dir: &Path, file: &Path, secrets: &Secrets) -> Result<Copied, Failure> {
    // SQLite fills a file that is there and empty; made here, because SQLite would give it the mode of the umask.
    create(file)?;
    let copied = backup::copy(&data_dir.join(DATABASE), file, secrets.digest()).map_err(|error| {
        // A half-written backup must not pass for one.
        let _ = std::fs::remove_file(file);
        not_done("backed up", &error.into())
    })?;
    sync(file).inspect_err(|_| drop(std::fs::remove_file(file)))?;
    Ok(copied)
}

/// When the last backup was taken, seconds since the epoch; nothing if there was none.
pub(crate) fn last(data_dir: &Path) -> Option<u64> {
    std::fs::read_to_string(data_dir.join(LAST)).ok()?.trim().parse().ok()
}

/// Writes down that a backup was taken now.
fn remember(data_dir: &Path) -> Result<(), Failure> {
    let path = data_dir.join(LAST);
    let options = private_files::options().create(true).write(true).truncate(true).open(&path);
    let written = options.and_then(|mut file| writeln!(file, "{}", Clock::start(0).now().seconds()));
    written.map_err(|error| Failure::io(format_args!("write {}", path.display()), &error))
}

/// Restores a backup into a data directory without a database.
pub(crate) fn restore(data_dir: &Path, file: &Path) -> Result<Report, Failure> {
    let beside = secrets_path(file);
    let secrets = read_secrets(&beside)?;
    let (wanted, copied) = backup::inspect(file).map_err(|error| {
        let why = match StoreError::from(error) {
            StoreError::Failed(why) => why,
            error => error.to_string(),
        };
        Failure::new(Kind::Io, format!("{} cannot be restored: {why}. Use another backup.", file.display()))
    })?;
    if wanted != secrets.digest() {
        let message = format!("{} does not belong to {}. Nothing was restored.", beside.display(), file.display());
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    if data_dir.join(DATABASE).exists() {
        let message = format!(
            "There is a directory in {} already. Move it away, or restore elsewhere: --data-dir DIR",
            data_dir.display()
        );
        return Err(Failure::new(Kind::NotPermitted, message));
    }
    let data = DataDir::create(data_dir)?;
    keep_secrets(&data, &secrets, &beside)?;
    let new = data.path().join("directory.new");
    // What a restore left behind that was killed right here.
    let _ = std::fs::remove_file(&new);
    drop(create(&new)?);
    std::fs::copy(file, &new).map_err(|error| Failure::io(format_args!("write {}", new.display()), &error))?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(PRIVATE);
    let moved = std::fs::set_permissions(&new, private)
        .map_err(|error| Failure::io(format_args!("write {}", new.display()), &error))
        .and_then(|()| backup::revive(&new).map_err(|error| not_done("restored", &error.into())))
        .and_then(|()| sync(&new))
        .and_then(|()| {
            std::fs::rename(&new, data.path().join(DATABASE))
                .and_then(|()| File::open(data.path())?.sync_all())
                .map_err(|error| Failure::io(format_args!("write {}", data.path().display()), &error))
        });
    moved?;
    Ok(Report::of(copied, file, beside))
}

fn secrets_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".secrets");
    name.into()
}

fn read_secrets(path: &Path) -> Result<Secrets, Failure> {
    let secret = read_private(path)?;
    serde_json::from_slice(secret.expose()).map_err(|_| damaged(path))
}

fn damaged(path: &Path) -> Failure {
    Failure::new(Kind::Io, format!("{} is damaged. Use another copy of it.", path.display()))
}

fn not_done(what: &str, error: &StoreError) -> Failure {
    Failure::new(Kind::Io, format!("Nothing was {what}: {error}."))
}

/// A new private file.
fn create(path: &Path) -> Result<File, Failure> {
    let created = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path);
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Kind::Io, format!("{} is there already. Choose another file.", path.display()))
        }
        _ => Failure::io(format_args!("write {}", path.display()), &error),
    })
}

fn sync(path: &Path) -> Result<(), Failure> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Failure::io(format_args!("write {}", path.display()), &error))
}
