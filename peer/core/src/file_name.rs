//! A file's name as it came, made harmless (threat T3).

/// Bytes that a name may have here: whatever is added to it still fits into the 255 that file systems allow.
const LONGEST: usize = 200;
/// Names that other systems take for devices.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The name to save under: no folder, nothing invisible, nothing hidden, never empty.
pub fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !c.is_control() && !steers_direction(*c)).collect();
    let mut kept = visible.trim().trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']).to_owned();
    while kept.len() > LONGEST {
        kept.pop();
    }
    let stem = kept.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
    match kept.as_str() {
        "" => "file".to_owned(),
        _ if RESERVED.contains(&stem.as_str()) => format!("_{kept}"),
        _ => kept,
    }
}

fn steers_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
}
