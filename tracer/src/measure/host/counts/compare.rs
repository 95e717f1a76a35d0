//! The kernel's figure less ours, and what explains the difference.

use super::{Namespace, UpTo};
use crate::{
    figures::host::{Cause, Comparison, Counted, Incomparable, Listening, Pair},
    measure::host::Circumstances,
    namespace::{Counter, Counters, Unread},
};

impl Namespace {
    /// `None` if nothing happened, and nothing is wrong.
    pub(super) fn comparison(&self, netns: u32, circumstances: &Circumstances<'_>) -> Option<Comparison> {
        // Between the ends of a run, what happened before the last reading may not have come yet.
        let up_to = if circumstances.is_final { self.up_to_last() } else { self.before };
        let span = self.first.zip(up_to).map(|(first, up_to)| (first.to, up_to.reading.from)).filter(|(a, b)| a < b);
        let incomparable = match (span, self.unread) {
            _ if !circumstances.filter.takes_all_of(netns) => Some(Incomparable::Filtered),
            (_, Some(unread)) => Some(Incomparable::Unread(unread)),
            (None, None) if self.first.is_some() => Some(Incomparable::ReadOnce),
            (None, None) => Some(Incomparable::Unread(Unread::NotFound)),
            (Some(_), None) => None,
        };
        let pairs = Counted::ALL.map(|counted| {
            let mut pair = self.pair(counted, up_to.filter(|_| span.is_some()), circumstances);
            if incomparable.is_some() {
                pair.causes.clear();
                pair.unexplained = None;
            }
            pair
        });
        let anything = |pair: &Pair| pair.kernel.unwrap_or(0) > 0 || pair.ours.unwrap_or(0) > 0;
        pairs.iter().any(anything).then_some(Comparison { netns, span, incomparable, pairs })
    }

    fn pair(&self, counted: Counted, up_to: Option<UpTo>, circumstances: &Circumstances<'_>) -> Pair {
        let looks = match counted {
            Counted::OutRsts => circumstances.sees_resets,
            Counted::TimeWaits => circumstances.sees_time_wait,
            _ => true,
        };
        let place = counted as usize;
        let Some((first, up_to)) = self.first.zip(up_to) else {
            // Never read twice: all that was seen.
            let mut all = self.settled;
            all.add(&self.at_start);
            self.slots.values().for_each(|seen| all.add(seen));
            let ours = looks.then(|| all.seen[place].max(0).cast_unsigned());
            return Pair { ours, ..Pair::default() };
        };
        let (earlier, later) = (&first.counters, &up_to.reading.counters);
        let kernel = counted.grown(earlier, later);
        let ours = looks.then(|| up_to.certain.seen[place]);
        let mut pair = Pair { kernel, ours: ours.map(|ours| ours.max(0).cast_unsigned()), ..Pair::default() };
        let (Some(kernel), Some(ours)) = (kernel, ours) else { return pair };
        let mut rest = i64::try_from(kernel).unwrap_or(i64::MAX).saturating_sub(ours);
        let mut explain = |cause, at_most: u64| {
            let explained = rest.clamp(0, i64::try_from(at_most).unwrap_or(i64::MAX));
            if explained > 0 {
                pair.causes.push((cause, explained.cast_unsigned()));
                rest -= explained;
            }
        };
        explain(Cause::InFlight, up_to.uncertain.seen[place].max(0).cast_unsigned());
        match counted {
            Counted::AttemptFails => {
                explain(Cause::HalfOpenReset, later.since(earlier, Counter::EmbryonicRsts).unwrap_or(0));
            }
            Counted::OutRsts if !circumstances.sees_all_resets => explain(Cause::NoSocket, u64::MAX),
            _ => {}
        }
        let inferred = up_to.certain.inferred[place] + up_to.uncertain.inferred[place];
        explain(Cause::Inferred, inferred.max(0).cast_unsigned());
        explain(Cause::Lost, circumstances.lost);
        pair.unexplained = Some(rest);
        pair
    }

    pub(super) fn listening(&self, netns: u32) -> Listening {
        let grown = match (self.first, self.last, self.unread) {
            (Some(first), Some(last), _) => {
                Ok(Listening::COUNTERS.map(|counter| last.counters.since(&first.counters, counter)))
            }
            (_, _, unread) => Err(unread.unwrap_or(Unread::NotFound)),
        };
        Listening { netns, grown }
    }
}

impl Counted {
    fn grown(self, earlier: &Counters, later: &Counters) -> Option<u64> {
        let since = |counter| later.since(earlier, counter);
        match self {
            Self::ActiveOpens => since(Counter::ActiveOpens),
            Self::PassiveOpens => since(Counter::PassiveOpens),
            Self::AttemptFails => since(Counter::AttemptFails),
            Self::EstabResets => since(Counter::EstabResets),
            Self::OutRsts => since(Counter::OutRsts),
            Self::TimeWaits => since(Counter::TimeWaits)?.checked_add(since(Counter::ShortTimeWaits)?),
        }
    }
}
