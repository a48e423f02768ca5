//! Welcomes: whom they let in, and what this terminal does not let itself be drawn into (threats G1, G4).

use std::collections::BTreeSet;

use common::ident::{GroupName, RoomId};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::super::provider::Provider;
use super::super::room::group_id;
use super::super::*;
use super::stage::*;

/// Ali made a group and wants to add the others.
fn stage() -> (Stage, Commit) {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    let add = stage.newcomers(&[1]);
    let commit = stage.room(0).propose(&Edit { add, ..Edit::default() }).unwrap();
    (stage, commit)
}

fn open(stage: &Stage, who: usize, welcome: &[u8]) -> Result<Invitation, RoomError> {
    Invitation::open(&stage.terminals[who].packages, ROOM, welcome)
}

fn accept(stage: &mut Stage, who: usize, welcome: &[u8], vouched: &[VerifiedCredential]) -> Result<Room, RoomError> {
    let packages = &mut stage.terminals[who].packages;
    Invitation::open(packages, ROOM, welcome)?.accept(packages, vouched, &BTreeSet::from([team()]))
}

#[test]
fn an_invitation_says_who_invites_where_and_whose_certificates_are_needed() {
    let (mut stage, commit) = stage();
    let invitation = open(&stage, 1, &commit.welcome).unwrap();
    assert_eq!(
        (invitation.room(), invitation.by(), invitation.needs()),
        (ROOM, &stage.member(0), vec![stage.member(0)])
    );
    assert_eq!(invitation.charter(), stage.room(0).charter());
    let vouched = [stage.terminals[0].vouched()];
    assert!(accept(&mut stage, 1, &commit.welcome, &vouched).is_ok());
}

#[test]
fn a_welcome_is_for_whom_it_is_for_and_counts_once() {
    let (mut stage, commit) = stage();
    assert_eq!(open(&stage, 2, &commit.welcome).err(), Some(RoomError::NotForUs));
    let vouched = stage.everyone();
    assert!(open(&stage, 1, &commit.welcome).is_ok(), "looking at it uses nothing up");
    assert!(accept(&mut stage, 1, &commit.welcome, &vouched).is_ok());
    assert_eq!(open(&stage, 1, &commit.welcome).err(), Some(RoomError::NotForUs));
}

#[test]
fn a_welcome_that_was_altered_or_cut_off_is_not_accepted() {
    let (stage, commit) = stage();
    for position in (0..HEAD).chain((HEAD..commit.welcome.len()).step_by(43)) {
        let mut altered = commit.welcome.clone();
        altered[position] ^= 0x20;
        assert!(open(&stage, 1, &altered).is_err(), "byte {position}");
    }
    for length in (0..commit.welcome.len()).step_by(89) {
        assert!(open(&stage, 1, &commit.welcome[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(open(&stage, 1, &commit.commit).err(), Some(RoomError::Broken(Broken::Kind)));
    assert!(open(&stage, 1, &commit.welcome).is_ok());
}

#[test]
fn a_room_with_somebody_nobody_vouches_for_is_not_joined() {
    let (mut stage, commit) = stage();
    let missing = Refusal::NoCertificate { member: stage.member(0) };
    let refused = accept(&mut stage, 1, &commit.welcome, &[]).err();
    assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why: missing }));

    let (mut stage, commit) = self::stage();
    // Another certificate for the same terminal: the inviter is not whom the pin knows.
    let other = identity(1, 1).certify(&Ali.user().unwrap(), &Ali.identity().unwrap(), 2).unwrap();
    let vouched = VerifiedCredential::verify(&Ali.user().unwrap(), &other, &stage.terminals[0].pin()).unwrap();
    let stranger = Refusal::OtherCertificate { member: stage.member(0) };
    let refused = accept(&mut stage, 1, &commit.welcome, &[vouched]).err();
    assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why: stranger }));
    assert_eq!(open(&stage, 1, &commit.welcome).err(), Some(RoomError::NotForUs), "the key package is used up");
}

