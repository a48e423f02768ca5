//! Letters: what an MLS application message of a room says (protocol section 6.9). Only members can read them.

use serde::{Deserialize, Deserializer, Serialize};

use super::bounded;
use crate::ident::{GroupHandle, GroupName, MessageId, UserId};
use crate::limits::{FILE_NAME, LEFT_OUT_NAMES, MESSAGE_TEXT, PADDED_SIZES, RECEIPT_IDS};

/// How far a message has come with its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Received {
    /// Kept by a terminal of the receiver.
    Delivered,
    /// Shown to the receiver.
    Read,
}

/// What has become of a file that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver has it, and its digest is right.
    Received,
    /// The receiver does not want it, or no longer.
    Refused,
    /// The sender does not give it, or no longer.
    Withdrawn,
}

/// Which rule refuses a file that its receiver was not asked about, or had wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRefusal {
    /// It is larger than the receiver's terminal takes.
    Size,
    /// Too many files of the sender wait for an answer.
    Many,
    /// What came is not what was sent, or no folder that may be unpacked.
    Spoilt,
    /// A rule this version does not know.
    #[serde(other)]
    Other,
}

/// The path of an entry in a folder, at most [`FILE_NAME`] bytes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryName(#[serde(deserialize_with = "bounded::text::<_, FILE_NAME>")] pub String);

#[derive(Deserialize)]
struct LeftOutNames(#[serde(deserialize_with = "bounded::list::<_, _, LEFT_OUT_NAMES>")] Vec<EntryName>);

/// `null` stands for a field that is not there.
fn left_out_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EntryName>, D::Error> {
    let names = Option::<LeftOutNames>::deserialize(deserializer)?;
    Ok(names.map(|names| names.0).unwrap_or_default())
}

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Chosen by the sender; receivers drop a second one with the same id.
    pub id: MessageId,
    /// When it was written by the sender's clock, seconds since the epoch. Informative (threat T7).
    pub date: u64,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A message for people.
    Text {
        /// At most [`MESSAGE_TEXT`] bytes of UTF-8.
        #[serde(deserialize_with = "bounded::text::<_, MESSAGE_TEXT>")]
        text: String,
    },
    /// These messages have come so far.
    Receipt {
        /// Their ids.
        #[serde(deserialize_with = "bounded::list::<_, _, RECEIPT_IDS>")]
        ids: Vec<MessageId>,
        /// How far.
        state: Received,
    },
    /// In a room of two users: the sender asks to join a group that the receiver is an admin of.
    Ask {
        /// The group.
        group: GroupName,
        /// Its handle.
        handle: GroupHandle,
    },
    /// In a room of two users: the receiver's request to join was declined.
    Denied {
        /// The group.
        group: GroupName,
    },
    /// In a group, by an admin: this user's request to join has been decided.
    Decided {
        /// The user.
        user: UserId,
    },
    /// In a group, by an admin: these users wait to be admitted; for admins that were not asked themselves.
    Waiting {
        /// The users.
        #[serde(deserialize_with = "bounded::list::<_, _, RECEIPT_IDS>")]
        users: Vec<UserId>,
    },
    /// In a group: the sender leaves; an admin removes the sender's terminals.
    Leave,
    /// In a room of two users: the sender offers a file or a folder; the id of the letter names it.
    Offer {
        /// Its name, without a folder.
        #[serde(deserialize_with = "bounded::text::<_, FILE_NAME>")]
        name: String,
        /// The bytes that are sent.
        size: u64,
        /// How many files it holds, if it is a folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<u64>,
        /// The bytes of these files together.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<u64>,
        /// How many entries of the folder are not sent: links, devices, what cannot be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_out: Option<u64>,
        /// The first of these, by their paths in the folder.
        #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "left_out_names")]
        left_out_names: Vec<EntryName>,
    },
    /// In a room of two users: what has become of a file that one offered to the other.
    File {
        /// The letter that offered it.
        file: MessageId,
        /// What has become of it.
        state: Outcome,
        /// Withdrawn because it is not what was offered any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "bounded::or_default")]
        changed: bool,
        /// Refused by this rule, and not by the receiver's user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<FileRefusal>,
    },
    /// Something this version does not know.
    #[serde(other)]
    Unknown,
}

impl Letter {
    /// Reads a letter; spaces behind it are padding.
    ///
    /// # Errors
    /// The decoder's words; may quote what the sender wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Writes a letter, padded with spaces to the next of [`PADDED_SIZES`] (threats L11, P7).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Writing plain structs of strings and numbers to memory cannot fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        if let Some(size) = PADDED_SIZES.into_iter().find(|size| *size >= bytes.len()) {
            bytes.resize(size, b' ');
        }
        bytes
    }
}
