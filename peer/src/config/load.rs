//! Where the configuration comes from: a file, and `PEER_SECTION__KEY` in the environment, which beats it.
//!
//! What a good file is, [`common::settings`] says.

use std::ffi::OsString;
use std::path::PathBuf;

use common::settings::{self, File, Sources};

use super::Config;
use crate::app::exit;
use crate::app::texts::failure::Report;
use crate::app::texts::setup;

const PREFIX: &str = "PEER_";
const SYSTEM_WIDE: &str = "/etc/peer/config.toml";

/// Every key with its meaning, its values and its default.
pub(crate) const EXAMPLE: &str = include_str!("../../packaging/config.toml");

/// The same with no key set: each has a `#` in front that is to be taken away.
pub(crate) fn commented_example() -> String {
    let commented = |line: &str| match line {
        line if line.contains(" = ") && !line.starts_with('#') => format!("#{line}\n"),
        line => format!("{line}\n"),
    };
    EXAMPLE.lines().map(commented).collect()
}

/// The files that are read when none is named, as far as they are there: the system's, and on top of it the user's own.
pub(crate) fn default_paths(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    std::iter::once(SYSTEM_WIDE.into()).chain(own_path(environment)).collect()
}

/// The user's own file, whether or not it exists.
pub(crate) fn own_path(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    home_for("XDG_CONFIG_HOME", ".config", &environment).map(|home| home.join("peer/config.toml"))
}

/// Where keys and pins are kept when nothing else is said.
pub(crate) fn default_data_dir(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    home_for("XDG_DATA_HOME", ".local/share", &environment).map(|home| home.join("peer"))
}

/// Where what is not worth keeping for ever goes, such as the details of a bug.
pub(crate) fn default_state_dir(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    home_for("XDG_STATE_HOME", ".local/state", &environment).map(|home| home.join("peer"))
}

/// A directory of the XDG base directory specification; relative ones are ignored, as it demands.
fn home_for(variable: &str, below_home: &str, environment: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

/// The files of which a configuration is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Those that were read, each of which beats those in front of it.
    pub(crate) files: Vec<PathBuf>,
    /// Says which was passed over, and why.
    pub(crate) passed_over: Option<String>,
}

/// Reads the files, which may be absent unless they were `named`, and the environment; each file beats those in front of it.
/// The first of those that nobody named is the system's: it is passed over where it cannot be read and another one is.
/// `joined` is the directory to use where nothing names one.
pub(crate) fn load(
    paths: &[PathBuf],
    named: Named,
    joined: Option<String>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Config, Origin), Report> {
    let mut read: Vec<(String, String)> = Vec::new();
    let mut origin = Origin::default();
    let mut unread = None;
    for (place, path) in paths.iter().enumerate() {
        let is_the_systems = place == 0 && named == Named::No;
        match std::fs::read_to_string(path) {
            Ok(text) => {
                read.push((path.display().to_string(), text));
                origin.files.push(path.clone());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named == Named::No => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(setup::no_config(path.display())),
            Err(error) if is_the_systems && is_out_of_reach(&error) => unread = Some((path, error)),
            Err(error) => return Err(setup::unreadable(path.display(), error)),
        }
    }
    if let Some((path, error)) = unread {
        if origin.files.is_empty() {
            return Err(setup::unreadable(path.display(), error));
        }
        origin.passed_over = Some(setup::passed_over(path.display(), error));
    }
    let files: Vec<File<'_>> = read.iter().map(|(name, text)| File { name, text }).collect();
    let fallback = joined.as_deref().map(|joined| ("server", "address", joined));
    let (mut text_only, mut no_text) = (Vec::new(), Vec::new());
    for (key, value) in environment {
        match (key.into_string(), value.into_string()) {
            (Ok(key), Ok(value)) => text_only.push((key, value)),
            (Ok(key), Err(_)) if key.starts_with(PREFIX) && key.contains("__") => {
                no_text.push(format!("environment: {key} is not UTF-8"));
            }
            // Nobody's setting.
            _ => {}
        }
    }
    if !no_text.is_empty() {
        return Err(Report { lines: no_text, exit: exit::CONFIG });
    }
    settings::read(Sources { files: &files, prefix: PREFIX, fallback }, text_only)
        .map(|config| (config, origin))
        .map_err(|lines| Report { lines, exit: exit::CONFIG })
}

/// Whether this user may not read the file, or cannot because of where it stands.
fn is_out_of_reach(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotADirectory)
}

