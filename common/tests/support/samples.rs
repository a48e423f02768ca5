//! One message per `msgtype` and per set of optional fields; the same bytes every time.

use common::ident::{
    Challenge, ContentDigest, ConversationId, Cookie, DirectoryGeneration, GroupHandle, GroupName, KeyDigest, Mac,
    MeetingToken, MessageId, RoomId, SeenToken, TerminalId, TerminalKey, UserId,
};
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

/// Features that no version has.
fn features() -> Features {
    Features::of(&["dance", "sing"])
}

fn room() -> RoomId {
    RoomId([0x13; 16])
}

fn member(id: &str, terminal: u8) -> Member {
    Member { userid: user(id), terminal: TerminalId([terminal; 16]) }
}

fn user_certificate() -> UserCertificate {
    UserCertificate { userid: user("ali"), publickey: Hex(vec![0x55; 270]), certificate: certificate() }
}

/// A new key of ali's, with what opens stores.
fn own_successor() -> OwnSuccessor {
    let successor = Successor {
        userid: user("ali"),
        former: Hex(vec![0x55; 270]),
        publickey: Hex(vec![0x57; 270]),
        certificates: vec![ContentDigest([0x36; 32])],
        former_signature: blob(0x66, 256),
        signature: blob(0x67, 256),
    };
    OwnSuccessor { successor, store: blob(0x78, 136) }
}

fn refused_by(rule: FileRefusal) -> Body {
    Body::File { file: MessageId([0xab; 16]), state: Outcome::Refused, changed: false, reason: Some(rule) }
}

/// One letter of each kind.
pub(crate) fn letters() -> Vec<Letter> {
    let team = || GroupName::parse("team").unwrap();
    let ids = || vec![MessageId([0xab; 16])];
    [
        Body::Text { text: "Hello, how are you today?".into() },
        Body::Receipt { ids: ids(), state: Received::Delivered },
        Body::Receipt { ids: ids(), state: Received::Read },
        Body::Ask { group: team(), handle: GroupHandle::of(&team(), &KeyDigest([0xef; 32])) },
        Body::Denied { group: team() },
        Body::Decided { user: user("bianca") },
        Body::Waiting { users: vec![user("bianca")] },
        Body::Leave,
        Body::Offer {
            name: "plans.pdf".into(),
            size: 20_000_000,
            files: None,
            content: None,
            left_out: None,
            left_out_names: Vec::new(),
        },
        Body::Offer {
            name: "plans".into(),
            size: 20_480,
            files: Some(12),
            content: None,
            left_out: None,
            left_out_names: Vec::new(),
        },
        Body::File { file: MessageId([0xab; 16]), state: Outcome::Received, changed: false, reason: None },
        Body::File { file: MessageId([0xab; 16]), state: Outcome::Refused, changed: false, reason: None },
        Body::File { file: MessageId([0xab; 16]), state: Outcome::Withdrawn, changed: false, reason: None },
        Body::Offer {
            name: "plans".into(),
            size: 20_480,
            files: Some(12),
            content: None,
            left_out: Some(3),
            left_out_names: vec![EntryName("latest".into()), EntryName("old/pipe".into())],
        },
        Body::File { file: MessageId([0xab; 16]), state: Outcome::Withdrawn, changed: true, reason: None },
        refused_by(FileRefusal::Size),
        refused_by(FileRefusal::Many),
        refused_by(FileRefusal::Spoilt),
        Body::Offer {
            name: "plans".into(),
            size: 20_480,
            files: Some(12),
            content: Some(9_001),
            left_out: None,
            left_out_names: Vec::new(),
        },
    ]
    .map(|body| Letter { id: MessageId([0xac; 16]), date: 1_700_000_000, body })
    .into()
}

