//! Login: a proved passcode, then proof of possession of the identity key (decisions D8, D9, D12; protocol sections 5.3
//! and 5.4). How a passcode is proved is in [`crate::authentication`].

use std::net::SocketAddr;

use common::msg::{
    ADDRESSES, Announce, Announced, AuthProof, AuthReq, Bye, ByeReason, ErrorCode, Features, FromDirectory,
    MeetingWays, RECORDS, RELAY, RELAY_FILES,
};

use crate::authentication::{self, Authenticating, NotAuthenticated, Proved};
use crate::directory::Directory;
use crate::login_stats::LoginOutcome;
use crate::origin::Origin;
use crate::possession;
use crate::presence::{Arrival, FIRST_PORT};
use crate::records::{Entry, EntryCheck};
use crate::relay::RelayMode;
use crate::session::Session;
use crate::step::Step;
use crate::store::Store;
use crate::timestamp::Timestamp;

impl From<NotAuthenticated> for Step {
    fn from(why: NotAuthenticated) -> Self {
        match why {
            NotAuthenticated::Refused(reply) => Self::reply(reply),
            NotAuthenticated::Error(code) => Self::error(code),
            NotAuthenticated::Store(error) => error.into(),
        }
    }
}

/// Answers `AUTHREQ`.
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    request: AuthReq,
) -> Result<(Authenticating, FromDirectory), Step> {
    let (authenticating, challenge) = authentication::begin(directory, origin, now, request).await?;
    Ok((authenticating, challenge.into()))
}

/// Answers `AUTHPROOF`.
pub(crate) async fn prove<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    login: Authenticating,
    proof: &AuthProof,
) -> Result<(Proved, FromDirectory), Step> {
    let (proved, reply) = authentication::prove(directory, origin, now, login, proof).await?;
    directory.login_stats().count(LoginOutcome::Granted, now);
    Ok((proved, reply.into()))
}

/// Answers `ANNOUNCE`.
pub(crate) async fn announce<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    granted: &Proved,
    announce: Announce,
) -> Step {
    let user = &granted.user;
    // Below, something else may listen at an address that others share (decision D26).
    if announce.port < FIRST_PORT {
        return Step::error(ErrorCode::Malformed);
    }
    // One that cannot be read was never verified.
    let before = granted.known_certificate.as_deref().and_then(|known| serde_json::from_slice(known).ok());
    let expected = possession::Expected {
        channel: origin.channel(user, &directory.key),
        terminal: granted.terminal,
        public_key: &granted.public_key,
        challenge: &granted.challenge,
        certificate: before.as_ref(),
    };
    let new_certificate = match expected.check(&announce) {
        Ok(possession::Certified::Before) => None,
        Ok(possession::Certified::New) => serde_json::to_vec(&announce.certificate).ok(),
        // Which rule it was is for the log; the other side gets one answer for all.
        Err(rule) => {
            tracing::warn!(user = %directory.named(user), peer_ip = directory.shown(origin.address), %rule, "proof of possession not accepted");
            return Step::error(ErrorCode::NotAccepted);
        }
    };
    let address = SocketAddr::new(origin.address.to_canonical(), announce.port);
    let terminal = granted.terminal;
    let ways = MeetingWays::named(&announce.features);
    let (public_key, age, seen) = (&granted.public_key, granted.age, origin.seen());
    let arrival = Arrival { user, terminal, age, address, public_key, seen, ways, now };
    let Ok(presence) = directory.presence.join(&arrival) else { return Step::error(ErrorCode::Unavailable) };
    // Asked after joining: whoever locks the user in between finds the session and ends it.
    let (credential, record) = (granted.credential, granted.record.clone());
    let entry = Entry { user: user.clone(), credential, record, terminal, new_certificate };
    match directory.store.enter(entry, now).await {
        Ok(EntryCheck::Valid) => {
            tracing::info!(user = %directory.named(user), peer_ip = directory.shown(origin.address), "logged in");
            let (time, terminals) = (now.seconds(), directory.presence.terminals(user));
            let generation = directory.generation();
            let features = match directory.policy().relay {
                RelayMode::Off => Features::of_directory(),
                RelayMode::Chat => Features::of_directory().with(RELAY),
                RelayMode::All => Features::of_directory().with(RELAY).with(RELAY_FILES),
            };
            let knows_addresses = announce.features.include(ADDRESSES);
            if knows_addresses {
                presence.set_local(&announce.local);
            }
            // Without randomness it is seen from one family only.
            let other = knows_addresses.then(|| presence.seen_token(now).ok().map(Box::new)).flatten();
            let record = announce.features.include(RECORDS).then(|| presence.record(now)).flatten();
            let session = Session::new(presence, origin, announce.features).with_record(record.as_deref());
            let announced = Announced { address, time, terminals, generation, features, other, record };
            Step::Enter(Box::new(session), announced.into())
        }
        Ok(EntryCheck::Revoked) => Step::Close(Bye { reason: ByeReason::Administrator }.into()),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use common::ident::TerminalId;
    use common::msg::{AuthRefusal, Blob};
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{NOW, directory, policy, seconds, user};
    use crate::policy::Policy;

    #[test]
    fn a_source_has_so_many_logins_in_a_minute_and_then_does_not_reach_the_store() {
        let directory = directory(Policy { logins_per_minute: 3, ..policy() });
        let log_in = |address: [u8; 4], later: u64| {
            let origin = Origin { address: address.into(), port: 50_000, exporter: [2; 32] };
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
