//! The recording format: what a run saw, so that it can be seen again. Docs: `docs/recording.md`.
//!
//! A recording holds the events of the source, not what followed from them: replay takes the same path as the live run.

mod alive;
mod block;
mod cgroups;
mod facts;
mod frame;
mod rows;
#[cfg(test)]
pub(crate) mod samples;
mod store;
mod writer;

pub(crate) use self::{
    alive::Alive,
    block::{Decoder, MAX_BYTES},
    facts::HeadFact,
    frame::{FrameHead, FrameKind, HEAD, NoHead},
};
pub use self::{
    frame::{MAGIC, VERSION},
    store::{Limits, Store, StoreError, SyncPolicy},
    writer::Writer,
};
use crate::{
    account::Account,
    event::{ClockPair, MonotonicNs, UnknownState},
    filter::Criteria,
    observation::Start,
};

/// What was recorded: the facts that head a run, the same in each of its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tells runs apart: random.
    pub id: u64,
    /// Version of the tracer that wrote it.
    pub version: String,
    /// When, where and what.
    pub start: Start,
    /// What was asked for; what of it the kernel side could not decide is still to be applied.
    pub criteria: Criteria,
}

impl Run {
    /// A run of which no head was read.
    pub(crate) fn headless(id: u64, clock: ClockPair) -> Self {
        let start = Start {
            clock,
            host: String::new(),
            boot_id: String::new(),
            kernel: String::new(),
            filters: Vec::new(),
            features: Vec::new(),
        };
        Self { id, version: String::new(), start, criteria: Criteria::default() }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When; figures reach until here.
    pub at: MonotonicNs,
    /// What was seen, filtered and lost.
    pub account: Account,
}

/// A record or a fact that this version does not understand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// It ends too early.
    #[error("a record is cut off")]
    Short,
    /// Its kind is unknown.
    #[error("a record of unknown kind {0}")]
    Kind(u8),
    /// A number in it cannot be.
    #[error("a record with an impossible value")]
    Value,
    /// One of its states is unknown.
    #[error(transparent)]
    State(#[from] UnknownState),
    /// There are more of them than a frame may hold.
    #[error("more records in a frame than there may be")]
    TooMany,
    /// A fact that is not the JSON it should be.
    #[error("a fact that does not read")]
    Fact(#[from] serde_json::Error),
}

/// Reads the facts of a segment's head.
pub(crate) fn read_head(run: u64, json: &[u8]) -> Result<HeadFact, RecordError> {
    facts::read_head(run, json)
}

/// Reads how a run ended.
pub(crate) fn read_end(json: &[u8]) -> Result<End, RecordError> {
    facts::read_end(json)
}
