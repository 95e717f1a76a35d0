//! The structs that cross the border between kernel and user space.
//!
//! Everything is `repr(C)`, little endian, without implicit padding; the assertions at the end of this file hold both
//! compilers to it. Addresses are in network byte order, all else in host byte order.

use crate::filter::{CGROUP_DEPTH, FilterConfig};

/// Version of the layouts in this file. A reader that meets another version refuses.
pub const WIRE_VERSION: u32 = 1;

/// `kind` of a [`TransitionRecord`].
pub const KIND_TRANSITION: u8 = 1;

/// The socket lock was held by the current task (`sk_lock.owned`), so `pid` and `comm` operate on this very socket.
pub const FLAG_OWNED: u8 = 1 << 0;
/// The remote end was not filled in yet (LISTEN→SYN_RECV before Linux 6.15) and is zero here.
pub const FLAG_REMOTE_UNKNOWN: u8 = 1 << 1;
/// The kernel side kept this record until a later transition decided the filter; it arrives late, with its own time.
pub const FLAG_HELD: u8 = 1 << 2;
/// The second program caught this event: the first one was running on this CPU when a softirq interrupted it.
pub const FLAG_RECOVERED: u8 = 1 << 3;
/// The kernel side could not decide the filter; user space, which remembers the connection, must.
pub const FLAG_UNDECIDED: u8 = 1 << 4;
/// The cgroup identifier is valid.
pub const FLAG_CGROUP: u8 = 1 << 5;
/// The peer's FIN has arrived (`SOCK_DONE`, set by `tcp_fin`, net/ipv4/tcp_input.c).
pub const FLAG_FIN_RECEIVED: u8 = 1 << 6;
/// At least one segment went out (`segs_out`).
pub const FLAG_SENT: u8 = 1 << 7;

/// One TCP state transition as seen by `sock:inet_sock_set_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct TransitionRecord {
    /// `bpf_ktime_get_ns`: `CLOCK_MONOTONIC`, nanoseconds.
    pub time_ns: u64,
    /// Socket cookie, unique since boot; 0 where it cannot be trusted yet (LISTEN→SYN_RECV before Linux 6.15).
    pub cookie: u64,
    /// Address of the `struct sock`: the second key, reused by the kernel once the socket is gone.
    pub sock: u64,
    /// Identifier of the socket's cgroup (v2 hierarchy); valid with [`FLAG_CGROUP`].
    pub cgroup_id: u64,
    /// `tcp_sock.bytes_acked`: counts the SYN and the FIN as one byte each. 0 where the socket cannot have sent yet.
    pub bytes_acked: u64,
    /// `tcp_sock.bytes_received`: counts the FIN as one byte.
    pub bytes_received: u64,
    /// Local address; IPv4 as `::ffff:a.b.c.d`.
    pub local_addr: [u64; 2],
    /// Remote address; IPv4 as `::ffff:a.b.c.d`.
    pub remote_addr: [u64; 2],
    /// Inode number of the network namespace, as `ls -L /proc/PID/ns/net` shows it.
    pub netns: u32,
    /// `sk_uid`: who created the socket.
    pub uid: u32,
    /// Thread group (what user space calls pid) of the current task; 0 without [`FLAG_OWNED`].
    pub pid: u32,
    /// `tcp_sock.srtt_us`: smoothed round trip, microseconds times 8; 0 before the first sample.
    pub srtt_us8: u32,
    /// `tcp_sock.total_retrans`: segments retransmitted, SYNs included.
    pub total_retrans: u32,
    /// Interface the socket is bound to, or its route leaves by, or its last packet came from; 0 if none is known.
    pub ifindex: u32,
    /// Local port; 0 before the kernel has chosen one (CLOSE→SYN_SENT).
    pub local_port: u16,
    /// Remote port; 0 for listeners.
    pub remote_port: u16,
    /// `sk_err`: an errno, 0 if none.
    pub error: u16,
    /// `AF_INET` (2) or `AF_INET6` (10).
    pub family: u8,
    /// State left, the kernel's number (`include/net/tcp_states.h`).
    pub old_state: u8,
    /// State entered.
    pub new_state: u8,
    /// `sk_shutdown`: bit 0 receive, bit 1 send.
    pub shutdown: u8,
    /// `FLAG_…` bits.
    pub flags: u8,
    /// [`KIND_TRANSITION`].
    pub kind: u8,
    /// What was written and is not acknowledged, bytes; SYN and FIN count one each.
    pub unacked: u32,
    /// Name of the thread group's leader, NUL padded, any bytes; zero without [`FLAG_OWNED`].
    pub comm: [u64; 2],
}

