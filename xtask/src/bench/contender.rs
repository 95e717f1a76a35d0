//! Who is measured, how to start it and what it says it saw.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{figures::Sample, running::Running};
use crate::{command::output, storm::Storm};

/// A tracer, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Nobody watches.
    None,
    /// Ours.
    Tracer(PathBuf),
    /// The one in libbpf-tools.
    Tcpstates(PathBuf),
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Tracer(_) => "tracer watch --format json -o FILE",
            Self::Tcpstates(_) => "tcpstates > FILE",
        })
    }
}

impl Contender {
    /// Where Debian puts it, which changed.
    pub(crate) fn tcpstates() -> Result<Self> {
        let places = ["/usr/sbin/tcpstates", "/usr/bin/tcpstates"].map(PathBuf::from);
        let found = places.into_iter().find(|path| path.exists());
        found.map(Self::Tcpstates).context("tcpstates is missing: install libbpf-tools")
    }

    /// Watches one storm.
    pub(crate) fn sample(&self, storm: &mut Command) -> Result<Sample> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let file = directory.path().join("output");
        let running = self.command(&file)?.map(|command| Running::attached(command, &file)).transpose()?;
        let storm: Storm = serde_json::from_str(&output(storm)?).context("the storm said something unexpected")?;
        let Some(mut running) = running else {
            return Ok(Sample { storm, run_time_ns: 0, seen: None });
        };
        running.wait_until_quiet()?;
        let run_time_ns = running.run_time_ns()?;
        running.stop()?;
        Ok(Sample { storm, run_time_ns, seen: Some(self.seen(&file)?) })
    }

    fn command(&self, file: &Path) -> Result<Option<Command>> {
        Ok(match self {
            Self::None => None,
            Self::Tracer(path) => {
                let mut command = Command::new(path);
                command.args(["watch", "--format", "json", "-o"]).arg(file);
                Some(command)
            }
            Self::Tcpstates(path) => {
                // It needs tracefs, which not every machine mounts: this mount goes away with it.
                let mut command = Command::new("unshare");
                let script = "test -e $1/events || mount -t tracefs tracefs $1; exec \"$0\"";
                command.args(["--mount", "sh", "-c", script]).arg(path).arg("/sys/kernel/tracing");
                command.stdout(File::create(file).context("cannot create the output file")?);
                Some(command)
            }
        })
    }

    /// Transitions in what it wrote.
    fn seen(&self, file: &Path) -> Result<u64> {
        match self {
            Self::None => Ok(0),
            Self::Tracer(_) => summarised(&last_line(file)?),
            // The first line is the heading.
            Self::Tcpstates(_) => Ok(lines(file)?.saturating_sub(1)),
        }
    }
}

/// By another program: a debug build of ours would take longer to count than the storm took.
fn lines(file: &Path) -> Result<u64> {
    let count = output(Command::new("wc").arg("-l").arg(file))?;
    count.split_whitespace().next().unwrap_or_default().parse().context("wc printed no number")
}

fn last_line(path: &Path) -> Result<String> {
    const LONGEST: u64 = 1 << 20;
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    Ok(tail.lines().next_back().unwrap_or_default().to_owned())
}

#[derive(Deserialize)]
struct Summary {
    r#type: String,
    transitions: BTreeMap<String, u64>,
    account: Account,
}

#[derive(Deserialize)]
struct Account {
    closes: bool,
}

/// Transitions that were shown, from the summary at the end.
fn summarised(line: &str) -> Result<u64> {
    let summary: Summary = serde_json::from_str(line).context("tracer's last line is no summary")?;
    ensure!(summary.r#type == "summary", "tracer's last line is no summary but {}", summary.r#type);
    ensure!(summary.account.closes, "tracer's account does not close: {line}");
    Ok(summary.transitions.values().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_was_seen_if_the_account_closes() {
        let line = |closes| {
            let transitions = r#"{"CLOSE>SYN_SENT":4,"SYN_SENT>CLOSE":3}"#;
            format!(r#"{{"type":"summary","transitions":{transitions},"account":{{"closes":{closes}}}}}"#)
        };
        assert_eq!(summarised(&line(true)).expect("a summary"), 7);
        assert!(summarised(&line(false)).is_err());
        assert!(summarised(r#"{"type":"transition"}"#).is_err());
    }
}
