//! A file's name as it came, made harmless (threat T3).

use common::display::is_invisible;

/// Bytes that a name may have here: whatever is added to it still fits into the 255 that file systems allow.
const LONGEST: usize = 200;
/// Bytes of an ending, its dot included, that is kept when a name is cut; what is longer is no ending. Chosen arbitrarily.
const LONGEST_ENDING: usize = 20;
/// Names that other systems take for devices.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The name to save under: no folder, nothing invisible, nothing hidden, never empty.
pub fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let kept = shortened(visible.trim().trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']), LONGEST);
    let stem = kept.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
    match kept.as_str() {
        "" => "file".to_owned(),
        _ if RESERVED.contains(&stem.as_str()) => format!("_{kept}"),
        _ => kept,
    }
}

/// Cut to at most this number of bytes, between characters; what tells its kind (`.pdf`, `.tar.gz`) stays.
pub fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let mut kept = stem.to_owned();
    while kept.len() + ending.len() > longest && kept.pop().is_some() {}
    kept + ending
}

/// A name, and the ending that tells its kind; without one the ending is empty.
pub fn split(name: &str) -> (&str, &str) {
    let tells = |ending: &str| (2..=LONGEST_ENDING).contains(&ending.len()) && !ending.contains(' ');
    let dot = |name: &str| name.rfind('.').filter(|dot| *dot > 0 && tells(&name[*dot..]));
    let Some(last) = dot(name) else { return (name, "") };
    let packed = dot(&name[..last]).filter(|before| name[*before..last].eq_ignore_ascii_case(".tar"));
    name.split_at(packed.unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_names_no_folder_and_nothing_hidden() {
        for (came, saved) in [
            ("plans.pdf", "plans.pdf"),
            ("../../x", "x"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\x", "x"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("..", "file"),
            ("", "file"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("a\u{1b}[31m\n.txt", "a[31m.txt"),
            ("NUL", "_NUL"),
            ("com1.txt", "_com1.txt"),
            ("console", "console"),
        ] {
            assert_eq!(harmless(came), saved, "{came:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(harmless(&"ä".repeat(127)), "ä".repeat(100));
    }

    #[test]
    fn a_name_that_is_cut_keeps_what_tells_its_kind() {
        let long = "ä".repeat(120);
        for ending in [".pdf", ".tar.gz", ".TAR.xz", ".sqlite3"] {
            let saved = harmless(&format!("{long}{ending}"));
            assert!(saved.ends_with(&format!("ä{ending}")) && saved.len() <= LONGEST, "{saved}");
            assert!(saved.len() > LONGEST - 2, "no more is cut than must be: {saved}");
        }
        // What stands behind the last dot of a sentence is no ending.
        let sentence = format!("{} {}", "Long. ".repeat(30), "and longer".repeat(12));
        assert_eq!(harmless(&sentence), sentence[..LONGEST]);
        assert_eq!(harmless(&format!("a.{}", "x".repeat(250))), format!("a.{}", "x".repeat(LONGEST - 2)));
        assert_eq!(harmless(&format!(".{}", "x".repeat(250))), "x".repeat(LONGEST));
    }

    #[test]
    fn endings_are_told_from_names() {
        for (name, stem, ending) in [
            ("plans.pdf", "plans", ".pdf"),
            ("a.tar.gz", "a", ".tar.gz"),
            ("tar.gz", "tar", ".gz"),
            (".tar.gz", ".tar", ".gz"),
            ("v1.2", "v1", ".2"),
            ("README", "README", ""),
            ("ends.", "ends.", ""),
            (".bashrc", ".bashrc", ""),
        ] {
            assert_eq!(split(name), (stem, ending), "{name}");
        }
    }

    #[test]
    fn characters_that_cannot_be_seen_are_no_part_of_a_name() {
        assert_eq!(harmless("pl\u{e0041}ans\u{feff}\u{ad}.p\u{3164}df"), "plans.pdf");
    }
}
