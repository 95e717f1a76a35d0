//! A block of records: what a frame holds once it is decompressed. Nothing in it refers to another block.
//!
//! A record begins with its kind. A row says how it differs from what its socket and its class looked like last, so that
//! most rows take about ten bytes before compression.

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub(crate) use self::decoder::Decoder;
pub(super) use self::encoder::Encoder;
use super::rows::{IDENTITY, Kind, Row};
use crate::event::MonotonicNs;

/// Records in a block at most: what a reader holds in memory at a time.
pub(super) const MAX_RECORDS: u32 = 65_536;
/// Bytes in a block at most.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Bytes in a text at most: it is the name of a reason, of which many are remembered.
const MAX_TEXT: usize = 256;

/// What other records than rows begin with. [`Kind`] has the numbers below.
pub(super) const UNTIL: u8 = 8;
/// From here on a length follows, so that who does not know a kind can pass over it.
pub(super) const WITH_LENGTH: u8 = 16;
/// A text that later rows refer to by its number: the first in the block is 1.
pub(super) const TEXT: u8 = 16;
/// A fact, as JSON.
pub(super) const FACT: u8 = 17;

/// What says which socket it is.
type Identity = [u64; IDENTITY.end - IDENTITY.start];

/// What rows are expected to look like: the same rule on both sides.
struct Context {
    time: u64,
    /// By kind and class, where in `templates` the last such row is, plus one.
    classes: Box<[u16; CLASSES]>,
    templates: Vec<Row>,
    /// The sockets of this block, in the order in which they came up.
    sockets: Vec<Identity>,
}

/// Kinds of rows times classes.
const CLASSES: usize = 8 * 256;

impl Context {
    fn new() -> Self {
        Self { time: 0, classes: Box::new([0; CLASSES]), templates: Vec::new(), sockets: Vec::new() }
    }

    fn clear(&mut self) {
        self.time = 0;
        self.classes.fill(0);
        self.templates.clear();
        self.sockets.clear();
    }

    /// Where the last row of this class is kept; zeros before the first.
    fn place(&mut self, kind: Kind, class: u8) -> usize {
        let entry = &mut self.classes[usize::from(kind as u8) << 8 | usize::from(class)];
        if *entry == 0 {
            self.templates.push(Row::new(kind, class, MonotonicNs(0)));
            *entry = self.templates.len() as u16;
        }
        usize::from(*entry) - 1
    }

    /// Makes the last row of a class what the next is expected to look like: like that, and like its socket.
    fn expect(&mut self, place: usize, socket: Option<usize>) -> Option<&mut Row> {
        let expected = &mut self.templates[place];
        if let Some(socket) = socket {
            expected.columns[IDENTITY].copy_from_slice(self.sockets.get(socket)?);
        }
        Some(expected)
    }

    /// Takes note of the row that is the last of its class now.
    fn note(&mut self, place: usize, socket: Option<usize>) {
        let mut identity = Identity::default();
        identity.copy_from_slice(&self.templates[place].columns[IDENTITY]);
        match socket {
            Some(socket) => self.sockets[socket] = identity,
            None => self.sockets.push(identity),
        }
    }
}
