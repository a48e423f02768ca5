//! A file from one peer to another, against a bare TLS stream of the same bytes with the same keys.
//!
//! Both peers are real, driven by JSON. Time runs from the answer that accepts the offer to the event that says that the
//! file has its name: dialling, the disk and the digest are part of it. There are two floors: the stream alone, from
//! memory into nothing, and a stream that is read from a file and written to another. The files lie in memory where the
//! system has a place for that, so that no disk is measured.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::crypto::identity::IdentityKey;
use common::link::tls;
use common::secret::Secret;
use common::testkit::client;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConnection, Stream};

use crate::directory::{PASSCODE, RunningDirectory, source};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::{Process, Programs, memory_of};
use crate::{Effort, Outcome};

/// The argument that makes this program a bare stream of bytes.
pub(crate) const POUR: &str = "--pour";
/// Where files lie that no disk has.
const MEMORY: &str = "/dev/shm";
/// Bytes written at once.
const PIECE: usize = 64 * 1024;
const MEGABYTE: f64 = 1e6;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Sends a number of bytes to every caller until killed: to every second one from a file.
pub(crate) fn pour(arguments: &[String]) -> Outcome<()> {
    let [size, path] = arguments else { return Err("size and path are missing".into()) };
    let size: usize = size.parse()?;
    let mut key = String::new();
    io::stdin().read_line(&mut key)?;
    let config = tls::peer_server(&IdentityKey::from_pkcs1(&Secret::new(hex::decode(key.trim())?))?)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let mut piece = vec![b'x'; PIECE];
    for from in [Place::Memory, Place::File].into_iter().cycle() {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let mut tls = ServerConnection::new(config.clone())?;
        let mut stream = Stream::new(&mut tls, &mut socket);
        let mut file = if from == Place::File { Some(File::open(path)?) } else { None };
        for _ in 0..size / PIECE {
            if let Some(file) = &mut file {
                file.read_exact(&mut piece)?;
            }
            stream.write_all(&piece)?;
        }
        stream.flush()?;
    }
    Ok(())
}

/// Where a bare stream begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    File,
}

/// Megabytes a second of a bare stream.
fn bare_rate(address: SocketAddr, config: &Arc<ClientConfig>, size: usize, into: Option<&Path>) -> Outcome<f64> {
    let mut socket = client::connect(source(2), address)?;
    let mut tls = ClientConnection::new(Arc::clone(config), ServerName::from(Ipv4Addr::LOCALHOST))?;
    let begun = Instant::now();
    let mut stream = Stream::new(&mut tls, &mut socket);
    let mut file = into.map(File::create).transpose()?;
    let (mut buffer, mut left) = (vec![0; PIECE], size);
    while left > 0 {
        let count = stream.read(&mut buffer)?;
        left = if count == 0 { return Err("the bare stream ended early".into()) } else { left - count };
        if let Some(file) = &mut file {
            file.write_all(&buffer[..count])?;
        }
    }
    let rate = size as f64 / begun.elapsed().as_secs_f64() / MEGABYTE;
    into.map(std::fs::remove_file).transpose()?;
    Ok(rate)
}

/// Somebody with a peer.
struct Person {
    peer: Process,
    idle: f64,
}

impl Person {
    fn log_in(programs: &Programs, directory: &RunningDirectory, user: &str, data: &Path, n: usize) -> Outcome<Self> {
        let (server, listen) = (directory.address.to_string(), source(n).to_string());
        let data = data.join(user);
        let arguments = ["--server", &server, "--listen", &listen, "--data-dir"].map(Into::into);
        let arguments = arguments.into_iter().chain([data.into_os_string(), "json".into()]);
        let mut peer = Process::start(&programs.peer, arguments, &[("PEER_FILES__MAX", "16GiB")])?;
        peer.type_line(&format!(
            r#"{{"id":1,"method":"login","params":{{"user":"{user}","passcode":"{PASSCODE}","register":true}}}}"#
        ))?;
        peer.wait_for(r#""type":"ready""#)?;
        peer.cpu_at_rest()?;
        let idle = peer.memory()?;
        Ok(Self { peer, idle })
    }
}

/// Looks at the memory of processes until it is dropped: the login before has needed more than any transfer, so that the
/// peak which the system keeps says nothing.
struct Watch {
    stop: Sender<()>,
    watching: Option<JoinHandle<[f64; 2]>>,
}

impl Watch {
    fn of(processes: [u32; 2]) -> Self {
        let (stop, stopped) = mpsc::channel();
        let watching = thread::spawn(move || {
            let mut most = [0.0_f64; 2];
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                for (most, process) in most.iter_mut().zip(processes) {
                    *most = most.max(memory_of(process).unwrap_or_default());
                }
            }
            most
        });
        Self { stop, watching: Some(watching) }
    }

