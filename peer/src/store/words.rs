//! The words of a text, as search knows them: Unicode words (UAX #29) without case, and pictures.
//!
//! Scripts without spaces fall apart into single characters. A term of a query is a run of words, and is found where
//! the same run stands in a text; words that touch, as in such scripts, must touch there too. Characters that Unicode
//! can write in two ways are different words.

use unicode_segmentation::UnicodeSegmentation as _;

/// The words of one text, or of one term of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words(Vec<Word>);

#[derive(Debug, PartialEq, Eq)]
struct Word {
    folded: String,
    /// Whether nothing stands between it and the word before.
    touches: bool,
}

impl Words {
    /// Splits a text.
    pub(super) fn of(text: &str) -> Self {
        let mut words = Vec::new();
        let mut touches = false;
        for segment in text.split_word_bounds() {
            let is_word = segment.chars().any(|c| c.is_alphanumeric() || is_picture(c));
            if is_word {
                words.push(Word { folded: fold(segment), touches });
            }
            touches = is_word;
        }
        Self(words)
    }

    /// The terms of a query: what stands between spaces.
    pub(super) fn terms(query: &str) -> Vec<Self> {
        query.split_whitespace().map(Self::of).filter(|term| !term.0.is_empty()).collect()
    }

    /// Whether these words stand somewhere in `text`, in this order and next to each other.
    pub(super) fn stand_in(&self, text: &Self) -> bool {
        let same = |(index, (mine, theirs)): (usize, (&Word, &Word))| {
            mine.folded == theirs.folded && (index == 0 || !mine.touches || theirs.touches)
        };
        text.0.windows(self.0.len()).any(|window| self.0.iter().zip(window).enumerate().all(same))
    }

    /// What an index has to know to find a text by its words: each word, and each two words that touch, since single
    /// characters say little.
    pub(super) fn entries(&self) -> impl Iterator<Item = [&str; 2]> {
        let single = self.0.iter().map(|word| [word.folded.as_str(), ""]);
        let pairs = self.0.iter().zip(self.0.iter().skip(1)).filter(|(_, second)| second.touches);
        single.chain(pairs.map(|(first, second)| [first.folded.as_str(), second.folded.as_str()]))
    }
}

/// Without case: by way of upper case, because several lower-case letters may share one (`ς` and `σ`, `ß` and `ss`);
/// and without the selectors that say how a picture is drawn.
fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let folded = word.to_uppercase().to_lowercase();
    folded.chars().filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}')).collect()
}

/// Arrows, symbols and emoji.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, text: &str) -> bool {
        let (terms, text) = (Words::terms(query), Words::of(text));
        !terms.is_empty() && terms.iter().all(|term| term.stand_in(&text))
    }

    #[test]
    fn words_are_found_whatever_their_case() {
        for (query, text) in [
            ("hello", "HELLO, world!"),
            ("STRASSE", "in der Straße"),
            ("οδος", "ΟΔΟΣ 7"),
            ("élan", "ÉLAN"),
            ("don't", "Don't panic"),
            ("world hello", "Hello, brave new world"),
            ("3.14", "pi is 3.14 or so"),
        ] {
            assert!(finds(query, text), "{query:?} in {text:?}");
        }
    }

    #[test]
    fn parts_of_words_and_words_in_another_order_within_a_term_are_not_found() {
        for (query, text) in
            [("hell", "hello"), ("bar-foo", "foo-bar"), ("hello moon", "hello world"), ("", "hello"), ("?!", "what?!")]
        {
            assert!(!finds(query, text), "{query:?} in {text:?}");
        }
    }

    #[test]
    fn scripts_without_spaces_are_found_by_any_run_of_their_characters() {
        assert!(finds("你好", "小王，你好吗？"));
        assert!(finds("好吗 小王", "小王，你好吗？"));
        assert!(!finds("好你", "小王，你好吗？"));
        assert!(!finds("王你", "小王，你好吗？"), "a comma stands between them");
        assert!(finds("안녕하세요", "네, 안녕하세요!"));
        assert!(finds("ありがとう", "どうもありがとうございます"));
    }

    #[test]
    fn pictures_are_words_however_they_are_drawn() {
        assert!(finds("🎉", "done🎉🎉"));
        assert!(finds("❤", "I ❤️ it"));
        assert!(finds("👨‍👩‍👧", "all of us 👨‍👩‍👧!"));
        assert!(!finds("👨", "all of us 👨‍👩‍👧!"));
    }
}
