//! The router: hands what one machine wants on to the machine that does it, until nobody wants anything.
//!
//! - [`dispatch`]: which machine does what
//! - [`responses`]: which machine an answer of the directory is for
//! - [`successions`]: keys that took the place of others
//! - [`later`]: what is asked again because the directory would not answer so fast
//! - [`destinations`]: what is done for a user once it is known that there is one
//!
//! What a request leads to is done before what stood behind it. When all is done the next operation of a group is begun,
//! and what has changed in conversations is sent, once for each. Only then do the effects of the step leave, behind
//! everything that it wrote ([`Context::finish`]).

mod destinations;
mod dispatch;
mod later;
mod responses;
mod successions;

use std::collections::VecDeque;

use common::ident::UserId;

use crate::calls::Calls;
use crate::context::{Context, Session};
use crate::delivery::Delivery;
use crate::destinations::Destinations;
use crate::directory::DirectoryClient;
use crate::event::Accept;
use crate::files::Files;
use crate::files::model::FilePolicy;
use crate::groups::Groups;
use crate::mailbox::Mailbox;
use crate::mls::RoomError;
use crate::notice::{NotSent, SessionNotice, StoreUse};
use crate::persistence::Snapshot;
use crate::request::{DirectoryRequest, LookupReason, Question, Request};
use crate::retention;
use later::Later;

/// The machines of one terminal.
#[derive(Debug)]
pub(crate) struct Messaging {
    pub(crate) calls: Calls,
    pub(crate) directory: DirectoryClient,
    pub(crate) delivery: Delivery,
    pub(crate) groups: Groups,
    pub(crate) mailbox: Mailbox,
    pub(crate) files: Files,
    destinations: Destinations,
    later: Later,
}

/// The machines that have rows.
struct Restored {
    delivery: Delivery,
    groups: Groups,
    mailbox: Mailbox,
    files: Files,
}

impl Restored {
    fn load(cx: &Context, rows: Snapshot, read_receipts: bool, files: FilePolicy) -> Result<Self, RoomError> {
        let mailbox = Mailbox::load(&rows.counter);
        let mut delivery = Delivery::load(rows.outbox, rows.seen, rows.unread, read_receipts);
        delivery.load_early(rows.early, retention::surely_past(&rows.counter));
        if mailbox.has_replaced() {
            // Confirmations went to the terminal that is gone.
            delivery.handle_terminal_replaced();
        }
        let mut groups = Groups::load(&cx.own, rows.mls, rows.group)?;
        groups.handle_goodbyes(delivery.goodbyes());
        Ok(Self { delivery, groups, mailbox, files: Files::load(rows.file, files) })
    }
}

impl Messaging {
    /// Reads what was written.
    ///
    /// # Errors
    /// [`RoomError`] if there are rooms that this version cannot read.
    pub(crate) fn load(
        cx: &Context,
        rows: Snapshot,
        accept: Accept,
        (read_receipts, files): (bool, FilePolicy),
    ) -> Result<Self, RoomError> {
        let Restored { delivery, groups, mailbox, files } = Restored::load(cx, rows, read_receipts, files)?;
        let (calls, mut directory) = (Calls::new(accept), DirectoryClient::default());
        directory.handle_connected();
        Ok(Self {
            calls,
            directory,
            delivery,
            groups,
            mailbox,
            files,
            destinations: Destinations::default(),
            later: Later::default(),
        })
    }

    /// The disk would not keep something: nothing becomes of what the user's commands have asked of machines with rows.
    pub(crate) fn handle_not_kept(&mut self, cx: &mut Context, detail: &str) {
        let asked = self.directory.handle_not_kept();
        for (question, ticket) in asked {
            cx.answering = Some(ticket.clone());
            match question {
                Question::Broadcast { text, .. } => {
                    let why = NotSent::NotKept { detail: detail.to_owned() };
                    self.directory.handle_broadcast_refused(cx, text, why, ticket);
                }
                _ => cx.tell(SessionNotice::StoreFailed { at: StoreUse::Command, detail: detail.to_owned() }),
            }
        }
        let tickets = self.groups.take_tickets();
        cx.answering = None;
        if !tickets.is_empty() {
            cx.tell_each(&tickets, SessionNotice::StoreFailed { at: StoreUse::Command, detail: detail.to_owned() });
        }
    }

    /// Begins again with what the disk has: calls and what was asked for them go on.
    ///
    /// # Errors
    /// [`RoomError`] if there are rooms that this version cannot read.
    pub(crate) fn reload(&mut self, cx: &Context, rows: Snapshot) -> Result<(), RoomError> {
        let restored = Restored::load(cx, rows, self.delivery.read_receipts(), self.files.policy())?;
        let Restored { delivery, groups, mailbox, files } = restored;
        (self.delivery, self.groups, self.mailbox, self.files) = (delivery, groups, mailbox, files);
        self.directory.handle_reopened();
        Ok(())
    }

