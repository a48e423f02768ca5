//! One story, told to every store: what one of them remembers, all of them do, in the same words.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use common::crypto::commit;
use common::crypto::invite::InviteCode;
use common::ident::{CredentialId, MessageId, RoomId, TerminalId, TerminalKey};
use common::msg::{
    Blob, Broadcast, Certificate, CommitReq, CommitStatus, Hex, MailItem, MailKind, MailRefusal, Member, Piece,
    SignedCommit, UserCertificate, Withdrawal,
};
use common::settled::SettledTime;
use directory_core::lockout::{Class, LockRule, Verdict};
use directory_core::records::{
    Account, Admits, Attempt, CommitRequest, CookieDigest, Deposit, Entry, EntryCheck, ExpiryProgress, Generation,
    Grant, IdStatus, InviteRecord, KnownPackages, LoggedBroadcast, MailRule, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Success, TerminalRemoval, UnlockOutcome, UserChange,
};
use directory_core::store::Store;
use directory_core::timestamp::Timestamp;
use directory_server::store::sqlite::SqliteStore;
use futures::executor::block_on;
use futures::future::join_all;
use support::postgres::{Isolation, Postgres};
use support::{NOON, user};

const ROOM: RoomId = RoomId([7; 16]);
/// Room for two messages of ten bytes of one sender.
const RULE: MailRule = MailRule { messages: 2, bytes: 10_000, keep: Duration::from_secs(1000) };

fn member(id: &str, terminal: u8) -> Member {
    Member { userid: user(id), terminal: TerminalId([terminal; 16]) }
}

fn cookie(n: u8) -> CookieDigest {
    CookieDigest([n; 32])
}

fn new_user(id: &str, invite: Option<InviteCode>) -> NewUser {
    let (record, vault) = (b"record".to_vec(), b"vault".to_vec());
    let account =
        Account { credential: CredentialId([4; 16]), record, public_key: b"key".to_vec(), vault, newest: None };
    NewUser { id: user(id), account, invite }
}

fn success(of: &Member, class: Class, n: u8) -> Success {
    let Member { userid: user, terminal } = of.clone();
    let (credential, record, unseen_since) = (CredentialId([4; 16]), b"record".to_vec(), Timestamp::from_seconds(0));
    Success { user, credential, record, terminal, class, cookie: cookie(n), unseen_since }
}

fn attempt(id: &str, n: u16) -> Attempt {
    let mut terminal = [0; 16];
    terminal[..2].copy_from_slice(&n.to_be_bytes());
    let (cookie, generation, admits) = (None, Generation::Current, Admits::Everybody);
    Attempt { user: user(id), terminal: TerminalId(terminal), cookie, generation, admits }
}

fn certificate(of: &Member) -> Certificate {
    Certificate { terminal: of.terminal, key: TerminalKey([5; 32]), issued: 1, signature: Blob(vec![6; 256]) }
}

fn commit_of(from: &Member, epoch: u64, members: Vec<Member>, commit: &[u8]) -> CommitRequest {
    let asked = CommitReq::without_commit(ROOM, epoch, members.clone());
    let digests = commit::digests(&asked, commit, b"");
    CommitRequest {
        from: from.clone(),
        room: ROOM,
        epoch,
        members,
        commit: commit.to_vec(),
        welcome: Vec::new(),
        group: None,
        again: Vec::new(),
        replaces: None,
        signed: SignedCommit { digests, signature: Blob::default() },
        kept_after: NOON,
        run: NOON,
    }
}

fn deposit(from: &Member, epoch: u64, ids: &[u8]) -> Deposit {
    let messages = ids.iter().map(|id| (MessageId([*id; 16]), vec![*id; 10])).collect();
    Deposit { from: from.clone(), room: ROOM, epoch, messages, leave: false }
}

/// Kinds and first bytes of what waits.
fn waits(store: &impl Store, owner: &Member) -> Vec<(MailKind, u8)> {
    let mail: Vec<MailItem> = block_on(store.mail(owner, Timestamp::from_seconds(0))).unwrap();
    assert!(mail.is_sorted_by_key(|item| item.item));
    mail.into_iter().map(|item| (item.kind, item.piece.unwrap().0[0])).collect()
}

fn all_is_well(store: &impl Store) {
    assert_eq!(block_on(store.check()), Ok(Vec::new()));
}

