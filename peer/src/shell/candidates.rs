//! Which addresses of a terminal are tried, in which order, and when the next one is (RFC 8305; protocol section 7.3).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use common::network::{Prefix, is_local};
use futures::future::{Either, pending, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use peer_core::verify::TerminalAddresses;

/// How long an address is tried alone (RFC 8305 section 5, "Connection Attempt Delay").
pub(super) const ALONE: Duration = Duration::from_millis(250);

/// What is taken for one network behind one router, where another terminal's local address leads to it. Chosen as home
/// routers have it: a wider one is not found, and the call goes another way.
const NEARBY: Prefix = Prefix { v4: 24, v6: 64 };

/// No call goes to a port below: something else may listen there, at an address that several share (decision D26).
const FIRST_PORT: u16 = 1024;

/// Our addresses that the directory has seen: calls are placed from these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sources {
    /// Of the session.
    pub(crate) session: IpAddr,
    /// Of the other family, where the directory has seen one.
    pub(crate) other: Option<IpAddr>,
}

impl Sources {
    /// The one to call from, if the directory has seen one of this family.
    pub(crate) fn towards(&self, address: SocketAddr) -> Option<IpAddr> {
        [Some(self.session), self.other].into_iter().flatten().find(|source| source.is_ipv4() == address.is_ipv4())
    }
}

/// Whether addresses of a family in which the directory does not see us are tried, too: from these the callee may not take
/// a call (decision D15), and its user would be told of one that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Families {
    /// They are: there is nothing else to try.
    All,
    /// They are not.
    Ours,
}

/// The addresses of a terminal in the order in which they are tried: in our own network, then IPv6, then IPv4.
pub(super) fn candidates(terminal: &TerminalAddresses, sources: &Sources, families: Families) -> Vec<SocketAddr> {
    let is_near = |address: &&SocketAddr| {
        let near = |source: IpAddr| NEARBY.network(source) == NEARBY.network(address.ip());
        is_local(address.ip()) && sources.towards(**address).is_some_and(near)
    };
    let is_tried = |address: &&SocketAddr| families == Families::All || sources.towards(**address).is_some();
    let of = |is_ipv4: bool| {
        terminal.seen.iter().filter(is_tried).filter(move |address| address.is_ipv4() == is_ipv4).copied()
    };
    let all = terminal.local.iter().filter(is_near).copied().chain(of(false)).chain(of(true));
    let mut candidates: Vec<SocketAddr> = Vec::new();
    for address in all.filter(|address| address.port() >= FIRST_PORT) {
        if !candidates.contains(&address) {
            candidates.push(address);
        }
    }
    candidates
}

