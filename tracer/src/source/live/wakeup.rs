//! Waiting for the ring buffers without polling them.
#![expect(unsafe_code, reason = "tokio cannot check that a descriptor stays the same; an OwnedFd does")]

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// Readable when a program has announced that a quarter of its ring is full.
pub struct Wakeup(AsyncFd<OwnedFd>);

impl Wakeup {
    /// Waits on `epoll`, a descriptor that watches the rings. Must be called within a runtime.
    pub(super) fn new(epoll: OwnedFd) -> io::Result<Self> {
        // SAFETY: an OwnedFd gives the same open descriptor for as long as it lives, and the AsyncFd owns it.
        let registered = unsafe { AsyncFd::register_with_interest(epoll, Interest::READABLE) };
        Ok(Self(registered?))
    }

    /// Waits for the next announcement.
    ///
    /// # Errors
    /// If the runtime shuts down.
    pub async fn announced(&self) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}
