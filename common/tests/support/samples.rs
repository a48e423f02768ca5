//! One message per `msgtype` and per set of optional fields; the same bytes every time.

use common::ident::{Challenge, Cookie, KeyDigest, Mac, MessageId, TerminalId, TerminalKey, UserId};
use common::msg::*;

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn blob(byte: u8, length: usize) -> Blob {
    Blob(vec![byte; length])
}

pub(crate) fn certificate() -> Certificate {
    Certificate {
        terminal: TerminalId([0x11; 16]),
        key: TerminalKey([0x22; 32]),
        issued: 1_700_000_000,
        signature: blob(0x33, 256),
    }
}

pub(crate) fn upload() -> RegisterUpload {
    RegisterUpload {
        passcode: blob(0x44, 192),
        publickey: Hex(vec![0x55; 270]),
        signature: blob(0x66, 256),
        vault: blob(0x77, 1316),
    }
}

/// What a peer says to a directory.
pub(crate) fn to_directory() -> Vec<ToDirectory> {
    let (ali, bianca) = (user("ali"), user("bianca"));
    let register = |invite| ToDirectory::from(RegisterReq { userid: ali.clone(), passcode: blob(0x12, 32), invite });
    let login = |cookie| {
        let terminal = TerminalId([0x11; 16]);
        ToDirectory::from(AuthReq { userid: ali.clone(), passcode: blob(0x34, 96), terminal, cookie })
    };
    vec![
        Hello { userid: ali.clone() }.into(),
        InviteReq { userid: bianca.clone() }.into(),
        register(None),
        register(Some(Mac([0x78; 32]))),
        upload().into(),
        login(None),
        login(Some(Cookie([0x9a; 32]))),
        AuthProof { passcode: blob(0, 64) }.into(),
        Announce {
            publickey: Hex(vec![0x55; 270]),
            signature: blob(0x66, 256),
            port: 65_000,
            certificate: certificate(),
        }
        .into(),
        LookupReq { userid: ali, lookup: bianca.clone() }.into(),
        ListReq { after: None }.into(),
        ListReq { after: Some(bianca) }.into(),
        Ping {}.into(),
        Pong {}.into(),
        Logout {}.into(),
    ]
}

/// What a directory says to a peer.
pub(crate) fn from_directory() -> Vec<FromDirectory> {
    let welcome = |registration, known| FromDirectory::from(Welcome { registration, known, passcode_min: 6 });
    let registered = |status, reason, retry_after| FromDirectory::from(RegisterReply { status, reason, retry_after });
    let refused = AuthReply {
        status: AuthStatus::Refused,
        vault: None,
        cookie: None,
        reason: Some(AuthRefusal::Locked),
        retry_after: None,
        tries_left: None,
    };
    let found = LookupReply {
        status: LookupStatus::Success,
        userid: "bianca".into(),
        addresses: vec![([127, 0, 0, 3], 65_000).into(), "[2001:db8::7]:65001".parse().unwrap()],
        publickey: Hex(vec![0x55; 270]),
    };
    let listed = |id, online_since| ListedUser { userid: user(id), online_since };
    let mut all: Vec<FromDirectory> = vec![
        welcome(Registration::Open, Some(true)),
        welcome(Registration::Open, Some(false)),
        welcome(Registration::Invite, None),
        welcome(Registration::Closed, None),
        InviteProof { proof: Mac([0xbc; 32]) }.into(),
        RegisterChallenge { passcode: blob(0x56, 64), challenge: Challenge([0xde; 32]) }.into(),
        registered(RegisterStatus::Registered, None, None),
        registered(RegisterStatus::Refused, Some(RegisterRefusal::Unavailable), None),
        registered(RegisterStatus::Refused, Some(RegisterRefusal::Invite), None),
        registered(RegisterStatus::Refused, Some(RegisterRefusal::Closed), None),
        registered(RegisterStatus::Refused, Some(RegisterRefusal::TooMany), Some(1800)),
        registered(RegisterStatus::Refused, Some(RegisterRefusal::Key), None),
        AuthChallenge { passcode: blob(0x9b, 320), challenge: Challenge([0xf0; 32]) }.into(),
        AuthReply {
            status: AuthStatus::Granted,
            vault: Some(blob(0x77, 1316)),
            cookie: Some(Cookie([0x9a; 32])),
            reason: None,
            ..refused.clone()
        }
        .into(),
        AuthReply { reason: Some(AuthRefusal::Passcode), tries_left: Some(3), ..refused.clone() }.into(),
        AuthReply { retry_after: Some(300), ..refused.clone() }.into(),
        refused.clone().into(),
        AuthReply { reason: Some(AuthRefusal::TooMany), retry_after: Some(60), ..refused }.into(),
        Announced { address: ([127, 0, 0, 2], 65_000).into(), time: 1_700_000_000, terminals: 2 }.into(),
        found.into(),
        LookupReply::not_found().into(),
        ListReply { users: vec![listed("ali", Some(1_700_000_000)), listed("carol", None)], more: true }.into(),
        ListReply { users: Vec::new(), more: false }.into(),
        Ping {}.into(),
        Pong {}.into(),
    ];
    all.extend(byes().into_iter().map(FromDirectory::from));
    all.extend(errors().into_iter().map(FromDirectory::from));
    all
}

/// What terminals say to each other.
pub(crate) fn peer() -> Vec<PeerMessage> {
    let reply = |status, reason, terminal| PeerMessage::from(ConnectReply { status, reason, terminal });
    let chat = |message: &str| Chat {
        id: MessageId([0xab; 16]),
        nick: "ali".into(),
        message: message.into(),
        date: 1_700_000_000,
    };
    let mut all: Vec<PeerMessage> = vec![
        ConnectReq {
            initiator: user("ali"),
            destination: user("bianca"),
            initiator_key: KeyDigest([0xcd; 32]),
            destination_key: KeyDigest([0xef; 32]),
            terminal: TerminalId([0x11; 16]),
        }
        .into(),
        reply(ConnectStatus::Accepted, None, Some(TerminalId([0x12; 16]))),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Declined), None),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Crossed), None),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Unavailable), None),
        Connected {}.into(),
        chat("Hello, how are you today?").into(),
        chat("").into(),
        chat("two\nlines, a \"quote\", a \\ and \u{1f642} \u{202e}\u{1b}[31m").into(),
        Ping {}.into(),
        Pong {}.into(),
    ];
    all.extend(byes().into_iter().map(PeerMessage::from));
    all.extend(errors().into_iter().map(PeerMessage::from));
    all
}

fn byes() -> [Bye; 6] {
    [
        ByeReason::Ended,
        ByeReason::Stopping,
        ByeReason::Elsewhere,
        ByeReason::Administrator,
        ByeReason::Replaced,
        ByeReason::Protocol,
    ]
    .map(|reason| Bye { reason })
}

fn errors() -> Vec<Error> {
    let mut all: Vec<Error> = [
        ErrorCode::Malformed,
        ErrorCode::UnknownMsgtype,
        ErrorCode::OutOfOrder,
        ErrorCode::NotAccepted,
        ErrorCode::Unavailable,
    ]
    .map(Error::new)
    .into();
    all.push(Error { to: Some("LOOKUPREQ".into()), retry_after: Some(12), ..Error::new(ErrorCode::RateLimited) });
    all
}
