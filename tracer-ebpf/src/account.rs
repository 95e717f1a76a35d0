//! Every event is counted once, where it ends; user space proves at the end of a run that the sums agree.

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use tracer_common::wire::{CpuState, Handoff, ProgramCounters, Scratch};

use crate::kernel::Sock;

/// Key: 0. One value per CPU, always there.
#[btf_map]
static CPU_STATE: PerCpuArray<CpuState, 1> = PerCpuArray::new();

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

    /// Whether this program is the one to handle the event.
    ///
    /// The first program leaves a note of what it takes; the second compares. There are two places for the note,
    /// because events nest at most two deep: what a softirq can interrupt runs in a task that owns the socket lock,
    /// and what holds only the spinlock (softirq, or a task with bottom halves off) is not interrupted by another. The
    /// nested event is on a different socket, or the lock would have kept it out. So a note is overwritten only by an
    /// event of the same kind, and between the first program and the second none of the same kind can run on this CPU.
    #[inline(always)]
    pub fn claims(&self, sk: Sock, owned: bool, old: u8, new: u8) -> bool {
        let states = u64::from(old) << 32 | u64::from(new);
        // SAFETY: as above; the note is shared by the two programs in the order the comment describes.
        let note: &mut Handoff = unsafe { &mut (*self.state).handoff[owned as usize] };
        match self.program {
            Program::First => {
                *note = Handoff { sock: sk.address(), states };
                true
            }
            Program::Second => {
                let taken = note.sock == sk.address() && note.states == states;
                if taken {
                    note.sock = 0;
                }
                !taken
            }
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
