//! What is kept, and what comes back from it (threat G5).

use common::testkit::Example::{Ali, Bianca};

use super::super::*;
use super::stage::*;

/// Ali and bianca in a conversation of two, everything kept.
fn stage() -> (Stage, [Disk; 2]) {
    let mut stage = Stage::pair(&[Ali, Bianca], Bianca);
    let mut disks = [Disk::default(), Disk::default()];
    for (who, disk) in disks.iter_mut().enumerate() {
        disk.keep(stage.terminals[who].packages.changes().into_iter().filter(is_put).collect());
        disk.keep(stage.room(who).changes());
    }
    (stage, disks)
}

fn is_put(change: &crate::persistence::Write) -> bool {
    matches!(change, crate::persistence::Write::Put { .. })
}

impl Stage {
    fn restart(&mut self, who: usize, disk: &Disk) {
        let (packages, mut rooms) = disk.restore(&self.terminals[who].own);
        self.terminals[who].packages = packages;
        self.rooms[who] = rooms.pop();
    }
}

#[test]
fn a_room_that_was_kept_goes_on_where_it_was() {
    let (mut stage, mut disks) = stage();
    for round in 0..3 {
        for who in 0..2 {
            stage.restart(who, &disks[who]);
            assert!(stage.room(who).changes().is_empty(), "nothing changed by coming back");
            assert!(stage.say(who, "again").remove(0).is_ok(), "round {round}");
            if round == 1 {
                stage.edit(who, &Edit::default());
            }
            for (who, disk) in disks.iter_mut().enumerate() {
                disk.keep(stage.room(who).changes());
            }
        }
    }
}

#[test]
fn a_message_that_was_not_kept_is_sealed_with_the_same_key_only_if_it_was_not_sent() {
    let (mut stage, mut disks) = stage();
    let sent = stage.room(0).seal(b"kept, then sent").unwrap();
    disks[0].keep(stage.room(0).changes());
    stage.restart(0, &disks[0]);
    let next = stage.room(0).seal(b"after the crash").unwrap();
    assert_eq!(stage.room(1).open(&sent).unwrap().letter, b"kept, then sent");
    assert_eq!(stage.room(1).open(&next).unwrap().letter, b"after the crash");
}

#[test]
fn an_own_commit_is_still_known_after_a_crash() {
    let (mut stage, mut disks) = stage();
    let commit = stage.room(0).propose(&Edit::default()).unwrap();
    disks[0].keep(stage.room(0).changes());
    stage.restart(0, &disks[0]);
    assert_eq!(stage.room(0).pending(), Some(&commit));
    stage.spread(&commit);
    assert!(stage.say(0, "merged").remove(0).is_ok());
    disks[0].keep(stage.room(0).changes());
    stage.restart(0, &disks[0]);
    assert_eq!(stage.room(0).pending(), None);
    assert!(stage.say(1, "merged").remove(0).is_ok());
}

#[test]
fn a_commit_that_waits_comes_again_after_a_crash() {
    let (mut stage, mut disks) = stage();
    let commit = stage.room(0).propose(&Edit::default()).unwrap();
    stage.room(1).open_commit(&commit.commit).unwrap();
    assert!(stage.room(1).changes().is_empty());
    stage.restart(1, &disks[1]);
    stage.spread(&commit);
    disks[1].keep(stage.room(1).changes());
    stage.restart(1, &disks[1]);
    assert!(stage.say(0, "both are there").remove(0).is_ok());
}

#[test]
fn a_frozen_room_stays_frozen() {
    let (mut stage, mut disks) = stage();
    let by = stage.member(0);
    stage.room(1).freeze(Frozen::NotFollowed { by: by.clone(), why: "it is rubbish".to_owned() }).unwrap();
    disks[1].keep(stage.room(1).changes());
    stage.restart(1, &disks[1]);
    assert!(matches!(stage.room(1).frozen(), Some(Frozen::NotFollowed { by: kept, .. }) if *kept == by));
    let sealed = stage.room(0).seal(b"hello?").unwrap();
    assert!(matches!(stage.room(1).open(&sealed), Err(RoomError::Frozen(_))));
}

