//! Offers and transfers without any bytes: what is taken, what is refused, what is tried again.

use std::net::SocketAddr;
use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::limits::OFFERS_OPEN;
use common::msg::{Body, Outcome, ToDirectory};
use common::testkit::Example;

use super::transfers::{FETCHED_AT_ONCE, FIRST_RETRY, LAST_RETRY};
use super::{AcceptFiles, FilePolicy, Offer, Source, TransferOutcome};
use crate::command::FileWish;
use crate::contacts::Contacts;
use crate::engine::{Effect, Now};
use crate::model::Conversation;
use crate::notice::{FileFailed, FileNews, FileNotice, FileState, NotOffered, Notice};
use crate::post::{self, Post, Step};
use crate::verify::{LocalIdentity, LookupResult};

fn me(example: Example) -> LocalIdentity {
    LocalIdentity {
        user: example.user().unwrap(),
        key: example.identity().unwrap().public().clone(),
        terminal: common::ident::TerminalId([example as u8; 16]),
    }
}

fn ali() -> UserId {
    Example::Ali.user().unwrap()
}

fn id(number: usize) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(id)
}

/// Bianca's post office.
struct Office {
    me: LocalIdentity,
    post: Post,
    contacts: Contacts,
    tick: u64,
}

impl Office {
    fn new(accept: AcceptFiles, max: u64) -> Self {
        let me = me(Example::Bianca);
        let mut post = post::blank(&me).unwrap();
        post.files.policy = FilePolicy { accept, max };
        let mut office = Self { me, post, contacts: Contacts::default(), tick: 100 };
        office.does(|post, step| post.session_began(step));
        office
    }

    fn does(&mut self, act: impl FnOnce(&mut Post, &mut Step<'_>)) -> Vec<Effect> {
        let mut out = Vec::new();
        let now = Now { tick: self.tick, date: 1_700_000_000 };
        let mut step = Step { now, me: &self.me, contacts: &mut self.contacts, out: &mut out };
        act(&mut self.post, &mut step);
        out
    }

    /// Ali offers.
    fn is_offered(&mut self, number: usize, size: u64) -> Vec<Effect> {
        self.does(|post, step| post.file_offered(step, &ali(), id(number), ("plans.pdf", size, None)))
    }

    fn wishes(&mut self, number: u64, wish: FileWish) -> Vec<Effect> {
        self.does(|post, step| post.file_wish(step, number, wish))
    }

    fn accepts(&mut self, number: u64) -> Vec<Effect> {
        self.wishes(number, FileWish::Accept { folder: None })
    }

    /// The directory says where ali is.
    fn finds(&mut self, number: u64) -> Vec<Effect> {
        let addresses = vec![SocketAddr::from(([127, 0, 0, 2], 65000))];
        let found = LookupResult { addresses, key: me(Example::Ali).key };
        self.does(|post, step| post.found_sender(step, number, Ok(Some(found))))
    }

    fn goes(&mut self, number: u64, went: TransferOutcome) -> Vec<Effect> {
        self.does(|post, step| post.file_went(step, number, went))
    }

    /// What ali will be told.
    fn letters(&self) -> Vec<Outcome> {
        let to = Conversation::User(ali());
        let outcome = |body: &Body| if let Body::File { state, .. } = body { Some(*state) } else { None };
        self.post.outbox.queue(&to).filter_map(|(_, entry)| outcome(&entry.letter.body)).collect()
    }
}

fn news(effects: &[Effect]) -> Vec<FileNews> {
    let news = |effect: &Effect| match effect {
        Effect::Notify(Notice::File(FileNotice::News { news, .. })) => Some(news.clone()),
        _ => None,
    };
    effects.iter().filter_map(news).collect()
}

fn looks_up(effects: &[Effect]) -> bool {
    let is_lookup = |effect: &Effect| match effect {
        Effect::Ask(envelope) => matches!(envelope.message, ToDirectory::LookupReq(_)),
        _ => false,
    };
    effects.iter().any(is_lookup)
}

fn fetches(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Fetch { .. }))
}

