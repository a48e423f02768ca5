//! Requests that wait for an answer of the directory: the one place that gives them numbers and decides which request an
//! answer answers (protocol section 3.4).
//!
//! [`PendingRequests::ask`] gives a message its number and keeps what is needed when the answer comes; the connection
//! carries both as they are. [`PendingRequests::expect`] does the same for a message that the shell makes. [`PendingRequests::answered`] finds the request again:
//!
//! ```text
//! with a number      that request, whatever else waits; none if it does not wait (any more)
//! without a number   the oldest request that the msgtype answers; an ERROR with `to`: the oldest of that msgtype;
//!                    an ERROR without: the oldest of all
//! ```
//!
//! Numbers ascend over the sessions of a program and do not begin again, so that a late answer to a request of the session
//! before finds nobody. What a directory says by itself (`MAILBOX`, `PRESENCE` and the like) is not brought here.
//!
//! Owns no time: a request that is never answered waits until the session ends, which [`PendingRequests::close`] tells.

use std::collections::VecDeque;

use common::msg::{Envelope, Error, FromDirectory, Message as _, RequestNumber, ToDirectory};

/// Requests that may wait at once. Chosen arbitrarily: more than the conversations that have something to send when a
/// session begins, and little enough to look through.
pub(crate) const PENDING_MAX: usize = 1024;

/// Requests that wait for their answers; none while there is no session.
#[derive(Debug)]
pub(crate) struct PendingRequests<Q> {
    waiting: VecDeque<Pending<Q>>,
    next: RequestNumber,
    is_open: bool,
}

#[derive(Debug)]
struct Pending<Q> {
    number: RequestNumber,
    msgtype: &'static str,
    /// The msgtype of its answer.
    answer: Option<&'static str>,
    question: Q,
}

/// A request that was not made, given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused<Q> {
    /// There is no session.
    Closed(Q),
    /// [`PENDING_MAX`] requests wait already.
    Full(Q),
}

/// What has become of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered<Q> {
    /// The message is its answer.
    Reply(Q),
    /// The directory would not, or could not.
    Failed(Q, Error),
    /// The message has its number and is no answer to it: the directory speaks another language than we do.
    Unfit(Q),
}

impl<Q> Default for PendingRequests<Q> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), next: RequestNumber::FIRST, is_open: false }
    }
}

