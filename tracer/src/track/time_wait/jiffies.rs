//! When a timewait socket entered TIME_WAIT proper.
//!
//! From Linux 6.14 on it says so. Before, it follows from when it will be over, 60 s after that; but that is counted in
//! clock ticks, of which the kernel does not say how many make a second. Two moments tell.

use crate::event::{MonotonicNs, Timer};

/// `TCP_TIMEWAIT_LEN` (include/net/tcp.h).
const TIMEWAIT_NS: u64 = 60_000_000_000;
/// The ticks a second that a kernel can be built with on the architectures that BPF has compilers for (`CONFIG_HZ`).
const RATES: [u64; 4] = [100, 250, 300, 1000];
/// With so many ticks between two moments their rate is one of these beyond doubt.
const ENOUGH: u64 = 20;

const MS: u64 = 1_000_000;

/// Learns how long a tick is.
#[derive(Debug, Default)]
pub(super) struct JiffyClock {
    first: Option<(u64, MonotonicNs)>,
    tick_ns: Option<u64>,
}

impl JiffyClock {
    pub(super) fn note(&mut self, timer: &Timer) {
        let (jiffies, time) = *self.first.get_or_insert((timer.jiffies, timer.time));
        let ticks = timer.jiffies.wrapping_sub(jiffies);
        if self.tick_ns.is_none() && (ENOUGH..u64::MAX / 2).contains(&ticks) {
            let measured = timer.time.since(time) / ticks;
            let tick = |rate: &u64| 1_000_000_000 / rate;
            self.tick_ns = RATES.iter().map(tick).min_by_key(|tick| tick.abs_diff(measured));
        }
    }

    /// When the timer is due, or later while the length of a tick is not known.
    pub(super) fn due(&self, timer: &Timer) -> MonotonicNs {
        let ticks = timer.expires.saturating_sub(timer.jiffies);
        let tick_ns = self.tick_ns.unwrap_or(1_000_000_000 / RATES[0]);
        MonotonicNs(timer.time.0.saturating_add(ticks.saturating_mul(tick_ns)))
    }

    /// When the timer's socket entered TIME_WAIT, which it must be in: to the millisecond, or to the tick.
    pub(super) fn entered(&self, timer: &Timer) -> Option<MonotonicNs> {
        let ago = match timer.entered_ms {
            // The low half of a clock that runs on.
            Some(entered) => u64::from(((timer.time.0 / MS) as u32).wrapping_sub(entered)) * MS,
            None => {
                let ticks = timer.jiffies.wrapping_sub(timer.expires).cast_signed();
                TIMEWAIT_NS.checked_add_signed(ticks.checked_mul(self.tick_ns?.cast_signed())?)?
            }
        };
        timer.time.0.checked_sub(ago).map(MonotonicNs)
    }
}