/// What a peer says to a directory.
pub(crate) fn to_directory() -> Vec<ToDirectory> {
    let (ali, bianca) = (user("ali"), user("bianca"));
    let register = |invite| ToDirectory::from(RegisterReq { userid: ali.clone(), passcode: blob(0x12, 32), invite });
    let login = |cookie, previous| {
        let terminal = TerminalId([0x11; 16]);
        ToDirectory::from(AuthReq { userid: ali.clone(), passcode: blob(0x34, 96), terminal, cookie, previous })
    };
    let commit = |commit, welcome, members, group| {
        ToDirectory::from(CommitReq { commit, welcome, group, ..CommitReq::without_commit(room(), 3, members) })
    };
    let entry = GroupEntry { handle: GroupHandle([0x24; 32]), admins: vec![ali.clone()] };
    vec![
        Hello { userid: ali.clone() }.into(),
        InviteReq { userid: bianca.clone() }.into(),
        register(None),
        register(Some(Mac([0x78; 32]))),
        upload().into(),
        login(None, false),
        login(Some(Cookie([0x9a; 32])), false),
        login(None, true),
        AuthProof { passcode: blob(0, 64) }.into(),
        Announce {
            publickey: Hex(vec![0x55; 270]),
            signature: blob(0x66, 256),
            port: 65_000,
            certificate: certificate(),
            features: Features::default(),
            local: Vec::new(),
        }
        .into(),
        LookupReq { userid: ali.clone(), lookup: bianca.clone() }.into(),
        ListReq { after: None }.into(),
        ListReq { after: Some(bianca.clone()) }.into(),
        Watch { users: vec![ali.clone(), bianca.clone()] }.into(),
        Away { text: Some("lunch".into()) }.into(),
        Away { text: None }.into(),
        MailboxReq {}.into(),
        MailboxAck { upto: 17 }.into(),
        FetchReq { item: 18, offset: 32_768 }.into(),
        MailboxPut {
            room: room(),
            epoch: 3,
            items: vec![Outgoing { id: MessageId([0xab; 16]), piece: Piece(vec![0x46; 300]) }],
            leave: false,
        }
        .into(),
        Upload { piece: Piece(vec![0x57; 64]) }.into(),
        commit(0, 0, vec![member("ali", 0x11)], Some(entry)),
        commit(40, 24, vec![member("ali", 0x11), member("bianca", 0x12)], None),
        commit(40, 0, Vec::new(), None),
        GroupReq { handle: GroupHandle([0x24; 32]) }.into(),
        KeyPackagePut { packages: vec![Piece(vec![0x68; 80]); 2], last_resort: None, anew: false }.into(),
        KeyPackagePut { packages: Vec::new(), last_resort: Some(Piece(vec![0x69; 80])), anew: false }.into(),
        KeyPackageReq { userid: bianca.clone(), terminals: vec![TerminalId([0x12; 16])] }.into(),
        TerminalsReq { users: vec![ali, bianca] }.into(),
        TerminalRemove { terminal: TerminalId([0x11; 16]), cookie: None }.into(),
        TerminalRemove { terminal: TerminalId([0x11; 16]), cookie: Some(Cookie([0x9a; 32])) }.into(),
        CertificatesReq { members: vec![member("bianca", 0x12)] }.into(),
        BroadcastReq {
            id: MessageId([0xab; 16]),
            message: "The server moves tonight.".into(),
            date: 1_700_000_000,
            signature: blob(0x7a, 64),
        }
        .into(),
        BroadcastLogReq { before: None }.into(),
        BroadcastLogReq { before: Some(9) }.into(),
        PasscodeReq { passcode: blob(0x12, 32) }.into(),
        PasscodeUpload { passcode: blob(0x44, 192), vault: blob(0x77, 1316) }.into(),
        Ping {}.into(),
        Pong {}.into(),
        Logout {}.into(),
        Announce {
            publickey: Hex(vec![0x55; 270]),
            signature: blob(0x66, 256),
            port: 65_000,
            certificate: certificate(),
            features: features(),
            local: Vec::new(),
        }
        .into(),
        commit_request().into(),
        MailboxPut {
            room: room(),
            epoch: 3,
            items: vec![Outgoing { id: MessageId([0xac; 16]), piece: Piece(vec![0x46; 300]) }],
            leave: true,
        }
        .into(),
        KeyPackagePut { packages: Vec::new(), last_resort: Some(Piece(vec![0x6a; 80])), anew: true }.into(),
        WithdrawnAck { upto: 9 }.into(),
        EpochsReq { rooms: vec![room()] }.into(),
        MeetReq { userid: user("bianca"), terminal: TerminalId([0x12; 16]), how: MeetingWay::Relay }.into(),
        MeetReq { userid: user("bianca"), terminal: TerminalId([0x12; 16]), how: MeetingWay::File }.into(),
        MeetReq { userid: user("bianca"), terminal: TerminalId([0x12; 16]), how: MeetingWay::Punch }.into(),
        KeyReq { passcode: blob(0x12, 32) }.into(),
        KeyUpload { passcode: blob(0x44, 192), vault: blob(0x77, 1316), own: own_successor() }.into(),
        FormerReq { known: KeyDigest([0x35; 32]) }.into(),
        SuccessorsReq { users: vec![user("ali"), user("bianca")] }.into(),
        Announce {
            publickey: Hex(vec![0x55; 270]),
            signature: blob(0x66, 256),
            port: 65_000,
            certificate: certificate(),
            features: Features::of(&[ADDRESSES]),
            local: vec![[192, 168, 1, 5].into()],
        }
        .into(),
        SeenReq { token: SeenToken([0x8d; 32]), port: 65_000 }.into(),
    ]
}

