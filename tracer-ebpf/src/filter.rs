//! Looks up what the filter needs to know about a socket; the decision itself is `tracer_common::filter`.

use aya_ebpf::{
    btf_maps::{LpmTrie, lpm_trie::Key},
    macros::btf_map,
};
use tracer_common::{
    filter::{AF_INET6, Bits, CGROUP_DEPTH, LOCAL, REMOTE, Verdict, decide_ends, decide_family, decide_ids},
    wire::ABSENT,
};

use crate::{
    account::Account,
    config::{CONFIG, config, offset, port_bits},
    kernel::{KernelPtr, Sock, follow, load, load_be16, load_or},
};

/// Key: prefix of an IPv6 (or mapped IPv4) address. Value: its list bits, those of the longest match being complete.
/// Always holds `::/0`. The loader sets the capacity to what was asked for; nothing is added later.
#[btf_map]
static ADDR_BITS: LpmTrie<[u64; 2], u64, 1> = LpmTrie::new();

/// Both ends of a socket, and what is not known of them yet.
#[derive(Clone, Copy)]
pub struct Ends {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// IPv4 as `::ffff:a.b.c.d`.
    pub local_addr: [u64; 2],
    /// IPv4 as `::ffff:a.b.c.d`.
    pub remote_addr: [u64; 2],
    /// 0 if not chosen yet.
    pub local_port: u16,
    /// 0 for listeners.
    pub remote_port: u16,
    /// The remote end is not filled in yet.
    pub remote_unknown: bool,
}

impl Ends {
    /// What a socket of any kind says in its `struct sock_common`.
    #[inline(always)]
    pub fn of(sk: Sock) -> Self {
        let family = load::<u16>(sk.ptr(), offset!(sk_family)) as u8;
        let (local_addr, remote_addr) = addresses(sk, family);
        Self {
            family,
            local_addr,
            remote_addr,
            local_port: load(sk.ptr(), offset!(sk_num)),
            remote_port: load_be16(sk.ptr(), offset!(sk_dport)),
            remote_unknown: false,
        }
    }

    /// Before 6.15 the new socket is a clone of its listener at LISTEN→SYN_RECV, wildcard address included.
    #[inline(always)]
    fn is_clone_of_wildcard(&self) -> bool {
        let [high, low] = self.local_addr;
        self.remote_unknown && high == 0 && (low == 0 || low == MAPPED)
    }
}

/// `::ffff:0:0/96` in the byte order of two little-endian words.
const MAPPED: u64 = 0xffff_0000;

#[inline(always)]
pub fn mapped(addr: u32) -> [u64; 2] {
    [0, MAPPED | u64::from(addr) << 32]
}

#[inline(always)]
pub fn is_mapped(addr: [u64; 2]) -> bool {
    addr[0] == 0 && addr[1] & 0xffff_ffff == MAPPED
}

/// Addresses as the kernel keeps them for this family.
#[inline(always)]
pub fn addresses(sk: Sock, family: u8) -> ([u64; 2], [u64; 2]) {
    let v6_local = offset!(sk_v6_rcv_saddr);
    let v6_remote = offset!(sk_v6_daddr);
    if family == AF_INET6 && v6_local != ABSENT && v6_remote != ABSENT {
        let read = |at: u32| [load(sk.ptr(), at), load(sk.ptr(), at + 8)];
        (read(v6_local), read(v6_remote))
    } else {
        (mapped(load(sk.ptr(), offset!(sk_rcv_saddr))), mapped(load(sk.ptr(), offset!(sk_daddr))))
    }
}

/// Where an event took place, as far as the filter asks.
pub trait Place: Copy {
    /// Whether it tells the cgroup; otherwise user space, which remembers the connection, knows.
    const HAS_CGROUP: bool = true;

    /// The `struct net`; null without `CONFIG_NET_NS`, or if there is no way to it.
    fn net(self) -> KernelPtr;
    /// Inode number of the network namespace.
    #[inline(always)]
    fn netns(self) -> u32 {
        load_or(self.net(), offset!(net_inum), 0)
    }
    /// Number of the interface; 0 if none is known.
    fn ifindex(self) -> u32;
    /// The `struct kernfs_node` of the cgroup; null if there is none.
    fn cgroup_node(self) -> KernelPtr;
}

impl Place for Sock {
    #[inline(always)]
    fn net(self) -> KernelPtr {
        follow(self.ptr(), offset!(sk_net))
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        ifindex(self)
    }

    #[inline(always)]
    fn cgroup_node(self) -> KernelPtr {
        follow(follow(self.ptr(), offset!(sk_cgroup)), offset!(cgroup_kn))
    }
}

/// The interface the socket is bound to, else the one its route leaves by, else the one its last packet came in by.
#[inline(always)]
fn ifindex(sk: Sock) -> u32 {
    let bound: u32 = load(sk.ptr(), offset!(sk_bound_dev_if));
    if bound != 0 {
        return bound;
    }
    let device = follow(follow(sk.ptr(), offset!(sk_dst_cache)), offset!(dst_dev));
    let routed: u32 = load_or(device, offset!(dev_ifindex), 0);
    if routed != 0 {
        return routed;
    }
    load_or(sk.ptr(), offset!(sk_rx_dst_ifindex), 0)
}

