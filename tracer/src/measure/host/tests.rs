//! Imagined hosts.

mod counts;
mod ports;
mod stuck;

use std::num::NonZeroU64;

use super::{Circumstances, Host};
use crate::{
    event::{
        Endpoint, ExistingSocket, Family, MonotonicNs, SocketCookie,
        TcpState::{self, Close, SynSent},
    },
    figures::host::HostFigures,
    filter::{Criteria, Filter},
    memory::Budget,
    namespace::{Counter, Counters, NamespaceFacts, NamespaceReading, Settings, Unread},
    observation::{Known, Observation, ObservedTransition, Role},
    samples::change,
};

const SECOND: u64 = 1_000_000_000;
const NETNS: u32 = 7;
const WEB: &str = "10.0.0.9:443";

fn cookie(number: u64) -> SocketCookie {
    SocketCookie(NonZeroU64::new(number).expect("a cookie"))
}

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().expect("an address");
    Endpoint { addr: address.ip(), port: Some(address.port()).filter(|port| *port != 0) }
}

/// A change of a socket by its number, `ns` after boot.
fn at(ns: u64, number: u64, local: &str, old: TcpState, new: TcpState) -> ObservedTransition {
    let mut observed = change(0, (local, WEB), old, new);
    observed.transition.time = MonotonicNs(ns);
    observed.transition.local = end(local);
    observed.transition.cookie = Some(cookie(number));
    observed.transition.netns = NETNS;
    observed.known = Known { role: Some(Role::Client), ..Known::default() };
    observed
}

fn existing(number: u64, local: &str, remote: &str, state: TcpState) -> Observation {
    Observation::Existing(ExistingSocket {
        cookie: cookie(number),
        netns: NETNS,
        family: Family::Ipv4,
        local: end(local),
        remote: end(remote),
        state,
        holder: None,
        defer_accept: false,
    })
}

/// A namespace that gives out a hundred ports, and has so many `ActiveOpens`.
fn facts(active_opens: u64) -> NamespaceFacts {
    let settings = Settings {
        port_range: Some((40_000, 40_099)),
        reserved: Some(Box::default()),
        tw_reuse: Some(0),
        ..Settings::default()
    };
    let mut counters = Counters::default();
    Counter::ALL.iter().for_each(|counter| counters.set(*counter, 1_000));
    counters.set(Counter::ActiveOpens, active_opens);
    NamespaceFacts { settings, counters }
}

fn reading(ns: u64, facts: Result<NamespaceFacts, Unread>) -> Observation {
    let time = MonotonicNs(ns);
    Observation::Namespace(Box::new(NamespaceReading { netns: NETNS, from: time, to: MonotonicNs(ns + 50_000), facts }))
}

fn host(observations: &[Observation]) -> Host {
    let mut host = Host::new(&Budget::of_sockets(1));
    observations.iter().for_each(|observation| host.observe(observation));
    host
}

fn opening(ns: u64, number: u64) -> Observation {
    Observation::Transition(at(ns, number, "10.0.0.5:0", Close, SynSent))
}

/// The last figures of an unfiltered run from 0 to `to_ns` in which everything is seen.
fn last(host: &Host, to_ns: u64) -> HostFigures {
    figures(host, to_ns, |_| ())
}

fn figures(host: &Host, to_ns: u64, otherwise: impl FnOnce(&mut Circumstances<'_>)) -> HostFigures {
    let filter = Filter::new(Criteria::default()).expect("no lists");
    let mut circumstances = circumstances(&filter, to_ns);
    otherwise(&mut circumstances);
    host.figures(&circumstances)
}

fn circumstances(filter: &Filter, to_ns: u64) -> Circumstances<'_> {
    Circumstances {
        span: (MonotonicNs(0), MonotonicNs(to_ns)),
        is_final: true,
        filter,
        lost: 0,
        sees_time_wait: true,
        sees_resets: true,
        sees_all_resets: true,
    }
}
