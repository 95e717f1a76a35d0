//! Keeps lines aligned: a field that is too long pushes the next one, and the line catches up where it can.

use std::io::Write as _;

use super::style::Pair;

/// An end with an IPv4 address and port in full is this long; longer ones do not widen the columns for all others.
const WIDEST_END: usize = 21;
/// Width of the two columns of ends until longer ends are seen.
const USUAL_END: usize = 15;

/// Widths of the two columns that follow what was seen so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    /// Local ends.
    pub(super) local: usize,
    /// Remote ends.
    pub(super) remote: usize,
}

impl Default for Widths {
    fn default() -> Self {
        Self { local: USUAL_END, remote: USUAL_END }
    }
}

/// The width a column has from now on.
pub(super) fn grown(width: usize, seen: usize) -> usize {
    if seen <= WIDEST_END { width.max(seen) } else { width }
}

/// A line that is being written.
pub(super) struct Line<'a> {
    buf: &'a mut Vec<u8>,
    /// Columns written.
    column: usize,
    /// Column up to which the fields so far should have come.
    stop: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(buf: &'a mut Vec<u8>) -> Self {
        Self { buf, column: 0, stop: 0 }
    }

    /// Appends text, each character one column wide.
    pub(super) fn put(&mut self, text: &str) -> &mut Self {
        self.buf.extend_from_slice(text.as_bytes());
        self.column += text.chars().count();
        self
    }

    /// Appends styled text.
    pub(super) fn styled(&mut self, (set, reset): &Pair, text: &str) -> &mut Self {
        if set.is_empty() {
            return self.put(text);
        }
        // Writing to memory does not fail.
        let _ = write!(self.buf, "{set}");
        self.put(text);
        let _ = write!(self.buf, "{reset}");
        self
    }

    /// Ends a column of `width`: the next text starts behind it, or as soon after it as it can.
    pub(super) fn end_column(&mut self, width: usize) -> &mut Self {
        self.stop += width;
        self.pad_to(self.stop)
    }

    /// Appends text at the right edge of a column of `width`.
    pub(super) fn right(&mut self, width: usize, text: &str) -> &mut Self {
        self.stop += width;
        self.pad_to(self.stop.saturating_sub(text.chars().count()));
        self.put(text)
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        self.buf.push(b'\n');
    }

    fn pad_to(&mut self, column: usize) -> &mut Self {
        let missing = column.saturating_sub(self.column);
        self.buf.resize(self.buf.len() + missing, b' ');
        self.column += missing;
        self
    }
}
