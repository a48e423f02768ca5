//! What is kept of a user, and who can read it.

use super::*;
use common::msg::Hex;
use common::testkit::Example;
use peer_core::contacts::Contact;
use peer_core::persistence::Write;

#[test]
fn what_was_kept_is_there_after_a_restart_and_nobody_else_gets_in_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ali");
    let identity = Example::Ali.identity().unwrap();
    let contact = Contact {
        user: Example::Bianca.user().unwrap(),
        key: Some(Hex(vec![1, 2, 3])),
        since: 7,
        verified: true,
        blocked: false,
        chosen: true,
        formers: Vec::new(),
        held: None,
    };
    let vault = KnownVault { sealed: vec![1; 40], version: 3, key: KeyDigest([4; 32]) };

    let mut state = State::open(&folder).unwrap();
    assert!(matches!(State::open(&folder), Err(StoreError::InUse { pid: Some(pid) }) if pid == std::process::id()));
    let terminal = state.terminal().unwrap();
    state.set_cookie(&Cookie([5; 32])).unwrap();
    state.set_vault(&vault).unwrap();
    assert!(state.save_contact(&contact).is_err(), "sealed rows need the key");
    state.unlock(&identity).unwrap();
    state.save_contact(&contact).unwrap();
    let user = Example::Ali.user().unwrap();
    let certificate = state.certificate(&user, &identity, 8).unwrap();
    drop(state);

    let mut state = State::open(&folder).unwrap();
    assert_eq!(state.terminal().unwrap(), terminal);
    assert_eq!(state.cookie().unwrap(), Some(Cookie([5; 32])));
    assert_eq!(state.vault().unwrap(), Some(vault));
    state.unlock(&identity).unwrap();
    assert_eq!(state.contacts().unwrap(), std::slice::from_ref(&contact));
    let blocked = Contact { blocked: true, ..contact };
    state.persist(&[Write::Contact(blocked.clone())]).unwrap();
    assert_eq!(state.contacts().unwrap(), [blocked]);
    assert_eq!(state.certificate(&user, &identity, 9).unwrap(), certificate);
}

#[test]
fn a_new_key_makes_a_fresh_start_of_what_the_old_one_had_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = State::open(&folder.path().join("ali")).unwrap();
    let user = Example::Ali.user().unwrap();
    let vault = |version, key| KnownVault { sealed: vec![1; 40], version, key: KeyDigest([key; 32]) };
    state.set_vault(&vault(1, 1)).unwrap();
    let (old, new) = (Example::Ali.identity().unwrap(), Example::Bianca.identity().unwrap());
    state.unlock(&old).unwrap();
    let before = state.certificate(&user, &old, 1).unwrap();
    state.set_cookie(&Cookie([5; 32])).unwrap();
    assert_eq!(state.set_vault(&vault(2, 1)).unwrap(), None);
    assert_eq!(state.certificate(&user, &old, 2).unwrap(), before, "the same key keeps everything");

    assert_eq!(state.under_former_key().unwrap(), Some(0));
    assert_eq!(state.set_vault(&vault(1, 2)).unwrap(), Some(0), "no messages, but all the rest");
    state.unlock(&new).unwrap();
    assert_eq!(state.contacts().unwrap(), []);
    let after = state.certificate(&user, &new, 3).unwrap();
    assert_ne!(after.terminal, before.terminal, "others seal to the old one what nobody here can open");
    assert_eq!(state.cookie().unwrap(), None);
}

#[test]
fn a_store_of_the_version_before_is_read_on_and_has_a_key_of_its_own_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ali");
    let (user, identity) = (Example::Ali.user().unwrap(), Example::Ali.identity().unwrap());
    let mut state = State::open(&folder).unwrap();
    state.seal = Some(Seal::new(&store_key::secret_of(&identity)).unwrap());
    let before = state.certificate(&user, &identity, 1).unwrap();
    drop(state);
    for _ in 0..2 {
        let mut state = State::open(&folder).unwrap();
        state.unlock(&identity).unwrap();
        assert_eq!(state.certificate(&user, &identity, 2).unwrap(), before);
        let wrapped = state.plain(STORE_KEY).unwrap().unwrap();
        let secret = store_key::secret_of(&identity);
        assert_eq!(store_key::unwrap(&secret, &wrapped).unwrap().expose(), secret.expose());
    }
}

#[test]
fn a_key_in_the_place_of_a_former_one_loses_nothing_and_certifies_the_terminal_anew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ali");
    let user = Example::Ali.user().unwrap();
    let (old, new) = (Example::Ali.identity().unwrap(), Example::Bianca.identity().unwrap());
    let vault = |version, key: &IdentityKey| KnownVault { sealed: vec![1; 40], version, key: key.public().digest() };
    let mut state = State::open(&folder).unwrap();
    state.set_vault(&vault(1, &old)).unwrap();
    state.set_cookie(&Cookie([5; 32])).unwrap();
    state.unlock(&old).unwrap();
    let before = state.certificate(&user, &old, 1).unwrap();
    drop(state);

    let mut state = State::open(&folder).unwrap();
    let wrong = store_key::secret_of(&Example::Carol.identity().unwrap());
    state.take_over(&wrong, &new, &vault(2, &new)).unwrap_err();
    state.unlock(&old).unwrap();
    state.take_over(&store_key::secret_of(&old), &new, &vault(2, &new)).unwrap();
    drop(state);

    let mut state = State::open(&folder).unwrap();
    state.unlock(&old).unwrap_err();
    state.unlock(&new).unwrap();
    assert_eq!((state.vault().unwrap(), state.cookie().unwrap()), (Some(vault(2, &new)), Some(Cookie([5; 32]))));
    let after = state.certificate(&user, &new, 2).unwrap();
    assert_eq!((after.terminal, after.key), (before.terminal, before.key));
    assert!(common::crypto::terminal::verify(&after, &user, new.public()).is_ok());
}

#[test]
fn a_new_store_has_a_random_key_that_one_identity_key_opens() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Example::Ali.identity().unwrap();
    let key = |name: &str| {
        let folder = folder.path().join(name);
        let mut state = State::open(&folder).unwrap();
        state.unlock(&identity).unwrap();
        state.unlock(&Example::Bianca.identity().unwrap()).unwrap_err();
        let wrapped = state.plain(STORE_KEY).unwrap().unwrap();
        store_key::unwrap(&store_key::secret_of(&identity), &wrapped).unwrap().expose().to_vec()
    };
    assert_ne!(key("here"), key("there"));
}

#[test]
fn a_stolen_file_does_not_tell_whom_its_owner_knows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ali");
    let mut state = State::open(&folder).unwrap();
    state.unlock(&Example::Ali.identity().unwrap()).unwrap();
    let contact = Contact {
        user: Example::Bianca.user().unwrap(),
        key: Some(Hex(vec![0xca, 0xfe, 0xba, 0xbe])),
        since: 7,
        verified: false,
        blocked: false,
        chosen: true,
        formers: Vec::new(),
        held: None,
    };
    state.save_contact(&contact).unwrap();
    drop(state);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("bianca") && !text.contains("cafebabe"));
    }
}