#[test]
fn an_old_copy_finds_out_that_it_is_one() {
    let (mut stage, disks) = stage();
    let said = stage.room(0).seal(b"said after the copy").unwrap();
    let commit = stage.edit(1, &Edit::default());
    let own = stage.edit(0, &Edit::default());
    let later = stage.room(1).seal(b"later").unwrap();
    stage.restart(0, &disks[0]);
    assert_eq!(stage.room(0).open(&said).err(), Some(RoomError::Own));
    assert_eq!(stage.room(0).open(&later).err(), Some(RoomError::Ahead { epoch: 3 }));
    assert_eq!(stage.room(0).open_commit(&own.commit).err(), Some(RoomError::Ahead { epoch: 2 }));
    stage.room(0).open_commit(&commit.commit).unwrap();
    stage.room(0).apply(&[]).unwrap();
    assert_eq!(
        stage.room(0).open_commit(&own.commit).err(),
        Some(RoomError::Own),
        "nobody follows its own lost commit"
    );
    assert_eq!(stage.room(0).frozen(), None);
}

#[test]
fn a_room_that_is_forgotten_leaves_nothing() {
    let (mut stage, mut disks) = stage();
    let room = stage.rooms[0].take().unwrap();
    disks[0].keep(room.forget());
    assert!(disks[0].is_empty());
}

#[test]
fn key_packages_come_back_and_the_oldest_go_first() {
    let mut terminal = Terminal::new(Bianca, 2);
    let mut disk = Disk::default();
    let first = terminal.packages.generate().unwrap();
    let last = (0..200).map(|_| terminal.packages.generate().unwrap()).last().unwrap();
    let ali = Terminal::new(Ali, 1);
    let mut opens = |terminal: &mut Terminal, package: &[u8]| {
        disk.keep(terminal.packages.changes());
        let (packages, _) = disk.restore(&terminal.own);
        let mut room = Room::create_pair(&ali.own, ROOM, &Bianca.user().unwrap()).unwrap();
        let add = vec![VerifiedKeyPackage::verify(&ali.own, terminal.vouched(), package).unwrap()];
        let commit = room.propose(&Edit { add, ..Edit::default() }).unwrap();
        Invitation::open(&packages, ROOM, &commit.welcome).is_ok()
    };
    assert!(opens(&mut terminal, &first), "mail may wait that holds a welcome for it");
    terminal.packages.forget_surplus();
    assert!(!opens(&mut terminal, &first));
    assert!(opens(&mut terminal, &last));
    (0..400).for_each(|_| drop(terminal.packages.generate().unwrap()));
    assert!(!opens(&mut terminal, &last), "not without end");
}

#[test]
fn whoever_takes_packages_without_using_them_never_drives_out_the_last_resort() {
    let mut terminal = Terminal::new(Bianca, 2);
    let mut disk = Disk::default();
    let last_resort = terminal.packages.last_resort().unwrap();
    for _ in 0..250 {
        terminal.packages.generate().unwrap();
    }
    disk.keep(terminal.packages.changes());
    let (mut packages, _) = disk.restore(&terminal.own);
    assert!(packages.has_last_resort());
    assert!(packages.last_resort().unwrap() == last_resort, "it is published again as it is");
    let ali = Terminal::new(Ali, 1);
    let mut room = Room::create_pair(&ali.own, ROOM, &Bianca.user().unwrap()).unwrap();
    let add = vec![VerifiedKeyPackage::verify(&ali.own, terminal.vouched(), &last_resort).unwrap()];
    let commit = room.propose(&Edit { add, ..Edit::default() }).unwrap();
    assert!(Invitation::open(&packages, ROOM, &commit.welcome).is_ok(), "ali's first message is read");
}

#[test]
fn damaged_values_are_reported_and_nothing_more() {
    let terminal = Terminal::new(Bianca, 2);
    let rows = |name: &[u8], value: &[u8]| vec![(name.to_vec(), zeroize::Zeroizing::new(value.to_vec()))];
    for name in [&b""[..], b"k", b"k1234567", b"kabcdefgh", b"x", b"r0123456789abcdef", b"r0123456789abcdefTree"] {
        assert!(matches!(restore(&terminal.own, rows(name, b"{}")).err(), Some(RoomError::Library(_))), "{name:?}");
    }
    assert!(restore(&terminal.own, Vec::new()).unwrap().1.is_empty());
}
