//! Reads the kernel side's counters: per-CPU sets from a map, skipped runs from the programs' own information.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    os::fd::AsRawFd as _,
};

use aya::{
    maps::{MapData, MapError, PerCpuArray},
    programs::ProgramFd,
};
use tracer_common::wire::{CpuState, ProgramCounters};
use zerocopy::FromBytes as _;

use crate::account::{Account, ProgramAccount};

const WORDS: usize = size_of::<CpuState>() / 8;

/// Counters could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CountersError {
    /// The map.
    #[error("reading the kernel side's counters failed")]
    Map(#[from] MapError),
    /// `/proc/self/fdinfo` of a program.
    #[error("reading the kernel's count of skipped program runs failed")]
    Misses(#[source] io::Error),
    /// The kernel does not report `recursion_misses` (it does since Linux 5.12).
    #[error("the kernel does not report recursion_misses")]
    NoMisses,
}

/// The kernel side's counters, behind descriptors that stay open.
pub(super) struct Counters {
    states: PerCpuArray<MapData, [u64; WORDS]>,
    /// `/proc/self/fdinfo/N` of the two programs.
    infos: [File; 2],
}

impl Counters {
    /// Opens the counters of two loaded programs.
    pub(super) fn open(
        states: PerCpuArray<MapData, [u64; WORDS]>,
        programs: [&ProgramFd; 2],
    ) -> Result<Self, CountersError> {
        let info = |program: &ProgramFd| {
            File::open(format!("/proc/self/fdinfo/{}", program_fd(program))).map_err(CountersError::Misses)
        };
        let infos = [info(programs[0])?, info(programs[1])?];
        Ok(Self { states, infos })
    }

    /// Reads everything; `decoded` and `undecodable` are the reader's to fill in.
    pub(super) fn read(&mut self) -> Result<Account, CountersError> {
        let mut account = Account::default();
        // Before the map: what is caught meanwhile must not look like a loss.
        account.first.missed = recursion_misses(&mut self.infos[0])?;
        account.second.missed = recursion_misses(&mut self.infos[1])?;
        for words in self.states.get(&0, 0)?.iter() {
            // The map's value has exactly this size, or aya would have refused the conversion.
            let Ok(state) = CpuState::read_from_bytes(zerocopy::IntoBytes::as_bytes(words)) else {
                continue;
            };
            let [first, second] = &state.programs;
            add(&mut account.first, first);
            add(&mut account.second, second);
            for counters in &state.programs {
                for (sum, count) in account.matrix.iter_mut().zip(counters.matrix) {
                    *sum += count;
                }
            }
        }
        Ok(account)
    }
}

fn program_fd(program: &ProgramFd) -> i32 {
    use std::os::fd::AsFd as _;
    program.as_fd().as_raw_fd()
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
fn recursion_misses(info: &mut File) -> Result<u64, CountersError> {
    let mut text = String::new();
    info.rewind().map_err(CountersError::Misses)?;
    info.read_to_string(&mut text).map_err(CountersError::Misses)?;
    text.lines()
        .find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok())
        .ok_or(CountersError::NoMisses)
}
