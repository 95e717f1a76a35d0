//! Trying things out on the kernel: small maps of each type, and tracer's own programs.

use std::error::Error;

use aya::{maps::MapType, sys::is_map_supported};

use super::{
    finding::Check,
    outcome::{Failed, Outcome, Trials},
};
use crate::{
    figures::LatencyBy,
    filter::{Criteria, Filter, KernelFilter, Roles},
    source::live::{Latencies, LatencyError, LatencyOptions, Live, Options, ephemeral_range, offsets::Resolved},
};

/// The map types that the programs use, by the name of their check.
const MAPS: [(&str, MapType); 5] = [
    (Check::RingBuffer.name(), MapType::RingBuf),
    (Check::ArrayOfMaps.name(), MapType::ArrayOfMaps),
    (Check::PerCpuArray.name(), MapType::PerCpuArray),
    (Check::HashMap.name(), MapType::Hash),
    (Check::LpmTrie.name(), MapType::LpmTrie),
];
/// Asked for the rings of the trial, bytes: far below the smallest rings, which is what the source then makes.
const RING_BYTES: usize = 1;

/// Tries everything.
pub(super) fn trials(kernel: &Resolved) -> Trials {
    let maps = MAPS.into_iter().map(|(name, kind)| (name, map(kind))).collect();
    match programs(kernel) {
        Ok((instructions, existing)) => Trials { maps, programs: Outcome::Works, instructions, existing },
        Err(error) => {
            let programs = Outcome::Failed(Failed::new(&*error));
            Trials { maps, programs, instructions: Vec::new(), existing: None }
        }
    }
}

/// Creates a small map.
fn map(kind: MapType) -> Outcome {
    match is_map_supported(kind) {
        Ok(true) => Outcome::Works,
        Ok(false) => Outcome::Unsupported,
        Err(error) => Outcome::Failed(Failed::new(&error)),
    }
}

/// Loads and attaches those of `tracer latency`.
fn latencies(kernel: &Resolved, filter: &KernelFilter) -> Result<Latencies, LatencyError> {
    let roles = Roles { client: true, server: true };
    Latencies::start(&LatencyOptions { kernel, filter, roles, by: LatencyBy::Port, groups: Some(1) })
}

/// Loads and attaches tracer's programs, and lets go of them at once.
fn programs(kernel: &Resolved) -> Result<(Vec<u32>, Option<String>), Box<dyn Error>> {
    let filter = Filter::new(Criteria::default())?.compile(ephemeral_range());
    let options = Options { kernel, filter: &filter, ring_bytes: RING_BYTES, time_wait: true, kernel_log: None };
    let mut live = Live::start(&options, |_| true)?;
    let existing = live.existing().err().map(|error| error.reason());
    let mut instructions = live.verified_instructions();
    instructions.extend(latencies(kernel, &filter)?.verified_instructions());
    Ok((instructions, existing))
}
