//! The texts of the workspace: code, documents, settings, scripts.

use std::fs;
use std::path::{Path, PathBuf};

/// What a build, a run or a tool leaves behind, and what holds bytes of others and not our words.
const LEFT_OUT: [&str; 8] = [".git", "target", "corpus", "artifacts", "coverage", "vectors", "golden", "mutants.out"];

/// One file.
#[derive(Debug)]
pub(crate) struct Text {
    /// From the root of the workspace, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) raw: String,
    /// What is written for readers, on one line: comments of code, all of a document.
    pub(crate) prose: String,
}

/// All texts, and the names of all files.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) texts: Vec<Text>,
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let mut tree = Self { texts: Vec::new(), root: root.clone(), files: Vec::new() };
        tree.walk(&root);
        assert!(tree.texts.len() > 300, "only {} texts below {}", tree.texts.len(), root.display());
        tree
    }

    fn walk(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            if kind.is_dir() && !LEFT_OUT.contains(&name) {
                self.walk(&path);
            } else if kind.is_file() {
                let from_root = path.strip_prefix(&self.root).unwrap().to_str().unwrap().to_owned();
                self.files.push(from_root.clone());
                if let (Some(marks), Ok(raw)) = (comment_marks(name), fs::read_to_string(&path)) {
                    let prose = prose(&raw, marks);
                    self.texts.push(Text { path: from_root, raw, prose });
                }
            }
        }
    }

    pub(crate) fn get(&self, path: &str) -> &Text {
        let found = self.texts.iter().find(|text| text.path == path);
        found.unwrap_or_else(|| panic!("{path} is missing"))
    }

    /// Whether a name in a text is that of a file or folder: from the root, from the text's folder, or the end of a path.
    pub(crate) fn has(&self, text: &Text, name: &str) -> bool {
        let beside = self.root.join(&text.path).parent().unwrap().join(name);
        self.root.join(name).exists()
            || beside.exists()
            || self.files.iter().any(|file| file.ends_with(&format!("/{name}")))
    }
}

/// What comments begin with in a file of this name; `""` where all of it is prose, nothing where it is no text of ours.
fn comment_marks(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "md" => Some(""),
        "rs" => Some("//"),
        "sql" => Some("--"),
        // Scripts and lists for tools have no ending, or begin with a dot.
        "" | "toml" | "service" | "yml" | "gitignore" | "editorconfig" if name != "LICENSE" => Some("#"),
        _ => None,
    }
}

fn prose(raw: &str, mark: &str) -> String {
    let words = |line: &'_ str| -> String {
        let comment = if mark.is_empty() { Some(line) } else { line.split_once(mark).map(|(_, rest)| rest) };
        comment.unwrap_or_default().trim_start_matches(['/', '!', '#']).trim().to_owned()
    };
    raw.lines().map(words).collect::<Vec<_>>().join(" ")
}
