//! The look-alike rule (threat T2): what starts like one of our own lines is shown with its author's name.
//!
//! Erring on the side of showing the name costs nothing, so spaces do not count at all, and letters of other scripts
//! count as the Latin ones they look like.

use common::ident::UserId;

use common::display::is_invisible;

/// Beginnings of our own lines, folded. Lines that start with `-- ` are covered by the first entry.
const OURS: &[&str] = &[
    "--",
    "(your",
    "another",
    "asmany",
    "cannot",
    "checkits",
    "closeit",
    "compare",
    "connection",
    "ctrl-",
    "directory",
    "dothenumbers",
    "enter",
    "error",
    "first",
    "idstate",
    "iftheadministrator",
    "ifyou",
    "internal",
    "leftthe",
    "logged",
    "login",
    "lost",
    "new",
    "noanswer",
    "nobodycan",
    "notaccepted",
    "nothingwas",
    "nouser",
    "old",
    "passcode",
    "paste",
    "registered",
    "reportit",
    "same",
    "sendit",
    "thatis",
    "theadministrator",
    "thedirectory",
    "theinput",
    "theinvite",
    "thekey",
    "thelast",
    "thepasscode",
    "theterminal",
    "thisprogram",
    "thisterminal",
    "toomany",
    "twokeys",
    "type",
    "warning",
    "wasabackup",
    "whatanswers",
    "whoever",
    "youare",
    "yourkey",
];

/// Whether a received text could be taken for a line of this program, the current prompt included.
pub(crate) fn imitates_us(text: &str, prompt: &str) -> bool {
    let text = folded(text);
    let prompt = folded(prompt);
    OURS.iter().any(|ours| text.starts_with(ours))
        || (!prompt.is_empty() && text.starts_with(&prompt))
        || starts_like_an_author(&text)
        || speaks_of_somebody(&text)
}

/// Words of ours behind a user id: why a call came to nothing, and the rows of `list`.
const OF_SOMEBODY: &[&str] = &[
    "cannotcheck",
    "didnotaccept",
    "doesnotknow",
    "gaveup",
    "hasanewkey",
    "hasnot",
    "isalready",
    "isaway",
    "isblocked",
    "islocked",
    "isoffline",
    "isonline",
    "istaken",
    "needsaninvite",
    "offers",
    "speaksanother",
    "takesno",
    "wantsto",
    "wasasked",
];

/// `carol is offline.`, which is how we speak of users.
fn speaks_of_somebody(text: &str) -> bool {
    let begins = |words: &str| text.find(words).is_some_and(|place| UserId::parse(&text[..place]).is_ok());
    OF_SOMEBODY.iter().any(|words| begins(words)) || text.ends_with("verified")
}

/// `carol: …`, `#team carol: …` or `20 Nov 14:02 …`, which is how we show what somebody else says; addresses
/// (`https://…`) are not meant.
fn starts_like_an_author(text: &str) -> bool {
    let author = |id: &str| UserId::parse(id.trim_start_matches(['#', '*'])).is_ok();
    text.split_once(':').is_some_and(|(id, rest)| author(id) && !rest.starts_with("//"))
}

fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c) && !is_combining(*c))
        .map(look_alike)
        .collect()
}

/// Marks put on Latin letters; without them the letter is the same to a quick eye.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{fe0e}' | '\u{fe0f}')
}

/// The Latin letter or sign that a lower-case letter looks like: the full-width forms, the Cyrillic and Greek
/// letters drawn alike, and the dashes.
fn look_alike(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'ε' => 'e',
        'ɡ' => 'g',
        'һ' => 'h',
        'і' | 'ı' | 'ι' => 'i',
        'ӏ' => 'l',
        'п' | 'ո' | 'η' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ѡ' | 'ԝ' => 'w',
        'у' | 'γ' => 'y',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' | '\u{2501}' => '-',
        _ => c,
    }
}
