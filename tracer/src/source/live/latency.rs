//! Handshake latency that the kernel adds up itself: load, attach, read what has gathered. Nothing is streamed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use aya::{
    Btf, Ebpf,
    maps::{HashMap, MapData, MapError, PerCpuArray},
    programs::{Iter, Link as _, tp_btf::BtfTracePointLink},
    util::nr_cpus,
};
use tracer_common::{
    latency::{Histogram, HistogramKey, LatencyConfig, LatencyCounters},
    wire::ABSENT,
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{
    cgroups::Cgroups,
    clock,
    counters::{self, CountersError},
    existing::{self, ExistingError},
    offsets::Resolved,
    programs::{LoadError, Programs, SOCKETS, SYN_ACK, Settings, program, take},
};
use crate::{
    account::LatencyAccount,
    figures::LatencyBy,
    filter::{KernelFilter, Roles},
};

/// What remembers the first of several segments is attached first, or the handshake would be of unknown latency.
const PROGRAMS: [(&str, &str); 3] =
    [("tracer_syn_1", SYN), ("tracer_synack_1", SYN_ACK), ("tracer_latency", "inet_sock_set_state")];
const SYN: &str = "tcp_retransmit_skb";
/// Handshakes whose first segment is remembered because it had to be sent again: more than a SYN flood of an hour leaves,
/// in three megabytes.
const FIRST_SENT: u32 = 32_768;
/// Groups kept apart, unless another number is asked for, and histograms of them on all CPUs together: one takes four
/// kilobytes, so that is a quarter of a gigabyte at the worst.
const GROUPS: u32 = 1_024;
const HISTOGRAMS: u32 = 65_536;
/// Histograms that a group may have on a CPU: with and without retransmission.
const PARTS: u32 = 2;
/// Groups that are always there: what is beyond the limit, as a client and as a server.
const OTHERS: u32 = 2;
/// How often the last programs in flight are given a millisecond to finish.
const SETTLE_ROUNDS: u32 = 200;
/// One of those milliseconds.
const SETTLE_PAUSE: Duration = Duration::from_millis(1);

const KEY: usize = size_of::<HistogramKey>() / 8;
const VALUE: usize = size_of::<Histogram>() / 8;
const COUNTERS: usize = size_of::<LatencyCounters>() / 8;

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct LatencyOptions<'a> {
    /// Where this kernel keeps what the programs read.
    pub kernel: &'a Resolved,
    /// Whose handshakes.
    pub filter: &'a KernelFilter,
    /// Which ends of them.
    pub roles: Roles,
    /// What is a group.
    pub by: LatencyBy,
    /// Groups kept apart at most; `None`: as many as are sure to fit into a bounded amount of memory.
    pub groups: Option<u32>,
}

