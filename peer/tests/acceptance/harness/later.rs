//! A clock that a test sets forward, for the programs that are started with it: `later.c`, compiled once and preloaded.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library, or why there is none.
fn library() -> &'static Result<PathBuf, String> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/acceptance/harness/later.c");
        // Every test is a process of its own: whoever comes second finds a whole file.
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("later.{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&built).arg(source).arg("-ldl");
        let status = cc.status().map_err(|error| format!("there is no C compiler: {error}"))?;
        assert!(status.success(), "later.c does not compile");
        Ok(built)
    })
}

/// The clock of whichever programs are started with [`Later::environment`].
#[derive(Debug)]
pub(crate) struct Later {
    control: File,
    environment: [(String, String); 2],
}

impl Later {
    /// Right until told otherwise; what it needs lies below a folder. `None` where no C compiler is, which is said.
    pub(crate) fn below(folder: &Path) -> Option<Self> {
        let library = match library() {
            Ok(library) => library,
            Err(why) => {
                eprintln!("skipped: {why}");
                return None;
            }
        };
        let path = folder.join("later");
        std::fs::write(&path, vec![0; 4096]).unwrap();
        let control = File::options().write(true).open(&path).unwrap();
        let environment = [("LD_PRELOAD", library), ("LATER", &path)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.display().to_string()));
        Some(Self { control, environment })
    }

    /// What a program has to be started with.
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// It is so many seconds later than it is.
    pub(crate) fn set(&self, seconds: i64) {
        self.control.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}
