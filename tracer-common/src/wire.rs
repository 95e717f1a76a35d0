//! The structs that cross the border between kernel and user space.
//!
//! Everything is `repr(C)`, little endian, without implicit padding; the assertions at the end of this file hold both
//! compilers to it. Addresses are in network byte order, all else in host byte order.

use crate::filter::{CGROUP_DEPTH, FilterConfig};

/// Version of the layouts in this file. A reader that meets another version refuses.
pub const WIRE_VERSION: u32 = 1;

/// `kind` of an [`EventRecord`]: a state transition (`sock:inet_sock_set_state`).
pub const KIND_TRANSITION: u8 = 1;
/// An RST that this end sent of its own accord (`tcp:tcp_send_reset` without a packet): the application, a timer or an
/// administrator broke the connection off.
pub const KIND_RESET_ABORT: u8 = 2;
/// An RST that this host sent in answer to a packet (`tcp:tcp_send_reset` with one).
pub const KIND_RESET_ANSWER: u8 = 3;
/// An RST that a socket accepted (`tcp:tcp_receive_reset`).
pub const KIND_RESET_RECEIVED: u8 = 4;
/// A SYN-ACK was sent once more (`tcp:tcp_retransmit_synack`); the cookie is the one the connection will have.
pub const KIND_SYN_ACK_RETRANSMIT: u8 = 5;
/// A timewait socket's timer was started (`timer:timer_start`): it begins, or its timer is set anew.
pub const KIND_TIMER_START: u8 = 6;
/// A timewait socket's timer was taken off (`timer:timer_cancel`): because it is over, by another event, or to set it anew.
pub const KIND_TIMER_CANCEL: u8 = 7;
/// A timewait socket's time was over (`timer:timer_expire_entry`).
pub const KIND_TIMER_EXPIRE: u8 = 8;

/// The socket lock was held by the current task (`sk_lock.owned`), so `pid` and `comm` operate on this very socket.
pub const FLAG_OWNED: u32 = 1 << 0;
/// The remote end was not filled in yet (LISTEN→SYN_RECV before Linux 6.15) and is zero here.
pub const FLAG_REMOTE_UNKNOWN: u32 = 1 << 1;
/// The kernel side kept this record until a later transition decided the filter; it arrives late, with its own time.
pub const FLAG_HELD: u32 = 1 << 2;
/// The second program caught this event: the first one was running on this CPU when a softirq interrupted it.
pub const FLAG_RECOVERED: u32 = 1 << 3;
/// The kernel side could not decide the filter; user space, which remembers the connection, must.
pub const FLAG_UNDECIDED: u32 = 1 << 4;
/// The cgroup identifier is valid.
pub const FLAG_CGROUP: u32 = 1 << 5;
/// The peer's FIN has arrived (`SOCK_DONE`, set by `tcp_fin`, net/ipv4/tcp_input.c).
pub const FLAG_FIN_RECEIVED: u32 = 1 << 6;
/// At least one segment went out (`segs_out`).
pub const FLAG_SENT: u32 = 1 << 7;
/// Something was written that is not acknowledged (`write_seq` is not `snd_una`).
pub const FLAG_UNACKED: u32 = 1 << 8;
/// There is a full socket: the fields read from it, `uid` among them, are valid.
pub const FLAG_SOCKET: u32 = 1 << 9;
/// The SYN carried data (`tcp_sock.syn_data` of a client) which was accepted (`syn_data_acked` of a server): TCP Fast Open.
pub const FLAG_SYN_DATA: u32 = 1 << 10;
/// The SYN may have left at the first write, not at `connect()` (`tcp_sock.fastopen_connect`, and `syn_data` or
/// `syn_fastopen`).
pub const FLAG_SYN_DEFERRED: u32 = 1 << 11;
/// The connection becomes ESTABLISHED and the kernel tells of Fast Open: [`FLAG_SYN_DATA`] and [`FLAG_SYN_DEFERRED`] are valid.
pub const FLAG_FAST_OPEN_KNOWN: u32 = 1 << 13;
/// The socket begins to listen, and lets a connection wait for its first data (`TCP_DEFER_ACCEPT`).
pub const FLAG_DEFER_ACCEPT: u32 = 1 << 12;

/// `entry_stamp_ms` of a [`TimeWaitRecord`] is valid.
pub const FLAG_ENTRY_STAMP: u32 = 1 << 14;
/// The current task, a process of user space, cancelled the timer: it runs on its own stack, as softirqs do not. It may
/// have handed a packet over and not known what that does (a TUN device), which its system call tells.
pub const FLAG_IN_TASK: u32 = 1 << 15;
/// The network namespace of a [`TimeWaitRecord`] is being deleted.
pub const FLAG_NETNS_DEAD: u32 = 1 << 16;

