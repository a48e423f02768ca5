//! Manual pages (roff), as far as both programs write the same: the page of a configuration file, made of the file that
//! explains every key.

use std::fmt::Write as _;

/// A page being written.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// A page of this name and section of the manual, and what it is about.
    #[must_use]
    pub fn new(name: &str, section: u8, about: &str) -> Self {
        let title = plain(&name.to_uppercase());
        let page = format!(".TH \"{title}\" {section}\n.SH NAME\n{} \\- {}\n", plain(name), plain(about));
        Self(page)
    }

    /// A heading.
    pub fn section(&mut self, heading: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, ".SH \"{}\"", plain(&heading.to_uppercase()));
    }

    /// Sentences.
    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.0, ".PP\n{}", line(text));
    }

    /// A term, and what it means.
    pub fn entry(&mut self, term: &str, meaning: &str) {
        let _ = writeln!(self.0, ".TP\n.B {}\n{}", term_of(term), line(meaning));
    }

    /// Lines as they are.
    pub fn example(&mut self, text: &str) {
        self.0.push_str(".PP\n.nf\n");
        text.lines().for_each(|row| {
            let _ = writeln!(self.0, "{}", line(row));
        });
        self.0.push_str(".fi\n");
    }

    /// The page.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The page of the configuration of `program`, made of the file with every key: comments in front of the first section,
/// in front of a section, and in front of each key.
#[must_use]
pub fn configuration(program: &str, places: &[&str], example: &str) -> String {
    let mut page = Page::new(&format!("{program}-config"), 5, &format!("configuration of {program}"));
    page.section("files");
    places.iter().for_each(|place| page.entry(place, "is read if it is there, and beats those below it."));
    page.section("description");
    let mut comments: Vec<&str> = Vec::new();
    let mut headed = false;
    for row in example.lines() {
        if let Some(comment) = row.strip_prefix("# ") {
            comments.push(comment);
        } else if row.is_empty() {
            if !headed && !comments.is_empty() {
                page.paragraph(&comments.join(" "));
                comments.clear();
            }
        } else if row.starts_with('[') {
            headed = true;
            page.section(row);
            if !comments.is_empty() {
                page.paragraph(&comments.join(" "));
                comments.clear();
            }
        } else if row.contains(" = ") {
            page.entry(row, &comments.join(" "));
            comments.clear();
        }
    }
    page.into_text()
}

/// Text without what roff would act on.
fn plain(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq")
}

/// A line of text: what it begins with may be no request.
fn line(text: &str) -> String {
    let text = plain(text);
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// A term is one argument.
fn term_of(term: &str) -> String {
    format!("\"{}\"", plain(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_every_key_with_its_meaning_and_lets_no_text_act() {
        let example =
            "# All keys.\n# Twice.\n\n# About a.\n[a]\n# What b is, such as -x.\nb = \"c\\d\"\n# .bold\ne = 1\n";
        let page = configuration("peer", &["/etc/peer/config.toml"], example);
        let wanted = ".TH \"PEER\\-CONFIG\" 5\n.SH NAME\npeer\\-config \\- configuration of peer\n.SH \"FILES\"\n.TP\n\
                      .B \"/etc/peer/config.toml\"\nis read if it is there, and beats those below it.\n\
                      .SH \"DESCRIPTION\"\n.PP\nAll keys. Twice.\n.SH \"[A]\"\n.PP\nAbout a.\n.TP\n\
                      .B \"b = \\(dqc\\ed\\(dq\"\nWhat b is, such as \\-x.\n.TP\n.B \"e = 1\"\n\\&.bold\n";
        assert_eq!(page, wanted);
    }
}
