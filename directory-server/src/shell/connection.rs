//! One connection: TLS, then frames to the core and its answers back (protocol sections 3, 5, 6). What begins with a header
//! in the place of TLS goes on in [`relay`].
//!
//! The login runs in a boxed future that is given back before the session begins, so that an idle session holds little
//! more than its TLS state.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use common::frame::Padding;
use common::limits::{FRAME_AFTER_LOGIN, PING_AFTER};
use common::link::{Link, LinkError};
use common::msg::{Envelope, FromDirectory, Ping, RequestNumber};
use futures::{FutureExt as _, select_biased};

use super::node::{Admitted, Node, SessionToken};
use super::relay;
use super::rt::{self, Accepted, TcpStream};
use common::network::Source;
use directory_core::admission::login_deadline;
use directory_core::liveness::Silence;
use directory_core::origin::Origin;
use directory_core::outbound::{OutboundQueue, Push, Writability};
use directory_core::relay::Leg;
use directory_core::reply::Reply;
use directory_core::session::{Handled, Session};
use directory_core::sources::Misbehaviour;
use directory_core::step::Step;
use directory_core::store::Store as _;
use directory_core::unauthenticated::Unauthenticated;

/// How long the last message of a connection may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// Frames before login that are handled before others get their turn: answers to these cost more.
const TURN_BEFORE_LOGIN: u32 = 4;
/// Frames of one connection handled before others get their turn: chosen arbitrarily, a few hundred microseconds.
const TURN: u32 = 64;

/// Serves a connection to its end. A bug in it ends this connection only.
pub(crate) async fn serve(admitted: Admitted, stream: Accepted) {
    if AssertUnwindSafe(run(admitted, stream)).catch_unwind().await.is_err() {
        tracing::error!("a connection ended because of a bug; please report the lines above");
    }
}

async fn run(mut admitted: Admitted, stream: Accepted) {
    let Ok(stream) = stream.open() else { return };
    // The token keeps a server that stops from leaving before the goodbye.
    let entered = Box::pin(enter(&admitted, stream)).await;
    let Some(entered) = entered else { return };
    admitted.is_settled();
    let (mut link, mut session, _token) = match entered {
        Entered::Session(begun) => begun,
        Entered::Leg(leg, stream) => return Box::pin(relay::pass_on(&admitted.node, leg, stream)).await,
    };
    let node = &admitted.node;
    let last = Box::pin(stay(node, &mut link, &mut session)).await;
    let user = session.presence.user().clone();
    // Before the goodbye: who has heard that the session is over must not be found any more.
    drop(session);
    if let Some(last) = last {
        Box::pin(farewell(&mut link, &last)).await;
    }
    if let Err(error) = node.directory.store.record_session_end(&user, node.clock.now()).await {
        tracing::warn!(%error, "the end of a session was not recorded");
    }
}

/// A session that begins.
type Begun = (Link<TcpStream>, Box<Session>, SessionToken);

/// What a connection turns out to be.
enum Entered {
    Session(Begun),
    /// It is to be joined with another one.
    Leg(Leg, TcpStream),
}

/// TLS and login, or the header of a leg, within the deadline for all of it together (threat L9).
async fn enter(admitted: &Admitted, stream: TcpStream) -> Option<Entered> {
    let node = &admitted.node;
    let left = login_deadline(admitted.accepted).since(node.clock.now());
    let ended = select_biased! {
        ended = Box::pin(rt::timeout(left, Box::pin(begin(admitted, stream)))).fuse() => ended,
        () = Box::pin(admitted.evicted()).fuse() => return None,
    };
    let misbehaviour = match ended {
        Some(Ok(entered)) => return Some(entered),
        Some(Err(misbehaviour)) => misbehaviour?,
        None => Misbehaviour::TooSlow,
    };
    tracing::debug!(peer_ip = node.directory.shown(admitted.address), offence = ?misbehaviour, "left without login");
    node.directory.sources().penalise(Source::of(admitted.address), misbehaviour, node.clock.now());
    None
}

