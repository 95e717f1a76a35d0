//! What people and programs read.

use std::fmt::Write as _;

use serde::Serialize;

use super::finding::{Finding, Health};
use crate::output::{Palette, Style};

/// The outcome of all checks.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "doctor")]
pub struct Report {
    /// Whether tracer can run here.
    pub ok: bool,
    /// One entry a finding, in the order of the checks.
    pub checks: Vec<Finding>,
}

impl Report {
    /// Sums up. Without `verbose`, what the kernel said at length is left out.
    #[must_use]
    pub fn new(mut checks: Vec<Finding>, verbose: bool) -> Self {
        for check in checks.iter_mut().filter(|_| !verbose) {
            check.log = None;
        }
        Self { ok: checks.iter().all(|check| check.status != Health::Missing), checks }
    }

    /// One line a check, its remedy below it, and the conclusion.
    #[must_use]
    pub fn text(&self, color: bool) -> String {
        let mut text = String::new();
        for check in &self.checks {
            line(check, Palette::new(color), &mut text);
        }
        text + "\n" + &self.conclusion() + "\n"
    }

    /// One object on one line.
    ///
    /// # Errors
    /// Never: there is nothing in it that JSON cannot hold.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|json| json + "\n")
    }

    fn conclusion(&self) -> String {
        let with = |status| {
            let mut names: Vec<_> = self.checks.iter().filter(|check| check.status == status).map(|c| c.name).collect();
            names.dedup();
            names.join(", ")
        };
        match (with(Health::Missing), with(Health::Degraded)) {
            (missing, _) if !missing.is_empty() => format!("tracer cannot run here, because of: {missing}."),
            (_, degraded) if !degraded.is_empty() => format!("tracer can run here, degraded by: {degraded}."),
            _ => "tracer can run here.".to_owned(),
        }
    }
}

fn line(check: &Finding, palette: Palette, text: &mut String) {
    let (set, reset) = style(check.status, palette);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{set}{:<9}{reset} {:<19} {}", check.status.name(), check.name, check.detail);
    for below in check.remedy.iter().map(|remedy| format!("→ {remedy}")) {
        let _ = writeln!(text, "{:27}{below}", "");
    }
    for below in check.log.iter().flat_map(|log| log.lines()) {
        let _ = writeln!(text, "{:27}{below}", "");
    }
}

fn style(health: Health, palette: Palette) -> Style {
    match health {
        Health::Ok => palette.good(),
        Health::Degraded => palette.warning(),
        Health::Unknown => palette.plain(),
        Health::Missing => palette.alarm(),
    }
}
