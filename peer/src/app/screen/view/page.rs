//! What lies above a conversation: pages of text, the list to choose from, a notice.

use super::View;
use crate::app::sanitise::SafeText;
use peer_core::model::Conversation;

/// What lies above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// Something to read.
    Page(Page),
    /// What a search has found, to choose from.
    Found,
    /// The people, to choose from.
    People { selected: usize },
    /// The same, narrowed by what is typed.
    Opener { selected: usize },
}

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) lines: Vec<SafeText>,
    /// Rows scrolled.
    pub(crate) from: usize,
}

/// A notice about something that is not on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Popup {
    pub(crate) title: SafeText,
    pub(crate) text: SafeText,
}

impl View {
    pub(super) fn show_page(&mut self, title: &str, lines: &[String]) {
        let lines = lines.iter().map(|line| SafeText::ours(plain(line))).collect();
        self.overlay = Some(Overlay::Page(Page { title: title.to_owned(), lines, from: 0 }));
    }

    /// Says something that belongs to no conversation.
    pub(super) fn tell(&mut self, text: &str) {
        self.tell_about("", text);
    }

    pub(super) fn tell_about(&mut self, title: &str, text: &str) {
        self.popup = Some(Popup { title: SafeText::ours(title), text: SafeText::ours(plain(text)) });
    }

    /// Moves the choice, or the page.
    pub(super) fn move_overlay(&mut self, by: isize, typed: &str) {
        let most = match &self.overlay {
            Some(Overlay::Page(page)) => page.lines.len(),
            Some(Overlay::Found) => {
                self.found.at = self.found.at.saturating_add_signed(by).min(self.found.records.len().saturating_sub(1));
                return;
            }
            Some(Overlay::People { .. }) => self.model.people.conversations().len(),
            Some(Overlay::Opener { .. }) => self.candidates(typed).len(),
            None => 0,
        };
        let most = most.saturating_sub(1);
        if let Some(
            Overlay::Page(Page { from: place, .. })
            | Overlay::People { selected: place }
            | Overlay::Opener { selected: place },
        ) = &mut self.overlay
        {
            *place = place.saturating_add_signed(by).min(most);
        }
    }

    /// What the choice among people, or of the opener, has come to.
    pub(super) fn chosen(&self, typed: &str) -> Option<Conversation> {
        match &self.overlay {
            Some(Overlay::People { selected }) => self.model.people.conversations().get(*selected).cloned(),
            Some(Overlay::Opener { selected }) => self.candidates(typed).get(*selected).cloned(),
            _ => None,
        }
    }

    /// Conversations whose names have these letters in this order, the best first.
    pub(crate) fn candidates(&self, typed: &str) -> Vec<Conversation> {
        let mut found: Vec<(usize, Conversation)> = self
            .model
            .people
            .conversations()
            .into_iter()
            .filter_map(|to| Some((distance(&to.to_string(), typed.trim())?, to)))
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, to)| to).collect()
    }
}

/// How far apart the letters of `sought` stand in `name`, from its beginning; nothing if they are not there in order.
fn distance(name: &str, sought: &str) -> Option<usize> {
    let mut rest = name.char_indices();
    let mut last = 0;
    for c in sought.chars().flat_map(char::to_lowercase) {
        last = rest.find(|(_, here)| *here == c)?.0;
    }
    Some(last)
}

/// Our lines begin with a sign where others write beside them; here they stand apart anyway.
pub(super) fn plain(line: &str) -> &str {
    line.strip_prefix("-- ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_must_stand_in_order_and_near_ones_are_better() {
        assert_eq!(distance("bianca", "bca"), Some(5));
        assert_eq!(distance("bianca", "BI"), Some(1));
        assert_eq!(distance("bianca", "ab"), None);
        assert_eq!(distance("bianca", ""), Some(0));
    }
}
