//! Real processes: starting them, reading what they print, what they cost, and ending them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// The programs under measurement.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) directory_server: PathBuf,
    pub(crate) peer: PathBuf,
    /// This program, in the roles of [`crate::bare`].
    pub(crate) ourselves: PathBuf,
}

impl Programs {
    /// Those that Cargo has built: `scripts/bench` builds the peer, Cargo the directory for this benchmark.
    pub(crate) fn built() -> Outcome<Self> {
        let directory_server = PathBuf::from(env!("CARGO_BIN_EXE_directory-server"));
        let peer = directory_server.with_file_name("peer");
        if !peer.exists() {
            return Err(format!("{} is missing; run scripts/bench, which builds it", peer.display()).into());
        }
        Ok(Self { directory_server, peer, ourselves: std::env::current_exe()? })
    }
}

/// A running program with pipes for its keyboard and screen; ended when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    keyboard: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program. What it logs is dropped.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Outcome<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(keyboard), Some(screen)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a program was started without pipes".into());
        };
        Ok(Self { child, keyboard, screen: BufReader::new(screen) })
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) -> Outcome<()> {
        self.keyboard.write_all(format!("{line}\n").as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Reads the screen until `text` has appeared; gives all that was read.
    pub(crate) fn wait_for(&mut self, text: &str) -> Outcome<String> {
        let mut seen = Vec::new();
        loop {
            // Prompts end without a line end, so reading goes by what is there.
            let there = self.screen.fill_buf()?;
            if there.is_empty() {
                let seen = String::from_utf8_lossy(&seen);
                return Err(format!("the program ended before it said {text:?}; it said {seen:?}").into());
            }
            let Some(&byte) = there.first() else { continue };
            self.screen.consume(1);
            seen.push(byte);
            if seen.ends_with(text.as_bytes()) {
                return Ok(String::from_utf8_lossy(&seen).into_owned());
            }
        }
    }

    /// Reads the rest of one line.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.screen.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Reads line by line until it is enough.
    pub(crate) fn read(&mut self, reader: &mut dyn Reader) -> Outcome<()> {
        read(&mut self.screen, reader)
    }

    /// Types lines, and reads meanwhile, until it is enough.
    pub(crate) fn pour(&mut self, lines: &str, reader: &mut dyn Reader) -> Outcome<()> {
        let Self { keyboard, screen, .. } = self;
        thread::scope(|scope| {
            let typing = scope.spawn(move || keyboard.write_all(lines.as_bytes()).and_then(|()| keyboard.flush()));
            read(screen, reader)?;
            Ok(typing.join().map_err(|_| "the typist panicked")??)
        })
    }

    /// Lets it stand still.
    pub(crate) fn stop(&self) -> Outcome<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) -> Outcome<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Outcome<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Bytes that it has had written to disks so far.
    pub(crate) fn written(&self) -> Outcome<f64> {
        let counters = fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes:")).ok_or("no write_bytes")?;
        Ok(line.trim().parse()?)
    }

    /// CPU time of all its threads so far, in microseconds.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        cpu_of(&format!("/proc/{}/task", self.child.id()))
    }

    /// Waits until the program has nothing left to do, and gives its CPU time in microseconds.
    pub(crate) fn cpu_at_rest(&self) -> Outcome<f64> {
        let mut before = self.cpu()?;
        loop {
            thread::sleep(Duration::from_millis(50));
            let now = self.cpu()?;
            if now - before < 50.0 {
                return Ok(now);
            }
            before = now;
        }
    }

    /// Resident memory, in KiB.
    pub(crate) fn memory(&self) -> Outcome<f64> {
        memory_of(self.child.id())
    }

    /// For [`memory_of`].
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Looks at the lines of a program.
pub(crate) trait Reader {
    /// Whether this line was the last that is waited for.
    fn is_enough(&mut self, line: &str) -> Outcome<bool>;
}

fn read(screen: &mut BufReader<ChildStdout>, reader: &mut dyn Reader) -> Outcome<()> {
    let mut line = String::new();
    while screen.read_line(&mut line)? > 0 {
        if reader.is_enough(line.trim_end())? {
            return Ok(());
        }
        line.clear();
    }
    Err("the program ended too early".into())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process, in KiB.
pub(crate) fn memory_of(process: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// CPU time of this thread so far, in microseconds.
pub(crate) fn own_cpu() -> Outcome<f64> {
    on_cpu(&fs::read_to_string("/proc/thread-self/schedstat")?)
}

fn cpu_of(tasks: &str) -> Outcome<f64> {
    let mut total = 0.0;
    for task in fs::read_dir(tasks)? {
        // A thread may end while we look.
        if let Ok(statistics) = fs::read_to_string(task?.path().join("schedstat")) {
            total += on_cpu(&statistics)?;
        }
    }
    Ok(total)
}

/// The first number of a `schedstat`: nanoseconds on a CPU.
fn on_cpu(statistics: &str) -> Outcome<f64> {
    let nanoseconds: f64 = statistics.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds / 1000.0)
}
