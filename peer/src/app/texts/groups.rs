//! What is said of groups: what became of one's own wishes, what others did, and why the directory has not taken a change.

use common::ident::{GroupName, UserId};
use common::msg::CommitRefusal;
use peer_core::notice::{GroupNews, Role};

use super::{format, mail};

/// `n.group_…` and `e.admin`
pub(crate) fn news(group: &GroupName, news: &GroupNews) -> Vec<String> {
    vec![match news {
        GroupNews::Created => format!("-- Group {group} created; you are its admin."),
        GroupNews::NameTaken => format!("-- There is a group {group} already. Choose another name."),
        GroupNews::NameReserved => format!("-- {group} is a reserved word. Choose another name."),
        GroupNews::Asked => format!("-- Asked to join {group}; an admin must approve."),
        GroupNews::NoSuchGroup => format!("-- There is no group {group}. To found it: /group create {group}"),
        GroupNews::Request { user } => {
            format!("-- {user} asks to join {group}: /group approve {user} {group}  or  /group deny {user} {group}")
        }
        GroupNews::Joined { members } => {
            format!("-- You are now a member of {group} ({}).", format::count(*members, "member", "members"))
        }
        GroupNews::Declined => format!("-- Your request to join {group} was declined."),
        GroupNews::Left => format!("-- You left {group}."),
        GroupNews::Lost => format!(
            "-- WARNING: the server has you in {group} no more, and who ended that is not known here. \
             To come back: /group join {group}"
        ),
        GroupNews::FoundedAnew { by, without } => {
            let without = if without.is_empty() {
                "nobody is missing".to_owned()
            } else {
                format!("without {}", format::listed(without))
            };
            format!("-- WARNING: {by} has founded {group} anew, {without}: a change of it could not be followed.")
        }
        GroupNews::FoundedAgain { by, ours, members, admins, without } => {
            return founded_again(group, (by, *ours), (members, admins, without));
        }
        GroupNews::AskedBack { admins } => format!(
            "-- This terminal cannot follow {group} any more. It has asked {} to take it in again.",
            format::listed(admins)
        ),
        GroupNews::Invited { by } => {
            format!("-- {by} wants you in {group}. You have not asked for it; to ask its admins: /group join {group}")
        }
        GroupNews::NotLetIn { by, why } => format!(
            "-- {by} has let you into {group}, but this terminal has not gone in: {why}. \
             When that is settled, ask again: /group join {group}"
        ),
        GroupNews::Unverified { users, admins } => unverified(group, users, admins),
        GroupNews::AnotherGroup { admins, former } => format!(
            "-- WARNING: this {group} is not the one you were in: its admins are {}, yours were {}. \
             To ask for it all the same, repeat: /group join {group}",
            format::listed(admins),
            format::listed(former)
        ),
        GroupNews::NotAllowed { why, retry_after } => format!("-- {}", refused(group, *why, *retry_after)),
        GroupNews::Postponed { after } => format!(
            "-- {group} was changed too often from here. Your wish is carried out in {}; you need not repeat it.",
            format::duration(*after)
        ),
        GroupNews::StandsBefore { user } => {
            format!("-- {user} was an admin of {group} before you: only {user} or an earlier admin can do that.")
        }
        GroupNews::Removed { by } => format!("-- {by} removed you from {group}."),
        GroupNews::Changed { joined, left, .. } => {
            let joined = joined.iter().map(|user| format!("-- {user} is now a member of {group}."));
            let left = left.iter().map(|user| format!("-- {user} is no longer a member of {group}."));
            return joined.chain(left).collect();
        }
        GroupNews::NewAdmin { user } => format!("-- {user} is now an admin of {group}."),
        GroupNews::Members { members, waiting } => return members_of(group, members, waiting),
        GroupNews::NotAdmin { admins } => {
            format!("-- Only an admin of {group} can do that ({}).", format::listed(admins))
        }
        GroupNews::NotAMember => format!("-- You are not a member of {group}. To ask for it: /group join {group}"),
        GroupNews::NotThere { user } => format!("-- {user} is not a member of {group}, and has not asked to be."),
        GroupNews::AlreadyMember { user } => format!("-- {user} is a member of {group} already."),
        GroupNews::NoTerminal { user } => format!(
            "-- {user} cannot be let in yet: none of {user}'s terminals takes mail. \
             Approve again when {user} has logged in."
        ),
        GroupNews::Returning => {
            format!(
                "-- This terminal is new in {group}: it follows when another terminal of yours is online, or an admin. \
                 To ask the admins: /group join {group}"
            )
        }
        GroupNews::LastAdmin => {
            format!("-- You are the only admin of {group}. Name another first: /group admin ID {group}")
        }
        GroupNews::DirectoryLost => mail::OUT_OF_REACH.to_owned(),
        GroupNews::Refused(why) => super::refused(*why),
        GroupNews::Done => format!("-- Done; the others in {group} are told."),
    }]
}

