//! The login screen: what was asked and answered, and the question that is being asked.

use ratatui::layout::Rect;

use super::{Drawn, Entry, hint_row, keypad, laid_out};
use crate::app::line::Echo;
use crate::app::screen::LoginScreen;
use crate::app::texts::{help, screen};
use crate::ui::layout::broken;
use crate::ui::tui::cells::Cells;

/// The login screen is not wider than a line reads well.
const WIDTH: u16 = 76;
/// Rows a question may take.
const QUESTION: usize = 4;

pub(super) fn draw(cells: &mut Cells<'_>, login_screen: &LoginScreen, entry: &Entry<'_>) -> Drawn {
    let (area, look) = (cells.buffer.area, cells.look);
    let width = area.width.min(WIDTH).saturating_sub(2);
    let x = (area.width - width) / 2;
    cells.put((1, 0), area.width - 1, &help::version(), look.strong());
    cells.rule((0, 1), area.width, "", look.faint());
    cells.rule((0, area.bottom() - 2), area.width, "", look.faint());
    hint_row(cells, &screen::LOGIN_HINTS, area.bottom() - 1);
    let body = Rect { x, y: 2, width, height: area.height - 4 };
    let layout = laid_out(entry, width, QUESTION);
    let mut rows: Vec<String> =
        login_screen.lines.iter().flat_map(|line| broken(line.as_str(), width.into(), width.into())).collect();
    let own = layout.rows.len();
    let room = usize::from(body.height).saturating_sub(own);
    rows.drain(..rows.len().saturating_sub(room));
    // In the middle, while there is room around it.
    let space = body.height.saturating_sub(u16::try_from(rows.len() + own).unwrap_or(u16::MAX));
    let mut y = body.y + space / 3;
    for row in &rows {
        cells.put((x, y), width, row, look.plain());
        y += 1;
    }
    if let Some(seconds) = login_screen.waits() {
        let line = screen::connecting(seconds);
        cells.put((x, y), width, &line, look.faint());
        return Drawn::default();
    }
    for (row, y) in layout.rows.iter().zip(y..) {
        cells.put((x, y), width, row, look.strong());
    }
    let cursor = draw_entry_at(&layout, (x, y), width);
    let below = y + u16::try_from(layout.rows.len()).unwrap_or(1) + 1;
    let keypad = if entry.echo == Echo::Hidden { keypad::draw(cells, (x, below), body.bottom()) } else { None };
    Drawn { cursor, keypad, ..Drawn::default() }
}

fn draw_entry_at(layout: &crate::ui::layout::Layout, (x, y): (u16, u16), width: u16) -> Option<(u16, u16)> {
    let (column, row) = (u16::try_from(layout.column).ok()?, u16::try_from(layout.row).ok()?);
    Some((x + column.min(width.saturating_sub(1)), y + row))
}
