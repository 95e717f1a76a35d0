//! What was asked for, validated: only this travels on from the command line.

mod address;
mod cgroup;
mod filter;
mod interface;
mod items;
mod latency;
mod list;
mod netns;
mod port;
mod problem;
mod quantity;
mod recording;
mod report;
mod user;
mod when;
mod words;

#[cfg(test)]
mod tests;

use std::{num::NonZeroU64, path::PathBuf, time::Duration};

use self::filter::Names;
pub use self::{
    latency::Latency,
    list::{Columns, InternetSpec, List, Scope},
    problem::{ConfigError, Problem},
};
use crate::{
    cli::{
        Cli, ColorWhen, Command, ExportArgs, ExportFormat, ExportedArgs, ExtentArgs, Format, GlobalArgs, KernelLog,
        ManArgs, PrivilegeArgs, ReadArgs, RecordArgs, ReportArgs, ResourceArgs, Shell, StreamArgs, SummaryArgs, Switch,
        WatchArgs,
    },
    figures::GroupBy,
    filter::{Filter, StateFilter},
    measure::Listing,
    recording::Limits,
    sandbox::User,
    services::Services,
    source::recording::Reading,
};

/// Size of the ring buffers, unless another one is asked for.
const RING_SIZE: &str = "16M";

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
    /// `tracer latency`
    Latency(Box<Latency>),
    /// `tracer list`
    List(Box<List>),
    /// `tracer record`
    Record(Box<Record>),
    /// `tracer explain`; `None`: all words are listed.
    Explain(Option<String>),
    /// `tracer doctor`
    Doctor,
    /// `tracer completions`
    Completions(Shell),
    /// `tracer man`
    Manual(Manual),
}

/// `tracer man`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    /// Of this command only.
    pub command: Option<String>,
    /// A directory for the pages; `None`: one page on standard output.
    pub output: Option<PathBuf>,
}

/// `tracer watch`, and `tracer export`, which prints the same.
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

/// `tracer record`
#[derive(Clone, Debug)]
pub struct Record {
    /// What it listens to, and where it is recorded.
    pub stream: Stream,
    /// Stop after so many recorded transitions.
    pub count: Option<NonZeroU64>,
}

/// A stream: where it comes from, what is wanted of it, and where the answer goes.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Where it comes from.
    pub source: Source,
    /// Which connections.
    pub filter: Filter,
    /// The filter as typed, one string a flag.
    pub filters: Vec<String>,
    /// Numbers instead of service names.
    pub numeric: bool,
    /// Where to write; `None`: standard output.
    pub output: Option<PathBuf>,
    /// Sockets remembered at a time.
    pub table_size: usize,
}

/// Where a stream comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From the kernel.
    Live(Box<Live>),
    /// From recordings.
    Recordings(Reading),
}

/// How the kernel is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Stop after so long.
    pub duration: Option<Duration>,
    /// What it may cost.
    pub resources: Resources,
    /// What it keeps of its privilege.
    pub privilege: Keep,
    /// Where it is recorded, if it is.
    pub record: Option<Destination>,
}

/// Where a recording is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A file that does not exist yet, or a directory.
    pub path: PathBuf,
    /// When segments end and how many are kept.
    pub limits: Limits,
    /// Whose it is; `None`: of the user that tracer is.
    pub owner: Option<User>,
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
        let given = format.is_some();
        let mut format = format.unwrap_or(Format::Text);
        let action = match cli.command {
            Command::Watch(args) => Action::Watch(Box::new(Watch::new(*args, services)?)),
            Command::Summary(args) => Action::Summary(Box::new(Summary::new(*args, services)?)),
            Command::Latency(args) => Action::Latency(Box::new(Latency::new(*args, services)?)),
            Command::List(args) => {
                format = args.output.format.unwrap_or(format);
                Action::List(Box::new(List::new(*args, format, services)?))
            }
            Command::Record(args) => Action::Record(Box::new(Record::new(*args, services)?)),
            Command::Export(args) => {
                format = exported(&args.export)?;
                Action::Watch(Box::new(Watch::export(*args, services)?))
            }
            Command::Explain(args) => Action::Explain((!args.what.is_empty()).then(|| args.what.join(" "))),
            Command::Doctor => Action::Doctor,
            Command::Completions(_) | Command::Man(_) if given => return Err(ConfigError::OwnFormat),
            Command::Completions(args) => Action::Completions(args.shell),
            Command::Man(args) => Action::Manual(Manual::new(args)?),
        };
        Ok(Self { speech: Speech { format, color, quiet, verbose }, action })
    }
}

