//! The key table: every action has a place in it, and what the user may change.

use super::*;

fn read(text: &str) -> Result<Keymap, String> {
    toml::from_str::<Keymap>(text).map_err(|error| error.message().to_owned())
}

fn does(keymap: &Keymap, name: &str) -> Option<KeyAction> {
    let (code, held) = stroke::read(name).unwrap();
    keymap.action(&KeyEvent::new(code, held))
}

fn entry(code: KeyCode, held: KeyModifiers) -> Option<KeyAction> {
    entry_action(&KeyEvent::new(code, held))
}

#[test]
fn the_usual_keys_are_keys_and_no_two_actions_share_one() {
    assert_eq!(bind(&usual()).map(|bound| bound.len()), Ok(33));
    assert_eq!(read(""), Ok(Keymap::default()));
    assert_eq!(does(&Keymap::default(), "alt-3"), Some(KeyAction::Nth(3)));
}

#[test]
fn every_action_has_one_name_or_a_fixed_key() {
    for action in KeyAction::all() {
        let names = NAMED.iter().filter(|(_, named, _)| *named == action).count();
        let fixed = FIXED.iter().filter(|(_, _, fixed)| *fixed == action).count();
        // Texts insert themselves, and a wheel is no key.
        let has_none = matches!(
            action,
            KeyAction::Edit(Key::Insert(_) | Key::Paste(_)) | KeyAction::Scroll(Scroll::WheelUp | Scroll::WheelDown)
        );
        assert!(names <= 1, "{action:?} has {names} names");
        assert_eq!(names + fixed == 0, has_none, "{action:?} has {names} names and {fixed} fixed keys");
    }
    for (place, (name, action, keys)) in NAMED.iter().enumerate() {
        assert!(!keys.is_empty(), "{name} has no usual key");
        assert!(NAMED[..place].iter().all(|(other, _, _)| other < name), "{name} is not in its place");
        let first = does(&Keymap::default(), keys[0]);
        assert_eq!(first.as_ref(), Some(action), "the first usual key of {name}");
    }
}

#[test]
fn a_fixed_key_stands_once_and_asks_for_the_same_in_the_full_screen() {
    for (place, (held, code, action)) in FIXED.iter().enumerate() {
        let same = FIXED[..place].iter().any(|(other_held, other, _)| (other_held, other) == (held, code));
        assert!(!same, "{held:?} {code:?} stands twice");
        assert_eq!(entry(*code, *held).as_ref(), Some(action), "{held:?} {code:?}");
        let full = Keymap::default().action(&KeyEvent::new(*code, *held));
        assert_eq!(full.as_ref(), Some(action), "{held:?} {code:?} in the full screen");
    }
}

#[test]
fn letters_are_inserted_and_control_letters_are_commands() {
    use KeyModifiers as Held;
    assert_eq!(entry(KeyCode::Char('a'), Held::NONE), Some(KeyAction::Edit(Key::Insert('a'))));
    assert_eq!(entry(KeyCode::Char('A'), Held::SHIFT), Some(KeyAction::Edit(Key::Insert('A'))));
    assert_eq!(entry(KeyCode::Char('a'), Held::CONTROL), Some(KeyAction::Edit(Key::Start)));
    assert_eq!(entry(KeyCode::Char('a'), Held::ALT), Some(KeyAction::NextUnread));
    assert_eq!(entry(KeyCode::Char('7'), Held::CONTROL), Some(KeyAction::Edit(Key::Undo)));
    assert_eq!(entry(KeyCode::Char('x'), Held::CONTROL), None);
}

#[test]
fn what_else_is_held_down_does_not_matter_to_keys_of_the_entry() {
    use KeyModifiers as Held;
    assert_eq!(entry(KeyCode::Char('B'), Held::CONTROL | Held::ALT), Some(KeyAction::Edit(Key::Left)));
    assert_eq!(entry(KeyCode::Left, Held::CONTROL | Held::ALT), Some(KeyAction::Edit(Key::WordLeft)));
    assert_eq!(entry(KeyCode::Enter, Held::CONTROL | Held::ALT), Some(KeyAction::Edit(Key::NewLine)));
    assert_eq!(entry(KeyCode::Enter, Held::CONTROL), Some(KeyAction::Edit(Key::Enter)));
    assert_eq!(entry(KeyCode::Down, Held::SHIFT), Some(KeyAction::Edit(Key::Newer)));
    assert_eq!(entry(KeyCode::Home, Held::ALT), Some(KeyAction::Edit(Key::Start)));
}

#[test]
fn another_key_takes_over_and_the_usual_one_does_nothing() {
    let keymap = read("open = [\"ctrl-g\", \"f5\"]").unwrap();
    assert_eq!(does(&keymap, "ctrl-g"), Some(KeyAction::Open));
    assert_eq!(does(&keymap, "f5"), Some(KeyAction::Open));
    assert_eq!(does(&keymap, "ctrl-o"), None);
    let kill = Some(KeyAction::Edit(Key::KillToStart));
    assert_eq!(does(&keymap, "ctrl-u"), kill, "keys of the entry stay as they are");
    let nobody = read("end = []").unwrap();
    assert_eq!(does(&nobody, "ctrl-d"), None, "a fixed key that has a name too can be taken away");
}

#[test]
fn what_is_no_key_or_taken_twice_is_an_error_that_names_it() {
    assert_eq!(read("open = [\"ctrl+o\"]").unwrap_err(), "\"ctrl+o\" of open is not a key, did you mean \"ctrl-o\"?");
    assert!(read("open = [\"o\"]").unwrap_err().starts_with("\"o\" of open is not a key"));
    assert_eq!(
        read("people = [\"ctrl-o\"]").unwrap_err(),
        "\"ctrl-o\" is both open and people; give one of them another key"
    );
}

#[test]
fn every_key_is_explained() {
    let mut names: Vec<&str> = KEY_HELP.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, NAMED.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    let explained = Keymap::default().explained();
    let of = |does: &str| explained.iter().find(|help| help.does == does).map(|help| help.keys.as_str());
    assert_eq!(of("begin a new line"), Some("ctrl-j alt-enter"));
    assert_eq!(of("the first to ninth conversation of the list"), Some("alt-1 … alt-9"));
    assert_eq!(explained[0].keys, "enter", "what is needed first stands first");
}
