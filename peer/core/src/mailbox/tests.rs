//! Items one after the other, without any room: what is asked, what is handed on, what is written and confirmed.

mod going_back;

use common::ident::{Cookie, RoomId, TerminalId, UserId};
use common::limits::{CERTIFICATES_ASKED, COMMIT_MAX, MAIL_IN_ONE};
use common::msg::{MailItem, MailKind, MailboxAck, MailboxState, Member, Piece, ToDirectory, UserCertificate};
use common::testkit::Example;

use super::{Mailbox, begin_without_rooms};
use crate::context::{Context, Session};
use crate::event::Effect;
use crate::fixtures;
use crate::notice::{MessageNotice, Notice};
use crate::persistence::{Rows, Table, Write};
use crate::request::{DeliveryRequest, DirectoryRequest, GroupRequest, Question, Request, WholeItem};

fn member(number: u8) -> Member {
    Member { userid: UserId::parse("bianca").unwrap(), terminal: TerminalId([number; 16]) }
}

/// An item of so many bytes, of which the first ones came with it.
fn item(number: u64, size: u32, came: usize) -> MailItem {
    let piece = Some(Piece(vec![1; came]));
    MailItem {
        item: number,
        room: RoomId([9; 16]),
        kind: MailKind::Message,
        from: member(1),
        date: 0,
        epoch: 0,
        size,
        piece,
        signed: None,
    }
}

fn state(waiting: u64) -> MailboxState {
    MailboxState { waiting, acked: 0, written: 0, lost: 0 }
}

struct Stage {
    cx: Context,
    mailbox: Mailbox,
    /// What was written by the end of the last session.
    rows: Rows,
}

impl Stage {
    fn new(rows: &Rows) -> Self {
        let cx = fixtures::context(fixtures::identity(Example::Ali));
        Self { cx, mailbox: Mailbox::load(rows), rows: rows.clone() }
    }

    /// A session that has said how many items wait.
    fn begun(waiting: u64) -> Self {
        let mut stage = Self::new(&Rows::new());
        stage.mailbox.handle_session();
        stage.mailbox.handle_state(&mut stage.cx, state(waiting));
        stage
    }

    fn come(&mut self, items: Vec<MailItem>) -> Vec<Request> {
        self.mailbox.handle_items(&mut self.cx, items)
    }

    fn taken(&mut self, item: u64) -> Vec<Request> {
        self.mailbox.handle_taken(&mut self.cx, item)
    }

    /// The rows that this step has written.
    /// The rows that were put.
    fn kept(&mut self) -> Rows {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        let writes = effects.into_iter().filter_map(|effect| match effect {
            Effect::Persist(writes) => Some(writes),
            _ => None,
        });
        let row = |write| match write {
            Write::Put { key, value, .. } => Some((key, value)),
            _ => None,
        };
        writes.flatten().filter_map(row).collect()
    }

    fn written(&mut self) -> Vec<(Vec<u8>, Option<u64>)> {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        let writes = effects.into_iter().filter_map(|effect| match effect {
            Effect::Persist(writes) => Some(writes),
            _ => None,
        });
        let row = |write| match write {
            Write::Put { kind: Table::Counter, key, value } => {
                (key, value.as_slice().try_into().ok().map(u64::from_be_bytes))
            }
            Write::Delete { key, .. } => (key, None),
            write => panic!("{write:?}"),
        };
        writes.flatten().map(row).collect()
    }
}

fn opened(requests: &[Request]) -> &WholeItem {
    let [Request::Group(GroupRequest::Open(whole))] = requests else { panic!("{requests:?}") };
    whole
}

fn confirms(requests: &[Request], upto: u64) -> bool {
    let ack = |request: &Request| matches!(request, Request::Directory(DirectoryRequest::Tell(ToDirectory::MailboxAck(ack))) if ack.upto == upto);
    requests.iter().any(ack) && requests.contains(&Request::Delivery(DeliveryRequest::LettersTaken))
}

#[test]
fn a_session_begins_by_asking_for_the_mail() {
    let requests = Stage::new(&Rows::new()).mailbox.handle_session();
    let [
        Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MailboxReq(_), question: Question::Mailbox }),
    ] = &requests[..]
    else {
        panic!("{requests:?}")
    };
}

