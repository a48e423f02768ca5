//! What becomes of a panic: the terminal is given back, what is needed to find the bug goes to a file, and the program
//! ends with its exit code and `e.bug`.

use std::backtrace::Backtrace;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::exit;
use crate::app::texts::{failure, help};
use crate::config::default_state_dir;
use crate::ui;

/// From now on a panic of any thread ends the program in this way.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        // Written first: from giving the terminal back to the end there is little time for another thread to draw.
        let details = keep_details(panic).map_or_else(|error| error.to_string(), |path| path.display().to_string());
        ui::give_terminal_back();
        let mut err = io::stderr();
        for line in failure::bug(&details) {
            // Nobody is left to be told.
            let _ = writeln!(err, "{line}");
        }
        std::process::exit(exit::INTERNAL)
    }));
}

/// Where it happened and how the program got there. The words of a panic are left out unless they are the program's
/// own, because they can quote what somebody wrote (threat T5).
fn keep_details(panic: &PanicHookInfo<'_>) -> io::Result<PathBuf> {
    let folder = default_state_dir(|name| std::env::var_os(name)).unwrap_or_else(std::env::temp_dir);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let path = folder.join(format!("bug-{seconds}-{}.txt", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", help::version())?;
    if let Some(place) = panic.location() {
        writeln!(file, "at {place}")?;
    }
    if let Some(words) = panic.payload().downcast_ref::<&'static str>() {
        writeln!(file, "{words}")?;
    }
    let thread = std::thread::current();
    writeln!(file, "in thread {}\n\n{}", thread.name().unwrap_or("without a name"), Backtrace::force_capture())?;
    Ok(path)
}
