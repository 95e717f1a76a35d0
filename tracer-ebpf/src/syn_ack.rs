//! A SYN-ACK that was sent once more, so that the latency of its handshake can be counted from the first one.

use aya_ebpf::{
    helpers::{bpf_get_socket_cookie, bpf_skc_to_tcp_request_sock},
    programs::BtfTracePointContext,
};
use tracer_common::{
    filter::Verdict,
    wire::{FLAG_UNDECIDED, KIND_SYN_ACK_RETRANSMIT},
};

use crate::{
    account::{Account, Program},
    config::offset,
    filter::{Ends, Place, decide},
    kernel::{KernelPtr, Sock, argument, load},
    record::state,
    ring::Slot,
};

/// `trace_tcp_retransmit_synack(const struct sock *sk, const struct request_sock *req)`, net/ipv4/tcp_output.c; `sk` is
/// the listener. The socket that is made when the handshake completes has the request's cookie (`inet_csk_clone_lock`). With
/// Fast Open it is there already, and is `sk`.
#[inline(always)]
pub fn try_retransmit_syn_ack(ctx: &BtfTracePointContext) -> Option<i32> {
    let sk = Sock::from_ptr(argument::<KernelPtr>(ctx, 0));
    let account = Account::of(Program::SynAck)?;
    let counters = account.counters();
    counters.handled += 1;
    let argument = argument::<KernelPtr>(ctx, 1).cast_mut().cast();
    // SAFETY: helper calls; the verifier checks the arguments' types.
    let (request, inherited) =
        unsafe { (bpf_skc_to_tcp_request_sock(argument) as KernelPtr, bpf_get_socket_cookie(argument)) };
    if request.is_null() {
        counters.not_tcp += 1;
        return None;
    }
    // A request begins as a socket does (`struct sock_common`).
    let ends = Ends::of(Sock::from_ptr(request));
    let cookie = if load::<u8>(sk.ptr(), offset!(sk_state)) == state::LISTEN { inherited } else { sk.cookie() };
    let flags = match decide(sk, &ends, &account) {
        Verdict::NoMatch => {
            counters.filtered += 1;
            return None;
        }
        Verdict::Undecided => FLAG_UNDECIDED,
        Verdict::Match => 0,
    };
    let first_us: u64 = load(request, offset!(req_snt_synack));
    let mut slot = Slot::reserve(ctx, &account)?;
    let record = slot.cleared();
    // SAFETY: a whole record in a ring.
    unsafe {
        (*record).time_ns = first_us.wrapping_mul(1000);
        (*record).cookie = cookie;
        (*record).local_addr = ends.local_addr;
        (*record).remote_addr = ends.remote_addr;
        (*record).netns = sk.netns();
        (*record).local_port = ends.local_port;
        (*record).remote_port = ends.remote_port;
        (*record).family = ends.family;
        (*record).kind = KIND_SYN_ACK_RETRANSMIT;
        (*record).flags = flags;
    }
    slot.submit(&account);
    None
}
