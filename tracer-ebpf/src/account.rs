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
    /// The first program is skipped only for an event that a softirq raises while it runs on this CPU: a task does not
    /// get in between, because programs run with preemption off. What a task raises while it owns the socket lock is
    /// therefore always the first program's. Of the rest (softirq, or a task that holds only the spinlock, with bottom
    /// halves off) the first program notes what it takes, and the second takes what was not noted: none of them
    /// interrupts another, so between the first program and the second no other can run on this CPU.
    #[inline(always)]
    pub fn claims(&self, sk: Sock, owned: bool, old: u8, new: u8) -> bool {
        if owned {
            return self.program == Program::First;
        }
        let states = u64::from(old) << 32 | u64::from(new);
        // SAFETY: as above; the note is shared by the two programs in the order the comment describes.
        let note: &mut Handoff = unsafe { &mut (*self.state).handoff };
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
