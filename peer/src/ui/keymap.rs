//! The key table: which stroke asks for what, with what the user makes of it (`[keys]`).
//!
//! Two kinds of keys: those of [`NAMED`] can be bound to other strokes, those of [`FIXED`] belong to the entry and are the
//! same at every terminal. The line terminal has only the second kind.

mod stroke;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use common::settings::nearest;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::app::keys::{Key, KeyAction, KeyHelp, Scroll};
use crate::app::texts::screen::KEY_HELP;
use stroke::Stroke;

/// What can be bound: its name in `[keys]`, what it asks for, its usual keys.
const NAMED: &[(&str, KeyAction, &[&str])] = &[
    ("close", KeyAction::Edit(Key::Escape), &["esc"]),
    ("complete", KeyAction::Edit(Key::Complete), &["tab"]),
    ("details", KeyAction::Details, &["f2"]),
    ("down", KeyAction::Edit(Key::Newer), &["down"]),
    ("end", KeyAction::EndOrDelete, &["ctrl-d"]),
    ("interrupt", KeyAction::Interrupt, &["ctrl-c"]),
    ("newline", KeyAction::Edit(Key::NewLine), &["ctrl-j", "alt-enter"]),
    ("next", KeyAction::Next, &["alt-down"]),
    ("next_unread", KeyAction::NextUnread, &["alt-a"]),
    // The first of its keys is for the first conversation of the list, and so on.
    ("nth", KeyAction::Nth(1), &["alt-1", "alt-2", "alt-3", "alt-4", "alt-5", "alt-6", "alt-7", "alt-8", "alt-9"]),
    ("open", KeyAction::Open, &["ctrl-o"]),
    ("people", KeyAction::People, &["f3"]),
    ("previous", KeyAction::Previous, &["alt-up"]),
    ("quit", KeyAction::Quit, &["ctrl-q"]),
    ("redraw", KeyAction::Redraw, &["ctrl-l"]),
    ("scroll_bottom", KeyAction::Scroll(Scroll::End), &["ctrl-end"]),
    ("scroll_down", KeyAction::Scroll(Scroll::Down), &["pagedown"]),
    ("scroll_top", KeyAction::Scroll(Scroll::Top), &["ctrl-home"]),
    ("scroll_up", KeyAction::Scroll(Scroll::Up), &["pageup"]),
    ("select_down", KeyAction::SelectBelow, &["shift-down"]),
    ("select_up", KeyAction::SelectAbove, &["shift-up"]),
    ("send", KeyAction::Edit(Key::Enter), &["enter"]),
    ("unread", KeyAction::Scroll(Scroll::Unread), &["alt-u"]),
    ("up", KeyAction::Edit(Key::Older), &["up"]),
];

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;

/// The keys of the entry, as readline has them. Characters insert themselves.
const FIXED: &[(KeyModifiers, KeyCode, KeyAction)] = &[
    (NONE, KeyCode::Enter, KeyAction::Edit(Key::Enter)),
    (CTRL, KeyCode::Char('m'), KeyAction::Edit(Key::Enter)),
    (ALT, KeyCode::Enter, KeyAction::Edit(Key::NewLine)),
    (CTRL, KeyCode::Char('j'), KeyAction::Edit(Key::NewLine)),
    (NONE, KeyCode::Esc, KeyAction::Edit(Key::Escape)),
    (NONE, KeyCode::Left, KeyAction::Edit(Key::Left)),
    (CTRL, KeyCode::Char('b'), KeyAction::Edit(Key::Left)),
    (NONE, KeyCode::Right, KeyAction::Edit(Key::Right)),
    (CTRL, KeyCode::Char('f'), KeyAction::Edit(Key::Right)),
    (CTRL, KeyCode::Left, KeyAction::Edit(Key::WordLeft)),
    (ALT, KeyCode::Left, KeyAction::Edit(Key::WordLeft)),
    (ALT, KeyCode::Char('b'), KeyAction::Edit(Key::WordLeft)),
    (CTRL, KeyCode::Right, KeyAction::Edit(Key::WordRight)),
    (ALT, KeyCode::Right, KeyAction::Edit(Key::WordRight)),
    (ALT, KeyCode::Char('f'), KeyAction::Edit(Key::WordRight)),
    (NONE, KeyCode::Home, KeyAction::Edit(Key::Start)),
    (CTRL, KeyCode::Char('a'), KeyAction::Edit(Key::Start)),
    (NONE, KeyCode::End, KeyAction::Edit(Key::End)),
    (CTRL, KeyCode::Char('e'), KeyAction::Edit(Key::End)),
    (NONE, KeyCode::Backspace, KeyAction::Edit(Key::DeleteLeft)),
    (CTRL, KeyCode::Char('h'), KeyAction::Edit(Key::DeleteLeft)),
    (NONE, KeyCode::Delete, KeyAction::Edit(Key::DeleteRight)),
    (ALT, KeyCode::Backspace, KeyAction::Edit(Key::KillWordLeft)),
    (CTRL, KeyCode::Char('w'), KeyAction::Edit(Key::KillWordLeft)),
    (ALT, KeyCode::Char('d'), KeyAction::Edit(Key::KillWordRight)),
    (CTRL, KeyCode::Char('u'), KeyAction::Edit(Key::KillToStart)),
    (CTRL, KeyCode::Char('k'), KeyAction::Edit(Key::KillToEnd)),
    (CTRL, KeyCode::Char('y'), KeyAction::Edit(Key::Yank)),
    (CTRL, KeyCode::Char('_'), KeyAction::Edit(Key::Undo)),
    // Terminals send byte 0x1f for CTRL-_, which crossterm calls CTRL-7.
    (CTRL, KeyCode::Char('7'), KeyAction::Edit(Key::Undo)),
    (CTRL, KeyCode::Char('/'), KeyAction::Edit(Key::Undo)),
    (NONE, KeyCode::Up, KeyAction::Edit(Key::Older)),
    (CTRL, KeyCode::Char('p'), KeyAction::Edit(Key::Older)),
    (NONE, KeyCode::Down, KeyAction::Edit(Key::Newer)),
    (CTRL, KeyCode::Char('n'), KeyAction::Edit(Key::Newer)),
    (CTRL, KeyCode::Char('r'), KeyAction::Edit(Key::Search)),
    (NONE, KeyCode::Tab, KeyAction::Edit(Key::Complete)),
    (CTRL, KeyCode::Char('c'), KeyAction::Interrupt),
    (CTRL, KeyCode::Char('d'), KeyAction::EndOrDelete),
    (CTRL, KeyCode::Char('l'), KeyAction::Redraw),
    (CTRL, KeyCode::Char('z'), KeyAction::Suspend),
    (ALT, KeyCode::Char('a'), KeyAction::NextUnread),
];

