//! Writing to somebody who is not there, to a group or to everyone; who comes and goes.

use common::ident::UserId;
use common::limits::AWAY_TEXT;
use common::msg::PresenceStatus;
use serde::{Deserialize, Serialize};

use super::session::{Floor, Pending, Seen, Session};
use super::stage::Stage;
use super::{Queue, Receipts};
use crate::app::grammar::{Request, Switch};
use crate::app::texts::mail;
use crate::app::texts::talk::{self, Acquaintance};
use peer_core::command::{Answer, Command, ContactCommand, DirectoryCommand, MessageCommand, SessionCommand, Ticket};
use peer_core::notice::{
    CallFailed, CallNotice, ContactNotice, DirectoryNotice, MessageNotice, Next, Notice, SessionNotice,
};
use peer_core::persistence::{Conversation, DeliveryStatus};

/// Whose coming and going is told (`line.presence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Presence {
    /// Nobody's.
    Never,
    /// Everybody's, while the person is in a group or in `*`.
    #[default]
    Groups,
    /// Everybody's.
    All,
}

impl Session {
    /// With whom the person speaks now.
    pub(super) fn speaks_with(&self) -> Option<Conversation> {
        match &self.floor {
            Floor::Conversation(with) => Some(Conversation::User(with.clone())),
            Floor::Writing(to) => Some(to.clone()),
            Floor::Destination | Floor::Calling { .. } => None,
        }
    }

    /// The person chooses with whom to speak.
    pub(super) fn enter(&mut self, to: Conversation, stage: &mut Stage) {
        match to {
            Conversation::User(user) => self.call(user, stage),
            Conversation::Group(group) => self.enter_group(group, stage),
            Conversation::Everyone => {
                stage.say(mail::EVERYONE);
                self.write_to(Conversation::Everyone, stage);
            }
        }
    }

    /// What is typed from now on goes to `to`, by mail.
    pub(super) fn write_to(&mut self, to: Conversation, stage: &mut Stage) {
        if let Floor::Conversation(current) = &self.floor {
            self.standing.push((current.clone(), Seen::Yes));
        }
        self.catch_up(to.clone(), stage);
        self.floor = Floor::Writing(to);
        self.take_up_entry(stage);
    }

    /// Whoever was called is not there, and mail reaches them.
    fn offline(&mut self, with: UserId, stage: &mut Stage) {
        if matches!(&self.floor, Floor::Calling { to, .. } if *to == with) {
            self.known.insert(with.clone());
            if stage.options.queue == Queue::Forbidden {
                stage.say(&talk::call_failed(&with, &CallFailed::NotFound, Acquaintance::Known));
                return self.give_call_up(stage);
            }
            stage.say(&mail::offline(&with));
            self.write_to(Conversation::User(with), stage);
        }
    }

    pub(super) fn send(&mut self, to: Conversation, text: String, stage: &mut Stage) {
        self.unsent.asked(&to);
        stage.command(Command::Message(MessageCommand::Send { to, text, ticket: Ticket::default() }));
    }

    /// Requests that concern mail and groups.
    pub(super) fn mail_request(&mut self, request: Request, stage: &mut Stage) {
        match request {
            Request::Group { wish, group } => self.wish(wish, group, stage),
            Request::Away(text) => away(text, stage),
            Request::History(count) => match self.speaks_with() {
                Some(with) => {
                    self.pending = Some(Pending::Answer);
                    self.look_back(with, count, stage);
                }
                None => stage.say(mail::WHOM),
            },
            Request::Find(words) => {
                self.wait_for(Pending::Answer, Command::Message(MessageCommand::Find { words }), stage)
            }
            Request::Why(of) => match of.or_else(|| self.speaks_with()) {
                Some(of) => self.wait_for(Pending::Answer, Command::Message(MessageCommand::Why { of }), stage),
                None => stage.say(mail::WHOM),
            },
            Request::Block(user) if user == self.user => {
                stage.say(&talk::call_failed(&user, &CallFailed::Yourself, Acquaintance::Known));
            }
            Request::Block(user) => {
                self.wait_for(Pending::Decision(user.clone()), Command::Contact(ContactCommand::Block { user }), stage)
            }
            Request::Unblock(user) => {
                self.wait_for(Pending::Answer, Command::Contact(ContactCommand::Unblock { user }), stage)
            }
            Request::Receipts(switch) => {
                let answer = if switch == Switch::On { Answer::Yes } else { Answer::No };
                stage.command(Command::Message(MessageCommand::ReadReceipts(answer)));
                stage.say(mail::receipts(answer));
            }
            Request::Terminals => self.wait_for(Pending::Answer, Command::Session(SessionCommand::Terminals), stage),
            Request::RemoveTerminal(number) => {
                let place = number.checked_sub(1).and_then(|place| self.terminals.get(place));
                let command = match place.copied() {
                    Some(terminal) => Command::Session(SessionCommand::RemoveTerminal { terminal }),
                    // Numbers are those of the list, so that is shown first.
                    None => Command::Session(SessionCommand::Terminals),
                };
                self.wait_for(Pending::Answer, command, stage);
            }
            _ => {}
        }
    }

