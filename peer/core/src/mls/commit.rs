//! How this terminal changes a room: it proposes a commit, and the directory says whether it was the first of its epoch
//! (threat G2). It is followed when it comes back like any other ([`super::process_commit`]), or dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::ident::UserId;
use common::limits::{COMMIT_MAX, KEY_PACKAGE_MAX};
use common::msg::Member;
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{KeyPackage, LeafNodeIndex, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion};
use openmls_traits::OpenMlsProvider as _;

use super::wire_format::{self, ForkTag, TAG_LABEL};
use super::{
    Broken, CIPHERSUITE, Commit, OwnTerminal, Refusal, Room, RoomError, RoomMetadata, VerifiedCredential, credential,
};

/// A terminal to be added, with a key package that is the terminal's own.
#[derive(Debug, Clone)]
pub struct VerifiedKeyPackage {
    pub(super) vouched: VerifiedCredential,
    pub(super) package: KeyPackage,
}

impl VerifiedKeyPackage {
    /// Which terminal.
    pub fn member(&self) -> Member {
        self.vouched.member()
    }

    /// Verifies that the key package, as `KEYPACKAGEREPLY` carries it, belongs to the terminal.
    ///
    /// # Errors
    /// [`RoomError::Broken`], [`RoomError::Forbidden`].
    pub fn verify(own: &OwnTerminal, vouched: VerifiedCredential, package: &[u8]) -> Result<Self, RoomError> {
        if package.len() > KEY_PACKAGE_MAX {
            return Err(RoomError::Broken(Broken::Length));
        }
        let message = MlsMessageIn::tls_deserialize_exact(package).map_err(|_| RoomError::Broken(Broken::Encoding))?;
        let MlsMessageBodyIn::KeyPackage(package) = message.extract() else {
            return Err(RoomError::Broken(Broken::Kind));
        };
        let package = package
            .validate(own.algorithms(), ProtocolVersion::Mls10)
            .map_err(|error| RoomError::Forbidden(Refusal::Invalid(error.to_string())))?;
        if package.ciphersuite() != CIPHERSUITE {
            return Err(RoomError::Forbidden(Refusal::Settings));
        }
        let leaf = package.leaf_node();
        vouched.check(leaf.credential(), leaf.signature_key().as_slice()).map_err(RoomError::Forbidden)?;
        Ok(Self { vouched, package })
    }
}

/// What is to change. Nothing: this terminal gets new keys, so that who stole the old ones is locked out.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Terminals to be added.
    pub add: Vec<VerifiedKeyPackage>,
    /// Terminals to be removed.
    pub remove: Vec<Member>,
    /// Who is an admin from now on, in the order of their appointment.
    pub admins: Option<Vec<UserId>>,
}

impl Room {
    /// Makes a commit; it waits until it comes back from the directory, or for [`Room::drop_commit`].
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] if others would not follow it; [`RoomError::TooLarge`]; [`RoomError::Pending`].
    pub fn propose(&mut self, edit: &Edit) -> Result<Commit, RoomError> {
        self.ready()?;
        if self.pending.is_some() {
            return Err(RoomError::Pending);
        }
        let proposed = self.build(edit);
        if proposed.is_err() {
            self.group.clear_pending_commit(self.provider.storage()).map_err(RoomError::library)?;
        }
        let commit = proposed?;
        self.set_pending(Some(commit.clone()))?;
        Ok(commit)
    }

    /// The own commit that waits for the directory.
    pub fn pending(&self) -> Option<&Commit> {
        self.pending.as_ref()
    }

    /// The directory refused the own commit: another one was first, and will come.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn drop_commit(&mut self) -> Result<(), RoomError> {
        self.group.clear_pending_commit(self.provider.storage()).map_err(RoomError::library)?;
        self.set_pending(None)
    }

    fn build(&mut self, edit: &Edit) -> Result<Commit, RoomError> {
        let removed = edit.remove.iter().map(|member| self.leaf_of(member)).collect::<Result<Vec<_>, _>>()?;
        let admins = self.admins_after(edit)?;
        let tag = self.fork_tag()?;

        let forbidden = |why: String| RoomError::Forbidden(Refusal::Invalid(why));
        let own = Arc::clone(self.own());
        let mut builder = self
            .group
            .commit_builder()
            .force_self_update(true)
            .propose_adds(edit.add.iter().map(|newcomer| newcomer.package.clone()))
            .propose_removals(removed);
        if let (Some(admins), RoomMetadata::Group { name, .. }) = (&admins, &self.charter) {
            let charter = RoomMetadata::Group { name: name.clone(), admins: admins.clone() };
            builder = builder
                .propose_group_context_extensions(charter.extensions()?)
                .map_err(|error| forbidden(error.to_string()))?;
        }
        let bundle = builder
            .load_psks(self.provider.storage())
            .and_then(|builder| builder.build(self.provider.rand(), self.provider.crypto(), &*own, |_| true))
            .map_err(|error| forbidden(error.to_string()))?
            .stage_commit(&self.provider)
            .map_err(RoomError::library)?;

        let staged = self.group.pending_commit().ok_or(RoomError::NothingStaged)?;
        let vouched: Vec<&VerifiedCredential> = edit.add.iter().map(|newcomer| &newcomer.vouched).collect();
        let by = own.member();
        let outcome = self.judge(&by, self.group.own_leaf_index(), staged, &vouched).map_err(RoomError::Forbidden)?;

        let next = staged
            .export_secret(self.provider.crypto(), TAG_LABEL, &[], ForkTag::LENGTH)
            .map_err(RoomError::library)
            .and_then(|exported| ForkTag::new(&exported))?;
        let welcome = bundle.to_welcome_msg().map(|welcome| wire_format::wrap(next, &welcome)).transpose()?;
        let commit = Commit {
            epoch: self.epoch(),
            members: outcome.members,
            admins,
            commit: wire_format::wrap(tag, bundle.commit())?,
            welcome: welcome.unwrap_or_default(),
        };
        if commit.commit.len() + commit.welcome.len() > COMMIT_MAX { Err(RoomError::TooLarge) } else { Ok(commit) }
    }

    fn leaf_of(&self, member: &Member) -> Result<LeafNodeIndex, RoomError> {
        self.group
            .members()
            .find(|leaf| credential::named(&leaf.credential).as_ref() == Ok(member))
            .map(|leaf| leaf.index)
            .ok_or_else(|| RoomError::Forbidden(Refusal::NoMember { member: member.clone() }))
    }

    /// The admins behind the commit, if they change. An admin that goes takes nothing along for a possible return.
    fn admins_after(&self, edit: &Edit) -> Result<Option<Vec<UserId>>, RoomError> {
        let RoomMetadata::Group { admins, .. } = &self.charter else {
            let nobody = edit.admins.is_none();
            return if nobody { Ok(None) } else { Err(RoomError::Forbidden(Refusal::MayNotChange)) };
        };
        let mut wanted = edit.admins.clone().unwrap_or_else(|| admins.clone());
        if self.charter.is_admin(self.own().user()) {
            let stays = |member: &Member| !edit.remove.contains(member);
            let added = edit.add.iter().map(VerifiedKeyPackage::member);
            let users: BTreeSet<UserId> =
                self.members().into_iter().filter(stays).chain(added).map(|member| member.userid).collect();
            let before = self.charter.before(self.own().user());
            wanted.retain(|admin| before.contains(admin) || users.contains(admin) || !admins.contains(admin));
        }
        Ok((wanted != *admins).then_some(wanted))
    }
}
