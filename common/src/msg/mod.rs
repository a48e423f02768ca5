//! Messages: one JSON object each, told apart by the key `msgtype` (decision D6; protocol section 4).
//!
//! A connection to a directory carries [`ToDirectory`] one way and [`FromDirectory`] the other, each in an [`Envelope`]; a
//! link between two terminals carries [`PeerMessage`] both ways. Decoding ignores unknown fields, refuses unknown types and never
//! allocates more than a small multiple of the payload, whose length the frame layer has bounded before.

mod auth;
mod bounded;
mod broadcast;
mod connect;
mod directory;
mod envelope;
pub mod features;
mod file;
mod letter;
mod mailbox;
mod meeting;
mod passcode;
mod presence;
mod record;
mod room;
mod seen;
mod successor;
mod withdrawn;

pub use auth::*;
pub use bounded::{Blob, Hex, Piece};
pub use broadcast::*;
pub use connect::*;
pub use directory::*;
pub use envelope::*;
pub use features::{
    ADDRESSES, AUTHORITY, EPOCHS, Features, MOVES, PUNCH, RECORDS, RELAY, RELAY_FILES, SUCCESSIONS, WITHDRAWN,
};
pub use file::*;
pub use letter::*;
pub use mailbox::*;
pub use meeting::*;
pub use passcode::*;
pub use presence::*;
pub use record::*;
pub use room::*;
pub use seen::*;
pub use successor::*;
pub use withdrawn::*;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why a payload is not a message that is allowed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not one UTF-8 JSON object with a text `msgtype`.
    #[error("not a JSON object with a msgtype")]
    NotAMessage,
    /// A `msgtype` that does not exist in this direction.
    #[error("unknown msgtype")]
    UnknownType,
    /// A `request` that is not the number of a request.
    #[error("request: not a number from 1 to 2^53-1")]
    BadRequest,
    /// A known `msgtype` whose fields are missing, of the wrong type or out of bounds.
    #[error("{msgtype}: {detail}")]
    BadFields {
        /// The type whose fields are wrong.
        msgtype: &'static str,
        /// Our decoder's words; may quote what the other side sent, so sanitise before display.
        detail: String,
    },
}

/// A set of messages that may travel in one direction of a connection.
pub trait Message: Sized {
    /// Every `msgtype` of the set, in the order of the protocol document.
    const TYPES: &'static [&'static str];

    /// Decodes one frame payload; white space after the object is padding.
    ///
    /// # Errors
    /// [`Malformed`]; nothing is kept of the payload then.
    fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        Self::decode_fields(&head(payload)?, payload)
    }

    /// Decodes a payload whose `msgtype` was read.
    ///
    /// # Errors
    /// [`Malformed`], as for [`Message::decode`].
    fn decode_fields(msgtype: &str, payload: &[u8]) -> Result<Self, Malformed>;

    /// Encodes to a frame payload, not padded.
    fn encode(&self) -> Vec<u8>;

    /// The `msgtype` of this message.
    fn msgtype(&self) -> &'static str;
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    msgtype: Cow<'a, str>,
}

