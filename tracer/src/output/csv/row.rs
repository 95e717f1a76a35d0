//! A row in the making: an event's members, put in the order of the columns.

use std::net::IpAddr;

use csv_core::{Terminator, Writer, WriterBuilder};

use super::text;
use crate::{
    output::{
        members::Members,
        names::{EventType, NAMES, Name},
        plain::{push_addr, push_moment, push_number, push_truth},
    },
    socket::Owner,
};

/// Quotes around a cell and a comma or CRLF after it, bytes.
const AROUND: usize = 4;

/// A cell for each column. They keep their memory from row to row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    cells: [Vec<u8>; NAMES.len()],
    /// The column whose value comes next.
    place: usize,
    writer: Writer,
}

impl Default for Row {
    fn default() -> Self {
        let writer = WriterBuilder::new().terminator(Terminator::CRLF).build();
        Self { cells: [const { Vec::new() }; _], place: 0, writer }
    }
}

impl Row {
    /// The names of the columns.
    pub(super) fn header() -> Self {
        Self { cells: NAMES.map(|name| name.as_bytes().to_vec()), ..Self::default() }
    }

    /// Appends the row, if there is one, and is empty again.
    pub(super) fn write(&mut self, buf: &mut Vec<u8>) {
        let [kind, ..] = &self.cells;
        if kind.is_empty() {
            return;
        }
        let end = buf.len();
        // A cell of quotes alone is twice as long when they are doubled.
        let longest: usize = self.cells.iter().map(|cell| 2 * cell.len() + AROUND).sum();
        buf.resize(end + longest, 0);
        let length = self.write_into(&mut buf[end..]);
        buf.truncate(end + length);
    }

    /// How many bytes it took.
    fn write_into(&mut self, room: &mut [u8]) -> usize {
        let mut length = 0;
        for (place, cell) in self.cells.iter_mut().enumerate() {
            if place > 0 {
                length += self.writer.delimiter(&mut room[length..]).1;
            }
            length += self.writer.field(cell, &mut room[length..]).2;
            cell.clear();
        }
        length + self.writer.terminator(&mut room[length..]).1
    }

    fn cell(&mut self) -> &mut Vec<u8> {
        &mut self.cells[self.place]
    }
}

impl Members for Row {
    fn begin(&mut self, kind: EventType) {
        self.place = 0;
        self.word(kind.name());
    }

    fn name(&mut self, name: Name) {
        self.place = name.place;
    }

    fn null(&mut self) {}

    fn number(&mut self, number: impl itoa::Integer) {
        push_number(self.cell(), number);
    }

    fn truth(&mut self, is_true: bool) {
        push_truth(self.cell(), is_true);
    }

    fn word(&mut self, word: &str) {
        self.cell().extend_from_slice(word.as_bytes());
    }

    fn words(&mut self, words: &[&str]) {
        self.word(&words.join(" "));
    }

    fn text(&mut self, bytes: &[u8]) {
        text::push(self.cell(), bytes);
    }

    fn prepared(&mut self, text: &[u8]) {
        self.cell().extend_from_slice(text);
    }

    /// `nginx/812:6 nginx/813:6`; `-` for nobody, as an empty cell is what is not known.
    fn owners(&mut self, owners: &[Owner]) {
        if owners.is_empty() {
            return self.word("-");
        }
        for (place, owner) in owners.iter().enumerate() {
            let cell = self.cell();
            cell.extend_from_slice(if place > 0 { b" " } else { b"" });
            text::push(cell, owner.comm.as_bytes());
            cell.push(b'/');
            push_number(cell, owner.pid);
            cell.push(b':');
            push_number(cell, owner.fd);
        }
    }

    fn addr(&mut self, addr: IpAddr) {
        push_addr(self.cell(), addr);
    }

    fn moment(&mut self, second: &str, nanoseconds: u32) {
        push_moment(self.cell(), second, nanoseconds);
    }

    /// Not yet written: [`Row::write`] does.
    fn end(&mut self) {}
}
