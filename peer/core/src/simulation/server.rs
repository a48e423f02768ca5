//! The directory: its real core and its real store, in memory. What a transaction has kept survives a crash, nothing else
//! does.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{CredentialId, KeyDigest, MessageId, RoomId};
use common::limits::TERMINALS_PER_USER;
use common::msg::{
    CommitReply, Envelope, Features, FromDirectory, Member, Message as _, Registration, RequestNumber, ToDirectory,
};
use directory_core::address_style::AddressStyle;
use directory_core::lockout::{Class, LockRule};
use directory_core::origin::Origin;
use directory_core::outbound::Writability;
use directory_core::presence::Arrival;
use directory_core::records::{Account, CookieDigest, Entry, EntryCheck, KnownPackages, MailRule, NewUser, Success};
use directory_core::relay::RelayMode;
use directory_core::reply::Reply;
use directory_core::session::{Handled, Session};
use directory_core::sources::LoopbackRule;
use directory_core::store::Store as _;
use directory_core::timestamp::Timestamp;
use directory_core::user_style::UserStyle;
use directory_core::{Directory, Policy};
use directory_server::store::sqlite::SqliteStore;
use directory_server::store::sqlite::going_back::{EarlierState, GoingBack};
use futures::executor::block_on;

use super::faults_profile::FaultsProfile;
use super::fixtures::{Fixture, address, fixtures};
use super::world::{ClientId, DAWN, End, Event, World};

/// Stands for the directory's key.
pub(super) const KEY: KeyDigest = KeyDigest([0xd1; 32]);
const CREDENTIAL: CredentialId = CredentialId([4; 16]);

/// What the directory remembered once, and what was known of it then.
pub(super) struct Earlier {
    state: EarlierState,
    rosters: BTreeMap<RoomId, Vec<Member>>,
    epochs: BTreeMap<RoomId, u64>,
    stored: BTreeSet<MessageId>,
}

/// The directory's program, or what it has left behind.
pub(super) enum Server {
    Up(Box<Directory<SqliteStore>>),
    Down(SqliteStore, Policy),
    /// While it changes from one to the other.
    Between,
}

impl Server {
    /// Everybody has registered, logged in and published key packages.
    pub(super) fn new(profile: &FaultsProfile) -> Self {
        let store = SqliteStore::in_memory().unwrap();
        for fixture in fixtures() {
            block_on(enrol(&store, fixture));
        }
        let policy = Policy {
            registration: Registration::Closed,
            passcode_min: 6,
            terminals_per_user: TERMINALS_PER_USER,
            relay: RelayMode::Off,
            records: std::time::Duration::ZERO,
            addresses: AddressStyle::Truncate,
            users: UserStyle::Name,
            lock: LockRule::default(),
            logins_per_minute: 0,
            lookups_per_minute: profile.lookups_per_minute,
            requests_per_minute: 0,
            loopback: LoopbackRule::Exempt,
            broadcasts_per_minute: 0,
            presence: profile.show,
            mail: MailRule { messages: profile.quota, ..MailRule::default() },
        };
        Self::open(store, policy)
    }

    fn open(store: SqliteStore, policy: Policy) -> Self {
        let secret = common::crypto::opaque::ServerSecret::generate();
        Self::Up(Box::new(Directory::new(store, secret, KEY, policy)))
    }

    /// Has the directory's disk full from now on, or no longer.
    pub(super) fn set_disk_full(&self, full: bool) {
        match self {
            Self::Up(directory) => directory.store.set_disk_full(full),
            Self::Down(store, _) => store.set_disk_full(full),
            Self::Between => {}
        }
    }

    pub(super) fn directory(&self) -> Option<&Directory<SqliteStore>> {
        match self {
            Self::Up(directory) => Some(directory),
            Self::Down(..) | Self::Between => None,
        }
    }
}

/// What registration and a first login leave in the store.
async fn enrol(store: &SqliteStore, fixture: &Fixture) {
    let now = Timestamp::from_seconds(DAWN);
    let user = fixture.me.user.clone();
    let (record, vault) = (Vec::new(), Vec::new());
    let account =
        Account { credential: CREDENTIAL, record, public_key: fixture.public_key.clone(), vault, newest: None };
    store.register(NewUser { id: user.clone(), account, invite: None }, now).await.unwrap();
    let (class, cookie, terminal) = (Class::UnknownTerminals, CookieDigest([5; 32]), fixture.me.terminal);
    let (record, unseen_since) = (Vec::new(), Timestamp::from_seconds(0));
    let success = Success { user: user.clone(), credential: CREDENTIAL, record, terminal, class, cookie, unseen_since };
    store.grant(success, now).await.unwrap();
    let certificate = serde_json::to_vec(&fixture.certificate).unwrap();
    let entry =
        Entry { user, credential: CREDENTIAL, record: Vec::new(), terminal, new_certificate: Some(certificate) };
    assert_eq!(store.enter(entry, now).await.unwrap(), EntryCheck::Valid);
    let last_resort = Some(fixture.last_resort.clone());
    store.publish(&fixture.member(), fixture.packages.clone(), last_resort, KnownPackages::Kept).await.unwrap();
}

