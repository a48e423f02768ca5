//! What a listener on the wire, a thief of the disk and a reader of the logs get to see (threats L5, T5).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use common::crypto::identity::IdentityKey;
use common::ident::UserId;
use common::limits::{DIRECTORY_PORT, PEER_PORT};
use common::testkit::Example;
use common::testkit::login::{Account, Stretch};

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::proxy::Proxy;
use crate::harness::stage::identity;
use crate::harness::{Piped, Stage};

/// Long enough that chance does not make them.
const USERS: [&str; 2] = ["ali.canary-31415926", "bianca.canary-27182818"];
const PASSCODES: [&str; 2] = ["canary 4821930716", "canary 9071264835"];
const TEXTS: [&str; 2] = ["canary: the plans are under the third stone", "canary: I will come at twenty past nine"];

/// A user whose every word is a canary.
fn user(number: usize, key: Example) -> Account {
    Account {
        user: UserId::parse(USERS[number]).unwrap(),
        passcode: PASSCODES[number].to_owned(),
        stretch: Stretch::Full,
        identity: identity(key),
    }
}

/// The private parts of a key, in every form it could have been written in.
fn forms_of(key: &IdentityKey) -> Vec<Vec<u8>> {
    let der = key.to_pkcs1().expose();
    // Behind the public modulus; a piece from the middle of the secret primes.
    encoded(&der[der.len() * 2 / 3..][..48])
}

/// Bytes in every form they could have been written in.
fn encoded(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Whatever stands before it in the whole, base64 of a piece has one of three forms.
    for skip in 0..3 {
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&secret[skip..]);
        // The last characters depend on what stands behind.
        forms.push(encoded.as_bytes()[..encoded.len() - 4].to_vec());
    }
    forms
}

#[track_caller]
fn assert_absent(canaries: &[Vec<u8>], bytes: &[u8], place: &str) {
    for canary in canaries {
        let found = bytes.windows(canary.len()).any(|window| window == canary);
        assert!(!found, "{:?} is in {place}", String::from_utf8_lossy(canary));
    }
}

/// Looks for canaries in every file of the stage; gives the files.
#[track_caller]
fn assert_absent_on_disk(canaries: &[Vec<u8>], stage: &Stage) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(stage.folder(), &mut files);
    for file in &files {
        // Some come and go while the programs run.
        let bytes = std::fs::read(file).unwrap_or_default();
        assert_absent(canaries, &bytes, &file.display().to_string());
    }
    files
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

