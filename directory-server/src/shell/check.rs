//! `directory-server check`: configuration and data, one line each.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::admin::Request;
use super::admin::client;
use super::clock::Clock;
use super::data_dir::{DataDir, Dependents};
use super::{backup, rt, stores};
use crate::config::Loaded;
use crate::failure::Failure;
use directory_core::store::Store as _;

/// How long the status page may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// With less room than this on its disk the directory soon takes nothing more (bytes). Chosen arbitrarily.
const LITTLE_ROOM: u64 = 1 << 30;
/// A backup that is older is pointed out. Chosen arbitrarily.
const OLD_BACKUP: Duration = Duration::from_secs(7 * 86_400);

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
struct Finding {
    state: State,
    /// What was found, and what to do where something is to be done.
    found: String,
}

/// What was found, in the order of the checks.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn all_well(&self) -> bool {
        self.0.iter().all(|finding| finding.state != State::Fail)
    }

    pub(crate) fn text(&self) -> String {
        let line = |Finding { state, found }: &Finding| match state {
            State::Ok => format!("ok    {found}\n"),
            State::Warn => format!("WARN  {found}\n"),
            State::Fail => format!("FAIL  {found}\n"),
        };
        self.0.iter().map(line).collect()
    }

    fn add(&mut self, found: Result<String, String>) {
        self.0.push(match found {
            Ok(found) => Finding { state: State::Ok, found },
            Err(found) => Finding { state: State::Fail, found },
        });
    }

    fn add_warning(&mut self, found: Result<String, String>) {
        self.0.push(match found {
            Ok(found) => Finding { state: State::Ok, found },
            Err(found) => Finding { state: State::Warn, found },
        });
    }
}

/// Whether there is a backup to go back to.
fn last_backup(data_dir: &Path, now: u64) -> Result<String, String> {
    let take = "Take one: directory-server backup FILE, or let the server do it: [store] backup_every";
    match backup::last(data_dir).map(|taken| now.saturating_sub(taken)) {
        None => Err(format!("no backup yet. {take}")),
        Some(age) if age > OLD_BACKUP.as_secs() => Err(format!("the last backup is {} days old. {take}", age / 86_400)),
        Some(age) => Ok(format!("last backup {} h ago", age.div_ceil(3600))),
    }
}

/// Whether the disk has room.
fn room(data_dir: &Path) -> Result<String, String> {
    let space =
        rustix::fs::statvfs(data_dir).map_err(|error| format!("the disk of {}: {error}", data_dir.display()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let gigabytes = format!("{}.{} GB", free / 1_000_000_000, free % 1_000_000_000 / 100_000_000);
    if free < LITTLE_ROOM {
        return Err(format!("{gigabytes} left on the disk of {}. Make room on it.", data_dir.display()));
    }
    Ok(format!("{gigabytes} left on the disk"))
}

/// Whether the clock is one that dates can be read from.
fn clock(data_dir: &Path, now: u64) -> Result<String, String> {
    let written = std::fs::read_dir(data_dir).into_iter().flatten().filter_map(|file| {
        let written = file.ok()?.metadata().ok()?.modified().ok()?;
        Some(written.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
    });
    match written.max().map(|newest| newest.saturating_sub(now)) {
        Some(behind) if behind > 60 => {
            Err(format!("the clock is {behind} s behind what is in {}. Set it right.", data_dir.display()))
        }
        _ => Ok("clock not behind the data".to_owned()),
    }
}

/// Whether the log file can be written.
fn log_file(path: &Path) -> Result<String, String> {
    match std::fs::OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok(format!("log file {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(format!("log file {}, when it runs", path.display()))
        }
        Err(error) => Err(format!("log file {}: {error}. Choose another: [log] file", path.display())),
    }
}

/// Whether the status page is where the configuration says.
fn answers(address: SocketAddr) -> Result<String, String> {
    let asked = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut reply = [0; 12];
        stream.read_exact(&mut reply)?;
        io::Result::Ok(reply)
    };
    match asked() {
        Ok(reply) if &reply == b"HTTP/1.1 200" => Ok(format!("status page and metrics at http://{address}/")),
        _ => Err(format!(
            "status page: the server does not answer at http://{address}/. If it was started before [http] listen was \
             set, restart it."
        )),
    }
}

/// Checks everything that can be checked without disturbing a running server.
pub(crate) fn check(data_dir: &Path, loaded: &Loaded) -> Result<Findings, Failure> {
    let mut findings = Findings(Vec::new());
    let source = loaded.source().unwrap_or_else(|| "defaults".into());
    findings.add(loaded.config.addresses().map(|_| format!("configuration ({source})")).map_err(|f| f.message));
    loaded.passed_over.iter().for_each(|text| findings.add_warning(Err(text.clone())));
    let http = loaded.config.http_address()?;
    if client::ask_server(data_dir, &Request::Status)?.is_some() {
        findings.add(Ok("server answers".into()));
        http.into_iter().for_each(|address| findings.add(answers(address)));
        findings.surroundings(data_dir, loaded);
        findings.add(Ok("keys and database are in use by it; stop it to check them".into()));
        return Ok(findings);
    }
    http.into_iter()
        .for_each(|address| findings.add(Ok(format!("status page and metrics, when it runs at http://{address}/"))));
    let place = loaded.config.place()?;
    let (data, dependents) = match &place {
        None => (DataDir::open(data_dir)?, Dependents::InFile),
        Some(_) => (DataDir::open_without_database(data_dir)?, Dependents::InDatabase),
    };
    findings.add(Ok(format!("data directory {}", data.path().display())));
    findings.surroundings(data_dir, loaded);
    let complaints = data.complaints(&dependents);
    findings.add(if complaints.is_empty() { Ok("server key and secret".into()) } else { Err(complaints.join(" ")) });
    let name = place.as_ref().map_or_else(|| "database".into(), |place| format!("database {place}"));
    let checked = stores::open(&data, place).and_then(|store| {
        let checked = rt::block_on(store.check());
        rt::block_on(store.close());
        Ok(checked?)
    });
    findings.add(match checked {
        Ok(problems) if problems.is_empty() => Ok(name),
        Ok(problems) => Err(format!("{name}: {}. Restore it from your backup.", problems.join("; "))),
        Err(failure) => Err(failure.message),
    });
    Ok(findings)
}

impl Findings {
    /// What a directory lives on, beside its keys and its database.
    fn surroundings(&mut self, data_dir: &Path, loaded: &Loaded) {
        let now = Clock::start(0).now().seconds();
        self.add_warning(last_backup(data_dir, now));
        self.add_warning(room(data_dir));
        self.add_warning(clock(data_dir, now));
        let log = &loaded.config.log.file;
        if !log.as_os_str().is_empty() {
            self.add(log_file(log));
        }
    }
}