/// All of it. Every chapter leaves a store that is sound; so many attempts come at once.
fn story<S: Store>(store: &S, crowd: u16) {
    let [ali, bianca, second] = [member("ali", 1), member("bianca", 1), member("bianca", 2)];
    users_and_their_logins(store, [&ali, &bianca, &second]);
    all_is_well(store);
    invitations(store);
    many_at_once(store, &bianca, crowd);
    all_is_well(store);
    a_room_and_its_mail(store, [&ali, &bianca, &second]);
    all_is_well(store);
    commits_at_once(store, [&ali, &bianca]);
    all_is_well(store);
    the_log(store, &ali);
    what_goes(store, [&ali, &bianca, &second]);
    all_is_well(store);
}

fn users_and_their_logins<S: Store>(store: &S, members: [&Member; 3]) {
    let begun = block_on(store.begin_run(NOON)).unwrap();
    assert_eq!(block_on(store.begin_run(NOON)).unwrap().generation, begun.generation);
    for id in ["ali", "bianca"] {
        assert_eq!(block_on(store.id_status(&user(id), NOON)), Ok(IdStatus::Free));
        let at_once = join_all((0..4).map(|_| store.register(new_user(id, None), NOON)));
        let outcomes: Vec<_> = block_on(at_once).into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Registered::Done).count(), 1, "{outcomes:?}");
        assert_eq!(block_on(store.id_status(&user(id), NOON)), Ok(IdStatus::Taken));
    }
    for (who, n) in members.into_iter().zip(1..) {
        let granted = block_on(store.grant(success(who, Class::UnknownTerminals, n), NOON)).unwrap();
        assert!(matches!(granted, Grant::Granted { certificate: None, .. }));
        let encoded = serde_json::to_vec(&certificate(who)).unwrap();
        let entry = |new_certificate| {
            let Success { user, credential, record, terminal, .. } = success(who, Class::KnownTerminal, n);
            Entry { user, credential, record, terminal, new_certificate }
        };
        assert_eq!(block_on(store.enter(entry(Some(encoded.clone())), NOON)), Ok(EntryCheck::Valid));
        assert_eq!(block_on(store.enter(entry(None), NOON)), Ok(EntryCheck::Valid));
        let again = block_on(store.grant(success(who, Class::KnownTerminal, n), NOON)).unwrap();
        assert!(matches!(again, Grant::Granted { certificate: Some(known), .. } if known == encoded));
    }
    let told = block_on(store.certificates(vec![members[0].clone(), member("nobody", 1)])).unwrap();
    let publickey = Hex(b"key".to_vec());
    assert_eq!(told, [UserCertificate { userid: user("ali"), publickey, certificate: certificate(members[0]) }]);
    passcodes(store, members[0]);
    let records = block_on(store.users(NOON)).unwrap();
    assert_eq!(
        records.iter().map(|it| (it.id.as_str(), it.logins, it.terminals)).collect::<Vec<_>>(),
        [("ali", 4, 1), ("bianca", 4, 2)]
    );
    block_on(store.lock(&user("ali"), "why not")).unwrap();
    let refused = block_on(store.grant(success(members[0], Class::KnownTerminal, 1), NOON)).unwrap();
    assert_eq!(refused, Grant::LockedByAdministrator);
    assert_eq!(block_on(store.user(&user("ali"), NOON)).unwrap().unwrap().locked.as_deref(), Some("why not"));
    assert_eq!(block_on(store.unlock(&user("ali"))), Ok(UnlockOutcome::Unlocked));
    assert_eq!(block_on(store.unlock(&user("ali"))), Ok(UnlockOutcome::WasNotLocked));
    assert_eq!(block_on(store.lock(&user("nobody"), "")), Ok(UserChange::NoSuchUser));
}

