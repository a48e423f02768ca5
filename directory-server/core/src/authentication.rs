//! Proving a passcode: OPAQUE, with the attempt counted before anything is computed (decisions D8, D9; protocol section
//! 5.3). Logins need it before a session, changes of an account within one.
//!
//! A user who does not exist takes the same path as one who does, with a fake record, a budget of its own and the same
//! answers (threat L2).

use std::time::Duration;

use common::crypto::opaque::ServerLogin;
use common::ident::{Challenge, Cookie, CredentialId, TerminalId, UserId};
use common::limits::{Budget, TERMINAL_KEPT};
use common::msg::{AuthChallenge, AuthProof, AuthRefusal, AuthReply, AuthReq, AuthStatus, Blob, ErrorCode};

use crate::directory::Directory;
use crate::lockout::{Class, Verdict};
use crate::login_stats::LoginOutcome;
use crate::origin::Origin;
use crate::records::{Account, Admits, Attempt, CookieDigest, Generation, Grant, Success};
use crate::sources::Misbehaviour;
use crate::store::{Store, StoreError};
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

/// A passcode that was proved.
#[derive(Debug)]
pub struct Proved {
    /// Whose.
    pub(crate) user: UserId,
    /// At which terminal.
    pub(crate) terminal: TerminalId,
    /// What `AUTHCHALLENGE` gave to sign.
    pub(crate) challenge: Challenge,
    /// Against which credentials.
    pub(crate) credential: CredentialId,
    /// Against which record of these.
    pub(crate) record: Vec<u8>,
    /// The user's identity key, PKCS#1 DER.
    pub(crate) public_key: Vec<u8>,
    /// The certificate this terminal announced before; it was verified then.
    pub(crate) known_certificate: Option<Vec<u8>>,
    /// How long the terminal has been there beside the others of its user: the greater, the younger.
    pub(crate) age: i64,
}

/// Why a passcode was not proved.
#[derive(Debug)]
pub(crate) enum NotAuthenticated {
    /// This is the answer; another try may follow.
    Refused(AuthReply),
    /// The connection ends with this.
    Error(ErrorCode),
    /// The directory cannot do its part.
    Store(StoreError),
}

impl From<StoreError> for NotAuthenticated {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Answers `AUTHREQ`. The attempt is counted before KE2 is computed (threat L1).
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    request: AuthReq,
) -> Result<(Authenticating, AuthChallenge), NotAuthenticated> {
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
            tracing::info!(user = %directory.named(&user), peer_ip = directory.shown(origin.address), "login refused: locked");
            let retry_after = retry_after.map(whole_seconds);
            return Err(NotAuthenticated::Refused(AuthReply {
                retry_after,
                ..AuthReply::refused(AuthRefusal::Locked)
            }));
        }
    };
    let account = reservation.account;
    let credential = account.as_ref().map_or_else(|| directory.secret.fake_credential(&user), |a| a.credential);
    let record = account.as_ref().map(|account| account.record.as_slice());
    let channel = origin.channel(&user, &directory.key);
    let Ok((opaque, ke2)) = ServerLogin::start(&directory.secret, record, &credential, &ke1.0, channel) else {
        return Err(NotAuthenticated::Error(ErrorCode::Malformed));
    };
    let Ok(challenge) = common::crypto::random().map(Challenge) else {
        return Err(NotAuthenticated::Error(ErrorCode::Unavailable));
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
    Ok((authenticating, reply))
}

/// The source has tried too often; no attempt is counted.
fn too_many<S>(directory: &Directory<S>, now: Timestamp, wait: Duration) -> NotAuthenticated {
    directory.login_stats().count(LoginOutcome::Limited, now);
    let retry_after = Some(whole_seconds(wait));
    NotAuthenticated::Refused(AuthReply { retry_after, ..AuthReply::refused(AuthRefusal::TooMany) })
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
) -> Result<(Proved, AuthReply), NotAuthenticated> {
    let Authenticating { user, terminal, opaque, challenge, account, class, cookie, drawn, tries_left, locked_until } =
        login;
    let right = opaque.finish(&proof.passcode.0, origin.channel(&user, &directory.key)).is_ok();
    let Some(account) = account.filter(|_| right) else {
        count_failure(directory, origin, now);
        tracing::info!(user = %directory.named(&user), peer_ip = directory.shown(origin.address), tries_left, "login refused: wrong passcode");
        let reply = match locked_until {
            None => AuthReply { tries_left: Some(tries_left), ..AuthReply::refused(AuthRefusal::Passcode) },
            Some(until) => AuthReply {
                retry_after: Some(whole_seconds(until.since(now))),
                ..AuthReply::refused(AuthRefusal::Locked)
            },
        };
        return Err(NotAuthenticated::Refused(reply));
    };
    if drawn == Drawn::Failure {
        directory.sources().give_back(origin.source(), Budget::Failures);
    }
    let Ok(cookie) = cookie.map_or_else(|| common::crypto::random().map(Cookie), Ok) else {
        return Err(NotAuthenticated::Error(ErrorCode::Unavailable));
    };
    let credential = account.credential;
    let (record, cookie_digest) = (account.record, CookieDigest::of(&cookie));
    let success = Success {
        user: user.clone(),
        credential,
        record: record.clone(),
        terminal,
        class,
        cookie: cookie_digest,
        unseen_since: directory.surely_past(now).minus(TERMINAL_KEPT),
    };
    let (known_certificate, age) = match directory.store.grant(success, now).await? {
        Grant::Granted { certificate, age } => (certificate, age),
        // Only somebody who knows the passcode gets these answers, so that they do not tell that a user exists.
        Grant::LockedByAdministrator | Grant::Gone => return Err(not_granted(directory, now, AuthRefusal::Locked)),
        Grant::Outdated => return Err(not_granted(directory, now, AuthRefusal::Passcode)),
        Grant::Full => return Err(not_granted(directory, now, AuthRefusal::TooMany)),
    };
    if !directory.presence.has_room_for(&user, &terminal, age) {
        return Err(not_granted(directory, now, AuthRefusal::TooMany));
    }
    let reply = AuthReply {
        status: AuthStatus::Granted,
        vault: Some(Blob(account.vault)),
        cookie: Some(cookie),
        reason: None,
        retry_after: None,
        tries_left: None,
        newest: account.newest,
    };
    let public_key = account.public_key;
    let proved = Proved { user, terminal, challenge, credential, record, public_key, known_certificate, age };
    Ok((proved, reply))
}

fn not_granted<S>(directory: &Directory<S>, now: Timestamp, reason: AuthRefusal) -> NotAuthenticated {
    directory.login_stats().count(LoginOutcome::Refused, now);
    NotAuthenticated::Refused(AuthReply::refused(reason))
}
