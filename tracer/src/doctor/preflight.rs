//! The first step of every start: the checks that cost next to nothing.

use std::{error::Error, fmt, fs};

use rustix::system::uname;

use super::{
    checks::diagnose,
    facts::Facts,
    finding::{Check, Finding, Health},
    gather,
    outcome::Failed,
    refusal,
};
use crate::{
    filter::Filter,
    observation::Feature,
    source::live::offsets::{self, Resolved},
};

/// What every start measures; what else is measured depends on the kernel ([`offsets::FEATURES`]).
pub const TRANSITIONS: &str = "transitions";

/// What a start needs to know about the machine.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// What the programs need to know of the kernel.
    pub members: Resolved,
    /// Host name.
    pub host: String,
    /// Identifies this boot; empty if the kernel does not say.
    pub boot_id: String,
    /// `uname -r`.
    pub kernel: String,
    /// What is measured, what is not, and why.
    pub features: Vec<Feature>,
}

impl Readiness {
    /// Whether this kernel tells what the filter asks for.
    ///
    /// # Errors
    /// The first flag that could never be answered.
    pub fn can_answer(&self, filter: &Filter) -> Result<(), PreflightError> {
        filter.optional_needs().try_for_each(|(flag, name)| self.can_tell(flag, name))
    }

    /// Whether this kernel has the feature `name`, which `flag` needs.
    ///
    /// # Errors
    /// That it has not.
    pub fn can_tell(&self, flag: &str, name: &str) -> Result<(), PreflightError> {
        let missing = self.features.iter().find(|feature| feature.name == name).and_then(|it| it.missing.as_ref());
        let feature = offsets::FEATURES.iter().find(|feature| feature.name == name);
        missing.zip(feature).map_or(Ok(()), |(reason, feature)| {
            let detail = format!("this kernel does not tell what {flag} asks for: {reason}");
            Err(PreflightError(Finding::missing(Check::Filter.name(), detail, feature.remedy)))
        })
    }
}

/// This machine cannot do it. Says in one sentence why, and what to do: the sentence of `tracer doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightError(Finding);

impl PreflightError {
    /// The finding that stopped the start.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.0
    }
}

impl fmt::Display for PreflightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence())
    }
}

impl Error for PreflightError {}

/// Checks what can be checked without loading anything.
///
/// # Errors
/// The first finding that is in the way.
pub fn preflight() -> Result<Readiness, PreflightError> {
    ready(&gather::facts())
}

/// Explains in doctor's words why loading failed, although the preflight saw nothing in the way.
#[must_use]
pub fn explain(error: &(dyn Error + 'static)) -> PreflightError {
    PreflightError(refusal::finding(Check::Programs.name(), &Failed::new(error), &gather::facts()))
}

pub(super) fn ready(facts: &Facts) -> Result<Readiness, PreflightError> {
    if let Some(finding) = diagnose(facts).into_iter().find(|finding| finding.status == Health::Missing) {
        return Err(PreflightError(finding));
    }
    let Some(resolved) = facts.resolved() else {
        return Err(PreflightError(Finding::missing(
            Check::Members.name(),
            "the kernel's types are unknown",
            refusal::REPORT,
        )));
    };
    Ok(Readiness {
        members: resolved.clone(),
        host: uname().nodename().to_string_lossy().into_owned(),
        boot_id: boot_id(),
        kernel: facts.release.clone(),
        features: features(resolved),
    })
}

/// Identifies this boot; empty if the kernel does not say.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn features(resolved: &Resolved) -> Vec<Feature> {
    let reason = |name| resolved.missing.iter().find(|missing| missing.feature.name == name);
    let optional = offsets::FEATURES.iter().map(|feature| feature.name);
    [TRANSITIONS]
        .into_iter()
        .chain(optional)
        .map(|name| Feature { name: name.into(), missing: reason(name).map(|missing| missing.reason.to_string()) })
        .collect()
}
