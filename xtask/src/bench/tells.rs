//! What somebody says it saw, and what it says it lost.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::row::Tells;
use crate::{
    command::{self, output},
    storm::Storm,
};

/// What was seen of a storm: transitions, or handshakes where only these are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Seen {
    /// How many it says it saw.
    pub(crate) seen: u64,
    /// What is known to be lost, by kind.
    pub(crate) lost: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn new<const N: usize>(seen: u64, lost: [(&'static str, u64); N]) -> Self {
        Self { seen, lost: lost.into_iter().filter(|(_, count)| *count > 0).collect() }
    }
}

/// How many there were of what is seen.
pub(crate) fn made(tells: Tells, storm: &Storm) -> u64 {
    if tells == Tells::Handshakes { storm.handshakes } else { storm.transitions }
}

/// What `program` says in its output `file` and in its `errors`.
pub(crate) fn seen(tells: Tells, program: &Path, file: &Path, errors: &str) -> Result<Seen> {
    match tells {
        Tells::Shown => summary(&last_line(file)?, shown),
        Tells::Handled => summary(&last_line(file)?, handled),
        Tells::Handshakes => handshakes(&last_line(file)?),
        Tells::Recording => {
            let mut replay = Command::new(program);
            replay.args(["summary", "--quiet", "--format", "json", "--read"]).arg(file);
            summary(output(&mut replay)?.lines().next_back().unwrap_or_default(), shown)
        }
        Tells::Text => text(&tail(file)?),
        Tells::Lines(pattern) => {
            // By another program: a debug build of ours would take longer to count than the storm took.
            let mut grep = Command::new("grep");
            let count = command::probe(grep.args(["--count", "--extended-regexp", pattern]).arg(file));
            let transitions = count.and_then(|count| count.parse().ok()).unwrap_or(0);
            Ok(Seen::new(transitions, [("lost", lost(errors) + lost(&losses_in(file)))]))
        }
        Tells::Map => Ok(Seen::new(counts(&tail(file)?), [("lost", lost(errors))])),
    }
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    transitions: BTreeMap<String, u64>,
    #[serde(default)]
    discontinuities: u64,
    account: Account,
}

#[derive(Deserialize)]
struct Account {
    closes: bool,
    missed: u64,
    reserve_failed: u64,
    undecodable: u64,
    tracepoints: BTreeMap<String, Tracepoint>,
}

#[derive(Deserialize)]
struct Tracepoint {
    seen: u64,
}

fn shown(summary: &Summary) -> u64 {
    summary.transitions.values().sum()
}

fn handled(summary: &Summary) -> u64 {
    summary.account.tracepoints.get("inet_sock_set_state").map_or(0, |states| states.seen)
}

/// tracer's own account, which must close.
fn summary(line: &str, transitions: fn(&Summary) -> u64) -> Result<Seen> {
    let summary: Summary = serde_json::from_str(line).context("tracer's last line is no summary")?;
    let Account { closes, missed, reserve_failed, undecodable, .. } = summary.account;
    ensure!(closes, "tracer's account does not close: {line}");
    let lost = [
        ("missed", missed),
        ("ring full", reserve_failed),
        ("unreadable", undecodable),
        ("discontinuities", summary.discontinuities),
    ];
    Ok(Seen::new(transitions(&summary), lost))
}

#[derive(Deserialize)]
struct LatencySummary {
    account: LatencyAccount,
}

#[derive(Deserialize)]
struct LatencyAccount {
    closes: bool,
    seen: u64,
    missed: u64,
    lost: u64,
}

/// The account of a tracer that measures handshakes only.
fn handshakes(line: &str) -> Result<Seen> {
    let summary: LatencySummary = serde_json::from_str(line).context("tracer's last line has no account")?;
    let LatencyAccount { closes, seen, missed, lost } = summary.account;
    ensure!(closes, "tracer's account does not close: {line}");
    Ok(Seen::new(seen, [("missed", missed), ("no memory", lost)]))
}

/// The same from the last lines for people.
fn text(tail: &str) -> Result<Seen> {
    let number = |words: &str| {
        let before = tail.rsplit_once(words)?.0;
        let digits = before.rsplit([' ', '\n']).next()?.replace(',', "");
        digits.parse().ok()
    };
    let transitions = number(" transitions shown").context("tracer's text has no number of transitions")?;
    ensure!(tail.contains("The account closes"), "tracer's account does not close:\n{tail}");
    let lost = [("missed", " missed"), ("ring full", " lost to full buffers"), ("unreadable", " unreadable")];
    Ok(Seen::new(transitions, lost.map(|(kind, words)| (kind, number(words).unwrap_or(0)))))
}

/// The sum of all lines like `@[1, 2]: 3`.
fn counts(map: &str) -> u64 {
    let lines = map.lines().filter(|line| line.starts_with('@'));
    lines.filter_map(|line| line.rsplit_once(": ")?.1.trim().parse::<u64>().ok()).sum()
}

/// The sum of all "lost 3 events", as libbpf's and bpftrace's readers say it.
fn lost(said: &str) -> u64 {
    let lines =
        said.lines().filter_map(|line| line.to_lowercase().split_once("lost ").map(|(_, rest)| rest.to_owned()));
    lines.filter_map(|rest| rest.split_once(" events")?.0.parse::<u64>().ok()).sum()
}

fn losses_in(file: &Path) -> String {
    command::probe(Command::new("grep").args(["--ignore-case", "lost .* events"]).arg(file)).unwrap_or_default()
}

fn last_line(file: &Path) -> Result<String> {
    Ok(tail(file)?.lines().next_back().unwrap_or_default().to_owned())
}

fn tail(path: &Path) -> Result<String> {
    const LONGEST: u64 = 1 << 20;
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_was_seen_and_lost_if_the_account_closes() {
        let line = |closes| {
            let account = r#""missed":0,"reserve_failed":2,"undecodable":0"#;
            let tracepoints = r#"{"inet_sock_set_state":{"seen":9}}"#;
            let transitions = r#"{"CLOSE>SYN_SENT":4,"SYN_SENT>CLOSE":3}"#;
            format!(
                r#"{{"type":"summary","transitions":{transitions},"discontinuities":1,
                "account":{{"closes":{closes},{account},"tracepoints":{tracepoints}}}}}"#
            )
        };
        let lost = [("ring full", 2), ("discontinuities", 1)];
        assert_eq!(summary(&line(true), shown).expect("a summary"), Seen::new(7, lost));
        assert_eq!(summary(&line(true), handled).expect("a summary"), Seen::new(9, lost));
        assert!(summary(&line(false), shown).is_err());
        assert!(summary(r#"{"type":"transition"}"#, shown).is_err());
    }

    #[test]
    fn handshakes_have_an_account_of_their_own() {
        let line = r#"{"type":"summary","account":{"closes":true,"seen":46,"filtered":0,"missed":1,"lost":0}}"#;
        assert_eq!(handshakes(line).expect("an account"), Seen::new(46, [("missed", 1)]));
        assert!(handshakes(r#"{"type":"latency"}"#).is_err());
    }

    #[test]
    fn the_text_tells_the_same() {
        let tail = "12,345 transitions shown in 971 ms; 0 sockets followed at the end.\n\
            Account: 4 made by the kernel, 4 seen, 0 missed.\n\
            Of those seen, 0 filtered out, 4 delivered, 1,002 lost to full buffers.\n\
            Of those delivered, 4 read, 0 unreadable; 4 shown.\nThe account closes: 1,002 were lost.\n";
        assert_eq!(text(tail).expect("figures"), Seen::new(12_345, [("ring full", 1_002)]));
        assert!(text("nothing").is_err());
    }

    #[test]
    fn what_others_print_is_summed_up() {
        assert_eq!(counts("Attaching 1 probe...\n\n@[1, 4]: 120\n@[4, 5]: 3\n"), 123);
        assert_eq!(lost("lost 5 events on CPU #1\nLost 7 events\n"), 12);
        assert_eq!(lost("nothing was lost"), 0);
    }
}
