//! Which key does what (`[keys]`): every action with its name and its keys, and what the user makes of them.

use std::collections::BTreeMap;

use common::settings::nearest;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::keys::{Press, Scroll};
use crate::app::screen::Action;
use crate::ui::editor::Key;

/// Every action: its name, what it is, its usual keys.
const ACTIONS: &[(&str, Press, &[&str])] = &[
    ("close", Press::Edit(Key::Escape), &["esc"]),
    ("complete", Press::Edit(Key::Complete), &["tab"]),
    ("details", Press::Do(Action::Details), &["f2"]),
    ("down", Press::Edit(Key::Newer), &["down"]),
    ("end", Press::EndOrDelete, &["ctrl-d"]),
    ("interrupt", Press::Interrupt, &["ctrl-c"]),
    ("newline", Press::Edit(Key::NewLine), &["ctrl-j", "alt-enter"]),
    ("next", Press::Do(Action::Next), &["alt-down"]),
    ("next_unread", Press::Do(Action::NextUnread), &["alt-a"]),
    (NTH, Press::Nothing, &["alt-1", "alt-2", "alt-3", "alt-4", "alt-5", "alt-6", "alt-7", "alt-8", "alt-9"]),
    ("open", Press::Do(Action::Open), &["ctrl-o"]),
    ("people", Press::Do(Action::People), &["f3"]),
    ("previous", Press::Do(Action::Previous), &["alt-up"]),
    ("quit", Press::Do(Action::Quit), &["ctrl-q"]),
    ("redraw", Press::Redraw, &["ctrl-l"]),
    ("scroll_bottom", Press::Scroll(Scroll::End), &["ctrl-end"]),
    ("scroll_down", Press::Scroll(Scroll::Down), &["pagedown"]),
    ("scroll_top", Press::Scroll(Scroll::Top), &["ctrl-home"]),
    ("scroll_up", Press::Scroll(Scroll::Up), &["pageup"]),
    ("select_down", Press::Do(Action::SelectBelow), &["shift-down"]),
    ("select_up", Press::Do(Action::SelectAbove), &["shift-up"]),
    ("send", Press::Edit(Key::Enter), &["enter"]),
    ("unread", Press::Scroll(Scroll::Unread), &["alt-u"]),
    ("up", Press::Edit(Key::Older), &["up"]),
];
/// The conversations of the list, in their order.
const NTH: &str = "nth";

/// A key with what is held down.
type Stroke = (KeyCode, KeyModifiers);

/// What keys do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bindings {
    /// As they are written.
    written: BTreeMap<String, Vec<String>>,
    bound: Vec<(Stroke, Press)>,
}

impl Default for Bindings {
    fn default() -> Self {
        let written = usual();
        // The usual keys are tested to be in order.
        let bound = bind(&written).unwrap_or_default();
        Self { written, bound }
    }
}

impl Serialize for Bindings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bindings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = usual();
        written.extend(BTreeMap::<String, Vec<String>>::deserialize(deserializer)?);
        let bound = bind(&written).map_err(D::Error::custom)?;
        Ok(Self { written, bound })
    }
}

impl Bindings {
    /// What a key does; nothing if it is as it usually is. Usual keys that were taken away do nothing.
    pub(super) fn of(&self, key: &KeyEvent) -> Option<Press> {
        let stroke = folded((key.code, key.modifiers));
        let bound = self.bound.iter().find(|(bound, _)| *bound == stroke).map(|(_, press)| press.clone());
        bound.or_else(|| {
            let usual = ACTIONS.iter().flat_map(|(_, _, keys)| keys.iter());
            usual.filter_map(|name| stroke_of(name)).any(|usual| usual == stroke).then_some(Press::Nothing)
        })
    }
}

fn usual() -> BTreeMap<String, Vec<String>> {
    let keys = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    ACTIONS.iter().map(|(action, _, names)| ((*action).to_owned(), keys(names))).collect()
}

/// Every problem at once, or what the keys do.
fn bind(written: &BTreeMap<String, Vec<String>>) -> Result<Vec<(Stroke, Press)>, String> {
    let mut bound: Vec<(Stroke, Press)> = Vec::new();
    let mut owners: Vec<(Stroke, &str)> = Vec::new();
    let mut problems = Vec::new();
    for (action, names) in written {
        let Some((_, press, _)) = ACTIONS.iter().find(|(known, _, _)| known == action) else {
            problems.push(format!("there is no action \"{action}\""));
            continue;
        };
        for (place, name) in names.iter().enumerate() {
            let Some(stroke) = stroke_of(name) else {
                let near = nearest(name, ACTIONS.iter().flat_map(|(_, _, keys)| keys.iter().copied()));
                let near = near.map_or(String::new(), |near| format!(", did you mean \"{near}\"?"));
                problems.push(format!("\"{name}\" of {action} is not a key{near}"));
                continue;
            };
            if let Some((_, other)) = owners.iter().find(|(taken, _)| *taken == stroke) {
                problems.push(format!("\"{name}\" is both {other} and {action}; give one of them another key"));
            }
            owners.push((stroke, action));
            let press = if action == NTH { Press::Do(Action::Nth(place + 1)) } else { press.clone() };
            bound.push((stroke, press));
        }
    }
    if problems.is_empty() { Ok(bound) } else { Err(problems.join("; ")) }
}

/// Reads `ctrl-o`, `alt-shift-up`, `f2`; a letter needs something held down, or it could not be typed any more.
fn stroke_of(name: &str) -> Option<Stroke> {
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

/// Letters are the same in both cases, and how they were made is not asked.
fn folded((code, held): Stroke) -> Stroke {
    let held = held & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
    match code {
        KeyCode::Char(c) => (KeyCode::Char(c.to_ascii_lowercase()), held - KeyModifiers::SHIFT),
        code => (code, held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bindings, String> {
        toml::from_str::<Bindings>(text).map_err(|error| error.message().to_owned())
    }

    fn does(bindings: &Bindings, name: &str) -> Option<Press> {
        let (code, held) = stroke_of(name).unwrap();
        bindings.of(&KeyEvent::new(code, held))
    }

    #[test]
    fn the_usual_keys_are_keys_and_no_two_actions_share_one() {
        assert_eq!(bind(&usual()).map(|bound| bound.len()), Ok(33));
        assert_eq!(read(""), Ok(Bindings::default()));
        assert_eq!(does(&Bindings::default(), "alt-3"), Some(Press::Do(Action::Nth(3))));
    }

    #[test]
    fn another_key_takes_over_and_the_usual_one_does_nothing() {
        let bindings = read("open = [\"ctrl-g\", \"f5\"]").unwrap();
        assert_eq!(does(&bindings, "ctrl-g"), Some(Press::Do(Action::Open)));
        assert_eq!(does(&bindings, "f5"), Some(Press::Do(Action::Open)));
        assert_eq!(does(&bindings, "ctrl-o"), Some(Press::Nothing));
        assert_eq!(does(&bindings, "ctrl-u"), None, "keys of the entry stay as they are");
    }

    #[test]
    fn what_is_no_key_or_taken_twice_is_an_error_that_names_it() {
        assert_eq!(
            read("open = [\"ctrl+o\"]").unwrap_err(),
            "\"ctrl+o\" of open is not a key, did you mean \"ctrl-o\"?"
        );
        assert!(read("open = [\"o\"]").unwrap_err().starts_with("\"o\" of open is not a key"));
        assert_eq!(
            read("people = [\"ctrl-o\"]").unwrap_err(),
            "\"ctrl-o\" is both open and people; give one of them another key"
        );
    }
}