/// serde takes an array of the fields in the place of an object; we do not.
fn begins_an_object(payload: &[u8]) -> bool {
    payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// JSON is UTF-8 all through: serde looks only at the texts that somebody reads.
fn is_text(payload: &[u8]) -> bool {
    std::str::from_utf8(payload).is_ok()
}

fn head(payload: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    if !begins_an_object(payload) || !is_text(payload) {
        return Err(Malformed::NotAMessage);
    }
    serde_json::from_slice::<Head<'_>>(payload).map(|head| head.msgtype).map_err(|_| Malformed::NotAMessage)
}

fn body<'a, T: Deserialize<'a>>(msgtype: &'static str, payload: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(payload).map_err(|e| Malformed::BadFields { msgtype, detail: e.to_string() })
}

/// Declares a message set: the enum, its `msgtype` names, encoder and decoder.
///
/// The decoder reads the type first and the fields second, straight from the payload; serde's internally tagged
/// enums would copy every field into an intermediate tree.
macro_rules! messages {
    ($(#[$meta:meta])* $set:ident { $($(#[$doc:meta])* $variant:ident = $msgtype:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "msgtype")]
        pub enum $set {
            $($(#[$doc])* #[serde(rename = $msgtype)] $variant($variant),)+
        }

        impl Message for $set {
            const TYPES: &'static [&'static str] = &[$($msgtype),+];

            fn decode_fields(msgtype: &str, payload: &[u8]) -> Result<Self, Malformed> {
                match msgtype {
                    $($msgtype => body($msgtype, payload).map(Self::$variant),)+
                    _ => Err(Malformed::UnknownType),
                }
            }

            fn encode(&self) -> Vec<u8> {
                // Writing plain structs of strings and numbers to memory cannot fail.
                serde_json::to_vec(self).unwrap_or_default()
            }

            fn msgtype(&self) -> &'static str {
                match self { $(Self::$variant(_) => $msgtype,)+ }
            }
        }

        $(impl From<$variant> for $set {
            fn from(message: $variant) -> Self {
                Self::$variant(message)
            }
        })+
    };
}

messages! {
    /// What a peer sends to a directory.
    ToDirectory {
        /// Opens the conversation: which user is meant, and may that user register?
        Hello = "HELLO",
        /// Asks the directory to prove that it knows the invitation (decision D23).
        InviteReq = "INVITEREQ",
        /// First message of a registration.
        RegisterReq = "REGISTERREQ",
        /// Last message of a registration.
        RegisterUpload = "REGISTERUPLOAD",
        /// First message of a login: KE1. Counts as an attempt (decision D9).
        AuthReq = "AUTHREQ",
        /// KE3.
        AuthProof = "AUTHPROOF",
        /// Proof of possession of the identity key; from then on the user is present.
        Announce = "ANNOUNCE",
        /// This connection is of a terminal that is present.
        SeenReq = "SEENREQ",
        /// Asks for a user's addresses and public key.
        LookupReq = "LOOKUPREQ",
        /// Asks to be brought together with a terminal.
        MeetReq = "MEETREQ",
        /// Asks who is online.
        ListReq = "LISTREQ",
        /// Asks to be told when users come and go.
        Watch = "WATCH",
        /// The user is away, or back.
        Away = "AWAY",
        /// Takes mail from now on.
        MailboxReq = "MAILBOXREQ",
        /// Everything up to this item is kept.
        MailboxAck = "MAILBOXACK",
        /// Asks for a piece of a large item.
        FetchReq = "FETCHREQ",
        /// Sends messages to a room.
        MailboxPut = "MAILBOXPUT",
        /// Everything up to this report is kept.
        WithdrawnAck = "WITHDRAWNACK",
        /// The next bytes of a commit.
        Upload = "UPLOAD",
        /// Ends an epoch of a room.
        CommitReq = "COMMITREQ",
        /// Asks for the room of a named group.
        GroupReq = "GROUPREQ",
        /// Asks in which epochs rooms are.
        EpochsReq = "EPOCHSREQ",
        /// Publishes key packages.
        KeyPackagePut = "KEYPACKAGEPUT",
        /// Takes key packages of a user.
        KeyPackageReq = "KEYPACKAGEREQ",
        /// Asks which terminals users have.
        TerminalsReq = "TERMINALSREQ",
        /// Forgets a terminal of this user.
        TerminalRemove = "TERMINALREMOVE",
        /// Asks for certificates.
        CertificatesReq = "CERTIFICATESREQ",
        /// Tells everyone something.
        BroadcastReq = "BROADCASTREQ",
        /// Asks for a page of the log of broadcasts.
        BroadcastLogReq = "BROADCASTLOGREQ",
        /// First message of a passcode change.
        PasscodeReq = "PASSCODEREQ",
        /// Last message of a passcode change.
        PasscodeUpload = "PASSCODEUPLOAD",
        /// Asks to put a new identity key in the place of the present one.
        KeyReq = "KEYREQ",
        /// Completes that.
        KeyUpload = "KEYUPLOAD",
        /// Asks how one's own key has become another.
        FormerReq = "FORMERREQ",
        /// Asks whose keys have taken the place of others.
        SuccessorsReq = "SUCCESSORSREQ",
        /// Asks for a sign of life.
        Ping = "PING",
        /// A sign of life.
        Pong = "PONG",
        /// Ends the session.
        Logout = "LOGOUT",
    }
}

messages! {
    /// What a directory sends to a peer.
    FromDirectory {
        /// Answers `HELLO`.
        Welcome = "WELCOME",
        /// Answers `INVITEREQ`.
        InviteProof = "INVITEPROOF",
        /// Answers `REGISTERREQ`.
        RegisterChallenge = "REGISTERCHALLENGE",
        /// Ends a registration, or refuses it at either step.
        RegisterReply = "REGISTERREPLY",
        /// Answers `AUTHREQ`: KE2 and the challenge to sign.
        AuthChallenge = "AUTHCHALLENGE",
        /// `GRANTED` or `REFUSED`.
        AuthReply = "AUTHREPLY",
        /// Answers `ANNOUNCE`.
        Announced = "ANNOUNCED",
        /// Answers `SEENREQ`.
        SeenReply = "SEENREPLY",
        /// What the directory says of this terminal, signed.
        Record = "RECORD",
        /// `SUCCESS` or `NOTFOUND`.
        LookupReply = "LOOKUPREPLY",
        /// Answers `MEETREQ`.
        MeetReply = "MEETREPLY",
        /// Somebody wants to be brought together with this terminal.
        Meet = "MEET",
        /// One page of the users online.
        ListReply = "LISTREPLY",
        /// A user came, went, or is away.
        Presence = "PRESENCE",
        /// Answers `MAILBOXREQ`.
        MailboxState = "MAILBOXSTATE",
        /// Items of the terminal's mailbox.
        Mailbox = "MAILBOX",
        /// Answers `FETCHREQ`.
        FetchReply = "FETCHREPLY",
        /// Answers `MAILBOXPUT`.
        MailboxReply = "MAILBOXREPLY",
        /// Messages that were stored and are dropped.
        Withdrawn = "WITHDRAWN",
        /// Answers `COMMITREQ`.
        CommitReply = "COMMITREPLY",
        /// Answers `GROUPREQ`.
        GroupReply = "GROUPREPLY",
        /// Answers `EPOCHSREQ`.
        EpochsReply = "EPOCHSREPLY",
        /// Answers `KEYPACKAGEPUT`, and tells when few are left.
        KeyPackageState = "KEYPACKAGESTATE",
        /// Answers `KEYPACKAGEREQ`.
        KeyPackageReply = "KEYPACKAGEREPLY",
        /// Answers `TERMINALSREQ` and `TERMINALREMOVE`.
        TerminalsReply = "TERMINALSREPLY",
        /// Answers `CERTIFICATESREQ`.
        CertificatesReply = "CERTIFICATESREPLY",
        /// Answers `BROADCASTREQ`.
        BroadcastReply = "BROADCASTREPLY",
        /// Somebody told everyone.
        Broadcast = "BROADCAST",
        /// Answers `BROADCASTLOGREQ`.
        BroadcastLog = "BROADCASTLOG",
        /// Answers `PASSCODEREQ`.
        PasscodeChallenge = "PASSCODECHALLENGE",
        /// Answers `PASSCODEUPLOAD`.
        PasscodeReply = "PASSCODEREPLY",
        /// Answers `KEYREQ`.
        KeyChallenge = "KEYCHALLENGE",
        /// Answers `KEYUPLOAD`.
        KeyReply = "KEYREPLY",
        /// Answers `FORMERREQ`.
        FormerReply = "FORMERREPLY",
        /// Answers `SUCCESSORSREQ`.
        SuccessorsReply = "SUCCESSORSREPLY",
        /// Asks for a sign of life.
        Ping = "PING",
        /// A sign of life.
        Pong = "PONG",
        /// The directory closes the connection and says why.
        Bye = "BYE",
        /// A message was not understood or not allowed.
        Error = "ERROR",
    }
}

messages! {
    /// What terminals send to each other.
    PeerMessage {
        /// The caller names both users and both keys.
        ConnectReq = "CONNECTREQ",
        /// `accepted` or `refused`.
        ConnectReply = "CONNECTREPLY",
        /// The caller takes this terminal, of all that accepted.
        Connected = "CONNECTED",
        /// One line of conversation.
        Chat = "CHAT",
        /// Lines that were kept, or shown.
        Receipt = "RECEIPT",
        /// The caller wants a file that was offered to it.
        FileReq = "FILEREQ",
        /// The bytes of a file follow.
        File = "FILE",
        /// All bytes of a file were sent.
        FileEnd = "FILEEND",
        /// Asks for a sign of life.
        Ping = "PING",
        /// A sign of life.
        Pong = "PONG",
        /// Ends the conversation and says why.
        Bye = "BYE",
        /// A message was not understood or not allowed.
        Error = "ERROR",
    }
}

#[cfg(test)]
mod tests;