/// One event of a TCP socket. All kinds but those of timers have the same length and the same fields; a field that its kind has no use for is
/// zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct EventRecord {
    /// `bpf_ktime_get_ns`: `CLOCK_MONOTONIC`, nanoseconds. Of a [`KIND_SYN_ACK_RETRANSMIT`]: when the first one was sent
    /// (`tcp_request_sock.snt_synack`, microseconds times 1000).
    pub time_ns: u64,
    /// Socket cookie, unique since boot; 0 where it cannot be trusted yet (LISTEN→SYN_RECV before Linux 6.15) or where
    /// there is no socket.
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
    /// `sk_uid`: who created the socket; valid with [`FLAG_SOCKET`].
    pub uid: u32,
    /// Thread group (what user space calls pid) of the current task; 0 without [`FLAG_OWNED`].
    pub pid: u32,
    /// `tcp_sock.srtt_us`: smoothed round trip, microseconds times 8; 0 before the first sample.
    pub srtt_us8: u32,
    /// `tcp_sock.total_retrans`: segments retransmitted, SYNs included.
    pub total_retrans: u32,
    /// Interface the socket is bound to, or its route leaves by, or its last packet came from; 0 if none is known.
    pub ifindex: u32,
    /// Local port; 0 before the kernel has chosen one (CLOSE→SYN_SENT), or where a packet cannot be read.
    pub local_port: u16,
    /// Remote port; 0 for listeners, or where a packet cannot be read.
    pub remote_port: u16,
    /// `sk_err`: an errno, 0 if none.
    pub error: u16,
    /// `AF_INET` (2) or `AF_INET6` (10).
    pub family: u8,
    /// Transition: the state left, the kernel's number (`include/net/tcp_states.h`). Reset: the state the socket is in,
    /// TIME_WAIT included; 0 if there is none.
    pub old_state: u8,
    /// Transition: the state entered. Reset: as `old_state`.
    pub new_state: u8,
    /// `sk_shutdown`: bit 0 receive, bit 1 send.
    pub shutdown: u8,
    /// Why an RST was sent, by the kernel's `enum sk_rst_reason`; 0 (`NOT_SPECIFIED`) if it does not say.
    pub reason: u8,
    /// `KIND_…`.
    pub kind: u8,
    /// `FLAG_…` bits.
    pub flags: u32,
    /// Name of the thread group's leader, NUL padded, any bytes; zero without [`FLAG_OWNED`].
    pub comm: [u64; 2],
}

/// One event of a timewait socket's timer: as long as an [`EventRecord`], with time, kind and flags in the same places.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct TimeWaitRecord {
    /// `bpf_ktime_get_ns`: `CLOCK_MONOTONIC`, nanoseconds.
    pub time_ns: u64,
    /// Cookie of the socket it is left of; 0 if that one never had a cookie.
    pub cookie: u64,
    /// Address of the `struct inet_timewait_sock`.
    pub sock: u64,
    /// `timer_list.expires`: when it will be over, in jiffies.
    pub expires: u64,
    /// `bpf_jiffies64`: now, in jiffies.
    pub jiffies: u64,
    /// Zero.
    pub reserved: u64,
    /// Local address; IPv4 as `::ffff:a.b.c.d`.
    pub local_addr: [u64; 2],
    /// Remote address; IPv4 as `::ffff:a.b.c.d`.
    pub remote_addr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// `tw_entry_stamp`: when it entered TIME_WAIT proper, milliseconds of `CLOCK_MONOTONIC`, low 32 bits; valid with
    /// [`FLAG_ENTRY_STAMP`].
    pub entry_stamp_ms: u32,
    /// Thread group of the current task; who cancelled the timer only with [`FLAG_IN_TASK`].
    pub pid: u32,
    /// Number of the system call that the current task is in (`pt_regs.orig_ax`, `pt_regs.syscallno`); valid with
    /// [`FLAG_IN_TASK`].
    pub syscall: u32,
    /// Zero.
    pub reserved_2: u32,
    /// Interface the socket was bound to; 0 if to none.
    pub ifindex: u32,
    /// Host byte order.
    pub local_port: u16,
    /// Host byte order.
    pub remote_port: u16,
    /// Zero.
    pub reserved_3: u16,
    /// `AF_INET` (2) or `AF_INET6` (10).
    pub family: u8,
    /// `tw_substate`: TIME_WAIT, or FIN_WAIT2 before the peer's FIN has come.
    pub substate: u8,
    /// Zero.
    pub reserved_4: [u8; 3],
    /// `KIND_TIMER_…`.
    pub kind: u8,
    /// `FLAG_…` bits.
    pub flags: u32,
    /// Zero.
    pub reserved_5: [u64; 2],
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
    /// `bpf_ktime_get_ns`: `CLOCK_MONOTONIC`, nanoseconds.
    pub time_ns: u64,
    /// Address of a timewait socket; 0 for others, here and below.
    pub sock: u64,
    /// When it will be over, in jiffies.
    pub expires: u64,
    /// `bpf_jiffies64`: now, in jiffies.
    pub jiffies: u64,
    /// The function that its timer calls: `tw_timer_handler`.
    pub handler: u64,
    /// Local address; IPv4 as `::ffff:a.b.c.d`.
    pub local_addr: [u64; 2],
    /// Remote address; IPv4 as `::ffff:a.b.c.d`.
    pub remote_addr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// `FLAG_…` bits: [`FLAG_DEFER_ACCEPT`], [`FLAG_ENTRY_STAMP`].
    pub flags: u32,
    /// Host byte order.
    pub local_port: u16,
    /// Host byte order; 0 for listeners.
    pub remote_port: u16,
    /// `AF_INET` (2) or `AF_INET6` (10).
    pub family: u8,
    /// The kernel's number of the state.
    pub state: u8,
    /// `tw_substate`.
    pub substate: u8,
    /// Zero.
    pub reserved: u8,
    /// `tw_entry_stamp`, valid with [`FLAG_ENTRY_STAMP`].
    pub entry_stamp_ms: u32,
    /// Interface the socket is bound to; 0 if to none.
    pub ifindex: u32,
}