/// One socket that exists when the trace starts, as `iter/tcp` shows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct SocketRecord {
    /// Socket cookie.
    pub cookie: u64,
    /// Inode of the socket's file, as in `/proc/PID/fd`; 0 if it has none.
    pub inode: u64,
    /// IPv6, or IPv4 as `::ffff:a.b.c.d`; network byte order.
    pub local_addr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Host byte order.
    pub local_port: u16,
    /// `AF_INET` (2) or `AF_INET6` (10).
    pub family: u8,
    /// The kernel's number of the state.
    pub state: u8,
}

/// What one of the two transition programs did on one CPU. Plain additions: a program never nests with itself on a CPU
/// (the kernel's recursion guard), and the two programs do not share a set.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ProgramCounters {
    /// Events this program handled: all it saw (first program), those the first one missed (second program).
    pub handled: u64,
    /// Of them: not TCP (MPTCP, SCTP, DCCP share the tracepoint).
    pub not_tcp: u64,
    /// Of them: old state equal to the new one.
    pub same_state: u64,
    /// Of them: excluded by the filter.
    pub filtered: u64,
    /// Of them: submitted to the ring buffer.
    pub submitted: u64,
    /// Of them: lost, because the ring buffer was full.
    pub reserve_failed: u64,
    /// Records put into the hold map; each is later counted again as released.
    pub held: u64,
    /// Records taken out of the hold map, then counted as submitted, filtered or `reserve_failed`.
    pub released: u64,
    /// TCP events by `old << 4 | new`, before any filter.
    pub matrix: [u64; 256],
}

/// An event that the first program took, so that the second one on the tracepoint can tell that it was not missed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Handoff {
    /// Address of the `struct sock`; 0 when the second program has taken note.
    pub sock: u64,
    /// `old << 32 | new`.
    pub states: u64,
}

/// Room for what a program cannot keep on its stack of 512 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Scratch {
    /// A record that is about to be held back.
    pub record: TransitionRecord,
    /// The socket's cgroup and its ancestors, by identifier; 0 beyond the root.
    pub ancestry: [u64; CGROUP_DEPTH],
}

/// All that the kernel side keeps per CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct CpuState {
    /// Index 0: the last event the first program took here that no socket owner raised; index 1: that one did.
    pub handoff: [Handoff; 2],
    /// Records submitted by each program since it last woke the reader.
    pub unannounced: [u64; 2],
    /// The first program's counters and the second's.
    pub programs: [ProgramCounters; 2],
    /// The first program's and the second's.
    pub scratch: [Scratch; 2],
}

/// How many notes of owned events there are for all CPUs together; a power of two.
pub const NOTES: u32 = 4096;

