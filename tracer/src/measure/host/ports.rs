//! Which ports are held, by whom, and how that changes.

use std::{cmp::Reverse, net::IpAddr};

use super::roles::Roles;
use crate::{
    event::{Endpoint, ExistingSocket, MonotonicNs, SocketCookie, TcpState},
    figures::host::{Destination, FailedConnect, Ports, Rate},
    hashing::HashMap,
    measure::connection,
    namespace::Settings,
    observation::{Closed, ObservedTransition, Outcome, Role, TimeWait},
};

/// Ports that are followed at most: twice what a full table of timewait sockets holds by default on a large machine.
const PORTS: usize = 524_288;
/// Destinations of which more is remembered than who holds their ports now.
const HISTORIES: usize = 65_536;
/// A change is measured over this long at least, nanoseconds, so that it is one of the load and not of a moment; over up to
/// twice as long later in a run.
const SAMPLE_NS: u64 = 5_000_000_000;
/// A change over less than this, nanoseconds, at the beginning of a run, is not told.
const SHORTEST_NS: u64 = 1_000_000_000;

/// A source address and what it connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flow {
    netns: u32,
    local: IpAddr,
    remote: IpAddr,
    remote_port: u16,
}

/// A port in use.
#[derive(Clone, Copy, Debug)]
struct Held {
    flow: Flow,
    /// `None`: one that the kernel will choose, or has chosen and not told yet.
    port: Option<u16>,
    by_socket: bool,
    by_time_wait: bool,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default)]
struct History {
    opened: u64,
    failed: u64,
    first_failed: Option<FailedConnect>,
}

/// Ports held at a moment: by sockets, in TIME_WAIT.
type Counts = HashMap<Flow, (u64, u64)>;

/// Follows every connection begun here.
#[derive(Debug, Default)]
pub(super) struct PortAccount {
    held: HashMap<SocketCookie, Held>,
    histories: HashMap<Flow, History>,
    uncounted: u64,
    /// The last sample and the one before.
    samples: [Option<(MonotonicNs, Counts)>; 2],
}

impl PortAccount {
    /// A socket that is older than the trace.
    pub(super) fn meet(&mut self, socket: &ExistingSocket, roles: &Roles, settings: &HashMap<u32, Settings>) {
        self.begin_anew();
        let ExistingSocket { cookie, netns, local, remote, state, .. } = *socket;
        let is_client =
            state == TcpState::SynSent || roles.infer(netns, &local, settings.get(&netns)) == Some(Role::Client);
        if let Some(flow) = Flow::new(netns, &local, &remote).filter(|_| is_client) {
            let by_time_wait = state == TcpState::TimeWait;
            self.hold(cookie, Held { flow, port: local.port, by_socket: !by_time_wait, by_time_wait });
        }
    }

    pub(super) fn change(&mut self, observed: &ObservedTransition) {
        let transition = &observed.transition;
        let Some(cookie) = transition.cookie else { return };
        match (transition.old, transition.new) {
            (TcpState::Close, TcpState::SynSent) => {
                let Some(remote) = transition.remote else { return };
                let Some(flow) = Flow::new(transition.netns, &transition.local, &remote) else { return };
                if transition.local.port.is_none() {
                    self.history(flow).opened += 1;
                }
                self.hold(cookie, Held { flow, port: transition.local.port, by_socket: true, by_time_wait: false });
            }
            (_, TcpState::Close) => self.release(cookie, |held| held.by_socket = false),
            (TcpState::SynSent, _) => {
                if let Some(held) = self.held.get_mut(&cookie) {
                    held.port = transition.local.port;
                }
            }
            _ => {}
        }
    }

    /// Takes note of a connection that found no port.
    pub(super) fn close(&mut self, closed: &Closed) {
        let transition = &closed.observed.transition;
        if transition.old != TcpState::SynSent || transition.sent {
            return;
        }
        let in_use = connection(closed).is_some_and(|it| it.outcome == Some(Outcome::AddressInUse));
        let flow = transition.remote.and_then(|remote| Flow::new(transition.netns, &transition.local, &remote));
        let Some(flow) = flow.filter(|_| in_use) else { return };
        let first = FailedConnect {
            at: transition.time,
            process: closed.observed.known.owner.map(|owner| owner.process),
            port: transition.local.port,
        };
        let history = self.history(flow);
        history.failed += 1;
        history.first_failed.get_or_insert(first);
    }

    pub(super) fn time_wait(&mut self, it: &TimeWait, roles: &Roles, settings: &HashMap<u32, Settings>) {
        if it.seeded && it.ended.is_none() {
            self.begin_anew();
        }
        let (transition, known) = (&it.observed.transition, &it.observed.known);
        let Some(cookie) = transition.cookie else { return };
        if it.ended.is_some() {
            self.release(cookie, |held| held.by_time_wait = false);
        } else if let Some(held) = self.held.get_mut(&cookie) {
            held.by_time_wait = true;
        } else {
            let role = known
                .role
                .or_else(|| roles.infer(transition.netns, &transition.local, settings.get(&transition.netns)));
            let flow = transition.remote.and_then(|remote| Flow::new(transition.netns, &transition.local, &remote));
            if let Some(flow) = flow.filter(|_| role == Some(Role::Client)) {
                let port = transition.local.port;
                self.hold(cookie, Held { flow, port, by_socket: false, by_time_wait: true });
            }
        }
    }

