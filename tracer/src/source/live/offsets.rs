//! Which kernel struct members the programs read, and where the running kernel keeps them.
//!
//! A member is required unless some supported kernel or configuration lacks it; what lacks it is then unknown, never
//! wrong. The members of one [`Feature`] are found all or none.

mod table;
#[cfg(test)]
mod tests;

use tracer_common::wire::Offsets;

use self::table::ROWS;
use super::btf::{Btf, FieldError};

/// Something that is measured only where the kernel has the members for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Feature {
    /// As in `start.features` of the JSON output.
    pub name: &'static str,
    /// What the user does without: continues "no …".
    pub lost: &'static str,
    /// Which kernels have it.
    pub remedy: &'static str,
}

/// Everything that is measured only where the kernel has the members for it.
pub const FEATURES: &[&Feature] = table::FEATURES;

/// A member that this kernel lacks, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingField {
    /// What is not measured.
    pub feature: &'static Feature,
    /// Why.
    pub reason: FieldError,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// For the kernel side; members of missing features are `ABSENT`.
    pub offsets: Offsets,
    /// Features this kernel cannot give, each once.
    pub missing: Vec<MissingField>,
}

/// Required members could not be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct OffsetsError(pub Vec<FieldError>);

/// Finds every member the programs read.
///
/// # Errors
/// When required members are missing; all of them are named.
pub fn resolve(btf: &Btf) -> Result<Resolved, OffsetsError> {
    let mut required = Vec::new();
    let mut missing: Vec<MissingField> = Vec::new();
    let mut found = Vec::with_capacity(ROWS.len());
    for row in ROWS {
        match (row.find(btf), row.feature) {
            (Ok(field), _) => found.push((row, field)),
            (Err(reason), None) => required.push(reason),
            (Err(_), Some(feature)) if missing.iter().any(|other| other.feature == feature) => {}
            (Err(reason), Some(feature)) => missing.push(MissingField { feature, reason }),
        }
    }
    if !required.is_empty() {
        return Err(OffsetsError(required));
    }
    let mut offsets = Offsets::ABSENT;
    for (row, field) in found {
        if !missing.iter().any(|without| Some(without.feature) == row.feature) {
            (row.put)(&mut offsets, field);
        }
    }
    Ok(Resolved { offsets, missing })
}
