//! The engine: one logged-in terminal, as a pure machine.
//!
//! Everything that happens is an [`Input`]; everything to be done is an [`Effect`]. The shell feeds one and carries out
//! the other, in order. Time comes in with each input.
//!
//! Methods go by families, here and in every machine below:
//! - `handle_*` takes something that happened, or an answer to something that was asked
//! - verbs (`send`, `place`, `offer` …) do what a command of the user asks for
//! - `next_*` says what is to be done next, and when: [`Engine::next_deadline`]
//! - `is_*` and nouns answer questions and change nothing

#[cfg(test)]
mod tests;

use std::sync::Arc;

use common::ident::KeyDigest;
use common::msg::{ByeReason, Chat};

use crate::command::{
    Answer, CallCommand, Command, ContactCommand, DirectoryCommand, FileCommand, MessageCommand, SessionCommand,
};
use crate::contacts::Contacts;
use crate::context::Context;
use crate::destinations::Intent;
use crate::event::{Accept, Effect, Input, LinkId, Now, Opening};
use crate::files::model::FilePolicy;
use crate::ids::Ids;
use crate::messaging::Messaging;
use crate::mls::{OwnTerminal, RoomError};
use crate::model::Conversation;
use crate::notice::{CallNotice, DirectoryNotice, EndedBy, Failure, NotSent, SessionNotice};
use crate::persistence::HistoryQuery;
use crate::request::{Aim, Request};
use crate::verify::LocalIdentity;
use crate::vouching::{Kept, Vouching};

/// How long, in seconds, what was just sent may hold up the end of the program. Chosen arbitrarily; it is kept anyway.
const LAST_MAIL: u64 = 5;

/// What the user has decided for good, and who the user is.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who we are.
    pub me: LocalIdentity,
    /// The directory's key.
    pub directory: KeyDigest,
    /// Which calls are taken.
    pub accept: Accept,
    /// Whether others are told what was read.
    pub read_receipts: bool,
    /// Which offers of files are taken.
    pub files: FilePolicy,
}

/// One logged-in terminal.
#[derive(Debug)]
pub struct Engine {
    cx: Context,
    messaging: Messaging,
    /// The user wants to leave; until when what was just sent may hold that up, by the tick clock.
    leaving: Option<u64>,
}

impl Engine {
    /// A terminal that has just announced itself.
    ///
    /// # Errors
    /// [`RoomError`] if there are rooms that this version cannot read.
    pub fn new(setup: Setup, opening: Opening) -> Result<Self, RoomError> {
        let Setup { me, directory, accept, read_receipts, files } = setup;
        let Opening { terminal, certificate, seed, mut rows } = opening;
        let own = Arc::new(OwnTerminal::new(&me.user, terminal, &certificate, seed));
        let contacts = Contacts::new(std::mem::take(&mut rows.contacts));
        let cx = Context::new(me, own, Ids::new(seed), directory, contacts);
        let messaging = Messaging::load(&cx, rows, accept, (read_receipts, files))?;
        Ok(Self { cx, messaging, leaving: None })
    }

    /// With the records of others that were kept.
    #[must_use]
    pub fn with_records(mut self, kept: impl IntoIterator<Item = Kept>) -> Self {
        self.cx.vouching = Vouching::new(kept);
        self
    }

