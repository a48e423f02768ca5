//! Groups: what the person wants of them, and what is new in them.

use common::ident::GroupName;

use super::outputs::Outputs;
use super::pending::Pending;
use super::session::{Focus, Session};
use crate::app::texts::{groups, mail};
use peer_core::command::{Command, GroupWish};
use peer_core::model::Conversation;
use peer_core::notice::GroupNews;

impl Session {
    /// The person wants to write to a group; only members can, so that is asked first.
    pub(super) fn enter_group(&mut self, group: GroupName, outputs: &mut Outputs) {
        outputs.ask(Pending::Entering(group.clone()), Command::Group { group, wish: GroupWish::Members });
    }

    /// `/group …`, about the group that has the screen unless one is named.
    pub(super) fn wish(&mut self, wish: GroupWish, group: Option<GroupName>, outputs: &mut Outputs) {
        let here = match self.speaks_with() {
            Some(Conversation::Group(group)) => Some(group),
            _ => None,
        };
        match group.or(here) {
            Some(group) => {
                outputs.ask(Pending::Group(group.clone()), Command::Group { group, wish });
            }
            None => outputs.say(mail::WHICH_GROUP),
        }
    }

    pub(super) fn group_news(&mut self, group: &GroupName, news: &GroupNews, outputs: &mut Outputs) {
        let is_answer = self.is_answer(news);
        let closed = if is_answer { outputs.close(|pending| is_about(pending, group)) } else { None };
        let entering = closed == Some(Pending::Entering(group.clone()));
        if let (true, GroupNews::Members { members, .. }) = (entering, news) {
            outputs.say(&mail::in_group(group, members.len()));
            return self.write_to(Conversation::Group(group.clone()), outputs);
        }
        groups::news(group, news).iter().for_each(|line| outputs.say(line));
        let gone = matches!(news, GroupNews::Left | GroupNews::Lost | GroupNews::Removed { .. });
        if gone && self.focus == Focus::Writing(Conversation::Group(group.clone())) {
            self.back_to(Focus::Destination, outputs);
        }
    }

    /// Whether this can be the answer to a wish; some news come by themselves.
    fn is_answer(&self, news: &GroupNews) -> bool {
        match news {
            GroupNews::Request { .. }
            | GroupNews::AskedBack { .. }
            | GroupNews::Invited { .. }
            | GroupNews::NotLetIn { .. }
            | GroupNews::Unverified { .. } => false,
            GroupNews::FoundedAnew { by, .. } | GroupNews::FoundedAgain { by, .. } => by == self.me(),
            GroupNews::Changed { by, .. } => by == self.me(),
            GroupNews::Created
            | GroupNews::NameTaken
            | GroupNews::NameReserved
            | GroupNews::Asked
            | GroupNews::NoSuchGroup
            | GroupNews::Joined { .. }
            | GroupNews::Declined
            | GroupNews::Left
            | GroupNews::Removed { .. }
            | GroupNews::NewAdmin { .. }
            | GroupNews::Members { .. }
            | GroupNews::NotAdmin { .. }
            | GroupNews::NotAMember
            | GroupNews::NotThere { .. }
            | GroupNews::AlreadyMember { .. }
            | GroupNews::NoTerminal { .. }
            | GroupNews::Returning
            | GroupNews::LastAdmin
            | GroupNews::Lost
            | GroupNews::AnotherGroup { .. }
            | GroupNews::NotAllowed { .. }
            | GroupNews::Postponed { .. }
            | GroupNews::StandsBefore { .. }
            | GroupNews::DirectoryLost
            | GroupNews::Refused(_)
            | GroupNews::Done => true,
        }
    }
}

fn is_about(pending: &Pending, group: &GroupName) -> bool {
    matches!(pending, Pending::Group(of) | Pending::Entering(of) if of == group)
}
