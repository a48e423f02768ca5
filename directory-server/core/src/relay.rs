//! Relayed links: who may have one, and what a token opens (decision D26; protocol section 6.12).
//!
//! Owns the meetings that were arranged and the places of links that are relayed. It sees no byte of what is passed on; the
//! connections are the shell's, which holds a [`Leg`] for each as long as it is open. Bounded: a meeting has a place from
//! the moment it is arranged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::crypto::{NoRandomness, random};
use common::ident::{MeetingToken, UserId};
use common::limits::{MEETING_VALID, RELAY_FILES_PER_USER, RELAY_LINKS, RELAY_LINKS_PER_USER};
use sha2::{Digest as _, Sha256};

use crate::timestamp::Timestamp;

/// Whether a directory relays links (`[relay] mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RelayMode {
    /// It does not.
    Off,
    /// It relays conversations, and no files.
    #[default]
    Chat,
    /// It relays files, too.
    All,
}

/// What a link is for, by the word of both terminals: what passes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To talk.
    Talk,
    /// To fetch a file.
    File,
}

impl Purpose {
    /// Links for this purpose that one user may have.
    fn limit(self) -> usize {
        match self {
            Self::Talk => RELAY_LINKS_PER_USER,
            Self::File => RELAY_FILES_PER_USER,
        }
    }
}

/// Why no meeting can be arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotArranged {
    /// There is no place left, or either user has as many links as one may have.
    Full,
    /// No token can be made.
    NoRandomness,
}

impl From<NoRandomness> for NotArranged {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// Whose leg it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Of the user who asked for the meeting.
    Asking,
    /// Of the user who was asked for.
    Asked,
}

/// SHA-256 of a token: the time it takes to compare them says nothing of a token.
type TokenDigest = [u8; 32];

fn digest(token: &MeetingToken) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// One side of a meeting.
#[derive(Debug)]
struct Part {
    user: UserId,
    side: Side,
    /// Until it is used.
    token: Option<TokenDigest>,
    is_here: bool,
}

#[derive(Debug)]
struct Meeting {
    purpose: Purpose,
    parts: [Part; 2],
    until: Timestamp,
}

impl Meeting {
    /// Whether nobody is here and nobody can come any more.
    fn is_over(&self, now: Timestamp) -> bool {
        let awaited = self.until > now && self.parts.iter().any(|part| part.token.is_some());
        !awaited && !self.parts.iter().any(|part| part.is_here)
    }

    /// Whether it is one of this user's links: whoever was only asked for has none.
    fn is_of(&self, user: &UserId) -> bool {
        self.parts.iter().any(|part| part.user == *user && (part.side == Side::Asking || part.is_here))
    }
}

#[derive(Debug, Default)]
struct Meetings {
    all: BTreeMap<u64, Meeting>,
    last: u64,
}

impl Meetings {
    /// Whether a user has as many links as one may have, or as many for this purpose.
    fn is_full(&self, user: &UserId, purpose: Purpose) -> bool {
        let of_user = self.all.values().filter(|meeting| meeting.is_of(user));
        let (same, all) =
            of_user.fold((0, 0), |(same, all), meeting| (same + usize::from(meeting.purpose == purpose), all + 1));
        same >= purpose.limit() || all >= RELAY_LINKS_PER_USER
    }
}

/// All meetings.
#[derive(Debug, Default)]
pub struct Relay {
    meetings: Mutex<Meetings>,
}

/// One side of a meeting that has come; dropping it ends it.
#[derive(Debug)]
pub struct Leg {
    relay: Arc<Relay>,
    meeting: u64,
    side: Side,
    until: Timestamp,
}

impl Leg {
    /// The meeting: the legs of one have the same number.
    #[must_use]
    pub fn meeting(&self) -> u64 {
        self.meeting
    }

    /// Until when the other leg may come.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        let mut meetings = self.relay.lock();
        let Some(meeting) = meetings.all.get_mut(&self.meeting) else { return };
        meeting.parts.iter_mut().filter(|part| part.side == self.side).for_each(|part| part.is_here = false);
        // One that was joined is over with its first leg; the other follows at once.
        if meeting.parts.iter().all(|part| part.token.is_none() && !part.is_here) {
            meetings.all.remove(&self.meeting);
        }
    }
}