/// How many programs there are that make records: two on each of three tracepoints, one on each of four.
pub const PROGRAMS: usize = 10;

/// Ring buffers per CPU. A program takes the first that no program is in the middle of on its CPU: a second one is needed
/// when a softirq interrupts a program.
pub const LANES: usize = 2;

/// What one of the programs did on one CPU. Plain additions: a program never nests with itself on a CPU (the kernel's
/// recursion guard), and no two programs share a set.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ProgramCounters {
    /// Events this program handled: all it saw (first on its tracepoint), those the first one missed (second).
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
}

/// An event that the first program took, so that the second one on its tracepoint can tell that it was not missed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Handoff {
    /// Of the `struct sock`, or of the packet that is answered; 0 when the second program has taken note.
    pub address: u64,
    /// `kind << 16 | old << 8 | new`.
    pub what: u64,
}

/// Room for the beginning of a `struct inet_timewait_sock`, up to its timer: 160 bytes on Linux 6.18.
pub const TIMEWAIT_LEN: usize = 256;

/// Room for what a program cannot keep on its stack of 512 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Scratch {
    /// A record that is about to be held back.
    pub record: EventRecord,
    /// The socket's cgroup and its ancestors, by identifier; 0 beyond the root.
    pub ancestry: [u64; CGROUP_DEPTH],
    /// The first bytes of a packet's IP header.
    pub network_header: [u8; 40],
    /// The ports in its TCP header, source first, network byte order.
    pub ports: [u8; 8],
    /// The address of the socket or packet.
    pub address: u64,
    /// The beginning of a timewait socket.
    pub timewait: [u64; TIMEWAIT_LEN / 8],
}

/// All that the kernel side keeps per CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct CpuState {
    /// The last event of its kind that a first program took here: raised undisturbed, by a socket's owner, for a packet.
    pub handoff: [Handoff; 3],
    /// Which of this CPU's ring buffers a program is in the middle of: 1, else 0.
    pub busy: [u64; LANES],
    /// Records submitted to each ring buffer since its reader was last woken.
    pub unannounced: [u64; LANES],
    /// Each program's counters.
    pub programs: [ProgramCounters; PROGRAMS],
    /// TCP transitions by `old << 4 | new`, before any filter; each of the two programs' own.
    pub matrix: [[u64; 256]; 2],
    /// Each program's.
    pub scratch: [Scratch; PROGRAMS],
}

