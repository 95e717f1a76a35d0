//! Why a recording, or a part of it, cannot be read.

use std::{io, path::PathBuf};

/// A recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot read {}: {source}; check the path and whose file it is.", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed halfway.
    #[error("reading {} failed: {source}; what came before is shown.", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no frame in it.
    #[error("{} is not a recording: nothing in it was written by tracer record.", path.display())]
    NotARecording {
        /// Where.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("{} is empty: whoever began to write it was killed before there was anything to read.", path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// The directory holds none.
    #[error("{} holds no recording: no file in it ends in .trec.", path.display())]
    NoSegments {
        /// Where.
        path: PathBuf,
    },
    /// The format is newer than this program.
    #[error("{} has version {version} of the recording format, and this tracer reads up to {}: use a newer one.",
        path.display(), crate::recording::VERSION)]
    Newer {
        /// Where.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
    /// A moment relative to an end that is not known.
    #[error(
        "a time of day, or one before the end, is found by the recording's end, which is not known: give --since and \
         --until with their date, such as 2026-11-21T14:03."
    )]
    NoEnd,
    /// As the end has it, nothing lies between the two moments.
    #[error(
        "nothing of the recording lies between --since and --until: times of day are the last ones before its end; give \
         both with their date, such as 2026-11-21T14:03."
    )]
    BackwardSpan,
    /// There is no memory for it.
    #[error("setting up decompression failed: {0}; free some memory.")]
    Decompress(io::Error),
}

impl ReadError {
    /// A file is not there any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
