//! A server from start to stop (UX sections 1.1, 1.2, 2.3).

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use common::ident::KeyDigest;
use common::limits::DIRECTORY_PORT;
use common::link::tls;
use common::msg::{ByeReason, Registration};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::admin::Status;
use super::clock::Clock;
use super::data_dir::{Created, DataDir};
use super::http::Site;
use super::meter::{Meter, Reload, Timing};
use super::node::{Node, Parts};
use super::signals::{self, Asked};
use super::{accept, admin, logs, notify, rt, sweep};
use crate::config::{self, Loaded, is_this_machine_only};
use crate::core::Directory;
use crate::failure::{Failure, Kind};

/// How long open sessions may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a server is started with.
pub(crate) struct Start {
    /// The configuration, the command line already worked in.
    pub(crate) loaded: Loaded,
    /// Reads the configuration anew, as it was read for `loaded`.
    pub(crate) reload: Box<dyn Fn() -> Result<Loaded, Failure>>,
    pub(crate) data_dir: PathBuf,
    /// Whether the addresses were asked for; if not, one of them may be missing.
    pub(crate) addresses: Addresses,
    /// Seconds by which the clock is wrong, for drills.
    pub(crate) clock_offset: i64,
    /// The words for the state of the directory.
    pub(crate) glance: fn(&Status) -> String,
}

/// Who chose the addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    AskedFor,
    Default,
}

/// Serves until a signal asks to stop.
pub(crate) fn serve(start: Start) -> Result<ExitCode, Failure> {
    harden();
    let config = &start.loaded.config;
    logs::start(&config.log);
    let signals = signals::listen()?;
    let http_address = config.http_address()?;
    let data_dir = DataDir::create(&start.data_dir)?;
    let site = Site::new(config.http.clone(), start.glance);
    let http = http_address
        .map(|address| site.listen(address).map_err(|error| cannot_listen(address, &error, "[http] listen")));
    let http = http.transpose()?;
    let listeners = listen(&config.addresses()?, start.addresses)?;
    let listening = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>();
    let listening = listening.map_err(|error| Failure::io("listen", &error))?;
    let (key, secret) = data_dir.secrets()?;
    let tls = tls::directory_server(&key).map_err(|error| Failure::new(Kind::Internal, error.to_string()))?;
    let policy = config.policy(&listening);
    let (token, ended) = async_channel::bounded(1);
    let node = Arc::new(Node::new(Parts {
        directory: Directory::new(data_dir.store()?, secret, key.digest(), policy),
        clock: Clock::start(start.clock_offset),
        tls,
        public: config.public_name(&listening),
        listening,
        max_connections: config.listen.max_connections,
        address_style: config.log.addresses,
        meter: Meter::new(if http.is_some() && config.http.metrics { Timing::On } else { Timing::Off }),
        data_dir: data_dir.path().to_owned(),
        token,
    }));
    let admin = admin::server::listen(&node, data_dir.path(), config.register.invite_ttl.into())?;
    for listener in listeners {
        let listener = rt::TcpListener::new(listener).map_err(|error| Failure::io("listen", &error))?;
        rt::spawn(accept::accept(Arc::clone(&node), listener));
    }
    rt::spawn(sweep::sweep(Arc::clone(&node)));
    let supervisor = Arc::new(notify::Supervisor::of_environment());
    rt::spawn(notify::watchdog(Arc::clone(&node), Arc::clone(&supervisor)));
    site.ready(&node);
    greet(&node, http, &data_dir, &key.digest(), policy.registration);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listening = ?node.listening, ?http, "ready");
    supervisor.ready();
    let code = rt::block_on(async {
        loop {
            match signals.recv().await {
                Ok(Asked::Reload) => reload(&node, &start),
                Ok(Asked::Stop(code)) => break code,
                Err(_) => break 0,
            }
        }
    });
    tracing::info!("stopping");
    supervisor.stopping();
    site.stopping(&node);
    drop(admin);
    node.refuse_sessions();
    node.directory.online.end_all(ByeReason::Stopping);
    if rt::block_on(rt::timeout(FAREWELL, ended.recv())).is_none() {
        tracing::warn!("some sessions did not end in time");
    }
    Ok(ExitCode::from(code))
}

