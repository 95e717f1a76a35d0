//! Recordings as a source: the events of a run, in the order in which it saw them.
//!
//! What is damaged costs itself: the next frame is found by its magic and checked, and says by its numbers how many events
//! are missing before it.

mod error;
mod files;
mod frames;
mod intake;
mod run;
mod segments;
mod stdin;
#[cfg(test)]
mod tests;
mod window;

use std::{
    collections::{HashMap, VecDeque},
    io::Read,
    mem,
    ops::ControlFlow,
    path::PathBuf,
};

use jiff::tz::TimeZone;
use zstd::bulk::Decompressor;

pub use self::error::ReadError;
use self::{
    files::Files,
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
    /// Runs of which the facts are missing: host, start, and the filter that they were recorded with.
    pub headless: u64,
}

/// A recording that is being read.
pub struct Recording {
    window: Window,
    /// Whether it is waited for what is still being written.
    is_followed: bool,
    files: Files,
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
    /// The same of what was read before the current segment.
    damage_before: Damage,
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
    /// [`ReadError`] if a path cannot be looked at, or a moment not be found. What a file in it is, [`Recording::next`] says.
    pub fn open(what: &Reading) -> Result<Self, ReadError> {
        let (files, segments) = Files::find(what)?;
        let is_whole = segments.iter().all(|segment| !segment.is_stream()) && !what.follow;
        let of = is_whole.then(|| segments.iter().map(|segment| segment.len).sum());
        let window = if segments.is_empty() && is_whole { Window::ALL } else { Window::new(what, &segments)? };
        let checkpoints = window.checkpoints(&segments)?;
        let is_followed = what.follow;
        Ok(Self { of, files, checkpoints, segments: segments.into(), is_followed, ..Self::new(window)? })
    }

    /// Reads what comes out of a stream, all of it.
    ///
    /// # Errors
    /// [`ReadError::Decompress`].
    pub fn stream(stream: impl Read + 'static) -> Result<Self, ReadError> {
        let current = Some((Segment::stdin(), Frames::stream(stream)));
        Ok(Self { current, ..Self::new(Window::ALL)? })
    }

    fn new(window: Window) -> Result<Self, ReadError> {
        Ok(Self {
            window,
            is_followed: false,
            files: Files::default(),
            checkpoints: HashMap::new(),
            segments: VecDeque::new(),
            current: None,
            of: None,
            run: None,
            has_ended: false,
            ready: VecDeque::new(),
            damage: Damage::default(),
            damage_before: Damage::default(),
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
    /// [`ReadError`] if a file, or the rest of it, cannot be read: the next call reads on with the next one.
    pub fn next(&mut self, events: &mut Vec<Event>) -> Result<Option<Step>, ReadError> {
        loop {
            if let Some((step, its)) = self.ready.pop_front() {
                self.spare = mem::replace(events, its);
                return Ok(Some(step));
            }
            if let Some(refusal) = self.files.refusal() {
                return Err(refusal);
            }
            if let ControlFlow::Break(step) = self.read_on()? {
                return Ok(step);
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

    /// Reads a frame or what is none, or goes on to the next segment.
    fn read_on(&mut self) -> Result<ControlFlow<Option<Step>>, ReadError> {
        let may_grow = self.may_grow();
        let Some((segment, frames)) = &mut self.current else { return self.begin_segment() };
        let read = match frames.next() {
            Ok(Next::Frame(head)) => self.frame(&head),
            Ok(Next::Damage(bytes)) => {
                self.count(bytes);
                Ok(())
            }
            Ok(Next::Newer(version)) => Err(ReadError::Newer { path: segment.name(), version }),
            Ok(Next::Silence) => return Ok(ControlFlow::Break(Some(Step::Wait))),
            Ok(Next::Partial(_) | Next::End) if may_grow => return Ok(self.look_for_more()),
            Ok(Next::Partial(head)) => {
                let passed = frames.give_up();
                self.count(passed);
                self.hear_of(head);
                Ok(())
            }
            Ok(Next::End) => return self.leave_segment().map(ControlFlow::Continue),
            Err(source) => Err(segment.failed(source)),
        };
        // That there was no frame in it is not worth saying then.
        read.inspect_err(|_| drop(self.leave_segment())).map(ControlFlow::Continue)
    }

    fn begin_segment(&mut self) -> Result<ControlFlow<Option<Step>>, ReadError> {
        if let Some(segment) = self.segments.pop_front() {
            match segment.open() {
                // Removed since it was found, to keep the others within limits.
                Err(error) if error.is_gone() => self.count(0),
                frames => {
                    self.current = Some((segment, frames?));
                    self.damage_before = self.damage;
                }
            }
        } else if self.may_grow() {
            return Ok(self.look_for_more());
        } else if self.run.is_some() {
            self.end_run(None);
        } else {
            return Ok(ControlFlow::Break(None));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn leave_segment(&mut self) -> Result<(), ReadError> {
        let Some((segment, frames)) = self.current.take() else { return Ok(()) };
        self.read += frames.taken();
        self.is_damaged_here = false;
        if frames.has_frame() {
            return Ok(());
        }
        // What is no recording is not damaged either.
        self.damage = self.damage_before;
        let path = segment.name();
        Err(if frames.taken() == 0 { ReadError::Empty { path } } else { ReadError::NotARecording { path } })
    }

    /// Whether the end of what there is may not be the end of the run: it is still being written, here or in another file.
    fn may_grow(&self) -> bool {
        let is_file = |(segment, _): &(Segment, Frames)| !segment.is_stream();
        self.is_followed
            && !self.has_ended
            && self.segments.is_empty()
            && self.current.as_ref().map_or(self.files.may_grow(), is_file)
    }

    /// Looks for segments that came since, and waits if there are none. What was written to the current one meanwhile is
    /// read before it is left.
    fn look_for_more(&mut self) -> ControlFlow<Option<Step>> {
        self.segments.extend(self.files.more());
        if self.segments.is_empty() { ControlFlow::Break(Some(Step::Wait)) } else { ControlFlow::Continue(()) }
    }
}
