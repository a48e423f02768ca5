//! A PostgreSQL of a test's own: in a folder of its own, on a UNIX socket there, and gone with it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use directory_server::store::postgres::{Applicant, OpenError, PgStore, Place};
use directory_server::testkit;
use futures::executor::block_on;
use rustix::process::{Pid, Signal, kill_process};

/// Nobody: PostgreSQL does not run as root.
const NOBODY: u32 = 65534;

/// One server with one database cluster.
pub(crate) struct Postgres {
    server: Child,
    dir: tempfile::TempDir,
    programs: PathBuf,
}

/// Which transactions see what others commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadCommitted,
    Serializable,
}

/// Where its programs are, the newest first.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

impl Postgres {
    /// Starts one; nothing where it is not installed, which is said.
    pub(crate) fn start(isolation: Isolation) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL is not installed here (apt-get install postgresql)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = dir.path().join("data");
        let mut initdb = as_nobody(&programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=directory", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
        let made = initdb.arg("-D").arg(&data).stdout(Stdio::null()).status().unwrap();
        assert!(made.success(), "initdb");
        let isolation = match isolation {
            Isolation::ReadCommitted => "read committed",
            Isolation::Serializable => "serializable",
        };
        let settings = format!("default_transaction_isolation = '{isolation}'\nfsync = off\nlisten_addresses = ''\n");
        let file = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"));
        std::io::Write::write_all(&mut file.unwrap(), settings.as_bytes()).unwrap();
        let server = run(&programs, dir.path());
        Some(Self { server, dir, programs })
    }

    /// Where its database is.
    pub(crate) fn url(&self) -> String {
        format!("postgres://directory@/postgres?host={}", self.dir.path().display())
    }

    pub(crate) fn place(&self) -> Place {
        Place::parse(&self.url(), &|_| None).unwrap()
    }

    /// The store of a directory with this number.
    pub(crate) fn open(&self, directory: u8) -> Result<PgStore, OpenError> {
        let applicant = Applicant { holder: [directory; 32], name: format!("directory {directory}") };
        block_on(PgStore::open(self.place(), testkit::runtime(), applicant))
    }

    /// What the database's own tool says to these words.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-U", "directory", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let said = psql.arg("-h").arg(self.dir.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    /// All that is in the database, as it is written and as the bytes that it means.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let mut dump = Command::new(self.programs.join("pg_dump"));
        let said = dump.args(["-U", "directory", "-d", "postgres"]).arg("-h").arg(self.dir.path()).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        with_bytes(said.stdout)
    }

    /// Stops the server; what was committed stays.
    pub(crate) fn stop(&mut self) {
        let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) else { return };
        // Ends sessions, whatever they do.
        let _ = kill_process(pid, Signal::INT);
        let _ = self.server.wait();
    }

    /// Starts anew with these settings, and takes whoever comes over TCP with a password only.
    pub(crate) fn configure(&mut self, settings: &str) {
        self.stop();
        let data = self.dir.path().join("data");
        let file = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"));
        std::io::Write::write_all(&mut file.unwrap(), settings.as_bytes()).unwrap();
        let whom = "local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), whom).unwrap();
        self.start_again();
    }

    /// A file that the server can read, and nobody else; its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        path
    }

    /// Starts the server again.
    pub(crate) fn start_again(&mut self) {
        self.server = run(&self.programs, self.dir.path());
    }

    /// Stands still from now on, or goes on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // The processes of sessions have the server as their parent.
        let server = self.server.id();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
        let all = children.split_whitespace().map(|id| id.parse().unwrap()).chain([i32::try_from(server).unwrap()]);
        for pid in all.filter_map(Pid::from_raw) {
            // One that has ended meanwhile is no matter.
            let _ = kill_process(pid, signal);
        }
    }
}

/// A dump, and behind it the bytes that it writes as hexadecimal digits.
fn with_bytes(mut dump: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&dump).into_owned();
    for column in text.split_whitespace() {
        dump.extend(column.strip_prefix(r"\\x").and_then(|digits| hex::decode(digits).ok()).unwrap_or_default());
    }
    dump
}

/// Starts the server and waits until it takes connections.
fn run(programs: &Path, dir: &Path) -> Child {
    let mut postgres = as_nobody(&programs.join("postgres"));
    postgres.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
    let server = postgres.spawn().unwrap();
    let ready = || {
        let mut asked = Command::new(programs.join("pg_isready"));
        asked.args(["-q", "-U", "directory", "-d", "postgres", "-h"]).arg(dir).status().unwrap().success()
    };
    while !ready() {
        std::thread::yield_now();
    }
    server
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.freeze(false);
        self.stop();
    }
}

/// A database of a world's own in a server that whoever runs the tests has started (scripts/on-postgres): its URL is in
/// `DIRECTORY_TEST_STORE`, and `DIRECTORY_TEST_FAULTS` says that every so manieth statement fails.
pub(crate) struct Lent {
    url: String,
    name: String,
}

impl Lent {
    /// A new database; nothing if nobody has said where.
    pub(crate) fn new() -> Option<Self> {
        let url = std::env::var("DIRECTORY_TEST_STORE").ok()?;
        let name = format!("world_{}", hex::encode(common::crypto::random::<8>().unwrap()));
        let lent = Self { url, name };
        lent.tool("psql", "postgres", &["-q", "-c", &format!("CREATE DATABASE {}", lent.name)]);
        Some(lent)
    }

    pub(crate) fn open(&self) -> PgStore {
        let place = Place::parse(&self.url.replacen("/?", &format!("/{}?", self.name), 1), &|_| None).unwrap();
        let applicant = Applicant { holder: [1; 32], name: "a world".into() };
        let store = block_on(PgStore::open(place, testkit::runtime(), applicant)).unwrap();
        store.set_faults(std::env::var("DIRECTORY_TEST_FAULTS").map_or(0, |every| every.parse().unwrap()));
        store
    }

    /// All that is in the database, as it is written and as the bytes that it means.
    pub(crate) fn dump(&self) -> Vec<u8> {
        with_bytes(self.tool("pg_dump", &self.name, &[]))
    }

    /// What the database answers.
    pub(crate) fn sql(&self, sql: &str) -> String {
        String::from_utf8(self.tool("psql", &self.name, &["-X", "-A", "-t", "-q", "-c", sql])).unwrap()
    }

    fn tool(&self, tool: &str, database: &str, arguments: &[&str]) -> Vec<u8> {
        let host = self.url.split_once("host=").unwrap().1;
        let mut command = Command::new(programs().unwrap().join(tool));
        let said = command.args(["-U", "directory", "-h", host, "-d", database]).args(arguments).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        said.stdout
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.tool("psql", "postgres", &["-q", "-c", &format!("DROP DATABASE {} WITH (FORCE)", self.name)]);
    }
}
