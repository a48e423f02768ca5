//! One user's store on this machine: SQLite, one process at a time (decision D20, threats T4, T6).

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use common::crypto::identity::IdentityKey;
use common::crypto::terminal::TerminalIdentity;
use common::crypto::{random, store_key};
use common::ident::{Cookie, KeyDigest, TerminalId, UserId};
use common::msg::Certificate;
use common::secret::Secret;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::places::private_folder;
use super::sealed::Seal;
use super::tail::Tail;
use super::{StoreError, numbered, schema};

pub(super) const TERMINAL: &str = "terminal";
const COOKIE: &str = "cookie";
const VAULT: &str = "vault";
const VAULT_VERSION: &str = "vault version";
const KEY_DIGEST: &str = "key digest";
const STORE_KEY: &str = "store key";
pub(super) const TERMINAL_SEED: &str = "terminal seed";
pub(super) const CERTIFICATE: &str = "certificate";

/// Statements that are kept prepared: more than there are.
const STATEMENTS: usize = 64;

/// The user's vault as last seen, so that an older one is refused (threat L6) and a lost one is no loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownVault {
    /// The sealed bytes.
    pub(crate) sealed: Vec<u8>,
    /// Its version.
    pub(crate) version: u64,
    /// Digest of the public key it holds.
    pub(crate) key: KeyDigest,
}

/// What a login needs to know of earlier ones.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// This terminal.
    pub(crate) terminal: TerminalId,
    /// Given by the directory at the last login here.
    pub(crate) cookie: Option<Cookie>,
    /// The vault as last seen.
    pub(crate) vault: Option<KnownVault>,
}

/// One user's store. Dropping it lets the next process in.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) db: Connection,
    /// Whether commits are synced just now; see [`State::sync_commits`].
    is_syncing: Cell<bool>,
    seal: Option<Seal>,
    /// Read when it is needed first, and again where a transaction was not kept.
    tail: RefCell<Option<Tail>>,
    _lock: File,
}