/// The record changes, the one before holds at its terminal until the newest was used, and then it changes back.
fn passcodes<S: Store>(store: &S, of: &Member) {
    let change = |proved: &[u8], record: &[u8], version| {
        let Success { user, credential, terminal, .. } = success(of, Class::KnownTerminal, 1);
        let (proved, record, vault) = (proved.to_vec(), record.to_vec(), b"vault".to_vec());
        block_on(
            store.change_passcode(NewPasscode { user, terminal, credential, proved, record, vault, version }, NOON),
        )
    };
    assert_eq!(change(b"record", b"new", 1), Ok(PasscodeChange::Outdated), "not above the one there is");
    assert_eq!(change(b"record", b"new", 2), Ok(PasscodeChange::Changed));
    assert_eq!(change(b"wrong", b"newer", 3), Ok(PasscodeChange::Outdated));
    let known =
        |generation| Attempt { terminal: of.terminal, cookie: Some(cookie(1)), generation, ..attempt("ali", 0) };
    let reserve = |generation| block_on(store.reserve(known(generation), LockRule::default(), NOON)).unwrap();
    let former = reserve(Generation::Previous);
    let account = former.account.unwrap();
    assert_eq!((former.changed, &account.record[..], account.newest), (true, &b"record"[..], Some(2)));
    assert_eq!(reserve(Generation::Current).account.unwrap().record, b"new");
    let newest = Success { record: b"new".to_vec(), ..success(of, Class::KnownTerminal, 1) };
    assert!(matches!(block_on(store.grant(newest, NOON)), Ok(Grant::Granted { .. })));
    assert!(!reserve(Generation::Previous).changed, "the newest was used");
    let outdated = block_on(store.grant(success(of, Class::KnownTerminal, 1), NOON)).unwrap();
    assert_eq!(outdated, Grant::Outdated);
    assert_eq!(change(b"new", b"record", 3), Ok(PasscodeChange::Changed));
    assert!(matches!(block_on(store.grant(success(of, Class::KnownTerminal, 1), NOON)), Ok(Grant::Granted { .. })));
}

fn invitations<S: Store>(store: &S) {
    let code = InviteCode::generate().unwrap();
    let record =
        |code: &InviteCode| InviteRecord { user: user("carol"), code: code.clone(), expires: NOON.seconds() + 9 };
    assert_eq!(block_on(store.invite(record(&InviteCode::generate().unwrap()), NOON)), Ok(IdStatus::Free));
    assert!(matches!(block_on(store.invite(record(&code), NOON)), Ok(IdStatus::Invited(_))), "replaced");
    assert_eq!(block_on(store.invites(NOON)).unwrap(), [record(&code)]);
    assert_eq!(block_on(store.register(new_user("carol", None), NOON)), Ok(Registered::InviteGone));
    let late = NOON + Duration::from_secs(9);
    assert_eq!(block_on(store.id_status(&user("carol"), late)), Ok(IdStatus::AwaitsInvite));
    assert_eq!(block_on(store.revoke(&code)), Ok(Some(user("carol"))));
    assert_eq!(block_on(store.revoke(&code)), Ok(None));
    assert_eq!(block_on(store.invite(record(&code), NOON)), Ok(IdStatus::Free));
    assert_eq!(block_on(store.register(new_user("carol", Some(code)), NOON)), Ok(Registered::Done));
    assert_eq!(block_on(store.remove(&user("carol"), NOON)), Ok(UserChange::Done));
    assert_eq!(block_on(store.id_status(&user("carol"), NOON)), Ok(IdStatus::Removed));
    assert_eq!(block_on(store.register(new_user("carol", None), NOON)), Ok(Registered::Unavailable));
}

/// Attempts, and takers of key packages.
fn many_at_once<S: Store>(store: &S, bianca: &Member, crowd: u16) {
    for id in ["bianca", "nobody"] {
        let attempts = (0..crowd).map(|n| store.reserve(attempt(id, n), LockRule::default(), NOON));
        let answers = block_on(join_all(attempts));
        let reserved =
            answers.into_iter().map(Result::unwrap).filter(|it| matches!(it.verdict, Verdict::Reserved { .. }));
        assert_eq!(reserved.count(), 4, "{id}");
    }
    assert_eq!(block_on(store.unlock(&user("bianca"))), Ok(UnlockOutcome::Unlocked));
    let packages = (0..40).map(|n| Piece(vec![n])).collect();
    let state = block_on(store.publish(bianca, packages, Some(Piece(vec![99])), KnownPackages::Kept)).unwrap();
    assert_eq!((state.left, state.last_resort), (40, true));
    let takers = (0..45).map(|_| store.take_key_packages(&bianca.userid, vec![bianca.terminal]));
    let taken: Vec<u8> =
        block_on(join_all(takers)).into_iter().map(|it| it.unwrap().reply.packages.remove(0).package.0[0]).collect();
    let ordinary: BTreeSet<u8> = taken.iter().copied().filter(|package| *package < 40).collect();
    assert_eq!((ordinary.len(), taken.iter().filter(|package| **package == 99).count()), (40, 5));
    let published = block_on(store.terminals(vec![user("ali"), user("bianca"), user("nobody")])).unwrap();
    assert_eq!(published.iter().map(|it| it.terminals.len()).collect::<Vec<_>>(), [0, 1]);
}

