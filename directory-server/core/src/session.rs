//! A connection that is logged in: lookups, lists, signs of life, logout (protocol section 6).
//!
//! What is answered from memory is answered at once by [`Session::handle`]; requests that need the store go on to
//! [`Session::ask`], and [`Session::push`] is what happens without a request. Dropping [`Session`] ends the presence.

use common::msg::{
    Bye, ByeReason, Envelope, Error, ErrorCode, Features, LookupReq, Malformed, Message as _, Pong, RequestNumber,
    ToDirectory, Unreadable,
};
use common::window::{FixedWindow, Rate};

use crate::directory::Directory;
use crate::login_stats::LookupOutcome;
use crate::mailbox::Delivery;
use crate::outbound::Push;
use crate::passcode::Changes;
use crate::presence::PresenceGuard;
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::uploads::Uploading;
use crate::{broadcast, key_packages, mailbox, passcode, rooms};

/// What was asked, if it was no message.
pub(crate) const NO_MESSAGE: &str = "none";

/// What a frame comes to.
#[derive(Debug)]
pub enum Handled {
    /// This is the answer.
    Answered(Reply),
    /// The store is needed: [`Session::ask`] gives the answer.
    NeedsStore(Box<ToDirectory>),
}

/// A terminal that is present.
#[derive(Debug)]
pub struct Session {
    /// Its presence.
    pub presence: PresenceGuard,
    /// What the terminal understands beyond the first version of the protocol.
    features: Features,
    asked: &'static str,
    request: Option<RequestNumber>,
    questions: FixedWindow,
    delivery: Delivery,
    upload: Option<Uploading>,
    changes: Changes,
    /// Whether others have heard that this terminal can be added to rooms.
    has_published: bool,
}

impl Session {
    /// A session that begins, of a terminal that has named these features.
    #[must_use]
    pub fn new(presence: PresenceGuard, features: Features) -> Self {
        Self {
            presence,
            features,
            asked: NO_MESSAGE,
            request: None,
            questions: FixedWindow::default(),
            delivery: Delivery::default(),
            upload: None,
            changes: Changes::default(),
            has_published: false,
        }
    }

