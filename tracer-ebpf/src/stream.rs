//! One event from the tracepoint to the ring buffer.

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    btf_maps::{ArrayOfMaps, HashMap, RingBuf},
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::btf_map,
    programs::BtfTracePointContext,
};
use aya_log_ebpf::{debug, warn};
use tracer_common::{
    filter::Verdict,
    wire::{
        FLAG_CGROUP, FLAG_FIN_RECEIVED, FLAG_HELD, FLAG_OWNED, FLAG_RECOVERED, FLAG_REMOTE_UNKNOWN, FLAG_SENT,
        FLAG_UNDECIDED, KIND_TRANSITION, TransitionRecord,
    },
};

use crate::{
    account::{Account, Program},
    config::{config, offset},
    filter::{Ends, addresses, cgroup_id, decide, ifindex, netns},
    kernel::{KernelPtr, Sock, arguments, current_leader, load, load_be16, load_or},
};

/// Key: CPU times two, plus 0 for the first program and 1 for the second: each ring has one producer at a time, so an
/// unfinished record is always the last of its ring. Value: a ring buffer. Full: the record is lost and counted.
#[btf_map]
static RINGS: ArrayOfMaps<RingBuf<TransitionRecord, 4096>, 2> = ArrayOfMaps::new();

/// Key: address of the socket. Value: its first record, until a later transition decides the filter. Full: the record
/// is submitted undecided, and user space decides.
#[btf_map]
static HELD: HashMap<u64, TransitionRecord, 1> = HashMap::new();

const TCP_SYN_SENT: u8 = 2;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;
const TCP_LISTEN: u8 = 10;

/// Bit 1 of `sk_flags` (`enum sock_flags`, include/net/sock.h).
const SOCK_DONE: u8 = 1 << 1;

const IPPROTO_TCP: u16 = 6;

/// One event, as far as it is known before it is recorded.
struct Event {
    sk: Sock,
    tcp: KernelPtr,
    ends: Ends,
    old: u8,
    new: u8,
    flags: u8,
}

/// Claim, count, filter, submit.
#[inline(always)]
pub fn try_transition(ctx: &BtfTracePointContext, program: Program) -> Option<i32> {
    let (sk, old, new) = arguments(ctx);
    let account = Account::of(program)?;
    let owned = load::<u32>(sk.ptr(), offset!(sk_lock_owned)) != 0;
    if !account.claims(sk, owned, old, new) {
        return None;
    }
    let counters = account.counters();
    counters.handled += 1;
    if load::<u16>(sk.ptr(), offset!(sk_protocol)) != IPPROTO_TCP {
        counters.not_tcp += 1;
        return None;
    }
    counters.matrix[usize::from((old & 15) << 4 | new & 15)] += 1;
    if old == new {
        counters.same_state += 1;
        return None;
    }

    let mut event = observe(sk, owned, old, new);
    if program == Program::Second {
        event.flags |= FLAG_RECOVERED;
        // The cookie, not the address: a kernel pointer cannot be taken apart into the bytes of a message.
        debug!(ctx, "recovered {} -> {} of socket {}", old, new, sk.cookie());
    }
    let verdict = decide(sk, &event.ends, &account);
    if config!(filter.may_hold) != 0 {
        if waits_after(old) {
            release(ctx, &account, sk, verdict);
        }
        if verdict == Verdict::Undecided && starts_connection(old) && hold(&event, &account) {
            return None;
        }
    }
    match verdict {
        Verdict::NoMatch => {
            counters.filtered += 1;
            return None;
        }
        Verdict::Undecided => event.flags |= FLAG_UNDECIDED,
        Verdict::Match => {}
    }
    submit(ctx, &account, |slot| record(&event, slot));
    None
}

/// Reads what the filter needs and what tells the sockets apart.
#[inline(always)]
fn observe(sk: Sock, owned: bool, old: u8, new: u8) -> Event {
    let family = load::<u16>(sk.ptr(), offset!(sk_family)) as u8;
    let (local_addr, remote_addr) = addresses(sk, family);
    let remote_port = load_be16(sk.ptr(), offset!(sk_dport));
    let mut local_port: u16 = load(sk.ptr(), offset!(sk_num));
    // A socket that leaves CLOSE has nothing of interest beyond `struct sock` yet, nor has a listener or its clone.
    let tcp = if old == TCP_CLOSE || (old == TCP_LISTEN && local_port != 0) { core::ptr::null() } else { sk.tcp() };
    if local_port == 0 {
        // →CLOSE has cleared skc_num; inet_sport stays.
        local_port = if tcp.is_null() { 0 } else { load_be16(tcp, offset!(inet_sport)) };
    }
    // Before 6.15 the new socket is still a clone of the listener here (inet_csk_clone_lock).
    let remote_unknown = old == TCP_LISTEN && new == TCP_SYN_RECV && remote_port == 0;
    let mut flags = 0;
    if owned {
        flags |= FLAG_OWNED;
    }
    if remote_unknown {
        flags |= FLAG_REMOTE_UNKNOWN;
    }
    Event {
        sk,
        tcp,
        ends: Ends { family, local_addr, remote_addr, local_port, remote_port, remote_unknown },
        old,
        new,
        flags,
    }
}

