//! Which kernels are tried.

use anyhow::{Result, bail};

/// Kernels that share the first numbers of their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Series {
    /// What people call it: `6.1`.
    pub(crate) name: &'static str,
    /// The Debian suite that has it.
    pub(crate) suite: &'static str,
    /// First numbers of the version; empty: whatever is newest.
    pub(crate) version: &'static [u32],
    /// Whether tracer is to run on it; if not, it is to refuse with a sentence.
    pub(crate) supported: bool,
}

/// Oldest first. Debian has no 5.11 to 6.0 any more.
pub(crate) const SERIES: [Series; 5] = [
    Series { name: "5.10", suite: "bullseye-security", version: &[5, 10], supported: false },
    Series { name: "6.1", suite: "bookworm", version: &[6, 1], supported: true },
    Series { name: "6.12", suite: "trixie", version: &[6, 12], supported: true },
    Series { name: "6.18", suite: "trixie-backports", version: &[6, 18], supported: true },
    Series { name: "newest", suite: "sid", version: &[], supported: true },
];

/// The series of these names, or all.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Series>> {
    if names.is_empty() {
        return Ok(SERIES.iter().collect());
    }
    let find = |name: &String| match SERIES.iter().find(|series| series.name == name) {
        Some(series) => Ok(series),
        None => bail!("there is no series {name}; there are {}", SERIES.map(|series| series.name).join(", ")),
    };
    names.iter().map(find).collect()
}
