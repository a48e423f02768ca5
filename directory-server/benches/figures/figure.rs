//! A figure, its floor and its target, and how they are printed.

use std::fmt;

use serde::Serialize;

/// What a figure is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds of wall time.
    Milliseconds,
    /// Milliseconds of CPU time.
    CpuMilliseconds,
    /// Microseconds of wall time.
    Microseconds,
    /// Microseconds of CPU time.
    CpuMicroseconds,
    /// Events in a second.
    PerSecond,
    /// Megabytes in a second.
    MegabytesPerSecond,
    /// KiB of resident memory.
    Kibibytes,
    /// Bytes.
    Bytes,
    /// One figure as a multiple of another.
    Times,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::CpuMilliseconds => "ms CPU",
            Self::Microseconds => "us",
            Self::CpuMicroseconds => "us CPU",
            Self::PerSecond => "1/s",
            Self::MegabytesPerSecond => "MB/s",
            Self::Kibibytes => "KiB",
            Self::Bytes => "bytes",
            Self::Times => "x",
        }
    }
}

/// How far a figure may be beyond its floor: both are measured on a machine that does other things as well.
const SLACK: f64 = 1.1;

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// The value itself is at most this.
    Value(f64),
    /// The value itself, of which more is better, is at least this.
    Least(f64),
    /// The value is at most this multiple of its floor.
    Ratio(f64),
    /// The value, of which more is better, is at least this multiple of its floor.
    LeastRatio(f64),
}

/// One measured figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    name: &'static str,
    value: f64,
    unit: Unit,
    floor: Option<f64>,
    target: Option<Target>,
    note: String,
}

impl Figure {
    pub(crate) fn new(name: &'static str, value: f64, unit: Unit) -> Self {
        Self { name, value, unit, floor: None, target: None, note: String::new() }
    }

    /// The same without our layers.
    pub(crate) fn floor(self, floor: f64) -> Self {
        Self { floor: Some(floor), ..self }
    }

    pub(crate) fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// What the table says beside it.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Whether it is on the right side of its floor: what is better than the least there is to do was not measured.
    pub(crate) fn is_possible(&self) -> bool {
        let more_is_better = matches!(self.unit, Unit::PerSecond | Unit::MegabytesPerSecond);
        self.ratio().is_none_or(|ratio| if more_is_better { ratio <= SLACK } else { ratio * SLACK >= 1.0 })
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.filter(|floor| *floor > 0.0).map(|floor| self.value / floor)
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let Self { name, value, unit, floor, .. } = self;
        let (floor, ratio) = (floor.map(rounded), self.ratio().map(rounded));
        serde_json::to_string(&Line { name, value: rounded(*value), unit: unit.name(), floor, ratio })
    }
}

/// A figure as programs read it.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    value: f64,
    unit: &'a str,
    floor: Option<f64>,
    ratio: Option<f64>,
}

/// Four significant digits: no figure is better than that.
fn rounded(value: f64) -> f64 {
    let digits = 3 - value.abs().max(f64::MIN_POSITIVE).log10().floor().clamp(-6.0, 9.0) as i32;
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

/// The head of the columns that a figure is displayed in.
pub(crate) const TABLE_HEAD: &str = "figure                               value  unit       floor   ratio  target";

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: f64| rounded(value).to_string();
        let floor = self.floor.map_or_else(String::new, short);
        let ratio = self.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let verdict = |met: bool| if met { "met" } else { "MISSED" };
        let target = match (self.target, self.ratio()) {
            (Some(Target::Value(most)), _) => {
                format!("<= {most} {}: {}", self.unit.name(), verdict(self.value <= most))
            }
            (Some(Target::Least(least)), _) => {
                format!(">= {least} {}: {}", self.unit.name(), verdict(self.value >= least))
            }
            (Some(Target::Ratio(most)), Some(ratio)) => format!("<= {most} x floor: {}", verdict(ratio <= most)),
            (Some(Target::LeastRatio(least)), Some(ratio)) => {
                format!(">= {least} x floor: {}", verdict(ratio >= least))
            }
            (Some(Target::Ratio(_) | Target::LeastRatio(_)) | None, _) => String::new(),
        };
        let line = format!(
            "{:32} {:>9}  {:7} {:>8} {:>7}  {target:24} {}",
            self.name,
            short(self.value),
            self.unit.name(),
            floor,
            ratio,
            self.note
        );
        f.write_str(line.trim_end())
    }
}

/// The middle of what was measured, which one slow round does not move.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => f64::NAN,
        sorted if sorted.len() % 2 == 1 => sorted[sorted.len() / 2],
        sorted => (sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2]) / 2.0,
    }
}
