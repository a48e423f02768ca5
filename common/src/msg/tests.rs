//! What is a message and what is not: types, padding, bounds.

use super::*;
use crate::ident::UserId;
use crate::limits::{MESSAGE_TEXT, NICK_MAX, PUBLIC_KEY_MAX, TERMINALS_PER_USER, VAULT_MAX};

fn lookup() -> ToDirectory {
    LookupReq { userid: UserId::parse("ali").unwrap(), lookup: UserId::parse("bianca").unwrap() }.into()
}

#[test]
fn the_type_comes_first_and_round_trips() {
    let payload = lookup().encode();
    assert_eq!(payload, br#"{"msgtype":"LOOKUPREQ","userid":"ali","lookup":"bianca"}"#);
    assert_eq!(ToDirectory::decode(&payload), Ok(lookup()));
}

#[test]
fn padding_and_unknown_fields_are_ignored() {
    let payload = br#"{"new":[1,{"a":2}],"lookup":"bianca","userid":"ali","msgtype":"LOOKUPREQ"}     "#;
    assert_eq!(ToDirectory::decode(payload), Ok(lookup()));
}

#[test]
fn a_type_of_the_other_direction_is_unknown() {
    assert_eq!(FromDirectory::decode(&lookup().encode()), Err(Malformed::UnknownType));
}

#[test]
fn broken_payloads_are_refused() {
    for (payload, error) in [
        (&b""[..], Malformed::NotAMessage),
        (b"[]", Malformed::NotAMessage),
        (b"[\"PING\"]", Malformed::NotAMessage),
        (b"{}", Malformed::NotAMessage),
        (b"{\"msgtype\":1}", Malformed::NotAMessage),
        (b"{\"msgtype\":\"PING\"}{}", Malformed::NotAMessage),
        (b"{\"msgtype\":\"PING\",\"msgtype\":\"PONG\"}", Malformed::NotAMessage),
        (b"{\"msgtype\":\"\xff\"}", Malformed::NotAMessage),
        // Also where nobody would have looked.
        (b"{\"msgtype\":\"PING\",\"x\":\"\xff\"}", Malformed::NotAMessage),
        (b"{\"msgtype\":\"PING\",\"x\":{\"\xc0\x80\":1}}", Malformed::NotAMessage),
        (b"{\"msgtype\":\"PING\"} \xff", Malformed::NotAMessage),
    ] {
        assert_eq!(ToDirectory::decode(payload), Err(error.clone()));
        assert_eq!(Envelope::<ToDirectory>::decode(payload).unwrap_err().why, error);
    }
    assert!(matches!(
        ToDirectory::decode(br#"{"msgtype":"LOOKUPREQ","userid":"ALI","lookup":"b"}"#),
        Err(Malformed::BadFields { msgtype: "LOOKUPREQ", .. })
    ));
}

#[test]
fn fields_out_of_bounds_are_refused() {
    let chat = |nick: usize, message: usize| Chat {
        id: crate::ident::MessageId([0; 16]),
        nick: "a".repeat(nick),
        message: "a".repeat(message),
        date: 0,
    };
    let decodes = |message: PeerMessage| PeerMessage::decode(&message.encode()).is_ok();
    assert!(decodes(chat(NICK_MAX, MESSAGE_TEXT).into()));
    assert!(!decodes(chat(NICK_MAX + 1, 1).into()));
    assert!(!decodes(chat(1, MESSAGE_TEXT + 1).into()));

    let found = |addresses: usize, key: usize| LookupReply {
        status: LookupStatus::Success,
        userid: "bianca".into(),
        addresses: vec![([127, 0, 0, 2], 65_000).into(); addresses],
        publickey: Hex(vec![1; key]),
        terminals: Vec::new(),
    };
    let decodes = |message: FromDirectory| FromDirectory::decode(&message.encode()).is_ok();
    assert!(decodes(found(TERMINALS_PER_USER, PUBLIC_KEY_MAX).into()));
    assert!(!decodes(found(TERMINALS_PER_USER + 1, PUBLIC_KEY_MAX).into()));
    assert!(!decodes(found(1, PUBLIC_KEY_MAX + 1).into()));

    let decodes = |size| ToDirectory::decode(&ToDirectory::from(AuthProof { passcode: Blob(vec![1; size]) }).encode());
    assert!(decodes(VAULT_MAX).is_ok());
    assert!(decodes(VAULT_MAX + 1).is_err());
}

#[test]
fn deep_nesting_in_an_unknown_field_is_skipped_without_recursion() {
    let payload = format!("{{\"msgtype\":\"PING\",\"x\":{}{}}}", "[".repeat(8000), "]".repeat(8000));
    assert_eq!(ToDirectory::decode(payload.as_bytes()), Ok(Ping {}.into()));
}
