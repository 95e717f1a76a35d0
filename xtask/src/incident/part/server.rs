//! Who answers.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddrV4, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use anyhow::{Context as _, Result};

use super::{
    super::{
        order::Manner,
        report::{End, Report},
    },
    call::{ANSWER, PATIENCE, QUESTION, ask, connect},
};

/// A service, or several with the same fate.
pub(super) struct Server {
    hangs: Arc<AtomicBool>,
    unread: (Sender<()>, Receiver<()>),
}

impl Default for Server {
    fn default() -> Self {
        Self { hangs: Arc::default(), unread: mpsc::channel() }
    }
}

impl Server {
    /// Listens, and serves each connection in a thread of its own.
    pub(super) fn serve(&self, at: SocketAddrV4, manner: Manner) -> Result<()> {
        let listener = TcpListener::bind(at).with_context(|| format!("cannot listen on {at}"))?;
        let waiter = Waiter { manner, hangs: Arc::clone(&self.hangs), unread: self.unread.0.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let waiter = waiter.clone();
                // A conversation that fails is the story's doing.
                thread::spawn(move || waiter.converse(&stream));
            }
        });
        Ok(())
    }

    /// Everything that arrives from now on stays unread.
    pub(super) fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    /// Waits until so many connections have something unread.
    pub(super) fn ignored(&self, count: u32) -> Report {
        let one = |_| self.unread.1.recv_timeout(PATIENCE).map_or(End::Late, |()| End::Unread);
        (0..count).map(one).collect()
    }
}

/// Serves a connection.
#[derive(Clone)]
struct Waiter {
    manner: Manner,
    hangs: Arc<AtomicBool>,
    unread: Sender<()>,
}

impl Waiter {
    /// Until the other end closes, or as its manners are.
    fn converse(&self, mut stream: &TcpStream) -> io::Result<()> {
        while stream.peek(&mut [0])? > 0 {
            if self.hangs.load(Ordering::Relaxed) {
                self.ignore();
            }
            stream.read_exact(&mut [0; QUESTION.len()])?;
            if let Manner::Forward { to } = self.manner {
                ask(&connect(to, None)?)?;
            }
            stream.write_all(&ANSWER)?;
            if self.manner == Manner::Once {
                break;
            }
        }
        Ok(())
    }

    /// For ever; fails to tell only when the process ends.
    fn ignore(&self) -> ! {
        let _ = self.unread.send(());
        loop {
            thread::park();
        }
    }
}
