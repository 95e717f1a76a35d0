//! Frames: what a file consists of. Each can be found, checked and read without the others.

use super::{Run, block::MAX_BYTES};
use crate::event::{ClockPair, MonotonicNs};

/// What a frame begins with. The first byte is no text in any encoding, the last is one that careless copying changes.
pub const MAGIC: [u8; 8] = *b"\x8aTRCFRM\n";
/// Version of the format. A reader refuses a newer one.
pub const VERSION: u8 = 1;
/// Bytes of a frame's head.
pub(crate) const HEAD: usize = 88;
/// Bytes that follow a head at most.
pub(crate) const MAX_STORED: usize = MAX_BYTES + (MAX_BYTES >> 8) + 64;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The facts that head a segment.
    Head = 1,
    /// What there was when the segment began.
    Existing = 2,
    /// What happened.
    Events = 3,
    /// How the run ended.
    End = 4,
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) kind: FrameKind,
    /// Compressed by zstd.
    pub(crate) is_compressed: bool,
    /// There was more than what was told of it: there were too many sockets.
    pub(crate) lacks_some: bool,
    /// Bytes that follow.
    pub(crate) stored: u32,
    /// Bytes when decompressed.
    pub(crate) len: u32,
    /// Events of sockets in it, existing ones not counted.
    pub(crate) events: u32,
    /// The run's identity.
    pub(crate) run: u64,
    /// Number of the frame in the run, from 0.
    pub(crate) sequence: u64,
    /// Events of sockets in the frames before it.
    pub(crate) before: u64,
    /// The earliest time in it.
    pub(crate) from: MonotonicNs,
    /// The latest.
    pub(crate) to: MonotonicNs,
    /// Both clocks, as the times in it are to be read until it says otherwise itself.
    pub(crate) clock: ClockPair,
    /// CRC-32C of what follows.
    pub(crate) checksum: u32,
}

/// Bytes that are no frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// Damaged, or something else altogether.
    Invalid,
    /// Of a newer version of the format.
    Newer(u8),
}

impl FrameHead {
    /// The head of a frame of this run, to be filled in.
    pub(crate) fn of(run: &Run, kind: FrameKind, sequence: u64, clock: ClockPair) -> Self {
        Self {
            kind,
            is_compressed: false,
            lacks_some: false,
            stored: 0,
            len: 0,
            events: 0,
            run: run.id,
            sequence,
            before: 0,
            from: clock.monotonic,
            to: clock.monotonic,
            clock,
            checksum: 0,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&MAGIC);
        put(&[VERSION, self.kind as u8, self.is_compressed.into(), self.lacks_some.into()]);
        put(&self.stored.to_le_bytes());
        put(&self.len.to_le_bytes());
        put(&self.events.to_le_bytes());
        for number in [self.run, self.sequence, self.before, self.from.0, self.to.0, self.clock.monotonic.0] {
            put(&number.to_le_bytes());
        }
        put(&self.clock.realtime_ns.to_le_bytes());
        put(&self.checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..HEAD - 4]);
        bytes[HEAD - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; HEAD]) -> Result<Self, NoHead> {
        let mut rest = &bytes[..];
        if take(&mut rest) != MAGIC || u32::from_le_bytes(last(bytes)) != crc32c::crc32c(&bytes[..HEAD - 4]) {
            return Err(NoHead::Invalid);
        }
        let [version, kind, compressed, flags] = take(&mut rest);
        if version > VERSION {
            return Err(NoHead::Newer(version));
        }
        let [stored, len, events] = [(); 3].map(|()| u32::from_le_bytes(take(&mut rest)));
        let [run, sequence, before, from, to, monotonic] = [(); 6].map(|()| u64::from_le_bytes(take(&mut rest)));
        let realtime_ns = i64::from_le_bytes(take(&mut rest));
        let checksum = u32::from_le_bytes(take(&mut rest));
        let kinds = [FrameKind::Head, FrameKind::Existing, FrameKind::Events, FrameKind::End];
        let kind = kinds.into_iter().find(|it| *it as u8 == kind).ok_or(NoHead::Invalid)?;
        if compressed > 1 || stored as usize > MAX_STORED || len as usize > MAX_BYTES {
            return Err(NoHead::Invalid);
        }
        let (monotonic, from, to) = (MonotonicNs(monotonic), MonotonicNs(from), MonotonicNs(to));
        Ok(Self {
            kind,
            is_compressed: compressed == 1,
            lacks_some: flags & 1 != 0,
            stored,
            len,
            events,
            run,
            sequence,
            before,
            from,
            to,
            clock: ClockPair { monotonic, realtime_ns },
            checksum,
        })
    }
}

/// The next bytes of a head, which is long enough for all that is taken from it.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut field = [0; N];
    if let Some((bytes, after)) = rest.split_first_chunk() {
        field = *bytes;
        *rest = after;
    }
    field
}

fn last(bytes: &[u8; HEAD]) -> [u8; 4] {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[HEAD - 4..]);
    field
}
