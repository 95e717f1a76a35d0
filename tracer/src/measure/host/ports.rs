//! Which ports are held, by whom, and how that changes.

use std::{cmp::Reverse, net::IpAddr};

use super::roles::Roles;
use crate::{
    event::{Endpoint, ExistingSocket, MonotonicNs, SocketCookie, TcpState},
    figures::host::{Destination, FailedConnect, Ports, Rate},
    hashing::HashMap,
    measure::connection,
    memory::{Budget, Map},
    namespace::Settings,
    observation::{Closed, ObservedTransition, Outcome, Role, TimeWait},
};

/// From so many destinations on, those are forgotten now and then of which nothing is to be told any more.
const DESTINATIONS: usize = 65_536;
/// A change is measured over this long at least, nanoseconds, so that it is one of the load and not of a moment; over up to
/// twice as long later in a run.
const SAMPLE_NS: u64 = 5_000_000_000;
/// A change over less than this, nanoseconds, at the beginning of a run, is not told.
const SHORTEST_NS: u64 = 1_000_000_000;

/// A source address and what it connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Flow {
    netns: u32,
    local: IpAddr,
    remote: IpAddr,
    remote_port: u16,
}

/// A port in use.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Where its flow is among those known.
    flow: u32,
    /// `None`: one that the kernel will choose, or has chosen and not told yet.
    port: Option<u16>,
    by_socket: bool,
    by_time_wait: bool,
}

/// Ports held at a moment: by sockets, in TIME_WAIT.
type Counts = [u32; 2];

/// What is known of a flow since the start.
#[derive(Clone, Copy, Debug, Default)]
struct History {
    /// Ports held now, whoever gave them out.
    held: u32,
    opened: u64,
    failed: u64,
    first_failed: Option<FailedConnect>,
    /// At the last sample and at the one before.
    samples: [Counts; 2],
}

impl History {
    /// Whether there is nothing to be told of it any more.
    fn is_over(&self) -> bool {
        self.held == 0 && self.failed == 0 && self.samples == [[0; 2]; 2]
    }
}

/// Follows every connection begun here.
#[derive(Debug)]
pub(super) struct PortAccount {
    held: Map<SocketCookie, Held>,
    flows: Map<Flow, History>,
    /// With so many flows, those that are over are forgotten.
    enough: usize,
    uncounted: u64,
    /// When the last sample was taken, and the one before.
    sampled: [Option<MonotonicNs>; 2],
}

