//! Frames out of bytes: each is found, checked and read, and what is none is passed over and counted.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
};

use memchr::memmem;

use crate::recording::{FrameHead, HEAD, MAGIC, NoHead};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;
/// Bytes that may be checksummed in vain: so many to begin with, and so many for each byte that was taken. Damage, even if
/// it cuts the content of every frame short, stays far below; heads that all claim the same bytes do not, and without a
/// bound they would cost a checksum of everything each.
const IN_VAIN: u64 = 64 << 20;
const IN_VAIN_PER_BYTE: u64 = 16;

/// Where the bytes come from.
enum Input {
    File(File),
    /// Cannot seek.
    Stream(Box<dyn Read>),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame, of which the content is still to be read or passed over.
    Frame(FrameHead),
    /// So many bytes that are no frame.
    Damage(u64),
    /// The beginning of a frame, and its head if that is whole: it may still be being written.
    Partial(Option<FrameHead>),
    /// A frame of a newer version of the format.
    Newer(u8),
    /// Nothing yet: a stream is silent.
    Silence,
    /// Nothing.
    End,
}

/// Reads one file.
pub(super) struct Frames {
    input: Input,
    buffer: Vec<u8>,
    /// Where in the buffer it goes on.
    at: usize,
    /// Bytes taken so far.
    taken: u64,
    /// Bytes checksummed that were not what was written.
    in_vain: u64,
    /// The stream is at its end, which is final.
    is_over: bool,
    /// There was a frame, or the beginning of one.
    has_frame: bool,
}

impl Frames {
    pub(super) fn file(file: File) -> Self {
        Self::new(Input::File(file))
    }

    pub(super) fn stream(stream: impl Read + 'static) -> Self {
        Self::new(Input::Stream(Box::new(stream)))
    }

    fn new(input: Input) -> Self {
        Self { input, buffer: Vec::new(), at: 0, taken: 0, in_vain: 0, is_over: false, has_frame: false }
    }

    /// Bytes taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether there was a frame, or the beginning of one.
    pub(super) fn has_frame(&self) -> bool {
        self.has_frame
    }

