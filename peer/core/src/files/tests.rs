//! Offers and transfers without any bytes: for every input, what is wanted of others and what is to be done.

use std::net::SocketAddr;
use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::limits::{FILE_NAME, OFFERS_OPEN};
use common::msg::{Body, ConnectStatus, Outcome, PresenceStatus};
use common::testkit::Example;

use super::model::{AcceptFiles, FilePolicy, Source, TransferOutcome};
use super::transfers::{FETCHED_AT_ONCE, FIRST_RETRY, GIVEN_AT_ONCE, LAST_RETRY};
use super::{Files, OfferedFile, REMEMBERED};
use crate::command::FileWish;
use crate::context::{Context, Session};
use crate::event::{Effect, LinkId};
use crate::fixtures;
use crate::model::PresenceInfo;
use crate::notice::{FileFailed, FileNews, FileNotice, FileState, NotOffered, Notice};
use crate::persistence::{Rows, Write};
use crate::request::{LookupReason, Request};
use crate::verify::LookupResult;

fn ali() -> UserId {
    Example::Ali.user().unwrap()
}

fn id(number: usize) -> MessageId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(id)
}

fn source() -> Source {
    Source { path: PathBuf::from("/plans.pdf"), size: 9, files: None, state: [7; 32] }
}

/// What one input led to.
struct Done {
    requests: Vec<Request>,
    effects: Vec<Effect>,
}

impl Done {
    fn news(&self) -> Vec<FileNews> {
        let news = |effect: &Effect| match effect {
            Effect::Notify(Notice::File(FileNotice::News { news, .. })) => Some(news.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(news).collect()
    }

    /// What the other side will be told.
    fn said(&self) -> Vec<Outcome> {
        let said = |request: &Request| match request {
            Request::Send { letter, .. } => match letter.body {
                Body::File { state, .. } => Some(state),
                _ => None,
            },
            _ => None,
        };
        self.requests.iter().filter_map(said).collect()
    }

    fn looks_up(&self) -> bool {
        self.requests.iter().any(|request| matches!(request, Request::LookUp { reason: LookupReason::File(_), .. }))
    }

    fn fetches(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Fetch { .. }))
    }

    fn writes(&self) -> usize {
        let writes = |effect: &Effect| if let Effect::Persist(writes) = effect { writes.len() } else { 0 };
        self.effects.iter().map(writes).sum()
    }
}

/// Bianca's files.
struct Stage {
    cx: Context,
    files: Files,
}

impl Stage {
    fn new(accept: AcceptFiles, max: u64) -> Self {
        let cx = fixtures::context(fixtures::identity(Example::Bianca));
        Self { cx, files: Files::load(Rows::new(), FilePolicy { accept, max }) }
    }

    fn asking() -> Self {
        Self::new(AcceptFiles::Ask, 100)
    }

    fn does(&mut self, act: impl FnOnce(&mut Files, &mut Context) -> Vec<Request>) -> Done {
        let requests = act(&mut self.files, &mut self.cx);
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        Done { requests, effects }
    }

    /// Ali offers.
    fn is_offered(&mut self, number: usize, size: u64) -> Done {
        let offered = OfferedFile { file: id(number), name: "plans.pdf".into(), size, files: None };
        self.does(|files, cx| files.handle_offer(cx, &ali(), offered))
    }

    fn offers(&mut self, name: &str) -> Done {
        self.does(|files, cx| files.offer(cx, ali(), name.to_owned(), (source(), 0)))
    }

    fn wishes(&mut self, number: u64, wish: FileWish) -> Done {
        self.does(|files, cx| files.change(cx, number, wish))
    }

    fn accepts(&mut self, number: u64) -> Done {
        self.wishes(number, FileWish::Accept { folder: None })
    }

    /// The directory says where ali is, or does not.
    fn finds(&mut self, number: u64, is_there: bool) -> Done {
        let addresses = vec![SocketAddr::from(([127, 0, 0, 2], 65000))];
        let found = is_there.then(|| LookupResult { addresses, key: fixtures::identity(Example::Ali).key });
        self.does(|files, cx| {
            files.handle_sender(cx, number, found);
            Vec::new()
        })
    }

    fn ends(&mut self, number: u64, outcome: TransferOutcome) -> Done {
        self.does(|files, cx| files.handle_end(cx, number, outcome))
    }

    fn progresses(&mut self, number: u64, done: u64) -> Done {
        self.does(|files, cx| {
            files.handle_progress(cx, number, done);
            Vec::new()
        })
    }

    fn ticks(&mut self) -> Done {
        self.does(|files, cx| files.handle_tick(cx))
    }

    fn is_told(&mut self, by: &UserId, outcome: Outcome) -> Done {
        self.does(|files, cx| {
            files.handle_outcome(cx, by, &ali(), (id(1), outcome));
            Vec::new()
        })
    }

