//! How files are given and saved: what the configuration says, and where a typed path is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is done about a name that is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnExists {
    /// What comes gets another name.
    #[default]
    Rename,
    /// What is there is replaced, unless it is a folder.
    Replace,
}

/// How files are given and saved.
#[derive(Debug, Clone)]
pub(crate) struct TransferConfig {
    /// Where they are saved unless the user says otherwise.
    pub(crate) folder: PathBuf,
    pub(crate) on_exists: OnExists,
    /// Bytes a second that one file is given with at most.
    pub(crate) rate: Option<u64>,
}

/// A path as it is typed: `~` is the user's home, and what is not absolute begins where the program was started.
pub(crate) fn typed(path: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let path = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}