/// `n.unverified`: leaves that are not known to be of these users.
fn unverified(group: &GroupName, users: &[UserId], admins: &[UserId]) -> String {
    let named = format::listed(users);
    let way = match admins {
        [] => format!("Nobody else can remove it; /group leave {group} leaves."),
        admins => format!("Ask an admin ({}) to remove {named}.", format::listed(admins)),
    };
    format!(
        "-- WARNING: {group} has a terminal in the name of {named} that could not be verified. What you write there waits until \
         it is gone. {way}"
    )
}

/// `n.founded_again`: a group of which the directory had forgotten changes, by its first admin.
fn founded_again(
    group: &GroupName,
    (by, ours): (&UserId, bool),
    (members, admins, without): (&[UserId], &[UserId], &[UserId]),
) -> Vec<String> {
    let first = if admins.first() == Some(by) { "as its first admin " } else { "" };
    let who = if ours { format!("{first}you have") } else { format!("{first}{by} has") };
    let asked = if ours { " They were asked in and need not do anything." } else { "" };
    let missing = match without {
        [] => "Nobody is missing.".to_owned(),
        without => format!("Missing: {}. Who is missing can ask again: /group join {group}", format::listed(without)),
    };
    vec![
        format!(
            "-- {group}: {who} founded it anew, because the directory server had forgotten changes of its \
             members."
        ),
        format!("-- {group}: members are {}.{asked} {missing}", format::listed(members)),
        format!("-- {group}: who comes and goes is decided by {}.", format::listed(admins)),
    ]
}

/// Why the directory has not taken a change of a group.
fn refused(group: &GroupName, why: CommitRefusal, retry_after: Option<u64>) -> String {
    match why {
        CommitRefusal::NotAdmin => format!("The directory lets only admins of {group} do that."),
        CommitRefusal::Order => format!("The directory keeps the admins of {group} who were named before you."),
        CommitRefusal::Epochs => {
            let wait = format::duration(retry_after.unwrap_or(60));
            format!("{group} was changed too often from here. It is possible again in {wait}.")
        }
        CommitRefusal::Rooms => {
            let wait = format::duration(retry_after.unwrap_or(60));
            format!("You have founded too many groups and conversations. It is possible again in {wait}.")
        }
        CommitRefusal::Moved => format!("{group} is being founded anew by one of its admins. Wait for it."),
        CommitRefusal::Signature | CommitRefusal::Members | CommitRefusal::Entry | CommitRefusal::Other => {
            format!("The directory has refused this change of {group}.")
        }
    }
}

fn members_of(group: &GroupName, members: &[(UserId, Role)], waiting: &[UserId]) -> Vec<String> {
    let count = format::count(members.len(), "member", "members");
    let named = members.iter().map(|(user, role)| match role {
        Role::Admin => format!("{user} (admin)"),
        Role::Member => user.to_string(),
    });
    let mut lines = vec![format!("-- {group}, {count}: {}", named.collect::<Vec<_>>().join(", "))];
    if !waiting.is_empty() {
        lines.push(format!("-- Asking to join: {}", format::listed(waiting)));
    }
    lines
}
