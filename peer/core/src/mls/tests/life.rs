//! What happens in a room in which everybody keeps to the rules.

use std::collections::BTreeSet;

use common::testkit::Example::{Ali, Bianca, Carol};

use super::super::*;
use super::stage::*;

#[test]
fn what_one_says_all_others_read() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    for by in 0..3 {
        for read in stage.say(by, "hello") {
            let read = read.unwrap();
            assert_eq!((read.from, read.letter), (stage.member(by), b"hello".to_vec()));
        }
    }
}

#[test]
fn who_is_removed_reads_nothing_more_and_who_joins_reads_nothing_earlier() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1]);
    let earlier = stage.room(0).seal(b"before carol").unwrap();
    stage.add(0, &[2]);
    assert_eq!(stage.room(2).open(&earlier).err(), Some(RoomError::Past { epoch: 1 }));
    stage.remove(0, &[1]);
    assert!(!stage.room(1).is_member());
    let later = stage.room(0).seal(b"after bianca").unwrap();
    assert_eq!(stage.room(1).open(&later).err(), Some(RoomError::Removed));
    assert_eq!(stage.room(1).seal(b"let me in").err(), Some(RoomError::Removed));
    assert_eq!(stage.room(2).open(&later).unwrap().letter, b"after bianca");
}

#[test]
fn a_conversation_of_two_has_all_terminals_of_both() {
    let mut stage = Stage::pair(&[Ali, Bianca, Bianca, Ali], Bianca);
    assert_eq!(stage.room(3).users(), BTreeSet::from([Ali.user().unwrap(), Bianca.user().unwrap()]));
    assert_eq!(stage.room(3).members().len(), 4);
    assert_eq!(stage.room(3).admins(), []);
    assert!(stage.say(2, "hello").into_iter().all(|read| read.unwrap().from == stage.member(2)));
}

#[test]
fn a_member_adds_and_replaces_terminals_of_its_own_and_an_admin_those_of_all() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol, Carol, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1, 2]);
    stage.add(2, &[3]);
    let add = stage.newcomers(&[4]);
    let remove = vec![stage.member(2)];
    stage.edit(3, &Edit { add, remove, admins: None });
    assert_eq!(stage.room(0).members(), [stage.member(0), stage.member(1), stage.member(4), stage.member(3)]);
    stage.rooms[2] = None;
    stage.remove(0, &[3]);
    stage.add(0, &[2]);
    assert!(stage.say(4, "new device").into_iter().take(2).all(|read| read.is_ok()));
}

#[test]
fn an_admin_removes_who_has_said_goodbye_in_any_epoch() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let leaver = Carol.user().unwrap();
    for who in 0..2 {
        stage.room(who).leaves(&leaver).unwrap();
    }
    stage.edit(1, &Edit::default());
    assert_eq!(stage.room(1).leaving(), BTreeSet::new());
    assert_eq!(stage.room(0).leaving(), BTreeSet::from([leaver]));
    stage.remove(0, &[2]);
    assert!(stage.room(0).leaving().is_empty(), "who comes back is not leaving");
}

#[test]
fn admins_are_named_by_admins_and_lose_it_with_their_last_terminal() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let [ali, bianca, carol] = [Ali, Bianca, Carol].map(|who| who.user().unwrap());
    let both = vec![ali.clone(), bianca.clone()];
    let named = stage.edit(0, &Edit { admins: Some(both.clone()), ..Edit::default() });
    assert_eq!(named.admins, Some(both.clone()));
    assert_eq!(stage.room(2).admins(), both);
    let (remove, admins) = (vec![stage.member(1)], Some(vec![ali.clone(), bianca, carol.clone()]));
    let with_carol = stage.room(0).propose(&Edit { remove, admins, ..Edit::default() }).unwrap();
    assert_eq!(with_carol.admins, Some(vec![ali.clone(), carol]));
    stage.room(0).drop_commit().unwrap();
    let removed = stage.remove(0, &[1]);
    assert_eq!(removed.admins, Some(vec![ali.clone()]));
    assert_eq!(stage.room(2).admins(), [ali]);
}

#[test]
fn an_update_changes_nothing_that_people_see() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let before = stage.room(0).members();
    let commit = stage.edit(1, &Edit::default());
    assert_eq!((commit.members, commit.admins, commit.welcome), (before, None, Vec::new()));
    assert!(stage.say(2, "still here").into_iter().all(|read| read.is_ok()));
}

#[test]
fn the_loser_of_two_commits_for_one_epoch_starts_over() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let lost = stage.room(1).propose(&Edit::default()).unwrap();
    assert_eq!(stage.room(1).propose(&Edit::default()).err(), Some(RoomError::Pending));
    let won = stage.room(0).propose(&Edit::default()).unwrap();
    // The directory answered the loser with EPOCH, or the winner's commit comes before the answer: both must do.
    stage.room(1).drop_commit().unwrap();
    stage.spread(&won);
    assert_eq!(stage.room(1).open_commit(&lost.commit).err(), Some(RoomError::Past { epoch: 1 }));

    let lost = stage.room(0).propose(&Edit::default()).unwrap();
    let won = stage.room(1).propose(&Edit::default()).unwrap();
    stage.spread(&won);
    assert_eq!(stage.room(0).pending(), None);
    assert_eq!(stage.room(0).open_commit(&lost.commit).err(), Some(RoomError::Past { epoch: 2 }));
    let again = stage.room(0).propose(&Edit::default()).unwrap();
    stage.spread(&again);
    assert!(stage.say(0, "agreed").remove(0).is_ok());
}

#[test]
fn messages_out_of_order_are_read_within_limits() {
    use common::limits::{RATCHET_BEHIND, RATCHET_FORWARD};
    let mut stage = Stage::group(&[Ali, Bianca]);
    let sealed: Vec<_> = (0..=RATCHET_BEHIND + 1).map(|_| stage.room(0).seal(b"one of many").unwrap()).collect();
    let last = sealed.len() - 1;
    assert!(stage.room(1).open(&sealed[last]).is_ok());
    assert!(stage.room(1).open(&sealed[2]).is_ok());
    assert_eq!(stage.room(1).open(&sealed[0]).err(), Some(RoomError::NoKey));
    for _ in 0..=RATCHET_FORWARD {
        stage.room(0).seal(b"lost").unwrap();
    }
    let far = stage.room(0).seal(b"too far").unwrap();
    assert_eq!(stage.room(1).open(&far).err(), Some(RoomError::NoKey));
}
