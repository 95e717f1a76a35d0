//! One file that is being written, always as a whole number of appends.

use std::{ffi::OsStr, fs::File, io, os::unix::fs::FileExt as _, path::PathBuf, time::Duration};

use super::{Directory, StoreError, directory::Identity};
use crate::event::{ClockPair, MonotonicNs};

/// A segment that is being written.
pub(super) struct Segment {
    file: File,
    path: PathBuf,
    pub(super) identity: Identity,
    /// Number in the run.
    pub(super) number: u32,
    /// By the clock that does not step.
    begun: MonotonicNs,
    /// What was appended; also where the next append begins.
    pub(super) bytes: u64,
    /// There is something behind that, which could not be cut off.
    is_torn: bool,
}

impl Segment {
    /// Makes the file.
    pub(super) fn begin(directory: &Directory, path: PathBuf, number: u32, at: ClockPair) -> Result<Self, StoreError> {
        let (file, identity) = directory.make_file(&path)?;
        Ok(Self { file, path, identity, number, begun: at.monotonic, bytes: 0, is_torn: false })
    }

    pub(super) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// How long ago it was begun.
    pub(super) fn age(&self, at: ClockPair) -> Duration {
        Duration::from_nanos(at.monotonic.since(self.begun))
    }

    /// Appends all of it or nothing.
    pub(super) fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        self.try_append(frames).map_err(|source| {
            let path = self.path.clone();
            StoreError::Write { bytes: frames.len(), path, source }
        })
    }

    fn try_append(&mut self, frames: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.cut()?;
        }
        self.file.write_all_at(frames, self.bytes).inspect_err(|_| {
            // If this fails too, it is tried again before anything else is written.
            self.is_torn = true;
            let _ = self.cut();
        })?;
        self.bytes += frames.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.is_torn = false;
        Ok(())
    }

    /// Makes what was appended survive a crash of the machine.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| StoreError::Sync { path: self.path.clone(), source })
    }
}
