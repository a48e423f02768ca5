//! Call and conversation between two terminals (protocol section 7).

use serde::{Deserialize, Serialize};

use super::features::{RECORDS, REFUSALS};
use super::{Features, Received, Record, bounded};
use crate::ident::{ConversationId, KeyDigest, MessageId, TerminalId, UserId};
use crate::limits::{FRAME_AFTER_LOGIN, MESSAGE_TEXT, NICK_MAX, RECEIPT_IDS};

/// `CONNECTREQ`: first message of the caller (decision D12, threat P1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectReq {
    /// The caller.
    pub initiator: UserId,
    /// The user called.
    pub destination: UserId,
    /// Digest of the caller's identity key, the one this TLS connection is authenticated with.
    pub initiator_key: KeyDigest,
    /// Digest of the identity key the caller expects.
    pub destination_key: KeyDigest,
    /// The caller's terminal.
    pub terminal: TerminalId,
    /// What the caller's terminal understands beyond the first version of the protocol.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// What the directory says of the caller's terminal, signed: shown where the terminals called have named [`RECORDS`] to
    /// their directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
    /// The conversation that this call goes on with over another link (feature [`MOVES`](super::MOVES)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectStatus {
    /// The callee has verified the caller.
    Accepted,
    /// See `reason`.
    Refused,
}

/// Why a call was refused. What the user called wants, blocks and settings are one reason; rules of the terminal called
/// are told as what they are (decision D15) to whoever has named the feature [`REFUSALS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectRefusal {
    /// Declined or blocked; to a caller without the feature also that the verification failed.
    Declined,
    /// Both called at once and the other call goes on (threat P5).
    Crossed,
    /// The callee cannot verify anybody now, because its directory does not tell it who the caller is.
    Unavailable,
    /// Feature [`REFUSALS`]: the caller's address is not among those that the callee's directory has for it.
    Address,
    /// Feature [`REFUSALS`]: the caller's key is not the one that the callee's directory has, or not the pinned one.
    Key,
    /// Feature [`REFUSALS`]: the callee's directory does not show the caller as logged in.
    NotLoggedIn,
    /// Feature [`REFUSALS`]: the user or the key called is not that of the callee.
    Destination,
    /// Feature [`REFUSALS`]: too many calls, or files, at once.
    Busy,
    /// Feature [`REFUSALS`]: the user called was asked and has not answered.
    Unanswered,
    /// Feature [`RECORDS`]: the callee's directory is out of reach, and what the caller shows of it is not about this caller,
    /// at this address, now.
    Record,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

impl ConnectRefusal {
    /// The reason in words that a caller with these features knows.
    #[must_use]
    pub fn known_to(self, features: &Features) -> Self {
        match self {
            Self::Record if !features.include(RECORDS) => Self::Unavailable,
            known if features.include(REFUSALS) => known,
            Self::Declined | Self::Crossed | Self::Unavailable | Self::Record => self,
            Self::Busy => Self::Unavailable,
            Self::Address | Self::Key | Self::NotLoggedIn | Self::Destination | Self::Unanswered | Self::Other => {
                Self::Declined
            }
        }
    }
}

/// `CONNECTREPLY`: answers `CONNECTREQ`; only `accepted` counts as connected (decision D24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectReply {
    /// Accepted or refused.
    pub status: ConnectStatus,
    /// Present when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ConnectRefusal>,
    /// Accepted: the callee's terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalId>,
    /// What the callee's terminal understands beyond the first version of the protocol.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Accepted: what the directory says of the callee's terminal, signed; shown to a caller that has named [`RECORDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
    /// Accepted: the name of the conversation, for a caller that has named [`MOVES`](super::MOVES).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
}

impl ConnectReply {
    /// This terminal takes the call.
    #[must_use]
    pub fn accepted(terminal: TerminalId) -> Self {
        let features = Features::between_terminals();
        let (reason, terminal) = (None, Some(terminal));
        Self { status: ConnectStatus::Accepted, reason, terminal, features, record: None, conversation: None }
    }

    /// The call is not taken.
    #[must_use]
    pub fn refused(reason: ConnectRefusal) -> Self {
        let features = Features::between_terminals();
        let (reason, terminal) = (Some(reason), None);
        Self { status: ConnectStatus::Refused, reason, terminal, features, record: None, conversation: None }
    }
}

/// `CONNECTED`: the caller takes this link, of all that were accepted; the callee shows the call only now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {}

/// Whether a text fits into one `CHAT`: at most [`MESSAGE_TEXT`] bytes, and within a frame once its control characters
/// and quotes are escaped.
#[must_use]
pub fn fits_in_chat(text: &str) -> bool {
    // Id, nick, date and the names of the fields.
    const REST: usize = 1024;
    text.len() <= MESSAGE_TEXT
        && serde_json::to_vec(text).is_ok_and(|escaped| escaped.len() <= FRAME_AFTER_LOGIN - REST)
}

/// `CHAT`: one message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Chosen by the sender; names the message in logs and, later, in receipts.
    pub id: MessageId,
    /// The sender's name for display. Receivers show the verified user id instead; it is there for logs and gateways.
    /// At most [`NICK_MAX`] bytes of UTF-8.
    #[serde(deserialize_with = "bounded::text::<_, NICK_MAX>")]
    pub nick: String,
    /// The text, at most [`MESSAGE_TEXT`] bytes of UTF-8.
    #[serde(deserialize_with = "bounded::text::<_, MESSAGE_TEXT>")]
    pub message: String,
    /// When it was sent by the sender's clock, seconds since the epoch. Informative (threat T7).
    pub date: u64,
}

/// `RECEIPT`: the sender has kept these messages, or shown them (decision D17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Ids of `CHAT` messages.
    #[serde(deserialize_with = "bounded::list::<_, _, RECEIPT_IDS>")]
    pub ids: Vec<MessageId>,
    /// How far they have come.
    pub state: Received,
}
