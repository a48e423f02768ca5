//! How a commit is followed: it is read on a copy, its newcomers' certificates are asked for, the rules are applied, and
//! only then does the room change. One that is refused freezes the room, because others may have followed it; bytes that
//! nobody is known to have made change nothing.

use common::limits::COMMIT_PROPOSALS;
use common::msg::Member;
use openmls::prelude::{LeafNodeIndex, ProcessedMessageContent, Proposal, StagedCommit};

use super::pending::{Staged, Waiting};
use super::policy::Proposed;
use super::{Broken, Frozen, Refusal, Room, RoomError, RoomMetadata, VerifiedCredential, credential};

/// What a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Who made it.
    pub by: Member,
    /// Terminals that came.
    pub added: Vec<Member>,
    /// Terminals that went; this one may be among them.
    pub removed: Vec<Member>,
    /// The terminals from now on.
    pub members: Vec<Member>,
    /// What the room is from now on.
    pub charter: RoomMetadata,
}

impl Room {
    /// Reads a mailbox item of kind commit. [`Room::apply`] has to follow; until then the same item may come again.
    ///
    /// # Errors
    /// [`RoomError::Refused`] freezes the room, because it is certain who made the commit. Whatever else is wrong leaves
    /// the room as it is: only the directory's word makes such bytes a commit, and [`Room::freeze`] is the caller's.
    pub fn open_commit(&mut self, blob: &[u8]) -> Result<Waiting, RoomError> {
        if let Some(staged) = self.staged.as_ref().filter(|staged| staged.blob == blob) {
            return Ok(staged.waiting.clone());
        }
        self.ready()?;
        let (waiting, commit) = if self.pending.as_ref().is_some_and(|pending| pending.commit == blob) {
            (Waiting { by: self.own().member(), newcomers: Vec::new() }, None)
        } else {
            let (by, leaf, commit) = match self.read(blob)? {
                (by, leaf, ProcessedMessageContent::StagedCommitMessage(commit)) => (by, leaf, commit),
                _ => return Err(RoomError::Broken(Broken::Kind)),
            };
            let newcomers = additions(&commit).map(|(member, ..)| member).collect::<Result<_, _>>();
            match newcomers {
                Ok(newcomers) => (Waiting { by, newcomers }, Some((leaf, commit))),
                Err(why) => return Err(self.refuse(by, why)?),
            }
        };
        self.staged = Some(Staged { blob: blob.to_vec(), waiting: waiting.clone(), commit });
        Ok(waiting)
    }

    /// Follows the commit that was read, or refuses it, which freezes the room. If a certificate is missing, the commit
    /// waits on.
    ///
    /// # Errors
    /// [`RoomError::Refused`]; [`RoomError::Forbidden`] with [`Refusal::NoCertificate`]; [`RoomError::NothingStaged`].
    pub fn apply(&mut self, vouched: &[VerifiedCredential]) -> Result<Outcome, RoomError> {
        let Staged { blob, waiting, commit } = self.staged.take().ok_or(RoomError::NothingStaged)?;
        let by = waiting.by.clone();
        let outcome = if let Some((leaf, commit)) = commit {
            match self.judge(&by, leaf, &commit, &vouched.iter().collect::<Vec<_>>()) {
                Ok(outcome) => {
                    self.group.merge_staged_commit(&self.provider, *commit).map_err(RoomError::library)?;
                    outcome
                }
                Err(why @ Refusal::NoCertificate { .. }) => {
                    self.staged = Some(Staged { blob, waiting, commit: Some((leaf, commit)) });
                    return Err(RoomError::Forbidden(why));
                }
                Err(why) => return Err(self.refuse(by, why)?),
            }
        } else {
            let commit = self.group.pending_commit().ok_or(RoomError::NothingStaged)?;
            let outcome = self.outcome(&by, commit).map_err(RoomError::Forbidden)?;
            self.group.merge_pending_commit(&self.provider).map_err(RoomError::library)?;
            outcome
        };
        self.charter = outcome.charter.clone();
        let members = self.members();
        let undecided = outcome.added.iter().filter_map(|member| {
            let vouched = vouched.iter().find(|vouched| vouched.member() == *member)?;
            Some((member.clone(), vouched.is_undecided()?))
        });
        // Whoever was taken off and added again has another leaf.
        let stays = |member: &Member| members.contains(member) && !outcome.added.contains(member);
        self.notes.undecided.retain(|(member, _)| stays(member));
        self.notes.unverified.retain(stays);
        self.notes.undecided.extend(undecided);
        let users = self.users();
        self.notes.leaving.retain(|user, _| users.contains(user));
        self.note()?;
        self.set_pending(None)?;
        Ok(outcome)
    }

