//! Login: OPAQUE, then proof of possession of the identity key (decisions D8, D9, D12; protocol sections 5.3 and 5.4).
//!
//! A user who does not exist takes the same path as one who does, with a fake record, a budget of its own and the same
//! answers (threat L2).

use std::net::SocketAddr;
use std::time::Duration;

use common::crypto::opaque::ServerLogin;
use common::ident::{Challenge, Cookie, CredentialId, TerminalId, UserId};
use common::limits::Budget;
use common::msg::{
    Announce, Announced, AuthChallenge, AuthProof, AuthRefusal, AuthReply, AuthReq, AuthStatus, Blob, Bye, ByeReason,
    ErrorCode, Features, FromDirectory,
};

use crate::directory::Directory;
use crate::lockout::{Class, Verdict};
use crate::login_stats::LoginOutcome;
use crate::possession;
use crate::presence::Arrival;
use crate::records::{Account, Admits, Attempt, CookieDigest, EntryCheck, Generation, Grant, Success};
use crate::session::Session;
use crate::sources::Misbehaviour;
use crate::step::{Origin, Step};
use crate::store::Store;
use crate::timestamp::{Timestamp, whole_seconds};

/// What is known between `AUTHCHALLENGE` and `AUTHPROOF`.
#[derive(Debug)]
pub struct Authenticating {
    user: UserId,
    terminal: TerminalId,
    opaque: ServerLogin,
    challenge: Challenge,
    account: Option<Account>,
    class: Class,
    /// The cookie presented, if it was the right one.
    cookie: Option<Cookie>,
    /// What was drawn for this login.
    drawn: Drawn,
    tries_left: u32,
    locked_until: Option<Timestamp>,
}

/// Whether a failure of the source was counted when the login began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Failure,
    Nothing,
}

/// What is known between `AUTHREPLY GRANTED` and `ANNOUNCE`.
#[derive(Debug)]
pub struct Granted {
    user: UserId,
    terminal: TerminalId,
    challenge: Challenge,
    credential: CredentialId,
    public_key: Vec<u8>,
    /// The certificate this terminal announced before; it was verified then.
    known_certificate: Option<Vec<u8>>,
}

fn refused(reason: AuthRefusal) -> AuthReply {
    AuthReply {
        status: AuthStatus::Refused,
        vault: None,
        cookie: None,
        reason: Some(reason),
        retry_after: None,
        tries_left: None,
    }
}

/// Answers `AUTHREQ`. The attempt is counted before KE2 is computed (threat L1).
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    request: AuthReq,
) -> Result<(Authenticating, FromDirectory), Step> {
    let AuthReq { userid: user, passcode: ke1, terminal, cookie, previous } = request;
    let policy = directory.policy();
    let draw = |budget| directory.sources().draw(origin.source(), now, budget, policy.allowance(budget));
    draw(Budget::Logins).map_err(|wait| too_many(directory, now, wait))?;
    // Whoever leaves after KE2 has guessed, too; so it is counted here, and given back to whoever knew the passcode.
    let failure = draw(Budget::Failures);
    let admits = if failure.is_ok() { Admits::Everybody } else { Admits::KnownTerminals };
    let generation = if previous { Generation::Previous } else { Generation::Current };
    let digest = cookie.as_ref().map(CookieDigest::of);
    let attempt = Attempt { user: user.clone(), terminal, cookie: digest, generation, admits };
    let reservation = directory.store.reserve(attempt, policy.lock, now).await?;
    if let (Err(wait), Class::UnknownTerminals) = (failure, reservation.class) {
        return Err(too_many(directory, now, wait));
    }
    let (tries_left, locks_for) = match reservation.verdict {
        Verdict::Reserved { tries_left, locks_for } => (tries_left, locks_for),
        Verdict::Locked { retry_after } => {
            count_failure(directory, origin, now);
            tracing::info!(%user, peer_ip = directory.shown(origin.address), "login refused: locked");
            let retry_after = retry_after.map(whole_seconds);
            return Err(Step::reply(AuthReply { retry_after, ..refused(AuthRefusal::Locked) }));
        }
    };
    let account = reservation.account;
    let credential = account.as_ref().map_or_else(|| directory.secret.fake_credential(&user), |a| a.credential);
    let record = account.as_ref().map(|account| account.record.as_slice());
    let channel = origin.channel(&user, &directory.key);
    let Ok((opaque, ke2)) = ServerLogin::start(&directory.secret, record, &credential, &ke1.0, channel) else {
        return Err(Step::error(ErrorCode::Malformed));
    };
    let Ok(challenge) = common::crypto::random().map(Challenge) else {
        return Err(Step::error(ErrorCode::Unavailable));
    };
    let authenticating = Authenticating {
        user,
        terminal,
        opaque,
        challenge,
        account,
        class: reservation.class,
        cookie: cookie.filter(|_| reservation.class == Class::KnownTerminal),
        drawn: failure.map_or(Drawn::Nothing, |()| Drawn::Failure),
        tries_left,
        locked_until: locks_for.map(|lock| now + lock),
    };
    let reply = AuthChallenge { passcode: Blob(ke2), challenge, changed: reservation.changed };
    Ok((authenticating, reply.into()))
}