/// Writes every word of the record; a struct literal would become a byte loop or a copy.
#[inline(always)]
fn record(event: &Event, slot: *mut TransitionRecord) {
    let Event { sk, tcp, ends, .. } = event;
    let (leader, pid) = if event.flags & FLAG_OWNED != 0 { current_leader() } else { (core::ptr::null(), 0) };
    let comm = offset!(task_comm);
    let cgroup = cgroup_id(*sk);
    let mut flags = event.flags;
    if cgroup != 0 {
        flags |= FLAG_CGROUP;
    }
    if load::<u8>(sk.ptr(), offset!(sk_flags)) & SOCK_DONE != 0 {
        flags |= FLAG_FIN_RECEIVED;
    }
    let cookie = if event.flags & FLAG_REMOTE_UNKNOWN != 0 { 0 } else { sk.cookie() };
    if load_or::<u32>(*tcp, offset!(tcp_segs_out), 0) != 0 {
        flags |= FLAG_SENT;
    }
    let written: u32 = load_or(*tcp, offset!(tcp_write_seq), 0);
    let unacked = written.wrapping_sub(load_or(*tcp, offset!(tcp_snd_una), 0));
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
        (*slot).netns = netns(*sk);
        (*slot).uid = load_or(sk.ptr(), offset!(sk_uid), 0);
        (*slot).pid = pid;
        (*slot).srtt_us8 = load_or(*tcp, offset!(tcp_srtt_us), 0);
        (*slot).total_retrans = load_or(*tcp, offset!(tcp_total_retrans), 0);
        (*slot).ifindex = ifindex(*sk);
        (*slot).local_port = ends.local_port;
        (*slot).remote_port = ends.remote_port;
        (*slot).error = load_or::<u32>(sk.ptr(), offset!(sk_err), 0) as u16;
        (*slot).family = ends.family;
        (*slot).old_state = event.old;
        (*slot).new_state = event.new;
        (*slot).shutdown = load_or(sk.ptr(), offset!(sk_shutdown), 0);
        (*slot).flags = flags;
        (*slot).kind = KIND_TRANSITION;
        (*slot).unacked = unacked;
        (*slot).comm = [load_or(leader, comm, 0), load_or(leader, comm.wrapping_add(8), 0)];
    }
}

/// Reserves a slot on this CPU's ring of this program, lets `write` fill it, and submits it.
#[inline(always)]
fn submit(ctx: &BtfTracePointContext, account: &Account, write: impl FnOnce(*mut TransitionRecord)) {
    let counters = account.counters();
    // SAFETY: a helper call without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let slot = RINGS.get(cpu * 2 + account.program() as u32).and_then(|ring| ring.reserve(0));
    let Some(mut slot) = slot else {
        counters.reserve_failed += 1;
        warn!(ctx, "ring buffer of CPU {} is full", cpu);
        return;
    };
    write(slot.as_mut_ptr());
    counters.submitted += 1;
    // A reader that is always caught up is the expensive case: it is woken by amount, and looks by itself on a timer.
    let wake = account.announces(config!(wake_every));
    slot.submit(u64::from(if wake { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }));
}

/// Whether a socket leaving `old` is at its first transition.
#[inline(always)]
fn starts_connection(old: u8) -> bool {
    old == TCP_CLOSE || old == TCP_LISTEN
}

/// Whether a socket leaving `old` may have a record in the hold map.
#[inline(always)]
fn waits_after(old: u8) -> bool {
    old == TCP_SYN_SENT || old == TCP_SYN_RECV || old == TCP_LISTEN
}

/// Keeps the record for later; false if there is no room.
#[inline(always)]
fn hold(event: &Event, account: &Account) -> bool {
    let kept = &mut account.scratch().record;
    record(event, kept);
    kept.flags |= FLAG_HELD;
    let inserted = HELD.insert(event.sk.address(), &*kept, u64::from(BPF_ANY)).is_ok();
    if inserted {
        account.counters().held += 1;
    }
    inserted
}

/// Submits or discards what was held for this socket, now that more is known.
#[inline(always)]
fn release(ctx: &BtfTracePointContext, account: &Account, sk: Sock, verdict: Verdict) {
    let key = sk.address();
    let Some(kept) = HELD.get_ptr(key) else { return };
    let counters = account.counters();
    counters.released += 1;
    if verdict == Verdict::NoMatch {
        counters.filtered += 1;
    } else {
        submit(ctx, account, |slot| {
            // SAFETY: both are whole records; the entry is not removed before the copy is made.
            unsafe {
                let (from, to) = (kept.cast::<u64>(), slot.cast::<u64>());
                let mut word = 0;
                while word < tracer_common::wire::TRANSITION_LEN / 8 {
                    to.add(word).write(from.add(word).read_volatile());
                    word += 1;
                }
            }
        });
    }
    let _ = HELD.remove(key);
}
