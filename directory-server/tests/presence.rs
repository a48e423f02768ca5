//! Who learns who comes, goes and is away (protocol section 6.5, threat L10).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::ident::{TerminalId, UserId};
use common::limits::{Budget, WATCH_IN_ONE, WATCHED};
use common::msg::{
    Away, ByeReason, ErrorCode, Features, FromDirectory, ListReq, Logout, MeetingWays, Message as _, Presence,
    PresenceStatus, Registration, ToDirectory, Watch,
};
use common::testkit::Example;
use directory_core::Policy;
use directory_core::origin::Origin;
use directory_core::outbound::{Push, Writability};
use directory_core::presence::Arrival;
use directory_core::session::{Handled, Session};
use directory_core::subscriptions::{SMALL, Visibility};
use support::{NOON, World, decoded, policy, user};

use PresenceStatus::{Away as IsAway, Offline, Online};

/// A session that begins without the passcode, which is not what these tests are about.
struct Watcher(Session);

impl Watcher {
    fn send(&mut self, world: &World, message: impl Into<ToDirectory>) -> Option<FromDirectory> {
        match self.0.handle(&world.directory, world.now, &message.into().encode()) {
            Handled::Answered(answer) => decoded(answer),
            Handled::NeedsStore(request) => panic!("{request:?}"),
        }
    }

    fn watch(&mut self, world: &World, users: &[&str]) {
        assert_eq!(self.send(world, Watch { users: users.iter().map(|id| user(id)).collect() }), None);
    }

    fn away(&mut self, world: &World, text: Option<&str>) {
        assert_eq!(self.send(world, Away { text: text.map(str::to_owned) }), None);
    }