#[test]
fn the_terminal_that_was_replaced_is_removed_before_anything_else_is_published() {
    let former = TerminalId([5; 16]);
    let old = vec![(b"x".to_vec(), vec![1].into())];
    let cookie = Cookie([6; 32]);
    let writes = begin_without_rooms((former, Some(&cookie)), &old, &old);
    let deleted = writes.iter().filter(|write| matches!(write, Write::Delete { .. })).count();
    assert_eq!((deleted, writes.len()), (2, 3));
    let Some(Write::Put { key, value, .. }) = writes.last() else { panic!("{writes:?}") };
    let mut stage = Stage::new(&vec![(key.clone(), value.clone())]);
    assert!(stage.mailbox.has_replaced());
    let requests = stage.mailbox.handle_session();
    let [
        _,
        Request::Directory(DirectoryRequest::Ask {
            message: ToDirectory::TerminalRemove(remove),
            question: Question::Replaced,
        }),
    ] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!((remove.terminal, &remove.cookie), (former, &Some(cookie)));
    stage.mailbox.handle_replaced(&mut stage.cx);
    assert_eq!(stage.written(), [(b"replaced".to_vec(), None)]);
    assert_eq!(stage.mailbox.handle_session().len(), 1);
}

#[test]
fn a_state_that_is_behind_the_directory_is_an_old_copy() {
    let row = |name: &[u8]| (name.to_vec(), 5_u64.to_be_bytes().to_vec().into());
    for (acked, written, is_old) in [(5, 5, false), (6, 5, true), (5, 6, true), (4, 4, false)] {
        let mut stage = Stage::new(&vec![row(b"acked"), row(b"written")]);
        stage.mailbox.handle_state(&mut stage.cx, MailboxState { acked, written, ..state(1) });
        let mut effects = Vec::new();
        stage.cx.finish(&mut effects);
        assert_eq!(effects == [Effect::NewTerminal], is_old, "acked {acked}, written {written}");
    }
}

#[test]
fn mail_that_was_lost_is_told_and_may_have_held_confirmations() {
    let mut stage = Stage::new(&Rows::new());
    let requests = stage.mailbox.handle_state(&mut stage.cx, MailboxState { lost: 3, ..state(1) });
    let heard = MailboxAck { upto: 0 }.into();
    let heard = Request::Directory(DirectoryRequest::Tell(heard));
    assert_eq!(
        requests,
        [Request::Delivery(DeliveryRequest::StoredLost), heard],
        "it is told again until it was heard"
    );
    let mut effects = Vec::new();
    stage.cx.finish(&mut effects);
    assert_eq!(effects, [Effect::Notify(Notice::Message(MessageNotice::Lost { count: 3 }))]);
}

#[test]
fn a_mailbox_where_nothing_waits_is_caught_up_at_once() {
    let mut stage = Stage::new(&Rows::new());
    assert_eq!(stage.mailbox.handle_state(&mut stage.cx, state(0)), [Request::Group(GroupRequest::CaughtUp)]);
    assert_eq!(stage.cx.session, Session::CaughtUp);
}

#[test]
fn items_are_opened_one_by_one_and_confirmed_together() {
    let mut stage = Stage::begun(2);
    assert_eq!(opened(&stage.come(vec![item(1, 3, 3), item(2, 3, 3)])).item.item, 1);
    assert_eq!(opened(&stage.taken(1)).item.item, 2);
    assert_eq!(stage.cx.session, Session::CatchingUp);
    let requests = stage.taken(2);
    assert!(confirms(&requests, 2));
    assert_eq!(requests.last(), Some(&Request::Group(GroupRequest::CaughtUp)));
    assert!(stage.written().contains(&(b"acked".to_vec(), Some(2))));
}

#[test]
fn an_item_that_was_taken_before_is_confirmed_again_and_not_opened() {
    let mut stage = Stage::begun(2);
    stage.come(vec![item(1, 3, 3)]);
    stage.taken(1);
    stage.written();
    let requests = stage.come(vec![item(1, 3, 3)]);
    assert!(confirms(&requests, 1));
    assert_eq!(stage.written(), []);
    assert_eq!(stage.cx.session, Session::CaughtUp, "it was one of those that waited");
}

#[test]
fn the_rest_of_a_large_item_is_fetched_piece_by_piece_and_asked_for_once() {
    let mut stage = Stage::begun(1);
    let requests = stage.come(vec![item(1, 5, 2)]);
    let Some(Request::Directory(DirectoryRequest::Ask {
        message: ToDirectory::FetchReq(fetch),
        question: Question::Piece,
    })) = requests.first()
    else {
        panic!("{requests:?}")
    };
    assert_eq!((fetch.item, fetch.offset), (1, 2));
    assert_eq!(stage.come(vec![item(2, 3, 3)]), [], "what comes meanwhile waits");
    let requests = stage.mailbox.handle_piece(&mut stage.cx, &[1, 1]);
    assert!(
        matches!(requests.first(), Some(Request::Directory(DirectoryRequest::Ask { message: ToDirectory::FetchReq(fetch), .. })) if fetch.offset == 4)
    );
    let requests = stage.mailbox.handle_piece(&mut stage.cx, &[1]);
    assert_eq!(opened(&requests).bytes.len(), 5);
    assert_eq!(stage.mailbox.handle_piece(&mut stage.cx, &[1]), [], "nobody waits for it");
}