/// A group founded anew, signed, with everything a request may have.
pub(crate) fn commit_request() -> CommitReq {
    let entry = GroupEntry { handle: GroupHandle([0x24; 32]), admins: vec![user("carol"), user("ali")] };
    CommitReq {
        commit: 40,
        welcome: 24,
        group: Some(entry),
        again: vec![member("bianca", 0x12)],
        replaces: Some(RoomId([0x14; 16])),
        signature: Some(blob(0x7b, 64)),
        ..CommitReq::without_commit(room(), 0, vec![member("bianca", 0x12), member("ali", 0x11)])
    }
}

/// What stands beside a commit in a mailbox.
fn signed(entry: Option<ContentDigest>) -> Option<Box<SignedCommit>> {
    let digest = |byte| ContentDigest([byte; 32]);
    let digests = CommitDigests {
        commit: digest(0x31),
        welcome: digest(0x32),
        members: digest(0x33),
        entry,
        again: entry,
        replaces: entry.map(|_| RoomId([0x14; 16])),
    };
    Some(Box::new(SignedCommit { digests, signature: blob(0x7b, 64) }))
}

/// What a directory says to a peer.
pub(crate) fn from_directory() -> Vec<FromDirectory> {
    let welcome =
        |registration, known| FromDirectory::from(Welcome { registration, known, refused: None, passcode_min: 6 });
    let kept = |why| {
        let (registration, known, refused) = (Registration::Open, Some(false), Some(why));
        FromDirectory::from(Welcome { registration, known, refused, passcode_min: 6 })
    };
    let registered = |status, reason, retry_after| FromDirectory::from(RegisterReply { status, reason, retry_after });
    let refused = AuthReply {
        status: AuthStatus::Refused,
        vault: None,
        cookie: None,
        reason: Some(AuthRefusal::Locked),
        retry_after: None,
        tries_left: None,
        newest: None,
    };
    let found = LookupReply {
        status: LookupStatus::Success,
        userid: "bianca".into(),
        addresses: vec![([127, 0, 0, 3], 65_000).into(), "[2001:db8::7]:65001".parse().unwrap()],
        publickey: Hex(vec![0x55; 270]),
        terminals: Vec::new(),
    };
    let met = LookupReply {
        terminals: [(0x12, true), (0x13, false)]
            .map(|(byte, relay)| FoundTerminal {
                terminal: TerminalId([byte; 16]),
                relay,
                punch: false,
                addresses: Vec::new(),
                local: Vec::new(),
                record: None,
            })
            .into(),
        ..found.clone()
    };
    let listed = |id, online_since| ListedUser { userid: user(id), online_since, away: None };
    let challenge =
        |changed| AuthChallenge { passcode: blob(0x9b, 320), challenge: Challenge([0xf0; 32]), changed }.into();
    let presence = |status, since, text: Option<&str>| {
        let text = text.map(str::to_owned);
        FromDirectory::from(Presence { userid: user("bianca"), status, since, text })
    };
    let item = |kind, piece| {
        let (from, size) = (member("ali", 0x11), 300);
        MailItem { item: 17, room: room(), from, kind, epoch: 3, date: 1_700_000_000, size, piece, signed: None }
    };
    let stored = |stored, refused, full| FromDirectory::from(MailboxReply { stored, refused, full });
    let broadcast = Broadcast {
        number: 8,
        taken: 1_700_000_001,
        sender: Box::new(user_certificate()),
        id: MessageId([0xab; 16]),
        message: "The server moves tonight.".into(),
        date: 1_700_000_000,
        signature: blob(0x7a, 64),
    };
    let mut all: Vec<FromDirectory> = vec![
        welcome(Registration::Open, Some(true)),
        welcome(Registration::Open, Some(false)),
        kept(RegisterRefusal::Unavailable),
        kept(RegisterRefusal::Invite),
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
        challenge(false),
        challenge(true),
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
        AuthReply { reason: Some(AuthRefusal::TooMany), retry_after: Some(60), ..refused.clone() }.into(),
        AuthReply {
            status: AuthStatus::Granted,
            vault: Some(blob(0x77, 1316)),
            cookie: Some(Cookie([0x9a; 32])),
            reason: None,
            newest: Some(3),
            ..refused
        }
        .into(),
        Announced {
            address: ([127, 0, 0, 2], 65_000).into(),
            time: 1_700_000_000,
            terminals: 2,
            generation: None,
            features: Features::default(),
            other: None,
            record: None,
        }
        .into(),
        found.into(),
        LookupReply::not_found().into(),
        ListReply { users: vec![listed("ali", Some(1_700_000_000)), listed("carol", None)], more: true }.into(),
        ListReply { users: Vec::new(), more: false }.into(),
        ListReply {
            users: vec![ListedUser { away: Some("lunch".into()), ..listed("bianca", Some(1_700_000_000)) }],
            more: false,
        }
        .into(),
        presence(PresenceStatus::Online, Some(1_700_000_000), None),
        presence(PresenceStatus::Away, Some(1_700_000_000), Some("lunch")),
        presence(PresenceStatus::Offline, None, None),
        MailboxState { acked: 16, written: 5, lost: 0, waiting: 1 }.into(),
        Mailbox {
            items: vec![
                item(MailKind::Message, Some(Piece(vec![0x46; 300]))),
                item(MailKind::Commit, Some(Piece(vec![0x47; 300]))),
                MailItem { size: 40_000, ..item(MailKind::Welcome, None) },
            ],
        }
        .into(),
        FetchReply { piece: Piece(vec![0x48; 64]) }.into(),
        stored(1, None, Vec::new()),
        stored(0, Some(MailRefusal::Full), vec![user("bianca")]),
        stored(0, Some(MailRefusal::Epoch), Vec::new()),
        stored(0, Some(MailRefusal::Room), Vec::new()),
        CommitReply::from(CommitStatus::Accepted).into(),
        CommitReply::from(CommitStatus::Epoch).into(),
        CommitReply::from(CommitStatus::Room).into(),
        CommitReply::from(CommitStatus::Taken).into(),
        GroupReply { room: Some(room()), admins: vec![user("ali")] }.into(),
        GroupReply { room: None, admins: Vec::new() }.into(),
        KeyPackageState { left: 19, last_resort: true }.into(),
        KeyPackageReply {
            publickey: Hex(vec![0x55; 270]),
            packages: vec![TakenKeyPackage { certificate: certificate(), package: Piece(vec![0x68; 80]) }],
        }
        .into(),
        TerminalsReply {
            users: vec![UserTerminals { userid: user("bianca"), terminals: vec![TerminalId([0x12; 16])] }],
            refused: None,
        }
        .into(),
        TerminalsReply { users: Vec::new(), refused: Some(RemovalRefused::Proof) }.into(),
        TerminalsReply { users: Vec::new(), refused: Some(RemovalRefused::Older) }.into(),
        CertificatesReply { certificates: vec![user_certificate()] }.into(),
        BroadcastReply { number: 8 }.into(),
        broadcast.clone().into(),
        BroadcastLog { entries: vec![broadcast], more: true }.into(),
        PasscodeChallenge { passcode: blob(0x56, 64) }.into(),
        PasscodeReply { status: PasscodeStatus::Changed }.into(),
        PasscodeReply { status: PasscodeStatus::Refused }.into(),
        Ping {}.into(),
        Pong {}.into(),
    ];
    all.extend(byes().into_iter().map(FromDirectory::from));
    all.extend(errors().into_iter().map(FromDirectory::from));
    let address = ([127, 0, 0, 2], 65_000).into();
    let announced = Announced {
        address,
        time: 1_700_000_000,
        terminals: 1,
        generation: None,
        features: features(),
        other: None,
        record: None,
    };
    all.push(announced.clone().into());
    all.push(stored(0, Some(MailRefusal::Moved), Vec::new()));
    let refused =
        |reason, retry_after| CommitReply { status: CommitStatus::Refused, reason: Some(reason), retry_after };
    all.extend(
        [
            refused(CommitRefusal::Signature, None),
            refused(CommitRefusal::NotAdmin, None),
            refused(CommitRefusal::Order, None),
            refused(CommitRefusal::Members, None),
            refused(CommitRefusal::Entry, None),
            refused(CommitRefusal::Epochs, Some(600)),
            refused(CommitRefusal::Rooms, Some(3600)),
            refused(CommitRefusal::Moved, None),
        ]
        .map(FromDirectory::from),
    );
    let commit = item(MailKind::Commit, Some(Piece(vec![0x47; 300])));
    let welcome = item(MailKind::Welcome, None);
    all.push(
        Mailbox {
            items: vec![
                MailItem { signed: signed(None), ..commit },
                MailItem { signed: signed(Some(ContentDigest([0x34; 32]))), ..welcome },
            ],
        }
        .into(),
    );
    let generation = Some(DirectoryGeneration([0x15; 16]));
    all.push(Announced { generation, features: Features::default(), ..announced.clone() }.into());
    let dropped = |report, reason| WithdrawnMessage {
        report,
        id: MessageId([0xab; 16]),
        room: room(),
        user: user("bianca"),
        reason,
    };
    let reasons = [Withdrawal::Expired, Withdrawal::Full, Withdrawal::Removed];
    all.push(
        Withdrawn { messages: (7..).zip(reasons).map(|(report, reason)| dropped(report, reason)).collect() }.into(),
    );
    all.push(EpochsReply { rooms: vec![RoomEpoch { room: room(), epoch: 3 }] }.into());
    let mut several = met.clone();
    all.push(met.into());
    let token = MeetingToken([0x8c; 32]);
    all.push(MeetReply::success(token).into());
    let refusals = [MeetRefusal::Off, MeetRefusal::NotPresent, MeetRefusal::Full];
    all.extend(refusals.map(|why| FromDirectory::from(MeetReply::refused(why))));
    let (userid, terminal) = (user("ali"), TerminalId([0x11; 16]));
    for how in [MeetingWay::Relay, MeetingWay::File] {
        all.push(Meet { token: Some(token), userid: userid.clone(), terminal, address, how, after: None }.into());
    }
    all.push(MeetReply::punch(address, 200).into());
    all.push(MeetReply::refused(MeetRefusal::NoWay).into());
    all.push(Meet { token: None, userid, terminal, address, how: MeetingWay::Punch, after: Some(200) }.into());
    all.push(KeyChallenge { passcode: blob(0x56, 64), certificates: vec![certificate()] }.into());
    all.extend([KeyStatus::Changed, KeyStatus::Refused, KeyStatus::Older].map(|status| KeyReply { status }.into()));
    all.push(FormerReply { own: vec![own_successor()] }.into());
    all.push(SuccessorsReply { successors: vec![own_successor().successor] }.into());
    let (features, other) = (Features::of(&[ADDRESSES]), Some(Box::new(SeenToken([0x8d; 32]))));
    all.push(Announced { features, other, ..announced.clone() }.into());
    all.push(SeenReply::at("[2001:db8::7]:65000".parse().unwrap()).into());
    all.push(SeenReply::refused().into());
    if let Some(first) = several.terminals.first_mut() {
        first.addresses = several.addresses.clone();
        first.local = vec![([192, 168, 1, 5], 65_000).into()];
    }
    all.push(several.clone().into());
    all.push(Announced { record: Some(Box::new(record())), features: Features::default(), ..announced }.into());
    all.push(record().into());
    if let Some(first) = several.terminals.first_mut() {
        first.record = Some(Box::new(record()));
    }
    all.push(several.into());
    all
}

