//! In which order sockets are listed.

use std::{cmp::Reverse, net::IpAddr};

use crate::{
    event::{Comm, Endpoint},
    figures::{Listed, SocketOrder},
    socket::Socket,
};

/// Sorts; those that are alike keep the kernel's order.
pub fn sort(listed: &mut [Listed], order: SocketOrder) {
    match order {
        SocketOrder::None => {}
        SocketOrder::RecvQ => listed.sort_by_key(|it| Reverse(it.socket.recv_q)),
        SocketOrder::SendQ => listed.sort_by_key(|it| Reverse(it.socket.send_q)),
        SocketOrder::State => listed.sort_by_key(|it| (it.socket.protocol, it.socket.state)),
        SocketOrder::Local => listed.sort_by_key(|it| place(&it.socket.local)),
        SocketOrder::Remote => listed.sort_by_key(|it| (it.socket.remote.is_nowhere(), place(&it.socket.remote))),
        SocketOrder::Rtt => listed.sort_by_key(|it| Reverse(it.socket.tcp.and_then(|tcp| tcp.rtt_ns))),
        SocketOrder::Retransmits => listed.sort_by_key(|it| Reverse(it.socket.tcp.map(|tcp| tcp.retransmits))),
        SocketOrder::Process => listed.sort_by_key(|it| holder(&it.socket)),
        SocketOrder::Timer => listed.sort_by_key(|it| due(&it.socket)),
    }
}

fn place(end: &Endpoint) -> (IpAddr, Option<u16>) {
    (end.canonical(), end.port)
}

/// What nobody holds, or nobody that can be seen, comes last.
fn holder(socket: &Socket) -> (bool, Option<(Comm, u32)>) {
    let first = socket.descriptors().first().map(|owner| (owner.comm, owner.pid));
    (first.is_none(), first)
}

fn due(socket: &Socket) -> (bool, u64) {
    socket.timer.map_or((true, 0), |timer| (false, timer.remaining_ns))
}
