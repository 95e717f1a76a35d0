//! The live kernel as a source: load, attach, drain, and account for every record.

pub mod btf;
mod cgroups;
mod clock;
mod counters;
mod existing;
mod latency;
mod merge;
mod namespaces;
pub mod offsets;
mod ports;
mod programs;
mod rings;
mod session;
mod symbols;
mod wakeup;

pub use self::{
    clock::{ClockError, now},
    existing::ExistingError,
    latency::{Latencies, LatencyError, LatencyOptions},
    merge::{Merge, Ring},
    namespaces::own_settings,
    ports::ephemeral_range,
    programs::{LoadError, Programs},
    rings::RingSizes,
    session::{Live, LiveError, Options},
    wakeup::Wakeup,
};
