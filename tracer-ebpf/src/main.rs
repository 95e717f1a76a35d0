//! tracer's kernel side: what happens on the tracepoints of TCP.
//!
//! Filter, fill, submit; nothing about a connection is remembered here (user space does that), but for the rare record
//! whose filter cannot be decided yet. Two programs sit on a tracepoint that tasks raise: while a program runs, the kernel
//! skips it for events that a softirq raises on the same CPU (`recursion_misses`), and the second one catches those.
//!
//! `tracer latency` has programs of its own, which stream nothing (latency.rs).
#![cfg_attr(target_arch = "bpf", no_std, no_main)]

#[cfg(target_arch = "bpf")]
mod account;
#[cfg(target_arch = "bpf")]
mod config;
#[cfg(target_arch = "bpf")]
mod filter;
#[cfg(target_arch = "bpf")]
mod kernel;
#[cfg(target_arch = "bpf")]
mod latency;
#[cfg(target_arch = "bpf")]
mod packet;
#[cfg(target_arch = "bpf")]
mod record;
#[cfg(target_arch = "bpf")]
mod reset;
#[cfg(target_arch = "bpf")]
mod ring;
#[cfg(target_arch = "bpf")]
mod sockets;
#[cfg(target_arch = "bpf")]
mod syn_ack;
#[cfg(target_arch = "bpf")]
mod timer;
#[cfg(target_arch = "bpf")]
mod transition;

#[cfg(target_arch = "bpf")]
mod programs {
    use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

    use crate::{
        account::Program,
        latency::{try_first_syn, try_first_syn_ack, try_latency},
        reset::{try_receive_reset, try_send_reset},
        sockets::{Context, try_socket},
        syn_ack::try_retransmit_syn_ack,
        timer::try_timer,
        transition::try_transition,
    };

    /// Takes every state change the kernel lets it see.
    #[btf_tracepoint(function = "inet_sock_set_state")]
    pub fn tracer_state(ctx: BtfTracePointContext) -> i32 {
        try_transition(&ctx, Program::State).unwrap_or(0)
    }

    /// Runs after [`tracer_state`] on each event and takes those that one was skipped for.
    #[btf_tracepoint(function = "inet_sock_set_state")]
    pub fn tracer_state_2(ctx: BtfTracePointContext) -> i32 {
        try_transition(&ctx, Program::StateAgain).unwrap_or(0)
    }

    /// Takes every RST that TCP sends.
    #[btf_tracepoint(function = "tcp_send_reset")]
    pub fn tracer_sent(ctx: BtfTracePointContext) -> i32 {
        try_send_reset(&ctx, Program::SendReset).unwrap_or(0)
    }

    /// Takes those that [`tracer_sent`] was skipped for.
    #[btf_tracepoint(function = "tcp_send_reset")]
    pub fn tracer_sent_2(ctx: BtfTracePointContext) -> i32 {
        try_send_reset(&ctx, Program::SendResetAgain).unwrap_or(0)
    }

    /// Takes every RST that a socket accepts.
    #[btf_tracepoint(function = "tcp_receive_reset")]
    pub fn tracer_recv(ctx: BtfTracePointContext) -> i32 {
        try_receive_reset(&ctx, Program::ReceiveReset).unwrap_or(0)
    }

    /// Takes those that [`tracer_recv`] was skipped for.
    #[btf_tracepoint(function = "tcp_receive_reset")]
    pub fn tracer_recv_2(ctx: BtfTracePointContext) -> i32 {
        try_receive_reset(&ctx, Program::ReceiveResetAgain).unwrap_or(0)
    }

    /// Takes every SYN-ACK that is sent once more.
    #[btf_tracepoint(function = "tcp_retransmit_synack")]
    pub fn tracer_syn_ack(ctx: BtfTracePointContext) -> i32 {
        try_retransmit_syn_ack(&ctx).unwrap_or(0)
    }

    /// Takes the starts of timewait sockets' timers.
    #[btf_tracepoint(function = "timer_start")]
    pub fn tracer_tw_start(ctx: BtfTracePointContext) -> i32 {
        try_timer(&ctx, Program::TimerStart).unwrap_or(0)
    }

    /// Takes the cancellations of timewait sockets' timers.
    #[btf_tracepoint(function = "timer_cancel")]
    pub fn tracer_tw_cancel(ctx: BtfTracePointContext) -> i32 {
        try_timer(&ctx, Program::TimerCancel).unwrap_or(0)
    }

    /// Takes the ends of timewait sockets whose time is over.
    #[btf_tracepoint(function = "timer_expire_entry")]
    pub fn tracer_tw_expire(ctx: BtfTracePointContext) -> i32 {
        try_timer(&ctx, Program::TimerExpire).unwrap_or(0)
    }

    /// Adds up how long handshakes took.
    #[btf_tracepoint(function = "inet_sock_set_state")]
    pub fn tracer_latency(ctx: BtfTracePointContext) -> i32 {
        try_latency(&ctx).unwrap_or(0)
    }

    /// Remembers, for [`tracer_latency`], the first SYN-ACK of those that are sent once more.
    #[btf_tracepoint(function = "tcp_retransmit_synack")]
    pub fn tracer_synack_1(ctx: BtfTracePointContext) -> i32 {
        try_first_syn_ack(&ctx).unwrap_or(0)
    }

    /// Remembers, for [`tracer_latency`], the first SYN of those that are sent once more.
    #[btf_tracepoint(function = "tcp_retransmit_skb")]
    pub fn tracer_syn_1(ctx: BtfTracePointContext) -> i32 {
        try_first_syn(&ctx).unwrap_or(0)
    }

    /// Tells of each socket that exists already, to whoever reads the iterator.
    #[unsafe(link_section = "iter/tcp")]
    #[unsafe(no_mangle)]
    extern "C" fn tracer_sockets(ctx: *const Context) -> i32 {
        // SAFETY: the section says what the kernel passes.
        unsafe { try_socket(ctx) };
        0
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

/// Nothing to run on the host: the workspace's lints and tests build this crate for it too.
#[cfg(not(target_arch = "bpf"))]
fn main() {}
