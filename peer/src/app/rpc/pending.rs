//! Requests of clients that wait for the engine, and what answers them.

use std::time::{Duration, Instant};

use common::ident::UserId;
use peer_core::command::{After, CallCommand, Command, JournalCommand, MessageCommand, Ticket, TicketedCommand};
use peer_core::model::Conversation;
use peer_core::notice::{
    CallNotice, Event, GroupNews, JournalNotice, MessageNotice, Notice, Notification, SessionNotice,
};

use super::answers::{Await, answer};
use super::results::{Position, Reply};
use super::wire::{RpcError, ToClient};
use super::{Asker, ClientId, Output, Rpc, feed};
use crate::app::exit;
use crate::app::model::Link;
use crate::app::texts::oneshot::{self, Silent};

/// What is kept about a command until it is answered.
#[derive(Debug)]
pub(super) enum Pending {
    /// A client waits, until then.
    Request { asker: Asker, awaited: Await, until: Instant },
    /// A direct connection is being placed, over which this is to be sent then.
    CallToSend { asker: Asker, message: Message, until: Instant },
    /// Another message is under way under the same name: what becomes of that one is the answer.
    Twin { asker: Asker, message: Message, until: Instant },
    /// Events of the journal.
    Replay(Replay),
}

/// What a client wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) to: Conversation,
    pub(super) text: String,
    pub(super) reference: Option<String>,
    /// Whether it may wait, and needs no direct connection.
    pub(super) queue: bool,
}

/// For whom a page of the journal was asked for.
#[derive(Debug)]
pub(super) enum Replay {
    /// To learn the clients' names for messages at the beginning; then whoever logged in is told.
    Beginning(Option<Asker>),
    /// `subscribe`: where the cursor stands.
    Cursor(Asker),
    /// The next events.
    Page(ClientId),
}

impl Pending {
    fn client(&self) -> Option<ClientId> {
        match self {
            Self::Request { asker, .. } | Self::CallToSend { asker, .. } | Self::Twin { asker, .. } => {
                Some(asker.client)
            }
            Self::Replay(_) => None,
        }
    }

    /// Whether this client is told what comes of it.
    pub(super) fn is_owed_to(&self, client: ClientId) -> bool {
        match self {
            Self::Replay(Replay::Beginning(Some(asker)) | Replay::Cursor(asker)) => asker.client == client,
            Self::Replay(Replay::Beginning(None) | Replay::Page(_)) => false,
            Self::Request { .. } | Self::CallToSend { .. } | Self::Twin { .. } => self.client() == Some(client),
        }
    }

