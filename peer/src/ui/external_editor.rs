//! The terminal lent to `$EDITOR` (`/edit`), on a file that is its owner's alone and is gone afterwards.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_channel::Receiver;
use common::limits::MESSAGE_TEXT;

use crate::app::texts;

/// What comes back: the text, or what to tell the user.
pub(super) type Written = Result<String, String>;

/// The editor of the user's choice; `vi` is everywhere.
fn editor() -> String {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let chosen = ["VISUAL", "EDITOR"].into_iter().find_map(set);
    chosen.map_or_else(|| "vi".to_owned(), |editor| editor.to_string_lossy().into_owned())
}

/// A file that is removed when it is not needed any more.
struct Sheet(PathBuf);

impl Sheet {
    /// Below the folder of this login where there is one, because that is in memory only.
    fn new() -> io::Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let path = runtime.unwrap_or_else(std::env::temp_dir).join(format!("peer-{}.txt", std::process::id()));
        // One that was left behind by a process that was killed.
        let _ = fs::remove_file(&path);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self(path))
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let bound = u64::try_from(MESSAGE_TEXT).unwrap_or(u64::MAX).saturating_add(2);
        let mut text = Vec::new();
        fs::File::open(&self.0)?.take(bound).read_to_end(&mut text)?;
        Ok(text)
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to try.
        let _ = fs::remove_file(&self.0);
    }
}

/// Starts the editor; the text comes when it is left.
pub(super) fn start() -> io::Result<Receiver<Written>> {
    let (tell, written) = async_channel::bounded(1);
    std::thread::Builder::new().name("editor".to_owned()).spawn(move || {
        let editor = editor();
        let result =
            write(&editor).unwrap_or_else(|error| Err(texts::local_commands::not_edited(&editor, &error.to_string())));
        // A program that has ended needs no text.
        let _ = tell.send_blocking(result);
    })?;
    Ok(written)
}

fn write(editor: &str) -> io::Result<Written> {
    let sheet = Sheet::new()?;
    let status = edit(editor, &sheet.0)?;
    if !status.success() {
        return Ok(Err(texts::local_commands::not_edited(editor, &status.to_string())));
    }
    let text = sheet.read()?;
    let Ok(text) = String::from_utf8(text) else { return Ok(Err(texts::NOT_TEXT.to_owned())) };
    let text = text.trim_end_matches('\n');
    Ok(if text.len() > MESSAGE_TEXT { Err(texts::too_long(text.len())) } else { Ok(text.to_owned()) })
}

/// By the shell, because the variable may hold options.
fn edit(editor: &str, file: &Path) -> io::Result<std::process::ExitStatus> {
    Command::new("sh").arg("-c").arg(format!("{editor} \"$@\"")).arg(editor).arg(file).status()
}
