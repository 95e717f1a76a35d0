//! Amounts: times, sizes, counts.

use std::{num::NonZeroU64, time::Duration};

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::Problem;

const RING_BYTES: std::ops::RangeInclusive<u64> = 4 << 10..=16 << 30;
const DISK_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=1 << 50;
/// Segments that are shorter than this are more files than anybody wants.
const SHORTEST_SEGMENT: Duration = Duration::from_secs(1);
const TABLE_SIZE: std::ops::RangeInclusive<usize> = 1..=100_000_000;

/// `30s`, `5m`, `1h30m`, `7d`; a bare number, `2` or `0.5`, is seconds, as timeout(1) has it. A day is 24 hours.
pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parsed = if is_number {
        let seconds = text.parse().ok().and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
        seconds.ok_or(Problem::NotATime)?
    } else {
        let span = text.parse().and_then(|span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        span.map_err(|_| Problem::NotATime)?
    };
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(Problem::NoTime),
    }
}

/// How many results.
pub(super) fn count(text: &str) -> Result<NonZeroU64, Problem> {
    text.parse().map_err(|_| Problem::NotACount)
}

/// How many sockets.
pub(super) fn table_size(text: &str) -> Result<usize, Problem> {
    let size = text.parse().ok().filter(|size| TABLE_SIZE.contains(size));
    size.ok_or(Problem::NotATableSize)
}

/// Size of the ring buffers.
pub(super) fn ring_bytes(text: &str) -> Result<usize, Problem> {
    let bytes = bytes(text).filter(|bytes| RING_BYTES.contains(bytes));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(Problem::NotARingSize)
}

/// Size of files.
pub(super) fn disk_bytes(text: &str) -> Result<u64, Problem> {
    bytes(text).filter(|bytes| DISK_BYTES.contains(bytes)).ok_or(Problem::NotADiskSize)
}

/// Age of files.
pub(super) fn segment_time(text: &str) -> Result<Duration, Problem> {
    let time = duration(text)?;
    if time < SHORTEST_SEGMENT { Err(Problem::ShortSegment) } else { Ok(time) }
}

/// `65536`, `64K`, `64KiB` (binary), `64KB` (decimal), as dd(1) has them; the letters' case does not matter.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
