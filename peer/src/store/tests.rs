//! What is kept, found and forgotten, and what the files tell.

mod former;

use std::path::Path;

use common::ident::{GroupName, KeyDigest, MessageId};
use common::testkit::Example;

use super::StoreError;
use super::state::{KnownVault, State};
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, Position, StoredMessage};
use peer_core::persistence::{HistoryWrite, Table, Write};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("ali")
    }

    fn open(&self) -> State {
        let mut state = State::open(&self.path()).unwrap();
        state.unlock(&Example::Ali.identity().unwrap()).unwrap();
        state
    }
}

fn put(kind: Table, key: &str, value: &str) -> Write {
    Write::Put { kind, key: key.into(), value: value.as_bytes().to_vec().into() }
}

fn bianca() -> Conversation {
    Conversation::User(Example::Bianca.user().unwrap())
}

/// Bianca's message number `n`, arrived at second `n`.
fn message(n: u64, text: &str) -> StoredMessage {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let name = MessageKey { conversation: bianca(), author: Example::Bianca.user().unwrap(), id: MessageId(id) };
    StoredMessage {
        name,
        text: text.into(),
        date: n,
        arrived: n,
        mark: DeliveryStatus::Received { read: false },
        since: n,
    }
}

fn append(record: &StoredMessage) -> Write {
    Write::History(HistoryWrite::Append(record.clone()))
}

/// Keeps messages 0, 1, 2, … with these texts.
fn fill(state: &mut State, texts: impl IntoIterator<Item = String>) {
    let changes: Vec<Write> = (0..).zip(texts).map(|(n, text)| append(&message(n, &text))).collect();
    state.persist(&changes).unwrap();
}

fn texts(placed: Vec<(Position, StoredMessage)>) -> Vec<String> {
    placed.into_iter().map(|(_, record)| record.text).collect()
}

fn find(state: &State, words: &str) -> Vec<String> {
    texts(state.find(words, None, 100).unwrap())
}

fn values(state: &State, kind: Table) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    state.load(kind).unwrap().iter().map(|(key, value)| (text(key), text(value))).collect()
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let folder = Folder::new();
    let mut state = folder.open();
    let mut theirs = message(1, "hello");
    state.persist(&[put(Table::Group, "b", "2"), put(Table::Group, "a", "1"), put(Table::Mls, "a", "3")]).unwrap();
    state.persist(&[append(&theirs), put(Table::Group, "b", "4"), put(Table::Group, "", "5")]).unwrap();
    state.persist(&[Write::Delete { kind: Table::Group, key: "a".into() }]).unwrap();
    let read =
        HistoryWrite::SetMark { name: theirs.name.clone(), mark: DeliveryStatus::Received { read: true }, since: 9 };
    state.persist(&[Write::History(read)]).unwrap();
    drop(state);

    let state = folder.open();
    assert_eq!(values(&state, Table::Group), [("".into(), "5".into()), ("b".into(), "4".into())]);
    assert_eq!(values(&state, Table::Mls), [("a".into(), "3".into())]);
    (theirs.mark, theirs.since) = (DeliveryStatus::Received { read: true }, 9);
    assert_eq!(state.history(&bianca(), None, 10).unwrap(), [(Position(1), theirs)]);
    assert_eq!(find(&state, "hello"), ["hello"]);
}

#[test]
fn a_step_that_does_not_fit_on_the_disk_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let mut state = folder.open();
    state.persist(&[put(Table::Counter, "sent", "1"), append(&message(1, "first"))]).unwrap();
    let pages: i64 = state.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    state.db.pragma_update(None, "max_page_count", pages + 4).unwrap();

    let step = [
        put(Table::Counter, "sent", "2"),
        append(&message(2, "second")),
        put(Table::Outbox, "2", &"x".repeat(100_000)),
        append(&message(3, "third")),
    ];
    assert!(matches!(state.persist(&step), Err(StoreError::Database(_))));
    assert_eq!(values(&state, Table::Counter), [("sent".into(), "1".into())]);
    assert_eq!(values(&state, Table::Outbox), []);
    assert_eq!(texts(state.history(&bianca(), None, 10).unwrap()), ["first"]);

    state.db.pragma_update(None, "max_page_count", pages + 100).unwrap();
    state.persist(&step).unwrap();
    drop(state);
    let state = folder.open();
    assert_eq!(values(&state, Table::Counter), [("sent".into(), "2".into())]);
    assert_eq!(texts(state.history(&bianca(), None, 10).unwrap()), ["first", "second", "third"]);
}

