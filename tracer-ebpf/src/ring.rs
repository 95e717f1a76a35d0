//! The way of a record to user space.

use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    btf_maps::{ArrayOfMaps, RingBuf},
    helpers::bpf_get_smp_processor_id,
    macros::btf_map,
    maps::ring_buf::RingBufEntry,
    programs::BtfTracePointContext,
};
use aya_log_ebpf::warn;
use tracer_common::wire::{EVENT_LEN, EventRecord, LANES, TimeWaitRecord};

use crate::{
    account::{Account, Lane},
    config::config,
};

/// Key: CPU times [`LANES`], plus the lane: each ring has one producer at a time, so an unfinished record is always the
/// last of its ring. Value: a ring buffer. Full: the record is lost and counted.
#[btf_map]
static RINGS: ArrayOfMaps<RingBuf<EventRecord, 4096>, 2> = ArrayOfMaps::new();

/// Room for a record in a ring of this CPU.
#[must_use]
pub struct Slot {
    entry: RingBufEntry<EventRecord>,
    lane: Lane,
}

impl Slot {
    /// Finds room; `None` if there is none, which is counted.
    #[inline(always)]
    pub fn reserve(ctx: &BtfTracePointContext, account: &Account) -> Option<Self> {
        // SAFETY: a helper call without arguments.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        let Some(lane) = account.lane() else {
            account.counters().reserve_failed += 1;
            warn!(ctx, "both ring buffers of CPU {} are in use", cpu);
            return None;
        };
        match RINGS.get(cpu * LANES as u32 + lane.number).and_then(|ring| ring.reserve(0)) {
            Some(entry) => Some(Self { entry, lane }),
            None => {
                lane.give_back();
                account.counters().reserve_failed += 1;
                warn!(ctx, "ring buffer of CPU {} is full", cpu);
                None
            }
        }
    }

    /// Where to write the record; it is not initialised.
    #[inline(always)]
    pub fn record(&mut self) -> *mut EventRecord {
        self.entry.as_mut_ptr()
    }

    /// Where to write one of another kind; it is not initialised.
    #[inline(always)]
    pub fn timewait(&mut self) -> *mut TimeWaitRecord {
        self.record().cast()
    }

    /// The record, all zero.
    #[inline(always)]
    pub fn cleared(&mut self) -> *mut EventRecord {
        let words = self.record().cast::<u64>();
        let mut word = 0;
        while word < EVENT_LEN / 8 {
            // SAFETY: within the record. Volatile, or it becomes a call of memset.
            unsafe { words.add(word).write_volatile(0) };
            word += 1;
        }
        self.record()
    }

    /// Hands the record over.
    #[inline(always)]
    pub fn submit(self, account: &Account) {
        account.counters().submitted += 1;
        // A reader that is always caught up is the expensive case: it is woken by amount, and looks by itself on a timer.
        let wake = account.announces(&self.lane, config!(wake_every));
        self.entry.submit(u64::from(if wake { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }));
        self.lane.give_back();
    }
}
