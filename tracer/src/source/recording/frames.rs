//! Frames out of bytes: each is found, checked and read, and what is none is passed over and counted.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
};

use memchr::memmem;

use crate::recording::{FrameHead, HEAD, MAGIC, NoHead};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;

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
    /// The beginning of a frame, so many bytes, and its head if that is whole: it may still be being written.
    Partial(u64, Option<FrameHead>),
    /// A frame of a newer version of the format.
    Newer(u8),
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
}

impl Frames {
    pub(super) fn file(file: File) -> Self {
        Self::new(Input::File(file))
    }

    pub(super) fn stream(stream: impl Read + 'static) -> Self {
        Self::new(Input::Stream(Box::new(stream)))
    }

    fn new(input: Input) -> Self {
        Self { input, buffer: Vec::new(), at: 0, taken: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Looks at what comes next; a partial frame stays, to be looked at again.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        if self.fill(HEAD)? == 0 {
            return Ok(Next::End);
        }
        let mut passed = 0;
        loop {
            let here = &self.buffer[self.at..];
            match here.first_chunk().map(FrameHead::from_bytes) {
                Some(Ok(head)) if passed == 0 => return self.whole_or_partial(head),
                Some(Err(NoHead::Newer(version))) if passed == 0 => return Ok(Next::Newer(version)),
                Some(Ok(_) | Err(NoHead::Newer(_))) => return Ok(Next::Damage(passed)),
                // Only the beginning of a head, which may go on later.
                None if passed == 0 && is_prefix(here) => return Ok(Next::Partial(here.len() as u64, None)),
                None if here.is_empty() || is_prefix(here) => return Ok(Next::Damage(passed)),
                _ => passed += self.pass_over(),
            }
            self.fill(HEAD)?;
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
        Ok(if there < len { Next::Partial(there, Some(head)) } else { Next::Frame(head) })
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
        let is_there = self.fill(len)? >= len;
        let from = self.at + HEAD;
        let range = from..if is_there { self.at + len } else { from };
        let is_whole = is_there && crc32c::crc32c(&self.buffer[range.clone()]) == head.checksum;
        self.take(if is_whole { len } else { HEAD });
        Ok(is_whole.then(|| &self.buffer[range]))
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
        match &mut self.input {
            Input::File(file) => drop(file.seek(SeekFrom::Current(beyond as i64))?),
            Input::Stream(stream) => drop(io::copy(&mut stream.take(beyond as u64), &mut io::sink())?),
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
        while self.buffer.len() - self.at < bytes {
            if self.at > 0 {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            let had = self.buffer.len();
            self.buffer.resize(had + CHUNK.max(bytes - had), 0);
            let got = match &mut self.input {
                Input::File(file) => file.read(&mut self.buffer[had..]),
                Input::Stream(stream) => stream.read(&mut self.buffer[had..]),
            };
            self.buffer.truncate(had + *got.as_ref().unwrap_or(&0));
            match got {
                Ok(0) => break,
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
