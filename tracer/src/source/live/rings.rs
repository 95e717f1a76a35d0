//! Two ring buffers per CPU, merged by time.
//!
//! Why a socket's events come out in order: the kernel raises an event while it holds the socket's lock, so event k is
//! in its ring before event k+1 is stamped. Each ring has one producer at a time, so an unfinished record is the last
//! of its ring and hides nothing. A round first reads the clock, then the rings, and yields only what was stamped
//! before it began: if it yields k+1, then k was in its ring when the round looked.

use std::{io, ops::Deref, os::fd::AsFd};

use aya::{
    maps::{ArrayOfMaps, Map, MapData, MapError, RingBuf},
    util::{nr_cpus, online_cpus},
};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use rustix::{event::epoll, fd::OwnedFd, param::page_size};
use tracer_common::wire::{EVENT_LEN, EventRecord, LANES};

use super::{
    clock,
    merge::{Merge, Ring},
};
use crate::event::MonotonicNs;

/// What a record takes in a ring: itself and the kernel's header (`BPF_RINGBUF_HDR_SZ`).
const SLOT: usize = EVENT_LEN + 8;
/// The kernel's clock for programs and the one of user space may differ by this much around a clock update.
const CLOCK_SLACK_NS: u64 = 1_000_000;
const CPU_RINGS: u32 = LANES as u32;
/// About one event in a hundred finds the first ring of its CPU in use.
const SECOND_SHARE: usize = 16;
/// No ring is smaller, nor are those of CPUs that are offline.
const SMALLEST: usize = 64 * 1024;

/// How large the ring buffers are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// Each online CPU's first ring.
    pub first: usize,
    /// Each online CPU's second ring, for what interrupts a program.
    pub second: usize,
    /// Rings of CPUs that are offline now.
    pub offline: usize,
}

impl RingSizes {
    /// Shares `total` bytes out over `cpus` online CPUs; the kernel wants powers of two and whole pages.
    #[must_use]
    pub fn share(total: usize, cpus: usize, page: usize) -> Self {
        let floor = SMALLEST.max(page);
        let down = |size: usize| match size.checked_ilog2() {
            Some(log) => (1 << log.min(30)).max(floor),
            None => floor,
        };
        let first = down(total / cpus.max(1));
        Self { first, second: down(first / SECOND_SHARE), offline: floor }
    }

    /// The reader is woken when a quarter of a first ring is full.
    #[must_use]
    pub fn wake_every(&self) -> u64 {
        (self.first / 4 / SLOT).max(1) as u64
    }
}

impl Ring for RingBuf<MapData> {
    fn next(&mut self) -> Option<impl Deref<Target = [u8]>> {
        Self::next(self)
    }
}

/// All rings.
pub(super) struct Rings {
    merge: Merge<RingBuf<MapData>>,
    epoll: OwnedFd,
}

