//! The fuzz body of a connection, on sequences that a fuzzer starts from.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use common::crypto::opaque::ClientLogin;
use common::ident::{TerminalId, UserId};
use common::msg::{
    AuthProof, AuthReq, Blob, Hello, InviteReq, ListReq, Logout, LookupReq, Message as _, Ping, Pong, ToDirectory,
};
use common::secret::Passcode;
use directory_server::testkit::fuzz_connection;
use proptest::prelude::*;

fn frames() -> Vec<Vec<u8>> {
    let ali = UserId::parse("ali").unwrap();
    let (_, ke1) = ClientLogin::start(Passcode::new("482193".into())).unwrap();
    let messages: [ToDirectory; 9] = [
        Hello { userid: ali.clone() }.into(),
        InviteReq { userid: ali.clone() }.into(),
        AuthReq { userid: ali.clone(), passcode: Blob(ke1), terminal: TerminalId([1; 16]), cookie: None, previous: false }.into(),
        AuthProof { passcode: Blob(vec![0; 64]) }.into(),
        LookupReq { userid: ali.clone(), lookup: ali }.into(),
        ListReq { after: None }.into(),
        Ping {}.into(),
        Pong {}.into(),
        Logout {}.into(),
    ];
    messages.iter().map(ToDirectory::encode).collect()
}

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_messages_is_answered(mode: u8, steps in prop::collection::vec((0..4u8, 0..9usize), 0..30)) {
        fuzz_connection(&script(mode, &steps));
    }

    #[test]
    fn any_bytes_are_answered(data in prop::collection::vec(any::<u8>(), 0..2000)) {
        fuzz_connection(&data);
    }

    #[test]
    fn a_flipped_byte_is_answered(at in 0..1000usize, to: u8, steps in prop::collection::vec((0..2u8, 0..9usize), 1..9)) {
        let mut data = script(0, &steps);
        let at = at % data.len();
        data[at] = to;
        fuzz_connection(&data);
    }
}