    /// A caller asks for a file; whether it gets it, and if not, whether it may come again.
    fn is_asked(&mut self, by: &UserId, file: MessageId) -> Result<u64, ConnectStatus> {
        let done = self.does(|files, cx| {
            files.handle_fetch(cx, LinkId(1), by, (file, 0));
            Vec::new()
        });
        match &done.effects[..] {
            [Effect::Serve { number, .. }] => Ok(*number),
            [Effect::Reply { reply, .. }] => Err(reply.status),
            effects => panic!("{effects:?}"),
        }
    }

    fn state(&self, number: u64) -> FileState {
        self.files.all[&number].state
    }
}

#[test]
fn a_user_can_have_so_many_offers_open_and_no_more() {
    let mut stage = Stage::asking();
    for number in 0..OFFERS_OPEN {
        assert_eq!(stage.is_offered(number, 9).news(), [FileNews::Offered]);
    }
    let refused = stage.is_offered(99, 9);
    assert_eq!((refused.news(), refused.said(), refused.writes()), (vec![], vec![Outcome::Refused], 0));
    stage.wishes(1, FileWish::Refuse);
    assert_eq!(stage.is_offered(100, 9).news(), [FileNews::Offered]);
}

#[test]
fn nobody_offers_more_than_the_other_side_would_keep() {
    let mut stage = Stage::asking();
    for _ in 0..OFFERS_OPEN {
        let offered = stage.offers("plans.pdf");
        assert_eq!(offered.news(), [FileNews::Offering { left_out: 0 }]);
        assert!(
            matches!(&offered.requests[..], [Request::Send { letter, .. }] if matches!(letter.body, Body::Offer { .. }))
        );
    }
    let refused = stage.offers("plans.pdf");
    let [Effect::Notify(Notice::File(FileNotice::NotOffered { why, .. }))] = &refused.effects[..] else {
        panic!("{:?}", refused.effects)
    };
    assert_eq!((*why, refused.requests.len()), (NotOffered::TooMany, 0));
}

#[test]
fn nothing_is_offered_to_oneself_or_to_whom_one_has_blocked() {
    let mut stage = Stage::asking();
    let why = |done: Done| match &done.effects[..] {
        [Effect::Notify(Notice::File(FileNotice::NotOffered { why, .. }))] => *why,
        effects => panic!("{effects:?}"),
    };
    let me = stage.cx.me.user.clone();
    let done = stage.does(|files, cx| files.offer(cx, me, "plans.pdf".into(), (source(), 0)));
    assert_eq!(why(done), NotOffered::Yourself);
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
    stage.cx.contacts.block(&ali());
    assert_eq!(why(stage.offers("plans.pdf")), NotOffered::Blocked);
}

#[test]
fn a_name_is_cut_where_the_wire_ends_it() {
    for (length, kept) in [(FILE_NAME - 1, FILE_NAME - 1), (FILE_NAME, FILE_NAME), (FILE_NAME + 1, FILE_NAME)] {
        let mut stage = Stage::asking();
        stage.offers(&"x".repeat(length));
        assert_eq!(stage.files.all[&1].name.len(), kept);
    }
}

#[test]
fn what_is_too_large_or_never_wanted_is_refused_at_once() {
    for (size, news, said) in [(99, FileNews::Offered, vec![]), (100, FileNews::Offered, vec![])].into_iter().chain([(
        101,
        FileNews::TooLarge { max: 100 },
        vec![Outcome::Refused],
    )]) {
        let offered = Stage::asking().is_offered(1, size);
        assert_eq!((offered.news(), offered.said()), (vec![news], said), "{size} bytes");
    }
    let never = Stage::new(AcceptFiles::Never, 100).is_offered(1, 9);
    assert_eq!((never.news(), never.said()), (vec![], vec![Outcome::Refused]));
}

#[test]
fn files_of_verified_users_are_taken_at_once_where_the_user_wants_it() {
    let mut stage = Stage::new(AcceptFiles::Verified, 100);
    assert!(!stage.is_offered(1, 9).looks_up(), "nobody has compared ali's number");
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, true);
    let offered = stage.is_offered(2, 9);
    assert_eq!(offered.news(), [FileNews::Offered, FileNews::Accepted]);
    assert!(offered.looks_up());
}

#[test]
fn a_lost_transfer_is_tried_again_later_and_later_and_told_once() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let mut told = 0;
    let mut pause = FIRST_RETRY;
    for _ in 0..8 {
        assert!(stage.finds(1, true).fetches());
        let stopped = stage.ends(1, TransferOutcome::Stopped);
        assert!(!stopped.looks_up(), "not at once");
        told += stopped.news().len();
        assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + pause));
        stage.cx.now.tick += pause - 1;
        assert!(!stage.ticks().looks_up());
        stage.cx.now.tick += 1;
        assert!(stage.ticks().looks_up());
        pause = (pause * 2).min(LAST_RETRY);
    }
    assert_eq!((told, pause), (1, LAST_RETRY));
    stage.finds(1, true);
    stage.progresses(1, 5);
    assert_eq!(stage.ends(1, TransferOutcome::Stopped).news(), [FileNews::Stopped { done: 5 }]);
    assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + FIRST_RETRY));
}

