//! The directory: what it is asked, who is there, what is said to everyone (protocol sections 6.1, 6.2, 6.5, 6.7,
//! 6.8).
//!
//! - [`requests`]: the requests that wait for an answer
//! - [`presence`]: who is there, and who is told where this user is
//! - [`broadcasts`]: what is said to everyone, and the log of it
//! - [`passcode`]: a change of the passcode
//!
//! It has no rows. What an answer means is known to whoever asked; the question comes back with it.

mod broadcasts;
mod passcode;
mod presence;
pub(crate) mod requests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use common::ident::{TerminalId, UserId};
use common::msg::{
    FromDirectory, ListReply, ListReq, ListedUser, LookupReq, RemovalRefused, RequestNumber, TerminalRemove,
    TerminalsReply, TerminalsReq, ToDirectory,
};

use self::requests::{Answered, PendingRequests, Refused};
use crate::command::Ticket;
use crate::context::Context;
use crate::event::Effect;
use crate::notice::{CallFailed, CallNotice, DirectoryNotice, DirectoryRefusal, NotChanged, SessionNotice};
use crate::request::{Asked, DirectoryRequest, LookupReason, Question, Request};

/// Users a list may have before it is cut; the directory pages, so it could go on for ever.
pub(super) const LIST_MAX: usize = 10_000;

/// Seconds until a request is made again that the directory answered with something else. Chosen arbitrarily: it is broken.
const UNFIT_RETRY: u64 = 60;

/// What is asked of the directory.
#[derive(Debug, Default)]
pub(crate) struct DirectoryClient {
    requests: PendingRequests<Asked>,
    watched: BTreeSet<UserId>,
    /// What others are told while the user is away.
    away: Option<String>,
}

impl DirectoryClient {
    /// The directory can be asked.
    pub(crate) fn handle_connected(&mut self) {
        self.requests.open();
    }

    /// Asks something; a question that cannot be asked comes back at once.
    pub(crate) fn ask(&mut self, cx: &mut Context, message: ToDirectory, question: Question) -> Option<Request> {
        match self.requests.ask(message, Asked::now(cx, question)) {
            Ok(envelope) => {
                cx.push(Effect::Ask(Box::new(envelope)));
                None
            }
            Err(refused) => Some(self::refused(refused)),
        }
    }

    /// Says something that is not answered, or whose answer stands for itself.
    pub(crate) fn tell(&mut self, cx: &mut Context, message: ToDirectory) {
        if cx.is_up() {
            let envelope = self.requests.say(message);
            cx.push(Effect::Ask(Box::new(envelope)));
        }
    }

    /// Asks where a user is and which key the user has.
    pub(crate) fn look_up(&mut self, cx: &mut Context, user: UserId, reason: LookupReason) -> Option<Request> {
        let message = LookupReq { userid: cx.me.user.clone(), lookup: user.clone() }.into();
        self.ask(cx, message, Question::LookUp { user, reason })
    }

    /// An answer has come: to what, and whether it is one.
    pub(crate) fn handle_answer(
        &mut self,
        request: Option<RequestNumber>,
        answer: &FromDirectory,
    ) -> Option<Answered<Asked>> {
        self.requests.answered(request, answer)
    }

    /// An answer has come that this version does not know.
    pub(crate) fn handle_misunderstood(&mut self, cx: &mut Context, request: RequestNumber) -> Vec<Request> {
        let asked = self.requests.misunderstood(request);
        asked.map(|asked| unfit(asked.go_on(cx))).into_iter().collect()
    }

    /// The session is gone: nothing is answered any more.
    pub(crate) fn handle_session_lost(&mut self, cx: &mut Context) -> Vec<Request> {
        cx.presence.clear();
        self.requests.close().map(|wanted| Request::Directory(DirectoryRequest::Unanswered(wanted))).collect()
    }

    /// The machines with rows begin again: gives what they have asked for commands of the user, which is not waited for.
    pub(crate) fn handle_not_kept(&mut self) -> Vec<(Question, Ticket)> {
        let asked = self.requests.extract(|asked| asked.ticket.is_some() && !outlives_the_disk(&asked.question));
        asked.into_iter().filter_map(|asked| Some((asked.question, asked.ticket?))).collect()
    }

