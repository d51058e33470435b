//! Rows of the table: what was measured, beside its reference and its target.

use std::fmt;

/// What is measured, by name, and what it is to reach.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: String,
    /// What stands beside it in the same run; empty where the target is a plain value.
    pub reference: &'static str,
    pub unit: Unit,
    pub target: Target,
}

#[derive(Clone, Copy, Debug)]
pub enum Unit {
    PerSecond,
    Millis,
    Micros,
    Mebibytes,
}

/// Of the ratio to the reference, or of the value where there is none.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    None,
}

/// What came of one row.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// One for each pair of runs: the thing, and its reference (1 where there is none).
    pub pairs: Vec<(f64, f64)>,
    /// What else there is to say.
    pub note: String,
}

pub const HEADER: &str = "\
| what | dwell | reference | ratio, median (least to most) | target | reached |
|---|---|---|---|---|---|";

impl Row {
    pub fn line(&self, series: &Series) -> String {
        let what = &self.what;
        if series.pairs.is_empty() {
            return format!("| {what} | {} | | | | |", series.note);
        }
        let things = sorted(series, |(thing, _)| thing);
        let (dwell, reference, ratio, unit) = if self.reference.is_empty() {
            let shown = spread(&things, |value| self.unit.show(value));
            (shown, String::new(), String::new(), Some(self.unit))
        } else {
            let references = sorted(series, |(_, reference)| reference);
            let reference = self.unit.show(median(&references));
            let ratios = sorted(series, |(thing, reference)| thing / reference);
            (
                self.unit.show(median(&things)),
                format!("{}: {reference}", self.reference),
                spread(&ratios, |ratio| format!("{ratio:.2}")),
                None,
            )
        };
        // A value without a reference stands beside a 1.
        let outcome = median(&sorted(series, |(thing, reference)| thing / reference));
        let reached = self.target.reached(outcome);
        let target = self.target.show(unit);
        let comma = if series.note.is_empty() { "" } else { ", " };
        format!(
            "| {what} | {dwell}{comma}{} | {reference} | {ratio} | {target} | {reached} |",
            series.note
        )
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Millis => format!("{value:.2} ms"),
            Self::Micros => format!("{value:.0} µs"),
            Self::Mebibytes => format!("{value:.1} MiB"),
        }
    }
}

impl Target {
    /// Of a value in that unit, or of a ratio.
    pub fn show(self, unit: Option<Unit>) -> String {
        let value = |value| unit.map_or_else(|| format!("{value}"), |unit| unit.show(value));
        match self {
            Self::AtLeast(least) => format!("at least {}", value(least)),
            Self::AtMost(most) => format!("at most {}", value(most)),
            Self::None => String::new(),
        }
    }

    fn reached(self, value: f64) -> &'static str {
        let reached = match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::None => return "",
        };
        if reached { "yes" } else { "no" }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.reference.is_empty() {
            write!(f, ", against {}", self.reference)?;
        }
        let unit = self.reference.is_empty().then_some(self.unit);
        match self.target {
            Target::None => Ok(()),
            target => write!(f, ": {}", target.show(unit)),
        }
    }
}

fn sorted(series: &Series, pick: fn((f64, f64)) -> f64) -> Vec<f64> {
    let mut values: Vec<_> = series.pairs.iter().copied().map(pick).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(sorted: &[f64], show: impl Fn(f64) -> String) -> String {
    let end = |value: Option<&f64>| show(value.copied().unwrap_or(f64::NAN));
    let (least, most) = (end(sorted.first()), end(sorted.last()));
    format!("{} ({least} to {most})", show(median(sorted)))
}

/// With a comma at every thousand.
pub fn grouped(number: u32) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}
