//! What the environment says of the terminal: colours and characters.

use std::ffi::OsString;

use crate::config::Colours;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    On,
    Off,
}

/// The option beats the environment, and that beats the configuration. Any `NO_COLOR` that is not empty means
/// none (<https://no-color.org>), any `CLICOLOR_FORCE` that is not empty or 0 means colours.
pub(super) fn colour(
    option: Option<Colours>,
    configured: Colours,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Colour {
    let set = |name| environment(name).filter(|value| !value.is_empty());
    let said = |colours| match colours {
        Colours::Auto => None,
        Colours::Always => Some(Colour::On),
        Colours::Never => Some(Colour::Off),
    };
    let in_the_environment = || {
        if set("NO_COLOR").is_some() {
            return Some(Colour::Off);
        }
        if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            return Some(Colour::On);
        }
        set("TERM").is_some_and(|term| term == "dumb").then_some(Colour::Off)
    };
    // `auto` as the option goes back to what is usual, whatever the configuration says.
    let configured = if option.is_some() { Colours::Auto } else { configured };
    option.and_then(said).or_else(in_the_environment).or_else(|| said(configured)).unwrap_or(Colour::On)
}

/// The locale of characters; the first variable that is set decides (POSIX 8.2).
pub(crate) fn locale() -> (String, Characters) {
    let set = |name: &'static str| Some((name, std::env::var_os(name).filter(|value| !value.is_empty())?));
    let Some((name, value)) = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set) else {
        return (String::new(), Characters::Ascii);
    };
    let value = value.to_string_lossy().into_owned();
    let folded = value.to_lowercase();
    let is_unicode = folded.contains("utf-8") || folded.contains("utf8");
    (format!("{name}={value}"), if is_unicode { Characters::Unicode } else { Characters::Ascii })
}

/// What a terminal draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Characters {
    Unicode,
    Ascii,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_environment_and_that_beats_the_configuration() {
        let decided = |option, configured, environment: &[(&str, &str)]| {
            colour(option, configured, |name| {
                environment.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
            })
        };
        let no = ("NO_COLOR", "1");
        for (option, configured, environment, wanted) in [
            (None, Colours::Auto, &[][..], Colour::On),
            (None, Colours::Never, &[], Colour::Off),
            (None, Colours::Always, &[no], Colour::Off),
            (None, Colours::Auto, &[("NO_COLOR", "")], Colour::On),
            (None, Colours::Never, &[("CLICOLOR_FORCE", "1")], Colour::On),
            (None, Colours::Never, &[("CLICOLOR_FORCE", "0")], Colour::Off),
            (None, Colours::Auto, &[no, ("CLICOLOR_FORCE", "1")], Colour::Off),
            (None, Colours::Always, &[("TERM", "dumb")], Colour::Off),
            (Some(Colours::Always), Colours::Never, &[no], Colour::On),
            (Some(Colours::Never), Colours::Always, &[("CLICOLOR_FORCE", "1")], Colour::Off),
            (Some(Colours::Auto), Colours::Never, &[], Colour::On),
            (Some(Colours::Auto), Colours::Always, &[no], Colour::Off),
        ] {
            assert_eq!(decided(option, configured, environment), wanted, "{option:?} {configured:?} {environment:?}");
        }
    }
}
