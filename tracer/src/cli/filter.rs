//! The filter flags: the same words in every command.

use clap::Args;

use super::suggest::{Suggest, roles};

/// Which connections. Values stay as typed here.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filter (any of a flag's values, all of the flags; a leading ! excludes)")]
pub struct FilterArgs {
    /// Port of either end: 443, 8000-8100, https, !22
    #[arg(long, value_name = "PORT,...")]
    pub port: Vec<String>,
    /// Port of this host's end
    #[arg(long, value_name = "PORT,...")]
    pub local_port: Vec<String>,
    /// Port of the other end
    #[arg(long, value_name = "PORT,...")]
    pub remote_port: Vec<String>,
    /// Address of either end: 10.0.0.0/8, 2001:db8::1
    #[arg(long, value_name = "CIDR,...")]
    pub addr: Vec<String>,
    /// Address of this host's end
    #[arg(long, value_name = "CIDR,...")]
    pub local: Vec<String>,
    /// Address of the other end
    #[arg(long, value_name = "CIDR,...")]
    pub remote: Vec<String>,
    /// Process that owns the connection or listens for it
    #[arg(long, value_name = "PID,...")]
    pub pid: Vec<String>,
    /// The same by name; the kernel keeps 15 bytes of it
    #[arg(long, value_name = "NAME,...")]
    pub comm: Vec<String>,
    /// Network namespace: name, inode number, pid:PID, path, self
    #[arg(long, value_name = "NETNS,...")]
    pub netns: Vec<String>,
    /// Cgroup (v2) and those below it: path or number
    #[arg(long, value_name = "CGROUP,...")]
    pub cgroup: Vec<String>,
    /// Network interface
    #[arg(long, value_name = "NAME,...")]
    pub dev: Vec<String>,
    /// Which end this host is: client, or server (with listeners)
    #[arg(long, value_name = "ROLE,...", value_parser = Suggest(roles), hide_possible_values = true)]
    pub role: Vec<String>,
    /// Leave out 127.0.0.0/8 and ::1
    #[arg(long)]
    pub no_loopback: bool,
    /// IPv4 only, also where it is mapped into IPv6
    #[arg(short = '4', long)]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub ipv6: bool,
}
