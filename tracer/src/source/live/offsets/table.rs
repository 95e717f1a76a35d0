//! One line for each member.

use tracer_common::wire::Offsets;

use super::Feature;
use crate::source::live::btf::{Btf, Field, FieldError};

/// Everything that depends on the kernel, in the order in which it is listed.
pub(super) const FEATURES: &[&Feature] = &[
    &IPV6,
    &NETNS,
    &CGROUP,
    &DEVICE,
    &INPUT_DEVICE,
    &PORT_RANGE,
    &EXISTING,
    &RESETS,
    &RESET_REASONS,
    &RESET_ENDS,
    &SYN_ACKS,
    &SYNS,
    &FAST_OPEN,
    &DEFERRED_ACCEPT,
    &TIME_WAIT,
];

const IPV6: Feature =
    Feature { name: "ipv6", lost: "IPv6 addresses", remedy: "a kernel built with CONFIG_IPV6 has them" };
const NETNS: Feature = Feature {
    name: "netns",
    lost: "network namespaces and no filter by them",
    remedy: "a kernel built with CONFIG_NET_NS has them",
};
const CGROUP: Feature = Feature {
    name: "cgroup",
    lost: "cgroups and no filter by them",
    remedy: "Linux 5.16 or later, built with CONFIG_SOCK_CGROUP_DATA, has them",
};
const DEVICE: Feature = Feature {
    name: "device",
    lost: "devices of connections whose sockets are not bound to one",
    remedy: "use a newer tracer that knows this kernel",
};
const INPUT_DEVICE: Feature = Feature {
    name: "input_device",
    lost: "devices of connections that have no route of their own",
    remedy: "Linux 5.16 or later has them",
};
const PORT_RANGE: Feature = Feature {
    name: "port_range",
    lost: "early decision of port filters, so that connections wait for it in user space",
    remedy: "use a newer tracer that knows this kernel",
};

const EXISTING: Feature = Feature {
    name: "existing_sockets",
    lost: "processes of sockets that are older than the trace",
    remedy: "use a newer tracer that knows this kernel",
};

pub(super) const RESETS: Feature =
    Feature { name: "resets", lost: "resets", remedy: "use a newer tracer that knows this kernel" };
pub(super) const RESET_REASONS: Feature = Feature {
    name: "reset_reasons",
    lost: "reasons of resets, and no resets in answer to packets that no connection wanted",
    remedy: "Linux 6.10 or later tells them",
};
pub(super) const RESET_ENDS: Feature = Feature {
    name: "reset_ends",
    lost: "addresses and ports of resets that no connection wanted",
    remedy: "boot without lockdown=confidentiality to have them",
};
pub(super) const SYN_ACKS: Feature = Feature {
    name: "syn_ack_retransmits",
    lost: "latency of a server's handshake whose SYN-ACK was retransmitted",
    remedy: "use a newer tracer that knows this kernel",
};
pub(super) const SYNS: Feature = Feature {
    name: "syn_retransmits",
    lost: "latency of a client's handshake whose SYN was retransmitted, as tracer latency shows it",
    remedy: "use a newer tracer that knows this kernel",
};
const FAST_OPEN: Feature =
    Feature { name: "fast_open", lost: "word on TCP Fast Open", remedy: "use a newer tracer that knows this kernel" };
const DEFERRED_ACCEPT: Feature = Feature {
    name: "deferred_accept",
    lost: "word on TCP_DEFER_ACCEPT",
    remedy: "use a newer tracer that knows this kernel",
};

pub(super) const TIME_WAIT: Feature = Feature {
    name: "time_wait",
    lost: "TIME_WAIT lifetimes",
    remedy: "run it as root (or give it CAP_SYSLOG), without lockdown=confidentiality, to have them",
};

/// The tracepoints that not everything needs, with what does.
pub(super) const TRACEPOINTS: &[(&str, &Feature)] = &[
    ("tcp_send_reset", &RESETS),
    ("tcp_receive_reset", &RESETS),
    ("tcp_retransmit_synack", &SYN_ACKS),
    ("tcp_retransmit_skb", &SYNS),
    ("timer_start", &TIME_WAIT),
    ("timer_cancel", &TIME_WAIT),
    ("timer_expire_entry", &TIME_WAIT),
];

