//! The committed vectors: that they are what the generator makes, and that the library agrees with every one.
//!
//! After a deliberate change of the protocol: `cargo test -p common --test vectors -- --ignored`, then look at the
//! difference.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "support/samples.rs"]
mod samples;
#[path = "support/vectors.rs"]
mod vectors;

use std::path::PathBuf;

use common::crypto::directory_key::DirectoryKey;
use common::crypto::identity::{IdentityKey, PublicKey};
use common::crypto::invite::{Invite, InviteCode};
use common::crypto::preface::{Guard, Rejected};
use common::crypto::record::{self, Issuer};
use common::crypto::terminal::{self, TerminalIdentity};
use common::crypto::transcript::{self, Channel};
use common::crypto::{commit, safety_number, store_key, successor, vault};
use common::frame::{Decoder, Padding, encode};
use common::ident::{Challenge, ContentDigest, GroupHandle, GroupName, KeyDigest, MeetingToken, UserId};
use common::limits::PADDED_SIZES;
use common::msg::{
    Blob, Body, Certificate, CommitReq, Envelope, FromDirectory, Letter, Malformed, Member, Message, OwnSuccessor,
    PeerMessage, Record, RegisterUpload, RequestNumber, ToDirectory, Unreadable,
};
use common::relay;
use common::secret::Secret;
use common::testkit::Example;
use serde_json::Value;

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", file].iter().collect()
}

fn read(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path(file)).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn digest(value: &Value) -> KeyDigest {
    text(value).parse().unwrap()
}

fn list(value: &Value) -> &[Value] {
    let items = value.as_array().unwrap();
    assert!(!items.is_empty());
    items
}

#[test]
#[ignore = "writes the vectors"]
fn write_vectors() {
    for (file, content) in vectors::generate() {
        std::fs::write(path(file), serde_json::to_string_pretty(&content).unwrap() + "\n").unwrap();
    }
}

#[test]
fn the_committed_vectors_are_what_the_generator_makes() {
    for (file, content) in vectors::generate() {
        assert!(read(file) == content, "{file} differs from what the generator makes");
    }
}

#[test]
fn frames_are_cut_and_made_as_the_vectors_say() {
    let vectors = read("frames.json");
    for vector in list(&vectors["good"]) {
        let limit = usize::try_from(vector["limit"].as_u64().unwrap()).unwrap();
        let (payload, frame) = (bytes(&vector["payload"]), bytes(&vector["frame"]));
        let padding = if vector["padded"] == true { Padding::Ladder } else { Padding::None };
        assert_eq!(encode(&payload, padding, limit).unwrap(), frame, "{}", vector["name"]);
        let decoded = Decoder::new(limit).feed(&mut &frame[..]).unwrap().unwrap();
        assert!(decoded.starts_with(&payload));
        assert!(decoded[payload.len()..].iter().all(|byte| *byte == b' '));
    }
    for vector in list(&vectors["bad"]) {
        let limit = usize::try_from(vector["limit"].as_u64().unwrap()).unwrap();
        Decoder::new(limit).feed(&mut &bytes(&vector["frame"])[..]).unwrap_err();
    }
}

fn round_trip<M: Message>(payload: &[u8]) -> Result<(Vec<u8>, &'static str), Malformed> {
    M::decode(payload).map(|message| (message.encode(), message.msgtype()))
}

fn decode(direction: &str, payload: &[u8]) -> Result<(Vec<u8>, &'static str), Malformed> {
    match direction {
        "to directory" => round_trip::<ToDirectory>(payload),
        "from directory" => round_trip::<FromDirectory>(payload),
        _ => round_trip::<PeerMessage>(payload),
    }
}

fn word(error: &Malformed) -> &'static str {
    match error {
        Malformed::NotAMessage => "not a message",
        Malformed::UnknownType => "unknown type",
        Malformed::BadFields { .. } => "bad fields",
        Malformed::BadRequest => "bad request",
    }
}

