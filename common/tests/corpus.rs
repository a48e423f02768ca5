//! The committed fuzz corpus, run through the same bodies as the fuzzer runs (`scripts/fuzz`).
//!
//! The files named after vectors are written by `cargo test -p common --test corpus -- --ignored`; the others were found
//! by the fuzzer and stay.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::PathBuf;

use common::ident::{MeetingToken, TerminalId};
use common::msg::{
    AuthProof, AuthReq, Blob, ConnectReq, Features, Hello, Hex, LookupReq, Message as _, PeerMessage, RegisterReq,
    RegisterUpload, ToDirectory,
};
use common::testkit::{Example, fuzz};
use serde_json::Value;

fn corpus(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus", target].iter().collect()
}

#[test]
fn frames_of_the_corpus_hold() {
    assert!(fuzz::replay("frame", fuzz::frame).unwrap() > 0);
}

#[test]
fn messages_of_the_corpus_hold() {
    assert!(fuzz::replay("message", fuzz::message).unwrap() > 0);
}

#[test]
fn records_of_the_corpus_hold() {
    assert!(fuzz::replay("record", fuzz::record).unwrap() > 0);
}

#[test]
fn relay_headers_of_the_corpus_hold() {
    assert!(fuzz::replay("relay_header", fuzz::relay_header).unwrap() > 0);
}

#[test]
fn prefaces_of_the_corpus_hold() {
    assert!(fuzz::replay("preface", fuzz::preface).unwrap() > 0);
}

fn vectors(file: &str, name: &str) -> Vec<Value> {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", file].iter().collect::<PathBuf>();
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all[name].as_array().unwrap().clone()
}

/// Who may register, then payloads a second apart with 2-byte lengths: the form of
/// `directory_server::testkit::fuzz_connection`.
fn script(mode: u8, payloads: &[&str]) -> Vec<u8> {
    let steps = payloads.iter().flat_map(|payload| [&[1][..], &pieces(&[payload])].concat());
    std::iter::once(mode).chain(steps).collect()
}

/// Registration and login with OPAQUE messages that are valid, those of RFC 9807, as far as a recording can go.
fn furthest() -> Vec<String> {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "rfc9807.json"].iter().collect::<PathBuf>();
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let blob = |name: &str| Blob(hex::decode(vectors[0][name].as_str().unwrap()).unwrap());
    let (userid, terminal) = (Example::Ali.user().unwrap(), TerminalId([1; 16]));
    let identity = Example::Ali.identity().unwrap();
    let messages: [ToDirectory; 6] = [
        Hello { userid: userid.clone() }.into(),
        RegisterReq { userid: userid.clone(), passcode: blob("registration_request"), invite: None }.into(),
        RegisterUpload {
            passcode: blob("registration_upload"),
            publickey: Hex(identity.public().as_pkcs1().to_vec()),
            signature: Blob(vec![1; 256]),
            vault: Blob(vec![2; 64]),
        }
        .into(),
        AuthReq { userid: userid.clone(), passcode: blob("KE1"), terminal, cookie: None, previous: false }.into(),
        AuthProof { passcode: blob("KE3") }.into(),
        LookupReq { userid: userid.clone(), lookup: userid }.into(),
    ];
    messages.iter().map(|message| String::from_utf8(message.encode()).unwrap()).collect()
}

/// Payloads with 2-byte lengths, the form of `peer::testkit::fuzz_link`.
fn pieces(payloads: &[&str]) -> Vec<u8> {
    let piece = |payload: &&str| [&u16::try_from(payload.len()).unwrap().to_be_bytes(), payload.as_bytes()].concat();
    payloads.iter().flat_map(piece).collect()
}

fn write(target: &str, files: impl IntoIterator<Item = Vec<u8>>) {
    write_named(target, "vector", files);
}

