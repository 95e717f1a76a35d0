//! Events into a block.

use integer_encoding::VarInt;

use super::{Context, FACT, MAX_RECORDS, TEXT, UNTIL};
use crate::{
    event::{Event, MonotonicNs},
    hashing::HashMap,
    recording::{
        facts,
        rows::{COLUMNS, Column, Row},
    },
};

/// The columns by which a socket is found.
const NAMES: u64 = 1 << Column::Cookie as u32 | 1 << Column::Sock as u32;

/// A block is full at this size.
const FULL: usize = 1 << 20;

/// A block that is being filled.
pub(in crate::recording) struct Encoder {
    bytes: Vec<u8>,
    context: Context,
    records: u32,
    /// Events of sockets among them.
    events: u32,
    span: Option<(MonotonicNs, MonotonicNs)>,
    /// Where in the context a socket is, by cookie and by address.
    places: HashMap<u64, usize>,
    texts: HashMap<Box<str>, u64>,
}

impl Encoder {
    pub(in crate::recording) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            context: Context::new(),
            records: 0,
            events: 0,
            span: None,
            places: HashMap::default(),
            texts: HashMap::default(),
        }
    }

    /// Begins the next block.
    pub(in crate::recording) fn clear(&mut self) {
        self.bytes.clear();
        self.context.clear();
        self.records = 0;
        self.events = 0;
        self.span = None;
        self.places.clear();
        self.texts.clear();
    }

    pub(in crate::recording) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::recording) fn records(&self) -> u32 {
        self.records
    }

    pub(in crate::recording) fn events(&self) -> u32 {
        self.events
    }

    /// The earliest and the latest time in it.
    pub(in crate::recording) fn span(&self) -> Option<(MonotonicNs, MonotonicNs)> {
        self.span
    }

    /// Whether it should be written before more is put in: an event takes three records at most,
    /// its cgroup's path and its reason before it.
    pub(in crate::recording) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL || self.records + 3 > MAX_RECORDS
    }

    /// Appends an event.
    pub(in crate::recording) fn put(&mut self, event: &Event) {
        match event {
            Event::Until(time) => {
                self.bytes.push(UNTIL);
                self.put_time(*time);
            }
            Event::Clock(_) | Event::Cgroup { .. } | Event::Namespace(_) | Event::Gap(_) => {
                let fact = facts::event(event);
                self.put_sized(FACT, &fact);
            }
            _ => self.put_row(event),
        }
    }

    fn put_row(&mut self, event: &Event) {
        let now = MonotonicNs(self.context.time);
        let Self { bytes, records, texts, .. } = self;
        let number = |text: &str| match texts.get(text) {
            Some(number) => *number,
            None => {
                let number = texts.len() as u64 + 1;
                texts.insert(text.into(), number);
                put_sized(bytes, TEXT, text.as_bytes());
                *records += 1;
                number
            }
        };
        let Some(row) = Row::of(event, now, number) else { return };
        let place = self.context.place(row.kind, row.class);
        let socket = self.place_of(&row);
        self.bytes.extend_from_slice(&[row.kind as u8, row.class]);
        let back = socket.map_or(0, |socket| self.context.sockets.len() - socket);
        put(&mut self.bytes, back as u64);
        self.put_time(row.time);
        let Some(Row { columns: expected, .. }) = self.context.expect(place, socket) else { return };
        let mask = (0..COLUMNS).fold(0, |mask, at| mask | u64::from(row.columns[at] != expected[at]) << at);
        put(&mut self.bytes, mask);
        // Most rows are of a socket that is known by the same keys already.
        let is_named_anew = socket.is_none() || mask & NAMES != 0;
        let mut rest = mask;
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            put(&mut self.bytes, row.columns[at].wrapping_sub(expected[at]).cast_signed());
            rest &= rest - 1;
        }
        *expected = row.columns;
        self.context.note(place, socket);
        if is_named_anew {
            let socket = socket.unwrap_or(self.context.sockets.len() - 1);
            self.places.extend(keys(&row).map(|key| (key, socket)));
        }
        self.events += 1;
    }

    /// The socket's last row in this block.
    fn place_of(&self, row: &Row) -> Option<usize> {
        keys(row).find_map(|key| self.places.get(&key).copied())
    }

    /// Appends a time and counts the record.
    fn put_time(&mut self, time: MonotonicNs) {
        put(&mut self.bytes, time.0.wrapping_sub(self.context.time).cast_signed());
        self.context.time = time.0;
        let (from, to) = self.span.unwrap_or((time, time));
        self.span = Some((from.min(time), to.max(time)));
        self.records += 1;
    }

    fn put_sized(&mut self, kind: u8, content: &[u8]) {
        put_sized(&mut self.bytes, kind, content);
        self.records += 1;
    }
}

/// A socket without an identity yet is known by its address; one that has left a timewait socket behind, by its cookie.
fn keys(row: &Row) -> impl Iterator<Item = u64> + use<> {
    [row.columns[Column::Cookie as usize], row.columns[Column::Sock as usize]].into_iter().filter(|key| *key != 0)
}

fn put(bytes: &mut Vec<u8>, number: impl VarInt) {
    let mut room = [0; 10];
    match number.encode_var(&mut room) {
        // Most numbers are small.
        1 => bytes.push(room[0]),
        len => bytes.extend_from_slice(&room[..len]),
    }
}

fn put_sized(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    put(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}
