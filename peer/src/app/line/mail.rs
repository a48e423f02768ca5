//! Writing to somebody who is not there, to a group or to everyone; who comes and goes.

use common::ident::UserId;
use common::limits::AWAY_TEXT;
use common::msg::PresenceStatus;
use serde::{Deserialize, Serialize};

use super::outputs::Outputs;
use super::pending::{Pending, Reading};
use super::question::Question;
use super::session::{Focus, Seen, Session};
use super::{Queue, Receipts};
use crate::app::grammar::{Request, Switch};
use crate::app::passwd::Purpose;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{files, help, local_commands, mail};
use peer_core::command::{
    Answer, CallCommand, Command, ContactCommand, DirectoryCommand, MessageCommand, SessionCommand, Ticket,
};
use peer_core::model::{Conversation, DeliveryStatus};
use peer_core::notice::{CallFailed, MessageNotice, Next};

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
        match &self.focus {
            Focus::Conversation(with) => Some(Conversation::User(with.clone())),
            Focus::Writing(to) => Some(to.clone()),
            Focus::Destination | Focus::Calling { .. } => None,
        }
    }

    /// The person chooses with whom to speak.
    pub(super) fn enter(&mut self, to: Conversation, outputs: &mut Outputs) {
        match to {
            Conversation::User(user) => self.call(user, outputs),
            Conversation::Group(group) => self.enter_group(group, outputs),
            Conversation::Everyone => {
                outputs.say(mail::EVERYONE);
                self.write_to(Conversation::Everyone, outputs);
            }
        }
    }

    /// What is typed from now on goes to `to`, by mail.
    pub(super) fn write_to(&mut self, to: Conversation, outputs: &mut Outputs) {
        if let Focus::Conversation(current) = &self.focus {
            self.standing.push((current.clone(), Seen::Yes));
        }
        self.catch_up(to.clone(), outputs);
        self.focus = Focus::Writing(to);
        self.take_up_entry(outputs);
    }

    /// Whoever was called is not reached, for this reason and in these words, and mail reaches them.
    pub(super) fn by_mail(&mut self, words: &str, with: UserId, why: &CallFailed, outputs: &mut Outputs) {
        if matches!(&self.focus, Focus::Calling { to, .. } if *to == with) {
            if outputs.options.queue == Queue::Forbidden {
                outputs.say(&talk::call_failed(&with, why, Acquaintance::Known));
                outputs.command(Command::Call(CallCommand::End { with }));
                return self.give_call_up(outputs);
            }
            outputs.say(words);
            self.write_to(Conversation::User(with), outputs);
        }
    }

    pub(super) fn send(&mut self, to: Conversation, text: String, outputs: &mut Outputs) {
        self.unsent.asked(&to);
        outputs.command(Command::Message(MessageCommand::Send { to, text, ticket: Ticket::default() }));
    }

    /// Requests that concern mail and groups.
    pub(super) fn mail_request(&mut self, request: Request, outputs: &mut Outputs) {
        match request {
            Request::Group { wish, group } => self.wish(wish, group, outputs),
            Request::Away(text) => away(text, outputs),
            Request::History { with, count } => match with.or_else(|| self.speaks_with()) {
                Some(with) => {
                    self.look_back(with, count, Reading::Asked, outputs);
                }
                None => outputs.say(&help::needs_whom("history")),
            },
            Request::Find(words) => outputs.ask(Pending::Answer, Command::Message(MessageCommand::Find { words })),
            Request::Why(of) => match of.or_else(|| self.speaks_with()) {
                Some(of) => outputs.ask(Pending::Answer, Command::Message(MessageCommand::Why { of })),
                None => outputs.say(&help::needs_whom("why")),
            },
            Request::Block(user) if user == *self.me() => {
                outputs.say(&talk::call_failed(&user, &CallFailed::Yourself, Acquaintance::Known));
            }
            Request::Block(user) => {
                outputs.ask(Pending::Decision(user.clone()), Command::Contact(ContactCommand::Block { user }))
            }
            Request::Unblock(user) => outputs.ask(Pending::Answer, Command::Contact(ContactCommand::Unblock { user })),
            Request::Receipts(switch) => {
                let answer = if switch == Switch::On { Answer::Yes } else { Answer::No };
                outputs.command(Command::Message(MessageCommand::ReadReceipts(answer)));
                outputs.say(mail::receipts(answer));
            }
            Request::Terminals => outputs.ask(Pending::Answer, Command::Session(SessionCommand::Terminals)),
            Request::RemoveTerminal(number) => {
                match self.model.account.terminal(number) {
                    Some(terminal) => self.begin_passwd(Purpose::Removal(terminal), outputs),
                    // Numbers are those of the list, so that is shown first.
                    None => outputs.ask(Pending::Answer, Command::Session(SessionCommand::Terminals)),
                }
            }
            Request::Help(_)
            | Request::List
            | Request::Switch(_)
            | Request::End
            | Request::Logout
            | Request::Verify(_)
            | Request::Passwd
            | Request::NewKey
            | Request::Version
            | Request::OfferFile { .. }
            | Request::File { .. }
            | Request::Files
            | Request::Here(_) => {}
        }
    }

    pub(super) fn message_notice(&mut self, notice: MessageNotice, outputs: &mut Outputs) {
        match notice {
            MessageNotice::Text { from, text, .. } => self.show(&from, &text, outputs),
            MessageNotice::Arrived(arrivals) => self.arrived(arrivals, outputs),
            MessageNotice::Waiting { to, waiting, next } => self.waits(&to, waiting, &next, outputs),
            MessageNotice::Sent { ticket: Some(_), record } => {
                self.unsent.kept(&record.name.conversation, record.name.id, outputs.now);
            }
            // Written at another terminal, and looked up where somebody wants to read it.
            MessageNotice::Sent { ticket: None, .. } => {}
            MessageNotice::Marked { to, ids, mark, late } => {
                self.unsent.marked(&to, &ids);
                if !late && outputs.options.receipts == Receipts::All {
                    mail::has_come(&to, ids.len(), mark).iter().for_each(|line| outputs.say(line));
                }
                if late && matches!(mark, DeliveryStatus::Delivered | DeliveryStatus::Read) {
                    outputs.say(&mail::delivered_late(&to, ids.len()));
                }
            }
            MessageNotice::Withdrawn { to, id, text, users, reason } => {
                outputs.say(&mail::withdrawn(&to, &text, &users, reason));
                self.habits.withdrawn(to, id, text);
            }
            MessageNotice::Again { to, id, text, .. } => {
                outputs.close(|pending| *pending == Pending::Answer);
                self.habits.sent_again(id);
                outputs.say(&local_commands::sent_again(&to, &text));
            }
            MessageNotice::Readers { to, id, text, users, .. } => {
                outputs.close(|pending| *pending == Pending::Answer);
                self.put_entry_away(outputs);
                self.ask(Question::Again { to, id, text, users }, outputs);
            }
            MessageNotice::NotFailed { .. } => {
                outputs.close(|pending| *pending == Pending::Answer);
                outputs.say(local_commands::NOTHING_TO_RETRY);
            }
            MessageNotice::NotSent { to, text, why, .. } => {
                self.unsent.not_sent(&to);
                self.habits.not_sent(&to, &text, &why);
                outputs.say(&mail::not_sent(&to, &text, &why));
            }
            MessageNotice::NoSuchUser { user, texts, near } => {
                outputs.say(&mail::no_such_user(&user, texts, near.as_ref()));
            }
            MessageNotice::Explained { of, messages } => {
                outputs.close(|pending| *pending == Pending::Answer);
                mail::explained(&of, &messages, &outputs.options.zone).iter().for_each(|line| outputs.say(line));
                let line = self.model.conversations.connection(&of).and_then(talk::connection);
                if let Some(line) = line {
                    outputs.say(&line);
                }
                if let Some((with, at)) = self.model.vouched(&of) {
                    outputs.say(&talk::vouched(with, at, outputs.date, &outputs.options.zone));
                }
                self.model.transfers.waiting(&of).filter_map(files::waiting).for_each(|line| outputs.say(&line));
            }
            MessageNotice::History { with, records, unread } => self.looked_back(&with, &records, unread, outputs),
            MessageNotice::Found { words, records } => {
                outputs.close(|pending| *pending == Pending::Answer);
                self.found(&words, &records, outputs);
            }
            MessageNotice::Frozen { with, why } => {
                if let Conversation::Group(group) = &with {
                    outputs.close(|pending| *pending == Pending::Group(group.clone()));
                }
                outputs.say(&mail::frozen(&with, &why));
            }
            MessageNotice::Dropped { with, from, why } => outputs.say(&mail::dropped(&with, &from, &why)),
            MessageNotice::Lost { count } => outputs.say(&mail::mail_lost(count)),
        }
    }

    fn waits(&mut self, to: &Conversation, waiting: usize, next: &Next, outputs: &mut Outputs) {
        self.unsent.wait(to, next);
        // Where the person knows that nobody is there, nothing more is said.
        let said = self.focus == Focus::Writing(to.clone()) && *next == Next::Receiver;
        if let Some(words) = mail::waiting(to, waiting, next).filter(|_| !said) {
            outputs.say(&words);
        }
    }

    pub(super) fn presence(
        &mut self,
        user: &UserId,
        status: PresenceStatus,
        text: Option<&str>,
        outputs: &mut Outputs,
    ) {
        let in_group = matches!(&self.focus, Focus::Writing(Conversation::Group(_) | Conversation::Everyone));
        let here = self.focus == Focus::Writing(Conversation::User(user.clone()));
        let told = match outputs.options.presence {
            _ if self.model.muted.contains(&Conversation::User(user.clone())) => false,
            Presence::Never => false,
            Presence::Groups => in_group || here,
            Presence::All => true,
        };
        if told && let Some(words) = mail::presence(user, status, text) {
            outputs.say(&words);
        }
    }

    /// Leaves what is being written to; no way to them is looked for any more.
    pub(super) fn stop_writing(&mut self, words: &str, outputs: &mut Outputs) {
        if let Focus::Writing(Conversation::User(with)) = &self.focus
            && self.sought.remove(with)
        {
            outputs.command(Command::Call(CallCommand::End { with: with.clone() }));
        }
        outputs.say(words);
        self.back_to(Focus::Destination, outputs);
    }
}

/// `/away` and `/back`.
fn away(text: Option<String>, outputs: &mut Outputs) {
    let text = text.map(|text| text.replace('\n', " "));
    if text.as_ref().is_some_and(|text| text.len() > AWAY_TEXT) {
        return outputs.say(mail::AWAY_TOO_LONG);
    }
    outputs.say(&mail::away(text.as_deref()));
    outputs.command(Command::Directory(DirectoryCommand::Away { text }));
}