/// Reading what the kernel added up failed.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// It did not start.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A histogram could not be read.
    #[error("reading the histograms that the kernel fills failed")]
    Map(#[from] MapError),
    /// Counters could not be read.
    #[error(transparent)]
    Counters(#[from] CountersError),
}

/// The programs at work.
pub struct Latencies {
    links: Vec<BtfTracePointLink>,
    ebpf: Ebpf,
    /// Until it is not needed any more: it takes 18 MiB.
    btf: Option<Btf>,
    histograms: HashMap<MapData, [u64; KEY], [u64; VALUE]>,
    counters: PerCpuArray<MapData, [u64; COUNTERS]>,
    /// What the kernel tells of the program on state changes.
    information: File,
    cgroups: Cgroups,
}

impl Latencies {
    /// Loads and attaches.
    ///
    /// # Errors
    /// [`LatencyError`] if the kernel refuses any step; nothing is left attached then.
    pub fn start(options: &LatencyOptions<'_>) -> Result<Self, LatencyError> {
        let btf = Btf::from_sys_fs().map_err(LoadError::from)?;
        let mut ebpf = options.load_object(&btf)?;
        let mut links = Vec::new();
        for (name, tracepoint) in options.programs() {
            let failed = |source| LoadError::Program { name, source };
            let program = program(&mut ebpf, name)?;
            program.load(tracepoint, &btf).map_err(failed)?;
            let id = program.attach().map_err(failed)?;
            links.push(program.take_link(id).map_err(failed)?);
        }
        let (name, _) = PROGRAMS[PROGRAMS.len() - 1];
        let fd = ebpf.program(name).and_then(|program| program.fd().ok()).ok_or(LoadError::Incomplete(name))?;
        Ok(Self {
            information: counters::information(fd)?,
            histograms: take(&mut ebpf, "HISTOGRAMS")?,
            counters: take(&mut ebpf, "LATENCY_COUNTERS")?,
            cgroups: Cgroups::open(clock::monotonic()),
            links,
            ebpf,
            btf: Some(btf),
        })
    }

    /// How many instructions the verifier looked at in each program; empty if the kernel does not say.
    #[must_use]
    pub fn verified_instructions(&self) -> Vec<u32> {
        let programs = PROGRAMS.iter().filter_map(|(name, _)| self.ebpf.program(name)?.info().ok());
        programs.filter_map(|info| info.verified_instruction_count()).collect()
    }

    /// Listeners that exist already and let connections wait for their first data, by namespace and port: to be asked for
    /// once.
    ///
    /// # Errors
    /// [`ExistingError`] if the kernel does not list them.
    pub fn deferring(&mut self) -> Result<Vec<(u32, u16)>, ExistingError> {
        let (name, kind) = SOCKETS;
        let program: &mut Iter = self.ebpf.program_mut(name).ok_or(ExistingError::Incomplete)?.try_into()?;
        program.load(kind, &self.btf.take().ok_or(ExistingError::Again)?)?;
        let listeners = existing::deferring(program);
        program.unload()?;
        listeners
    }

    /// Directories that it goes on reading.
    #[must_use]
    pub fn reads(&self) -> Vec<PathBuf> {
        self.cgroups.mount().map(Path::to_owned).into_iter().collect()
    }

    /// Hands over all histograms as they are now. They only ever grow, so one that is made meanwhile comes the next time.
    ///
    /// # Errors
    /// [`LatencyError`] if the map cannot be read.
    pub fn read(&self, mut each: impl FnMut(&HistogramKey, &Histogram)) -> Result<(), LatencyError> {
        for words in self.histograms.keys() {
            let words = words?;
            let value = self.histograms.get(&words, 0)?;
            // Both have exactly these sizes.
            if let (Ok(key), Ok(histogram)) =
                (HistogramKey::read_from_bytes(words.as_bytes()), Histogram::ref_from_bytes(value.as_bytes()))
            {
                each(&key, histogram);
            }
        }
        Ok(())
    }

    /// The path of a cgroup, the first time it is asked for and known.
    pub fn cgroup_path(&mut self, id: u64) -> Option<Box<str>> {
        self.cgroups.announce(id, clock::monotonic())
    }

    /// What became of each handshake so far, but for what is in the histograms: that is the reader's to count.
    ///
    /// # Errors
    /// [`LatencyError`] if the counters cannot be read.
    pub fn account(&mut self) -> Result<LatencyAccount, LatencyError> {
        let missed = counters::recursion_misses(&mut self.information)?;
        let mut account = LatencyAccount { missed, ..LatencyAccount::default() };
        for words in self.counters.get(&0, 0)?.iter() {
            let Ok(counters) = LatencyCounters::read_from_bytes(words.as_bytes()) else { continue };
            account.seen += counters.seen;
            account.filtered += counters.filtered;
            account.lost += counters.lost;
        }
        Ok(account)
    }

    /// Detaches, and waits until `is_complete`, of what has been read by then, holds: a program that was running on another
    /// CPU at the detach counts first and adds last.
    ///
    /// # Errors
    /// What `is_complete` fails with.
    pub fn finish<E>(&mut self, mut is_complete: impl FnMut(&mut Self) -> Result<bool, E>) -> Result<(), E> {
        while let Some(link) = self.links.pop() {
            // A link of a program we hold; the kernel detaches on close in any case.
            let _ = link.detach();
        }
        for _ in 0..SETTLE_ROUNDS {
            if is_complete(self)? {
                break;
            }
            std::thread::sleep(SETTLE_PAUSE);
        }
        Ok(())
    }
}

impl LatencyOptions<'_> {
    fn load_object(&self, btf: &Btf) -> Result<Ebpf, LatencyError> {
        let cpus = nr_cpus().map_err(|(path, error)| LoadError::Cpus(path, error))?;
        let cpus = u32::try_from(cpus).unwrap_or(u32::MAX).max(1);
        let config = LatencyConfig {
            by: self.by.wire(),
            roles: self.roles.wire(),
            filtered: u32::from(self.filter.asks()),
            reserved: 0,
        };
        let groups = self.groups.unwrap_or_else(|| GROUPS.min(HISTOGRAMS / PARTS / cpus).max(1));
        let histograms = (groups + OTHERS).saturating_mul(PARTS).saturating_mul(cpus);
        let more = Settings {
            globals: &[("LATENCY", config.as_bytes())],
            capacities: &[("GROUPS", groups), ("HISTOGRAMS", histograms), ("FIRST_SENT", FIRST_SENT)],
        };
        let Self { kernel, filter, .. } = *self;
        let programs = Programs { kernel, filter, ring_bytes: 0, time_wait: false, kernel_log: None };
        Ok(programs.load_object(btf, &programs.config(1), more)?)
    }

    /// The programs for which this kernel has what they need.
    fn programs(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let offsets = self.kernel.offsets;
        PROGRAMS.into_iter().filter(move |(_, tracepoint)| match *tracepoint {
            SYN => offsets.tcp_retrans_stamp != ABSENT && offsets.sk_state != ABSENT,
            SYN_ACK => offsets.req_snt_synack != ABSENT && offsets.sk_state != ABSENT,
            _ => true,
        })
    }
}
