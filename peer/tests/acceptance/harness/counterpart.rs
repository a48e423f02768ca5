//! Ali as a program of our own: logged in at the directory, calling whom and how it likes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use common::crypto::identity::IdentityKey;
use common::ident::{TerminalId, UserId};
use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::caller::Call;
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use super::address::fresh;
use super::stage::{Stage, account, id, identity};

/// Ali, who calls bianca.
pub(crate) struct Counterpart {
    /// His session with the directory.
    pub(crate) session: Client,
    /// Where he is logged in.
    pub(crate) at: Ipv4Addr,
    /// The directory's time when he logged in.
    time: u64,
    ali: UserId,
    bianca: UserId,
    key: IdentityKey,
    callee: IdentityKey,
}

impl Counterpart {
    /// Registers ali and logs him in.
    pub(crate) fn ali(stage: &Stage) -> Self {
        let account = account(Example::Ali, Stretch::Least);
        stage.register(&account);
        let at = fresh();
        let mut session = stage.client(at);
        let time = session.log_in(&account, TerminalId([1; 16]), PEER_PORT).unwrap().time;
        let (ali, bianca) = (account.user, id(Example::Bianca));
        Self { session, at, time, ali, bianca, key: account.identity, callee: identity(Example::Bianca) }
    }

    /// An honest call to bianca, whose terminal is at `to`.
    pub(crate) fn call(&self, to: SocketAddr) -> Call<'_> {
        Call {
            source: IpAddr::V4(self.at),
            to,
            destination: &self.bianca,
            callee: self.callee.public(),
            initiator: &self.ali,
            identity: &self.key,
            time: self.time,
        }
    }
}
