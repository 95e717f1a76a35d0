//! `tracer summary`.

use clap::Args;

use super::{
    StreamArgs,
    suggest::{Suggest, figures, groups},
};

/// Flags of `tracer summary`.
#[derive(Args, Clone, Debug)]
pub struct SummaryArgs {
    /// What is figured out.
    #[command(flatten)]
    pub report: ReportArgs,
    /// What to listen to.
    #[command(flatten)]
    pub stream: StreamArgs,
}

/// What is figured out.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Figures")]
pub struct ReportArgs {
    /// A line for each service, peer, process or container
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "service",
        value_parser = Suggest(groups),
        hide_possible_values = true
    )]
    pub group_by: String,
    /// Order of the lines; the words are below
    #[arg(
        long,
        value_name = "BY",
        default_value = "connections",
        value_parser = Suggest(figures),
        hide_possible_values = true
    )]
    pub sort: String,
    /// Lines at most; the rest is summed up in one more
    #[arg(long, value_name = "N", default_value = "20")]
    pub top: String,
    /// Also a summary every 1s, 10s, 1m: of what happened since the one before
    #[arg(long, value_name = "TIME")]
    pub interval: Option<String>,
}
