//! How long many handshakes took, in buckets as the kernel side counts them.

use std::collections::BTreeMap;

use tracer_common::latency::{BUCKETS, STEPS, bounds, bucket};

/// How far a percentile of a [`Distribution`] may be from the value that has its rank, relative to that value: half of the
/// widest bucket's width, relative to its beginning.
pub const BUCKET_ERROR: f64 = 0.5 / STEPS as f64;

/// How many there are in each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    counts: BTreeMap<u32, u64>,
    count: u64,
    /// The longest that is known exactly, microseconds.
    longest_us: u32,
}

/// Percentiles by nearest rank, nanoseconds, with [`BUCKET_ERROR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them were no longer.
    pub p50_ns: u64,
    /// 90 % of them were no longer.
    pub p90_ns: u64,
    /// 99 % of them were no longer.
    pub p99_ns: u64,
    /// 99.9 % of them were no longer.
    pub p999_ns: u64,
    /// The longest: exact of a whole run; of a part of it, with the same error unless it is the longest so far.
    pub max_ns: u64,
}

impl Distribution {
    /// Adds so many to a bucket.
    pub fn add(&mut self, bucket: u32, count: u64) {
        *self.counts.entry(bucket).or_default() += count;
        self.count += count;
    }

    /// Takes note of how long one of them took exactly.
    pub fn note_longest(&mut self, us: u32) {
        self.longest_us = self.longest_us.max(us);
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
        self.note_longest(other.longest_us);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many took from one power of two of microseconds up to the next, by the power; what took nothing is with 1 µs.
    pub fn powers(&self) -> impl Iterator<Item = (u32, u64)> {
        self.counts.iter().map(|(bucket, count)| (bounds(*bucket).0.max(1).ilog2(), *count))
    }

    /// `None` if there is nothing.
    #[must_use]
    pub fn quantiles(&self) -> Option<Quantiles> {
        let max_ns = self.longest_ns()?;
        let at = |thousandths: u64| {
            let rank = (u128::from(self.count) * u128::from(thousandths)).div_ceil(1000) as u64;
            if rank >= self.count { max_ns } else { self.of_rank(rank).min(max_ns) }
        };
        Some(Quantiles { p50_ns: at(500), p90_ns: at(900), p99_ns: at(990), p999_ns: at(999), max_ns })
    }

    fn longest_ns(&self) -> Option<u64> {
        let (highest, _) = self.counts.last_key_value()?;
        let is_in_it = bucket(self.longest_us) == *highest;
        Some(if is_in_it { u64::from(self.longest_us) * 1_000 } else { middle_ns(*highest) })
    }

    /// The middle of the bucket of the `rank`th shortest.
    fn of_rank(&self, rank: u64) -> u64 {
        let mut passed = 0;
        let reaches = |(_, count): &(&u32, &u64)| {
            passed += **count;
            passed >= rank
        };
        self.counts.iter().find(reaches).map_or(0, |(bucket, _)| middle_ns(*bucket))
    }
}

/// Of the last bucket, which has no end, the beginning is as good as anything.
fn middle_ns(bucket: u32) -> u64 {
    let (first, last) = bounds(bucket);
    if bucket as usize + 1 == BUCKETS { u64::from(first) * 1_000 } else { (u64::from(first) + u64::from(last)) * 500 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracer_common::latency::{LIMIT_US, bucket};

    use super::{BUCKET_ERROR, Distribution};

    fn distribution(values: &[u32]) -> Distribution {
        let mut distribution = Distribution::default();
        for us in values {
            distribution.add(bucket(*us), 1);
            distribution.note_longest(*us);
        }
        distribution
    }

    #[test]
    fn nothing_has_no_quantiles_and_what_is_off_the_scale_has_its_maximum() {
        assert_eq!(Distribution::default().quantiles(), None);
        let long = distribution(&[u32::MAX]).quantiles().expect("one");
        assert_eq!((long.p50_ns, long.max_ns), (u64::from(u32::MAX) * 1_000, u64::from(u32::MAX) * 1_000));
    }

    #[test]
    fn a_part_of_a_run_has_the_maximum_of_its_highest_bucket() {
        let mut part = Distribution::default();
        part.add(bucket(7_000), 1);
        part.note_longest(5_000);
        let max_ns = part.quantiles().expect("one").max_ns;
        assert!(max_ns.abs_diff(7_000_000) as f64 <= 7_000_000.0 * BUCKET_ERROR, "{max_ns}");
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_stated_error_of_the_exact_ones(
            first in prop::collection::vec(0..LIMIT_US, 1..300),
            second in prop::collection::vec(0..5_000_u32, 0..300),
        ) {
            let mut merged = distribution(&first);
            merged.merge(&distribution(&second));
            let mut all = [first, second].concat();
            all.sort_unstable();
            prop_assert_eq!(merged.count(), all.len() as u64);
            let got = merged.quantiles().expect("some");
            prop_assert_eq!(got.max_ns, u64::from(all[all.len() - 1]) * 1_000);
            for (thousandths, got) in [(500, got.p50_ns), (900, got.p90_ns), (990, got.p99_ns), (999, got.p999_ns)] {
                let exact = u64::from(all[(all.len() * thousandths).div_ceil(1000) - 1]) * 1_000;
                prop_assert!(got.abs_diff(exact) as f64 <= exact as f64 * BUCKET_ERROR, "{}: {}", exact, got);
            }
        }
    }
}
