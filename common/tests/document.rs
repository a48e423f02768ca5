//! The tables of the protocol document against the code: one that differs is a defect of either.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use common::ident::RESERVED;
use common::limits::{self, Allowance, Budget};
use common::msg::{Letter, Message};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../docs/protocol.md");

/// The section under a heading, up to the next heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("\n{heading}")).unwrap();
    rest.split("\n#").next().unwrap()
}

/// Rows of the table of a section, without its two header lines; cells without space and back quotes around them.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let lines = section(heading).lines().filter(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>();
    let rows: Vec<_> = lines.skip(2).map(|line| cells(line)[1..].to_vec()).collect();
    assert!(!rows.is_empty(), "no table under {heading}");
    rows
}

#[derive(Default)]
struct Fields {
    always: BTreeSet<String>,
    sometimes: BTreeSet<String>,
}

fn documented(heading: &str) -> (Vec<&'static str>, BTreeMap<&'static str, Fields>) {
    let (mut order, mut fields) = (Vec::new(), BTreeMap::<_, Fields>::new());
    for row in rows(heading) {
        let [msgtype, field, _, when] = row[..4] else { panic!("{row:?}") };
        if !order.contains(&msgtype) {
            order.push(msgtype);
        }
        let message = fields.entry(msgtype).or_default();
        match (field, when) {
            ("–", _) => {}
            (field, "always") => drop(message.always.insert(field.into())),
            (field, _) => drop(message.sometimes.insert(field.into())),
        }
    }
    (order, fields)
}

/// Fields that the samples of one type have in common, and those that only some have.
fn spoken<M: Message>(samples: &[M]) -> BTreeMap<&'static str, Fields> {
    let mut all = BTreeMap::<_, Vec<BTreeSet<String>>>::new();
    for sample in samples {
        let Value::Object(object) = serde_json::from_slice(&sample.encode()).unwrap() else { panic!("no object") };
        let fields = object.into_iter().map(|(name, _)| name).filter(|name| name != "msgtype").collect();
        all.entry(sample.msgtype()).or_default().push(fields);
    }
    let split = |seen: Vec<BTreeSet<String>>| {
        let union: BTreeSet<String> = seen.iter().flatten().cloned().collect();
        let (always, sometimes) = union.into_iter().partition(|name| seen.iter().all(|fields| fields.contains(name)));
        Fields { always, sometimes }
    };
    all.into_iter().map(|(msgtype, seen)| (msgtype, split(seen))).collect()
}

fn compare<M: Message>(heading: &str, samples: &[M]) {
    let (order, documented) = documented(heading);
    assert_eq!(order, M::TYPES, "{heading}");
    let spoken = spoken(samples);
    for (msgtype, fields) in documented {
        let ours = &spoken[msgtype];
        assert_eq!(fields.always, ours.always, "always in {msgtype}");
        assert_eq!(fields.sometimes, ours.sometimes, "sometimes in {msgtype}");
    }
}

#[test]
fn the_tables_of_messages_list_every_type_and_field() {
    compare("### 4.1 To a directory", &samples::to_directory());
    compare("### 4.2 From a directory", &samples::from_directory());
    compare("### 4.3 Between terminals", &samples::peer());
}

/// Where the fields of a message are, those of objects in it too.
fn fields(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, inner)| {
            let at = format!("{at}/{name}");
            fields(inner, &at, all);
            all.push(at);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, inner)| fields(inner, &format!("{at}/{n}"), all)),
        _ => {}
    }
}

/// What a message means without a field, with `null` in its place, and with a text that is not UTF-8 in a field that
/// nobody knows.
fn maimed<M>(message: &Value, field: &str, decode: impl Fn(&[u8]) -> Option<M>) -> [Option<M>; 3] {
    let (parent, name) = field.rsplit_once('/').unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut message = message.clone();
        change(message.pointer_mut(parent).unwrap().as_object_mut().unwrap());
        serde_json::to_vec(&message).unwrap()
    };
    let ignored = String::from_utf8(with(&|object| drop(object.insert("ignored".into(), "~".into())))).unwrap();
    let broken: Vec<u8> = ignored.bytes().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
    let absent = with(&|object| drop(object.remove(name)));
    let null = with(&|object| drop(object.insert(name.to_owned(), Value::Null)));
    [absent, null, broken].map(|payload| decode(&payload))
}

