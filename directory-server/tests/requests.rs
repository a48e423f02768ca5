//! The number of a request, repeated by the real program in the answer and in every error, and in nothing else.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use common::ident::TerminalId;
use common::msg::{
    Bye, ByeReason, Envelope, ErrorCode, FromDirectory, Hello, ListReq, LookupReq, MailboxReq, Message as _, Ping,
    RequestNumber, ToDirectory,
};
use common::testkit::Example;
use common::testkit::client::Client;
use support::mail::{commit_req, member, putting};
use support::process::{Server, account, command, log_in, register};

fn numbered(number: u64, message: impl Into<ToDirectory>) -> Vec<u8> {
    Envelope { request: RequestNumber::new(number), message: message.into() }.encode()
}

/// The next message with its number; others' coming and going is left out, and has none.
fn receive(client: &mut Client) -> (Option<u64>, FromDirectory) {
    loop {
        let envelope = Envelope::<FromDirectory>::decode(&client.receive().unwrap().unwrap()).unwrap();
        match envelope.message {
            FromDirectory::Presence(_) => assert_eq!(envelope.request, None),
            message => return (envelope.request.map(RequestNumber::value), message),
        }
    }
}

fn lookup() -> LookupReq {
    LookupReq { userid: Example::Ali.user().unwrap(), lookup: Example::Bianca.user().unwrap() }
}

/// The code of the error that answers a payload, and its number.
fn error(client: &mut Client, payload: &str) -> (Option<u64>, ErrorCode) {
    client.send(payload.as_bytes()).unwrap();
    match receive(client) {
        (number, FromDirectory::Error(error)) => (number, error.code),
        (number, other) => panic!("{number:?} {other:?}"),
    }
}

fn closes(mut client: Client) {
    assert_eq!(client.receive().unwrap(), None);
}

#[test]
fn answers_repeat_the_number_whether_they_come_from_memory_or_from_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    register(&server, Example::Bianca);
    let [mut ali, mut bianca] = [Example::Ali, Example::Bianca].map(|example| log_in(&server, example));
    let members = [member("ali", 1), member("bianca", 1)];
    let create = ali.signed(&members[0], commit_req(0, &members), (b"", b"")).unwrap();
    let requests: [(u64, ToDirectory); 6] = [
        (9, lookup().into()),
        (5, ListReq { after: None }.into()),
        (9_007_199_254_740_991, Ping {}.into()),
        (1, create.into()),
        (2, MailboxReq {}.into()),
        (2, lookup().into()),
    ];
    for (number, request) in requests {
        ali.send(&numbered(number, request)).unwrap();
        assert_eq!(receive(&mut ali).0, Some(number));
    }
    ali.send(&ToDirectory::from(lookup()).encode()).unwrap();
    assert!(matches!(receive(&mut ali), (None, FromDirectory::LookupReply(_))), "who gives none gets none");
    bianca.send(&numbered(77, putting(0, &[b"x"]))).unwrap();
    assert!(matches!(receive(&mut bianca), (Some(77), FromDirectory::MailboxReply(_))));
    assert!(matches!(receive(&mut ali), (None, FromDirectory::Mailbox(_))), "mail that comes by itself has none");
    ali.send(&numbered(8, common::msg::Logout {})).unwrap();
    let bye = Bye { reason: ByeReason::Ended }.into();
    assert_eq!(receive(&mut ali), (Some(8), bye));
    closes(ali);
}

#[test]
fn errors_repeat_the_number_wherever_it_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    for is_present in [false, true] {
        let open = || if is_present { log_in(&server, Example::Ali) } else { server.connect() };
        let mut client = open();
        let unknown = error(&mut client, r#"{"msgtype":"DANCE","request":7}"#);
        assert_eq!(unknown, (Some(7), ErrorCode::UnknownMsgtype));
        assert_eq!(error(&mut client, r#"{"msgtype":"DANCE"}"#), (None, ErrorCode::UnknownMsgtype));
        let broken = error(&mut client, r#"{"msgtype":"LOOKUPREQ","userid":"ALI","lookup":"b","request":8}"#);
        assert_eq!(broken, (Some(8), ErrorCode::Malformed));
        closes(client);
        for (payload, number) in [
            (r#"{"msgtype":7,"request":9}"#, Some(9)),
            (r#"{"msgtype":"LISTREQ","request":0}"#, None),
            (r#"{"msgtype":"LISTREQ","request":9007199254740992}"#, None),
            (r#"{"msgtype":"LISTREQ","request":1,"request":1}"#, None),
        ] {
            let mut client = open();
            assert_eq!(error(&mut client, payload), (number, ErrorCode::Malformed), "{payload}");
            closes(client);
        }
    }
    let mut client = server.connect();
    let early = String::from_utf8(numbered(3, MailboxReq {})).unwrap();
    assert_eq!(error(&mut client, &early), (Some(3), ErrorCode::OutOfOrder));
    let mut client = server.connect();
    client.send(&numbered(4, Hello { userid: Example::Ali.user().unwrap() })).unwrap();
    assert!(matches!(receive(&mut client), (Some(4), FromDirectory::Welcome(_))));
}

#[test]
fn a_login_whose_requests_have_numbers_has_them_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    let mut client = server.connect();
    client.number_requests();
    client.log_in(&account(Example::Ali), TerminalId([1; 16]), 65_000).unwrap();
    assert!(client.lookup(&Example::Ali.user().unwrap(), &Example::Ali.user().unwrap()).is_ok());
}

#[test]
fn a_request_that_comes_too_fast_is_named_by_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("directory.toml");
    std::fs::write(&config, "[limits]\nlookups_per_minute = 2\n").unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    let server = Server::start_logging(command(dir.path(), &arguments).stderr(std::process::Stdio::null()));
    register(&server, Example::Ali);
    let mut ali = log_in(&server, Example::Ali);
    (1..=4).for_each(|number| ali.send(&numbered(number, lookup())).unwrap());
    let answers: Vec<_> = (1..=4).map(|_| receive(&mut ali)).collect();
    assert!(answers[..2].iter().all(|(_, answer)| matches!(answer, FromDirectory::LookupReply(_))));
    for ((number, answer), expected) in answers.iter().zip(1..) {
        assert_eq!(*number, Some(expected));
        let FromDirectory::Error(error) = answer else { continue };
        assert_eq!((error.code, error.to.as_deref()), (ErrorCode::RateLimited, Some("LOOKUPREQ")));
        assert!(error.retry_after.is_some());
    }
    assert!(matches!(answers[3].1, FromDirectory::Error(_)));
}
