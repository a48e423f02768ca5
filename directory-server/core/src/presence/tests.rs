use super::*;
use crate::outbound::{Push, Writability};

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn join(online: &Arc<PresentUsers>, id: &str, terminal: u8) -> Result<PresenceGuard, TooManyTerminals> {
    join_at_age(online, id, terminal, i64::from(terminal))
}

fn join_at_age(
    online: &Arc<PresentUsers>,
    id: &str,
    terminal: u8,
    age: i64,
) -> Result<PresenceGuard, TooManyTerminals> {
    online.join(&Arrival {
        user: &user(id),
        terminal: TerminalId([terminal; 16]),
        age,
        address: ([127, 0, 0, terminal], 65_000).into(),
        public_key: b"key",
        seen: ([192, 0, 2, 7], 50_000).into(),
        ways: MeetingWays { relay: terminal == 2, file: terminal == 3, punch: terminal == 4 },
        now: Timestamp::from_seconds(u64::from(terminal)),
    })
}

/// What carol is told, who is seen there.
fn looked_up(online: &PresentUsers, id: &str, from: &str) -> LookupReply {
    let (carol, address) = (user("carol"), from.parse().unwrap());
    match FromDirectory::decode(&online.lookup(&user(id), Asker { user: &carol, address }).unwrap()) {
        Ok(FromDirectory::LookupReply(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn is_found(online: &PresentUsers, id: &str) -> bool {
    online.lookup(&user(id), Asker { user: &user("carol"), address: [127, 0, 0, 9].into() }).is_some()
}

fn addresses(online: &PresentUsers, id: &str) -> Vec<u8> {
    let last = |address: &SocketAddr| match address.ip() {
        std::net::IpAddr::V4(v4) => v4.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    };
    looked_up(online, id, "127.0.0.9").addresses.iter().map(last).collect()
}

#[test]
fn a_lookup_names_the_newest_terminal_first_until_it_leaves() {
    let online = Arc::new(PresentUsers::default());
    let first = join(&online, "ali", 2).unwrap();
    let second = join(&online, "ali", 3).unwrap();
    assert_eq!(addresses(&online, "ali"), [3, 2]);
    drop(second);
    assert_eq!(addresses(&online, "ali"), [2]);
    drop(first);
    assert!(!is_found(&online, "ali"));
    assert_eq!(online.count(), (0, 0));
}

#[test]
fn the_same_terminal_replaces_its_old_session_and_outlives_its_end() {
    let online = Arc::new(PresentUsers::default());
    let old = join(&online, "ali", 2).unwrap();
    let new = join(&online, "ali", 2).unwrap();
    assert_eq!(old.outbound.take(Writability::Busy), Some(Push::End(ByeReason::Replaced)));
    drop(old);
    assert_eq!(addresses(&online, "ali"), [2], "the end of the old session leaves the new one alone");
    drop(new);
}

#[test]
fn a_ninth_terminal_is_turned_away_but_a_known_one_comes_back() {
    let online = Arc::new(PresentUsers::default());
    let _eight: Vec<_> = (1..=8).map(|terminal| join(&online, "ali", terminal).unwrap()).collect();
    assert!(!online.has_room_for(&user("ali"), &TerminalId([9; 16]), 9));
    assert_eq!(join(&online, "ali", 9).err(), Some(TooManyTerminals));
    assert!(join(&online, "ali", 8).is_ok());
}

#[test]
fn where_there_is_no_room_an_older_terminal_takes_that_of_the_youngest() {
    let online = Arc::new(PresentUsers::default());
    let eight: Vec<_> = (2..=9).map(|terminal| join(&online, "ali", terminal).unwrap()).collect();
    let oldest = TerminalId([1; 16]);
    assert!(online.has_room_for(&user("ali"), &oldest, 8) && !online.has_room_for(&user("ali"), &oldest, 9));
    let _first = join(&online, "ali", 1).unwrap();
    assert_eq!(addresses(&online, "ali"), [1, 8, 7, 6, 5, 4, 3, 2]);
    assert_eq!(eight[7].outbound.take(Writability::Busy), Some(Push::End(ByeReason::Elsewhere)));
    assert!(eight[..7].iter().all(|other| other.outbound.take(Writability::Busy).is_none()));
    assert_eq!(join_at_age(&online, "ali", 9, 8).err(), Some(TooManyTerminals), "not that of one as old");
}

#[test]
fn a_list_comes_in_pages_in_the_order_of_the_ids() {
    let online = Arc::new(PresentUsers::default());
    let _all: Vec<_> = (0..LIST_PAGE + 1).map(|n| join(&online, &format!("u{n:04}"), 2).unwrap()).collect();
    let first = online.list(None);
    assert_eq!((first.users.len(), first.more), (LIST_PAGE, true));
    let rest = online.list(first.users.last().map(|last| &last.userid));
    assert_eq!((rest.users.len(), rest.more), (1, false));
    assert_eq!(rest.users[0].userid, user("u0200"));
}

#[test]
fn ending_a_user_tells_every_terminal_and_hides_the_user_at_once() {
    let online = Arc::new(PresentUsers::default());
    let sessions = [join(&online, "ali", 2).unwrap(), join(&online, "ali", 3).unwrap()];
    assert_eq!(online.end(&user("ali"), ByeReason::Administrator), 2);
    assert!(!is_found(&online, "ali"));
    for session in &sessions {
        assert_eq!(session.outbound.take(Writability::Busy), Some(Push::End(ByeReason::Administrator)));
    }
}

#[test]
fn a_lookup_names_the_terminals_in_the_order_of_their_addresses_and_which_can_be_met_by_relay() {
    let online = Arc::new(PresentUsers::default());
    let _all = [4, 2, 3].map(|terminal| join(&online, "ali", terminal).unwrap());
    let reply = looked_up(&online, "ali", "127.0.0.9");
    let named: Vec<(u8, bool)> = reply.terminals.iter().map(|found| (found.terminal.0[0], found.relay)).collect();
    assert_eq!((addresses(&online, "ali"), named), (vec![3, 2, 4], vec![(3, false), (2, true), (4, false)]));
    let can_be_met = |terminal, how| {
        online.to_meet(&Member { userid: user("ali"), terminal: TerminalId([terminal; 16]) }, how).is_some()
    };
    let met = |how| [2, 3, 4].map(|terminal| can_be_met(terminal, how));
    assert_eq!(met(MeetingWay::Relay), [true, false, false]);
    assert_eq!(met(MeetingWay::File), [false, true, false]);
    assert_eq!(met(MeetingWay::Punch), [false, false, true]);
    assert_eq!(met(MeetingWay::Other), [false; 3]);
}

#[test]
fn a_terminal_that_is_seen_from_both_families_is_told_with_both_and_old_askers_get_the_one_of_theirs() {
    let online = Arc::new(PresentUsers::default());
    let (one, _other) = (join(&online, "ali", 2).unwrap(), join(&online, "ali", 3).unwrap());
    let (v4, v6) = (SocketAddr::from(([127, 0, 0, 2], 65_000)), "[2001:db8::2]:65001".parse::<SocketAddr>().unwrap());
    let now = Timestamp::from_seconds(2);
    assert_eq!(looked_up(&online, "ali", "2001:db8::9").addresses[1], v4, "the only one there is");
    assert_eq!(online.see(&one.seen_token(now).unwrap(), v6, now), Some(()));
    for (from, first) in [("127.0.0.9", v4), ("2001:db8::9", v6)] {
        let reply = looked_up(&online, "ali", from);
        assert_eq!((reply.addresses.len(), reply.addresses[1]), (2, first));
        let told: Vec<_> = reply.terminals.iter().map(|found| found.addresses.clone()).collect();
        assert_eq!(told, [vec![], vec![v4, v6]], "grouped, and nothing new of who is seen once");
    }
    // The terminal that has taken its place is not seen where it was.
    let again = join(&online, "ali", 2).unwrap();
    assert!(looked_up(&online, "ali", "2001:db8::9").terminals.iter().all(|found| found.addresses.is_empty()));
    drop((one, again));
}

#[test]
fn a_token_shows_nothing_of_its_own_family_of_a_low_port_or_of_a_session_that_is_over() {
    let online = Arc::new(PresentUsers::default());
    let now = Timestamp::from_seconds(2);
    let session = join(&online, "ali", 2).unwrap();
    let see =
        |session: &PresenceGuard, at: &str| online.see(&session.seen_token(now).unwrap(), at.parse().unwrap(), now);
    assert_eq!(see(&session, "127.0.0.8:65000"), None);
    assert_eq!(see(&session, "[2001:db8::2]:1023"), None);
    assert_eq!(see(&session, "[2001:db8::2]:1024"), Some(()));
    let late = session.seen_token(now).unwrap();
    drop(session);
    let _again = join(&online, "ali", 2).unwrap();
    assert_eq!(online.see(&late, "[2001:db8::3]:65000".parse().unwrap(), now), None);
}

#[test]
fn where_a_terminal_listens_in_its_network_is_for_whom_it_watches_behind_the_same_address() {
    let online = Arc::new(PresentUsers::default());
    let ali = join(&online, "ali", 2).unwrap();
    ali.set_local(&["192.168.1.5".parse().unwrap(), "192.0.2.9".parse().unwrap()]);
    let local = |from: &str| looked_up(&online, "ali", from).terminals[0].local.clone();
    assert_eq!(local("127.0.0.2"), [], "ali does not watch carol");
    online.watch(&ali, vec![user("carol")]);
    assert_eq!(local("127.0.0.2"), [SocketAddr::from(([192, 168, 1, 5], 65_000))]);
    assert_eq!(local("127.0.0.3"), [], "behind another router");
    let own = Asker { user: &user("ali"), address: [127, 0, 0, 2].into() };
    let own = FromDirectory::decode(&online.lookup(&user("ali"), own).unwrap());
    assert!(matches!(own, Ok(FromDirectory::LookupReply(reply)) if reply.terminals[0].local.is_empty()));
}

#[test]
fn a_list_names_nobody_whom_the_asker_may_not_hear_of() {
    let online = Arc::new(PresentUsers::default());
    let [ali, bianca, _carol] = ["ali", "bianca", "carol"].map(|id| join(&online, id, 2).unwrap());
    let listed = |by: &str, after: Option<&UserId>| {
        let reply = online.list_for(&user(by), after);
        reply.users.iter().map(|listed| listed.userid.to_string()).collect::<Vec<_>>()
    };
    for everybody in [Visibility::Everyone, Visibility::Auto] {
        online.set_visibility(everybody);
        assert_eq!(listed("ali", None), ["ali", "bianca", "carol"]);
    }
    online.set_visibility(Visibility::Contacts);
    online.watch(&ali, vec![user("bianca"), user("carol")]);
    assert_eq!(listed("ali", None), ["ali"], "whoever watches them is not yet their contact");
    online.watch(&bianca, vec![user("ali")]);
    assert_eq!(
        (listed("ali", None), listed("bianca", None)),
        (vec!["ali".into(), "bianca".into()], vec!["ali".into(), "bianca".into()])
    );
    assert_eq!(
        (listed("carol", None), listed("ali", Some(&user("ali")))),
        (vec!["carol".into()], vec!["bianca".into()])
    );
    assert_eq!(online.list(None).users.len(), 3, "an administrator");
}
