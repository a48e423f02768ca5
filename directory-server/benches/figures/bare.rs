//! The floor: rustls on bare sockets, without frames, messages, tasks or timers.
//!
//! The server is a process of its own with one thread, blocking sockets and a level-triggered epoll: one `read`, one
//! `write` and a share of one `epoll_wait` for each request, about the least a server of many connections can do. It
//! takes the TLS configuration of `common::link::tls`, so keys, key exchange and cipher suite are those of the real
//! thing. A request is a number of bytes, and so is its reply; a request is answered once it is complete.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use common::crypto::directory_key::DirectoryKey;
use common::crypto::identity::IdentityKey;
use common::link::tls;
use common::secret::Secret;
use common::testkit::client;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

use crate::Outcome;
use crate::process::{Process, Programs};

/// The argument that makes this program the bare server.
pub(crate) const SERVE: &str = "--bare-server";

/// Which of our connections the floor is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Like<'a> {
    /// A peer's to its directory: the server has a P-256 key, the client none.
    Directory,
    /// A call: both have the same kind of identity key; the callee has this one.
    Call(&'a IdentityKey),
}

/// Bytes of a request and of its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) request: usize,
    pub(crate) reply: usize,
}

/// A running bare server.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) sizes: Sizes,
}

impl Bare {
    pub(crate) fn start(programs: &Programs, like: Like<'_>, sizes: Sizes) -> Outcome<Self> {
        let key = match like {
            Like::Directory => String::new(),
            Like::Call(identity) => hex::encode(identity.to_pkcs1().expose()),
        };
        let arguments = [SERVE.to_owned(), sizes.request.to_string(), sizes.reply.to_string()];
        let mut process = Process::start(&programs.ourselves, arguments, &[])?;
        process.type_line(&key)?;
        let address = process.line()?.parse()?;
        Ok(Self { process, address, sizes })
    }

    /// A client after its handshake.
    pub(crate) fn connect(&self, source: IpAddr, config: &Arc<ClientConfig>) -> Outcome<BareClient> {
        let mut socket = client::connect(source, self.address)?;
        let mut tls = ClientConnection::new(Arc::clone(config), ServerName::from(Ipv4Addr::LOCALHOST))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        let request = vec![b'x'; self.sizes.request];
        Ok(BareClient { socket, tls, request, reply: vec![0; self.sizes.reply] })
    }
}

/// A client of the bare server, as bare as it.
#[derive(Debug)]
pub(crate) struct BareClient {
    socket: TcpStream,
    tls: ClientConnection,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl BareClient {
    pub(crate) fn send(&mut self) -> Outcome<()> {
        self.tls.writer().write_all(&self.request)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    pub(crate) fn receive(&mut self) -> Outcome<()> {
        Ok(rustls::Stream::new(&mut self.tls, &mut self.socket).read_exact(&mut self.reply)?)
    }
}

struct Connection {
    socket: TcpStream,
    tls: ServerConnection,
    /// Bytes of a request that is not complete.
    read: usize,
}

/// Runs the bare server until it is killed.
pub(crate) fn serve(arguments: &[String]) -> Outcome<()> {
    let [request, reply] = arguments else { return Err("sizes of request and reply are missing".into()) };
    let sizes = Sizes { request: request.parse()?, reply: reply.parse()? };
    let mut key = String::new();
    io::stdin().read_line(&mut key)?;
    let config = match key.trim() {
        "" => tls::directory_server(&DirectoryKey::generate()?)?,
        digits => tls::peer_server(&IdentityKey::from_pkcs1(&Secret::new(hex::decode(digits)?))?)?,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    turn(&listener, &config, sizes)
}

fn turn(listener: &TcpListener, config: &Arc<ServerConfig>, sizes: Sizes) -> Outcome<()> {
    const LISTENER: u64 = u64::MAX;
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&ready, listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut connections: BTreeMap<u64, Connection> = BTreeMap::new();
    let mut events = Vec::with_capacity(64);
    let mut buffer = vec![0; 16 * 1024];
    let reply = vec![b'x'; sizes.reply];
    for next in 0.. {
        events.clear();
        epoll::wait(&ready, spare_capacity(&mut events), None)?;
        for event in &events {
            let name = event.data.u64();
            if name == LISTENER {
                let (socket, _) = listener.accept()?;
                socket.set_nodelay(true)?;
                epoll::add(&ready, &socket, epoll::EventData::new_u64(next), epoll::EventFlags::IN)?;
                let tls = ServerConnection::new(Arc::clone(config))?;
                connections.insert(next, Connection { socket, tls, read: 0 });
                break;
            }
            let Some(connection) = connections.get_mut(&name) else { continue };
            if !connection.serve(&mut buffer, sizes.request, &reply).unwrap_or(false) {
                connections.remove(&name);
            }
        }
    }
    Ok(())
}

impl Connection {
    /// Reads once and answers what is complete. `false` at the end of the connection.
    fn serve(&mut self, buffer: &mut [u8], request: usize, reply: &[u8]) -> Outcome<bool> {
        if self.tls.read_tls(&mut self.socket)? == 0 {
            return Ok(false);
        }
        let mut readable = self.tls.process_new_packets()?.plaintext_bytes_to_read();
        while readable > 0 {
            let count = self.tls.reader().read(buffer)?;
            readable -= count;
            self.read += count;
        }
        while self.read >= request {
            self.read -= request;
            self.tls.writer().write_all(reply)?;
        }
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(true)
    }
}
