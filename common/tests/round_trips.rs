//! Whatever can be said arrives as it was said.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::net::{IpAddr, SocketAddr};

use common::frame::{Decoder, Padding, encode};
use common::ident::{
    Challenge, ConversationId, Cookie, DirectoryGeneration, KeyDigest, Mac, MessageId, TerminalId, TerminalKey, UserId,
};
use common::limits::{
    ADDRESSES_PER_TERMINAL, AWAY_TEXT, FEATURES, FRAME_AFTER_LOGIN, MESSAGE_TEXT, NICK_MAX, PADDED_SIZES,
    PUBLIC_KEY_MAX, TERMINALS_PER_USER, VAULT_MAX,
};
use common::msg::*;
use proptest::option::of as maybe;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;

fn user() -> impl Strategy<Value = UserId> {
    "[a-z0-9][a-z0-9._-]{0,31}".prop_map(|id| UserId::parse(&id).unwrap())
}

fn blob() -> impl Strategy<Value = Blob> {
    prop::collection::vec(any::<u8>(), 0..600).prop_map(Blob)
}

fn key() -> impl Strategy<Value = Hex> {
    prop::collection::vec(any::<u8>(), 0..600).prop_map(Hex)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), 1u16..).prop_map(SocketAddr::from)
}

/// Any text of at most `bytes` bytes, control characters and all.
fn text(bytes: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..bytes / 4).prop_map(String::from_iter)
}

