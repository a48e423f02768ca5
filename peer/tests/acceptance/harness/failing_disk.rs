//! A disk that fails at the n-th call, for one program: `failing_disk.c`, compiled once and preloaded.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The device is full.
pub(crate) const FULL: i64 = 28;
/// The device is broken.
pub(crate) const BROKEN: i64 = 5;
/// Every further call.
pub(crate) const FOR_EVER: i64 = i64::MAX / 2;

/// Where the numbers lie in the file that is shared with the program.
const FROM: u64 = 0;
const COUNT: u64 = 8;
const ERROR: u64 = 16;
const CALLS: u64 = 24;
const FAILED: u64 = 32;
const FOLDER: u64 = 40;

/// The library, or why there is none.
fn library() -> &'static Result<PathBuf, String> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance/harness/failing_disk.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Every test is a process of its own: whoever comes second finds a whole file.
        let built = folder.join(format!("failing_disk.{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&built).arg(source).arg("-ldl");
        let status = cc.status().map_err(|error| format!("there is no C compiler: {error}"))?;
        assert!(status.success(), "failing_disk.c does not compile");
        Ok(built)
    })
}

/// The disk below one folder, as whichever programs see it that are started with [`FailingDisk::environment`].
#[derive(Debug)]
pub(crate) struct FailingDisk {
    control: File,
    environment: [(String, String); 2],
}

impl FailingDisk {
    /// Sound until told otherwise. `None` where no C compiler is, which is said.
    pub(crate) fn below(folder: &Path) -> Option<Self> {
        let library = match library() {
            Ok(library) => library,
            Err(why) => {
                eprintln!("skipped: {why}");
                return None;
            }
        };
        std::fs::create_dir_all(folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let path = folder.with_extension("failing");
        std::fs::write(&path, vec![0; 4096]).unwrap();
        let control = File::options().read(true).write(true).open(&path).unwrap();
        control.write_all_at(folder.to_str().unwrap().as_bytes(), FOLDER).unwrap();
        let environment = [("LD_PRELOAD", library), ("FAILING_DISK", &path)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.display().to_string()));
        Some(Self { control, environment })
    }

    /// What a program has to be started with.
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    fn set(&self, at: u64, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn number(&self, at: u64) -> i64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, at).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// From the `from`-th call from now on, `count` calls fail with `error`.
    pub(crate) fn fails(&self, from: i64, count: i64, error: i64) {
        self.set(FROM, 0);
        for (at, value) in [(CALLS, 0), (FAILED, 0), (COUNT, count), (ERROR, error), (FROM, from)] {
            self.set(at, value);
        }
    }

    /// Counts calls, and lets none fail.
    pub(crate) fn counts(&self) {
        self.fails(FOR_EVER, 0, FULL);
    }

    /// All is well again; gives how many calls there were, and how many have failed.
    pub(crate) fn mended(&self) -> (i64, i64) {
        self.set(FROM, 0);
        (self.number(CALLS), self.number(FAILED))
    }
}