/// Whether the user named what is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// It must exist.
    Yes,
    /// It may be absent.
    No,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::line::{Names, Presence};

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let shorten = |line: &String| line.replace(&path.display().to_string(), "config.toml");
        load(std::slice::from_ref(&path), Named::Yes, None, environment)
            .map(|(config, _)| config)
            .map_err(|report| report.lines.iter().map(shorten).collect())
    }

    #[test]
    fn the_example_has_every_key_with_its_meaning_and_its_default() {
        let example: toml::Table = EXAMPLE.parse().unwrap();
        assert_eq!(example, toml::Table::try_from(Config::default()).unwrap());
        for (before, key) in EXAMPLE.lines().zip(EXAMPLE.lines().skip(1)).filter(|(_, line)| line.contains(" = ")) {
            assert!(before.starts_with("# "), "{key} is not explained");
        }
        assert_eq!(load_text(&commented_example(), &[]), Ok(Config::default()));
        let uncommented: String = commented_example()
            .lines()
            .map(|line| {
                let key = line.strip_prefix('#').filter(|key| !key.starts_with(' '));
                format!("{}\n", key.unwrap_or(line))
            })
            .collect();
        assert_eq!(uncommented, EXAMPLE);
    }

    #[test]
    fn every_word_that_a_key_takes_is_named_above_it() {
        let words = |section: &str, key: &str| {
            let (_, body) = EXAMPLE.split_once(&format!("[{section}]\n")).unwrap();
            let (before, _) = body.split_once(&format!("\n{key} = ")).unwrap();
            before.lines().last().unwrap().to_owned()
        };
        for (section, key, values) in [
            ("peer", "accept", &["all", "contacts", "ask", "none"][..]),
            ("ui", "color", &["auto", "always", "never"]),
            ("ui", "theme", &["terminal", "mono", "light", "dark", "high-contrast"]),
            ("ui", "glyphs", &["auto", "unicode", "ascii"]),
            ("line", "names", &["auto", "always"]),
            ("line", "presence", &["never", "groups", "all"]),
            ("line", "time", &["never", "auto", "always"]),
            ("tui", "time", &["always", "never"]),
            ("notify", "bell", &["never", "mention", "all"]),
            ("notify", "via", &["auto", "osc9", "osc777", "none"]),
            ("notify", "when", &["unfocused", "always", "never"]),
            ("log", "level", &["error", "warn", "info", "debug"]),
            ("log", "format", &["text", "json"]),
            ("files", "on_exists", &["rename", "replace"]),
        ] {
            for value in values {
                assert!(words(section, key).contains(value), "{key}: {value}");
                load_text(&format!("[{section}]\n{key} = \"{value}\"\n"), &[]).unwrap();
            }
        }
        for backlog in ["backlog = 3", "backlog = \"auto\""] {
            load_text(&format!("[line]\n{backlog}\n"), &[]).unwrap();
        }
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(load_text("", &[]), Ok(Config::default()));
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let config =
            load_text("[server]\nuser = \"ali\"\n[peer]\nlisten = \"127.0.0.2\"\naccept = \"ask\"\n", &[]).unwrap();
        assert_eq!(load_text(&config.to_toml().unwrap(), &[]), Ok(config));
    }

    #[test]
    fn every_unknown_key_is_reported_with_its_line_and_the_nearest_known_one() {
        let text = "[line]\nhistry = 1\n\n[servr]\naddress = \"x\"\n\n[peer]\nbanana = 1\n";
        assert_eq!(
            load_text(text, &[("PEER_LINE__NAME", "always")]).unwrap_err(),
            [
                "config.toml:2: unknown key \"histry\". Did you mean \"history\"?",
                "config.toml:4: unknown key \"servr\". Did you mean \"server\"?",
                "config.toml:8: unknown key \"banana\".",
                "environment: unknown key \"PEER_LINE__NAME\". Did you mean \"PEER_LINE__NAMES\"?",
            ]
        );
    }

    #[test]
    fn a_wrong_value_or_broken_syntax_names_the_line() {
        for (text, place) in [
            ("[line]\nhistory = \"x\"\n", "config.toml:2: "),
            ("[line]\nctrl_c_grace = \"1x\"\n", "config.toml:2: a duration is"),
            ("[server]\naddress = \"a b\"\n", "config.toml:2: a server is"),
            ("\n\n[line\n", "config.toml:3: "),
        ] {
            let problems = load_text(text, &[]).unwrap_err();
            assert!(problems[0].starts_with(place), "{problems:?}");
        }
    }

    #[test]
    fn the_environment_beats_the_file() {
        let environment = [
            ("PEER_LINE__HISTORY", "7"),
            ("PEER_LINE__NAMES", "always"),
            ("PEER_UI__PLAIN", "true"),
            ("PEER_SERVER", "not a key"),
            ("UNRELATED__KEY", "x"),
        ];
        let config = load_text("[line]\nhistory = 5\n", &environment).unwrap();
        assert_eq!((config.line.history, config.line.names, config.ui.plain), (7, Names::Always, true));
        assert!(load_text("", &[("PEER_LINE__HISTORY", "many")]).unwrap_err()[0].contains("must be a number"));
        assert!(load_text("", &[("PEER_LINE__CTRL_C_GRACE", "x")]).unwrap_err()[0].starts_with("environment: "));
    }

    #[test]
    fn mail_and_presence_are_as_quiet_as_promised_unless_told_otherwise() {
        let config = load_text("", &[]).unwrap();
        assert_eq!((config.line.presence, config.peer.read_receipts), (Presence::Groups, false));
        assert_eq!(config.peer.keep_messages, "90d".parse().unwrap());
        let text = "[peer]\nread_receipts = true\nkeep_messages = \"0s\"\n[line]\npresence = \"all\"\n";
        let config = load_text(text, &[]).unwrap();
        assert_eq!((config.line.presence, config.peer.read_receipts), (Presence::All, true));
        assert_eq!(load_text(&config.to_toml().unwrap(), &[]), Ok(config));
        assert!(load_text("[line]\npresence = \"some\"\n", &[]).unwrap_err()[0].starts_with("config.toml:2: "));
    }

    #[test]
    fn keys_are_checked_with_everything_else() {
        let config = load_text("[keys]\nopen = [\"ctrl-g\"]\n", &[]).unwrap();
        assert_eq!(load_text(&config.to_toml().unwrap(), &[]), Ok(config));
        for (text, problem) in [
            ("[keys]\nopn = []\n", "config.toml:2: unknown key \"opn\". Did you mean \"open\"?"),
            ("[keys]\nopen = [\"f3\"]\n", "\"f3\" is both open and people; give one of them another key"),
            ("[notify]\nquiet_hours = \"night\"\n", "config.toml:2: quiet hours are two times of the day"),
        ] {
            let problems = load_text(text, &[]).unwrap_err();
            assert!(problems[0].contains(problem), "{problems:?}");
        }
    }

    #[test]
    fn a_named_file_must_exist() {
        let missing = [PathBuf::from("/nonexistent/config.toml")];
        assert_eq!(load(&missing, Named::No, None, []).unwrap().1, Origin::default());
        assert_eq!(load(&missing, Named::Yes, None, []).unwrap_err().exit, exit::IO);
    }

    #[test]
    fn the_systems_file_is_passed_over_where_it_cannot_be_read_and_the_users_own_can() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("config.toml");
        std::fs::write(&own, "[line]\nhistory = 7\n").unwrap();
        // No folder: whoever runs the tests, nothing below it can be read.
        let below = own.join("config.toml");
        let (config, origin) = load(&[below.clone(), own.clone()], Named::No, None, []).unwrap();
        assert_eq!((config.line.history, origin.files.as_slice()), (7, std::slice::from_ref(&own)));
        assert!(origin.passed_over.unwrap().contains(&below.display().to_string()));
        let missing = dir.path().join("missing.toml");
        for (paths, named) in [
            (vec![own.clone(), below.clone()], Named::No),
            (vec![below.clone()], Named::No),
            (vec![below.clone(), missing], Named::No),
            (vec![below.clone()], Named::Yes),
        ] {
            let report = load(&paths, named, None, []).unwrap_err();
            assert_eq!(report.exit, exit::IO, "{paths:?}");
        }
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert!(is_out_of_reach(&denied));
    }

    #[test]
    fn what_is_not_utf8_is_shown_or_pointed_out_but_never_passed_over() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = || OsString::from_vec(b"caf\xe9".to_vec());
        let missing = [PathBuf::from("/nonexistent/config.toml")];
        let environment = [("PEER_FILES__DIR".into(), odd()), ("PEER_DATA_DIR".into(), odd()), (odd(), odd())];
        let report = load(&missing, Named::No, None, environment).unwrap_err();
        assert_eq!(
            (report.lines.as_slice(), report.exit),
            (&["environment: PEER_FILES__DIR is not UTF-8".into()][..], exit::CONFIG)
        );
        let mut config = Config::default();
        (config.server.passcode_file, config.log.file) = (odd().into(), odd().into());
        assert_eq!(config.to_toml().unwrap().matches("\"caf\u{fffd}\"").count(), 2);
    }

    #[test]
    fn places_follow_the_base_directory_specification() {
        let none = |_: &str| None;
        assert_eq!(default_paths(none), [Path::new("/etc/peer/config.toml")]);
        assert_eq!(default_data_dir(none), None);
        let home = |name: &str| (name == "HOME").then(|| "/home/ali".into());
        // The user's own is put on top.
        let own = Path::new("/home/ali/.config/peer/config.toml");
        assert_eq!(default_paths(home), [Path::new("/etc/peer/config.toml"), own]);
        assert_eq!(default_data_dir(home), Some("/home/ali/.local/share/peer".into()));
        let relative = |name: &str| (name == "XDG_DATA_HOME").then(|| "here".into());
        assert_eq!(default_data_dir(relative), None);
    }

    #[test]
    fn the_directory_last_joined_is_used_where_nothing_names_one() {
        let joined = Some("dir.example.org:7420".to_owned());
        let missing = [PathBuf::from("/nonexistent/config.toml")];
        let address = |environment: Vec<(OsString, OsString)>| {
            let (config, _) = load(&missing, Named::No, joined.clone(), environment).unwrap();
            config.server.address.to_string()
        };
        assert_eq!(address(Vec::new()), "dir.example.org:7420");
        assert_eq!(address(vec![("PEER_SERVER__ADDRESS".into(), "127.0.0.1".into())]), "127.0.0.1:7420");
    }
}
