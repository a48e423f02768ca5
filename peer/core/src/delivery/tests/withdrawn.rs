//! What the directory had stored and has dropped: it has failed, unless it was confirmed or is on its way again, and goes
//! out again only when the user wants it.

use common::msg::{Withdrawal, WithdrawnAck, WithdrawnMessage};

use super::stage::*;
use crate::model::{MessageKey, StoredMessage};
use crate::persistence::Table;

fn report(number: u64, id: MessageId, user: &UserId) -> WithdrawnMessage {
    WithdrawnMessage { report: number, id, room: ROOM, user: user.clone(), reason: Withdrawal::Expired }
}

fn confirmed(upto: u64) -> Vec<Request> {
    vec![Request::Directory(DirectoryRequest::Tell(WithdrawnAck { upto }.into()))]
}

/// A text that the directory keeps; its id.
fn stored(stage: &mut Stage, to: &Conversation, text: &str) -> MessageId {
    let effects = stage.send(to, text);
    let numbers = stage.give(to, 9);
    stage.answer(to, &numbers, 1, None);
    stage.flush();
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Sent { record, .. })) => Some(record.name.id),
        _ => None,
    });
    sent.unwrap()
}

fn withdrawn(effects: &[Effect]) -> Vec<(String, Vec<UserId>)> {
    let told = |effect: &Effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Withdrawn { text, users, .. })) => {
            Some((text.clone(), users.clone()))
        }
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn again(stage: &mut Stage, to: &Conversation, id: Option<MessageId>, readers: Option<&[UserId]>) -> Vec<Effect> {
    let now = vec![bianca()];
    stage.delivery.send_again(&mut stage.cx, (to.clone(), id), readers, now, Ticket::default());
    stage.finish()
}

#[test]
fn a_dropped_message_has_failed_once_and_goes_again_under_its_id_when_the_user_wants_it() {
    let mut stage = Stage::new();
    let id = stored(&mut stage, &to_bianca(), "one");
    for (number, told) in [(7, 1), (8, 0)] {
        let requests =
            stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report(number, id, &bianca()))]);
        assert_eq!(requests, confirmed(number));
        let effects = stage.finish();
        assert_eq!(withdrawn(&effects).len(), told, "a report that comes twice is told once");
        let mark = DeliveryStatus::Withdrawn(Withdrawal::Expired);
        assert_eq!(marked(&effects), vec![(mark, 1); told]);
    }
    stage.delivery.handle_change();
    assert_eq!(stage.flush().0, [], "not by itself");
    assert_eq!(stage.next(), Next::Again);
    stage.link();
    stage.send(&to_bianca(), "two");
    assert_eq!(said(&stage.flush().1), ["two"], "nor because another goes");
    let mut stage = Stage::new();
    let id = stored(&mut stage, &to_bianca(), "one");
    stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report(7, id, &bianca()))]);
    stage.finish();
    assert_eq!(marked(&again(&mut stage, &to_bianca(), None, None)), [(DeliveryStatus::Queued, 1)]);
    assert_eq!(stage.give(&to_bianca(), 9).len(), 1);
    let gone = again(&mut stage, &to_bianca(), Some(id), None);
    assert!(matches!(gone[..], [Effect::Notify(Notice::Message(MessageNotice::NotFailed { .. }))]), "{gone:?}");
    // While it is on its way again a report about the first time says nothing.
    stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report(9, id, &bianca()))]);
    assert_eq!(withdrawn(&stage.finish()), []);
}

#[test]
fn a_receipt_outranks_a_report_whichever_comes_first() {
    for receipt_first in [true, false] {
        let mut stage = Stage::new();
        let id = stored(&mut stage, &to_bianca(), "one");
        let report = report(7, id, &bianca());
        let receipt = |stage: &mut Stage| {
            stage.delivery.handle_receipt(&mut stage.cx, &bianca(), &[id], Received::Delivered);
            stage.finish()
        };
        if receipt_first {
            receipt(&mut stage);
            let requests = stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report)]);
            assert_eq!(requests, [], "confirmed when it was looked up");
            let [Effect::Recall(name)] = &stage.finish()[..] else { panic!("not looked up") };
            let (mark, text) = (DeliveryStatus::Delivered, "one".to_owned());
            let record = StoredMessage { name: (**name).clone(), text, date: 1, arrived: 1, mark, since: 1 };
            let requests = stage.delivery.handle_recalled(&mut stage.cx, name, Some(record));
            assert_eq!((requests, stage.finish()), (confirmed(7), Vec::new()));
        } else {
            stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report)]);
            stage.finish();
            assert_eq!(marked(&receipt(&mut stage)), [(DeliveryStatus::Delivered, 1)]);
            let gone = again(&mut stage, &to_bianca(), Some(id), None);
            assert!(matches!(gone[..], [Effect::Notify(Notice::Message(MessageNotice::NotFailed { .. }))]));
        }
    }
}

