//! Newcomers that are not who they seem (threat G1).

use common::crypto::identity::BadKey;
use common::msg::Certificate;
use common::testkit::Example::{Ali, Bianca, Carol};

use super::super::credential::named;
use super::super::provider::Provider;
use super::super::*;
use super::stage::*;

/// A group of ali and bianca, and carol's true terminal.
fn stage() -> Stage {
    let mut stage = Stage::new(&[Ali, Bianca, Carol]);
    stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
    stage.add(0, &[1]);
    stage
}

/// The admin is hostile and adds this terminal in the place of carol's.
fn added(stage: &mut Stage, mut impostor: Terminal) -> Commit {
    let package = impostor.packages.generate().unwrap();
    let package = read_package(&impostor.own, &package);
    stage.force(0, |builder| builder.propose_adds([package]))
}

#[test]
fn a_certificate_counts_only_under_the_key_pinned_for_its_user() {
    let carol = Terminal::new(Carol, 3);
    let verify = |user: &Terminal, certificate: &Certificate, pin: &Terminal| {
        VerifiedCredential::verify(&user.user(), certificate, &pin.pin()).err()
    };
    let bianca = Terminal::new(Bianca, 2);
    assert_eq!(verify(&carol, &carol.certificate, &carol), None);
    assert_eq!(verify(&carol, &carol.certificate, &bianca), Some(BadKey::Signature), "another identity key");
    assert_eq!(verify(&bianca, &carol.certificate, &carol), Some(BadKey::Signature), "another user");
    let altered = Certificate { issued: 2, ..carol.certificate.clone() };
    assert_eq!(verify(&carol, &altered, &carol), Some(BadKey::Signature));
}

#[test]
fn a_leaf_that_names_another_certificate_is_refused() {
    let mut stage = stage();
    // Certified by whoever runs the directory, who has an identity key of their own for carol.
    let key = identity(3, 3);
    let forged = key.certify(&Carol.user().unwrap(), &Bianca.identity().unwrap(), 1).unwrap();
    let commit = added(&mut stage, Terminal::with_certificate(Carol, key, forged));
    stage.assert_refused(0, &commit, &Refusal::OtherCertificate { member: stage.member(2) });
}

#[test]
fn a_leaf_with_another_key_than_its_certificate_is_refused() {
    let mut stage = stage();
    let certificate = stage.terminals[2].certificate.clone();
    let commit = added(&mut stage, Terminal::with_certificate(Carol, identity(3, 77), certificate));
    stage.assert_refused(0, &commit, &Refusal::OtherKey { member: stage.member(2) });
}

#[test]
fn a_terminal_is_in_a_room_once() {
    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    // Carol certified a second key under the same terminal id.
    let twin = Terminal::with_key(Carol, 3, 77);
    stage.terminals.remove(2);
    stage.rooms.remove(2);
    let certificate = twin.certificate.clone();
    let commit = added(&mut stage, Terminal::with_certificate(Carol, identity(3, 77), certificate));
    let member = twin.member();
    stage.terminals.push(twin);
    stage.rooms.push(None);
    stage.assert_refused(0, &commit, &Refusal::Twice { member });

    let mut stage = Stage::group(&[Ali, Bianca, Carol]);
    let add = stage.newcomers(&[2]);
    let refused = stage.room(0).propose(&Edit { add, ..Edit::default() });
    assert!(matches!(refused, Err(RoomError::Forbidden(Refusal::Invalid(_)))), "{refused:?}");
}

