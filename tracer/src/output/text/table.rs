//! A table whose rows are all known: columns as wide as what is in them. What does not fit beside the others goes on on the
//! next line.

use std::{io::Write as _, iter};

use super::{style::Pair, wrap::GLUE};

/// Spaces in front of what goes on.
const INDENT: usize = 4;

/// A column.
pub(super) struct Column {
    pub(super) heading: &'static str,
    /// At the right edge, as numbers are.
    pub(super) right: bool,
    /// Longer cells do not widen it, and push what follows.
    pub(super) widest: usize,
}

/// A cell: where its text ends, how many columns it takes, and by which number its style is looked up.
#[derive(Clone, Copy)]
struct Cell {
    end: usize,
    width: usize,
    tint: u8,
}

/// The table.
pub(super) struct Table {
    columns: Vec<Column>,
    widths: Vec<usize>,
    text: String,
    cells: Vec<Cell>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        let widths = columns.iter().map(|column| column.heading.len()).collect();
        Self { columns, widths, text: String::new(), cells: Vec::new() }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.cells.len() / self.columns.len()
    }

    /// Appends the next cell, which `write` appends to the text; 0 is plain.
    pub(super) fn cell(&mut self, tint: u8, write: impl FnOnce(&mut String)) {
        let begin = self.text.len();
        write(&mut self.text);
        let width = self.text[begin..].chars().count();
        let place = self.cells.len() % self.columns.len();
        if width <= self.columns[place].widest {
            self.widths[place] = self.widths[place].max(width);
        }
        self.cells.push(Cell { end: self.text.len(), width, tint });
    }

    /// Appends the headings, and rows as long as there is room for their lines. Returns how many rows there was no room for.
    pub(super) fn write(
        &self,
        columns: Option<usize>,
        lines: Option<usize>,
        heading: Option<&Pair>,
        style: impl Fn(u8) -> Pair,
        buf: &mut Vec<u8>,
    ) -> usize {
        let mut writer = Writer { buf, room: columns.unwrap_or(usize::MAX), lines: 0 };
        if let Some((set, reset)) = heading {
            // Writing to memory does not fail, here and below.
            let _ = write!(writer.buf, "{set}");
            let cells = self.columns.iter().map(|column| (column.heading, column.heading.len(), None));
            writer.row(cells, &self.columns, &self.widths);
            writer.buf.pop();
            let _ = writeln!(writer.buf, "{reset}");
        }
        let mut begin = 0;
        for (place, row) in self.cells.chunks_exact(self.columns.len()).enumerate() {
            let before = writer.buf.len();
            let cells = row.iter().map(|cell| {
                let text = &self.text[std::mem::replace(&mut begin, cell.end)..cell.end];
                (text, cell.width, (cell.tint != 0).then(|| style(cell.tint)))
            });
            writer.row(cells, &self.columns, &self.widths);
            let is_last = place + 1 == self.rows();
            // The last line says how much there is more.
            if lines.is_some_and(|lines| writer.lines + usize::from(!is_last) > lines) {
                writer.buf.truncate(before);
                return self.rows() - place;
            }
        }
        0
    }
}

/// Writes rows.
struct Writer<'a> {
    buf: &'a mut Vec<u8>,
    /// Columns of a line.
    room: usize,
    /// Lines written.
    lines: usize,
}

impl Writer<'_> {
    fn row<'c>(
        &mut self,
        cells: impl Iterator<Item = (&'c str, usize, Option<Pair>)>,
        columns: &[Column],
        widths: &[usize],
    ) {
        let mut at = 0;
        let mut stop = 0;
        for (place, (text, width, style)) in cells.enumerate() {
            let is_last = place + 1 == columns.len();
            let wide = if is_last { width } else { width.max(widths[place]) };
            if stop > 0 && stop.max(at) + wide > self.room {
                self.break_line();
                (at, stop) = (INDENT, INDENT);
            }
            let edge = if columns[place].right { stop + widths[place].saturating_sub(width) } else { stop };
            at += self.pad(edge.saturating_sub(at));
            match style {
                Some((set, reset)) => drop(write!(self.buf, "{set}{text}{reset}")),
                None if at + width > self.room => self.words(text),
                None => self.put(text),
            }
            at += width;
            stop += widths[place] + gap(columns, place);
            if at >= stop && !is_last {
                at += self.pad(1);
            }
        }
        self.end_line();
    }

    /// What is too long for any line, broken at its spaces and behind its commas.
    fn words(&mut self, text: &str) {
        let mut at = INDENT;
        let mut gap = 0;
        for piece in text.split_inclusive([' ', ',']) {
            let word = piece.trim_end_matches(' ');
            let width = word.chars().count();
            if at > INDENT && at + gap + width > self.room {
                self.break_line();
                (at, gap) = (INDENT, 0);
            }
            at += self.pad(gap) + width;
            self.put(word);
            gap = piece.len() - word.len();
        }
    }

    fn put(&mut self, text: &str) {
        for (place, piece) in text.split(GLUE).enumerate() {
            self.buf.extend_from_slice(if place > 0 { b" " } else { b"" });
            self.buf.extend_from_slice(piece.as_bytes());
        }
    }

    fn break_line(&mut self) {
        self.end_line();
        self.pad(INDENT);
    }

    fn end_line(&mut self) {
        while self.buf.last() == Some(&b' ') {
            self.buf.pop();
        }
        self.buf.push(b'\n');
        self.lines += 1;
    }

    fn pad(&mut self, spaces: usize) -> usize {
        self.buf.extend(iter::repeat_n(b' ', spaces));
        spaces
    }
}

/// Spaces behind a column: numbers and words that touch are told apart less easily.
fn gap(columns: &[Column], place: usize) -> usize {
    if columns[place].right && columns.get(place + 1).is_some_and(|next| !next.right) { 2 } else { 1 }
}
