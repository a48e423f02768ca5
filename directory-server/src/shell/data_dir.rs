//! The data directory: its lock, the server key and the OPAQUE secret (decision D11, threats T4, L5).
//!
//! Secrets are created once, 0600, and never again while a database exists that depends on them.

use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::crypto::directory_key::DirectoryKey;
use common::crypto::opaque::ServerSecret;
use common::secret::Secret;
use rustix::fs::FlockOperation;

use super::private_files::{self, PRIVATE};
use crate::failure::{Failure, Kind};
use crate::store::sqlite::SqliteStore;

pub(super) const LOCK: &str = "lock";
pub(super) const DATABASE: &str = "directory.db";
pub(super) const SERVER_KEY: &str = "server.key";
pub(super) const OPAQUE_SECRET: &str = "opaque.secret";

/// A data directory nobody else uses as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    created: Created,
    _lock: File,
}

/// Whether the directory was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    Now,
    Before,
}

/// Who is lost without the secrets of a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependents {
    Nobody,
    /// The users in the data directory's own database.
    InFile,
    /// The users in a database of its own.
    InDatabase,
}

impl DataDir {
    /// Opens the directory for a server; creates it (0700) if there is none.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let created = if path.is_dir() {
            Created::Before
        } else {
            private_files::create_folders(path)?;
            Created::Now
        };
        Self::lock(path, created)
    }

    /// Opens a directory that must be there, for an administrator's command.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if !path.join(DATABASE).exists() {
            return Err(no_directory(path));
        }
        Self::lock(path, Created::Before)
    }

    /// The same for a directory whose users are in a database of its own.
    pub(crate) fn open_without_database(path: &Path) -> Result<Self, Failure> {
        if !path.join(SERVER_KEY).exists() {
            return Err(no_directory(path));
        }
        Self::lock(path, Created::Before)
    }

    fn lock(path: &Path, created: Created) -> Result<Self, Failure> {
        private_files::refuse_shared_folder(path)?;
        let file = path.join(LOCK);
        let opened = private_files::options().create(true).truncate(false).read(true).write(true).open(&file);
        let mut lock = opened.map_err(|error| Failure::io(format_args!("write {}", file.display()), &error))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            // The number is a courtesy; without it the message still says what to do.
            let _ = (&mut lock).take(20).read_to_string(&mut holder);
            let message = format!(
                "{} is already used by another directory-server (process {}). Stop it, or use --data-dir.",
                path.display(),
                holder.trim()
            );
            return Err(Failure::new(Kind::AlreadyRunning, message));
        }
        let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(|error| Failure::io(format_args!("write {}", file.display()), &error))?;
        Ok(Self { path: path.to_owned(), created, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn created(&self) -> Created {
        self.created
    }

    /// Opens the database.
    pub(crate) fn store(&self) -> Result<SqliteStore, Failure> {
        let path = self.path.join(DATABASE);
        refuse_exposed(&path)?;
        Ok(SqliteStore::open(&path)?)
    }

    /// Who is in the data directory's own database.
    pub(crate) fn dependents(&self) -> Dependents {
        if self.path.join(DATABASE).exists() { Dependents::InFile } else { Dependents::Nobody }
    }

    /// The server's key and OPAQUE secret; created if nobody depends on them yet. Call it before [`DataDir::store`].
    pub(crate) fn secrets(&self, dependents: &Dependents) -> Result<(DirectoryKey, ServerSecret), Failure> {
        let key = match self.secret(SERVER_KEY, dependents)? {
            Some(der) => DirectoryKey::from_pkcs8(&der).map_err(|_| self.damaged(SERVER_KEY))?,
            None => {
                let key = DirectoryKey::generate().map_err(|error| Failure::new(Kind::Io, format!("{error}.")))?;
                self.keep(SERVER_KEY, key.to_pkcs8())?;
                key
            }
        };
        let secret = match self.secret(OPAQUE_SECRET, dependents)? {
            Some(bytes) => ServerSecret::from_bytes(bytes.expose()).map_err(|_| self.damaged(OPAQUE_SECRET))?,
            None => {
                let secret = ServerSecret::generate();
                self.keep(OPAQUE_SECRET, &secret.to_bytes())?;
                secret
            }
        };
        Ok((key, secret))
    }

    fn secret(&self, name: &str, dependents: &Dependents) -> Result<Option<Secret>, Failure> {
        let path = self.path.join(name);
        match read_secret(&path) {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretFile::Missing) => {
                let whose = match dependents {
                    Dependents::Nobody => return Ok(None),
                    Dependents::InFile => DATABASE,
                    Dependents::InDatabase => "the database",
                };
                let missing = path.display();
                let message = format!(
                    "{missing} is missing, and the users in {whose} depend on it. Restore it from your backup."
                );
                Err(Failure::new(Kind::Config, message))
            }
            Err(SecretFile::Exposed(mode)) => Err(exposed(&path, mode)),
            Err(SecretFile::Unreadable(error)) => Err(Failure::io(format_args!("read {}", path.display()), &error)),
        }
    }

    fn damaged(&self, name: &str) -> Failure {
        let path = self.path.join(name);
        Failure::new(Kind::Config, format!("{} is damaged. Restore it from your backup.", path.display()))
    }

    /// Writes a secret so that it is there whole or not at all.
    pub(super) fn keep(&self, name: &str, secret: &Secret) -> Result<(), Failure> {
        let path = self.path.join(name);
        let new = path.with_extension("new");
        let kept = || {
            // Whatever stands there is of a run that was killed, and may be a link that somebody planted.
            let _ = std::fs::remove_file(&new);
            let mut file = private_files::options().create_new(true).write(true).open(&new)?;
            file.set_permissions(Permissions::from_mode(PRIVATE))?;
            file.write_all(secret.expose())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        kept().map_err(|error| Failure::io(format_args!("write {}", path.display()), &error))
    }

    /// What is wrong with the secret files, one line each.
    pub(crate) fn complaints(&self, dependents: &Dependents) -> Vec<String> {
        let unsound = [SERVER_KEY, OPAQUE_SECRET].into_iter().filter_map(|name| self.secret(name, dependents).err());
        unsound.map(|failure| failure.message).collect()
    }
}

fn no_directory(path: &Path) -> Failure {
    let message = format!("No directory in {}. Create it with: directory-server serve", path.display());
    Failure::new(Kind::Io, message)
}

/// The server's key, also while a server runs.
pub(crate) fn server_key(data_dir: &Path) -> Result<DirectoryKey, Failure> {
    let path = data_dir.join(SERVER_KEY);
    if !path.exists() {
        return Err(no_directory(data_dir));
    }
    let damaged = || Failure::new(Kind::Config, format!("{} is damaged. Restore it from your backup.", path.display()));
    DirectoryKey::from_pkcs8(&read_private(&path)?).map_err(|_| damaged())
}

/// The OPAQUE secret, also while a server runs.
pub(crate) fn opaque_secret(data_dir: &Path) -> Result<ServerSecret, Failure> {
    let path = data_dir.join(OPAQUE_SECRET);
    let damaged =
        |_| Failure::new(Kind::Config, format!("{} is damaged. Restore it from your backup.", path.display()));
    ServerSecret::from_bytes(read_private(&path)?.expose()).map_err(damaged)
}

/// A file that only its owner can read.
pub(super) fn read_private(path: &Path) -> Result<Secret, Failure> {
    read_secret(path).map_err(|trouble| match trouble {
        SecretFile::Missing => Failure::new(Kind::Io, format!("{} is missing; it is needed.", path.display())),
        SecretFile::Exposed(mode) => exposed(path, mode),
        SecretFile::Unreadable(error) => Failure::io(format_args!("read {}", path.display()), &error),
    })
}

/// Refuses what others can read, and a link; what is not there yet will be created private.
fn refuse_exposed(path: &Path) -> Result<(), Failure> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(private_files::planted(path)),
        Ok(found) if is_exposed(&found) => Err(exposed(path, mode_of(&found))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(format_args!("read {}", path.display()), &error)),
    }
}

fn mode_of(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

fn is_exposed(found: &Metadata) -> bool {
    mode_of(found) & 0o077 != 0
}

fn exposed(path: &Path, mode: u32) -> Failure {
    let path = path.display();
    let message =
        format!("{path} can be read by others (mode {mode:04o}). If nobody has read it: chmod {PRIVATE:o} {path}");
    Failure::new(Kind::NotPermitted, message)
}

enum SecretFile {
    Missing,
    Exposed(u32),
    Unreadable(std::io::Error),
}

fn read_secret(path: &Path) -> Result<Secret, SecretFile> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => SecretFile::Missing,
        _ => SecretFile::Unreadable(error),
    };
    let mut file = private_files::options().read(true).open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if is_exposed(&found) {
        return Err(SecretFile::Exposed(mode_of(&found)));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Secret::new(bytes))
}
