//! What was asked for.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::{
    event::{Comm, Family},
    filter::{Criteria, EndLists, List, PortRange, Prefix, WantedCgroup, WantedRole},
    recording::RecordError,
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CriteriaFact {
    ports: Ends<(u16, u16)>,
    /// An address, IPv4 mapped into IPv6, and how many of its 128 bits count.
    addrs: Ends<(Ipv6Addr, u8)>,
    no_loopback: bool,
    family: Option<u8>,
    netns: Items<u32>,
    cgroups: Items<(u64, Option<String>)>,
    devices: Items<u32>,
    pids: Items<u32>,
    comms: Items<[u8; 16]>,
    roles: Items<String>,
    typed: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Items<T> {
    include: Vec<T>,
    exclude: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Ends<T> {
    either: Items<T>,
    local: Items<T>,
    remote: Items<T>,
}

impl<T> Default for Ends<T> {
    fn default() -> Self {
        Self { either: Items::default(), local: Items::default(), remote: Items::default() }
    }
}

impl<T> Items<T> {
    fn of<D>(list: &List<D>, item: impl Fn(&D) -> T) -> Self {
        Self { include: list.include.iter().map(&item).collect(), exclude: list.exclude.iter().map(&item).collect() }
    }

    fn list<D>(&self, item: impl Fn(&T) -> Option<D>) -> Result<List<D>, RecordError> {
        let all = |items: &[T]| items.iter().map(&item).collect::<Option<Vec<_>>>().ok_or(RecordError::Value);
        Ok(List { include: all(&self.include)?, exclude: all(&self.exclude)? })
    }
}

impl<T> Ends<T> {
    fn of<D>(lists: &EndLists<D>, item: impl Fn(&D) -> T) -> Self {
        Self {
            either: Items::of(&lists.either, &item),
            local: Items::of(&lists.local, &item),
            remote: Items::of(&lists.remote, &item),
        }
    }

    fn lists<D>(&self, item: impl Fn(&T) -> Option<D>) -> Result<EndLists<D>, RecordError> {
        Ok(EndLists {
            either: self.either.list(&item)?,
            local: self.local.list(&item)?,
            remote: self.remote.list(&item)?,
        })
    }
}

const CLIENT: &str = "client";
const SERVER: &str = "server";

impl CriteriaFact {
    pub(super) fn of(criteria: &Criteria) -> Self {
        let role = |role: &WantedRole| if *role == WantedRole::Client { CLIENT } else { SERVER }.to_owned();
        Self {
            ports: Ends::of(&criteria.ports, |range| (*range.start(), *range.end())),
            addrs: Ends::of(&criteria.addrs, |prefix| (prefix.network(), prefix.len_v6())),
            no_loopback: criteria.no_loopback,
            family: criteria.family.map(|family| if family == Family::Ipv4 { 4 } else { 6 }),
            netns: Items::of(&criteria.netns, |netns| *netns),
            cgroups: Items::of(&criteria.cgroups, |it| (it.id, it.path.as_deref().map(str::to_owned))),
            devices: Items::of(&criteria.devices, |device| *device),
            pids: Items::of(&criteria.pids, |pid| *pid),
            comms: Items::of(&criteria.comms, |comm| comm.0),
            roles: Items::of(&criteria.roles, role),
            typed: criteria.typed.clone(),
        }
    }

    pub(super) fn criteria(&self) -> Result<Criteria, RecordError> {
        let role = |word: &String| match word.as_str() {
            CLIENT => Some(WantedRole::Client),
            SERVER => Some(WantedRole::Server),
            _ => None,
        };
        let family = match self.family {
            None => None,
            Some(4) => Some(Family::Ipv4),
            Some(6) => Some(Family::Ipv6),
            Some(_) => return Err(RecordError::Value),
        };
        let cgroup =
            |(id, path): &(u64, Option<String>)| WantedCgroup { id: *id, path: path.as_deref().map(Into::into) };
        Ok(Criteria {
            ports: self.ports.lists(|(from, to)| (from <= to).then_some(PortRange::new(*from, *to)))?,
            addrs: self.addrs.lists(|(addr, len)| Prefix::new((*addr).into(), *len))?,
            no_loopback: self.no_loopback,
            family,
            netns: self.netns.list(|netns| Some(*netns))?,
            cgroups: self.cgroups.list(|it| Some(cgroup(it)))?,
            devices: self.devices.list(|device| Some(*device))?,
            pids: self.pids.list(|pid| Some(*pid))?,
            comms: self.comms.list(|comm| Some(Comm(*comm)))?,
            roles: self.roles.list(role)?,
            typed: self.typed.clone(),
        })
    }
}
