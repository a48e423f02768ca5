//! Text that is safe to display (threats T1, T2): the only type a front end prints.
//!
//! Owns which characters reach a terminal, and what they are replaced by. It does not break lines to the width of a
//! screen; that is the front end's part.

mod characters;
mod imitation;
#[cfg(test)]
mod tests;

use common::display::is_direction_mark;
use unicode_width::UnicodeWidthStr;

pub(crate) use characters::is_typable;
use characters::{Clean, is_right_to_left};
pub(crate) use imitation::imitates_us;

/// Spaces in front of the further lines of one message, so that no line of it can pass for one of ours.
const INDENT: &str = "  ";
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// How control characters are made visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Glyphs {
    /// `␛`.
    #[default]
    Unicode,
    /// `^[`.
    Ascii,
}

/// One line without any character that moves a cursor, changes a colour, rings, hides, or reorders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SafeText(String);

impl SafeText {
    /// A line of this program. Whatever was put into it from outside (error texts, names of files and servers) is
    /// made visible, direction marks too.
    pub(crate) fn ours(text: &str) -> Self {
        Self(Clean::new(Glyphs::Ascii).showing_direction_marks().line(text))
    }

    /// The lines of a message of somebody else, or of one's own: the first one, and the further ones indented.
    pub(crate) fn message(text: &str, glyphs: Glyphs) -> Vec<Self> {
        let text = text.replace("\r\n", "\n").replace(['\u{2028}', '\u{2029}'], "\n");
        let lines = text.trim_end_matches('\n').split('\n').enumerate();
        lines
            .map(|(number, line)| {
                let clean = isolated(Clean::new(glyphs).line(line), glyphs);
                Self(if number == 0 { clean } else { format!("{INDENT}{clean}") })
            })
            .collect()
    }

    /// The same line with our own words in front.
    pub(crate) fn after(self, ours: &Self) -> Self {
        Self(format!("{}{}", ours.0, self.0))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to see.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Columns it takes on a screen.
    pub(crate) fn columns(&self) -> usize {
        self.0.width()
    }
}

/// A text as it was written, without what would act on whoever takes it over: controls and direction marks.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_direction_mark(*c))).collect()
}

/// Keeps a right-to-left line from reordering what stands beside it.
fn isolated(line: String, glyphs: Glyphs) -> String {
    if glyphs == Glyphs::Unicode && line.chars().any(is_right_to_left) {
        format!("{FIRST_STRONG_ISOLATE}{line}{POP_ISOLATE}")
    } else {
        line
    }
}
