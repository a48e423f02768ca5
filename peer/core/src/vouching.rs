//! What takes the place of lookups while the directory is out of reach: what it has signed of our own terminal, and of
//! those of contacts (decision D27; protocol section 7.7).
//!
//! Owns which records are kept, whom to look up to have one, and since when the directory is silent. What a record is worth
//! to a call, `verify` and `calls` say.

use std::collections::{BTreeMap, BTreeSet};

use common::crypto::record;
use common::ident::{KeyDigest, UserId};
use common::limits::{RECORD_SILENCE, TERMINALS_PER_USER};
use common::msg::Record;

/// Seconds between two lookups that are made to have a record: a terminal with many contacts asks for them one by one, and takes
/// no calls of its user's out of the directory's budget.
const PACE: u64 = 30;
/// Seconds after which it is looked again whose records grow old.
const LOOK: u64 = 600;

/// The records of one user's terminals, as they are kept.
pub type Kept = (UserId, Vec<Record>);

/// What the directory has signed, and how long it has said nothing.
#[derive(Debug, Default)]
pub struct Vouching {
    own: Option<Box<Record>>,
    kept: BTreeMap<UserId, Vec<Record>>,
    /// By the tick clock; nothing while it can be asked.
    silent_since: Option<u64>,
    wanted: BTreeSet<UserId>,
    /// When the next one may be looked up, by the tick clock.
    next_lookup: u64,
    /// When it is looked next whose records grow old, by the tick clock.
    next_look: u64,
}

impl Vouching {
    /// With what was kept.
    pub fn new(kept: impl IntoIterator<Item = Kept>) -> Self {
        Self { kept: kept.into_iter().collect(), ..Self::default() }
    }

    /// What the directory says of our own terminal.
    pub(crate) fn set_own(&mut self, record: Record) {
        self.own = Some(Box::new(record));
    }

    /// What we can show of ourselves.
    pub(crate) fn own(&self) -> Option<Box<Record>> {
        self.own.clone()
    }

    /// The same, if it is valid at this time of the directory.
    pub(crate) fn valid_own(&self, time: u64) -> Option<Box<Record>> {
        self.own().filter(|own| record::is_valid(own, time))
    }

    /// The session is gone.
    pub(crate) fn handle_session_lost(&mut self, tick: u64) {
        self.silent_since.get_or_insert(tick);
        self.wanted.clear();
    }

    /// The session stands.
    pub(crate) fn handle_session(&mut self, tick: u64) {
        self.silent_since = None;
        (self.next_lookup, self.next_look) = (tick + PACE, tick + LOOK);
    }

    /// Seconds until records may take the place of lookups; nothing while the directory can be asked.
    pub(crate) fn counts_in(&self, tick: u64) -> Option<u64> {
        let from = self.silent_since?.saturating_add(RECORD_SILENCE.as_secs());
        Some(from.saturating_sub(tick))
    }

    /// Records of a user under this key that are valid at this time of the directory, the newest first.
    pub(crate) fn valid(&self, user: &UserId, key: &KeyDigest, time: u64) -> Vec<&Record> {
        let kept = self.kept.get(user).into_iter().flatten();
        let mut valid: Vec<_> = kept.filter(|kept| kept.key == *key && record::is_valid(kept, time)).collect();
        valid.sort_by_key(|kept| std::cmp::Reverse(kept.issued));
        valid
    }

