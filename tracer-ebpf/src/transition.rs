//! A state change, from the tracepoint to the ring buffer.

use aya_ebpf::{bindings::BPF_ANY, btf_maps::HashMap, macros::btf_map, programs::BtfTracePointContext};
use aya_log_ebpf::debug;
use tracer_common::{
    filter::Verdict,
    wire::{
        EVENT_LEN, EventRecord, FLAG_HELD, FLAG_OWNED, FLAG_RECOVERED, FLAG_REMOTE_UNKNOWN, FLAG_UNDECIDED,
        KIND_TRANSITION,
    },
};

use crate::{
    account::{Account, Claim, Program, Raised},
    config::{config, offset},
    filter::decide,
    kernel::{KernelPtr, Sock, argument, load},
    record::{Event, ends, record, state},
    ring::Slot,
};

/// Key: address of the socket. Value: its first record, until a later transition decides the filter. Full: the record
/// is submitted undecided, and user space decides.
#[btf_map]
static HELD: HashMap<u64, EventRecord, 1> = HashMap::new();

const IPPROTO_TCP: u16 = 6;

/// Claim, count, filter, submit.
///
/// `trace_inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)`, net/ipv4/af_inet.c.
#[inline(always)]
pub fn try_transition(ctx: &BtfTracePointContext, program: Program) -> Option<i32> {
    let sk = Sock::from_ptr(argument::<KernelPtr>(ctx, 0));
    let (old, new) = (argument::<u64>(ctx, 1) as u8, argument::<u64>(ctx, 2) as u8);
    let account = Account::of(program)?;
    let owned = load::<u32>(sk.ptr(), offset!(sk_lock_owned)) != 0;
    let raised = if owned { Raised::ByOwner } else { Raised::Undisturbed };
    if !account.claims(Claim { address: sk.address(), raised, kind: KIND_TRANSITION, old, new }) {
        return None;
    }
    let counters = account.counters();
    counters.handled += 1;
    if load::<u16>(sk.ptr(), offset!(sk_protocol)) != IPPROTO_TCP {
        counters.not_tcp += 1;
        return None;
    }
    account.count_transition(old, new);
    if old == new {
        counters.same_state += 1;
        return None;
    }

    let mut event = observe(sk, owned, old, new);
    if program.is_second() {
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
    let mut slot = Slot::reserve(ctx, &account)?;
    record(&event, slot.record());
    slot.submit(&account);
    None
}

/// Reads what the filter needs and what tells the sockets apart.
#[inline(always)]
fn observe(sk: Sock, owned: bool, old: u8, new: u8) -> Event {
    let num: u16 = load(sk.ptr(), offset!(sk_num));
    // A socket that leaves CLOSE has nothing of interest beyond `struct sock` yet, unless it is to listen, nor has a
    // listener or its clone.
    let is_plain = (old == state::CLOSE && new != state::LISTEN) || (old == state::LISTEN && num != 0);
    let tcp = if is_plain { core::ptr::null() } else { sk.tcp() };
    let ends = ends(sk, tcp, old, new);
    let mut flags = 0;
    if owned {
        flags |= FLAG_OWNED;
    }
    if ends.remote_unknown {
        flags |= FLAG_REMOTE_UNKNOWN;
    }
    Event { sk, tcp, ends, kind: KIND_TRANSITION, old, new, reason: 0, flags }
}

/// Whether a socket leaving `old` is at its first transition.
#[inline(always)]
fn starts_connection(old: u8) -> bool {
    old == state::CLOSE || old == state::LISTEN
}

/// Whether a socket leaving `old` may have a record in the hold map.
#[inline(always)]
fn waits_after(old: u8) -> bool {
    old == state::SYN_SENT || old == state::SYN_RECV || old == state::LISTEN
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
    } else if let Some(mut slot) = Slot::reserve(ctx, account) {
        // SAFETY: both are whole records; the entry is not removed before the copy is made.
        unsafe {
            let (from, to) = (kept.cast::<u64>(), slot.record().cast::<u64>());
            let mut word = 0;
            while word < EVENT_LEN / 8 {
                to.add(word).write(from.add(word).read_volatile());
                word += 1;
            }
        }
        slot.submit(account);
    }
    let _ = HELD.remove(key);
}
