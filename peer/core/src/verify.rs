//! How a terminal verifies whoever calls it, by a lookup of its own (decisions D12, D15; threats P1, P6; protocol
//! section 7.2).
//!
//! Two steps, each a value that knows exactly what is known then: [`Claim`] is a request that fits the connection it came
//! over; [`Claim::confirm`] compares it with the directory's own word.

use std::net::{IpAddr, SocketAddr};

use common::crypto::identity::PublicKey;
use common::crypto::record;
use common::ident::{KeyDigest, TerminalId, UserId};
use common::msg::{ConnectReq, FoundTerminal, LookupReply, LookupStatus, Record};

use super::notice::{CallerRefused, Unvouched};

/// Who we are, for the checks.
#[derive(Debug, Clone)]
pub struct LocalIdentity {
    /// Our user id.
    pub user: UserId,
    /// Our identity key.
    pub key: PublicKey,
    /// Our terminal.
    pub terminal: TerminalId,
}

/// A `CONNECTREQ` with what is known of the connection it came over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The message.
    pub message: ConnectReq,
    /// Digest of the key that authenticated the TLS connection.
    pub key: KeyDigest,
    /// Where the connection comes from.
    pub source: SocketAddr,
}

/// What the directory says of a user who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupResult {
    /// Where the user's terminals listen, the newest login first.
    pub terminals: Vec<TerminalAddresses>,
    /// The user's identity key.
    pub key: PublicKey,
    /// Which of the user's terminals can be met by relay, the newest login first.
    pub relayable: Vec<TerminalId>,
    /// Which can be met by connecting to each other, the newest login first.
    pub punchable: Vec<TerminalId>,
    /// What the directory has signed of them.
    pub records: Vec<Record>,
}

impl LookupResult {
    /// The same of one terminal alone.
    pub(crate) fn only(mut self, terminal: TerminalId) -> Self {
        self.terminals.retain(|found| found.terminal == Some(terminal));
        self.relayable.retain(|found| *found == terminal);
        self.punchable.retain(|found| *found == terminal);
        self.records.retain(|record| record.terminal == terminal);
        self
    }

    /// Every address of every terminal.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.terminals.iter().flat_map(|terminal| terminal.local.iter().chain(&terminal.seen)).copied()
    }
}

/// Where one terminal can be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalAddresses {
    /// Which terminal that is, where the directory says so.
    pub terminal: Option<TerminalId>,
    /// Where the directory sees it.
    pub seen: Vec<SocketAddr>,
    /// Where it listens in the network that it shares with us.
    pub local: Vec<SocketAddr>,
}

impl From<SocketAddr> for TerminalAddresses {
    fn from(address: SocketAddr) -> Self {
        Self { terminal: None, seen: vec![address], local: Vec::new() }
    }
}

/// An answer to a lookup that is about somebody else, or names no address, or no key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable;

/// Reads a lookup's answer. `None` for a user who is not found.
///
/// # Errors
/// [`Unusable`], which says nothing of the user.
pub fn found(reply: &LookupReply, asked: &UserId) -> Result<Option<LookupResult>, Unusable> {
    match reply.status {
        LookupStatus::Success => {}
        LookupStatus::NotFound => return Ok(None),
    }
    if reply.userid != asked.as_str() || reply.addresses.is_empty() {
        return Err(Unusable);
    }
    let key = PublicKey::from_pkcs1(&reply.publickey.0).map_err(|_| Unusable)?;
    let met = |how: fn(&FoundTerminal) -> bool| {
        reply.terminals.iter().filter(|found| how(found)).map(|found| found.terminal).collect()
    };
    let (relayable, punchable) = (met(|found| found.relay), met(|found| found.punch));
    let records = reply.terminals.iter().filter_map(|found| found.record.as_deref().cloned()).collect();
    Ok(Some(LookupResult { terminals: terminals(reply), key, relayable, punchable, records }))
}

/// The addresses by terminal. A directory of the version before names one of each.
fn terminals(reply: &LookupReply) -> Vec<TerminalAddresses> {
    let more = reply.terminals.iter().map(Some).chain(std::iter::repeat(None));
    let terminal = |(first, more): (&SocketAddr, Option<&FoundTerminal>)| {
        let Some(more) = more else { return TerminalAddresses::from(*first) };
        let others = more.addresses.iter().filter(|address| *address != first);
        let seen = [first].into_iter().chain(others).copied().collect();
        TerminalAddresses { terminal: Some(more.terminal), seen, local: more.local.clone() }
    };
    reply.addresses.iter().zip(more).map(terminal).collect()
}

