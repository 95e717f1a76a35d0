//! Sockets that rest in a state in which none should be for long.

use std::cmp::Reverse;

use super::roles::Roles;
use crate::{
    event::{Endpoint, ExistingSocket, MonotonicNs, SocketCookie, TcpState},
    figures::host::{Holder, Service, Stuck, StuckGroup, stuck_after_ns},
    hashing::HashMap,
    namespace::Settings,
    observation::{ObservedTransition, Role},
};

/// Sockets that are followed at most.
const SOCKETS: usize = 262_144;

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
    /// When it entered the state at the latest; `None`: before the start.
    since: Option<MonotonicNs>,
    /// Its entry was seen, and when.
    is_seen: bool,
}

/// Follows sockets while they are in one of these states.
#[derive(Debug, Default)]
pub(super) struct AtRest {
    sockets: HashMap<SocketCookie, Resting>,
    uncounted: u64,
}

impl AtRest {
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
        self.rest(cookie, Resting { kind, since: None, is_seen: false });
    }

    pub(super) fn change(&mut self, observed: &ObservedTransition, roles: &Roles, settings: &HashMap<u32, Settings>) {
        let (transition, known) = (&observed.transition, &observed.known);
        let Some(cookie) = transition.cookie else { return };
        self.sockets.remove(&cookie);
        let Some(remote) = transition.remote.filter(|_| stuck_after_ns(transition.new).is_some()) else { return };
        let infer = || roles.infer(transition.netns, &transition.local, settings.get(&transition.netns));
        let Some(service) = service(known.role.or_else(infer), &transition.local, &remote) else { return };
        let holder = match (known.owner, known.listener) {
            (Some(owner), _) => Holder::Owner(owner.process),
            (None, Some(listener)) => Holder::Listener(listener),
            (None, None) => Holder::Unknown,
        };
        let kind = Kind { netns: transition.netns, state: transition.new, holder, service };
        self.rest(cookie, Resting { kind, since: Some(transition.time), is_seen: !observed.inferred });
    }

    pub(super) fn figures(&self, from: MonotonicNs, to: MonotonicNs) -> Stuck {
        let mut kinds: HashMap<Kind, StuckGroup> = HashMap::default();
        for Resting { kind, since, is_seen } in self.sockets.values() {
            let age_ns = to.since(since.unwrap_or(from));
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
        Stuck { groups, others, uncounted: self.uncounted }
    }

    fn rest(&mut self, cookie: SocketCookie, resting: Resting) {
        if self.sockets.len() < SOCKETS {
            self.sockets.insert(cookie, resting);
        } else {
            self.uncounted += 1;
        }
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
