//! Formats and writes.

use crate::{
    observation::{Observation, Start},
    output::{Output, Sink, SinkError},
};

/// A batch of usual size does not grow the buffer.
const USUAL_BATCH: usize = 1 << 20;

/// Where results go.
pub(crate) struct Printer {
    /// As it is before any run: clocks and names are a run's own.
    fresh: Output,
    output: Output,
    sink: Sink,
    buffer: Vec<u8>,
}

impl Printer {
    pub(super) fn new(output: Output, sink: Sink) -> Self {
        Self { fresh: output.clone(), output, sink, buffer: Vec::with_capacity(USUAL_BATCH) }
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

    /// Writes what was formatted.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        let written = self.sink.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}
