//! Putting text into cells: nothing that stands in one cell can reach another (threats T1, T2).

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::theme::Look;
use crate::ui::layout::widest;

/// The cells of a screen.
pub(super) struct Cells<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) look: Look,
}

impl Cells<'_> {
    /// Puts a text at most `width` columns wide; returns how many it took. What does not fit is left out.
    pub(super) fn put(&mut self, (x, y): (u16, u16), width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() {
            return 0;
        }
        let end = x.saturating_add(width).min(area.right());
        let mut at = x;
        for grapheme in text.graphemes(true) {
            let shown = steady(grapheme);
            let shown = shown.as_ref();
            let columns = columns(shown);
            if columns == 0 {
                continue;
            }
            if at + columns > end {
                break;
            }
            // What stood there before looked different.
            self.buffer[(at, y)].modifier = Modifier::empty();
            self.buffer[(at, y)].set_symbol(shown).set_style(style);
            for hidden in at + 1..at + columns {
                self.buffer[(hidden, y)].reset();
                self.buffer[(hidden, y)].set_style(self.look.base()).set_style(style);
            }
            at += columns;
        }
        at - x
    }

    /// The same; a text that is too long ends in a sign that says so.
    pub(super) fn cut(&mut self, place: (u16, u16), width: u16, text: &str, style: Style) -> u16 {
        let text = shortened(text, width, self.look);
        self.put(place, width, &text, style)
    }

    /// Puts a text so that its last column is the one before `end`.
    pub(super) fn put_right(&mut self, (end, y): (u16, u16), text: &str, style: Style) {
        let width = wide(text);
        self.put((end.saturating_sub(width), y), width, text, style);
    }

    /// A rule with a text in its middle.
    pub(super) fn rule(&mut self, (x, y): (u16, u16), width: u16, text: &str, style: Style) {
        let sign = self.look.horizontal();
        self.put((x, y), width, &sign.repeat(width.into()), style);
        let inside = wide(text).min(width);
        self.put((x + (width - inside) / 2, y), inside, text, style);
    }

    /// A border just within an area.
    pub(super) fn border(&mut self, area: Rect, style: Style) {
        let [top_left, top_right, bottom_left, bottom_right] = self.look.corners();
        let (right, last) = (area.right() - 1, area.bottom() - 1);
        for y in [area.y, last] {
            self.rule((area.x, y), area.width, "", style);
        }
        for x in [area.x, right] {
            self.column(x, Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area }, style);
        }
        for (x, y, corner) in [
            (area.x, area.y, top_left),
            (right, area.y, top_right),
            (area.x, last, bottom_left),
            (right, last, bottom_right),
        ] {
            self.put((x, y), 1, corner, style);
        }
    }

    pub(super) fn column(&mut self, x: u16, area: Rect, style: Style) {
        for y in area.top()..area.bottom() {
            self.put((x, y), 1, self.look.vertical(), style);
        }
    }

    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
                self.buffer[(x, y)].set_style(self.look.base());
            }
        }
    }
}

/// What terminals draw in different widths is shown by its first character: joined emoji, keycaps, skin tones. Of flags
/// not even the halves have one width, so that their letters stand for them.
fn steady(grapheme: &str) -> Cow<'_, str> {
    if grapheme.contains(char::is_control) {
        return Cow::Borrowed("");
    }
    if let Some(letters) = grapheme.chars().map(letter_of_flag).collect::<Option<String>>() {
        return Cow::Owned(letters);
    }
    let disagreed =
        widest(grapheme) != grapheme.width() || grapheme.chars().map(each).sum::<usize>() != grapheme.width();
    let first = grapheme.chars().next().map_or(0, char::len_utf8);
    Cow::Borrowed(if disagreed { &grapheme[..first] } else { grapheme })
}

/// The letter that half a flag stands for.
fn letter_of_flag(half: char) -> Option<char> {
    let place = u32::from(half).checked_sub(0x1f1e6).filter(|place| *place < 26)?;
    char::from_u32(u32::from('A') + place)
}

fn each(c: char) -> usize {
    unicode_width::UnicodeWidthChar::width(c).unwrap_or(0)
}

fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Columns a text takes here.
pub(super) fn wide(text: &str) -> u16 {
    text.graphemes(true).map(|grapheme| columns(&steady(grapheme))).fold(0, u16::saturating_add)
}

/// A text of at most so many columns.
pub(super) fn shortened(text: &str, width: u16, look: Look) -> String {
    if wide(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += columns(&steady(grapheme));
        if used > width {
            break;
        }
        short.push_str(grapheme);
    }
    short.push_str(look.ellipsis());
    short
}