    fn most(mut self) -> Outcome<[f64; 2]> {
        self.stop.send(())?;
        let watching = self.watching.take().ok_or("nobody watches")?;
        watching.join().map_err(|_| "the watch has failed".into())
    }
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let (size, rounds) = (effort.of(1 << 30, 256 << 20), effort.of(7, 3));
    let place = if Path::new(MEMORY).is_dir() { PathBuf::from(MEMORY) } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place)?;
    let file = folder.path().join("plans.bin");
    std::fs::write(&file, vec![b'x'; size])?;
    let directory = RunningDirectory::start(programs)?;
    let data = tempfile::tempdir()?;
    let mut ali = Person::log_in(programs, &directory, "ali", data.path(), 2)?;
    let mut bianca = Person::log_in(programs, &directory, "bianca", data.path(), 3)?;
    let (key, callee) = (IdentityKey::generate()?, IdentityKey::generate()?);
    let mut bare = Process::start(&programs.ourselves, [POUR, &size.to_string(), &file.display().to_string()], &[])?;
    bare.type_line(&hex::encode(callee.to_pkcs1().expose()))?;
    let address = bare.line()?.parse()?;
    let config = tls::peer_client(&key, callee.public())?;

    let watch = Watch::of([ali.peer.id(), bianca.peer.id()]);
    let (mut ours, mut floor, mut between_files) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        floor.push(bare_rate(address, &config, size, None)?);
        between_files.push(bare_rate(address, &config, size, Some(&folder.path().join("bare")))?);
        ours.push(size as f64 / transfer(&mut ali, &mut bianca, round, &file, folder.path())? / MEGABYTE);
    }
    let ([sender, receiver], ours) = (watch.most()?, median(ours));
    let figure = |name, value| Figure::new(name, value, Unit::Kibibytes).target(Target::Value(16.0 * 1024.0));
    let note = format!("{} MiB, from the answer to the file in its place", size >> 20);
    let rate = |name, floor| Figure::new(name, ours, Unit::MegabytesPerSecond).floor(median(floor));
    Ok(vec![
        rate("file_throughput", between_files).target(Target::LeastRatio(0.85)).note(note),
        rate("file_throughput_beside_memory", floor).note("the same, beside a stream that touches no file"),
        figure("file_memory_of_sender", sender - ali.idle).note("most, above idle"),
        figure("file_memory_of_receiver", receiver - bianca.idle).note("most, above idle"),
    ])
}

/// Seconds from the answer to the end.
fn transfer(ali: &mut Person, bianca: &mut Person, round: usize, file: &Path, folder: &Path) -> Outcome<f64> {
    let saved = folder.join("saved");
    let path = file.display();
    ali.peer.type_line(&format!(r#"{{"id":2,"method":"file.send","params":{{"to":"bianca","path":"{path}"}}}}"#))?;
    bianca.peer.wait_for(r#""what":"offer""#)?;
    bianca.peer.type_line(&format!(
        r#"{{"id":3,"method":"file.accept","params":{{"file":{round},"dir":"{}"}}}}"#,
        saved.display()
    ))?;
    let begun = Instant::now();
    bianca.peer.wait_for(r#""what":"done""#)?;
    let took = begun.elapsed().as_secs_f64();
    ali.peer.wait_for(r#""what":"done""#)?;
    std::fs::remove_dir_all(saved)?;
    Ok(took)
}
