//! `tracer latency`.

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use super::{
    ConfigError, Keep, Problem,
    filter::{self, Names},
    items, quantity, report,
};
use crate::{
    cli::{FilterArgs, LatencyArgs, MeasureArgs},
    figures::LatencyBy,
    filter::{Filter, Roles},
    services::Services,
};

/// The kernel side's counts go round after four thousand million: they are read more often than that can happen.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// `tracer latency`
#[derive(Clone, Debug)]
pub struct Latency {
    /// Whose handshakes.
    pub filter: Filter,
    /// The filter as typed, one string a flag.
    pub filters: Vec<String>,
    /// What is a line.
    pub by: LatencyBy,
    /// Figures so often.
    pub interval: Duration,
    /// Stop after so many intervals.
    pub count: Option<NonZeroU64>,
    /// Lines of text at most.
    pub top: usize,
    /// Groups kept apart at most; `None`: as many as are sure to fit into a bounded amount of memory.
    pub groups: Option<u32>,
    /// Stop after so long.
    pub duration: Option<Duration>,
    /// Numbers instead of service names.
    pub numeric: bool,
    /// Where to write; `None`: standard output.
    pub output: Option<PathBuf>,
    /// What it keeps of its privilege.
    pub privilege: Keep,
}

impl Latency {
    pub(super) fn new(args: LatencyArgs, services: &Services) -> Result<Self, ConfigError> {
        let LatencyArgs { measure, filter: wanted, output, privilege } = args;
        let MeasureArgs { by, interval: every, count, top, max_groups } = measure;
        let filter = answerable(&wanted, services)?;
        Ok(Self {
            filters: filter.describe(),
            filter,
            by: items::one("--by", &by, report::latency_by)?,
            interval: items::one("--interval", &every, interval)?,
            count: count.map(|text| items::one("--count", &text, quantity::count)).transpose()?,
            top: items::one("--top", &top, report::top)?,
            groups: max_groups.map(|text| items::one("--max-groups", &text, report::groups)).transpose()?,
            duration: output.duration.map(|text| items::one("--duration", &text, quantity::duration)).transpose()?,
            numeric: output.numeric,
            output: output.output.filter(|path| path.as_os_str() != "-"),
            privilege: Keep::new(privilege)?,
        })
    }
}

/// A filter that the kernel side can decide alone.
fn answerable(wanted: &FilterArgs, services: &Services) -> Result<Filter, ConfigError> {
    for (flag, values) in [("--pid", &wanted.pid), ("--comm", &wanted.comm)] {
        if !values.is_empty() {
            return Err(ConfigError::NoProcess { flag });
        }
    }
    let filter = filter::filter(wanted, Names::Ours, services)?;
    match filter.roles() {
        Roles { client: false, server: false } => Err(ConfigError::NoRole),
        _ => Ok(filter),
    }
}

fn interval(text: &str) -> Result<Duration, Problem> {
    let interval = report::interval(text)?;
    if interval > LONGEST_INTERVAL { Err(Problem::LongInterval) } else { Ok(interval) }
}