fn a_room_and_its_mail<S: Store>(store: &S, [ali, bianca, second]: [&Member; 3]) {
    let all = vec![ali.clone(), bianca.clone(), second.clone()];
    let founded = block_on(store.commit(commit_of(ali, 0, all, b""), RULE, NOON)).unwrap();
    assert_eq!(founded.reply.status, CommitStatus::Accepted);
    let put = |epoch, ids: &[u8]| block_on(store.deposit(deposit(ali, epoch, ids), RULE, NOON)).unwrap();
    assert_eq!(put(1, &[1]).reply.refused, Some(MailRefusal::Epoch));
    let outcome = put(0, &[1, 2, 3]);
    assert_eq!((outcome.reply.stored, outcome.reply.refused), (2, Some(MailRefusal::Full)), "the rule");
    assert_eq!(outcome.notify, [bianca.clone(), second.clone()]);
    assert_eq!(waits(store, bianca), [(MailKind::Message, 1), (MailKind::Message, 2)]);
    let mail = block_on(store.mail(bianca, Timestamp::from_seconds(0))).unwrap();
    assert_eq!(block_on(store.piece(bianca, mail[1].item, 8)), Ok(vec![2, 2]));
    assert_eq!(block_on(store.piece(bianca, mail[1].item, 10)), Ok(Vec::new()));
    let state = block_on(store.open_mailbox(bianca, Timestamp::from_seconds(0))).unwrap();
    assert_eq!((state.acked, state.waiting, state.lost), (0, 2, 0));
    block_on(store.acknowledge(bianca, mail[0].item, 0)).unwrap();
    assert_eq!(waits(store, bianca), [(MailKind::Message, 2)]);
    assert_eq!(waits(store, second).len(), 2, "another terminal has its own");
    // Both at once take what both have: the last one takes its body along.
    let ack = |of| store.acknowledge(of, u64::MAX, 0);
    block_on(join_all([bianca, second, bianca, second].map(ack))).into_iter().for_each(|acked| acked.unwrap());
    all_is_well(store);
    let next = put(0, &[4]);
    assert_eq!(next.reply.stored, 1);
    let items = block_on(store.mail(bianca, Timestamp::from_seconds(0))).unwrap();
    assert!(items[0].item > mail[1].item, "no number is given out again");
    assert_eq!(block_on(store.open_mailbox(ali, NOON)).unwrap().written, 3, "the room, and two puts");
    // It waits too long: its sender is told, once nobody of the receiver has it.
    block_on(store.acknowledge(second, u64::MAX, 0)).unwrap();
    let other = put(0, &[5]);
    assert_eq!(other.reply.stored, 1);
    while block_on(store.expire(NOON)).unwrap() == ExpiryProgress::MoreLeft {}
    assert_eq!(block_on(store.totals()).unwrap().waiting, 0);
    let reports = block_on(store.withdrawn(ali)).unwrap();
    let told: Vec<_> = reports.iter().map(|it| (it.id.as_bytes()[0], it.reason)).collect();
    assert_eq!(told, [(5, Withdrawal::Expired)], "the other was taken at one of two terminals");
    assert_eq!(block_on(store.keep_time(SettledTime::default(), NOON)).unwrap(), std::slice::from_ref(ali));
    assert_eq!(block_on(store.keep_time(SettledTime::default(), NOON)).unwrap(), [], "only once");
    block_on(store.acknowledge_withdrawn(ali, reports[0].report)).unwrap();
    assert_eq!(block_on(store.withdrawn(ali)).unwrap(), []);
    assert_eq!(block_on(store.open_mailbox(bianca, NOON)).unwrap().lost, 2);
    block_on(store.acknowledge(bianca, 0, 2)).unwrap();
    assert_eq!(block_on(store.open_mailbox(bianca, NOON)).unwrap().lost, 0);
}

