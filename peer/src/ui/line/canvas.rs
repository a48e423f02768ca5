//! What stands on the screen: lines above that stay, and a block at the bottom that is drawn anew with each update.
//!
//! The block is rows of progress, if there are any, and the entry behind its prompt. Everything to be written is gathered
//! in `pending`; nothing here knows the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::paint::Paint;
use crate::app::line::{Echo, Lines, Prompt};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::{self, files};
use crate::ui::editor::Editor;
use crate::ui::layout::{HUNG, Layout, hung, wrap};

/// Columns below which no line of ours is broken here: no word fits, or the terminal does not know its size.
const NARROWEST: usize = 12;

/// What stands on the screen, apart from the terminal itself.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    paint: Paint,
    glyphs: Glyphs,
    pub(super) prompt: Prompt,
    /// What is being done; it stands where the prompt stands when something is asked.
    pub(super) meanwhile: SafeText,
    /// Shows that a hidden entry takes keys, and neither which nor how many; absent while it is empty.
    pub(super) mark: Option<&'static str>,
    /// How far things are, each in a row that is written anew, by their number.
    /// What it is, and per cent.
    pub(super) progress: BTreeMap<u64, (SafeText, u64)>,
    /// The block as it stands on the screen.
    drawn: Option<Layout>,
    pub(super) pending: String,
}

impl Canvas {
    pub(super) fn new((columns, rows): (u16, u16), paint: Paint, glyphs: Glyphs) -> Self {
        let prompt = Prompt { text: SafeText::default(), echo: Echo::Hidden, lines: Lines::One, history: None };
        // Terminals that claim to have no columns exist; two are needed for a wide character.
        let (width, height) = (usize::from(columns).max(2), usize::from(rows).max(2));
        let (meanwhile, progress) = (SafeText::default(), BTreeMap::new());
        Self {
            width,
            height,
            paint,
            glyphs,
            prompt,
            meanwhile,
            mark: None,
            progress,
            drawn: None,
            pending: String::new(),
        }
    }

    pub(super) fn erase(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            self.pending.push('\r');
            self.up(drawn.rows_above_cursor(self.width));
            self.pending.push_str("\x1b[J");
        }
    }

    fn up(&mut self, rows: usize) {
        if rows > 0 {
            // Writing to a String cannot fail.
            let _ = write!(self.pending, "\x1b[{rows}A");
        }
    }

    fn print(&mut self, line: &str) {
        self.erase();
        self.pending.push_str(line);
        self.pending.push_str("\r\n");
    }

    /// A line of ours, broken between words: a command that it names stays in one piece.
    pub(super) fn notice(&mut self, line: &str) {
        if self.width < NARROWEST {
            return self.print(&self.paint.ours(line));
        }
        let mut rows = hung(line, self.width, HUNG).into_iter();
        let first = rows.next().unwrap_or_default();
        self.print(&self.paint.ours(&first));
        rows.for_each(|row| self.print(&row));
    }

    /// A line of somebody else; in groups the name in front of it is known.
    pub(super) fn remote(&mut self, line: &SafeText, name: Option<&str>) {
        let mut rows = wrap(line.as_str(), self.width).into_iter();
        let first = rows.next().unwrap_or_default();
        self.print(&name.map_or_else(|| first.clone(), |name| self.paint.named(&first, name)));
        rows.for_each(|row| self.print(&row));
    }

    /// A line of the past.
    pub(super) fn earlier(&mut self, line: &SafeText) {
        wrap(line.as_str(), self.width).iter().for_each(|row| self.print(&self.paint.earlier(row)));
    }

    pub(super) fn picture(&mut self, rows: &[SafeText]) {
        if rows.len() < self.height && rows.iter().all(|row| row.columns() <= self.width) {
            rows.iter().for_each(|row| self.print(&self.paint.picture(row.as_str())));
        }
    }

    /// The prompt's line is complete.
    pub(super) fn complete(&mut self, entry: &str, result: &str) {
        let prompt = std::mem::take(&mut self.prompt.text);
        let entry = if self.prompt.echo == Echo::Visible { entry } else { "" };
        if prompt.is_empty() && entry.is_empty() && result.is_empty() {
            return;
        }
        // A line end is shown as one, so these are the rows as they were typed.
        let mut lines = SafeText::message(entry, Glyphs::Unicode).into_iter();
        let first = lines.next().unwrap_or_default();
        self.print(&format!("{}{}{result}", self.paint.prompt(prompt.as_str()), first.as_str()));
        lines.for_each(|line| self.print(line.as_str()));
    }

    pub(super) fn draw(&mut self, editor: &Editor) {
        let (entry, cursor) = match self.prompt.echo {
            Echo::Visible => (editor.text(), editor.cursor()),
            // While nothing is asked there is nothing that takes keys.
            Echo::Hidden if self.prompt.text.is_empty() => ("", 0),
            Echo::Hidden => self.mark.map_or(("", 0), |mark| (mark, mark.len())),
        };
        let front = match editor.search() {
            Some(sought) => texts::searched(sought, editor.has_found()),
            None if self.prompt.text.is_empty() => self.meanwhile.as_str().to_owned(),
            None => self.prompt.text.as_str().to_owned(),
        };
        let above = self.progress_rows();
        let mut layout = Layout::new(&front, entry, cursor, self.width, self.height - 1 - above.len());
        layout.row += above.len();
        let below = std::mem::replace(&mut layout.rows, above);
        let progress = layout.rows.len();
        layout.rows.extend(below);
        if self.drawn.as_ref() == Some(&layout) {
            return;
        }
        self.erase();
        let (above, below) = layout.rows.split_at(progress);
        let mut rows: Vec<String> = above.iter().map(|row| self.paint.ours(row)).collect();
        rows.extend(self.paint.prompted(below, &front));
        self.pending.push_str(&rows.join("\r\n"));
        self.up(layout.rows.len() - 1 - layout.row);
        self.pending.push('\r');
        if layout.column > 0 {
            let _ = write!(self.pending, "\x1b[{}C", layout.column);
        }
        self.drawn = Some(layout);
    }

    /// Rows of progress, cut to the width; none where the screen is too low for more than the entry.
    fn progress_rows(&self) -> Vec<String> {
        let most = (self.height / 2).saturating_sub(1);
        let rows = self.progress.values().take(most);
        rows.filter_map(|(row, percent)| {
            let row = hung(row.as_str(), self.width, HUNG).into_iter().next()?;
            Some(files::with_bar(row, *percent, self.width, self.glyphs))
        })
        .collect()
    }

    pub(super) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.width = usize::from(columns).max(2);
        self.height = usize::from(rows).max(2);
        self.erase();
    }
}
