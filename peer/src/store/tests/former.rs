//! A store as a version before has left it.

use common::crypto::store_key;
use common::msg::{Body, Letter};
use rusqlite::{Connection, params};

use super::*;
use crate::store::places::private_folder;
use crate::store::sealed::Seal;
use crate::store::{message_row, schema};

/// Makes what versions had up to the third step of the schema, of `messages` messages, letters and ids each.
fn make(folder: &Path, messages: u64) {
    let identity = Example::Ali.identity().unwrap();
    let key = store_key::generate().unwrap();
    let seal = Seal::new(&key).unwrap();
    private_folder(folder).unwrap();
    let mut db = Connection::open(folder.join("state.db")).unwrap();
    db.execute_batch(&schema::MIGRATIONS[..3].concat()).unwrap();
    db.pragma_update(None, "user_version", 3).unwrap();
    let wrapped = store_key::wrap(&store_key::secret_of(&identity), &key).unwrap();
    db.execute("INSERT INTO plain VALUES ('store key', ?1)", [wrapped]).unwrap();
    let change = db.transaction().unwrap();
    for n in 0..messages {
        let record = message(n, &format!("number {n}"));
        let row = message_row::name_row(&seal, &record.name).unwrap();
        let conversation = message_row::conversation_row(&seal, &record.name.conversation).unwrap();
        let value = seal.seal(&row, &serde_json::to_vec(&record).unwrap()).unwrap();
        change
            .execute(
                "INSERT INTO history (row, conversation, unread, value) VALUES (?1, ?2, ?3, ?4)",
                params![row, conversation, true, value],
            )
            .unwrap();
        let id = [record.name.id.as_bytes().as_slice(), b"bianca"].concat();
        for (kind, key, value) in
            [("outbox", n.to_be_bytes().to_vec(), letter(n)), ("seen", id, n.to_be_bytes().to_vec())]
        {
            let row = seal.row(kind, &key).unwrap();
            let length = u32::try_from(key.len()).unwrap().to_be_bytes();
            let sealed = seal.seal(&row, &[length.as_slice(), &key, &value].concat()).unwrap();
            change.execute("INSERT INTO sealed VALUES (?1, ?2, ?3)", params![row, kind, sealed]).unwrap();
        }
    }
    change.commit().unwrap();
}

fn letter(n: u64) -> Vec<u8> {
    let letter = Letter { id: MessageId([7; 16]), date: n, body: Body::Leave };
    serde_json::to_vec(&letter).unwrap()
}

#[test]
fn everything_that_a_version_before_kept_is_there_and_goes_on() {
    let folder = Folder::new();
    make(&folder.path(), 600);
    for again in [false, true] {
        let mut state = folder.open();
        let outbox = state.load(Table::Outbox).unwrap();
        assert_eq!(outbox.len(), 600);
        assert_eq!(outbox[17].0, 17_u64.to_be_bytes());
        assert_eq!(outbox[17].1.as_slice(), letter(17));
        assert_eq!(state.load(Table::Seen).unwrap().len(), 600);
        let left: i64 = state.db.query_row("SELECT COUNT(*) FROM sealed", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 600, "ids are the core's");
        assert_eq!(state.unread().unwrap()[&bianca()], 600);
        assert_eq!(texts(state.history(&bianca(), None, 2).unwrap())[1], if again { "new" } else { "number 599" });
        assert_eq!(state.position(&message(0, "").name).unwrap(), Some(Position(1)));
        state.persist(&[append(&message(5, "a second copy"))]).unwrap();
        if !again {
            let mut new = message(600, "new");
            new.mark = DeliveryStatus::Queued;
            state.persist(&[append(&new)]).unwrap();
        }
        assert_eq!(state.position(&message(600, "").name).unwrap(), Some(Position(601)));
        assert_eq!(state.messages().unwrap(), 601);
        assert_eq!(find(&state, "number 3"), ["number 3"]);
    }
    let mut state = folder.open();
    state.persist(&[Write::History(HistoryWrite::MarkRead { conversation: bianca() })]).unwrap();
    assert!(state.unread().unwrap().is_empty());
    let read = DeliveryStatus::Received { read: true };
    assert_eq!(state.message(&message(5, "").name).unwrap().unwrap().mark, read);
}

#[test]
fn a_store_of_a_version_before_whose_change_was_cut_off_is_changed_at_the_next_start() {
    let folder = Folder::new();
    make(&folder.path(), 30);
    {
        // As a kill leaves it: begun, and not committed.
        let mut db = Connection::open(folder.path().join("state.db")).unwrap();
        let change = db.transaction().unwrap();
        change.execute_batch(schema::MIGRATIONS[3]).unwrap();
        drop(change);
    }
    let state = folder.open();
    assert_eq!(state.history(&bianca(), None, 100).unwrap().len(), 30);
    assert_eq!(state.load(Table::Outbox).unwrap().len(), 30);
}
