//! The checks, in the order in which they are shown and in which the first failure stops a start.

mod existing;
mod kernel;
mod limits;
mod privilege;
mod trials;
mod types;

pub use self::existing::Visibility;
pub(super) use self::existing::visibility;
use super::{facts::Facts, finding::Finding};

/// Judges everything that is known.
#[must_use]
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        kernel::release(facts),
        kernel::architecture(facts),
        privilege::capabilities(facts),
        privilege::lockdown(facts),
    ];
    findings.extend(types::types(facts));
    findings.extend(trials::trials(facts));
    findings.extend([limits::memlock(facts), limits::jit(facts)]);
    findings.extend([existing::existing(facts), privilege::confinement(facts)]);
    findings
}