/// Why the rings could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The CPUs could not be listed.
    #[error("reading {0} to count the CPUs failed: {1}")]
    Cpus(&'static str, #[source] io::Error),
    /// A map operation failed.
    #[error("creating a ring buffer of {size} bytes failed (try a smaller --ring-size)")]
    Create {
        /// The size asked for.
        size: usize,
        /// What the kernel said.
        #[source]
        source: MapError,
    },
    /// A ring could not be put where the programs look for it.
    #[error("handing a ring buffer to the programs failed")]
    Install(#[source] MapError),
    /// epoll refused.
    #[error("waiting for ring buffers failed")]
    Epoll(#[from] rustix::io::Errno),
}

/// How many rings there are: so many for each CPU that may ever come online.
pub(super) fn ring_count() -> Result<u32, RingError> {
    let cpus = nr_cpus().map_err(|(path, error)| RingError::Cpus(path, error))?;
    Ok(u32::try_from(cpus).unwrap_or(u32::MAX / CPU_RINGS) * CPU_RINGS)
}

/// Shares `total` bytes out over this machine's CPUs.
pub(super) fn sizes(total: usize) -> Result<RingSizes, RingError> {
    let online = online_cpus().map_err(|(path, error)| RingError::Cpus(path, error))?;
    Ok(RingSizes::share(total, online.len(), page_size()))
}

impl Rings {
    /// Creates the rings and installs them in `outer`, at CPU × 2 + lane.
    pub(super) fn create(
        outer: &mut ArrayOfMaps<MapData, RingBuf<MapData>>,
        sizes: RingSizes,
    ) -> Result<Self, RingError> {
        let online = online_cpus().map_err(|(path, error)| RingError::Cpus(path, error))?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut rings = Vec::new();
        for index in 0..outer.len() {
            let size = match (online.contains(&(index / CPU_RINGS)), index % CPU_RINGS) {
                (false, _) => sizes.offline,
                (true, 0) => sizes.first,
                (true, _) => sizes.second,
            };
            let buffer = create_ring(size)?;
            outer.set(index, &buffer, 0).map_err(RingError::Install)?;
            let data = epoll::EventData::new_u64(u64::from(index));
            epoll::add(&epoll, buffer.as_fd(), data, epoll::EventFlags::IN)?;
            rings.push(buffer);
        }
        Ok(Self { merge: Merge::new(rings), epoll })
    }

    /// A descriptor that is readable when a program has announced a quarter of a ring.
    pub(super) fn epoll(&self) -> io::Result<OwnedFd> {
        self.epoll.try_clone()
    }

    /// Yields up to `limit` records in order of time; those stamped since the round began wait for the next one, unless
    /// it is the `last`. Returns the moment before which all is yielded; `None` if the limit cut the round short.
    pub(super) fn drain(
        &mut self,
        limit: usize,
        last: bool,
        yield_record: impl FnMut(&EventRecord),
    ) -> Option<MonotonicNs> {
        let now = if last { MonotonicNs(u64::MAX) } else { clock::monotonic() };
        let cut = now.0.saturating_sub(CLOCK_SLACK_NS);
        self.merge.drain(limit, cut, yield_record).then_some(MonotonicNs(cut))
    }

    /// Records taken out of the rings that were whole, and those that were not.
    pub(super) fn taken(&self) -> (u64, u64) {
        self.merge.taken()
    }
}

fn create_ring(size: usize) -> Result<RingBuf<MapData>, RingError> {
    let failed = |source| RingError::Create { size, source };
    let entries = u32::try_from(size).unwrap_or(1 << 31);
    let definition = aya_obj::Map::new_from_params(BPF_MAP_TYPE_RINGBUF as u32, 0, 0, entries, 0);
    let map = MapData::create(definition, "tracer_ring", None).map_err(failed)?;
    RingBuf::try_from(Map::RingBuf(map)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::RingSizes;

    const PAGE: usize = 4096;

    #[test]
    fn sizes_are_powers_of_two_within_the_total() {
        for (total, cpus) in [(16 << 20, 2), (16 << 20, 3), (10_000_000, 7), (1 << 30, 256)] {
            let sizes = RingSizes::share(total, cpus, PAGE);
            for size in [sizes.first, sizes.second, sizes.offline] {
                assert!(size.is_power_of_two() && size % PAGE == 0, "{sizes:?}");
            }
            assert!(sizes.first * cpus <= total, "{sizes:?}");
        }
    }

    #[test]
    fn many_cpus_share_the_memory_until_rings_are_as_small_as_they_may_be() {
        let mebibytes = |cpus| {
            let sizes = RingSizes::share(16 << 20, cpus, PAGE);
            (cpus * (sizes.first + sizes.second)) >> 20
        };
        assert_eq!([2, 64, 256, 1024].map(mebibytes), [17, 20, 32, 128]);
    }

    #[test]
    fn no_ring_is_smaller_than_the_floor_or_a_page() {
        assert_eq!(RingSizes::share(1, 64, PAGE).first, super::SMALLEST);
        assert_eq!(RingSizes::share(1, 64, 1 << 17).first, 1 << 17);
        assert!(RingSizes::share(0, 0, PAGE).wake_every() >= 1);
    }
}
