//! Fuzz body of a connection: a sequence of frames over a store in memory, without sockets. Never part of a program.

use common::crypto::commit;
use common::crypto::opaque::ServerSecret;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{CredentialId, KeyDigest, RoomId, TerminalId, UserId};
use common::limits::{FRAME_AFTER_LOGIN, FRAME_BEFORE_LOGIN, TERMINALS_PER_USER};
use common::msg::{
    Blob, Certificate, CommitReq, ErrorCode, Features, FromDirectory, MeetingWays, Member, Message as _, Piece,
    Registration, RequestNumber, SignedCommit,
};
use common::secret::Secret;
use futures::executor::block_on;

use crate::store::sqlite::SqliteStore;
use directory_core::address_style::AddressStyle;
use directory_core::lockout::{Class, LockRule};
use directory_core::origin::Origin;
use directory_core::outbound::Writability;
use directory_core::presence::Arrival;
use directory_core::records::{Account, CommitRequest, CookieDigest, Entry, KnownPackages, MailRule, NewUser, Success};
use directory_core::relay::RelayMode;
use directory_core::reply::Reply;
use directory_core::session::{Handled, Session};
use directory_core::sources::LoopbackRule;
use directory_core::step::Step;
use directory_core::store::{self, Store as _};
use directory_core::subscriptions::Visibility;
use directory_core::timestamp::Timestamp;
use directory_core::unauthenticated::Unauthenticated;
use directory_core::user_style::UserStyle;
use directory_core::{Directory, Policy};

/// What a store in a database of its own needs, as the program has it.
#[must_use]
pub fn runtime() -> std::sync::Arc<dyn crate::store::postgres::Runtime> {
    std::sync::Arc::new(crate::shell::rt::Database)
}

const START: u64 = 1_800_000_000;

/// The terminal of both users.
const TERMINAL: TerminalId = TerminalId([3; 16]);
/// A room in epoch 0 with both in it.
const ROOM: RoomId = RoomId([7; 16]);

/// The first byte says who may register. Then frames: one byte of seconds that pass before it (its highest bit says whose
/// session is meant), two bytes of length (big-endian), the payload. Each frame goes to a connection that is not logged
/// in, which is replaced when it has ended, and to the session of `ali` or of `bianca`.
///
/// Whatever comes, every answer and everything pushed is a message within the limit, the store never fails and
/// stays consistent, and nobody becomes present who has proved nothing.
pub fn fuzz_connection(data: &[u8]) {
    let Some((&mode, mut rest)) = data.split_first() else { return };
    let registration = match mode % 3 {
        0 => Registration::Open,
        1 => Registration::Invite,
        _ => Registration::Closed,
    };
    let policy = Policy {
        registration,
        passcode_min: 6,
        terminals_per_user: TERMINALS_PER_USER,
        relay: RelayMode::Chat,
        records: std::time::Duration::from_secs(12 * 3600),
        addresses: AddressStyle::Truncate,
        users: UserStyle::Name,
        lock: LockRule::default(),
        logins_per_minute: 0,
        lookups_per_minute: 0,
        requests_per_minute: 0,
        loopback: LoopbackRule::Exempt,
        broadcasts_per_minute: 0,
        presence: Visibility::Everyone,
        mail: MailRule::default(),
    };
    let (Ok(ali), Ok(bianca)) = (UserId::parse("ali"), UserId::parse("bianca")) else { return };
    let (Ok(store), users) = (SqliteStore::in_memory(), [ali, bianca]) else { return };
    assert_eq!(block_on(populate(&store, &users)), Ok(()));
    let directory = Directory::new(store, ServerSecret::generate(), KeyDigest([1; 32]), policy);
    let origin = Origin { address: [127, 0, 0, 2].into(), port: 50_000, exporter: [2; 32] };
    let mut now = Timestamp::from_seconds(START);
    let mut entry = Unauthenticated::new(origin, now);
    let mut sessions = users.each_ref().map(|user| present(&directory, user, now));
    while let Some((&[seconds, high, low], tail)) = rest.split_first_chunk() {
        let (payload, tail) = tail.split_at(usize::from(u16::from_be_bytes([high, low])).min(tail.len()));
        rest = tail;
        now = now + std::time::Duration::from_secs((seconds & 0x7f).into());
        match block_on(entry.handle(&directory, now, payload)) {
            Step::Silent => {}
            Step::Reply(message) => fits(&message.encode(), FRAME_BEFORE_LOGIN),
            Step::Close(message) => {
                fits(&message.encode(), FRAME_BEFORE_LOGIN);
                entry = Unauthenticated::new(origin, now);
            }
            // Signatures cover a challenge that is random each time, so no input can hold one.
            Step::Enter(..) => assert!(payload.is_empty(), "present without a proof"),
        }
        let meant = usize::from(seconds >> 7);
        for (which, session) in sessions.iter_mut().enumerate() {
            if converse(&directory, session, now, (which == meant).then_some(payload)) {
                *session = present(&directory, &users[which], now);
            }
        }
        assert_eq!(directory.presence.count(), (2, 2));
    }
    assert_eq!(block_on(directory.store.check()), Ok(Vec::new()));
}

