use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    let lines = SafeText::message(text, Glyphs::Unicode);
    lines.iter().map(SafeText::as_str).collect::<Vec<_>>().join("\n")
}

fn ascii(text: &str) -> String {
    SafeText::message(text, Glyphs::Ascii)[0].as_str().to_owned()
}

#[test]
fn colours_and_titles_become_visible() {
    assert_eq!(shown("\x1b[31mred\x1b]0;title\x07"), "␛[31mred␛]0;title␇");
    assert_eq!(ascii("\x1b[31mred\x07"), "^[[31mred^G");
}

#[test]
fn clearing_the_screen_becomes_visible() {
    assert_eq!(shown("\x1b[2J\x1b[H"), "␛[2J␛[H");
}

#[test]
fn direction_marks_are_removed_from_messages_and_shown_in_our_lines() {
    assert_eq!(shown("a\u{202e}b\u{2066}c\u{200f}d\u{061c}e"), "abcde");
    assert_eq!(SafeText::ours("a\u{202e}b").as_str(), "a<U+202E>b");
}

#[test]
fn zero_width_characters_are_dropped() {
    assert_eq!(shown("a\u{200b}b\u{2060}c\u{feff}d\u{200d}e\u{00ad}f\u{e0041}g"), "abcdefg");
}

#[test]
fn single_character_sequence_starts_become_visible() {
    assert_eq!(shown("\u{9b}31m\u{9d}0;t\u{85}"), "␛[31m␛]0;t␛E");
    assert_eq!(ascii("\u{9b}31m"), "^[[31m");
}

#[test]
fn clipboard_writes_become_visible() {
    assert_eq!(shown("\x1b]52;c;aGk=\x1b\\"), "␛]52;c;aGk=␛\\");
}

#[test]
fn tabs_become_spaces() {
    assert_eq!(shown("a\tb"), "a    b");
}

#[test]
fn delete_and_bell_become_visible() {
    assert_eq!(shown("\x7f\x07\x08\r"), "␡␇␈␍");
    assert_eq!(ascii("\x7f\x07"), "^?^G");
}

#[test]
fn at_most_four_marks_stack_on_one_letter() {
    let tower = format!("Z{}", "\u{0301}".repeat(50));
    assert_eq!(shown(&tower), format!("Z{}", "\u{0301}".repeat(4)));
}

#[test]
fn a_mark_without_a_letter_gets_one_of_its_own() {
    assert_eq!(shown("\u{0301}a"), "\u{25cc}\u{0301}a");
    assert_eq!(ascii("\u{0301}a"), "a");
}

#[test]
fn emoji_families_flags_keycaps_and_hangul_pass_whole() {
    for whole in ["👨‍👩‍👧‍👦", "🇮🇹", "1️⃣", "❤️‍🔥", "\u{1112}\u{1161}\u{11ab}", "한"]
    {
        assert_eq!(shown(whole), whole);
    }
}

#[test]
fn joiners_pass_between_letters_that_join() {
    assert_eq!(shown("क्\u{200d}ष"), "क्\u{200d}ष");
    assert!(shown("می\u{200c}خواهم").contains('\u{200c}'));
}

#[test]
fn markup_and_addresses_pass_unchanged() {
    let text = "*bold* _it_ `code` https://example.org/a?b=c";
    assert_eq!(shown(text), text);
}

#[test]
fn further_lines_are_indented() {
    assert_eq!(shown("one\nConnection ended\r\n\u{2028}three\n"), "one\n  Connection ended\n  \n  three");
}

#[test]
fn a_right_to_left_line_is_isolated() {
    assert_eq!(shown("שלום"), "\u{2068}שלום\u{2069}");
    assert_eq!(shown("hello"), "hello");
}

#[test]
fn our_own_lines_are_recognised_in_disguise() {
    for text in [
        "Connection ended",
        "connection ended",
        "  C o n n e c t i o n ended",
        "Connec\u{200b}tion ended",
        "Connection\u{3000}ended",
        "\u{202e}Enter passcode on keypad. ",
        "ＬＯＧＩＮ: ",
        "Соnnесtiоn ended",
        "CTRL-C connection ended",
        "-- carol is online.",
        "—- carol is online.",
        "WARNING: the key",
        "error",
        "Logged in.",
        "Passcode?",
        "carol: I agree",
        "The administrator ended this session. Ask why, or log in again: peer",
        "Was a backup restored? Type yes or no:",
        "carol offers plans.pdf (20.0 MB, PDF). Accept? [y/N]",
        "Whoever answers for carol is not whom you have called.",
    ] {
        assert!(imitates_us(text, ""), "{text:?}");
    }
    assert!(imitates_us("Compare it", "Enter destination user ID: "));
    assert!(imitates_us("my prompt: ali", "My prompt: "));
}

#[test]
fn ordinary_sentences_do_not_imitate_us() {
    for text in ["Hello, how are you today?", "I am fine, how about you?", "- item", "你好", "https://example.org", ""]
    {
        assert!(!imitates_us(text, "Enter destination user ID: "), "{text:?}");
    }
}

fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
}

/// Text in which the dangerous characters are frequent.
fn hostile() -> impl Strategy<Value = String> {
    let dangerous = prop_oneof![
        Just('\u{1b}'),
        Just('\u{9b}'),
        Just('\u{202e}'),
        Just('\u{200d}'),
        Just('\u{301}'),
        Just('\n'),
        Just('\u{7f}'),
        (0_u32..0x20).prop_filter_map("a character", char::from_u32),
        (0x80_u32..0xa0).prop_filter_map("a character", char::from_u32),
        any::<char>(),
    ];
    prop::collection::vec(dangerous, 0..200).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn no_control_character_ever_survives(text in hostile()) {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            for line in SafeText::message(&text, glyphs) {
                prop_assert!(line.as_str().chars().all(is_harmless), "{:?}", line);
            }
        }
        prop_assert!(SafeText::ours(&text).as_str().chars().all(is_harmless));
    }

    #[test]
    fn only_the_first_line_can_start_at_the_margin(text in hostile()) {
        for line in SafeText::message(&text, Glyphs::Ascii).iter().skip(1) {
            prop_assert!(line.as_str().starts_with("  "));
        }
    }

    #[test]
    fn text_that_is_safe_already_is_left_alone(text in "[ -~]{0,80}") {
        let shown = SafeText::ours(&text);
        prop_assert_eq!(shown.as_str(), text.as_str());
    }
}