    /// Keeps those of these records that are a user's under this key, and newer than what is kept of the same terminal; gives
    /// what is to be written, if that is news.
    pub(crate) fn keep(
        &mut self,
        (user, key): (&UserId, &KeyDigest),
        directory: &KeyDigest,
        shown: &[Record],
        time: u64,
    ) -> Option<Kept> {
        self.wanted.remove(user);
        let mut kept = self.kept.get(user).cloned().unwrap_or_default();
        let before = kept.clone();
        kept.retain(|kept| kept.key == *key && record::is_valid(kept, time));
        for shown in shown {
            let is_newer = kept.iter().all(|kept| kept.terminal != shown.terminal || kept.issued < shown.issued);
            let is_theirs = shown.userid == *user && shown.key == *key;
            if is_newer && is_theirs && record::is_valid(shown, time) && record::verify(shown, directory).is_ok() {
                kept.retain(|kept| kept.terminal != shown.terminal);
                kept.push(shown.clone());
            }
        }
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.issued));
        kept.truncate(TERMINALS_PER_USER);
        if kept == before {
            return None;
        }
        match kept.is_empty() {
            true => drop(self.kept.remove(user)),
            false => drop(self.kept.insert(user.clone(), kept.clone())),
        }
        Some((user.clone(), kept))
    }

    /// A contact is there: a record is wanted. Where the directory gives us none, it gives none to anybody.
    pub(crate) fn want(&mut self, user: &UserId) {
        if self.own.is_some() && self.silent_since.is_none() {
            self.wanted.insert(user.clone());
        }
    }

    /// The directory tells nothing more for now: nobody is looked up before it is looked again.
    pub(crate) fn handle_refused(&mut self, tick: u64) {
        self.wanted.clear();
        self.next_lookup = tick + LOOK;
    }

    /// Forgets records whose time is over at this time of the directory; gives what is to be written.
    pub(crate) fn forget_old(&mut self, time: u64) -> Vec<Kept> {
        let mut changed = Vec::new();
        for (user, kept) in &mut self.kept {
            let before = kept.len();
            kept.retain(|kept| time < kept.until);
            if kept.len() < before {
                changed.push((user.clone(), kept.clone()));
            }
        }
        self.kept.retain(|_, kept| !kept.is_empty());
        changed
    }

    /// Whether it is time to look whose records grow old: those of these users, who are there, whose records are half over are
    /// wanted then; to be asked when [`Vouching::next_deadline`] has passed.
    pub(crate) fn look<'a>(&mut self, there: impl Iterator<Item = &'a UserId>, (tick, time): (u64, u64)) -> bool {
        if self.own.is_none() || self.silent_since.is_some() || tick < self.next_look {
            return false;
        }
        self.next_look = tick + LOOK;
        let is_young = |record: &Record| time.saturating_sub(record.issued) < record.until.saturating_sub(time);
        let old = there.filter(|user| !self.kept.get(*user).into_iter().flatten().any(is_young)).cloned();
        let old: Vec<UserId> = old.collect();
        self.wanted.extend(old);
        true
    }

    /// Whom to look up now, if anybody.
    pub(crate) fn next_lookup(&mut self, tick: u64) -> Option<UserId> {
        if tick < self.next_lookup {
            return None;
        }
        let user = self.wanted.pop_first()?;
        self.next_lookup = tick + PACE;
        Some(user)
    }

    /// When somebody is to be looked up, by the tick clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        if self.own.is_none() || self.silent_since.is_some() {
            return None;
        }
        Some(if self.wanted.is_empty() { self.next_look } else { self.next_lookup.min(self.next_look) })
    }
}

#[cfg(test)]
mod tests {
    use common::crypto::directory_key::DirectoryKey;
    use common::crypto::record::Issuer;
    use common::ident::TerminalId;
    use common::msg::{Blob, Hex};
    use common::testkit::Example;

    use super::*;

    const KEY: KeyDigest = KeyDigest([2; 32]);
    const NOW: u64 = 1_700_000_000;

    struct Scene {
        vouching: Vouching,
        key: DirectoryKey,
    }

    impl Scene {
        fn new() -> Self {
            Self { vouching: Vouching::default(), key: DirectoryKey::generate().unwrap() }
        }

        /// Of one of bianca's terminals, issued at a time and valid for a hundred seconds.
        fn record(&self, terminal: u8, issued: u64) -> Record {
            let unsigned = Record {
                userid: Example::Bianca.user().unwrap(),
                terminal: TerminalId([terminal; 16]),
                key: KEY,
                addresses: vec![([127, 0, 0, 3], 65_000).into()],
                issued,
                until: issued + 100,
                directory: Hex::default(),
                signature: Blob::default(),
            };
            Issuer::new(&self.key).unwrap().sign(unsigned).unwrap()
        }

        fn keeps(&mut self, shown: &[Record], time: u64) -> Option<Vec<Record>> {
            let bianca = Example::Bianca.user().unwrap();
            let kept = self.vouching.keep((&bianca, &KEY), &self.key.digest(), shown, time);
            kept.map(|(of, kept)| {
                assert_eq!(of, bianca);
                kept
            })
        }
    }

    #[test]
    fn the_newest_record_of_each_terminal_is_kept_while_it_is_valid() {
        let mut scene = Scene::new();
        let (first, newer, other) = (scene.record(1, NOW), scene.record(1, NOW + 5), scene.record(2, NOW + 1));
        assert_eq!(scene.keeps(std::slice::from_ref(&first), NOW), Some(vec![first.clone()]));
        assert_eq!(scene.keeps(std::slice::from_ref(&first), NOW), None, "it is no news");
        let both = vec![newer.clone(), other.clone()];
        assert_eq!(scene.keeps(&[other.clone(), newer.clone()], NOW + 5), Some(both));
        assert_eq!(scene.keeps(&[first], NOW + 5), None, "an older one takes no place");
        let bianca = Example::Bianca.user().unwrap();
        assert_eq!(scene.vouching.valid(&bianca, &KEY, NOW + 100), [&newer, &other]);
        assert_eq!(scene.vouching.valid(&bianca, &KEY, NOW + 101), [&newer], "the other is over");
        assert_eq!(scene.vouching.valid(&bianca, &KeyDigest([3; 32]), NOW + 5), Vec::<&Record>::new());
        assert_eq!(scene.keeps(&[], NOW + 105), Some(Vec::new()), "all are over");
    }

