//! Many durations in little memory.

use sketches_ddsketch::{Config, DDSketch};

use crate::figures::{Durations, PERCENTILE_ERROR, Percentiles};

/// Bins of a sketch at most, each 2 % wide: enough for durations from 1 ns to 19 years, so none is ever merged with
/// another and the error holds everywhere. They are made for the range that occurs, 128 at a time.
const BINS: u32 = 2048;
/// Shorter than this is nothing, nanoseconds.
const NOTHING_NS: f64 = 0.5;

/// A sketch (DDSketch, doi:10.14778/3352063.3352135), made when the first duration comes.
#[derive(Clone, Default)]
pub(super) struct Sketch(Option<Box<DDSketch>>);

impl Sketch {
    pub(super) fn add(&mut self, ns: u64) {
        let new = || Box::new(DDSketch::new(Config::new(PERCENTILE_ERROR, BINS, NOTHING_NS)));
        self.0.get_or_insert_with(new).add(ns as f64);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            // The configuration is always the same, which is all that can be wrong.
            (Some(mine), Some(theirs)) => drop(mine.merge(theirs)),
            (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |sketch| sketch.count() as u64)
    }

    pub(super) fn durations(&self) -> Durations {
        let percentiles = self.0.as_deref().map(|sketch| Percentiles {
            p50_ns: percentile(sketch, 50),
            p90_ns: percentile(sketch, 90),
            p99_ns: percentile(sketch, 99),
            // Exact: a float holds the nanoseconds of 104 days.
            max_ns: sketch.max().unwrap_or_default() as u64,
        });
        Durations { count: self.count(), percentiles }
    }
}

/// The smallest duration that `percent` of all do not exceed (nearest rank): of two, the 99th percentile is the longer.
fn percentile(sketch: &DDSketch, percent: u64) -> u64 {
    let count = sketch.count() as u64;
    let rank = (count * percent).div_ceil(100).saturating_sub(1);
    let max = sketch.max().unwrap_or_default();
    if rank + 1 >= count {
        return max as u64;
    }
    // The sketch takes the value at the integer part of quantile * (count - 1).
    let quantile = (rank as f64 + 0.5) / (count - 1) as f64;
    let value = sketch.quantile(quantile).ok().flatten().unwrap_or_default();
    value.clamp(sketch.min().unwrap_or_default(), max).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PERCENTILE_ERROR, Sketch};

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|ns| sketch.add(*ns));
        sketch
    }

    #[test]
    fn of_two_the_99th_percentile_is_the_longer_and_the_median_the_shorter() {
        let percentiles = sketch(&[1_050_000_000, 50_000]).durations().percentiles.expect("two");
        assert_eq!((percentiles.p99_ns, percentiles.max_ns), (1_050_000_000, 1_050_000_000));
        assert!(percentiles.p50_ns.abs_diff(50_000) <= 500, "{percentiles:?}");
        assert_eq!(sketch(&[]).durations().percentiles, None);
        let same = sketch(&[77; 1000]).durations().percentiles.expect("many");
        assert_eq!((same.p50_ns, same.p90_ns, same.p99_ns), (77, 77, 77));
    }

    #[test]
    fn a_usual_service_takes_two_kilobytes() {
        let usual: Vec<_> = (0..10_000).map(|step| 50_000 + step * 200).collect();
        assert!(sketch(&usual).0.expect("one").length() * size_of::<u64>() <= 2_048);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_stated_error_of_the_exact_ones(
            first in prop::collection::vec(0..4_000_000_000_000_u64, 1..300),
            second in prop::collection::vec(0..100_000_u64, 0..300),
        ) {
            let mut merged = sketch(&first);
            merged.merge(&sketch(&second));
            let mut all = [first, second].concat();
            all.sort_unstable();
            let got = merged.durations();
            prop_assert_eq!(got.count, all.len() as u64);
            let got = got.percentiles.expect("some");
            prop_assert_eq!(got.max_ns, all[all.len() - 1]);
            for (percent, got) in [(50, got.p50_ns), (90, got.p90_ns), (99, got.p99_ns)] {
                let exact = all[(all.len() * percent).div_ceil(100) - 1];
                // Half a nanosecond is lost to rounding.
                let allowed = exact as f64 * PERCENTILE_ERROR + 0.500_001;
                prop_assert!(got.abs_diff(exact) as f64 <= allowed, "p{}: {} for {}", percent, got, exact);
            }
        }
    }
}
