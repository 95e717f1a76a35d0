//! Who asks.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    thread::{self, ScopedJoinHandle, sleep},
    time::Instant,
};

use super::{
    super::{
        order::Calls,
        report::{End, Report},
    },
    call::{QUESTION, ask, connect},
};

/// The connections that it keeps.
#[derive(Default)]
pub(super) struct Client {
    kept: Vec<TcpStream>,
}

/// Calls by the clock and waits for the last to end.
pub(super) fn call(calls: &Calls) -> Report {
    let start = Instant::now();
    thread::scope(|scope| {
        let mut from = calls.from.iter().copied().cycle();
        let begin = |number| {
            let from = from.next();
            sleep((start + calls.every * number).saturating_duration_since(Instant::now()));
            scope.spawn(move || End::from(call_once(calls.to, from)))
        };
        // All of them begin before the first is waited for.
        let begun: Vec<ScopedJoinHandle<'_, End>> = (0..calls.count).map(begin).collect();
        begun.into_iter().map(|call| call.join().unwrap_or(End::Other)).collect()
    })
}

fn call_once(to: SocketAddrV4, from: Option<Ipv4Addr>) -> io::Result<()> {
    ask(&connect(to, from)?)
}

impl Client {
    /// Makes connections, each as soon as the last one has its answer, and keeps them.
    pub(super) fn hold(&mut self, to: SocketAddrV4, count: u32) -> Report {
        (0..count).map(|_| End::from(self.hold_one(to))).collect()
    }

    fn hold_one(&mut self, to: SocketAddrV4) -> io::Result<()> {
        let stream = connect(to, None)?;
        ask(&stream)?;
        self.kept.push(stream);
        Ok(())
    }

    /// Asks on each of them.
    pub(super) fn ask(&self) -> Report {
        let ask = |mut stream: &TcpStream| {
            stream.write_all(&QUESTION).map_or_else(|error| Err(error).into(), |()| End::Asked)
        };
        self.kept.iter().map(ask).collect()
    }

    /// Reads the end of each of them, and closes it.
    pub(super) fn let_go(&mut self) -> Report {
        self.kept.drain(..).map(|mut stream| End::from(stream.read_exact(&mut [0]))).collect()
    }
}
