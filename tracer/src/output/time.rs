//! Wall-clock time as text. The part down to the second is kept: events come by the thousand a second.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};

use crate::event::{ClockPair, MonotonicNs};

const SECOND_NS: i64 = 1_000_000_000;

/// Translates event times to wall-clock time.
#[derive(Clone, Debug)]
pub(super) struct WallClock {
    pair: ClockPair,
    zone: TimeZone,
    format: &'static str,
    second: i64,
    text: String,
    day: Date,
}

impl WallClock {
    /// RFC 3339 in UTC, up to the decimal point.
    pub(super) fn rfc3339() -> Self {
        Self::new(TimeZone::UTC, "%Y-%m-%dT%H:%M:%S.")
    }

    /// The time of day in `zone`, up to the decimal point.
    pub(super) fn time_of_day(zone: TimeZone) -> Self {
        Self::new(zone, "%H:%M:%S.")
    }

    fn new(zone: TimeZone, format: &'static str) -> Self {
        let pair = ClockPair { monotonic: MonotonicNs(0), realtime_ns: 0 };
        Self { pair, zone, format, second: i64::MIN, text: String::new(), day: Date::ZERO }
    }

    /// Takes over a pair of clocks; valid for what follows.
    pub(super) fn set(&mut self, pair: ClockPair) {
        self.pair = pair;
    }

    /// The text down to the second, with the decimal point, and the nanoseconds of the second.
    pub(super) fn split(&mut self, time: MonotonicNs) -> (&str, u32) {
        let realtime_ns = self.pair.realtime_ns_of(time);
        let second = realtime_ns.div_euclid(SECOND_NS);
        if second != self.second {
            self.second = second;
            let zoned = self.zoned(second);
            self.text = zoned.strftime(self.format).to_string();
            self.day = zoned.date();
        }
        (&self.text, realtime_ns.rem_euclid(SECOND_NS) as u32)
    }

    /// The day in the zone.
    pub(super) fn day(&mut self, time: MonotonicNs) -> Date {
        self.split(time);
        self.day
    }

    /// The zone at that time: `CET (UTC+01:00)`, or one of the two if they say the same.
    pub(super) fn zone(&self, time: MonotonicNs) -> String {
        let second = self.pair.realtime_ns_of(time).div_euclid(SECOND_NS);
        let zoned = self.zoned(second);
        let (name, offset) = (zoned.strftime("%Z").to_string(), zoned.strftime("UTC%:z").to_string());
        match name.as_bytes() {
            b"UTC" => name,
            [b'+' | b'-', ..] => offset,
            _ => format!("{name} ({offset})"),
        }
    }

    fn zoned(&self, second: i64) -> Zoned {
        // 64 bits of nanoseconds reach from 1677 to 2262, well within jiff's range.
        Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

/// Appends `count` digits of a number below 10^9 that counts nanoseconds: the first ones.
pub(super) fn push_fraction(buf: &mut Vec<u8>, nanoseconds: u32, count: usize) {
    let mut digits = [b'0'; 9];
    let mut rest = nanoseconds;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    buf.extend_from_slice(&digits[..count.min(9)]);
}
