//! A recording middleman: passes on every byte between two programs and remembers it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use common::testkit::client::connect;

use super::watch::PATIENCE;

/// What passed in one direction, and whom to wake when more does.
type Record = Arc<(Mutex<Vec<u8>>, Condvar)>;

/// A running middleman; it lives as long as the test process.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    at: SocketAddr,
    from_client: Record,
    from_server: Record,
    clients: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Proxy {
    /// Listens at `at` and connects from `from` to `to` for everyone who comes.
    pub(crate) fn start(at: SocketAddr, from: Ipv4Addr, to: SocketAddr) -> Self {
        let proxy = Self::at(at);
        let listener = TcpListener::bind(at).unwrap();
        let middleman = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                middleman.join(client, from, to);
            }
        });
        proxy
    }

    /// Passes on what one client says, who was kept waiting so far.
    pub(crate) fn pass_on(client: TcpStream, from: Ipv4Addr, to: SocketAddr) {
        let at = client.local_addr().unwrap();
        client.set_read_timeout(None).unwrap();
        Self::at(at).join(client, from, to);
    }

    fn at(at: SocketAddr) -> Self {
        Self { at, from_client: Record::default(), from_server: Record::default(), clients: Arc::default() }
    }

    fn join(&self, client: TcpStream, from: Ipv4Addr, to: SocketAddr) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).push(client.peer_addr().unwrap());
        let Ok(server) = connect(IpAddr::V4(from), to) else { return };
        server.set_read_timeout(None).unwrap();
        pass(client.try_clone().unwrap(), server.try_clone().unwrap(), &self.from_client);
        pass(server, client, &self.from_server);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    /// Where those come from who have connected.
    pub(crate) fn clients(&self) -> Vec<SocketAddr> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every byte of the side that connected.
    pub(crate) fn sent_by_client(&self) -> Vec<u8> {
        self.from_client.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the side that connected has sent more than this number of bytes.
    #[track_caller]
    pub(crate) fn until_client_sent_more_than(&self, count: usize) {
        let (sent, more) = &*self.from_client;
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = more.wait_timeout_while(sent, PATIENCE, |sent| sent.len() <= count);
        assert!(!waited.unwrap_or_else(PoisonError::into_inner).1.timed_out(), "nothing more was sent");
    }

    /// Every byte of the side that answered.
    pub(crate) fn sent_by_server(&self) -> Vec<u8> {
        self.from_server.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, record: &Record) {
    let record = Arc::clone(record);
    std::thread::spawn(move || {
        let mut piece = [0; 8192];
        loop {
            let count = from.read(&mut piece).unwrap_or(0);
            record.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..count]);
            record.1.notify_all();
            if count == 0 || to.write_all(&piece[..count]).is_err() {
                // The other direction ends by the same token.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    });
}
