//! What lies above the conversation: pages, and lists to choose from.

use ratatui::layout::Rect;

use super::{details, list};
use crate::app::sanitise::SafeText;
use crate::app::screen::{Choice, Overlay, Page, Target, View};
use crate::app::texts::{mail, screen};
use crate::ui::layout::broken;
use crate::ui::tui::cells::Cells;

/// Columns of what is explained.
const EXPLAINED: u16 = 20;

/// What lies in front of the conversation, and what of it a mouse can point at.
pub(super) fn draw(cells: &mut Cells<'_>, view: &View, typed: &str, body: Rect) -> Vec<(Rect, Target)> {
    match &view.overlays.open {
        Some(Overlay::Page(page)) => draw_page(cells, page, body),
        Some(Overlay::Details { from }) => {
            cells.clear(body);
            details::draw(cells, view, body, *from);
        }
        Some(Overlay::Found) => draw_found(cells, view, body),
        Some(Overlay::People { selected }) => {
            cells.clear(body);
            return list::draw(cells, view, body, Some(*selected));
        }
        Some(Overlay::Opener { selected }) => return draw_opener(cells, view, typed, *selected, body),
        None => {}
    }
    Vec::new()
}

fn draw_opener(cells: &mut Cells<'_>, view: &View, typed: &str, selected: usize, body: Rect) -> Vec<(Rect, Target)> {
    let look = cells.look;
    let mut targets = Vec::new();
    cells.clear(body);
    let title = if typed.trim_start().starts_with('?') { screen::KEYS } else { screen::OPENER };
    cells.put((1, body.y), body.width - 1, title, look.strong());
    let candidates = view.candidates(typed);
    if candidates.is_empty() {
        cells.cut((1, body.y + 1), body.width - 2, &screen::nothing_matches(typed), look.careful());
    }
    let room = usize::from(body.height).saturating_sub(1).max(1);
    let first = (selected + 1).saturating_sub(room);
    for ((place, choice), y) in candidates.iter().enumerate().skip(first).zip(body.y + 1..body.bottom()) {
        let row = Rect { y, height: 1, ..body };
        match choice {
            Choice::Conversation(to) => {
                list::row(cells, view, to, row, place == selected, true);
                targets.push((row, Target::Conversation(to.clone())));
            }
            Choice::Command(topic) => explained(cells, (topic.usage, topic.does), row, place == selected),
            Choice::Key(help) => explained(cells, (&help.keys, help.does), row, place == selected),
        }
    }
    targets
}

/// A command or keys, and what they do.
fn explained(cells: &mut Cells<'_>, (name, does): (&str, &str), area: Rect, chosen: bool) {
    let look = cells.look;
    cells.cut((area.x + 3, area.y), EXPLAINED.min(area.width.saturating_sub(4)), name, look.strong());
    let at = 3 + EXPLAINED + 1;
    cells.cut((area.x + at, area.y), area.width.saturating_sub(at + 1), does, look.faint());
    if chosen {
        cells.buffer.set_style(area, look.chosen());
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
