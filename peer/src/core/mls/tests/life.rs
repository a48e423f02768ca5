//! What happens in a room in which everybody keeps to the rules.

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
    assert_eq!(stage.room(2).open(&later).unwrap().letter, b"after bianca");
}
