//! What the members of a room agreed on: who its two users are, or its name and its admins (threat G1).
//!
//! It is an extension of the group context, so that every member has the same and no directory can change it.

use std::collections::BTreeSet;

use common::ident::{GroupName, UserId};
use common::limits::GROUP_ADMINS;
use openmls::prelude::{
    Extension, ExtensionType, Extensions, GroupContext, RequiredCapabilitiesExtension, UnknownExtension,
};
use serde::{Deserialize, Serialize};

use super::{CHARTER, CREDENTIAL, Refusal, RoomError};

/// What a room is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum RoomMetadata {
    /// The terminals of two users.
    Pair {
        /// The users, in ascending order.
        pair: [UserId; 2],
    },
    /// A named group.
    Group {
        /// Its name, never changed.
        name: GroupName,
        /// Who may add and remove others, in the order of their appointment, at most [`GROUP_ADMINS`], each once. One that
        /// is no longer a member counts for nothing.
        admins: Vec<UserId>,
    },
}

impl RoomMetadata {
    pub(super) fn pair(one: UserId, other: UserId) -> Self {
        Self::Pair { pair: if one < other { [one, other] } else { [other, one] } }
    }

    /// Whether the user may add and remove others.
    pub fn is_admin(&self, user: &UserId) -> bool {
        matches!(self, Self::Group { admins, .. } if admins.contains(user))
    }

    /// The admins who stand before this user: nobody of them can be removed or left out by this user (decision D31). All
    /// of them, for whoever is no admin.
    pub fn before(&self, user: &UserId) -> &[UserId] {
        let Self::Group { admins, .. } = self else { return &[] };
        let place = admins.iter().position(|admin| admin == user).unwrap_or(admins.len());
        admins.split_at(place).0
    }

    /// The extensions of the group context of a room with this charter; there are no others.
    pub(super) fn extensions(&self) -> Result<Extensions<GroupContext>, RoomError> {
        let bytes = serde_json::to_vec(self).map_err(RoomError::library)?;
        let required = RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(CHARTER)], &[], &[CREDENTIAL]);
        Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required),
            Extension::Unknown(CHARTER, UnknownExtension(bytes)),
        ])
        .map_err(RoomError::library)
    }

    /// Reads the charter of a group context; one that has anything else in it is not that of a room.
    pub(super) fn read(extensions: &Extensions<GroupContext>) -> Result<Self, Refusal> {
        let bytes = &extensions.unknown(CHARTER).ok_or(Refusal::Settings)?.0;
        let charter: Self = serde_json::from_slice(bytes).map_err(|_| Refusal::Settings)?;
        match &charter {
            Self::Pair { pair: [first, second] } if first >= second => Err(Refusal::Settings),
            Self::Group { admins, .. } if admins.len() > GROUP_ADMINS || has_twice(admins) => Err(Refusal::Settings),
            _ if charter.extensions().is_ok_and(|expected| expected == *extensions) => Ok(charter),
            _ => Err(Refusal::Settings),
        }
    }
}

fn has_twice(admins: &[UserId]) -> bool {
    let mut seen = BTreeSet::new();
    !admins.iter().all(|admin| seen.insert(admin))
}
