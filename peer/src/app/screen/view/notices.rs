//! What the engine tells of the session, the directory, contacts and files, and where it is shown. Calls are in
//! [`super::calls`], messages in [`super::mail`], groups in [`super::groups`].

use super::page::{Standing, plain};
use super::{Awaited, View};
use crate::app::texts::{self, failure, files, format, mail, screen, talk};
use peer_core::command::{Command, DirectoryCommand};
use peer_core::model::Conversation;
use peer_core::notice::{
    ContactNotice, DirectoryNotice, FileNotice, ListedGroup, NotChanged, Notice, Person, SessionNotice,
};

impl View {
    pub(super) fn notice(&mut self, notice: Notice) {
        let link_before = self.link_before(&notice);
        self.model.learn(self.now, &notice);
        match notice {
            Notice::Session(notice) => self.session_notice(notice),
            Notice::Directory(notice) => self.directory_notice(notice),
            Notice::Call(notice) => self.call_notice(notice, link_before),
            Notice::Message(notice) => self.message_notice(notice),
            Notice::Contact(notice) => self.contact_notice(notice),
            Notice::Group { group, news } => self.group_news(&group, &news),
            Notice::File(notice) => self.file_notice(notice),
            // For programs.
            Notice::Journal(_) => {}
        }
    }

    fn session_notice(&mut self, notice: SessionNotice) {
        match notice {
            SessionNotice::Terminals { this, all } => {
                if self.awaits(&Awaited::Terminals) {
                    self.show_page(screen::TERMINALS, &mail::terminals(this, &all));
                }
            }
            SessionNotice::NewTerminal => self.tell(mail::NEW_TERMINAL),
            SessionNotice::Forgot { messages } => self.tell(&texts::forgot(messages)),
            SessionNotice::PasscodeChanged => self.tell(texts::passcode::CHANGED),
            SessionNotice::KeyReplaced => self.tell(texts::passcode::NEW_KEY),
            SessionNotice::KeyTakenOver => self.tell(texts::passcode::KEY_TAKEN),
            SessionNotice::PasscodeNotChanged(why) => self.tell(&texts::passcode::not_changed(why)),
            // Asked only of a passcode that is not the one known here.
            SessionNotice::PasscodeProved => self.tell(&texts::passcode::not_changed(NotChanged::Meanwhile)),
            SessionNotice::TerminalNotRemoved(why) => self.tell(&texts::passcode::terminal_not_removed(why)),
            SessionNotice::FormerPasscode => self.tell(texts::passcode::FORMER),
            SessionNotice::AlsoElsewhere { user } => self.tell(&texts::also_elsewhere(&user)),
            SessionNotice::StoreFailed { at, detail } => self.tell(&texts::store_failed(at, &detail)),
            // They belong to the login, or are taken before they come here.
            SessionNotice::FirstContact { .. }
            | SessionNotice::OlderVault { .. }
            | SessionNotice::Identified { .. }
            | SessionNotice::WouldForget { .. }
            | SessionNotice::InviteProved { .. }
            | SessionNotice::Registered { .. }
            | SessionNotice::RegisterRefused { .. }
            | SessionNotice::LoginRefused { .. }
            | SessionNotice::LoggedIn { .. }
            | SessionNotice::LoggedOut { .. }
            | SessionNotice::Failed(_) => {}
        }
    }

    fn directory_notice(&mut self, notice: DirectoryNotice) {
        match notice {
            DirectoryNotice::People { people, groups } => self.listed(&people, &groups),
            DirectoryNotice::NoPeople => {
                if self.awaits(&Awaited::List) {
                    self.tell(talk::NO_LIST);
                }
            }
            DirectoryNotice::Restored { again, groups } => {
                mail::restored(again, &groups).iter().for_each(|line| self.tell(line));
            }
            DirectoryNotice::Lost { why, .. } => {
                self.tell_standing(Standing::Directory, &texts::server_is_lost(why));
            }
            DirectoryNotice::NotItself(why) => self.tell(&failure::report(&why, &self.zone).lines.join(" ")),
            DirectoryNotice::Back => {
                self.tell_standing(Standing::Directory, texts::SERVER_BACK);
                self.command(Command::Directory(DirectoryCommand::List));
            }
            DirectoryNotice::Refused(why) => self.tell(&texts::refused(why)),
            // The list shows it, and the title.
            DirectoryNotice::Presence { .. } | DirectoryNotice::StillLost { .. } => {}
        }
    }

    fn listed(&mut self, people: &[Person], groups: &[ListedGroup]) {
        if self.awaits(&Awaited::List) {
            self.show_page(screen::PEOPLE, &format::people(people, groups, |_| None, &self.zone));
        }
        if let Some(to) = self.current.clone().filter(|_| self.looks_here()) {
            self.model.conversations.saw(&to);
        }
    }

    fn contact_notice(&mut self, notice: ContactNotice) {
        match notice {
            ContactNotice::KeyChanged { of, how, since, old, new } => self.key_changed((of, how, since), old, new),
            ContactNotice::KeyDecided { of, decision } => self.key_decided(&of, decision),
            ContactNotice::SafetyNumber { with, digits, .. } => self.safety_number(with, digits),
            ContactNotice::NumberConfirmed { with, verified } => self.number_confirmed(&with, verified),
            ContactNotice::Unblocked { user } => {
                self.note(&Conversation::User(user.clone()), &mail::unblocked(&user));
                self.command(Command::Directory(DirectoryCommand::List));
            }
        }
    }

    fn file_notice(&mut self, notice: FileNotice) {
        match notice {
            FileNotice::News { file, news } => self.file_news(&file, &news),
            FileNotice::All(all) => self.show_page(screen::FILES, &files::list(&all)),
            FileNotice::Unknown { number } => self.tell(&files::unknown(number)),
            FileNotice::NotRead { path, detail } => self.tell(&files::not_read(&path, &detail)),
            FileNotice::NotOffered { to, name, why } => self.tell(&files::not_offered(&to, &name, &why)),
        }
    }

    /// Says something in a conversation.
    pub(super) fn note(&mut self, to: &Conversation, words: &str) {
        let date = self.now.date;
        self.chat(to).note(date, words);
    }

    /// What a search has found is chosen from; nothing is said.
    pub(super) fn show_search(&mut self, words: &str, records: Vec<peer_core::model::StoredMessage>) {
        let title = mail::found(words, records.len());
        if records.is_empty() {
            return self.tell(&title);
        }
        self.show_found(plain(&title).to_owned(), records);
    }
}
