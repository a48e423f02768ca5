//! Notices, on rows of their own above the entry: they cover nothing, and nothing covers them.

use crate::app::screen::View;
use crate::app::texts::screen;
use crate::ui::layout::broken;
use crate::ui::tui::cells::{Cells, shortened, wide};

/// Where the text begins, behind its sign.
const TEXT: u16 = 3;
/// Rows of the screen that a notice leaves alone before it gets one, and of which it gets one each.
const LEFT_ALONE: u16 = 8;
const FOR_EACH: u16 = 4;
/// A notice takes no more rows; what is longer ends in a sign that says so.
const MOST: u16 = 3;
/// From this width on the key that puts a notice away is named.
const WITH_KEY: u16 = 60;

/// How many rows a notice can have on a screen of so many; where there are none it takes the row of the hints.
pub(super) fn room(height: u16) -> u16 {
    (height.saturating_sub(LEFT_ALONE) / FOR_EACH).min(MOST)
}

/// What the notice says, if there is one; in front of none, who waits for an answer.
pub(super) fn words(view: &View) -> Option<String> {
    let Some(popup) = view.overlays.popups.newest() else {
        return Some(view.wait_to_join()).filter(|waiting| *waiting > 0).map(screen::review);
    };
    let (title, text) = (popup.title.as_str(), popup.text.as_str());
    Some(if title.is_empty() || text.contains(title) { text.to_owned() } else { format!("{title}: {text}") })
}

/// The rows of the notice; none where there is none, or no room.
pub(super) fn rows(cells: &Cells<'_>, view: &View) -> Vec<String> {
    let (area, look) = (cells.buffer.area, cells.look);
    let most = usize::from(room(area.height));
    let Some(words) = words(view).filter(|_| most > 0) else { return Vec::new() };
    let room = area.width.saturating_sub(TEXT + 1);
    let first = room.saturating_sub(hidden(view, area.width).map_or(0, |hidden| 1 + wide(&hidden)));
    let mut rows = broken(&words, first.into(), room.into());
    if rows.len() > most {
        let rest = rows.split_off(most - 1).concat();
        rows.push(shortened(&rest, if most == 1 { first } else { room }, look));
    }
    rows
}

/// How many notices are behind the one that is shown, at the end of its first row.
fn hidden(view: &View, width: u16) -> Option<String> {
    let hidden = Some(view.overlays.popups.hidden()).filter(|hidden| *hidden > 0)?;
    Some(screen::hidden_notices(hidden, width >= WITH_KEY))
}

pub(super) fn draw(cells: &mut Cells<'_>, view: &View, rows: &[String], top: u16) {
    let (width, look) = (cells.buffer.area.width, cells.look);
    for (place, (row, y)) in rows.iter().zip(top..).enumerate() {
        if place == 0 {
            cells.put((1, y), 1, look.notice(), look.careful());
            if let Some(hidden) = hidden(view, width) {
                cells.put((width.saturating_sub(1 + wide(&hidden)), y), wide(&hidden), &hidden, look.faint());
            }
        }
        cells.put((TEXT, y), width.saturating_sub(TEXT), row.trim_end(), look.careful());
    }
}
