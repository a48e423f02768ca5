//! How this terminal comes into a room: a welcome is read, the certificates of everybody in the room are asked for, and
//! only then is it accepted or refused (threats G1, G4). In a group a leaf of somebody else than who invites keeps nobody out:
//! it is noted as one that was not verified.

use std::collections::BTreeSet;

use common::ident::{GroupName, RoomId, TerminalKey};
use common::limits::ROOM_TERMINALS;
use common::msg::Member;
use openmls::prelude::{KeyPackageRef, MlsMessageBodyIn, StagedWelcome};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::storage::StorageProvider as _;

use super::provider::Provider;
use super::room::group_id;
use super::wire_format::{self, ForkTag, TAG_LABEL};
use super::{
    Broken, CIPHERSUITE, KeyPackages, Refusal, Room, RoomError, RoomMetadata, VerifiedCredential, credential,
    join_config, policy,
};

/// A welcome that was read.
pub struct Invitation {
    room: RoomId,
    provider: Provider,
    welcome: StagedWelcome,
    reference: KeyPackageRef,
    charter: RoomMetadata,
    by: Member,
    members: Vec<Member>,
}

impl Invitation {
    /// Reads a mailbox item of kind welcome. Nothing is used up before [`Invitation::accept`] or
    /// [`Invitation::refuse`].
    ///
    /// # Errors
    /// [`RoomError::NotForUs`], [`RoomError::Broken`], [`RoomError::Invalid`]: nothing can be done with it.
    pub fn open(packages: &KeyPackages, room: RoomId, blob: &[u8]) -> Result<Self, RoomError> {
        let (tag, body) = wire_format::unwrap(blob).map_err(RoomError::Broken)?;
        let MlsMessageBodyIn::Welcome(welcome) = body else { return Err(RoomError::Broken(Broken::Kind)) };
        if welcome.ciphersuite() != CIPHERSUITE {
            return Err(RoomError::Broken(Broken::Kind));
        }
        let (reference, bundle) = welcome
            .secrets()
            .iter()
            .map(|secrets| secrets.new_member())
            .find_map(|reference| packages.find(&reference).map(|bundle| (reference, bundle)))
            .ok_or(RoomError::NotForUs)?;

        let provider = Provider::new(packages.own(), room);
        provider.storage().write_key_package(&reference, bundle).map_err(RoomError::library)?;
        let invalid = |error: &dyn std::fmt::Display| RoomError::Invalid(error.to_string());
        let welcome = StagedWelcome::build_from_welcome(&provider, &join_config(), welcome)
            .and_then(|builder| builder.skip_lifetime_validation().build())
            .map_err(|error| invalid(&error))?;
        provider.storage().delete_key_package(&reference).map_err(RoomError::library)?;

        if *welcome.group_context().group_id() != group_id(&room) {
            return Err(RoomError::Broken(Broken::Room));
        }
        let exported =
            welcome.export_secret(provider.crypto(), TAG_LABEL, &[], ForkTag::LENGTH).map_err(RoomError::library)?;
        if tag != ForkTag::new(&exported)? {
            return Err(RoomError::Unreadable);
        }
        let sender = welcome.welcome_sender().map_err(|error| invalid(&error))?;
        let by = credential::named(sender.credential()).map_err(|why| invalid(&why))?;
        let charter = RoomMetadata::read(welcome.group_context().extensions()).map_err(|why| invalid(&why))?;
        let leaves = welcome.members().map(|leaf| credential::named(&leaf.credential));
        let members = leaves.collect::<Result<Vec<_>, _>>().map_err(|why| invalid(&why))?;
        if members.len() > ROOM_TERMINALS {
            return Err(invalid(&Refusal::TooManyTerminals(members.len())));
        }
        Ok(Self { room, provider, welcome, reference, charter, by, members })
    }

    /// The room.
    #[cfg(test)]
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// What the room is.
    pub fn charter(&self) -> &RoomMetadata {
        &self.charter
    }

    /// Who invites.
    pub fn by(&self) -> &Member {
        &self.by
    }

