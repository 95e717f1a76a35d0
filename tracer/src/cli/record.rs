//! `tracer record`.

use std::path::PathBuf;

use clap::Args;

use super::{FilterArgs, PrivilegeArgs, ResourceArgs, SegmentArgs};

/// Flags of `tracer record`.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// Where it goes, and how long.
    #[command(flatten)]
    pub extent: ExtentArgs,
    /// How it is cut into segments.
    #[command(flatten)]
    pub segments: SegmentArgs,
    /// Which connections.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What it may cost.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// What it keeps of its privilege.
    #[command(flatten)]
    pub privilege: PrivilegeArgs,
}

/// Where a recording goes, and how long.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recording")]
pub struct ExtentArgs {
    /// A new file, or a directory for segments
    #[arg(short, long, value_name = "PATH")]
    pub write: PathBuf,
    /// Stop after a time: 30s, 5m, 1h30m
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
    /// Stop after N recorded changes
    #[arg(short, long, value_name = "N")]
    pub count: Option<String>,
}
