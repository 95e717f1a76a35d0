//! The timers of timewait sockets, which are all that tells of them: they change state without a tracepoint.
//!
//! The kernel's types lead from a timewait socket to its timer and not back, so the socket is read by
//! `bpf_probe_read_kernel`, which lockdown=confidentiality refuses; then these programs are not loaded.

use aya_ebpf::{
    EbpfContext as _,
    helpers::{
        bpf_get_current_pid_tgid, bpf_get_current_task_btf, bpf_jiffies64, bpf_ktime_get_ns,
        generated::{bpf_probe_read_kernel, bpf_task_pt_regs},
    },
    programs::BtfTracePointContext,
};
use tracer_common::{
    filter::{AF_INET6, Verdict},
    wire::{
        ABSENT, FLAG_ENTRY_STAMP, FLAG_IN_TASK, FLAG_NETNS_DEAD, FLAG_UNDECIDED, KIND_TIMER_CANCEL, KIND_TIMER_EXPIRE,
        KIND_TIMER_START, TIMEWAIT_LEN,
    },
};

use crate::{
    account::{Account, Program},
    config::{TIMER, config, constant, offset},
    filter::{Ends, Place, decide, mapped},
    kernel::{KernelPtr, argument, load, load_or},
    ring::Slot,
};

/// Kernel thread (include/linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;

/// A copy of the beginning of a `struct inet_timewait_sock`.
#[derive(Clone, Copy)]
struct TimeWait(*const u8);

impl TimeWait {
    #[inline(always)]
    fn load<T: Copy>(self, at: u32) -> T {
        // SAFETY: within the copy, or the verifier refuses the program. Volatile, as in `kernel::load`.
        unsafe { self.0.wrapping_add(at as usize).cast::<T>().read_volatile() }
    }

    #[inline(always)]
    fn ends(self) -> Ends {
        let family = self.load::<u16>(offset!(sk_family)) as u8;
        let (v6_local, v6_remote) = (offset!(sk_v6_rcv_saddr), offset!(sk_v6_daddr));
        let (local_addr, remote_addr) = if family == AF_INET6 && v6_local != ABSENT && v6_remote != ABSENT {
            let read = |at: u32| [self.load(at), self.load(at + 8)];
            (read(v6_local), read(v6_remote))
        } else {
            (mapped(self.load(offset!(sk_rcv_saddr))), mapped(self.load(offset!(sk_daddr))))
        };
        let dport = offset!(sk_dport);
        Ends {
            family,
            local_addr,
            remote_addr,
            local_port: self.load(offset!(sk_num)),
            // Byte by byte, as in `kernel::load_be16`.
            remote_port: u16::from(self.load::<u8>(dport)) << 8 | u16::from(self.load::<u8>(dport + 1)),
            remote_unknown: false,
        }
    }
}

/// Where it is: its namespace as a number, for the filter.
#[derive(Clone, Copy)]
struct Whereabouts {
    netns: u32,
    ifindex: u32,
}

impl Place for Whereabouts {
    const HAS_CGROUP: bool = false;

    #[inline(always)]
    fn netns(self) -> u32 {
        self.netns
    }

    #[inline(always)]
    fn net(self) -> KernelPtr {
        core::ptr::null()
    }

    #[inline(always)]
    fn ifindex(self) -> u32 {
        self.ifindex
    }

    #[inline(always)]
    fn cgroup_node(self) -> KernelPtr {
        core::ptr::null()
    }
}

