//! What is alive: sockets with whom they belong to, and timewait sockets. The writer tells it again at the head of each segment
//! and at checkpoints within it, for what came before may be gone when somebody reads it; a reader who wants only what is
//! later than some moment learns by it what was alive then.

use std::collections::BTreeMap;

use crate::{
    event::{Event, ExistingSocket, MonotonicNs, SockAddress, SocketCookie, TcpState, Timer, TimerStep, Transition},
    hashing::HashMap,
    namespace::{Counters, NamespaceFacts, NamespaceReading, Unread},
};

/// Sockets, and timewait sockets, that are remembered at most: what a table of 65,536 places takes, 7 and 10 MiB.
const CAPACITY: usize = 57_344;
/// Namespaces that are remembered at most: twice as many as the live source reads.
const NAMESPACES: usize = 256;
/// The longest clock tick there is (`CONFIG_HZ`=100), and how much later than it is due a timer may be.
const TICK_NS: u64 = 10_000_000;
const LATE_NS: u64 = 10_000_000_000;

/// What is alive, as far as it was told.
#[derive(Debug, Default)]
pub(crate) struct Alive {
    /// Their settings, by which it is known which ports are given out.
    namespaces: BTreeMap<u32, NamespaceReading>,
    sockets: HashMap<SocketCookie, ExistingSocket>,
    time_waits: HashMap<SockAddress, Timer>,
    reached: MonotonicNs,
    /// Some did not fit.
    lacks_some: bool,
}

impl Alive {
    /// Takes note of an event.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Namespace(reading) => self.read(reading),
            Event::Existing(socket) => self.keep(*socket),
            Event::Transition(transition) => self.change(transition),
            Event::Timer(timer) => self.time(timer),
            Event::Until(time) => self.reached = self.reached.max(*time),
            _ => {}
        }
    }

    /// Changes are missing. Who listens goes on, in all likelihood; what became of the others is unknown.
    pub(crate) fn lose_track(&mut self) {
        self.sockets.retain(|_, socket| socket.state == TcpState::Listen);
        self.time_waits.clear();
    }

    /// Whether there may be more than what it has.
    pub(crate) fn lacks_some(&self) -> bool {
        self.lacks_some
    }

    /// All of it, as a run that starts now would find it: listeners before those that they accepted, always in the same order.
    pub(crate) fn events(&mut self) -> impl Iterator<Item = Event> {
        let reached = self.reached;
        self.time_waits.retain(|_, timer| reached <= over_by(timer));
        let namespaces = self.namespaces.values().map(|reading| Event::Namespace(Box::new(reading.clone())));
        let mut sockets: Vec<_> = self.sockets.values().collect();
        sockets.sort_unstable_by_key(|socket| (socket.state != TcpState::Listen, socket.cookie));
        let mut time_waits: Vec<_> = self.time_waits.values().collect();
        time_waits.sort_unstable_by_key(|timer| (timer.time, timer.sock));
        namespaces
            .chain(sockets.into_iter().map(|socket| Event::Existing(*socket)))
            .chain(time_waits.into_iter().map(|timer| Event::Timer(*timer)))
    }

    /// Keeps the settings. What the kernel has counted by then says nothing to who does not know what happened since.
    fn read(&mut self, reading: &NamespaceReading) {
        match &reading.facts {
            Ok(NamespaceFacts { settings, .. }) => {
                let is_known = self.namespaces.contains_key(&reading.netns);
                if is_known || self.namespaces.len() < NAMESPACES {
                    let facts = NamespaceFacts { settings: settings.clone(), counters: Counters::default() };
                    let reading = NamespaceReading { facts: Ok(facts), ..*reading };
                    self.namespaces.insert(reading.netns, reading);
                }
            }
            Err(Unread::Vanished) => drop(self.namespaces.remove(&reading.netns)),
            Err(_) => {}
        }
    }

    fn keep(&mut self, socket: ExistingSocket) {
        if self.sockets.len() < CAPACITY || self.sockets.contains_key(&socket.cookie) {
            self.sockets.insert(socket.cookie, socket);
        } else {
            self.lacks_some = true;
        }
    }

    fn change(&mut self, it: &Transition) {
        let Some(cookie) = it.cookie else { return };
        if it.new == TcpState::Close {
            self.sockets.remove(&cookie);
            return;
        }
        let Some(remote) = it.remote else { return };
        let begins = it.old == TcpState::Close;
        let before = self.sockets.get(&cookie).filter(|_| !begins);
        self.keep(ExistingSocket {
            cookie,
            netns: it.netns,
            family: it.family,
            local: it.local,
            remote,
            state: it.new,
            // Who connects or listens is whose it is.
            holder: before.map_or(it.actor.filter(|_| begins), |socket| socket.holder),
            defer_accept: it.defer_accept,
        });
    }

    /// One whose timer is set anew is started again at once.
    fn time(&mut self, timer: &Timer) {
        match timer.step {
            TimerStep::Found | TimerStep::Started => {
                if self.time_waits.len() < CAPACITY || self.time_waits.contains_key(&timer.sock) {
                    self.time_waits.insert(timer.sock, Timer { step: TimerStep::Found, ..*timer });
                } else {
                    self.lacks_some = true;
                }
            }
            TimerStep::Cancelled { .. } | TimerStep::Expired => drop(self.time_waits.remove(&timer.sock)),
        }
    }
}

/// When it is over at the latest, though its end may not be seen.
fn over_by(timer: &Timer) -> MonotonicNs {
    let ticks = timer.expires.saturating_sub(timer.jiffies);
    MonotonicNs(timer.time.0.saturating_add(ticks.saturating_mul(TICK_NS)).saturating_add(LATE_NS))
}
