//! Messages, commits and welcomes as far as a directory can read them, with any bytes behind the header.

use crate::ident::RoomId;

/// What a directory carries in front of the MLSMessage, and its version.
const FRONT: [&[u8]; 3] = [&[1], &[9; 16], &[0, 1]];

fn private_message(room: &RoomId, epoch: u64, content: u8, body: &[u8]) -> Vec<u8> {
    [&FRONT.concat()[..], &[0, 2, 16], &room.0[..], &epoch.to_be_bytes(), &[content], body].concat()
}

/// An application message for a room and epoch.
#[must_use]
pub fn sealed_message(room: &RoomId, epoch: u64, body: &[u8]) -> Vec<u8> {
    private_message(room, epoch, 1, body)
}

/// A commit that ends an epoch of a room.
#[must_use]
pub fn sealed_commit(room: &RoomId, epoch: u64, body: &[u8]) -> Vec<u8> {
    private_message(room, epoch, 3, body)
}

/// A welcome.
#[must_use]
pub fn sealed_welcome(body: &[u8]) -> Vec<u8> {
    [&FRONT.concat()[..], &[0, 3], body].concat()
}

/// What stands behind the header.
#[must_use]
pub fn unsealed(bytes: &[u8]) -> &[u8] {
    let is_welcome = bytes.get(20) == Some(&3);
    bytes.get(if is_welcome { 21 } else { 47 }..).unwrap_or_default()
}
