//! The sockets that exist already, one record each, written to whoever reads the iterator.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_ns, bpf_skc_to_tcp_sock, bpf_skc_to_tcp_timewait_sock};
use tracer_common::wire::{ABSENT, FLAG_DEFER_ACCEPT, FLAG_ENTRY_STAMP, SocketRecord};

use crate::{
    config::offset,
    filter::{Place, addresses},
    kernel::{KernelPtr, Sock, follow, load, load_be16, load_or},
};

/// `struct bpf_iter__tcp`, net/ipv4/tcp_ipv4.c.
#[repr(C)]
pub struct Context {
    meta: *const Meta,
    sk_common: KernelPtr,
}

/// The beginning of `struct bpf_iter_meta`, include/linux/bpf.h.
#[repr(C)]
struct Meta {
    seq: *mut aya_ebpf::bindings::seq_file,
}

/// Writes a record about a full socket or a timewait socket; requests have no owner and are left out.
///
/// # Safety
/// `ctx` is what the kernel passes to a program of type `iter/tcp`.
#[inline(always)]
pub unsafe fn try_socket(ctx: *const Context) -> Option<()> {
    // SAFETY: the verifier checks each access to the context and to what it points to.
    let (seq, skc) =
        unsafe { ((*(&raw const (*ctx).meta).read_volatile()).seq, (&raw const (*ctx).sk_common).read_volatile()) };
    if skc.is_null() {
        return None;
    }
    let mut record = MaybeUninit::<SocketRecord>::uninit();
    let slot = record.as_mut_ptr();
    // SAFETY: a helper call; the verifier checks the argument's type.
    let tcp = unsafe { bpf_skc_to_tcp_sock(skc.cast_mut().cast()) } as KernelPtr;
    if !tcp.is_null() {
        // A tcp_sock begins with its sock.
        let sk = Sock::from_ptr(tcp);
        let defers = load_or::<u8>(tcp, offset!(icsk_defer_accept), 0) != 0;
        let inode = load_or(follow_inode(tcp), offset!(inode_ino), 0);
        // SAFETY: `slot` is a whole record; volatile, so that no loop over its bytes clears it first.
        unsafe {
            (&raw mut (*slot).cookie).write_volatile(sk.cookie());
            (&raw mut (*slot).inode).write_volatile(inode);
            (&raw mut (*slot).sock).write_volatile(0);
            (&raw mut (*slot).expires).write_volatile(0);
            (&raw mut (*slot).handler).write_volatile(0);
            (&raw mut (*slot).flags).write_volatile(if defers { FLAG_DEFER_ACCEPT } else { 0 });
            (&raw mut (*slot).substate).write_volatile(0);
            (&raw mut (*slot).entry_stamp_ms).write_volatile(0);
            common(sk, slot);
        }
    } else if offset!(tw_timer) != ABSENT {
        // SAFETY: a helper call; the verifier checks the argument's type.
        let timewait = unsafe { bpf_skc_to_tcp_timewait_sock(skc.cast_mut().cast()) } as KernelPtr;
        if timewait.is_null() {
            return None;
        }
        let stamp = offset!(tw_entry_stamp);
        let timer = offset!(tw_timer);
        // SAFETY: as above.
        unsafe {
            (&raw mut (*slot).cookie).write_volatile(load(timewait, offset!(sk_cookie)));
            (&raw mut (*slot).inode).write_volatile(0);
            (&raw mut (*slot).sock).write_volatile(timewait as u64);
            (&raw mut (*slot).expires).write_volatile(load(timewait, timer + offset!(timer_expires)));
            (&raw mut (*slot).handler).write_volatile(load(timewait, timer + offset!(timer_function)));
            (&raw mut (*slot).flags).write_volatile(if stamp == ABSENT { 0 } else { FLAG_ENTRY_STAMP });
            (&raw mut (*slot).substate).write_volatile(load(timewait, offset!(tw_substate)));
            (&raw mut (*slot).entry_stamp_ms).write_volatile(load_or(timewait, stamp, 0));
            common(Sock::from_ptr(timewait), slot);
        }
    } else {
        return None;
    }
    // What does not fit into the kernel's buffer is asked for again by the iterator itself.
    // SAFETY: a whole record.
    unsafe { aya_ebpf::helpers::bpf_seq_write(seq, slot.cast(), size_of::<SocketRecord>() as u32) };
    Some(())
}

/// Writes what a full socket and a timewait socket share (`struct sock_common`), and the time.
///
/// # Safety
/// `slot` is a whole record.
#[inline(always)]
unsafe fn common(sk: Sock, slot: *mut SocketRecord) {
    let family = load::<u16>(sk.ptr(), offset!(sk_family)) as u8;
    let (local_addr, remote_addr) = addresses(sk, family);
    // SAFETY: the caller's; the helpers have no arguments.
    unsafe {
        (&raw mut (*slot).time_ns).write_volatile(bpf_ktime_get_ns());
        (&raw mut (*slot).jiffies).write_volatile(bpf_jiffies64());
        (&raw mut (*slot).local_addr).write_volatile(local_addr);
        (&raw mut (*slot).remote_addr).write_volatile(remote_addr);
        (&raw mut (*slot).netns).write_volatile(sk.netns());
        (&raw mut (*slot).local_port).write_volatile(load(sk.ptr(), offset!(sk_num)));
        (&raw mut (*slot).remote_port).write_volatile(load_be16(sk.ptr(), offset!(sk_dport)));
        (&raw mut (*slot).family).write_volatile(family);
        (&raw mut (*slot).state).write_volatile(load(sk.ptr(), offset!(sk_state)));
        (&raw mut (*slot).reserved).write_volatile(0);
        (&raw mut (*slot).ifindex).write_volatile(load(sk.ptr(), offset!(sk_bound_dev_if)));
    }
}

/// The inode by which /proc/PID/fd names the socket; null before `accept()` and after the last descriptor is closed.
#[inline(always)]
fn follow_inode(tcp: KernelPtr) -> KernelPtr {
    follow(follow(follow(tcp, offset!(sk_socket)), offset!(socket_file)), offset!(file_inode))
}
