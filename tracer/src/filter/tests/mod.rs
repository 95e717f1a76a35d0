//! The compiled filter against the sentences of its flags.

mod generate;
mod owner;
mod properties;
mod reference;
mod tables;

use std::net::{IpAddr, Ipv4Addr};

use super::{CgroupAncestry, Criteria, Filter};
use crate::{
    event::{Endpoint, TcpState, Transition},
    memory::Budget,
    observation::Known,
    samples::transition,
};

/// 10.0.0.5:51324 → 93.184.216.34:443, CLOSE→SYN_SENT.
fn sample() -> Transition {
    let end = |addr: Ipv4Addr, port| Endpoint { addr: IpAddr::V4(addr), port: Some(port) };
    Transition {
        netns: 4_026_531_840,
        cgroup_id: Some(1),
        local: end(Ipv4Addr::new(10, 0, 0, 5), 51_324),
        remote: Some(end(Ipv4Addr::new(93, 184, 216, 34), 443)),
        ifindex: Some(2),
        ..transition(TcpState::Close, TcpState::SynSent)
    }
}

fn filter(criteria: Criteria) -> Filter {
    Filter::new(criteria).expect("few identifiers")
}

fn decide(criteria: Criteria, event: &Transition) -> super::Verdict {
    let mut cgroups = CgroupAncestry::default();
    for id in 1..10 {
        cgroups.learn(id, &format!("/c{id}"), &Budget::of_sockets(1));
    }
    filter(criteria).decide(event, &Known::default(), &cgroups)
}
