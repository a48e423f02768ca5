//! The fuzz body of a connection, on sequences that a fuzzer starts from.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use common::crypto::commit;
use common::crypto::opaque::ClientLogin;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupHandle, KeyDigest, MessageId, RoomId, TerminalId, UserId};
use common::msg::{
    AuthProof, AuthReq, Blob, CertificatesReq, CommitReq, FetchReq, GroupEntry, GroupReq, Hello, InviteReq,
    KeyPackagePut, KeyPackageReq, ListReq, Logout, LookupReq, MailboxAck, MailboxPut, MailboxReq, Member, Message as _,
    Outgoing, Piece, Ping, Pong, TerminalRemove, TerminalsReq, ToDirectory, Upload,
};
use common::secret::{Passcode, Secret};
use common::testkit::{sealed_commit, sealed_message};
use directory_server::testkit::fuzz_connection;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// As in the fuzz body.
const TERMINAL: TerminalId = TerminalId([3; 16]);
const ROOM: RoomId = RoomId([7; 16]);

fn frames() -> Vec<Vec<u8>> {
    let [ali, bianca] = ["ali", "bianca"].map(|id| UserId::parse(id).unwrap());
    let (_, ke1) = ClientLogin::start(Passcode::new("482193".into())).unwrap();
    let terminal = TerminalId([1; 16]);
    let members: Vec<_> = [&ali, &bianca].map(|user| Member { userid: user.clone(), terminal: TERMINAL }).into();
    let handle = GroupHandle([2; 32]);
    let group = Some(GroupEntry { handle, admins: vec![ali.clone()] });
    let put = |epoch| {
        let piece = Piece(sealed_message(&ROOM, epoch, &[1; 100]));
        MailboxPut { room: ROOM, epoch, items: vec![Outgoing { id: MessageId([1; 16]), piece }], leave: epoch == 1 }
    };
    let upload = |epoch| sealed_commit(&ROOM, epoch, &[1; 4]);
    let identity = TerminalIdentity::from_seed(TERMINAL, &Secret::new(vec![8; 32])).unwrap();
    let signed = |request: CommitReq, commit: &[u8]| {
        let request = CommitReq { commit: commit.len() as u32, ..request };
        commit::signed(request, &members[0], &KeyDigest([1; 32]), (commit, b""), |bytes| identity.sign(bytes))
    };
    let commit = |epoch| CommitReq::without_commit(ROOM, epoch, members.clone());
    let gives_up = CommitReq::without_commit(ROOM, 1, Vec::new());
    let founds = CommitReq { room: RoomId([8; 16]), group, ..commit(0) };
    let messages: [ToDirectory; FRAMES] = [
        Hello { userid: ali.clone() }.into(),
        InviteReq { userid: ali.clone() }.into(),
        AuthReq { userid: ali.clone(), passcode: Blob(ke1), terminal, cookie: None, previous: false }.into(),
        AuthProof { passcode: Blob(vec![0; 64]) }.into(),
        LookupReq { userid: ali.clone(), lookup: ali.clone() }.into(),
        ListReq { after: None }.into(),
        Ping {}.into(),
        Pong {}.into(),
        Logout {}.into(),
        MailboxReq {}.into(),
        MailboxAck { upto: 2 }.into(),
        FetchReq { item: 1, offset: 1 }.into(),
        put(0).into(),
        put(1).into(),
        Upload { piece: Piece(upload(0)) }.into(),
        Upload { piece: Piece(upload(1)) }.into(),
        signed(commit(0), &upload(0)).into(),
        signed(commit(1), &upload(1)).into(),
        signed(gives_up, b"").into(),
        signed(founds, b"").into(),
        GroupReq { handle }.into(),
        KeyPackagePut { packages: vec![Piece(vec![1])], last_resort: Some(Piece(vec![2])), anew: false }.into(),
        KeyPackageReq { userid: bianca.clone(), terminals: vec![TERMINAL] }.into(),
        TerminalsReq { users: vec![ali, bianca] }.into(),
        TerminalRemove { terminal: TERMINAL, cookie: None }.into(),
        CertificatesReq { members: members.clone() }.into(),
    ];
    messages.iter().map(ToDirectory::encode).collect()
}

/// How many there are.
const FRAMES: usize = 26;

fn script(mode: u8, steps: &[(u8, usize)]) -> Vec<u8> {
    let frames = frames();
    let mut data = vec![mode];
    for (seconds, which) in steps {
        let frame = &frames[which % frames.len()];
        data.push(*seconds);
        data.extend((frame.len() as u16).to_be_bytes());
        data.extend(frame);
    }
    data
}

/// A few seconds pass, and either session is meant.
fn seconds() -> impl Strategy<Value = u8> {
    (0..2u8, 0..4u8).prop_map(|(whose, seconds)| whose << 7 | seconds)
}

proptest! {
    // A seed that failed is kept beside this file, and tried first from then on.
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn any_order_of_messages_is_answered(mode: u8, steps in prop::collection::vec((seconds(), 0..FRAMES), 0..60)) {
        fuzz_connection(&script(mode, &steps));
    }

    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzz_connection(&data);
    }

    #[test]
    fn a_flipped_byte_is_answered(
        at in 0..1000usize,
        to: u8,
        steps in prop::collection::vec((seconds(), 0..FRAMES), 1..9),
    ) {
        let mut data = script(0, &steps);
        let at = at % data.len();
        data[at] = to;
        fuzz_connection(&data);
    }
}