/// A session or a leg, or what ending without one is penalised for.
async fn begin(admitted: &Admitted, stream: TcpStream) -> Result<Entered, Option<Misbehaviour>> {
    let first = stream.first_byte().await.map_err(|_| Some(Misbehaviour::LeftWithoutLogin))?;
    if first != Some(common::relay::FIRST) {
        return Box::pin(log_in(admitted, stream)).await.map(Entered::Session);
    }
    match Box::pin(relay::open_leg(&admitted.node, stream)).await {
        Some((leg, stream)) => Ok(Entered::Leg(leg, stream)),
        None => Err(Some(Misbehaviour::LeftWithoutLogin)),
    }
}

/// A session, or what ending without one is penalised for.
async fn log_in(admitted: &Admitted, stream: TcpStream) -> Result<Begun, Option<Misbehaviour>> {
    let node = &admitted.node;
    let gone = |_: LinkError| Some(Misbehaviour::LeftWithoutLogin);
    let mut link = Link::server(stream, node.tls.clone()).map_err(gone)?.from_stranger();
    counted(admitted, &mut link, Link::poll_handshake).await.map_err(gone)?;
    let origin = Origin { address: admitted.address, port: admitted.port, exporter: link.exporter().map_err(gone)? };
    let mut entry = Unauthenticated::new(origin, admitted.accepted);
    let mut turn = 0;
    loop {
        turn += 1;
        if turn % TURN_BEFORE_LOGIN == 0 {
            rt::yield_now().await;
        }
        let Some(frame) = counted(admitted, &mut link, Link::poll_next).await.map_err(|_| entry.misbehaviour())? else {
            return Err(entry.misbehaviour());
        };
        let started = node.metrics.start();
        // In a box, as all that is not there while nothing comes: who only stands in the door costs little.
        let step = Box::pin(entry.handle(&node.directory, node.clock.now(), &frame)).await;
        node.metrics.finish(started, entry.asked());
        if entry.has_begun() {
            admitted.has_begun();
            link.is_no_stranger();
        }
        let gone = |_: LinkError| entry.misbehaviour();
        match step {
            Step::Silent => {}
            Step::Reply(message) => link.queue(&answer(entry.request(), message), Padding::Ladder).map_err(gone)?,
            Step::Close(message) => {
                link.queue(&answer(entry.request(), message), Padding::Ladder).map_err(gone)?;
                link.close().await.map_err(gone)?;
                return Err(entry.misbehaviour());
            }
            Step::Enter(session, announced) => {
                // Before anybody hears that the session has begun; without one the server is stopping.
                let Some(token) = node.session_token() else { return Err(None) };
                link.queue(&answer(entry.request(), announced), Padding::Ladder).map_err(gone)?;
                link.flush().await.map_err(gone)?;
                link.set_frame_limit(FRAME_AFTER_LOGIN);
                admitted.logged_in();
                return Ok((link, session, token));
            }
        }
    }
}

