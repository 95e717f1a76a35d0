//! `tracer export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FilterArgs, Format, stream::TABLE_SIZE};

/// Flags of `tracer export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// What is exported, and to what.
    #[command(flatten)]
    pub export: ExportedArgs,
    /// Which connections.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// What is exported, and to what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Export")]
pub struct ExportedArgs {
    /// Read files, directories of segments, - (stdin)
    #[arg(short, long, value_name = "PATH", num_args = 1.., required = true)]
    pub read: Vec<PathBuf>,
    /// Nothing before this; WHEN is described below
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Nothing after this
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// One JSON object a line, or a table
    #[arg(long, value_name = "ndjson|csv", hide_possible_values = true, default_value = "ndjson")]
    pub to: ExportFormat,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Sockets remembered (212 bytes each); the oldest go
    #[arg(long, value_name = "N", default_value = TABLE_SIZE)]
    pub table_size: String,
    /// Takes the place of the global flag, which chooses between other formats.
    #[arg(long, hide = true, value_name = "text|json")]
    pub format: Option<Format>,
}

/// To what a recording is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would print the docs as help")]
pub enum ExportFormat {
    Ndjson,
    Csv,
}