#[test]
fn a_sender_who_is_not_there_is_looked_for_again_and_at_once_when_it_comes() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    assert!(!stage.finds(1, false).fetches());
    assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + FIRST_RETRY));
    let offline = PresenceInfo { status: PresenceStatus::Offline, text: None };
    stage.cx.presence.insert(ali(), offline);
    assert!(!stage.does(|files, cx| files.handle_presence(cx, Some(&ali()))).looks_up());
    stage.cx.presence.insert(ali(), PresenceInfo { status: PresenceStatus::Online, text: None });
    let carol = Example::Carol.user().unwrap();
    assert!(!stage.does(|files, cx| files.handle_presence(cx, Some(&carol))).looks_up());
    assert!(stage.does(|files, cx| files.handle_presence(cx, Some(&ali()))).looks_up());
}

#[test]
fn nothing_is_looked_up_without_a_session_and_what_was_is_looked_up_again_in_the_next() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.cx.session = Session::Down;
    assert!(!stage.accepts(1).looks_up());
    stage.cx.session = Session::CaughtUp;
    assert!(stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
    assert!(!stage.does(|files, cx| files.handle_presence(cx, None)).looks_up(), "it is being looked up");
    stage.files.handle_session_lost();
    assert!(stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
}

#[test]
fn few_files_are_fetched_at_once_and_the_next_follows() {
    let mut stage = Stage::asking();
    for number in 1..=FETCHED_AT_ONCE + 1 {
        stage.is_offered(number, 9);
    }
    let accepted: Vec<bool> = (1..=5).map(|number| stage.accepts(number).looks_up()).collect();
    assert_eq!(accepted, [true, true, true, true, false]);
    stage.finds(1, true);
    let ended = stage.ends(1, TransferOutcome::Saved { path: "/plans.pdf".into() });
    assert!(ended.looks_up());
    assert_eq!((ended.said(), stage.state(1)), (vec![Outcome::Received], FileState::Done));
}

#[test]
fn few_files_are_given_at_once_and_one_that_is_given_may_be_asked_for_again() {
    let mut stage = Stage::asking();
    for _ in 0..OFFERS_OPEN.min(GIVEN_AT_ONCE + 1) {
        stage.offers("plans.pdf");
    }
    while stage.files.all.len() <= GIVEN_AT_ONCE {
        let number = u64::try_from(stage.files.all.len()).unwrap();
        stage.files.all.get_mut(&number).unwrap().state = FileState::Accepted;
        stage.offers("plans.pdf");
    }
    let files: Vec<MessageId> = stage.files.all.values().map(|known| known.file).collect();
    for file in &files[..GIVEN_AT_ONCE] {
        assert!(stage.is_asked(&ali(), *file).is_ok());
    }
    assert_eq!(stage.is_asked(&ali(), files[GIVEN_AT_ONCE]), Err(ConnectStatus::Refused));
    assert_eq!(stage.is_asked(&ali(), files[0]), Ok(1));
    stage.ends(1, TransferOutcome::Sent);
    assert!(stage.is_asked(&ali(), files[GIVEN_AT_ONCE]).is_ok());
}

#[test]
fn a_full_disk_pauses_until_the_user_says_so() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    stage.finds(1, true);
    let full = TransferOutcome::DiskFull { need: 9, free: 1, folder: "/".into() };
    assert!(matches!(stage.ends(1, full).news().as_slice(), [FileNews::DiskFull { .. }]));
    assert_eq!(stage.files.next_deadline(), None);
    assert!(!stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
    assert!(stage.wishes(1, FileWish::Resume).looks_up());
}

#[test]
fn a_folder_that_cannot_be_written_pauses_until_the_user_names_another() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.wishes(1, FileWish::Accept { folder: Some("/proc".into()) });
    stage.finds(1, true);
    let detail = "permission denied".to_owned();
    let ended = stage.ends(1, TransferOutcome::Failed(FileFailed::Disk { detail: detail.clone() }));
    assert_eq!(ended.news(), [FileNews::NotSaved { detail }]);
    assert_eq!(ended.said(), [], "the sender has refused nothing");
    assert!(stage.wishes(1, FileWish::Accept { folder: Some("/home".into()) }).looks_up());
}

