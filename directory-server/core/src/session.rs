//! A connection that is logged in: lookups, lists, signs of life, logout (protocol section 6).
//!
//! What is answered from memory is answered at once by [`Session::handle`]; requests that need the store go on to
//! [`Session::ask`], and [`Session::push`] is what happens without a request. Dropping [`Session`] ends the presence.

use std::time::Duration;

use common::msg::features::PROOF;
use common::msg::{
    Bye, ByeReason, Envelope, Error, ErrorCode, Features, LookupReq, Malformed, Message as _, Pong, RECORDS, Record,
    RequestNumber, ToDirectory, Unreadable, WITHDRAWN,
};

use crate::budgets::{Payer, cost};
use crate::directory::Directory;
use crate::login_stats::LookupOutcome;
use crate::mailbox::Delivery;
use crate::origin::Origin;
use crate::outbound::Push;
use crate::passcode::Changes;
use crate::presence::{PresenceGuard, half_over};
use crate::proof::Proof;
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::uploads::Upload;
use crate::{broadcast, key_packages, mailbox, meetings, passcode, rooms, successions, terminals};

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
    delivery: Delivery,
    /// How many items the terminal was told are lost, and has not confirmed.
    told_lost: u64,
    reports: Delivery,
    upload: Upload,
    proof: Proof,
    changes: Changes,
    origin: Origin,
    /// Whether others have heard that this terminal can be added to rooms.
    has_published: bool,
    /// When it is to have another record.
    next_record: Option<Timestamp>,
}

impl Session {
    /// A session that begins on the connection from `origin`, of a terminal that has named these features.
    #[must_use]
    pub fn new(presence: PresenceGuard, origin: Origin, features: Features) -> Self {
        Self {
            presence,
            features,
            asked: NO_MESSAGE,
            request: None,
            delivery: Delivery::default(),
            told_lost: 0,
            reports: Delivery::default(),
            upload: Upload::None,
            proof: Proof::default(),
            changes: Changes::default(),
            origin,
            has_published: false,
            next_record: None,
        }
    }

