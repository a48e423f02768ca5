//! A directory with a habit: the real core and the real store behind a connection of our own, which treats frames oddly.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use async_std::future::timeout;
use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use common::crypto::directory_key::DirectoryKey;
use common::crypto::opaque::ServerSecret;
use common::frame::{PREFIX, Padding};
use common::limits::{DIRECTORY_PORT, FRAME_AFTER_LOGIN, PADDED_SIZES, TERMINALS_PER_USER};
use common::link::{Link, tls};
use common::msg::{FromDirectory, Message as _, Registration, RequestNumber};
use common::testkit::client::Client;
use common::testkit::login::{Account, is_registered};
use directory_core::address_style::AddressStyle;
use directory_core::lockout::LockRule;
use directory_core::origin::Origin;
use directory_core::outbound::{Push, Writability};
use directory_core::records::MailRule;
use directory_core::reply::Reply;
use directory_core::session::{Handled, Session};
use directory_core::sources::LoopbackRule;
use directory_core::step::Step;
use directory_core::subscriptions::Visibility;
use directory_core::timestamp::Timestamp;
use directory_core::unauthenticated::Unauthenticated;
use directory_core::user_style::UserStyle;
use directory_core::{Directory, Policy};
use directory_server::store::sqlite::SqliteStore;
use serde_json::Value;

use super::address::fresh;
use super::lies::Lie;

/// What it does with frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Knows neither numbers nor features, as the version before.
    Former,
    /// Answers the newest of the requests it has first. A request is held back until no other follows for a moment.
    Backwards,
    /// Says things that no version knows, in front of every answer and every push.
    Newer,
    /// The same, and does not know requests of this msgtype.
    BackwardsWithout(&'static str),
    /// Lies as it is told to by [`OddDirectory::lies`].
    Lies,
}

/// How long it waits for another request before it answers those it has.
const LULL: Duration = Duration::from_millis(40);

/// A running directory. It ends with the test's process.
pub(crate) struct OddDirectory {
    pub(crate) address: SocketAddr,
    /// How often the habit showed.
    shown: Arc<AtomicUsize>,
    frames: Arc<Frames>,
    lie: Arc<Mutex<Option<Lie>>>,
}

/// What terminals have sent.
#[derive(Debug, Default)]
struct Frames {
    all: AtomicUsize,
    /// Those whose length tells something of what is in them.
    telling: Mutex<Vec<String>>,
}

struct Shared {
    directory: Directory<SqliteStore>,
    tls: Arc<rustls::ServerConfig>,
    habit: Habit,
    shown: Arc<AtomicUsize>,
    frames: Arc<Frames>,
    lie: Arc<Mutex<Option<Lie>>>,
}

impl OddDirectory {
    pub(crate) fn start(habit: Habit, lookups_per_minute: u32) -> Self {
        let key = DirectoryKey::generate().unwrap();
        let tls = tls::directory_server(&key).unwrap();
        let policy = Policy {
            registration: Registration::Open,
            passcode_min: 6,
            terminals_per_user: TERMINALS_PER_USER,
            relay: directory_core::relay::RelayMode::Off,
            records: std::time::Duration::ZERO,
            addresses: AddressStyle::Truncate,
            users: UserStyle::Name,
            lock: LockRule::default(),
            logins_per_minute: 0,
            lookups_per_minute,
            requests_per_minute: 0,
            loopback: LoopbackRule::Exempt,
            broadcasts_per_minute: 0,
            presence: Visibility::Everyone,
            mail: MailRule::default(),
        };
        let (store, secret) = (SqliteStore::in_memory().unwrap(), ServerSecret::generate());
        let directory = Directory::new(store, secret, key.digest(), policy);
        let address = SocketAddr::new(fresh().into(), DIRECTORY_PORT);
        let shown = Arc::new(AtomicUsize::new(0));
        let (lie, frames) = (Arc::default(), Arc::default());
        let (lied, counted) = (Arc::clone(&lie), Arc::clone(&frames));
        let shared = Arc::new(Shared { directory, tls, habit, shown: Arc::clone(&shown), frames: counted, lie: lied });
        let listener = task::block_on(TcpListener::bind(address)).unwrap();
        task::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A connection that breaks is the business of whoever broke it.
                task::spawn(async move { drop(shared.serve(stream, from).await) });
            }
        });
        Self { address, shown, frames, lie }
    }

    /// Lets a user register, by the quick client.
    #[track_caller]
    pub(crate) fn register(&self, account: &Account) {
        let mut client = Client::connect(fresh().into(), self.address).unwrap();
        assert!(is_registered(&client.register(account, None).unwrap()));
        // That client is no terminal, and does not pad.
        *self.frames.telling.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }

    /// Lies in this way from now on, or tells the truth.
    pub(crate) fn lies(&self, lie: Option<Lie>) {
        *self.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie;
    }

    /// How many frames terminals have sent, and those that were not padded (threat P7).
    pub(crate) fn frames(&self) -> (usize, Vec<String>) {
        let telling = self.frames.telling.lock().unwrap_or_else(PoisonError::into_inner);
        (self.frames.all.load(Ordering::Relaxed), telling.clone())
    }

    /// How often the habit showed.
    pub(crate) fn shown(&self) -> usize {
        self.shown.load(Ordering::Relaxed)
    }
}