#[test]
fn messages_mean_what_the_vectors_say() {
    let vectors = read("messages.json");
    for vector in list(&vectors["good"]) {
        let payload = text(&vector["payload"]).as_bytes();
        let (encoded, msgtype) = decode(text(&vector["direction"]), payload).unwrap();
        assert_eq!((encoded.as_slice(), msgtype), (payload, text(&vector["msgtype"])));
        let padded = [payload, b"   "].concat();
        assert_eq!(decode(text(&vector["direction"]), &padded).unwrap().0, payload);
    }
    for vector in list(&vectors["null"]) {
        let (encoded, _) = decode(text(&vector["direction"]), text(&vector["payload"]).as_bytes()).unwrap();
        assert_eq!(encoded, text(&vector["means"]).as_bytes());
    }
    for vector in list(&vectors["bad"]) {
        let error = decode(text(&vector["direction"]), text(&vector["payload"]).as_bytes()).unwrap_err();
        assert_eq!(word(&error), text(&vector["error"]), "{vector}");
    }
}

fn numbered<M: Message>(payload: &[u8]) -> Result<(Vec<u8>, Option<u64>), Unreadable> {
    let envelope = Envelope::<M>::decode(payload)?;
    Ok((envelope.encode(), envelope.request.map(RequestNumber::value)))
}

fn decode_numbered(direction: &str, payload: &[u8]) -> Result<(Vec<u8>, Option<u64>), Unreadable> {
    match direction {
        "to directory" => numbered::<ToDirectory>(payload),
        _ => numbered::<FromDirectory>(payload),
    }
}

#[test]
fn requests_have_the_numbers_of_the_vectors() {
    let vectors = read("requests.json");
    for vector in list(&vectors["good"]) {
        let payload = text(&vector["payload"]).as_bytes();
        let decoded = decode_numbered(text(&vector["direction"]), payload).unwrap();
        assert_eq!(decoded, (payload.to_vec(), vector["request"].as_u64()));
        // A version that knows no numbers reads the same message.
        assert_eq!(decode(text(&vector["direction"]), payload).unwrap().1, text(&vector["msgtype"]));
    }
    for vector in list(&vectors["bad"]) {
        let unreadable = decode_numbered(text(&vector["direction"]), text(&vector["payload"]).as_bytes()).unwrap_err();
        assert_eq!(unreadable.request.map(RequestNumber::value), vector["request"].as_u64(), "{vector}");
        assert_eq!(word(&unreadable.why), text(&vector["error"]), "{vector}");
    }
}

#[test]
fn every_message_without_a_number_is_an_envelope_without_one() {
    for vector in list(&read("messages.json")["good"]).iter().filter(|vector| vector["direction"] != "peer") {
        let payload = text(&vector["payload"]).as_bytes();
        assert_eq!(decode_numbered(text(&vector["direction"]), payload).unwrap(), (payload.to_vec(), None));
    }
}

#[test]
fn every_msgtype_has_a_vector() {
    let vectors = read("messages.json");
    for (direction, types) in
        [("to directory", ToDirectory::TYPES), ("from directory", FromDirectory::TYPES), ("peer", PeerMessage::TYPES)]
    {
        for msgtype in types {
            let mut all = list(&vectors["good"]).iter();
            assert!(all.any(|v| v["direction"] == direction && v["msgtype"] == *msgtype), "{direction} {msgtype}");
        }
    }
}

#[test]
fn keys_have_the_digests_of_the_vectors() {
    let vectors = read("keys.json");
    for vector in list(&vectors["identity"]) {
        let key = PublicKey::from_pkcs1(&bytes(&vector["pkcs1"])).unwrap();
        assert_eq!(PublicKey::from_spki(&bytes(&vector["spki"])).unwrap(), key);
        assert_eq!(key.digest(), digest(&vector["digest"]));
    }
    let directory = KeyDigest::of(&bytes(&vectors["directory"]["spki"]));
    assert_eq!(directory, digest(&vectors["directory"]["digest"]));
    assert_eq!(directory.short(), text(&vectors["directory"]["short"]));
}

