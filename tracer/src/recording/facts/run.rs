//! What heads a segment, and what ends a run.

use serde::{Deserialize, Serialize};

use super::{Clock, account::AccountFact, criteria::CriteriaFact, json};
use crate::{
    event::{ClockPair, MonotonicNs},
    observation::{Feature, Start},
    recording::{End, RecordError, Run},
};

/// What the first words of a recording say to whoever opens it with another program.
const FORMAT: &str = "tracer recording";

/// Heads a segment.
#[derive(Debug, Serialize, Deserialize)]
struct HeadObject {
    format: String,
    /// Version of the tracer that wrote it.
    tracer: String,
    /// Number of the segment in the run, from 0.
    segment: u32,
    /// When the run started.
    started: Clock,
    host: String,
    boot_id: String,
    kernel: String,
    /// The filter as typed.
    filters: Vec<String>,
    /// What it means.
    criteria: CriteriaFact,
    features: Vec<FeatureFact>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FeatureFact {
    name: String,
    /// Why it is not measured.
    missing: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EndObject {
    at_ns: u64,
    account: AccountFact,
}

/// A segment's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadFact {
    pub(crate) run: Run,
    pub(crate) segment: u32,
}

pub(in crate::recording) fn write_head(run: &Run, segment: u32) -> Vec<u8> {
    let Start { clock, host, boot_id, kernel, filters, features } = &run.start;
    let feature = |it: &Feature| FeatureFact { name: it.name.to_string(), missing: it.missing.clone() };
    json(&HeadObject {
        format: FORMAT.to_owned(),
        tracer: run.version.clone(),
        segment,
        started: (*clock).into(),
        host: host.clone(),
        boot_id: boot_id.clone(),
        kernel: kernel.clone(),
        filters: filters.clone(),
        criteria: CriteriaFact::of(&run.criteria),
        features: features.iter().map(feature).collect(),
    })
}

pub(in crate::recording) fn read_head(id: u64, json: &[u8]) -> Result<HeadFact, RecordError> {
    let head: HeadObject = serde_json::from_slice(json)?;
    let feature = |it: FeatureFact| Feature { name: it.name.into(), missing: it.missing };
    let start = Start {
        clock: ClockPair::from(head.started),
        host: head.host,
        boot_id: head.boot_id,
        kernel: head.kernel,
        filters: head.filters,
        features: head.features.into_iter().map(feature).collect(),
    };
    let run = Run { id, version: head.tracer, start, criteria: head.criteria.criteria()? };
    Ok(HeadFact { run, segment: head.segment })
}

pub(in crate::recording) fn write_end(end: &End) -> Vec<u8> {
    json(&EndObject { at_ns: end.at.0, account: AccountFact::of(&end.account) })
}

pub(in crate::recording) fn read_end(json: &[u8]) -> Result<End, RecordError> {
    let EndObject { at_ns, account } = serde_json::from_slice(json)?;
    Ok(End { at: MonotonicNs(at_ns), account: account.account()? })
}