fn now() -> Timestamp {
    Timestamp::since_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

/// What was heard, and what is to be said, with the number of its request.
type Said = (Option<RequestNumber>, Vec<u8>);
type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Shared {
    async fn serve(&self, stream: TcpStream, from: SocketAddr) -> Result<(), Broken> {
        let mut link = Link::server(stream, Arc::clone(&self.tls))?;
        link.handshake().await?;
        let origin = Origin { address: from.ip(), port: 50_000, exporter: link.exporter()? };
        let mut entry = Unauthenticated::new(origin, now());
        let mut present = loop {
            let Some(frame) = link.next().await? else { return Ok(()) };
            let step = entry.handle(&self.directory, now(), &self.heard(frame)).await;
            let request = entry.request();
            match step {
                Step::Silent => {}
                Step::Reply(message) => self.say(&mut link, &Value::Null, (request, message.encode()))?,
                Step::Close(message) => {
                    self.say(&mut link, &Value::Null, (request, message.encode()))?;
                    return Ok(link.close().await?);
                }
                Step::Enter(present, announced) => {
                    self.say(&mut link, &Value::Null, (request, announced.encode()))?;
                    link.flush().await?;
                    link.set_frame_limit(FRAME_AFTER_LOGIN);
                    break present;
                }
            }
        };
        self.stay(&mut link, &mut present).await
    }

    async fn stay(&self, link: &mut Link<TcpStream>, session: &mut Session) -> Result<(), Broken> {
        let mut held: Vec<Said> = Vec::new();
        let reader = serde_json::to_value(session.presence.member())?;
        loop {
            let event = next(link, session);
            let event = if held.is_empty() { Ok(event.await) } else { timeout(LULL, event).await };
            let Ok(event) = event else {
                self.shown.fetch_add(held.len() - 1, Ordering::Relaxed);
                for said in held.drain(..).rev() {
                    self.say(link, &reader, said)?;
                }
                continue;
            };
            let (request, answer) = match event {
                Event::Frame(None) => return Ok(()),
                Event::Frame(Some(frame)) => {
                    let answer = match session.handle(&self.directory, now(), &self.heard(frame)) {
                        Handled::Answered(answer) => answer,
                        Handled::NeedsStore(request) => session.ask(&self.directory, now(), *request).await,
                    };
                    (session.request(), answer)
                }
                Event::Push(push) => (None, session.push(&self.directory, now(), push).await),
                Event::Broken(error) => return Err(error),
            };
            match answer {
                Reply::Silent => {}
                Reply::Last(message) => {
                    self.say(link, &reader, (request, message.encode()))?;
                    return Ok(link.close().await?);
                }
                Reply::Message(message) if request.is_some() && self.answers_backwards() => {
                    held.push((request, message.encode()));
                }
                Reply::Encoded(payload) if request.is_some() && self.answers_backwards() => {
                    held.push((request, payload.to_vec()));
                }
                Reply::Message(message) => self.say(link, &reader, (request, message.encode()))?,
                Reply::Encoded(payload) => self.say(link, &reader, (request, payload.to_vec()))?,
            }
        }
    }

    fn answers_backwards(&self) -> bool {
        matches!(self.habit, Habit::Backwards | Habit::BackwardsWithout(_))
    }

    /// A frame as the core hears it.
    fn heard(&self, frame: Vec<u8>) -> Vec<u8> {
        self.frames.all.fetch_add(1, Ordering::Relaxed);
        let whole = PREFIX + frame.len();
        if !PADDED_SIZES.contains(&whole) && PADDED_SIZES.last().is_some_and(|last| whole <= *last) {
            let telling = format!("{whole} bytes: {}", String::from_utf8_lossy(&frame));
            self.frames.telling.lock().unwrap_or_else(PoisonError::into_inner).push(telling);
        }
        let mut message: Value = serde_json::from_slice(&frame).unwrap();
        let fields = message.as_object_mut().unwrap();
        match self.habit {
            Habit::Former => {
                let known = [fields.remove("request"), fields.remove("features")];
                self.shown.fetch_add(known.iter().flatten().count(), Ordering::Relaxed);
            }
            Habit::BackwardsWithout(msgtype) if fields["msgtype"] == msgtype => {
                fields.insert("msgtype".into(), "DANCE".into());
                self.shown.fetch_add(1, Ordering::Relaxed);
            }
            Habit::BackwardsWithout(_) | Habit::Backwards | Habit::Newer | Habit::Lies => return frame,
        }
        message.to_string().into_bytes()
    }

    fn say(&self, link: &mut Link<TcpStream>, reader: &Value, (request, mut payload): Said) -> Result<(), Broken> {
        assert!(FromDirectory::decode(&payload).is_ok());
        if self.habit == Habit::Newer {
            link.queue(br#"{"msgtype":"DANCE","steps":[3,null]}"#, Padding::Ladder)?;
            link.queue(br#"{"request":9007199254740991,"msgtype":"LOOKUPREPLY2"}"#, Padding::Ladder)?;
            self.shown.fetch_add(2, Ordering::Relaxed);
        }
        if let Some(request) = request {
            request.write_into(&mut payload);
        }
        let Some(lie) = *self.lie.lock().unwrap_or_else(PoisonError::into_inner) else {
            return Ok(link.queue(&payload, Padding::Ladder)?);
        };
        let (said, lied) = lie.tell(reader, serde_json::from_slice(&payload)?);
        self.shown.fetch_add(lied.into(), Ordering::Relaxed);
        said.iter().try_for_each(|said| link.queue(said.to_string().as_bytes(), Padding::Ladder))?;
        Ok(())
    }
}

enum Event {
    Frame(Option<Vec<u8>>),
    Push(Push),
    Broken(Broken),
}

/// What happens next.
async fn next(link: &mut Link<TcpStream>, session: &Session) -> Event {
    poll_fn(|cx| {
        session.presence.outbound.register(cx.waker());
        if let Some(push) = session.presence.outbound.take(Writability::Ready) {
            return Poll::Ready(Event::Push(push));
        }
        link.poll_next(cx).map(|frame| match frame {
            Ok(frame) => Event::Frame(frame),
            Err(error) => Event::Broken(error.into()),
        })
    })
    .await
}