    /// Asks for something that is answered before the next prompt.
    fn wait_for(&mut self, answer: Pending, command: Command, stage: &mut Stage) {
        self.pending = Some(answer);
        stage.command(command);
    }

    pub(super) fn answered(&mut self) {
        self.pending.take_if(|pending| *pending == Pending::Answer);
    }

    /// Notices that concern mail and groups.
    pub(super) fn mail_notice(&mut self, notice: Notice, stage: &mut Stage) {
        match notice {
            Notice::Message(MessageNotice::Arrived(arrivals)) => self.arrived(arrivals, stage),
            Notice::Call(CallNotice::Offline { with }) => self.offline(with, stage),
            Notice::Message(MessageNotice::Waiting { to, waiting, next }) => self.waits(&to, waiting, &next, stage),
            Notice::Message(MessageNotice::Sent { ticket: Some(_), record }) => {
                self.unsent.kept(&record.name.conversation, record.name.id);
            }
            Notice::Message(MessageNotice::Marked { to, ids, mark, late }) => {
                self.unsent.marked(&to, &ids);
                if !late && stage.options.receipts == Receipts::All {
                    mail::has_come(&to, ids.len(), mark).iter().for_each(|line| stage.say(line));
                }
                if late && matches!(mark, DeliveryStatus::Delivered | DeliveryStatus::Read) {
                    stage.say(&mail::delivered_late(&to, ids.len()));
                }
            }
            Notice::Message(MessageNotice::NotSent { to, text, why, .. }) => {
                self.unsent.not_sent(&to);
                self.habits.not_sent(&to, &text, &why);
                stage.say(&mail::not_sent(&to, &text, &why));
            }
            Notice::Message(MessageNotice::Explained { of, messages }) => {
                self.answered();
                mail::explained(&of, &messages).iter().for_each(|line| stage.say(line));
            }
            Notice::Message(MessageNotice::History { with, records, unread }) => {
                self.looked_back(&with, &records, unread, stage)
            }
            Notice::Message(MessageNotice::Found { words, records }) => {
                self.answered();
                self.found(&words, &records, stage);
            }
            Notice::Directory(DirectoryNotice::Presence { user, status, text }) => {
                self.presence(&user, status, text.as_deref(), stage)
            }
            Notice::Group { group, news } => self.group_news(&group, &news, stage),
            Notice::Message(MessageNotice::Frozen { with, why }) => {
                if let Conversation::Group(group) = &with {
                    self.pending.take_if(|pending| *pending == Pending::Group(group.clone()));
                }
                stage.say(&mail::frozen(&with, &why));
            }
            Notice::Message(MessageNotice::Lost { count }) => stage.say(&mail::mail_lost(count)),
            Notice::Session(SessionNotice::NewTerminal) => stage.say(mail::NEW_TERMINAL),
            Notice::Contact(ContactNotice::Unblocked { user }) => {
                self.answered();
                stage.say(&mail::unblocked(&user));
            }
            Notice::Session(SessionNotice::Terminals { this, all }) => {
                self.answered();
                mail::terminals(this, &all).iter().for_each(|line| stage.say(line));
                self.terminals = all;
            }
            _ => {}
        }
    }

    fn waits(&mut self, to: &Conversation, waiting: usize, next: &Next, stage: &mut Stage) {
        self.unsent.wait(to, next);
        // Where the person knows that nobody is there, nothing more is said.
        let said = self.floor == Floor::Writing(to.clone()) && *next == Next::Receiver;
        if let Some(words) = mail::waiting(to, waiting, next).filter(|_| !said) {
            stage.say(&words);
        }
    }

    fn presence(&mut self, user: &UserId, status: PresenceStatus, text: Option<&str>, stage: &mut Stage) {
        self.known.insert(user.clone());
        match status {
            PresenceStatus::Offline => drop(self.gone.insert(user.clone(), stage.date)),
            _ => drop(self.gone.remove(user)),
        }
        let in_group = matches!(&self.floor, Floor::Writing(Conversation::Group(_) | Conversation::Everyone));
        let here = self.floor == Floor::Writing(Conversation::User(user.clone()));
        let told = match stage.options.presence {
            _ if self.habits.is_muted(&Conversation::User(user.clone())) => false,
            Presence::Never => false,
            Presence::Groups => in_group || here,
            Presence::All => true,
        };
        if told && let Some(words) = mail::presence(user, status, text) {
            stage.say(&words);
        }
    }

    /// Leaves what is being written to.
    pub(super) fn stop_writing(&mut self, words: &str, stage: &mut Stage) {
        stage.say(words);
        self.back_to(Floor::Destination, stage);
    }
}

/// `/away` and `/back`.
fn away(text: Option<String>, stage: &mut Stage) {
    let text = text.map(|text| text.replace('\n', " "));
    if text.as_ref().is_some_and(|text| text.len() > AWAY_TEXT) {
        return stage.say(mail::AWAY_TOO_LONG);
    }
    stage.say(&mail::away(text.as_deref()));
    stage.command(Command::Directory(DirectoryCommand::Away { text }));
}
