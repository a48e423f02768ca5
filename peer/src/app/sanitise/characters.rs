//! Character by character: what passes, what is replaced, what is dropped.

use std::fmt::Write as _;

use common::display::{is_direction_mark, is_invisible};
use unicode_width::UnicodeWidthChar;

use super::Glyphs;

/// Combining marks kept on one base character; more would climb over neighbouring lines.
const MARKS_PER_BASE: usize = 4;
/// Terminals disagree about tabs inside a line that is redrawn.
const TAB: &str = "    ";
const DOTTED_CIRCLE: char = '\u{25cc}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';

/// What becomes of characters that change the direction of writing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DirectionMarks {
    Dropped,
    Shown,
}

/// Cleans one line.
pub(super) struct Clean {
    glyphs: Glyphs,
    direction_marks: DirectionMarks,
}

impl Clean {
    pub(super) fn new(glyphs: Glyphs) -> Self {
        Self { glyphs, direction_marks: DirectionMarks::Dropped }
    }

    pub(super) fn showing_direction_marks(self) -> Self {
        Self { direction_marks: DirectionMarks::Shown, ..self }
    }

    pub(super) fn line(&self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut marks = 0;
        let mut before = None;
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\t' => out.push_str(TAB),
                c if c.is_control() => self.control(c, &mut out),
                c if is_direction_mark(c) => {
                    if self.direction_marks == DirectionMarks::Shown {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "<U+{:04X}>", u32::from(c));
                    }
                    continue;
                }
                ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
                    if before.zip(rest.peek().copied()).is_some_and(|(left, right)| joins(c, left, right)) {
                        out.push(c);
                    }
                    continue;
                }
                c if is_invisible(c) => continue,
                c if c.width() == Some(0) => {
                    marks += 1;
                    if before.is_none() && self.glyphs == Glyphs::Unicode {
                        out.push(DOTTED_CIRCLE);
                    }
                    if marks > MARKS_PER_BASE || (before.is_none() && self.glyphs == Glyphs::Ascii) {
                        continue;
                    }
                    out.push(c);
                    before = Some(c);
                    continue;
                }
                c => out.push(c),
            }
            marks = 0;
            before = Some(c);
        }
        out
    }

    /// C0 and DEL as their pictures; C1 as the two-character sequence it abbreviates (ECMA-48 section 5.3).
    fn control(&self, c: char, out: &mut String) {
        let code = u32::from(c);
        let (code, after) = match code {
            0x80.. => (0x1b, char::from_u32(code - 0x40)),
            _ => (code, None),
        };
        match self.glyphs {
            Glyphs::Unicode => {
                let picture = if code == 0x7f { 0x2421 } else { 0x2400 + code };
                out.extend(char::from_u32(picture));
            }
            Glyphs::Ascii => {
                out.push('^');
                out.extend(char::from_u32(code ^ 0x40));
            }
        }
        out.extend(after);
    }
}

/// Characters that may stand in an entry: what can be seen, and what joins emoji and letters.
pub(crate) fn is_typable(c: char) -> bool {
    !c.is_control() && (!is_invisible(c) || matches!(c, ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER))
}

/// Whether a joiner between these two characters means something: inside an emoji, or in a script whose letters join.
fn joins(joiner: char, left: char, right: char) -> bool {
    let emoji = joiner == ZERO_WIDTH_JOINER && (is_pictograph(left) || left == '\u{fe0f}') && is_pictograph(right);
    emoji || (is_joining_script(left) && is_joining_script(right))
}

/// Wide enough for the emoji in use; a superset does no harm here.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Arabic, Syriac, Nko, Mandaic, the scripts of South Asia, Myanmar, Khmer, Mongolian.
fn is_joining_script(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{0dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}')
}

/// Letters written from right to left, and their presentation forms.
pub(super) fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}