impl<Q> PendingRequests<Q> {
    /// A session stands: the directory can be asked.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
    }

    /// The session is gone: nothing is answered any more. Gives everything that waits, the oldest first.
    pub(crate) fn close(&mut self) -> impl Iterator<Item = Q> + use<Q> {
        self.is_open = false;
        std::mem::take(&mut self.waiting).into_iter().map(|pending| pending.question)
    }

    /// Whether nothing waits for an answer.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives a message that nothing waits for its number; an `ERROR` it causes finds nobody then.
    pub(crate) fn say(&mut self, message: ToDirectory) -> Envelope<ToDirectory> {
        let request = Some(self.next);
        self.next = self.next.next();
        Envelope { request, message }
    }

    /// Gives a request its number; `question` waits for the answer.
    ///
    /// # Errors
    /// [`Refused`], before anything is kept.
    pub(crate) fn ask(&mut self, message: ToDirectory, question: Q) -> Result<Envelope<ToDirectory>, Refused<Q>> {
        let request = Some(self.expect(message.msgtype(), answer_to(&message), question)?);
        Ok(Envelope { request, message })
    }

    /// The number for a request that is made elsewhere; `question` waits for its answer.
    ///
    /// # Errors
    /// [`Refused`], before anything is kept.
    pub(crate) fn expect(
        &mut self,
        msgtype: &'static str,
        answer: Option<&'static str>,
        question: Q,
    ) -> Result<RequestNumber, Refused<Q>> {
        if !self.is_open {
            return Err(Refused::Closed(question));
        }
        if self.waiting.len() >= PENDING_MAX {
            return Err(Refused::Full(question));
        }
        let number = self.next;
        self.next = number.next();
        self.waiting.push_back(Pending { number, msgtype, answer, question });
        Ok(number)
    }

    /// A message has come that was not sent by itself: whose answer it is.
    pub(crate) fn answered(&mut self, request: Option<RequestNumber>, message: &FromDirectory) -> Option<Answered<Q>> {
        let place = match (request, message) {
            (Some(number), _) => self.position(|pending| pending.number == number),
            (None, FromDirectory::Error(Error { to: Some(to), .. })) => self.position(|pending| pending.msgtype == to),
            (None, FromDirectory::Error(_)) => self.position(|_| true),
            (None, answer) => self.position(|pending| pending.answer == Some(answer.msgtype())),
        };
        let Pending { msgtype, answer, question, .. } = self.waiting.remove(place?)?;
        Some(match message {
            FromDirectory::Error(error) => Answered::Failed(question, error.clone()),
            message if answer == Some(message.msgtype()) => Answered::Reply(question),
            // A login is refused before its challenge where no attempt is left.
            FromDirectory::AuthReply(_) if msgtype == "AUTHREQ" => Answered::Reply(question),
            _ => Answered::Unfit(question),
        })
    }

    /// A message of an unknown msgtype has come with this number: no answer is to be expected any more.
    pub(crate) fn misunderstood(&mut self, request: RequestNumber) -> Option<Q> {
        let place = self.position(|pending| pending.number == request)?;
        self.waiting.remove(place).map(|pending| pending.question)
    }

    /// Takes out what is not waited for any more, the oldest first.
    pub(crate) fn extract(&mut self, is_over: impl Fn(&Q) -> bool) -> Vec<Q> {
        let (over, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|p: &Pending<Q>| is_over(&p.question));
        self.waiting = waiting;
        let over: VecDeque<Pending<Q>> = over;
        over.into_iter().map(|pending| pending.question).collect()
    }

    /// Forgets what nobody wants to know any more.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&Q) -> bool) {
        self.waiting.retain(|pending| is_wanted(&pending.question));
    }

    fn position(&self, is_meant: impl FnMut(&Pending<Q>) -> bool) -> Option<usize> {
        self.waiting.iter().position(is_meant)
    }
}