/// The source has tried too often; no attempt is counted.
fn too_many<S>(directory: &Directory<S>, now: Timestamp, wait: Duration) -> Step {
    directory.login_stats().count(LoginOutcome::Limited, now);
    Step::reply(AuthReply { retry_after: Some(whole_seconds(wait)), ..refused(AuthRefusal::TooMany) })
}

fn count_failure<S>(directory: &Directory<S>, origin: Origin, now: Timestamp) {
    directory.sources().penalise(origin.source(), Misbehaviour::LoginFailed, now);
    directory.login_stats().count(LoginOutcome::Refused, now);
}

/// Answers `AUTHPROOF`.
pub(crate) async fn prove<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    login: Authenticating,
    proof: &AuthProof,
) -> Result<(Granted, FromDirectory), Step> {
    let Authenticating { user, terminal, opaque, challenge, account, class, cookie, drawn, tries_left, locked_until } =
        login;
    let right = opaque.finish(&proof.passcode.0, origin.channel(&user, &directory.key)).is_ok();
    let Some(account) = account.filter(|_| right) else {
        count_failure(directory, origin, now);
        tracing::info!(%user, peer_ip = directory.shown(origin.address), tries_left, "login refused: wrong passcode");
        let reply = match locked_until {
            None => AuthReply { tries_left: Some(tries_left), ..refused(AuthRefusal::Passcode) },
            Some(until) => {
                AuthReply { retry_after: Some(whole_seconds(until.since(now))), ..refused(AuthRefusal::Locked) }
            }
        };
        return Err(Step::reply(reply));
    };
    if drawn == Drawn::Failure {
        directory.sources().give_back(origin.source(), Budget::Failures);
    }
    let Ok(cookie) = cookie.map_or_else(|| common::crypto::random().map(Cookie), Ok) else {
        return Err(Step::error(ErrorCode::Unavailable));
    };
    let credential = account.credential;
    let (record, cookie_digest) = (account.record, CookieDigest::of(&cookie));
    let success = Success { user: user.clone(), credential, record, terminal, class, cookie: cookie_digest };
    let known_certificate = match directory.store.grant(success, now).await? {
        Grant::Granted { certificate } => certificate,
        // Only somebody who knows the passcode gets this answer, so that a lock does not tell that a user exists.
        Grant::LockedByAdministrator | Grant::Gone => {
            directory.login_stats().count(LoginOutcome::Refused, now);
            return Err(Step::reply(refused(AuthRefusal::Locked)));
        }
    };
    if !directory.presence.has_room_for(&user, &terminal) {
        directory.login_stats().count(LoginOutcome::Refused, now);
        return Err(Step::reply(refused(AuthRefusal::TooMany)));
    }
    directory.login_stats().count(LoginOutcome::Granted, now);
    let reply = AuthReply {
        status: AuthStatus::Granted,
        vault: Some(Blob(account.vault)),
        cookie: Some(cookie),
        reason: None,
        retry_after: None,
        tries_left: None,
    };
    let public_key = account.public_key;
    let granted = Granted { user, terminal, challenge, credential, public_key, known_certificate };
    Ok((granted, reply.into()))
}