#[test]
fn a_credential_that_is_not_ours_is_refused() {
    use openmls::prelude::{BasicCredential, Credential, CredentialType, CredentialWithKey, KeyPackage};
    let long = br#"{"userid":"carol","terminal":"03030303030303030303030303030303","certificate":""#;
    let mut long = long.to_vec();
    long.resize(300, b'a');
    let contents = [&b""[..], b"{}", b"not json", br#"{"userid":"CAROL","terminal":"00","certificate":""}"#, &long];
    let ours = |content: &[u8]| Credential::new(CREDENTIAL, content.to_vec());
    let other = Credential::new(CredentialType::Other(0xF009), b"{}".to_vec());
    let basic = Credential::from(BasicCredential::new(b"carol".to_vec()));
    assert_eq!(named(&other), Err(Refusal::Credential));
    assert_eq!(named(&basic), Err(Refusal::Credential));
    let spaces = br#"{"userid": "carol","terminal":"03030303030303030303030303030303","certificate":""}"#;
    assert_eq!(named(&ours(spaces)), Err(Refusal::Credential), "one meaning, one encoding");
    for content in contents {
        assert_eq!(named(&ours(content)), Err(Refusal::Credential));
        let mut stage = stage();
        let own = stage.terminals[2].own.clone();
        let scratch = Provider::new(&own, ROOM);
        let leaf = CredentialWithKey { credential: ours(content), signature_key: own.leaf().signature_key };
        let builder = KeyPackage::builder().key_package_lifetime(lifetime()).leaf_node_capabilities(capabilities());
        let package = builder.build(CIPHERSUITE, &scratch, &*own, leaf).unwrap().key_package().clone();
        let commit = stage.force(0, |builder| builder.propose_adds([package]));
        let author = stage.member(0);
        let refused = stage.room(1).open_commit(&commit.commit).err();
        assert_eq!(refused, Some(RoomError::Refused { by: author, why: Refusal::Credential }));
    }
}

#[test]
fn a_commit_waits_for_certificates_and_comes_again() {
    let mut stage = stage();
    let add = stage.newcomers(&[2]);
    let commit = stage.room(0).propose(&Edit { add, ..Edit::default() }).unwrap();
    let (carol, vouched) = (stage.member(2), stage.everyone());
    let waiting = stage.room(1).open_commit(&commit.commit).unwrap();
    assert_eq!(waiting.newcomers.first(), Some(&carol));
    let missing = RoomError::Forbidden(Refusal::NoCertificate { member: carol });
    assert_eq!(stage.room(1).apply(&vouched[..2]).err(), Some(missing));
    assert_eq!(stage.room(1).open_commit(&commit.commit), Ok(waiting));
    assert_eq!(stage.room(1).seal(b"now?").err(), Some(RoomError::Staged));
    assert_eq!(stage.room(1).apply(&vouched).unwrap().members, commit.members);
    assert_eq!(stage.room(1).apply(&vouched).err(), Some(RoomError::NothingStaged));
}

#[test]
fn a_key_package_counts_only_for_the_terminal_that_made_it() {
    let (own, mut bianca, carol) = (Terminal::new(Ali, 1), Terminal::new(Bianca, 2), Terminal::new(Carol, 3));
    let package = bianca.packages.generate().unwrap();
    let verify =
        |vouched: VerifiedCredential, package: &[u8]| VerifiedKeyPackage::verify(&own.own, vouched, package).err();
    assert_eq!(verify(bianca.vouched(), &package), None);
    let other = Refusal::OtherCertificate { member: carol.member() };
    assert_eq!(verify(carol.vouched(), &package), Some(RoomError::Forbidden(other)));
    let long = [&package[..], &[0; common::limits::KEY_PACKAGE_MAX]].concat();
    assert_eq!(verify(bianca.vouched(), &long), Some(RoomError::Broken(Broken::Length)));
    let longest = [&package[..], &vec![0; common::limits::KEY_PACKAGE_MAX - package.len()]].concat();
    assert_eq!(verify(bianca.vouched(), &longest), Some(RoomError::Broken(Broken::Encoding)), "it is not too long");
    assert_eq!(verify(bianca.vouched(), &[&package[..], b"x"].concat()), Some(RoomError::Broken(Broken::Encoding)));
    for length in (0..package.len()).step_by(97) {
        assert_eq!(verify(bianca.vouched(), &package[..length]), Some(RoomError::Broken(Broken::Encoding)));
    }
    for position in (0..package.len()).step_by(41) {
        let mut altered = package.clone();
        altered[position] ^= 1;
        assert!(verify(bianca.vouched(), &altered).is_some(), "byte {position}");
    }
}
