//! A key with what is held down, and how it is written in `[keys]`.

use crossterm::event::{KeyCode, KeyModifiers};

/// A key with what is held down.
pub(super) type Stroke = (KeyCode, KeyModifiers);

/// Reads `ctrl-o`, `alt-shift-up`, `f2`; a letter needs something held down, or it could not be typed any more.
pub(super) fn read(name: &str) -> Option<Stroke> {
    let name = name.trim().to_lowercase();
    let mut rest = name.as_str();
    let mut held = KeyModifiers::NONE;
    while let Some((word, after)) = rest.split_once('-').filter(|(_, after)| !after.is_empty()) {
        held |= match word {
            "ctrl" => KeyModifiers::CONTROL,
            "alt" => KeyModifiers::ALT,
            "shift" => KeyModifiers::SHIFT,
            _ => return None,
        };
        rest = after;
    }
    let mut characters = rest.chars();
    let code = match (rest, characters.next(), characters.next()) {
        (_, Some(c), None) if held.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => KeyCode::Char(c),
        ("enter", ..) => KeyCode::Enter,
        ("tab", ..) => KeyCode::Tab,
        ("esc", ..) => KeyCode::Esc,
        ("up", ..) => KeyCode::Up,
        ("down", ..) => KeyCode::Down,
        ("left", ..) => KeyCode::Left,
        ("right", ..) => KeyCode::Right,
        ("home", ..) => KeyCode::Home,
        ("end", ..) => KeyCode::End,
        ("pageup", ..) => KeyCode::PageUp,
        ("pagedown", ..) => KeyCode::PageDown,
        ("insert", ..) => KeyCode::Insert,
        ("delete", ..) => KeyCode::Delete,
        ("backspace", ..) => KeyCode::Backspace,
        (_, Some('f'), Some(_)) => KeyCode::F(rest[1..].parse().ok().filter(|number| (1..=12).contains(number))?),
        _ => return None,
    };
    Some((code, held))
}
