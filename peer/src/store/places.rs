//! Where things are kept: `DATA/SERVER/USER/`, folders 0700, files 0600 (threat T4).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use common::ident::UserId;

use super::StoreError;

/// The folder of one directory server, e.g. `…/peer/127.0.0.1_7420`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerFolder(PathBuf);

impl ServerFolder {
    /// `server` is `host:port`; characters that have a meaning in paths are replaced.
    pub(crate) fn new(data: &Path, server: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        Self(data.join(server.to_ascii_lowercase().chars().map(plain).collect::<String>()))
    }

    /// The folder of one user. User ids are safe as names: they never start with a dot and hold no separator.
    pub(crate) fn user(&self, user: &UserId) -> PathBuf {
        self.0.join(user.as_str())
    }

    /// A file of the server itself. No user id contains `~`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("~{name}"))
    }
}

/// Creates a folder, and those above it, for its owner alone; refuses one that others can enter.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    create_folder(path)?;
    let mode = fs::metadata(path).map_err(|e| StoreError::io(path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        let detail = "others can read this folder; run: chmod 700 on it".into();
        return Err(StoreError::Io { path: path.to_path_buf(), detail });
    }
    Ok(())
}

fn create_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| StoreError::io(path, &e))
}

/// Writes a new file for its owner alone; one that exists is left as it is.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let write = |mut file: fs::File| file.write_all(content).and_then(|()| file.sync_all());
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created
        .and_then(|file| {
            // Half a file is worse than none.
            write(file).inspect_err(|_| drop(fs::remove_file(path)))
        })
        .map_err(|e| StoreError::io(path, &e))
}

/// Writes a new configuration file, and the folders above it; one that exists is left as it is.
pub(crate) fn create_config(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), create_folder)?;
    create_private(path, content)
}

/// Writes a small file whole or not at all: temporary file, flush to disk, rename.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        // What is written here is no secret, and a folder that was there before keeps its mode.
        create_folder(folder)?;
    }
    // Of this process alone: several programs may begin with the same folder at the same moment.
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(|e| StoreError::io(path, &e))
}
