//! The Tab key at an entry: completes the word before the cursor, and on the second press lists what it can be.

use super::editor::{Editor, Tab};
use crate::app::complete::{Names, Place, complete};
use crate::app::line::{Echo, Lines, Prompt};
use peer_core::notice::Notice;

/// Names that can be completed.
#[derive(Debug, Default)]
pub(super) struct Completer(Names);

impl Completer {
    /// Takes over who is named in a notice.
    pub(super) fn hear(&mut self, notice: &Notice) {
        self.0.hear(notice);
    }

    /// Completes; what is left to choose from, if the user wants to see it.
    pub(super) fn press(&self, tab: Tab, editor: &mut Editor, prompt: &Prompt) -> Option<String> {
        let found = complete(&editor.text()[..editor.cursor()], place(prompt)?, &self.0, entries);
        if found.candidates.is_empty() {
            return None;
        }
        editor.complete(found.from, found.common());
        (tab == Tab::Again && found.candidates.len() > 1).then(|| found.list())
    }
}

/// Answers to questions are not completed, nor is what nobody may see.
fn place(prompt: &Prompt) -> Option<Place> {
    match (prompt.echo, prompt.lines, &prompt.history) {
        (Echo::Visible, Lines::Many, Some(_)) => Some(Place::Conversation),
        (Echo::Visible, Lines::One, Some(_)) => Some(Place::Destination),
        _ => None,
    }
}

/// What is in a folder; nothing where that cannot be told.
fn entries(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(if folder.is_empty() { "." } else { folder }) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(if entry.path().is_dir() { format!("{name}/") } else { name })
        })
        .collect()
}
