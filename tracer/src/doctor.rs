//! Whether this machine can run tracer, and what to do if not: `tracer doctor` and the first step of every start.
//!
//! `gather` asks the machine, [`diagnose`] judges the facts without touching it, [`Report`] shows the findings. A start
//! goes through the same checks and says the same sentence.

mod checks;
pub mod facts;
mod finding;
mod gather;
pub mod outcome;
mod preflight;
mod refusal;
mod report;
#[cfg(test)]
mod tests;
mod trial;

use std::io::{self, IsTerminal as _};

pub use self::{
    checks::{Visibility, diagnose},
    finding::{Check, Finding, Health},
    preflight::{PreflightError, Readiness, TRANSITIONS, boot_id, explain, preflight},
    report::Report,
};
use crate::{
    cli::Format,
    config::Speech,
    output::{is_coloured, print},
    run::{Failure, Status},
};

/// Runs `tracer doctor`.
///
/// # Errors
/// When standard output cannot be written.
pub fn doctor(speech: Speech) -> Result<Status, Failure> {
    let report = Report::new(examine(), speech.verbose);
    let shown = match speech.format {
        Format::Json => report.json()?,
        Format::Text | Format::Csv => report.text(is_coloured(speech.color, io::stdout().is_terminal())),
    };
    print(shown.as_bytes())?;
    Ok(if report.ok { Status::Done } else { Status::Machine })
}

/// Whose sockets this process can see in /proc.
#[must_use]
pub fn visible_processes() -> Visibility {
    checks::visibility(&gather::privilege())
}

/// All checks; what must be tried out is tried if nothing is known to be in the way.
#[must_use]
pub fn examine() -> Vec<Finding> {
    let mut facts = gather::facts();
    let findings = diagnose(&facts);
    let in_the_way = findings.iter().any(|finding| finding.status == Health::Missing);
    let Some(resolved) = facts.resolved().filter(|_| !in_the_way) else { return findings };
    facts.trials = Some(trial::trials(resolved));
    diagnose(&facts)
}
