//! What is new in groups.

use super::refusal::DirectoryRefusal;
use common::ident::{GroupName, UserId};
use common::msg::CommitRefusal;

/// What is new in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupNews {
    /// Answers `Create`.
    Created,
    /// Answers `Create`: another group has the name.
    NameTaken,
    /// Answers `Create`: nobody may found a group of this name.
    NameReserved,
    /// Answers `Join`: the request is on its way to the admins.
    Asked,
    /// Answers `Join`: there is no group of this name.
    NoSuchGroup,
    /// Somebody asks an admin, who is told.
    Request { user: UserId },
    /// The user is a member now, of so many.
    Joined { members: usize },
    /// The user's request was declined.
    Declined,
    /// Answers `Leave`.
    Left,
    /// The directory has the user in the group no more, or has no such group; what ended that has not come.
    Lost,
    /// A change of the group could not be followed, so an admin has founded it anew: in it are the same users without these.
    FoundedAnew { by: UserId, without: Vec<UserId> },
    /// The directory had forgotten changes of the group, so its first admin has founded it anew: who is in it, who decides (in
    /// the order of their appointment), and who is missing. `ours`: our user is that admin.
    FoundedAgain { by: UserId, ours: bool, members: Vec<UserId>, admins: Vec<UserId>, without: Vec<UserId> },
    /// This terminal cannot follow the group any more; these admins were asked to take it in again.
    AskedBack { admins: Vec<UserId> },
    /// This user wants ours in the group, who has not asked to be.
    Invited { by: UserId },
    /// A welcome of this user was not accepted, and why.
    NotLetIn { by: UserId, why: String },
    /// The user is a member, and in the group are terminals that are not known to be these users': what the user says waits
    /// until they are gone. These admins can remove them.
    Unverified { users: Vec<UserId>, admins: Vec<UserId> },
    /// Answers `Join`: the group of this name is not the one that the user was in, which had the `former` admins. Joining
    /// once more asks its admins all the same.
    AnotherGroup { admins: Vec<UserId>, former: Vec<UserId> },
    /// Answers a wish: the directory has refused the change.
    NotAllowed { why: CommitRefusal, retry_after: Option<u64> },
    /// The user has changed the group too often for now: a wish is carried out, and answered, after so many seconds.
    Postponed { after: u64 },
    /// The user was removed.
    Removed { by: UserId },
    /// Others came and went.
    Changed { by: UserId, joined: Vec<UserId>, left: Vec<UserId> },
    /// Somebody is an admin now.
    NewAdmin { user: UserId },
    /// Answers `Members`: users and whether they are admins; and who waits for admission.
    Members { members: Vec<(UserId, Role)>, waiting: Vec<UserId> },
    /// Answers a wish: only these may do that.
    NotAdmin { admins: Vec<UserId> },
    /// Answers `Remove`: this admin was appointed earlier than the user.
    StandsBefore { user: UserId },
    /// Answers a wish: the user is not a member.
    NotAMember,
    /// Answers a wish: this user has not asked, or is not a member.
    NotThere { user: UserId },
    /// Answers a wish: this user is a member already.
    AlreadyMember { user: UserId },
    /// Answers `Approve`: this user has no terminal that takes mail, and goes on waiting.
    NoTerminal { user: UserId },
    /// Answers a wish: this terminal has lost its state and waits to be added again.
    Returning,
    /// Answers `Leave`: the only admin must name another first.
    LastAdmin,
    /// Answers a wish: the directory is out of reach.
    DirectoryLost,
    /// Answers a wish: the directory does not do it; what was begun is tried again by itself.
    Refused(DirectoryRefusal),
    /// Answers a wish: an admin's decision was carried out.
    Done,
}

/// What a member of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May admit and remove.
    Admin,
    /// May write and leave.
    Member,
}

/// One group of `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name.
    pub group: GroupName,
    /// Members.
    pub members: usize,
    /// Of these, online, the user included.
    pub online: usize,
    /// Who may admit and remove.
    pub admins: Vec<UserId>,
    /// Messages not seen.
    pub unread: usize,
    /// Users who wait to be admitted.
    pub waiting: usize,
}
