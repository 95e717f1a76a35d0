//! Events into frames, frames into segments.

use zstd::bulk::Compressor;

use super::{
    End, Run, Store, StoreError,
    alive::Alive,
    block::Encoder,
    cgroups::Cgroups,
    facts,
    frame::{FrameHead, FrameKind},
};
use crate::event::{ClockPair, Event, MonotonicNs};

/// What was taken in is written at least so often, so that no more is lost when the process is killed.
const FLUSH_NS: u64 = 800_000_000;
/// The fastest level: it keeps up with a storm, and what rows are like leaves little for the others.
const LEVEL: i32 = 1;

/// A recording that is being written.
pub struct Writer {
    run: Run,
    store: Store,
    encoder: Encoder,
    compressor: Compressor<'static>,
    /// Frames that are complete and not written.
    frames: Vec<u8>,
    /// What the encoder is being filled with.
    kind: FrameKind,
    clock: ClockPair,
    /// The clock when the encoder was empty.
    first_clock: ClockPair,
    /// When the encoder's first event was taken in, by the clock of [`Writer::tick`].
    flushed: MonotonicNs,
    /// The latest time that the stream has told.
    reached: MonotonicNs,
    sequence: u64,
    events: u64,
    alive: Alive,
    cgroups: Cgroups,
}

impl Writer {
    /// Heads the first segment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(store: Store, run: Run) -> Result<Self, StoreError> {
        let clock = run.start.clock;
        let mut writer = Self {
            run,
            store,
            encoder: Encoder::new(),
            compressor: Compressor::new(LEVEL).map_err(StoreError::Compress)?,
            frames: Vec::new(),
            kind: FrameKind::Existing,
            clock,
            first_clock: clock,
            flushed: clock.monotonic,
            reached: clock.monotonic,
            sequence: 0,
            events: 0,
            alive: Alive::default(),
            cgroups: Cgroups::default(),
        };
        writer.head();
        writer.write()?;
        Ok(writer)
    }

    /// Takes in what was there when the run started: namespaces and sockets, before the stream.
    pub fn meet(&mut self, event: &Event) {
        self.alive.note(event);
        self.put(event);
    }

    /// Takes in an event of the stream.
    pub fn take(&mut self, event: &Event) {
        if self.kind == FrameKind::Existing {
            self.seal();
            self.kind = FrameKind::Events;
        }
        self.alive.note(event);
        if let Event::Clock(pair) = event {
            self.clock = *pair;
        }
        self.put(event);
    }

    /// Writes what was taken in, if it is time to: at least once a second, or if there is much of it; and begins the next
    /// segment if that is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tick(&mut self, now: ClockPair) -> Result<(), StoreError> {
        if now.monotonic.since(self.flushed) >= FLUSH_NS {
            self.seal();
            self.flushed = now.monotonic;
        }
        self.write()?;
        if self.store.is_due(now) {
            self.rotate(now)?;
        }
        Ok(())
    }

    /// Begins the next segment now; false if there can be only one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rotate(&mut self, now: ClockPair) -> Result<bool, StoreError> {
        self.seal();
        self.write()?;
        if !self.store.rotate(now)? {
            return Ok(false);
        }
        self.head();
        let kind = std::mem::replace(&mut self.kind, FrameKind::Existing);
        for event in self.alive.sockets().collect::<Vec<_>>() {
            self.put(&event);
        }
        self.seal();
        self.kind = kind;
        self.write()?;
        Ok(true)
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
    pub fn finish(mut self, end: &End, now: ClockPair) -> Result<u64, StoreError> {
        self.seal();
        let head = FrameHead::of(&self.run, FrameKind::End, self.sequence, now);
        self.push_plain(head, &facts::write_end(end));
        self.write()?;
        let written = self.store.written();
        self.store.finish()?;
        Ok(written)
    }

    fn put(&mut self, event: &Event) {
        if let Some(cgroup) = self.cgroups.needed(event) {
            self.encoder.put(&cgroup);
        }
        self.encoder.put(event);
        if self.encoder.is_full() {
            self.seal();
        }
    }

    fn head(&mut self) {
        let head = FrameHead {
            from: self.reached,
            to: self.reached,
            ..FrameHead::of(&self.run, FrameKind::Head, self.sequence, self.clock)
        };
        let facts = facts::write_head(&self.run, self.store.segment());
        self.push_plain(head, &facts);
    }

    /// Makes a frame of what was put into the encoder.
    fn seal(&mut self) {
        if self.encoder.records() == 0 {
            return;
        }
        let block = self.encoder.bytes();
        let (events, span) = match self.kind {
            FrameKind::Events => (self.encoder.events(), self.encoder.span()),
            // What exists has no time of its own.
            _ => (0, None),
        };
        let (from, to) = span.unwrap_or((self.reached, self.reached));
        self.reached = self.reached.max(to);
        let head = FrameHead {
            len: block.len() as u32,
            events,
            from,
            to,
            ..FrameHead::of(&self.run, self.kind, self.sequence, self.first_clock)
        };
        match self.compressor.compress(block) {
            Ok(stored) => self.push(FrameHead { is_compressed: true, ..head }, &stored),
            // There is no memory for it.
            Err(_) => {
                let block = block.to_vec();
                self.push(head, &block);
            }
        }
        self.events += u64::from(events);
        self.encoder.clear();
        self.first_clock = self.clock;
        self.cgroups.forget_told();
    }

    fn push_plain(&mut self, head: FrameHead, content: &[u8]) {
        self.push(FrameHead { len: content.len() as u32, ..head }, content);
    }

    fn push(&mut self, head: FrameHead, stored: &[u8]) {
        let checksum = crc32c::crc32c(stored);
        let head = FrameHead { stored: stored.len() as u32, before: self.events, checksum, ..head };
        self.frames.extend_from_slice(&head.to_bytes());
        self.frames.extend_from_slice(stored);
        self.sequence += 1;
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let written = self.store.append(&self.frames);
        self.frames.clear();
        written
    }
}
