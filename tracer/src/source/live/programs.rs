//! Loads the BPF object with everything it must know as constants, and attaches it.

use std::{
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    num::NonZeroU64,
    panic::resume_unwind,
    thread,
};

use aya::{
    Btf, BtfError, Ebpf, EbpfError, EbpfLoader,
    maps::{Array, ArrayOfMaps, LpmTrie, MapData, MapError, PerCpuArray, RingBuf, lpm_trie},
    programs::{BtfTracePoint, Iter, Link as _, ProgramError, tp_btf::BtfTracePointLink},
};
use rustix::param::page_size;
use tracer_common::wire::{ABSENT, Config, PROGRAMS, TimerConfig};
use zerocopy::IntoBytes as _;

use super::{
    counters::{Counters, CountersError},
    existing::{self, ExistingError},
    offsets::Resolved,
    ports,
    rings::{self, RingError, Rings},
};
use crate::{
    event::Event,
    filter::{Criteria, Filter, KernelFilter},
};

/// The object that `cargo xtask build-ebpf` made.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("TRACER_BPF_OBJECT"));

/// The programs that make records and their tracepoints, in the order of `Program` on the kernel side, which is also that
/// in which they must be attached: the second on a tracepoint catches what the first one missed.
const STREAM: [(&str, &str); PROGRAMS] = [
    ("tracer_state", "inet_sock_set_state"),
    ("tracer_state_2", "inet_sock_set_state"),
    ("tracer_sent", SENT),
    ("tracer_sent_2", SENT),
    ("tracer_recv", RECEIVED),
    ("tracer_recv_2", RECEIVED),
    ("tracer_syn_ack", SYN_ACK),
    ("tracer_tw_start", TIMER_START),
    ("tracer_tw_cancel", TIMER_CANCEL),
    ("tracer_tw_expire", TIMER_EXPIRE),
];
const SENT: &str = "tcp_send_reset";
const RECEIVED: &str = "tcp_receive_reset";
pub(super) const SYN_ACK: &str = "tcp_retransmit_synack";
const TIMER_START: &str = "timer_start";
const TIMER_CANCEL: &str = "timer_cancel";
const TIMER_EXPIRE: &str = "timer_expire_entry";
/// `THREAD_SIZE` where pages are small; otherwise it is one page.
const THREAD_SIZE: usize = 16 * 1024;
/// Lists the sockets that exist already, by the kernel's iterator of this name.
pub(super) const SOCKETS: (&str, &str) = ("tracer_sockets", "tcp");
/// Records that may wait for their filter to be decided, if any may.
const HELD: u32 = 8192;

/// What more is set before an object is loaded.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings<'a> {
    /// Constants by name.
    pub(super) globals: &'a [(&'a str, &'a [u8])],
    /// Capacities of maps by name.
    pub(super) capacities: &'a [(&'a str, u32)],
}