impl PortAccount {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { held: Map::new(budget), flows: Map::new(budget), enough: DESTINATIONS, uncounted: 0, sampled: [None; 2] }
    }

    /// A socket that is older than the trace.
    pub(super) fn meet(&mut self, socket: &ExistingSocket, roles: &Roles, settings: &HashMap<u32, Settings>) {
        self.begin_anew();
        let ExistingSocket { cookie, netns, local, remote, state, .. } = *socket;
        let is_client =
            state == TcpState::SynSent || roles.infer(netns, &local, settings.get(&netns)) == Some(Role::Client);
        if let Some(flow) = Flow::new(netns, &local, &remote).filter(|_| is_client) {
            let by_time_wait = state == TcpState::TimeWait;
            self.hold(cookie, flow, local.port, by_time_wait);
        }
    }

    pub(super) fn change(&mut self, observed: &ObservedTransition) {
        let transition = &observed.transition;
        let Some(cookie) = transition.cookie else { return };
        match (transition.old, transition.new) {
            (TcpState::Close, TcpState::SynSent) => {
                let Some(remote) = transition.remote else { return };
                let Some(flow) = Flow::new(transition.netns, &transition.local, &remote) else { return };
                if transition.local.port.is_none()
                    && let Some(history) = self.history(flow)
                {
                    history.opened += 1;
                }
                self.hold(cookie, flow, transition.local.port, false);
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
        let Some(history) = self.history(flow) else { return };
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
                self.hold(cookie, flow, transition.local.port, true);
            }
        }
    }

    /// What is older than the trace is no change.
    fn begin_anew(&mut self) {
        self.sampled = [None; 2];
    }

    /// Takes note of how many are held, if the last time is long ago.
    pub(super) fn sample(&mut self, now: MonotonicNs, settings: &HashMap<u32, Settings>) {
        if self.sampled[0].is_some_and(|then| now.since(then) < SAMPLE_NS) {
            return;
        }
        let counts = self.count(settings);
        for (place, history) in self.flows.iter_mut() {
            history.samples = [counts[place as usize], history.samples[0]];
        }
        self.sampled = [Some(now), self.sampled[0]];
    }

    pub(super) fn figures(&self, to: MonotonicNs, sees_time_wait: bool, settings: &HashMap<u32, Settings>) -> Ports {
        let counts = self.count(settings);
        let held = |place: u32| counts.get(place as usize).copied().unwrap_or_default();
        let told = self.flows.iter().filter(|(place, _, history)| history.failed > 0 || held(*place) != [0; 2]);
        let mut places: Vec<_> = told.map(|(place, ..)| place).collect();
        let rank = |place: &u32| {
            let (flow, history) = self.flows.at(*place).unzip();
            let [sockets, time_wait] = held(*place).map(u64::from);
            (Reverse(history.map(|history| history.failed)), Reverse(sockets + time_wait), flow.copied())
        };
        if places.len() > Ports::LISTED {
            places.select_nth_unstable_by_key(Ports::LISTED, rank);
        }
        let others = places.len().saturating_sub(Ports::LISTED) as u64;
        places.truncate(Ports::LISTED);
        places.sort_unstable_by_key(rank);
        let destination = |place: u32| {
            let (&Flow { netns, local, remote, remote_port }, history) = self.flows.at(place)?;
            let [sockets, time_wait] = held(place).map(u64::from);
            let History { opened, failed, first_failed, .. } = *history;
            Some(Destination {
                netns,
                local,
                remote,
                remote_port,
                sockets,
                time_wait: sees_time_wait.then_some(time_wait),
                opened,
                change: self.rate(history, sockets + time_wait, to),
                failed,
                first_failed,
                settings: settings.get(&netns).cloned().unwrap_or_default(),
            })
        };
        let destinations = places.into_iter().filter_map(destination).collect();
        Ports { destinations, others, uncounted: self.uncounted }
    }

    /// Since the last sample that is old enough.
    fn rate(&self, history: &History, held: u64, now: MonotonicNs) -> Option<Rate> {
        let mut samples =
            self.sampled.iter().zip(history.samples).filter_map(|(then, counts)| Some(((*then)?, counts)));
        let old_enough = |(then, _): &(MonotonicNs, Counts)| now.since(*then) >= SAMPLE_NS;
        let (then, counts) = samples.clone().find(old_enough).or_else(|| samples.next_back())?;
        let before: u64 = counts.map(u64::from).iter().sum();
        let by = held.cast_signed() - before.cast_signed();
        Some(Rate { by, in_ns: now.since(then) }).filter(|rate| rate.in_ns >= SHORTEST_NS)
    }

    /// By the place of the flow, those that the namespace gives out; whoever asked for another port takes nothing away.
    fn count(&self, settings: &HashMap<u32, Settings>) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.flows.places()];
        for Held { flow, port, by_time_wait, .. } in self.held.values() {
            let Some((Flow { netns, .. }, _)) = self.flows.at(*flow) else { continue };
            // If the settings are not known, every port may be one of them.
            let gives_out = |port| settings.get(netns).and_then(|settings| settings.gives_out(port));
            if port.and_then(gives_out) != Some(false) {
                // A timewait socket begins shortly before its connection ends.
                counts[*flow as usize][usize::from(*by_time_wait)] += 1;
            }
        }
        counts
    }

    /// Where a flow is among those known, from now on; `None` if there is no room for it.
    fn place(&mut self, flow: Flow) -> Option<u32> {
        if let Some(place) = self.flows.find(&flow) {
            return Some(place);
        }
        if self.flows.len() >= self.enough {
            let over = self.flows.iter().filter(|(.., history)| history.is_over());
            for place in over.map(|(place, ..)| place).collect::<Vec<_>>() {
                self.flows.remove_at(place);
            }
            self.enough = DESTINATIONS.max(2 * self.flows.len());
        }
        self.flows.insert(flow, History::default())
    }

    fn history(&mut self, flow: Flow) -> Option<&mut History> {
        let place = self.place(flow)?;
        self.flows.at_mut(place)
    }

    fn hold(&mut self, cookie: SocketCookie, flow: Flow, port: Option<u16>, by_time_wait: bool) {
        self.release(cookie, |held| (held.by_socket, held.by_time_wait) = (false, false));
        let by_socket = !by_time_wait;
        let place = self.place(flow);
        let is_held =
            place.is_some_and(|flow| self.held.insert(cookie, Held { flow, port, by_socket, by_time_wait }).is_some());
        self.uncounted += u64::from(!is_held);
        if let Some(history) = place.filter(|_| is_held).and_then(|place| self.flows.at_mut(place)) {
            history.held += 1;
        }
    }

    fn release(&mut self, cookie: SocketCookie, release: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held.get_mut(&cookie) {
            release(held);
            if !held.by_socket && !held.by_time_wait {
                let flow = held.flow;
                self.held.remove(&cookie);
                self.flows.at_mut(flow).into_iter().for_each(|history| history.held -= 1);
            }
        }
    }
}

impl Flow {
    fn new(netns: u32, local: &Endpoint, remote: &Endpoint) -> Option<Self> {
        Some(Self { netns, local: local.canonical(), remote: remote.canonical(), remote_port: remote.port? })
    }
}