#[test]
fn a_member_whose_certificate_is_another_keeps_nobody_out_and_is_named() {
    let other = identity(3, 3).certify(&Carol.user().unwrap(), &Carol.identity().unwrap(), 2).unwrap();
    for told in [Some(&other), None] {
        let mut stage = Stage::new(&[Ali, Bianca, Carol]);
        stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
        stage.add(0, &[2]);
        let add = stage.newcomers(&[1]);
        let commit = stage.room(0).propose(&Edit { add, ..Edit::default() }).unwrap();
        let carol = stage.terminals[2].pin();
        let hers = told.map(|told| VerifiedCredential::verify(&Carol.user().unwrap(), told, &carol).unwrap());
        let vouched: Vec<_> = [Some(stage.terminals[0].vouched()), hers].into_iter().flatten().collect();
        let mut room = accept(&mut stage, 1, &commit.welcome, &vouched).unwrap();
        assert_eq!(room.unverified(), [stage.member(2)]);
        // Whoever may remove it does, and it counts when its certificate is to be had after all.
        assert_eq!(room.compare_leaves(&vouched), Ok(vec![stage.member(2)]));
        assert_eq!(room.compare_leaves(&[stage.terminals[2].vouched()]), Ok(Vec::new()));
        assert_eq!(room.unverified(), []);
        assert_eq!(room.compare_leaves(&vouched[..1]), Ok(Vec::new()), "what was verified is not judged by silence");
    }
}

#[test]
fn a_conversation_of_two_with_a_third_is_not_joined() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_pair(&stage.terminals[0].own, ROOM, &Bianca.user().unwrap()).unwrap());
    let packages: Vec<_> = stage.newcomers(&[1, 2]).into_iter().map(|newcomer| newcomer.package).collect();
    let commit = stage.force(0, |builder| builder.propose_adds(packages));
    let vouched = stage.everyone();
    let why = Refusal::Pair { pair: [Ali.user().unwrap(), Bianca.user().unwrap()] };
    for who in 1..3 {
        let refused = accept(&mut stage, who, &commit.welcome, &vouched).err();
        assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why: why.clone() }));
    }
}

#[test]
fn a_conversation_between_two_others_is_not_joined() {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_pair(&stage.terminals[0].own, ROOM, &Bianca.user().unwrap()).unwrap());
    let packages: Vec<_> = stage.newcomers(&[2]).into_iter().map(|newcomer| newcomer.package).collect();
    let commit = stage.force(0, |builder| builder.propose_adds(packages));
    let vouched = stage.everyone();
    let why = Refusal::Pair { pair: [Ali.user().unwrap(), Bianca.user().unwrap()] };
    let refused = accept(&mut stage, 2, &commit.welcome, &vouched).err();
    assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why }));
}

#[test]
fn a_group_that_nobody_asked_for_is_not_joined() {
    let (mut stage, commit) = stage();
    let vouched = stage.everyone();
    let packages = &mut stage.terminals[1].packages;
    let invitation = Invitation::open(packages, ROOM, &commit.welcome).unwrap();
    let refused = invitation.accept(packages, &vouched, &BTreeSet::new()).err();
    let why = Refusal::NotAsked(team());
    assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why }));
}

#[test]
fn a_further_terminal_follows_its_siblings_into_a_group() {
    let mut stage = Stage::new(&[Ali, Bianca, Bianca]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1]);
    let add = stage.newcomers(&[2]);
    let commit = stage.room(1).propose(&Edit { add, ..Edit::default() }).unwrap();
    let vouched = stage.everyone();
    let packages = &mut stage.terminals[2].packages;
    let invitation = Invitation::open(packages, ROOM, &commit.welcome).unwrap();
    assert!(invitation.accept(packages, &vouched, &BTreeSet::new()).is_ok());
}

#[test]
fn two_terminals_added_at_once_do_not_vouch_for_each_other() {
    let mut stage = Stage::new(&[Ali, Bianca, Bianca]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    let add = stage.newcomers(&[1, 2]);
    let commit = stage.room(0).propose(&Edit { add, ..Edit::default() }).unwrap();
    let vouched = stage.everyone();
    for who in 1..3 {
        let packages = &mut stage.terminals[who].packages;
        let invitation = Invitation::open(packages, ROOM, &commit.welcome).unwrap();
        let refused = invitation.accept(packages, &vouched, &BTreeSet::new()).err();
        assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why: Refusal::NotAsked(team()) }));
    }
}

