//! OPAQUE, vault and signatures together, without any network.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use common::crypto::opaque::{self, ClientLogin, ClientRegistration, Failure, ServerLogin, ServerSecret};
use common::crypto::transcript::Channel;
use common::crypto::{safety_number, terminal, vault};
use common::ident::{CredentialId, KeyDigest, TerminalId};
use common::secret::{Passcode, Secret};
use common::testkit::Example;

const DIRECTORY: KeyDigest = KeyDigest([1; 32]);

fn passcode(text: &str) -> Passcode {
    Passcode::new(text.into())
}

struct Account {
    secret: ServerSecret,
    credential: CredentialId,
    record: Vec<u8>,
    export_key: Secret,
}

fn register() -> Account {
    let user = Example::Ali.user().unwrap();
    let channel = Channel { user: &user, directory: &DIRECTORY, exporter: &[2; 32] };
    let secret = ServerSecret::generate();
    let credential = CredentialId::generate().unwrap();
    let (client, request) = ClientRegistration::start(passcode("482193")).unwrap();
    let response = opaque::register_start(&secret, &request, &credential).unwrap();
    let (upload, export_key) = client.finish(&response, channel).unwrap();
    Account { secret, credential, record: opaque::register_finish(&upload).unwrap(), export_key }
}

fn login(account: &Account, code: &str, client_exporter: [u8; 32]) -> Result<Secret, Failure> {
    let user = Example::Ali.user().unwrap();
    let ours = Channel { user: &user, directory: &DIRECTORY, exporter: &[3; 32] };
    let theirs = Channel { exporter: &client_exporter, ..ours };
    let (client, ke1) = ClientLogin::start(passcode(code))?;
    let (server, ke2) = ServerLogin::start(&account.secret, Some(&account.record), &account.credential, &ke1, ours)?;
    assert_eq!((ke1.len(), ke2.len()), (96, 320));
    let (ke3, export_key) = client.finish(&ke2, theirs)?;
    server.finish(&ke3, ours)?;
    Ok(export_key)
}

#[test]
fn the_right_passcode_gives_the_same_export_key_every_time() {
    let account = register();
    let secret = ServerSecret::from_bytes(account.secret.to_bytes().expose()).unwrap();
    let account = Account { secret, ..account };
    assert_eq!(login(&account, "482193", [3; 32]).unwrap().expose(), account.export_key.expose());
}

#[test]
fn a_wrong_passcode_and_a_foreign_connection_fail_alike() {
    let account = register();
    assert_eq!(login(&account, "482194", [3; 32]).unwrap_err(), Failure::WrongPasscode);
    assert_eq!(login(&account, "482193", [4; 32]).unwrap_err(), Failure::WrongPasscode);
}

#[test]
fn an_unknown_user_gets_an_answer_of_the_same_kind() {
    let user = Example::Carol.user().unwrap();
    let channel = Channel { user: &user, directory: &DIRECTORY, exporter: &[3; 32] };
    let secret = ServerSecret::generate();
    let credential = secret.fake_credential(&user);
    assert_eq!(credential, secret.fake_credential(&user));
    let (client, ke1) = ClientLogin::start(passcode("482193")).unwrap();
    let (server, ke2) = ServerLogin::start(&secret, None, &credential, &ke1, channel).unwrap();
    assert_eq!(ke2.len(), 320);
    assert_eq!(client.finish(&ke2, channel).unwrap_err(), Failure::WrongPasscode);
    assert_eq!(server.finish(&[0; opaque::KE3_LENGTH], channel), Err(Failure::WrongPasscode));
}

#[test]
fn a_vault_opens_only_for_its_passcode_user_version_and_key() {
    let user = Example::Ali.user().unwrap();
    let identity = Example::Ali.identity().unwrap();
    let digest = identity.public().digest();
    let key = Secret::new(vec![9; 64]);
    let sealed = vault::seal(&key, &user, 3, &identity).unwrap();
    let opened = vault::open(&key, &user, Some(&digest), 3, &sealed).unwrap();
    assert_eq!((opened.version, opened.identity.public().digest()), (3, digest));
    assert!(vault::open(&key, &user, None, 0, &sealed).is_ok());

    let fails =
        |key: &Secret, user, expected, seen, vault: &[u8]| vault::open(key, user, expected, seen, vault).unwrap_err();
    let bianca = Example::Bianca.user().unwrap();
    assert_eq!(fails(&Secret::new(vec![8; 64]), &user, None, 0, &sealed), vault::Broken::Sealed);
    assert_eq!(fails(&key, &bianca, None, 0, &sealed), vault::Broken::Sealed);
    assert_eq!(fails(&key, &user, None, 4, &sealed), vault::Broken::Older);
    assert_eq!(fails(&key, &user, Some(&KeyDigest([0; 32])), 0, &sealed), vault::Broken::Content);
    for length in 0..sealed.len() {
        vault::open(&key, &user, None, 0, &sealed[..length]).unwrap_err();
    }
    for byte in (0..sealed.len()).step_by(7) {
        let mut altered = sealed.clone();
        altered[byte] ^= 1;
        vault::open(&key, &user, None, 0, &altered).unwrap_err();
    }
}

#[test]
fn a_terminal_is_certified_for_one_user_and_key() {
    let (ali, bianca) = (Example::Ali.user().unwrap(), Example::Bianca.user().unwrap());
    let identity = Example::Ali.identity().unwrap();
    let terminal_identity = terminal::TerminalIdentity::generate(TerminalId([5; 16])).unwrap();
    let certificate = terminal_identity.certify(&ali, &identity, 1_700_000_000).unwrap();
    terminal::verify(&certificate, &ali, identity.public()).unwrap();
    terminal::verify(&certificate, &bianca, identity.public()).unwrap_err();
    terminal::verify(&certificate, &ali, Example::Bianca.identity().unwrap().public()).unwrap_err();
    let mut other = certificate.clone();
    other.terminal = TerminalId([6; 16]);
    terminal::verify(&other, &ali, identity.public()).unwrap_err();
    let again = terminal::TerminalIdentity::from_seed(TerminalId([5; 16]), terminal_identity.seed()).unwrap();
    assert_eq!(again.key(), certificate.key);
}

#[test]
fn both_sides_see_the_same_safety_number() {
    let (ali, bianca) = (Example::Ali.user().unwrap(), Example::Bianca.user().unwrap());
    let (one, two, three) =
        (Example::Ali.identity().unwrap(), Example::Bianca.identity().unwrap(), Example::Carol.identity().unwrap());
    let number = safety_number::of((&ali, one.public()), (&bianca, two.public()));
    assert_eq!(number, safety_number::of((&bianca, two.public()), (&ali, one.public())));
    assert_ne!(number, safety_number::of((&ali, one.public()), (&bianca, three.public())));
    let groups: Vec<&str> = number.split(' ').collect();
    assert_eq!(groups.len(), 12);
    assert!(groups.iter().all(|group| group.len() == 5 && group.bytes().all(|b| b.is_ascii_digit())));
}
