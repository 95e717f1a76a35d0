//! Handshake latency, added up here: `tracer latency`. Nothing is streamed.
//!
//! How long a handshake took is the kernel's own first round-trip sample, at either end, so there is nothing to remember of
//! a socket until a segment has to be sent again; then the time of the first one is kept, in a bounded map.

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_F_NO_PREALLOC, BPF_NOEXIST},
    btf_maps::{HashMap, LruHashMap, PerCpuArray},
    helpers::{bpf_get_smp_processor_id, bpf_get_socket_cookie, bpf_ktime_get_ns, bpf_skc_to_tcp_request_sock},
    macros::btf_map,
    programs::BtfTracePointContext,
};
use tracer_common::{
    filter::Verdict,
    latency::{
        BUCKETS, BY_CGROUP, BY_NETWORK, BY_PEER, BY_PORT, GroupKey, Histogram, HistogramKey, LatencyConfig,
        LatencyCounters, MAYBE_SYN_COOKIE, NO_SAMPLE, ROLE_CLIENT, ROLE_SERVER, START_NOT_SEEN, SYN_ACK_RETRANSMITTED,
        bucket,
    },
    wire::ABSENT,
};

use crate::{
    account::{Account, Program},
    config::{constant, offset},
    filter::{Ends, Place, addresses, cgroup_id, decide, is_mapped},
    kernel::{KernelPtr, Sock, argument, bit, follow, load, load_be16, load_or},
    record::state,
};

/// Set by the loader before loading.
#[unsafe(no_mangle)]
pub static LATENCY: LatencyConfig = LatencyConfig { by: 0, roles: 0, filtered: 0, reserved: 0 };

/// What a histogram is when it is made.
static EMPTY: Histogram = Histogram::EMPTY;

/// Key: a group that is kept apart. Value: nothing. The loader sets the capacity. Full: handshakes of further groups are
/// counted together, as "other".
#[btf_map]
static GROUPS: HashMap<GroupKey, u32, 1, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

/// Key: a group on one CPU, which alone writes the value, so it adds without atomics. Room for all that can be of the
/// groups in [`GROUPS`]; memory is taken for those that occur. If the kernel has none, the handshake is lost and counted.
#[btf_map]
static HISTOGRAMS: HashMap<HistogramKey, Histogram, 1, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

/// Key: cookie of a socket, or of a request, which its socket inherits. Value: when its SYN or SYN-ACK was first sent,
/// nanoseconds; 0 if that is not known of a client. Only of those that were sent again. Full: the oldest go, and their
/// handshakes are of unknown latency.
#[btf_map]
static FIRST_SENT: LruHashMap<u64, u64, 1> = LruHashMap::new();

/// Key: 0. One value per CPU, always there.
#[btf_map]
static LATENCY_COUNTERS: PerCpuArray<LatencyCounters, 1> = PerCpuArray::new();

/// `-E2BIG`: a map is full. `-EEXIST`.
const E2BIG: i32 = -7;
const EEXIST: i32 = -17;
const IPPROTO_TCP: u16 = 6;
/// Samples taken from TCP timestamps (RFC 7323) have this resolution, microseconds.
const TIMESTAMP_US: u32 = 1_000;
const US_NS: u64 = 1_000;
const MS_NS: u64 = 1_000_000;
/// The first 24 of an IPv4 address's bits, where it is mapped into IPv6, in the byte order of a little-endian word.
const MAPPED_24: u64 = 0x00ff_ffff_ffff_ffff;

/// Reads one field of [`LATENCY`] as a constant.
macro_rules! latency {
    ($field:ident) => {
        constant(&LATENCY.$field)
    };
}

/// How long a handshake took.
#[derive(Clone, Copy)]
struct Took {
    us: u32,
    retransmitted: bool,
}