/// Tries one after the other, the next when the one before has failed or has been tried alone for a `pause`; gives the first
/// that succeeds. Otherwise what says most of why none does, if there was any to try.
pub(super) async fn first<T, E, A: Future<Output = Result<T, E>>, P: Future<Output = ()>>(
    candidates: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> A,
    pause: impl Fn() -> P,
    worth_telling: impl Fn(Option<E>, E) -> E,
) -> Result<(SocketAddr, T), Option<E>> {
    let mut left = candidates.into_iter();
    let mut tried = FuturesUnordered::new();
    let mut failed = None;
    loop {
        if let Some(address) = left.next() {
            let attempt = attempt(address);
            tried.push(async move { (address, attempt.await) });
        }
        let alone = if left.len() > 0 { Either::Left(pause()) } else { Either::Right(pending()) };
        match select(tried.next(), Box::pin(alone)).await {
            Either::Left((Some((address, Ok(reached))), _)) => return Ok((address, reached)),
            Either::Left((Some((_, Err(why))), _)) => failed = Some(worth_telling(failed.take(), why)),
            Either::Left((None, _)) => return Err(failed),
            Either::Right(((), _)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;

    use futures::FutureExt as _;

    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    fn several(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| at(address)).collect()
    }

    const LOCAL: &str = "192.168.1.6:65000";
    const V6: &str = "[2001:db8::6]:65000";
    const V4: &str = "192.0.2.6:65000";

    #[test]
    fn our_own_network_comes_first_and_ipv6_before_ipv4() {
        let (seen, local) = (several(&[V4, V6]), several(&[LOCAL, "192.168.2.6:65000"]));
        let terminal = TerminalAddresses { seen, local, ..TerminalAddresses::default() };
        let [home, six] = ["192.168.1.5", "2001:db8::5"].map(|address| address.parse::<IpAddr>().unwrap());
        let elsewhere = "192.168.9.5".parse().unwrap();
        for (session, other, families, expected) in [
            (home, None, Families::Ours, &[LOCAL, V4][..]),
            (home, Some(six), Families::Ours, &[LOCAL, V6, V4]),
            (six, Some(home), Families::Ours, &[LOCAL, V6, V4]),
            (six, None, Families::Ours, &[V6]),
            (six, None, Families::All, &[V6, V4]),
            (elsewhere, None, Families::Ours, &[V4]),
        ] {
            let sources = Sources { session, other };
            assert_eq!(candidates(&terminal, &sources, families), several(expected), "from {sources:?}, {families:?}");
        }
        // Whatever calls itself local must lead nowhere from outside.
        let (seen, local) = (several(&[V4]), several(&["192.0.2.9:65000", V4]));
        let public = TerminalAddresses { seen, local, ..TerminalAddresses::default() };
        let sources = Sources { session: "192.0.2.5".parse().unwrap(), other: None };
        assert_eq!(candidates(&public, &sources, Families::All), several(&[V4]));
    }

    #[test]
    fn no_port_is_tried_that_belongs_to_something_else() {
        let seen = several(&["192.0.2.6:22", "192.0.2.6:1023", "192.0.2.6:1024", "[2001:db8::6]:25"]);
        let terminal = TerminalAddresses { seen, local: several(&["192.168.1.6:80"]), ..TerminalAddresses::default() };
        let sources = Sources { session: "192.168.1.5".parse().unwrap(), other: None };
        assert_eq!(candidates(&terminal, &sources, Families::All), several(&["192.0.2.6:1024"]));
    }

    /// Which addresses are tried, and what comes of it, where these succeed, these fail, and others never answer.
    fn tried(
        succeed: &[&str],
        fail: &[&str],
        pause_ends: bool,
    ) -> (Vec<SocketAddr>, Option<Result<SocketAddr, Option<u32>>>) {
        let began = RefCell::new(Vec::new());
        let (succeed, fail) = (several(succeed), several(fail));
        let attempt = |address: SocketAddr| {
            began.borrow_mut().push(address);
            let outcome = match address {
                good if succeed.contains(&good) => Some(Ok(())),
                bad if fail.contains(&bad) => Some(Err(1)),
                _ => None,
            };
            outcome.map_or(Either::Right(pending()), |outcome| Either::Left(ready(outcome)))
        };
        let pause = || if pause_ends { Either::Left(ready(())) } else { Either::Right(pending()) };
        let raced = first(several(&[LOCAL, V6, V4]), attempt, pause, |before, now| before.unwrap_or(0) + now);
        let outcome = raced.now_or_never().map(|outcome| outcome.map(|(address, ())| address));
        (began.into_inner(), outcome)
    }

    #[test]
    fn the_next_is_tried_when_one_has_failed_or_takes_long_and_the_first_to_succeed_is_it() {
        let all = several(&[LOCAL, V6, V4]);
        assert_eq!(tried(&[LOCAL], &[], false), (several(&[LOCAL]), Some(Ok(at(LOCAL)))));
        assert_eq!(tried(&[V6], &[LOCAL], false), (several(&[LOCAL, V6]), Some(Ok(at(V6)))), "failed");
        assert_eq!(tried(&[V4], &[], false), (several(&[LOCAL]), None), "not before the pause is over");
        assert_eq!(tried(&[V4], &[], true), (all.clone(), Some(Ok(at(V4)))), "it has taken long");
        assert_eq!(tried(&[], &[LOCAL, V6, V4], false), (all.clone(), Some(Err(Some(3)))));
        assert_eq!(tried(&[], &[LOCAL, V4], true), (all, None), "one may still answer");
        let nobody = first(Vec::new(), |_| ready(Err::<(), u32>(1)), || ready(()), |_, now| now);
        assert_eq!(nobody.now_or_never(), Some(Err(None)));
    }
}
