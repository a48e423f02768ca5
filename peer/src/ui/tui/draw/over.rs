//! What lies above: pages, lists to choose from, a notice in a box.

use ratatui::layout::Rect;

use super::list;
use crate::app::sanitise::SafeText;
use crate::app::screen::{Overlay, Page, View};
use crate::app::texts::{mail, screen};
use crate::ui::layout::broken;
use crate::ui::tui::cells::Cells;

/// Boxes need so much.
const BOX: (u16, u16) = (60, 16);

/// Whether a notice has a box of its own, or takes the last row.
pub(super) fn has_room(area: Rect) -> bool {
    area.width >= BOX.0 && area.height >= BOX.1
}

/// What lies in front of the conversation.
pub(super) fn draw(cells: &mut Cells<'_>, view: &View, typed: &str, body: Rect) {
    match &view.overlays.open {
        Some(Overlay::Page(page)) => draw_page(cells, page, body),
        Some(Overlay::Found) => draw_found(cells, view, body),
        Some(Overlay::People { selected }) => {
            cells.clear(body);
            list::draw(cells, view, body, Some(*selected));
        }
        Some(Overlay::Opener { selected }) => draw_opener(cells, view, typed, *selected, body),
        None => {}
    }
}

fn draw_opener(cells: &mut Cells<'_>, view: &View, typed: &str, selected: usize, body: Rect) {
    let look = cells.look;
    cells.clear(body);
    cells.put((1, body.y), body.width - 1, screen::OPENER, look.strong());
    let candidates = view.candidates(typed);
    let room = usize::from(body.height).saturating_sub(1).max(1);
    let first = (selected + 1).saturating_sub(room);
    for ((place, to), y) in candidates.iter().enumerate().skip(first).zip(body.y + 1..body.bottom()) {
        list::row(cells, view, to, Rect { y, height: 1, ..body }, place == selected, true);
    }
}

/// A notice, where there is room for its box.
pub(super) fn draw_notice(cells: &mut Cells<'_>, view: &View, talk: Rect) {
    if let (Some(popup), true) = (&view.overlays.popup, has_room(cells.buffer.area)) {
        notice(cells, popup.title.as_str(), popup.text.as_str(), talk);
    }
}

fn draw_page(cells: &mut Cells<'_>, page: &Page, area: Rect) {
    let look = cells.look;
    cells.clear(area);
    cells.cut((area.x + 1, area.y), area.width - 2, &page.title, look.strong());
    let room = usize::from(area.width.saturating_sub(2).max(8));
    let rows = page
        .lines
        .iter()
        .skip(page.from)
        .flat_map(|line| broken(line.as_str(), room, room - 3).into_iter().enumerate());
    for ((number, row), y) in rows.zip(area.y + 1..area.bottom()) {
        cells.put((area.x + if number == 0 { 1 } else { 4 }, y), area.width - 1, &row, look.plain());
    }
}

/// What was found, one row each, the one that is looked at among them.
fn draw_found(cells: &mut Cells<'_>, view: &View, area: Rect) {
    let look = cells.look;
    cells.clear(area);
    cells.cut((area.x + 1, area.y), area.width - 2, &view.selection.found.title, look.strong());
    let room = usize::from(area.height).saturating_sub(1).max(1);
    let first = (view.selection.found.at + 1).saturating_sub(room);
    let rows = view.selection.found.records.iter().enumerate().skip(first);
    for ((place, record), y) in rows.zip(area.y + 1..area.bottom()) {
        let line = SafeText::ours(&mail::found_line(record, &view.zone));
        cells.cut((area.x + 1, y), area.width - 2, line.as_str(), look.plain());
        if place == view.selection.found.at {
            cells.buffer.set_style(Rect { y, height: 1, ..area }, look.chosen());
        }
    }
}

/// A box at the end of the conversation.
fn notice(cells: &mut Cells<'_>, title: &str, text: &str, talk: Rect) {
    let look = cells.look;
    let inside = talk.width.saturating_sub(5);
    let rows = broken(text, usize::from(inside.saturating_sub(2).max(4)), usize::from(inside.saturating_sub(2).max(4)));
    let height = u16::try_from(rows.len()).unwrap_or(1).min(talk.height.saturating_sub(2)) + 2;
    let area =
        Rect { x: talk.x + 1, y: talk.bottom().saturating_sub(height + 1).max(talk.y), width: inside + 2, height };
    cells.clear(area);
    let [top_left, top_right, bottom_left, bottom_right] = look.corners();
    let line = look.horizontal();
    let style = look.careful();
    for y in [area.y, area.bottom() - 1] {
        cells.put((area.x, y), area.width, &line.repeat(area.width.into()), style);
    }
    for y in area.y + 1..area.bottom() - 1 {
        cells.put((area.x, y), 1, look.vertical(), style);
        cells.put((area.right() - 1, y), 1, look.vertical(), style);
    }
    cells.put((area.x, area.y), 1, top_left, style);
    cells.put((area.right() - 1, area.y), 1, top_right, style);
    cells.put((area.x, area.bottom() - 1), 1, bottom_left, style);
    cells.put((area.right() - 1, area.bottom() - 1), 1, bottom_right, style);
    if !title.is_empty() {
        cells.cut((area.x + 1, area.y), inside, &format!(" {title} "), style);
    }
    for (row, y) in rows.iter().zip(area.y + 1..area.bottom() - 1) {
        cells.put((area.x + 2, y), inside - 1, row, look.plain());
    }
}