    /// Whatever it has been told of others since it was last asked, by user.
    fn told(&self) -> Vec<Presence> {
        std::iter::from_fn(|| self.0.presence.outbound.take(Writability::Ready))
            .map(|push| match push {
                Push::Message(message) => match FromDirectory::decode(&message) {
                    Ok(FromDirectory::Presence(presence)) => presence,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .filter(|told: &Presence| told.userid != *self.0.presence.user())
            .collect()
    }

    /// As [`Watcher::told`], without the texts and times.
    fn heard(&self) -> Vec<(String, PresenceStatus)> {
        self.told().into_iter().map(|told| (told.userid.to_string(), told.status)).collect()
    }
}

fn is(id: &str, status: PresenceStatus) -> Vec<(String, PresenceStatus)> {
    vec![(id.to_owned(), status)]
}

fn world(show: Visibility) -> World {
    let world = World::new(Registration::Open);
    world.directory.set_policy(Policy { presence: show, ..policy(Registration::Open) });
    world
}

/// As many users as make a directory a large one; they have to be kept.
fn crowd(world: &World) -> Vec<Watcher> {
    (0..=SMALL).map(|n| join(world, &format!("c{n}"), 1)).collect()
}

fn join(world: &World, id: &str, terminal: u8) -> Watcher {
    let address = ([127, 0, 0, 2], 65_000).into();
    let terminal = TerminalId([terminal; 16]);
    let arrival = Arrival {
        user: &user(id),
        terminal,
        age: 0,
        address,
        public_key: b"key",
        seen: ([192, 0, 2, 7], 50_000).into(),
        ways: MeetingWays::named(&Features::of_terminal()),
        now: world.now,
    };
    let origin = Origin { address: [127, 0, 0, 2].into(), port: 50_000, exporter: [9; 32] };
    Watcher(Session::new(world.directory.presence.join(&arrival).unwrap(), origin, Features::of_terminal()))
}

#[test]
fn in_a_small_directory_everyone_is_told_of_everyone() {
    let world = world(Visibility::Auto);
    let ali = join(&world, "ali", 1);
    assert_eq!(ali.heard(), [], "nobody is there");
    let bianca = join(&world, "bianca", 1);
    assert_eq!(ali.heard(), is("bianca", Online));
    assert_eq!(bianca.heard(), [], "whoever comes asks, with a list");
    drop(bianca);
    let told = ali.told();
    assert_eq!(told, [Presence { userid: user("bianca"), status: Offline, since: None, text: None }]);
}

#[test]
fn a_second_terminal_is_told_too_and_the_time_is_that_of_the_first() {
    let mut world = world(Visibility::Auto);
    let ali = join(&world, "ali", 1);
    let first = join(&world, "bianca", 1);
    ali.told();
    world.now = world.now + Duration::from_secs(60);
    let second = join(&world, "bianca", 2);
    let online = |since| Presence { userid: user("bianca"), status: Online, since: Some(since), text: None };
    assert_eq!(ali.told(), [online(NOON.seconds())], "rooms learn that there is a terminal more");
    drop(first);
    assert_eq!(ali.told(), [online(NOON.seconds() + 60)]);
    drop(second);
    assert_eq!(ali.heard(), is("bianca", Offline));
}

#[test]
fn a_user_is_away_while_every_terminal_is_and_the_list_says_it_too() {
    let world = world(Visibility::Auto);
    let mut ali = join(&world, "ali", 1);
    let (mut first, mut second) = (join(&world, "bianca", 1), join(&world, "bianca", 2));
    ali.told();
    first.away(&world, Some("lunch"));
    assert_eq!(ali.heard(), is("bianca", Online));
    second.away(&world, Some("at the sea"));
    assert_eq!(
        ali.told(),
        [Presence {
            userid: user("bianca"),
            status: IsAway,
            since: Some(NOON.seconds()),
            text: Some("at the sea".into())
        }]
    );
    let away = |ali: &mut Watcher| match ali.send(&world, ListReq { after: None }) {
        Some(FromDirectory::ListReply(reply)) => reply.users.into_iter().map(|user| user.away).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(away(&mut ali), [None, Some("at the sea".to_owned())]);
    drop(second);
    assert_eq!(ali.told()[0].text.as_deref(), Some("lunch"));
    first.away(&world, None);
    first.away(&world, None);
    assert_eq!(ali.heard(), is("bianca", Online));
    assert_eq!(away(&mut ali), [None, None]);
}

#[test]
fn contacts_are_told_of_each_other_only_if_both_watch_the_other() {
    let world = world(Visibility::Contacts);
    let mut ali = join(&world, "ali", 1);
    let mut bianca = join(&world, "bianca", 1);
    let mut carol = join(&world, "carol", 1);
    ali.watch(&world, &["bianca", "carol"]);
    carol.watch(&world, &["bianca"]);
    assert_eq!((ali.heard(), bianca.heard(), carol.heard()), (vec![], vec![], vec![]));
    bianca.watch(&world, &["ali"]);
    assert_eq!(bianca.heard(), is("ali", Online));
    assert_eq!(ali.heard(), is("bianca", Online));
    bianca.away(&world, Some("lunch"));
    assert_eq!((ali.heard(), carol.heard()), (is("bianca", IsAway), vec![]));
    assert_eq!(bianca.send(&world, Logout {}), Some(common::msg::Bye { reason: ByeReason::Ended }.into()));
    drop(bianca);
    assert_eq!((ali.heard(), carol.heard()), (is("bianca", Offline), vec![]));
    let mut bianca = join(&world, "bianca", 1);
    assert_eq!(ali.heard(), [], "not before bianca says again whom to tell");
    bianca.watch(&world, &["ali"]);
    assert_eq!(ali.heard(), is("bianca", Online));
}

#[test]
fn a_large_directory_is_told_to_contacts_unless_everyone_is_configured() {
    for (show, expected) in [(Visibility::Auto, vec![]), (Visibility::Everyone, is("bianca", Online))] {
        let world = world(show);
        let _crowd = crowd(&world);
        let mut ali = join(&world, "ali", 1);
        let unconcerned = join(&world, "dave", 1);
        unconcerned.told();
        ali.watch(&world, &["bianca"]);
        let _bianca = join(&world, "bianca", 1);
        assert_eq!((ali.heard(), unconcerned.heard()), (expected, vec![]), "{show:?}");
    }
}

#[test]
fn users_who_do_not_exist_are_watched_like_those_who_are_not_there() {
    for show in [Visibility::Everyone, Visibility::Contacts] {
        let mut world = world(show);
        world.register(Example::Bianca);
        let mut ali = join(&world, "ali", 1);
        ali.watch(&world, &["bianca", "nobody"]);
        assert_eq!(ali.heard(), []);
    }
}

#[test]
fn one_who_comes_costs_one_message_for_each_who_watches_and_nothing_for_the_rest() {
    let world = world(Visibility::Everyone);
    let mut sessions: Vec<_> = (0..1500).map(|n| join(&world, &format!("w{n}"), 1)).collect();
    for session in &mut sessions[..1000] {
        session.watch(&world, &["bianca"]);
    }
    sessions.iter().for_each(|session| drop(session.told()));
    let bianca = join(&world, "bianca", 1);
    let told: Vec<_> = sessions.iter().map(|session| session.heard().len()).collect();
    assert_eq!(told[..1000], [1; 1000]);
    assert_eq!(told[1000..], [0; 500]);
    drop(bianca);
    assert_eq!(sessions.iter().map(|session| session.heard().len()).sum::<usize>(), 1000);
}

#[test]
fn whoever_reads_slowly_is_told_the_newest_state_only() {
    let world = world(Visibility::Auto);
    let ali = join(&world, "ali", 1);
    for _ in 0..10_000 {
        drop(join(&world, "bianca", 1));
    }
    let _bianca = join(&world, "bianca", 1);
    assert_eq!(ali.heard(), is("bianca", Online));
}

#[test]
fn more_users_than_may_be_watched_are_not_watched() {
    let world = world(Visibility::Everyone);
    let _crowd = crowd(&world);
    let mut ali = join(&world, "ali", 1);
    for batch in 0..=WATCHED / WATCH_IN_ONE {
        let ids: Vec<_> = (0..WATCH_IN_ONE).map(|n| format!("w{}", batch * WATCH_IN_ONE + n)).collect();
        ali.watch(&world, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let _sessions = [join(&world, &format!("w{}", WATCHED - 1), 1), join(&world, &format!("w{WATCHED}"), 1)];
    assert_eq!(ali.heard(), is(&format!("w{}", WATCHED - 1), Online));
}

#[test]
fn watching_and_going_away_are_limited() {
    let world = world(Visibility::Auto);
    let policy = Policy { lookups_per_minute: 2, requests_per_minute: u32::MAX, ..world.directory.policy() };
    world.directory.set_policy(policy);
    let mut ali = join(&world, "ali", 1);
    ali.away(&world, Some("lunch"));
    ali.away(&world, Some("back soon"));
    // Whoever is watched already counts again: that is asked, too.
    let many: Vec<UserId> = (0..WATCH_IN_ONE).map(|n| user(&format!("u{n}"))).collect();
    let watches = Budget::Watches.allowance().user as usize;
    for _ in 0..watches / WATCH_IN_ONE {
        assert_eq!(ali.send(&world, Watch { users: many.clone() }), None);
    }
    for (question, message) in
        [("WATCH", ToDirectory::from(Watch { users: vec![] })), ("AWAY", Away { text: None }.into())]
    {
        match ali.send(&world, message) {
            Some(FromDirectory::Error(error)) => {
                assert_eq!((error.code, error.to.as_deref()), (ErrorCode::RateLimited, Some(question)));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_user_whom_an_administrator_ends_is_gone_for_everyone() {
    let world = world(Visibility::Auto);
    let ali = join(&world, "ali", 1);
    let bianca = join(&world, "bianca", 1);
    ali.told();
    assert_eq!(world.directory.presence.end(&user("bianca"), ByeReason::Administrator), 1);
    drop(bianca);
    assert_eq!(ali.heard(), is("bianca", Offline));
}
