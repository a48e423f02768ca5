//! Bounds of what a terminal keeps of its rooms.

use common::crypto::terminal::TerminalIdentity;
use common::secret::Secret;
use common::testkit::Example;

use super::*;

fn room(number: usize) -> RoomId {
    RoomId([u8::try_from(number).unwrap(); 16])
}

/// The rooms of a terminal of ali's that has none.
fn none() -> Rooms {
    let (user, identity) = (Example::Ali.user().unwrap(), Example::Ali.identity().unwrap());
    let terminal = TerminalIdentity::from_seed(TerminalId([1; 16]), &Secret::new(vec![1; 32])).unwrap();
    let certificate = terminal.certify(&user, &identity, 1).unwrap();
    let own = Arc::new(OwnTerminal::new(&user, terminal, &certificate, [1; 32]));
    Rooms::load(&own, Rows::new()).unwrap()
}

fn bianca() -> UserId {
    Example::Bianca.user().unwrap()
}

#[test]
fn rooms_of_two_are_bounded_and_the_newest_is_kept() {
    let mut rooms = none();
    for number in 0..3 * DIRECT_ROOMS {
        rooms.create_direct(room(number), &bianca()).unwrap();
        assert!(rooms.epoch(&room(number)).is_some());
        assert!(rooms.directs_with(&bianca()).count() <= DIRECT_ROOMS + 1, "{number} made");
    }
    // Both sides take the one with the smallest name.
    assert_eq!(rooms.direct_with(&bianca()), Some(room(0)));
}

#[test]
fn what_a_surplus_room_has_written_is_deleted() {
    let mut rooms = none();
    let made: Vec<usize> = (0..=DIRECT_ROOMS).map(|n| rooms.create_direct(room(n), &bianca()).unwrap().len()).collect();
    let changes = rooms.create_direct(room(DIRECT_ROOMS + 1), &bianca()).unwrap();
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
