//! Events into frames, frames into segments.

use std::mem;

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
/// What is alive is told again after so many bytes, so that no more has to be read to know what was alive at a moment; and
/// after so many times what telling it takes, so that it takes three percent at most.
const CHECKPOINT_BYTES: u64 = 16 << 20;
const CHECKPOINT_SHARE: u64 = 32;
/// How long it goes on in a segment that is due to end when the next could not be begun, until that is tried again.
const RETRY_NS: u64 = 60_000_000_000;

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
    /// What is being told of what is alive is not all of it.
    lacks_some: bool,
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
    /// How much will have been written when it is told again.
    checkpoint: u64,
    cgroups: Cgroups,
    /// When the next segment could not be begun.
    refused: Option<MonotonicNs>,
    /// Something could not be written: nothing more is, but how many events there were and the end.
    has_stopped: bool,
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
            lacks_some: false,
            clock,
            first_clock: clock,
            flushed: clock.monotonic,
            reached: clock.monotonic,
            sequence: 0,
            events: 0,
            alive: Alive::default(),
            checkpoint: CHECKPOINT_BYTES,
            cgroups: Cgroups::default(),
            refused: None,
            has_stopped: false,
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
        if self.has_stopped {
            self.events += u64::from(event.is_of_socket());
            return;
        }
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
    /// [`StoreError`], once. Unless [`Writer::has_stopped`], only the next segment could not be begun, and it goes on in this
    /// one.
    pub fn tick(&mut self, now: ClockPair) -> Result<(), StoreError> {
        if now.monotonic.since(self.flushed) >= FLUSH_NS {
            self.seal();
            self.flushed = now.monotonic;
        }
        self.write()?;
        if self.has_stopped {
            return Ok(());
        }
        if self.store.is_due(now) {
            return self.rotate_if_possible(now);
        }
        if self.store.written() >= self.checkpoint && self.kind == FrameKind::Events {
            self.seal();
            self.tell_alive();
        }
        self.write()
    }

    fn rotate_if_possible(&mut self, now: ClockPair) -> Result<(), StoreError> {
        let refused = self.refused;
        if refused.is_some_and(|refused| now.monotonic.since(refused) < RETRY_NS) {
            return Ok(());
        }
        match self.rotate(now) {
            Err(_) if refused.is_some() && !self.has_stopped => Ok(()),
            rotated => rotated.map(drop),
        }
    }

    /// Begins the next segment now; false if there can be only one.
    ///
    /// # Errors
    /// As [`Writer::tick`].
    pub fn rotate(&mut self, now: ClockPair) -> Result<bool, StoreError> {
        self.seal();
        self.write()?;
        if self.has_stopped {
            return Ok(self.store.directory().is_some());
        }
        self.refused = Some(now.monotonic);
        if !self.store.rotate(now)? {
            return Ok(false);
        }
        self.refused = None;
        self.head();
        self.tell_alive();
        self.write()?;
        Ok(true)
    }

    /// Whether something could not be written, so that nothing more is but the end.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.has_stopped
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

    /// Writes the rest and the end, which takes little room: it is tried though something could not be written before, and says
    /// how much is missing then. Returns how many bytes were written in all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(mut self, end: &End, now: ClockPair) -> Result<u64, StoreError> {
        self.seal();
        let rest = self.write();
        let head = FrameHead::of(&self.run, FrameKind::End, self.sequence, now);
        self.push_plain(head, &facts::write_end(end));
        let ended = self.store.append(&self.frames);
        rest.and(ended)?;
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

    /// Makes frames of what is alive now.
    fn tell_alive(&mut self) {
        let before = self.frames.len();
        let kind = mem::replace(&mut self.kind, FrameKind::Existing);
        let mut alive = mem::take(&mut self.alive);
        self.lacks_some = alive.lacks_some();
        alive.events().for_each(|event| self.put(&event));
        self.seal();
        self.lacks_some = false;
        self.alive = alive;
        self.kind = kind;
        let bytes = (self.frames.len() - before) as u64;
        self.checkpoint = self.store.written() + CHECKPOINT_BYTES.max(bytes * CHECKPOINT_SHARE);
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
            lacks_some: self.lacks_some,
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
        let written = if self.frames.is_empty() || self.has_stopped { Ok(()) } else { self.store.append(&self.frames) };
        self.has_stopped |= written.is_err();
        self.frames.clear();
        written
    }
}
