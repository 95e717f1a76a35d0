//! Network interfaces of our own namespace: from the name to the index.

use std::fs;

use rustix::net::{AddressFamily, SocketType, netdevice::name_to_index, socket};

use super::{Problem, words::nearest};

/// The index of an interface.
pub(super) fn interface(name: &str) -> Result<u32, Problem> {
    let unknown = || Problem::NoInterface { nearest: nearest_name(name) };
    let socket = socket(AddressFamily::UNIX, SocketType::DGRAM, None).map_err(|_| unknown())?;
    name_to_index(socket, name).map_err(|_| unknown())
}

/// In a recording: an index.
pub(super) fn recorded(text: &str) -> Result<u32, Problem> {
    text.parse().ok().filter(|index| *index > 0).ok_or(Problem::ForeignInterface)
}

fn nearest_name(name: &str) -> Option<String> {
    // Two lines of headings, then `name: counters`.
    let table = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = table.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim()));
    nearest(name, names)
}