/// Size of a member that is one bit.
pub(super) const BIT: u32 = 0;

/// Path of a member, and its size in bytes or [`BIT`].
pub(super) type Place = (&'static str, u32);

/// One line of the table.
pub(super) struct Row {
    pub(super) put: fn(&mut Offsets, Field),
    pub(super) structure: &'static str,
    pub(super) first: Place,
    /// Tried in this order where the first place is none.
    pub(super) others: &'static [Place],
    /// `None` if the member is required.
    pub(super) feature: Option<&'static Feature>,
}

/// One line of the table: the member of [`Offsets`] (or a function that sets it), the struct, where to look.
macro_rules! row {
    ($name:ident, $($place:tt)+) => {
        row!((|offsets, field| offsets.$name = field.offset), $($place)+)
    };
    ($put:expr, $structure:literal, $path:literal: $size:tt $(, $more:literal: $its:tt)* $(; $feature:ident)?) => {
        Row {
            put: $put,
            structure: $structure,
            first: ($path, $size),
            others: &[$(($more, $its)),*],
            feature: [$(Some(&$feature),)? None][0],
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    row!(sk_family, "sock", "__sk_common.skc_family": 2),
    row!(sk_num, "sock", "__sk_common.skc_num": 2),
    row!(sk_dport, "sock", "__sk_common.skc_dport": 2),
    row!(sk_daddr, "sock", "__sk_common.skc_daddr": 4),
    row!(sk_rcv_saddr, "sock", "__sk_common.skc_rcv_saddr": 4),
    row!(sk_v6_daddr, "sock", "__sk_common.skc_v6_daddr": 16; IPV6),
    row!(sk_v6_rcv_saddr, "sock", "__sk_common.skc_v6_rcv_saddr": 16; IPV6),
    row!(sk_cookie, "sock", "__sk_common.skc_cookie": 8),
    row!(sk_bound_dev_if, "sock", "__sk_common.skc_bound_dev_if": 4),
    row!(sk_net, "sock", "__sk_common.skc_net.net": 8; NETNS),
    row!(sk_state, "sock", "__sk_common.skc_state": 1; EXISTING),
    row!(sk_socket, "sock", "sk_socket": 8; EXISTING),
    row!(socket_file, "socket", "file": 8; EXISTING),
    row!(file_inode, "file", "f_inode": 8; EXISTING),
    row!(inode_ino, "inode", "i_ino": 8; EXISTING),
    row!(sk_flags, "sock", "__sk_common.skc_flags": 8),
    row!(sk_protocol, "sock", "sk_protocol": 2),
    row!(sk_err, "sock", "sk_err": 4),
    row!(sk_shutdown, "sock", "sk_shutdown": 1),
    row!(sk_lock_owned, "sock", "sk_lock.owned": 4),
    row!(sk_uid, "sock", "sk_uid.val": 4),
    row!(sk_cgroup, "sock", "sk_cgrp_data.cgroup": 8; CGROUP),
    row!(sk_dst_cache, "sock", "sk_dst_cache": 8; DEVICE),
    row!(sk_rx_dst_ifindex, "sock", "sk_rx_dst_ifindex": 4; INPUT_DEVICE),
    row!(dst_dev, "dst_entry", "dev": 8; DEVICE),
    row!(dev_ifindex, "net_device", "ifindex": 4; DEVICE),
    row!(net_inum, "net", "ns.inum": 4; NETNS),
    row!((port_range), "net", "ipv4.ip_local_ports.range": 8, "ipv4.ip_local_ports.range": 4; PORT_RANGE),
    row!(cgroup_kn, "cgroup", "kn": 8; CGROUP),
    row!(kn_id, "kernfs_node", "id": 8; CGROUP),
    row!(kn_parent, "kernfs_node", "__parent": 8, "parent": 8; CGROUP),
    row!(inet_sport, "inet_sock", "inet_sport": 2),
    row!(tcp_srtt_us, "tcp_sock", "srtt_us": 4),
    row!(tcp_total_retrans, "tcp_sock", "total_retrans": 4),
    row!(tcp_retrans_stamp, "tcp_sock", "retrans_stamp": 4; SYNS),
    row!(tcp_segs_out, "tcp_sock", "segs_out": 4),
    row!(tcp_write_seq, "tcp_sock", "write_seq": 4),
    row!(tcp_snd_una, "tcp_sock", "snd_una": 4),
    row!(tcp_bytes_acked, "tcp_sock", "bytes_acked": 8),
    row!(tcp_bytes_received, "tcp_sock", "bytes_received": 8),
    row!(tcp_fastopen_connect_bit, "tcp_sock", "fastopen_connect": BIT; FAST_OPEN),
    row!(tcp_syn_fastopen_bit, "tcp_sock", "syn_fastopen": BIT; FAST_OPEN),
    row!(tcp_syn_data_bit, "tcp_sock", "syn_data": BIT; FAST_OPEN),
    row!(tcp_syn_data_acked_bit, "tcp_sock", "syn_data_acked": BIT; FAST_OPEN),
    row!(icsk_defer_accept, "inet_connection_sock", "icsk_accept_queue.rskq_defer_accept": 1; DEFERRED_ACCEPT),
    row!(req_snt_synack, "tcp_request_sock", "snt_synack": 8; SYN_ACKS),
    row!(skb_head, "sk_buff", "head": 8; RESETS),
    row!(skb_network_header, "sk_buff", "network_header": 2; RESETS),
    row!(skb_transport_header, "sk_buff", "transport_header": 2; RESETS),
    row!(skb_protocol, "sk_buff", "protocol": 2; RESETS),
    row!(skb_dev, "sk_buff", "dev": 8; RESETS),
    row!(dev_net, "net_device", "nd_net.net": 8; NETNS),
    row!(task_group_leader, "task_struct", "group_leader": 8),
    row!(task_tgid, "task_struct", "tgid": 4),
    row!(task_comm, "task_struct", "comm": 16),
    row!(task_stack, "task_struct", "stack": 8; TIME_WAIT),
    row!(task_flags, "task_struct", "flags": 4; TIME_WAIT),
    row!(regs_syscall, "pt_regs", "orig_ax": 8, "syscallno": 4; TIME_WAIT),
    row!(timer_expires, "timer_list", "expires": 8; TIME_WAIT),
    row!(timer_function, "timer_list", "function": 8; TIME_WAIT),
    row!(tw_timer, "inet_timewait_sock", "tw_timer": 40; TIME_WAIT),
    row!(tw_substate, "inet_timewait_sock", "tw_substate": 1; TIME_WAIT),
    row!(net_count, "net", "ns.__ns_ref": 4, "ns.count": 4; TIME_WAIT),
];

/// Members that only newer kernels have, and without which nothing is lost.
pub(super) const EXTRAS: &[Row] = &[
    row!(tw_entry_stamp, "inet_timewait_sock", "tw_entry_stamp": 4),
    row!(tcp_usec_ts_bit, "tcp_sock", "tcp_usec_ts": BIT),
];

/// Two numbers lie there: two u32 before Linux 6.8 (`int range[2]`), then two u16 (the halves of `u32 range`).
fn port_range(offsets: &mut Offsets, field: Field) {
    offsets.net_port_range = field.offset;
    offsets.net_port_range_width = field.size / 2;
}

impl Row {
    /// The first of the places that this kernel has; else why the first one is none.
    pub(super) fn find(&self, btf: &Btf) -> Result<Field, FieldError> {
        let look = |(path, size): &Place| match *size {
            BIT => btf.bit(self.structure, path),
            size => btf.field_of_size(self.structure, path, size),
        };
        look(&self.first).or_else(|error| self.others.iter().find_map(|place| look(place).ok()).ok_or(error))
    }
}
