//! When a timewait socket entered TIME_WAIT proper.
//!
//! A timer that is started tells, unless the peer's FIN sets it anew within its bucket of the wheel, which is silent. Then
//! the kernel says so at the end, from Linux 6.14 on, if the connection has timestamps. Otherwise it follows from when it
//! will be over, 60 s after that; but that is counted in clock ticks, of which the kernel does not say how many make a second.
//! Two moments tell.

use super::Remnant;
use crate::event::{MonotonicNs, TcpState, Timer};

/// `TCP_TIMEWAIT_LEN` (include/net/tcp.h).
const TIMEWAIT_NS: u64 = 60_000_000_000;
/// The ticks a second that a kernel can be built with on the architectures that BPF has compilers for (`CONFIG_HZ`).
const RATES: [u64; 4] = [100, 250, 300, 1000];
/// With so many ticks between two moments their rate is one of these beyond doubt, even if some of them came late.
const ENOUGH: u64 = 100;
/// What follows from ticks is not more precise than this.
const IMPRECISION_NS: u64 = 20_000_000;

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

    /// Notes when the socket entered TIME_WAIT, now that its timer was started anew. If it was due 60 s after a moment that is
    /// later than its beginning, it was set anew then, and nobody heard of it.
    pub(super) fn note_entry(&self, timer: &Timer, remnant: &mut Remnant) {
        if timer.substate != TcpState::TimeWait || remnant.entered.time().is_some() {
            return;
        }
        let unheard = remnant.cancelled.as_ref().and_then(|last| self.minute_before_due(last)).filter(|entered| {
            remnant.began().is_some_and(|began| entered.since(began) > IMPRECISION_NS) && *entered < timer.time
        });
        remnant.entered = unheard.unwrap_or(timer.time).into();
    }

    /// When the timer's socket, which is in TIME_WAIT and began then, entered it: to the millisecond, or to the tick.
    pub(super) fn entered(&self, timer: &Timer, began: Option<MonotonicNs>) -> Option<MonotonicNs> {
        let by_ticks = self.minute_before_due(timer);
        let Some(entered) = timer.entered_ms else { return by_ticks };
        // The low half of a clock that runs on.
        let ago = u64::from(((timer.time.0 / MS) as u32).wrapping_sub(entered)) * MS;
        let by_stamp = timer.time.0.checked_sub(ago).map(MonotonicNs);
        match (by_stamp, began) {
            (Some(stamp), Some(began)) if stamp.0 / MS > began.0 / MS => Some(stamp),
            // It was written at the beginning, and not again at the FIN if there are no timestamps.
            (_, Some(_)) => by_ticks,
            (Some(stamp), None) => {
                by_ticks.map(|ticks| if ticks.since(stamp) > IMPRECISION_NS { ticks } else { stamp })
            }
            (None, None) => None,
        }
    }

    fn minute_before_due(&self, timer: &Timer) -> Option<MonotonicNs> {
        let ticks = timer.jiffies.wrapping_sub(timer.expires).cast_signed();
        let ago = TIMEWAIT_NS.checked_add_signed(ticks.checked_mul(self.tick_ns?.cast_signed())?)?;
        timer.time.0.checked_sub(ago).map(MonotonicNs)
    }
}
