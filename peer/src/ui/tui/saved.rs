//! A text of a conversation as a file of its own, where files are saved.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::app::texts::local_commands;

/// Names that are tried until one is free. Chosen arbitrarily.
const NAMES: usize = 1_000;

/// Saves a text; what the user is told.
pub(super) fn told(folder: &Path, name: &str, text: &str) -> String {
    match save(folder, name, text) {
        Ok(path) => local_commands::saved(path.display()),
        Err(error) => local_commands::not_saved(folder.display(), error),
    }
}

/// Writes a text into a new file of this name, or of the next one that is free; nobody else may read it.
///
/// # Errors
/// The folder or the file cannot be written, or no name is free.
fn save(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for number in 1..=NAMES {
        let name = if number == 1 { format!("{name}.txt") } else { format!("{name} ({number}).txt") };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_text_takes_no_other_s_name_and_is_nobody_else_s_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new");
        let first = save(&folder, "bianca", "one").unwrap();
        let second = save(&folder, "bianca", "two").unwrap();
        assert_eq!(
            [first.file_name(), second.file_name()],
            ["bianca.txt", "bianca (2).txt"].map(|name| Some(name.as_ref()))
        );
        assert_eq!([&first, &second].map(|path| std::fs::read_to_string(path).unwrap()), ["one", "two"]);
        assert_eq!(first.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(save(&first, "below a file", "").is_err());
    }
}