/// Both end the same epoch, many times each, while messages are put: one wins, and its messages lie between the commits.
fn commits_at_once<S: Store>(store: &S, [ali, bianca]: [&Member; 2]) {
    let rule = MailRule { messages: 0, bytes: 0, ..RULE };
    let both = vec![ali.clone(), bianca.clone(), member("bianca", 2)];
    for epoch in 0..4 {
        let rivals = (0..10).map(|n| {
            let request = commit_of([ali, bianca][n % 2], epoch, both.clone(), &[n as u8 + 1]);
            store.commit(request, rule, NOON)
        });
        let putters = (0..10).map(|n| store.deposit(deposit(ali, epoch, &[n + 100]), rule, NOON));
        let (commits, puts) = block_on(async { futures::join!(join_all(rivals), join_all(putters)) });
        let accepted = commits.into_iter().filter(|it| it.as_ref().unwrap().reply.status == CommitStatus::Accepted);
        assert_eq!(accepted.count(), 1);
        let stored: u32 = puts.into_iter().map(|put| put.unwrap().reply.stored).sum();
        let mail = block_on(store.mail(bianca, Timestamp::from_seconds(0))).unwrap();
        let mine: Vec<_> = mail.iter().filter(|item| item.epoch == epoch).map(|item| item.kind).collect();
        assert_eq!(mine.iter().filter(|kind| **kind == MailKind::Message).count(), stored as usize);
        assert_eq!(mine.last(), Some(&MailKind::Commit), "nothing of an epoch lies behind its end: {mine:?}");
        block_on(store.acknowledge(bianca, u64::MAX, 0)).unwrap();
    }
    let epochs = block_on(store.epochs(ali, vec![ROOM, RoomId([8; 16])])).unwrap();
    assert_eq!(epochs.iter().map(|it| it.epoch).collect::<Vec<_>>(), [4]);
    let rooms = block_on(store.rooms()).unwrap();
    assert_eq!((rooms.len(), rooms[0].epoch, rooms[0].terminals), (1, 4, 3));
}

fn the_log<S: Store>(store: &S, ali: &Member) {
    let sender =
        UserCertificate { userid: user("ali"), publickey: Hex(b"key".to_vec()), certificate: certificate(ali) };
    let broadcast = |n: u8| {
        let (id, message, signature) = (MessageId([n; 16]), format!("news {n}"), Blob(vec![n]));
        Broadcast { number: 0, taken: 1, sender: Box::new(sender.clone()), id, message, date: u64::MAX, signature }
    };
    let logged = block_on(join_all([1, 2, 3, 1].map(|n| store.log_broadcast(broadcast(n)))));
    let logged: Vec<_> = logged.into_iter().map(Result::unwrap).collect();
    assert_eq!(logged.iter().filter(|it| matches!(it, LoggedBroadcast::Now(_))).count(), 3, "{logged:?}");
    let read = block_on(store.broadcasts(None, 2)).unwrap();
    assert_eq!(read.iter().map(|it| it.number).collect::<Vec<_>>(), [3, 2]);
    let (of, rest) = (broadcast(read[0].id.as_bytes()[0]), block_on(store.broadcasts(Some(2), 9)).unwrap());
    assert_eq!((read[0].clone(), rest.len()), (Broadcast { number: 3, ..of }, 1));
}

