//! The sockets that exist already, one record each, written to whoever reads the iterator.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::bpf_skc_to_tcp_sock;
use tracer_common::wire::{FLAG_DEFER_ACCEPT, SocketRecord};

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

/// Writes a record about a full socket; request and timewait sockets have no owner and are left out.
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
    // SAFETY: a helper call; the verifier checks the argument's type.
    let tcp = unsafe { bpf_skc_to_tcp_sock(skc.cast_mut().cast()) } as KernelPtr;
    if tcp.is_null() {
        return None;
    }
    // A tcp_sock begins with its sock.
    let sk = Sock::from_ptr(tcp);
    let family = load::<u16>(tcp, offset!(sk_family)) as u8;
    let (local_addr, remote_addr) = addresses(sk, family);
    let defers = load_or::<u8>(tcp, offset!(icsk_defer_accept), 0) != 0;
    let inode = load_or(follow_inode(tcp), offset!(inode_ino), 0);
    let mut record = MaybeUninit::<SocketRecord>::uninit();
    let slot = record.as_mut_ptr();
    // SAFETY: `slot` is a whole record; volatile, so that no loop over its bytes clears it first.
    unsafe {
        (&raw mut (*slot).cookie).write_volatile(sk.cookie());
        (&raw mut (*slot).inode).write_volatile(inode);
        (&raw mut (*slot).local_addr).write_volatile(local_addr);
        (&raw mut (*slot).remote_addr).write_volatile(remote_addr);
        (&raw mut (*slot).netns).write_volatile(sk.netns());
        (&raw mut (*slot).local_port).write_volatile(load(tcp, offset!(sk_num)));
        (&raw mut (*slot).remote_port).write_volatile(load_be16(tcp, offset!(sk_dport)));
        (&raw mut (*slot).family).write_volatile(family);
        (&raw mut (*slot).state).write_volatile(load(tcp, offset!(sk_state)));
        (&raw mut (*slot).flags).write_volatile(if defers { FLAG_DEFER_ACCEPT } else { 0 });
        (&raw mut (*slot).reserved).write_volatile([0; 2]);
        // What does not fit into the kernel's buffer is asked for again by the iterator itself.
        aya_ebpf::helpers::bpf_seq_write(seq, slot.cast(), size_of::<SocketRecord>() as u32);
    }
    Some(())
}

/// The inode by which /proc/PID/fd names the socket; null before `accept()` and after the last descriptor is closed.
#[inline(always)]
fn follow_inode(tcp: KernelPtr) -> KernelPtr {
    follow(follow(follow(tcp, offset!(sk_socket)), offset!(socket_file)), offset!(file_inode))
}
