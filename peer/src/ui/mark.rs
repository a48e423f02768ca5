//! The mark that answers a key where nothing is shown of what is typed: it changes with each, and tells no number.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// What it can look like; ASCII, so that it is one column everywhere.
const MARKS: [&str; 4] = ["*", "+", "x", "o"];

/// Another mark than `before`, by chance: marks that came in turn could be counted.
pub(super) fn another(before: Option<&'static str>) -> &'static str {
    let others = MARKS.iter().filter(|mark| Some(**mark) != before);
    let chance = RandomState::new().build_hasher().finish();
    others.copied().nth(usize::try_from(chance % 3).unwrap_or_default()).unwrap_or("*")
}