/// Offset of a field that this kernel does not have. The verifier removes the code that would read it.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Where the running kernel keeps the members that the programs read, in bytes from the start of the struct
        /// named in each line. Resolved from the kernel's BTF before loading, frozen into `.rodata`.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(
            feature = "user",
            derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
        )]
        pub struct Offsets { $($(#[$doc])* pub $name: u32,)* }

        impl Offsets {
            /// No field known.
            pub const ABSENT: Self = Self { $($name: ABSENT,)* };
        }
    };
}

offsets! {
    /// `sock.__sk_common.skc_family`, u16.
    sk_family,
    /// `sock.__sk_common.skc_num`, u16, host byte order.
    sk_num,
    /// `sock.__sk_common.skc_dport`, u16, network byte order.
    sk_dport,
    /// `sock.__sk_common.skc_daddr`, u32, network byte order.
    sk_daddr,
    /// `sock.__sk_common.skc_rcv_saddr`, u32, network byte order.
    sk_rcv_saddr,
    /// `sock.__sk_common.skc_v6_daddr`, 16 bytes; absent without `CONFIG_IPV6`.
    sk_v6_daddr,
    /// `sock.__sk_common.skc_v6_rcv_saddr`, 16 bytes; absent without `CONFIG_IPV6`.
    sk_v6_rcv_saddr,
    /// `sock.__sk_common.skc_cookie`, u64.
    sk_cookie,
    /// `sock.__sk_common.skc_bound_dev_if`, u32.
    sk_bound_dev_if,
    /// `sock.__sk_common.skc_net.net`, pointer; absent without `CONFIG_NET_NS`.
    sk_net,
    /// `sock.__sk_common.skc_state`, u8.
    sk_state,
    /// `sock.sk_socket`, pointer.
    sk_socket,
    /// `socket.file`, pointer.
    socket_file,
    /// `file.f_inode`, pointer.
    file_inode,
    /// `inode.i_ino`, u64.
    inode_ino,
    /// `sock.__sk_common.skc_flags`, u64 of which the lowest byte is read.
    sk_flags,
    /// `sock.sk_protocol`, u16.
    sk_protocol,
    /// `sock.sk_err`, u32.
    sk_err,
    /// `sock.sk_shutdown`, u8.
    sk_shutdown,
    /// `sock.sk_lock.owned`, u32.
    sk_lock_owned,
    /// `sock.sk_uid`, u32.
    sk_uid,
    /// `sock.sk_cgrp_data.cgroup`, pointer; absent before Linux 5.16.
    sk_cgroup,
    /// `sock.sk_dst_cache`, pointer.
    sk_dst_cache,
    /// `sock.sk_rx_dst_ifindex`, u32; absent before Linux 5.16.
    sk_rx_dst_ifindex,
    /// `dst_entry.dev`, pointer.
    dst_dev,
    /// `net_device.ifindex`, u32.
    dev_ifindex,
    /// `net.ns.inum`, u32.
    net_inum,
    /// `net.ipv4.ip_local_ports.range`: two u32 before Linux 6.8, then two u16.
    net_port_range,
    /// Width of each of the two numbers at `net_port_range`, in bytes: 4 or 2.
    net_port_range_width,
    /// `cgroup.kn`, pointer.
    cgroup_kn,
    /// `kernfs_node.id`, u64.
    kn_id,
    /// `kernfs_node.__parent` (`parent` before Linux 6.15), pointer.
    kn_parent,
    /// `inet_sock.inet_sport`, u16, network byte order; unlike `skc_num` it survives →CLOSE.
    inet_sport,
    /// `tcp_sock.srtt_us`, u32.
    tcp_srtt_us,
    /// `tcp_sock.total_retrans`, u32.
    tcp_total_retrans,
    /// `tcp_sock.segs_out`, u32.
    tcp_segs_out,
    /// `tcp_sock.write_seq`, u32.
    tcp_write_seq,
    /// `tcp_sock.snd_una`, u32.
    tcp_snd_una,
    /// `tcp_sock.bytes_acked`, u64.
    tcp_bytes_acked,
    /// `tcp_sock.bytes_received`, u64.
    tcp_bytes_received,
    /// `task_struct.group_leader`, pointer.
    task_group_leader,
    /// `task_struct.tgid`, u32.
    task_tgid,
    /// `task_struct.comm`, 16 bytes.
    task_comm,
}

/// Everything user space sets before the programs load: frozen, so constants to the verifier.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Config {
    /// Member offsets of the running kernel.
    pub offsets: Offsets,
    /// Zero.
    pub reserved: u32,
    /// What to stream.
    pub filter: FilterConfig,
    /// Wake the reader each time a program has submitted this many records on a CPU. Never 0.
    pub wake_every: u64,
}

/// Length of [`TransitionRecord`], bytes.
pub const TRANSITION_LEN: usize = size_of::<TransitionRecord>();

const _: () = {
    use core::mem::offset_of;
    assert!(TRANSITION_LEN == 136);
    assert!(offset_of!(TransitionRecord, local_addr) == 48);
    assert!(offset_of!(TransitionRecord, netns) == 80);
    assert!(offset_of!(TransitionRecord, local_port) == 104);
    assert!(offset_of!(TransitionRecord, kind) == 115);
    assert!(offset_of!(TransitionRecord, comm) == 120);
    assert!(size_of::<SocketRecord>() == 40);
    assert!(size_of::<ProgramCounters>() == 8 * 8 + 256 * 8);
    assert!(size_of::<CpuState>() == 32 + 16 + 2 * (size_of::<ProgramCounters>() + size_of::<Scratch>()));
    assert!(size_of::<Scratch>() == TRANSITION_LEN + 8 * CGROUP_DEPTH);
    assert!(size_of::<Config>() == size_of::<Offsets>() + 4 + size_of::<FilterConfig>() + 8);
};
