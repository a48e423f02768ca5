//! Mail through the real program: pushed to whoever waits, in the order of the requests, and kept through a kill.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use common::frame::PREFIX;
use common::ident::TerminalId;
use common::limits::PADDED_SIZES;
use common::msg::{
    FromDirectory, ListReq, LookupReq, MailItem, MailboxAck, MailboxReply, MailboxReq, MailboxState, Message as _,
    ToDirectory,
};
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch, is_registered};
use rustix::process::Signal;
use support::RIGHT;
use support::mail::{body, commit_req, member, putting};
use support::process::{Server, command, stdout};

fn account(example: Example) -> Account {
    let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
    Account { user, passcode: RIGHT.into(), stretch: Stretch::Least, identity }
}

fn log_in(server: &Server, example: Example) -> Client {
    let mut client = server.connect();
    client.log_in(&account(example), TerminalId([1; 16]), 65_000).unwrap();
    client
}

/// A server with ali and bianca, who share a room in epoch 0.
fn pair(data: &std::path::Path) -> (Server, Client, Client) {
    let server = Server::start(data);
    for example in [Example::Ali, Example::Bianca] {
        assert!(is_registered(&server.connect().register(&account(example), None).unwrap()));
    }
    let [mut ali, bianca] = [Example::Ali, Example::Bianca].map(|example| log_in(&server, example));
    let members = [member("ali", 1), member("bianca", 1)];
    let create = ali.signed(&members[0], commit_req(0, &members), (b"", b"")).unwrap();
    let created = ali.ask(create).unwrap();
    assert!(matches!(created, FromDirectory::CommitReply(_)));
    (server, ali, bianca)
}

fn send(client: &mut Client, message: impl Into<ToDirectory>) {
    client.send(&message.into().encode()).unwrap();
}

/// The next message; others' coming and going is left out.
fn receive(client: &mut Client) -> FromDirectory {
    loop {
        match FromDirectory::decode(&client.receive().unwrap().unwrap()).unwrap() {
            FromDirectory::Presence(_) => {}
            message => return message,
        }
    }
}

fn open_mailbox(client: &mut Client) -> MailboxState {
    match client.ask(MailboxReq {}).unwrap() {
        FromDirectory::MailboxState(state) => state,
        other => panic!("{other:?}"),
    }
}

fn mail(client: &mut Client) -> Vec<MailItem> {
    match receive(client) {
        FromDirectory::Mailbox(mailbox) => mailbox.items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mail_is_pushed_to_a_terminal_that_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut ali, mut bianca) = pair(dir.path());
    assert_eq!(open_mailbox(&mut bianca).waiting, 0);
    for round in 0..3u8 {
        send(&mut ali, putting(0, &[&[round]]));
        let items = mail(&mut bianca);
        assert_eq!(items.iter().map(body).collect::<Vec<_>>(), [[round]]);
        assert!(matches!(receive(&mut ali), FromDirectory::MailboxReply(MailboxReply { stored: 1, .. })));
        send(&mut bianca, MailboxAck { upto: items[0].item });
    }
}

