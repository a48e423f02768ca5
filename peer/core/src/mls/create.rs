//! How a room begins: with one terminal, in epoch 0. Its first commit adds the others.

use std::sync::Arc;

use common::ident::{GroupName, RoomId, UserId};
use openmls::prelude::{MlsGroup, MlsGroupCreateConfig, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY};

use super::provider::Provider;
use super::room::group_id;
use super::{CIPHERSUITE, OwnTerminal, Room, RoomError, RoomMetadata, capabilities, lifetime, ratchet};

impl Room {
    /// A room of two users.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn create_pair(own: &Arc<OwnTerminal>, id: RoomId, other: &UserId) -> Result<Self, RoomError> {
        Self::create(own, id, &RoomMetadata::pair(own.user().clone(), other.clone()))
    }

    /// A named group; this user is its admin.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn create_group(own: &Arc<OwnTerminal>, id: RoomId, name: &GroupName) -> Result<Self, RoomError> {
        Self::create_with(own, id, name, vec![own.user().clone()])
    }

    /// A group that is founded anew, with the admins that it had.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn create_with(
        own: &Arc<OwnTerminal>,
        id: RoomId,
        name: &GroupName,
        admins: Vec<UserId>,
    ) -> Result<Self, RoomError> {
        Self::create(own, id, &RoomMetadata::Group { name: name.clone(), admins })
    }

    fn create(own: &Arc<OwnTerminal>, id: RoomId, charter: &RoomMetadata) -> Result<Self, RoomError> {
        let provider = Provider::new(own, id);
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(CIPHERSUITE)
            .capabilities(capabilities())
            .lifetime(lifetime())
            .with_group_context_extensions(charter.extensions()?)
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(0)
            .sender_ratchet_configuration(ratchet())
            .build();
        let group = MlsGroup::new_with_group_id(&provider, &**own, &config, group_id(&id), own.leaf())
            .map_err(RoomError::library)?;
        Self::open_group(provider, id, group)
    }
}
