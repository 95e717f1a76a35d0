//! Formats and writes.

use crate::{
    observation::{Observation, Start},
    output::{Output, Screen, Sink, SinkError},
};

/// What is printed is written when there is so much of it, bytes, also where nobody flushes: much may be told at once.
const BATCH: usize = 1 << 20;
/// A batch of usual size does not grow the buffer.
const ROOM: usize = BATCH + (1 << 16);

/// Where results go.
pub(crate) struct Printer {
    /// As it is before any run: clocks and names are a run's own.
    fresh: Output,
    output: Output,
    sink: Sink,
    buffer: Vec<u8>,
    /// Why what was printed could not be written, until somebody asks.
    failed: Option<SinkError>,
}

impl Printer {
    pub(super) fn new(output: Output, sink: Sink) -> Self {
        Self { fresh: output.clone(), output, sink, buffer: Vec::with_capacity(ROOM), failed: None }
    }

    /// Begins a run.
    pub(super) fn start(&mut self, start: &Start) {
        self.output = self.fresh.clone();
        self.output.start(start, &mut self.buffer);
        self.fresh.follows();
    }

    /// Formats an observation.
    pub(crate) fn print(&mut self, observation: &Observation) {
        self.output.observe(observation, &mut self.buffer);
        if self.buffer.len() >= BATCH {
            self.write();
        }
    }

    /// Whether nothing is ever printed.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.output, Output::Silent)
    }

    /// What was formatted and not written yet, bytes.
    pub(super) fn unwritten(&self) -> usize {
        self.buffer.len()
    }

    /// Whether a person looks at it.
    pub(super) fn is_terminal(&self) -> bool {
        self.sink.is_terminal()
    }

    /// The size of the terminal that is written to.
    pub(super) fn screen(&self) -> Screen {
        self.sink.screen()
    }

    /// Text is to fit there.
    pub(super) fn fit(&mut self, screen: Screen) {
        self.output.fit(screen);
    }

    /// Writes what was formatted.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        self.write();
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Writes what was formatted, unless that has failed before.
    fn write(&mut self) {
        if self.failed.is_none() {
            self.failed = self.sink.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }
}
