//! `tracer list`.

use std::path::PathBuf;

use clap::{
    ArgAction, Args, ValueEnum as _,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use super::{
    FilterArgs, Format,
    suggest::{Suggest, all_states, families, orders, socket_groups},
};

/// Flags of `tracer list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Which kinds of sockets.
    #[command(flatten)]
    pub select: SelectArgs,
    /// What is shown of them.
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// Which of them.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// In which order, how often, and where to.
    #[command(flatten)]
    pub output: ListOutputArgs,
}

/// Which kinds of sockets, in the words of netstat, ss and lsof.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sockets (without these: TCP and UDP in every state, and who holds them)")]
pub struct SelectArgs {
    /// TCP; without -a or -l what does not listen
    #[arg(short, long)]
    pub tcp: bool,
    /// UDP; without -a or -l what is connected
    #[arg(short, long)]
    pub udp: bool,
    /// Only what listens; of UDP what is not connected
    #[arg(short, long)]
    pub listening: bool,
    /// What listens and what does not
    #[arg(short, long)]
    pub all: bool,
    /// As in lsof, with -a and -p: :443, tcp@10.0.0.1:80-90
    #[arg(short, long, value_name = "SPEC", num_args = 0..=1, default_missing_value = "")]
    pub internet: Vec<String>,
    /// inet or inet6: the same as -4 or -6
    #[arg(short, long, value_name = "FAMILY", value_parser = Suggest(families), hide_possible_values = true)]
    pub family: Vec<String>,
    /// In these states, with -a or without: close-wait, FIN_WAIT1, !time-wait
    #[arg(long, value_name = "STATE,...", value_parser = Suggest(all_states), hide_possible_values = true)]
    pub state: Vec<String>,
}

/// What is shown of each socket beside its ends, queues and state.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Columns")]
pub struct ColumnArgs {
    /// Who holds it
    #[arg(short, long, alias = "programs")]
    pub processes: bool,
    /// User, inode, round trip, retransmissions, container; with -p descriptors
    #[arg(short, long, alias = "extend", action = ArgAction::Count)]
    pub extended: u8,
    /// Its timer, and when it is due
    #[arg(short = 'o', long, alias = "options")]
    pub timers: bool,
    /// Classes of its ports: system, registered, dynamic (RFC 6335)
    #[arg(long)]
    pub port_class: bool,
}

/// In which order, how often, and where to.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct ListOutputArgs {
    /// Order; the words are below
    #[arg(
        long,
        value_name = "BY",
        default_value = "none",
        value_parser = Suggest(orders),
        hide_possible_values = true,
        display_order = 40
    )]
    pub sort: String,
    /// A line for each state, process, peer, service or container
    #[arg(
        long,
        value_name = "WHAT",
        value_parser = Suggest(socket_groups),
        hide_possible_values = true,
        display_order = 41
    )]
    pub group_by: Option<String>,
    /// Again every so many seconds; on a terminal in place
    #[arg(long, value_name = "SECONDS", display_order = 42)]
    pub watch: Option<String>,
    /// Stop watching after a time: 30s, 5m, 1h30m
    #[arg(long, value_name = "TIME", display_order = 43, requires = "watch")]
    pub duration: Option<String>,
    /// Numbers instead of service names
    #[arg(short, long, display_order = 50)]
    pub numeric: bool,
    /// The same, as in lsof -nP
    #[arg(short = 'P', display_order = 50)]
    pub port_numbers: bool,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "PATH", display_order = 51)]
    pub output: Option<PathBuf>,
    /// Takes the place of the global flag, which knows no CSV.
    #[arg(
        long,
        value_name = "text|json|csv",
        value_parser = format(),
        hide_possible_values = true,
        display_order = 100,
        help = "Text for people, one JSON object a line, or a table [default: text]"
    )]
    pub format: Option<Format>,
}

fn format() -> impl clap::builder::IntoResettable<clap::builder::ValueParser> {
    clap::builder::ValueParser::from(PossibleValuesParser::new(["text", "json", "csv"]).map(|word| match &*word {
        "csv" => Format::Csv,
        word => Format::from_str(word, false).unwrap_or(Format::Text),
    }))
}
