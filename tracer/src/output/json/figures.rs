//! The rare objects: start and summary.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    SCHEMA,
    account::{AccountObject, pairs},
    groups::GroupsObject,
    host::HostObject,
};
use crate::{
    event::MonotonicNs,
    figures::Summary,
    observation::{Feature, Start},
    output::{names::EventType, plain::push_moment, time::WallClock},
};

pub(super) fn timestamp(clock: &mut WallClock, time: MonotonicNs) -> String {
    let (seconds, nanoseconds) = clock.split(time);
    let mut text = Vec::new();
    push_moment(&mut text, seconds, nanoseconds);
    String::from_utf8(text).unwrap_or_default()
}

#[derive(Serialize)]
pub(super) struct StartObject<'a> {
    r#type: &'static str,
    ts: String,
    schema: u32,
    version: &'static str,
    host: &'a str,
    boot_id: &'a str,
    kernel: &'a str,
    filters: &'a [String],
    features: Vec<FeatureObject<'a>>,
}

#[derive(Serialize)]
struct FeatureObject<'a> {
    name: &'a str,
    measured: bool,
    reason: Option<&'a str>,
}

impl<'a> StartObject<'a> {
    pub(super) fn new(start: &'a Start, clock: &mut WallClock) -> Self {
        let feature = |feature: &'a Feature| FeatureObject {
            name: &feature.name,
            measured: feature.missing.is_none(),
            reason: feature.missing.as_deref(),
        };
        Self {
            r#type: EventType::Start.name(),
            ts: timestamp(clock, start.clock.monotonic),
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            host: &start.host,
            boot_id: &start.boot_id,
            kernel: &start.kernel,
            filters: &start.filters,
            features: start.features.iter().map(feature).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct SummaryObject<'a> {
    r#type: &'static str,
    ts: String,
    r#final: bool,
    from: String,
    to: String,
    transitions: BTreeMap<String, u64>,
    anomalies: u64,
    tracked: u64,
    evicted: u64,
    discontinuities: u64,
    inferred: u64,
    duplicates: u64,
    resets: Resets,
    #[serde(flatten)]
    host: HostObject<'a>,
    #[serde(flatten)]
    groups: GroupsObject,
    account: Option<AccountObject>,
}

/// How many, by direction.
#[derive(Serialize)]
struct Resets {
    sent: u64,
    received: u64,
}

impl<'a> SummaryObject<'a> {
    pub(super) fn new(summary: &'a Summary, clock: &mut WallClock) -> Self {
        let to = timestamp(clock, summary.to);
        Self {
            r#type: EventType::Summary.name(),
            ts: to.clone(),
            r#final: summary.is_final,
            from: timestamp(clock, summary.from),
            to,
            transitions: pairs(&summary.transitions),
            anomalies: summary.anomalies,
            tracked: summary.tracked,
            evicted: summary.evicted,
            discontinuities: summary.discontinuities,
            inferred: summary.inferred,
            duplicates: summary.duplicates,
            resets: Resets { sent: summary.resets[0], received: summary.resets[1] },
            host: HostObject::new(&summary.host, clock),
            groups: GroupsObject::new(&summary.groups),
            account: summary.account.as_ref().map(AccountObject::new),
        }
    }
}
