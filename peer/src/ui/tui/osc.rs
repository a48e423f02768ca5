//! What reaches the user beside the screen: the clipboard of the terminal, its bell, notices of the desktop.

use std::ffi::OsString;
use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::app::sanitise::{SafeText, harmless};

/// How notices reach the desktop (`notify.via`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    /// As far as the terminal is known.
    #[default]
    Auto,
    /// `OSC 9`: iTerm2, kitty, WezTerm, Windows Terminal.
    Osc9,
    /// `OSC 777`: rxvt, foot, VTE.
    Osc777,
    /// Not at all.
    None,
}

impl Via {
    /// What the terminal takes, if that is to be found out. Others might print what they do not know.
    pub(crate) fn resolved(self, environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| environment(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
        if self != Self::Auto {
            return self;
        }
        let (term, program) = (text("TERM"), text("TERM_PROGRAM"));
        if term.starts_with("rxvt") || term.starts_with("foot") || !text("VTE_VERSION").is_empty() {
            Self::Osc777
        } else if term.contains("kitty") || ["iTerm.app", "WezTerm", "ghostty"].contains(&program.as_str()) {
            Self::Osc9
        } else {
            Self::None
        }
    }

    pub(super) fn announce(self, words: &SafeText) -> io::Result<()> {
        match self {
            Self::Osc9 => write(&format!("\x1b]9;{}\x07", words.as_str())),
            // A semicolon would end the text.
            Self::Osc777 => write(&format!("\x1b]777;notify;peer;{}\x07", words.as_str().replace(';', ","))),
            Self::Auto | Self::None => Ok(()),
        }
    }
}

/// To the clipboard (OSC 52), as base64, so that nothing in the text reaches the terminal as a command.
pub(super) fn copy(text: &str) -> io::Result<()> {
    write(&format!("\x1b]52;c;{}\x07", STANDARD.encode(harmless(text))))
}

pub(super) fn ring() -> io::Result<()> {
    write("\x07")
}

/// Whose clicks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mouse {
    /// Clicks, dragging and the wheel are told to this program (1000, 1002, 1006).
    Ours,
    /// The terminal selects text with it.
    Terminals,
}

pub(super) fn mouse(whose: Mouse) -> io::Result<()> {
    write(match whose {
        Mouse::Ours => "\x1b[?1000h\x1b[?1002h\x1b[?1006h",
        Mouse::Terminals => "\x1b[?1006l\x1b[?1002l\x1b[?1000l",
    })
}

fn write(sequence: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(sequence.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_go_only_to_terminals_that_are_known_to_take_them() {
        let known = |variable: &'static str, value: &'static str| {
            Via::Auto.resolved(move |name| (name == variable).then(|| value.into()))
        };
        assert_eq!(known("TERM", "foot"), Via::Osc777);
        assert_eq!(known("TERM_PROGRAM", "WezTerm"), Via::Osc9);
        assert_eq!(known("TERM", "xterm-256color"), Via::None);
        assert_eq!(Via::Osc9.resolved(|_| None), Via::Osc9);
    }
}
