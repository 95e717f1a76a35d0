//! The recording format: what a run saw, so that it can be seen again. Docs: `docs/recording.md`.
//!
//! A recording holds the events of the source, not what followed from them: replay takes the same path as the live run.

mod store;
mod writer;

pub use self::{
    store::{Limits, Store, StoreError, SyncPolicy},
    writer::Writer,
};
use crate::{account::Account, event::MonotonicNs, filter::Criteria, observation::Start};

/// The first bytes of every file of a recording. No text begins so, and what is sent as text loses the first bit.
pub const MAGIC: [u8; 8] = *b"\x8aTRCFRM\n";

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

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When; figures reach until here.
    pub at: MonotonicNs,
    /// What was seen, filtered and lost.
    pub account: Account,
}
