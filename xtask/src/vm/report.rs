//! From what a kernel printed to one line about it.

use std::{fmt, mem};

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
    /// Failed at first, and were run again.
    repeated: u64,
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

/// What the tests that failed printed; the whole console where no test did.
pub(crate) fn failures(console: &str) -> String {
    let mut told = false;
    let lines = console.lines().filter(|line| {
        match *line {
            // Twice: what they printed, then their names.
            "failures:" => told = true,
            line if line.starts_with("test result: ") => told = false,
            _ => {}
        }
        told
    });
    let failures: String = lines.flat_map(|line| [line, "\n"]).collect();
    if failures.is_empty() { console.to_owned() } else { failures }
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
        let mut statuses = Vec::new();
        let mut in_doctor = false;
        for line in console.lines() {
            match line.strip_prefix(guest::STATUS) {
                Some(status) => statuses.push(status),
                None if in_doctor => outcome.doctor(line),
                None => outcome.line(line),
            }
            in_doctor = line == guest::DOCTOR;
        }
        let ended = console.lines().any(|line| line == guest::END);
        outcome.result = match statuses[..] {
            ["3"] if ended && !series.supported => Verdict::Refused,
            ["0", ref tests @ ..]
                if ended && series.supported && outcome.passed > 0 && tests.iter().all(|status| *status == "0") =>
            {
                Verdict::Passed
            }
            _ => Verdict::Failed,
        };
        outcome
    }

    /// Whether this is not what it should be.
    pub(crate) fn failed(&self) -> bool {
        self.result == Verdict::Failed
    }

    /// Whether something failed, be it only at first.
    pub(crate) fn stumbled(&self) -> bool {
        self.failed() || self.repeated > 0
    }

    fn doctor(&mut self, report: &str) {
        let Ok(doctor) = serde_json::from_str::<Doctor>(report) else { return };
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
        if line == guest::AGAIN {
            self.repeated += mem::take(&mut self.failed);
        }
        if let Some(why) = line.strip_prefix("SKIPPED: ")
            && !self.skipped.iter().any(|known| known == why)
        {
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
        let tests = match (outcome.passed, outcome.failed, outcome.repeated) {
            _ if outcome.result == Verdict::Refused => "–".to_owned(),
            (passed, 0, 0) => passed.to_string(),
            (passed, 0, repeated) => format!("{passed}, {repeated} at the second try"),
            (passed, failed, _) => format!("{passed}, {failed} failed"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::matrix::SERIES;

    const DOCTOR: &str = r#"{"checks":[{"name":"cgroup","status":"degraded","detail":"d"},
{"name":"programs","status":"ok","detail":"loaded; the verifier looked at 70 + 6 instructions"}]}"#;

    fn console(doctor: u32, tests: u32) -> String {
        let report = DOCTOR.replace('\n', "");
        format!(
            "BIOS\n== doctor\n{report}\n== status {doctor}\n== tests\nSKIPPED: no veth\nSKIPPED: no veth\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured\n== status {tests}\n== end\nreboot"
        )
    }

    #[test]
    fn what_a_kernel_printed_becomes_one_line() {
        let supported = &SERIES[1];
        let outcome = Outcome::of(&console(0, 0), supported);
        let row = Row { release: "6.1.0-50", lockdown: true, outcome: &outcome, seconds: 9 };
        assert_eq!(
            row.to_string(),
            "| 6.1.0-50 | confidentiality | passed | 3, 1 failed | no veth | cgroup | 70 + 6 | 9 |"
        );
        assert!(Outcome::of(&console(0, 101), supported).failed());
        let again = "== again\ntest result: ok. 1 passed; 0 failed; 0 ignored\n== status 0";
        let outcome = Outcome::of(&console(0, 101).replace("== status 101", again), supported);
        assert!(outcome.stumbled() && !outcome.failed());
        let row = Row { release: "6.1.0-50", lockdown: false, outcome: &outcome, seconds: 9 };
        assert!(row.to_string().contains("| passed | 4, 1 at the second try |"), "{row}");
        let cut_off = console(0, 0).replace("== end", "");
        assert!(Outcome::of(&cut_off, supported).failed());
    }

    #[test]
    fn what_failed_is_cut_out_of_a_console() {
        let console =
            "boot\nsuccesses:\na\nfailures:\n---- b ----\npanicked\nfailures:\n    b\ntest result: FAILED. 1\nc";
        assert_eq!(failures(console), "failures:\n---- b ----\npanicked\nfailures:\n    b\n");
        assert_eq!(failures("cut off"), "cut off");
    }

    #[test]
    fn an_unsupported_kernel_must_refuse() {
        let unsupported = &SERIES[0];
        assert!(!Outcome::of("== doctor\n{}\n== status 3\n== end", unsupported).failed());
        assert!(Outcome::of(&console(0, 0), unsupported).failed());
    }
}
