//! What a side understands beyond the first version of the protocol (protocol section 11).
//!
//! No msgtype, `kind`, `status` or `reason` that came later is sent to whoever did not name its feature.

use serde::{Deserialize, Deserializer, Serialize};

use super::bounded;
use crate::limits::{FEATURE_NAME, FEATURES};

/// Commits that say what was wrong with them, and groups that were founded anew (decision D31).
pub const AUTHORITY: &str = "authority";
/// `CONNECTREPLY` may refuse for a rule of the terminal called, and says for which.
pub(super) const REFUSALS: &str = "refusals";
/// The passcode is proved anew before an account is changed (protocol section 5.6), and `BYE passcode` says why a session
/// ends.
pub const PROOF: &str = "proof";

/// Reports of messages that were stored and are dropped (decision D32).
pub const WITHDRAWN: &str = "withdrawn";

/// Questions about the epochs of rooms (decision D32).
pub const EPOCHS: &str = "epochs";

/// A directory joins two terminals that do not reach each other (decision D26): named by a terminal that can be met so, and
/// by a directory whose administrator allows it.
pub const RELAY: &str = "relay";

/// The same for files: named by a terminal that gives files so, and by a directory that relays them, too.
pub const RELAY_FILES: &str = "relay_files";

/// Two terminals connect to each other at one moment, which the directory names (decision D26): named by a terminal whose
/// session comes from the port that it listens on, and by a directory.
pub const PUNCH: &str = "punch";

/// Several addresses of one terminal (decision D26): of both families, and in its own network.
pub const ADDRESSES: &str = "addresses";

/// A new identity key in the place of a former one (decision D47).
pub const SUCCESSIONS: &str = "successions";

/// What a directory says of a terminal, signed, so that it holds while the directory is out of reach (decision D27): named by a
/// terminal to its directory, and between terminals.
pub const RECORDS: &str = "records";

/// A conversation goes on over another link (decision D26): terminals name it, and call to take the place of a link that stands.
pub const MOVES: &str = "moves";

/// What a terminal of this version tells its directory.
const OF_TERMINAL: &[&str] = &[AUTHORITY, PROOF, WITHDRAWN, RELAY, SUCCESSIONS, RELAY_FILES, ADDRESSES, RECORDS];
/// What a directory of this version tells its terminals, whatever its administrator has chosen.
const OF_DIRECTORY: &[&str] = &[AUTHORITY, PROOF, WITHDRAWN, EPOCHS, SUCCESSIONS, PUNCH, ADDRESSES];
/// What terminals of this version tell each other.
const BETWEEN_TERMINALS: &[&str] = &[REFUSALS, RECORDS, MOVES];

/// Names of features, at most [`FEATURES`] of at most [`FEATURE_NAME`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Features(Vec<String>);

impl Features {
    /// What `ANNOUNCE` names: what a terminal understands from its directory.
    #[must_use]
    pub fn of_terminal() -> Self {
        Self::of(OF_TERMINAL)
    }

    /// What `ANNOUNCED` names: what a directory understands from its terminals.
    #[must_use]
    pub fn of_directory() -> Self {
        Self::of(OF_DIRECTORY)
    }

    /// What `CONNECTREQ` and `CONNECTREPLY` name: what terminals understand from each other.
    #[must_use]
    pub fn between_terminals() -> Self {
        Self::of(BETWEEN_TERMINALS)
    }

    /// The first names, as many as fit.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        let fitting = names.iter().filter(|name| name.len() <= FEATURE_NAME);
        Self(fitting.take(FEATURES).map(|name| (*name).to_owned()).collect())
    }

    /// With one name more, if there is room for it.
    #[must_use]
    pub fn with(mut self, name: &str) -> Self {
        if name.len() <= FEATURE_NAME && self.0.len() < FEATURES {
            self.0.push(name.to_owned());
        }
        self
    }

    /// Whether this feature was named.
    #[must_use]
    pub fn include(&self, feature: &str) -> bool {
        self.0.iter().any(|name| name == feature)
    }

    /// Whether no feature was named; the field is not written then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One name, bounded.
#[derive(Deserialize)]
struct Name(#[serde(deserialize_with = "bounded::text::<_, FEATURE_NAME>")] String);

#[derive(Deserialize)]
struct Names(#[serde(deserialize_with = "bounded::list::<_, _, FEATURES>")] Vec<Name>);

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A field that is `null` stands for one that is not there.
        let names = Option::<Names>::deserialize(deserializer)?;
        let names = names.map(|names| names.0).unwrap_or_default();
        Ok(Self(names.into_iter().map(|name| name.0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_few_and_short() {
        let decodes = |count: usize, length: usize| {
            serde_json::from_value::<Features>(vec!["a".repeat(length); count].into()).is_ok()
        };
        assert!(decodes(FEATURES, FEATURE_NAME));
        assert!(!decodes(FEATURES + 1, 1));
        assert!(!decodes(1, FEATURE_NAME + 1));
        assert_eq!(serde_json::from_str::<Features>("null").unwrap(), Features::default());
        assert!(serde_json::from_str::<Features>("[1]").is_err());
        assert_eq!(Features::of(&["a"; FEATURES + 1]), Features::of(&["a"; FEATURES]));
    }

    #[test]
    fn a_feature_counts_only_if_it_was_named() {
        let features = Features::of(&["dance"]);
        assert!(features.include("dance") && !features.include("dan") && !Features::default().include(""));
    }
}