    /// With the record that it was given.
    #[must_use]
    pub(crate) fn with_record(self, record: Option<&Record>) -> Self {
        Self { next_record: record.map(half_over), ..self }
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
                Ok(()) => self.dispatch(directory, now, message),
                Err(refusal) => {
                    // What was uploaded is this commit's, and goes with it.
                    if matches!(message, ToDirectory::CommitReq(_)) {
                        self.upload = Upload::None;
                    }
                    Handled::Answered(refusal)
                }
            },
            Err(Malformed::UnknownType) => {
                Handled::Answered(Reply::Message(Error::new(ErrorCode::UnknownMsgtype).into()))
            }
            Err(Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. }) => {
                Handled::Answered(Reply::error(ErrorCode::Malformed))
            }
        }
    }

    /// Draws what the request costs, before anything is done for it (threats L10, L11).
    fn within_limit<S>(&self, directory: &Directory<S>, now: Timestamp, message: &ToDirectory) -> Result<(), Reply> {
        let Some(cost) = cost(message) else { return Ok(()) };
        let drawn = directory.budgets().draw(self.payer(directory), cost, now, &directory.policy());
        drawn.map_err(|wait| {
            if matches!(message, ToDirectory::LookupReq(_)) {
                directory.lookups.count(LookupOutcome::Limited);
            }
            Reply::rate_limited(message.msgtype(), wait)
        })
    }

    /// How long to pause before the next frame is read, after one of so many bytes: whoever sends too fast is slowed down
    /// and loses nothing.
    #[must_use]
    pub fn pause<S>(&self, directory: &Directory<S>, now: Timestamp, bytes: usize) -> Duration {
        directory.budgets().pace(self.payer(directory), bytes, now, &directory.policy())
    }

    /// Time has passed, with frames or without: to be called every minute or so.
    pub fn handle_idle(&mut self, now: Timestamp) {
        self.upload.expire(now);
        // Also where there were none before, since the administrator may have changed that.
        if self.features.include(RECORDS) && self.next_record.is_none_or(|next| next <= now) {
            self.next_record = self.presence.renew_record(now).as_deref().map(half_over);
        }
    }

    fn payer<S>(&self, directory: &Directory<S>) -> Payer<'_> {
        Payer { member: self.presence.member(), source: directory.counted(self.presence.source()) }
    }

    /// Answers what can be answered from memory.
    fn dispatch<S>(&mut self, directory: &Directory<S>, now: Timestamp, message: ToDirectory) -> Handled {
        Handled::Answered(match message {
            ToDirectory::LookupReq(request) => self.look_up(directory, &request),
            ToDirectory::MeetReq(request) => meetings::meet(directory, &self.presence, now, request),
            ToDirectory::ListReq(request) => {
                let list = directory.presence.list_for(self.presence.user(), request.after.as_ref());
                Reply::Message(list.into())
            }
            ToDirectory::Watch(watch) => {
                directory.presence.watch(&self.presence, watch.users);
                Reply::Silent
            }
            ToDirectory::Away(away) => {
                directory.presence.set_away(self.presence.member(), away.text);
                Reply::Silent
            }
            ToDirectory::Upload(upload) => {
                let source = directory.counted(self.presence.source());
                let payer = Payer { member: self.presence.member(), source };
                rooms::upload(directory, payer, now, &mut self.upload, &upload.piece.0)
            }
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
        let Self { presence, delivery, told_lost, reports, changes, proof, features, .. } = self;
        let (member, user) = (presence.member(), presence.user());
        match request {
            ToDirectory::MailboxReq(_) => {
                if features.include(WITHDRAWN) {
                    *reports = Delivery::Open;
                    presence.outbound.withdrawn();
                }
                mailbox::open(directory, presence, (delivery, told_lost), now).await
            }
            ToDirectory::WithdrawnAck(ack) => mailbox::acknowledge_report(directory, presence, reports, ack).await,
            ToDirectory::EpochsReq(request) => rooms::epochs(directory, member, request).await,
            ToDirectory::MailboxAck(ack) => mailbox::acknowledge(directory, presence, (delivery, told_lost), ack).await,
            ToDirectory::FetchReq(request) => mailbox::fetch(directory, member, request).await,
            ToDirectory::MailboxPut(put) => {
                let payer = Payer { member, source: directory.counted(presence.source()) };
                mailbox::put(directory, payer, now, features, put).await
            }
            ToDirectory::CommitReq(request) => {
                rooms::commit(directory, member, features, std::mem::take(&mut self.upload), now, request).await
            }
            ToDirectory::GroupReq(request) => rooms::find_group(directory, request).await,
            ToDirectory::KeyPackagePut(put) => {
                key_packages::publish(directory, member, &mut self.has_published, put).await
            }
            ToDirectory::KeyPackageReq(request) => key_packages::take(directory, request).await,
            ToDirectory::TerminalsReq(request) => rooms::terminals(directory, request).await,
            ToDirectory::TerminalRemove(request) => terminals::remove(directory, member, proof, now, request).await,
            ToDirectory::CertificatesReq(request) => rooms::certificates(directory, request).await,
            ToDirectory::BroadcastReq(request) => {
                let payer = Payer { member, source: directory.counted(presence.source()) };
                broadcast::broadcast(directory, payer, now, request).await
            }
            ToDirectory::BroadcastLogReq(request) => broadcast::read_log(directory, request).await,
            ToDirectory::AuthReq(request) => Ok(proof.begin(directory, self.origin, member, now, request).await),
            ToDirectory::AuthProof(message) => Ok(proof.finish(directory, self.origin, now, &message).await),
            ToDirectory::PasscodeReq(request) => passcode::begin(directory, user, (proof, changes), now, request).await,
            ToDirectory::PasscodeUpload(upload) => {
                passcode::change(directory, member, (proof, changes), now, upload).await
            }
            ToDirectory::KeyReq(request) => successions::begin(directory, user, (proof, changes), now, request).await,
            ToDirectory::KeyUpload(upload) => {
                successions::change(directory, member, (proof, changes), now, upload).await
            }
            ToDirectory::SuccessorsReq(request) => successions::successors(directory, request).await,
            // Whatever belongs before login.
            _ => Ok(Reply::error(ErrorCode::OutOfOrder)),
        }
    }

    /// Sends what the session did not ask for.
    pub async fn push<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, push: Push) -> Reply {
        match push {
            Push::End(ByeReason::Passcode) if !self.features.include(PROOF) => {
                Reply::Last(Bye { reason: ByeReason::Administrator }.into())
            }
            Push::End(reason) => Reply::Last(Bye { reason }.into()),
            Push::Mail => {
                let delivered = mailbox::deliver(directory, self.presence.member(), &mut self.delivery, now).await;
                delivered.unwrap_or_else(Reply::from)
            }
            Push::Withdrawn => {
                let reported = mailbox::report(directory, self.presence.member(), &mut self.reports).await;
                reported.unwrap_or_else(Reply::from)
            }
            Push::Message(payload) => Reply::Encoded(payload),
        }
    }

    fn look_up<S>(&self, directory: &Directory<S>, request: &LookupReq) -> Reply {
        let honest = request.userid == *self.presence.user();
        let found = honest.then(|| directory.presence.lookup(&request.lookup, self.presence.asker())).flatten();
        directory.lookups.count(if found.is_some() { LookupOutcome::Found } else { LookupOutcome::NotFound });
        Reply::Encoded(found.unwrap_or_else(|| directory.presence.not_found()))
    }
}

