//! `tracer watch`.

use clap::Args;

use super::{
    StreamArgs,
    suggest::{Suggest, states},
};

/// Flags of `tracer watch`.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// What to listen to.
    #[command(flatten)]
    pub stream: StreamArgs,
    /// What is printed of it.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// What is printed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct ShowArgs {
    /// Print only changes from or to a state: syn-sent, !close
    #[arg(
        long,
        value_name = "STATE,...",
        value_parser = Suggest(states),
        hide_possible_values = true,
        display_order = 40
    )]
    pub state: Vec<String>,
    /// Stop after N printed changes
    #[arg(short, long, value_name = "N", display_order = 41)]
    pub count: Option<String>,
}
