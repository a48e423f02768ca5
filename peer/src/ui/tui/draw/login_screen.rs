//! The login card: product, directory and steps, what was asked and answered, the question that is being asked.

use std::cmp::Ordering;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Drawn, Entry, draw_mark, hint_row, keypad, laid_out};
use crate::app::line::{Echo, LoginStep};
use crate::app::screen::LoginScreen;
use crate::app::texts::{help, screen};
use crate::ui::layout::{Layout, broken};
use crate::ui::tui::cells::{Cells, wide};

/// The card is not wider than a line reads well.
const WIDTH: u16 = 64;
/// A smaller screen is the card, without a border; a still smaller one leaves out what is known anyway.
const BORDERED: (u16, u16) = (44, 14);
const WITH_HEAD: u16 = 12;
/// Rows a question may take.
const QUESTION: usize = 4;
/// The steps, in the order in which they are named.
const STEPS: [LoginStep; 3] = [LoginStep::User, LoginStep::Passcode, LoginStep::LoggingIn];

pub(super) fn draw(cells: &mut Cells<'_>, login_screen: &LoginScreen, entry: &Entry<'_>) -> Drawn {
    let (area, look) = (cells.buffer.area, cells.look);
    cells.rule((0, area.bottom() - 2), area.width, "", look.faint());
    hint_row(cells, &screen::LOGIN_HINTS, area.bottom() - 1);
    let bordered = area.width >= BORDERED.0 && area.height >= BORDERED.1;
    let around = if bordered { 2 } else { 1 };
    let width = area.width.min(WIDTH) - 2 * around;
    let head = if area.height >= WITH_HEAD { 3 } else { 0 };
    let layout = laid_out(entry, width, QUESTION);
    let mut rows: Vec<String> =
        login_screen.lines.iter().flat_map(|line| broken(line.as_str(), width.into(), width.into())).collect();
    let own = u16::try_from(layout.rows.len()).unwrap_or(1);
    // Above the rule and the hints, below the product, and within the border.
    let most = area.height - 3 - if bordered { 2 } else { 0 };
    let room = most.saturating_sub(head + own);
    rows.drain(..rows.len().saturating_sub(room.into()));
    let said = u16::try_from(rows.len()).unwrap_or(0);
    let pad = keypad::SIZE.1 + 1;
    let with_pad = entry.echo == Echo::Hidden && login_screen.waits().is_none() && said + pad <= room;
    let inside = head + said + own + if with_pad { pad } else { 0 };
    let card = Rect {
        x: (area.width - width) / 2,
        y: 1 + most.saturating_sub(inside) / 2 + u16::from(bordered),
        width,
        height: inside,
    };
    product(cells, card, bordered);
    let mut y = card.y;
    if head > 0 {
        cells.cut((card.x, y), width, &screen::directory(login_screen.directory()), look.plain());
        steps(cells, (card.x, y + 1), width, login_screen.step());
        y += head;
    }
    for row in &rows {
        cells.put((card.x, y), width, row, look.faint());
        y += 1;
    }
    if let Some(seconds) = login_screen.waits() {
        cells.put((card.x, y), width, &screen::connecting(seconds), look.faint());
        return Drawn::default();
    }
    for (row, y) in layout.rows.iter().zip(y..) {
        cells.put((card.x, y), width, row, look.strong());
    }
    let cursor = entry_at(&layout, (card.x, y), width).map(|cursor| draw_mark(cells, entry, cursor));
    let keypad = with_pad.then(|| keypad::draw(cells, (card.x, y + own + 1), entry.mark.is_some()));
    Drawn { cursor, keypad, ..Drawn::default() }
}

/// The name of the program: in the border of the card, or above everything.
fn product(cells: &mut Cells<'_>, card: Rect, bordered: bool) {
    let look = cells.look;
    if !bordered {
        cells.put((1, 0), cells.buffer.area.width - 1, &help::version(), look.accent());
        return;
    }
    let outside = Rect { x: card.x - 2, y: card.y - 1, width: card.width + 4, height: card.height + 2 };
    cells.border(outside, look.faint());
    let title = format!(" {} ", help::version());
    let at = outside.x + outside.width.saturating_sub(wide(&title)) / 2;
    cells.put((at, outside.y), outside.width, &title, look.accent());
}

/// The steps, each with a sign of how far it is.
fn steps(cells: &mut Cells<'_>, (x, y): (u16, u16), width: u16, now: LoginStep) {
    let (look, end) = (cells.look, x + width);
    let mut at = x;
    for (step, name) in STEPS.into_iter().zip(screen::LOGIN_STEPS) {
        let order = step.cmp(&now);
        let style: Style = match order {
            Ordering::Less => look.good(),
            Ordering::Equal => look.accent(),
            Ordering::Greater => look.faint(),
        };
        at += cells.put((at, y), end.saturating_sub(at), &format!("{} {name}", look.step(order)), style) + 3;
    }
}

fn entry_at(layout: &Layout, (x, y): (u16, u16), width: u16) -> Option<(u16, u16)> {
    let (column, row) = (u16::try_from(layout.column).ok()?, u16::try_from(layout.row).ok()?);
    Some((x + column.min(width.saturating_sub(1)), y + row))
}
