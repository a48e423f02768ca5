//! What the engine tells, and where it is shown.

use std::time::Duration;

use common::ident::UserId;

use super::chat::{Link, Message};
use super::page::plain;
use super::roster::Here;
use super::view::{Awaited, Directory, View};
use super::{Focus, Output};
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{self, failure, files, format, mail, screen};
use peer_core::command::{Command, ContactCommand, DirectoryCommand, MessageCommand};
use peer_core::notice::{
    AfterLoss, CallFailed, CallNotice, CallerRefused, ContactNotice, DirectoryNotice, EndedBy, FileNotice, KeyState,
    MessageNotice, Next, Notice, SessionNotice,
};
use peer_core::persistence::{Conversation, DeliveryStatus, StoredMessage};

impl View {
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Message(MessageNotice::Text { from, text, id, date }) => {
                let message =
                    Message { author: from.clone(), id, text, date, mark: DeliveryStatus::Received { read: true } };
                self.said(&Conversation::User(from), message);
            }
            Notice::Message(MessageNotice::Arrived(arrivals)) => {
                for arrival in arrivals {
                    let (author, id, text, date) = (arrival.from, arrival.id, arrival.text, arrival.date);
                    let message = Message { author, id, text, date, mark: DeliveryStatus::Received { read: false } };
                    self.said(&arrival.conversation, message);
                }
            }
            Notice::Message(MessageNotice::Sent { record, .. }) => {
                let to = record.name.conversation.clone();
                self.chat(&to).say(record.into());
            }
            Notice::Message(MessageNotice::Marked { to, ids, mark, .. }) => {
                let me = self.me.clone();
                self.chat(&to).mark(&me, &ids, mark);
            }
            Notice::Message(MessageNotice::Waiting { to, waiting, next }) => {
                // Of somebody who is not there the title says how many wait.
                if let Some(words) = mail::waiting(&to, waiting, &next).filter(|_| next != Next::Receiver) {
                    self.note(&to, &words);
                }
            }
            Notice::Message(MessageNotice::NotSent { to, text, why, .. }) => {
                self.note(&to, &mail::not_sent(&to, &text, &why));
                if !self.is_current(&to) {
                    self.tell(&mail::not_sent(&to, &text, &why));
                } else if self.typed.is_empty() {
                    self.put(Output::Entry(text));
                }
            }
            Notice::Message(MessageNotice::History { with, records, unread }) => self.recalled(&with, records, unread),
            Notice::Message(MessageNotice::Found { words, records }) => {
                if records.is_empty() {
                    return self.tell(&mail::found(&words, 0));
                }
                self.show_found(plain(&mail::found(&words, records.len())).to_owned(), records);
            }
            Notice::Message(MessageNotice::Explained { of, messages }) => {
                if self.awaits(&Awaited::Why) {
                    self.show_page(&of.to_string(), &mail::explained(&of, &messages));
                }
            }
            Notice::Session(SessionNotice::Terminals { this, all }) => {
                if self.awaits(&Awaited::Terminals) {
                    self.show_page(screen::TERMINALS, &mail::terminals(this, &all));
                }
                self.terminals = all;
            }
            Notice::Directory(DirectoryNotice::People { people, groups }) => {
                if self.awaits(&Awaited::List) {
                    self.show_page(screen::PEOPLE, &format::people(&people, &groups, |_| None));
                }
                let unread = people.iter().map(|person| (Conversation::User(person.user.clone()), person.unread));
                let in_groups = groups.iter().map(|group| (Conversation::Group(group.group.clone()), group.unread));
                for (to, unread) in unread.chain(in_groups) {
                    if unread > 0 && !self.is_current(&to) {
                        let chat = self.chat(&to);
                        chat.unread = chat.unread.max(unread);
                    }
                }
                self.roster.listed(&people, groups);
                self.roster.people.remove(&self.me);
            }
            Notice::Directory(DirectoryNotice::NoPeople) => {
                let asked = self.awaits(&Awaited::List);
                self.awaited.clear();
                if asked {
                    self.tell(talk::NO_LIST);
                }
            }
            Notice::Directory(DirectoryNotice::Presence { user, status, text }) => {
                if user != self.me {
                    self.roster.presence(&user, status, text.as_deref(), self.now.date);
                }
            }
            Notice::Group { group, news } => self.group_news(&group, &news),
            notice => self.call_notice(notice),
        }
    }

    fn call_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Call(CallNotice::Established { with }) => self.connected(&with, talk::ESTABLISHED),
            Notice::Call(CallNotice::Received { from }) => self.received(from),
            Notice::Call(CallNotice::Ended { with, by }) => self.ended(&with, by),
            Notice::Call(CallNotice::LinkLost { with, then }) => {
                let to = Conversation::User(with.clone());
                let link = if then == AfterLoss::CalledAgain { Link::Calling } else { Link::None };
                self.chat(&to).link = link;
                self.note(&to, &talk::lost(&with, then));
            }
            Notice::Call(CallNotice::Failed { to, why }) => self.call_failed(&to, &why),
            Notice::Call(CallNotice::Offline { with }) => {
                let to = Conversation::User(with.clone());
                self.roster.meet(&with).here = Here::Offline;
                self.chat(&to).link = Link::None;
                self.note(&to, &mail::offline(&with));
            }
            Notice::Call(CallNotice::Asked { from }) => self.asked(from),
            Notice::Call(CallNotice::AskedNoMore { from }) => self.asked_no_more(&from),
            Notice::Contact(ContactNotice::KeyChanged { of, since, old, new }) => self.key_changed(of, since, old, new),
            Notice::Contact(ContactNotice::KeyDecided { of, decision }) => self.key_decided(&of, decision),
            Notice::Contact(ContactNotice::SafetyNumber { with, digits, .. }) => self.safety_number(with, digits),
            Notice::Contact(ContactNotice::NumberConfirmed { with, verified }) => {
                self.number_confirmed(&with, verified)
            }
            Notice::Contact(ContactNotice::Unblocked { user }) => {
                self.roster.meet(&user).key = KeyState::NotVerified;
                self.note(&Conversation::User(user.clone()), &mail::unblocked(&user));
                self.command(Command::Directory(DirectoryCommand::List));
            }
            notice => self.other_notice(notice),
        }
    }

    fn other_notice(&mut self, notice: Notice) {
        match notice {
            // Shown together with KeyChanged, which says more.
            Notice::Call(CallNotice::CallerRefused { why: CallerRefused::KeyChanged, .. }) => {}
            Notice::Call(CallNotice::CallerRefused { claimed, source, why }) => {
                self.tell(&talk::caller_refused(claimed.as_ref(), source.ip(), why));
            }
            Notice::Message(MessageNotice::Frozen { with, why }) => {
                self.note(&with, &mail::frozen(&with, &why));
                self.tell(&mail::frozen(&with, &why));
            }
            Notice::File(FileNotice::News { file, news }) => self.file_news(file, news),
            Notice::File(FileNotice::All(all)) => self.show_page(screen::FILES, &files::list(&all)),
            Notice::File(FileNotice::Unknown { number }) => self.tell(&files::unknown(number)),
            Notice::File(FileNotice::NotRead { path, detail }) => self.tell(&files::not_read(&path, &detail)),
            Notice::File(FileNotice::NotOffered { to, name, why }) => self.tell(&files::not_offered(&to, &name, why)),
            Notice::Message(MessageNotice::Lost { count }) => self.tell(&mail::mail_lost(count)),
            Notice::Session(SessionNotice::NewTerminal) => self.tell(mail::NEW_TERMINAL),
            Notice::Session(SessionNotice::PasscodeChanged) => self.passcode_changed(),
            Notice::Session(SessionNotice::PasscodeNotChanged(why)) => self.passcode_not_changed(why),
            Notice::Session(SessionNotice::FormerPasscode) => self.tell(texts::passcode::FORMER),
            Notice::Session(SessionNotice::AlsoElsewhere { user }) => self.tell(&texts::also_elsewhere(&user)),
            Notice::Directory(DirectoryNotice::Lost { retry_in }) => {
                self.directory = Directory::Lost { retry: self.now.instant + Duration::from_secs(retry_in) };
                self.tell(&texts::server_lost(retry_in));
            }
            Notice::Directory(DirectoryNotice::NotItself(failure)) => {
                self.tell(&failure::report(&failure).lines.join(" "));
            }
            Notice::Directory(DirectoryNotice::Back) => {
                self.directory = Directory::Here;
                self.tell(texts::SERVER_BACK);
                self.command(Command::Directory(DirectoryCommand::List));
            }
            Notice::Session(SessionNotice::NotKept { detail }) => self.tell(&texts::not_kept(&detail)),
            Notice::Directory(DirectoryNotice::TooFast { retry_after }) => self.tell(&texts::too_fast(retry_after)),
            // They belong to the entrance, or are taken before they come here.
            _ => {}
        }
    }

    /// Somebody else said something.
    fn said(&mut self, to: &Conversation, message: Message) {
        let here = self.is_current(to);
        let seen = here && self.focus == Focus::In;
        let named = mentions(&message.text, &self.me);
        let (author, text) = (message.author.clone(), message.text.clone());
        self.roster.meet(&author);
        let chat = self.chat(to);
        let number = chat.next_number();
        chat.say(message);
        if chat.next_number() == number {
            return;
        }
        if !seen {
            chat.unread += 1;
            chat.mentioned |= named && !matches!(to, Conversation::User(_));
        }
        if here && !seen {
            chat.news.get_or_insert(number);
        }
        self.alert(to, &author, &text, named);
        if seen {
            self.command(Command::Message(MessageCommand::Seen { with: to.clone() }));
        }
    }

    /// Says something in a conversation.
    fn note(&mut self, to: &Conversation, words: &str) {
        let date = self.now.date;
        self.chat(to).note(date, words);
    }

    fn connected(&mut self, with: &UserId, words: &str) {
        let to = Conversation::User(with.clone());
        self.chat(&to).link = Link::Up;
        self.note(&to, words);
        let known = self.roster.meet(with);
        if matches!(known.here, Here::Offline | Here::Unknown) {
            known.here = Here::Online { since: None };
        }
        if known.key == KeyState::NotVerified {
            self.note(&to, &screen::first_key(with));
        }
        self.command(Command::Contact(ContactCommand::SafetyNumber { with: with.clone() }));
    }

    fn received(&mut self, from: UserId) {
        let to = Conversation::User(from.clone());
        self.connected(&from, &talk::received(&from));
        if self.current.is_none() {
            self.show(to);
        } else if !self.is_current(&to) {
            self.chat(&to).incoming_call = true;
            if self.is_muted(&to) {
                return;
            }
            self.tell_about(from.as_str(), &screen::wants_to_talk(&from));
        }
    }

    fn ended(&mut self, with: &UserId, by: EndedBy) {
        let to = Conversation::User(with.clone());
        let stood = self.chat(&to).link != Link::None;
        self.chat(&to).link = Link::None;
        self.chat(&to).incoming_call = false;
        if stood && by == EndedBy::Them {
            self.note(&to, talk::ENDED);
            if !self.is_current(&to) {
                self.tell(&talk::other_ended(with));
            }
        }
    }

    fn call_failed(&mut self, to: &UserId, why: &CallFailed) {
        let place = Conversation::User(to.clone());
        if self.awaits(&Awaited::Number(to.clone())) {
            return self.tell(&talk::no_key(to));
        }
        if self.chat(&place).link != Link::Calling {
            return;
        }
        self.chat(&place).link = Link::None;
        if *why == CallFailed::Blocked {
            self.roster.meet(to).key = KeyState::Blocked;
        }
        let known = self.roster.known(to).here != Here::Unknown;
        let acquaintance = if known { Acquaintance::Known } else { Acquaintance::Stranger };
        self.note(&place, &talk::call_failed(to, why, acquaintance));
    }

    fn recalled(&mut self, with: &Conversation, records: Vec<StoredMessage>, unread: usize) {
        let me = self.me.clone();
        let here = self.is_current(with);
        let chat = self.chat(with);
        chat.recall(records);
        if unread > 0 && chat.news.is_none() {
            chat.mark_news(&me, unread);
        }
        if here {
            self.saw(with);
        }
        self.seek();
    }
}

/// Whether a text calls somebody by name.
fn mentions(text: &str, user: &UserId) -> bool {
    let text = text.to_lowercase();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .any(|word| word.trim_end_matches(['.', '-']) == user.as_str())
}
