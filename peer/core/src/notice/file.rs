//! What becomes of files (protocol section 7.6).
#![expect(missing_docs, reason = "fields are named after what they hold")]

use std::path::PathBuf;

use super::CallFailed;
use crate::files::left_out::LeftOut;
use common::ident::{MessageId, UserId};
use common::msg::{FileRefusal, Withdrawal};
use serde::{Deserialize, Serialize};

/// Files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNotice {
    /// Something has become of a file.
    News { file: FileShown, news: FileNews },
    /// Answers `Files`, the oldest first.
    All(Vec<FileShown>),
    /// No file has this number.
    Unknown { number: u64 },
    /// Answers `OfferFile`: it cannot be read.
    NotRead { path: PathBuf, detail: String },
    /// Answers `OfferFile`: it is not for this user.
    NotOffered { to: UserId, name: String, why: NotOffered },
}

/// A file that was offered, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileShown {
    /// What it is called in commands.
    pub number: u64,
    /// What it is called everywhere: the letter that offered it.
    pub id: MessageId,
    /// The other side.
    pub with: UserId,
    /// Whether we give it.
    pub ours: bool,
    /// Its name; raw where it is ours, harmless otherwise.
    pub name: String,
    /// Bytes of the whole.
    pub size: u64,
    /// How many files it holds, if it is a folder.
    pub files: Option<u64>,
    /// The bytes of these files together, where its sender has said so; not more than `size`.
    pub content: Option<u64>,
    /// What of the folder is not sent.
    pub left_out: Box<LeftOut>,
    /// Bytes that have come, or were sent, while it is running.
    pub done: u64,
    /// Where it stands.
    pub state: FileState,
    /// Why it does not go over yet, where there is no way for files between the two.
    pub waits: Option<Box<FileWaits>>,
}

/// Why a file does not go over yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWaits {
    /// Why the addresses of its sender do not do; its receiver knows.
    pub why: Option<CallFailed>,
    /// What the directory does about it.
    pub relay: FileRelay,
}

/// Whether a directory relays files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRelay {
    /// Its administrator does not allow it.
    Off,
    /// It does, or the sender's terminal cannot, and this one did not come that way.
    InVain,
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Nobody has answered.
    Offered,
    /// Wanted; it comes as soon as both sides are there.
    Accepted,
    /// On its way now.
    Running,
    /// Wanted, but it cannot be saved, or the disk is full; it goes on when the user says so.
    Paused,
    /// It has come, and is right.
    Done,
    /// The receiver does not want it.
    Refused,
    /// Given up.
    Cancelled,
    /// It cannot come.
    Failed,
    /// Our user has answered at another terminal.
    Elsewhere,
}

impl FileState {
    /// Whether nothing becomes of it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Cancelled | Self::Failed | Self::Elsewhere)
    }
}

/// What has become of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNews {
    /// Answers `OfferFile`: it was offered.
    Offering,
    /// Answers `OfferFile`: it is offered as soon as the directory can be reached.
    OfferWaits,
    /// Answers `OfferFile`: the same file is offered to the same user already, and that goes on.
    OfferedBefore,
    /// Somebody offers it.
    Offered,
    /// Answers `Accept`: it comes as soon as it can.
    Accepted,
    /// `done` has grown; at most four times a second. `is_step`: another percent is full.
    Progress { is_step: bool },
    /// It is here, and its digest is right.
    Saved { path: PathBuf },
    /// The other side has it, and its digest is right.
    Received,
    /// The other side does not want it.
    Refused,
    /// A rule of the other side's terminal refuses it; nobody there was asked.
    NotTaken(FileRefusal),
    /// The other side does not give it any more.
    Withdrawn,
    /// This side has refused or cancelled it.
    GivenUp,
    /// There is no way for files between the two; its receiver tries again and again.
    NoWay(Box<FileWaits>),
    /// The link was lost after so many bytes; it goes on when the other side is back.
    Stopped { done: u64 },
    /// It cannot be saved where it should be, by the disk's word.
    NotSaved { detail: String },
    /// The disk is full.
    DiskFull { need: u64, free: u64, folder: PathBuf },
    /// It cannot come.
    Failed(FileFailed),
    /// It is larger than the user takes, and was refused.
    TooLarge { max: u64 },
    /// Our user has answered at another terminal.
    Elsewhere,
    /// The wish comes too late.
    Over,
    /// The wish does not fit: only what others offer can be accepted.
    NotThat,
}

impl FileNews {
    /// Whether it answers a wish of the user; everything else comes by itself.
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Offering
                | Self::OfferWaits
                | Self::OfferedBefore
                | Self::Accepted
                | Self::GivenUp
                | Self::Over
                | Self::NotThat
        )
    }
}

/// Why a file was not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOffered {
    /// To oneself.
    Yourself,
    /// To a user who is blocked.
    Blocked,
    /// The other side has not answered many others.
    TooMany,
    /// The key of the user is not the pinned one, and our user has not decided about it.
    KeyChanged,
    /// The directory knows no such user; perhaps this one was meant.
    NoSuchUser { near: Option<UserId> },
}

/// Why a file cannot come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFailed {
    /// At its sender it is not what was offered any more.
    Changed,
    /// What came is not what was sent.
    Digest,
    /// What came is no folder that may be unpacked.
    Folder { detail: String },
    /// The disk's word.
    Disk { detail: String },
    /// The offer has never reached anybody.
    NotDelivered(Undelivered),
}

/// Why an offer has reached nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// The directory knows no such user; perhaps this one was meant.
    NoSuchUser { near: Option<UserId> },
    /// The directory has kept the offer, and dropped it.
    Dropped(Withdrawal),
}