#[test]
fn what_failed_for_some_of_a_group_goes_again_only_to_readers_whom_the_user_was_shown() {
    let mut stage = Stage::new();
    let id = stored(&mut stage, &team(), "one");
    let carol = Example::Carol.user().unwrap();
    let reports = vec![(team(), report(7, id, &bianca())), (team(), report(8, id, &carol))];
    assert_eq!(stage.delivery.handle_withdrawn(&mut stage.cx, reports), [], "confirmed when it was looked up");
    stage.finish();
    let name = MessageKey::new(&team(), &stage.cx.me.user, id);
    let record = StoredMessage {
        name: name.clone(),
        text: "one".into(),
        date: 1,
        arrived: 1,
        mark: DeliveryStatus::Stored,
        since: 1,
    };
    assert_eq!(stage.delivery.handle_recalled(&mut stage.cx, &name, Some(record.clone())), []);
    let withdrawn_record = StoredMessage { mark: DeliveryStatus::Withdrawn(Withdrawal::Expired), ..record };
    assert_eq!(stage.delivery.handle_recalled(&mut stage.cx, &name, Some(withdrawn_record)), confirmed(8));
    let told: Vec<_> = withdrawn(&stage.finish()).into_iter().map(|(_, users)| users.len()).collect();
    assert_eq!(told, [1, 2]);
    for (readers, sent) in [(None, false), (Some(&[][..]), false), (Some(&[bianca()][..]), true)] {
        let effects = again(&mut stage, &team(), Some(id), readers);
        let asked = matches!(&effects[..], [Effect::Notify(Notice::Message(MessageNotice::Readers { users, .. }))] if *users == [bianca()]);
        assert_eq!((asked, marked(&effects).len() == 1), (!sent, sent), "{readers:?}");
    }
    assert_eq!(stage.give(&team(), 9).len(), 1);
}

#[test]
fn what_has_failed_waits_for_the_user_also_after_a_restart() {
    let mut stage = Stage::new();
    let id = stored(&mut stage, &to_bianca(), "one");
    stage.delivery.handle_withdrawn(&mut stage.cx, vec![(to_bianca(), report(7, id, &bianca()))]);
    let effects = stage.finish();
    let [Effect::Persist(writes), ..] = &effects[..] else { panic!("{effects:?}") };
    let rows = writes.iter().filter_map(|write| match write {
        Write::Put { kind: Table::Outbox, key, value } => Some((key.clone(), value.clone())),
        _ => None,
    });
    stage.delivery = Delivery::load(rows.collect(), Rows::new(), std::collections::BTreeMap::new(), false);
    stage.delivery.handle_change();
    assert_eq!((stage.flush().0, stage.next()), (Vec::new(), Next::Again));
    assert_eq!(marked(&again(&mut stage, &to_bianca(), Some(id), None)), [(DeliveryStatus::Queued, 1)]);
}

#[test]
fn what_was_kept_by_a_directory_that_has_gone_back_waits_again_also_after_a_restart() {
    let mut stage = Stage::new();
    stored(&mut stage, &to_bianca(), "one");
    stage.delivery.handle_stored_lost(&mut stage.cx);
    let effects = stage.finish();
    let [Effect::Persist(writes)] = &effects[..] else { panic!("{effects:?}") };
    let rows = writes.iter().map(|write| match write {
        Write::Put { kind: Table::Outbox, key, value } => (key.clone(), value.clone()),
        other => panic!("{other:?}"),
    });
    stage.delivery = Delivery::load(rows.collect(), Rows::new(), std::collections::BTreeMap::new(), false);
    stage.delivery.handle_change();
    assert_eq!(stage.give(&to_bianca(), 9).len(), 1);
}
