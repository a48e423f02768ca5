//! A server from start to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use common::ident::KeyDigest;
use common::limits::DIRECTORY_PORT;
use common::msg::Registration;

use super::admin::Status;
use super::clock::Clock;
use super::data_dir::{Created, DataDir};
use super::http::Site;
use super::launch::{Addresses, Foundation, cannot_listen, harden, launch, listen, say};
use super::metrics::{Reload, Timing};
use super::node::Node;
use super::signals::{Asked, Errand};
use super::{admin, backups, logs, notify, rt, signals, stores};
use crate::config::{self, Loaded, is_this_machine_only};
use crate::failure::{Failure, Kind};

/// What a server is started with.
pub(crate) struct Start {
    /// The configuration, the command line already worked in.
    pub(crate) loaded: Loaded,
    /// Reads the configuration again, as it was read for `loaded`.
    pub(crate) reload: Box<dyn Fn() -> Result<Loaded, Failure>>,
    pub(crate) data_dir: PathBuf,
    pub(crate) addresses: Addresses,
    /// Seconds by which the clock is wrong, for drills.
    pub(crate) clock_offset: i64,
    /// The words for the state of the directory.
    pub(crate) status_text: fn(&Status) -> String,
}

/// Serves until a signal asks to stop.
pub(crate) fn serve(start: Start) -> Result<ExitCode, Failure> {
    harden();
    let config = &start.loaded.config;
    let http_address = config.http_address()?;
    let data_dir = DataDir::create(&start.data_dir)?;
    // Its file may lie in the data directory, which the first run has just created.
    let log = logs::start(&config.log)?;
    let signals = signals::listen(Asked::Attend(Errand::Reload))?;
    let site = Site::new(config.http.clone(), start.status_text);
    let http = http_address
        .map(|address| site.listen(address).map_err(|error| cannot_listen(address, &error, "[http] listen")));
    let http = http.transpose()?;
    let listeners = listen(&config.addresses()?, start.addresses)?;
    let place = config.place()?;
    let backups = config.backups()?;
    let (key, secret, store) = stores::open_for_server(&data_dir, place)?;
    if common::locked::is_refused() {
        tracing::warn!("memory cannot be locked, so the OPAQUE secret may reach the swap space: raise ulimit -l");
    }
    let timing = if http.is_some() && config.http.metrics { Timing::On } else { Timing::Off };
    let foundation = Foundation {
        config,
        store,
        key: &key,
        secret,
        clock: Clock::start(start.clock_offset),
        timing,
        data_dir: Some(data_dir.path().to_owned()),
    };
    let launched = launch(foundation, listeners)?;
    let node = Arc::clone(&launched.node);
    let admin = admin::server::listen(&node, data_dir.path(), config.register.invite_ttl.into())?;
    if let Some(wanted) = backups {
        rt::spawn(backups::take(wanted, data_dir.path().to_owned(), node.clock));
    }
    let supervisor = Arc::new(notify::Supervisor::of_environment());
    rt::spawn(notify::watchdog(Arc::clone(&node), Arc::clone(&supervisor)));
    site.ready(&node);
    greet(&node, http, &data_dir, &key.digest());
    let listening = node.listening.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" and ");
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listening, http = http.map(tracing::field::display), "ready");
    supervisor.ready();
    let code = launched.until_stopped(&signals, |node, errand| match errand {
        Errand::Reload => reload(node, &start),
        Errand::Reopen => {
            log.reopen();
            say_status(node, start.status_text);
        }
    });
    match &code {
        Ok(_) => tracing::info!("stopping"),
        Err(failure) => tracing::error!(%failure, "stopping"),
    }
    supervisor.stopping();
    site.stopping(&node);
    drop(admin);
    launched.stop();
    code.map(ExitCode::from)
}

/// What a server says when it has started: where it listens, who may register, and what to type next.
fn greet(node: &Node, http: Option<SocketAddr>, data_dir: &DataDir, key: &KeyDigest) {
    let registration = node.directory.policy().registration;
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
    say(&lines);
}

/// One line of the log with what `status` prints.
fn say_status(node: &Node, status_text: fn(&Status) -> String) {
    match rt::block_on(Status::of(node)) {
        Ok(status) => tracing::info!("status: {}", status_text(&status).lines().collect::<Vec<_>>().join(" · ")),
        Err(error) => tracing::warn!(%error, "no status"),
    }
}

/// A file that cannot be read leaves everything as it is.
fn reload(node: &Node, start: &Start) {
    match (start.reload)() {
        Ok(Loaded { config, .. }) => {
            node.directory.set_policy(config.policy(&node.listening));
            node.metrics.reload(Reload::Done);
            tracing::info!(
                "configuration reloaded: [register] mode and passcode_min, [auth], [limits], [presence], [relay], [log] addresses"
            );
        }
        Err(failure) => {
            node.metrics.reload(Reload::Failed);
            tracing::error!(%failure, "configuration not reloaded; the old one stays in force");
        }
    }
}

/// The data directory when none is named.
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