    /// Takes one input; appends what has to be done, in order.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Effect>) {
        self.cx.now = now;
        let wanted = self.handle_input(input);
        self.messaging.route(&mut self.cx, wanted);
        self.messaging.settle(&mut self.cx);
        self.leave_when_sent();
        self.cx.finish(out);
    }

    /// When [`Input::Tick`] is due, by the tick clock.
    pub fn next_deadline(&self) -> Option<u64> {
        self.messaging.next_deadline(&self.cx).into_iter().chain(self.leaving).min()
    }

    /// Logs out, as asked, once what was just sent has left.
    fn leave_when_sent(&mut self) {
        if self.leaving.is_none() {
            return;
        }
        let waits = self.cx.is_up() && self.messaging.is_sending();
        if self.leaving.take_if(|until| !waits || *until <= self.cx.now.tick).is_some() {
            self.messaging.calls.close_everything(&mut self.cx, ByeReason::Ended);
            self.cx.push(Effect::LogOut);
        }
    }

    fn handle_input(&mut self, input: Input) -> Vec<Request> {
        let (cx, machines) = (&mut self.cx, &mut self.messaging);
        match input {
            Input::Command(ticket, command) => {
                cx.answering = Some(ticket);
                return self.command(command);
            }
            Input::Dialed { dial, outcome } => return machines.calls.handle_dialed(cx, dial, outcome),
            Input::Shown { link, record } => machines.calls.handle_shown(link, *record),
            Input::LinkNamed { link, named } => drop(cx.named.insert(link, named)),
            Input::LinkStands { link, way } => drop(cx.ways.insert(link, way)),
            Input::Requested { link, request } => return machines.calls.handle_request(cx, link, request),
            Input::FileRequested { link, request, file, offset } => {
                return machines.calls.handle_file_request(cx, link, request, (file, offset));
            }
            Input::FileRead { ticket, to, name, source, left_out } => {
                cx.answering = Some(ticket);
                return machines.intend(cx, to, Intent::File { name, source, left_out });
            }
            Input::FileProgress { number, done } => machines.files.handle_progress(cx, number, done),
            Input::FileEnded { number, outcome } => return machines.files.handle_end(cx, number, outcome),
            Input::Connected { link } => return machines.calls.handle_connected(cx, link),
            Input::Text { link, chat } => return self.handle_text(link, chat),
            Input::Receipt { link, receipt } => {
                if let Some(by) = cx.links.user_of(link).cloned() {
                    machines.delivery.handle_receipt(cx, &by, &receipt.ids, receipt.state);
                }
            }
            Input::DirectoryMessage { request, message } => {
                return machines.handle_directory_message(cx, request, *message);
            }
            Input::Misunderstood { request } => return machines.directory.handle_misunderstood(cx, request),
            Input::Generation(generation) => machines.mailbox.handle_generation(generation),
            Input::Recalled { name, record } => {
                return machines.delivery.handle_recalled(cx, &name, record.map(|record| *record));
            }
            Input::Began(features) => {
                cx.features = features;
                machines.files.handle_beginning(cx);
                machines.begin_session(cx);
            }
            Input::NotKept { detail } => machines.handle_not_kept(cx, &detail),
            Input::Reopened(opening) => self.reopen(*opening),
            Input::Renewed(opening) => self.renew(*opening),
            Input::Rekeyed(new) => {
                let (key, opening) = *new;
                self.cx.me.key = key;
                self.renew(opening);
            }
            Input::LinkEnded { link, end } => return machines.calls.handle_link_end(cx, link, end),
            Input::DirectoryLost { retry_in, why } => {
                let unanswered = machines.end_session(cx);
                machines.route(cx, unanswered);
                cx.answering = None;
                cx.tell(DirectoryNotice::Lost { retry_in, why });
            }
            Input::DirectoryBack(features) => {
                cx.features = features;
                cx.tell(DirectoryNotice::Back);
                machines.begin_session(cx);
            }
            Input::SessionEnded(why) => {
                let unanswered = machines.end_session(cx);
                machines.route(cx, unanswered);
                cx.answering = None;
                machines.groups.handle_session_over(cx);
                machines.calls.close_everything(cx, ByeReason::Ended);
                cx.tell(SessionNotice::LoggedOut { why });
            }
            Input::Tick => return machines.handle_tick(cx),
        }
        Vec::new()
    }

    fn handle_text(&mut self, link: LinkId, chat: Chat) -> Vec<Request> {
        // A text says as well as CONNECTED that the caller took this link.
        let requests = self.messaging.calls.handle_connected(&mut self.cx, link);
        if let Some(from) = self.cx.links.user_of(link).cloned() {
            self.messaging.delivery.handle_text(&mut self.cx, &from, link, chat);
        }
        requests
    }

    /// The disk would not keep something: goes on from what it has.
    fn reopen(&mut self, opening: Opening) {
        // Texts that came meanwhile were not confirmed; their senders send them by mail when the link has ended.
        for (with, link) in self.cx.links.clear() {
            self.cx.push(Effect::Close { link, reason: ByeReason::Stopping });
            self.cx.tell(CallNotice::Ended { with, by: EndedBy::Us });
        }
        if self.reload(opening) && self.cx.is_up() {
            self.messaging.begin_session(&mut self.cx);
        }
    }

    /// This terminal has become another one.
    fn renew(&mut self, opening: Opening) {
        self.cx.me.terminal = opening.certificate.terminal;
        if self.reload(opening) {
            self.cx.links.renew(self.cx.now.tick);
            self.messaging.handle_links(&self.cx);
        }
    }

    /// Whether what was written can be read.
    fn reload(&mut self, opening: Opening) -> bool {
        let Opening { terminal, certificate, seed, mut rows } = opening;
        self.cx.contacts.reload(std::mem::take(&mut rows.contacts));
        self.cx.own = Arc::new(OwnTerminal::new(&self.cx.me.user, terminal, &certificate, seed));
        self.cx.ids = Ids::new(seed);
        let read = self.messaging.reload(&self.cx, rows);
        if let Err(why) = &read {
            self.cx.push(Effect::Fail(Failure::Internal { detail: why.to_string() }));
        }
        read.is_ok()
    }

    fn command(&mut self, command: Command) -> Vec<Request> {
        let (cx, machines) = (&mut self.cx, &mut self.messaging);
        match command {
            Command::Call(CallCommand::Place { to }) => machines.calls.place(cx, to),
            Command::Call(CallCommand::End { with }) => machines.calls.end(cx, &with),
            Command::Call(CallCommand::Answer { from, answer }) => {
                machines.calls.answer(cx, &from, answer);
                Vec::new()
            }
            Command::Message(command) => self.message_command(command),
            Command::Contact(command) => self.contact_command(command),
            Command::Group { group, wish } => machines.groups.change(cx, group, wish),
            Command::Directory(DirectoryCommand::List) if cx.is_up() => machines.directory.list(),
            Command::Directory(DirectoryCommand::List) => {
                cx.tell(DirectoryNotice::NoPeople);
                Vec::new()
            }
            Command::Directory(DirectoryCommand::Away { text }) => {
                machines.directory.set_away(cx, text);
                Vec::new()
            }
            Command::File(FileCommand::Change { number, wish }) => machines.files.change(cx, number, wish),
            Command::File(FileCommand::All) => {
                machines.files.list(cx);
                Vec::new()
            }
            Command::Session(SessionCommand::ProvePasscode { .. }) => {
                machines.directory.prove_passcode(cx, Aim::Check).into_iter().collect()
            }
            Command::Session(SessionCommand::ChangePasscode { .. }) => {
                machines.directory.prove_passcode(cx, Aim::Change).into_iter().collect()
            }
            Command::Session(SessionCommand::ChangeKey { .. }) => {
                machines.directory.prove_passcode(cx, Aim::Rekey).into_iter().collect()
            }
            Command::Session(SessionCommand::Terminals) => machines.directory.terminals(cx),
            Command::Session(SessionCommand::RemoveTerminal { terminal, .. }) => {
                machines.directory.prove_passcode(cx, Aim::Remove(terminal)).into_iter().collect()
            }
            Command::Session(SessionCommand::Logout) => {
                self.leaving = Some(cx.now.tick + LAST_MAIL);
                Vec::new()
            }
            // The shell's: files and the journal carry them out. Login is over; a front end does not send its commands
            // any more.
            Command::Session(
                SessionCommand::Identify { .. }
                | SessionCommand::TrustDirectory(_)
                | SessionCommand::TakeVault(_)
                | SessionCommand::Login { .. }
                | SessionCommand::Register { .. }
                | SessionCommand::Invitation { .. },
            )
            | Command::File(FileCommand::Offer { .. })
            | Command::Journal(_) => Vec::new(),
        }
    }

    fn message_command(&mut self, command: MessageCommand) -> Vec<Request> {
        let (cx, machines) = (&mut self.cx, &mut self.messaging);
        match command {
            MessageCommand::Send { to: Conversation::Everyone, text, ticket } => {
                return machines.directory.broadcast(cx, text, ticket);
            }
            MessageCommand::Send { to: Conversation::User(to), text, ticket } => {
                return machines.intend(cx, to, Intent::Text { text, ticket });
            }
            MessageCommand::Send { to, text, ticket } => {
                let refusal = match &to {
                    Conversation::Group(group) if !machines.groups.is_member(group) => Some(NotSent::NotAMember),
                    Conversation::Group(_) | Conversation::User(_) | Conversation::Everyone => None,
                };
                machines.delivery.send(cx, to, text, ticket, refusal);
            }
            MessageCommand::SendAgain { to, id, readers, ticket } => {
                let readers_now = machines.groups.readers(cx, &to);
                machines.delivery.send_again(cx, (to, id), readers.as_deref(), readers_now, ticket);
            }
            MessageCommand::Why { of } => machines.explain(cx, of),
            MessageCommand::History { with: Conversation::Everyone, count, before: None } => {
                return machines.directory.log(cx, count);
            }
            MessageCommand::History { with, count, before } => {
                let unread = machines.delivery.unread(&with);
                cx.push(Effect::QueryHistory(HistoryQuery::History { with: with.clone(), count, before, unread }));
                machines.delivery.see(cx, with);
            }
            MessageCommand::Find { words } => cx.push(Effect::QueryHistory(HistoryQuery::Find { words })),
            MessageCommand::Seen { with } => machines.delivery.see(cx, with),
            MessageCommand::ReadReceipts(answer) => machines.delivery.set_read_receipts(answer == Answer::Yes),
        }
        Vec::new()
    }

    fn contact_command(&mut self, command: ContactCommand) -> Vec<Request> {
        let (cx, machines) = (&mut self.cx, &mut self.messaging);
        let calls = &mut machines.calls;
        match command {
            ContactCommand::SafetyNumber { with } => calls.show_safety_number(cx, with),
            ContactCommand::ConfirmNumber { with, digits, answer } => calls.confirm_number(cx, with, &digits, answer),
            ContactCommand::DecideKey { of, decision } => calls.decide_key(cx, of, decision),
            ContactCommand::Block { user } => machines.intend(cx, user, Intent::Block),
            ContactCommand::Unblock { user } => calls.unblock(cx, user),
        }
    }
}