/// No core dumps and no debugger of another process (threat T5), and as many file descriptors as the system allows.
/// All are attempts: a system that forbids them still gets its server.
fn harden() {
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let files = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
}

fn listen(wanted: &[SocketAddr], addresses: Addresses) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in wanted {
        match accept::listen(*address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if addresses == Addresses::Default && !listeners.is_empty() => {
                tracing::debug!(%address, %error, "not available");
                let _ = writeln!(io::stderr(), "{address} is not available on this machine; going on without it.");
            }
            Err(error) => return Err(cannot_listen(*address, &error, "--listen ADDR:PORT")),
        }
    }
    if listeners.is_empty() {
        return Err(Failure::new(Kind::Config, "No address to listen on. Set listen.address or use --listen."));
    }
    Ok(listeners)
}

fn cannot_listen(address: SocketAddr, error: &io::Error, setting: &str) -> Failure {
    if error.kind() == io::ErrorKind::AddrInUse {
        let message = format!("{address} is in use by another program. Stop it, or choose another: {setting}");
        return Failure::new(Kind::Io, message);
    }
    Failure::io(format_args!("listen on {address}"), error)
}

/// The lines of UX sections 1.1 and 1.2. A closed standard output stops nobody.
fn greet(node: &Node, http: Option<SocketAddr>, data_dir: &DataDir, key: &KeyDigest, registration: Registration) {
    let mut lines = String::new();
    if data_dir.created() == Created::Now {
        lines += &format!("Created {} (first run).\n", data_dir.path().display());
    }
    lines += &format!("Server key {}\n", key.short());
    let addresses: Vec<String> = node.listening.iter().map(SocketAddr::to_string).collect();
    let here = is_this_machine_only(&node.listening);
    let public = if here { String::new() } else { format!(" as {}", node.public) };
    let who = match (here, registration) {
        (true, Registration::Open) => "this machine only; anyone here may register",
        (true, Registration::Invite) => "this machine only; people need an invite",
        (true, Registration::Closed) => "this machine only; nobody may register",
        (false, Registration::Open) => "anyone may register",
        (false, Registration::Invite) => "people need an invite",
        (false, Registration::Closed) => "nobody may register",
    };
    lines += &format!("Listening on {}{public} ({who}).\n", addresses.join(" and "));
    if let Some(address) = http {
        lines += &format!("Status page and metrics at http://{address}/ (this machine only).\n");
    }
    match node.listening.first() {
        _ if registration != Registration::Open => {
            lines += "Invite people from another terminal:  directory-server invite ID\n";
        }
        Some(first) if first.port() == DIRECTORY_PORT && first.ip() == std::net::Ipv4Addr::LOCALHOST => {
            lines += "Start a peer in another terminal:  peer\n";
        }
        _ => lines += &format!("Start a peer in another terminal:  peer --server {}\n", node.public),
    }
    lines += "CTRL-C stops the server.\n";
    let mut out = io::stdout().lock();
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// A file that cannot be read leaves everything as it is.
fn reload(node: &Node, start: &Start) {
    match (start.reload)() {
        Ok(Loaded { config, .. }) => {
            node.directory.set_policy(config.policy(&node.listening));
            node.meter.reload(Reload::Done);
            tracing::info!("configuration reloaded: [register] mode and passcode_min, [auth], [limits]");
        }
        Err(failure) => {
            node.meter.reload(Reload::Failed);
            tracing::error!(%failure, "configuration not reloaded; the old one stays in force");
        }
    }
}

/// The data directory when none is named (UX section 7).
pub(crate) fn default_data_dir(config: &config::Config) -> Result<PathBuf, Failure> {
    if !config.store.dir.as_os_str().is_empty() {
        return Ok(config.store.dir.clone());
    }
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("STATE_DIRECTORY")
        .or_else(|| named("XDG_DATA_HOME").map(|data| data.join("directory-server")))
        .or_else(|| named("HOME").map(|home| home.join(Path::new(".local/share/directory-server"))))
        .ok_or_else(|| Failure::new(Kind::Config, "There is no home directory. Name a place with --data-dir DIR."))
}