    #[test]
    fn records_whose_time_is_over_are_forgotten() {
        let mut scene = Scene::new();
        let bianca = Example::Bianca.user().unwrap();
        let (first, later) = (scene.record(1, NOW), scene.record(2, NOW + 1));
        scene.keeps(&[first, later.clone()], NOW + 1);
        assert_eq!(scene.vouching.forget_old(NOW + 99), []);
        assert_eq!(scene.vouching.forget_old(NOW + 100), [(bianca.clone(), vec![later])]);
        assert_eq!(scene.vouching.forget_old(NOW + 100), [], "once");
        assert_eq!(scene.vouching.forget_old(NOW + 101), [(bianca, Vec::new())]);
        assert_eq!(scene.vouching.forget_old(NOW + 500), []);
    }

    #[test]
    fn what_is_not_signed_for_this_user_and_key_by_this_directory_is_not_kept() {
        let mut scene = Scene::new();
        let good = scene.record(1, NOW);
        let forged = Record { until: good.until + 1, ..good.clone() };
        let of_another_directory = Scene::new().record(1, NOW);
        let carols = {
            let unsigned = Record { userid: Example::Carol.user().unwrap(), ..good.clone() };
            Issuer::new(&scene.key).unwrap().sign(unsigned).unwrap()
        };
        let of_another_key = {
            let unsigned = Record { key: KeyDigest([9; 32]), ..good.clone() };
            Issuer::new(&scene.key).unwrap().sign(unsigned).unwrap()
        };
        for bad in [forged, of_another_directory, carols, of_another_key] {
            assert_eq!(scene.keeps(&[bad], NOW), None);
        }
        assert_eq!(scene.keeps(std::slice::from_ref(&good), NOW + 100), None, "over");
        assert!(scene.keeps(&[good], NOW).is_some());
        let many: Vec<Record> = (1..=20).map(|terminal| scene.record(terminal, NOW + u64::from(terminal))).collect();
        let kept = scene.keeps(&many, NOW + 20).unwrap();
        assert_eq!(kept.iter().map(|kept| kept.terminal.0[0]).collect::<Vec<_>>(), [20, 19, 18, 17, 16, 15, 14, 13]);
    }

    #[test]
    fn records_count_when_the_directory_has_been_silent_for_half_a_minute_and_no_more_when_it_is_back() {
        let mut vouching = Vouching::default();
        assert_eq!(vouching.counts_in(100), None);
        vouching.handle_session_lost(100);
        vouching.handle_session_lost(120);
        assert_eq!([100, 129, 130, 500].map(|tick| vouching.counts_in(tick)), [Some(30), Some(1), Some(0), Some(0)]);
        vouching.handle_session(500);
        assert_eq!(vouching.counts_in(501), None);
    }

    #[test]
    fn contacts_who_are_there_are_looked_up_one_by_one_and_again_when_half_of_the_time_is_over() {
        let (mut scene, bianca, carol) =
            (Scene::new(), Example::Bianca.user().unwrap(), Example::Carol.user().unwrap());
        scene.vouching.handle_session(100);
        scene.vouching.want(&bianca);
        assert_eq!((scene.vouching.next_deadline(), scene.vouching.next_lookup(200)), (None, None), "it gives none");
        scene.vouching.set_own(scene.record(7, NOW));
        [&bianca, &carol].into_iter().for_each(|user| scene.vouching.want(user));
        assert_eq!((scene.vouching.next_deadline(), scene.vouching.next_lookup(129)), (Some(130), None));
        assert_eq!(scene.vouching.next_lookup(130), Some(bianca.clone()));
        assert_eq!((scene.vouching.next_deadline(), scene.vouching.next_lookup(159)), (Some(160), None));
        assert_eq!(scene.vouching.next_lookup(160), Some(carol.clone()));
        assert_eq!(scene.vouching.next_deadline(), Some(100 + LOOK));

        let shown = scene.record(1, NOW);
        scene.keeps(&[shown], NOW);
        scene.vouching.look([&bianca].into_iter(), (100 + LOOK, NOW + 49));
        assert_eq!(scene.vouching.next_lookup(800), None, "it is young");
        scene.vouching.look([&bianca].into_iter(), (100 + 2 * LOOK, NOW + 50));
        assert_eq!(scene.vouching.next_lookup(2000), Some(bianca.clone()));

        scene.vouching.want(&bianca);
        let newer = scene.record(1, NOW + 50);
        scene.keeps(&[newer], NOW + 50);
        assert_eq!(scene.vouching.next_lookup(3000), None, "a call has brought one meanwhile");
        [&bianca, &carol].into_iter().for_each(|user| scene.vouching.want(user));
        assert_eq!(scene.vouching.next_lookup(3100), Some(bianca.clone()));
        scene.vouching.handle_refused(3100);
        assert_eq!(scene.vouching.next_lookup(9000), None, "nobody is asked about who was wanted then");
        scene.vouching.want(&carol);
        assert_eq!(scene.vouching.next_lookup(3100 + LOOK - 1), None);
        assert_eq!(scene.vouching.next_lookup(3100 + LOOK), Some(carol));

        scene.vouching.want(&bianca);
        scene.vouching.handle_session_lost(3000);
        assert_eq!((scene.vouching.next_deadline(), scene.vouching.next_lookup(4000)), (None, None));
    }
}
