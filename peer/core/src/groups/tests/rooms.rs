//! Bounds of what a terminal keeps of its rooms and key packages.

use std::sync::Arc;

use common::ident::RoomId;
use common::limits::{KEY_PACKAGES_IN_ONE, KEY_PACKAGES_LOW};
use common::msg::{KeyPackageState, MailKind, ToDirectory};
use common::testkit::Example;

use super::stage::{Stage, bianca, member, own};
use crate::context::Session;
use crate::event::Effect;
use crate::groups::packages::PACKAGES;
use crate::groups::registry::{DIRECT_ROOMS, Rooms, SYNCED_FOR};
use crate::mls::{Edit, Invitation, Room as MlsRoom, VerifiedCredential, VerifiedKeyPackage};
use crate::model::Conversation;
use crate::notice::{MessageNotice, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Request};

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
        let mut rooms = none();
        let (_, lost) = rooms.missing_key_packages(&KeyPackageState { left: PACKAGES, last_resort: true });
        assert!(lost.is_some(), "what the directory has opens nothing here any more");
        let (packages, last_resort) = rooms.missing_key_packages(&KeyPackageState { left, last_resort: true });
        assert_eq!((packages.len(), last_resort), (usize::try_from(made).unwrap(), None), "{left} left");
    }
    let (_, last_resort) = none().missing_key_packages(&KeyPackageState { left: PACKAGES, last_resort: false });
    assert!(last_resort.is_some());
}

#[test]
fn the_package_of_last_resort_stays_the_same_however_often_it_is_published() {
    // Each session that finds a directory gone back publishes it, also while mail waits that is sealed for it.
    let nothing = KeyPackageState { left: 0, last_resort: false };
    let mut rooms = none();
    let (_, first) = rooms.missing_key_packages(&nothing);
    assert!(first.is_some());
    for _ in 0..3 {
        let (packages, again) = rooms.missing_key_packages(&nothing);
        assert_eq!((packages.len(), again == first), (usize::try_from(PACKAGES).unwrap(), true));
    }
}

#[test]
fn few_rooms_of_two_are_kept_of_a_user_who_makes_many_the_oldest_go_and_the_user_is_named() {
    let (mut stage, mut hers) = (Stage::new(), Stage::of(Example::Bianca));
    let to = Conversation::User(Example::Ali.user().unwrap());
    let (mut rooms, mut named) = (Vec::new(), Vec::new());
    for number in 1..=3 * DIRECT_ROOMS {
        hers.groups.handle_needs_room(&hers.cx, to.clone());
        let made = hers.commits(&[(Example::Ali, true), (Example::Bianca, true)], |_| stage.package());
        hers.comes_back(&made);
        stage.certificates.truncate(1);
        stage.certificates.push(hers.certificates[0].clone());
        stage.comes((made.room, made.epoch), MailKind::Welcome, member(Example::Bianca), &made.welcome);
        let names = |effect: &Effect| matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Dropped { from, .. })) if *from == bianca());
        if stage.effects().iter().any(names) {
            named.push(number);
        }
        hers.groups.rooms.forget(&made.room);
        rooms.push(made.room);
        let kept: Vec<RoomId> = stage.groups.rooms.directs_with(&bianca()).collect();
        assert!(kept.contains(&made.room), "the newest is kept");
        assert!(kept.len() <= 2 * DIRECT_ROOMS, "{number} made");
    }
    let kept: Vec<RoomId> = stage.groups.rooms.directs_with(&bianca()).collect();
    assert!(rooms[rooms.len() - 2 * DIRECT_ROOMS..].iter().all(|room| kept.contains(room)), "the oldest went");
    assert_eq!(named, [DIRECT_ROOMS + 1], "once, and nobody whose terminals began at the same time");
}

#[test]
fn mail_goes_into_the_room_of_two_that_was_made_last_whatever_dates_were_given() {
    let (mut stage, mut hers) = (Stage::new(), Stage::of(Example::Bianca));
    let to = Conversation::User(Example::Ali.user().unwrap());
    for _ in 0..3 {
        hers.groups.handle_needs_room(&hers.cx, to.clone());
        let made = hers.commits(&[(Example::Ali, true), (Example::Bianca, true)], |_| stage.package());
        hers.comes_back(&made);
        hers.groups.rooms.forget(&made.room);
        stage.certificates.truncate(1);
        stage.certificates.push(hers.certificates[0].clone());
        stage.comes((made.room, made.epoch), MailKind::Welcome, member(Example::Bianca), &made.welcome);
        assert_eq!(stage.groups.rooms.direct_with(&bianca()), Some(made.room));
        // As a version before has noted it, of a directory whose clock was far ahead.
        let room = stage.groups.rooms.rooms.get_mut(&made.room).unwrap();
        room.note_joined(room.joined() + (1 << 40)).unwrap();
    }
}

