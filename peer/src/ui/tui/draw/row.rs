//! A row of a conversation: what stands where in it.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::screen::Anchor;
use crate::app::texts::files;
use crate::ui::tui::cells::{Cells, wide};
use crate::ui::tui::theme::Look;

/// Longer names are cut, here and in the list of people.
pub(super) const NAME: u16 = 12;
/// The mark of a message, and a space before it.
pub(super) const MARK: u16 = 3;

/// One row: what stands where, and to which line it belongs.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) anchor: Option<Anchor>,
    pub(super) spans: Vec<(u16, String, Style)>,
    /// A text in the middle of a rule.
    pub(super) rule: Option<String>,
    /// At the end.
    pub(super) mark: &'static str,
    pub(super) mark_style: Style,
}

impl Row {
    /// Puts a sign of this program's own in front.
    pub(super) fn sign(&mut self, sign: &str, style: Style) {
        self.spans.push((1, sign.to_owned(), style));
    }

    /// A row of this program's own, beginning at a column.
    pub(super) fn ours(at: u16, text: &str, style: Style) -> Self {
        Self { spans: vec![(at, text.to_owned(), style)], ..Self::default() }
    }

    pub(super) fn draw(&self, cells: &mut Cells<'_>, area: Rect) {
        if let Some(text) = &self.rule {
            let style = self.mark_style;
            if text.starts_with(' ') {
                cells.rule((area.x + 1, area.y), area.width.saturating_sub(2), text, style);
            } else {
                let sign = cells.look.horizontal().repeat(2);
                let text = format!("{sign} {text} {sign}");
                let width = wide(&text).min(area.width);
                cells.put((area.x + (area.width - width) / 2, area.y), width, &text, style);
            }
        }
        for (x, text, style) in &self.spans {
            cells.put((area.x + x, area.y), area.width.saturating_sub(*x), text, *style);
        }
        if !self.mark.is_empty() {
            cells.put((area.right().saturating_sub(MARK), area.y), MARK - 1, self.mark, self.mark_style);
        }
    }
}

/// A bar of so many columns.
pub(super) fn progress(done: u64, size: u64, width: u16, look: Look) -> String {
    files::bar(files::percent(done, size), usize::from(width), look.glyphs)
}
