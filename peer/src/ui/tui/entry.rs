//! What is typed, apart from the layers of the screen: whose entry it is, and the search of what was entered before.

use super::Screen;
use crate::app::keys::{Key, KeyAction};
use crate::app::screen::FullScreen;

impl Screen {
    /// The entry is that of what is asked now.
    pub(super) fn treat(&mut self, full: &FullScreen) {
        if let Some(prompt) = full.prompt() {
            self.editor.treat(prompt.echo, prompt.lines, prompt.history.as_deref());
        }
    }

    /// Takes a key that concerns the search of the history alone, so that it does nothing else.
    pub(super) fn searches(&mut self, key: &KeyAction) -> bool {
        let key = match key {
            KeyAction::Interrupt => Key::Escape,
            KeyAction::Edit(key @ (Key::Escape | Key::Search)) => key.clone(),
            KeyAction::Edit(key @ (Key::Enter | Key::NewLine)) if !self.editor.has_found() => key.clone(),
            _ => return false,
        };
        let is_searching = self.editor.search().is_some();
        if is_searching {
            self.editor.press(key);
        }
        is_searching
    }
}