    /// The machines that asked begin again with what the disk has: only what was asked for others is waited for.
    pub(crate) fn handle_reopened(&mut self) {
        self.requests.retain(|asked| outlives_the_disk(&asked.question));
    }

    /// Asks who is online.
    pub(crate) fn list(&mut self) -> Vec<Request> {
        vec![Request::Directory(DirectoryRequest::Ask {
            message: ListReq { after: None }.into(),
            question: Question::List { listed: Vec::new() },
        })]
    }

    /// A page of the list came: the next is asked for, or all of it is told.
    pub(crate) fn handle_list(&mut self, mut listed: Vec<ListedUser>, reply: ListReply) -> Vec<Request> {
        let last = reply.users.last().map(|user| user.userid.clone());
        listed.extend(reply.users);
        match last {
            Some(after) if reply.more && listed.len() < LIST_MAX => {
                let message = ListReq { after: Some(after) }.into();
                vec![Request::Directory(DirectoryRequest::Ask { message, question: Question::List { listed } })]
            }
            Some(_) | None => vec![Request::Listed(listed)],
        }
    }

    /// Asks which terminals our user has.
    pub(crate) fn terminals(&self, cx: &mut Context) -> Vec<Request> {
        if !cx.is_up() {
            cx.tell(DirectoryNotice::NoPeople);
            return Vec::new();
        }
        let message = TerminalsReq { users: vec![cx.me.user.clone()] }.into();
        vec![Request::Directory(DirectoryRequest::Ask { message, question: Question::OwnTerminals })]
    }

    /// Has the directory forget a terminal of our user.
    pub(super) fn remove_terminal(&self, terminal: TerminalId) -> Request {
        let message = TerminalRemove { terminal, cookie: None }.into();
        Request::Directory(DirectoryRequest::Ask { message, question: Question::OwnTerminals })
    }

    /// Which terminals our user has.
    pub(crate) fn handle_own_terminals(&self, cx: &mut Context, reply: TerminalsReply) {
        if let Some(refused) = reply.refused {
            cx.tell(SessionNotice::TerminalNotRemoved(match refused {
                RemovalRefused::Older => NotChanged::Older,
                RemovalRefused::Proof | RemovalRefused::Other => NotChanged::Meanwhile,
            }));
            return;
        }
        let all = reply.users.into_iter().flat_map(|user| user.terminals).collect();
        cx.tell(SessionNotice::Terminals { this: cx.me.terminal, all });
    }

    /// Whether there is such a user, whom our user wanted to call.
    pub(crate) fn handle_reachable(
        &self,
        cx: &mut Context,
        user: UserId,
        reply: &TerminalsReply,
        near: Option<UserId>,
    ) {
        if reply.users.iter().any(|listed| listed.userid == user) {
            cx.choose(&user);
            return cx.tell(CallNotice::Offline { with: user });
        }
        cx.tell(CallNotice::Failed { to: user, why: CallFailed::NoSuchUser { near } });
    }
}

/// Whether a question was asked by a machine that has no rows.
fn outlives_the_disk(question: &Question) -> bool {
    matches!(
        question,
        Question::LookUp { .. }
            | Question::Meeting(_)
            | Question::FileMeeting(_)
            | Question::List { .. }
            | Question::Destination(_)
            | Question::Proof(_)
            | Question::ProofEnd(_)
            | Question::PasscodeChange
            | Question::PasscodeUpload
            | Question::KeyChange
            | Question::KeyUpload
            | Question::Successors(_)
            | Question::ChangedKey(_)
    )
}

/// What becomes of a question that was not asked.
fn refused(refused: Refused<Asked>) -> Request {
    match refused {
        Refused::Closed(asked) => Request::Directory(DirectoryRequest::Unanswered(asked)),
        Refused::Full(Asked { question, .. }) => {
            let why = DirectoryRefusal::TooFast { retry_after: 1 };
            Request::Directory(DirectoryRequest::Failed { question, why, again_in: 1 })
        }
    }
}

/// What becomes of a question that was answered with something that is no answer.
pub(crate) fn unfit(question: Question) -> Request {
    let why = DirectoryRefusal::Unsound;
    Request::Directory(DirectoryRequest::Failed { question, why, again_in: UNFIT_RETRY })
}