/// What a directory says of a terminal of ali's, signed by nobody.
fn record() -> Record {
    Record {
        userid: user("ali"),
        terminal: TerminalId([0x11; 16]),
        key: KeyDigest([0xcd; 32]),
        addresses: vec![([192, 0, 2, 7], 65_000).into(), "[2001:db8::7]:65000".parse().unwrap()],
        issued: 1_700_000_000,
        until: 1_700_043_200,
        directory: Hex(vec![0x57; 91]),
        signature: blob(0x58, 64),
    }
}

/// What terminals say to each other.
pub(crate) fn peer() -> Vec<PeerMessage> {
    let reply = |status, reason, terminal| {
        let (features, record, conversation) = (Features::default(), None, None);
        PeerMessage::from(ConnectReply { status, reason, terminal, features, record, conversation })
    };
    let chat = |message: &str| Chat {
        id: MessageId([0xab; 16]),
        nick: "ali".into(),
        message: message.into(),
        date: 1_700_000_000,
    };
    let call = ConnectReq {
        initiator: user("ali"),
        destination: user("bianca"),
        initiator_key: KeyDigest([0xcd; 32]),
        destination_key: KeyDigest([0xef; 32]),
        terminal: TerminalId([0x11; 16]),
        features: Features::default(),
        record: None,
        conversation: None,
    };
    let mut all: Vec<PeerMessage> = vec![
        call.clone().into(),
        FileReq { call: call.clone(), file: MessageId([0xab; 16]), offset: 65_536 }.into(),
        File { size: 20_000_000 }.into(),
        FileEnd { digest: Hex(vec![0xba; 32]) }.into(),
        reply(ConnectStatus::Accepted, None, Some(TerminalId([0x12; 16]))),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Declined), None),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Crossed), None),
        reply(ConnectStatus::Refused, Some(ConnectRefusal::Unavailable), None),
        Connected {}.into(),
        chat("Hello, how are you today?").into(),
        chat("").into(),
        Receipt { ids: vec![MessageId([0xab; 16])], state: Received::Delivered }.into(),
        Receipt { ids: vec![MessageId([0xab; 16]); 2], state: Received::Read }.into(),
        chat("two\nlines, a \"quote\", a \\ and \u{1f642} \u{202e}\u{1b}[31m").into(),
        Ping {}.into(),
        Pong {}.into(),
    ];
    all.extend(byes().into_iter().map(PeerMessage::from));
    all.extend(errors().into_iter().map(PeerMessage::from));
    let shows = ConnectReq { record: Some(Box::new(record())), ..call.clone() };
    let conversation = Some(ConversationId([0xc0; 16]));
    let moves = ConnectReq { features: Features::of(&["moves"]), conversation, ..call.clone() };
    let call = ConnectReq { features: features(), ..call };
    all.push(call.clone().into());
    all.push(FileReq { call, file: MessageId([0xab; 16]), offset: 0 }.into());
    all.push(ConnectReply { features: features(), ..ConnectReply::accepted(TerminalId([0x12; 16])) }.into());
    use ConnectRefusal::{Address, Busy, Destination, Key, NotLoggedIn, Unanswered};
    let rules = [Address, Key, NotLoggedIn, Destination, Busy, Unanswered];
    let refused = |features: &[&str], rule| {
        PeerMessage::from(ConnectReply { features: Features::of(features), ..ConnectReply::refused(rule) })
    };
    all.extend(rules.map(|rule| refused(&["refusals"], rule)));
    all.push(shows.into());
    let record = Some(Box::new(record()));
    all.push(ConnectReply { features: features(), record, ..ConnectReply::accepted(TerminalId([0x12; 16])) }.into());
    all.push(refused(&["refusals", "records"], ConnectRefusal::Record));
    all.push(moves.into());
    let features = Features::of(&["moves"]);
    all.push(ConnectReply { features, conversation, ..ConnectReply::accepted(TerminalId([0x12; 16])) }.into());
    all
}

fn byes() -> [Bye; 7] {
    [
        ByeReason::Ended,
        ByeReason::Stopping,
        ByeReason::Elsewhere,
        ByeReason::Administrator,
        ByeReason::Replaced,
        ByeReason::Protocol,
        ByeReason::Passcode,
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