    /// When it is given up.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Request { until, .. } | Self::CallToSend { until, .. } | Self::Twin { until, .. } => Some(*until),
            Self::Replay(_) => None,
        }
    }

    /// Who has not answered, if it is given up.
    fn silent(&self) -> Silent {
        let awaited = match self {
            Self::Request { awaited, .. } => awaited,
            Self::CallToSend { message, .. } => return Silent::Call(message.to.to_string()),
            Self::Twin { .. } | Self::Replay(_) => return Silent::Terminal,
        };
        match awaited {
            Await::Call(to) => Silent::Call(to.to_string()),
            Await::List
            | Await::Group { .. }
            | Await::Passcode
            | Await::Number(_)
            | Await::History(Conversation::Everyone) => Silent::Directory,
            Await::Sent { .. }
            | Await::Again
            | Await::History(_)
            | Await::Search { .. }
            | Await::Offer { .. }
            | Await::File(_)
            | Await::Files
            | Await::Confirmed { .. }
            | Await::Block(_)
            | Await::Unblock(_)
            | Await::Acknowledged(_) => Silent::Terminal,
        }
    }

    /// Whoever is told that nothing comes of it.
    fn asker(self) -> Option<Asker> {
        match self {
            Self::Request { asker, .. }
            | Self::CallToSend { asker, .. }
            | Self::Twin { asker, .. }
            | Self::Replay(Replay::Cursor(asker)) => Some(asker),
            Self::Replay(Replay::Beginning(asker)) => asker,
            Self::Replay(Replay::Page(_)) => None,
        }
    }

    /// To whom the call is that it waits for.
    fn callee(&self) -> Option<&UserId> {
        match self {
            Self::Request { awaited: Await::Call(to), .. }
            | Self::CallToSend { message: Message { to: Conversation::User(to), .. }, .. } => Some(to),
            Self::Request { .. } | Self::CallToSend { .. } | Self::Twin { .. } | Self::Replay(_) => None,
        }
    }

    /// The name of a message that the engine was not given yet.
    fn held_back(&self) -> Option<&str> {
        match self {
            Self::CallToSend { message, .. } => message.reference.as_deref(),
            Self::Request { .. } | Self::Twin { .. } | Self::Replay(_) => None,
        }
    }

    /// Whether this is the answer, or the one that is waited for before anything can be sent.
    fn is_answered_by(&self, told: &Notification) -> bool {
        let notice = &told.notice;
        // What could not be written is said by itself too, and then answers nothing.
        if matches!(notice, Notice::Session(SessionNotice::StoreFailed { .. })) && told.answers.is_none() {
            return false;
        }
        match self {
            Self::Request { awaited, .. } => answer(awaited, notice).is_some(),
            Self::CallToSend { message, .. } => call_of(message).is_some_and(|call| answer(&call, notice).is_some()),
            Self::Twin { .. } => false,
            Self::Replay(_) => {
                matches!(
                    notice,
                    Notice::Journal(JournalNotice::Replayed { .. })
                        | Notice::Session(SessionNotice::StoreFailed { .. })
                )
            }
        }
    }
}

/// The name of the message of which this tells what has become.
fn name_of(told: &Notification) -> Option<&str> {
    let ticket = match &told.notice {
        Notice::Message(MessageNotice::Sent { ticket, .. }) => ticket.as_ref(),
        Notice::Message(MessageNotice::NotSent { ticket, .. }) => Some(ticket),
        Notice::Message(_)
        | Notice::Session(_)
        | Notice::Directory(_)
        | Notice::Call(_)
        | Notice::Contact(_)
        | Notice::Group { .. }
        | Notice::File(_)
        | Notice::Journal(_) => None,
    };
    ticket.or(told.answers.as_ref())?.reference.as_deref()
}

/// What a message that needs a connection waits for.
fn call_of(message: &Message) -> Option<Await> {
    match &message.to {
        Conversation::User(to) => Some(Await::Call(to.clone())),
        Conversation::Group(_) | Conversation::Everyone => None,
    }
}

