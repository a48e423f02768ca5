//! Settings as text, the same way in both programs: TOML whose keys are all known, durations, and what was meant.
//!
//! Reads no file and no environment: both are given as text. The known keys are those of the defaults, so that no list
//! is kept twice; unknown ones are errors, all reported at once.

mod byte_size;
mod duration;
pub mod manual;
mod nearest;

pub use byte_size::{ByteSize, NotAByteSize};
pub use duration::{HumanDuration, NotADuration};
pub use nearest::{did_you_mean, nearest};

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

const ENVIRONMENT: &str = "environment";

/// Where settings come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The files, of which each beats those in front of it, key by key.
    pub files: &'a [File<'a>],
    /// What variables of the environment begin with: `PEER_` for `PEER_SECTION__KEY`.
    pub prefix: &'a str,
    /// `(section, key, value)` to use where no file says.
    pub fallback: Option<(&'a str, &'a str, &'a str)>,
}

/// A file of settings that was read.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its content.
    pub text: &'a str,
}

/// Reads settings: defaults, beaten by the files, beaten by the environment.
///
/// # Errors
/// Every problem in a line of its own, `file:line: …` or `environment: …`.
pub fn read<C: Serialize + DeserializeOwned + Default>(
    sources: Sources<'_>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<C, Vec<String>> {
    let known = Table::try_from(C::default()).map_err(|error| vec![error.to_string()])?;
    let (mut problems, mut table) = (Vec::new(), Table::new());
    for file in sources.files {
        let unknown = unknown_keys(*file, &known);
        if !unknown.is_empty() {
            problems.extend(unknown);
            continue;
        }
        match parse::<C>(*file) {
            Ok(parsed) => put_on_top(&mut table, parsed),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some((section, key, value)) = sources.fallback
        && let Some(body) = section_of(&mut table, section)
    {
        body.entry(key).or_insert_with(|| value.into());
    }
    for (variable, value) in environment {
        match overriding(&known, sources.prefix, &variable, &value) {
            Ok(None) => {}
            // Alone, so that it is known which variable is wrong.
            Ok(Some(alone)) => match C::deserialize(alone.clone()) {
                Ok(_) => put_on_top(&mut table, alone),
                Err(error) => problems.push(bad_value(&format!("{ENVIRONMENT}: {variable}"), error.message())),
            },
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // Every part of it has been read once: what is wrong now is the fallback.
    C::deserialize(table).map_err(|error| vec![error.message().to_owned()])
}

/// Takes over the keys of a table, section by section.
fn put_on_top(table: &mut Table, above: Table) {
    for (section, body) in above {
        if let (Some(below), Value::Table(body)) = (section_of(table, &section), body) {
            below.extend(body);
        }
    }
}

fn section_of<'a>(table: &'a mut Table, section: &str) -> Option<&'a mut Table> {
    table.entry(section).or_insert_with(|| Table::new().into()).as_table_mut()
}

/// Parses the file and checks the types while line numbers are known.
fn parse<C: DeserializeOwned>(file: File<'_>) -> Result<Table, String> {
    let typed = toml::from_str::<C>(file.text).map(drop);
    typed.and_then(|()| toml::from_str(file.text)).map_err(|error| {
        let line = line_of(file.text, error.span().map_or(0, |span| span.start));
        bad_value(&format!("{}:{line}", file.name), error.message())
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

fn unknown_keys(file: File<'_>, known: &Table) -> Vec<String> {
    // A file that is not TOML is reported by `parse`.
    let Ok(document) = DeTable::parse(file.text) else { return Vec::new() };
    let mut unknown: Vec<(usize, String)> = Vec::new();
    let mut complain = |key: &Spanned<Cow<'_, str>>, candidates: &Table| {
        let line = line_of(file.text, key.span().start);
        let candidates = candidates.keys().map(String::as_str);
        unknown.push((line, unknown_key(&format!("{}:{line}", file.name), key.get_ref(), candidates)));
    };
    for (section, body) in document.get_ref() {
        match (known.get(section.get_ref().as_ref()).and_then(Value::as_table), body.get_ref()) {
            (None, _) => complain(section, known),
            (Some(keys), DeValue::Table(body)) => {
                body.keys()
                    .filter(|key| !keys.contains_key(key.get_ref().as_ref()))
                    .for_each(|key| complain(key, keys));
            }
            (Some(_), _) => {}
        }
    }
    unknown.sort();
    unknown.into_iter().map(|(_, problem)| problem).collect()
}

/// What `PREFIX_SECTION__KEY` sets, by itself; the type is that of the default. Nothing for any other variable.
fn overriding(known: &Table, prefix: &str, variable: &str, value: &str) -> Result<Option<Table>, String> {
    let Some((section, key)) = variable.strip_prefix(prefix).and_then(|name| name.split_once("__")) else {
        return Ok(None);
    };
    let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
    let wrong = |form: &str| bad_value(ENVIRONMENT, format_args!("{variable} must be {form}"));
    let parsed = match known.get(&section).and_then(|body| body.get(&key)) {
        None => {
            let sections = known.iter().filter_map(|(section, body)| Some((section, body.as_table()?)));
            let names: Vec<String> = sections
                .flat_map(|(section, body)| {
                    body.keys().map(move |key| format!("{prefix}{section}__{key}").to_uppercase())
                })
                .collect();
            return Err(unknown_key(ENVIRONMENT, variable, names.iter().map(String::as_str)));
        }
        Some(Value::Integer(_)) => Value::Integer(value.parse().map_err(|_| wrong("a number"))?),
        Some(Value::Boolean(_)) => Value::Boolean(value.parse().map_err(|_| wrong("true or false"))?),
        Some(Value::Array(_)) => Value::Array(value.split(',').map(str::trim).map(Value::from).collect()),
        Some(_) => Value::from(value),
    };
    let body = Table::from_iter([(key, parsed)]);
    Ok(Some(Table::from_iter([(section, body.into())])))
}

/// Text `e.config`: a key that does not exist.
fn unknown_key<'a>(place: &str, key: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    format!("{place}: unknown key \"{key}\".{}", did_you_mean(key, known, '"'))
}

/// Text `e.config`: a value that does not fit.
fn bad_value(place: &str, why: impl Display) -> String {
    format!("{place}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Line {
        history: u32,
        plain: bool,
        grace: HumanDuration,
        listen: Vec<String>,
    }

    impl Default for Line {
        fn default() -> Self {
            Self { history: 500, plain: false, grace: HumanDuration::from_secs(1), listen: vec!["a".into()] }
        }
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Settings {
        line: Line,
    }

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        read(Sources { files: &[File { name: "file", text }], prefix: "X_", fallback: None }, environment)
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(load("", &[]), Ok(Settings::default()));
    }

    #[test]
    fn every_unknown_key_is_reported_with_its_line_and_the_nearest_known_one() {
        let text = "[line]\nhistry = 1\n\n[lin]\na = 1\n[line.x]\n";
        assert_eq!(
            load(text, &[("X_LINE__PLAN", "true")]).unwrap_err(),
            [
                "file:2: unknown key \"histry\". Did you mean \"history\"?",
                "file:4: unknown key \"lin\". Did you mean \"line\"?",
                "file:6: unknown key \"x\".",
                "environment: unknown key \"X_LINE__PLAN\". Did you mean \"X_LINE__PLAIN\"?",
            ]
        );
    }

    #[test]
    fn a_wrong_value_or_broken_syntax_names_the_line() {
        for (text, place) in [
            ("[line]\nhistory = \"x\"\n", "file:2: "),
            ("[line]\ngrace = \"1x\"\n", "file:2: a duration is"),
            ("\n\n[line\n", "file:3: "),
        ] {
            let problems = load(text, &[]).unwrap_err();
            assert!(problems[0].starts_with(place), "{problems:?}");
        }
    }

    #[test]
    fn the_environment_beats_the_file() {
        let environment = [
            ("X_LINE__HISTORY", "7"),
            ("X_LINE__PLAIN", "true"),
            ("X_LINE__LISTEN", "b, c"),
            ("X_LINE", "not a key"),
            ("UNRELATED__KEY", "x"),
        ];
        let line = load("[line]\nhistory = 5\n", &environment).unwrap().line;
        assert_eq!((line.history, line.plain, line.listen), (7, true, vec!["b".to_owned(), "c".to_owned()]));
        assert!(load("", &[("X_LINE__HISTORY", "many")]).unwrap_err()[0].contains("must be a number"));
        let wrong = load("", &[("X_LINE__GRACE", "x"), ("X_LINE__HISTORY", "7")]).unwrap_err();
        assert!(wrong[0].starts_with("environment: X_LINE__GRACE: a duration is"), "{wrong:?}");
        assert_eq!(wrong.len(), 1);
    }

    #[test]
    fn a_file_beats_those_in_front_of_it_key_by_key() {
        let read = |below, above| {
            let files = [File { name: "below", text: below }, File { name: "above", text: above }];
            read::<Settings>(Sources { files: &files, prefix: "X_", fallback: None }, [])
        };
        let line = read("[line]\nhistory = 5\nplain = true\n", "[line]\nhistory = 6\n").unwrap().line;
        assert_eq!((line.history, line.plain), (6, true));
        let wrong = read("[line]\nhistory = \"x\"\n", "[line]\nplian = true\n").unwrap_err();
        assert!(wrong[0].starts_with("below:2: ") && wrong[1].starts_with("above:2: "), "{wrong:?}");
    }

    #[test]
    fn a_fallback_is_used_where_the_file_does_not_say() {
        let grace = |text| {
            let fallback = Some(("line", "grace", "9s"));
            let sources = Sources { files: &[File { name: "file", text }], prefix: "X_", fallback };
            read::<Settings>(sources, []).unwrap().line.grace
        };
        assert_eq!(grace(""), HumanDuration::from_secs(9));
        assert_eq!(grace("[line]\ngrace = \"2s\"\n"), HumanDuration::from_secs(2));
    }
}