impl World {
    fn moment(&self) -> Timestamp {
        let right = DAWN * 1000 + self.now;
        Timestamp::since_epoch(std::time::Duration::from_millis(right.saturating_add_signed(self.clock_error * 1000)))
    }

    /// A terminal's session begins; nothing if there is nobody to answer.
    pub(super) fn attend(&mut self, client: ClientId) -> Option<Box<Session>> {
        let now = self.moment();
        let directory = self.server.directory()?;
        let me = &fixtures()[client].me;
        let public_key = &fixtures()[client].public_key;
        let arrival = Arrival {
            user: &me.user,
            terminal: me.terminal,
            age: 0,
            address: address(client),
            public_key,
            seen: ([192, 0, 2, 7], 50_000).into(),
            ways: common::msg::MeetingWays::named(&Features::of_terminal()),
            now,
        };
        let origin = Origin { address: address(client).ip(), port: 50_000, exporter: [0; 32] };
        Some(Box::new(Session::new(directory.presence.join(&arrival).unwrap(), origin, Features::of_terminal())))
    }

    /// The directory takes a frame and answers it. It may stop after it has done what was asked, and before it says so.
    pub(super) fn serve(&mut self, id: u64, envelope: Envelope<ToDirectory>) {
        let now = self.moment();
        let Some(session) = self.sessions.get_mut(&id).filter(|session| self.now <= session.up_until) else { return };
        let (Some(mut present), Some(directory)) = (session.far.take(), self.server.directory()) else { return };
        let client = session.client;
        let answer = match present.handle(directory, now, &envelope.encode()) {
            Handled::Answered(answer) => answer,
            Handled::NeedsStore(request) => block_on(present.ask(directory, now, *request)),
        };
        let (number, request) = (present.request(), envelope.message);
        let answer = match answer {
            Reply::Encoded(payload) => Reply::Message(FromDirectory::decode(&payload).unwrap()),
            answer => answer,
        };
        self.note("directory", format_args!("{} of {}", Shown(&request), self.clients[client].name));
        self.requested(client, &request, &answer);
        self.sessions.get_mut(&id).unwrap().far = Some(present);
        if self.rng.per_mille(self.profile.directory_crash) {
            return self.crash_directory();
        }
        self.answer(id, number, answer);
        self.look_for_pushes();
    }

    /// Sends an answer, with the number of the request if it is one to a request.
    fn answer(&mut self, id: u64, request: Option<RequestNumber>, answer: Reply) {
        let envelope = |message| Envelope { request, message };
        match answer {
            Reply::Silent => {}
            Reply::Message(message) => self.send_down(id, envelope(message)),
            Reply::Encoded(payload) => self.send_down(id, envelope(FromDirectory::decode(&payload).unwrap())),
            Reply::Last(message) => {
                self.send_down(id, envelope(message));
                let last = self.sessions.get(&id).map_or(self.now, |session| session.down_last);
                self.at(last + 1, Event::SessionGone(id, End::Terminal));
                self.session_gone(id, End::Directory);
            }
        }
    }

    /// One thing at most is pushed, so that outbound come anywhere between answers.
    pub(super) fn turn(&mut self, id: u64) {
        let now = self.moment();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.turn = false;
        let (Some(mut present), Some(directory)) = (session.far.take(), self.server.directory()) else { return };
        let push = present.presence.outbound.take(Writability::Ready);
        let answer = push.map(|push| block_on(present.push(directory, now, push)));
        self.sessions.get_mut(&id).unwrap().far = Some(present);
        if let Some(answer) = answer {
            self.answer(id, None, answer);
            self.look_for_pushes();
        }
    }

    /// Whatever was done may have given every session something to tell.
    pub(super) fn look_for_pushes(&mut self) {
        let idle = self.sessions.iter_mut().filter(|(_, session)| session.far.is_some() && !session.turn);
        let idle: Vec<u64> = idle.map(|(id, session)| (*id, session.turn = true).0).collect();
        for id in idle {
            let most = self.profile.latency;
            self.soon(most, Event::Turn(id));
        }
    }

    /// The directory's disk is full for at most this number of milliseconds: whatever writes fails.
    pub(super) fn fill_directory(&mut self, most: u64) {
        if most > 0 {
            self.note("directory", format_args!("has a full disk"));
            self.server.set_disk_full(true);
            self.soon(most, Event::Space);
        }
    }

