//! Durations as people write them: `90s`, `5m`, `24h`, `30d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// A duration in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanDuration(Duration);

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is 0, or a number and one of s, m, h, d, such as \"5m\"")]
pub struct NotADuration;

impl HumanDuration {
    /// A number of days.
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        Self::from_secs(days * 86_400)
    }

    /// A number of seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl From<HumanDuration> for Duration {
    fn from(span: HumanDuration) -> Self {
        span.0
    }
}

impl FromStr for HumanDuration {
    type Err = NotADuration;
    fn from_str(text: &str) -> Result<Self, NotADuration> {
        if text == "0" {
            return Ok(Self::from_secs(0));
        }
        let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter)).ok_or(NotADuration)?;
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| NotADuration)?;
        number.checked_mul(unit.1).map(Self::from_secs).ok_or(NotADuration)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let fits = UNITS.iter().find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
        let (letter, unit) = fits.copied().unwrap_or(('s', 1));
        write!(f, "{}{letter}", seconds / unit)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for text in ["0s", "90s", "5m", "24h", "30d"] {
            let span: HumanDuration = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<HumanDuration>(), Ok(span), "{text}");
        }
        assert_eq!("24h".parse::<HumanDuration>().unwrap().to_string(), "1d");
        for wrong in ["", "5", "m", "5 m", "-5m", "5x", "99999999999999999999d", "9999999999999999999d"] {
            assert_eq!(wrong.parse::<HumanDuration>(), Err(NotADuration), "{wrong}");
        }
    }
}
