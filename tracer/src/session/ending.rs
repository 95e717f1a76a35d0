//! What ends a run in good order: Ctrl-C, SIGTERM, or its time being over.

use std::{future, io, pin::Pin, time::Duration};

use rustix::process;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{self, Sleep},
};

/// What tells a run to end.
pub(super) struct Ending {
    interrupt: Signal,
    terminate: Signal,
    /// A file that may not grow further is an error of the write then, not the death of the process.
    _too_large: Signal,
    /// `None`: it may take as long as it likes.
    time: Option<Pin<Box<Sleep>>>,
}

impl Ending {
    /// The time begins now. Must be made within a runtime.
    pub(super) fn new(duration: Option<Duration>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _too_large: signal(SignalKind::from_raw(process::Signal::XFSZ.as_raw()))?,
            time: duration.map(|duration| Box::pin(time::sleep(duration))),
        })
    }

    /// Returns when one of them has come.
    pub(super) async fn come(&mut self) {
        let time = async {
            match &mut self.time {
                Some(time) => time.await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = time => {}
        }
    }
}
