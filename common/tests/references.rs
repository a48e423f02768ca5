//! What the tree refers to is there: decisions, threats, sections of the protocol document, files.
//!
//! Reads every text of the workspace as it lies on the disk, so it needs no repository around it. A reference that
//! nothing in the tree defines is a defect of the text that makes it, or of the document that should define it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use tree::{Text, Tree};

const DECISIONS: &str = "common/docs/decisions/";
const PROTOCOL: &str = "common/docs/protocol.md";
const THREATS: &str = "common/docs/threat-model.md";

/// Names that look like ids of this project and are none: file, name, reason.
const NO_IDS: [(&str, &str, &str); 0] = [];

/// Documents from elsewhere that are cited by number or by section.
const STANDARDS: [&str; 8] = ["RFC", "TLS", "JSON-RPC", "OSC", "POSIX", "ISO/IEC", "ECMA", "UAX"];

/// Decisions have a page each, whose name begins with the id that its heading has.
fn decisions(tree: &Tree) -> BTreeSet<String> {
    let pages = tree.texts.iter().filter(|text| text.path.starts_with(&format!("{DECISIONS}D")));
    let id = |text: &Text| {
        let name = text.path.strip_prefix(DECISIONS).unwrap().split('-').next().unwrap();
        let id = format!("D{}", name.trim_start_matches('D').trim_start_matches('0'));
        assert!(text.raw.starts_with(&format!("# {id} ")), "the heading of {} does not say {id}", text.path);
        id
    };
    pages.map(id).collect()
}

/// Threats are rows of the tables that begin with an id; what shows that they are handled stands in the last cell.
fn threats(tree: &Tree) -> BTreeMap<String, String> {
    let rows = tree.get(THREATS).raw.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let named = cells.filter_map(|cells| Some((id(cells[0].split(' ').next()?)?, cells.last()?.to_string())));
    named.collect()
}

/// Numbers of the headings of the protocol document.
fn sections(tree: &Tree) -> BTreeSet<String> {
    let headings = tree.get(PROTOCOL).raw.lines().filter_map(|line| line.strip_prefix('#'));
    let numbers = headings.filter_map(|line| line.trim_start_matches('#').trim().split(' ').next());
    numbers.filter(|word| is_number(word)).map(str::to_owned).collect()
}

/// `D16`, `L9`: the letter of a register and a number.
fn id(word: &str) -> Option<String> {
    let digits = word.strip_prefix(['D', 'G', 'L', 'P', 'T'])?;
    let number = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (number && !digits.starts_with('0')).then(|| word.to_owned())
}

/// `7` or `7.2`.
fn is_number(word: &str) -> bool {
    !word.is_empty() && word.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// The numbers that a list begins with: `5.3 and 5.4`, `6.5 to 6.9`, `1.1, 1.2, 2.3`.
fn numbers<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let (mut found, mut more) = (Vec::new(), true);
    for word in words {
        if is_number(bare(word)) && more {
            found.push(bare(word));
            more = word.ends_with(',');
        } else if matches!(*word, "and" | "to" | "or") && !found.is_empty() {
            more = true;
        } else {
            break;
        }
    }
    found
}

/// What documents define.
struct Defined {
    ids: BTreeSet<String>,
    sections: BTreeSet<String>,
}

impl Defined {
    fn by(tree: &Tree) -> Self {
        let ids = decisions(tree).into_iter().chain(threats(tree).into_keys()).collect();
        Self { ids, sections: sections(tree) }
    }

    /// Everything in a text that names what nothing defines, in words for whoever mends it.
    fn missing_in(&self, text: &Text) -> Vec<String> {
        let names = text.raw.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter_map(id);
        let excepted = |word: &str| NO_IDS.iter().any(|(path, name, _)| text.path == *path && word == *name);
        let mut missing: Vec<String> = names.filter(|id| !self.ids.contains(id) && !excepted(id)).collect();
        let words: Vec<&str> = text.prose.split_whitespace().collect();
        for at in 0..words.len() {
            let (before, after) = words.split_at(at);
            missing.extend(self.missing_at(before, after[0], &after[1..], text.path == PROTOCOL));
        }
        missing
    }