    /// Takes one frame.
    pub fn handle<S>(&mut self, directory: &Directory<S>, now: Timestamp, payload: &[u8]) -> Handled {
        let decoded = match Envelope::<ToDirectory>::decode(payload) {
            Ok(Envelope { request, message }) => {
                self.request = request;
                Ok(message)
            }
            Err(Unreadable { request, why }) => {
                self.request = request;
                Err(why)
            }
        };
        self.asked = decoded.as_ref().map_or(NO_MESSAGE, |message| message.msgtype());
        match decoded {
            Ok(message) => match self.within_limit(directory, now, &message) {
                Ok(()) => self.dispatch(directory, message),
                Err(refusal) => Handled::Answered(refusal),
            },
            Err(Malformed::UnknownType) => {
                Handled::Answered(Reply::Message(Error::new(ErrorCode::UnknownMsgtype).into()))
            }
            Err(Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. }) => {
                Handled::Answered(Reply::error(ErrorCode::Malformed))
            }
        }
    }

    /// Requests that tell who or what there is, or make work for others, draw from one budget: a page of a list tells no
    /// less than a lookup (threat L10).
    fn within_limit<S>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        message: &ToDirectory,
    ) -> Result<(), Reply> {
        match message {
            ToDirectory::LookupReq(_)
            | ToDirectory::ListReq(_)
            | ToDirectory::Watch(_)
            | ToDirectory::Away(_)
            | ToDirectory::GroupReq(_)
            | ToDirectory::TerminalsReq(_)
            | ToDirectory::BroadcastLogReq(_) => {}
            _ => return Ok(()),
        }
        let rate = Rate::per_minute(directory.policy().lookups_per_minute);
        self.questions.count(now.elapsed(), rate).map_err(|wait| {
            if matches!(message, ToDirectory::LookupReq(_)) {
                directory.lookups.count(LookupOutcome::Limited);
            }
            Reply::rate_limited(message.msgtype(), wait)
        })
    }

    /// Answers what can be answered from memory.
    fn dispatch<S>(&mut self, directory: &Directory<S>, message: ToDirectory) -> Handled {
        Handled::Answered(match message {
            ToDirectory::LookupReq(request) => self.look_up(directory, &request),
            ToDirectory::ListReq(request) => Reply::Message(directory.presence.list(request.after.as_ref()).into()),
            ToDirectory::Watch(watch) => {
                directory.presence.watch(&self.presence, watch.users);
                Reply::Silent
            }
            ToDirectory::Away(away) => {
                directory.presence.set_away(self.presence.member(), away.text);
                Reply::Silent
            }
            ToDirectory::Upload(upload) => rooms::upload(&directory.uploads, &mut self.upload, &upload),
            ToDirectory::Ping(_) => Reply::Message(Pong {}.into()),
            ToDirectory::Pong(_) => Reply::Silent,
            ToDirectory::Logout(_) => Reply::Last(Bye { reason: ByeReason::Ended }.into()),
            request => return Handled::NeedsStore(Box::new(request)),
        })
    }

    /// The `msgtype` of the last frame.
    #[must_use]
    pub fn asked(&self) -> &'static str {
        self.asked
    }

    /// The number of the request in the last frame; its answer repeats it, and nothing else does.
    #[must_use]
    pub fn request(&self) -> Option<RequestNumber> {
        self.request
    }

    /// Answers what [`Session::handle`] could not. Answers go out in the order of the requests, so no frame is handled
    /// meanwhile.
    pub async fn ask<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, request: ToDirectory) -> Reply {
        self.answer(directory, now, request).await.unwrap_or_else(Reply::from)
    }

    async fn answer<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: ToDirectory,
    ) -> StoreResult<Reply> {
        let Self { presence, delivery, changes, .. } = self;
        let (member, user) = (presence.member(), presence.user());
        match request {
            ToDirectory::MailboxReq(_) => mailbox::open(directory, presence, delivery, now).await,
            ToDirectory::MailboxAck(ack) => mailbox::acknowledge(directory, presence, delivery, ack).await,
            ToDirectory::FetchReq(request) => mailbox::fetch(directory, member, request).await,
            ToDirectory::MailboxPut(put) => mailbox::put(directory, member, now, put).await,
            ToDirectory::CommitReq(request) => rooms::commit(directory, member, self.upload.take(), now, request).await,
            ToDirectory::GroupReq(request) => rooms::find_group(directory, request).await,
            ToDirectory::KeyPackagePut(put) => {
                key_packages::publish(directory, member, &mut self.has_published, put).await
            }
            ToDirectory::KeyPackageReq(request) => key_packages::take(directory, user, now, request).await,
            ToDirectory::TerminalsReq(request) => rooms::terminals(directory, request).await,
            ToDirectory::TerminalRemove(request) => rooms::remove_terminal(directory, user, request).await,
            ToDirectory::CertificatesReq(request) => rooms::certificates(directory, request).await,
            ToDirectory::BroadcastReq(request) => broadcast::broadcast(directory, member, now, request).await,
            ToDirectory::BroadcastLogReq(request) => broadcast::read_log(directory, request).await,
            ToDirectory::PasscodeReq(request) => passcode::begin(directory, user, changes, now, request).await,
            ToDirectory::PasscodeUpload(upload) => passcode::change(directory, user, changes, upload).await,
            // Whatever belongs before login.
            _ => Ok(Reply::error(ErrorCode::OutOfOrder)),
        }
    }

    /// Sends what the session did not ask for.
    pub async fn push<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, push: Push) -> Reply {
        match push {
            Push::End(reason) => Reply::Last(Bye { reason }.into()),
            Push::Mail => {
                let delivered = mailbox::deliver(directory, self.presence.member(), &mut self.delivery, now).await;
                delivered.unwrap_or_else(Reply::from)
            }
            Push::Message(payload) => Reply::Encoded(payload),
        }
    }

    fn look_up<S>(&self, directory: &Directory<S>, request: &LookupReq) -> Reply {
        let honest = request.userid == *self.presence.user();
        let found = honest.then(|| directory.presence.lookup(&request.lookup)).flatten();
        directory.lookups.count(if found.is_some() { LookupOutcome::Found } else { LookupOutcome::NotFound });
        Reply::Encoded(found.unwrap_or_else(|| directory.presence.not_found()))
    }
}

