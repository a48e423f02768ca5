//! Bytes that were cut off, altered, repeated, or meant for others. Nothing panics, and what was sent is still read.

use common::ident::RoomId;
use common::testkit::Example::{Ali, Bianca, Carol};

use super::super::*;
use super::stage::*;

#[test]
fn a_message_that_was_altered_anywhere_is_not_read() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let sealed = stage.room(0).seal(b"as it was written").unwrap();
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 1 << (position % 8);
        let mut reader = stage.copy(1);
        let refused = reader.open(&altered).err().unwrap();
        match position {
            0 => assert_eq!(refused, RoomError::Broken(Broken::Version)),
            1..HEAD => assert_eq!(refused, RoomError::Tag),
            _ => assert_eq!(reader.open(&sealed).unwrap().letter, b"as it was written", "byte {position}: {refused}"),
        }
    }
}

#[test]
fn a_message_that_was_cut_off_anywhere_is_not_read() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let sealed = stage.room(0).seal(b"as it was written").unwrap();
    for length in 0..sealed.len() {
        let expected = if length < HEAD { Broken::Length } else { Broken::Encoding };
        assert_eq!(stage.room(1).open(&sealed[..length]).err(), Some(RoomError::Broken(expected)));
    }
    let longer = [&sealed[..], b"x"].concat();
    assert_eq!(stage.room(1).open(&longer).err(), Some(RoomError::Broken(Broken::Encoding)));
    assert_eq!(stage.room(1).open(&sealed).unwrap().letter, b"as it was written");
}

#[test]
fn a_commit_that_was_altered_or_cut_off_changes_nothing() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let commit = stage.room(0).propose(&Edit::default()).unwrap().commit;
    let mut broken: Vec<Vec<u8>> = Vec::new();
    for position in (0..commit.len()).step_by(61) {
        let mut altered = commit.clone();
        altered[position] ^= 0x20;
        broken.push(altered);
    }
    broken.extend((0..commit.len()).step_by(211).map(|length| commit[..length].to_vec()));
    let mut reader = stage.copy(1);
    for commit in broken {
        assert!(reader.open_commit(&commit).is_err());
        assert_eq!((reader.frozen(), reader.epoch()), (None, 1));
    }
    assert!(reader.open_commit(&commit).is_ok());
    assert_eq!(reader.apply(&[]).map(|outcome| outcome.members.len()), Ok(2));
}

#[test]
fn a_message_is_read_once() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let sealed = stage.room(0).seal(b"once").unwrap();
    assert!(stage.room(1).open(&sealed).is_ok());
    assert_eq!(stage.room(1).open(&sealed).err(), Some(RoomError::NoKey));
    assert_eq!(stage.room(0).open(&sealed).err(), Some(RoomError::Own));
}

#[test]
fn a_commit_is_followed_once_and_in_its_epoch() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let first = stage.room(0).propose(&Edit::default()).unwrap();
    let mut behind = stage.copy(2);
    stage.spread(&first);
    assert_eq!(stage.room(1).open_commit(&first.commit).err(), Some(RoomError::Past { epoch: 1 }));
    let second = stage.room(1).propose(&Edit::default()).unwrap();
    assert_eq!(behind.open_commit(&second.commit).err(), Some(RoomError::Ahead { epoch: 2 }));
    let message = stage.room(0).seal(b"of epoch 2").unwrap();
    assert_eq!(behind.open(&message).err(), Some(RoomError::Ahead { epoch: 2 }));
    assert_eq!(behind.frozen(), None, "it may still learn what it missed");
    assert!(behind.open_commit(&first.commit).is_ok());
}

#[test]
fn members_who_were_told_different_commits_notice_at_the_next_message() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let (told_bianca, told_carol) =
        (stage.room(1).propose(&Edit::default()).unwrap(), stage.room(2).propose(&Edit::default()).unwrap());
    for (who, commit) in [(0, &told_bianca), (1, &told_bianca), (2, &told_carol)] {
        stage.room(who).open_commit(&commit.commit).unwrap();
        stage.room(who).apply(&[]).unwrap();
    }
    for (by, others) in [(0, [true, false]), (1, [true, false]), (2, [false, false])] {
        let read = stage.say(by, "do you see what I see?");
        for (read, same) in read.into_iter().zip(others) {
            assert_eq!(read.err(), (!same).then_some(RoomError::OtherHistory { epoch: 2 }));
        }
    }
}

#[test]
fn what_belongs_to_another_room_is_not_read() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let mut other = Room::create_group(&stage.terminals[0].own, RoomId([8; 16]), &team()).unwrap();
    let add = stage.newcomers(&[1]);
    let commit = other.propose(&Edit { add, ..Edit::default() }).unwrap();
    other.open_commit(&commit.commit).unwrap();
    other.apply(&[]).unwrap();
    let sealed = other.seal(b"elsewhere").unwrap();
    assert_eq!(stage.room(1).open(&sealed).err(), Some(RoomError::Broken(Broken::Room)));
    let welcome = Invitation::open(&stage.terminals[1].packages, ROOM, &commit.welcome).err();
    assert_eq!(welcome, Some(RoomError::Broken(Broken::Room)));
    assert!(Invitation::open(&stage.terminals[1].packages, RoomId([8; 16]), &commit.welcome).is_ok());
}

#[test]
fn a_message_is_not_taken_for_a_commit_nor_a_commit_for_a_message() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let commit = stage.room(0).propose(&Edit::default()).unwrap();
    let message = stage.room(0).seal(b"a message").unwrap();
    assert_eq!(stage.copy(1).open(&commit.commit).err(), Some(RoomError::Broken(Broken::Kind)));
    assert_eq!(stage.copy(1).open(&commit.commit[..]).err(), Some(RoomError::Broken(Broken::Kind)));
    let mut reader = stage.copy(1);
    assert_eq!(reader.open_commit(&message).err(), Some(RoomError::Broken(Broken::Kind)));
    assert_eq!(reader.frozen(), None, "whether it ended an epoch is not known here");
    let package = stage.terminals[1].packages.generate().unwrap();
    let tag = stage.room(0).fork_tag().unwrap();
    let package = [&[1][..], &tag.0, &package].concat();
    assert_eq!(stage.room(1).open(&package).err(), Some(RoomError::Broken(Broken::Kind)));
}

#[test]
fn nothing_but_noise_is_read_as_nothing() {
    let mut stage = Stage::group(&[Ali, Bianca]);
    let tag = stage.room(0).fork_tag().unwrap().0;
    for length in 0..300_usize {
        let noise: Vec<u8> = (0..length).map(|at| (at * 31 + length * 17) as u8).collect();
        assert!(matches!(stage.room(1).open(&noise), Err(RoomError::Broken(_))));
        let noise = [&[1][..], &tag, &noise].concat();
        assert!(matches!(stage.room(1).open(&noise), Err(RoomError::Broken(_) | RoomError::Unreadable)));
    }
    assert!(stage.say(0, "still fine").remove(0).is_ok());
}

#[test]
fn what_does_not_verify_uses_up_no_step_of_a_ratchet() {
    // Whoever is in the room can name another's leaf as the sender, and a step far ahead: all of them are refused, and
    // the other's next message is read.
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let first = stage.room(0).seal(b"the next message").unwrap();
    let later: Vec<_> = (0..40).map(|_| stage.room(0).seal(b"later").unwrap()).collect();
    for sealed in later {
        let mut altered = sealed;
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(stage.room(1).open(&altered).err(), Some(RoomError::Unreadable));
    }
    assert_eq!(stage.room(1).open(&first).unwrap().letter, b"the next message");
}
