//! Makes the vectors of `tests/vectors`. Where it can, it follows the protocol document with primitives only, so that a
//! vector is a second implementation's word and not an echo of the first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use common::frame::{Padding, encode};
use common::ident::KeyDigest;
use common::limits::FRAME_AFTER_LOGIN;
use common::msg::Message;
use common::testkit::Example;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pss::SigningKey;
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use crate::samples;

const TIME: u64 = 1_700_000_000;

/// Every file with its content.
pub(crate) fn generate() -> Vec<(&'static str, Value)> {
    vec![
        ("frames.json", frames()),
        ("messages.json", messages()),
        ("requests.json", requests()),
        ("keys.json", keys()),
        ("preface.json", preface()),
        ("relay.json", relay()),
        ("transcripts.json", transcripts()),
        ("terminal.json", terminal()),
        ("vault.json", vault()),
        ("successor.json", successor()),
        ("record.json", record()),
        ("safety.json", safety()),
        ("invite.json", invite()),
        ("letters.json", letters()),
    ]
}

fn frames() -> Value {
    let frame = |name: &str, payload: &[u8], padding, limit: usize| {
        let frame = encode(payload, padding, limit).unwrap();
        json!({ "name": name, "payload": hex::encode(payload), "limit": limit,
                "padded": padding == Padding::Ladder, "frame": hex::encode(frame) })
    };
    json!({
        "good": [
            frame("empty payload", b"", Padding::None, 64),
            frame("as long as its message", br#"{"msgtype":"PING"}"#, Padding::None, 64),
            frame("padded to the first step", br#"{"msgtype":"PING"}"#, Padding::Ladder, FRAME_AFTER_LOGIN),
            frame("fills the first step", &[b'x'; 252], Padding::Ladder, FRAME_AFTER_LOGIN),
            frame("padded to the second step", &[b'x'; 253], Padding::Ladder, FRAME_AFTER_LOGIN),
            frame("padding ends at the limit", &[b'x'; 10], Padding::Ladder, 16),
            frame("exactly the limit", &[b'x'; 16], Padding::None, 16),
        ],
        "bad": [
            { "name": "one byte above the limit", "limit": 16, "frame": "00000011" },
            { "name": "the highest length there is", "limit": FRAME_AFTER_LOGIN, "frame": "ffffffff" },
        ],
    })
}

fn messages() -> Value {
    fn good<M: Message>(direction: &'static str, all: Vec<M>) -> impl Iterator<Item = Value> {
        all.into_iter().map(move |message| {
            let payload = String::from_utf8(message.encode()).unwrap();
            json!({ "direction": direction, "msgtype": message.msgtype(), "payload": payload })
        })
    }
    let bad = |direction: &str, error: &str, payload: &str| json!({ "direction": direction, "error": error, "payload": payload });
    let long = |count| "a".repeat(count);
    let nulls = |direction: &str, payload: &str, means: &str| json!({ "direction": direction, "payload": payload, "means": means });
    json!({
        "null": [
            nulls("to directory", r#"{"msgtype":"AWAY","text":null}"#, r#"{"msgtype":"AWAY"}"#),
            nulls("to directory", r#"{"msgtype":"LISTREQ","after":null}"#, r#"{"msgtype":"LISTREQ"}"#),
            nulls("from directory", r#"{"msgtype":"ERROR","code":"malformed","to":null}"#, r#"{"msgtype":"ERROR","code":"malformed"}"#),
            nulls(
                "from directory",
                r#"{"msgtype":"PRESENCE","userid":"ali","status":"offline","since":null,"text":null}"#,
                r#"{"msgtype":"PRESENCE","userid":"ali","status":"offline"}"#,
            ),
            nulls(
                "peer",
                r#"{"msgtype":"CONNECTREPLY","status":"refused","reason":"declined","terminal":null,"features":null}"#,
                r#"{"msgtype":"CONNECTREPLY","status":"refused","reason":"declined"}"#,
            ),
        ],
        "good": good("to directory", samples::to_directory())
            .chain(good("from directory", samples::from_directory()))
            .chain(good("peer", samples::peer()))
            .collect::<Vec<_>>(),
        "bad": [
            bad("peer", "not a message", ""),
            bad("peer", "not a message", "null"),
            bad("peer", "not a message", "{}"),
            bad("peer", "not a message", r#"["BYE"]"#),
            bad("peer", "not a message", r#"{"msgtype":7}"#),
            bad("peer", "not a message", r#"{"msgtype":"PING"}x"#),
            bad("peer", "not a message", r#"{"msgtype":"PING","msgtype":"PONG"}"#),
            bad("peer", "unknown type", r#"{"msgtype":"ping"}"#),
            bad("peer", "unknown type", r#"{"msgtype":"HELLO","userid":"ali"}"#),
            bad("to directory", "unknown type", r#"{"msgtype":"CHAT"}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"HELLO"}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"HELLO","userid":"Ali"}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"HELLO","userid":""}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"HELLO","userid":"ali","userid":"ali"}"#),
            bad("to directory", "bad fields", &format!(r#"{{"msgtype":"HELLO","userid":"{}"}}"#, long(33))),
            bad("to directory", "bad fields", r#"{"msgtype":"AUTHPROOF","passcode":"AA="}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"AUTHPROOF","passcode":"AB=="}"#),
            bad("from directory", "bad fields", r#"{"msgtype":"INVITEPROOF","proof":"00"}"#),
            bad("from directory", "bad fields", r#"{"msgtype":"AUTHREPLY","status":"granted"}"#),
            bad("from directory", "bad fields", r#"{"msgtype":"ANNOUNCED","address":"localhost:65000","time":1}"#),
            bad("peer", "bad fields", r#"{"msgtype":"CONNECTREPLY","status":"GRANTED"}"#),
            bad("to directory", "bad fields", r#"{"msgtype":"MEETREQ","userid":"bianca","how":"relay"}"#),
            bad("from directory", "bad fields", r#"{"msgtype":"MEETREPLY","status":"SUCCESS","token":"8c"}"#),
        ],
    })
}

/// Numbers of requests, beside the messages.
fn requests() -> Value {
    let good = |direction: &str, request: u64, payload: &str| {
        let msgtype = payload.split('"').nth(3).unwrap();
        let payload = format!("{},\"request\":{request}}}", payload.strip_suffix('}').unwrap());
        json!({ "direction": direction, "msgtype": msgtype, "request": request, "payload": payload })
    };
    let (lookup, failed) = (
        r#"{"msgtype":"LOOKUPREQ","userid":"ali","lookup":"bianca"}"#,
        r#"{"msgtype":"ERROR","code":"rate_limited","to":"LOOKUPREQ","retry_after":12}"#,
    );
    let bad = |direction: &str, error: &str, request: Option<u64>, payload: &str| json!({ "direction": direction, "error": error, "request": request, "payload": payload });
    let numbered = |number: &str| format!(r#"{{"msgtype":"LISTREQ","request":{number}}}"#);
    let numbers = ["0", "-1", "9007199254740992", "1.5", "1e0", r#""1""#, "true", "[1]", r#"1,"request":1"#];
    let out_of_bounds = numbers.map(|number| bad("to directory", "bad request", None, &numbered(number)));
    let broken = [
        bad("to directory", "bad fields", Some(7), r#"{"msgtype":"HELLO","userid":"Ali","request":7}"#),
        bad("to directory", "unknown type", Some(7), r#"{"msgtype":"DANCE","request":7}"#),
        bad("to directory", "not a message", Some(7), r#"{"request":7}"#),
        bad("to directory", "not a message", None, r#"{"msgtype":"LISTREQ","request":7"#),
        bad("from directory", "bad request", None, r#"{"msgtype":"LISTREPLY","users":[],"more":false,"request":0}"#),
        bad("from directory", "unknown type", Some(7), r#"{"msgtype":"DANCED","request":7}"#),
    ];
    json!({
        "good": [
            good("to directory", 1, lookup),
            good("to directory", 17, r#"{"msgtype":"LISTREQ"}"#),
            good("to directory", 9_007_199_254_740_991, r#"{"msgtype":"PING"}"#),
            good("from directory", 1, failed),
            good("from directory", 9_007_199_254_740_991, r#"{"msgtype":"LISTREPLY","users":[],"more":false}"#),
        ],
        "bad": out_of_bounds.into_iter().chain(broken).collect::<Vec<_>>(),
    })
}

fn spki(example: Example) -> Vec<u8> {
    example.identity().unwrap().public().to_spki().unwrap()
}

fn pkcs1(example: Example) -> Vec<u8> {
    example.identity().unwrap().public().as_pkcs1().to_vec()
}

/// The base point of P-256 as a public key: well formed, and nobody's.
const P256_SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

fn keys() -> Value {
    let identity = |example: Example| {
        json!({ "user": example.user().unwrap().as_str(), "pkcs1": hex::encode(pkcs1(example)),
                "spki": hex::encode(spki(example)), "digest": hex::encode(Sha256::digest(pkcs1(example))) })
    };
    let directory = hex::decode(P256_SPKI).unwrap();
    let digest = Sha256::digest(&directory);
    let short: Vec<String> = digest[..10].chunks(2).map(hex::encode_upper).collect();
    json!({
        "identity": [identity(Example::Ali), identity(Example::Bianca), identity(Example::Carol)],
        "directory": { "spki": P256_SPKI, "digest": hex::encode(digest), "short": short.join(" ") },
    })
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// A leg's header, and what is none.
fn relay() -> Value {
    let token = [0x8c; 32];
    let header = [&b"peer-messenger/1 relay"[..], &[0; 10], &token].concat();
    let with = |place: usize, byte: u8| {
        let mut altered = header.clone();
        altered.splice(place..=place, [byte]);
        hex::encode(altered)
    };
    json!({
        "token": hex::encode(token), "header": hex::encode(&header),
        "bad": [with(0, b'P'), with(21, b'Y'), with(22, 1), with(31, b' ')],
    })
}

fn preface() -> Value {
    let callee = Sha256::digest(pkcs1(Example::Bianca));
    let nonce = [0x42; 24];
    let mac = hmac(&callee, &[b"peer-messenger/1 preface", &nonce, &TIME.to_be_bytes()]);
    let preface = [&nonce[..], &TIME.to_be_bytes(), &mac].concat();
    let judged = |now: u64, verdict: &str| json!({ "now": now, "verdict": verdict });
    json!({
        "callee_key": hex::encode(callee), "nonce": hex::encode(nonce), "time": TIME, "preface": hex::encode(preface),
        "alone": [judged(TIME - 121, "out of date"), judged(TIME - 120, "admitted"), judged(TIME, "admitted"),
                  judged(TIME + 120, "admitted"), judged(TIME + 121, "out of date")],
    })
}

/// Label and fields, each preceded by its length.
fn transcript(label: &str, fields: &[&[u8]]) -> Vec<u8> {
    let all = std::iter::once(label.as_bytes()).chain(fields.iter().copied());
    all.flat_map(|field| [&u32::try_from(field.len()).unwrap().to_be_bytes()[..], field].concat()).collect()
}

fn transcripts() -> Value {
    let (directory, exporter, challenge) = ([0xd1; 32], [0xe2; 32], [0xc3; 32]);
    let upload = samples::upload();
    let certificate = samples::certificate();
    let registration = transcript(
        "peer-messenger/1 registration",
        &[
            b"ali",
            &directory,
            &exporter,
            &challenge,
            &upload.publickey.0,
            &Sha256::digest(&upload.passcode.0),
            &Sha256::digest(&upload.vault.0),
        ],
    );
    let login = transcript(
        "peer-messenger/1 login",
        &[
            b"ali",
            &directory,
            &exporter,
            &challenge,
            &65_000u16.to_be_bytes(),
            &certificate.terminal.0,
            &Sha256::digest(&certificate.signature.0),
        ],
    );
    let terminal = transcript(
        "peer-messenger/1 terminal",
        &[b"ali", &certificate.terminal.0, &certificate.key.0, &certificate.issued.to_be_bytes()],
    );
    let broadcast = transcript(
        "peer-messenger/1 broadcast",
        &[b"ali", &certificate.terminal.0, &directory, &[0xab; 16], &TIME.to_be_bytes(), b"The server moves tonight."],
    );
    let request = samples::commit_request();
    let entry = transcript("peer-messenger/1 entry", &[&[0x24; 32], b"carol", b"ali"]);
    let members = transcript("peer-messenger/1 members", &[b"ali", &[0x11; 16], b"bianca", &[0x12; 16]]);
    let again = transcript("peer-messenger/1 members", &[b"bianca", &[0x12; 16]]);
    let commit = transcript(
        "peer-messenger/1 commit",
        &[
            b"ali",
            &certificate.terminal.0,
            &directory,
            &[0x13; 16],
            &0u64.to_be_bytes(),
            &Sha256::digest(b"commit"),
            &Sha256::digest(b"welcome"),
            &Sha256::digest(&members),
            &Sha256::digest(&entry),
            &Sha256::digest(&again),
            &[0x14; 16],
        ],
    );
    let (former, key, carried) = ([0xa1; 32], [0xa2; 32], [[0xa3; 32], [0xa4; 32]]);
    let successor =
        transcript("peer-messenger/1 successor", &[b"ali", &directory, &former, &key, &carried[0], &carried[1]]);
    json!({
        "former": hex::encode(former), "key": hex::encode(key), "carried": carried.map(hex::encode),
        "successor": hex::encode(successor),
        "request": request, "commit_bytes": hex::encode("commit"), "welcome_bytes": hex::encode("welcome"),
        "commit": hex::encode(commit), "entry": hex::encode(entry), "members": hex::encode(members),
        "again": hex::encode(again),
        "message": "ab".repeat(16), "date": TIME, "text": "The server moves tonight.", "broadcast": hex::encode(broadcast),
        "user": "ali", "directory": hex::encode(directory), "exporter": hex::encode(exporter),
        "challenge": hex::encode(challenge), "port": 65_000, "upload": upload, "certificate": certificate,
        "registration": hex::encode(registration), "login": hex::encode(login), "terminal": hex::encode(terminal),
    })
}

fn letters() -> Value {
    let letter = |letter: &common::msg::Letter| String::from_utf8(letter.encode()).unwrap();
    json!({
        "directory": hex::encode([0xef; 32]), "group": "team",
        "handle": hex::encode(Sha256::digest([&b"peer-messenger/1 group\0"[..], &[0xef; 32], b"team"].concat())),
        "good": samples::letters().iter().map(letter).collect::<Vec<_>>(),
        "bad": [
            "", "{}", r#"{"id":"00","date":1,"kind":"leave"}"#, r#"{"date":1,"kind":"leave"}"#,
            format!(r#"{{"id":"{}","date":1,"kind":"text"}}"#, "ab".repeat(16)),
            format!(r#"{{"id":"{}","date":1,"kind":"text","text":"{}"}}"#, "ab".repeat(16), "a".repeat(16_385)),
        ],
    })
}

/// Gives salts that are the same every time, so that signatures are. For vectors only.
struct NotRandom;

impl RngCore for NotRandom {
    fn next_u32(&mut self) -> u32 {
        0x5a5a_5a5a
    }

    fn next_u64(&mut self) -> u64 {
        0x5a5a_5a5a_5a5a_5a5a
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(0x5a);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for NotRandom {}

fn private(example: Example) -> Vec<u8> {
    example.identity().unwrap().to_pkcs1().expose().to_vec()
}

fn terminal() -> Value {
    let id = [0x11; 16];
    let seed = [0x5e; 32];
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let key = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let signed = transcript("peer-messenger/1 terminal", &[b"ali", &id, &key, &TIME.to_be_bytes()]);
    let signer = SigningKey::<Sha256>::new(RsaPrivateKey::from_pkcs1_der(&private(Example::Ali)).unwrap());
    let signature = signer.sign_with_rng(&mut NotRandom, &signed).to_vec();
    json!({
        "user": "ali", "publickey": hex::encode(pkcs1(Example::Ali)), "seed": hex::encode(seed),
        "certificate": { "terminal": hex::encode(id), "key": hex::encode(key), "issued": TIME,
                         "signature": STANDARD.encode(signature) },
    })
}

fn vault() -> Value {
    let (export_key, version, nonce) = ([0xe7; 64], 3u64, [0x9c; 24]);
    let digest = Sha256::digest(pkcs1(Example::Ali));
    let associated = [b"peer-messenger/1 vault".as_slice(), &version.to_be_bytes(), &digest, b"ali"].concat();
    let mut okm = [0; 64];
    Hkdf::<Sha256>::new(None, &export_key).expand(&associated, &mut okm).unwrap();
    let (commitment, key) = okm.split_at(32);
    let content = private(Example::Ali);
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &content, aad: &associated })
        .unwrap();
    let vault = [&version.to_be_bytes()[..], &digest, commitment, &nonce, &sealed].concat();
    json!({
        "user": "ali", "export_key": hex::encode(export_key), "version": version, "key_digest": hex::encode(digest),
        "content": hex::encode(content), "vault": STANDARD.encode(vault),
    })
}

fn successor() -> Value {
    let directory = [0xd1; 32];
    let (old, new) = (pkcs1(Example::Ali), pkcs1(Example::Carol));
    let (old_digest, new_digest) = (Sha256::digest(&old), Sha256::digest(&new));
    let certificate = terminal()["certificate"].clone();
    let signature = STANDARD.decode(certificate["signature"].as_str().unwrap()).unwrap();
    let key = hex::decode(certificate["key"].as_str().unwrap()).unwrap();
    let certified = transcript("peer-messenger/1 terminal", &[b"ali", &[0x11; 16], &key, &TIME.to_be_bytes()]);
    let carried = Sha256::digest([&certified[..], &signature].concat());
    let signed = transcript("peer-messenger/1 successor", &[b"ali", &directory, &old_digest, &new_digest, &carried]);
    let sign = |example: Example| {
        let signer = SigningKey::<Sha256>::new(RsaPrivateKey::from_pkcs1_der(&private(example)).unwrap());
        STANDARD.encode(signer.sign_with_rng(&mut NotRandom, &signed).to_vec())
    };
    let secret = |example: Example| {
        let mut secret = [0; 64];
        Hkdf::<Sha256>::new(None, &private(example)).expand(b"peer-messenger/1 local store", &mut secret).unwrap();
        secret
    };
    let associated = [b"peer-messenger/1 former store key".as_slice(), &old_digest, &new_digest, b"ali"].concat();
    let (mut okm, nonce) = ([0; 64], [0x9c; 24]);
    Hkdf::<Sha256>::new(None, &secret(Example::Carol)).expand(&associated, &mut okm).unwrap();
    let (commitment, key) = okm.split_at(32);
    let former = secret(Example::Ali);
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &former, aad: &associated })
        .unwrap();
    json!({
        "user": "ali", "directory": hex::encode(directory), "former_private": hex::encode(private(Example::Ali)),
        "private": hex::encode(private(Example::Carol)), "certificate": certificate, "former_secret": hex::encode(former),
        "own": {
            "successor": {
                "userid": "ali", "former": hex::encode(old), "publickey": hex::encode(new),
                "certificates": [hex::encode(carried)], "former_signature": sign(Example::Ali),
                "signature": sign(Example::Carol),
            },
            "store": STANDARD.encode([commitment, &nonce, &sealed].concat()),
        },
    })
}

/// The key is the one of RFC 6979, A.2.5, and the signature the one that its rule gives: made by another library.
fn record() -> Value {
    const KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420c9afa9d845ba75166b5c215767b1d693\
                       4e50c3db36e89b127b8a622b120f6721a1440342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f2\
                       9fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
    const SIGNATURE: &str = "ac866f63b03792c048dfb5b4ffb1afc4c408747f4d9c371917de7ce2a863e785\
                             3c061f7415b47ac4149ca48557076143d8288c9a8ccb36aae1f011564bcb1511";
    let spki = hex::decode(format!("3059301306072a8648ce3d020106082a8648ce3d030107034200{}", &KEY[146..])).unwrap();
    let directory = Sha256::digest(&spki);
    let (key, until) = ([0xcd; 32], TIME + 43_200);
    let v4 = [&[192, 0, 2, 7][..], &65_000u16.to_be_bytes()].concat();
    let v6 = [&hex::decode("20010db8000000000000000000000007").unwrap()[..], &65_000u16.to_be_bytes()].concat();
    let signed = transcript(
        "peer-messenger/1 record",
        &[b"ali", &[0x11; 16], &key, &directory, &v4, &v6, &TIME.to_be_bytes(), &until.to_be_bytes()],
    );
    json!({
        "directory_private": KEY, "directory": hex::encode(directory), "transcript": hex::encode(signed),
        "record": {
            "userid": "ali", "terminal": "11".repeat(16), "key": hex::encode(key),
            "addresses": ["192.0.2.7:65000", "[2001:db8::7]:65000"], "issued": TIME, "until": until,
            "directory": hex::encode(spki), "signature": STANDARD.encode(hex::decode(SIGNATURE).unwrap()),
        },
    })
}

fn safety() -> Value {
    let half = |example: Example| {
        let key = pkcs1(example);
        let user = example.user().unwrap();
        let first = [b"peer-messenger/1 safety number".as_slice(), &Sha256::digest(&key), user.as_str().as_bytes()];
        let mut digest = Sha512::digest(first.concat());
        for _ in 1..5200 {
            digest = Sha512::digest([&digest[..], &key].concat());
        }
        let groups = digest.chunks(5).take(6).map(|chunk| {
            let value = chunk.iter().fold(0u64, |value, byte| value * 256 + u64::from(*byte));
            format!("{:05}", value % 100_000)
        });
        groups.collect::<Vec<_>>().join(" ")
    };
    let pair = |one: Example, other: Example| {
        let mut halves = [half(one), half(other)];
        halves.sort();
        json!({ "users": [one.user().unwrap().as_str(), other.user().unwrap().as_str()], "number": halves.join(" ") })
    };
    json!([pair(Example::Ali, Example::Bianca), pair(Example::Bianca, Example::Carol)])
}

fn invite() -> Value {
    let secret = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];
    let (directory, exporter) = (KeyDigest([0xd1; 32]), [0xe2; 32]);
    let proof = |label: &[u8]| hex::encode(hmac(&secret, &[label, &directory.0, &exporter, b"bianca"]));
    json!({
        "code": "0123-4567-89AB-CDEF", "secret": hex::encode(secret), "user": "bianca",
        "directory": hex::encode(directory.0), "exporter": hex::encode(exporter),
        "directory_proof": proof(b"peer-messenger/1 invite directory"),
        "peer_proof": proof(b"peer-messenger/1 invite peer"),
        "lines": [
            { "line": "bianca@dir.example.org:7420/0123-4567-89AB-CDEF", "server": "dir.example.org:7420" },
            { "line": "BIANCA@Dir.Example.Org/ol234567-89abcdef", "server": "dir.example.org:7420" },
            { "line": "bianca@[2001:db8::7]:7421/0123-4567-89AB-CDEF", "server": "[2001:db8::7]:7421" },
        ],
        "not_lines": ["bianca", "bianca@dir.example.org", "bianca@/0123-4567-89AB-CDEF", "bianca@h/0123-4567-89AB-CDE",
                      "bianca@h/0123-4567-89AB-CDEU", "bianca@h;x/0123-4567-89AB-CDEF"],
    })
}
