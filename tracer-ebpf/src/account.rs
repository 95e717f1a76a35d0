//! Every event is counted once, where it ends; user space proves at the end of a run that the sums agree.

use aya_ebpf::{
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
};
use tracer_common::wire::{CpuState, Handoff, LANES, NOTES, ProgramCounters, Scratch};

use crate::kernel::Sock;

/// Key: 0. One value per CPU, always there.
#[btf_map]
static CPU_STATE: PerCpuArray<CpuState, 1> = PerCpuArray::new();

/// Key: a hash of a socket's cookie. Value: the last event of such a socket that its owner raised and the first program
/// took. All of them are always there.
#[btf_map]
static OWNED: Array<Handoff, { NOTES as usize }> = Array::new();

/// The place for a note on an event of this socket that all CPUs see.
#[inline(always)]
fn shared_note(sk: Sock) -> Option<&'static mut Handoff> {
    // Cookies are given out to CPUs in batches (`COOKIE_LOCAL_BATCH`), so their lowest bits are often the same.
    let place = sk.cookie().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - NOTES.ilog2());
    // SAFETY: events of one socket do not overlap; two sockets that share a place overwrite each other at worst.
    OWNED.get_ptr_mut(place as u32).map(|note| unsafe { &mut *note })
}

/// Whether the note is of this event, which it then is no more.
#[inline(always)]
fn take(note: Option<&mut Handoff>, event: Handoff) -> bool {
    let Some(note) = note else { return false };
    let taken = note.sock == event.sock && note.what == event.what;
    if taken {
        note.sock = 0;
    }
    taken
}

/// Which program is running: its place among the counters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// State changes: takes every one it is run for.
    State = 0,
    /// State changes: takes what the first one was skipped for.
    StateAgain = 1,
    /// Resets sent.
    SendReset = 2,
    /// Resets sent that the first one was skipped for.
    SendResetAgain = 3,
    /// Resets received.
    ReceiveReset = 4,
    /// Resets received that the first one was skipped for.
    ReceiveResetAgain = 5,
    /// SYN-ACKs sent once more: in a softirq, which none interrupts, but for a corner of Fast Open; one is enough.
    SynAck = 6,
}

impl Program {
    /// Whether it is the second one on its tracepoint.
    #[inline(always)]
    pub fn is_second(self) -> bool {
        self as usize % 2 == 1
    }
}

/// What happened to a socket, as far as one event is told from another.
#[derive(Clone, Copy)]
pub struct Claim {
    /// The socket; null if there is none.
    pub sk: Sock,
    /// Its address, or that of the packet.
    pub address: u64,
    /// The current task holds the socket's lock.
    pub owned: bool,
    /// `KIND_…`.
    pub kind: u8,
    /// State left.
    pub old: u8,
    /// State entered.
    pub new: u8,
}

/// A ring buffer of this CPU that no other program is in the middle of. To be given back.
pub struct Lane {
    /// Its number, from 0.
    pub number: u32,
    busy: *mut u64,
}

impl Lane {
    /// Lets others take it.
    #[inline(always)]
    pub fn give_back(self) {
        // SAFETY: points into this CPU's state. Volatile: the record must be submitted before.
        unsafe { self.busy.write_volatile(0) };
    }
}

/// This CPU's state as seen by one of the programs.
#[derive(Clone, Copy)]
pub struct Account {
    state: *mut CpuState,
    program: Program,
}

impl Account {
    /// The account of `program` on this CPU.
    #[inline(always)]
    pub fn of(program: Program) -> Option<Self> {
        Some(Self { state: CPU_STATE.get_ptr_mut(0)?, program })
    }

    /// Which program this is.
    #[inline(always)]
    pub fn program(&self) -> Program {
        self.program
    }

    /// This program's counters.
    #[inline(always)]
    pub fn counters(&self) -> &mut ProgramCounters {
        // SAFETY: a per-CPU value that only this program touches on this CPU, and a program never nests with itself.
        unsafe { &mut (*self.state).programs[self.program as usize] }
    }

    /// This program's room beside the stack.
    #[inline(always)]
    pub fn scratch(&self) -> &mut Scratch {
        // SAFETY: as for `counters`.
        unsafe { &mut (*self.state).scratch[self.program as usize] }
    }

    /// Whether this program is the one to handle the event: the first one notes what it takes, the second takes what was
    /// not noted.
    ///
    /// A note lies on its CPU. What a softirq raises, or a task that holds the spinlock with bottom halves off, is not
    /// interrupted by its like, so between the first program and the second no other overwrites its note. What a task
    /// raises while it owns the socket lock has a note of its own kind, and a second one that all CPUs see: since 7.x such
    /// a task can be preempted between the two programs, by another that overwrites the note, and can go on on another
    /// CPU. Both notes would have to be overwritten for an event to be taken twice; the account would say so
    /// (seen > made).
    #[inline(always)]
    pub fn claims(&self, claim: Claim) -> bool {
        let Claim { sk, address, owned, kind, old, new } = claim;
        let event = Handoff { sock: address, what: u64::from(kind) << 16 | u64::from(old) << 8 | u64::from(new) };
        // SAFETY: a per-CPU value, shared by the two programs in the order described above.
        let here: &mut Handoff = unsafe { &mut (*self.state).handoff[owned as usize] };
        let shared = if owned { shared_note(sk) } else { None };
        if self.program.is_second() {
            // Both are taken back, or one would be found again by the same socket's next life.
            return !(take(Some(here), event) | take(shared, event));
        }
        *here = event;
        if let Some(note) = shared {
            *note = event;
        }
        true
    }

    /// Counts a TCP transition before any filter.
    #[inline(always)]
    pub fn count_transition(&self, old: u8, new: u8) {
        // SAFETY: as for `counters`.
        let matrix = unsafe { &mut (*self.state).matrix[self.program.is_second() as usize] };
        matrix[usize::from((old & 15) << 4 | new & 15)] += 1;
    }

    /// A ring buffer to write to; `None` if programs are in the middle of all of them, which takes a third one that
    /// preempted the task in which the second one runs (7.x).
    #[inline(always)]
    pub fn lane(&self) -> Option<Lane> {
        let mut number = 0;
        while number < LANES {
            // SAFETY: this CPU's state. What interrupts this program between the two accesses has given its lane back
            // by the time it goes on.
            let busy = unsafe { &raw mut (*self.state).busy[number] };
            if unsafe { busy.read_volatile() } == 0 {
                unsafe { busy.write_volatile(1) };
                return Some(Lane { number: number as u32, busy });
            }
            number += 1;
        }
        None
    }

    /// Counts a record submitted to a ring buffer; true each time `wake_every` of them have gathered.
    #[inline(always)]
    pub fn announces(&self, lane: &Lane, wake_every: u64) -> bool {
        // SAFETY: whoever holds the lane is alone with its count.
        let waiting = unsafe { &mut (*self.state).unannounced[(lane.number & 1) as usize] };
        *waiting += 1;
        let wake = *waiting >= wake_every;
        if wake {
            *waiting = 0;
        }
        wake
    }
}
