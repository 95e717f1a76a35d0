//! Moments of a recording.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::{Problem, quantity};
use crate::source::recording::Moment;

/// `2026-11-21T14:03:05+01:00`; local `2026-11-21T14:03`, `2026-11-21`, `14:03`; `-10m`: before the end of the recording.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Result<Moment, Problem> {
    if let Some(before_end) = text.strip_prefix('-') {
        let before_end = quantity::duration(before_end).map_err(|_| Problem::NotAMoment { nearest: None })?;
        return Ok(Moment::BeforeEnd(u64::try_from(before_end.as_nanos()).unwrap_or(u64::MAX)));
    }
    if let Some(time) = time_of_day(text) {
        return Ok(Moment::TimeOfDay(time));
    }
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| local(text, zone)).ok_or_else(|| {
        // A duration without its sign is most likely meant to be one.
        let nearest = quantity::duration(text).is_ok().then(|| format!("-{text}"));
        Problem::NotAMoment { nearest }
    })?;
    let realtime_ns = i64::try_from(timestamp.as_nanosecond());
    realtime_ns.map(Moment::At).map_err(|_| Problem::NotAMoment { nearest: None })
}

/// Seconds since midnight.
fn time_of_day(text: &str) -> Option<u32> {
    let mut numbers = text.split(':').map(two_digits);
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    (numbers.next().is_none() && hour < 24 && minute < 60 && second < 60).then_some((hour * 60 + minute) * 60 + second)
}

fn two_digits(text: &str) -> Option<u32> {
    let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// A day alone is its first moment; a time that a change of clocks left out or repeats is taken as RFC 5545 has it.
fn local(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let is_day = |c: char| c.is_ascii_digit() || c == '-';
    let (day, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    // Basic formats (20261121, 1403) are left out: they are more likely something else that was mistyped.
    if !day.chars().all(is_day) || !day.contains('-') || !time.contains(':') || time.contains(['+', '-', '[']) {
        return None;
    }
    let local: civil::DateTime = format!("{day}T{}", time.trim()).parse().ok()?;
    Some(local.to_zoned(zone.clone()).ok()?.timestamp())
}
