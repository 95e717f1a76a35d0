//! Events into frames, frames into segments.

use super::{End, Run, Store, StoreError};
use crate::event::{ClockPair, Event};

/// A recording that is being written.
pub struct Writer {
    store: Store,
}

impl Writer {
    /// Heads the first segment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(store: Store, _run: Run) -> Result<Self, StoreError> {
        Ok(Self { store })
    }

    /// Takes in what was there when the run started: namespaces and sockets, before the stream.
    pub fn meet(&mut self, _event: &Event) {}

    /// Takes in an event of the stream.
    pub fn take(&mut self, _event: &Event) {}

    /// Writes what was taken in, if it is time to: at least once a second, or if there is much of it; and begins the next
    /// segment if that is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tick(&mut self, _now: ClockPair) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins the next segment now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rotate(&mut self, _now: ClockPair) -> Result<(), StoreError> {
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.store.written()
    }

    /// Where segments are made and removed.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes the rest and the end. Returns how many bytes were written in all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self, _end: &End, _now: ClockPair) -> Result<u64, StoreError> {
        let written = self.store.written();
        self.store.finish()?;
        Ok(written)
    }
}
