//! What was tried out.

use crate::doctor::{
    facts::Facts,
    finding::{Check, Finding},
    outcome::Outcome,
    refusal::{self, newer_kernel},
};

const PROGRAMS: &str = Check::Programs.name();

pub(super) fn trials(facts: &Facts) -> Vec<Finding> {
    let Some(trials) = &facts.trials else {
        return vec![Finding::unknown(PROGRAMS, "not tried, it would fail for what is missing")];
    };
    let maps = trials.maps.iter().map(|(name, outcome)| trial(name, outcome, "works", facts));
    let mut loaded = "loaded, attached and detached again".to_owned();
    if !trials.instructions.is_empty() {
        let counts: Vec<_> = trials.instructions.iter().map(ToString::to_string).collect();
        loaded += &format!("; the verifier looked at {} instructions", counts.join(" + "));
    }
    maps.chain([trial(PROGRAMS, &trials.programs, &loaded, facts)]).collect()
}

fn trial(name: &'static str, outcome: &Outcome, well: &str, facts: &Facts) -> Finding {
    match outcome {
        Outcome::Works => Finding::ok(name, well),
        Outcome::Unsupported => {
            Finding::missing(name, format!("this kernel has no BPF maps of type {name}"), newer_kernel(facts))
        }
        Outcome::Failed(failed) => refusal::finding(name, failed, facts),
    }
}
