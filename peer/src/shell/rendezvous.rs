//! Meetings at which both sides connect to each other at one moment, each from the port it listens on (decision D26; protocol
//! section 6.12).
//!
//! Routers let in who was spoken to, so both go out at once. Once: what a router remembers of a connection that has failed
//! keeps out the next for a while. Whoever comes first may come to the port of the other instead of being met half-way;
//! [`Expected`] knows who is waited for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures::FutureExt as _;
use futures::future::{Either, select};

use super::rt::{self, TcpStream};

/// How long a connection is tried: a first packet that is lost is sent again within it.
const CONNECTING: Duration = Duration::from_millis(1500);
/// How long whoever could not be connected to may still come.
const COMING: Duration = Duration::from_millis(500);
/// How long a connection from another port of the expected address may be silent to be the expected one: who calls speaks
/// at once.
const SILENCE: Duration = Duration::from_millis(300);
/// Longest that a directory may let both wait.
const LONGEST_WAIT: u32 = 5_000;

/// Who calls at the meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// We: the other waits for us to speak.
    Caller,
    /// The other.
    Callee,
}

/// Where and when.
#[derive(Debug)]
pub(crate) struct Rendezvous {
    /// From here, which is listened on.
    pub(crate) from: SocketAddr,
    /// To where the directory sees the other.
    pub(crate) to: SocketAddr,
    /// From now on.
    pub(crate) wait: Duration,
    pub(crate) role: Role,
    pub(crate) expected: Arc<Expected>,
}

/// How long to wait from now on: the word of the directory has taken half a round trip.
pub(crate) fn wait(after: u32, round_trip: Duration) -> Duration {
    Duration::from_millis(after.min(LONGEST_WAIT).into()).saturating_sub(round_trip / 2)
}

impl Rendezvous {
    /// How long it takes at most.
    pub(crate) fn lasts(&self) -> Duration {
        self.wait + CONNECTING + COMING
    }

    /// The connection, whoever of the two it comes from.
    pub(crate) async fn meet(&self) -> io::Result<TcpStream> {
        let arrival = self.expected.awaits(self.to, self.role);
        let coming = Box::pin(arrival.stream.recv());
        rt::sleep(self.wait).await;
        let connecting = Box::pin(rt::connect_from(self.from, self.to, CONNECTING));
        match select(connecting, coming).await {
            Either::Left((Ok(stream), _)) => Ok(stream),
            // Refused, or the other has come to our port and the connection is there already.
            Either::Left((Err(error), coming)) => match rt::timeout(COMING, coming).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(_)) | Err(rt::TimedOut) => Err(error),
            },
            Either::Right((Ok(stream), _)) => Ok(stream),
            Either::Right((Err(_), connecting)) => connecting.await,
        }
    }
}

#[derive(Debug)]
struct Awaited {
    address: SocketAddr,
    role: Role,
    taken: Sender<TcpStream>,
}

/// Whom we meet now.
#[derive(Debug, Default)]
pub(crate) struct Expected(Mutex<Vec<Awaited>>);

/// Somebody who is waited for until this is dropped.
struct Arrival {
    stream: Receiver<TcpStream>,
}

impl Expected {
    fn awaits(&self, address: SocketAddr, role: Role) -> Arrival {
        let (taken, stream) = async_channel::bounded(1);
        let mut all = self.lock();
        all.retain(|awaited| !awaited.taken.is_closed());
        all.push(Awaited { address, role, taken });
        Arrival { stream }
    }

