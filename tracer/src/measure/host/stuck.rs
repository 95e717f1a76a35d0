//! Sockets that rest in a state in which none should be for long.

use std::cmp::Reverse;

use super::roles::Roles;
use crate::{
    event::{Endpoint, ExistingSocket, MaybeNs, MonotonicNs, SocketCookie, TcpState},
    figures::host::{Holder, Service, Stuck, StuckGroup, stuck_after_ns},
    hashing::HashMap,
    memory::{Budget, Map},
    namespace::Settings,
    observation::{ObservedTransition, Role},
};

/// Kinds that are told apart at most; sockets of those beyond are not counted.
const KINDS: usize = 16_384;

/// What sockets of one kind have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    netns: u32,
    state: TcpState,
    holder: Holder,
    service: Service,
}

/// A socket at rest.
#[derive(Clone, Copy, Debug)]
struct Resting {
    kind: Kind,
    /// When it entered the state at the latest; unknown: before the start.
    since: MaybeNs,
    /// Its entry was seen, and when.
    is_seen: bool,
}

/// Follows sockets while they are in one of these states.
#[derive(Debug)]
pub(super) struct AtRest {
    sockets: Map<SocketCookie, Resting>,
    uncounted: u64,
}

impl AtRest {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { sockets: Map::new(budget), uncounted: 0 }
    }

    /// A socket that is older than the trace.
    pub(super) fn meet(&mut self, socket: &ExistingSocket, roles: &Roles, settings: &HashMap<u32, Settings>) {
        let ExistingSocket { cookie, netns, ref local, ref remote, state, holder, .. } = *socket;
        if stuck_after_ns(state).is_none() {
            return;
        }
        let role = if state == TcpState::SynSent {
            Some(Role::Client)
        } else {
            roles.infer(netns, local, settings.get(&netns))
        };
        let Some(service) = service(role, local, remote) else { return };
        let kind = Kind { netns, state, holder: holder.map_or(Holder::Unknown, Holder::Owner), service };
        self.rest(cookie, Resting { kind, since: MaybeNs::UNKNOWN, is_seen: false });
    }

    pub(super) fn change(&mut self, observed: &ObservedTransition, roles: &Roles, settings: &HashMap<u32, Settings>) {
        let Some(cookie) = observed.transition.cookie else { return };
        match Self::resting(observed, roles, settings) {
            Some(resting) => self.rest(cookie, resting),
            None => {
                self.sockets.remove(&cookie);
            }
        }
    }

    /// What is to be known of a socket that rests from now on.
    fn resting(observed: &ObservedTransition, roles: &Roles, settings: &HashMap<u32, Settings>) -> Option<Resting> {
        let (transition, known) = (&observed.transition, &observed.known);
        let remote = transition.remote.filter(|_| stuck_after_ns(transition.new).is_some())?;
        let infer = || roles.infer(transition.netns, &transition.local, settings.get(&transition.netns));
        let service = service(known.role.or_else(infer), &transition.local, &remote)?;
        let holder = match (known.owner, known.listener) {
            (Some(owner), _) => Holder::Owner(owner.process),
            (None, Some(listener)) => Holder::Listener(listener),
            (None, None) => Holder::Unknown,
        };
        let kind = Kind { netns: transition.netns, state: transition.new, holder, service };
        Some(Resting { kind, since: transition.time.into(), is_seen: !observed.inferred })
    }

    pub(super) fn figures(&self, from: MonotonicNs, to: MonotonicNs) -> Stuck {
        let mut kinds: HashMap<Kind, StuckGroup> = HashMap::default();
        let mut uncounted = self.uncounted;
        for Resting { kind, since, is_seen } in self.sockets.values() {
            let age_ns = to.since(since.time().unwrap_or(from));
            if kinds.len() >= KINDS && !kinds.contains_key(kind) {
                uncounted += 1;
                continue;
            }
            let Kind { netns, state, holder, service } = *kind;
            let group = kinds.entry(*kind).or_insert(StuckGroup {
                netns,
                state,
                holder,
                service,
                count: 0,
                stuck: 0,
                oldest_ns: 0,
                oldest_is_lower_bound: false,
            });
            group.count += 1;
            group.stuck += u64::from(stuck_after_ns(state).is_some_and(|limit_ns| age_ns >= limit_ns));
            // What was there at the start is older than all that came later.
            if age_ns >= group.oldest_ns {
                group.oldest_ns = age_ns;
            }
            group.oldest_is_lower_bound |= !is_seen;
        }
        let mut groups: Vec<_> = kinds.into_values().collect();
        // To the last tie, or a replay would not print what the live run did.
        groups.sort_by_key(|group| {
            let StuckGroup { netns, state, holder, service, count, stuck, oldest_ns, .. } = *group;
            (Reverse(stuck), Reverse(count), Reverse(oldest_ns), netns, state, holder, service)
        });
        let others = groups.len().saturating_sub(Stuck::LISTED) as u64;
        groups.truncate(Stuck::LISTED);
        Stuck { groups, others, uncounted }
    }

    fn rest(&mut self, cookie: SocketCookie, resting: Resting) {
        self.uncounted += u64::from(self.sockets.insert(cookie, resting).is_none());
    }
}

fn service(role: Option<Role>, local: &Endpoint, remote: &Endpoint) -> Option<Service> {
    match role {
        Some(Role::Server) => local.port.map(Service::Server),
        Some(Role::Client) => remote.port.map(|port| Service::Client(remote.canonical(), port)),
        Some(Role::Listener) => None,
        None => remote.port.map(|port| Service::Unknown(remote.canonical(), port)),
    }
}