/// `trace_timer_…(struct timer_list *timer, …)`, kernel/time/timer.c; what follows the first argument differs between
/// versions.
#[inline(always)]
pub fn try_timer(ctx: &BtfTracePointContext, program: Program) -> Option<i32> {
    let timer: KernelPtr = argument(ctx, 0);
    if load::<u64>(timer, constant(&TIMER.timer_function) as u32) != constant(&TIMER.tw_timer_handler) {
        return None;
    }
    let account = Account::of(program)?;
    account.counters().handled += 1;
    let address = account.number(timer as u64).wrapping_sub(u64::from(offset!(tw_timer)));
    let copy = (&raw mut account.scratch().timewait).cast::<u8>();
    let length = offset!(tw_timer);
    if length as usize > TIMEWAIT_LEN || !read(copy, length, address) {
        account.counters().reserve_failed += 1;
        return None;
    }
    let socket = TimeWait(copy);
    let ends = socket.ends();
    let net: u64 = if offset!(sk_net) == ABSENT { 0 } else { socket.load(offset!(sk_net)) };
    let netns = word(net, offset!(net_inum), 0);
    let place = Whereabouts { netns, ifindex: socket.load(offset!(sk_bound_dev_if)) };
    let mut flags = match decide(place, &ends, &account) {
        Verdict::NoMatch => {
            account.counters().filtered += 1;
            return None;
        }
        Verdict::Undecided => FLAG_UNDECIDED,
        Verdict::Match => 0,
    };
    let mut entry_stamp_ms = 0;
    if offset!(tw_entry_stamp) != ABSENT {
        flags |= FLAG_ENTRY_STAMP;
        entry_stamp_ms = socket.load(offset!(tw_entry_stamp));
    }
    if word(net, offset!(net_count), 1) == 0 {
        flags |= FLAG_NETNS_DEAD;
    }
    let syscall = if program == Program::TimerCancel { syscall(ctx, &account) } else { None };
    if syscall.is_some() {
        flags |= FLAG_IN_TASK;
    }
    let mut slot = Slot::reserve(ctx, &account)?;
    let record = slot.timewait();
    // SAFETY: a whole record in a ring; volatile, so that no loop over its bytes clears it first. The helpers only read.
    unsafe {
        (&raw mut (*record).time_ns).write_volatile(bpf_ktime_get_ns());
        (&raw mut (*record).cookie).write_volatile(socket.load(offset!(sk_cookie)));
        (&raw mut (*record).sock).write_volatile(address);
        (&raw mut (*record).expires).write_volatile(load(timer, offset!(timer_expires)));
        (&raw mut (*record).jiffies).write_volatile(bpf_jiffies64());
        (&raw mut (*record).reserved).write_volatile(0);
        (&raw mut (*record).local_addr).write_volatile(ends.local_addr);
        (&raw mut (*record).remote_addr).write_volatile(ends.remote_addr);
        (&raw mut (*record).netns).write_volatile(netns);
        (&raw mut (*record).entry_stamp_ms).write_volatile(entry_stamp_ms);
        (&raw mut (*record).pid).write_volatile((bpf_get_current_pid_tgid() >> 32) as u32);
        (&raw mut (*record).syscall).write_volatile(syscall.unwrap_or(0));
        (&raw mut (*record).reserved_2).write_volatile(0);
        (&raw mut (*record).ifindex).write_volatile(place.ifindex);
        (&raw mut (*record).local_port).write_volatile(ends.local_port);
        (&raw mut (*record).remote_port).write_volatile(ends.remote_port);
        (&raw mut (*record).reserved_3).write_volatile(0);
        (&raw mut (*record).family).write_volatile(ends.family);
        (&raw mut (*record).substate).write_volatile(socket.load(offset!(tw_substate)));
        (&raw mut (*record).reserved_4).write_volatile([0; 3]);
        (&raw mut (*record).kind).write_volatile(kind(program));
        (&raw mut (*record).flags).write_volatile(flags);
        (&raw mut (*record).reserved_5).write_volatile([0; 2]);
    }
    slot.submit(&account);
    None
}

#[inline(always)]
fn kind(program: Program) -> u8 {
    match program {
        Program::TimerStart => KIND_TIMER_START,
        Program::TimerCancel => KIND_TIMER_CANCEL,
        _ => KIND_TIMER_EXPIRE,
    }
}

/// Copies kernel memory; false if it cannot be read.
#[inline(always)]
fn read(to: *mut u8, length: u32, from: u64) -> bool {
    // SAFETY: the verifier checks that the room is large enough; the helper fails where it may not read.
    unsafe { bpf_probe_read_kernel(to.cast(), length, from as *const _) == 0 }
}

/// A u32 so far into a kernel struct; `absent` where it cannot be read.
#[inline(always)]
fn word(base: u64, offset: u32, absent: u32) -> u32 {
    let mut word = absent;
    if base == 0 || offset == ABSENT || !read((&raw mut word).cast(), 4, base.wrapping_add(u64::from(offset))) {
        return absent;
    }
    word
}

/// The system call in which a process of user space does this; `None` if a packet does: a softirq has a stack of its own
/// (`do_softirq_own_stack`) or is run by a kernel thread. The arguments that the context points to lie on the stack.
#[inline(always)]
fn syscall(ctx: &BtfTracePointContext, account: &Account) -> Option<u32> {
    // SAFETY: a helper call without arguments.
    let task = unsafe { bpf_get_current_task_btf() };
    let stack: u64 = load(task as KernelPtr, offset!(task_stack));
    let depth = account.number(ctx.as_ptr() as u64).wrapping_sub(stack);
    if load::<u32>(task as KernelPtr, offset!(task_flags)) & PF_KTHREAD != 0 || depth >= config!(thread_size) {
        return None;
    }
    // SAFETY: a helper call; the verifier checks the argument's type.
    let registers = unsafe { bpf_task_pt_regs(task) } as KernelPtr;
    Some(load_or(registers, offset!(regs_syscall), 0))
}
