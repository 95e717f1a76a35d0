//! Any bytes as a recording: an error message at worst.
//!
//! Bytes seldom have the right checksums, so they are also taken for what the frames of a file hold: each piece, ended by the magic,
//! gets a head of its own, with the numbers that the file's author might have lied about out of the piece.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tracer::{
    recording::{MAGIC, VERSION},
    source::recording::Recording,
};

/// Bytes of a frame's head.
const HEAD: usize = 88;

fuzz_target!(|bytes: &[u8]| {
    read(bytes.to_vec());
    let pieces = split(bytes);
    read(pieces.iter().flat_map(|piece| frame(piece)).collect());
});

fn read(bytes: Vec<u8>) {
    let mut recording = Recording::stream(Cursor::new(bytes)).expect("memory");
    let mut events = Vec::new();
    while let Ok(Some(_)) = recording.next(&mut events) {}
}

fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some(end) = bytes.windows(4).position(|window| window == &MAGIC[..4]) {
        pieces.push(&bytes[..end]);
        bytes = &bytes[end + 4..];
    }
    pieces.push(bytes);
    pieces
}

/// A frame of which the kind, the numbers and the content are as given, and the checksums right.
fn frame(piece: &[u8]) -> Vec<u8> {
    let (numbers, content) = piece.split_at(piece.len().min(4));
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    let len = (content.len() as u32).to_le_bytes();
    let mut frame = MAGIC.to_vec();
    frame.extend([VERSION, 1 + number(0) % 4, 0, 0]);
    frame.extend(len);
    frame.extend(len);
    frame.extend(u32::from(number(1)).to_le_bytes());
    for field in [1, number(2).into(), number(3).into(), 1_000, 2_000, 1_000, 1_700_000_000_000_000_000_u64] {
        frame.extend(field.to_le_bytes());
    }
    frame.extend(crc32c::crc32c(content).to_le_bytes());
    frame.extend(crc32c::crc32c(&frame[..HEAD - 4]).to_le_bytes());
    frame.extend(content);
    frame
}
