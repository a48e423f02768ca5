//! The machine around the program: terminal, locale, disk.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::app::texts::doctor::{self as texts, Finding};
use crate::cli::{Characters, Colour, locale};
use crate::ui;

/// Written and removed again.
const TRIAL: &str = "~doctor";

/// Terminal, characters and colours.
pub(super) fn terminal(colour: Colour) -> Vec<Finding> {
    let is_there = io::stdin().is_terminal() && io::stdout().is_terminal();
    let kind = std::env::var_os("TERM").unwrap_or_default().to_string_lossy().into_owned();
    let terminal = if is_there {
        let (columns, rows) = ui::screen_size();
        texts::terminal(&kind, columns, rows, !ui::tui::has_a_screen())
    } else {
        texts::no_terminal()
    };
    let (locale, characters) = locale();
    vec![terminal, texts::characters(&locale, characters == Characters::Unicode), texts::colours(colour == Colour::On)]
}

/// Whether data can be kept there, and by whom they can be seen.
pub(super) fn data(folder: &Path) -> Finding {
    let shown = folder.display();
    match trial(folder) {
        Ok(mode) => texts::data(shown, mode & 0o077 != 0),
        Err(error) => Finding::failed(texts::DATA, texts::unusable(shown, error)),
    }
}

/// Writes a file there; gives the mode of the folder.
fn trial(folder: &Path) -> io::Result<u32> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = folder.join(TRIAL);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file)?.sync_all()?;
    fs::remove_file(&file)?;
    Ok(fs::metadata(folder)?.permissions().mode())
}
