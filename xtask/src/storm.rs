//! `cargo xtask storm`: a known number of connections as fast as this machine makes them.
//!
//! Each worker is client and server in one thread: connect, accept, close, read the end, close. Nobody waits for the
//! scheduler, so the cost of tracing shows and little else. All of 127.0.0.0/8 is this host and each worker walks
//! through its addresses, so that ports in TIME_WAIT never run out.

use std::{
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};
use socket2::SockRef;

/// Client: CLOSE, SYN_SENT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE. Server: LISTEN, SYN_RECV, ESTABLISHED,
/// CLOSE_WAIT, LAST_ACK, CLOSE.
const PER_CLOSE: u64 = 10;
/// Client: CLOSE, SYN_SENT, ESTABLISHED, CLOSE. Server: LISTEN, SYN_RECV, ESTABLISHED, CLOSE.
const PER_RESET: u64 = 6;
/// CLOSE, LISTEN, CLOSE.
const PER_LISTENER: u64 = 2;

/// Options of `storm`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Stop after this many connections.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) connections: u64,
    /// Stop after this many seconds, even if that is fewer connections.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Workers; each has a listener of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=126))]
    pub(crate) threads: u8,
    /// Reset each connection instead of closing it.
    #[arg(long)]
    pub(crate) reset: bool,
}

/// What was done, and what a tracer must have seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Storm {
    /// Connections made and closed.
    pub(crate) connections: u64,
    /// State changes that they and the listeners went through.
    pub(crate) transitions: u64,
    /// From the first connection to the last.
    pub(crate) seconds: f64,
}

/// Makes the storm and prints what it was as a JSON object.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("{}", serde_json::to_string(&storm(args)?)?);
    Ok(())
}

fn storm(args: &Args) -> Result<Storm> {
    let left = AtomicU64::new(args.connections);
    let ready = Barrier::new(usize::from(args.threads) + 1);
    let limit = Duration::from_secs(args.seconds);
    let (made, elapsed) = thread::scope(|scope| {
        let work = |worker| {
            let (left, ready) = (&left, &ready);
            scope.spawn(move || {
                let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
                ready.wait();
                connect_all(&listener?, worker, args.reset, left, Instant::now() + limit)
            })
        };
        let workers: Vec<_> = (1..=args.threads).map(work).collect();
        ready.wait();
        let start = Instant::now();
        let made: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        (made, start.elapsed())
    });
    let mut connections = 0;
    for worker in made {
        connections += worker.map_err(|_| anyhow!("a worker panicked"))?.context("the storm cannot connect")?;
    }
    let each = if args.reset { PER_RESET } else { PER_CLOSE };
    let transitions = connections * each + u64::from(args.threads) * PER_LISTENER;
    Ok(Storm { connections, transitions, seconds: elapsed.as_secs_f64() })
}

/// Takes connections from what is `left`, one at a time, and says how many it made.
fn connect_all(listener: &TcpListener, worker: u8, reset: bool, left: &AtomicU64, end: Instant) -> io::Result<u64> {
    let port = listener.local_addr()?.port();
    let mut made = 0;
    while Instant::now() < end && take(left) {
        let [.., high, low] = u64::to_be_bytes(made);
        connect_once(listener, SocketAddr::from(([127, worker, high, low], port)), reset)?;
        made += 1;
    }
    Ok(made)
}

fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn connect_once(listener: &TcpListener, to: SocketAddr, reset: bool) -> io::Result<()> {
    let client = TcpStream::connect(to)?;
    let (mut server, _) = listener.accept()?;
    if reset {
        SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    }
    drop(client);
    match server.read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset && reset => Ok(()),
        end => end.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_storm_makes_what_was_asked() {
        let args = Args { connections: 23, seconds: 60, threads: 2, reset: false };
        let done = storm(&args).expect("a storm");
        assert_eq!((done.connections, done.transitions), (23, 234));
        let reset = storm(&Args { reset: true, ..args }).expect("a storm of resets");
        assert_eq!((reset.connections, reset.transitions), (23, 142));
    }

    #[test]
    fn the_storm_ends_in_time() {
        let done = storm(&Args { connections: u64::MAX, seconds: 0, threads: 1, reset: false });
        assert_eq!(done.expect("no connection").connections, 0);
    }
}
