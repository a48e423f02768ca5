//! Bringing two terminals together that do not reach each other (decision D26; protocol section 6.12).

use common::msg::{FromDirectory, Meet, MeetRefusal, MeetReply, MeetReq, MeetingWay, Member, Message as _};

use crate::directory::Directory;
use crate::presence::PresenceGuard;
use crate::relay::{NotArranged, Purpose, RelayMode};
use crate::reply::Reply;
use crate::timestamp::Timestamp;

/// Answers `MEETREQ`; whoever is asked for has been told before.
pub(crate) fn meet<S>(directory: &Directory<S>, asker: &PresenceGuard, now: Timestamp, request: MeetReq) -> Reply {
    let MeetReq { userid, terminal, how } = request;
    let refused = |why| Reply::Message(MeetReply::refused(why).into());
    let purpose = match (how, directory.policy().relay) {
        (MeetingWay::Relay, RelayMode::Chat | RelayMode::All) => Purpose::Talk,
        (MeetingWay::File, RelayMode::All) => Purpose::File,
        (MeetingWay::File, RelayMode::Chat) | (_, RelayMode::Off) | (MeetingWay::Other, _) => {
            return refused(MeetRefusal::Off);
        }
    };
    let asked = Member { userid, terminal };
    let is_own = asked.userid == *asker.user();
    let outbound = directory.presence.outbound_to_meet(&asked, how).filter(|_| !is_own);
    let Some(outbound) = outbound else { return refused(MeetRefusal::NotPresent) };
    let [ours, theirs] = match directory.relay.arrange([asker.user(), &asked.userid], purpose, now) {
        Ok(tokens) => tokens,
        Err(NotArranged::Full) => return refused(MeetRefusal::Full),
        Err(NotArranged::NoRandomness) => {
            tracing::error!("a meeting could not be arranged: the operating system gave no randomness");
            return refused(MeetRefusal::Full);
        }
    };
    let Member { userid, terminal } = asker.member().clone();
    let meet = Meet { token: theirs, userid, terminal, address: asker.address(), how };
    outbound.message(FromDirectory::from(meet).encode().into());
    Reply::Message(MeetReply::success(ours).into())
}