#[cfg(test)]
mod tests {
    use common::ident::{GroupHandle, RoomId, TerminalId, UserId};
    use common::limits::{Allowance, Budget, TERMINALS_ASKED};
    use common::msg::{
        Away, Blob, BroadcastLogReq, CommitReq, EpochsReq, FromDirectory, GroupReq, ListReq, MailboxAck, MailboxReq,
        MeetingWays, PasscodeReq, Ping, TerminalRemove, TerminalsReq, Upload as Piecewise,
    };

    use super::*;
    use crate::closed_store::{NOW, directory, policy, seconds, user};
    use crate::policy::Policy;
    use crate::presence::Arrival;

    const LIMIT: u32 = 3;

    /// Which request was refused, and for how many seconds.
    fn refusal(handled: Handled) -> Option<(String, u64)> {
        match handled {
            Handled::Answered(Reply::Message(FromDirectory::Error(error))) => error.to.zip(error.retry_after),
            _ => None,
        }
    }

    fn entering<S>(directory: &Directory<S>, user: &UserId, terminal: u8) -> Session {
        let (terminal, address) = (TerminalId([terminal; 16]), ([192, 0, 2, 7], 65_000).into());
        let arrival = Arrival {
            user,
            terminal,
            age: 0,
            address,
            public_key: b"key",
            seen: ([192, 0, 2, 7], 50_000).into(),
            ways: MeetingWays::named(&Features::of_terminal()),
            now: NOW,
        };
        let origin = Origin { address: [192, 0, 2, 7].into(), port: 50_000, exporter: [2; 32] };
        Session::new(directory.presence.join(&arrival).unwrap(), origin, Features::default())
    }

    #[test]
    fn whatever_tells_or_makes_work_draws_from_one_budget_of_all_sessions_of_a_user() {
        let ali = user("ali");
        let limited: [(&str, ToDirectory); 7] = [
            ("LOOKUPREQ", LookupReq { userid: ali.clone(), lookup: ali.clone() }.into()),
            ("LISTREQ", ListReq { after: None }.into()),
            ("AWAY", Away { text: None }.into()),
            ("GROUPREQ", GroupReq { handle: GroupHandle([2; 32]) }.into()),
            ("EPOCHSREQ", EpochsReq { rooms: Vec::new() }.into()),
            ("TERMINALSREQ", TerminalsReq { users: Vec::new() }.into()),
            ("BROADCASTLOGREQ", BroadcastLogReq { before: None }.into()),
        ];
        for (name, request) in &limited {
            let directory = directory(Policy { lookups_per_minute: LIMIT, ..policy() });
            let mut sessions = [1, 2].map(|terminal| entering(&directory, &ali, terminal));
            for (n, (_, other)) in limited.iter().cycle().take(LIMIT as usize).enumerate() {
                assert_eq!(refusal(sessions[n % 2].handle(&directory, NOW, &other.encode())), None, "{name}");
            }
            for (later, expected) in [(0, Some(60)), (59, Some(1)), (60, None)] {
                let handled = sessions[0].handle(&directory, NOW + seconds(later), &request.encode());
                assert_eq!(refusal(handled), expected.map(|wait| (name.to_string(), wait)), "after {later} s");
            }
            let lookups = if *name == "LOOKUPREQ" { 2 } else { 0 };
            assert_eq!(
                directory.lookups.total(LookupOutcome::Limited),
                lookups,
                "lookups that were refused are counted"
            );
        }
    }

