//! What was asked for, validated: only this travels on from the command line.

mod address;
mod cgroup;
mod filter;
mod interface;
mod items;
mod netns;
mod port;
mod problem;
mod quantity;
mod report;
mod user;
mod words;

#[cfg(test)]
mod tests;

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

pub use self::problem::{ConfigError, Problem};
use crate::{
    cli::{
        Cli, ColorWhen, Command, Format, GlobalArgs, KernelLog, ReportArgs, StreamArgs, SummaryArgs, Switch, WatchArgs,
    },
    figures::GroupBy,
    filter::{Filter, StateFilter},
    measure::Listing,
    sandbox::User,
    services::Services,
};

/// A run.
#[derive(Clone, Debug)]
pub struct Config {
    /// How it speaks.
    pub speech: Speech,
    /// What it does.
    pub action: Action,
}

/// How a run speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Text or JSON.
    pub format: Format,
    /// When text is coloured.
    pub color: ColorWhen,
    /// Results only.
    pub quiet: bool,
    /// More detail.
    pub verbose: bool,
}

/// What a run does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `tracer watch`
    Watch(Box<Watch>),
    /// `tracer summary`
    Summary(Box<Summary>),
    /// `tracer doctor`
    Doctor,
}

/// `tracer watch`
#[derive(Clone, Debug)]
pub struct Watch {
    /// What it listens to.
    pub stream: Stream,
    /// Which of its transitions are printed.
    pub shown: StateFilter,
    /// Stop after so many printed transitions.
    pub count: Option<NonZeroU64>,
}

/// `tracer summary`
#[derive(Clone, Debug)]
pub struct Summary {
    /// What it listens to.
    pub stream: Stream,
    /// What is a line.
    pub group_by: GroupBy,
    /// Which lines there are.
    pub listing: Listing,
    /// A summary so often, not only at the end.
    pub interval: Option<Duration>,
}

/// The live stream: what is asked of the kernel, and where the answer goes.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Which connections.
    pub filter: Filter,
    /// The filter as typed, one string a flag.
    pub filters: Vec<String>,
    /// Numbers instead of service names.
    pub numeric: bool,
    /// Where to write; `None`: standard output.
    pub output: Option<PathBuf>,
    /// Stop after so long.
    pub duration: Option<Duration>,
    /// What it may cost.
    pub resources: Resources,
    /// What it keeps of its privilege.
    pub privilege: Keep,
}

/// What a run keeps of its privilege once everything is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    Everything,
    /// Nothing but its user.
    User,
    /// Nothing, not even its user: it becomes this one.
    Nothing(User),
}

/// What a run may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Ring buffers, bytes, all CPUs together.
    pub ring_bytes: usize,
    /// Sockets remembered at a time.
    pub table_size: usize,
    /// Whether TIME_WAIT is followed.
    pub time_wait: bool,
    /// Which of the kernel side's own messages are shown.
    pub kernel_log: Option<KernelLog>,
}

impl Config {
    /// Checks what was typed and resolves the names in it, on this host.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence: what was given, what is wrong, what to do.
    pub fn new(cli: Cli, services: &Services) -> Result<Self, ConfigError> {
        let GlobalArgs { format, color, quiet, verbose } = cli.global;
        let action = match cli.command {
            Command::Watch(args) => Action::Watch(Box::new(Watch::new(*args, services)?)),
            Command::Summary(args) => Action::Summary(Box::new(Summary::new(*args, services)?)),
            Command::Doctor => Action::Doctor,
        };
        Ok(Self { speech: Speech { format, color, quiet, verbose }, action })
    }
}

impl Watch {
    fn new(args: WatchArgs, services: &Services) -> Result<Self, ConfigError> {
        let mut stream = Stream::new(args.stream, services)?;
        stream.filters.extend(items::typed("--state", &args.show.state));
        Ok(Self {
            stream,
            shown: StateFilter::new(&items::parse("--state", &args.show.state, words::state)?),
            count: args.show.count.map(|text| items::one("--count", &text, quantity::count)).transpose()?,
        })
    }
}

impl Summary {
    fn new(args: SummaryArgs, services: &Services) -> Result<Self, ConfigError> {
        let ReportArgs { group_by, sort, top, interval } = args.report;
        Ok(Self {
            stream: Stream::new(args.stream, services)?,
            group_by: items::one("--group-by", &group_by, report::group_by)?,
            listing: Listing {
                sort: items::one("--sort", &sort, report::sort_by)?,
                top: items::one("--top", &top, report::top)?,
            },
            interval: interval.map(|text| items::one("--interval", &text, report::interval)).transpose()?,
        })
    }
}

impl Stream {
    fn new(args: StreamArgs, services: &Services) -> Result<Self, ConfigError> {
        let StreamArgs { filter, output, resources, privilege } = args;
        let filter = filter::filter(&filter, services)?;
        Ok(Self {
            filters: filter.describe(),
            filter,
            numeric: output.numeric,
            output: output.output.filter(|path| path.as_os_str() != "-"),
            duration: output.duration.map(|text| items::one("--duration", &text, quantity::duration)).transpose()?,
            resources: Resources {
                ring_bytes: items::one("--ring-size", &resources.ring_size, quantity::ring_bytes)?,
                table_size: items::one("--table-size", &resources.table_size, quantity::table_size)?,
                time_wait: resources.time_wait == Switch::On,
                kernel_log: resources.kernel_log,
            },
            privilege: match privilege.user {
                _ if privilege.no_sandbox => Keep::Everything,
                None => Keep::User,
                Some(text) => Keep::Nothing(items::one("--user", &text, user::user)?),
            },
        })
    }
}
