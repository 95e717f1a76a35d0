//! Recordings as a source: the events of a run, in the order in which it saw them.
//!
//! What is damaged costs itself: the next frame is found by its magic and checked, and says by its numbers how many events
//! are missing before it.

mod error;
mod frames;
mod intake;
mod run;
mod segments;
#[cfg(test)]
mod tests;
mod window;

use std::{
    collections::{HashMap, VecDeque},
    io::Read,
    mem,
    path::PathBuf,
};

use jiff::tz::TimeZone;
use zstd::bulk::Decompressor;

pub use self::error::ReadError;
use self::{
    frames::{Frames, Next},
    run::{Progress, Told},
    segments::Segment,
    window::Window,
};
use crate::{
    event::Event,
    recording::{Decoder, End, MAX_BYTES, Run},
};

/// What to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Files, directories of segments, or `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// Nothing before this.
    pub since: Option<Moment>,
    /// Nothing after this.
    pub until: Option<Moment>,
    /// Wait for what is still being written.
    pub follow: bool,
    /// Where times of day are local; `None`: UTC.
    pub zone: Option<TimeZone>,
}

/// A moment of the wall clock, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Since 1970-01-01 UTC.
    At(i64),
    /// Before the end of the recording.
    BeforeEnd(u64),
    /// The last time at which it is so late of the day, not after the end of the recording; seconds since midnight in the
    /// local zone.
    TimeOfDay(u32),
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A run begins.
    Run(Box<Run>),
    /// These were there when it started; appended to the events.
    Existing,
    /// These happened; appended to the events.
    Events,
    /// A run is over; `None`: its recording ends before it did, or only a part of it was asked for.
    End(Option<Box<End>>),
    /// Nothing more yet: it is still being written.
    Wait,
}

/// What could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Places in the files that are no frame, or one that cannot be read.
    pub places: u64,
    /// Bytes passed over.
    pub bytes: u64,
    /// Events of sockets known to be missing.
    pub records: u64,
    /// Runs whose end is missing.
    pub unended: u64,
}

/// A recording that is being read.
pub struct Recording {
    what: Reading,
    window: Window,
    /// For each run, the number of the frame before which nothing has to be read.
    checkpoints: HashMap<u64, u64>,
    /// Those to come.
    segments: VecDeque<Segment>,
    current: Option<(Segment, Frames)>,
    run: Option<Progress>,
    /// The last thing that was read is the end of a run.
    has_ended: bool,
    /// What was read and not told yet.
    ready: VecDeque<Told>,
    damage: Damage,
    /// No frame was found since.
    is_damaged_here: bool,
    decoder: Decoder,
    decompressor: Decompressor<'static>,
    /// Memory that is used again.
    block: Vec<u8>,
    spare: Vec<Event>,
    /// Bytes of the segments that were read to their end, and of all.
    read: u64,
    of: Option<u64>,
}

impl Recording {
    /// Finds the segments and puts them in order.
    ///
    /// # Errors
    /// [`ReadError`] if a path cannot be read or holds no recording.
    pub fn open(what: &Reading) -> Result<Self, ReadError> {
        let segments = segments::find(&what.paths)?;
        let is_whole = what.paths.iter().all(|path| path.as_os_str() != segments::STDIN) && !what.follow;
        let of = is_whole.then(|| segments.iter().map(|segment| segment.len).sum());
        let window = Window::new(what, &segments)?;
        let checkpoints = window.checkpoints(&segments)?;
        Ok(Self { of, checkpoints, segments: segments.into(), ..Self::new(what.clone(), window)? })
    }

    /// Reads what comes out of a stream, all of it.
    ///
    /// # Errors
    /// [`ReadError::Decompress`].
    pub fn stream(stream: impl Read + 'static) -> Result<Self, ReadError> {
        let current = Some((Segment::stdin(), Frames::stream(stream)));
        Ok(Self { current, ..Self::new(Reading::default(), Window::ALL)? })
    }

    fn new(what: Reading, window: Window) -> Result<Self, ReadError> {
        Ok(Self {
            what,
            window,
            checkpoints: HashMap::new(),
            segments: VecDeque::new(),
            current: None,
            of: None,
            run: None,
            has_ended: false,
            ready: VecDeque::new(),
            damage: Damage::default(),
            is_damaged_here: false,
            decoder: Decoder::new(),
            decompressor: Decompressor::new().map_err(ReadError::Decompress)?,
            block: Vec::with_capacity(MAX_BYTES),
            spare: Vec::new(),
            read: 0,
        })
    }

    /// Reads on, and replaces `events` by what was read; `None`: that was all.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next(&mut self, events: &mut Vec<Event>) -> Result<Option<Step>, ReadError> {
        loop {
            if let Some((step, its)) = self.ready.pop_front() {
                self.spare = mem::replace(events, its);
                return Ok(Some(step));
            }
            let Some((segment, frames)) = &mut self.current else {
                if !self.next_segment()? {
                    if self.run.is_none() {
                        return Ok(None);
                    }
                    self.end_run(None);
                }
                continue;
            };
            match frames.next().map_err(|source| segment.failed(source))? {
                Next::Frame(head) => self.frame(&head)?,
                Next::Damage(bytes) => self.count(bytes),
                Next::Newer(version) => return Err(ReadError::Newer { path: self.path(), version }),
                Next::Partial(..) | Next::End if self.waits()? => return Ok(Some(Step::Wait)),
                Next::Partial(bytes, head) => {
                    self.count(bytes);
                    self.hear_of(head);
                    self.leave_segment();
                }
                Next::End => self.leave_segment(),
            }
        }
    }

    /// What could not be read so far.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.damage
    }

    /// Bytes read so far, and of how many, if that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read + self.current.as_ref().map_or(0, |(_, frames)| frames.taken()), self.of)
    }

    fn path(&self) -> PathBuf {
        self.current.as_ref().map(|(segment, _)| segment.path.clone()).unwrap_or_default()
    }

    fn next_segment(&mut self) -> Result<bool, ReadError> {
        while let Some(segment) = self.segments.pop_front() {
            match segment.open() {
                // Removed since it was found, to keep the others within limits.
                Err(error) if error.is_gone() => self.count(0),
                frames => {
                    self.current = Some((segment, frames?));
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn leave_segment(&mut self) {
        self.read += self.current.take().map_or(0, |(_, frames)| frames.taken());
        self.is_damaged_here = false;
    }

    /// Whether the end of the current file is not the end of the run: it is still being written, or goes on in another file.
    fn waits(&mut self) -> Result<bool, ReadError> {
        if !self.what.follow || !self.segments.is_empty() || self.has_ended {
            return Ok(false);
        }
        // The end of a stream is final.
        let Some((current, _)) = self.current.as_ref().filter(|(current, _)| !current.is_stream()) else {
            return Ok(false);
        };
        let found = segments::find(&self.what.paths)?;
        self.segments = match found.iter().position(|segment| segment.path == current.path) {
            Some(place) => found.into_iter().skip(place + 1).collect(),
            // Removed while it was read, to keep the others within limits.
            None => found.into_iter().filter(|segment| segment.is_after(current)).collect(),
        };
        Ok(self.segments.is_empty())
    }
}
