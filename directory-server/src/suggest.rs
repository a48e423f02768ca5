//! "Did you mean …?"

/// The candidate nearest to what was typed, if one is near.
pub(crate) fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(typed, candidate), candidate));
    let (distance, candidate) = scored.min()?;
    // Chosen arbitrarily: two slips of the finger, and never more than half of the word.
    (distance <= 2 && distance * 2 <= candidate.len().max(2)).then_some(candidate)
}

/// ` Did you mean "…"?`, or nothing.
pub(crate) fn question<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>, quote: char) -> String {
    nearest(typed, candidates).map(|near| format!(" Did you mean {quote}{near}{quote}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["serve", "invite", "status"];
        assert_eq!(nearest("sevre", words), Some("serve"));
        assert_eq!(nearest("statsu", words), Some("status"));
        assert_eq!(nearest("banana", words), None);
    }
}
