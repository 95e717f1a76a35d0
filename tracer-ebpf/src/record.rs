//! What an event says of its socket.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::wire::{
    ABSENT, EventRecord, FLAG_CGROUP, FLAG_DEFER_ACCEPT, FLAG_FAST_OPEN_KNOWN, FLAG_FIN_RECEIVED, FLAG_OWNED,
    FLAG_SENT, FLAG_SOCKET, FLAG_SYN_DATA, FLAG_SYN_DEFERRED, FLAG_UNACKED,
};

use crate::{
    config::offset,
    filter::{Ends, Place, addresses, cgroup_id},
    kernel::{KernelPtr, Sock, bit, current_leader, load, load_be16, load_or},
};

/// `enum tcp_…` in include/net/tcp_states.h.
pub mod state {
    pub const ESTABLISHED: u8 = 1;
    pub const SYN_SENT: u8 = 2;
    pub const SYN_RECV: u8 = 3;
    pub const CLOSE: u8 = 7;
    pub const LISTEN: u8 = 10;
}

/// Bit 1 of `sk_flags` (`enum sock_flags`, include/net/sock.h).
const SOCK_DONE: u8 = 1 << 1;

/// One event of a full socket, as far as it is known before it is recorded.
pub struct Event {
    pub sk: Sock,
    /// The socket as `struct tcp_sock`; null where nothing of interest is there yet.
    pub tcp: KernelPtr,
    pub ends: Ends,
    pub kind: u8,
    pub old: u8,
    pub new: u8,
    pub reason: u8,
    pub flags: u32,
}

/// Reads both ends of a full socket.
#[inline(always)]
pub fn ends(sk: Sock, tcp: KernelPtr, old: u8, new: u8) -> Ends {
    let family = load::<u16>(sk.ptr(), offset!(sk_family)) as u8;
    let (local_addr, remote_addr) = addresses(sk, family);
    let remote_port = load_be16(sk.ptr(), offset!(sk_dport));
    let mut local_port: u16 = load(sk.ptr(), offset!(sk_num));
    if local_port == 0 && !tcp.is_null() {
        // →CLOSE has cleared skc_num; inet_sport stays.
        local_port = load_be16(tcp, offset!(inet_sport));
    }
    // Before 6.15 the new socket is still a clone of the listener here (inet_csk_clone_lock).
    let remote_unknown = old == state::LISTEN && new == state::SYN_RECV && remote_port == 0;
    Ends { family, local_addr, remote_addr, local_port, remote_port, remote_unknown }
}

/// What is known of Fast Open when a connection becomes ESTABLISHED.
#[inline(always)]
fn fast_open(tcp: KernelPtr) -> u32 {
    if tcp.is_null() || offset!(tcp_syn_data_acked_bit) == ABSENT {
        return 0;
    }
    let mut flags = FLAG_FAST_OPEN_KNOWN;
    let syn_data = bit(tcp, offset!(tcp_syn_data_bit));
    if syn_data || bit(tcp, offset!(tcp_syn_data_acked_bit)) {
        flags |= FLAG_SYN_DATA;
    }
    if bit(tcp, offset!(tcp_fastopen_connect_bit)) && (syn_data || bit(tcp, offset!(tcp_syn_fastopen_bit))) {
        flags |= FLAG_SYN_DEFERRED;
    }
    flags
}

/// Writes every word of the record; a struct literal would become a byte loop or a copy.
#[inline(always)]
pub fn record(event: &Event, slot: *mut EventRecord) {
    let Event { sk, tcp, ends, .. } = event;
    let (leader, pid) = if event.flags & FLAG_OWNED != 0 { current_leader() } else { (core::ptr::null(), 0) };
    let comm = offset!(task_comm);
    let cgroup = cgroup_id(*sk);
    let mut flags = event.flags | FLAG_SOCKET;
    if cgroup != 0 {
        flags |= FLAG_CGROUP;
    }
    if load::<u8>(sk.ptr(), offset!(sk_flags)) & SOCK_DONE != 0 {
        flags |= FLAG_FIN_RECEIVED;
    }
    // A listener's cookie is not that of the connection.
    let has_cookie = !ends.remote_unknown && (event.old != state::LISTEN || event.old != event.new);
    let cookie = if has_cookie { sk.cookie() } else { 0 };
    if load_or::<u32>(*tcp, offset!(tcp_segs_out), 0) != 0 {
        flags |= FLAG_SENT;
    }
    if load_or::<u32>(*tcp, offset!(tcp_write_seq), 0) != load_or(*tcp, offset!(tcp_snd_una), 0) {
        flags |= FLAG_UNACKED;
    }
    match event.new {
        state::ESTABLISHED => flags |= fast_open(*tcp),
        state::LISTEN if load_or::<u8>(*tcp, offset!(icsk_defer_accept), 0) != 0 => flags |= FLAG_DEFER_ACCEPT,
        _ => {}
    }
    // SAFETY: `slot` is a whole record, in a ring or of this CPU and program; raw writes, as it is not initialised.
    unsafe {
        (*slot).time_ns = bpf_ktime_get_ns();
        (*slot).cookie = cookie;
        (*slot).sock = sk.address();
        (*slot).cgroup_id = cgroup;
        (*slot).bytes_acked = load_or(*tcp, offset!(tcp_bytes_acked), 0);
        (*slot).bytes_received = load_or(*tcp, offset!(tcp_bytes_received), 0);
        (*slot).local_addr = ends.local_addr;
        (*slot).remote_addr = ends.remote_addr;
        (*slot).netns = sk.netns();
        (*slot).uid = load_or(sk.ptr(), offset!(sk_uid), 0);
        (*slot).pid = pid;
        (*slot).srtt_us8 = load_or(*tcp, offset!(tcp_srtt_us), 0);
        (*slot).total_retrans = load_or(*tcp, offset!(tcp_total_retrans), 0);
        (*slot).ifindex = sk.ifindex();
        (*slot).local_port = ends.local_port;
        (*slot).remote_port = ends.remote_port;
        (*slot).error = load_or::<u32>(sk.ptr(), offset!(sk_err), 0) as u16;
        (*slot).family = ends.family;
        (*slot).old_state = event.old;
        (*slot).new_state = event.new;
        (*slot).shutdown = load_or(sk.ptr(), offset!(sk_shutdown), 0);
        (*slot).reason = event.reason;
        (*slot).kind = event.kind;
        (*slot).flags = flags;
        (*slot).comm = [load_or(leader, comm, 0), load_or(leader, comm.wrapping_add(8), 0)];
    }
}
