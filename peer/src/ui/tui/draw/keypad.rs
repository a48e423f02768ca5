//! The keypad of the login screen: digits for a mouse or a touch screen. What is entered is not shown, as at the keys.

use ratatui::layout::Rect;

use crate::app::keys::Key;
use crate::ui::tui::cells::Cells;

/// Four rows of three keys, each so wide, with a space between them.
const ROWS: [[&str; 3]; 4] = [
    ["[ 1 ]", "[ 2 ]", "[ 3 ]"],
    ["[ 4 ]", "[ 5 ]", "[ 6 ]"],
    ["[ 7 ]", "[ 8 ]", "[ 9 ]"],
    ["[del]", "[ 0 ]", "[ ok]"],
];
const KEY: u16 = 5;
/// What it takes.
pub(super) const SIZE: (u16, u16) = (3 * (KEY + 1), 4);

/// Draws it, and says where. It answers keys and clicks alike by what can be done now, never by which key it was.
pub(super) fn draw(cells: &mut Cells<'_>, (x, y): (u16, u16), is_typed: bool) -> Rect {
    let area = Rect { x, y, width: SIZE.0, height: SIZE.1 };
    let look = cells.look;
    for (row, y) in ROWS.iter().zip(y..) {
        for (key, place) in row.iter().zip(0..) {
            let style = match key.contains(|c: char| c.is_ascii_digit()) {
                true => look.plain(),
                false if is_typed => look.accent(),
                false => look.faint(),
            };
            cells.put((x + place * (KEY + 1), y), KEY, key, style);
        }
    }
    area
}

/// The key at a place of the screen.
pub(crate) fn key_at(area: Rect, (x, y): (u16, u16)) -> Option<Key> {
    if !area.contains((x, y).into()) || (x - area.x) % (KEY + 1) == KEY {
        return None;
    }
    let row = ROWS.get(usize::from(y - area.y))?;
    match row.get(usize::from((x - area.x) / (KEY + 1)))?.trim_matches(['[', ']', ' ']) {
        "del" => Some(Key::DeleteLeft),
        "ok" => Some(Key::Enter),
        digit => digit.chars().next().map(Key::Insert),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_where_it_is_drawn_and_nothing_is_between_them() {
        let area = Rect { x: 2, y: 5, width: SIZE.0, height: SIZE.1 };
        assert_eq!(key_at(area, (2, 5)), Some(Key::Insert('1')));
        assert_eq!(key_at(area, (6, 5)), Some(Key::Insert('1')));
        assert_eq!(key_at(area, (7, 5)), None);
        assert_eq!(key_at(area, (8, 8)), Some(Key::Insert('0')));
        assert_eq!(key_at(area, (2, 8)), Some(Key::DeleteLeft));
        assert_eq!(key_at(area, (14, 8)), Some(Key::Enter));
        assert_eq!(key_at(area, (1, 5)), None);
        assert_eq!(key_at(area, (2, 9)), None);
    }
}
