//! The two clocks, read together.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::event::{ClockPair, MonotonicNs};

/// A clock shows a time that 64 bits of nanoseconds cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system clock shows a time outside 1677…2262")]
pub struct ClockError;

/// `CLOCK_MONOTONIC` now: the clock of `bpf_ktime_get_ns`.
pub(super) fn monotonic() -> MonotonicNs {
    let now = clock_gettime(ClockId::Monotonic);
    MonotonicNs(nanoseconds(now).map_or(u64::MAX, i64::cast_unsigned))
}

/// Both clocks at one moment: the wall clock between two readings of the monotonic one.
pub(super) fn pair() -> Result<ClockPair, ClockError> {
    let before = monotonic();
    let realtime_ns = nanoseconds(clock_gettime(ClockId::Realtime)).ok_or(ClockError)?;
    let after = monotonic();
    let monotonic = MonotonicNs(before.0 + after.since(before) / 2);
    Ok(ClockPair { monotonic, realtime_ns })
}

fn nanoseconds(time: Timespec) -> Option<i64> {
    time.tv_sec.checked_mul(1_000_000_000)?.checked_add(time.tv_nsec)
}
