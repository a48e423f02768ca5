//! "Did you mean …?": the one rule for commands, options, configuration keys and user ids.

/// The candidate a user most likely meant by `word`, if any is close enough: at most a third of the letters wrong,
/// a swap of two neighbours counting as one.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean "…"?` in the given quotes, or nothing.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, quote: char) -> String {
    nearest(word, candidates).map(|near| format!(" Did you mean {quote}{near}{quote}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_with_two_letters_swapped() {
        assert_eq!(nearest("sned", ["list", "send", "help"]), Some("send"));
        assert_eq!(nearest("biance", ["bianca", "carol"]), Some("bianca"));
    }

    #[test]
    fn proposes_nothing_far_away() {
        assert_eq!(nearest("zebra", ["list", "send"]), None);
        assert_eq!(nearest("x", ["quit"]), None);
        assert_eq!(nearest("", ["a"]), None);
    }
}