/// The keys of the full screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keymap {
    /// As they are written.
    written: BTreeMap<String, Vec<String>>,
    bound: Vec<(Stroke, KeyAction)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let written = usual();
        // The usual keys are tested to be in order.
        let bound = bind(&written).unwrap_or_default();
        Self { written, bound }
    }
}

impl Serialize for Keymap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Keymap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = usual();
        written.extend(BTreeMap::<String, Vec<String>>::deserialize(deserializer)?);
        let bound = bind(&written).map_err(D::Error::custom)?;
        Ok(Self { written, bound })
    }
}

impl Keymap {
    /// All that can be asked for by a key, and by which; what has no key is left out.
    pub(super) fn explained(&self) -> Vec<KeyHelp> {
        let bound = KEY_HELP.iter().filter_map(|(name, does)| Some((self.written.get(*name)?, *does)));
        bound.filter(|(keys, _)| !keys.is_empty()).map(|(keys, does)| KeyHelp { keys: told(keys), does }).collect()
    }

    /// What a key asks for. Usual keys that were taken away ask for nothing.
    pub(super) fn action(&self, key: &KeyEvent) -> Option<KeyAction> {
        let stroke = folded((key.code, key.modifiers));
        if let Some((_, action)) = self.bound.iter().find(|(bound, _)| *bound == stroke) {
            return Some(action.clone());
        }
        let mut usual = NAMED.iter().flat_map(|(_, _, keys)| keys.iter());
        if usual.any(|name| stroke::read(name) == Some(stroke)) {
            return None;
        }
        entry_action(key)
    }
}

/// Keys as the list of keys has them: of many, the first and the last.
fn told(keys: &[String]) -> String {
    match keys {
        [first, _, _, .., last] => format!("{first} … {last}"),
        few => few.join(" "),
    }
}

/// Letters are the same in both cases, and how they were made is not asked.
fn folded((code, held): Stroke) -> Stroke {
    let held = held & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
    match code {
        KeyCode::Char(c) => (KeyCode::Char(c.to_ascii_lowercase()), held - KeyModifiers::SHIFT),
        code => (code, held),
    }
}

/// What a key asks for by [`FIXED`], whatever else is held down with it.
pub(super) fn entry_action(key: &KeyEvent) -> Option<KeyAction> {
    let held = [CTRL, ALT].into_iter().filter(|held| key.modifiers.contains(*held));
    let (code, ways): (KeyCode, Vec<KeyModifiers>) = match key.code {
        // A letter means something else with what is held down; CTRL is stronger.
        KeyCode::Char(c) => match held.take(1).next() {
            None => return Some(KeyAction::Edit(Key::Insert(c))),
            Some(held) => (KeyCode::Char(c.to_ascii_lowercase()), vec![held]),
        },
        code => (code, held.chain([NONE]).collect()),
    };
    let fixed = |way: KeyModifiers| FIXED.iter().find(|(held, fixed, _)| (*held, *fixed) == (way, code));
    ways.into_iter().find_map(fixed).map(|(_, _, action)| action.clone())
}

fn usual() -> BTreeMap<String, Vec<String>> {
    let keys = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NAMED.iter().map(|(action, _, names)| ((*action).to_owned(), keys(names))).collect()
}

/// Every problem at once, or what the keys ask for.
fn bind(written: &BTreeMap<String, Vec<String>>) -> Result<Vec<(Stroke, KeyAction)>, String> {
    let mut bound: Vec<(Stroke, KeyAction)> = Vec::new();
    let mut owners: Vec<(Stroke, &str)> = Vec::new();
    let mut problems = Vec::new();
    for (name, keys) in written {
        let Some((_, action, _)) = NAMED.iter().find(|(known, _, _)| known == name) else {
            problems.push(format!("there is no action \"{name}\""));
            continue;
        };
        for (place, key) in keys.iter().enumerate() {
            let Some(stroke) = stroke::read(key) else {
                let near = nearest(key, NAMED.iter().flat_map(|(_, _, keys)| keys.iter().copied()));
                let near = near.map_or(String::new(), |near| format!(", did you mean \"{near}\"?"));
                problems.push(format!("\"{key}\" of {name} is not a key{near}"));
                continue;
            };
            if let Some((_, other)) = owners.iter().find(|(taken, _)| *taken == stroke) {
                problems.push(format!("\"{key}\" is both {other} and {name}; give one of them another key"));
            }
            owners.push((stroke, name));
            let action =
                if let KeyAction::Nth(first) = action { KeyAction::Nth(first + place) } else { action.clone() };
            bound.push((stroke, action));
        }
    }
    if problems.is_empty() { Ok(bound) } else { Err(problems.join("; ")) }
}
