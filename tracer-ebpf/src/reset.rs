//! An RST that was sent or accepted.

use aya_ebpf::{helpers::bpf_ktime_get_ns, programs::BtfTracePointContext};
use tracer_common::{
    filter::Verdict,
    wire::{
        FLAG_OWNED, FLAG_RECOVERED, FLAG_REMOTE_UNKNOWN, FLAG_UNDECIDED, KIND_RESET_ABORT, KIND_RESET_ANSWER,
        KIND_RESET_RECEIVED,
    },
};

use crate::{
    account::{Account, Claim, Program, Raised},
    config::{config, offset},
    filter::{Ends, Place, decide},
    kernel::{KernelPtr, Sock, argument, load},
    packet::Packet,
    record::{Event, ends, record, state},
    ring::Slot,
};

/// `trace_tcp_send_reset(const struct sock *sk, const struct sk_buff *skb, const enum sk_rst_reason reason)`, the last
/// since 6.10 (net/ipv4/tcp_ipv4.c, net/ipv4/tcp_output.c). `sk` may be null, a timewait socket or a listener; without
/// `skb` it was no packet that asked for it.
#[inline(always)]
pub fn try_send_reset(ctx: &BtfTracePointContext, program: Program) -> Option<i32> {
    let sk: KernelPtr = argument(ctx, 0);
    let skb: KernelPtr = argument(ctx, 1);
    let reason = if config!(reset_reason) != 0 { argument::<u64>(ctx, 2) as u8 } else { 0 };
    let account = Account::of(program)?;
    let tcp = if sk.is_null() { core::ptr::null() } else { Sock::from_ptr(sk).tcp() };
    if !tcp.is_null() {
        // A tcp_sock begins with its sock.
        let sk = Sock::from_ptr(tcp);
        let own = load::<u8>(tcp, offset!(sk_state));
        let (kind, flags, is_known) = if skb.is_null() {
            (KIND_RESET_ABORT, claim_locked(&account, sk, KIND_RESET_ABORT, own)?, true)
        } else if answers(&account, Packet::from_ptr(skb)) {
            (KIND_RESET_ANSWER, 0, own != state::LISTEN)
        } else {
            return None;
        };
        let ends = if is_known { ends(sk, tcp, own, own) } else { Packet::from_ptr(skb).ends(account.scratch()) };
        of_socket(ctx, &account, Event { sk, tcp, ends, kind, old: own, new: own, reason, flags });
    } else if !skb.is_null() {
        of_packet(ctx, &account, sk, Packet::from_ptr(skb), reason);
    }
    None
}

/// `trace_tcp_receive_reset(struct sock *sk)`, net/ipv4/tcp_input.c.
#[inline(always)]
pub fn try_receive_reset(ctx: &BtfTracePointContext, program: Program) -> Option<i32> {
    let sk = Sock::from_ptr(argument::<KernelPtr>(ctx, 0));
    let account = Account::of(program)?;
    let tcp = sk.tcp();
    if tcp.is_null() {
        return None;
    }
    let own = load::<u8>(tcp, offset!(sk_state));
    let sk = Sock::from_ptr(tcp);
    let flags = claim_locked(&account, sk, KIND_RESET_RECEIVED, own)?;
    let ends = ends(sk, tcp, own, own);
    of_socket(ctx, &account, Event { sk, tcp, ends, kind: KIND_RESET_RECEIVED, old: own, new: own, reason: 0, flags });
    None
}

/// The flags of what happened to a locked socket, if this program is the one to handle it.
#[inline(always)]
fn claim_locked(account: &Account, sk: Sock, kind: u8, own: u8) -> Option<u32> {
    let owned = load::<u32>(sk.ptr(), offset!(sk_lock_owned)) != 0;
    let raised = if owned { Raised::ByOwner } else { Raised::Undisturbed };
    let claimed = account.claims(Claim { address: sk.address(), raised, kind, old: own, new: own });
    claimed.then_some(if owned { FLAG_OWNED } else { 0 })
}

/// Whether this program is the one to handle the answer to a packet. The socket that answers may be a listener or one
/// that is just made: it is not locked here, and if its lock is owned then by somebody else.
#[inline(always)]
fn answers(account: &Account, packet: Packet) -> bool {
    let (address, raised) = (packet.address(), Raised::ForPacket);
    account.claims(Claim { address, raised, kind: KIND_RESET_ANSWER, old: 0, new: 0 })
}

/// Count, filter, submit: of a full socket.
#[inline(always)]
fn of_socket(ctx: &BtfTracePointContext, account: &Account, mut event: Event) {
    let sk = event.sk;
    if event.ends.remote_unknown {
        event.flags |= FLAG_REMOTE_UNKNOWN;
    }
    if let Some(flags) = passes(account, sk, &event.ends) {
        event.flags |= flags;
        if let Some(mut slot) = Slot::reserve(ctx, account) {
            record(&event, slot.record());
            slot.submit(account);
        }
    }
}

/// The same, without a full socket: all there is to know comes from the packet, or from the timewait socket.
#[inline(always)]
fn of_packet(ctx: &BtfTracePointContext, account: &Account, sk: KernelPtr, packet: Packet, reason: u8) {
    if !answers(account, packet) {
        return;
    }
    let (own, cookie, ends) = if sk.is_null() {
        (0, 0, packet.ends(account.scratch()))
    } else {
        (load::<u8>(sk, offset!(sk_state)), load::<u64>(sk, offset!(sk_cookie)), Ends::of(Sock::from_ptr(sk)))
    };
    let Some(mut flags) = passes(account, packet, &ends) else { return };
    if ends.remote_unknown {
        flags |= FLAG_REMOTE_UNKNOWN;
    }
    let Some(mut slot) = Slot::reserve(ctx, account) else { return };
    let record = slot.cleared();
    // SAFETY: a whole record in a ring.
    unsafe {
        (*record).time_ns = bpf_ktime_get_ns();
        (*record).cookie = cookie;
        (*record).sock = sk as u64;
        (*record).local_addr = ends.local_addr;
        (*record).remote_addr = ends.remote_addr;
        (*record).netns = packet.netns();
        (*record).ifindex = packet.ifindex();
        (*record).local_port = ends.local_port;
        (*record).remote_port = ends.remote_port;
        (*record).family = ends.family;
        (*record).old_state = own;
        (*record).new_state = own;
        (*record).reason = reason;
        (*record).kind = KIND_RESET_ANSWER;
        (*record).flags = flags;
    }
    slot.submit(account);
}

/// The flags to add if the event is to be shown; counts it otherwise.
#[inline(always)]
fn passes(account: &Account, place: impl Place, ends: &Ends) -> Option<u32> {
    let counters = account.counters();
    counters.handled += 1;
    let recovered = if account.program().is_second() { FLAG_RECOVERED } else { 0 };
    match decide(place, ends, account) {
        Verdict::NoMatch => {
            counters.filtered += 1;
            None
        }
        Verdict::Undecided => Some(FLAG_UNDECIDED | recovered),
        Verdict::Match => Some(recovered),
    }
}