    /// What the word between `before` and `after` refers to by a number, and nothing defines.
    fn missing_at(&self, before: &[&str], word: &str, after: &[&str], in_protocol: bool) -> Vec<String> {
        let last = before.last().map_or("", |word| bare(word));
        let of_others = before.iter().rev().take(2).any(|word| is_standard(bare(word)));
        if let Some((_, numbers)) = word.split_once('§').filter(|_| !of_others) {
            let numbers =
                numbers.split(|c: char| !c.is_ascii_digit() && c != '.').map(|number| number.trim_matches('.'));
            let unknown = numbers.filter(|number| is_number(number) && !self.sections.contains(*number));
            return unknown.map(|number| format!("§{number}")).collect();
        }
        if !word.ends_with(char::is_alphanumeric) {
            return Vec::new(); // What follows begins something else.
        }
        let unknown = |number: &&str| match bare(word).to_ascii_lowercase().as_str() {
            "section" | "sections" if of_others => false,
            "section" | "sections" => {
                !(in_protocol || last.eq_ignore_ascii_case("protocol")) || !self.sections.contains(*number)
            }
            "row" | "rows" | "decision" | "decisions" | "issue" => true,
            // A document by its name: `RFC 9420` is one from elsewhere.
            _ => is_capitals(bare(word)) && !is_standard(bare(word)),
        };
        numbers(after).into_iter().filter(unknown).map(|number| format!("{last} {word} {number}")).collect()
    }
}

fn is_standard(word: &str) -> bool {
    STANDARDS.iter().any(|name| word.starts_with(name))
}

fn is_capitals(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || "-/".contains(c))
}

/// Files that a text names: targets of links, and names in back quotes that end like one of ours.
fn files_named(text: &Text) -> Vec<&str> {
    let is_page = text.path.ends_with(".md");
    let links = text.raw.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|_| is_page);
    let links = links.filter(|target| !target.contains("://")).map(|target| target.split('#').next().unwrap());
    let quoted = text.prose.split('`').skip(1).step_by(2);
    let quoted = quoted.filter(|name| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte));
        plain && [".rs", ".md", ".sql", ".service"].iter().any(|end| name.len() > end.len() && name.ends_with(end))
    });
    links.chain(quoted).filter(|name| !name.is_empty()).collect()
}

fn report(what: &str, found: &BTreeMap<&str, Vec<String>>) {
    let count: usize = found.values().map(Vec::len).sum();
    let lines: Vec<_> = found.iter().map(|(path, names)| format!("{path}: {}", names.join(" · "))).collect();
    assert_eq!(count, 0, "{count} {what}:\n{}", lines.join("\n"));
}

#[test]
fn nothing_is_named_that_no_document_defines() {
    let tree = Tree::read();
    let defined = Defined::by(&tree);
    let found = tree.texts.iter().map(|text| (text.path.as_str(), defined.missing_in(text)));
    report("references to what is nowhere defined", &found.filter(|(_, names)| !names.is_empty()).collect());
}

#[test]
fn every_file_that_is_named_is_there() {
    let tree = Tree::read();
    let missing = |text: &Text| -> Vec<String> {
        files_named(text).into_iter().filter(|name| !tree.has(text, name)).map(str::to_owned).collect()
    };
    let found = tree.texts.iter().map(|text| (text.path.as_str(), missing(text)));
    report("names of files that are not there", &found.filter(|(_, names)| !names.is_empty()).collect());
}

#[test]
fn every_decision_stands_in_the_index_and_every_threat_has_what_shows_it() {
    let tree = Tree::read();
    let index = &tree.get(&format!("{DECISIONS}README.md")).raw;
    for page in tree.texts.iter().filter_map(|text| text.path.strip_prefix(DECISIONS)) {
        assert!(page == "README.md" || index.contains(&format!("]({page})")), "{page} is not in the index");
    }
    assert!(decisions(&tree).len() > 20 && threats(&tree).len() > 20);
    for (id, shown) in threats(&tree) {
        assert!(shown.len() > 5, "nothing shows that {id} is handled");
    }
}