#[test]
fn wire_disk_and_logs_hold_no_names_texts_passcodes_or_keys() {
    let mut stage = Stage::with(Start { settings: &[("LOG__LEVEL", "debug")], ..Start::default() });
    let accounts = [user(0, Example::Ali), user(1, Example::Bianca)];
    accounts.iter().for_each(|account| stage.register(account));

    // Everything goes through middlemen. Bianca is known at the address of hers, so that calls to her go through one too.
    let [ali_seat, bianca_seat] = [stage.seat(), stage.seat()];
    let bianca_at = fresh();
    let to_directory = [ali_seat.ip, bianca_at]
        .map(|from| Proxy::start((fresh(), DIRECTORY_PORT).into(), from, stage.directory.address));
    let link = Proxy::start((bianca_at, PEER_PORT).into(), ali_seat.ip, bianca_seat.address());
    let mut seats = [ali_seat, bianca_seat]
        .into_iter()
        .zip(&to_directory)
        .zip(USERS)
        .map(|((seat, proxy), user)| seat.at_server(proxy.address()).with(&["--user", user]));
    let mut peers = [0, 1].map(|_| Piped::start(&seats.next().unwrap()));
    for (peer, passcode) in peers.iter_mut().zip(PASSCODES) {
        peer.enters(passcode);
        peer.shows("Logged in.\n");
        peer.asks("Enter destination user ID: ");
    }
    let [ali, bianca] = &mut peers;
    ali.enters(USERS[1]);
    ali.shows("Connection established, type your messages\n");
    for _ in 0..3 {
        ali.enters(TEXTS[0]);
        bianca.shows(TEXTS[0]);
        bianca.enters(TEXTS[1]);
        ali.shows(TEXTS[1]);
    }
    ali.ends_input();
    assert_eq!(ali.exit_code(), Some(0));
    bianca.shows("Connection ended\n");
    bianca.enters("logout");
    assert_eq!(bianca.exit_code(), Some(0));

    let secret: Vec<Vec<u8>> = PASSCODES
        .iter()
        .chain(&TEXTS)
        .map(|text| text.as_bytes().to_vec())
        .chain(accounts.iter().flat_map(|account| forms_of(&account.identity)))
        .collect();
    let named: Vec<Vec<u8>> = secret.iter().cloned().chain(USERS.map(|user| user.as_bytes().to_vec())).collect();
    for proxy in to_directory.iter().chain([&link]) {
        for bytes in [proxy.sent_by_client(), proxy.sent_by_server()] {
            assert!(bytes.len() > 1000, "nothing went through a middleman");
            assert_absent(&named, &bytes, "a capture of the wire");
        }
    }
    assert_absent(&secret, stage.directory.output().as_bytes(), "the directory's output and log");
    assert_absent(&secret, (ali.errors() + &bianca.errors()).as_bytes(), "the peers' errors");
    // While it runs, so that the write-ahead log is looked at too; and once more when it has ended.
    let files = assert_absent_on_disk(&secret, &stage);
    assert!(
        files.iter().any(|file| file.ends_with("directory.db")) && files.iter().any(|file| file.ends_with("state.db"))
    );
    stage.directory.kill();
    assert_absent_on_disk(&secret, &stage);
}

#[test]
fn mail_and_groups_leave_neither_texts_nor_names_of_groups_on_the_wire_and_on_any_disk() {
    let mut stage = Stage::with(Start { settings: &[("LOG__LEVEL", "debug")], ..Start::default() });
    let group = "canary-of-1618033988";
    [user(0, Example::Ali), user(1, Example::Bianca)].iter().for_each(|account| stage.register(account));
    let seats = [0, 1].map(|number| {
        let seat = stage.seat().with(&["--user", USERS[number]]);
        let proxy = Proxy::start((fresh(), DIRECTORY_PORT).into(), seat.ip, stage.directory.address);
        (seat.at_server(proxy.address()), proxy)
    });
    let logs_in = |number: usize| {
        let mut peer = Piped::start(&seats[number].0);
        peer.enters(PASSCODES[number]);
        peer.shows("Logged in.\n");
        peer
    };
    // Bianca has been there, so that mail reaches her.
    let mut bianca = logs_in(1);
    bianca.enters("logout");
    assert_eq!(bianca.exit_code(), Some(0));
    let mut ali = logs_in(0);
    ali.enters(&format!("/group create #{group}"));
    ali.shows(&format!("-- Group #{group} created"));
    ali.enters(&format!("send {} {}", USERS[1], TEXTS[0]));
    ali.shows("waits with the directory server");
    ali.enters(&format!("#{group} {}", TEXTS[1]));
    // Asked again until it is so: the mailbox is filled while the user goes on typing.
    let mut asked = 0;
    while !ali.output().contains("is kept by the directory server") {
        asked += 1;
        ali.enters(&format!("/why {}", USERS[1]));
        ali.shows_times("-- \"", asked);
    }
    let secret: Vec<Vec<u8>> = TEXTS
        .iter()
        .chain([&group])
        .flat_map(|text| [encoded(text.as_bytes()), vec![text.as_bytes().to_vec()]].concat())
        .collect();
    assert_absent_on_disk(&secret, &stage);

    let mut bianca = logs_in(1);
    bianca.shows(TEXTS[0]);
    bianca.enters(&format!("/group join #{group}"));
    ali.shows("asks to join");
    ali.enters(&format!("/group approve {} #{group}", USERS[1]));
    bianca.shows("-- You are now a member of");
    ali.enters(&format!("#{group} {}", TEXTS[1]));
    bianca.shows(TEXTS[1]);
    for peer in [&mut ali, &mut bianca] {
        peer.enters("logout");
        assert_eq!(peer.exit_code(), Some(0));
    }
    for (_, proxy) in &seats {
        for bytes in [proxy.sent_by_client(), proxy.sent_by_server()] {
            assert!(bytes.len() > 1000, "nothing went through a middleman");
            assert_absent(&secret, &bytes, "a capture of the wire");
        }
    }
    assert_absent(&secret, stage.directory.output().as_bytes(), "the directory's output and log");
    stage.directory.kill();
    assert_absent_on_disk(&secret, &stage);
}