#[test]
fn a_group_whose_name_is_a_reserved_word_is_not_joined() {
    let (mut stage, everyone) = (Stage::new(&[Ali, Bianca]), GroupName::parse("everyone").unwrap());
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &everyone).unwrap());
    let add = stage.newcomers(&[1]);
    let commit = stage.room(0).propose(&Edit { add, ..Edit::default() }).unwrap();
    let vouched = stage.everyone();
    let packages = &mut stage.terminals[1].packages;
    let invitation = Invitation::open(packages, ROOM, &commit.welcome).unwrap();
    let refused = invitation.accept(packages, &vouched, &BTreeSet::from([everyone.clone()])).err();
    assert_eq!(refused, Some(RoomError::Refused { by: stage.member(0), why: Refusal::Reserved(everyone) }));
}

#[test]
fn a_refused_invitation_does_not_come_again() {
    let (mut stage, commit) = stage();
    let packages = &mut stage.terminals[1].packages;
    Invitation::open(packages, ROOM, &commit.welcome).unwrap().refuse(packages);
    assert_eq!(open(&stage, 1, &commit.welcome).err(), Some(RoomError::NotForUs));
}

#[test]
fn a_key_package_is_used_once_and_the_last_resort_as_often_as_needed() {
    let mut stage = Stage::new(&[Ali, Bianca]);
    let bianca = stage.terminals[1].vouched();
    let once = stage.terminals[1].packages.generate().unwrap();
    let last_resort = stage.terminals[1].packages.last_resort().unwrap();
    let vouched = stage.everyone();
    for (package, joined) in [(once, [true, false]), (last_resort, [true, true])] {
        for (number, joined) in [8, 9].into_iter().zip(joined) {
            let id = RoomId([number; 16]);
            let mut room = Room::create_pair(&stage.terminals[0].own, id, &Bianca.user().unwrap()).unwrap();
            let add = vec![VerifiedKeyPackage::verify(&stage.terminals[0].own, bianca.clone(), &package).unwrap()];
            let commit = room.propose(&Edit { add, ..Edit::default() }).unwrap();
            room.open_commit(&commit.commit).unwrap();
            room.apply(&[]).unwrap();
            let packages = &mut stage.terminals[1].packages;
            let invitation = Invitation::open(packages, id, &commit.welcome);
            assert_eq!(invitation.is_ok(), joined);
            if let Ok(invitation) = invitation {
                let mut other = invitation.accept(packages, &vouched, &BTreeSet::new()).unwrap();
                let sealed = other.seal(b"hello").unwrap();
                assert_eq!(room.open(&sealed).unwrap().letter, b"hello");
            }
        }
    }
}

#[test]
fn a_room_with_other_settings_is_not_joined() {
    use openmls::prelude::tls_codec::Serialize as _;
    use openmls::prelude::{MlsGroup, MlsGroupCreateConfig};
    use openmls_traits::OpenMlsProvider as _;
    let mut stage = Stage::new(&[Ali, Bianca]);
    let own = stage.terminals[0].own.clone();
    let provider = Provider::new(&own, ROOM);
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(CIPHERSUITE)
        .capabilities(capabilities())
        .lifetime(lifetime())
        .use_ratchet_tree_extension(true)
        .build();
    let id = group_id(&ROOM);
    let mut group = MlsGroup::new_with_group_id(&provider, &*own, &config, id, own.leaf()).unwrap();
    let bianca = stage.newcomers(&[1]).remove(0).package;
    let (_, welcome, _) = group.add_members(&provider, &*own, &[bianca]).unwrap();
    group.merge_pending_commit(&provider).unwrap();
    let tag = group.export_secret(provider.crypto(), wire_format::TAG_LABEL, &[], 16).unwrap();
    let welcome = [&[1][..], &tag, &welcome.tls_serialize_detached().unwrap()].concat();
    assert_eq!(open(&stage, 1, &welcome).err(), Some(RoomError::Invalid(Refusal::Settings.to_string())));
}
