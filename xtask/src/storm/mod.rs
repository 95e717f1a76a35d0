//! `cargo xtask storm`: a known number of connections as fast as this machine makes them, or questions and answers on
//! connections that stay.
//!
//! Each worker is client and server in one thread: nobody waits for the scheduler, so the cost of tracing shows and
//! little else. Workers are not pinned to CPUs: where a tracer's own thread runs, the scheduler moves them, as it does on
//! any host.

mod connect;
mod exchange;

use std::{
    fmt, io,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};

/// CLOSE, LISTEN, CLOSE.
const PER_LISTENER: u64 = 2;
/// The client's and the server's.
const HANDSHAKES: u64 = 2;

/// Options of `storm`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Stop after this many connections, or exchanges.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) count: u64,
    /// Stop after this many seconds, even if that is fewer.
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Workers; each has a listener of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=126))]
    pub(crate) threads: u8,
    /// What is done.
    #[arg(long, value_enum, default_value_t = Load::Connect)]
    pub(crate) load: Load,
    /// Reset each connection instead of closing it.
    #[arg(long)]
    pub(crate) reset: bool,
    /// Bytes that each client sends before it closes its connection.
    #[arg(long, default_value_t = 0)]
    pub(crate) payload: usize,
    /// Connections a second at most, all workers together.
    #[arg(long)]
    pub(crate) rate: Option<u32>,
}

/// What a storm consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// Connections that are made and closed.
    Connect,
    /// Questions and answers on a thousand connections that stay.
    Exchange,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Exchange => "exchange",
        })
    }
}

/// What was done, and what a tracer must have seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Storm {
    /// Connections made and closed, or questions answered.
    pub(crate) count: u64,
    /// State changes that all connections and listeners went through.
    pub(crate) transitions: u64,
    /// Handshakes, of both ends.
    pub(crate) handshakes: u64,
    /// From the first of them to the last.
    pub(crate) seconds: f64,
}

/// What a worker has to do.
struct Work<'a> {
    worker: u8,
    args: &'a Args,
    /// What all of them have left.
    left: &'a AtomicU64,
    /// To be waited for once, whatever fails before: the others wait, too.
    ready: &'a Barrier,
}

/// What a worker did.
struct Done {
    count: u64,
    transitions: u64,
    handshakes: u64,
    seconds: f64,
}

impl Work<'_> {
    /// Does one thing after the other while there is something left and time for it.
    fn repeat(&self, mut once: impl FnMut(u64) -> io::Result<()>) -> io::Result<Done> {
        let start = Instant::now();
        let end = start + Duration::from_secs(self.args.seconds);
        let pause = self.args.rate.map(|rate| Duration::from_secs(1) * self.args.threads.into() / rate.max(1));
        let mut count = 0;
        while Instant::now() < end && self.take() {
            once(count)?;
            count += 1;
            if let Some(pause) = pause {
                let due = start + Duration::from_secs_f64(pause.as_secs_f64() * count as f64);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        Ok(Done { count, transitions: PER_LISTENER, handshakes: 0, seconds: start.elapsed().as_secs_f64() })
    }

    fn take(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Makes the storm and prints what it was as a JSON object.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("{}", serde_json::to_string(&storm(args)?)?);
    Ok(())
}

fn storm(args: &Args) -> Result<Storm> {
    let left = AtomicU64::new(args.count);
    let ready = Barrier::new(args.threads.into());
    let act = match args.load {
        Load::Connect => connect::act,
        Load::Exchange => exchange::act,
    };
    let made: Vec<_> = thread::scope(|scope| {
        let work = |worker| Work { worker, args, left: &left, ready: &ready };
        let workers: Vec<_> = (1..=args.threads).map(|worker| scope.spawn(move || act(&work(worker)))).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut storm = Storm { count: 0, transitions: 0, handshakes: 0, seconds: 0.0 };
    for done in made {
        let done = done.map_err(|_| anyhow!("a worker panicked"))?.context("the storm cannot connect")?;
        storm.count += done.count;
        storm.transitions += done.transitions;
        storm.handshakes += done.handshakes;
        storm.seconds = storm.seconds.max(done.seconds);
    }
    Ok(storm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(load: Load, count: u64) -> Args {
        Args { count, seconds: 60, threads: 2, load, reset: false, payload: 0, rate: None }
    }

    #[test]
    fn the_storm_makes_what_was_asked() {
        let asked = args(Load::Connect, 23);
        let done = storm(&asked).expect("a storm");
        assert_eq!((done.count, done.transitions, done.handshakes), (23, 234, 46));
        let sent = storm(&Args { payload: 100_000, ..asked.clone() }).expect("a storm of bytes");
        assert_eq!((sent.count, sent.transitions), (23, 234));
        let reset = storm(&Args { reset: true, ..asked }).expect("a storm of resets");
        assert_eq!((reset.count, reset.transitions), (23, 142));
    }

    #[test]
    fn long_lived_connections_change_their_state_at_both_ends_only() {
        let done = storm(&args(Load::Exchange, 5_000)).expect("a storm");
        assert_eq!((done.count, done.transitions, done.handshakes), (5_000, 10_004, 2_000));
    }

    #[test]
    fn the_storm_ends_in_time() {
        for load in [Load::Connect, Load::Exchange] {
            let done = storm(&Args { seconds: 0, threads: 1, ..args(load, u64::MAX) });
            assert_eq!(done.expect("nothing").count, 0);
        }
    }
}
