//! Which files there are, and in which order they were written.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    ReadError,
    frames::{Frames, Next},
};
use crate::recording::{FrameKind, read_head};

/// Standard input.
pub(super) const STDIN: &str = "-";
/// How the names of segments in a directory end.
const EXTENSION: &str = "trec";

/// A file that holds frames.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Bytes; 0 for standard input.
    pub(super) len: u64,
    /// The run of its first frame, and that frame's number in it; `None`: none was found, or it cannot be looked at twice.
    pub(super) first: Option<(u64, u64)>,
    /// When that was, nanoseconds since 1970-01-01 UTC.
    pub(super) begins: Option<i64>,
    /// When its run started, if it says so.
    started: Option<i64>,
}

/// All segments of these files and directories, in the order of their runs' start.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Segment>, ReadError> {
    let mut segments = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            segments.push(Segment::stdin());
            continue;
        }
        let failed = |source| ReadError::Open { path: path.clone(), source };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let found = in_directory(path).map_err(failed)?;
            if found.is_empty() {
                return Err(ReadError::NoSegments { path: path.clone() });
            }
            for path in found {
                match Segment::look_at(path) {
                    // Whoever keeps segments within limits removed it just now.
                    Err(error) if error.is_gone() => {}
                    segment => segments.push(segment?),
                }
            }
        } else {
            let segment = Segment::look_at(path.clone())?;
            if segment.first.is_none() && !begins_like_one(path).map_err(failed)? {
                return Err(ReadError::NotARecording { path: path.clone() });
            }
            segments.push(segment);
        }
    }
    sort(&mut segments);
    Ok(segments)
}

fn in_directory(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether it is, as far as it goes, what a recording begins with.
fn begins_like_one(path: &Path) -> io::Result<bool> {
    let mut frames = Frames::file(File::open(path)?);
    Ok(matches!(frames.next()?, Next::Partial(..) | Next::Newer(_)))
}

/// Runs by their start, segments of a run by their number; a file that says nothing of itself stays behind the one before.
fn sort(segments: &mut [Segment]) {
    let mut starts = HashMap::new();
    for segment in segments.iter() {
        if let (Some((run, _)), Some(started)) = (segment.first, segment.started) {
            starts.entry(run).or_insert(started);
        }
    }
    segments.sort_by_key(|segment| {
        let (run, sequence) = segment.first.unwrap_or_default();
        (starts.get(&run).copied().unwrap_or(i64::MAX), run, sequence)
    });
}

impl Segment {
    pub(super) fn stdin() -> Self {
        Self { path: STDIN.into(), len: 0, first: None, begins: None, started: None }
    }

    fn look_at(path: PathBuf) -> Result<Self, ReadError> {
        let look = || {
            let file = File::open(&path)?;
            let len = file.metadata()?.len();
            let mut frames = Frames::file(file);
            loop {
                match frames.next()? {
                    Next::Damage(_) => {}
                    Next::Frame(head) => {
                        let content = match head.kind {
                            FrameKind::Head => frames.content(&head)?,
                            _ => None,
                        };
                        let fact = content.and_then(|content| read_head(head.run, content).ok());
                        let started = fact.map(|fact| fact.run.start.clock.realtime_ns);
                        let begins = head.clock.realtime_ns_of(head.from);
                        return Ok((len, Some((head.run, head.sequence)), Some(begins), started));
                    }
                    Next::Partial(..) | Next::Newer(_) | Next::End => return Ok((len, None, None, None)),
                }
            }
        };
        match look() {
            Ok((len, first, begins, started)) => Ok(Self { path, len, first, begins, started }),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    pub(super) fn open(&self) -> Result<Frames, ReadError> {
        if self.is_stream() {
            return Ok(Frames::stream(io::stdin()));
        }
        let file = File::open(&self.path);
        file.map(Frames::file).map_err(|source| ReadError::Open { path: self.path.clone(), source })
    }

    /// Whether it can be looked at only once.
    pub(super) fn is_stream(&self) -> bool {
        self.path.as_os_str() == STDIN
    }

    /// Whether it was begun later than this one.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        match (self.first, other.first) {
            (Some((run, sequence)), Some((its_run, its_sequence))) if run == its_run => sequence > its_sequence,
            (Some(_), Some(_)) => self.started > other.started,
            _ => false,
        }
    }

    /// Reading it failed.
    pub(super) fn failed(&self, source: io::Error) -> ReadError {
        ReadError::Read { path: self.path.clone(), source }
    }
}
