//! Flags that read and write recordings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What to read instead of listening to the kernel.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recordings")]
pub struct ReadArgs {
    /// Read files, directories of segments, - (stdin)
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    pub read: Vec<PathBuf>,
    /// Nothing before this; WHEN is described below
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Nothing after this
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Wait for what is still being written
    #[arg(long)]
    pub follow: bool,
}

/// Where to write what is shown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recordings")]
pub struct WriteArgs {
    /// Also record the stream: a new file, or a directory
    #[arg(short, long, value_name = "PATH")]
    pub write: Option<PathBuf>,
}

/// When segments end and how many are kept. Values stay as typed here.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recording")]
pub struct SegmentArgs {
    /// A segment ends when it is so large [default: 64M]
    #[arg(long, value_name = "SIZE")]
    pub rotate_size: Option<String>,
    /// A segment ends when it is so old: 10m, 1h
    #[arg(long, value_name = "TIME")]
    pub rotate_time: Option<String>,
    /// Remove the oldest segments when all are larger: 2G
    #[arg(long, value_name = "SIZE")]
    pub keep_size: Option<String>,
    /// Remove segments when they are older: 12h, 7d
    #[arg(long, value_name = "TIME")]
    pub keep_time: Option<String>,
    /// When it is forced to the disk (fsync)
    #[arg(long, value_name = "never|segment|frame", hide_possible_values = true, default_value = "segment")]
    pub sync: Sync,
}

/// When data is forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would print the docs as help")]
pub enum Sync {
    Never,
    Segment,
    Frame,
}