    pub(super) fn directory_has_space(&mut self) {
        self.note("directory", format_args!("has space again"));
        self.server.set_disk_full(false);
    }

    /// Kills the directory; it is started again.
    pub(super) fn crash_directory(&mut self) {
        if self.server.directory().is_none() {
            return;
        }
        let Server::Up(directory) = std::mem::replace(&mut self.server, Server::Between) else { return };
        self.note("directory", format_args!("killed"));
        let id_status: Vec<u64> = self.sessions.keys().copied().collect();
        for id in id_status {
            self.break_session(id);
            self.session_gone(id, End::Directory);
        }
        let policy = directory.policy();
        self.server = Server::Down(directory.store, policy);
        self.soon(8000, Event::Open);
    }

    pub(super) fn open_directory(&mut self) {
        self.note("directory", format_args!("started, {} s ahead", self.clock_error));
        self.server = match std::mem::replace(&mut self.server, Server::Between) {
            Server::Down(store, policy) => Server::open(store, policy),
            other => other,
        };
        self.begin_run();
    }

    /// What the shell does when it starts: it looks at the clock, and forgets what is too old.
    pub(super) fn begin_run(&mut self) {
        let now = self.moment();
        let Some(directory) = self.server.directory() else { return };
        // A full disk keeps it from that, and it is done again.
        let begun = block_on(directory.begin_run(now)).and_then(|()| block_on(directory.keep_time(now)));
        let expired = directory.mail_expired(now);
        if begun.and_then(|()| block_on(directory.store.expire(expired)).map(drop)).is_err() {
            self.note("directory", format_args!("cannot look after its mail"));
        }
    }

    /// The directory's clock is wrong from its next start on.
    pub(super) fn mistake_directory_clock(&mut self, ahead: i64) {
        self.clock_error = ahead;
        self.crash_directory();
    }

    /// What the directory remembers now may be what it goes on from later.
    pub(super) fn remember_directory(&mut self) {
        let Some(directory) = self.server.directory() else { return };
        let earlier = block_on(directory.store.earlier_state()).unwrap();
        self.note("directory", format_args!("is copied"));
        self.earlier = Some(Earlier {
            state: earlier,
            rosters: self.invariants.rosters.clone(),
            epochs: self.invariants.epochs.clone(),
            stored: self.invariants.stored().clone(),
        });
    }

    /// The directory goes on from what it remembered then.
    pub(super) fn put_directory_back(&mut self, how: GoingBack) {
        let Some(Earlier { state, rosters, epochs, stored }) = self.earlier.take() else { return };
        self.crash_directory();
        let Server::Down(_, policy) = std::mem::replace(&mut self.server, Server::Between) else { return };
        self.note("directory", format_args!("is as it was: {how:?}"));
        self.server = Server::Down(state.go_on(how).unwrap(), policy);
        (self.invariants.rosters, self.invariants.epochs) = (rosters, epochs);
        self.invariants.goes_back(&stored);
    }
}

/// A frame as the trace shows it: nothing that is another one with other keys.
pub(super) struct Shown<'a, T>(pub(super) &'a T);

impl std::fmt::Display for Shown<'_, ToDirectory> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.msgtype())?;
        match self.0 {
            ToDirectory::MailboxPut(put) => write!(f, " {} epoch {}, {}", put.room, put.epoch, put.items.len()),
            ToDirectory::CommitReq(it) => write!(f, " {} epoch {}, members {}", it.room, it.epoch, it.members.len()),
            ToDirectory::MailboxAck(ack) => write!(f, " {}", ack.upto),
            ToDirectory::LookupReq(request) => write!(f, " {}", request.lookup),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Shown<'_, FromDirectory> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.msgtype())?;
        match self.0 {
            FromDirectory::MailboxState(state) => write!(f, " {state:?}"),
            FromDirectory::Mailbox(mailbox) => mailbox.items.iter().try_for_each(|item| {
                write!(
                    f,
                    " {}:{:?} of {} in {} epoch {};",
                    item.item, item.kind, item.from.userid, item.room, item.epoch
                )
            }),
            FromDirectory::MailboxReply(reply) => write!(f, " {reply:?}"),
            FromDirectory::CommitReply(CommitReply { status, reason: None, .. }) => write!(f, " {status:?}"),
            FromDirectory::CommitReply(CommitReply { reason: Some(reason), .. }) => write!(f, " Refused: {reason:?}"),
            FromDirectory::Presence(presence) => write!(f, " {} {:?}", presence.userid, presence.status),
            FromDirectory::Error(error) => write!(f, " {error:?}"),
            _ => Ok(()),
        }
    }
}
