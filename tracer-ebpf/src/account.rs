//! Every event is counted once, where it ends; user space proves at the end of a run that the sums agree.

use aya_ebpf::{
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
};
use tracer_common::wire::{CpuState, Handoff, LANES, NOTES, ProgramCounters, Scratch};

/// Key: 0. One value per CPU, always there.
#[btf_map]
static CPU_STATE: PerCpuArray<CpuState, 1> = PerCpuArray::new();

/// Key: a hash of the address of a socket or packet. Value: the last event of such a one that can be interrupted and that
/// the first program took. All of them are always there.
#[btf_map]
static NOTED: Array<Handoff, { NOTES as usize }> = Array::new();

/// Set by user space before it detaches: the second programs take nothing any more. Whoever holds another reference to a
/// link for a moment (a process that lists descriptors or links) can have it outlive the first program's.
#[unsafe(no_mangle)]
static mut ENDING: u32 = 0;

/// The place for a note on an event of this socket or packet that all CPUs see.
#[inline(always)]
fn shared_note(address: u64) -> Option<&'static mut Handoff> {
    // The lowest bits of addresses are often the same.
    let place = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - NOTES.ilog2());
    // SAFETY: events of one socket or packet do not overlap; two that share a place overwrite each other at worst.
    NOTED.get_ptr_mut(place as u32).map(|note| unsafe { &mut *note })
}

/// Whether the note is of this event, which it then is no more.
#[inline(always)]
fn take(note: Option<&mut Handoff>, event: Handoff) -> bool {
    let Some(note) = note else { return false };
    let taken = note.address == event.address && note.what == event.what;
    if taken {
        note.address = 0;
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
    /// Timers started: with interrupts off, so that nothing comes between.
    TimerStart = 7,
    /// Timers taken off: the same.
    TimerCancel = 8,
    /// Timers that are due: in a softirq, which none interrupts.
    TimerExpire = 9,
}

impl Program {
    /// Whether it is the second one on its tracepoint.
    #[inline(always)]
    pub fn is_second(self) -> bool {
        matches!(self, Self::StateAgain | Self::SendResetAgain | Self::ReceiveResetAgain)
    }
}

/// Who raises an event, and so what can come between the first program and the second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// A softirq, or a task that holds the socket's spinlock with bottom halves off: none of its like.
    Undisturbed = 0,
    /// A task that owns the socket's lock: a softirq, and since 7.x other tasks.
    ByOwner = 1,
    /// The answer to a packet: nothing in a softirq; but out of a backlog the same as above.
    ForPacket = 2,
}

/// What happened, as far as one event is told from another: only what both programs are sure to find alike.
#[derive(Clone, Copy)]
pub struct Claim {
    /// Of the socket, or of the packet that is answered: a listener and a socket it has just made are not locked then,
    /// so that both their state and their lock can change between the two programs.
    pub address: u64,
    /// By whom.
    pub raised: Raised,
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
    /// A note lies on its CPU, in a place for its kind of [`Raised`]: what none of its like interrupts finds its note as
    /// it was. The other kinds have a second note that all CPUs see, for such a task can be interrupted by what
    /// overwrites the first, and since 7.x can go on on another CPU. Both notes would have to be overwritten for an event
    /// to be taken twice; the account would say so (seen > made).
    #[inline(always)]
    pub fn claims(&self, claim: Claim) -> bool {
        let Claim { address, raised, kind, old, new } = claim;
        let event = Handoff { address, what: u64::from(kind) << 16 | u64::from(old) << 8 | u64::from(new) };
        // SAFETY: a per-CPU value, shared by the two programs in the order described above.
        let here: &mut Handoff = unsafe { &mut (*self.state).handoff[raised as usize] };
        let shared = if raised == Raised::Undisturbed { None } else { shared_note(self.number(address)) };
        if self.program.is_second() {
            // SAFETY: a load of one word. Volatile: user space writes it.
            if unsafe { (&raw const ENDING).read_volatile() } != 0 {
                return false;
            }
            // Both are taken back, or one would be found again by whatever has the same address next.
            return !(take(Some(here), event) | take(shared, event));
        }
        *here = event;
        if let Some(note) = shared {
            *note = event;
        }
        true
    }

    /// An address as a number: the verifier lets nobody calculate with a pointer, but what comes out of a map is none.
    #[inline(always)]
    pub fn number(&self, address: u64) -> u64 {
        let place = &raw mut self.scratch().address;
        // SAFETY: this program's own room. Volatile, or the compiler leaves the map out.
        unsafe {
            place.write_volatile(address);
            place.read_volatile()
        }
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
