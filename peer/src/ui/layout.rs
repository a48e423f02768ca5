//! Where text stands on a screen of a given width: pure arithmetic on columns, no terminal.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr as _};

/// What the rows after the first of a long received line begin with. Broken by the terminal itself they would begin
/// at the margin, where only this program may (threat T2).
const INDENT: &str = "  ";
/// The same for a line of ours: what it quotes may be of somebody else. As wide as the mark of a notice.
pub(super) const HUNG: &str = "   ";

/// Prompt and entry cut into rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// What stands in each row; at most as wide as the screen.
    pub(super) rows: Vec<String>,
    /// Row of the cursor.
    pub(super) row: usize,
    /// Column of the cursor.
    pub(super) column: usize,
}

impl Layout {
    /// Cuts `prompt` and `entry` to `width` columns, and to the `height` rows around the cursor, which stands at byte
    /// `cursor` of the entry.
    pub(super) fn new(prompt: &str, entry: &str, cursor: usize, width: usize, height: usize) -> Self {
        let mut layout = Self { rows: vec![String::new()], row: 0, column: 0 };
        let mut column = 0;
        for grapheme in prompt.graphemes(true) {
            layout.put(grapheme, &mut column, width);
        }
        for (at, grapheme) in entry.grapheme_indices(true) {
            if grapheme == "\n" {
                layout.mark(at == cursor, column, width);
                layout.rows.push(String::new());
                column = 0;
                continue;
            }
            // A wide character that does not fit any more takes the cursor along to the next row.
            let place = if column + grapheme.width() > width { width } else { column };
            layout.mark(at == cursor, place, width);
            layout.put(grapheme, &mut column, width);
        }
        layout.mark(cursor >= entry.len(), column, width);
        if layout.row == layout.rows.len() {
            layout.rows.push(String::new());
        }
        layout.cut(height.max(1));
        layout
    }

    fn put(&mut self, grapheme: &str, column: &mut usize, width: usize) {
        if *column + grapheme.width() > width {
            self.rows.push(String::new());
            *column = 0;
        }
        if let Some(row) = self.rows.last_mut() {
            row.push_str(grapheme);
        }
        *column += grapheme.width();
    }

    /// The cursor stands behind `column` columns of the last row, or at the start of the next if this one is full.
    fn mark(&mut self, here: bool, column: usize, width: usize) {
        if here {
            let full = column >= width;
            self.row = self.rows.len() - usize::from(!full);
            self.column = if full { 0 } else { column };
        }
    }

    fn cut(&mut self, height: usize) {
        if self.rows.len() > height {
            let first = self.row.saturating_sub(height - 1).min(self.rows.len() - height);
            self.rows = self.rows.split_off(first);
            self.rows.truncate(height);
            self.row -= first;
        }
    }

    /// How many rows above the cursor there are after the terminal has changed to `width` columns and has broken the
    /// rows that are too long now.
    pub(super) fn rows_above_cursor(&self, width: usize) -> usize {
        let above = self.rows.iter().take(self.row);
        above.map(|row| row.width().div_ceil(width).max(1)).sum::<usize>() + self.column / width
    }
}

/// The most columns any terminal takes for a text: one that does not join emoji shows each of them by itself. Counting
/// less would let a terminal break a received line by itself, at the margin, where our own lines begin (threat T2).
pub(super) fn widest(text: &str) -> usize {
    let alone = |grapheme: &str| grapheme.chars().filter_map(UnicodeWidthChar::width).sum::<usize>();
    text.graphemes(true).map(|grapheme| grapheme.width().max(alone(grapheme))).sum()
}

/// Cuts a received line to rows of `width` columns, between words where there is a space.
pub(super) fn wrap(line: &str, width: usize) -> Vec<String> {
    hung(line, width, INDENT)
}

/// Cuts a line to rows of `width` columns, between words where there is a space; further rows begin with `indent`.
pub(super) fn hung(line: &str, width: usize, indent: &str) -> Vec<String> {
    let rows = broken(line, width, width.saturating_sub(indent.len())).into_iter().enumerate();
    rows.map(|(number, row)| if number == 0 { row } else { format!("{indent}{row}") }).collect()
}

