//! What can be asked of a connection.

use std::{ops::RangeInclusive, sync::Arc};

use tracer_common::latency::{ROLE_CLIENT, ROLE_SERVER};

use super::{
    list::{EndLists, List},
    prefix::Prefix,
};
use crate::event::{Comm, Family};

/// Ports from the first to the last.
pub type PortRange = RangeInclusive<u16>;

/// A cgroup that was asked for. A socket in a descendant belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCgroup {
    /// Its identifier: the inode number of its directory, which is never 0; 0 if only its path is known.
    pub id: u64,
    /// Its path from the root of the v2 hierarchy, if it was given by path.
    pub path: Option<Arc<str>>,
}

/// What `--role` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedRole {
    /// Connections this host opened.
    Client,
    /// Connections this host accepted, and the listening sockets they came through.
    Server,
}

/// Which ends of connections are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Those that this host opened.
    pub client: bool,
    /// Those that this host accepted.
    pub server: bool,
}

impl Roles {
    /// As the kernel side takes it.
    #[must_use]
    pub fn wire(self) -> u32 {
        let of = |wanted, role: u8| if wanted { u32::from(role) } else { 0 };
        of(self.client, ROLE_CLIENT) + of(self.server, ROLE_SERVER)
    }
}

/// All questions of a filter. Each that asks nothing is passed by every connection; the others must all be passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// `--port`, `--local-port`, `--remote-port`.
    pub ports: EndLists<PortRange>,
    /// `--addr`, `--local`, `--remote`.
    pub addrs: EndLists<Prefix>,
    /// `--no-loopback`.
    pub no_loopback: bool,
    /// `-4` or `-6`. IPv4 mapped into IPv6 is IPv4.
    pub family: Option<Family>,
    /// `--netns`, by inode number.
    pub netns: List<u32>,
    /// `--cgroup`.
    pub cgroups: List<WantedCgroup>,
    /// `--dev`, by interface index.
    pub devices: List<u32>,
    /// `--pid`.
    pub pids: List<u32>,
    /// `--comm`.
    pub comms: List<Comm>,
    /// `--role`.
    pub roles: List<WantedRole>,
    /// The flags as typed, one string a flag: `--port 443`.
    pub typed: Vec<String>,
}
