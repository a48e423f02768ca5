//! The picture of a scene: a pure function of the scene, the entry and the size.

mod details;
pub(super) mod keypad;
mod list;
mod login_screen;
mod notice;
mod over;
mod question;
mod row;
pub(super) mod talk;
mod title;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::{Cells, wide};
use super::theme::Look;
use crate::app::line::Echo;
use crate::app::screen::{Layer, Scene, Target, View};
use crate::app::texts::screen;
use crate::ui::layout::Layout;

/// From this width on there are details beside the conversation.
const WITH_DETAILS: u16 = 110;
/// From this width and height on there are people beside the conversation.
const WITH_PEOPLE: (u16, u16) = (60, 16);
/// Less is refused.
const LEAST: (u16, u16) = (20, 6);
/// Rows the entry may take.
const ENTRY_ROWS: usize = 5;

/// How wide the columns beside the conversation are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widths {
    pub(crate) people: u16,
    pub(crate) details: u16,
}

/// What is being typed.
pub(super) struct Entry<'a> {
    pub(super) prompt: &'a str,
    pub(super) echo: Echo,
    pub(super) text: &'a str,
    pub(super) cursor: usize,
    /// What answers keys where nothing is shown of what is typed, once something is.
    pub(super) mark: Option<&'static str>,
}

/// Where things ended up.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) cursor: Option<(u16, u16)>,
    /// The conversation's cells.
    pub(super) talk: Rect,
    /// What is known of the conversation can be shown beside it.
    pub(super) has_room_for_details: bool,
    /// The keypad's, where there is one.
    pub(super) keypad: Option<Rect>,
    /// What a mouse can point at, and where.
    targets: Vec<(Rect, Target)>,
}

impl Drawn {
    /// What is at a place of the screen.
    pub(super) fn target(&self, place: (u16, u16)) -> Option<Target> {
        let found = self.targets.iter().rev().find(|(area, _)| area.contains(place.into()));
        found.map(|(_, target)| target.clone())
    }
}

/// Draws the whole screen.
pub(super) fn scene(buffer: &mut Buffer, scene: &Scene<'_>, entry: &Entry<'_>, look: Look, widths: Widths) -> Drawn {
    let area = buffer.area;
    buffer.set_style(area, look.base());
    let mut cells = Cells { buffer, look };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        for (row, y) in screen::too_small(area.width, area.height).iter().zip(0..area.height) {
            cells.put((0, y), area.width, row, look.plain());
        }
        return Drawn::default();
    }
    match scene {
        Scene::Nothing => Drawn::default(),
        Scene::LoginScreen(login_screen) => login_screen::draw(&mut cells, login_screen, entry),
        Scene::View(view) => draw_view(&mut cells, view, entry, widths),
    }
}

fn draw_view(cells: &mut Cells<'_>, view: &View, entry: &Entry<'_>, widths: Widths) -> Drawn {
    let (area, look) = (cells.buffer.area, cells.look);
    let roomy = area.width >= WITH_PEOPLE.0 && area.height >= WITH_PEOPLE.1;
    let most = ENTRY_ROWS.min(usize::from(area.height).saturating_sub(5)).max(1);
    let layout = laid_out(entry, area.width, most);
    let entry_rows = u16::try_from(layout.rows.len()).unwrap_or(1);
    let bottom = area.bottom() - entry_rows - if roomy { 2 } else { 1 };
    let told = notice::rows(cells, view);
    let foot = bottom - u16::try_from(told.len()).unwrap_or(0);
    let body = Rect { x: 0, y: 2, width: area.width, height: (foot - 1).saturating_sub(2) };
    title::draw(cells, view, roomy);
    cells.rule((0, 1), area.width, "", look.faint());
    cells.rule((0, foot - 1), area.width, "", look.faint());
    notice::draw(cells, view, &told, foot);
    let mut talk = body;
    let mut targets = Vec::new();
    if roomy {
        let people = Rect { width: widths.people, ..body };
        talk = Rect { x: widths.people + 1, width: body.width - widths.people - 1, ..body };
        let is_covered = !matches!(view.front(), Layer::Composer | Layer::Selection | Layer::Question);
        let split = |cells: &mut Cells<'_>, x| {
            cells.column(x, body, look.faint());
            if !is_covered {
                cells.put((x, 1), 1, look.tee_down(), look.faint());
                cells.put((x, foot - 1), 1, look.tee_up(), look.faint());
            }
        };
        split(cells, widths.people);
        targets.extend(list::draw(cells, view, people, None));
        if area.width >= WITH_DETAILS && view.details {
            talk.width -= widths.details + 1;
            split(cells, talk.right());
            let details = Rect { x: talk.right() + 1, width: widths.details, ..body };
            details::draw(cells, view, details, 0);
        }
    }
    for layer in view.layers().rev() {
        match layer {
            Layer::Composer => targets.extend(talk::draw(cells, view, talk)),
            // They are rows of the conversation.
            Layer::Selection | Layer::Question => {}
            // What lies behind them cannot be pointed at.
            Layer::Opener | Layer::People | Layer::Found | Layer::Page => {
                targets = over::draw(cells, view, entry.text, body);
            }
        }
    }
    let cursor = draw_entry(cells, &layout, (area.width, bottom)).map(|cursor| draw_mark(cells, entry, cursor));
    if roomy {
        cells.rule((0, area.bottom() - 2), area.width, "", look.faint());
    }
    hints(cells, view, roomy);
    Drawn { cursor, talk, has_room_for_details: roomy && area.width >= WITH_DETAILS, keypad: None, targets }
}

