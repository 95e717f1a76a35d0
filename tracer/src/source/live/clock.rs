//! The two clocks, read together.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::event::{ClockPair, MonotonicNs};

/// A clock shows a time that 64 bits of nanoseconds cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system clock shows a time outside 1677…2262")]
pub struct ClockError;

/// A reading of both clocks that is this precise is good enough; three system calls take less.
const PRECISE_NS: u64 = 10_000;
/// Readings at most: whoever is preempted between them reads again.
const READINGS: u32 = 5;

/// `CLOCK_MONOTONIC` now: the clock of `bpf_ktime_get_ns`.
pub(super) fn monotonic() -> MonotonicNs {
    let now = clock_gettime(ClockId::Monotonic);
    MonotonicNs(nanoseconds(now).map_or(u64::MAX, i64::cast_unsigned))
}

/// Both clocks now.
///
/// # Errors
/// [`ClockError`] if the wall clock is outside what 64 bits of nanoseconds hold.
pub fn now() -> Result<ClockPair, ClockError> {
    pair().map(|(pair, _)| pair)
}

/// Both clocks at one moment, and by how much that may be wrong.
pub(super) fn pair() -> Result<(ClockPair, u64), ClockError> {
    let mut best = reading()?;
    for _ in 1..READINGS {
        if best.1 <= PRECISE_NS {
            break;
        }
        let again = reading()?;
        if again.1 < best.1 {
            best = again;
        }
    }
    Ok(best)
}

/// The wall clock between two readings of the monotonic one, and half of what lies between these.
fn reading() -> Result<(ClockPair, u64), ClockError> {
    let before = monotonic();
    let realtime_ns = nanoseconds(clock_gettime(ClockId::Realtime)).ok_or(ClockError)?;
    let error_ns = monotonic().since(before) / 2;
    Ok((ClockPair { monotonic: MonotonicNs(before.0 + error_ns), realtime_ns }, error_ns))
}

fn nanoseconds(time: Timespec) -> Option<i64> {
    time.tv_sec.checked_mul(1_000_000_000)?.checked_add(time.tv_nsec)
}