#[cfg(test)]
mod tests {
    use common::ident::{GroupHandle, TerminalId, UserId};
    use common::msg::{
        Away, BroadcastLogReq, FromDirectory, GroupReq, ListReq, MailboxReq, Ping, TerminalsReq, Upload, Watch,
    };

    use super::*;
    use crate::closed_store::{NOW, directory, policy, seconds, user};
    use crate::directory::Policy;
    use crate::presence::Arrival;

    const LIMIT: u32 = 3;

    fn session<S>(directory: &Directory<S>, user: &UserId) -> Session {
        let (terminal, address) = (TerminalId([1; 16]), ([192, 0, 2, 7], 65_000).into());
        let arrival = Arrival { user, terminal, address, public_key: b"key", now: NOW };
        Session::new(directory.presence.join(&arrival).unwrap(), Features::default())
    }

    /// Which request was refused, and for how many seconds.
    fn refusal(handled: Handled) -> Option<(String, u64)> {
        match handled {
            Handled::Answered(Reply::Message(FromDirectory::Error(error))) => error.to.zip(error.retry_after),
            _ => None,
        }
    }

    #[test]
    fn whatever_tells_or_makes_work_draws_from_one_budget() {
        let ali = user("ali");
        let limited: [(&str, ToDirectory); 7] = [
            ("LOOKUPREQ", LookupReq { userid: ali.clone(), lookup: ali.clone() }.into()),
            ("LISTREQ", ListReq { after: None }.into()),
            ("WATCH", Watch { users: Vec::new() }.into()),
            ("AWAY", Away { text: None }.into()),
            ("GROUPREQ", GroupReq { handle: GroupHandle([2; 32]) }.into()),
            ("TERMINALSREQ", TerminalsReq { users: Vec::new() }.into()),
            ("BROADCASTLOGREQ", BroadcastLogReq { before: None }.into()),
        ];
        let directory = directory(Policy { lookups_per_minute: LIMIT, ..policy() });
        for (name, request) in &limited {
            let mut session = session(&directory, &ali);
            for (_, other) in limited.iter().cycle().take(LIMIT as usize) {
                assert_eq!(refusal(session.handle(&directory, NOW, &other.encode())), None, "{name}");
            }
            for (later, expected) in [(0, Some(60)), (59, Some(1)), (60, None)] {
                let handled = session.handle(&directory, NOW + seconds(later), &request.encode());
                assert_eq!(refusal(handled), expected.map(|wait| (name.to_string(), wait)), "after {later} s");
            }
        }
        assert_eq!(directory.lookups.total(LookupOutcome::Limited), 2, "lookups that were refused are counted");
    }

    #[test]
    fn nothing_else_draws_from_it() {
        let directory = directory(Policy { lookups_per_minute: 1, ..policy() });
        let mut session = session(&directory, &user("ali"));
        let free: [ToDirectory; 3] =
            [Ping {}.into(), MailboxReq {}.into(), Upload { piece: common::msg::Piece(vec![1]) }.into()];
        for request in free.iter().cycle().take(30) {
            assert_eq!(refusal(session.handle(&directory, NOW, &request.encode())), None);
        }
    }
}