#[test]
fn a_step_that_fails_halfway_leaves_everything_as_it_was() {
    let mut state = Folder::new().open();
    state.persist(&[append(&message(1, "damaged"))]).unwrap();
    state.db.execute("UPDATE messages SET value = zeroblob(99)", []).unwrap();
    let step = [put(Table::Counter, "sent", "1"), Write::History(HistoryWrite::MarkRead { conversation: bianca() })];
    assert!(matches!(state.persist(&step), Err(StoreError::Unreadable)));
    assert_eq!(values(&state, Table::Counter), []);
}

#[test]
fn a_damaged_row_that_nobody_needs_keeps_nobody_from_the_others() {
    let mut state = Folder::new().open();
    let mut elsewhere = message(2, "whole");
    elsewhere.name.conversation = Conversation::Group(GroupName::parse("team").unwrap());
    state.persist(&[append(&message(1, "damaged")), append(&elsewhere)]).unwrap();
    state.persist(&[put(Table::Early, "a", "1"), put(Table::Group, "a", "1")]).unwrap();
    state.db.execute("UPDATE messages SET value = zeroblob(99) WHERE position = 1", []).unwrap();
    assert_eq!(state.unread().unwrap(), [(elsewhere.name.conversation, 1)].into());
    state.db.execute("UPDATE sealed SET value = zeroblob(99)", []).unwrap();
    assert_eq!(values(&state, Table::Early), []);
    assert!(matches!(state.load(Table::Group), Err(StoreError::Unreadable)), "what a room is cannot be done without");
}

#[test]
fn a_message_is_kept_once_and_nobody_takes_the_place_of_anothers() {
    let mut state = Folder::new().open();
    let first = message(1, "first");
    let mut other_author = message(1, "same id");
    other_author.name.author = Example::Carol.user().unwrap();
    let mut other_place = message(1, "same id");
    other_place.name.conversation = Conversation::Group(GroupName::parse("bianca").unwrap());
    state
        .persist(&[append(&first), append(&message(1, "again")), append(&other_author), append(&other_place)])
        .unwrap();
    state.persist(&[append(&message(1, "and again"))]).unwrap();
    assert_eq!(texts(state.history(&bianca(), None, 10).unwrap()), ["first", "same id"]);
    assert_eq!(state.history(&other_place.name.conversation, None, 10).unwrap().len(), 1);
}

#[test]
fn a_text_changes_few_pages_and_one_that_is_confirmed_fewer() {
    let folder = Folder::new();
    let mut state = folder.open();
    let letter = |n: u64, value: Option<&str>| match value {
        Some(value) => {
            Write::Put { kind: Table::Outbox, key: n.to_be_bytes().into(), value: value.as_bytes().to_vec().into() }
        }
        None => Write::Delete { kind: Table::Outbox, key: n.to_be_bytes().into() },
    };
    let text = "x".repeat(200);
    let pages = |state: &mut State, step: &dyn Fn(u64) -> [Write; 2], numbers: std::ops::Range<u64>| {
        state.write_log_again().unwrap();
        let steps = numbers.end - numbers.start;
        numbers.for_each(|n| state.persist(&step(n)).unwrap());
        // A frame is a page with 24 bytes before it, behind a header.
        std::fs::metadata(state.log()).unwrap().len() / 4120 * 10 / steps
    };
    let said = |n| {
        let mut ours = message(n, &text);
        ours.mark = DeliveryStatus::Queued;
        [letter(n, Some(&text)), append(&ours)]
    };
    let confirmed = |n| {
        let (name, mark) = (message(n, "").name, DeliveryStatus::Delivered);
        [letter(n, None), Write::History(HistoryWrite::SetMark { name, mark, since: n })]
    };
    // Messages before them, so that whatever is in the order of names has many pages.
    (0..3).for_each(|n| state.persist(&(n * 1000..(n + 1) * 1000).flat_map(&said).collect::<Vec<_>>()).unwrap());
    assert!(pages(&mut state, &said, 3000..3100) <= 25, "two, and a new one now and then");
    assert!(pages(&mut state, &confirmed, 3000..3100) <= 25);
}