#[test]
fn what_cannot_come_is_given_up_by_both_sides() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    stage.finds(1, true);
    let ended = stage.ends(1, TransferOutcome::Failed(FileFailed::Digest));
    assert_eq!((ended.said(), stage.state(1)), (vec![Outcome::Refused], FileState::Failed));
    stage.offers("plans.pdf");
    let ended = stage.ends(2, TransferOutcome::Failed(FileFailed::Changed));
    assert_eq!((ended.said(), stage.state(2)), (vec![Outcome::Withdrawn], FileState::Failed));
}

#[test]
fn a_file_is_given_only_to_whom_it_was_offered_and_while_the_offer_stands() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    let file = stage.files.all[&1].file;
    let carol = Example::Carol.user().unwrap();
    assert_eq!(stage.is_asked(&carol, file), Err(ConnectStatus::Refused));
    assert_eq!(stage.is_asked(&ali(), id(77)), Err(ConnectStatus::Refused));
    assert_eq!(stage.is_asked(&ali(), file), Ok(1));
    let stopped = stage.wishes(1, FileWish::Cancel);
    assert!(stopped.effects.iter().any(|effect| matches!(effect, Effect::StopFile { number: 1, came: None })));
    assert_eq!(stopped.said(), [Outcome::Withdrawn]);
    assert_eq!(stage.is_asked(&ali(), file), Err(ConnectStatus::Refused));
}

#[test]
fn what_has_come_of_a_file_goes_only_when_it_is_written_that_it_is_over() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let refused = stage.wishes(1, FileWish::Refuse);
    assert_eq!((refused.news(), refused.said()), (vec![FileNews::GivenUp], vec![Outcome::Refused]));
    let [Effect::Persist(_), Effect::StopFile { number: 1, came: Some(_) }, ..] = &refused.effects[..] else {
        panic!("{:?}", refused.effects)
    };
}

#[test]
fn an_answer_at_another_terminal_of_the_same_user_is_an_answer() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    let bianca = stage.cx.me.user.clone();
    assert_eq!(stage.is_told(&bianca, Outcome::Refused).news(), [FileNews::Elsewhere]);
    assert_eq!(stage.state(1), FileState::Elsewhere);
    assert_eq!(stage.accepts(1).news(), [FileNews::Over]);
}

#[test]
fn nobody_ends_what_is_not_theirs() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    for outcome in [Outcome::Received, Outcome::Refused] {
        assert_eq!(stage.is_told(&ali(), outcome).news(), [], "{outcome:?}");
    }
    let carol = Example::Carol.user().unwrap();
    let done = stage.does(|files, cx| {
        files.handle_outcome(cx, &carol, &carol, (id(1), Outcome::Withdrawn));
        Vec::new()
    });
    assert_eq!(done.news(), []);
    assert_eq!(stage.state(1), FileState::Offered);
    assert_eq!(stage.is_told(&ali(), Outcome::Withdrawn).news(), [FileNews::Withdrawn]);
}

#[test]
fn a_link_that_brings_nothing_new_is_no_reason_to_hurry() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let mut told = 0;
    for pause in [2, 4, 8] {
        stage.cx.now.tick += 100;
        stage.ticks();
        stage.finds(1, true);
        // What was here before is told at the beginning of every attempt.
        stage.progresses(1, 5);
        told += stage.ends(1, TransferOutcome::Stopped).news().len();
        assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + pause));
    }
    assert_eq!(told, 1);
}

#[test]
fn progress_is_a_step_when_another_percent_is_full() {
    let mut stage = Stage::new(AcceptFiles::Ask, 1000);
    stage.is_offered(1, 1000);
    stage.accepts(1);
    stage.finds(1, true);
    for (done, is_step) in [(9, false), (10, true), (19, false), (20, true)] {
        assert_eq!(stage.progresses(1, done).news(), [FileNews::Progress { is_step }], "{done} bytes");
    }
}

#[test]
fn files_that_are_over_are_remembered_up_to_a_number_the_oldest_go_first() {
    let mut stage = Stage::asking();
    for number in 1..=REMEMBERED + 1 {
        stage.is_offered(number, 9);
        stage.wishes(u64::try_from(number).unwrap(), FileWish::Refuse);
    }
    assert_eq!(stage.files.all.len(), REMEMBERED + 1, "the last was not over yet when it came");
    let added = stage.is_offered(999, 9);
    assert!(!stage.files.all.contains_key(&1) && stage.files.all.contains_key(&2));
    let deleted = |write: &Write| matches!(write, Write::Delete { .. });
    let Some(Effect::Persist(writes)) = added.effects.first() else { panic!("{:?}", added.effects) };
    assert_eq!(writes.iter().filter(|write| deleted(write)).count(), 1);
}

#[test]
fn a_number_that_no_file_has_is_told_so() {
    let done = Stage::asking().accepts(7);
    assert_eq!(done.effects, [Effect::Notify(Notice::File(FileNotice::Unknown { number: 7 }))]);
}
