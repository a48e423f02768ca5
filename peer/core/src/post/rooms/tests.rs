//! Bounds of what a terminal keeps of its rooms.

use common::crypto::terminal::TerminalIdentity;
use common::ident::{RoomId, TerminalId, UserId};
use common::secret::Secret;
use common::testkit::Example;

use super::{PAIR_ROOMS, Rooms, SYNCED_FOR};

fn room(number: usize) -> RoomId {
    RoomId([u8::try_from(number).unwrap(); 16])
}

/// The rooms of a terminal of ali's that has none.
fn none() -> Rooms {
    let (user, identity) = (Example::Ali.user().unwrap(), Example::Ali.identity().unwrap());
    let terminal = TerminalIdentity::from_seed(TerminalId([1; 16]), &Secret::new(vec![1; 32])).unwrap();
    let certificate = terminal.certify(&user, &identity, 1).unwrap();
    Rooms::load(&user, terminal, &certificate, [1; 32], Vec::new()).unwrap()
}

fn bianca() -> UserId {
    Example::Bianca.user().unwrap()
}

#[test]
fn rooms_of_two_are_bounded_and_the_newest_is_kept() {
    let mut rooms = none();
    for number in 0..3 * PAIR_ROOMS {
        rooms.create_pair(room(number), &bianca()).unwrap();
        assert!(rooms.epoch(&room(number)).is_some());
        assert!(rooms.pairs_with(&bianca()).count() <= PAIR_ROOMS + 1, "{number} made");
    }
    // Both sides take the one with the smallest name.
    assert_eq!(rooms.pair_with(&bianca()), Some(room(0)));
}

#[test]
fn what_a_surplus_room_has_kept_is_deleted() {
    let mut rooms = none();
    let made: Vec<usize> = (0..=PAIR_ROOMS).map(|n| rooms.create_pair(room(n), &bianca()).unwrap().len()).collect();
    let changes = rooms.create_pair(room(PAIR_ROOMS + 1), &bianca()).unwrap();
    assert!(changes.len() > made[0], "nothing of the surplus room is deleted: {} changes", changes.len());
}

#[test]
fn a_comparison_with_the_directory_counts_for_ten_minutes() {
    let (mut rooms, compared) = (none(), 1000);
    rooms.set_synced(&room(1), compared);
    for (later, counts) in [(0, true), (SYNCED_FOR - 1, true), (SYNCED_FOR, false)] {
        rooms.forget_old_comparisons(compared + later);
        assert_eq!(rooms.is_synced(&room(1)), counts, "after {later} s");
    }
}
