//! Recordings as a source: the events of a run, in the order in which it saw them.

use std::path::PathBuf;

use crate::{
    event::Event,
    recording::{End, Run},
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
    /// A run is over; `None`: its recording ends before it did, or further than was asked for.
    End(Option<Box<End>>),
    /// Nothing more yet: it is still being written.
    Wait,
}

/// What could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Places in the files that are no frame.
    pub places: u64,
    /// Bytes passed over.
    pub bytes: u64,
    /// Records known to be missing.
    pub records: u64,
    /// Runs whose end is missing.
    pub unended: u64,
}

/// A recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {}

/// A recording that is being read.
pub struct Recording {}

impl Recording {
    /// Finds the segments and puts them in order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(_what: &Reading) -> Result<Self, ReadError> {
        Ok(Self {})
    }

    /// Reads on; `None`: that was all.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next(&mut self, _events: &mut Vec<Event>) -> Result<Option<Step>, ReadError> {
        Ok(None)
    }

    /// What could not be read so far.
    #[must_use]
    pub fn damage(&self) -> Damage {
        Damage::default()
    }

    /// Bytes read so far, and of how many, if that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}
