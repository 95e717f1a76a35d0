//! From what a kernel printed to one line about it.

use std::fmt;

use serde::Deserialize;

use super::{guest, matrix::Series};

/// The head of the table whose lines are [`Row`]s.
pub(crate) const HEADING: &str = "\
| kernel | lockdown | result | tests | skipped | not measured | instructions | seconds |
|---|---|---|---|---|---|---|---|";

/// What a boot proved.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    result: Verdict,
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    missing: Vec<String>,
    instructions: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Verdict {
    Passed,
    Refused,
    #[default]
    Failed,
}

/// A line of the table.
pub(crate) struct Row<'a> {
    pub(crate) release: &'a str,
    pub(crate) lockdown: bool,
    pub(crate) outcome: &'a Outcome,
    pub(crate) seconds: u64,
}

/// What `tracer doctor --format json` says, as far as it is used here.
#[derive(Deserialize)]
struct Doctor {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    detail: String,
}

impl Outcome {
    /// Reads a console. A supported kernel passes all tests, another one refuses with doctor's exit status.
    pub(crate) fn of(console: &str, series: &Series) -> Self {
        let mut outcome = Self::default();
        let mut sections = console.split("\n== ").map(|section| section.lines());
        let mut statuses = Vec::new();
        let mark = |mark: &'static str| mark.trim_start_matches("== ");
        for section in &mut sections {
            let mut lines = section;
            let Some(first) = lines.next() else { continue };
            if first == mark(guest::DOCTOR) {
                outcome.doctor(&lines.collect::<Vec<_>>().join("\n"));
            } else if first == mark(guest::TESTS) {
                lines.for_each(|line| outcome.line(line));
            } else if let Some(status) = first.strip_prefix(mark(guest::STATUS)) {
                statuses.push(status.trim().to_owned());
            }
        }
        let ended = console.trim_end().lines().any(|line| line == guest::END);
        let (doctor, tests) = statuses.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        outcome.result = if !ended {
            Verdict::Failed
        } else if !series.supported && doctor == "3" {
            Verdict::Refused
        } else if series.supported && doctor == "0" && tests.iter().all(|status| status == "0") {
            Verdict::Passed
        } else {
            Verdict::Failed
        };
        outcome
    }

    /// Whether this is not what it should be.
    pub(crate) fn failed(&self) -> bool {
        self.result == Verdict::Failed
    }

    fn doctor(&mut self, report: &str) {
        let Some(Ok(doctor)) = report.find('{').map(|start| serde_json::from_str::<Doctor>(&report[start..])) else {
            return;
        };
        for check in doctor.checks {
            if check.status != "ok" {
                self.missing.push(check.name);
            }
            let counts = check.detail.split_once("the verifier looked at ").map(|(_, counts)| counts);
            if let Some(counts) = counts.and_then(|counts| counts.strip_suffix(" instructions")) {
                self.instructions = Some(counts.to_owned());
            }
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(why) = line.strip_prefix("SKIPPED: ") {
            self.skipped.push(why.to_owned());
        }
        // `test result: ok. 19 passed; 0 failed; 0 ignored; …`
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let words: Vec<_> = counts.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed;" => self.passed += count,
                "failed;" => self.failed += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, lockdown, outcome, seconds } = self;
        let result = match outcome.result {
            Verdict::Passed => "passed",
            Verdict::Refused => "refused, as it should",
            Verdict::Failed => "**failed**",
        };
        let list = |items: &[String]| if items.is_empty() { "–".to_owned() } else { items.join("; ") };
        let tests = match (outcome.passed, outcome.failed) {
            (_, _) if outcome.result == Verdict::Refused => "–".to_owned(),
            (passed, 0) => passed.to_string(),
            (passed, failed) => format!("{passed}, {failed} failed"),
        };
        write!(
            f,
            "| {release} | {} | {result} | {tests} | {} | {} | {} | {seconds} |",
            if *lockdown { "confidentiality" } else { "–" },
            list(&outcome.skipped),
            list(&outcome.missing),
            outcome.instructions.as_deref().unwrap_or("–"),
        )
    }
}
