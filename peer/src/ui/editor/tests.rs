use proptest::prelude::*;

use super::*;

fn editor() -> Editor {
    let mut editor = Editor::new(16 * 1024, 500);
    editor.treat(Echo::Visible, Lines::Many, Some("bianca"));
    editor
}

fn typed(text: &str) -> Editor {
    let mut editor = editor();
    text.chars().for_each(|c| {
        editor.press(Key::Insert(c));
    });
    editor
}

fn after(text: &str, keys: &[Key]) -> (String, usize) {
    let mut editor = typed(text);
    keys.iter().cloned().for_each(|key| {
        editor.press(key);
    });
    (editor.text().to_owned(), editor.cursor())
}

#[test]
fn the_cursor_steps_over_whole_graphemes() {
    let family = "👨‍👩‍👧‍👦";
    assert_eq!(after(&format!("a{family}"), &[Key::Left]).1, 1);
    assert_eq!(after(&format!("a{family}b"), &[Key::Start, Key::Right, Key::Right]).1, 1 + family.len());
    assert_eq!(after("e\u{301}", &[Key::DeleteLeft]), (String::new(), 0));
}

#[test]
fn a_mark_typed_inside_joins_the_letter_and_moves_the_cursor_behind_it() {
    let mut editor = typed("ab");
    editor.press(Key::Left);
    editor.press(Key::Insert('\u{301}'));
    assert_eq!((editor.text(), editor.cursor()), ("a\u{301}b", 3));
}

#[test]
fn moves_by_words() {
    assert_eq!(after("one two", &[Key::WordLeft]).1, 4);
    assert_eq!(after("one two", &[Key::WordLeft, Key::WordLeft, Key::WordRight]).1, 3);
}

#[test]
fn kills_and_yanks() {
    assert_eq!(after("one two", &[Key::KillWordLeft, Key::Start, Key::Yank]).0, "twoone ");
    assert_eq!(after("one two", &[Key::KillToStart, Key::Yank, Key::Yank]).0, "one twoone two");
    assert_eq!(after("one two", &[Key::Start, Key::KillWordRight]).0, " two");
    assert_eq!(after("one", &[Key::Start, Key::KillToEnd]).0, "");
}

#[test]
fn kills_in_a_row_are_yanked_together() {
    assert_eq!(after("a b c", &[Key::KillWordLeft, Key::KillWordLeft, Key::Yank]).0, "a b c");
}

#[test]
fn undo_steps_back_by_runs_of_typing() {
    assert_eq!(after("one", &[Key::KillToStart, Key::Insert('x'), Key::Undo]).0, "");
    assert_eq!(after("one", &[Key::KillToStart, Key::Insert('x'), Key::Undo, Key::Undo]).0, "one");
    assert_eq!(after("one", &[Key::Undo, Key::Undo]).0, "");
}

#[test]
fn history_is_browsed_and_gives_the_unfinished_entry_back() {
    let mut editor = editor();
    editor.remember("first");
    editor.remember("second");
    editor.remember("second");
    editor.press(Key::Insert('x'));
    editor.press(Key::Older);
    assert_eq!(editor.text(), "second");
    editor.press(Key::Older);
    editor.press(Key::Older);
    assert_eq!(editor.text(), "first");
    editor.press(Key::Newer);
    editor.press(Key::Newer);
    assert_eq!(editor.text(), "x");
}

#[test]
fn history_of_one_place_is_not_shown_at_another() {
    let mut editor = editor();
    editor.remember("for bianca only");
    editor.treat(Echo::Visible, Lines::Many, Some("carol"));
    editor.press(Key::Older);
    assert_eq!(editor.text(), "");
}

#[test]
fn search_finds_older_entries_with_the_text() {
    let mut editor = editor();
    ["red apple", "pear", "green apple"].iter().for_each(|entry| editor.remember(entry));
    editor.press(Key::Paste("apple".into()));
    editor.press(Key::Search);
    assert_eq!(editor.text(), "green apple");
    editor.press(Key::Search);
    assert_eq!(editor.text(), "red apple");
}

#[test]
fn a_hidden_entry_leaves_nothing_behind() {
    let mut editor = editor();
    editor.treat(Echo::Hidden, Lines::One, None);
    editor.press(Key::Paste("482193".into()));
    editor.press(Key::KillToStart);
    editor.press(Key::Insert('4'));
    assert_eq!(editor.press(Key::Enter), Effect::Entered("4".into()));
    editor.remember("4");
    editor.treat(Echo::Visible, Lines::One, Some(""));
    for key in [Key::Yank, Key::Undo, Key::Older] {
        editor.press(key);
        assert_eq!(editor.text(), "");
    }
}

#[test]
fn a_paste_of_several_lines_is_one_entry() {
    let mut editor = editor();
    assert_eq!(editor.press(Key::Paste("one\r\ntwo\rthree\n".into())), Effect::Pasted(3));
    assert_eq!(editor.press(Key::Enter), Effect::Entered("one\ntwo\nthree".into()));
}

#[test]
fn escape_discards_a_paste_and_nothing_else() {
    let mut editor = typed("x");
    editor.press(Key::Escape);
    assert_eq!(editor.text(), "x");
    editor.press(Key::Paste("one\ntwo".into()));
    editor.press(Key::Escape);
    assert_eq!(editor.text(), "");
}

