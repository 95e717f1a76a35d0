//! Where the bytes go: standard output or a file, a batch at a time.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use super::Screen;

/// A torn line is looked for this far back, bytes; far more than any line has.
const LONGEST_LINE: u64 = 1 << 20;

/// The output cannot be written. Exit status 1, but for a closed pipe.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Whoever read the pipe has closed it: they have what they wanted, and the run is a success.
    #[error("the reader of standard output has closed it")]
    Closed,
    /// The file cannot be opened.
    #[error("cannot write to {}: {error}; choose another path.", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A write failed.
    #[error("writing to {to} failed: {error}; what was written before that can be read.")]
    Write {
        /// The path, or "standard output".
        to: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Writes to standard output all at once; a reader who has enough is no failure.
///
/// # Errors
/// [`SinkError`] if it cannot be written.
pub fn print(bytes: &[u8]) -> Result<(), SinkError> {
    match Sink::open(None).and_then(|mut sink| sink.write_all(bytes)) {
        Err(SinkError::Closed) => Ok(()),
        written => written,
    }
}

/// An open output. There is no buffer behind it: a batch that was written can be read by others.
#[derive(Debug)]
pub struct Sink {
    file: File,
    path: Option<PathBuf>,
    /// The same file to read from, opened while it still can be: where a torn line is looked for.
    written: Option<File>,
}

impl Sink {
    /// Creates or empties the file at `path`, or takes standard output.
    ///
    /// # Errors
    /// [`SinkError::Open`] if that is not possible.
    pub fn open(path: Option<&Path>) -> Result<Self, SinkError> {
        let opened = match path {
            Some(path) => File::create(path),
            // A second descriptor, because the standard library's own handle splits batches at line ends.
            None => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        };
        let path = path.map(Path::to_owned);
        match opened {
            Ok(file) => {
                let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
                let written = path.as_ref().filter(|_| is_file).and_then(|path| File::open(path).ok());
                Ok(Self { file, path, written })
            }
            Err(error) => {
                let path = path.unwrap_or_else(|| PathBuf::from("standard output"));
                Err(SinkError::Open { path, error })
            }
        }
    }

    /// Whether a person looks at it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    /// The size of the terminal that it is.
    #[must_use]
    pub fn screen(&self) -> Screen {
        Screen::of(&self.file)
    }

    /// Writes whole lines. If that fails halfway, a file is cut back to the last line that is whole.
    ///
    /// # Errors
    /// [`SinkError::Closed`] or [`SinkError::Write`].
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.file.write_all(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => SinkError::Closed,
            _ => {
                // What cannot be cut back (a device, a terminal) keeps its torn line.
                let _ = self.drop_torn_line();
                let path = self.path.as_ref().map(|path| path.display().to_string());
                SinkError::Write { to: path.unwrap_or_else(|| "standard output".to_owned()), error }
            }
        })
    }

    fn drop_torn_line(&mut self) -> io::Result<()> {
        let Some(written) = &mut self.written else { return Ok(()) };
        let end = self.file.stream_position()?;
        let from = end.saturating_sub(LONGEST_LINE);
        let mut tail = Vec::new();
        written.seek(SeekFrom::Start(from))?;
        written.take(end - from).read_to_end(&mut tail)?;
        let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline as u64 + 1);
        self.file.set_len(from + whole)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Sink, SinkError};

    #[test]
    fn a_full_disk_is_said_in_one_sentence() {
        let mut sink = Sink::open(Some(Path::new("/dev/full"))).expect("the device");
        let error = sink.write_all(b"line\n").expect_err("nothing fits");
        let sentence = "writing to /dev/full failed: No space left on device (os error 28); \
                        what was written before that can be read.";
        assert_eq!(error.to_string(), sentence);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_said_in_one_sentence() {
        let error = Sink::open(Some(Path::new("/no/such/directory/file"))).expect_err("no directory");
        let sentence = "cannot write to /no/such/directory/file: No such file or directory (os error 2); \
                        choose another path.";
        assert_eq!(error.to_string(), sentence);
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut sink =
            Sink { file: std::fs::File::from(std::os::fd::OwnedFd::from(writer)), path: None, written: None };
        assert!(matches!(sink.write_all(b"line\n"), Err(SinkError::Closed)));
    }
}
