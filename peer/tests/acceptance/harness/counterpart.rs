//! A user as a program of our own: logged in at the directory, calling whom and how it likes.

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

/// Somebody who calls somebody else.
pub(crate) struct Counterpart {
    /// The session with the directory.
    pub(crate) session: Client,
    /// Where it is logged in.
    pub(crate) at: Ipv4Addr,
    /// The directory's time at that moment.
    time: u64,
    initiator: UserId,
    destination: UserId,
    key: IdentityKey,
    callee: IdentityKey,
}

impl Counterpart {
    /// Ali, who calls bianca.
    pub(crate) fn ali(stage: &Stage) -> Self {
        Self::calling(stage, Example::Ali, Example::Bianca)
    }

    /// Registers a user, who will call another one, and logs that user in.
    pub(crate) fn calling(stage: &Stage, initiator: Example, destination: Example) -> Self {
        let account = account(initiator, Stretch::Least);
        stage.register(&account);
        let at = fresh();
        let mut session = stage.client(at);
        let time = session.log_in(&account, TerminalId([1; 16]), PEER_PORT).unwrap().time;
        let (initiator, key) = (account.user, account.identity);
        Self { session, at, time, initiator, destination: id(destination), key, callee: identity(destination) }
    }

    /// An honest call, to a terminal at `to`.
    pub(crate) fn call(&self, to: SocketAddr) -> Call<'_> {
        Call {
            source: IpAddr::V4(self.at),
            to,
            destination: &self.destination,
            callee: self.callee.public(),
            initiator: &self.initiator,
            identity: &self.key,
            time: self.time,
        }
    }
}
