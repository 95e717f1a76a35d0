//! The compiled filter against the sentences of its flags.

mod generate;
mod owner;
mod properties;
mod reference;
mod tables;

use std::net::{IpAddr, Ipv4Addr};

use super::{CgroupAncestry, Criteria, Filter};
use crate::{
    event::{Endpoint, Family, MonotonicNs, SockAddress, TcpState, Transition},
    observation::Known,
};

/// 10.0.0.5:51324 → 93.184.216.34:443, CLOSE→SYN_SENT.
fn sample() -> Transition {
    let end = |addr: Ipv4Addr, port| Endpoint { addr: IpAddr::V4(addr), port: Some(port) };
    Transition {
        time: MonotonicNs(1),
        cookie: None,
        sock: SockAddress(1),
        netns: 4_026_531_840,
        cgroup_id: Some(1),
        uid: 0,
        family: Family::Ipv4,
        local: end(Ipv4Addr::new(10, 0, 0, 5), 51_324),
        remote: Some(end(Ipv4Addr::new(93, 184, 216, 34), 443)),
        old: TcpState::Close,
        new: TcpState::SynSent,
        error: None,
        shutdown: 0,
        sent: true,
        unacked: 0,
        fin_received: false,
        actor: None,
        srtt_us8: 0,
        total_retrans: 0,
        bytes_acked: 0,
        bytes_received: 0,
        ifindex: Some(2),
        undecided: false,
    }
}

fn filter(criteria: Criteria) -> Filter {
    Filter::new(criteria).expect("few identifiers")
}

fn decide(criteria: Criteria, event: &Transition) -> super::Verdict {
    let mut cgroups = CgroupAncestry::default();
    (1..10).for_each(|id| cgroups.learn(id, &format!("/c{id}")));
    filter(criteria).decide(event, &Known::default(), &cgroups)
}
