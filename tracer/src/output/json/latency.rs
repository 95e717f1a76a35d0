//! Handshakes that the kernel added up: an object for each group, and at the end one that sums them up.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    figures::timestamp,
    groups::{Name, name},
    push_line,
};
use crate::{
    account::LatencyAccount,
    event::Process,
    figures::{BUCKET_ERROR, Distribution, Group, Latency, LatencyGroup, UNKNOWN, network_bits},
    output::{names::EventType, time::WallClock},
};

#[derive(Serialize)]
struct LatencyObject<'a> {
    r#type: &'static str,
    ts: &'a str,
    r#final: bool,
    from: &'a str,
    to: &'a str,
    role: &'static str,
    key: String,
    /// The parts of the key.
    #[serde(flatten)]
    name: BTreeMap<&'static str, Name>,
    #[serde(flatten)]
    took: DistributionObject,
    unknown: u64,
    unknown_reasons: BTreeMap<&'static str, u64>,
    retransmitted: DistributionObject,
    deferred_accept: bool,
}

#[derive(Serialize)]
struct DistributionObject {
    count: u64,
    p50_ns: Option<u64>,
    p90_ns: Option<u64>,
    p99_ns: Option<u64>,
    p999_ns: Option<u64>,
    max_ns: Option<u64>,
    /// Relative error of the percentiles.
    error: f64,
}

#[derive(Serialize)]
struct ClosingObject<'a> {
    r#type: &'static str,
    ts: &'a str,
    r#final: bool,
    from: &'a str,
    to: &'a str,
    group_by: &'static str,
    groups: usize,
    account: AccountObject,
}

#[derive(Serialize)]
struct AccountObject {
    seen: u64,
    filtered: u64,
    measured: u64,
    unknown: u64,
    lost: u64,
    missed: u64,
    closes: bool,
}

/// Appends an object for each group; of the whole run also one that says what became of all handshakes.
pub(super) fn push(latency: &Latency, clock: &mut WallClock, buf: &mut Vec<u8>) {
    let (from, to) = (timestamp(clock, latency.from), timestamp(clock, latency.to));
    for group in &latency.groups {
        push_line(
            buf,
            &LatencyObject {
                r#type: EventType::Latency.name(),
                ts: &to,
                r#final: latency.is_final,
                from: &from,
                to: &to,
                role: group.role.name(),
                key: key(&group.group),
                name: name(&group.group).into_iter().filter(|(name, _)| *name != "role").collect(),
                took: DistributionObject::new(&group.took),
                unknown: group.unknown_count(),
                unknown_reasons: unknown_reasons(group),
                retransmitted: DistributionObject::new(&group.retransmitted),
                deferred_accept: group.deferred,
            },
        );
    }
    if let Some(account) = &latency.account {
        let closing = ClosingObject {
            r#type: EventType::Summary.name(),
            ts: &to,
            r#final: latency.is_final,
            from: &from,
            to: &to,
            group_by: latency.by.name(),
            groups: latency.groups.len(),
            account: AccountObject::new(account),
        };
        push_line(buf, &closing);
    }
}

/// The group's name in one text, for whoever needs one label.
fn key(group: &Group) -> String {
    let process = |it: &Process| it.pid.to_string();
    match group {
        Group::Server { port, .. } => port.to_string(),
        Group::Client { addr, port, .. } if addr.is_ipv6() => format!("[{addr}]:{port}"),
        Group::Client { addr, port, .. } => format!("{addr}:{port}"),
        Group::Network { addr, port, .. } => format!("{addr}/{} {port}", network_bits(*addr)),
        Group::Peer(addr) => addr.to_string(),
        Group::Process(it) | Group::Listener(it) => process(it),
        Group::Container(text) | Group::Cgroup(text) => text.to_string(),
        Group::CgroupId(id) => id.to_string(),
        Group::Unknown => "unknown".to_owned(),
        Group::Other => "other".to_owned(),
    }
}

fn unknown_reasons(group: &LatencyGroup) -> BTreeMap<&'static str, u64> {
    let reasons = UNKNOWN.iter().zip(group.unknown).filter(|(_, count)| *count > 0);
    reasons.map(|(reason, count)| (reason.name(), count)).collect()
}

impl DistributionObject {
    fn new(took: &Distribution) -> Self {
        let quantiles = took.quantiles();
        Self {
            count: took.count(),
            p50_ns: quantiles.map(|it| it.p50_ns),
            p90_ns: quantiles.map(|it| it.p90_ns),
            p99_ns: quantiles.map(|it| it.p99_ns),
            p999_ns: quantiles.map(|it| it.p999_ns),
            max_ns: quantiles.map(|it| it.max_ns),
            error: BUCKET_ERROR,
        }
    }
}

impl AccountObject {
    fn new(account: &LatencyAccount) -> Self {
        let LatencyAccount { seen, filtered, lost, measured, unknown, missed } = *account;
        Self { seen, filtered, measured, unknown, lost, missed, closes: account.closes() }
    }
}