#[test]
fn a_prompt_for_one_line_takes_a_paste_as_one_line() {
    let mut editor = editor();
    editor.treat(Echo::Visible, Lines::One, None);
    assert_eq!(editor.press(Key::Paste("a\nb\n".into())), Effect::None);
    assert_eq!(editor.press(Key::NewLine), Effect::Entered("a b".into()));
}

#[test]
fn what_cannot_be_seen_is_not_taken() {
    let mut editor = editor();
    editor.press(Key::Paste("a\u{1b}[2J\u{202e}\u{200b}\tb".into()));
    assert_eq!(editor.text(), "a[2J    b");
}

#[test]
fn nothing_is_taken_of_what_would_be_too_long() {
    let mut editor = Editor::new(10, 0);
    editor.press(Key::Paste("12345678".into()));
    assert_eq!(editor.press(Key::Paste("abc".into())), Effect::TooLong(11));
    assert_eq!(editor.text(), "12345678");
}

#[test]
fn a_search_goes_on_with_every_letter_and_what_is_found_is_the_entry() {
    let mut editor = editor();
    for entry in ["the first plan", "a second plan", "something else"] {
        editor.remember(entry);
    }
    editor.press(Key::Insert('x'));
    editor.press(Key::Search);
    assert_eq!((editor.search(), editor.text()), (Some("x"), ""), "what was typed is what is sought first");
    editor.press(Key::DeleteLeft);
    for letter in "plan".chars() {
        editor.press(Key::Insert(letter));
    }
    assert_eq!((editor.search(), editor.text()), (Some("plan"), "a second plan"));
    editor.press(Key::Search);
    assert_eq!(editor.text(), "the first plan");
    // What is nowhere finds nothing, and there is nothing to enter; going back a letter finds it anew.
    editor.press(Key::Insert('q'));
    assert_eq!((editor.text(), editor.has_found()), ("", false));
    assert_eq!(editor.press(Key::Enter), Effect::None);
    assert_eq!(editor.search(), Some("planq"), "the search goes on");
    editor.press(Key::DeleteLeft);
    assert_eq!(editor.text(), "a second plan");
    editor.press(Key::Escape);
    assert_eq!((editor.search(), editor.text()), (None, "x"), "what was being typed comes back");
    editor.press(Key::Search);
    editor.press(Key::DeleteLeft);
    for letter in "else".chars() {
        editor.press(Key::Insert(letter));
    }
    assert_eq!(editor.press(Key::Enter), Effect::Entered("something else".into()));
    assert_eq!((editor.search(), editor.text()), (None, ""));
}

#[test]
fn a_key_that_ends_a_search_without_a_find_has_what_was_being_typed() {
    let mut editor = editor();
    editor.remember("the first plan");
    [Key::Insert('x'), Key::Search, Key::Insert('y'), Key::Start, Key::Insert('a')].into_iter().for_each(|key| {
        editor.press(key);
    });
    assert_eq!((editor.search(), editor.text()), (None, "ax"));
}

#[test]
fn what_is_typed_beyond_the_limit_is_told_once_and_not_left_out_in_silence() {
    let mut editor = Editor::new(4, 0);
    let told: Vec<Effect> = "abcdefg".chars().map(|c| editor.press(Key::Insert(c))).collect();
    assert_eq!(told.iter().filter(|effect| **effect != Effect::None).collect::<Vec<_>>(), [&Effect::Full(5)]);
    assert_eq!(editor.press(Key::Enter), Effect::Full(7), "what is entered is not all that was typed");
    assert_eq!(editor.press(Key::Enter), Effect::Entered("abcd".into()));
    "abcde".chars().for_each(|c| {
        editor.press(Key::Insert(c));
    });
    editor.press(Key::DeleteLeft);
    assert_eq!(editor.press(Key::Enter), Effect::Entered("abc".into()), "whoever shortens it has seen it");
}

#[test]
fn a_hidden_entry_searches_nothing() {
    let mut editor = editor();
    editor.treat(Echo::Hidden, Lines::One, None);
    editor.press(Key::Search);
    editor.press(Key::Insert('1'));
    assert_eq!((editor.search(), editor.text()), (None, "1"));
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<char>().prop_map(Key::Insert),
        prop::sample::select(vec!['a', ' ', '\u{301}', '\u{200d}', '👩', '👧', '한', '\u{1f1ee}', '你'])
            .prop_map(Key::Insert),
        ".{0,10}".prop_map(Key::Paste),
        prop::sample::select(vec![
            Key::NewLine,
            Key::Left,
            Key::Right,
            Key::WordLeft,
            Key::WordRight,
            Key::Start,
            Key::End,
            Key::DeleteLeft,
            Key::DeleteRight,
            Key::KillWordLeft,
            Key::KillWordRight,
            Key::KillToStart,
            Key::KillToEnd,
            Key::Yank,
            Key::Undo,
            Key::Older,
            Key::Newer,
            Key::Search,
            Key::Escape,
        ]),
    ]
}

proptest! {
    #[test]
    fn the_cursor_is_always_between_graphemes(keys in prop::collection::vec(any_key(), 0..80)) {
        let mut editor = editor();
        editor.remember("한👩\u{200d}👧 e\u{301}");
        for key in keys {
            editor.press(key);
            let boundaries: Vec<usize> =
                editor.text().grapheme_indices(true).map(|(start, _)| start).chain([editor.text().len()]).collect();
            prop_assert!(boundaries.contains(&editor.cursor()), "{:?} at {}", editor.text(), editor.cursor());
        }
    }
}
