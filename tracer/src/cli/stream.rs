//! Flags of every command that shows a stream.

use std::path::PathBuf;

use clap::Args;

use super::{FilterArgs, KernelLog, ReadArgs, Switch, WriteArgs};

/// Sockets remembered at most, unless another number is asked for.
pub(super) const TABLE_SIZE: &str = "1000000";

/// What to listen to or to read, and where the answer goes.
#[derive(Args, Clone, Debug)]
pub struct StreamArgs {
    /// Which connections.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What to read instead of listening.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Where to record it.
    #[command(flatten)]
    pub write: WriteArgs,
    /// Where results go, and how long.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What it may cost.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// What it keeps of its privilege.
    #[command(flatten)]
    pub privilege: PrivilegeArgs,
}

/// Where results go, and how long.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Numbers instead of service names
    #[arg(short, long, display_order = 50)]
    pub numeric: bool,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH", display_order = 51)]
    pub output: Option<PathBuf>,
    /// Stop after a time: 30s, 5m, 1h30m
    #[arg(long, value_name = "TIME", display_order = 52)]
    pub duration: Option<String>,
}

/// What it may cost. What a replay has no use for is `None` if it was not given; its default is in [`crate::config`].
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Resources")]
pub struct ResourceArgs {
    /// Ring buffers, all CPUs together: 4M, 64KiB [default: 16M]
    #[arg(long, value_name = "SIZE")]
    pub ring_size: Option<String>,
    /// Sockets remembered (212 bytes each); the oldest go
    #[arg(long, value_name = "N", default_value = TABLE_SIZE)]
    pub table_size: String,
    /// Follow TIME_WAIT, by the timers of its sockets [default: on]
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub time_wait: Option<Switch>,
    /// Show the kernel side's messages: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", hide_possible_values = true)]
    pub kernel_log: Option<KernelLog>,
}

/// What it keeps of its privilege.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Privilege (given up as soon as everything is open)")]
pub struct PrivilegeArgs {
    /// Go on as this user, by name or number
    #[arg(long, value_name = "USER", value_hint = clap::ValueHint::Username, conflicts_with = "no_sandbox")]
    pub user: Option<String>,
    /// Keep capabilities, files and system calls
    #[arg(long)]
    pub no_sandbox: bool,
}