fn features() -> impl Strategy<Value = Features> {
    prop::collection::vec("[a-z]{0,32}", 0..=FEATURES)
        .prop_map(|names| Features::of(&names.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn certificate() -> impl Strategy<Value = Certificate> {
    (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<u64>(), blob()).prop_map(|(terminal, key, issued, signature)| {
        Certificate { terminal: TerminalId(terminal), key: TerminalKey(key), issued, signature }
    })
}

fn to_directory() -> impl Strategy<Value = ToDirectory> {
    prop_oneof![
        user().prop_map(|userid| Hello { userid }.into()),
        user().prop_map(|userid| InviteReq { userid }.into()),
        (user(), blob(), maybe(any::<[u8; 32]>())).prop_map(|(userid, passcode, invite)| {
            RegisterReq { userid, passcode, invite: invite.map(Mac) }.into()
        }),
        (blob(), key(), blob(), blob()).prop_map(|(passcode, publickey, signature, vault)| {
            RegisterUpload { passcode, publickey, signature, vault }.into()
        }),
        (user(), blob(), any::<[u8; 16]>(), maybe(any::<[u8; 32]>()), any::<bool>()).prop_map(
            |(userid, passcode, terminal, cookie, previous)| {
                let (terminal, cookie) = (TerminalId(terminal), cookie.map(Cookie));
                AuthReq { userid, passcode, terminal, cookie, previous }.into()
            }
        ),
        blob().prop_map(|passcode| AuthProof { passcode }.into()),
        (key(), blob(), 1u16.., certificate()).prop_map(|(publickey, signature, port, certificate)| {
            Announce { publickey, signature, port, certificate, features: Features::default(), local: Vec::new() }
                .into()
        }),
        (user(), user()).prop_map(|(userid, lookup)| LookupReq { userid, lookup }.into()),
        maybe(user()).prop_map(|after| ListReq { after }.into()),
    ]
}

fn from_directory() -> impl Strategy<Value = FromDirectory> {
    let registration = select(vec![Registration::Open, Registration::Invite, Registration::Closed]);
    let reason = select(vec![AuthRefusal::Passcode, AuthRefusal::Locked, AuthRefusal::TooMany, AuthRefusal::Other]);
    let listed = (user(), maybe(any::<u64>()), maybe(text(AWAY_TEXT)))
        .prop_map(|(userid, online_since, away)| ListedUser { userid, online_since, away });
    prop_oneof![
        (registration, maybe(any::<bool>()), any::<bool>(), any::<u16>()).prop_map(
            |(registration, known, kept, passcode_min)| {
                let refused = kept.then_some(RegisterRefusal::Invite);
                Welcome { registration, known, refused, passcode_min }.into()
            }
        ),
        any::<[u8; 32]>().prop_map(|proof| InviteProof { proof: Mac(proof) }.into()),
        (blob(), any::<[u8; 32]>(), any::<bool>()).prop_map(|(passcode, challenge, changed)| {
            AuthChallenge { passcode, challenge: Challenge(challenge), changed }.into()
        }),
        (maybe(blob()), maybe(any::<[u8; 32]>()), maybe(reason), maybe(any::<u64>()), maybe(any::<u32>())).prop_map(
            |(vault, cookie, reason, retry_after, tries_left)| {
                let status = if reason.is_some() { AuthStatus::Refused } else { AuthStatus::Granted };
                AuthReply { status, vault, cookie: cookie.map(Cookie), reason, retry_after, tries_left, newest: None }
                    .into()
            }
        ),
        (address(), any::<u64>(), any::<u32>(), maybe(any::<[u8; 16]>()), features()).prop_map(
            |(address, time, terminals, generation, features)| {
                let generation = generation.map(DirectoryGeneration);
                Announced { address, time, terminals, generation, features, other: None, record: None }.into()
            }
        ),
        (user(), prop::collection::vec(address(), 0..=TERMINALS_PER_USER), key()).prop_map(
            |(userid, addresses, publickey)| {
                let status = LookupStatus::Success;
                let terminals = Vec::new();
                LookupReply { status, userid: userid.to_string(), addresses, publickey, terminals }.into()
            }
        ),
        (prop::collection::vec(listed, 0..9), any::<bool>()).prop_map(|(users, more)| ListReply { users, more }.into()),
        (maybe(text(64)), maybe(any::<u64>()))
            .prop_map(|(to, retry_after)| { Error { code: ErrorCode::RateLimited, to, retry_after }.into() }),
    ]
}

fn peer() -> impl Strategy<Value = PeerMessage> {
    prop_oneof![
        ([user(), user()], any::<[[u8; 32]; 2]>(), any::<[u8; 16]>(), features(), maybe(any::<[u8; 16]>())).prop_map(
            |([initiator, destination], keys, terminal, features, conversation)| {
                let [initiator_key, destination_key] = keys.map(KeyDigest);
                let (terminal, conversation) = (TerminalId(terminal), conversation.map(ConversationId));
                ConnectReq {
                    initiator,
                    destination,
                    initiator_key,
                    destination_key,
                    terminal,
                    features,
                    record: None,
                    conversation,
                }
                .into()
            }
        ),
        (maybe(any::<[u8; 16]>()), features(), maybe(any::<[u8; 16]>())).prop_map(
            |(terminal, features, conversation)| {
                let (status, reason, record) = (ConnectStatus::Accepted, None, None);
                let (terminal, conversation) = (terminal.map(TerminalId), conversation.map(ConversationId));
                ConnectReply { status, reason, terminal, features, record, conversation }.into()
            }
        ),
        (any::<[u8; 16]>(), text(NICK_MAX), text(MESSAGE_TEXT), any::<u64>())
            .prop_map(|(id, nick, message, date)| { Chat { id: MessageId(id), nick, message, date }.into() }),
    ]
}

#[test]
fn a_record_is_no_longer_than_it_may_be() {
    let record = |addresses: usize, key: usize, signature: usize| Record {
        userid: UserId::parse("ali").unwrap(),
        terminal: TerminalId([1; 16]),
        key: KeyDigest([2; 32]),
        addresses: vec![([192, 0, 2, 7], 65_000).into(); addresses],
        issued: 1,
        until: 2,
        directory: Hex(vec![3; key]),
        signature: Blob(vec![4; signature]),
    };
    let decodes = |record: Record| FromDirectory::decode(&FromDirectory::from(record).encode()).is_ok();
    assert!(decodes(record(ADDRESSES_PER_TERMINAL, PUBLIC_KEY_MAX, VAULT_MAX)) && decodes(record(0, 0, 0)));
    assert!(!decodes(record(ADDRESSES_PER_TERMINAL + 1, 91, 64)));
    assert!(!decodes(record(1, PUBLIC_KEY_MAX + 1, 64)));
    assert!(!decodes(record(1, 91, VAULT_MAX + 1)));
}

proptest! {
    // A seed that failed is kept beside this file, and tried first from then on.
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn messages_to_a_directory_arrive_as_they_were_sent(message in to_directory()) {
        prop_assert_eq!(ToDirectory::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn messages_from_a_directory_arrive_as_they_were_sent(message in from_directory()) {
        prop_assert_eq!(FromDirectory::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn messages_between_terminals_arrive_as_they_were_sent(message in peer()) {
        prop_assert_eq!(PeerMessage::decode(&message.encode()).unwrap(), message);
    }

    #[test]
    fn frames_arrive_however_the_stream_is_cut(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..6),
        piece in 1usize..300,
        padded in any::<bool>(),
    ) {
        let padding = if padded { Padding::Ladder } else { Padding::None };
        let frames: Vec<Vec<u8>> =
            payloads.iter().map(|payload| encode(payload, padding, FRAME_AFTER_LOGIN).unwrap()).collect();
        prop_assert!(!padded || frames.iter().all(|frame| PADDED_SIZES.contains(&frame.len())));
        let mut decoder = Decoder::new(FRAME_AFTER_LOGIN);
        let mut decoded = Vec::new();
        for mut bytes in frames.concat().chunks(piece) {
            while !bytes.is_empty() {
                decoded.extend(decoder.feed(&mut bytes).unwrap());
            }
        }
        prop_assert_eq!(decoded.len(), payloads.len());
        prop_assert!(decoded.iter().zip(&payloads).all(|(arrived, sent)| arrived.starts_with(sent)));
    }
}