impl State {
    /// Opens, creating what is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it open, otherwise what went wrong with which file.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        private_folder(folder)?;
        let lock = lock(&folder.join("lock"))?;
        let path = folder.join("state.db");
        private_file(&path)?;
        let mut db = Connection::open(&path)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        schema::prepare(&mut db)?;
        Ok(Self { db, is_syncing: Cell::new(true), seal: None, tail: RefCell::default(), _lock: lock })
    }

    /// This terminal's id; chosen at random the first time.
    fn terminal(&self) -> Result<TerminalId, StoreError> {
        match self.plain(TERMINAL)? {
            Some(bytes) => bytes.try_into().map(TerminalId).map_err(|_| StoreError::Unreadable),
            None => {
                let id = TerminalId(random()?);
                self.set_plain(TERMINAL, id.as_bytes())?;
                Ok(id)
            }
        }
    }

    /// The cookie of the last login.
    fn cookie(&self) -> Result<Option<Cookie>, StoreError> {
        let cookie = self.plain(COOKIE)?;
        cookie.map(|bytes| bytes.try_into().map(Cookie).map_err(|_| StoreError::Unreadable)).transpose()
    }

    /// Keeps the cookie for the next login.
    pub(crate) fn set_cookie(&self, cookie: &Cookie) -> Result<(), StoreError> {
        self.set_plain(COOKIE, cookie.as_bytes())
    }

    /// The vault as last seen.
    fn vault(&self) -> Result<Option<KnownVault>, StoreError> {
        let (Some(sealed), Some(version), Some(key)) =
            (self.plain(VAULT)?, self.plain(VAULT_VERSION)?, self.plain(KEY_DIGEST)?)
        else {
            return Ok(None);
        };
        let version = version.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Unreadable)?;
        let key = key.try_into().map(KeyDigest).map_err(|_| StoreError::Unreadable)?;
        Ok(Some(KnownVault { sealed, version, key }))
    }

    /// What a login needs to know.
    pub(crate) fn known(&self) -> Result<Known, StoreError> {
        Ok(Known { terminal: self.terminal()?, cookie: self.cookie()?, vault: self.vault()? })
    }

    /// Keeps a vault. If it holds another key than before, what was sealed under the old key can never be read again
    /// and goes; so does the terminal, because others still send to it under that key, what nobody here can open. Gives
    /// how many messages went.
    pub(crate) fn set_vault(&mut self, vault: &KnownVault) -> Result<Option<u64>, StoreError> {
        let other_key = self.vault()?.is_some_and(|known| known.key != vault.key);
        let forgotten = if other_key { Some(self.messages()?) } else { None };
        self.sync_commits(true)?;
        let change = self.db.transaction()?;
        if other_key {
            self.tail.take();
            schema::forget_sealed(&change)?;
            change.execute("DELETE FROM plain WHERE name IN (?1, ?2, ?3)", [TERMINAL, COOKIE, STORE_KEY])?;
        }
        for (name, value) in
            [(VAULT, &vault.sealed[..]), (VAULT_VERSION, &vault.version.to_be_bytes()), (KEY_DIGEST, &vault.key.0)]
        {
            change.execute("INSERT OR REPLACE INTO plain VALUES (?1, ?2)", params![name, value])?;
        }
        change.commit()?;
        Ok(forgotten)
    }

    /// Takes a vault with the key that took the place of the one known here, whose secret was `former`: the store's key is
    /// kept under the new one, and this terminal is certified anew when that is asked for. All of it or nothing.
    pub(crate) fn take_over(
        &mut self,
        former: &Secret,
        identity: &IdentityKey,
        vault: &KnownVault,
    ) -> Result<(), StoreError> {
        let key = match self.plain(STORE_KEY)? {
            Some(wrapped) => store_key::unwrap(former, &wrapped).ok_or(StoreError::Unreadable)?,
            None if schema::has_sealed(&self.db)? => former.clone(),
            None => store_key::generate()?,
        };
        let wrapped = store_key::wrap(&store_key::secret_of(identity), &key)?;
        self.sync_commits(true)?;
        let change = self.db.transaction()?;
        change.execute("DELETE FROM sealed WHERE kind = ?1", [CERTIFICATE])?;
        for (name, value) in [
            (STORE_KEY, &wrapped[..]),
            (VAULT, &vault.sealed),
            (VAULT_VERSION, &vault.version.to_be_bytes()),
            (KEY_DIGEST, &vault.key.0),
        ] {
            change.execute("INSERT OR REPLACE INTO plain VALUES (?1, ?2)", params![name, value])?;
        }
        Ok(change.commit()?)
    }

    /// Messages that go if this user gets a new identity key here; nothing where none was kept.
    pub(crate) fn under_former_key(&self) -> Result<Option<u64>, StoreError> {
        self.vault()?.map(|_| self.messages()).transpose()
    }

    pub(super) fn messages(&self) -> Result<u64, StoreError> {
        let count: i64 = self.db.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Unlocks the sealed rows with the user's identity key, which opens the store's own. A store that has none yet gets a
    /// random one; one of the version before, which was sealed under the identity key, keeps what it has as its own.
    pub(crate) fn unlock(&mut self, identity: &IdentityKey) -> Result<(), StoreError> {
        let secret = store_key::secret_of(identity);
        let key = match self.plain(STORE_KEY)? {
            Some(wrapped) => store_key::unwrap(&secret, &wrapped).ok_or(StoreError::Unreadable)?,
            None => {
                let key = if schema::has_sealed(&self.db)? { secret.clone() } else { store_key::generate()? };
                self.set_plain(STORE_KEY, &store_key::wrap(&secret, &key)?)?;
                key
            }
        };
        let seal = Seal::new(&key)?;
        self.sync_commits(true)?;
        numbered::adopt(&mut self.db, &seal)?;
        self.seal = Some(seal);
        Ok(())
    }

    /// This terminal's certificate; key and certificate are made the first time. Needs [`State::unlock`].
    pub(crate) fn certificate(
        &self,
        user: &UserId,
        identity: &IdentityKey,
        now: u64,
    ) -> Result<Certificate, StoreError> {
        let terminal = self.terminal_identity()?;
        let row = self.seal()?.row(CERTIFICATE, b"")?;
        if let Some(stored) = self.sealed(&row)? {
            return serde_json::from_slice(&stored).map_err(|_| StoreError::Unreadable);
        }
        let certificate = terminal.certify(user, identity, now)?;
        let stored = serde_json::to_vec(&certificate).map_err(|_| StoreError::Unreadable)?;
        self.set_sealed(&row, CERTIFICATE, &stored)?;
        Ok(certificate)
    }

    /// This terminal's key; made the first time. Needs [`State::unlock`].
    pub(crate) fn terminal_identity(&self) -> Result<TerminalIdentity, StoreError> {
        let id = self.terminal()?;
        let row = self.seal()?.row(TERMINAL_SEED, b"")?;
        if let Some(seed) = self.sealed(&row)? {
            return TerminalIdentity::from_seed(id, &Secret::new(seed)).map_err(|_| StoreError::Unreadable);
        }
        let identity = TerminalIdentity::generate(id)?;
        self.set_sealed(&row, TERMINAL_SEED, identity.seed().expose())?;
        Ok(identity)
    }

    pub(super) fn seal(&self) -> Result<&Seal, StoreError> {
        self.seal.as_ref().ok_or(StoreError::Unreadable)
    }

    pub(super) fn unlocked(&mut self) -> Result<(&mut Connection, &Seal, &mut Option<Tail>), StoreError> {
        Ok((&mut self.db, self.seal.as_ref().ok_or(StoreError::Unreadable)?, self.tail.get_mut()))
    }

    /// Whether each commit is synced from now on. Whoever commits anything says so: to change it costs as much as a small
    /// commit, and most commits are like the one before.
    pub(super) fn sync_commits(&self, synced: bool) -> Result<(), StoreError> {
        if self.is_syncing.get() != synced {
            schema::sync_commits(&self.db, synced)?;
            self.is_syncing.set(synced);
        }
        Ok(())
    }

    /// Asks the newest messages.
    pub(super) fn tail<T>(&self, ask: impl FnOnce(&Tail) -> Result<T, StoreError>) -> Result<T, StoreError> {
        ask(Tail::loaded(&self.db, &mut self.tail.borrow_mut())?)
    }

    fn sealed(&self, row: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed: Option<Vec<u8>> =
            self.db.query_row("SELECT value FROM sealed WHERE row = ?1", [row], |row| row.get(0)).optional()?;
        sealed.map(|sealed| Ok(self.seal()?.open(row, &sealed)?.to_vec())).transpose()
    }

    pub(super) fn set_sealed(&self, row: &[u8], kind: &str, value: &[u8]) -> Result<(), StoreError> {
        let sealed = self.seal()?.seal(row, value)?;
        self.sync_commits(true)?;
        self.db.execute("INSERT OR REPLACE INTO sealed VALUES (?1, ?2, ?3)", params![row, kind, sealed])?;
        Ok(())
    }

    pub(super) fn plain(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.query_row("SELECT value FROM plain WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    }

    pub(super) fn set_plain(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.sync_commits(true)?;
        self.db.execute("INSERT OR REPLACE INTO plain VALUES (?1, ?2)", params![name, value])?;
        Ok(())
    }
}

/// Takes the lock of a folder, and writes our process id into it for whoever comes next.
fn lock(path: &Path) -> Result<File, StoreError> {
    let io = |e: std::io::Error| StoreError::io(path, &e);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(io)?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        let _ = file.read_to_string(&mut pid);
        return Err(StoreError::InUse { pid: pid.trim().parse().ok() });
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}

/// Creates a file for its owner alone before the database opens it.
fn private_file(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|e| StoreError::io(path, &e))
}

#[cfg(test)]
mod tests;