    /// What the commit that was read would change; nothing where it breaks the rules.
    pub fn foreseen(&self) -> Option<Outcome> {
        let Staged { waiting, commit, .. } = self.staged.as_ref()?;
        let commit = match commit {
            Some((_, commit)) => commit,
            None => self.group.pending_commit()?,
        };
        self.outcome(&waiting.by, commit).ok()
    }

    fn refuse(&mut self, by: Member, why: Refusal) -> Result<RoomError, RoomError> {
        self.freeze(Frozen::Commit { by: by.clone(), why: why.clone() })?;
        Ok(RoomError::Refused { by, why })
    }

    /// Applies every rule.
    pub(super) fn judge(
        &self,
        by: &Member,
        leaf: LeafNodeIndex,
        commit: &StagedCommit,
        vouched: &[&VerifiedCredential],
    ) -> Result<Outcome, Refusal> {
        let proposals = commit.queued_proposals().count();
        if proposals > COMMIT_PROPOSALS {
            return Err(Refusal::TooManyProposals(proposals));
        }
        let before = self.group.member_at(leaf).ok_or(Refusal::Sender)?;
        if let Some(after) = commit.update_path_leaf_node()
            && (*after.credential() != before.credential || after.signature_key().as_slice() != before.signature_key)
        {
            return Err(Refusal::ChangedLeaf);
        }
        for (member, credential, key) in additions(commit) {
            let member = member?;
            let vouched = vouched.iter().find(|vouched| vouched.member() == member);
            vouched.ok_or(Refusal::NoCertificate { member })?.check(credential, key)?;
        }
        let outcome = self.outcome(by, commit)?;
        let proposed = Proposed {
            by: &by.userid,
            added: &outcome.added,
            removed: &outcome.removed,
            outcome: &outcome.members,
            charter: &self.charter,
            amended: &outcome.charter,
        };
        proposed.check()?;
        Ok(outcome)
    }

    /// What the commit changes, in plain names.
    fn outcome(&self, by: &Member, commit: &StagedCommit) -> Result<Outcome, Refusal> {
        let mut removed = Vec::new();
        for proposal in commit.queued_proposals() {
            match proposal.proposal() {
                Proposal::Add(_) | Proposal::GroupContextExtensions(_) => {}
                Proposal::Remove(remove) => removed.push(self.member_at(remove.removed())?),
                _ => return Err(Refusal::Proposal),
            }
        }
        let added = additions(commit).map(|(member, ..)| member).collect::<Result<Vec<_>, _>>()?;
        let stays = |member: &Member| !removed.contains(member);
        let members = self.members().into_iter().filter(stays).chain(added.iter().cloned()).collect();
        let charter = RoomMetadata::read(commit.group_context().extensions())?;
        Ok(Outcome { by: by.clone(), added, removed, members, charter })
    }
}

/// The leaves that a commit adds: who they say they are, their credential and their key.
fn additions(
    commit: &StagedCommit,
) -> impl Iterator<Item = (Result<Member, Refusal>, &openmls::prelude::Credential, &[u8])> {
    commit.queued_proposals().filter_map(|proposal| match proposal.proposal() {
        Proposal::Add(add) => {
            let leaf = add.key_package().leaf_node();
            Some((credential::named(leaf.credential()), leaf.credential(), leaf.signature_key().as_slice()))
        }
        _ => None,
    })
}