/// Cuts a line to a row of `first` columns and further ones of `rest`, between words where there is a space.
pub(super) fn broken(line: &str, first: usize, rest: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut columns = 0;
    for grapheme in line.graphemes(true) {
        let width = if rows.is_empty() { first } else { rest };
        let wide = widest(grapheme);
        if columns + wide > width && !row.is_empty() {
            // The word moves to the next row, unless it is the whole row or too long for the next one as well.
            let word = row.rfind(' ').map_or(0, |space| space + 1);
            let moves = word > 0 && widest(&row[word..]) + wide <= rest;
            let moved = row.split_off(if moves { word } else { row.len() });
            columns = widest(&moved);
            rows.push(std::mem::replace(&mut row, moved));
        }
        row.push_str(grapheme);
        columns += wide;
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(prompt: &str, entry: &str, cursor: usize, width: usize) -> (Vec<String>, usize, usize) {
        let layout = Layout::new(prompt, entry, cursor, width, 100);
        (layout.rows, layout.row, layout.column)
    }

    fn rows(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    #[test]
    fn an_entry_that_fits_stands_behind_the_prompt() {
        assert_eq!(layout("To: ", "ali", 3, 20), (rows(&["To: ali"]), 0, 7));
        assert_eq!(layout("To: ", "ali", 0, 20), (rows(&["To: ali"]), 0, 4));
    }

    #[test]
    fn behind_a_full_row_the_cursor_stands_in_the_next() {
        assert_eq!(layout("", "abcd", 4, 4), (rows(&["abcd", ""]), 1, 0));
        assert_eq!(layout("", "abcde", 4, 4), (rows(&["abcd", "e"]), 1, 0));
        assert_eq!(layout("", "abcd", 3, 4), (rows(&["abcd"]), 0, 3));
    }

    #[test]
    fn a_wide_character_is_never_cut_in_two() {
        assert_eq!(layout("", "abc你d", 3, 4), (rows(&["abc", "你d"]), 1, 0));
    }

    #[test]
    fn line_ends_start_rows() {
        assert_eq!(layout("", "a\n\nb", 2, 10), (rows(&["a", "", "b"]), 1, 0));
        assert_eq!(layout("", "abcd\ne", 4, 4), (rows(&["abcd", "e"]), 1, 0));
    }

    #[test]
    fn of_a_long_entry_the_rows_around_the_cursor_are_shown() {
        let entry = "aabbccdd";
        let at_end = Layout::new("", entry, 8, 2, 3);
        assert_eq!((at_end.rows, at_end.row), (rows(&["cc", "dd", ""]), 2));
        let at_start = Layout::new("", entry, 0, 2, 3);
        assert_eq!((at_start.rows, at_start.row), (rows(&["aa", "bb", "cc"]), 0));
    }

    #[test]
    fn rows_are_counted_as_the_terminal_breaks_them_anew() {
        let drawn = Layout::new("", &"a".repeat(45), 45, 20, 10);
        assert_eq!(drawn.rows_above_cursor(20), 2);
        assert_eq!(drawn.rows_above_cursor(10), 4);
        assert_eq!(drawn.rows_above_cursor(40), 2);
    }

    #[test]
    fn further_rows_of_a_received_line_are_indented() {
        let padded = format!("hi{}Connection ended", " ".repeat(18));
        assert_eq!(wrap(&padded, 20), ["hi                  ", "  Connection ended"]);
        for emoji in ["👩\u{200d}".repeat(20), "👋🏽".repeat(10)] {
            let rows = wrap(&format!("{emoji}{}Connection ended", " ".repeat(40)), 80);
            assert!(rows.len() > 1 && rows.iter().all(|row| !row.starts_with("Connection")), "{rows:?}");
            assert!(rows.iter().all(|row| widest(row) <= 80), "{rows:?}");
        }
        assert_eq!(hung("-- carol is away: lunch", 12, HUNG), ["-- carol is ", "   away: ", "   lunch"]);
        assert_eq!(wrap("short", 20), ["short"]);
        assert_eq!(wrap("你你你", 4), ["你你", "  你"]);
        assert_eq!(wrap("one two three", 10), ["one two ", "  three"]);
        assert_eq!(wrap(" aa你a", 5), [" aa你", "  a"]);
        assert_eq!(wrap("a23456 b23456789", 8), ["a23456 ", "  b23456", "  789"]);
    }

    proptest! {
        #[test]
        fn a_received_line_stays_within_the_screen_and_whole(line in "[a-z你👋 ]{0,80}", width in 5_usize..30) {
            let rows = wrap(&line, width);
            prop_assert!(rows.iter().all(|row| row.width() <= width), "{:?}", rows);
            let whole: String = rows.iter().enumerate().map(|(n, row)| if n == 0 { row } else { &row[2..] }).collect();
            prop_assert_eq!(whole, line);
        }

        #[test]
        fn no_row_is_wider_than_the_screen_and_nothing_is_lost(
            entry in "[a-z你👋한\n ]{0,60}", at in 0_usize..61, width in 2_usize..50
        ) {
            let boundaries: Vec<usize> = entry.grapheme_indices(true).map(|(at, _)| at).chain([entry.len()]).collect();
            let cursor = boundaries[at % boundaries.len()];
            let layout = Layout::new("To: ", &entry, cursor, width, usize::MAX);
            prop_assert!(layout.rows.iter().all(|row| row.width() <= width));
            prop_assert!(layout.row < layout.rows.len() && layout.column < width);
            prop_assert_eq!(layout.rows.concat(), format!("To: {}", entry.replace('\n', "")));
        }
    }
}
