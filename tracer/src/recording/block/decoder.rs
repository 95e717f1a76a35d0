//! A block into events.

use std::{str, sync::Arc};

use integer_encoding::VarInt as _;

use super::{Context, FACT, MAX_RECORDS, MAX_TEXT, TEXT, UNTIL, WITH_LENGTH};
use crate::{
    event::{Event, MonotonicNs},
    recording::{
        RecordError, facts,
        rows::{COLUMNS, Kind, Row},
    },
};

/// Reads blocks; kept from one to the next for its memory.
pub(crate) struct Decoder {
    context: Context,
    texts: Vec<Arc<str>>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self { context: Context::new(), texts: Vec::new() }
    }

    /// Appends the events of a block, in order. On an error, none are appended.
    pub(crate) fn decode(&mut self, block: &[u8], events: &mut Vec<Event>) -> Result<(), RecordError> {
        self.context.clear();
        self.texts.clear();
        let before = events.len();
        let decoded = self.records(block, events);
        if decoded.is_err() {
            events.truncate(before);
        }
        decoded
    }

    fn records(&mut self, mut block: &[u8], events: &mut Vec<Event>) -> Result<(), RecordError> {
        let mut records = 0;
        while let Some((kind, rest)) = block.split_first() {
            block = rest;
            records += 1;
            if records > MAX_RECORDS {
                return Err(RecordError::TooMany);
            }
            match *kind {
                UNTIL => events.push(Event::Until(self.context.time(&mut block)?)),
                kind if kind >= WITH_LENGTH => {
                    let content = take_sized(&mut block)?;
                    match kind {
                        TEXT if content.len() > MAX_TEXT => return Err(RecordError::Value),
                        TEXT => self.texts.push(str::from_utf8(content).map_err(|_| RecordError::Value)?.into()),
                        FACT => events.extend(facts::to_event(content)?),
                        _ => {}
                    }
                }
                kind => {
                    let kind = Kind::ALL.into_iter().find(|it| *it as u8 == kind).ok_or(RecordError::Kind(kind))?;
                    let texts = &self.texts;
                    let text = |number: u64| texts.get(usize::try_from(number).ok()?.checked_sub(1)?).cloned();
                    events.push(self.context.row(kind, &mut block)?.event(text)?);
                }
            }
        }
        Ok(())
    }
}

impl Context {
    /// Reads a row onto what it is expected to look like.
    fn row(&mut self, kind: Kind, block: &mut &[u8]) -> Result<&Row, RecordError> {
        let (class, rest) = block.split_first().ok_or(RecordError::Short)?;
        *block = rest;
        let place = self.place(kind, *class);
        let back = take(block)?;
        let socket = match usize::try_from(back).map_err(|_| RecordError::Value)? {
            0 => None,
            back => Some(self.sockets.len().checked_sub(back).ok_or(RecordError::Value)?),
        };
        let time = self.time(block)?;
        let row = self.expect(place, socket).ok_or(RecordError::Value)?;
        row.time = time;
        let mut mask = take(block)?;
        if mask >> COLUMNS != 0 {
            return Err(RecordError::Value);
        }
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            let by = take_signed(block)?;
            row.columns[at] = row.columns[at].wrapping_add(by.cast_unsigned());
            mask &= mask - 1;
        }
        self.note(place, socket);
        Ok(&self.templates[place])
    }

    fn time(&mut self, block: &mut &[u8]) -> Result<MonotonicNs, RecordError> {
        let by = take_signed(block)?;
        self.time = self.time.wrapping_add(by.cast_unsigned());
        Ok(MonotonicNs(self.time))
    }
}

fn take(block: &mut &[u8]) -> Result<u64, RecordError> {
    // Every other number takes one byte.
    if let [number @ ..0x80, rest @ ..] = *block {
        *block = rest;
        return Ok((*number).into());
    }
    let (number, len) = u64::decode_var(block).ok_or(RecordError::Short)?;
    *block = &block[len..];
    Ok(number)
}

/// Small numbers are short whatever their sign: 0, -1, 1, -2 are written as 0, 1, 2, 3.
fn take_signed(block: &mut &[u8]) -> Result<i64, RecordError> {
    let number = take(block)?;
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

fn take_sized<'a>(block: &mut &'a [u8]) -> Result<&'a [u8], RecordError> {
    let len = take(block)?;
    let len = usize::try_from(len).map_err(|_| RecordError::Short)?;
    let (content, rest) = block.split_at_checked(len).ok_or(RecordError::Short)?;
    *block = rest;
    Ok(content)
}