impl Manual {
    fn new(args: ManArgs) -> Result<Self, ConfigError> {
        let ManArgs { command, output } = args;
        if let Some(command) = &command {
            items::one("man", command, words::command)?;
        }
        if let Some(path) = output.as_ref().filter(|path| !path.is_dir()) {
            return Err(ConfigError::NotADirectory { flag: "--output", path: path.clone() });
        }
        Ok(Self { command, output })
    }
}

/// The format that an export is in.
fn exported(args: &ExportedArgs) -> Result<Format, ConfigError> {
    match args.to {
        _ if args.format.is_some() => Err(ConfigError::ExportFormat),
        ExportFormat::Ndjson => Ok(Format::Json),
        ExportFormat::Csv => Ok(Format::Csv),
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

    fn export(args: ExportArgs, services: &Services) -> Result<Self, ConfigError> {
        let ExportArgs { export, filter } = args;
        let ExportedArgs { read, since, until, output, table_size, .. } = export;
        let Some(reading) = recording::reading(ReadArgs { read, since, until, follow: false })? else {
            return Err(ConfigError::NothingToRead { flag: "--to" });
        };
        let filter = filter::filter(&filter, Names::Recorded, services)?;
        let stream = Stream {
            source: Source::Recordings(reading),
            filters: filter.describe(),
            filter,
            numeric: false,
            output: output.filter(|path| path.as_os_str() != "-"),
            table_size: items::one("--table-size", &table_size, quantity::table_size)?,
        };
        Ok(Self { stream, shown: StateFilter::default(), count: None })
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

impl Record {
    fn new(args: RecordArgs, services: &Services) -> Result<Self, ConfigError> {
        let RecordArgs { extent, segments, filter, resources, privilege } = args;
        let ExtentArgs { write, duration, count } = extent;
        let table_size = items::one("--table-size", &resources.table_size, quantity::table_size)?;
        let mut live = Live::new(duration, resources, privilege)?;
        live.record = Some(recording::limited(write, segments, live.privilege)?);
        let filter = filter::filter(&filter, Names::Ours, services)?;
        let filters = filter.describe();
        let source = Source::Live(Box::new(live));
        let stream = Stream { source, filter, filters, numeric: false, output: None, table_size };
        Ok(Self { stream, count: count.map(|text| items::one("--count", &text, quantity::count)).transpose()? })
    }
}

impl Stream {
    fn new(args: StreamArgs, services: &Services) -> Result<Self, ConfigError> {
        let flag = args.live_flag();
        let StreamArgs { filter, read, write, output, resources, privilege } = args;
        let table_size = items::one("--table-size", &resources.table_size, quantity::table_size)?;
        let (source, names) = match (recording::reading(read)?, flag) {
            (Some(_), Some(flag)) => return Err(ConfigError::LiveOnly { flag }),
            (Some(reading), None) => (Source::Recordings(reading), Names::Recorded),
            (None, _) => {
                let mut live = Live::new(output.duration, resources, privilege)?;
                live.record = write.write.map(|path| recording::destination(path, live.privilege)).transpose()?;
                (Source::Live(Box::new(live)), Names::Ours)
            }
        };
        let filter = filter::filter(&filter, names, services)?;
        Ok(Self {
            source,
            filters: filter.describe(),
            filter,
            numeric: output.numeric,
            output: output.output.filter(|path| path.as_os_str() != "-"),
            table_size,
        })
    }
}

impl StreamArgs {
    /// The first flag given that a recording has no use for.
    fn live_flag(&self) -> Option<&'static str> {
        let Self { write, output, resources, privilege, .. } = self;
        let flags = [
            ("--write", write.write.is_some()),
            ("--duration", output.duration.is_some()),
            ("--ring-size", resources.ring_size.is_some()),
            ("--time-wait", resources.time_wait.is_some()),
            ("--kernel-log", resources.kernel_log.is_some()),
            ("--user", privilege.user.is_some()),
            ("--no-sandbox", privilege.no_sandbox),
        ];
        flags.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }
}

impl Keep {
    fn new(privilege: PrivilegeArgs) -> Result<Self, ConfigError> {
        Ok(match privilege.user {
            _ if privilege.no_sandbox => Self::Everything,
            None => Self::User,
            Some(text) => Self::Nothing(items::one("--user", &text, user::user)?),
        })
    }
}

impl Live {
    fn new(duration: Option<String>, resources: ResourceArgs, privilege: PrivilegeArgs) -> Result<Self, ConfigError> {
        let ring_size = resources.ring_size.as_deref().unwrap_or(RING_SIZE);
        Ok(Self {
            duration: duration.map(|text| items::one("--duration", &text, quantity::duration)).transpose()?,
            resources: Resources {
                ring_bytes: items::one("--ring-size", ring_size, quantity::ring_bytes)?,
                time_wait: resources.time_wait != Some(Switch::Off),
                kernel_log: resources.kernel_log,
            },
            privilege: Keep::new(privilege)?,
            record: None,
        })
    }
}