/// What a record is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Pins<'a> {
    /// The pinned key of the claimed user.
    pub user: &'a PublicKey,
    /// Digest of our directory's key.
    pub directory: &'a KeyDigest,
    /// The directory's time, seconds since the epoch.
    pub time: u64,
}

/// A request that names us and the key of its own connection. Who the caller really is, a lookup must tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who the caller claims to be.
    pub initiator: UserId,
    /// The caller's terminal.
    pub terminal: TerminalId,
    key: KeyDigest,
    source: IpAddr,
}

impl Claim {
    /// Checks a request against ourselves and its connection.
    ///
    /// # Errors
    /// [`CallerRefused::WrongDestination`] or [`CallerRefused::WrongKey`].
    pub fn check(me: &LocalIdentity, request: &ConnectRequest) -> Result<Self, CallerRefused> {
        let ours = me.key.digest();
        let message = &request.message;
        if message.destination != me.user || message.destination_key != ours || message.initiator == me.user {
            return Err(CallerRefused::WrongDestination);
        }
        if message.initiator_key != request.key || request.key == ours {
            return Err(CallerRefused::WrongKey);
        }
        Ok(Self {
            initiator: message.initiator.clone(),
            terminal: message.terminal,
            key: request.key,
            source: request.source.ip().to_canonical(),
        })
    }

    /// Compares the claim with the directory's answer about the claimed user.
    ///
    /// # Errors
    /// [`CallerRefused::NotLoggedIn`], [`CallerRefused::WrongKey`] or [`CallerRefused::WrongAddress`].
    pub fn confirm(&self, found: Option<&LookupResult>) -> Result<(), CallerRefused> {
        let found = found.ok_or(CallerRefused::NotLoggedIn)?;
        if found.key.digest() != self.key {
            return Err(CallerRefused::WrongKey);
        }
        if !found.addresses().any(|address| address.ip().to_canonical() == self.source) {
            return Err(CallerRefused::WrongAddress);
        }
        Ok(())
    }

    /// Compares the claim with what the caller shows, signed by our directory, which is out of reach (protocol section 7.7).
    /// Gives when it was signed.
    ///
    /// # Errors
    /// [`CallerRefused::Unvouched`].
    pub fn vouched(&self, shown: &Record, pins: &Pins<'_>) -> Result<u64, CallerRefused> {
        let is_theirs = (&shown.userid, shown.terminal, shown.key) == (&self.initiator, self.terminal, self.key);
        let comes_from = |address: &SocketAddr| address.ip().to_canonical() == self.source;
        let broken = match () {
            () if pins.user.digest() != self.key => Unvouched::Key,
            () if !is_theirs || record::verify(shown, pins.directory).is_err() => Unvouched::Forged,
            () if !record::is_valid(shown, pins.time) => Unvouched::Expired,
            () if !shown.addresses.iter().any(comes_from) => Unvouched::Address,
            () => return Ok(shown.issued),
        };
        Err(CallerRefused::Unvouched(broken))
    }

    /// Whether the connection was authenticated by this key.
    pub(crate) fn is_of(&self, key: &PublicKey) -> bool {
        key.digest() == self.key
    }