/// How many notes there are for all CPUs together, on events that can be interrupted; a power of two.
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
    /// `tcp_sock.retrans_stamp`, u32: when the SYN was first sent, while it is not acknowledged.
    tcp_retrans_stamp,
    /// `tcp_sock.tcp_usec_ts`, one bit: in bits from the start of the struct; absent before Linux 6.7.
    tcp_usec_ts_bit,
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
    /// `tcp_sock.fastopen_connect`, one bit: in bits from the start of the struct.
    tcp_fastopen_connect_bit,
    /// `tcp_sock.syn_fastopen`, one bit: in bits from the start of the struct.
    tcp_syn_fastopen_bit,
    /// `tcp_sock.syn_data`, one bit: in bits from the start of the struct.
    tcp_syn_data_bit,
    /// `tcp_sock.syn_data_acked`, one bit: in bits from the start of the struct.
    tcp_syn_data_acked_bit,
    /// `inet_connection_sock.icsk_accept_queue.rskq_defer_accept`, u8.
    icsk_defer_accept,
    /// `tcp_request_sock.snt_synack`, u64, microseconds.
    req_snt_synack,
    /// `sk_buff.head`, pointer.
    skb_head,
    /// `sk_buff.network_header`, u16.
    skb_network_header,
    /// `sk_buff.transport_header`, u16.
    skb_transport_header,
    /// `sk_buff.protocol`, u16, network byte order.
    skb_protocol,
    /// `sk_buff.dev`, pointer.
    skb_dev,
    /// `net_device.nd_net.net`, pointer; absent without `CONFIG_NET_NS`.
    dev_net,
    /// `task_struct.group_leader`, pointer.
    task_group_leader,
    /// `task_struct.tgid`, u32.
    task_tgid,
    /// `task_struct.comm`, 16 bytes.
    task_comm,
    /// `task_struct.stack`, pointer.
    task_stack,
    /// `task_struct.flags`, u32.
    task_flags,
    /// `pt_regs.orig_ax` (x86), `pt_regs.syscallno` (arm64): the low 32 bits are read.
    regs_syscall,
    /// `timer_list.expires`, u64.
    timer_expires,
    /// `timer_list.function`, pointer.
    timer_function,
    /// `inet_timewait_sock.tw_timer`: also the length of what is read.
    tw_timer,
    /// `inet_timewait_sock.tw_substate`, u8.
    tw_substate,
    /// `inet_timewait_sock.tw_entry_stamp`, u32; absent before Linux 6.14.
    tw_entry_stamp,
    /// `net.ns.__ns_ref` (`net.ns.count` before Linux 6.18), u32: 0 once the namespace is being deleted.
    net_count,
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
    /// Whether `tcp_send_reset` has a third argument, the reason (since Linux 6.10): 1, else 0.
    pub reset_reason: u32,
    /// Whether the packet behind an RST may be read (`bpf_probe_read_kernel`, refused under lockdown=confidentiality): 1,
    /// else 0.
    pub read_packets: u32,
    /// Zero.
    pub reserved: [u32; 2],
    /// What to stream.
    pub filter: FilterConfig,
    /// Wake the reader each time a program has submitted this many records on a CPU. Never 0.
    pub wake_every: u64,
    /// Size of a task's kernel stack, bytes (`THREAD_SIZE`).
    pub thread_size: u64,
}

/// All that is looked at when a timer is none of ours, which is nearly always: together in one cache line.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(zerocopy::IntoBytes, zerocopy::Immutable))]
pub struct TimerConfig {
    /// Address of `tw_timer_handler`, by which a timer is known to be a timewait socket's; 0: they are not traced.
    pub tw_timer_handler: u64,
    /// [`Offsets::timer_function`].
    pub timer_function: u64,
}

/// Length of [`EventRecord`], bytes.
pub const EVENT_LEN: usize = size_of::<EventRecord>();

const _: () = {
    use core::mem::offset_of;
    assert!(EVENT_LEN == 136);
    assert!(offset_of!(EventRecord, local_addr) == 48);
    assert!(offset_of!(EventRecord, netns) == 80);
    assert!(offset_of!(EventRecord, local_port) == 104);
    assert!(offset_of!(EventRecord, kind) == 115);
    assert!(offset_of!(EventRecord, flags) == 116);
    assert!(offset_of!(EventRecord, comm) == 120);
    assert!(size_of::<SocketRecord>() == 112);
    assert!(size_of::<ProgramCounters>() == 8 * 8);
    assert!(
        size_of::<CpuState>()
            == 48 + 16 * LANES + 2 * 256 * 8 + PROGRAMS * (size_of::<ProgramCounters>() + size_of::<Scratch>())
    );
    assert!(size_of::<Scratch>() == EVENT_LEN + 8 * CGROUP_DEPTH + 40 + 8 + 8 + TIMEWAIT_LEN);
    assert!(size_of::<Config>() == size_of::<Offsets>() + 16 + size_of::<FilterConfig>() + 16);
    assert!(size_of::<TimeWaitRecord>() == EVENT_LEN);
    assert!(offset_of!(TimeWaitRecord, local_addr) == offset_of!(EventRecord, local_addr));
    assert!(offset_of!(TimeWaitRecord, kind) == offset_of!(EventRecord, kind));
    assert!(offset_of!(TimeWaitRecord, flags) == offset_of!(EventRecord, flags));
};
