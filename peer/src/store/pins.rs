//! The pinned keys of directories, like OpenSSH's known hosts (decision D5), and the directory last joined.

use std::path::Path;

use common::ident::KeyDigest;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::places::{ServerFolder, write_private};

const PIN: &str = "directory.json";
const JOINED: &str = "~joined.json";

/// The key a directory showed when it was first trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectoryPin {
    /// SHA-256 of the directory's SubjectPublicKeyInfo.
    pub(crate) key: KeyDigest,
    /// Since when, seconds since the epoch.
    pub(crate) since: u64,
}

#[derive(Serialize, Deserialize)]
struct Joined {
    server: String,
}

/// The pin of a directory, if it was trusted before. An unreadable pin is an error, never a first contact.
pub(crate) fn directory(folder: &ServerFolder) -> Result<Option<DirectoryPin>, StoreError> {
    read(&folder.file(PIN))
}

/// Trusts a directory's key from now on.
pub(crate) fn trust_directory(folder: &ServerFolder, pin: DirectoryPin) -> Result<(), StoreError> {
    write(&folder.file(PIN), &pin)
}

/// The directory that was joined by invitation, for the next plain `peer`.
pub(crate) fn joined(data: &Path) -> Result<Option<String>, StoreError> {
    Ok(read::<Joined>(&data.join(JOINED))?.map(|joined| joined.server))
}

/// Remembers the directory that was joined.
pub(crate) fn remember_joined(data: &Path, server: &str) -> Result<(), StoreError> {
    write(&data.join(JOINED), &Joined { server: server.into() })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match std::fs::read(path) {
        Ok(content) => serde_json::from_slice(&content).map(Some).map_err(|_| StoreError::Unreadable),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(path, &error)),
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let content = serde_json::to_vec(value).map_err(|_| StoreError::Unreadable)?;
    write_private(path, &content)
}