/// Takes the handshakes that a state change completes. Nine of ten changes are none and end here in a few instructions.
///
/// `trace_inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)`, net/ipv4/af_inet.c.
#[inline(always)]
pub fn try_latency(ctx: &BtfTracePointContext) -> Option<i32> {
    let (old, new) = (argument::<u64>(ctx, 1) as u8, argument::<u64>(ctx, 2) as u8);
    if new != state::ESTABLISHED {
        return if new == state::LISTEN || (new == state::SYN_RECV && old == state::SYN_SENT) {
            prepare(Sock::from_ptr(argument(ctx, 0)), new)
        } else {
            None
        };
    }
    let sk = Sock::from_ptr(argument(ctx, 0));
    if load::<u16>(sk.ptr(), offset!(sk_protocol)) != IPPROTO_TCP {
        return None;
    }
    let counters = counters()?;
    counters.seen += 1;
    let tcp = sk.tcp();
    if tcp.is_null() {
        counters.lost += 1;
        return None;
    }
    let simultaneous = old != state::SYN_SENT && is_simultaneous(sk);
    let role = if old == state::SYN_SENT || simultaneous { ROLE_CLIENT } else { ROLE_SERVER };
    if !is_wanted(sk, role) {
        counters.filtered += 1;
        return None;
    }
    let again = load::<u32>(tcp, offset!(tcp_total_retrans)) != 0;
    let took = if again || simultaneous { since_first(sk, role) } else { sample(tcp, role) };
    let retransmitted = matches!(took, Ok(Took { retransmitted: true, .. }));
    match histogram(group(sk, role), retransmitted, counters) {
        Some(histogram) => count(histogram, took),
        None => counters.lost += 1,
    }
    None
}

/// This CPU's counters.
#[inline(always)]
fn counters() -> Option<&'static mut LatencyCounters> {
    // SAFETY: a per-CPU value that only `tracer_latency` touches on this CPU, and a program never nests with itself.
    LATENCY_COUNTERS.get_ptr_mut(0).map(|counters| unsafe { &mut *counters })
}

/// Takes note of what makes a later handshake different: a listener that lets connections wait for data, and a socket that
/// is opened from both ends (RFC 9293 section 3.5), which will come to ESTABLISHED as an accepted one does.
#[inline(always)]
fn prepare(sk: Sock, new: u8) -> Option<i32> {
    if load::<u16>(sk.ptr(), offset!(sk_protocol)) != IPPROTO_TCP {
        return None;
    }
    if new == state::SYN_RECV {
        let _ = FIRST_SENT.insert(sk.cookie(), 0, u64::from(BPF_ANY));
        return None;
    }
    let defers = load_or::<u8>(sk.tcp(), offset!(icsk_defer_accept), 0) != 0;
    if defers && latency!(by) == BY_PORT && is_wanted(sk, ROLE_SERVER) {
        let counters = counters()?;
        // SAFETY: a histogram of this CPU, see `HISTOGRAMS`.
        unsafe { (*histogram(group(sk, ROLE_SERVER), false, counters)?).deferring += 1 };
    }
    None
}

/// Whether a socket that leaves SYN_RECV was opened from both ends. A socket that was just made for its listener has no file
/// yet; one of Fast Open may have, so that what was noted decides.
#[inline(always)]
fn is_simultaneous(sk: Sock) -> bool {
    !follow(sk.ptr(), offset!(sk_socket)).is_null() && first_sent(sk.cookie()) == Some(0)
}

/// When the first of several segments was sent, if that was noted.
#[inline(always)]
fn first_sent(cookie: u64) -> Option<u64> {
    // SAFETY: a load of one word; the map's elements are never freed.
    FIRST_SENT.get_ptr(cookie).map(|first| unsafe { first.read() })
}

/// Whether role and filter let it pass. Both ends are known by now, so nothing is left to be decided later.
#[inline(always)]
fn is_wanted(sk: Sock, role: u8) -> bool {
    if latency!(roles) & u32::from(role) == 0 {
        return false;
    }
    if latency!(filtered) == 0 {
        return true;
    }
    // Of what is kept there only the room beside the stack is used; the program it belongs to is not loaded here.
    Account::of(Program::State).is_some_and(|account| decide(sk, &Ends::of(sk), &account) == Verdict::Match)
}

