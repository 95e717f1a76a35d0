//! Many durations in little memory.

use std::borrow::Cow;

use sketches_ddsketch::{Config, DDSketch};

use crate::{
    figures::{Durations, PERCENTILE_ERROR, Percentiles},
    memory::Paid,
};

/// Bins of a sketch at most, each 2 % wide: enough for durations from 1 ns to 19 years, so none is ever merged with
/// another and the error holds everywhere. They are made for the range that occurs, so many at a time.
const BINS: u32 = 2048;
const CHUNK: usize = 128;
/// Shorter than this is nothing, nanoseconds.
const NOTHING_NS: f64 = 0.5;

/// Fewer are kept as they are: most groups have few.
const FEW: usize = 16;
/// What durations take, bytes: by themselves, and a bin of a sketch, with what a list has to spare.
const FIRST: usize = size_of::<Values>() + 16;
const BIN: usize = 16;

/// Durations of one kind; memory is taken when the first one comes.
#[derive(Clone, Default)]
pub(super) struct Sketch(Option<Box<Values>>);

#[derive(Clone)]
enum Values {
    Few([u64; FEW], usize),
    /// DDSketch, doi:10.14778/3352063.3352135.
    Many(DDSketch),
}

impl Sketch {
    /// Takes in a duration; false if there is no room for it.
    pub(super) fn add(&mut self, ns: u64, paid: &mut Paid) -> bool {
        if self.0.is_none() && !paid.pay(FIRST) {
            return false;
        }
        let values = &mut **self.0.get_or_insert_with(|| Box::new(Values::Few([0; FEW], 0)));
        match values {
            Values::Few(few, count) if *count < FEW => {
                few[*count] = ns;
                *count += 1;
            }
            Values::Few(few, _) => {
                let mut many = sketch(few);
                if !paid.pay(BIN * many.length()) {
                    return false;
                }
                let is_taken = add(&mut many, ns, paid);
                *values = Values::Many(many);
                return is_taken;
            }
            Values::Many(many) => return add(many, ns, paid),
        }
        true
    }

    /// Takes in all of `other`, whether there is room or not.
    pub(super) fn merge(&mut self, other: &Self, paid: &mut Paid) {
        let Some(theirs) = &other.0 else { return };
        let Some(mine) = &mut self.0 else {
            paid.owe(FIRST + BIN * theirs.bins());
            self.0 = Some(theirs.clone());
            return;
        };
        let before = mine.bins();
        mine.merge(theirs);
        paid.owe(BIN * mine.bins().saturating_sub(before));
    }

    pub(super) fn count(&self) -> u64 {
        match self.0.as_deref() {
            Some(Values::Few(_, count)) => *count as u64,
            Some(Values::Many(sketch)) => sketch.count() as u64,
            None => 0,
        }
    }

    pub(super) fn durations(&self) -> Durations {
        let percentiles = self.0.as_deref().map(|values| {
            let sketch = values.to_sketch();
            Percentiles {
                p50_ns: percentile(&sketch, 50),
                p90_ns: percentile(&sketch, 90),
                p99_ns: percentile(&sketch, 99),
                // Exact: a float holds the nanoseconds of 104 days.
                max_ns: sketch.max().unwrap_or_default() as u64,
            }
        });
        Durations { count: self.count(), percentiles }
    }
}

impl Values {
    fn merge(&mut self, theirs: &Self) {
        match (&mut *self, theirs) {
            (Self::Few(few, count), Self::Few(more, by)) if *count + by <= FEW => {
                few[*count..*count + by].copy_from_slice(&more[..*by]);
                *count += by;
            }
            (Self::Few(few, count), _) => {
                *self = Self::Many(sketch(&few[..*count]));
                self.merge(theirs);
            }
            // The configuration is always the same, which is all that can be wrong.
            (Self::Many(mine), _) => drop(mine.merge(&theirs.to_sketch())),
        }
    }

    fn to_sketch(&self) -> Cow<'_, DDSketch> {
        match self {
            Self::Few(few, count) => Cow::Owned(sketch(&few[..*count])),
            Self::Many(many) => Cow::Borrowed(many),
        }
    }

    fn bins(&self) -> usize {
        match self {
            Self::Few(..) => 0,
            Self::Many(many) => many.length(),
        }
    }
}

fn config() -> Config {
    Config::new(PERCENTILE_ERROR, BINS, NOTHING_NS)
}

fn sketch(values: &[u64]) -> DDSketch {
    let mut sketch = DDSketch::new(config());
    values.iter().for_each(|ns| sketch.add(*ns as f64));
    sketch
}

/// Adds a duration, if there is room for the bins from those that there are to its own.
fn add(sketch: &mut DDSketch, ns: u64, paid: &mut Paid) -> bool {
    let value = ns as f64;
    let (min, max) = (sketch.min().unwrap_or(value), sketch.max().unwrap_or(value));
    if value < min || value > max {
        let range = value.max(max) / value.min(min).max(NOTHING_NS);
        // One more at either end.
        let needed = (config().log_gamma(range) as usize + 2).next_multiple_of(CHUNK).min(BINS as usize);
        if !paid.pay(BIN * needed.saturating_sub(sketch.length())) {
            return false;
        }
    }
    sketch.add(value);
    true
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
    use crate::memory::{Budget, Paid};

    fn paid() -> Paid {
        Paid::nothing(&Budget::of_sockets(1))
    }

    fn sketch(values: &[u64]) -> Sketch {
        let (mut sketch, mut paid) = (Sketch::default(), paid());
        assert!(values.iter().all(|ns| sketch.add(*ns, &mut paid)), "there is room");
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
        assert!(sketch(&usual).0.expect("one").bins() * size_of::<u64>() <= 2_048);
    }

    #[test]
    fn what_finds_no_room_is_not_taken_in() {
        let budget = Budget::of_sockets(1);
        let (mut all, mut paid) = (Vec::new(), Paid::nothing(&budget));
        let durations = || (0..64).map(|power| 1_u64 << power);
        while budget.refused() == 0 {
            let mut wide = Sketch::default();
            let taken = durations().filter(|ns| wide.add(*ns, &mut paid)).count();
            assert_eq!(wide.count(), taken as u64);
            all.push(wide);
        }
        let bytes: usize = all.iter().flat_map(|it| &it.0).map(|it| it.bins() * 8 + size_of_val(&**it)).sum();
        assert!((6 << 20..16 << 20).contains(&bytes), "{bytes} bytes in 16 MiB");
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_stated_error_of_the_exact_ones(
            first in prop::collection::vec(0..4_000_000_000_000_u64, 1..300),
            second in prop::collection::vec(0..100_000_u64, 0..300),
        ) {
            let mut merged = sketch(&first);
            merged.merge(&sketch(&second), &mut paid());
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