    /// The session stands: mail is asked for, key packages are published, users are watched.
    pub(crate) fn begin_session(&mut self, cx: &mut Context) {
        cx.session = Session::CatchingUp;
        cx.vouching.handle_session(cx.now.tick);
        cx.forget_old_records();
        self.directory.handle_connected();
        // Before the mail, which is judged by what is known of keys.
        let mut requests = self.ask_about_everybody(cx);
        requests.extend(self.mailbox.handle_session());
        requests.extend(self.groups.handle_session());
        self.delivery.handle_session(cx);
        self.route(cx, requests);
        let watched: Vec<UserId> = cx.contacts.chosen().cloned().chain(self.groups.members_of_groups()).collect();
        self.directory.handle_session(cx, watched);
        let mut requests = self.files.handle_presence(cx, None);
        requests.extend(self.destinations.ask_again());
        self.route(cx, requests);
    }

    /// The session is gone; what was asked is not answered any more.
    pub(crate) fn end_session(&mut self, cx: &mut Context) -> Vec<Request> {
        cx.session = Session::Down;
        cx.vouching.handle_session_lost(cx.now.tick);
        let unanswered = self.directory.handle_session_lost(cx);
        self.mailbox.handle_session_lost();
        self.groups.handle_session_lost();
        self.delivery.handle_session_lost();
        self.files.handle_session_lost();
        self.later.handle_session_lost();
        unanswered
    }

    /// Hands on what is wanted until nobody wants anything.
    pub(crate) fn route(&mut self, cx: &mut Context, wanted: Vec<Request>) {
        let mut queue = VecDeque::from(wanted);
        while let Some(request) = queue.pop_front() {
            for next in self.dispatch(cx, request).into_iter().rev() {
                queue.push_front(next);
            }
        }
    }

    /// Ends a step: begins what waits for its turn, and sends what can be sent, until there is no more.
    pub(crate) fn settle(&mut self, cx: &mut Context) {
        loop {
            let begun = self.groups.begin_next(cx);
            if !begun.is_empty() {
                self.route(cx, begun);
                continue;
            }
            let Some(to) = self.delivery.next_marked() else { break };
            let wanted = self.delivery.flush(cx, &to);
            self.route(cx, wanted);
        }
        self.ask_about_changed(cx);
        cx.take_changed_keys().into_iter().for_each(|user| self.delivery.handle_key_changed(user));
        self.delivery.tell_announced(cx);
        let chosen = cx.take_newly_chosen();
        for user in &chosen {
            if cx.is_online(user) {
                cx.vouching.want(user);
            }
        }
        self.directory.watch(cx, chosen);
    }

    /// A deadline has passed.
    pub(crate) fn handle_tick(&mut self, cx: &mut Context) -> Vec<Request> {
        let mut requests = self.calls.handle_tick(cx);
        cx.links.expire(cx.now.tick);
        requests.extend(self.groups.handle_tick(cx));
        requests.extend(self.mailbox.handle_tick(cx));
        requests.extend(self.files.handle_tick(cx));
        requests.extend(self.later.handle_tick(cx, &self.mailbox));
        self.delivery.handle_tick(cx);
        requests.extend(look_for_records(cx));
        requests
    }

    /// When something must be looked at again, by the tick clock.
    pub(crate) fn next_deadline(&self, cx: &Context) -> Option<u64> {
        let deadlines = [
            self.calls.next_deadline(),
            self.delivery.next_deadline(cx),
            self.groups.next_deadline(cx),
            self.mailbox.next_deadline(),
            self.files.next_deadline(),
            cx.vouching.next_deadline(),
            self.later.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether something is on its way that will leave without anybody's doing.
    pub(crate) fn is_sending(&self) -> bool {
        self.groups.is_publishing() || self.delivery.is_sending() || !self.destinations.is_empty()
    }

    /// A link stands that stood before this state was read.
    pub(crate) fn handle_links(&mut self, cx: &Context) {
        let users: Vec<&UserId> = cx.links.users().collect();
        users.into_iter().for_each(|user| self.delivery.handle_link(user));
    }
}

/// Looks up the next contact whose records are wanted.
fn look_for_records(cx: &mut Context) -> Option<Request> {
    let there = cx.contacts.chosen().filter(|user| cx.is_online(user) && !cx.is_me(user));
    let there: Vec<UserId> = there.cloned().collect();
    if cx.vouching.look(there.iter(), (cx.now.tick, cx.now.directory)) {
        cx.forget_old_records();
    }
    let user = cx.vouching.next_lookup(cx.now.tick)?;
    Some(Request::Directory(DirectoryRequest::LookUp { user, reason: LookupReason::Record }))
}
