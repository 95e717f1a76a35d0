//! When segments end and how many are kept.

use std::time::Duration;

/// When segments end and how many are kept; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A segment ends when it is so large, bytes; at half of `keep_bytes` at the latest.
    pub segment_bytes: Option<u64>,
    /// A segment ends when it is so old; at half of `keep_time` at the latest.
    pub segment_time: Option<Duration>,
    /// The oldest segments go when all are larger, bytes.
    pub keep_bytes: Option<u64>,
    /// Segments go when they are older.
    pub keep_time: Option<Duration>,
    /// When data is forced to the disk.
    pub sync: SyncPolicy,
}

/// When data is forced to the disk, beyond what the kernel does by itself. Only a crash of the machine makes a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Never.
    Never,
    /// When a segment is complete.
    #[default]
    Segment,
    /// With each frame, about once a second.
    Frame,
}

impl Limits {
    /// Whether there is any limit that one file alone cannot keep.
    pub(super) fn need_segments(&self) -> bool {
        self.keep_any() || self.segment_bytes.is_some() || self.segment_time.is_some()
    }

    /// Whether segments are removed at all.
    pub(super) fn keep_any(&self) -> bool {
        self.keep_bytes.is_some() || self.keep_time.is_some()
    }

    /// Where a segment ends, bytes: only what has ended can be removed, so the current one must leave room for others.
    pub(super) fn end_bytes(&self) -> Option<u64> {
        [self.segment_bytes, self.keep_bytes.map(|keep| keep / 2)].into_iter().flatten().min()
    }

    /// When a segment ends.
    pub(super) fn end_time(&self) -> Option<Duration> {
        [self.segment_time, self.keep_time.map(|keep| keep / 2)].into_iter().flatten().min()
    }
}