    #[test]
    fn one_user_cannot_try_many_ids_however_they_are_asked_for() {
        let (ali, budget) = (user("ali"), Budget::Names.allowance().user);
        let directory = directory(Policy { lookups_per_minute: budget, ..policy() });
        let mut sessions: Vec<_> = (1..=8).map(|terminal| entering(&directory, &ali, terminal)).collect();
        let ids: Vec<UserId> = (0..TERMINALS_ASKED).map(|n| user(&format!("u{n}"))).collect();
        let request = ToDirectory::from(TerminalsReq { users: ids.clone() }).encode();
        let answered = (0..600).filter(|n| {
            let session = &mut sessions[n % 8];
            matches!(session.handle(&directory, NOW, &request), Handled::NeedsStore(_))
        });
        assert!(answered.count() * ids.len() <= budget as usize);
    }

    #[test]
    fn what_a_terminal_needs_for_its_own_mail_is_never_refused_but_slowed_down() {
        let directory = directory(Policy { lookups_per_minute: 1, requests_per_minute: 60, ..policy() });
        let mut session = entering(&directory, &user("ali"), 1);
        let free: [ToDirectory; 4] = [
            Ping {}.into(),
            MailboxReq {}.into(),
            MailboxAck { upto: 0 }.into(),
            Piecewise { piece: common::msg::Piece(vec![1]) }.into(),
        ];
        let mut pauses = 0;
        for request in free.iter().cycle().take(100) {
            assert_eq!(refusal(session.handle(&directory, NOW, &request.encode())), None);
            pauses += u32::from(!session.pause(&directory, NOW, request.encode().len()).is_zero());
        }
        assert_eq!(pauses, 40, "all but the first sixty");
    }
    #[test]
    fn an_upload_goes_with_its_commit_also_where_that_costs_too_much() {
        let directory = directory(Policy { requests_per_minute: 6000, ..policy() });
        let mut session = entering(&directory, &user("ali"), 1);
        let commit = ToDirectory::from(CommitReq::without_commit(RoomId([7; 16]), 0, Vec::new())).encode();
        let Allowance { user: commits, .. } = Budget::Commits.allowance();
        for _ in 0..commits {
            assert!(matches!(session.handle(&directory, NOW, &commit), Handled::NeedsStore(_)));
        }
        let piece = ToDirectory::from(Piecewise { piece: common::msg::Piece(vec![1]) }).encode();
        assert!(matches!(session.handle(&directory, NOW, &piece), Handled::Answered(Reply::Silent)));
        assert!(matches!(session.upload, Upload::Growing(_)));
        assert_eq!(refusal(session.handle(&directory, NOW, &commit)).unwrap().0, "COMMITREQ");
        assert!(matches!(session.upload, Upload::None), "its room is free");
    }
    #[test]
    fn a_terminal_uses_up_no_other_one_s_changes_of_the_account() {
        let directory = directory(Policy { lookups_per_minute: LIMIT, ..policy() });
        let ali = user("ali");
        let [mut own, mut stolen, mut again] = [1, 2, 2].map(|terminal| entering(&directory, &ali, terminal));
        let change = ToDirectory::from(PasscodeReq { passcode: Blob(Vec::new()) }).encode();
        let removed = TerminalRemove { terminal: TerminalId([2; 16]), cookie: None };
        let remove = ToDirectory::from(removed).encode();
        let list = ToDirectory::from(ListReq { after: None }).encode();
        for _ in 0..=LIMIT {
            stolen.handle(&directory, NOW, &list);
        }
        for asked in [&change, &remove, &change, &remove] {
            assert!(matches!(stolen.handle(&directory, NOW, asked), Handled::NeedsStore(_)));
        }
        for (session, asked, name) in [(&mut stolen, &change, "PASSCODEREQ"), (&mut again, &remove, "TERMINALREMOVE")] {
            assert_eq!(refusal(session.handle(&directory, NOW, asked)), Some((name.to_owned(), 60)));
        }
        for asked in [&change, &remove] {
            assert!(matches!(own.handle(&directory, NOW, asked), Handled::NeedsStore(_)));
        }
    }
}
