//! Where the configuration comes from: a file, and `DIRSRV_SECTION__KEY` in the environment.
//!
//! What a good file is, [`common::settings`] says.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use common::settings::{self, File, Sources};

use super::Config;
use crate::failure::{Failure, Kind};

const PREFIX: &str = "DIRSRV_";
const SYSTEM_WIDE: &str = "/etc/directory-server/config.toml";

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// The files that were there, each of which beats those in front of it.
    pub(crate) files: Vec<PathBuf>,
    /// Says which file was passed over, and why.
    pub(crate) passed_over: Option<String>,
}

impl Loaded {
    /// Where it came from, for people; nothing where all is as it is without a file.
    pub(crate) fn source(&self) -> Option<String> {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// The files that are read when none is named, as far as they are there: the system's, and on top of it the user's own.
pub(crate) fn default_paths() -> Vec<PathBuf> {
    std::iter::once(SYSTEM_WIDE.into()).chain(own_path()).collect()
}

/// The file with every key, its meaning and its default.
pub(crate) const EXAMPLE: &str = include_str!("../../packaging/config.toml");

/// Creates the example as `named`, or as the user's own file; never overwrites one.
pub(crate) fn create(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let nowhere = || Failure::new(Kind::Config, "There is no home directory. Name the file with --config FILE.");
    let path = named.map(Path::to_owned).or_else(own_path).ok_or_else(nowhere)?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Kind::Io, format!("{} is there already. Nothing was changed.", path.display()))
        }
        _ => Failure::io(format_args!("write {}", path.display()), &error),
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(EXAMPLE.as_bytes()).map_err(failed)?;
    Ok(path)
}

fn own_path() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    config.map(|config| config.join("directory-server/config.toml"))
}

