//! Interfaces by name.

use std::sync::Arc;

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice::index_to_name, socket_with};

use crate::{hashing::HashMap, socket::Socket};

/// Gives each socket that is bound to an interface its name; they are of the namespace that this thread is in.
pub(super) fn name(sockets: &mut [Socket]) {
    let mut names: HashMap<u32, Option<Arc<str>>> = HashMap::default();
    for socket in sockets {
        let Some(index) = socket.ifindex else { continue };
        socket.interface = names.entry(index).or_insert_with(|| interface(index)).clone();
    }
}

fn interface(index: u32) -> Option<Arc<str>> {
    let any = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    index_to_name(any, index).ok().map(Arc::from)
}
