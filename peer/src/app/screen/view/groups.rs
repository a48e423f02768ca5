//! Groups: what the user wants of them, and what is new in them.

use common::ident::GroupName;

use super::{Awaited, View};
use crate::app::model::Membership;
use crate::app::texts::{groups, mail, screen};
use peer_core::command::{Command, DirectoryCommand, GroupWish};
use peer_core::model::Conversation;
use peer_core::notice::GroupNews;

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
                    return self.ask_engine(Awaited::Members(group.clone()), Command::Group { group, wish });
                }
                self.command(Command::Group { group, wish });
            }
            None => self.tell(mail::WHICH_GROUP),
        }
    }

    /// How many ask to be let into the group that is shown, where that is this user's to decide.
    pub(crate) fn wait_to_join(&self) -> usize {
        let Some(Conversation::Group(group)) = &self.current else { return 0 };
        match self.model.people.groups.get(group) {
            Some(Membership::Member(listed)) => listed.waiting,
            Some(Membership::Pending) | None => 0,
        }
    }

    pub(super) fn group_news(&mut self, group: &GroupName, news: &GroupNews) {
        let to = Conversation::Group(group.clone());
        if let GroupNews::Members { members, waiting } = news {
            if self.awaits(&Awaited::Members(group.clone())) {
                self.show_page(&group.to_string(), &screen::members(members, waiting));
            }
            return;
        }
        let date = self.now.date;
        let lines = groups::news(group, news);
        lines.iter().for_each(|line| self.chat(&to).note(date, line));
        if let (false, Some(line)) = (self.is_current(&to), lines.first()) {
            self.tell_about(&group.to_string(), line);
        }
        self.command(Command::Directory(DirectoryCommand::List));
    }
}