impl Rpc {
    /// Gives the engine a command whose answer nobody waits for.
    pub(super) fn command(&mut self, command: Command) {
        let ticket = self.pending.unawaited();
        self.out.push(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Asks the engine, and waits for what answers it.
    pub(super) fn ask(&mut self, asker: Asker, awaited: Await, command: Command) {
        let until = self.now + self.options.patience;
        let ticket = self.pending.awaited(Pending::Request { asker, awaited, until });
        self.out.push(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Sends a message, over a direct connection unless it may wait; once where it has a name.
    pub(super) fn send_once(&mut self, asker: Asker, message: Message) {
        if message.reference.as_deref().is_some_and(|name| !self.references.begin(name)) {
            let until = self.now + self.options.patience;
            self.pending.awaited(Pending::Twin { asker, message, until });
            return;
        }
        match &message.to {
            Conversation::User(user) if !message.queue && !self.is_linked(user) => {
                let call = Command::Call(CallCommand::Place { to: user.clone() });
                self.call_to_send(asker, message, call);
            }
            Conversation::User(_) | Conversation::Group(_) | Conversation::Everyone => self.send(asker, message),
        }
    }

    /// It is known what has become of the message of this name: whoever asked for the same hears the same.
    fn settle(&mut self, name: &str, outcome: &Result<Reply, RpcError>) {
        if self.references.settle(name) {
            for twin in self.twins(name) {
                self.reply(twin.asker(), outcome.clone());
            }
        }
    }

    fn twins(&mut self, name: &str) -> Vec<Pending> {
        let is_twin = |pending: &Pending| matches!(pending, Pending::Twin { message, .. } if message.reference.as_deref() == Some(name));
        self.pending.close_where(is_twin)
    }

    /// Nothing comes of this any more.
    fn give_up(&mut self, pending: Pending, why: RpcError) {
        let (name, outcome) = (pending.held_back().map(str::to_owned), Err(why));
        if let Some(name) = name {
            self.settle(&name, &outcome);
        }
        self.reply(pending.asker(), outcome);
    }

    fn send(&mut self, asker: Asker, message: Message) {
        let Message { to, text, reference, queue: _ } = message;
        let linked = matches!(&to, Conversation::User(user) if self.is_linked(user));
        let until = self.now + self.options.patience;
        let pending = Pending::Request { asker, awaited: Await::Sent { linked }, until };
        let ticket = Ticket { reference, ..self.pending.awaited(pending) };
        let command = Command::Message(MessageCommand::Send { to, text, ticket: ticket.clone() });
        self.out.push(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Sends a message once a direct connection stands.
    fn call_to_send(&mut self, asker: Asker, message: Message, call: Command) {
        let until = self.now + self.options.patience;
        let ticket = self.pending.awaited(Pending::CallToSend { asker, message, until });
        self.out.push(Output::Command(TicketedCommand { ticket, command: call }));
    }

    pub(super) fn replay(&mut self, replay: Replay, after: After, count: usize) {
        let ticket = self.pending.awaited(Pending::Replay(replay));
        let command = Command::Journal(JournalCommand::Replay { after, count });
        self.out.push(Output::Command(TicketedCommand { ticket, command }));
    }

    pub(super) fn is_linked(&self, user: &UserId) -> bool {
        self.model().is_some_and(|model| model.conversations.link(user) == Link::Up)
    }

    /// Answers the request that waits for this. There is one call to a user, however often it was asked for: its outcome
    /// answers all who wait for it.
    pub(super) fn answer_with(&mut self, told: &Notification) {
        let outcome = answer(&Await::Sent { linked: false }, &told.notice);
        if let (Some(name), Some(outcome)) = (name_of(told), &outcome) {
            self.settle(name, outcome);
        }
        let Some(pending) = self.pending.close(told.answers.as_ref(), |pending| pending.is_answered_by(told)) else {
            return;
        };
        let callee = pending.callee().cloned();
        self.answer_pending(pending, told);
        let Some(callee) = callee else { return };
        let waits = |pending: &Pending| pending.callee() == Some(&callee) && pending.is_answered_by(told);
        for pending in self.pending.close_where(waits) {
            self.answer_pending(pending, told);
        }
    }

    /// A wish of a client waits for its turn: its answer is waited for as much longer, also where the client says no more.
    pub(super) fn postponed(&mut self, told: &Notification) {
        let Notice::Group { news: GroupNews::Postponed { after }, .. } = &told.notice else { return };
        let later = self.now + Duration::from_secs(*after) + self.options.patience;
        let pending = told.answers.as_ref().and_then(|ticket| self.pending.get_mut(ticket));
        if let Some(Pending::Request { asker, until, .. }) = pending {
            *until = later.max(*until);
            self.ended.entry(asker.client).and_modify(|until| *until = later.max(*until));
        }
    }

    /// Until when this client is owed an answer at most.
    pub(super) fn owed_until(&self, client: ClientId) -> Option<Instant> {
        let of_client = self.pending.questions().filter(|pending| pending.client() == Some(client));
        of_client.filter_map(Pending::until).max()
    }

    fn answer_pending(&mut self, pending: Pending, told: &Notification) {
        match (pending, &told.notice) {
            (Pending::CallToSend { asker, message, .. }, Notice::Call(CallNotice::Way { .. })) => {
                self.send(asker, message);
            }
            (Pending::CallToSend { asker, message, .. }, notice) => {
                if let Some(outcome) = call_of(&message).and_then(|call| answer(&call, notice)) {
                    if let Some(name) = &message.reference {
                        self.settle(name, &outcome);
                    }
                    self.reply(Some(asker), outcome);
                }
            }
            (Pending::Request { asker, awaited, .. }, notice) => {
                if let Some(outcome) = answer(&awaited, notice) {
                    self.reply(Some(asker), outcome);
                }
            }
            (Pending::Replay(replay), Notice::Journal(JournalNotice::Replayed { events, lost, last })) => {
                self.replayed(replay, events, *lost, *last);
            }
            (Pending::Twin { .. }, _) => {}
            (Pending::Replay(replay), _) => {
                let is_beginning = matches!(replay, Replay::Beginning(_));
                let why = RpcError::of(exit::IO, "The event log cannot be read.");
                self.reply(Pending::Replay(replay).asker(), Err(why));
                if is_beginning {
                    self.take_held();
                }
            }
        }
    }

    fn replayed(&mut self, replay: Replay, events: &[Event], lost: u64, last: u64) {
        self.last = last.max(self.last);
        match replay {
            Replay::Beginning(asker) => {
                events.iter().for_each(|event| self.references.learn(event));
                match events.last().filter(|event| event.seq < last) {
                    Some(event) => self.replay(Replay::Beginning(asker), After::Seq(event.seq), feed::PAGE),
                    None => self.ready(asker),
                }
            }
            Replay::Cursor(asker) => {
                // `lost` counts from the place of the cursor to the first event that is there.
                let first = events.first().map_or(last, |event| event.seq - 1);
                if let Some(feed) = self.clients.get_mut(&asker.client) {
                    feed.begin_behind(first.saturating_sub(lost));
                }
                self.reply(Some(asker), Ok(Position { seq: last }.into()));
            }
            Replay::Page(client) => self.page(client, events, lost, last),
        }
    }

    /// A call is given up by somebody: nothing comes of it for those who have asked for it.
    pub(super) fn call_given_up(&mut self, to: &UserId) {
        let why = RpcError::of(exit::REFUSED, format!("The call to {to} was ended before there was an answer."));
        for pending in self.pending.close_where(|pending| pending.callee() == Some(to)) {
            self.give_up(pending, why.clone());
        }
    }

    /// Another change of the passcode takes the place of the one under way.
    pub(super) fn passcode_change_given_up(&mut self) {
        let why = RpcError::of(exit::REFUSED, "Another change of the passcode took the place of this one.");
        let changes = |pending: &Pending| matches!(pending, Pending::Request { awaited: Await::Passcode, .. });
        for pending in self.pending.close_where(changes) {
            self.reply(pending.asker(), Err(why.clone()));
        }
    }

    /// A client is gone; nobody is told what it asked for.
    pub(super) fn forget_requests_of(&mut self, client: ClientId) {
        let gone = self.pending.close_where(|pending| pending.client() == Some(client));
        // What others wanted to send under the same name is sent for them.
        for name in gone.iter().filter_map(Pending::held_back) {
            self.references.settle(name);
            for twin in self.twins(name) {
                if let Pending::Twin { asker, message, .. } = twin {
                    self.send_once(asker, message);
                }
            }
        }
    }

    pub(super) fn give_up_waiting(&mut self) {
        let (now, seconds) = (self.now, self.options.patience.as_secs());
        for pending in self.pending.close_where(|pending| pending.until().is_some_and(|until| until <= now)) {
            let why = RpcError::of(exit::TIMEOUT, oneshot::not_answered(&pending.silent(), seconds));
            self.give_up(pending, why);
        }
    }

    /// Nothing is answered any more.
    pub(super) fn fail_everything(&mut self, why: &RpcError) {
        self.fail_held(why);
        for pending in self.pending.close_where(|_| true) {
            self.reply(pending.asker(), Err(why.clone()));
        }
    }

    pub(super) fn waiting_requests_of(&self, client: ClientId) -> usize {
        let held = self.held.iter().filter(|(asker, _)| asker.client == client).count();
        held + self.pending.questions().filter(|pending| pending.client() == Some(client)).count()
    }

    pub(super) fn reply(&mut self, asker: Option<Asker>, outcome: Result<Reply, RpcError>) {
        if let Some(Asker { client, id: Some(id) }) = asker {
            self.out.push(Output::Tell(client, ToClient::Answer { id, outcome }));
        }
    }
}
