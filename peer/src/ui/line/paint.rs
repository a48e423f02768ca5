//! Colours of the line terminal: few, and each beside a word or a sign that says the same.
//!
//! Only our own words are painted, and the name in front of a text of somebody else; the text itself never is.

use crate::ui::names;

/// Whether there are colours (`ui.color`, `ui.theme`, `NO_COLOR`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Coloured,
    /// Not one escape sequence of style.
    None,
}

/// What marks a line of the program, and what marks a grave one.
const NOTICE: &str = "-- ";
const WARNING: &str = "WARNING";
/// Colours of names, dark enough for a light screen and light enough for a dark one; red is for warnings.
const NAMES: [u8; names::COLOURS] = [32, 33, 34, 35, 36];

impl Paint {
    fn styled(self, before: &str, text: &str) -> String {
        match self {
            Self::Coloured if !text.is_empty() => format!("\x1b[{before}m{text}\x1b[0m"),
            Self::Coloured | Self::None => text.to_owned(),
        }
    }

    /// A row of a line of ours, the first one of it.
    pub(super) fn ours(self, row: &str) -> String {
        if let Some(rest) = row.strip_prefix(NOTICE) {
            return format!("{} {rest}", self.styled("2", NOTICE.trim_end()));
        }
        match row.strip_prefix(WARNING) {
            Some(rest) => format!("{}{rest}", self.styled("1;31", WARNING)),
            None => row.to_owned(),
        }
    }

    /// What asks for an entry.
    pub(super) fn prompt(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Rows that begin with a prompt, the prompt painted. Rows above which something was cut away stay as they are.
    pub(super) fn prompted(self, rows: &[String], prompt: &str) -> Vec<String> {
        let mut left = prompt;
        let painted = rows.iter().map(|row| {
            let here = if left.starts_with(row.as_str()) { row.as_str() } else { left };
            match row.strip_prefix(here) {
                Some(rest) if !here.is_empty() => {
                    left = &left[here.len()..];
                    format!("{}{rest}", self.prompt(here))
                }
                _ => row.clone(),
            }
        });
        painted.collect()
    }

    /// A row of somebody's text in a group, behind the name, which has the same colour each time.
    pub(super) fn named(self, row: &str, name: &str) -> String {
        match row.split_once(name) {
            Some((before, rest)) if !name.is_empty() => {
                format!("{before}{}{rest}", self.styled(&colour_of(name).to_string(), name))
            }
            _ => row.to_owned(),
        }
    }

    /// A row of what was said earlier.
    pub(super) fn earlier(self, row: &str) -> String {
        self.styled("2", row)
    }

    /// A row of a picture that a camera is to read: black on white whatever the terminal's own colours are.
    pub(super) fn picture(self, row: &str) -> String {
        self.styled("97;40", row)
    }
}

fn colour_of(name: &str) -> u8 {
    NAMES[names::place_of(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_prompts_and_names_are_painted() {
        let paint = Paint::Coloured;
        assert_eq!(paint.ours("-- bianca is away."), "\x1b[2m--\x1b[0m bianca is away.");
        assert_eq!(paint.ours("WARNING: the key"), "\x1b[1;31mWARNING\x1b[0m: the key");
        assert_eq!(paint.ours("Connection established"), "Connection established");
        assert_eq!(
            paint.named("#team ali: -- ali", "ali"),
            format!("#team \x1b[{}mali\x1b[0m: -- ali", colour_of("ali"))
        );
    }

    #[test]
    fn a_prompt_is_painted_over_as_many_rows_as_it_has() {
        let rows = ["Enter dest", "ination: a", "li"].map(str::to_owned);
        let painted = Paint::Coloured.prompted(&rows, "Enter destination: ");
        assert_eq!(painted, ["\x1b[1mEnter dest\x1b[0m", "\x1b[1mination: \x1b[0ma", "li"]);
        assert_eq!(Paint::Coloured.prompted(&rows[1..], "Enter destination: "), rows[1..]);
        assert_eq!(Paint::Coloured.prompted(&rows, ""), rows);
    }

    #[test]
    fn without_colours_nothing_is_added() {
        let paint = Paint::None;
        let rows = ["To: ali".to_owned()];
        assert_eq!(paint.ours("-- hello"), "-- hello");
        assert_eq!(paint.ours("WARNING: no"), "WARNING: no");
        assert_eq!(paint.named("ali: hi", "ali"), "ali: hi");
        assert_eq!(paint.picture("█▀"), "█▀");
        assert_eq!(paint.prompted(&rows, "To: "), rows);
    }
}