/// Reads the file (`named`, or the default ones that are there) and the environment.
pub(crate) fn load(
    named: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Failure> {
    match named {
        Some(named) => {
            let text = std::fs::read_to_string(named).map_err(|error| unreadable(named, &error))?;
            combine(vec![(named.to_owned(), text)], None, environment)
        }
        None => load_unnamed(default_paths(), environment),
    }
}

/// Reads those of these files that are there, and the environment. The first is the system's: it is passed over where it
/// cannot be read and another one is.
fn load_unnamed(
    paths: Vec<PathBuf>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Failure> {
    let (mut read, mut unread) = (Vec::new(), None);
    for (place, path) in paths.into_iter().enumerate() {
        match std::fs::read_to_string(&path) {
            Ok(text) => read.push((path, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if place == 0 && is_out_of_reach(&error) => unread = Some((path, error)),
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    let passed_over = match unread {
        Some((path, error)) if read.is_empty() => return Err(unreadable(&path, &error)),
        Some((path, error)) => Some(format!("{} cannot be read ({}) and does not count", path.display(), error.kind())),
        None => None,
    };
    combine(read, passed_over, environment)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io(format_args!("read {}", path.display()), error)
}

/// Whether this user may not read the file, or cannot because of where it stands.
fn is_out_of_reach(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotADirectory)
}

fn combine(
    read: Vec<(PathBuf, String)>,
    passed_over: Option<String>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, Failure> {
    let (files, read): (Vec<PathBuf>, Vec<(String, String)>) =
        read.into_iter().map(|(path, text)| (path.clone(), (path.display().to_string(), text))).unzip();
    let texts: Vec<File<'_>> = read.iter().map(|(name, text)| File { name, text }).collect();
    settings::read(Sources { files: &texts, prefix: PREFIX, fallback: None }, environment)
        .map_err(|problems| Failure::new(Kind::Config, problems.join("\n")))
        .and_then(Config::validate)
        .map(|config| Loaded { config, files, passed_over })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let loaded = load(Some(&path), environment);
        let strip = |failure: Failure| {
            assert_eq!(failure.kind, Kind::Config);
            failure.message.replace(&path.display().to_string(), "config.toml")
        };
        loaded.map(|loaded| loaded.config).map_err(strip)
    }

    #[test]
    fn the_example_has_every_key_with_its_default() {
        let example: toml::Table = EXAMPLE.parse().unwrap();
        assert_eq!(example, toml::Table::try_from(Config::default()).unwrap());
        let commented = EXAMPLE.lines().zip(EXAMPLE.lines().skip(1));
        for (before, key) in commented.filter(|(_, line)| line.contains(" = ")) {
            assert!(before.starts_with("# "), "{key} is not explained");
        }
    }

    #[test]
    fn the_systems_file_is_passed_over_where_it_cannot_be_read_and_the_users_own_can() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("config.toml");
        std::fs::write(&own, "[limits]\nlookups_per_minute = 7\n").unwrap();
        // No folder: whoever runs the tests, nothing below it can be read.
        let below = own.join("config.toml");
        let loaded = load_unnamed(vec![below.clone(), own.clone()], []).unwrap();
        assert_eq!((loaded.config.limits.lookups_per_minute, loaded.files), (7, vec![own.clone()]));
        assert!(loaded.passed_over.unwrap().contains(&below.display().to_string()));
        let missing = dir.path().join("missing.toml");
        for paths in [vec![own.clone(), below.clone()], vec![below.clone()], vec![below.clone(), missing]] {
            assert_eq!(load_unnamed(paths.clone(), []).unwrap_err().kind, Kind::Io, "{paths:?}");
        }
        assert_eq!(load(Some(&below), []).unwrap_err().kind, Kind::Io);
        assert!(is_out_of_reach(&ErrorKind::PermissionDenied.into()));
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = load_text("", &[]).unwrap();
        assert_eq!(config.listen.address, ["127.0.0.1:7420", "[::1]:7420"]);
        assert_eq!(config.limits.lookups_per_minute, 120);
    }

    #[test]
    fn every_unknown_key_is_reported_with_its_line_and_the_nearest_known_one() {
        let text = "[limits]\nlookup_per_minute = 1\n\n[lisen]\naddress = []\n\n[log]\nbanana = 1\n";
        let expected = "config.toml:4: unknown key \"lisen\". Did you mean \"listen\"?";
        let message = load_text(text, &[]).unwrap_err();
        let lines: Vec<_> = message.lines().collect();
        assert_eq!(lines.len(), 3, "{message}");
        assert!(lines.contains(&expected), "{message}");
        let near = "config.toml:2: unknown key \"lookup_per_minute\". Did you mean \"lookups_per_minute\"?";
        assert!(lines.contains(&near), "{message}");
        assert!(lines.contains(&"config.toml:8: unknown key \"banana\"."), "{message}");
    }

    #[test]
    fn a_wrong_type_or_broken_syntax_names_the_line() {
        assert!(load_text("[auth]\ntries = \"four\"\n", &[]).unwrap_err().starts_with("config.toml:2: "));
        assert!(load_text("[auth]\nlock = \"5x\"\n", &[]).unwrap_err().starts_with("config.toml:2: a duration is"));
        assert!(load_text("\n\n[auth\n", &[]).unwrap_err().starts_with("config.toml:3: "));
    }

    #[test]
    fn the_environment_beats_the_file() {
        let environment = [
            ("DIRSRV_LIMITS__LOOKUPS_PER_MINUTE", "7"),
            ("DIRSRV_LISTEN__ADDRESS", "127.0.0.2:1, 127.0.0.3:2"),
            ("DIRSRV_REGISTER__MODE", "closed"),
            ("DIRSRV_DATA_DIR", "elsewhere"),
            ("UNRELATED__KEY", "x"),
        ];
        let config = load_text("[limits]\nlookups_per_minute = 5\n", &environment).unwrap();
        assert_eq!(config.limits.lookups_per_minute, 7);
        assert_eq!(config.listen.address, ["127.0.0.2:1", "127.0.0.3:2"]);
        assert_eq!(config.register.mode, crate::config::Mode::Closed);
        let unknown = load_text("", &[("DIRSRV_LIMITS__LOOKUPS", "7")]).unwrap_err();
        assert!(unknown.starts_with("environment: unknown key \"DIRSRV_LIMITS__LOOKUPS\"."), "{unknown}");
        assert!(load_text("", &[("DIRSRV_AUTH__TRIES", "four")]).unwrap_err().contains("must be a number"));
    }
}
