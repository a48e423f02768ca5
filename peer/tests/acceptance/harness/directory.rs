//! The real directory server on an address of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use super::Owned;
use super::address::fresh;
use super::watch::Watch;

/// A directory that can be stopped, killed and started again over the same data.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    running: Option<Running>,
    /// What its programs find in their environment besides.
    pub(crate) environment: Vec<(String, String)>,
    /// Where else it listens.
    pub(crate) listens_too: Option<SocketAddr>,
}

#[derive(Debug)]
struct Running {
    child: Owned,
    out: Watch<()>,
    log: Watch<()>,
}

/// What a server is started with besides its address and data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Start<'a> {
    /// Seconds by which its clock is wrong.
    pub(crate) clock_offset: i64,
    /// Configuration, as `SECTION__KEY` and value.
    pub(crate) settings: &'a [(&'a str, &'a str)],
}

/// The program, which lies beside the peer; it is built if nobody has yet, or its source has changed since.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_peer")).with_file_name("directory-server");
        let built = program.metadata().and_then(|file| file.modified()).ok();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let changed = ["common/src", "directory-server/src", "directory-server/core/src"]
            .map(|folder| last_change(&workspace.join(folder)));
        if built.is_none_or(|built| changed.iter().any(|change| *change > built)) {
            build(&program);
        }
        program
    })
}

fn last_change(folder: &Path) -> SystemTime {
    let changes = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { last_change(&path) } else { path.metadata().unwrap().modified().unwrap() }
    });
    changes.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn build(program: &Path) {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "directory-server"]);
    if program.parent().is_some_and(|folder| folder.ends_with("release")) {
        build.arg("--release");
    }
    if let Some(target) = program.ancestors().nth(2) {
        build.arg("--target-dir").arg(target);
    }
    assert!(build.status().unwrap().success(), "directory-server does not build");
}

fn text(watch: &Watch<()>) -> String {
    watch.look(|seen| String::from_utf8_lossy(&seen.bytes).into_owned())
}

impl Directory {
    /// Starts a directory that keeps its data below `folder`.
    pub(crate) fn start(folder: &Path, start: Start<'_>) -> Self {
        let address = SocketAddr::new(fresh().into(), common::limits::DIRECTORY_PORT);
        let mut directory = Self {
            address,
            folder: folder.join("directory"),
            running: None,
            environment: Vec::new(),
            listens_too: None,
        };
        directory.start_again(start);
        directory
    }

    /// Starts it over the data that are there.
    pub(crate) fn start_again(&mut self, start: Start<'_>) {
        let mut command = self.command(start.settings);
        command.arg("--data-dir").arg(&self.folder).arg("serve").arg("--listen").arg(self.address.to_string());
        if let Some(address) = self.listens_too {
            command.arg("--listen").arg(address.to_string());
        }
        command.arg(format!("--clock-offset={}", start.clock_offset));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = Watch::new(child.stdout.take().unwrap(), (), |(), _| ());
        let log = Watch::new(child.stderr.take().unwrap(), (), |(), _| ());
        let running = Running { child: Owned(child), out, log };
        let started = |seen: &mut super::watch::Seen<()>| {
            String::from_utf8_lossy(&seen.bytes).contains("CTRL-C stops the server.\n").then_some(())
        };
        running.out.wait("the start of the directory", started, |_| text(&running.log));
        self.running = Some(running);
    }

    fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program());
        command.env_clear().env("TZ", "UTC").env("HOME", &self.folder).env("XDG_CONFIG_HOME", self.folder.join("none"));
        command.envs(self.environment.iter().cloned());
        for (key, value) in settings {
            command.env(format!("DIRSRV_{key}"), value);
        }
        command
    }

    /// An administrator's command, with the server running or without; gives its standard output.
    pub(crate) fn administrator(&self, arguments: &[&str]) -> String {
        let mut command = self.command(&[]);
        command.arg("--data-dir").arg(&self.folder);
        let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
        let stdout = String::from_utf8(stdout).unwrap();
        assert!(status.success(), "{arguments:?}: {stdout}{}", String::from_utf8_lossy(&stderr));
        stdout
    }

    /// An administrator's command that may fail; gives the exit code, the output and the errors.
    pub(crate) fn runs(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        self.runs_in(&self.folder, arguments)
    }

    /// The same about another directory's data.
    pub(crate) fn runs_in(&self, data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.command(&[]);
        let Output { status, stdout, stderr } = command.arg("--data-dir").arg(data).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (status.code(), text(stdout), text(stderr))
    }

    /// Leaves the process where it is: it answers nothing more, and its connections stand.
    pub(crate) fn freeze(&self) {
        self.running.as_ref().unwrap().child.signal(rustix::process::Signal::STOP);
    }

    /// Kills the process without warning.
    pub(crate) fn kill(&mut self) {
        self.running.as_mut().unwrap().child.kill();
    }

    /// Everything it has printed and logged in this run.
    pub(crate) fn output(&self) -> String {
        self.running.as_ref().map_or_else(String::new, |running| text(&running.out) + &text(&running.log))
    }

    /// Waits until the log of this run says something.
    #[track_caller]
    pub(crate) fn logs(&self, what: &str) {
        let running = self.running.as_ref().unwrap();
        let found =
            |seen: &mut super::watch::Seen<()>| String::from_utf8_lossy(&seen.bytes).contains(what).then_some(());
        running.log.wait(what, found, |seen| String::from_utf8_lossy(&seen.bytes).into_owned());
    }

    /// Where its data are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
