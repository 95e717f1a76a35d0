//! What was typed, as it was typed. What it means is decided in [`crate::config`].

mod explain;
mod export;
mod filter;
mod foreign;
mod help;
mod latency;
mod list;
mod packaging;
mod record;
mod recording;
mod stream;
mod suggest;
mod summary;
mod usage;
mod watch;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    explain::ExplainArgs,
    export::{ExportArgs, ExportFormat, ExportedArgs},
    filter::FilterArgs,
    latency::{LatencyArgs, MeasureArgs},
    list::{ColumnArgs, ListArgs, ListOutputArgs, SelectArgs},
    packaging::{CompletionsArgs, ManArgs, Shell, completions},
    record::{ExtentArgs, RecordArgs},
    recording::{ReadArgs, SegmentArgs, Sync, WriteArgs},
    stream::{OutputArgs, PrivilegeArgs, ResourceArgs, StreamArgs},
    summary::{ReportArgs, SummaryArgs},
    usage::{Early, parse},
    watch::{ShowArgs, WatchArgs},
};
pub(crate) use self::{
    packaging::{commands, pages},
    usage::printable,
};

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tracer",
    version,
    about = "Tells the truth about every TCP connection on this host.",
    arg_required_else_help = true,
    subcommand_required = true,
    subcommand_value_name = "COMMAND",
    after_help = help::TRACER
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show each TCP state change and reset as it happens
    #[command(after_help = help::WATCH)]
    Watch(Box<WatchArgs>),
    /// Figures of each service, peer or process: handshake times, failures, resets, TIME_WAIT
    #[command(after_help = help::SUMMARY)]
    Summary(Box<SummaryArgs>),
    /// Handshake times, added up inside the kernel: no stream, cheap enough to leave on
    #[command(after_help = help::LATENCY)]
    Latency(Box<LatencyArgs>),
    /// The sockets of this moment and whose they are, by the flags of netstat, ss and lsof
    // A flag may be given again, as one may to netstat, ss and lsof.
    #[command(after_help = help::LIST, args_override_self = true)]
    List(Box<ListArgs>),
    /// Write the stream to a recording that watch, summary and export read
    #[command(after_help = help::RECORD)]
    Record(Box<RecordArgs>),
    /// Turn recordings into formats that other programs read
    #[command(after_help = help::EXPORT)]
    Export(Box<ExportArgs>),
    /// Say what a state, a reset reason, an error, a port or another word of an output means
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Say whether this machine can run tracer and, if not, what is missing
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Print a script that completes commands, flags and words in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page of tracer or of a command, or write all of them
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct GlobalArgs {
    /// Text for people, or one JSON object a line [default: text]
    #[arg(long, global = true, value_name = "text|json", hide_possible_values = true, display_order = 100)]
    pub format: Option<Format>,
    /// Colour; auto: on a terminal, NO_COLOR not set
    #[arg(
        long,
        global = true,
        value_name = "auto|always|never",
        hide_possible_values = true,
        default_value = "auto",
        display_order = 101
    )]
    pub color: ColorWhen,
    /// Results only: no header, no progress, no closing words
    #[arg(short, long, global = true, display_order = 102)]
    pub quiet: bool,
    /// More detail
    #[arg(short, long, global = true, display_order = 103)]
    pub verbose: bool,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line.
    Json,
    /// One row an event: only to export.
    #[value(skip)]
    Csv,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Whether to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would print the docs as help")]
pub enum Switch {
    On,
    Off,
}

/// Which of the kernel side's own messages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would print the docs as help")]
pub enum KernelLog {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<KernelLog> for log::Level {
    fn from(level: KernelLog) -> Self {
        match level {
            KernelLog::Error => Self::Error,
            KernelLog::Warn => Self::Warn,
            KernelLog::Info => Self::Info,
            KernelLog::Debug => Self::Debug,
            KernelLog::Trace => Self::Trace,
        }
    }
}