/// What came to the vectors later has a name of its own, so that the files from before stay what they are.
fn write_named(target: &str, name: &str, files: impl IntoIterator<Item = Vec<u8>>) {
    std::fs::create_dir_all(corpus(target)).unwrap();
    for (number, content) in files.into_iter().enumerate() {
        std::fs::write(corpus(target).join(format!("{name}-{number:02}")), content).unwrap();
    }
}

#[test]
#[ignore = "writes the corpus"]
fn write_corpus() {
    let messages = [vectors("messages.json", "good"), vectors("messages.json", "bad")].concat();
    let with =
        |vector: &Value, texts: &[&str]| texts.iter().any(|text| vector["payload"].as_str().unwrap().contains(text));
    let (records, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &["\"record\"", "\"RECORD\"", "\"records\""]));
    let (later, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &["\"features\""]));
    let addresses = ["SEENRE", "\"addresses\"]", "\"local\":"];
    let (addresses, later): (Vec<Value>, Vec<Value>) = later.into_iter().partition(|vector| with(vector, &addresses));
    let (seen, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &["SEENRE", "\"local\":"]));
    let addresses = [addresses, seen].concat();
    let authority = ["\"replaces\":", "\"leave\":", "\"signed\":", "COMMITREPLY\",\"status\":\"REFUSED", "\"moved\""];
    let (authority, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &authority));
    let withdrawn = ["\"anew\":", "\"generation\":", "WITHDRAWN", "EPOCHSRE"];
    let (withdrawn, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &withdrawn));
    let (punch, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &["\"how\":\"punch\"", "\"in\":200", "\"no_way\""]));
    let (relay_files, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &["\"how\":\"file\""]));
    let relay = ["MEET", "\"terminals\":[{\"terminal\""];
    let (relay, messages): (Vec<Value>, Vec<Value>) = messages.into_iter().partition(|vector| with(vector, &relay));
    let successions = ["\"KEY", "FORMERRE", "SUCCESSORSRE"];
    let (successions, messages): (Vec<Value>, Vec<Value>) =
        messages.into_iter().partition(|vector| with(vector, &successions) && !with(vector, &["KEYPACKAGE"]));
    let payload = |vector: &Value| vector["payload"].as_str().unwrap().to_owned();
    let of = |direction: &str| -> Vec<String> {
        messages.iter().filter(|vector| vector["direction"] == direction).map(payload).collect()
    };
    let numbered = [vectors("requests.json", "good"), vectors("requests.json", "bad")].concat();
    write("message", messages.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "features", later.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "addresses", addresses.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "authority", authority.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "withdrawn", withdrawn.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "relay", relay.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "punch", punch.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "relay-files", relay_files.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "records", records.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "successions", successions.iter().map(|vector| payload(vector).into_bytes()));
    write_named("message", "request", numbered.iter().map(|vector| payload(vector).into_bytes()));
    let frames = [vectors("frames.json", "good"), vectors("frames.json", "bad")].concat();
    write(
        "frame",
        frames.iter().enumerate().map(|(cut, vector)| {
            let frame = hex::decode(vector["frame"].as_str().unwrap()).unwrap();
            [&[u8::try_from(cut).unwrap()][..], &frame].concat()
        }),
    );
    // The same caller again, and again when its time has run off; callers from the future; many at once.
    let callers: [&[u8]; 4] = [
        &[0, 1, 0, 0, 0, 1, 0, 0, 120, 1, 0, 120, 1, 1, 0, 121],
        &[0, 1, 120, 0, 120, 1, 0, 0, 120, 1, 0, 120, 1, 1, 0, 121],
        &[0, 2, 255, 0, 0, 3, 0, 255, 255, 2, 0, 0],
        &[0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0],
    ];
    let raw: Value = serde_json::from_slice(
        &std::fs::read([env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "preface.json"].iter().collect::<PathBuf>())
            .unwrap(),
    )
    .unwrap();
    let raw = hex::decode(raw["preface"].as_str().unwrap()).unwrap();
    write("preface", callers.iter().map(|callers| callers.to_vec()).chain([raw]));
    // Each thing said alone; then everything, and what gets furthest, wherever one may register.
    let payloads = of("to directory");
    let all: Vec<&str> = payloads.iter().map(String::as_str).collect();
    let furthest = furthest();
    let furthest: Vec<&str> = furthest.iter().map(String::as_str).collect();
    let single = payloads.iter().map(|payload| script(0, &[payload]));
    let whole = (0..3).flat_map(|mode| [script(mode, &all), script(mode, &furthest)]);
    write("directory_connection", single.chain(whole).collect::<Vec<_>>());
    let numbered = numbered.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    let numbered = numbered.map(|payload| script(0, &[&payload, r#"{"msgtype":"PING","request":1}"#]));
    write_named("directory_connection", "request", numbered);
    let authority = authority.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "authority", authority.map(|payload| script(0, &[&payload])));
    let withdrawn = withdrawn.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "withdrawn", withdrawn.map(|payload| script(0, &[&payload])));
    let successions = successions.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "successions", successions.map(|payload| script(0, &[&payload])));

    let punch = punch.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "punch", punch.map(|payload| script(0, &[&payload])));
    let relay_files = relay_files.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "relay-files", relay_files.map(|payload| script(0, &[&payload])));
    let addresses = addresses.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "addresses", addresses.map(|payload| script(0, &[&payload])));
    let relay = relay.iter().filter(|vector| vector["direction"] == "to directory").map(payload);
    write_named("directory_connection", "relay", relay.map(|payload| script(0, &[&payload])));
    // One that verifies; another time, another user, addresses in another order, no signature, another key.
    let good: Value = serde_json::from_slice(
        &std::fs::read([env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "record.json"].iter().collect::<PathBuf>())
            .unwrap(),
    )
    .unwrap();
    let altered = |field: &str, value: Value| {
        let mut record = good["record"].clone();
        record[field] = value;
        record
    };
    let mut turned = good["record"]["addresses"].as_array().unwrap().clone();
    turned.reverse();
    let altered = [
        good["record"].clone(),
        altered("until", u64::MAX.into()),
        altered("userid", "carol".into()),
        altered("addresses", turned.into()),
        altered("signature", "".into()),
        altered("directory", "57".repeat(91).into()),
    ];
    write("record", altered.iter().map(|record| serde_json::to_vec(record).unwrap()));
    // A header, two of them, one that ends early, one with something in its padding.
    let header = common::relay::header(&MeetingToken([0x8c; 32]));
    let mut padded = header;
    padded[31] = 1;
    write("relay_header", [header.to_vec(), [header, header].concat(), header[..63].to_vec(), padded.to_vec()]);

    // A caller who is let in, then says each thing; and everything at once.
    let request = request();
    let payloads = of("peer");
    let all = [request.as_str(), r#"{"msgtype":"CONNECTED"}"#].into_iter();
    let all: Vec<&str> = all.chain(payloads.iter().map(String::as_str)).collect();
    let single = payloads.iter().map(|payload| pieces(&[&request, payload]));
    let later = later.iter().filter(|vector| vector["direction"] == "peer").map(payload);
    write_named("peer_link", "features", later.map(|payload| pieces(&[&request, &payload])));
    write("peer_link", single.chain([pieces(&[&request]), pieces(&all[2..]), pieces(&all)]));
}

/// Ali calls bianca, as the fuzz body of the peer expects it.
fn request() -> String {
    let digest = |example: Example| example.identity().unwrap().public().digest();
    let request = ConnectReq {
        initiator: Example::Ali.user().unwrap(),
        destination: Example::Bianca.user().unwrap(),
        initiator_key: digest(Example::Ali),
        destination_key: digest(Example::Bianca),
        terminal: TerminalId([1; 16]),
        features: Features::default(),
        record: None,
        conversation: None,
    };
    String::from_utf8(PeerMessage::from(request).encode()).unwrap()
}
