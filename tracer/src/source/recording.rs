//! Recordings as a source: the events of a run, in the order in which it saw them.
//!
//! What is damaged costs itself: the next frame is found by its magic and checked, and says by its numbers how many events
//! are missing before it.

mod frames;
mod run;
mod segments;
#[cfg(test)]
mod tests;
mod window;

use std::{
    collections::VecDeque,
    io::{self, Read},
    mem,
    path::PathBuf,
};

use jiff::tz::TimeZone;
use zstd::bulk::Decompressor;

use self::{
    frames::{Frames, Next},
    run::{Progress, Told},
    segments::Segment,
    window::Window,
};
use crate::{
    event::{Event, Gap},
    recording::{Decoder, End, FrameHead, FrameKind, HEAD, MAX_BYTES, Run, read_end, read_head},
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
    fn is_gone(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// A recording that is being read.
pub struct Recording {
    what: Reading,
    window: Window,
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
        Ok(Self { of, segments: segments.clone().into(), ..Self::new(what.clone(), Window::new(what, &segments)?)? })
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

    /// Counts damage. A frame that is not what was written and what it takes to find the next one are one place.
    fn count(&mut self, bytes: u64) {
        self.damage.places += u64::from(!self.is_damaged_here);
        self.damage.bytes += bytes;
        self.is_damaged_here = true;
    }

    /// Counts events that are missing. A file can claim any number of them.
    fn count_missing(&mut self, gap: Option<Gap>) {
        self.damage.records = self.damage.records.saturating_add(gap.map_or(0, |gap| gap.lost));
    }

    /// Takes note of a frame of which only the head is there.
    fn hear_of(&mut self, head: Option<FrameHead>) {
        let run = self.run.as_mut().zip(head);
        run.into_iter().filter(|(run, head)| run.id() == head.run).for_each(|(run, head)| run.hears_of(&head));
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

    /// Takes in a frame.
    fn frame(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.run.as_ref().is_some_and(|run| run.id() != head.run) {
            self.end_run(None);
        }
        self.has_ended = false;
        self.is_damaged_here = false;
        let run = self.run.get_or_insert_with(|| Progress::new(head));
        if run.has_passed(head) {
            self.count(HEAD as u64 + u64::from(head.stored));
            return self.skip(head);
        }
        run.hears_of(head);
        match head.kind {
            FrameKind::Head => self.head(head),
            FrameKind::Existing if run.is_told() => {
                run.passes(head);
                self.skip(head)
            }
            FrameKind::Existing => self.existing(head),
            FrameKind::Events if !self.window.overlaps(head) => {
                run.leaves_out(head);
                self.skip(head)
            }
            FrameKind::Events => self.events(head),
            FrameKind::End => self.end(head),
        }
    }

    fn head(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.content(head)?
            && let Some(run) = &mut self.run
        {
            match read_head(head.run, &self.block) {
                Ok(fact) => {
                    run.begins_segment(fact);
                    run.passes(head);
                }
                Err(_) => self.count(head.stored.into()),
            }
        }
        Ok(())
    }

    fn existing(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let mut events = Vec::new();
        if self.decode(head, &mut events)?
            && let Some(run) = &mut self.run
        {
            run.passes(head);
            run.meets(events);
            if self.window.is_from_the_start() {
                self.ready.extend(run.tell(&self.window));
            }
        }
        Ok(())
    }

    fn events(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let mut events = mem::take(&mut self.spare);
        events.clear();
        let Some(run) = &mut self.run else { return Ok(()) };
        self.ready.extend(run.tell(&self.window));
        events.extend(run.turned_clock(head));
        let gap = run.loss_before(head);
        events.extend(gap.map(Event::Gap));
        let before = events.len();
        if !self.decode(head, &mut events)? {
            return Ok(());
        }
        self.count_missing(gap);
        if let Some(run) = &mut self.run {
            run.passes(head);
            run.note_clock(&events);
            if !self.window.holds_all_of(head) {
                self.window.clip(head.clock, &mut events, before);
                run.is_cut();
            }
        }
        self.ready.push_back((Step::Events, events));
        Ok(())
    }

    fn end(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        if self.content(head)? {
            match read_end(&self.block) {
                Ok(end) => {
                    self.has_ended = true;
                    self.end_run(Some(end));
                }
                Err(_) => self.count(head.stored.into()),
            }
        }
        Ok(())
    }

    /// Ends the current run.
    fn end_run(&mut self, end: Option<End>) {
        let Some(mut run) = self.run.take() else { return };
        self.ready.extend(run.tell(&self.window));
        if let Some(gap) = run.loss_at_the_end() {
            self.count_missing(Some(gap));
            self.ready.push_back((Step::Events, vec![Event::Gap(gap)]));
        }
        self.damage.unended += u64::from(end.is_none() && !run.goes_on_after(&self.window));
        self.ready.push_back(run.end(end));
    }

    fn skip(&mut self, head: &FrameHead) -> Result<(), ReadError> {
        let Some((segment, frames)) = &mut self.current else { return Ok(()) };
        frames.skip(head).map_err(|source| segment.failed(source))
    }

    /// Appends the events of a frame's content; false if it is damaged, which is counted.
    fn decode(&mut self, head: &FrameHead, events: &mut Vec<Event>) -> Result<bool, ReadError> {
        if !self.content(head)? {
            return Ok(false);
        }
        let decoded = self.decoder.decode(&self.block, events).is_ok();
        if !decoded {
            self.count(head.stored.into());
        }
        Ok(decoded)
    }

    /// Has the content of a frame in `block`; false if it is damaged, which is counted.
    fn content(&mut self, head: &FrameHead) -> Result<bool, ReadError> {
        let Some((segment, frames)) = &mut self.current else { return Ok(false) };
        let content = frames.content(head).map_err(|source| segment.failed(source))?;
        self.block.clear();
        let is_whole = match content {
            Some(stored) if head.is_compressed => self
                .decompressor
                .decompress_to_buffer(stored, &mut self.block)
                .is_ok_and(|len| len == head.len as usize),
            Some(stored) if stored.len() == head.len as usize => {
                self.block.extend_from_slice(stored);
                true
            }
            _ => false,
        };
        if !is_whole {
            self.count(HEAD as u64);
        }
        Ok(is_whole)
    }
}