/// Answers `ANNOUNCE`.
pub(crate) async fn announce<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    granted: &Granted,
    announce: Announce,
) -> Step {
    let user = &granted.user;
    if announce.port == 0 {
        return Step::error(ErrorCode::Malformed);
    }
    let certificate = serde_json::to_vec(&announce.certificate).unwrap_or_default();
    let known = granted.known_certificate.as_deref() == Some(certificate.as_slice());
    let expected = possession::Expected {
        channel: origin.channel(user, &directory.key),
        terminal: granted.terminal,
        public_key: &granted.public_key,
        challenge: &granted.challenge,
        certificate: if known { possession::Certified::Before } else { possession::Certified::New },
    };
    // Which rule it was is for the log; the other side gets one answer for all.
    if let Err(rule) = expected.check(&announce) {
        tracing::warn!(%user, peer_ip = directory.shown(origin.address), %rule, "proof of possession not accepted");
        return Step::error(ErrorCode::NotAccepted);
    }
    let address = SocketAddr::new(origin.address.to_canonical(), announce.port);
    let terminal = granted.terminal;
    let arrival = Arrival { user, terminal, address, public_key: &granted.public_key, now };
    let Ok(presence) = directory.presence.join(&arrival) else { return Step::error(ErrorCode::Unavailable) };
    // Asked after joining: whoever locks the user in between finds the session and ends it.
    let new_certificate = (!known).then_some(certificate);
    match directory.store.enter(user, granted.credential, terminal, new_certificate).await {
        Ok(EntryCheck::Valid) => {
            tracing::info!(%user, peer_ip = directory.shown(origin.address), "logged in");
            let (time, terminals) = (now.seconds(), directory.presence.terminals(user));
            let announced = Announced { address, time, terminals, features: Features::of_directory() };
            Step::Enter(Box::new(Session::new(presence, announce.features)), announced.into())
        }
        Ok(EntryCheck::Revoked) => Step::Close(Bye { reason: ByeReason::Administrator }.into()),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{NOW, directory, policy, seconds, user};
    use crate::policy::Policy;

    #[test]
    fn a_source_has_so_many_logins_in_a_minute_and_then_does_not_reach_the_store() {
        let directory = directory(Policy { logins_per_minute: 3, ..policy() });
        let log_in = |address: [u8; 4], later: u64| {
            let origin = Origin { address: address.into(), exporter: [2; 32] };
            let (passcode, terminal) = (Blob(Vec::new()), TerminalId([1; 16]));
            let request = AuthReq { userid: user("ali"), passcode, terminal, cookie: None, previous: false };
            match block_on(begin(&directory, origin, NOW + seconds(later), request)) {
                Err(Step::Reply(FromDirectory::AuthReply(reply))) => reply.reason.zip(reply.retry_after),
                // The store is closed.
                Err(Step::Close(_)) => None,
                other => panic!("{other:?}"),
            }
        };
        let office = [192, 0, 2, 7];
        assert_eq!([0, 1, 2].map(|later| log_in(office, later)), [None; 3]);
        assert_eq!(log_in(office, 2), Some((AuthRefusal::TooMany, 58)));
        assert_eq!(log_in(office, 59), Some((AuthRefusal::TooMany, 1)));
        assert_eq!(log_in([192, 0, 2, 8], 59), None, "another source");
        assert_eq!(log_in(office, 60), None);
    }
}
