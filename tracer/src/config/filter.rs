//! From the filter flags to a filter.

use super::{ConfigError, Problem, address, cgroup, interface, items, netns, port, words};
use crate::{
    cli::FilterArgs,
    event::{Comm, Family},
    filter::{Criteria, EndLists, Filter, List, PortRange, Prefix, WantedCgroup},
    services::Services,
};

/// From a name to what it stands for.
type Lookup<T> = fn(&str) -> Result<T, Problem>;

/// The longest process name the kernel keeps (`TASK_COMM_LEN` less the NUL).
const COMM_LEN: usize = 15;

/// Whose names are in the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// This host's, which resolves them.
    Ours,
    /// A recording's, which was made elsewhere or at another time.
    Recorded,
}

/// Checks the flags and resolves the names in them.
pub(super) fn filter(args: &FilterArgs, names: Names, services: &Services) -> Result<Filter, ConfigError> {
    let family = family(args)?;
    let (netns, cgroup, interface): (Lookup<u32>, Lookup<WantedCgroup>, Lookup<u32>) = match names {
        Names::Ours => (netns::netns, cgroup::cgroup, interface::interface),
        Names::Recorded => (netns::recorded, cgroup::recorded, interface::recorded),
    };
    let criteria = Criteria {
        ports: ports(args, services)?,
        addrs: addresses(args, family)?,
        no_loopback: args.no_loopback,
        family,
        netns: items::parse("--netns", &args.netns, netns)?,
        cgroups: items::parse("--cgroup", &args.cgroup, cgroup)?,
        devices: items::parse("--dev", &args.dev, interface)?,
        pids: items::parse("--pid", &args.pid, pid)?,
        comms: items::parse("--comm", &args.comm, |name| Ok(comm(name)))?,
        roles: items::parse("--role", &args.role, words::role)?,
        typed: typed(args),
    };
    Ok(Filter::new(criteria)?)
}

fn family(args: &FilterArgs) -> Result<Option<Family>, ConfigError> {
    match (args.ipv4, args.ipv6) {
        (true, true) => Err(ConfigError::BothFamilies),
        (true, false) => Ok(Some(Family::Ipv4)),
        (false, true) => Ok(Some(Family::Ipv6)),
        (false, false) => Ok(None),
    }
}

fn ports(args: &FilterArgs, services: &Services) -> Result<EndLists<PortRange>, ConfigError> {
    let list = |flag, values: &[String]| items::parse(flag, values, |text| port::port(text, services));
    Ok(EndLists {
        either: list("--port", &args.port)?,
        local: list("--local-port", &args.local_port)?,
        remote: list("--remote-port", &args.remote_port)?,
    })
}

fn addresses(args: &FilterArgs, family: Option<Family>) -> Result<EndLists<Prefix>, ConfigError> {
    let list = |flag, values: &[String]| -> Result<List<Prefix>, ConfigError> {
        items::parse(flag, values, |text| {
            let prefix = address::prefix(text)?;
            match (family, prefix.is_ipv4()) {
                (Some(Family::Ipv6), true) => Err(Problem::OtherFamily { flag: "-6", family: "IPv4" }),
                (Some(Family::Ipv4), false) => Err(Problem::OtherFamily { flag: "-4", family: "IPv6" }),
                _ => Ok(prefix),
            }
        })
    };
    Ok(EndLists {
        either: list("--addr", &args.addr)?,
        local: list("--local", &args.local)?,
        remote: list("--remote", &args.remote)?,
    })
}

fn pid(text: &str) -> Result<u32, Problem> {
    // PID_MAX_LIMIT (include/linux/threads.h).
    text.parse().ok().filter(|pid| (1..=4_194_304).contains(pid)).ok_or(Problem::NotAPid)
}

/// The name as the kernel keeps it, so that a longer one that was typed is found.
fn comm(name: &str) -> Comm {
    let mut comm = [0; 16];
    let len = name.len().min(COMM_LEN);
    comm[..len].copy_from_slice(&name.as_bytes()[..len]);
    Comm(comm)
}

/// Every filter flag that was given, in the order of the help text.
fn typed(args: &FilterArgs) -> Vec<String> {
    let lists = [
        ("--port", &args.port),
        ("--local-port", &args.local_port),
        ("--remote-port", &args.remote_port),
        ("--addr", &args.addr),
        ("--local", &args.local),
        ("--remote", &args.remote),
        ("--pid", &args.pid),
        ("--comm", &args.comm),
        ("--netns", &args.netns),
        ("--cgroup", &args.cgroup),
        ("--dev", &args.dev),
        ("--role", &args.role),
    ];
    let switches = [("--no-loopback", args.no_loopback), ("-4", args.ipv4), ("-6", args.ipv6)];
    let lists = lists.into_iter().filter_map(|(flag, values)| items::typed(flag, values));
    let switches = switches.into_iter().filter(|(_, given)| *given);
    lists.chain(switches.map(|(flag, _)| flag.to_owned())).collect()
}