#[test]
fn headers_of_legs_show_tokens_as_the_vectors_say() {
    let vector = read("relay.json");
    let header = |value: &Value| *bytes(value).first_chunk().unwrap();
    let token: MeetingToken = text(&vector["token"]).parse().unwrap();
    assert_eq!(relay::header(&token), header(&vector["header"]));
    assert_eq!(relay::token(&header(&vector["header"])), Some(token));
    assert!(list(&vector["bad"]).iter().all(|bad| relay::token(&header(bad)).is_none()));
}

#[test]
fn prefaces_are_judged_as_the_vectors_say() {
    let vector = read("preface.json");
    let (callee, preface) = (digest(&vector["callee_key"]), bytes(&vector["preface"]));
    let preface = preface.first_chunk().unwrap();
    for judged in list(&vector["alone"]) {
        let source = common::network::Source::of([127, 0, 0, 2].into());
        let verdict = Guard::new().admit(&callee, judged["now"].as_u64().unwrap(), source, preface);
        let expected = if judged["verdict"] == "admitted" { Ok(()) } else { Err(Rejected::OutOfDate) };
        assert_eq!(verdict, expected, "{judged}");
    }
}

#[test]
fn transcripts_are_the_bytes_of_the_vectors() {
    let vector = read("transcripts.json");
    let user = UserId::parse(text(&vector["user"])).unwrap();
    let directory = digest(&vector["directory"]);
    let exporter = <[u8; 32]>::try_from(bytes(&vector["exporter"])).unwrap();
    let channel = Channel { user: &user, directory: &directory, exporter: &exporter };
    let challenge: Challenge = text(&vector["challenge"]).parse().unwrap();
    let upload: RegisterUpload = serde_json::from_value(vector["upload"].clone()).unwrap();
    let certificate: Certificate = serde_json::from_value(vector["certificate"].clone()).unwrap();
    let port = u16::try_from(vector["port"].as_u64().unwrap()).unwrap();
    let terminal = transcript::terminal(&user, &certificate.terminal, &certificate.key, certificate.issued);
    let (id, date) = (text(&vector["message"]).parse().unwrap(), vector["date"].as_u64().unwrap());
    let broadcast =
        transcript::broadcast(&user, &certificate.terminal, channel.directory, &id, date, text(&vector["text"]));
    let request: CommitReq = serde_json::from_value(vector["request"].clone()).unwrap();
    let digests = commit::digests(&request, &bytes(&vector["commit_bytes"]), &bytes(&vector["welcome_bytes"]));
    let author = Member { userid: user.clone(), terminal: certificate.terminal };
    let carried: Vec<ContentDigest> = serde_json::from_value(vector["carried"].clone()).unwrap();
    for (name, transcript) in [
        ("registration", transcript::registration(channel, &challenge, &upload)),
        ("login", transcript::login(channel, &challenge, port, &certificate)),
        ("terminal", terminal),
        ("broadcast", broadcast),
        ("commit", transcript::commit(&author, &directory, &request.room, request.epoch, &digests)),
        ("members", transcript::members(&request.members)),
        ("entry", transcript::entry(request.group.as_ref().unwrap())),
        ("again", transcript::members(&request.again)),
        (
            "successor",
            transcript::successor(&user, &directory, (&digest(&vector["former"]), &digest(&vector["key"])), &carried),
        ),
    ] {
        assert_eq!(hex::encode(transcript.as_bytes()), text(&vector[name]), "{name}");
    }
}