/// Waits for what comes over a link; what waits for more meanwhile is counted.
async fn counted<T>(
    admitted: &Admitted,
    link: &mut Link<TcpStream>,
    poll: impl Fn(&mut Link<TcpStream>, &mut Context<'_>) -> Poll<T>,
) -> T {
    let mut known = None;
    poll_fn(|cx| {
        let polled = poll(link, cx);
        let waiting = Some(link.waiting());
        if known != waiting {
            known = waiting;
            waiting.into_iter().for_each(|bytes| admitted.waits_for_more(bytes));
        }
        polled
    })
    .await
}

enum Event {
    Frame(Result<Option<Vec<u8>>, LinkError>),
    Push(Push),
    Alarm,
}

/// What happens next in a session. What is pushed goes first, so that a flood of requests does not hold it up.
fn poll_event(
    link: &mut Link<TcpStream>,
    outbound: &OutboundQueue,
    alarm: Pin<&mut impl Future<Output = ()>>,
    cx: &mut Context<'_>,
) -> Poll<Event> {
    let writability = |link: &Link<TcpStream>| if link.is_written() { Writability::Ready } else { Writability::Busy };
    outbound.register(cx.waker());
    if let Some(push) = outbound.take(writability(link)) {
        return Poll::Ready(Event::Push(push));
    }
    if let Poll::Ready(frame) = link.poll_next(cx) {
        return Poll::Ready(Event::Frame(frame));
    }
    // Polling the link may have freed its writability.
    if let Some(push) = outbound.take(writability(link)) {
        return Poll::Ready(Event::Push(push));
    }
    alarm.poll(cx).map(|()| Event::Alarm)
}

/// Waits for the store, or for the time to go on, and writes what is queued meanwhile.
async fn while_writing<T>(link: &mut Link<TcpStream>, mut work: Pin<Box<impl Future<Output = T>>>) -> T {
    poll_fn(|cx| {
        // A link that fails says so again when it is read.
        let _ = pin!(link.flush()).poll(cx);
        work.as_mut().poll(cx)
    })
    .await
}

/// What answers a request repeats its number.
fn answer(request: Option<RequestNumber>, message: FromDirectory) -> Vec<u8> {
    Envelope { request, message }.encode()
}

/// As [`answer`], of a message that was encoded for everyone.
fn encoded_answer(request: RequestNumber, payload: &[u8]) -> Vec<u8> {
    let mut answer = payload.to_vec();
    request.write_into(&mut answer);
    answer
}

/// Answers a frame. Whoever sends too fast waits before that, and nothing more is read meanwhile.
async fn take(node: &Node, link: &mut Link<TcpStream>, session: &mut Session, frame: &[u8]) -> Reply {
    let pause = session.pause(&node.directory, node.clock.now(), frame.len());
    if !pause.is_zero() {
        while_writing(link, Box::pin(rt::sleep(pause))).await;
    }
    let (started, now) = (node.metrics.start(), node.clock.now());
    let step = match session.handle(&node.directory, now, frame) {
        Handled::Answered(step) => step,
        Handled::NeedsStore(asked) => while_writing(link, Box::pin(session.ask(&node.directory, now, *asked))).await,
    };
    node.metrics.finish(started, session.asked());
    step
}

/// The session, until either side ends it; gives the last message to send, if there is one.
async fn stay(node: &Node, link: &mut Link<TcpStream>, session: &mut Session) -> Option<Vec<u8>> {
    let mut heard = node.clock.now();
    let mut turn = 0;
    let mut alarm = pin!(rt::sleep(PING_AFTER));
    loop {
        let event = poll_fn(|cx| poll_event(link, &session.presence.outbound, alarm.as_mut(), cx)).await;
        let now = node.clock.now();
        let mut request = None;
        let step = match event {
            Event::Frame(Ok(Some(frame))) => {
                heard = now;
                let step = take(node, link, session, &frame).await;
                request = session.request();
                step
            }
            Event::Push(push) => while_writing(link, Box::pin(session.push(&node.directory, now, push))).await,
            Event::Frame(Ok(None) | Err(_)) => return None,
            Event::Alarm => {
                session.handle_idle(now);
                let (again, step) = match Silence::of(now.since(heard)) {
                    Silence::Dead => return None,
                    Silence::Short(again) => (again, Reply::Silent),
                    Silence::Long(again) => (again, Reply::Message(Ping {}.into())),
                };
                alarm.set(rt::sleep(again));
                step
            }
        };
        node.last_hour.answered(&step, now);
        let queued = match (step, request) {
            (Reply::Silent, _) => Ok(()),
            (Reply::Message(message), request) => link.queue(&answer(request, message), Padding::Ladder),
            (Reply::Encoded(payload), None) => link.queue(&payload, Padding::Ladder),
            (Reply::Encoded(payload), Some(request)) => link.queue(&encoded_answer(request, &payload), Padding::Ladder),
            (Reply::Last(message), request) => return Some(answer(request, message)),
        };
        if queued.is_err() {
            return None;
        }
        turn += 1;
        if turn % TURN == 0 {
            rt::yield_now().await;
        }
    }
}

async fn farewell(link: &mut Link<TcpStream>, last: &[u8]) {
    if link.queue(last, Padding::Ladder).is_ok() {
        // Whoever does not take it in time is cut off.
        let _ = rt::timeout(FAREWELL, link.close()).await;
    }
}