/// Two users as after their first login, with a room and key packages.
async fn populate(store: &SqliteStore, users: &[UserId; 2]) -> store::StoreResult<()> {
    let now = Timestamp::from_seconds(START);
    for user in users {
        let credential = CredentialId([4; 16]);
        let account =
            Account { credential, record: Vec::new(), public_key: b"key".to_vec(), vault: Vec::new(), newest: None };
        store.register(NewUser { id: user.clone(), account, invite: None }, now).await?;
        let (class, cookie) = (Class::UnknownTerminals, CookieDigest([5; 32]));
        let (record, terminal) = (Vec::new(), TERMINAL);
        let unseen_since = Timestamp::from_seconds(0);
        store
            .grant(Success { user: user.clone(), credential, record, terminal, class, cookie, unseen_since }, now)
            .await?;
        let signature = Blob(vec![6; 256]);
        // A key that inputs know, so that they hold commits that are signed.
        let Ok(identity) = TerminalIdentity::from_seed(TERMINAL, &Secret::new(vec![8; 32])) else { return Ok(()) };
        let certificate = Certificate { terminal: TERMINAL, key: identity.key(), issued: 0, signature };
        let encoded = serde_json::to_vec(&certificate).unwrap_or_default();
        let entry = Entry {
            user: user.clone(),
            credential,
            record: Vec::new(),
            terminal: TERMINAL,
            new_certificate: Some(encoded),
        };
        store.enter(entry, now).await?;
        store.publish(&member(user), vec![Piece(vec![9]); 2], None, KnownPackages::Kept).await?;
    }
    let (from, members) = (member(&users[0]), users.iter().map(member).collect::<Vec<_>>());
    let (commit, welcome) = (Vec::new(), Vec::new());
    let asked = CommitReq::without_commit(ROOM, 0, members.clone());
    let signed = SignedCommit { digests: commit::digests(&asked, &commit, &welcome), signature: Blob::default() };
    let (again, group, replaces) = (Vec::new(), None, None);
    let request = CommitRequest {
        from,
        room: ROOM,
        epoch: 0,
        members,
        commit,
        welcome,
        group,
        again,
        replaces,
        signed,
        kept_after: Timestamp::from_seconds(0),
        run: now,
    };
    store.commit(request, MailRule::default(), now).await.map(drop)
}

fn member(user: &UserId) -> Member {
    Member { userid: user.clone(), terminal: TERMINAL }
}

fn present(directory: &Directory<SqliteStore>, user: &UserId, now: Timestamp) -> Option<Session> {
    let address = ([127, 0, 0, 2], 65_000).into();
    let arrival = Arrival {
        user,
        terminal: TERMINAL,
        age: 0,
        address,
        public_key: b"key",
        seen: ([192, 0, 2, 7], 50_000).into(),
        ways: MeetingWays::named(&Features::of_terminal()),
        now,
    };
    let origin = Origin { address: [127, 0, 0, 2].into(), port: 50_000, exporter: [3; 32] };
    directory.presence.join(&arrival).ok().map(|presence| Session::new(presence, origin, Features::of_terminal()))
}

/// Hands a frame to a session and takes what is pushed to it; whether it has ended.
fn converse(
    directory: &Directory<SqliteStore>,
    session: &mut Option<Session>,
    now: Timestamp,
    payload: Option<&[u8]>,
) -> bool {
    let Some(session) = session else { return true };
    let mut answers = Vec::new();
    if let Some(payload) = payload {
        answers.push(match session.handle(directory, now, payload) {
            Handled::Answered(answer) => answer,
            Handled::NeedsStore(request) => block_on(session.ask(directory, now, *request)),
        });
    }
    while let Some(push) = session.presence.outbound.take(Writability::Ready) {
        answers.push(block_on(session.push(directory, now, push)));
    }
    answers.iter().for_each(|answer| match answer {
        Reply::Silent => {}
        Reply::Message(message) => fits(&message.encode(), FRAME_AFTER_LOGIN),
        Reply::Encoded(payload) => fits(payload, FRAME_AFTER_LOGIN),
        Reply::Last(message) => {
            fits(&message.encode(), FRAME_AFTER_LOGIN);
            assert!(!matches!(message, FromDirectory::Error(error) if error.code == ErrorCode::Unavailable));
        }
    });
    answers.iter().any(|answer| matches!(answer, Reply::Last(_)))
}

/// Whatever number the request had.
fn fits(payload: &[u8], limit: usize) {
    let mut payload = payload.to_vec();
    RequestNumber::LAST.write_into(&mut payload);
    assert!(payload.len() <= limit);
    assert!(FromDirectory::decode(&payload).is_ok());
}