#[test]
fn requests_are_answered_in_their_order_whether_they_need_the_store_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut ali, _bianca) = pair(dir.path());
    for _ in 0..10 {
        send(&mut ali, putting(0, &[b"x"]));
        send(&mut ali, ListReq { after: None });
    }
    for _ in 0..10 {
        assert!(matches!(receive(&mut ali), FromDirectory::MailboxReply(_)));
        assert!(matches!(receive(&mut ali), FromDirectory::ListReply(_)));
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, mut ali, bianca) = pair(dir.path());
    drop(bianca);
    let (mut sent, mut carried_out) = (0u32, 0u32);
    for acknowledged in [1, 5, 9, 0, 3] {
        for _ in 0..20 {
            send(&mut ali, putting(0, &[&sent.to_be_bytes()]));
            sent += 1;
        }
        for _ in 0..acknowledged {
            assert!(matches!(receive(&mut ali), FromDirectory::MailboxReply(MailboxReply { stored: 1, .. })));
        }
        server.signal(Signal::KILL);
        server.wait();
        server = Server::start(dir.path());
        ali = log_in(&server, Example::Ali);
        // The room was written first.
        let written = u32::try_from(open_mailbox(&mut ali).written).unwrap() - 1;
        assert!(written >= carried_out + acknowledged && written <= sent, "{written} of {sent}");
        carried_out = written;
        // The sender sends again what was not carried out.
        sent = written;
    }
    let mut bianca = log_in(&server, Example::Bianca);
    let mut waiting = open_mailbox(&mut bianca).waiting;
    assert_eq!(waiting, u64::from(carried_out));
    let status = stdout(dir.path(), &["status"]);
    assert!(status.contains(&format!(" {waiting} queued message")), "{status}");
    let mut expected = 0u32..;
    while waiting > 0 {
        let items = mail(&mut bianca);
        for item in &items {
            assert_eq!(body(item), expected.next().unwrap().to_be_bytes());
        }
        waiting -= items.len() as u64;
        send(&mut bianca, MailboxAck { upto: items.last().unwrap().item });
    }
    assert_eq!(open_mailbox(&mut bianca).waiting, 0);
}

#[test]
fn the_limits_of_the_configuration_are_those_of_the_mailboxes() {
    let dir = tempfile::tempdir().unwrap();
    drop(pair(dir.path()));
    let mut limited = command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    limited.env("DIRSRV_LIMITS__QUEUE", "2").env("DIRSRV_LIMITS__QUEUE_BYTES", "4KiB");
    let server = Server::start_logging(limited.stderr(std::process::Stdio::null()));
    let mut ali = log_in(&server, Example::Ali);
    let mut stored = |bodies: &[&[u8]]| match ali.ask(putting(0, bodies)).unwrap() {
        FromDirectory::MailboxReply(reply) => reply.stored,
        other => panic!("{other:?}"),
    };
    assert_eq!(stored(&[&[1; 960], &[2; 960]]), 1);
    assert_eq!(stored(&[b"2", b"3"]), 1);
    let waiting = stdout(dir.path(), &["user", "show", "bianca"]);
    assert!(waiting.contains("waiting     2\n"), "{waiting}");
}

#[test]
fn every_frame_of_a_session_has_one_of_the_sizes_that_frames_have() {
    let data = tempfile::tempdir().unwrap();
    let (_server, mut ali, bianca) = pair(data.path());
    // What is answered from memory, ready encoded, from the store, with a number, by an error, and pushed; the end, too.
    send(&mut ali, ListReq { after: None });
    send(&mut ali, LookupReq { userid: Example::Ali.user().unwrap(), lookup: Example::Bianca.user().unwrap() });
    send(&mut ali, MailboxReq {});
    ali.send(br#"{"msgtype":"LISTREQ","request":7}"#).unwrap();
    ali.send(br#"{"msgtype":"LOOKUPREQ","userid":"ali","lookup":"carol","request":8}"#).unwrap();
    ali.send(br#"{"msgtype":"MAILBOXREQ","request":9}"#).unwrap();
    ali.send(br#"{"msgtype":"DANCE"}"#).unwrap();
    drop(bianca);
    let (mut answers, mut pushed, mut leaves) = (0, 0, false);
    while let Some(frame) = ali.receive().unwrap() {
        let whole = PREFIX + frame.len();
        assert!(PADDED_SIZES.contains(&whole), "{whole} bytes: {}", String::from_utf8_lossy(&frame));
        let is_pushed = matches!(FromDirectory::decode(&frame), Ok(FromDirectory::Presence(_)));
        *if is_pushed { &mut pushed } else { &mut answers } += 1;
        if answers == 7 && pushed > 0 && !std::mem::replace(&mut leaves, true) {
            ali.send(br#"{"msgtype":"LOGOUT"}"#).unwrap();
        }
    }
    assert!(answers >= 8 && pushed > 0, "{answers} answers, {pushed} pushed");
}