impl Relay {
    /// Arranges a meeting; gives the token of whoever asks, and that of whoever is asked for.
    ///
    /// # Errors
    /// [`NotArranged`]; nothing has changed then.
    pub(crate) fn arrange(
        &self,
        [asking, asked]: [&UserId; 2],
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<[MeetingToken; 2], NotArranged> {
        let mut meetings = self.lock();
        meetings.all.retain(|_, meeting| !meeting.is_over(now));
        let is_full = [asking, asked].iter().any(|user| meetings.is_full(user, purpose));
        if meetings.all.len() >= RELAY_LINKS || is_full {
            return Err(NotArranged::Full);
        }
        let tokens = [MeetingToken(random()?), MeetingToken(random()?)];
        let part =
            |user: &UserId, side, token| Part { user: user.clone(), side, token: Some(digest(token)), is_here: false };
        let parts = [part(asking, Side::Asking, &tokens[0]), part(asked, Side::Asked, &tokens[1])];
        meetings.last += 1;
        let number = meetings.last;
        meetings.all.insert(number, Meeting { purpose, parts, until: now + MEETING_VALID });
        Ok(tokens)
    }

    /// A connection has shown a token; nothing if it opens no leg (any more).
    pub fn arrive(self: &Arc<Self>, token: &MeetingToken, now: Timestamp) -> Option<Leg> {
        let token = Some(digest(token));
        let mut meetings = self.lock();
        meetings.all.retain(|_, meeting| !meeting.is_over(now));
        let shown = |meeting: &Meeting| {
            let part = meeting.parts.iter().find(|part| part.token == token)?;
            (meeting.until > now).then(|| (part.side, part.user.clone(), meeting.purpose, meeting.until))
        };
        let (meeting, (side, user, purpose, until)) =
            meetings.all.iter().find_map(|(number, meeting)| shown(meeting).map(|found| (*number, found)))?;
        let is_full = side == Side::Asked && meetings.is_full(&user, purpose);
        let part = meetings.all.get_mut(&meeting)?.parts.iter_mut().find(|part| part.side == side)?;
        part.token = None;
        part.is_here = !is_full;
        drop(meetings);
        (!is_full).then(|| Leg { relay: Arc::clone(self), meeting, side, until })
    }

    /// Meetings that have a place, those without a leg among them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    fn lock(&self) -> MutexGuard<'_, Meetings> {
        self.meetings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::{NOW, seconds, user};

    fn arranged(relay: &Relay, asking: &str, asked: &str) -> Result<[MeetingToken; 2], NotArranged> {
        relay.arrange([&user(asking), &user(asked)], Purpose::Talk, NOW)
    }

    #[test]
    fn a_token_opens_one_leg_of_its_own_meeting_and_only_in_time() {
        let relay = Arc::<Relay>::default();
        let [ali, bianca] = arranged(&relay, "ali", "bianca").unwrap();
        let [other, _] = arranged(&relay, "carol", "bianca").unwrap();
        assert!(relay.arrive(&MeetingToken([0; 32]), NOW).is_none(), "a foreign token");
        let first = relay.arrive(&bianca, NOW).unwrap();
        assert!(relay.arrive(&bianca, NOW).is_none(), "a token a second time");
        let second = relay.arrive(&ali, NOW + seconds(9)).unwrap();
        assert_eq!(first.meeting(), second.meeting());
        assert!(relay.arrive(&other, NOW + seconds(10)).is_none(), "a token too late");
        drop((first, second));
        assert!(relay.arrive(&ali, NOW).is_none(), "a token behind the end");
        assert_eq!(relay.count(), 0, "nothing is remembered");
    }

    #[test]
    fn a_leg_that_waits_in_vain_keeps_its_place_no_longer_than_the_tokens() {
        let relay = Arc::<Relay>::default();
        let [ali, bianca] = arranged(&relay, "ali", "bianca").unwrap();
        let leg = relay.arrive(&ali, NOW).unwrap();
        assert_eq!(leg.until(), NOW + seconds(10));
        drop(leg);
        assert_eq!(relay.count(), 1, "the other may still come, and waits in vain as well");
        assert!(relay.arrive(&bianca, NOW + seconds(10)).is_none());
        assert_eq!(relay.count(), 0);
    }

    #[test]
    fn a_user_has_two_links_and_others_cannot_use_them_up() {
        let relay = Arc::<Relay>::default();
        let flood: Vec<_> = (0..4).map(|n| arranged(&relay, &format!("u{n}"), "bianca").unwrap()).collect();
        let [_, mut of_bianca] = [arranged(&relay, "bianca", "carol"), arranged(&relay, "bianca", "carol")];
        assert_eq!(arranged(&relay, "bianca", "dave"), Err(NotArranged::Full), "two of her own");
        assert!(arranged(&relay, "ali", "bianca").is_err(), "who has two is not asked for");
        // She comes to one of hers; to what others have asked for she may come as long as she has not two.
        assert!(relay.arrive(&flood[0][1], NOW).is_none());
        let own = relay.arrive(&of_bianca.as_mut().unwrap()[0], NOW).unwrap();
        drop(own);
        let later = NOW + seconds(10);
        let [_, asked] = relay.arrange([&user("ali"), &user("bianca")], Purpose::Talk, later).unwrap();
        assert!(relay.arrive(&asked, later).is_some());
    }

    #[test]
    fn a_file_leaves_a_place_to_talk_and_waits_for_another() {
        let relay = Arc::<Relay>::default();
        let file = |asking, asked| relay.arrange([&user(asking), &user(asked)], Purpose::File, NOW);
        let _of_ali = file("ali", "bianca").unwrap().map(|token| relay.arrive(&token, NOW).unwrap());
        assert_eq!(file("ali", "carol"), Err(NotArranged::Full), "of whoever asks");
        assert_eq!(file("carol", "bianca"), Err(NotArranged::Full), "of whoever is asked");
        let _talk = arranged(&relay, "ali", "bianca").unwrap().map(|token| relay.arrive(&token, NOW).unwrap());
        assert_eq!(arranged(&relay, "ali", "carol"), Err(NotArranged::Full));
        arranged(&relay, "dave", "carol").unwrap();
        arranged(&relay, "dave", "carol").unwrap();
        assert_eq!(file("dave", "carol"), Err(NotArranged::Full), "two to talk leave none");
    }

    #[test]
    fn there_are_so_many_places_and_a_link_that_ends_gives_its_own_back() {
        let relay = Arc::<Relay>::default();
        let mut all: Vec<_> =
            (0..RELAY_LINKS).map(|n| arranged(&relay, &format!("a{n}"), &format!("b{n}")).unwrap()).collect();
        assert_eq!(arranged(&relay, "ali", "bianca"), Err(NotArranged::Full));
        let legs = all.pop().unwrap().map(|token| relay.arrive(&token, NOW).unwrap());
        assert_eq!(arranged(&relay, "ali", "bianca"), Err(NotArranged::Full));
        drop(legs);
        assert!(arranged(&relay, "ali", "bianca").is_ok());
    }
}
