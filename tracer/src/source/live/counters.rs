//! Reads the kernel side's counters: per-CPU sets from a map, skipped runs from the programs' own information.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    maps::{MapData, MapError, PerCpuArray},
    programs::ProgramFd,
};
use tracer_common::wire::{CpuState, PROGRAMS, ProgramCounters};
use zerocopy::FromBytes as _;

use crate::account::{Account, ProgramAccount, TracepointAccount};

const WORDS: usize = size_of::<CpuState>() / 8;

/// Counters could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CountersError {
    /// The map.
    #[error("reading the kernel side's counters failed")]
    Map(#[from] MapError),
    /// `/proc/thread-self/fdinfo` of a program.
    #[error("reading the kernel's count of skipped program runs failed")]
    Misses(#[source] io::Error),
    /// The kernel does not report `recursion_misses` (it does since Linux 5.12).
    #[error("the kernel does not report recursion_misses")]
    NoMisses,
}

/// The kernel side's counters, behind descriptors that stay open.
pub(super) struct Counters {
    states: PerCpuArray<MapData, [u64; WORDS]>,
    /// `/proc/thread-self/fdinfo/N` of each program; `None` for one that is not loaded.
    infos: [Option<File>; PROGRAMS],
}

impl Counters {
    /// Opens the counters of the programs that are loaded, each in its place.
    pub(super) fn open(
        states: PerCpuArray<MapData, [u64; WORDS]>,
        programs: [Option<&ProgramFd>; PROGRAMS],
    ) -> Result<Self, CountersError> {
        let mut infos = [const { None }; PROGRAMS];
        for (info, program) in infos.iter_mut().zip(programs) {
            *info = program.map(information).transpose()?;
        }
        Ok(Self { states, infos })
    }

    /// Reads everything; `decoded` and `undecodable` are the reader's to fill in.
    pub(super) fn read(&mut self) -> Result<Account, CountersError> {
        let mut programs = [ProgramAccount::default(); PROGRAMS];
        // Before the map: what is caught meanwhile must not look like a loss.
        for (program, info) in programs.iter_mut().zip(&mut self.infos) {
            program.missed = info.as_mut().map_or(Ok(0), recursion_misses)?;
        }
        let mut matrix = [0; 256];
        for words in self.states.get(&0, 0)?.iter() {
            // The map's value has exactly this size, or aya would have refused the conversion.
            let Ok(state) = CpuState::read_from_bytes(zerocopy::IntoBytes::as_bytes(words)) else {
                continue;
            };
            for (sum, counters) in programs.iter_mut().zip(&state.programs) {
                add(sum, counters);
            }
            for (sum, count) in matrix.iter_mut().zip(state.matrix[0].iter().zip(&state.matrix[1])) {
                *sum += count.0 + count.1;
            }
        }
        // In the order of `Program` on the kernel side.
        let [state, state_2, sent, sent_2, received, received_2, syn_ack, start, cancel, expire] = programs;
        let alone = |first| TracepointAccount { first, second: ProgramAccount::default() };
        Ok(Account {
            states: TracepointAccount { first: state, second: state_2 },
            sent_resets: TracepointAccount { first: sent, second: sent_2 },
            received_resets: TracepointAccount { first: received, second: received_2 },
            syn_acks: alone(syn_ack),
            timer_starts: alone(start),
            timer_cancels: alone(cancel),
            timer_expiries: alone(expire),
            matrix,
            decoded: 0,
            undecodable: 0,
        })
    }
}

/// Opens what the kernel tells of a program.
pub(super) fn information(program: &ProgramFd) -> Result<File, CountersError> {
    let path = format!("/proc/thread-self/fdinfo/{}", program.as_fd().as_raw_fd());
    File::open(path).map_err(CountersError::Misses)
}

fn add(sum: &mut ProgramAccount, counters: &ProgramCounters) {
    sum.handled += counters.handled;
    sum.not_tcp += counters.not_tcp;
    sum.same_state += counters.same_state;
    sum.filtered += counters.filtered;
    sum.submitted += counters.submitted;
    sum.reserve_failed += counters.reserve_failed;
    sum.held += counters.held;
    sum.released += counters.released;
}

/// `bpf_prog_show_fdinfo` (kernel/bpf/syscall.c): the file is generated anew at each read from the start.
pub(super) fn recursion_misses(info: &mut File) -> Result<u64, CountersError> {
    let mut text = String::new();
    info.rewind().map_err(CountersError::Misses)?;
    info.read_to_string(&mut text).map_err(CountersError::Misses)?;
    text.lines()
        .find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok())
        .ok_or(CountersError::NoMisses)
}
