//! What can go wrong with files, each in one sentence.

use std::{io, path::PathBuf};

use rustix::io::Errno;

/// Segments cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The compressor could not be made.
    #[error("setting up compression for the recording failed: {0}; free some memory.")]
    Compress(io::Error),
    /// There is something at the path.
    #[error(
        "cannot record to {}: there is something of this name already, and nothing is ever overwritten; choose another \
         path with -w.",
        path.display()
    )]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is a symbolic link at the path, which somebody may have put there.
    #[error(
        "cannot record to {}: this is a symbolic link, and links are not followed; give -w the path that it leads to.",
        path.display()
    )]
    Link {
        /// Where.
        path: PathBuf,
    },
    /// Limits of segments were given, but there is only one file.
    #[error(
        "cannot keep {} within limits of segments: it is one file, which has none; give -w a directory, by a path that \
         ends in /.",
        path.display()
    )]
    OneFile {
        /// Which file.
        path: PathBuf,
    },
    /// A file or a directory cannot be made or opened as it should.
    #[error("cannot record to {}: {what} failed: {source}; choose another path with -w.", path.display())]
    Make {
        /// Which step.
        what: &'static str,
        /// Of what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write failed.
    #[error(
        "writing {bytes} bytes to {} failed: {source}; all that was written before can be read; {}.",
        path.display(),
        remedy(source)
    )]
    Write {
        /// How many were to be written.
        bytes: usize,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Data cannot be forced to the disk.
    #[error(
        "forcing {} to the disk failed: {source}; what was written can be read unless this machine crashes; {}.",
        path.display(),
        remedy(source)
    )]
    Sync {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory cannot be read, so what is in it cannot be kept within the limits.
    #[error(
        "cannot keep the segments in {} within their limits: reading the directory failed: {source}; all that was \
         written before can be read; choose another directory with -w.",
        path.display()
    )]
    List {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What cannot be removed is more than the limit already.
    #[error(
        "cannot keep the segments in {} within {limit} bytes: {bytes} are in segments that cannot be removed, because \
         another run writes them or the system refuses; remove some by hand, or choose another directory with -w.",
        path.display()
    )]
    NoRoom {
        /// Which directory.
        path: PathBuf,
        /// In what cannot be removed.
        bytes: u64,
        /// In all segments, at most.
        limit: u64,
    },
    /// The current segment has all the room that there is for segments, because the next could not be begun.
    #[error(
        "cannot keep the segments in {} within {limit} bytes: the current one is as large, because the next could not be \
         begun; all that was written before can be read; make the directory writable, or choose another one with -w.",
        path.display()
    )]
    Outgrown {
        /// Which directory.
        path: PathBuf,
        /// In all segments, at most.
        limit: u64,
    },
}

/// Whether the disk, or what a user may have of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    [Errno::NOSPC, Errno::DQUOT].contains(&Errno::from_io_error(error).unwrap_or(Errno::IO))
}

/// What to do about a write that failed.
fn remedy(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC) => "make room, or record to another disk with -w",
        Some(Errno::DQUOT) => "have the quota raised, or record as another user",
        Some(Errno::FBIG) => {
            "raise the limit of a file's size (ulimit -f), or give -w a directory and smaller segments"
        }
        _ => "look into the kernel's log (dmesg), or record to another disk with -w",
    }
}
