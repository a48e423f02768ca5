//! Bounds of what a terminal keeps of its rooms and key packages.

use std::sync::Arc;

use common::ident::RoomId;
use common::limits::KEY_PACKAGES_LOW;
use common::msg::KeyPackageState;
use common::testkit::Example;

use super::stage::{bianca, own};
use crate::groups::registry::{DIRECT_ROOMS, PACKAGES, Rooms, SYNCED_FOR};

fn room(number: usize) -> RoomId {
    RoomId([u8::try_from(number).unwrap(); 16])
}

/// The rooms of a terminal of ali's that has none.
fn none() -> Rooms {
    Rooms::load(&Arc::new(own(Example::Ali)), Vec::new()).unwrap()
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

#[test]
fn key_packages_are_made_when_few_are_left() {
    let low = u32::try_from(KEY_PACKAGES_LOW).unwrap();
    for (left, made) in [(low - 1, PACKAGES - (low - 1)), (low, 0), (low + 1, 0)] {
        let (packages, last_resort) = none().missing_key_packages(&KeyPackageState { left, last_resort: true });
        assert_eq!((packages.len(), last_resort), (usize::try_from(made).unwrap(), None), "{left} left");
    }
    let (_, last_resort) = none().missing_key_packages(&KeyPackageState { left: PACKAGES, last_resort: false });
    assert!(last_resort.is_some());
}