#[test]
fn a_file_leaves_neither_its_name_nor_its_content_on_the_wire_and_on_any_disk_but_where_it_is_saved() {
    let mut stage = Stage::with(Start { settings: &[("LOG__LEVEL", "debug")], ..Start::default() });
    [user(0, Example::Ali), user(1, Example::Bianca)].iter().for_each(|account| stage.register(account));
    // Ali, who gives the file, is known at the address of a middleman.
    let [ali_seat, bianca_seat] = [stage.seat(), stage.seat()];
    let ali_at = fresh();
    let to_directory = [ali_at, bianca_seat.ip]
        .map(|from| Proxy::start((fresh(), DIRECTORY_PORT).into(), from, stage.directory.address));
    let link = Proxy::start((ali_at, PEER_PORT).into(), bianca_seat.ip, ali_seat.address());
    let seats = [ali_seat, bianca_seat].into_iter().zip(&to_directory).zip(USERS);
    let mut peers: Vec<Piped> = seats
        .map(|((seat, proxy), user)| Piped::start(&seat.at_server(proxy.address()).with(&["--user", user])))
        .collect();
    for (peer, passcode) in peers.iter_mut().zip(PASSCODES) {
        peer.enters(passcode);
        peer.shows("Logged in.\n");
    }
    let [ali, bianca] = &mut peers[..] else { panic!("two peers were started") };
    // Neither lies among the files of the programs.
    let elsewhere = tempfile::tempdir().unwrap();
    let (plans, saved) = (elsewhere.path().join("canary-1414213562.txt"), elsewhere.path().join("saved"));
    std::fs::write(&plans, TEXTS[0].repeat(5000)).unwrap();
    ali.enters(&format!("/file {} {}", USERS[1], plans.display()));
    bianca.shows("Accept? [y/N] ");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    let whole = |said: &str| said.lines().any(|line| line.contains("(215.0 kB, ") && line.ends_with("checked)."));
    bianca.until("the file", whole);
    ali.until("the file", whole);
    assert_eq!(std::fs::read_to_string(saved.join("canary-1414213562.txt")).unwrap(), TEXTS[0].repeat(5000));
    for peer in [ali, bianca] {
        peer.enters("logout");
        assert_eq!(peer.exit_code(), Some(0));
    }
    let secret: Vec<Vec<u8>> =
        [TEXTS[0], "canary-1414213562"].iter().flat_map(|text| encoded(text.as_bytes())).collect();
    for proxy in to_directory.iter().chain([&link]) {
        for bytes in [proxy.sent_by_client(), proxy.sent_by_server()] {
            assert!(bytes.len() > 1000, "nothing went through a middleman");
            assert_absent(&secret, &bytes, "a capture of the wire");
        }
    }
    assert!(link.sent_by_server().len() > 200_000, "the file went through the middleman");
    assert_absent(&secret, stage.directory.output().as_bytes(), "the directory's output and log");
    stage.directory.kill();
    assert_absent_on_disk(&secret, &stage);
}
