//! Groups: what the person wants of them, and what is new in them.

use common::ident::GroupName;

use super::roster::Membership;
use super::view::{Awaited, View};
use crate::app::texts::{mail, screen};
use peer_core::command::{Command, DirectoryCommand, GroupWish};
use peer_core::notice::GroupNews;
use peer_core::persistence::Conversation;

impl View {
    /// `/group …`, about the group that is shown unless one is named.
    pub(super) fn wish(&mut self, wish: GroupWish, group: Option<GroupName>) {
        let here = match &self.current {
            Some(Conversation::Group(group)) => Some(group.clone()),
            _ => None,
        };
        match group.or(here) {
            Some(group) => {
                if wish == GroupWish::Members {
                    self.awaited.push(Awaited::Members(group.clone()));
                }
                self.command(Command::Group { group, wish });
            }
            None => self.tell(mail::WHICH_GROUP),
        }
    }

    pub(super) fn group_news(&mut self, group: &GroupName, news: &GroupNews) {
        let to = Conversation::Group(group.clone());
        match news {
            GroupNews::Members { members, .. } => {
                self.members.insert(group.clone(), members.iter().map(|(user, _)| user.clone()).collect());
                if self.awaits(&Awaited::Members(group.clone())) {
                    self.show_page(&group.to_string(), &screen::members(members, news_waiting(news)));
                }
                return;
            }
            // Asked whenever a group is shown; there is nothing to say where the person is not in it.
            GroupNews::NotAMember if self.is_current(&to) && !self.roster.groups.contains_key(group) => {}
            GroupNews::Asked => {
                self.roster.groups.insert(group.clone(), Membership::Pending);
            }
            GroupNews::Declined | GroupNews::Left | GroupNews::Removed { .. } => {
                self.roster.groups.remove(group);
            }
            _ => {}
        }
        let date = self.now.date;
        let lines = mail::group(group, news);
        lines.iter().for_each(|line| self.chat(&to).note(date, line));
        if let (false, Some(line)) = (self.is_current(&to), lines.first()) {
            self.tell_about(&group.to_string(), line);
        }
        if matches!(news, GroupNews::Joined { .. } | GroupNews::Declined) {
            self.roster.groups.remove(group);
        }
        self.command(Command::Directory(DirectoryCommand::List));
    }
}

fn news_waiting(news: &GroupNews) -> &[common::ident::UserId] {
    if let GroupNews::Members { waiting, .. } = news { waiting } else { &[] }
}