#[test]
fn a_room_of_two_that_cannot_be_followed_is_made_anew_once_and_the_other_side_says_again_what_was_not_received() {
    let (mut stage, mut hers) = (Stage::new(), Stage::of(Example::Bianca));
    let (to_ali, to_bianca) = (Conversation::User(Example::Ali.user().unwrap()), Conversation::User(bianca()));
    let both = [(Example::Ali, true), (Example::Bianca, true)];
    hers.groups.handle_needs_room(&hers.cx, to_ali.clone());
    let made = hers.commits(&both, |_| stage.package());
    hers.comes_back(&made);
    stage.certificates.push(hers.certificates[0].clone());
    hers.certificates.push(stage.certificates[0].clone());
    let requests = stage.comes((made.room, made.epoch), MailKind::Welcome, member(Example::Bianca), &made.welcome);
    let confirms = |request: &Request| matches!(request, Request::Delivery(DeliveryRequest::ConfirmAgain(_)));
    assert!(!requests.iter().any(confirms), "there was no room before");
    // A change did not reach ali's terminal.
    let sealed = hers.groups.rooms.seal(&made.room, b"unread").unwrap();
    for _ in 0..3 {
        stage.comes((made.room, 5), MailKind::Message, member(Example::Bianca), &sealed);
    }
    let another = stage.commits(&both, |_| hers.package());
    assert_ne!(another.room, made.room);
    stage.comes_back(&another);
    assert_eq!(stage.begins(), [], "once");
    let requests = hers.comes((another.room, 0), MailKind::Welcome, member(Example::Ali), &another.welcome);
    let again = [
        DeliveryRequest::ReceiverReplaced(to_ali),
        // What was read of hers ali's terminal may have missed as well.
        DeliveryRequest::ConfirmAgain(Example::Ali.user().unwrap()),
    ];
    for again in again.map(Request::Delivery) {
        assert!(requests.contains(&again), "{requests:?}");
    }
    assert_eq!(hers.groups.rooms.direct_with(&Example::Ali.user().unwrap()), Some(another.room));
    assert_eq!(stage.groups.rooms.direct_with(&bianca()), Some(another.room));
    assert_eq!(stage.groups.rooms.conversation(&another.room), Some(to_bianca));
}

#[test]
fn whoever_was_taken_in_while_a_repair_was_interrupted_again_and_again_opens_the_welcome() {
    let mut stage = Stage::new();
    stage.cx.session = Session::CatchingUp;
    let taken = stage.package();
    let (ali, bianca) = (stage.cx.me.clone(), own(Example::Bianca));
    let key = VerifiedCredential::verify(&ali.user, &taken.packages[0].certificate, &ali.key).unwrap();
    let package = VerifiedKeyPackage::verify(&bianca, key, &taken.packages[0].package.0).unwrap();
    let mut room = MlsRoom::create_pair(&Arc::new(bianca), room(1), &ali.user).unwrap();
    let welcome = room.propose(&Edit { add: vec![package], ..Edit::default() }).unwrap().welcome;
    let opens = |stage: &Stage| Invitation::open(&stage.groups.rooms.key_packages, room.id(), &welcome).is_ok();
    for _ in 0..40 {
        stage.groups.handle_restored(&mut stage.cx, false);
        stage.groups.handle_session_lost();
    }
    assert!(opens(&stage), "it may wait in the mailbox");
    stage.cx.session = Session::CaughtUp;
    stage.groups.handle_caught_up(&mut stage.cx);
    assert!(!opens(&stage), "all mail was taken: it was for none that waits");
}

#[test]
fn the_first_packages_of_a_repair_are_few_and_the_rest_follows_when_they_are_counted() {
    let mut stage = Stage::new();
    stage.groups.handle_session();
    let published = |requests: &[Request]| -> Vec<(usize, bool)> {
        let puts = requests.iter().filter_map(|request| match request {
            Request::Directory(DirectoryRequest::Tell(ToDirectory::KeyPackagePut(put))) => Some(put),
            _ => None,
        });
        puts.map(|put| (put.packages.len(), put.anew)).collect()
    };
    let first = stage.groups.handle_restored(&mut stage.cx, false);
    assert_eq!(published(&first), [(KEY_PACKAGES_IN_ONE, true)]);
    let before = KeyPackageState { left: PACKAGES, last_resort: true };
    assert_eq!(stage.groups.handle_key_packages(&mut stage.cx, &before), [], "of those that were forgotten since");
    let counted = KeyPackageState { left: u32::try_from(KEY_PACKAGES_IN_ONE).unwrap(), last_resort: true };
    let rest = stage.groups.handle_key_packages(&mut stage.cx, &counted);
    assert_eq!(rest[0], Request::Mailbox(MailboxRequest::PackagesMade));
    assert_eq!(published(&rest), [(KEY_PACKAGES_IN_ONE, false); 3]);
}