    /// Everybody in the room, this terminal among them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many commits have made the room what it is.
    pub fn epoch(&self) -> u64 {
        self.welcome.group_context().epoch().as_u64()
    }

    /// The signature key of the inviter's leaf; [`Invitation::accept`] says whether it is the inviter's.
    pub fn key_of_inviter(&self) -> Option<TerminalKey> {
        let mut leaves = self.welcome.members();
        let leaf = leaves.find(|leaf| credential::named(&leaf.credential).as_ref() == Ok(&self.by))?;
        Some(TerminalKey(leaf.signature_key.as_slice().try_into().ok()?))
    }

    /// Whose certificates [`Invitation::accept`] needs: everybody's but this terminal's.
    pub fn needs(&self) -> Vec<Member> {
        let own = self.provider.own().member();
        self.members.iter().filter(|member| **member != own).cloned().collect()
    }

    /// Joins, if the room is what it should be: who invites is who they say, and somebody here asked for it. `asked` are
    /// the groups this user asked to join. The key package is used up either way. In a room of two the same holds for
    /// everybody; in a group [`Room::unverified`] has whoever else is not.
    ///
    /// # Errors
    /// [`RoomError::Refused`]; [`RoomError::Forbidden`] if the user has to decide about the inviter's key first: nothing is
    /// used up then.
    pub fn accept(
        self,
        packages: &mut KeyPackages,
        vouched: &[VerifiedCredential],
        asked: &BTreeSet<GroupName>,
    ) -> Result<Room, RoomError> {
        // Whoever invites may do so under no other key than the pinned one: the user decides first.
        let inviter = vouched.iter().find(|vouched| vouched.member() == self.by);
        if inviter.is_some_and(|inviter| inviter.is_undecided().is_some()) {
            return Err(RoomError::Forbidden(Refusal::Undecided { user: self.by.userid }));
        }
        packages.spend(&self.reference);
        let unverified = match self.judge(vouched, asked) {
            Ok(unverified) => unverified,
            Err(why) => return Err(RoomError::Refused { by: self.by, why }),
        };
        let Self { room, provider, welcome, members, .. } = self;
        let group = welcome.into_group(&provider).map_err(RoomError::library)?;
        let mut room = Room::open_group(provider, room, group)?;
        let undecided = vouched.iter().filter(|vouched| members.contains(&vouched.member()));
        let undecided = undecided.filter_map(|vouched| Some((vouched.member(), vouched.is_undecided()?)));
        room.notes.undecided = undecided.collect();
        room.notes.unverified = unverified;
        room.note()?;
        Ok(room)
    }

    /// Does not join.
    pub fn refuse(self, packages: &mut KeyPackages) {
        packages.spend(&self.reference);
    }

    /// Applies every rule; gives whose leaves are not verified, which keeps nobody out of a group.
    fn judge(&self, vouched: &[VerifiedCredential], asked: &BTreeSet<GroupName>) -> Result<Vec<Member>, Refusal> {
        let own = self.provider.own();
        let is_group = matches!(self.charter, RoomMetadata::Group { .. });
        let mut unverified = Vec::new();
        for leaf in self.welcome.members() {
            let member = credential::named(&leaf.credential)?;
            if leaf.index == self.welcome.own_leaf_index() {
                // It was made here; the certificate that it names may be the one before.
                if member != own.member() || leaf.signature_key != own.leaf().signature_key.as_slice() {
                    return Err(Refusal::OtherCertificate { member });
                }
                continue;
            }
            let vouched = vouched.iter().find(|vouched| vouched.member() == member);
            let missing = Refusal::NoCertificate { member: member.clone() };
            match vouched.ok_or(missing).and_then(|vouched| vouched.check(&leaf.credential, &leaf.signature_key)) {
                Ok(()) => {}
                Err(_) if is_group && member != self.by => unverified.push(member),
                Err(why) => return Err(why),
            }
        }
        policy::check_invitation(&self.charter, &self.members, (&own.member(), &self.by), asked)?;
        Ok(unverified)
    }
}
