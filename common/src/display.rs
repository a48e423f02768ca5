//! Characters that act on a terminal without being seen, and JSON that carries none of them (threat T1).
//!
//! What is shown instead of them is each front end's part; here stands which ones they are.

use std::fmt::Write as _;

/// Characters that reorder what is written (Unicode Annex 9).
#[must_use]
pub fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
}

/// Characters that show nothing: with them one text could pass for another.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    is_direction_mark(c)
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same JSON with every character that cannot be seen, or moves something, written as `\uXXXX`. Outside of its
/// strings JSON has none of them, so it means the same.
#[must_use]
pub fn visible_json(json: String) -> String {
    let acts = |c: char| !matches!(c, '\n' | '\r' | '\t') && (c.is_control() || is_invisible(c));
    if !json.contains(acts) {
        return json;
    }
    let mut visible = String::with_capacity(json.len() * 2);
    for c in json.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(visible, "\\u{unit:04x}");
            }
        } else {
            visible.push(c);
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_and_carries_nothing_that_acts_on_a_terminal() {
        let text: String = ('\0'..=char::MAX).collect();
        let shown = visible_json(serde_json::to_string_pretty(&[&text]).unwrap());
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [text]);
        assert!(!shown.contains(|c: char| c != '\n' && (c.is_control() || is_invisible(c))));
        let named = "\u{7f}\u{9b}31m\u{202e}\u{2028}\u{e0041}\u{feff}";
        assert_eq!(visible_json(named.to_owned()), r"\u007f\u009b31m\u202e\u2028\udb40\udc41\ufeff");
    }

    #[test]
    fn what_can_be_seen_stays_as_it_is() {
        let seen = "{\"a\": \"Grüße, 日本, 👍🏽, ☂\u{fe0f}\"}\n";
        assert_eq!(visible_json(seen.to_owned()), seen);
    }
}