#[test]
fn an_item_that_the_directory_has_no_more_is_opened_empty() {
    let mut stage = Stage::begun(1);
    stage.come(vec![item(1, 5, 2)]);
    let requests = stage.mailbox.handle_piece(&mut stage.cx, &[]);
    assert_eq!(opened(&requests).bytes.len(), 0);
}

#[test]
fn certificates_are_asked_for_as_many_as_go_in_one_request() {
    for (missing, requests) in [(CERTIFICATES_ASKED, 1), (CERTIFICATES_ASKED + 1, 2)] {
        let mut stage = Stage::begun(1);
        let whole = opened(&stage.come(vec![item(1, 3, 3)])).clone();
        let members: Vec<Member> = (0..missing).map(|number| member(u8::try_from(number % 251).unwrap())).collect();
        let mut asked = stage.mailbox.handle_needs(&mut stage.cx, whole, members);
        for _ in 0..requests {
            let Some(Request::Directory(DirectoryRequest::Ask { message, question: Question::Certificates })) =
                asked.first()
            else {
                panic!("{asked:?}")
            };
            assert!(
                matches!(message, ToDirectory::CertificatesReq(request) if request.members.len() <= CERTIFICATES_ASKED)
            );
            asked = stage.mailbox.handle_certificates(&mut stage.cx, Vec::<UserCertificate>::new());
        }
        assert_eq!(opened(&asked).certificates, Some(Vec::new()), "asked for, and none came");
    }
}

#[test]
fn a_question_that_was_refused_is_asked_again_when_the_directory_says() {
    let mut stage = Stage::new(&Rows::new());
    stage.mailbox.handle_session();
    stage.mailbox.handle_refused(stage.cx.now.tick + 7);
    assert_eq!(stage.mailbox.next_deadline(), Some(stage.cx.now.tick + 7));
    stage.cx.now.tick += 6;
    assert_eq!(stage.mailbox.handle_tick(&stage.cx), []);
    stage.cx.now.tick += 1;
    assert!(matches!(
        &stage.mailbox.handle_tick(&stage.cx)[..],
        [Request::Directory(DirectoryRequest::Ask { question: Question::Mailbox, .. })]
    ));
    assert_eq!(stage.mailbox.next_deadline(), None);

    stage.mailbox.handle_state(&mut stage.cx, state(1));
    stage.come(vec![item(1, 5, 2)]);
    stage.mailbox.handle_refused(stage.cx.now.tick);
    assert!(matches!(
        &stage.mailbox.handle_tick(&stage.cx)[..],
        [Request::Directory(DirectoryRequest::Ask { question: Question::Piece, .. })]
    ));
}

#[test]
fn what_was_not_taken_when_the_session_ended_comes_again() {
    let mut stage = Stage::begun(1);
    stage.come(vec![item(1, 5, 2), item(2, 3, 3)]);
    stage.mailbox.handle_session_lost();
    assert_eq!(stage.mailbox.handle_piece(&mut stage.cx, &[1]), []);
    stage.mailbox.handle_state(&mut stage.cx, state(2));
    assert_eq!(opened(&stage.come(vec![item(1, 3, 3)])).item.item, 1);
}

#[test]
fn what_is_given_to_the_directory_is_counted() {
    let mut stage = Stage::new(&Rows::new());
    stage.mailbox.handle_written(&mut stage.cx);
    stage.mailbox.handle_written(&mut stage.cx);
    assert_eq!(stage.written(), [(b"written".to_vec(), Some(1)), (b"written".to_vec(), Some(2))]);
}

#[test]
fn a_directory_that_announces_more_than_any_item_has_is_not_asked_for_it() {
    let most = u32::try_from(COMMIT_MAX).unwrap();
    for (size, is_fetched) in [(most, true), (most + 1, false), (u32::MAX, false)] {
        let mut stage = Stage::begun(1);
        let requests = stage.come(vec![item(1, size, 10)]);
        if is_fetched {
            let asks = |request: &Request| {
                matches!(request, Request::Directory(DirectoryRequest::Ask { question: Question::Piece, .. }))
            };
            assert!(requests.iter().any(asks), "{requests:?}");
        } else {
            assert!(opened(&requests).bytes.is_empty(), "it is lost, and the next one follows");
        }
    }
}

#[test]
fn a_directory_that_sends_mail_without_end_is_not_kept_in_memory() {
    let mut stage = Stage::begun(1);
    stage.come(vec![item(1, 100, 10)]);
    for n in 0..100 {
        stage.come((0..64).map(|m| item(2 + n * 64 + m, 1, 1)).collect());
    }
    assert_eq!(stage.mailbox.items.len(), 2 * MAIL_IN_ONE);
}
