//! Formats and writes.

use crate::{
    observation::Observation,
    output::{Output, Sink, SinkError},
};

/// Where results go.
pub(crate) struct Printer {
    output: Output,
    sink: Sink,
    buffer: Vec<u8>,
}

impl Printer {
    pub(super) fn new(output: Output, sink: Sink, buffer: Vec<u8>) -> Self {
        Self { output, sink, buffer }
    }

    /// Formats an observation.
    pub(crate) fn print(&mut self, observation: &Observation) {
        self.output.observe(observation, &mut self.buffer);
    }

    /// Writes what was formatted.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        let written = self.sink.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}
