//! From samples to figures.

use std::{collections::HashMap, fmt};

use crate::storm::Storm;

/// One storm under one contender.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// What happened.
    pub(crate) storm: Storm,
    /// Time in the contender's programs, if the kernel counted it.
    pub(crate) run_time_ns: u64,
    /// Transitions it says it saw.
    pub(crate) seen: Option<u64>,
}

impl Sample {
    /// Connections per second.
    pub(crate) fn rate(&self) -> f64 {
        self.storm.connections as f64 / self.storm.seconds
    }

    /// Kernel time per transition, all programs of the contender together.
    pub(crate) fn ns_per_transition(&self) -> f64 {
        self.run_time_ns as f64 / self.storm.transitions as f64
    }
}

/// One sample of each contender, by its name.
#[derive(Debug, Default)]
pub(crate) struct Round(HashMap<String, Sample>);

impl Round {
    /// Remembers a sample.
    pub(crate) fn add(&mut self, contender: String, sample: Sample) {
        self.0.insert(contender, sample);
    }

    /// The sample of a contender, if it took part.
    pub(crate) fn of(&self, contender: &str) -> Option<&Sample> {
        self.0.get(contender)
    }
}

/// A median and the range around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The middle one, or the mean of the two middle ones.
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied()).expect("values");
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]).median, 2.5);
        assert_eq!(spread(&[7.0]).median, 7.0);
        assert_eq!(Spread::of([]), None);
        assert_eq!(format!("{:.1}", spread(&[3.0, 1.0, 2.0])), "2.0 (1.0–3.0)");
    }
}
