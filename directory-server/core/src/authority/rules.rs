//! The rules, one by one. They concern what a directory can see; members judge the same from the tree (decision D44).

use common::ident::UserId;
use common::msg::{CommitRefusal, CommitReply, CommitStatus, GroupEntry, Member};

use super::Verdict;
use super::change::{enrolled, first_two, removed};
use super::situation::{Holder, Kind, Past, Room, Situation};
use crate::records::CommitRequest;
use crate::timestamp::whole_seconds;

/// A request with what is known.
pub(super) struct Case<'a> {
    pub(super) request: &'a CommitRequest,
    pub(super) situation: &'a Situation,
}

/// A rule, named by what holds because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A room's id is never used again.
    IdsAreUsedOnce,
    /// Who ends an epoch is a member behind it.
    AuthorsStay,
    /// A room is given up only by the last user.
    OnlyTheLastGivesUp,
    /// A room without an entry is one of two users.
    PairsStayPairs,
    /// In a group, who is no admin adds and takes off terminals of the same user only.
    OthersChangeThemselves,
    /// Only admins change the entry.
    AdminsChangeTheEntry,
    /// Nobody takes off a terminal of an admin who stands before.
    EarlierAdminsStay,
    /// Nobody takes an admin off the entry who stands before, or passes one.
    EarlierAdminsAreKept,
    /// The entry of a group keeps its handle, and names members, each once.
    EntriesAreSound,
    /// A handle that a group has is not given to another one; it moves from the room it points to.
    HandlesAreTaken,
    /// Only an admin of its entry founds a group anew, or one whose handle is still kept.
    AdminsFoundAnew,
    /// Who founds a group anew keeps the admins who stand before in the entry.
    SuccessorsKeepAdmins,
    /// Who founds a group anew takes along the admins who stand before.
    SuccessorsTakeAdminsAlong,
    /// A user does not end epochs of a room all the time.
    EpochsTakeTime,
    /// A user does not found rooms all the time.
    FoundingTakesTime,
}

type Checked = Result<(), Verdict>;

impl Rule {
    /// All of them, in the order in which they are asked.
    pub const ALL: &'static [Self] = &[
        Self::IdsAreUsedOnce,
        Self::AuthorsStay,
        Self::OnlyTheLastGivesUp,
        Self::PairsStayPairs,
        Self::OthersChangeThemselves,
        Self::AdminsChangeTheEntry,
        Self::EarlierAdminsStay,
        Self::EarlierAdminsAreKept,
        Self::EntriesAreSound,
        Self::HandlesAreTaken,
        Self::AdminsFoundAnew,
        Self::SuccessorsKeepAdmins,
        Self::SuccessorsTakeAdminsAlong,
        Self::EpochsTakeTime,
        Self::FoundingTakesTime,
    ];

    pub(super) fn check(self, case: &Case<'_>) -> Checked {
        match self {
            Self::IdsAreUsedOnce => refuse_if(case.situation.past.is_some(), CommitStatus::Room),
            Self::AuthorsStay => refuse_if(case.forgets_author(), CommitRefusal::Members),
            Self::OnlyTheLastGivesUp => refuse_if(case.gives_others_up(), CommitRefusal::Members),
            Self::PairsStayPairs => case.check_pair(),
            Self::OthersChangeThemselves => refuse_if(case.changes_others(), CommitRefusal::NotAdmin),
            Self::AdminsChangeTheEntry => refuse_if(case.changes_entry_as_other(), CommitRefusal::NotAdmin),
            Self::EarlierAdminsStay => refuse_if(case.removes_earlier_admin(), CommitRefusal::Order),
            Self::EarlierAdminsAreKept => refuse_if(case.demotes_earlier_admin(), CommitRefusal::Order),
            Self::EntriesAreSound => refuse_if(!case.is_entry_sound(), CommitRefusal::Entry),
            Self::HandlesAreTaken => case.check_handle(),
            Self::AdminsFoundAnew => case.check_founder(),
            Self::SuccessorsKeepAdmins => refuse_if(case.successor_drops_admin(), CommitRefusal::Order),
            Self::SuccessorsTakeAdminsAlong => refuse_if(case.successor_leaves_admin(), CommitRefusal::Order),
            Self::EpochsTakeTime => case.check_epochs(),
            Self::FoundingTakesTime => case.check_founding(),
        }
    }
}

fn refuse_if(broken: bool, verdict: impl Into<Verdict>) -> Checked {
    if broken { Err(verdict.into()) } else { Ok(()) }
}

