//! Files that hold frames, and in which order they were written.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    ReadError,
    frames::{Frames, Next},
    stdin::Stdin,
};
use crate::recording::{FrameKind, read_head};

/// Standard input.
pub(super) const STDIN: &str = "-";

/// A file that holds frames.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Bytes; 0 for standard input.
    pub(super) len: u64,
    /// The run of its first frame, and that frame's number in it; `None`: not all of its head is there, or the file
    /// cannot be looked at twice.
    pub(super) first: Option<(u64, u64)>,
    /// When that was, nanoseconds since 1970-01-01 UTC.
    pub(super) begins: Option<i64>,
    /// When its run started, if it says so.
    started: Option<i64>,
}

/// Runs by their start, segments of a run by their number; a file that says nothing of itself stays behind the one before.
pub(super) fn sort(segments: &mut [Segment]) {
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

    /// Looks for the first frame, by which the file says what it is.
    pub(super) fn look_at(path: PathBuf) -> Result<Self, ReadError> {
        match look_at(&path) {
            Ok(Look::Segment { len, first, begins, started }) => Ok(Self { path, len, first, begins, started }),
            Ok(Look::Newer(version)) => Err(ReadError::Newer { path, version }),
            Ok(Look::Nothing { len: 0 }) => Err(ReadError::Empty { path }),
            Ok(Look::Nothing { .. }) => Err(ReadError::NotARecording { path }),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    pub(super) fn open(&self) -> Result<Frames, ReadError> {
        if self.is_stream() {
            return Ok(Frames::stream(Stdin));
        }
        let file = File::open(&self.path);
        file.map(Frames::file).map_err(|source| ReadError::Open { path: self.path.clone(), source })
    }

    /// Whether it can be looked at only once.
    pub(super) fn is_stream(&self) -> bool {
        self.path.as_os_str() == STDIN
    }

    /// What people call it.
    pub(super) fn name(&self) -> PathBuf {
        if self.is_stream() { "standard input".into() } else { self.path.clone() }
    }

    /// Reading it failed.
    pub(super) fn failed(&self, source: io::Error) -> ReadError {
        ReadError::Read { path: self.name(), source }
    }
}

/// What a file turns out to be.
enum Look {
    Segment {
        len: u64,
        first: Option<(u64, u64)>,
        begins: Option<i64>,
        started: Option<i64>,
    },
    Newer(u8),
    /// There is no frame in it.
    Nothing {
        len: u64,
    },
}

fn look_at(path: &Path) -> io::Result<Look> {
    let file = File::open(path)?;
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
                let begins = Some(head.clock.realtime_ns_of(head.from));
                return Ok(Look::Segment { len, first: Some((head.run, head.sequence)), begins, started });
            }
            Next::Newer(version) => return Ok(Look::Newer(version)),
            Next::Partial(head) if frames.has_frame() => {
                let first = head.map(|head| (head.run, head.sequence));
                return Ok(Look::Segment { len, first, begins: None, started: None });
            }
            Next::Partial(_) | Next::Silence | Next::End => return Ok(Look::Nothing { len }),
        }
    }
}