/// Identifier of the cgroup; 0 if there is none or this kernel does not say.
#[inline(always)]
pub fn cgroup_id(place: impl Place) -> u64 {
    load_or(place.cgroup_node(), offset!(kn_id), 0)
}

/// List bits of the local port: known, or those of the ephemeral range it will be taken from.
#[inline(always)]
fn local_port_bits(place: impl Place, port: u16) -> Bits {
    if port != 0 {
        return Bits::known(port_bits(port));
    }
    let range = offset!(net_port_range);
    let net = place.net();
    if range == ABSENT || net.is_null() {
        return Bits::UNKNOWN;
    }
    let (first, last) = if offset!(net_port_range_width) == 2 {
        (u32::from(load::<u16>(net, range)), u32::from(load::<u16>(net, range + 2)))
    } else {
        (load::<u32>(net, range), load::<u32>(net, range + 4))
    };
    if first == u32::from(config!(filter.ephemeral_first)) && last == u32::from(config!(filter.ephemeral_last)) {
        Bits { all: config!(filter.ephemeral_all), any: config!(filter.ephemeral_any) }
    } else {
        Bits::UNKNOWN
    }
}

#[inline(always)]
fn addr_bits(addr: [u64; 2]) -> Bits {
    // The key's data is the 16 address bytes; the trie compares them from the first.
    match ADDR_BITS.get(&Key::new(128, addr)) {
        Some(bits) => Bits::known(*bits as u8),
        None => Bits::known(0),
    }
}

/// Writes down the socket's cgroup and its ancestors. Not on the stack, where the verifier of 6.1 would tell apart every
/// combination of levels that are there and levels that are not, and give up.
#[inline(always)]
fn cgroup_ancestry(place: impl Place, ids: &mut [u64; CGROUP_DEPTH]) {
    let mut node = place.cgroup_node();
    let mut level = 0;
    while level < CGROUP_DEPTH {
        // Volatile, or the compiler clears the array first, with a loop over its bytes.
        // SAFETY: a mutable reference can be written through.
        unsafe { (&raw mut ids[level]).write_volatile(load_or(node, offset!(kn_id), 0)) };
        node = follow(node, offset!(kn_parent));
        level += 1;
    }
}

/// Whether a short list asks anything.
macro_rules! asked {
    ($list:ident) => {
        config!(filter.$list.included) + config!(filter.$list.excluded) != 0
    };
}

/// Decides a short list, reading each of its words as a constant.
macro_rules! ids {
    ($list:ident, $count:expr, $candidate:expr) => {
        decide_ids(
            config!(filter.$list.included),
            config!(filter.$list.excluded),
            // SAFETY: `decide_ids` stays below `ID_SET_LEN`; a plain read of a static.
            |i| unsafe { core::ptr::read_volatile((&raw const CONFIG.filter.$list.ids).cast::<u64>().add(i)) },
            $count,
            $candidate,
        )
    };
}

/// Decides for an event. Each question that was not asked is dead code to the verifier.
#[inline(always)]
pub fn decide<P: Place>(place: P, ends: &Ends, account: &Account) -> Verdict {
    let mut verdict = Verdict::Match;
    let ports = config!(filter.port_lists);
    if ports != 0 {
        let remote = if ports & !LOCAL == 0 {
            Bits::known(0)
        } else if ends.remote_unknown {
            Bits::UNKNOWN
        } else {
            Bits::known(port_bits(ends.remote_port))
        };
        let local = if ports & !REMOTE == 0 { Bits::known(0) } else { local_port_bits(place, ends.local_port) };
        verdict = decide_ends(ports, local, remote);
    }
    let family = config!(filter.family);
    if family != 0 {
        // A clone of a listener on [::] may turn out to be IPv4.
        verdict = verdict.and(if ends.is_clone_of_wildcard() && ends.family == AF_INET6 {
            Verdict::Undecided
        } else {
            decide_family(family, ends.family, is_mapped(ends.local_addr))
        });
    }
    if verdict == Verdict::NoMatch {
        return verdict;
    }
    let addrs = config!(filter.addr_lists);
    if addrs != 0 {
        let remote = if ends.remote_unknown { Bits::UNKNOWN } else { addr_bits(ends.remote_addr) };
        let local = if ends.is_clone_of_wildcard() { Bits::UNKNOWN } else { addr_bits(ends.local_addr) };
        verdict = verdict.and(decide_ends(addrs, local, remote));
    }
    if asked!(netns) {
        verdict = verdict.and(ids!(netns, 1, |_| u64::from(place.netns())));
    }
    if asked!(cgroups) && !P::HAS_CGROUP {
        verdict = verdict.and(Verdict::Undecided);
    } else if asked!(cgroups) {
        let ids = &mut account.scratch().ancestry;
        cgroup_ancestry(place, ids);
        // SAFETY: a reference is always readable.
        verdict = verdict.and(ids!(cgroups, CGROUP_DEPTH, |i| unsafe { (&raw const ids[i]).read_volatile() }));
    }
    if asked!(devices) {
        let ifindex = place.ifindex();
        verdict = verdict.and(if ifindex == 0 { Verdict::Undecided } else { ids!(devices, 1, |_| u64::from(ifindex)) });
    }
    verdict
}