fn may_be_null<M: Message + PartialEq + std::fmt::Debug>(heading: &str, samples: &[M]) {
    let (_, documented) = documented(heading);
    for sample in samples {
        let message: Value = serde_json::from_slice(&sample.encode()).unwrap();
        let mut all = Vec::new();
        fields(&message, "", &mut all);
        for field in all.iter().filter(|field| *field != "/msgtype") {
            let [absent, null, broken] = maimed(&message, field, |payload| M::decode(payload).ok());
            assert_eq!(absent, null, "{field} of {message}");
            assert_eq!(broken, None, "{field} of {message}");
            if let Some(name) = field.strip_prefix('/').filter(|name| !name.contains('/')) {
                let is_optional = documented[sample.msgtype()].sometimes.contains(name);
                assert_eq!(absent.is_some(), is_optional, "{name} of {message}");
            }
        }
    }
}

#[test]
fn a_field_that_may_be_left_out_may_be_null_and_no_other() {
    may_be_null("### 4.1 To a directory", &samples::to_directory());
    may_be_null("### 4.2 From a directory", &samples::from_directory());
    may_be_null("### 4.3 Between terminals", &samples::peer());
    for letter in samples::letters() {
        let written: Value = serde_json::from_slice(&letter.encode()).unwrap();
        let mut all = Vec::new();
        fields(&written, "", &mut all);
        for field in &all {
            let [absent, null, broken] = maimed(&written, field, |payload| Letter::decode(payload).ok());
            assert_eq!(absent, null, "{field} of {written}");
            assert_eq!(broken, None, "{field} of {written}");
        }
    }
}

#[test]
fn a_terminal_certificate_has_the_fields_documented() {
    let Value::Object(object) = serde_json::to_value(samples::certificate()).unwrap() else { panic!("no object") };
    let ours: BTreeSet<String> = object.into_iter().map(|(name, _)| name).collect();
    let documented: BTreeSet<String> =
        rows("### 8.3 Terminal certificates").into_iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(documented, ours);
}

#[test]
fn the_table_of_letters_lists_every_kind_and_field() {
    let mut ours = BTreeSet::new();
    for letter in samples::letters() {
        let Value::Object(object) = serde_json::from_slice(&letter.encode()).unwrap() else { panic!("no object") };
        let kind = object["kind"].as_str().unwrap().to_owned();
        let fields: Vec<_> =
            object.keys().filter(|name| !matches!(name.as_str(), "id" | "date" | "kind")).cloned().collect();
        ours.extend(fields.iter().map(|field| (kind.clone(), field.clone())));
        if fields.is_empty() {
            ours.insert((kind, "–".to_owned()));
        }
    }
    let documented: BTreeSet<_> =
        rows("### 6.9 Letters").into_iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    assert_eq!(documented, ours);
}