fn what_goes<S: Store>(store: &S, [ali, bianca, second]: [&Member; 3]) {
    let rule = MailRule { messages: 0, bytes: 0, ..RULE };
    for who in [ali, bianca, second] {
        block_on(store.acknowledge(who, u64::MAX, 0)).unwrap();
    }
    block_on(store.deposit(deposit(ali, 4, &[6]), rule, NOON)).unwrap();
    let remove = |who: &Member, by| block_on(store.remove_terminal(who, by)).unwrap();
    assert_eq!(remove(bianca, Remover::Terminal(second.terminal)), TerminalRemoval::Older);
    assert_eq!(
        remove(second, Remover::Successor { terminal: ali.terminal, cookie: cookie(9) }),
        TerminalRemoval::NotProved
    );
    assert_eq!(remove(second, Remover::Terminal(bianca.terminal)), TerminalRemoval::Removed);
    all_is_well(store);
    assert_eq!(block_on(store.withdrawn(ali)).unwrap(), [], "the other terminal has it");
    let gone = block_on(store.certificates(vec![second.clone()])).unwrap();
    assert_eq!(gone.len(), 1, "a room's tree has it");
    let invite = InviteRecord { user: user("bianca"), code: InviteCode::generate().unwrap(), expires: 0 };
    assert_eq!(block_on(store.reset(&user("bianca"), invite)), Ok(UserChange::Done));
    let reports = block_on(store.withdrawn(ali)).unwrap();
    assert_eq!(
        reports.iter().map(|it| (it.id.as_bytes()[0], it.reason)).collect::<Vec<_>>(),
        [(6, Withdrawal::Removed)]
    );
    let totals = block_on(store.totals()).unwrap();
    assert_eq!((totals.users, totals.waiting, totals.waiting_bytes), (2, 0, 0));
    assert_eq!(block_on(store.rooms()).unwrap()[0].terminals, 1);
    assert_eq!(block_on(store.remove(&user("ali"), NOON)), Ok(UserChange::Done));
    assert_eq!(block_on(store.rooms()).unwrap(), [], "a room without terminals is nobody's");
    assert_eq!(block_on(store.count()), Ok(1));
    let again = block_on(store.commit(commit_of(ali, 0, vec![ali.clone()], b""), rule, NOON)).unwrap();
    assert_ne!(again.reply.status, CommitStatus::Accepted);
}

#[test]
fn the_embedded_store_tells_the_story() {
    story(&SqliteStore::in_memory().unwrap(), 1000);
}

#[test]
fn postgresql_tells_the_same_story_whatever_transactions_see_of_each_other() {
    for isolation in [Isolation::ReadCommitted, Isolation::Serializable] {
        let Some(postgres) = Postgres::start(isolation) else { return };
        story(&postgres.open(1).unwrap(), 1000);
    }
}

#[test]
fn the_story_is_the_same_whichever_statement_is_in_the_way_of_another() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    for at in 1..=24 {
        postgres.sql("DROP SCHEMA public CASCADE");
        postgres.sql("CREATE SCHEMA public");
        let store = postgres.open(1).unwrap();
        store.set_faults(at);
        story(&store, 20);
        assert!(store.refused() > 0, "no method has {at} statements");
    }
}

#[test]
fn much_that_is_too_old_goes_in_several_steps_and_all_of_it_is_told() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let store = postgres.open(1).unwrap();
    let [ali, bianca] = [member("ali", 1), member("bianca", 1)];
    for who in [&ali, &bianca] {
        assert_eq!(block_on(store.register(new_user(who.userid.as_str(), None), NOON)), Ok(Registered::Done));
        let granted = block_on(store.grant(success(who, Class::UnknownTerminals, 1), NOON));
        assert!(matches!(granted, Ok(Grant::Granted { .. })));
    }
    let rule = MailRule { messages: 0, bytes: 0, ..RULE };
    let both = vec![ali.clone(), bianca.clone()];
    block_on(store.commit(commit_of(&ali, 0, both, b""), rule, NOON)).unwrap();
    let message = |n: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        (MessageId(id), vec![1])
    };
    let many = Deposit { messages: (0..1500).map(message).collect(), ..deposit(&ali, 0, &[]) };
    assert_eq!(block_on(store.deposit(many, rule, NOON)).unwrap().reply.stored, 1500);
    let waiting = || block_on(store.totals()).unwrap().waiting;
    assert_eq!(block_on(store.expire(NOON)), Ok(ExpiryProgress::MoreLeft));
    assert_eq!(waiting(), 500);
    assert_eq!(block_on(store.expire(NOON)), Ok(ExpiryProgress::Done));
    assert_eq!(waiting(), 0);
    all_is_well(&store);
    let told = "SELECT count(*), count(DISTINCT id), min(report), max(report) - min(report) FROM withdrawn";
    let first = postgres.sql("SELECT min(report) FROM withdrawn");
    assert_eq!(postgres.sql(told), format!("1500|1500|{first}|1499"));
    assert_eq!(postgres.sql("SELECT count(*) FROM withdrawn WHERE receiver <> 'bianca' OR reason <> 0"), "0");
    assert_eq!(block_on(store.keep_time(SettledTime::default(), NOON)).unwrap(), [ali]);
}