/// The kernel's first round-trip sample, by the rules of `tracer::measure::handshake`: of a client from its SYN to the
/// SYN-ACK, of a server from its SYN-ACK to the ACK.
#[inline(always)]
fn sample(tcp: KernelPtr, role: u8) -> Result<Took, usize> {
    // `srtt_us` is the sample times 8 (`tcp_rtt_estimator`, net/ipv4/tcp_input.c).
    let us = load::<u32>(tcp, offset!(tcp_srtt_us)) >> 3;
    if us == 0 {
        return Err(NO_SAMPLE);
    }
    if role == ROLE_SERVER && us % TIMESTAMP_US == 0 && !carried_data(tcp) {
        return Err(MAYBE_SYN_COOKIE);
    }
    Ok(Took { us, retransmitted: false })
}

/// Whether data came with the SYN: such a socket was made by the SYN itself, without a cookie in the SYN-ACK.
#[inline(always)]
fn carried_data(tcp: KernelPtr) -> bool {
    bit(tcp, offset!(tcp_syn_data_bit)) || bit(tcp, offset!(tcp_syn_data_acked_bit))
}

/// The time since the segment that was sent more than once was first sent.
#[inline(always)]
fn since_first(sk: Sock, role: u8) -> Result<Took, usize> {
    let unseen = if role == ROLE_CLIENT { START_NOT_SEEN } else { SYN_ACK_RETRANSMITTED };
    let cookie = sk.cookie();
    let Some(first) = first_sent(cookie) else { return Err(unseen) };
    let _ = FIRST_SENT.remove(cookie);
    if first == 0 {
        return Err(unseen);
    }
    // SAFETY: a helper call without arguments.
    let us = unsafe { bpf_ktime_get_ns() }.saturating_sub(first) / US_NS;
    Ok(Took { us: if us > u64::from(u32::MAX) { u32::MAX } else { us as u32 }, retransmitted: true })
}

/// The group that this connection, or this listener, belongs to.
#[inline(always)]
fn group(sk: Sock, role: u8) -> GroupKey {
    let mut key = GroupKey { addr: [0; 2], netns: 0, port: 0, role, other: 0 };
    let by = latency!(by);
    if by == BY_CGROUP {
        key.addr[0] = cgroup_id(sk);
        return key;
    }
    if by != BY_PORT || role == ROLE_CLIENT {
        let family = load::<u16>(sk.ptr(), offset!(sk_family)) as u8;
        let (_, remote) = addresses(sk, family);
        key.addr = if by == BY_NETWORK { network(remote) } else { remote };
    }
    if by != BY_PEER {
        key.netns = sk.netns();
        key.port =
            if role == ROLE_SERVER { load(sk.ptr(), offset!(sk_num)) } else { load_be16(sk.ptr(), offset!(sk_dport)) };
    }
    key
}

#[inline(always)]
fn network(addr: [u64; 2]) -> [u64; 2] {
    if is_mapped(addr) { [0, addr[1] & MAPPED_24] } else { [addr[0], 0] }
}

/// The histogram of a group on this CPU; `None` if there is no memory for one. Once there are too many groups, most of what
/// comes may be of others, so these are told apart first.
#[inline(always)]
fn histogram(group: GroupKey, retransmitted: bool, counters: &mut LatencyCounters) -> Option<*mut Histogram> {
    // SAFETY: a helper call without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let mut key = HistogramKey { group, cpu, retransmitted: u32::from(retransmitted) };
    if counters.full != 0 && GROUPS.get_ptr(group).is_none() {
        key.group = other(group.role);
    }
    if let Some(known) = HISTOGRAMS.get_ptr_mut(&key) {
        return Some(known);
    }
    if counters.full == 0 && !keeps_apart(&group, counters) {
        key.group = other(group.role);
    }
    let _ = HISTOGRAMS.insert(&key, &EMPTY, u64::from(BPF_NOEXIST));
    HISTOGRAMS.get_ptr_mut(&key)
}

/// All groups of a role beyond those that are kept apart.
#[inline(always)]
fn other(role: u8) -> GroupKey {
    GroupKey { addr: [0; 2], netns: 0, port: 0, role, other: 1 }
}