#[test]
fn the_terminal_certificate_of_the_vector_verifies_and_no_altered_one_does() {
    let vector = read("terminal.json");
    let user = UserId::parse(text(&vector["user"])).unwrap();
    let key = PublicKey::from_pkcs1(&bytes(&vector["publickey"])).unwrap();
    let certificate: Certificate = serde_json::from_value(vector["certificate"].clone()).unwrap();
    terminal::verify(&certificate, &user, &key).unwrap();
    let ours = TerminalIdentity::from_seed(certificate.terminal, &Secret::new(bytes(&vector["seed"]))).unwrap();
    assert_eq!(ours.key(), certificate.key);
    for byte in 0..certificate.signature.0.len() {
        let mut altered = certificate.clone();
        altered.signature.0[byte] ^= 1;
        terminal::verify(&altered, &user, &key).unwrap_err();
        altered.signature.0.truncate(byte);
        terminal::verify(&altered, &user, &key).unwrap_err();
    }
    terminal::verify(&Certificate { issued: certificate.issued + 1, ..certificate }, &user, &key).unwrap_err();
}

#[test]
fn the_vault_of_the_vector_opens() {
    let vector = read("vault.json");
    let user = UserId::parse(text(&vector["user"])).unwrap();
    let vault: Blob = serde_json::from_value(vector["vault"].clone()).unwrap();
    let key = Secret::new(bytes(&vector["export_key"]));
    let version = vector["version"].as_u64().unwrap();
    let opened = vault::open(&key, &user, Some(&digest(&vector["key_digest"])), version, &vault.0).unwrap();
    assert_eq!(opened.version, version);
    assert_eq!(opened.identity.to_pkcs1().expose(), bytes(&vector["content"]));
    assert_eq!(vault::open(&key, &user, None, version + 1, &vault.0).unwrap_err(), vault::Broken::Older);
    for version in [0, 1 << 63, u64::MAX] {
        let mut other = vault.0.clone();
        other[..8].copy_from_slice(&version.to_be_bytes());
        assert_eq!(vault::open(&key, &user, None, 0, &other).unwrap_err(), vault::Broken::Version);
        assert_eq!(vault::version(&other), None);
    }
    let bytes = vault.0.iter().enumerate();
    for (at, _) in bytes {
        let mut altered = vault.0.clone();
        altered[at] ^= 0x80;
        vault::open(&key, &user, None, 0, &altered).unwrap_err();
    }
}

#[test]
fn the_record_of_the_vector_verifies_and_no_altered_one_does() {
    let vector = read("record.json");
    let (directory, told): (_, Record) =
        (digest(&vector["directory"]), serde_json::from_value(vector["record"].clone()).unwrap());
    assert_eq!(hex::encode(transcript::record(&told, &directory).as_bytes()), text(&vector["transcript"]));
    record::verify(&told, &directory).unwrap();
    let key = DirectoryKey::from_pkcs8(&Secret::new(bytes(&vector["directory_private"]))).unwrap();
    assert_eq!((key.digest(), key.as_spki()), (directory, &told.directory.0[..]));
    record::verify(&Issuer::new(&key).unwrap().sign(told.clone()).unwrap(), &directory).unwrap();
    for byte in 0..told.signature.0.len() {
        let mut altered = told.clone();
        altered.signature.0[byte] ^= 1;
        record::verify(&altered, &directory).unwrap_err();
        altered.signature.0.truncate(byte);
        record::verify(&altered, &directory).unwrap_err();
    }
    record::verify(&Record { until: told.until + 1, ..told }, &directory).unwrap_err();
}