fn source() -> Source {
    Source { path: PathBuf::from("/plans.pdf"), size: 9, files: None, state: [7; 32] }
}

#[test]
fn a_user_can_have_so_many_offers_open_and_no_more() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    for number in 0..OFFERS_OPEN {
        assert_eq!(news(&office.is_offered(number, 9)), [FileNews::Offered]);
    }
    assert_eq!(news(&office.is_offered(99, 9)), []);
    assert_eq!(office.letters(), [Outcome::Refused]);
    office.wishes(1, FileWish::Refuse);
    assert_eq!(news(&office.is_offered(100, 9)), [FileNews::Offered]);
}

#[test]
fn nobody_offers_more_than_the_other_side_would_keep() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    let offer =
        |office: &mut Office| office.does(|post, step| post.offer_file(step, ali(), "plans.pdf", (source(), 0)));
    for _ in 0..OFFERS_OPEN {
        assert_eq!(news(&offer(&mut office)), [FileNews::Offering { left_out: 0 }]);
    }
    let refused = offer(&mut office);
    assert!(matches!(
        refused.as_slice(),
        [Effect::Notify(Notice::File(FileNotice::NotOffered { why: NotOffered::TooMany, .. }))]
    ));
}

#[test]
fn what_is_too_large_or_never_wanted_is_refused_at_once() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    assert_eq!(news(&office.is_offered(1, 101)), [FileNews::TooLarge { max: 100 }]);
    assert_eq!(office.letters(), [Outcome::Refused]);
    let mut office = Office::new(AcceptFiles::Never, 100);
    assert_eq!(news(&office.is_offered(1, 9)), []);
    assert_eq!(office.letters(), [Outcome::Refused]);
}

#[test]
fn files_of_verified_users_are_taken_at_once_where_the_person_wants_it() {
    let mut office = Office::new(AcceptFiles::Verified, 100);
    assert!(!looks_up(&office.is_offered(1, 9)), "nobody has compared ali's number");
    office.contacts.pin(&ali(), &me(Example::Ali).key, 0, true);
    let effects = office.is_offered(2, 9);
    assert_eq!(news(&effects), [FileNews::Offered, FileNews::Accepted]);
    assert!(looks_up(&effects));
}

#[test]
fn a_lost_transfer_is_tried_again_later_and_later_and_told_once() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    office.accepts(1);
    let mut told = 0;
    let mut pause = FIRST_RETRY;
    for _ in 0..8 {
        assert!(fetches(&office.finds(1)));
        let effects = office.goes(1, TransferOutcome::Stopped);
        assert!(!looks_up(&effects), "not at once");
        told += news(&effects).len();
        assert_eq!(office.post.next_transfer(), Some(office.tick + pause));
        office.tick += pause - 1;
        assert!(!looks_up(&office.does(|post, step| post.tick(step))));
        office.tick += 1;
        assert!(looks_up(&office.does(|post, step| post.tick(step))));
        pause = (pause * 2).min(LAST_RETRY);
    }
    assert_eq!(told, 1);
    office.finds(1);
    office.does(|post, step| post.file_progress(step, 1, 5));
    assert_eq!(news(&office.goes(1, TransferOutcome::Stopped)), [FileNews::Stopped { done: 5 }]);
    assert_eq!(office.post.next_transfer(), Some(office.tick + FIRST_RETRY));
}

#[test]
fn few_files_are_fetched_at_once_and_the_next_follows() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    for number in 1..=FETCHED_AT_ONCE + 1 {
        office.is_offered(number, 9);
    }
    let accepted: Vec<bool> = (1..=5).map(|number| looks_up(&office.accepts(number))).collect();
    assert_eq!(accepted, [true, true, true, true, false]);
    office.finds(1);
    assert!(looks_up(&office.goes(1, TransferOutcome::Saved { path: "/plans.pdf".into() })));
    assert_eq!(office.letters(), [Outcome::Received]);
}