    /// What is older than the trace is no change.
    fn begin_anew(&mut self) {
        self.samples = [None, None];
    }

    /// Takes note of how many are held, if the last time is long ago.
    pub(super) fn sample(&mut self, now: MonotonicNs, settings: &HashMap<u32, Settings>) {
        if self.samples[0].as_ref().is_some_and(|(then, _)| now.since(*then) < SAMPLE_NS) {
            return;
        }
        let counts = self.count(settings);
        if self.histories.len() > HISTORIES / 2 {
            self.histories.retain(|flow, history| counts.contains_key(flow) || history.failed > 0);
        }
        self.samples[1] = self.samples[0].replace((now, counts));
    }

    pub(super) fn figures(&self, to: MonotonicNs, sees_time_wait: bool, settings: &HashMap<u32, Settings>) -> Ports {
        let counts = self.count(settings);
        let failed = self.histories.iter().filter(|(flow, it)| it.failed > 0 && !counts.contains_key(flow));
        let mut flows: Vec<_> = counts.iter().map(|(flow, count)| (*flow, *count)).collect();
        flows.extend(failed.map(|(flow, _)| (*flow, (0, 0))));
        let failures = |flow: &Flow| self.histories.get(flow).map_or(0, |history| history.failed);
        flows.sort_by_key(|(flow, (sockets, time_wait))| {
            (
                Reverse(failures(flow)),
                Reverse(sockets + time_wait),
                flow.netns,
                flow.local,
                flow.remote,
                flow.remote_port,
            )
        });
        let others = flows.len().saturating_sub(Ports::LISTED) as u64;
        flows.truncate(Ports::LISTED);
        let destination = |(flow, (sockets, time_wait)): (Flow, (u64, u64))| {
            let Flow { netns, local, remote, remote_port } = flow;
            let History { opened, failed, first_failed } = self.histories.get(&flow).copied().unwrap_or_default();
            Destination {
                netns,
                local,
                remote,
                remote_port,
                sockets,
                time_wait: sees_time_wait.then_some(time_wait),
                opened,
                change: self.rate(&flow, sockets + time_wait, to),
                failed,
                first_failed,
                settings: settings.get(&netns).cloned().unwrap_or_default(),
            }
        };
        Ports { destinations: flows.into_iter().map(destination).collect(), others, uncounted: self.uncounted }
    }

    /// Since the last sample that is old enough.
    fn rate(&self, flow: &Flow, held: u64, now: MonotonicNs) -> Option<Rate> {
        let mut samples = self.samples.iter().flatten();
        let old_enough = |(then, _): &&(MonotonicNs, Counts)| now.since(*then) >= SAMPLE_NS;
        let (then, counts) = samples.clone().find(old_enough).or_else(|| samples.next_back())?;
        let (sockets, time_wait) = counts.get(flow).copied().unwrap_or_default();
        let by = held.cast_signed() - (sockets + time_wait).cast_signed();
        Some(Rate { by, in_ns: now.since(*then) }).filter(|rate| rate.in_ns >= SHORTEST_NS)
    }

    /// Those that the namespace gives out; whoever asked for another port takes nothing away.
    fn count(&self, settings: &HashMap<u32, Settings>) -> Counts {
        let mut counts = Counts::default();
        for Held { flow, port, by_time_wait, .. } in self.held.values() {
            // If the settings are not known, every port may be one of them.
            let gives_out = |port| settings.get(&flow.netns).and_then(|settings| settings.gives_out(port));
            if port.and_then(gives_out) != Some(false) {
                let (sockets, time_wait) = counts.entry(*flow).or_default();
                // A timewait socket begins shortly before its connection ends.
                *(if *by_time_wait { time_wait } else { sockets }) += 1;
            }
        }
        counts
    }

    fn history(&mut self, flow: Flow) -> &mut History {
        if self.histories.len() >= HISTORIES && !self.histories.contains_key(&flow) {
            // Those that failed are kept until there are too many even of them.
            self.histories.retain(|_, history| history.failed > 0);
            if self.histories.len() >= HISTORIES {
                self.histories.clear();
            }
        }
        self.histories.entry(flow).or_default()
    }

    fn hold(&mut self, cookie: SocketCookie, held: Held) {
        if self.held.len() < PORTS || self.held.contains_key(&cookie) {
            self.held.insert(cookie, held);
        } else {
            self.uncounted += 1;
        }
    }

    fn release(&mut self, cookie: SocketCookie, release: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held.get_mut(&cookie) {
            release(held);
            if !held.by_socket && !held.by_time_wait {
                self.held.remove(&cookie);
            }
        }
    }
}

impl Flow {
    fn new(netns: u32, local: &Endpoint, remote: &Endpoint) -> Option<Self> {
        Some(Self { netns, local: local.canonical(), remote: remote.canonical(), remote_port: remote.port? })
    }
}
