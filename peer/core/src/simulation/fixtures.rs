//! Who takes part: three users, one of them at two terminals. Keys are made once for all seeds, which saves most of the
//! time; names and everything that decides about the schedule come from the seed.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, TerminalId, UserId};
use common::msg::{Certificate, Member, Piece};
use common::secret::Secret;
use common::testkit::Example;

use crate::mls::{KeyPackages, OwnTerminal};
use crate::persistence::Write;
use crate::verify::LocalIdentity;

/// Whose terminals they are.
pub(super) const OWNERS: [Example; 4] = [Example::Ali, Example::Ali, Example::Bianca, Example::Carol];
/// Key packages a terminal has published before the simulation begins: with fewer it would make more at once, which takes
/// long.
const PACKAGES: usize = 24;

/// A terminal that has logged in before and published key packages.
pub(super) struct Fixture {
    pub(super) me: LocalIdentity,
    pub(super) certificate: Certificate,
    pub(super) public_key: Vec<u8>,
    /// The secret halves of its key packages.
    pub(super) kept: Vec<Write>,
    pub(super) packages: Vec<Piece>,
    pub(super) last_resort: Piece,
}

impl Fixture {
    fn new(number: usize) -> Self {
        let (example, id) = (OWNERS[number], u8::try_from(number).unwrap() + 1);
        let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
        let own = key(number);
        let certificate = own.certify(&user, &identity, 1).unwrap();
        let me = LocalIdentity { user: user.clone(), key: identity.public().clone(), terminal: own.id() };
        let public_key = identity.public().as_pkcs1().to_vec();
        let mut packages = KeyPackages::new(Arc::new(OwnTerminal::new(&user, own, &certificate, [id; 32])));
        let published = (0..PACKAGES).map(|_| Piece(packages.generate().unwrap())).collect();
        let last_resort = Piece(packages.last_resort().unwrap());
        Self { me, certificate, public_key, kept: packages.changes(), packages: published, last_resort }
    }

    pub(super) fn member(&self) -> Member {
        Member { userid: self.me.user.clone(), terminal: self.me.terminal }
    }
}

/// The key of a terminal.
pub(super) fn key(number: usize) -> TerminalIdentity {
    let id = u8::try_from(number).unwrap() + 1;
    TerminalIdentity::from_seed(TerminalId([id; 16]), &Secret::new(vec![id; 32])).unwrap()
}

/// All of them, in the order of [`OWNERS`].
pub(super) fn fixtures() -> &'static [Fixture] {
    static FIXTURES: OnceLock<Vec<Fixture>> = OnceLock::new();
    FIXTURES.get_or_init(|| (0..OWNERS.len()).map(Fixture::new).collect())
}

/// The users, each once.
pub(super) fn users() -> [UserId; 3] {
    [Example::Ali, Example::Bianca, Example::Carol].map(|example| example.user().unwrap())
}

/// Where a terminal listens.
pub(super) fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, u8::try_from(number).unwrap() + 2], 65_000))
}

/// The only group.
pub(super) fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}