    /// Identifies repeated attempts of the same stranger, whoever it claims to be.
    pub fn stranger(&self) -> (KeyDigest, IpAddr) {
        (self.key, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::testkit::Example;

    fn me() -> LocalIdentity {
        LocalIdentity {
            user: Example::Bianca.user().unwrap(),
            key: Example::Bianca.identity().unwrap().public().clone(),
            terminal: TerminalId([2; 16]),
        }
    }

    fn ali_key() -> PublicKey {
        Example::Ali.identity().unwrap().public().clone()
    }

    fn request() -> ConnectRequest {
        ConnectRequest {
            message: ConnectReq {
                initiator: Example::Ali.user().unwrap(),
                destination: me().user,
                initiator_key: ali_key().digest(),
                destination_key: me().key.digest(),
                terminal: TerminalId([1; 16]),
                features: common::msg::Features::default(),
                record: None,
                conversation: None,
            },
            key: ali_key().digest(),
            source: "[::ffff:127.0.0.2]:40000".parse().unwrap(),
        }
    }

    fn at(address: &str) -> Vec<TerminalAddresses> {
        vec![address.parse::<SocketAddr>().unwrap().into()]
    }

    fn ali() -> LookupResult {
        LookupResult {
            terminals: at("127.0.0.2:65000"),
            key: ali_key(),
            relayable: Vec::new(),
            punchable: Vec::new(),
            records: Vec::new(),
        }
    }

    #[test]
    fn accepts_a_caller_whose_key_and_address_the_directory_has() {
        Claim::check(&me(), &request()).unwrap().confirm(Some(&ali())).unwrap();
    }

    #[test]
    fn refuses_requests_that_do_not_name_us_or_their_own_connection() {
        let carol = Example::Carol.user().unwrap();
        let mut cases = vec![request(); 5];
        cases[0].message.destination = carol;
        cases[1].message.destination_key = KeyDigest([0; 32]);
        cases[2].message.initiator = me().user;
        cases[3].message.initiator_key = KeyDigest([0; 32]);
        cases[4].message.initiator_key = me().key.digest();
        cases[4].key = me().key.digest();
        use CallerRefused::{WrongDestination as D, WrongKey as K};
        for (case, reason) in cases.iter().zip([D, D, D, K, K]) {
            assert_eq!(Claim::check(&me(), case), Err(reason));
        }
    }

    #[test]
    fn refuses_a_caller_whom_the_directory_contradicts() {
        let claim = Claim::check(&me(), &request()).unwrap();
        assert_eq!(claim.confirm(None), Err(CallerRefused::NotLoggedIn));
        let other_key = LookupResult { key: Example::Carol.identity().unwrap().public().clone(), ..ali() };
        assert_eq!(claim.confirm(Some(&other_key)), Err(CallerRefused::WrongKey));
        let elsewhere = LookupResult { terminals: at("127.0.0.9:65000"), ..ali() };
        assert_eq!(claim.confirm(Some(&elsewhere)), Err(CallerRefused::WrongAddress));
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_not_called_not_found() {
        let mut reply = LookupReply {
            status: LookupStatus::Success,
            userid: "ali".into(),
            addresses: ali().addresses().collect(),
            publickey: common::msg::Hex(ali_key().as_pkcs1().to_vec()),
            terminals: Vec::new(),
        };
        let asked = Example::Ali.user().unwrap();
        assert_eq!(found(&reply, &asked), Ok(Some(ali())));
        assert_eq!(found(&reply, &Example::Carol.user().unwrap()), Err(Unusable));
        let nowhere = LookupReply { addresses: Vec::new(), ..reply.clone() };
        assert_eq!(found(&nowhere, &asked), Err(Unusable));
        reply.publickey.0.pop();
        assert_eq!(found(&reply, &asked), Err(Unusable));
        assert_eq!(found(&LookupReply::not_found(), &asked), Ok(None));
    }

    #[test]
    fn addresses_go_by_terminal_and_a_caller_may_come_from_any_of_them() {
        let [first, other, local, second] =
            ["127.0.0.2:65000", "[2001:db8::2]:65001", "192.168.1.5:65000", "127.0.0.3:65000"]
                .map(|address| address.parse::<SocketAddr>().unwrap());
        let several = FoundTerminal {
            terminal: TerminalId([1; 16]),
            relay: false,
            punch: false,
            addresses: vec![other, first],
            local: vec![local],
            record: None,
        };
        let mut reply = LookupReply {
            status: LookupStatus::Success,
            userid: "ali".into(),
            addresses: vec![first, second],
            publickey: common::msg::Hex(ali_key().as_pkcs1().to_vec()),
            terminals: vec![several],
        };
        let looked_up = |reply: &LookupReply| found(reply, &Example::Ali.user().unwrap()).unwrap().unwrap();
        let first_of_two =
            TerminalAddresses { terminal: Some(TerminalId([1; 16])), seen: vec![first, other], local: vec![local] };
        assert_eq!(looked_up(&reply).terminals, [first_of_two, second.into()]);
        let comes = |found: &LookupResult, from: &SocketAddr| {
            let request = ConnectRequest { source: SocketAddr::new(from.ip(), 40_000), ..request() };
            Claim::check(&me(), &request).unwrap().confirm(Some(found))
        };
        for from in [first, other, local, second] {
            assert_eq!(comes(&looked_up(&reply), &from), Ok(()), "{from}");
        }
        // The version before.
        reply.terminals.clear();
        assert_eq!(looked_up(&reply).terminals, [first.into(), second.into()]);
        assert_eq!(comes(&looked_up(&reply), &other), Err(CallerRefused::WrongAddress));
        assert_eq!(comes(&looked_up(&reply), &local), Err(CallerRefused::WrongAddress));
    }
}