    /// Looks at what comes next; a partial frame stays, to be looked at again.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let next = match self.look() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Next::Silence,
            next => next?,
        };
        self.has_frame |= match next {
            Next::Frame(_) | Next::Partial(Some(_)) | Next::Newer(_) => true,
            Next::Partial(None) => self.taken == 0,
            Next::Damage(_) | Next::Silence | Next::End => false,
        };
        Ok(next)
    }

    fn look(&mut self) -> io::Result<Next> {
        if self.fill(HEAD)? == 0 {
            return Ok(Next::End);
        }
        let here = &self.buffer[self.at..];
        match here.first_chunk().map(FrameHead::from_bytes) {
            Some(Ok(head)) => self.whole_or_partial(head),
            Some(Err(NoHead::Newer(version))) => Ok(Next::Newer(version)),
            // Only the beginning of a head, which may go on later.
            None if is_prefix(here) => Ok(Next::Partial(None)),
            _ => Ok(Next::Damage(self.pass_over())),
        }
    }

    fn whole_or_partial(&mut self, head: FrameHead) -> io::Result<Next> {
        let len = (HEAD + head.stored as usize) as u64;
        let here = (self.buffer.len() - self.at) as u64;
        let there = match &mut self.input {
            Input::File(file) if here < len => here + file.metadata()?.len().saturating_sub(file.stream_position()?),
            Input::File(_) => here,
            Input::Stream(_) => self.fill(HEAD + head.stored as usize)? as u64,
        };
        Ok(if there < len { Next::Partial(Some(head)) } else { Next::Frame(head) })
    }

    /// Passes over the head of a partial frame, which will not become whole: what there is of its content may hold others.
    pub(super) fn give_up(&mut self) -> u64 {
        let by = HEAD.min(self.buffer.len() - self.at);
        self.take(by);
        by as u64
    }

    /// Passes over a byte and all that cannot be the beginning of a frame after it.
    fn pass_over(&mut self) -> u64 {
        let here = &self.buffer[self.at..];
        let rest = here.get(1..).unwrap_or_default();
        let by = 1 + match memmem::find(rest, &MAGIC) {
            Some(place) => place,
            // The magic may begin in the last bytes and go on in what is read next.
            None => rest.len().saturating_sub(MAGIC.len() - 1),
        };
        let by = by.min(here.len());
        self.take(by);
        by as u64
    }

    /// The content of a frame that [`Frames::next`] has just found, if it is all there and what was written. Otherwise only its
    /// head is taken, and the rest will be looked through for frames.
    pub(super) fn content(&mut self, head: &FrameHead) -> io::Result<Option<&[u8]>> {
        let len = HEAD + head.stored as usize;
        let may_be_checked = self.in_vain <= IN_VAIN + IN_VAIN_PER_BYTE * self.taken;
        let is_there = may_be_checked && self.fill(len)? >= len;
        let from = self.at + HEAD;
        let range = from..if is_there { self.at + len } else { from };
        let is_whole = is_there && crc32c::crc32c(&self.buffer[range.clone()]) == head.checksum;
        if !is_whole {
            self.in_vain += range.len() as u64;
        }
        self.take(if is_whole { len } else { HEAD });
        Ok(is_whole.then(|| &self.buffer[range]))
    }

    /// The head of the frame after the one that [`Frames::next`] has just found, if it is there and whole.
    pub(super) fn after(&mut self, head: &FrameHead) -> Option<FrameHead> {
        let at = self.at + HEAD + head.stored as usize;
        let mut bytes = [0; HEAD];
        match &mut self.input {
            Input::File(file) => {
                let start = file.stream_position().ok()? - self.buffer.len() as u64;
                file.read_exact_at(&mut bytes, start + at as u64).ok()?;
            }
            Input::Stream(_) => bytes.copy_from_slice(self.buffer.get(at..at + HEAD)?),
        }
        FrameHead::from_bytes(&bytes).ok()
    }

    /// Passes over a frame that [`Frames::next`] has just found, without reading it if it need not be.
    pub(super) fn skip(&mut self, head: &FrameHead) -> io::Result<()> {
        let len = HEAD + head.stored as usize;
        let here = self.buffer.len() - self.at;
        if here >= len {
            self.take(len);
            return Ok(());
        }
        let beyond = len - here;
        // All of a stream's frame is at hand.
        if let Input::File(file) = &mut self.input {
            file.seek(SeekFrom::Current(beyond as i64))?;
        }
        self.take(here);
        self.taken += beyond as u64;
        Ok(())
    }

    fn take(&mut self, bytes: usize) {
        self.at += bytes;
        self.taken += bytes as u64;
    }

    /// Has so many bytes at hand, or all that there are; says how many.
    fn fill(&mut self, bytes: usize) -> io::Result<usize> {
        while self.buffer.len() - self.at < bytes && !self.is_over {
            // Not each time: the rest, which may be long, would be moved for every few bytes that were taken.
            if self.at > self.buffer.len() / 2 {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            let had = self.buffer.len();
            self.buffer.resize((had + CHUNK).max(self.at + bytes), 0);
            let got = match &mut self.input {
                Input::File(file) => file.read(&mut self.buffer[had..]),
                Input::Stream(stream) => stream.read(&mut self.buffer[had..]),
            };
            self.buffer.truncate(had + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => {
                    self.is_over = matches!(self.input, Input::Stream(_));
                    break;
                }
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(self.buffer.len() - self.at)
    }
}

/// Whether a frame may begin here that is not all there.
fn is_prefix(bytes: &[u8]) -> bool {
    let len = bytes.len().min(MAGIC.len());
    !bytes.is_empty() && bytes[..len] == MAGIC[..len]
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Frames, IN_VAIN, IN_VAIN_PER_BYTE, Next};
    use crate::{
        event::MonotonicNs,
        recording::{FrameHead, FrameKind, MAX_BYTES},
        samples::CLOCK,
    };

    #[test]
    fn heads_that_claim_the_same_bytes_cost_no_checksum_each() {
        let zero = MonotonicNs(0);
        let head = FrameHead {
            kind: FrameKind::Events,
            is_compressed: false,
            lacks_some: false,
            stored: MAX_BYTES as u32,
            len: 0,
            events: 0,
            run: 1,
            sequence: 0,
            before: 0,
            from: zero,
            to: zero,
            clock: CLOCK,
            checksum: 1,
        };
        let heads = head.to_bytes().repeat(20_000);
        let len = (heads.len() + MAX_BYTES) as u64;
        let mut frames = Frames::stream(Cursor::new([heads, vec![0; MAX_BYTES]].concat()));
        let mut found = 0;
        loop {
            match frames.next().expect("bytes") {
                Next::Frame(head) => {
                    found += 1;
                    assert_eq!(frames.content(&head).expect("bytes"), None);
                }
                Next::Damage(_) => {}
                Next::End => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((found, frames.taken()), (20_000, len));
        assert!(frames.in_vain < IN_VAIN + IN_VAIN_PER_BYTE * len + MAX_BYTES as u64, "{}", frames.in_vain);
    }
}
