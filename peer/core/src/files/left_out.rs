//! What of a folder is not sent, as both sides are told.

use common::limits::{FILE_NAME, LEFT_OUT_NAMES};
use serde::{Deserialize, Serialize};

/// What of a folder is not sent: links, pipes, sockets, devices, and what cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// How many entries.
    pub count: u64,
    /// The first of them, at most [`LEFT_OUT_NAMES`], by their paths in the folder.
    pub names: Vec<String>,
}

impl LeftOut {
    /// Leaves one more out.
    pub fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < LEFT_OUT_NAMES {
            let end = (0..=FILE_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
            self.names.push(name[..end].to_owned());
        }
    }

    /// Whether everything is sent.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
