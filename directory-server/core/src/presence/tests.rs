use super::*;
use crate::outbound::{Push, Writability};

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn join(online: &Arc<PresentUsers>, id: &str, terminal: u8) -> Result<PresenceGuard, TooManyTerminals> {
    online.join(&Arrival {
        user: &user(id),
        terminal: TerminalId([terminal; 16]),
        address: ([127, 0, 0, terminal], 65_000).into(),
        public_key: b"key",
        seen: ([192, 0, 2, 7], 50_000).into(),
        ways: MeetingWays { relay: terminal == 2, file: terminal == 3, punch: terminal == 4 },
        now: Timestamp::from_seconds(u64::from(terminal)),
    })
}

fn addresses(online: &PresentUsers, id: &str) -> Vec<u8> {
    match FromDirectory::decode(&online.lookup(&user(id)).unwrap()) {
        Ok(FromDirectory::LookupReply(reply)) => reply
            .addresses
            .iter()
            .map(|address| match address.ip() {
                std::net::IpAddr::V4(v4) => v4.octets()[3],
                std::net::IpAddr::V6(_) => 0,
            })
            .collect(),
        other => panic!("{other:?}"),
    }
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
    assert_eq!(online.lookup(&user("ali")), None);
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
    assert!(!online.has_room_for(&user("ali"), &TerminalId([9; 16])));
    assert_eq!(join(&online, "ali", 9).err(), Some(TooManyTerminals));
    assert!(join(&online, "ali", 8).is_ok());
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
    assert_eq!(online.lookup(&user("ali")), None);
    for session in &sessions {
        assert_eq!(session.outbound.take(Writability::Busy), Some(Push::End(ByeReason::Administrator)));
    }
}

#[test]
fn a_lookup_names_the_terminals_in_the_order_of_their_addresses_and_which_can_be_met_by_relay() {
    let online = Arc::new(PresentUsers::default());
    let _all = [4, 2, 3].map(|terminal| join(&online, "ali", terminal).unwrap());
    let reply = match FromDirectory::decode(&online.lookup(&user("ali")).unwrap()) {
        Ok(FromDirectory::LookupReply(reply)) => reply,
        other => panic!("{other:?}"),
    };
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