/// Why the kernel side could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel's BTF could not be read by the loader.
    #[error("reading the kernel's type information (/sys/kernel/btf/vmlinux) failed")]
    Btf(#[from] BtfError),
    /// Creating maps or relocating failed.
    #[error("loading the BPF object failed")]
    Object(#[from] EbpfError),
    /// The object lacks a part that this version needs.
    #[error("the BPF object has no {0}: tracer was built wrongly, build it again")]
    Incomplete(&'static str),
    /// The kernel refused a program.
    #[error("the kernel refused the program {name}")]
    Program {
        /// Its name.
        name: &'static str,
        /// What the kernel said; holds the verifier's log.
        #[source]
        source: ProgramError,
    },
    /// A map could not be filled.
    #[error("preparing a BPF map failed")]
    Map(#[from] MapError),
    /// The CPUs could not be listed.
    #[error("reading {0} to count the CPUs failed: {1}")]
    Cpus(&'static str, #[source] std::io::Error),
    /// The ring buffers could not be set up.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The counters could not be opened.
    #[error(transparent)]
    Counters(#[from] CountersError),
}

/// What the programs are to do.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    /// Where this kernel keeps what the programs read.
    pub kernel: &'a Resolved,
    /// What to stream.
    pub filter: &'a KernelFilter,
    /// Ring buffers, bytes, all CPUs together.
    pub ring_bytes: usize,
    /// Whether to trace the timers of timewait sockets.
    pub time_wait: bool,
    /// Level of the kernel side's own messages.
    pub kernel_log: Option<log::Level>,
}

/// The kernel side, attached. Detaches when dropped.
pub(super) struct Attached {
    pub(super) rings: Rings,
    pub(super) counters: Counters,
    pub(super) ebpf: Ebpf,
    /// Until it is not needed any more: it takes 18 MiB.
    btf: Option<Btf>,
    /// The kernel side's `ENDING`.
    ending: Array<MapData, u32>,
    /// Timewait sockets are traced.
    time_wait: bool,
    links: Vec<BtfTracePointLink>,
}

impl Attached {
    /// Stops the second programs, then detaches all: without the first one's notes the second would take events twice.
    pub(super) fn detach(&mut self) -> Result<(), MapError> {
        self.ending.set(0, 1, 0)?;
        while let Some(link) = self.links.pop() {
            // A link of a program we hold; the kernel detaches on close in any case.
            let _ = link.detach();
        }
        Ok(())
    }

    /// The sockets that exist already and whose they are: once. The program is loaded for this and unloaded again.
    pub(super) fn existing(&mut self) -> Result<Vec<Event>, ExistingError> {
        let (name, kind) = SOCKETS;
        let program = self.ebpf.program_mut(name).ok_or(ExistingError::Incomplete)?;
        let program: &mut Iter = program.try_into()?;
        program.load(kind, &self.btf.take().ok_or(ExistingError::Again)?)?;
        let sockets = existing::sockets(program, self.time_wait);
        program.unload()?;
        sockets
    }

    /// `bpf_prog_info.verified_insns` of each program; none before Linux 5.16.
    pub(super) fn verified_instructions(&self) -> Vec<u32> {
        let programs = STREAM.iter().filter_map(|(name, _)| self.ebpf.program(name)?.info().ok());
        programs.filter_map(|info| info.verified_instruction_count()).collect()
    }
}

impl Programs<'_> {
    /// Loads and attaches.
    pub(super) fn attach(&self) -> Result<Attached, LoadError> {
        let btf = Btf::from_sys_fs()?;
        let sizes = rings::sizes(self.ring_bytes)?;
        let config = self.config(sizes.wake_every());
        let mut ebpf = self.load_object(&btf, &config, Settings::default())?;
        let mut outer: ArrayOfMaps<MapData, RingBuf<MapData>> = take(&mut ebpf, "RINGS")?;
        let states: PerCpuArray<MapData, _> = take(&mut ebpf, "CPU_STATE")?;
        let ending: Array<MapData, u32> = take(&mut ebpf, ".bss")?;
        // Installing a ring waits for an RCU grace period and verifying a program keeps a CPU busy: all at once.
        let rings = thread::scope(|scope| {
            let rings = scope.spawn(|| Rings::create(&mut outer, sizes));
            self.load_all(&mut ebpf, &btf)?;
            rings.join().unwrap_or_else(|panic| resume_unwind(panic)).map_err(LoadError::from)
        })?;
        let mut links = Vec::new();
        for (name, _) in self.stream() {
            let failed = |source| LoadError::Program { name, source };
            let program = program(&mut ebpf, name)?;
            let id = program.attach().map_err(failed)?;
            links.push(program.take_link(id).map_err(failed)?);
        }
        let counters = {
            // One that is not loaded has no descriptor.
            let fd = |(name, _): (&str, &str)| ebpf.program(name).and_then(|program| program.fd().ok());
            Counters::open(states, STREAM.map(fd))?
        };
        let time_wait = self.tw_timer_handler().is_some();
        Ok(Attached { rings, counters, ebpf, btf: Some(btf), ending, time_wait, links })
    }

    pub(super) fn config(&self, wake_every: u64) -> Config {
        Config {
            offsets: self.kernel.offsets,
            reset_reason: u32::from(!self.kernel.reset_reasons.is_empty()),
            read_packets: u32::from(self.kernel.can_read_packets()),
            reserved: [0; 2],
            filter: self.filter.config,
            wake_every,
            thread_size: THREAD_SIZE.max(page_size()) as u64,
        }
    }

    /// Makes all maps and fills in what is asked for; no program is loaded yet.
    pub(super) fn load_object(&self, btf: &Btf, config: &Config, more: Settings<'_>) -> Result<Ebpf, LoadError> {
        let log_level = self.kernel_log.map_or(0, |level| level as u8);
        let held = if self.filter.config.may_hold != 0 { HELD } else { 1 };
        let prefixes = u32::try_from(self.filter.prefixes.len()).unwrap_or(u32::MAX).max(1);
        let timer = TimerConfig {
            tw_timer_handler: self.tw_timer_handler().map_or(0, NonZeroU64::get),
            timer_function: self.kernel.offsets.timer_function.into(),
        };
        let mut loader = EbpfLoader::new();
        loader
            .btf(Some(btf))
            .override_global("CONFIG", config.as_bytes(), true)
            .override_global("TIMER", timer.as_bytes(), true)
            .override_global("PORT_BITS", self.filter.port_bits.as_slice(), true)
            .override_global(aya_log::LEVEL, &log_level, true)
            .map_max_entries("RINGS", rings::ring_count()?)
            .map_max_entries("HELD", held)
            .map_max_entries("ADDR_BITS", prefixes);
        if self.kernel_log.is_none() {
            // Nothing is ever written to it then.
            loader.map_max_entries("AYA_LOGS", u32::try_from(page_size()).unwrap_or(4096));
        }
        for (name, value) in more.globals {
            loader.override_global(name, *value, true);
        }
        for (name, capacity) in more.capacities {
            loader.map_max_entries(name, *capacity);
        }
        let mut ebpf = loader.load(OBJECT)?;
        self.fill_prefixes(&mut ebpf)?;
        Ok(ebpf)
    }

    /// By which timers of timewait sockets are known; `None` if they are not to be traced, or cannot be.
    fn tw_timer_handler(&self) -> Option<NonZeroU64> {
        self.kernel.tw_timer_handler.filter(|_| self.time_wait)
    }

    /// The programs for which this kernel has what they need.
    fn stream(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let offsets = &self.kernel.offsets;
        STREAM.into_iter().filter(|(_, tracepoint)| match *tracepoint {
            SENT | RECEIVED => offsets.skb_head != ABSENT,
            SYN_ACK => offsets.req_snt_synack != ABSENT,
            TIMER_START | TIMER_CANCEL | TIMER_EXPIRE => self.tw_timer_handler().is_some(),
            _ => true,
        })
    }

    /// Has the kernel verify all programs, each in a thread of its own.
    fn load_all(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        thread::scope(|scope| {
            let loads: Vec<_> = ebpf
                .programs_mut()
                .filter_map(|(name, program)| {
                    let (name, tracepoint) = self.stream().find(|(known, _)| *known == name)?;
                    Some(scope.spawn(move || {
                        let failed = |source| LoadError::Program { name, source };
                        let program: &mut BtfTracePoint = program.try_into().map_err(failed)?;
                        program.load(tracepoint, btf).map_err(failed)
                    }))
                })
                .collect();
            loads.into_iter().try_for_each(|load| load.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    fn fill_prefixes(&self, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        let map = ebpf.map_mut("ADDR_BITS").ok_or(LoadError::Incomplete("ADDR_BITS"))?;
        let mut trie: LpmTrie<&mut MapData, [u8; 16], u64> = LpmTrie::try_from(map)?;
        for (addr, len, bits) in &self.filter.prefixes {
            trie.insert(&lpm_trie::Key::new(u32::from(*len), addr.octets()), u64::from(*bits), 0)?;
        }
        Ok(())
    }
}

/// The function that the timer of a timewait socket calls; makes one on loopback if there is none. `None` without the
/// privilege to look, or without loopback.
pub(super) fn handler_of_a_timer(kernel: &Resolved) -> Option<NonZeroU64> {
    let filter = Filter::new(Criteria::default()).ok()?.compile(ports::ephemeral_range());
    let options = Programs { kernel, filter: &filter, ring_bytes: 0, time_wait: false, kernel_log: None };
    let btf = Btf::from_sys_fs().ok()?;
    let mut ebpf = options.load_object(&btf, &options.config(1), Settings::default()).ok()?;
    let (name, kind) = SOCKETS;
    let program: &mut Iter = ebpf.program_mut(name)?.try_into().ok()?;
    program.load(kind, &btf).ok()?;
    existing::timer_handler(program).or_else(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let first = TcpStream::connect(listener.local_addr().ok()?).ok()?;
        let (mut second, _) = listener.accept().ok()?;
        drop(first);
        (second.read(&mut [0]).ok()? == 0).then_some(())?;
        drop(second);
        existing::timer_handler(program)
    })
}

pub(super) fn take<M: TryFrom<aya::maps::Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<M, LoadError> {
    Ok(M::try_from(ebpf.take_map(name).ok_or(LoadError::Incomplete(name))?)?)
}

pub(super) fn program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut BtfTracePoint, LoadError> {
    let program = ebpf.program_mut(name).ok_or(LoadError::Incomplete(name))?;
    program.try_into().map_err(|source| LoadError::Program { name, source })
}
