//! Letters: how they are sealed and opened.

use std::cmp::Ordering;
use std::sync::Arc;

use common::msg::Member;
use openmls::framing::errors::MessageDecryptionError;
use openmls::prelude::{
    LeafNodeIndex, MlsMessageBodyIn, ProcessMessageError, ProcessedMessageContent, ProtocolMessage, Sender,
    StageCommitError, ValidationError,
};

use super::room::group_id;
use super::{Broken, Room, RoomError, wire_format};

/// A letter that was opened.
#[derive(Clone, PartialEq, Eq)]
pub struct ProcessedMessage {
    /// Who wrote it.
    pub from: Member,
    /// What it says.
    pub letter: Vec<u8>,
}

impl Room {
    /// Seals a letter for all other members. To be kept before it is sent (threat G5).
    ///
    /// # Errors
    /// [`RoomError::Frozen`], [`RoomError::Removed`], [`RoomError::Staged`].
    pub fn seal(&mut self, letter: &[u8]) -> Result<Vec<u8>, RoomError> {
        self.ready()?;
        let own = Arc::clone(self.own());
        let message = self.group.create_message(&self.provider, &*own, letter).map_err(RoomError::library)?;
        wire_format::wrap(self.fork_tag()?, &message)
    }

    /// Opens a mailbox item of kind message.
    ///
    /// # Errors
    /// [`RoomError`]; the room is as before.
    pub fn open(&mut self, blob: &[u8]) -> Result<ProcessedMessage, RoomError> {
        self.ready()?;
        match self.read(blob)? {
            (from, _, ProcessedMessageContent::ApplicationMessage(message)) => {
                Ok(ProcessedMessage { from, letter: message.into_bytes() })
            }
            _ => Err(RoomError::Broken(Broken::Kind)),
        }
    }

    /// Reads whatever members send to each other.
    pub(super) fn read(&mut self, blob: &[u8]) -> Result<(Member, LeafNodeIndex, ProcessedMessageContent), RoomError> {
        let (tag, body) = wire_format::unwrap(blob).map_err(RoomError::Broken)?;
        let MlsMessageBodyIn::PrivateMessage(message) = body else {
            return Err(RoomError::Broken(Broken::Kind));
        };
        let message = ProtocolMessage::from(message);
        if *message.group_id() != group_id(&self.id) {
            return Err(RoomError::Broken(Broken::Room));
        }
        let (epoch, ours) = (message.epoch().as_u64(), self.epoch());
        match epoch.cmp(&ours) {
            Ordering::Less => return Err(RoomError::Past { epoch }),
            Ordering::Greater => return Err(RoomError::Ahead { epoch }),
            Ordering::Equal => {}
        }
        // The tag stands outside of what is authenticated: alone it says nothing, and decides nothing.
        let same = tag == self.fork_tag()?;
        let unread = |error| match understood(error) {
            RoomError::Unreadable | RoomError::NoKey | RoomError::Own if !same => RoomError::OtherHistory { epoch },
            error => error,
        };
        let message = self.group.process_message(&self.provider, message).map_err(unread)?;
        if !same {
            return Err(RoomError::Tag);
        }
        if matches!(message.content(), ProcessedMessageContent::OwnPrivateMessage) {
            return Err(RoomError::Own);
        }
        let Sender::Member(leaf) = *message.sender() else { return Err(RoomError::Broken(Broken::Kind)) };
        let from = self.member_at(leaf).map_err(|_| RoomError::Unreadable)?;
        Ok((from, leaf, message.into_content()))
    }
}

/// What the library's errors mean here.
fn understood<E>(error: ProcessMessageError<E>) -> RoomError {
    match error {
        ProcessMessageError::ValidationError(ValidationError::UnableToDecrypt(
            MessageDecryptionError::SecretTreeError(_) | MessageDecryptionError::GenerationOutOfBound,
        )) => RoomError::NoKey,
        ProcessMessageError::InvalidCommit(StageCommitError::OwnCommitMismatch) => RoomError::Own,
        ProcessMessageError::InvalidCommit(error) => RoomError::Invalid(error.to_string()),
        _ => RoomError::Unreadable,
    }
}