#[test]
fn the_successor_of_the_vector_verifies_and_hands_the_former_secret_on() {
    let vector = read("successor.json");
    let (user, directory) = (UserId::parse(text(&vector["user"])).unwrap(), digest(&vector["directory"]));
    let OwnSuccessor { successor, store } = serde_json::from_value(vector["own"].clone()).unwrap();
    let identity = |name: &str| IdentityKey::from_pkcs1(&Secret::new(bytes(&vector[name]))).unwrap();
    let (old, new) = (identity("former_private"), identity("private"));
    let verified = successor::verify(&successor, &user, &directory).unwrap();
    let (old_key, new_key) = (old.public().digest(), verified.key.digest());
    assert_eq!((verified.former, &verified.key), (old_key, new.public()));
    let certificate: Certificate = serde_json::from_value(vector["certificate"].clone()).unwrap();
    assert_eq!(verified.certificates, [terminal::fingerprint(&user, &certificate)]);
    let handover = store_key::Handover { user: &user, old: &old_key, new: &new_key };
    let former = store_key::handed_on(handover, &store_key::secret_of(&new), &store.0).unwrap();
    assert_eq!(former.expose(), bytes(&vector["former_secret"]));
    assert_eq!(former.expose(), store_key::secret_of(&old).expose());
    for byte in 0..successor.signature.0.len() {
        let mut altered = successor.clone();
        altered.signature.0[byte] ^= 1;
        successor::verify(&altered, &user, &directory).unwrap_err();
        let mut altered = successor.clone();
        altered.former_signature.0[byte] ^= 1;
        successor::verify(&altered, &user, &directory).unwrap_err();
    }
}

#[test]
fn safety_numbers_are_those_of_the_vectors() {
    let example = |id: &Value| match text(id) {
        "ali" => Example::Ali,
        "bianca" => Example::Bianca,
        _ => Example::Carol,
    };
    for vector in list(&read("safety.json")) {
        let side = |index: usize| {
            let example = example(&vector["users"][index]);
            (example.user().unwrap(), example.identity().unwrap())
        };
        let ((one, one_key), (other, other_key)): ((_, IdentityKey), (_, IdentityKey)) = (side(0), side(1));
        let number = safety_number::of((&other, other_key.public()), (&one, one_key.public()));
        assert_eq!(number, text(&vector["number"]));
    }
}

#[test]
fn invitations_read_and_prove_as_the_vectors_say() {
    let vector = read("invite.json");
    let code = InviteCode::parse(text(&vector["code"])).unwrap();
    assert_eq!(code.to_bytes().to_vec(), bytes(&vector["secret"]));
    assert_eq!(code.to_text(), text(&vector["code"]));
    let user = UserId::parse(text(&vector["user"])).unwrap();
    let directory = digest(&vector["directory"]);
    let exporter = <[u8; 32]>::try_from(bytes(&vector["exporter"])).unwrap();
    let channel = Channel { user: &user, directory: &directory, exporter: &exporter };
    assert_eq!(code.directory_proof(channel).to_string(), text(&vector["directory_proof"]));
    assert_eq!(code.peer_proof(channel).to_string(), text(&vector["peer_proof"]));
    for line in list(&vector["lines"]) {
        let invite = Invite::parse(text(&line["line"])).unwrap();
        assert_eq!((invite.user, invite.server.as_str()), (user.clone(), text(&line["server"])));
        assert_eq!(invite.code, code);
    }
    for line in list(&vector["not_lines"]) {
        Invite::parse(text(line)).unwrap_err();
    }
}

#[test]
fn letters_read_and_groups_are_found_as_the_vectors_say() {
    let vector = read("letters.json");
    let group = GroupName::parse(text(&vector["group"])).unwrap();
    assert_eq!(GroupHandle::of(&group, &digest(&vector["directory"])).to_string(), text(&vector["handle"]));
    for letter in list(&vector["good"]) {
        let bytes = text(letter).as_bytes();
        assert_eq!(Letter::decode(bytes).unwrap().encode(), bytes);
        assert!(PADDED_SIZES.contains(&bytes.len()));
    }
    for letter in list(&vector["bad"]) {
        Letter::decode(text(letter).as_bytes()).unwrap_err();
    }
    let unknown = format!(r#"{{"id":"{}","date":1,"kind":"dance","steps":3}}"#, "ab".repeat(16));
    assert_eq!(Letter::decode(unknown.as_bytes()).unwrap().body, Body::Unknown);
}