/// Gives a group a name of its own; false if there is no room.
#[inline(always)]
fn keeps_apart(group: &GroupKey, counters: &mut LatencyCounters) -> bool {
    match GROUPS.insert(group, 0, u64::from(BPF_NOEXIST)) {
        // It has one already, from another CPU.
        Ok(()) | Err(EEXIST) => true,
        Err(error) => {
            counters.full = u64::from(error == E2BIG);
            false
        }
    }
}

#[inline(always)]
fn count(histogram: *mut Histogram, took: Result<Took, usize>) {
    // SAFETY: a histogram of this CPU, see `HISTOGRAMS`.
    let histogram = unsafe { &mut *histogram };
    match took {
        Ok(Took { us, .. }) => {
            let mut place = bucket(us);
            // Volatile, or the compiler, which knows that it is a bucket, drops the check that the verifier needs.
            // SAFETY: a word of the stack.
            place = unsafe { (&raw const place).read_volatile() };
            if (place as usize) < BUCKETS {
                histogram.counts[place as usize] += 1;
            }
            if us > histogram.max_us {
                histogram.max_us = us;
            }
        }
        Err(NO_SAMPLE) => histogram.unknown[NO_SAMPLE] += 1,
        Err(MAYBE_SYN_COOKIE) => histogram.unknown[MAYBE_SYN_COOKIE] += 1,
        Err(SYN_ACK_RETRANSMITTED) => histogram.unknown[SYN_ACK_RETRANSMITTED] += 1,
        Err(_) => histogram.unknown[START_NOT_SEEN] += 1,
    }
}

/// Keeps when a SYN-ACK was first sent that is sent again.
///
/// `trace_tcp_retransmit_synack(const struct sock *sk, const struct request_sock *req)`, net/ipv4/tcp_output.c; `sk` is
/// the listener. With Fast Open the connection's socket is there already, and is `sk`.
#[inline(always)]
pub fn try_first_syn_ack(ctx: &BtfTracePointContext) -> Option<i32> {
    let sk = Sock::from_ptr(argument::<KernelPtr>(ctx, 0));
    let argument = argument::<KernelPtr>(ctx, 1).cast_mut().cast();
    // SAFETY: helper calls; the verifier checks the arguments' types.
    let (request, inherited) =
        unsafe { (bpf_skc_to_tcp_request_sock(argument) as KernelPtr, bpf_get_socket_cookie(argument)) };
    if request.is_null() {
        return None;
    }
    let cookie = if load::<u8>(sk.ptr(), offset!(sk_state)) == state::LISTEN { inherited } else { sk.cookie() };
    let first_us: u64 = load(request, offset!(req_snt_synack));
    let _ = FIRST_SENT.insert(cookie, first_us.wrapping_mul(US_NS), u64::from(BPF_ANY));
    None
}

/// Keeps when a SYN was first sent that is sent again.
///
/// `trace_tcp_retransmit_skb(const struct sock *sk, const struct sk_buff *skb, …)`, net/ipv4/tcp_output.c.
#[inline(always)]
pub fn try_first_syn(ctx: &BtfTracePointContext) -> Option<i32> {
    let sk = Sock::from_ptr(argument::<KernelPtr>(ctx, 0));
    if load::<u8>(sk.ptr(), offset!(sk_state)) != state::SYN_SENT {
        return None;
    }
    let tcp = sk.tcp();
    if tcp.is_null() {
        return None;
    }
    let _ = FIRST_SENT.insert(sk.cookie(), first_syn_ns(tcp), u64::from(BPF_ANY));
    None
}

/// When the SYN was first sent. `retrans_stamp` counts milliseconds (`tcp_time_stamp_ts`, include/net/tcp.h), or
/// microseconds where the route wants that (Linux 6.7): the middle of one.
#[inline(always)]
fn first_syn_ns(tcp: KernelPtr) -> u64 {
    let unit = if offset!(tcp_usec_ts_bit) != ABSENT && bit(tcp, offset!(tcp_usec_ts_bit)) { US_NS } else { MS_NS };
    // SAFETY: a helper call without arguments.
    let now = unsafe { bpf_ktime_get_ns() } / unit;
    let ago = (now as u32).wrapping_sub(load(tcp, offset!(tcp_retrans_stamp)));
    (now - u64::from(ago)) * unit + unit / 2
}