impl<'a> Case<'a> {
    fn author(&self) -> &'a UserId {
        &self.request.from.userid
    }

    fn entry(&self) -> Option<&'a GroupEntry> {
        self.request.group.as_ref()
    }

    /// The group that goes on, with its admins and the author's place among them.
    fn group(&self) -> Option<(&'a Room, &'a [UserId], Option<usize>)> {
        let room = self.situation.room.as_ref().filter(|room| matches!(room.kind, Kind::Group { .. }))?;
        let admins = room.admins();
        Some((room, admins, admins.iter().position(|admin| admin == self.author())))
    }

    /// The room that a new one succeeds, with the author's place among its admins.
    fn succeeds(&self) -> Option<(&'a Holder, Option<usize>)> {
        self.situation.succeeds(self.author())
    }

    fn has_user(&self, user: &UserId) -> bool {
        self.request.members.iter().any(|member| member.userid == *user)
    }

    fn forgets_author(&self) -> bool {
        let CommitRequest { members, from, .. } = self.request;
        !members.is_empty() && !members.contains(from)
    }

    fn gives_others_up(&self) -> bool {
        let mut roster = self.situation.room.iter().flat_map(|room| &room.roster);
        self.request.members.is_empty() && roster.any(|member| member.userid != *self.author())
    }

    fn check_pair(&self) -> Checked {
        let none: &[UserId] = &[];
        let users = match (&self.situation.room, self.entry()) {
            (Some(Room { kind: Kind::Pair(_), .. }), Some(_)) => return Err(CommitRefusal::Entry.into()),
            (Some(Room { kind: Kind::Pair(users), .. }), None) => users,
            (None, None) => none,
            (Some(_), _) | (None, Some(_)) => return Ok(()),
        };
        let users = first_two(users, &self.request.members);
        let mut members = self.request.members.iter();
        refuse_if(members.any(|member| !users.contains(&member.userid)), CommitRefusal::Members)
    }

    fn changes_others(&self) -> bool {
        let Some((_, _, None)) = self.group() else { return false };
        let (added, gone) = (enrolled(self.request, self.situation), removed(self.request, self.situation));
        let mut touched = added.iter().chain(&gone).chain(&self.request.again);
        touched.any(|member| member.userid != *self.author())
    }

    fn changes_entry_as_other(&self) -> bool {
        matches!(self.group(), Some((_, _, None))) && self.entry().is_some()
    }

    fn removes_earlier_admin(&self) -> bool {
        let Some((_, admins, Some(place))) = self.group() else { return false };
        let gone = removed(self.request, self.situation);
        gone.iter().any(|member| admins.iter().take(place).any(|admin| *admin == member.userid))
    }

    fn demotes_earlier_admin(&self) -> bool {
        let (Some((_, admins, Some(place))), Some(entry)) = (self.group(), self.entry()) else { return false };
        !keeps(&entry.admins, admins, place)
    }

    fn is_entry_sound(&self) -> bool {
        let Some(entry) = self.entry() else { return self.request.replaces.is_none() };
        let each_once = entry.admins.iter().enumerate().all(|(place, admin)| !entry.admins[..place].contains(admin));
        // Who stands before the author may have lost all terminals, and stays an admin.
        let (earlier, same_handle) = match (self.group(), self.succeeds()) {
            (Some((room, admins, place)), _) => {
                let Kind::Group { handle, .. } = room.kind else { return false };
                (admins.iter().take(place.unwrap_or_default()), handle == Some(entry.handle))
            }
            (None, Some((holder, place))) => (holder.admins.iter().take(place.unwrap_or_default()), true),
            (None, None) => ([].iter().take(0), true),
        };
        let mut admins = entry.admins.iter();
        let are_members = admins.all(|admin| self.has_user(admin) || earlier.clone().any(|one| one == admin));
        let founds = self.situation.room.is_none();
        let is_founder_in = !founds || entry.admins.contains(self.author());
        let replaces_at_founding = founds || self.request.replaces.is_none();
        each_once && same_handle && are_members && is_founder_in && replaces_at_founding
    }

    fn check_handle(&self) -> Checked {
        if self.situation.room.is_some() {
            return Ok(());
        }
        match (self.request.replaces, &self.situation.holder) {
            (None, None) => Ok(()),
            (Some(_), _) if self.situation.replaced == Some(Past::Moved) => Err(CommitRefusal::Moved.into()),
            (Some(_), None) => Err(CommitRefusal::Entry.into()),
            (Some(room), Some(holder)) => refuse_if(room != holder.room, CommitStatus::Taken),
            (None, Some(holder)) => refuse_if(!holder.roster.is_empty() && !holder.is_free, CommitStatus::Taken),
        }
    }

    fn check_founder(&self) -> Checked {
        match self.succeeds() {
            Some((holder, None)) if holder.roster.is_empty() => Err(CommitStatus::Taken.into()),
            Some((_, None)) => Err(CommitRefusal::NotAdmin.into()),
            Some((_, Some(_))) | None => Ok(()),
        }
    }

    fn successor_drops_admin(&self) -> bool {
        let (Some((holder, place)), Some(entry)) = (self.succeeds(), self.entry()) else { return false };
        !keeps(&entry.admins, &holder.admins, place.unwrap_or_default())
    }

    /// An admin who stands before and has terminals there is taken along with one of them at least, by a welcome. With all of
    /// them it could not be asked for: one terminal without a good key package would keep a group from being founded anew. The
    /// others are told ([`super::Change::told`]).
    fn successor_leaves_admin(&self) -> bool {
        let Some((holder, place)) = self.succeeds() else { return false };
        let is_welcome = |member: &Member| {
            !self.request.welcome.is_empty() && self.request.members.contains(member) && self.situation.is_there(member)
        };
        holder.admins.iter().take(place.unwrap_or_default()).any(|admin| {
            let mut theirs = holder.roster.iter().filter(|member| member.userid == *admin).peekable();
            theirs.peek().is_some() && !theirs.any(is_welcome)
        })
    }

    fn check_epochs(&self) -> Checked {
        let wait = self.situation.epochs_wait.filter(|_| !self.request.commit.is_empty());
        wait.map_or(Ok(()), |wait| Err(in_a_while(CommitRefusal::Epochs, wait)))
    }

    fn check_founding(&self) -> Checked {
        let wait = self.situation.founding_wait.filter(|_| self.situation.room.is_none());
        wait.map_or(Ok(()), |wait| Err(in_a_while(CommitRefusal::Rooms, wait)))
    }
}

/// Whether those who stand before this place stand there in the new list, too.
fn keeps(new: &[UserId], old: &[UserId], place: usize) -> bool {
    new.iter().take(place).eq(old.iter().take(place))
}

fn in_a_while(reason: CommitRefusal, wait: std::time::Duration) -> Verdict {
    let retry_after = Some(whole_seconds(wait));
    Verdict::Refused(CommitReply { status: CommitStatus::Refused, reason: Some(reason), retry_after })
}
