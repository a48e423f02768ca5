//! The passcode from a file or from standard input, so that it is never an argument or in the environment (threat T5).

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::limits::MESSAGE_TEXT;
use common::secret::Passcode;
use zeroize::Zeroizing;

use crate::app::texts::failure::Report;
use crate::app::texts::setup;

/// Stands for standard input.
const STDIN: &str = "-";
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Reads the first line. A file that others can read is refused (threat T4).
pub(crate) fn read(path: &Path) -> Result<Passcode, Report> {
    let shown = path.display();
    let unreadable = |error: io::Error| setup::unreadable(&shown, error);
    let line = if path == Path::new(STDIN) {
        // Not through a buffer of our own: what follows belongs to the prompts.
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
        line
    } else {
        let file = File::open(path).map_err(unreadable)?;
        // The file that was opened is asked, not its name, which could mean another one by now.
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_file() && metadata.permissions().mode() & OTHERS != 0 {
            return Err(setup::open_to_others(&shown));
        }
        first_line(file).map_err(unreadable)?
    };
    let line = Zeroizing::new(line);
    let passcode = Passcode::new(without_mark(&line).trim_end_matches(['\r', '\n']).to_owned());
    if passcode.is_empty() { Err(setup::empty_passcode(&shown)) } else { Ok(passcode) }
}

/// Editors of some systems put a byte order mark in front of a text; it is no part of it.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn first_line(file: impl Read) -> io::Result<String> {
    let mut line = String::new();
    let bound = u64::try_from(MESSAGE_TEXT).unwrap_or(u64::MAX);
    BufReader::new(file.take(bound)).read_line(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::exit;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_passcode_is_the_first_line() {
        assert!(read(file("482193\nrest\n", 0o600).path()).unwrap().matches("482193"));
        assert!(read(file("482193\r\n", 0o400).path()).unwrap().matches("482193"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_passcode() {
        assert!(read(file("\u{feff}482193\r\n", 0o600).path()).unwrap().matches("482193"));
        assert_eq!(read(file("\u{feff}\n", 0o600).path()).unwrap_err().exit, exit::USAGE);
        // Further ones are as much of it as any other character.
        assert!(read(file("\u{feff}\u{feff}1\n", 0o600).path()).unwrap().matches("\u{feff}1"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o604, 0o640, 0o660] {
            assert_eq!(read(file("482193\n", mode).path()).unwrap_err().exit, exit::NOT_PERMITTED);
        }
    }

    #[test]
    fn an_empty_or_missing_file_is_pointed_out() {
        assert_eq!(read(file("\n", 0o600).path()).unwrap_err().exit, exit::USAGE);
        assert_eq!(read(Path::new("/nonexistent")).unwrap_err().exit, exit::IO);
    }
}
