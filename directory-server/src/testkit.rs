//! Fuzz body of a connection: a sequence of frames over a store in memory, without sockets. Never part of a program.

use common::crypto::opaque::ServerSecret;
use common::ident::{KeyDigest, TerminalId, UserId};
use common::limits::{FRAME_AFTER_LOGIN, FRAME_BEFORE_LOGIN};
use common::msg::{FromDirectory, Message as _, Registration};
use futures::executor::block_on;

use crate::core::entry::{Entry, Origin, Step};
use crate::core::lockout::LockRule;
use crate::core::mailbox::MailRule;
use crate::core::moment::Moment;
use crate::core::online::Arrival;
use crate::core::present::{Answer, Heard, Present};
use crate::core::{Directory, Policy};
use crate::store::sqlite::SqliteStore;

const START: u64 = 1_800_000_000;

/// The first byte says who may register. Then frames: one byte of seconds that pass before it, two bytes of length
/// (big-endian), the payload. Each frame goes to a connection that is not logged in, which is replaced when it has ended,
/// and to a session of `ali`.
///
/// Whatever comes, every answer is a message within the limit, and nobody becomes present who has proved nothing.
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
        lock: LockRule::default(),
        logins_per_minute: 0,
        lookups_per_minute: 0,
        mail: MailRule::default(),
    };
    let (Ok(store), Ok(ali)) = (SqliteStore::in_memory(), UserId::parse("ali")) else { return };
    let directory = Directory::new(store, ServerSecret::generate(), KeyDigest([1; 32]), policy);
    let origin = Origin { address: [127, 0, 0, 2].into(), exporter: [2; 32] };
    let mut now = Moment::from_seconds(START);
    let mut entry = Entry::new(origin, now);
    let mut session = present(&directory, &ali, now);
    while let Some((&[seconds, high, low], tail)) = rest.split_first_chunk() {
        let (payload, tail) = tail.split_at(usize::from(u16::from_be_bytes([high, low])).min(tail.len()));
        rest = tail;
        now = now + std::time::Duration::from_secs(seconds.into());
        match block_on(entry.handle(&directory, now, payload)) {
            Step::Silent => {}
            Step::Reply(message) => fits(&message.encode(), FRAME_BEFORE_LOGIN),
            Step::Close(message) => {
                fits(&message.encode(), FRAME_BEFORE_LOGIN);
                entry = Entry::new(origin, now);
            }
            // Signatures cover a challenge that is random each time, so no input can hold one.
            Step::Enter(..) => assert!(payload.is_empty(), "present without a proof"),
        }
        let answer = session.as_mut().map(|session| match session.handle(&directory, now, payload) {
            Heard::Answered(answer) => answer,
            Heard::Asked(request) => block_on(session.ask(&directory, now, *request)),
        });
        match answer {
            None | Some(Answer::Silent) => {}
            Some(Answer::Message(message)) => fits(&message.encode(), FRAME_AFTER_LOGIN),
            Some(Answer::Encoded(payload)) => fits(&payload, FRAME_AFTER_LOGIN),
            Some(Answer::Last(message)) => {
                fits(&message.encode(), FRAME_AFTER_LOGIN);
                session = present(&directory, &ali, now);
            }
        }
        assert_eq!(directory.online.count(), (1, 1));
    }
}

fn present(directory: &Directory<SqliteStore>, user: &UserId, now: Moment) -> Option<Present> {
    let address = ([127, 0, 0, 2], 65_000).into();
    let arrival = Arrival { user, terminal: TerminalId([3; 16]), address, public_key: b"key", now };
    directory.online.join(&arrival).ok().map(Present::new)
}

fn fits(payload: &[u8], limit: usize) {
    assert!(payload.len() <= limit);
    assert!(FromDirectory::decode(payload).is_ok());
}
