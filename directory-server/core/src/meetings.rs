//! Bringing two terminals together that do not reach each other (decision D26; protocol section 6.12).

use std::net::SocketAddr;

use common::limits::MEETING_LEAD;
use common::msg::{FromDirectory, Meet, MeetRefusal, MeetReply, MeetReq, MeetingWay, Member, Message as _};

use crate::directory::Directory;
use crate::presence::{FIRST_PORT, PresenceGuard};
use crate::relay::{NotArranged, Purpose, RelayMode};
use crate::reply::Reply;
use crate::timestamp::Timestamp;

/// Answers `MEETREQ`; whoever is asked for has been told before.
pub(crate) fn meet<S>(directory: &Directory<S>, asker: &PresenceGuard, now: Timestamp, request: MeetReq) -> Reply {
    match request.how {
        MeetingWay::Punch => punch(directory, asker, request),
        MeetingWay::Relay | MeetingWay::File | MeetingWay::Other => relay(directory, asker, now, request),
    }
}

fn refused(why: MeetRefusal) -> Reply {
    Reply::Message(MeetReply::refused(why).into())
}

/// Both are told where the other is seen, and when to connect.
fn punch<S>(directory: &Directory<S>, asker: &PresenceGuard, request: MeetReq) -> Reply {
    let MeetReq { userid, terminal, how } = request;
    let asked = Member { userid, terminal };
    let is_own = asked.userid == *asker.user();
    let Some((ours, (outbound, theirs))) =
        asker.seen().zip(directory.presence.to_meet(&asked, how)).filter(|_| !is_own)
    else {
        return refused(MeetRefusal::NotPresent);
    };
    if !can_connect(ours, theirs) {
        return refused(MeetRefusal::NoWay);
    }
    let Member { userid, terminal } = asker.member().clone();
    let meet = Meet { token: None, userid, terminal, address: ours, how, after: Some(MEETING_LEAD) };
    outbound.message(FromDirectory::from(meet).encode().into());
    Reply::Message(MeetReply::punch(theirs, MEETING_LEAD).into())
}

/// Whether a connection between the two can come about: whoever is behind one router does not get out and back in, and
/// there is none between families.
fn can_connect(one: SocketAddr, other: SocketAddr) -> bool {
    one.is_ipv4() == other.is_ipv4() && one.ip() != other.ip() && [one, other].iter().all(|at| at.port() >= FIRST_PORT)
}

/// Both are given a token each, for a leg.
fn relay<S>(directory: &Directory<S>, asker: &PresenceGuard, now: Timestamp, request: MeetReq) -> Reply {
    let MeetReq { userid, terminal, how } = request;
    let purpose = match (how, directory.policy().relay) {
        (MeetingWay::Relay, RelayMode::Chat | RelayMode::All) => Purpose::Talk,
        (MeetingWay::File, RelayMode::All) => Purpose::File,
        (MeetingWay::File, RelayMode::Chat) | (_, RelayMode::Off) | (MeetingWay::Punch | MeetingWay::Other, _) => {
            return refused(MeetRefusal::Off);
        }
    };
    let asked = Member { userid, terminal };
    let is_own = asked.userid == *asker.user();
    let outbound = directory.presence.to_meet(&asked, how).filter(|_| !is_own);
    let Some((outbound, _)) = outbound else { return refused(MeetRefusal::NotPresent) };
    let [ours, theirs] = match directory.relay.arrange([asker.user(), &asked.userid], purpose, now) {
        Ok(tokens) => tokens,
        Err(NotArranged::Full) => return refused(MeetRefusal::Full),
        Err(NotArranged::NoRandomness) => {
            tracing::error!("a meeting could not be arranged: the operating system gave no randomness");
            return refused(MeetRefusal::Full);
        }
    };
    let Member { userid, terminal } = asker.member().clone();
    let meet = Meet { token: Some(theirs), userid, terminal, address: asker.address(), how, after: None };
    outbound.message(FromDirectory::from(meet).encode().into());
    Reply::Message(MeetReply::success(ours).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_one_router_or_of_two_families_does_not_connect_to_each_other() {
        let connects = |one: &str, other: &str| can_connect(one.parse().unwrap(), other.parse().unwrap());
        assert!(connects("192.0.2.7:65000", "192.0.2.8:1024"));
        assert!(connects("[2001:db8::7]:65000", "[2001:db8::8]:65000"));
        assert!(!connects("192.0.2.7:65000", "192.0.2.7:65001"), "one address");
        assert!(!connects("192.0.2.7:65000", "[2001:db8::8]:65000"), "two families");
        assert!(!connects("192.0.2.7:65000", "192.0.2.8:1023"), "a port of the system");
        assert!(!connects("192.0.2.7:80", "192.0.2.8:65000"), "a port of the system, of whoever asks");
    }
}
