//! A running trace: rounds of events, gaps as they are noticed, the account at the end.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aya::maps::MapError;
use tracer_common::wire::EventRecord;

use super::{
    cgroups::Cgroups,
    clock::{self, ClockError},
    counters::CountersError,
    existing::ExistingError,
    namespaces::Namespaces,
    programs::{Attached, LoadError, Programs},
    wakeup::Wakeup,
};
use crate::{
    account::Account,
    decode,
    event::{ClockPair, Event, Gap, LossStage, MonotonicNs, Reset},
};

/// What to trace and how.
pub type Options<'a> = Programs<'a>;

/// Records yielded in one round at most: what was read is shown before more is, and while a CPU's cache still has it.
const ROUND: usize = 2_048;
/// A wall clock that moved by less against the monotonic one was read imprecisely, not stepped.
const CLOCK_STEP_NS: u64 = 100_000;
/// How often losses are looked for.
const LOSS_CHECK_NS: u64 = 1_000_000_000;
/// How often the last programs in flight are given a millisecond to finish.
const SETTLE_ROUNDS: u32 = 200;
/// One of those milliseconds.
const SETTLE_PAUSE: Duration = Duration::from_millis(1);

/// The trace failed.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It did not start.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The clock is unusable.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The programs could not be told that the run ends.
    #[error("ending the programs failed")]
    End(#[from] MapError),
    /// Counters could not be read.
    #[error(transparent)]
    Counters(#[from] CountersError),
    /// The kernel side's messages could not be read.
    #[error("reading the kernel side's log failed")]
    KernelLog(#[from] aya_log::Error),
}

/// A running trace.
pub struct Live {
    attached: Attached,
    kernel_log: Option<aya_log::EbpfLogger<&'static dyn log::Log>>,
    cgroups: Cgroups,
    namespaces: Namespaces,
    reset_reasons: Vec<Arc<str>>,
    clock: Option<ClockPair>,
    unconvertible: u64,
    reported: Losses,
    checked: MonotonicNs,
}

/// Losses by stage, as last reported.
#[derive(Clone, Copy, Default)]
struct Losses {
    recursion: u64,
    ring: u64,
    damage: u64,
}

impl Live {
    /// Loads, attaches, and starts the account. Only namespaces that `wants` takes are asked for what they say of themselves.
    ///
    /// # Errors
    /// [`LiveError`] if the kernel refuses any step; nothing is left attached then.
    pub fn start(options: &Options<'_>, wants: impl Fn(u32) -> bool) -> Result<Self, LiveError> {
        let mut attached = options.attach()?;
        let kernel_log = match options.kernel_log {
            Some(_) => Some(aya_log::EbpfLogger::init(&mut attached.ebpf)?),
            None => None,
        };
        let now = clock::monotonic();
        Ok(Self {
            attached,
            kernel_log,
            cgroups: Cgroups::open(now),
            namespaces: Namespaces::open(wants),
            reset_reasons: options.kernel.reset_reasons.clone(),
            clock: None,
            unconvertible: 0,
            reported: Losses::default(),
            checked: now,
        })
    }

    /// How many instructions the verifier looked at in each program; empty if the kernel does not say.
    #[must_use]
    pub fn verified_instructions(&self) -> Vec<u32> {
        self.attached.verified_instructions()
    }

    /// The sockets that exist already, with the processes that hold them: to be asked for once, before the first round, so
    /// that what the stream tells is newer.
    ///
    /// # Errors
    /// [`ExistingError`] if the kernel does not list them; the stream is not the worse for it.
    pub fn existing(&mut self) -> Result<Vec<Event>, ExistingError> {
        self.attached.existing()
    }

    /// What the network namespaces say of themselves now. Rounds yield that, too, each second or so; to be asked for before
    /// [`Live::existing`], to tell which of these sockets hold a port that the namespace gave out.
    pub fn namespaces(&mut self) -> Vec<Event> {
        self.namespaces.read().into_iter().map(|reading| Event::Namespace(Box::new(reading))).collect()
    }

    /// Directories that it goes on reading.
    #[must_use]
    pub fn reads(&self) -> Vec<PathBuf> {
        self.cgroups.mount().map(Path::to_owned).into_iter().chain(self.namespaces.reads()).collect()
    }

    /// Waits until much has gathered; readers look every few milliseconds anyway. Must be called within a runtime.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub fn wakeup(&self) -> io::Result<Wakeup> {
        Wakeup::new(self.attached.rings.epoll()?)
    }

    /// Appends the events of one round, in order of time. True if there is more at once.
    ///
    /// # Errors
    /// [`LiveError`] if the clock or the counters cannot be read.
    pub fn drain(&mut self, events: &mut Vec<Event>) -> Result<bool, LiveError> {
        self.round(events, false)
    }

    fn round(&mut self, events: &mut Vec<Event>, last: bool) -> Result<bool, LiveError> {
        self.note_clock(events)?;
        if let Some(log) = &mut self.kernel_log {
            log.flush();
        }
        let now = clock::monotonic();
        // Before the records: all that was stamped earlier is in the rings.
        if !last && self.namespaces.are_due(now) {
            events.extend(self.namespaces());
        }
        let Self { attached, cgroups, reset_reasons, unconvertible, .. } = self;
        let until = attached.rings.drain(ROUND, last, |record| {
            *unconvertible += u64::from(!convert(record, cgroups, reset_reasons, now, events));
        });
        events.extend(until.filter(|_| !last).map(Event::Until));
        if now.since(self.checked) >= LOSS_CHECK_NS {
            self.note_losses(events)?;
        }
        Ok(until.is_none())
    }

    /// Detaches, reads everything that was seen, and closes the account.
    ///
    /// # Errors
    /// [`LiveError`] if the programs cannot be stopped or the counters cannot be read.
    pub fn finish(&mut self, mut consume: impl FnMut(&mut Vec<Event>)) -> Result<Account, LiveError> {
        // While the programs still see what the counters count.
        let mut events = self.namespaces();
        self.attached.detach()?;
        for _ in 0..SETTLE_ROUNDS {
            while self.round(&mut events, true)? {
                consume(&mut events);
            }
            consume(&mut events);
            // A program that was running on another CPU at the detach counts first and submits last.
            if self.account()?.closes() {
                break;
            }
            std::thread::sleep(SETTLE_PAUSE);
        }
        self.note_losses(&mut events)?;
        consume(&mut events);
        self.account()
    }

    /// The account so far. It need not close while programs run.
    ///
    /// # Errors
    /// [`LiveError`] if the counters cannot be read.
    pub fn account(&mut self) -> Result<Account, LiveError> {
        let mut account = self.attached.counters.read()?;
        let (whole, torn) = self.attached.rings.taken();
        account.decoded = whole - self.unconvertible;
        account.undecodable = torn + self.unconvertible;
        Ok(account)
    }

    fn note_clock(&mut self, events: &mut Vec<Event>) -> Result<(), LiveError> {
        let (pair, error_ns) = clock::pair()?;
        let apart_ns = |known: ClockPair| known.realtime_ns_of(pair.monotonic).abs_diff(pair.realtime_ns);
        let stepped = self.clock.is_none_or(|known| apart_ns(known) > CLOCK_STEP_NS + error_ns);
        if stepped {
            self.clock = Some(pair);
            events.push(Event::Clock(pair));
        }
        Ok(())
    }

    fn note_losses(&mut self, events: &mut Vec<Event>) -> Result<(), LiveError> {
        let account = self.account()?;
        let (from, to) = (self.checked, clock::monotonic());
        let now = Losses { recursion: account.missed(), ring: account.reserve_failed(), damage: account.undecodable };
        let before = std::mem::replace(&mut self.reported, now);
        self.checked = to;
        for (stage, lost) in [
            (LossStage::Recursion, now.recursion.saturating_sub(before.recursion)),
            (LossStage::Ring, now.ring.saturating_sub(before.ring)),
            (LossStage::Damage, now.damage.saturating_sub(before.damage)),
        ] {
            if lost > 0 {
                events.push(Event::Gap(Gap { lost, from, to, stage }));
            }
        }
        Ok(())
    }
}

/// Converts a record and appends it, its cgroup's path first. False if it cannot be converted.
fn convert(
    record: &EventRecord,
    cgroups: &mut Cgroups,
    reset_reasons: &[Arc<str>],
    now: MonotonicNs,
    events: &mut Vec<Event>,
) -> bool {
    let Ok(event) = decode::event(record, reset_reasons) else { return false };
    if let Event::Transition(socket) | Event::Reset(Reset { socket, .. }) = &event
        && let Some(id) = socket.cgroup_id
        && let Some(path) = cgroups.announce(id, now)
    {
        events.push(Event::Cgroup { id, path });
    }
    events.push(event);
    true
}
