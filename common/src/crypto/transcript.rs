//! The exact bytes that identity keys sign (decision D12; protocol section 8.2).
//!
//! A transcript is a label and the fields, each preceded by its length (4 bytes, big-endian), so that no two different
//! sets of fields give the same bytes and no signature of one kind passes for another kind.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::ident::{Challenge, ContentDigest, KeyDigest, MessageId, RoomId, TerminalId, TerminalKey, UserId};
use crate::msg::{Certificate, CommitDigests, GroupEntry, Member, Record, RegisterUpload};

/// Bytes to be signed or verified; can only be made by the functions of this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript(Vec<u8>);

impl Transcript {
    fn new(label: &str) -> Self {
        Self(Vec::with_capacity(256)).field(label.as_bytes())
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        // Every field is bounded by a frame, so the length fits; a saturated one would only fail to verify.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes, for the signature primitive.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a peer and a directory know of the connection they share.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'a> {
    /// The user that logs in or registers.
    pub user: &'a UserId,
    /// Digest of the directory's public key.
    pub directory: &'a KeyDigest,
    /// TLS exporter of this connection (RFC 8446 section 7.5), see [`crate::link::EXPORTER_LABEL`].
    pub exporter: &'a [u8; 32],
}

/// Signed in `REGISTERUPLOAD`: possession of the identity key, bound to this user, directory, connection and upload.
#[must_use]
pub fn registration(channel: Channel<'_>, challenge: &Challenge, upload: &RegisterUpload) -> Transcript {
    Transcript::new("peer-messenger/1 registration")
        .field(channel.user.as_str().as_bytes())
        .field(channel.directory.as_bytes())
        .field(channel.exporter)
        .field(challenge.as_bytes())
        .field(&upload.publickey.0)
        .field(&Sha256::digest(&upload.passcode.0))
        .field(&Sha256::digest(&upload.vault.0))
}

/// Signed in `ANNOUNCE`: possession of the identity key, bound to this user, directory, connection, port and terminal.
#[must_use]
pub fn login(channel: Channel<'_>, challenge: &Challenge, port: u16, certificate: &Certificate) -> Transcript {
    Transcript::new("peer-messenger/1 login")
        .field(channel.user.as_str().as_bytes())
        .field(channel.directory.as_bytes())
        .field(channel.exporter)
        .field(challenge.as_bytes())
        .field(&port.to_be_bytes())
        .field(certificate.terminal.as_bytes())
        .field(&Sha256::digest(&certificate.signature.0))
}

/// Signed by the identity key to certify a terminal's key.
#[must_use]
pub fn terminal(user: &UserId, terminal: &TerminalId, key: &TerminalKey, issued: u64) -> Transcript {
    Transcript::new("peer-messenger/1 terminal")
        .field(user.as_str().as_bytes())
        .field(terminal.as_bytes())
        .field(key.as_bytes())
        .field(&issued.to_be_bytes())
}

/// Signed by the terminal key in `BROADCASTREQ`: what was said to everyone, by whom, through which directory.
#[must_use]
pub fn broadcast(
    user: &UserId,
    terminal: &TerminalId,
    directory: &KeyDigest,
    id: &MessageId,
    date: u64,
    text: &str,
) -> Transcript {
    Transcript::new("peer-messenger/1 broadcast")
        .field(user.as_str().as_bytes())
        .field(terminal.as_bytes())
        .field(directory.as_bytes())
        .field(id.as_bytes())
        .field(&date.to_be_bytes())
        .field(text.as_bytes())
}

/// Signed by the terminal key in `COMMITREQ`: whose commit of which room and epoch of which directory, and what it says.
#[must_use]
pub fn commit(
    author: &Member,
    directory: &KeyDigest,
    room: &RoomId,
    epoch: u64,
    digests: &CommitDigests,
) -> Transcript {
    let CommitDigests { commit, welcome, members, entry, again, replaces } = digests;
    let of = |digest: &Option<ContentDigest>| digest.map_or(Vec::new(), |digest| digest.0.to_vec());
    Transcript::new("peer-messenger/1 commit")
        .field(author.userid.as_str().as_bytes())
        .field(author.terminal.as_bytes())
        .field(directory.as_bytes())
        .field(room.as_bytes())
        .field(&epoch.to_be_bytes())
        .field(commit.as_bytes())
        .field(welcome.as_bytes())
        .field(members.as_bytes())
        .field(&of(entry))
        .field(&of(again))
        .field(&replaces.map_or(Vec::new(), |room| room.0.to_vec()))
}

/// Signed by both keys: which one takes the place of which, for whom, at which directory, and which certificates hold on.
#[must_use]
pub fn successor(
    user: &UserId,
    directory: &KeyDigest,
    (old, new): (&KeyDigest, &KeyDigest),
    certificates: &[ContentDigest],
) -> Transcript {
    let transcript = Transcript::new("peer-messenger/1 successor")
        .field(user.as_str().as_bytes())
        .field(directory.as_bytes())
        .field(old.as_bytes())
        .field(new.as_bytes());
    certificates.iter().fold(transcript, |transcript, certificate| transcript.field(certificate.as_bytes()))
}

/// Signed by the directory: whose terminal it is, under which key, at which addresses, and for how long that holds.
#[must_use]
pub fn record(record: &Record, directory: &KeyDigest) -> Transcript {
    let transcript = Transcript::new("peer-messenger/1 record")
        .field(record.userid.as_str().as_bytes())
        .field(record.terminal.as_bytes())
        .field(record.key.as_bytes())
        .field(directory.as_bytes());
    let transcript = record.addresses.iter().fold(transcript, |transcript, address| {
        let (ip, port) = (address.ip(), address.port().to_be_bytes());
        match ip {
            IpAddr::V4(ip) => transcript.field(&[&ip.octets()[..], &port].concat()),
            IpAddr::V6(ip) => transcript.field(&[&ip.octets()[..], &port].concat()),
        }
    });
    transcript.field(&record.issued.to_be_bytes()).field(&record.until.to_be_bytes())
}

/// Of members, whatever their order, each counted once.
#[must_use]
pub fn members<'a>(members: impl IntoIterator<Item = &'a Member>) -> Transcript {
    let members: BTreeSet<&Member> = members.into_iter().collect();
    members.into_iter().fold(Transcript::new("peer-messenger/1 members"), |transcript, member| {
        transcript.field(member.userid.as_str().as_bytes()).field(member.terminal.as_bytes())
    })
}

/// Of a group entry; the order of the admins counts.
#[must_use]
pub fn entry(entry: &GroupEntry) -> Transcript {
    let transcript = Transcript::new("peer-messenger/1 entry").field(entry.handle.as_bytes());
    entry.admins.iter().fold(transcript, |transcript, admin| transcript.field(admin.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_changes_the_transcript() {
        assert_ne!(Transcript::new("a").field(b"bc").field(b"d"), Transcript::new("a").field(b"b").field(b"cd"));
        assert_ne!(Transcript::new("a").field(b""), Transcript::new("a"));
    }
}
