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
mod user;
mod words;

#[cfg(test)]
mod tests;

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

pub use self::problem::{ConfigError, Problem};
use crate::{
    cli::{Cli, ColorWhen, Command, Format, GlobalArgs, KernelLog, OutputArgs, PrivilegeArgs, ResourceArgs, Switch},
    filter::{Filter, StateFilter},
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
    /// `tracer doctor`
    Doctor,
}

/// `tracer watch`
#[derive(Clone, Debug)]
pub struct Watch {
    /// Which connections.
    pub filter: Filter,
    /// Which of their transitions are printed.
    pub shown: StateFilter,
    /// The filter and `--state` as typed, one string a flag.
    pub filters: Vec<String>,
    /// Numbers instead of service names.
    pub numeric: bool,
    /// Where to write; `None`: standard output.
    pub output: Option<PathBuf>,
    /// Stop after so many printed transitions.
    pub count: Option<NonZeroU64>,
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
            Command::Watch(args) => {
                let filter = filter::filter(&args.filter, services)?;
                Action::Watch(Box::new(Watch::new(filter, args.output, &args.resources, args.privilege)?))
            }
            Command::Doctor => Action::Doctor,
        };
        Ok(Self { speech: Speech { format, color, quiet, verbose }, action })
    }
}

impl Watch {
    fn new(
        filter: Filter,
        args: OutputArgs,
        resources: &ResourceArgs,
        privilege: PrivilegeArgs,
    ) -> Result<Self, ConfigError> {
        let mut filters = filter.describe();
        filters.extend(items::typed("--state", &args.state));
        Ok(Self {
            shown: StateFilter::new(&items::parse("--state", &args.state, words::state)?),
            filters,
            filter,
            numeric: args.numeric,
            output: args.output.filter(|path| path.as_os_str() != "-"),
            count: args.count.map(|text| items::one("--count", &text, quantity::count)).transpose()?,
            duration: args.duration.map(|text| items::one("--duration", &text, quantity::duration)).transpose()?,
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
