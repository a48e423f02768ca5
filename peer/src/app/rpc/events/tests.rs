//! Which notices become events, and under which types.

use super::*;
use peer_core::command::Ticket;
use peer_core::model::MessageKey;
use serde_json::json;

#[test]
fn how_a_key_changed_is_told_before_the_change() {
    for (how, confirmed) in
        [(KeyChange::Unconfirmed, None), (KeyChange::Confirmed, Some(true)), (KeyChange::Forked, Some(false))]
    {
        let (of, old, new) = (UserId::parse("bianca").unwrap(), "1".to_owned(), "2".to_owned());
        let told = events(&Notice::Contact(ContactNotice::KeyChanged { of, how, since: 0, old, new }));
        let (changed, before) = told.split_last().unwrap();
        assert_eq!(changed["type"], "key_changed");
        let before: Vec<_> = before.iter().map(|event| (&event["type"], &event["confirmed"])).collect();
        let expected = confirmed.map(|confirmed| (json!("key_succeeded"), json!(confirmed)));
        assert_eq!(before, expected.iter().map(|(kind, how)| (kind, how)).collect::<Vec<_>>());
    }
}

#[test]
fn every_event_has_a_type_that_hello_tells() {
    let user = UserId::parse("bianca").unwrap();
    let name = MessageKey { conversation: Conversation::Everyone, author: user.clone(), id: MessageId([7; 16]) };
    let record = StoredMessage { name, text: "hi".into(), date: 1, arrived: 1, mark: DeliveryStatus::Queued, since: 1 };
    let ticket = Some(Ticket { number: 1, reference: Some("job".into()) });
    let notices = [
        Notice::Message(MessageNotice::Text { from: user.clone(), text: "hi".into(), id: MessageId([7; 16]), date: 1 }),
        Notice::Message(MessageNotice::Sent { ticket, record: record.clone() }),
        Notice::Message(MessageNotice::Sent { ticket: None, record }),
        Notice::Message(MessageNotice::Marked {
            to: Conversation::Everyone,
            ids: vec![MessageId([7; 16])],
            mark: DeliveryStatus::Stored,
            late: false,
        }),
        Notice::Message(MessageNotice::Marked {
            to: Conversation::Everyone,
            ids: vec![MessageId([7; 16])],
            mark: DeliveryStatus::Read,
            late: false,
        }),
        Notice::Call(CallNotice::Asked { from: user.clone() }),
        Notice::Contact(ContactNotice::KeyChanged {
            of: user,
            how: KeyChange::Unconfirmed,
            since: 0,
            old: "1".into(),
            new: "2".into(),
        }),
        Notice::Directory(DirectoryNotice::Back),
        Notice::Message(MessageNotice::Lost { count: 1 }),
    ];
    for notice in &notices {
        let told = events(notice);
        assert_eq!(told.len(), 1, "{notice:?}");
        assert!(TYPES.contains(&told[0]["type"].as_str().unwrap()), "{told:?}");
    }
    assert_eq!(events(&notices[1])[0]["ref"], "job");
    assert_eq!(events(&Notice::Directory(DirectoryNotice::NoPeople)), Vec::<Value>::new());
}
