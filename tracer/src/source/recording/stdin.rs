//! Standard input, which may stay silent for long, and then does not keep anybody from hearing signals.

use std::io::{self, Read};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// How long it is waited for a word at most.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Reading it is [`io::ErrorKind::WouldBlock`] if it is silent, or a signal came.
pub(super) struct Stdin;

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&PATIENCE)) {
            Ok(0) | Err(Errno::INTR) => Err(io::ErrorKind::WouldBlock.into()),
            polled => {
                polled?;
                Ok(rustix::io::read(&stdin, buffer)?)
            }
        }
    }
}