#[test]
fn a_full_disk_pauses_until_the_person_says_so() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    office.accepts(1);
    office.finds(1);
    let full = TransferOutcome::DiskFull { need: 9, free: 1, folder: "/".into() };
    assert!(matches!(news(&office.goes(1, full)).as_slice(), [FileNews::DiskFull { .. }]));
    assert_eq!(office.post.next_transfer(), None);
    assert!(!looks_up(&office.does(|post, step| post.fetch_from(step, None))));
    assert!(looks_up(&office.wishes(1, FileWish::Resume)));
}

#[test]
fn a_file_is_given_only_to_whom_it_was_offered_and_while_the_offer_stands() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.does(|post, step| post.offer_file(step, ali(), "plans.pdf", (source(), 0)));
    let file = office.post.files.all[&1].file;
    let carol = Example::Carol.user().unwrap();
    assert_eq!(office.post.file_for(&carol, &file), Offer::None);
    assert_eq!(office.post.file_for(&ali(), &id(77)), Offer::None);
    assert_eq!(office.post.file_for(&ali(), &file), Offer::Stands { number: 1, source: source() });
    let stopped = office.wishes(1, FileWish::Cancel);
    assert!(stopped.iter().any(|effect| matches!(effect, Effect::StopFile { number: 1, came: None })));
    assert_eq!(office.letters(), [Outcome::Withdrawn]);
    assert_eq!(office.post.file_for(&ali(), &file), Offer::None);
}

#[test]
fn an_answer_at_another_terminal_of_the_same_user_is_an_answer() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    let bianca = office.me.user.clone();
    let effects = office.does(|post, step| post.file_told(step, &bianca, &ali(), (id(1), Outcome::Refused)));
    assert_eq!(news(&effects), [FileNews::Elsewhere]);
    assert_eq!(office.post.files.all[&1].state, FileState::Elsewhere);
    assert_eq!(news(&office.accepts(1)), [FileNews::Over]);
}

#[test]
fn nobody_ends_what_is_not_theirs() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    let carol = Example::Carol.user().unwrap();
    for (by, outcome) in [(&carol, Outcome::Withdrawn), (&ali(), Outcome::Received), (&ali(), Outcome::Refused)] {
        let told = office.does(|post, step| post.file_told(step, by, by, (id(1), outcome)));
        assert_eq!(news(&told), [], "{by} {outcome:?}");
    }
    assert_eq!(office.post.files.all[&1].state, FileState::Offered);
}

#[test]
fn a_link_that_brings_nothing_new_is_no_reason_to_hurry() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    office.accepts(1);
    let mut told = 0;
    for pause in [2, 4, 8] {
        office.tick += 100;
        office.does(|post, step| post.tick(step));
        office.finds(1);
        // What was here before is told at the beginning of every attempt.
        office.does(|post, step| post.file_progress(step, 1, 5));
        told += news(&office.goes(1, TransferOutcome::Stopped)).len();
        assert_eq!(office.post.next_transfer(), Some(office.tick + pause));
    }
    assert_eq!(told, 1);
}

#[test]
fn a_folder_that_cannot_be_written_pauses_until_the_person_names_another() {
    let mut office = Office::new(AcceptFiles::Ask, 100);
    office.is_offered(1, 9);
    office.wishes(1, FileWish::Accept { folder: Some("/proc".into()) });
    office.finds(1);
    let detail = "permission denied".to_owned();
    let told = news(&office.goes(1, TransferOutcome::Failed(FileFailed::Disk { detail: detail.clone() })));
    assert_eq!(told, [FileNews::NotSaved { detail }]);
    assert_eq!(office.letters(), [], "the sender has refused nothing");
    assert!(looks_up(&office.wishes(1, FileWish::Accept { folder: Some("/home".into()) })));
}
