//! Segments on disk: made, rotated, kept within limits. Knows nothing of what is in them.

use std::{path::Path, time::Duration};

use crate::{event::ClockPair, sandbox::User};

/// When segments end and how many are kept; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A segment ends when it is so large, bytes.
    pub segment_bytes: Option<u64>,
    /// A segment ends when it is so old.
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

/// Where segments are written.
pub struct Store {}

/// Segments cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The compressor could not be made.
    #[error("setting up compression for the recording failed: {0}; free some memory.")]
    Compress(std::io::Error),
}

impl Store {
    /// Makes the first segment at `path`: a file that must not exist yet, or a name of its own in a directory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(_path: &Path, _limits: Limits, _owner: Option<User>, _at: ClockPair) -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// Appends whole frames; if that fails halfway, the segment is cut back to the last one that is whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn append(&mut self, _frames: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether the segment is large or old enough to end.
    #[must_use]
    pub fn is_due(&self, _at: ClockPair) -> bool {
        false
    }

    /// Ends the segment, begins the next, and removes those beyond the limits. Where there can be only one, nothing happens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rotate(&mut self, _at: ClockPair) -> Result<(), StoreError> {
        Ok(())
    }

    /// Number of the segment in the run, from 0.
    #[must_use]
    pub fn segment(&self) -> u32 {
        0
    }

    /// Bytes written in all segments.
    #[must_use]
    pub fn written(&self) -> u64 {
        0
    }

    /// The directory in which it goes on making and removing files, if it does.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        None
    }

    /// Ends the last segment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self) -> Result<(), StoreError> {
        Ok(())
    }
}
