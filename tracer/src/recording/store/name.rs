//! The names of segments: in the order in which they were begun, and told from everybody else's files.

use std::fmt;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// When a segment begins, UTC, to the second.
const BEGINNING: &str = "%Y%m%dT%H%M%SZ";

/// The name of a segment in a directory: `tracer-20261121T140300Z-1f2e3d4c-000017.trec`. The order is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// When it begins, seconds since 1970-01-01 UTC.
    begins: i64,
    /// Tells runs apart: random.
    run: u32,
    /// Number in the run, from 0; six digits, or more where these are not enough.
    number: u32,
}

impl SegmentName {
    /// Names segment `number` of `run`.
    pub(super) fn new(realtime_ns: i64, run: u32, number: u32) -> Self {
        Self { begins: realtime_ns.div_euclid(1_000_000_000), run, number }
    }

    /// Reads a file's name; `None` unless every byte is as it would have been written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("tracer-")?.strip_suffix(".trec")?.split('-');
        let begins = DateTime::strptime(BEGINNING, parts.next()?).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let run = u32::from_str_radix(parts.next()?, 16).ok()?;
        let number = parts.next()?.parse().ok()?;
        let name = Self { begins: begins.timestamp().as_second(), run, number };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begins, run, number } = *self;
        // 64 bits of nanoseconds reach from 1677 to 2262, well within jiff's range.
        let begins = Timestamp::from_second(begins).unwrap_or_default();
        write!(f, "tracer-{}-{run:08x}-{number:06}.trec", begins.strftime(BEGINNING))
    }
}

#[cfg(test)]
mod tests {
    use super::SegmentName;

    /// 2026-11-21 14:03:00 UTC.
    const BEGINS_NS: i64 = 1_795_269_780_000_000_000;

    #[test]
    fn a_name_tells_when_whose_and_which() {
        let name = SegmentName::new(BEGINS_NS + 999_999_999, 0x1f2e_3d4c, 17);
        assert_eq!(name.to_string(), "tracer-20261121T140300Z-1f2e3d4c-000017.trec");
        assert_eq!(SegmentName::parse(&name.to_string()), Some(SegmentName::new(BEGINS_NS, 0x1f2e_3d4c, 17)));
        let many = SegmentName::new(BEGINS_NS, 1, 1_234_567);
        assert_eq!(many.to_string(), "tracer-20261121T140300Z-00000001-1234567.trec");
        assert_eq!(SegmentName::parse(&many.to_string()), Some(many));
    }

    #[test]
    fn names_are_in_the_order_of_time() {
        let (first, later) = (SegmentName::new(BEGINS_NS, 7, 9), SegmentName::new(BEGINS_NS + 2_000_000_000, 3, 10));
        assert!(first < later && first.to_string() < later.to_string());
        assert!(SegmentName::new(BEGINS_NS, 7, 999_999) < SegmentName::new(BEGINS_NS, 7, 1_000_000));
    }

    #[test]
    fn what_is_nearly_a_name_is_somebody_else_s() {
        for text in [
            "",
            "tracer-.trec",
            "tracer-20261121T140300Z-1f2e3d4c-000017.trec.zst",
            "tracer-20261121T140300Z-1f2e3d4c-000017.tre",
            " tracer-20261121T140300Z-1f2e3d4c-000017.trec",
            "tracer-20261121T140300Z-1f2e3d4c-17.trec",
            "tracer-20261121T140300Z-1f2e3d4c-0000017.trec",
            "tracer-20261121T140300Z-1f2e3d4c-+00017.trec",
            "tracer-20261121T140300Z-1f2e3d4c-000017-1.trec",
            "tracer-20261121T140300Z-1F2E3D4C-000017.trec",
            "tracer-20261121T140300Z-1f2e3d4-000017.trec",
            "tracer-20261121T140300-1f2e3d4c-000017.trec",
            "tracer-20261131T140300Z-1f2e3d4c-000017.trec",
            "tracer-20261121T240300Z-1f2e3d4c-000017.trec",
            "tracer-2026-11-21-1f2e3d4c-000017.trec",
            "incident.trec",
        ] {
            assert_eq!(SegmentName::parse(text), None, "{text}");
        }
    }
}
