//! Handshakes that the kernel added up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tracer_common::latency::bucket;

use super::at;
use crate::{
    account::LatencyAccount,
    figures::{Distribution, Group, Latency, LatencyBy, LatencyGroup},
    observation::Role,
};

const NETNS: u32 = 4_026_531_840;

/// A busy server, a client whose SYNs are lost, a network and what was too much.
pub(crate) fn latency() -> Latency {
    let group = |role, group, took: &[u32], retransmitted: &[u32], unknown, deferred| LatencyGroup {
        role,
        group,
        took: distribution(took),
        retransmitted: distribution(retransmitted),
        unknown,
        deferred,
    };
    let usual: Vec<_> = (0..1_000).map(|step| if step < 800 { 100 + step % 4 } else { 800 + step % 200 + 1 }).collect();
    let database = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
    let network = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0));
    Latency {
        is_final: true,
        from: at(0),
        to: at(12_300_000_000),
        by: LatencyBy::Port,
        groups: vec![
            group(Role::Server, Group::Server { port: 443, netns: NETNS }, &usual, &[], [2, 1, 0, 0], false),
            group(
                Role::Client,
                Group::Client { addr: database, port: 5432, netns: NETNS },
                &[],
                &[1_020_000, 3_040_000],
                [0; 4],
                false,
            ),
            group(
                Role::Server,
                Group::Network { addr: network, port: 80, netns: NETNS },
                &[3, 50_000_000],
                &[],
                [0; 4],
                true,
            ),
            group(Role::Client, Group::Other, &[21_000; 18], &[], [0; 4], false),
        ],
        top: 20,
        account: Some(LatencyAccount { seen: 1_030, filtered: 5, lost: 0, measured: 1_022, unknown: 3, missed: 2 }),
    }
}

fn distribution(took: &[u32]) -> Distribution {
    let mut distribution = Distribution::default();
    for us in took {
        distribution.add(bucket(*us), 1);
        distribution.note_longest(*us);
    }
    distribution
}
