//! How trials went, and what a failed one says about its cause.

use std::{error::Error, io, iter};

/// What was tried out on the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trials {
    /// Map types, by the name of their check.
    pub maps: Vec<(&'static str, Outcome)>,
    /// tracer's own programs, loaded and attached for a moment.
    pub programs: Outcome,
    /// How many instructions the verifier looked at in each of them; empty if it does not say (before Linux 5.16).
    pub instructions: Vec<u32>,
    /// Why the sockets that exist already cannot be listed; `None` if they can.
    pub existing: Option<String>,
}

/// How a trial went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// The kernel does not know it.
    Unsupported,
    /// It failed otherwise.
    Failed(Failed),
}

/// How a trial failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// What failed, in words.
    pub what: String,
    /// The error number of the system call, if one failed.
    pub errno: Option<i32>,
    /// All that is known, the verifier's log included.
    pub log: String,
}

impl Failed {
    /// Takes from an error and its causes what tells them apart.
    #[must_use]
    pub fn new(error: &(dyn Error + 'static)) -> Self {
        let mut log: Vec<String> = causes(error).map(ToString::to_string).collect();
        log.dedup();
        Self {
            what: error.to_string().lines().next().unwrap_or_default().to_owned(),
            errno: causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error()),
            log: log.join("\n"),
        }
    }

    /// Whether the verifier looked at a program and did not accept it.
    pub(super) fn by_verifier(&self) -> bool {
        // `print_verification_stats()`, kernel/bpf/verifier.c.
        self.log.lines().any(|line| line.starts_with("processed ") && line.contains(" insns"))
    }

    /// The kernel function that the verifier refused to let the programs call.
    pub(super) fn refused_function(&self) -> Option<&str> {
        // `check_helper_call()`, kernel/bpf/verifier.c: the old wording and the new one.
        ["unknown func ", "program of this type cannot use helper "].iter().find_map(|phrase| {
            let (_, rest) = self.log.split_once(phrase)?;
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
        })
    }
}

/// The error and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| (*error).source())
}
