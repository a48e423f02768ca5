//! How the directory is doing.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::shell::backup;
use crate::shell::node::Node;
use directory_core::records::Totals;
use directory_core::store::{Store, StoreError};
use directory_core::timestamp::Timestamp;

/// How the directory is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) users: u64,
    /// Items that wait in mailboxes.
    pub(crate) queued: u64,
    pub(crate) store_bytes: u64,
    /// Seconds since the last backup; nothing if there was none.
    pub(crate) backup_age: Option<u64>,
    /// Nothing when the server is not running.
    pub(crate) running: Option<Running>,
}

/// What only a running server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) up_seconds: u64,
    pub(crate) users_online: usize,
    pub(crate) terminals_online: usize,
    pub(crate) logins_last_hour: u64,
    pub(crate) refused_last_hour: u64,
    pub(crate) listening: Vec<String>,
    pub(crate) public: String,
}

impl Status {
    /// That of a running server.
    pub(crate) async fn of(node: &Node) -> Result<Self, StoreError> {
        let now = node.clock.now();
        let (users_online, terminals_online) = node.directory.presence.count();
        let (logins_last_hour, refused_last_hour) = node.directory.login_stats().last_hour(now);
        let running = Running {
            up_seconds: node.clock.running().as_secs(),
            users_online,
            terminals_online,
            logins_last_hour,
            refused_last_hour,
            listening: node.listening.iter().map(ToString::to_string).collect(),
            public: node.public.clone(),
        };
        let stored = Self::of_store(&node.directory.store, node.data_dir.as_deref(), now).await?;
        Ok(Self { running: Some(running), ..stored })
    }

    /// What is known without a server.
    pub(crate) async fn of_store(
        store: &impl Store,
        data_dir: Option<&Path>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let Totals { users, waiting, bytes, .. } = store.totals().await?;
        let backup_age = data_dir.and_then(backup::last).map(|taken| now.seconds().saturating_sub(taken));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { version, users, queued: waiting, store_bytes: bytes, backup_age, running: None })
    }
}