    /// Hands over a connection to who waits for it; gives it back where nobody does.
    pub(crate) async fn hand_over(&self, stream: TcpStream, from: SocketAddr) -> Option<TcpStream> {
        let is_from = |awaited: &Awaited| awaited.address == from;
        if let Some(taken) = self.take(is_from) {
            return given_back(&taken, stream);
        }
        // A router may give the other another port than the directory has seen; whoever calls us speaks at once.
        let may_be = |awaited: &Awaited| awaited.role == Role::Caller && awaited.address.ip() == from.ip();
        if !self.lock().iter().any(may_be) {
            return Some(stream);
        }
        let mut first = [0];
        let speaks = rt::timeout(SILENCE, stream.peek(&mut first).fuse()).await;
        match speaks.err().and_then(|rt::TimedOut| self.take(may_be)) {
            Some(taken) => given_back(&taken, stream),
            None => Some(stream),
        }
    }

    fn take(&self, which: impl Fn(&Awaited) -> bool) -> Option<Sender<TcpStream>> {
        let mut all = self.lock();
        all.retain(|awaited| !awaited.taken.is_closed());
        let place = all.iter().position(which)?;
        Some(all.remove(place).taken)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn given_back(taken: &Sender<TcpStream>, stream: TcpStream) -> Option<TcpStream> {
    taken.try_send(stream).err().map(async_channel::TrySendError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::future::join;
    use futures::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn at(expected: &Arc<Expected>, from: SocketAddr, to: SocketAddr, role: Role) -> Rendezvous {
        Rendezvous { from, to, wait: Duration::ZERO, role, expected: Arc::clone(expected) }
    }

    fn listener(address: [u8; 4]) -> (rt::TcpListener, SocketAddr) {
        let socket = rt::listen((address, 0).into()).unwrap();
        let at = socket.local_addr().unwrap();
        (socket, at)
    }

    /// Hands over whoever comes, as the listener does.
    async fn door(socket: rt::TcpListener, expected: Arc<Expected>) {
        while let Ok((stream, from)) = socket.accept().await {
            assert!(expected.hand_over(stream, from).await.is_none(), "a stranger");
        }
    }

    #[test]
    fn two_who_connect_to_each_other_have_one_connection() {
        rt::block_on(async {
            let ((one, at_one), (other, at_other)) = (listener([127, 0, 9, 1]), listener([127, 0, 9, 2]));
            let expected = [(), ()].map(|()| Arc::<Expected>::default());
            let _doors = [rt::spawn(door(one, expected[0].clone())), rt::spawn(door(other, expected[1].clone()))];
            let caller = at(&expected[0], at_one, at_other, Role::Caller);
            let callee = at(&expected[1], at_other, at_one, Role::Callee);
            let (ours, theirs) = join(caller.meet(), callee.meet()).await;
            let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap());
            ours.write_all(b"preface").await.unwrap();
            let mut read = [0; 7];
            theirs.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"preface");
        });
    }

    #[test]
    fn whoever_comes_from_another_port_and_is_silent_is_the_one_and_whoever_speaks_is_a_caller() {
        rt::block_on(async {
            let (socket, here) = listener([127, 0, 9, 3]);
            let expected = Expected::default();
            let nowhere = SocketAddr::from(([127, 0, 9, 4], 9));
            let arrival = expected.awaits(nowhere, Role::Caller);
            for (speaks, from, is_handed_over) in
                [(true, [127, 0, 9, 4], false), (false, [127, 0, 9, 5], false), (false, [127, 0, 9, 4], true)]
            {
                let mut other = rt::connect(here, Some(from.into()), CONNECTING).await.unwrap();
                if speaks {
                    other.write_all(b"preface").await.unwrap();
                }
                let (stream, source) = socket.accept().await.unwrap();
                assert_eq!(expected.hand_over(stream, source).await.is_none(), is_handed_over, "{from:?}");
            }
            assert!(arrival.stream.try_recv().is_ok());
        });
    }

    #[test]
    fn a_meeting_waits_for_what_the_word_of_it_has_not_taken_and_never_long() {
        let millis = Duration::from_millis;
        assert_eq!(wait(200, millis(60)), millis(170));
        assert_eq!(wait(200, millis(600)), Duration::ZERO);
        assert_eq!(wait(u32::MAX, Duration::ZERO), millis(5_000));
    }
}
