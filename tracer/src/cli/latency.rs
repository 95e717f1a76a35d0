//! `tracer latency`.

use clap::Args;

use super::{
    FilterArgs, OutputArgs, PrivilegeArgs,
    suggest::{Suggest, keys},
};

/// Flags of `tracer latency`.
#[derive(Args, Clone, Debug)]
pub struct LatencyArgs {
    /// What is measured.
    #[command(flatten)]
    pub measure: MeasureArgs,
    /// Whose handshakes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Where results go, and how long.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What it keeps of its privilege.
    #[command(flatten)]
    pub privilege: PrivilegeArgs,
}

/// What is measured.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Figures")]
pub struct MeasureArgs {
    /// A line for each port, peer, prefix or cgroup
    #[arg(
        long,
        alias = "group-by",
        value_name = "WHAT",
        default_value = "port",
        value_parser = Suggest(keys),
        hide_possible_values = true
    )]
    pub by: String,
    /// Figures so often (1s, 10s, 1m), each since the ones before
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub interval: String,
    /// Stop after N intervals
    #[arg(short, long, value_name = "N")]
    pub count: Option<String>,
    /// Lines of text at most; the rest is summed up in one more
    #[arg(long, value_name = "N", default_value = "20")]
    pub top: String,
    /// Groups kept apart; the rest is "other" [default: 1024 on up to 32 CPUs]
    #[arg(long, value_name = "N")]
    pub max_groups: Option<String>,
}