/// The msgtype that answers a message within a session; nothing where there is none, or where it stands for itself.
fn answer_to(message: &ToDirectory) -> Option<&'static str> {
    match message {
        ToDirectory::LookupReq(_) => Some("LOOKUPREPLY"),
        ToDirectory::MeetReq(_) => Some("MEETREPLY"),
        ToDirectory::ListReq(_) => Some("LISTREPLY"),
        ToDirectory::MailboxReq(_) => Some("MAILBOXSTATE"),
        ToDirectory::FetchReq(_) => Some("FETCHREPLY"),
        ToDirectory::MailboxPut(_) => Some("MAILBOXREPLY"),
        ToDirectory::CommitReq(_) => Some("COMMITREPLY"),
        ToDirectory::GroupReq(_) => Some("GROUPREPLY"),
        ToDirectory::EpochsReq(_) => Some("EPOCHSREPLY"),
        ToDirectory::KeyPackageReq(_) => Some("KEYPACKAGEREPLY"),
        ToDirectory::TerminalsReq(_) | ToDirectory::TerminalRemove(_) => Some("TERMINALSREPLY"),
        ToDirectory::CertificatesReq(_) => Some("CERTIFICATESREPLY"),
        ToDirectory::BroadcastReq(_) => Some("BROADCASTREPLY"),
        ToDirectory::BroadcastLogReq(_) => Some("BROADCASTLOG"),
        ToDirectory::PasscodeReq(_) => Some("PASSCODECHALLENGE"),
        ToDirectory::PasscodeUpload(_) => Some("PASSCODEREPLY"),
        ToDirectory::KeyReq(_) => Some("KEYCHALLENGE"),
        ToDirectory::KeyUpload(_) => Some("KEYREPLY"),
        ToDirectory::SuccessorsReq(_) => Some("SUCCESSORSREPLY"),
        ToDirectory::FormerReq(_)
        | ToDirectory::Hello(_)
        | ToDirectory::InviteReq(_)
        | ToDirectory::RegisterReq(_)
        | ToDirectory::RegisterUpload(_)
        | ToDirectory::AuthReq(_)
        | ToDirectory::AuthProof(_)
        | ToDirectory::SeenReq(_)
        | ToDirectory::Announce(_)
        | ToDirectory::Watch(_)
        | ToDirectory::Away(_)
        | ToDirectory::MailboxAck(_)
        | ToDirectory::WithdrawnAck(_)
        | ToDirectory::Upload(_)
        | ToDirectory::KeyPackagePut(_)
        | ToDirectory::Ping(_)
        | ToDirectory::Pong(_)
        | ToDirectory::Logout(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use common::msg::{ErrorCode, ListReply, ListReq, LookupReply, LookupReq, Ping};

    use super::*;

    type Requests = PendingRequests<&'static str>;

    fn open() -> Requests {
        let mut requests = Requests::default();
        requests.open();
        requests
    }

    fn lookup() -> ToDirectory {
        let user = || common::ident::UserId::parse("bianca").unwrap();
        LookupReq { userid: user(), lookup: user() }.into()
    }

    fn list() -> ToDirectory {
        ListReq { after: None }.into()
    }

    fn found() -> FromDirectory {
        LookupReply::not_found().into()
    }

    fn listed() -> FromDirectory {
        ListReply { users: Vec::new(), more: false }.into()
    }

    fn error(code: ErrorCode, to: Option<&str>) -> Error {
        Error { to: to.map(str::to_owned), retry_after: Some(7), ..Error::new(code) }
    }

    /// Asks, and gives the number.
    fn ask(requests: &mut Requests, message: ToDirectory, question: &'static str) -> Option<RequestNumber> {
        requests.ask(message, question).unwrap().request
    }

    #[test]
    fn answers_in_any_order_find_their_requests() {
        let mut requests = open();
        let numbers: Vec<_> =
            ["a", "b", "c", "d"].map(|question| (ask(&mut requests, lookup(), question), question)).into();
        for place in [2, 0, 3, 1] {
            let (number, question) = numbers[place];
            assert_eq!(requests.answered(number, &found()), Some(Answered::Reply(question)));
            assert_eq!(requests.answered(number, &found()), None, "an answer counts once");
        }
        assert!(requests.is_empty());
    }

    #[test]
    fn an_answer_without_a_number_is_that_of_the_oldest_request_of_its_type() {
        let mut requests = open();
        ask(&mut requests, lookup(), "first lookup");
        ask(&mut requests, list(), "list");
        ask(&mut requests, lookup(), "second lookup");
        assert_eq!(requests.answered(None, &listed()), Some(Answered::Reply("list")));
        assert_eq!(requests.answered(None, &listed()), None);
        assert_eq!(requests.answered(None, &found()), Some(Answered::Reply("first lookup")));
        assert_eq!(requests.answered(None, &found()), Some(Answered::Reply("second lookup")));
    }

    #[test]
    fn an_error_fails_the_request_it_names() {
        let mut requests = open();
        ask(&mut requests, lookup(), "lookup");
        let number = ask(&mut requests, list(), "list");
        for code in [ErrorCode::RateLimited, ErrorCode::UnknownMsgtype] {
            let error = error(code, Some("LOOKUPREQ"));
            let failed = requests.answered(number, &error.clone().into());
            let expected = (code == ErrorCode::RateLimited).then_some(Answered::Failed("list", error));
            assert_eq!(failed, expected, "the number counts, and counts once");
        }
        assert_eq!(requests.answered(None, &found()), Some(Answered::Reply("lookup")));
    }

    #[test]
    fn an_error_without_a_number_is_that_of_the_oldest_it_can_be_about() {
        let mut requests = open();
        ask(&mut requests, lookup(), "lookup");
        ask(&mut requests, list(), "list");
        ask(&mut requests, list(), "second list");
        let of = |to: Option<&str>| FromDirectory::from(error(ErrorCode::RateLimited, to));
        let named = |answered: Option<Answered<&'static str>>| match answered {
            Some(Answered::Failed(question, _)) => Some(question),
            _ => None,
        };
        assert_eq!(named(requests.answered(None, &of(Some("WATCH")))), None, "nothing waits for that");
        assert_eq!(named(requests.answered(None, &of(Some("LISTREQ")))), Some("list"));
        assert_eq!(named(requests.answered(None, &of(None))), Some("lookup"));
        assert_eq!(named(requests.answered(None, &of(None))), Some("second list"));
        assert_eq!(named(requests.answered(None, &of(None))), None);
    }

    #[test]
    fn an_answer_of_another_type_or_of_none_that_is_known_fails_its_request() {
        let mut requests = open();
        let (first, second) = (ask(&mut requests, lookup(), "first"), ask(&mut requests, lookup(), "second"));
        assert_eq!(requests.answered(second, &listed()), Some(Answered::Unfit("second")));
        assert_eq!(requests.misunderstood(first.unwrap()), Some("first"));
        assert_eq!(requests.misunderstood(first.unwrap()), None);
    }

    #[test]
    fn what_nothing_waits_for_has_a_number_too_and_its_error_finds_nobody() {
        let mut requests = open();
        ask(&mut requests, lookup(), "lookup");
        let said = requests.say(Ping {}.into()).request;
        assert_eq!(said.map(RequestNumber::value), Some(2));
        assert_eq!(requests.answered(said, &error(ErrorCode::RateLimited, None).into()), None);
        assert!(!requests.is_empty());
    }

    #[test]
    fn one_request_too_many_is_given_back_and_room_is_made_by_an_answer() {
        let mut requests = open();
        let first = ask(&mut requests, lookup(), "first");
        (1..PENDING_MAX).for_each(|_| assert!(ask(&mut requests, lookup(), "another").is_some()));
        assert_eq!(requests.ask(lookup(), "one too many"), Err(Refused::Full("one too many")));
        assert_eq!(requests.answered(first, &found()), Some(Answered::Reply("first")));
        assert!(requests.ask(lookup(), "in its place").is_ok());
        assert!(matches!(requests.ask(lookup(), "again"), Err(Refused::Full(_))));
    }

    #[test]
    fn the_end_of_a_session_gives_all_that_waits_in_order_and_late_answers_find_nobody() {
        let mut requests = Requests::default();
        assert_eq!(requests.ask(lookup(), "too early"), Err(Refused::Closed("too early")));
        requests.open();
        let numbers = ["a", "b", "c"].map(|question| ask(&mut requests, lookup(), question));
        requests.answered(numbers[1], &found());
        assert_eq!(requests.close().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(requests.ask(lookup(), "too late"), Err(Refused::Closed("too late")));
        requests.open();
        ask(&mut requests, lookup(), "of the next session");
        assert_eq!(requests.answered(numbers[0], &found()), None);
        assert_eq!(requests.answered(None, &found()), Some(Answered::Reply("of the next session")));
    }

    #[test]
    fn what_is_forgotten_is_not_answered() {
        let mut requests = open();
        let number = ask(&mut requests, lookup(), "old");
        ask(&mut requests, lookup(), "new");
        requests.retain(|question| *question == "new");
        assert_eq!(requests.answered(number, &found()), None);
        assert_eq!(requests.close().collect::<Vec<_>>(), ["new"]);
    }
}
