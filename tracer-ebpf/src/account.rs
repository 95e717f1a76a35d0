//! Every event is counted once, where it ends; user space proves at the end of a run that the sums agree.

use aya_ebpf::{
    btf_maps::{Array, PerCpuArray},
    macros::btf_map,
};
use tracer_common::wire::{CpuState, Handoff, NOTES, ProgramCounters, Scratch};

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
    let taken = note.sock == event.sock && note.states == event.states;
    if taken {
        note.sock = 0;
    }
    taken
}

/// Which of the two programs on the tracepoint is running.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Takes everything.
    First = 0,
    /// Takes what the first one was skipped for.
    Second = 1,
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
    pub fn claims(&self, sk: Sock, owned: bool, old: u8, new: u8) -> bool {
        let event = Handoff { sock: sk.address(), states: u64::from(old) << 32 | u64::from(new) };
        // SAFETY: a per-CPU value, shared by the two programs in the order described above.
        let here: &mut Handoff = unsafe { &mut (*self.state).handoff[owned as usize] };
        let shared = if owned { shared_note(sk) } else { None };
        match self.program {
            Program::First => {
                *here = event;
                if let Some(note) = shared {
                    *note = event;
                }
                true
            }
            // Both are taken back, or one would be found again by the same socket's next life.
            Program::Second => !(take(Some(here), event) | take(shared, event)),
        }
    }

    /// Counts a submitted record; true each time `wake_every` of them have gathered.
    #[inline(always)]
    pub fn announces(&self, wake_every: u64) -> bool {
        // SAFETY: as for `counters`.
        let waiting = unsafe { &mut (*self.state).unannounced[self.program as usize] };
        *waiting += 1;
        let wake = *waiting >= wake_every;
        if wake {
            *waiting = 0;
        }
        wake
    }
}