/// Values that a field takes in the samples of one msgtype.
fn values<M: Message>(samples: &[M], msgtype: &str, field: &str) -> BTreeSet<String> {
    let of_type = samples.iter().filter(|sample| sample.msgtype() == msgtype);
    let value = |sample: &M| serde_json::from_slice::<Value>(&sample.encode()).unwrap()[field].clone();
    of_type.map(value).filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// The same of the letters of one kind.
fn values_of_letters(kind: &str, field: &str) -> BTreeSet<String> {
    let written =
        samples::letters().into_iter().map(|letter| serde_json::from_slice::<Value>(&letter.encode()).unwrap());
    let of_kind = written.filter(|letter| letter["kind"] == kind);
    of_kind.filter_map(|letter| letter[field].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_tables_of_codes_list_every_code() {
    let (directory, peer) = (samples::from_directory(), samples::peer());
    for (heading, ours) in [
        ("### 10.1", values(&directory, "ERROR", "code")),
        ("### 10.2", values(&directory, "REGISTERREPLY", "reason")),
        ("### 10.3", values(&directory, "AUTHREPLY", "reason")),
        ("### 10.4", values(&peer, "CONNECTREPLY", "reason")),
        ("### 10.5", values(&peer, "BYE", "reason")),
        ("### 10.6", values(&directory, "MAILBOXREPLY", "refused")),
        ("### 10.7", values(&directory, "COMMITREPLY", "reason")),
        ("### 10.9", values(&directory, "MEETREPLY", "reason")),
        ("### 10.10", values_of_letters("file", "reason")),
    ] {
        let documented: BTreeSet<String> = rows(heading).into_iter().map(|row| row[0].to_owned()).collect();
        assert_eq!(documented, ours, "{heading}");
    }
}

/// The samples are complete only if the enums have as many variants as the tables have rows: one more is `Other`.
#[test]
fn no_code_is_left_out_of_the_samples() {
    for (source, name, heading) in [
        (include_str!("../src/msg/directory.rs"), "ErrorCode", "### 10.1"),
        (include_str!("../src/msg/auth.rs"), "RegisterRefusal", "### 10.2"),
        (include_str!("../src/msg/auth.rs"), "AuthRefusal", "### 10.3"),
        (include_str!("../src/msg/connect.rs"), "ConnectRefusal", "### 10.4"),
        (include_str!("../src/msg/directory.rs"), "ByeReason", "### 10.5"),
        (include_str!("../src/msg/mailbox.rs"), "MailRefusal", "### 10.6"),
        (include_str!("../src/msg/room.rs"), "CommitRefusal", "### 10.7"),
        (include_str!("../src/msg/withdrawn.rs"), "Withdrawal", "### 10.8"),
        (include_str!("../src/msg/meeting.rs"), "MeetRefusal", "### 10.9"),
        (include_str!("../src/msg/letter.rs"), "FileRefusal", "### 10.10"),
    ] {
        let (_, rest) = source.split_once(&format!("pub enum {name} {{")).unwrap();
        let body = rest.split("\n}").next().unwrap();
        let variants = body.lines().filter(|line| line.trim().starts_with(|c: char| c.is_ascii_uppercase())).count();
        assert_eq!(variants, rows(heading).len() + 1, "{name}");
    }
}

/// How a limit is written in the document.
trait Written {
    fn written(&self) -> String;
}

macro_rules! plain {
    ($($number:ty),+) => { $(impl Written for $number { fn written(&self) -> String { self.to_string() } })+ };
}
plain!(usize, u64, u32, u16);

impl Written for Duration {
    fn written(&self) -> String {
        assert_eq!(self.subsec_nanos(), 0);
        self.as_secs().to_string()
    }
}

impl Written for RangeInclusive<usize> {
    fn written(&self) -> String {
        format!("{} to {}", self.start(), self.end())
    }
}

impl Written for [usize; 4] {
    fn written(&self) -> String {
        self.map(|size| size.to_string()).join(", ")
    }
}

macro_rules! all_limits {
    ($($name:ident)+) => { [$((stringify!($name), limits::$name.written())),+] };
}

#[test]
fn the_table_of_limits_is_the_code_s() {
    let ours: BTreeMap<&str, String> = all_limits![
        USER_ID_MAX FRAME_BEFORE_LOGIN FIRST_FRAMES RECORD_OVERHEAD FRAMES_BEFORE_LOGIN FRAME_AFTER_LOGIN PENDING_OUTPUT MESSAGE_TEXT NICK_MAX PUBLIC_KEY_MAX VAULT_MAX
        RSA_BITS RSA_BITS_NEW PADDED_SIZES LOGIN_DEADLINE CALL_DEADLINE PREFACE_DEADLINE ANSWER_DEADLINE PROOF_VALID FORMER_PASSCODE PING_AFTER DEAD_AFTER
        PREFACE_WINDOW PREFACES_REMEMBERED PREFACES_PER_SOURCE PREFACES_PER_SITE HALF_OPEN HALF_OPEN_PER_SOURCE HALF_OPEN_PER_SITE HALF_OPEN_BYTES CALLERS_HALF_OPEN
        CALLERS_HALF_OPEN_PER_SOURCE CALLERS_HALF_OPEN_PER_SITE SOURCES_OF_A_SITE SOURCES_REMEMBERED TERMINALS_PER_USER LIST_PAGE PIECE_MAX COMMIT_MAX UPLOADS UPLOADS_PER_USER UPLOADS_PER_SOURCE UPLOADS_PER_SITE UPLOAD_DEADLINE
        KEY_PACKAGE_MAX KEY_PACKAGES_IN_ONE KEY_PACKAGES_KEPT KEY_PACKAGES_LOW ROOM_TERMINALS
        EPOCHS_PER_USER EPOCHS_WINDOW ROOMS_PER_HOUR ROOMS_FOUNDED ROOMS_OF_TWO HANDLE_KEPT COMMIT_PROPOSALS RATCHET_FORWARD RATCHET_BEHIND MAIL_IN_ONE RECEIPT_IDS TERMINALS_ASKED TERMINALS_REMEMBERED TERMINAL_KEPT
        CERTIFICATES_ASKED SUCCESSORS SUCCESSOR_CERTIFICATES SUCCESSORS_ASKED SUCCESSORS_IN_ONE EPOCHS_ASKED WITHDRAWN_KEPT GROUP_ADMINS WATCH_IN_ONE WATCHED AWAY_TEXT BROADCAST_TEXT BROADCAST_PAGE BROADCASTS_KEPT BROADCASTS_OF_USER FILE_NAME OFFERS_OPEN FEATURES FEATURE_NAME FOLDER_ENTRIES
        MEETING_VALID MEETING_LEAD SEEN_VALID ADDRESSES_PER_TERMINAL LOCAL_ADDRESSES RECORD_SILENCE RECORD_VALID RECORD_SLACK RELAY_LINKS RELAY_LINKS_PER_USER RELAY_FILES_PER_USER RELAY_BYTES_PER_SECOND RELAY_IDLE
        LEFT_OUT_NAMES FOLDER_PATH LINK_MESSAGES LINK_BYTES LINK_MESSAGES_PER_MINUTE LINK_BYTES_PER_MINUTE PEER_PORT DIRECTORY_PORT
    ]
    .into();
    let documented: BTreeMap<&str, String> =
        rows("### 9.1 Fixed").into_iter().map(|row| (row[0], row[1].to_owned())).collect();
    assert_eq!(documented, ours);
    let source = include_str!("../src/limits.rs");
    let declared = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    assert_eq!(declared.collect::<BTreeSet<_>>(), ours.into_keys().collect());
}

#[test]
fn the_table_of_budgets_is_the_code_s() {
    let written = |units: u32| if units == 0 { "–".to_owned() } else { units.to_string() };
    let ours: Vec<[String; 4]> = Budget::ALL
        .iter()
        .map(|budget| {
            let Allowance { user, source, per } = budget.allowance();
            [budget.name().to_owned(), written(user), written(source), per.written()]
        })
        .collect();
    let documented: Vec<[String; 4]> =
        rows("### 9.3 Budgets").into_iter().map(|row| [row[0], row[2], row[3], row[4]].map(str::to_owned)).collect();
    assert_eq!(documented, ours);
}

#[test]
fn the_reserved_ids_are_the_code_s() {
    let text = section("## 2 Words and identifiers");
    let (_, list) = text.split_once("MUST NOT be registered:").unwrap();
    let list = list.split('.').next().unwrap();
    assert_eq!(list.split_whitespace().collect::<Vec<_>>(), RESERVED);
}

#[test]
fn labels_and_names_of_the_code_are_documented() {
    let sources = [
        include_str!("../src/crypto/transcript.rs"),
        include_str!("../src/crypto/preface.rs"),
        include_str!("../src/crypto/invite.rs"),
        include_str!("../src/crypto/opaque.rs"),
        include_str!("../src/crypto/vault.rs"),
        include_str!("../src/crypto/store_key.rs"),
        include_str!("../src/crypto/safety_number.rs"),
        include_str!("../src/relay.rs"),
        include_str!("../src/link/mod.rs"),
        include_str!("../src/link/tls.rs"),
    ];
    let code = |source: &'static str| source.split("#[cfg(test)]").next().unwrap();
    let literals = sources.into_iter().flat_map(|source| code(source).split('"').skip(1).step_by(2));
    let labels: BTreeSet<&str> =
        literals.filter(|text| text.contains("peer-messenger") || text.ends_with("/1")).collect();
    assert!(labels.len() >= 10, "{labels:?}");
    for label in labels {
        assert!(DOCUMENT.contains(label), "{label} is not in the document");
    }
}
