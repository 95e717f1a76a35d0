//! Segments on disk: made, rotated, kept within limits. Knows nothing of what is in them but their first bytes.

mod archive;
mod directory;
mod error;
mod limits;
mod name;
mod segment;
#[cfg(test)]
mod tests;

use std::{os::fd::AsFd as _, path::Path};

use self::{
    archive::{Archive, Keep},
    directory::{Directory, Place, failed},
    segment::Segment,
};
pub use self::{
    error::StoreError,
    limits::{Limits, SyncPolicy},
};
use crate::{
    event::ClockPair,
    sandbox::{Rotation, User},
};

/// Where segments are written.
pub struct Store {
    limits: Limits,
    /// What the segments are in.
    directory: Directory,
    /// The other segments in it; `None`: a file of a name that was given, and no others.
    archive: Option<Archive>,
    segment: Segment,
    /// The next one could not be begun.
    is_refused: bool,
    /// Written in segments that have ended, bytes.
    ended: u64,
}

impl Store {
    /// Makes the first segment at `path`: a file that must not exist yet, or a name of its own in a directory, which is
    /// made if it does not exist and the path ends in a slash. What is made belongs to `owner`.
    ///
    /// # Errors
    /// [`StoreError`], also for limits of segments where there is only one file.
    pub fn open(path: &Path, limits: Limits, owner: Option<User>, at: ClockPair) -> Result<Self, StoreError> {
        let store = match Place::open(path, owner)? {
            Place::File(_, path) if limits.need_segments() => return Err(StoreError::OneFile { path }),
            Place::File(directory, path) => {
                let segment = Segment::begin(&directory, path, 0, at)?;
                Self { limits, directory, archive: None, segment, is_refused: false, ended: 0 }
            }
            Place::Directory(directory) => {
                let mut archive = Archive::new().map_err(|errno| failed("finding a name", directory.path(), errno))?;
                let segment = archive.begin(&directory, &limits, None, at)?;
                Self { limits, directory, archive: Some(archive), segment, is_refused: false, ended: 0 }
            }
        };
        if limits.sync == SyncPolicy::Frame {
            store.directory.sync()?;
        }
        Ok(store)
    }

    /// Appends whole frames; if that fails halfway, the segment is cut back to the last one that is whole. Where segments
    /// are removed at all, the oldest make room for these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        let bytes = frames.len() as u64;
        self.keep_within_limits(bytes)?;
        // Some file systems give room back late: no more is removed than should be enough.
        let mut freed = 0;
        while let Err(error) = self.segment.append(frames) {
            if !error.is_full() || freed > 2 * bytes {
                return Err(error);
            }
            freed += self.remove_oldest().ok_or(error)?;
        }
        if self.limits.sync == SyncPolicy::Frame {
            self.segment.sync()?;
        }
        Ok(())
    }

    /// Makes room for more `bytes` if all segments together would be too large: the current is larger than it should be.
    fn keep_within_limits(&mut self, bytes: u64) -> Result<(), StoreError> {
        let Some(archive) = &mut self.archive else { return Ok(()) };
        let is_outgrown = |limit: &u64| self.is_refused && self.segment.bytes + bytes > *limit;
        if let Some(limit) = self.limits.keep_bytes.filter(is_outgrown) {
            return Err(StoreError::Outgrown { path: self.directory.path().to_owned(), limit });
        }
        let keep = Keep::beside(self.segment.bytes + bytes, &self.limits);
        if keep.bytes.is_none_or(|keep| archive.others() <= keep) {
            return Ok(());
        }
        archive.prune(&self.directory, Some(&self.segment), &keep)
    }

    fn remove_oldest(&mut self) -> Option<u64> {
        let archive = self.archive.as_mut().filter(|_| self.limits.keep_any())?;
        archive.remove_oldest(&self.directory, Some(&self.segment)).ok()?
    }

    /// Whether the segment is large or old enough to end. Steps of the wall clock make it neither older nor younger.
    #[must_use]
    pub fn is_due(&self, at: ClockPair) -> bool {
        let Self { limits, segment, .. } = self;
        let is_large = limits.end_bytes().is_some_and(|limit| segment.bytes >= limit);
        let is_old = limits.end_time().is_some_and(|limit| segment.age(at) >= limit);
        self.archive.is_some() && segment.bytes > 0 && (is_large || is_old)
    }

    /// Ends the segment, begins the next, and removes those beyond the limits. Where there can be only one file nothing
    /// happens, so that a signal to rotate is harmless, and the answer is false.
    ///
    /// # Errors
    /// [`StoreError`]; the segment has not ended then, and goes on, as long as it alone is not beyond the limits.
    pub fn rotate(&mut self, at: ClockPair) -> Result<bool, StoreError> {
        let Self { limits, directory, archive: Some(archive), segment, is_refused, ended } = self else {
            return Ok(false);
        };
        *is_refused = true;
        let syncs = limits.sync != SyncPolicy::Never;
        if syncs {
            segment.sync()?;
        }
        let next = archive.begin(directory, limits, Some(segment), at)?;
        if syncs {
            directory.sync().inspect_err(|_| drop(directory.remove(next.name())))?;
        }
        *is_refused = false;
        archive.add(segment);
        *ended += segment.bytes;
        *segment = next;
        Ok(true)
    }

    /// Number of the segment in the run, from 0.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.segment.number
    }

    /// Bytes written in all segments.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.ended + self.segment.bytes
    }

    /// The directory in which it goes on making and removing files, if it does.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.archive.as_ref().map(|_| self.directory.path())
    }

    /// What the sandbox must leave it, if it goes on making and removing files.
    #[must_use]
    pub fn rotation(&self) -> Option<Rotation<'_>> {
        let rotation = || Rotation { directory: self.directory.as_fd(), owner: self.directory.owner() };
        self.archive.as_ref().map(|_| rotation())
    }

    /// Ends the last segment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self) -> Result<(), StoreError> {
        if self.limits.sync != SyncPolicy::Never {
            self.segment.sync()?;
            self.directory.sync()?;
        }
        Ok(())
    }
}