#[test]
fn messages_are_found_in_the_indexes_and_beside_them_also_after_a_restart() {
    let folder = Folder::new();
    let mut state = folder.open();
    let mut other = message(9_999, "to all");
    other.name.conversation = Conversation::Everyone;
    fill(&mut state, (0..1000).map(|n| n.to_string()));
    state.persist(&[append(&other)]).unwrap();
    state.persist(&(1000..5000).map(|n| append(&message(n, &n.to_string()))).collect::<Vec<_>>()).unwrap();
    for _ in 0..2 {
        let all = state.history(&bianca(), None, 10_000).unwrap();
        assert_eq!((all.len(), all[0].1.text.as_str(), all[4999].1.text.as_str()), (5000, "0", "4999"));
        assert!(all.is_sorted_by_key(|(position, _)| *position));
        assert_eq!(texts(state.history(&bianca(), Some(all[4090].0), 2).unwrap()), ["4088", "4089"]);
        assert_eq!(state.history(&Conversation::Everyone, None, 2).unwrap().len(), 1);
        for n in [0, 2047, 2048, 4095, 4096, 4999] {
            assert_eq!(state.message(&message(n, "").name).unwrap().unwrap().text, n.to_string());
            state.persist(&[append(&message(n, "again"))]).unwrap();
        }
        assert_eq!(state.messages().unwrap(), 5001, "none twice");
        drop(state);
        state = folder.open();
    }
    state.persist(&[Write::History(HistoryWrite::Forget { before: 4998 })]).unwrap();
    for _ in 0..2 {
        assert_eq!(texts(state.history(&bianca(), None, 10).unwrap()), ["4998", "4999"]);
        assert_eq!(state.position(&message(17, "").name).unwrap(), None);
        let rows = |table| -> i64 {
            state.db.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        assert_eq!((rows("names"), rows("places")), (1, 1), "the one to all is from a clock that was wrong");
        drop(state);
        state = folder.open();
    }
}

#[test]
fn a_place_is_not_used_again_also_when_the_last_message_is_forgotten() {
    let folder = Folder::new();
    let mut state = folder.open();
    fill(&mut state, ["one", "two"].map(String::from));
    let last = state.position(&message(1, "").name).unwrap().unwrap();
    state.persist(&[Write::History(HistoryWrite::Forget { before: u64::MAX })]).unwrap();
    drop(state);
    let mut state = folder.open();
    state.persist(&[append(&message(7, "three"))]).unwrap();
    assert!(state.position(&message(7, "").name).unwrap().unwrap() > last);
}

#[test]
fn history_is_read_page_by_page_backwards() {
    let mut state = Folder::new().open();
    fill(&mut state, (0..7).map(|n| n.to_string()));
    let last = state.history(&bianca(), None, 3).unwrap();
    let before = last[0].0;
    assert_eq!(texts(last), ["4", "5", "6"]);
    let page = state.history(&bianca(), Some(before), 3).unwrap();
    let before = page[0].0;
    assert_eq!(texts(page), ["1", "2", "3"]);
    assert_eq!(texts(state.history(&bianca(), Some(before), 3).unwrap()), ["0"]);
    assert_eq!(state.history(&Conversation::Everyone, None, 3).unwrap(), []);
}

#[test]
fn unread_messages_are_counted_by_conversation_until_they_are_read() {
    let mut state = Folder::new().open();
    let mut queued = message(3, "ours");
    queued.mark = DeliveryStatus::Queued;
    let mut said_to_all = message(4, "to all");
    said_to_all.name.conversation = Conversation::Everyone;
    state.persist(&[message(1, "one"), message(2, "two"), queued, said_to_all].map(|record| append(&record))).unwrap();
    let expected = [(bianca(), 2), (Conversation::Everyone, 1)];
    assert_eq!(state.unread().unwrap().into_iter().collect::<Vec<_>>(), expected);

    state.persist(&[Write::History(HistoryWrite::MarkRead { conversation: bianca() })]).unwrap();
    assert_eq!(state.unread().unwrap().into_iter().collect::<Vec<_>>(), expected[1..]);
    let marks: Vec<DeliveryStatus> =
        state.history(&bianca(), None, 9).unwrap().iter().map(|(_, record)| record.mark).collect();
    assert_eq!(
        marks,
        [DeliveryStatus::Received { read: true }, DeliveryStatus::Received { read: true }, DeliveryStatus::Queued]
    );
}

#[test]
fn a_mark_of_a_message_that_is_gone_changes_nothing() {
    let mut state = Folder::new().open();
    let name = message(1, "").name;
    state.persist(&[Write::History(HistoryWrite::SetMark { name, mark: DeliveryStatus::Read, since: 1 })]).unwrap();
    assert_eq!(state.history(&bianca(), None, 9).unwrap(), []);
}

#[test]
fn words_are_found_newest_first_in_and_behind_the_index() {
    let folder = Folder::new();
    let mut state = folder.open();
    fill(&mut state, (0..600).map(|n| if n % 100 == 0 { format!("Number {n} of ZÜRICH") } else { format!("no {n}") }));
    let hundreds: Vec<String> = (0..6).rev().map(|n| format!("Number {} of ZÜRICH", n * 100)).collect();
    assert_eq!(find(&state, "zürich number"), hundreds);
    assert_eq!(find(&state, "number 300"), ["Number 300 of ZÜRICH"]);
    assert_eq!(find(&state, "NO 599"), ["no 599"], "behind the index");
    assert_eq!(find(&state, "zürich 17"), [""; 0]);
    assert_eq!(find(&state, "züri"), [""; 0]);
    assert_eq!(find(&state, " \t?"), [""; 0]);

    let two = state.find("zürich", None, 2).unwrap();
    let before = two[1].0;
    assert_eq!(texts(two), hundreds[..2]);
    assert_eq!(texts(state.find("zürich", Some(before), 3).unwrap()), hundreds[2..5]);
    assert_eq!(state.find("zürich", None, 0).unwrap(), []);
    let many = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(find(&state, &many), [""; 0], "more words than the index is asked for");
    drop(state);
    assert_eq!(find(&folder.open(), "zürich"), hundreds);
}

#[test]
fn scripts_without_spaces_and_pictures_are_found_by_the_index_too() {
    let mut state = Folder::new().open();
    let special = ["小王，你好吗？", "你 and 好", "done 🎉🎉", "I ❤️ it"];
    let rest = (0..300).map(|n| n.to_string());
    fill(&mut state, special.map(String::from).into_iter().chain(rest));
    assert_eq!(find(&state, "你好"), ["小王，你好吗？"]);
    assert_eq!(find(&state, "好 你"), ["你 and 好", "小王，你好吗？"]);
    assert_eq!(find(&state, "🎉"), ["done 🎉🎉"]);
    assert_eq!(find(&state, "❤ IT"), ["I ❤️ it"]);
}

#[test]
fn what_is_forgotten_is_neither_shown_nor_found_and_the_rest_is() {
    let mut state = Folder::new().open();
    fill(&mut state, (0..900).map(|n| format!("number {n}")));
    let forget = |before| [Write::History(HistoryWrite::Forget { before })];
    state.persist(&forget(0)).unwrap();
    assert_eq!(state.history(&bianca(), None, 1000).unwrap().len(), 900);
    state.persist(&forget(300)).unwrap();
    let kept = state.history(&bianca(), None, 1000).unwrap();
    assert_eq!((kept.len(), kept[0].1.arrived), (600, 300));
    assert_eq!(find(&state, "number 299"), [""; 0]);
    assert_eq!(find(&state, "number 300"), ["number 300"]);
    assert_eq!(state.find("number", None, 1000).unwrap().len(), 600);

    state.persist(&forget(u64::MAX)).unwrap();
    assert_eq!(state.find("number", None, 1000).unwrap(), []);
    let indexes: i64 = state.db.query_row("SELECT COUNT(*) FROM words", [], |row| row.get(0)).unwrap();
    assert_eq!(indexes, 0, "words go with their messages");
    fill(&mut state, (0..300).map(|n| format!("second number {n}")));
    assert_eq!(state.find("number", None, 1000).unwrap().len(), 300);
}

#[test]
fn messages_that_a_wrong_clock_kept_are_forgotten_with_their_neighbours() {
    let mut state = Folder::new().open();
    let mut early = message(0, "from the future");
    early.arrived = 1_000_000;
    state.persist(&[append(&early), append(&message(1, "one")), append(&message(2, "two"))]).unwrap();
    state.persist(&[Write::History(HistoryWrite::Forget { before: 2 })]).unwrap();
    assert_eq!(texts(state.history(&bianca(), None, 9).unwrap()), ["from the future", "two"]);
}

#[test]
fn nothing_is_left_for_another_key() {
    let folder = Folder::new();
    let mut state = folder.open();
    let vault = |key| KnownVault { sealed: vec![1; 40], version: 1, key: KeyDigest([key; 32]) };
    state.set_vault(&vault(1)).unwrap();
    state.persist(&[put(Table::Group, "a", "1")]).unwrap();
    fill(&mut state, (0..300).map(|n| n.to_string()));
    state.set_vault(&vault(2)).unwrap();
    state.unlock(&Example::Bianca.identity().unwrap()).unwrap();
    assert_eq!(values(&state, Table::Group), []);
    assert_eq!(state.history(&bianca(), None, 10).unwrap(), []);
    assert_eq!(find(&state, "7"), [""; 0]);
    assert!(state.unread().unwrap().is_empty());
}

#[test]
fn an_old_copy_becomes_another_terminal_and_keeps_its_history() {
    let folder = Folder::new();
    let mut state = folder.open();
    let (user, identity) = (Example::Ali.user().unwrap(), Example::Ali.identity().unwrap());
    let before = state.certificate(&user, &identity, 1).unwrap();
    state.persist(&[append(&message(1, "first")), put(Table::Group, "a", "1")]).unwrap();
    state.renew_terminal(&[Write::Delete { kind: Table::Group, key: "a".into() }]).unwrap();
    drop(state);

    let state = folder.open();
    let after = state.certificate(&user, &identity, 2).unwrap();
    assert_ne!((before.terminal, before.key), (after.terminal, after.key));
    assert_eq!(state.known().unwrap().terminal, after.terminal);
    assert_eq!(values(&state, Table::Group), []);
    assert_eq!(texts(state.history(&bianca(), None, 10).unwrap()), ["first"]);
}

#[test]
fn the_files_tell_neither_texts_nor_names_nor_words() {
    let folder = Folder::new();
    let mut state = folder.open();
    let mut record = message(1, "the Canaryseed sings");
    record.name.conversation = Conversation::Group(GroupName::parse("canarygroup").unwrap());
    state.persist(&[put(Table::Group, "canarykey", "canaryvalue"), append(&record)]).unwrap();
    fill(&mut state, (0..300).map(|n| format!("canarysong {n}")));
    assert!(find(&state, "canarysong").len() == 100 && find(&state, "canaryseed").len() == 1);
    let hidden = ["canary", "bianca", "received", "seed", "song"];
    assert_eq!(seen(&folder.path(), &hidden), [""; 0], "while it is open");
    drop(state);
    assert_eq!(seen(&folder.path(), &hidden), [""; 0], "afterwards");
    assert_eq!(seen(&folder.path(), &["sealed_kind"]), ["sealed_kind"], "this test can see");
}

#[test]
fn what_was_deleted_or_replaced_is_overwritten_in_the_file() {
    let folder = Folder::new();
    let mut state = folder.open();
    let all = ["1", "2", "3"].map(|key| put(Table::Mls, key, &"x".repeat(2000)));
    state.persist(&all).unwrap();
    let sealed: Vec<Vec<u8>> = {
        let mut query = state.db.prepare("SELECT substr(value, -16) FROM sealed").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let left = |state: &State| {
        state.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let file = std::fs::read(folder.path().join("state.db")).unwrap();
        sealed.iter().filter(|tag| file.windows(16).any(|window| window == tag.as_slice())).count()
    };
    assert_eq!(left(&state), 3);
    state.persist(&all[..1]).unwrap();
    assert_eq!(left(&state), 2);
    state.persist(&[Write::Delete { kind: Table::Mls, key: "2".into() }]).unwrap();
    assert_eq!(left(&state), 1);
}

fn seen<'a>(folder: &Path, words: &[&'a str]) -> Vec<&'a str> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let content = String::from_utf8_lossy(&files.collect::<Vec<_>>().concat()).to_lowercase();
    words.iter().copied().filter(|word| content.contains(&word.to_lowercase())).collect()
}