/// The entry cut to rows; what is hidden is not there.
fn laid_out(entry: &Entry<'_>, width: u16, rows: usize) -> Layout {
    let (text, cursor) = if entry.echo == Echo::Visible { (entry.text, entry.cursor) } else { ("", 0) };
    Layout::new(entry.prompt, text, cursor, width.into(), rows)
}

fn draw_entry(cells: &mut Cells<'_>, layout: &Layout, (width, top): (u16, u16)) -> Option<(u16, u16)> {
    let plain = cells.look.plain();
    for (row, y) in layout.rows.iter().zip(top..) {
        cells.put((0, y), width, row, plain);
    }
    let (column, row) = (u16::try_from(layout.column).ok()?, u16::try_from(layout.row).ok()?);
    Some((column.min(width - 1), top + row))
}

/// The mark, where the cursor would be; gives where that is then.
fn draw_mark(cells: &mut Cells<'_>, entry: &Entry<'_>, (x, y): (u16, u16)) -> (u16, u16) {
    let Some(mark) = entry.mark.filter(|_| entry.echo == Echo::Hidden) else { return (x, y) };
    let style = cells.look.accent();
    (x + cells.put((x, y), 1, mark, style), y)
}

fn hints(cells: &mut Cells<'_>, view: &View, roomy: bool) {
    let (area, look) = (cells.buffer.area, cells.look);
    let hints: &[&str] = match view.front() {
        Layer::Page => &screen::PAGE_HINTS,
        Layer::Found => &screen::FOUND_HINTS,
        Layer::People => &screen::OVERLAY_HINTS,
        Layer::Opener => &screen::OPENER_HINTS,
        Layer::Question => &screen::QUESTION_HINTS,
        Layer::Selection => &screen::SELECTION_HINTS,
        Layer::Composer if roomy => &screen::HINTS,
        Layer::Composer => &screen::FEW_HINTS,
    };
    let last = area.bottom() - 1;
    if view.quit.confirm {
        cells.put((1, last), area.width - 1, screen::PRESS_AGAIN, look.strong());
        return;
    }
    if let Some(words) = notice::words(view).filter(|_| notice::room(area.height) == 0) {
        cells.cut((1, last), area.width - 2, &words, look.careful());
        return;
    }
    if roomy {
        hint_row(cells, hints, last);
    } else {
        few_hints(cells, hints, last);
    }
}

/// As many hints as fit into a row without a margin.
fn few_hints(cells: &mut Cells<'_>, hints: &[&str], y: u16) {
    let mut row = String::new();
    for hint in hints {
        let gap = if row.is_empty() { "" } else { "  " };
        if wide(&row) + wide(gap) + wide(hint) <= cells.buffer.area.width {
            row.push_str(gap);
            row.push_str(hint);
        }
    }
    let style = cells.look.faint();
    cells.put((0, y), cells.buffer.area.width, &row, style);
}

/// As many hints as fit; the one for help, which is the last, always.
fn hint_row(cells: &mut Cells<'_>, hints: &[&str], y: u16) {
    let (area, look) = (cells.buffer.area, cells.look);
    let between = match look.glyphs {
        crate::app::sanitise::Glyphs::Unicode => " · ",
        crate::app::sanitise::Glyphs::Ascii => " - ",
    };
    let Some((last, others)) = hints.split_last() else { return };
    let mut row = String::new();
    for hint in others {
        if wide(&row) + wide(hint) + wide(last) + 2 * wide(between) + 2 <= area.width {
            row.push_str(hint);
            row.push_str(between);
        }
    }
    row.push_str(last);
    cells.put((1, y), area.width - 1, &row, look.faint());
}
