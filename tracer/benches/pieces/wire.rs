//! From the rings to events: merging, decoding.

use std::ops::Deref;

use divan::{Bencher, black_box, black_box_drop, counter::ItemsCount};
use tracer::{
    decode,
    source::live::{Merge, Ring},
};
use tracer_common::wire::EventRecord;
use zerocopy::IntoBytes as _;

use crate::incident::{INCIDENT, record};

/// Records yielded in a round at most, as in the live source.
const ROUND: usize = 32_768;

/// Wire bytes to an event.
#[divan::bench]
fn decode_record(bencher: Bencher<'_, '_>) {
    let records: Vec<_> = INCIDENT.transitions().map(record).collect();
    bencher.counter(ItemsCount::new(records.len())).bench_local(|| {
        for record in &records {
            let copy = decode::record(black_box(record.as_bytes())).expect("a record");
            black_box(decode::event(&copy, &[]).expect("an event"));
        }
    });
}

/// A ring that a recorded stream was dealt into.
struct Dealt<'a> {
    records: &'a [EventRecord],
}

impl Ring for Dealt<'_> {
    fn next(&mut self) -> Option<impl Deref<Target = [u8]>> {
        let (first, rest) = self.records.split_first()?;
        self.records = rest;
        Some(first.as_bytes())
    }
}

/// The recorded stream dealt out to the rings of so many CPUs, two a CPU: runs of ten records stay together, for what
/// happens to a connection mostly happens on one CPU.
fn deal(cpus: usize) -> Vec<Vec<EventRecord>> {
    let mut rings = vec![Vec::new(); cpus * 2];
    let mut seed = fastrand::Rng::with_seed(7);
    let mut ring = 0;
    for (place, transition) in INCIDENT.transitions().enumerate() {
        if place % 10 == 0 {
            // About one event in a hundred interrupts a program.
            ring = seed.usize(..cpus) * 2 + usize::from(seed.u8(..100) == 0);
        }
        rings[ring].push(record(transition));
    }
    rings
}

/// Rings into one stream, all of it in one round.
#[divan::bench(args = [2, 64, 256])]
fn merge_stream(bencher: Bencher<'_, '_>, cpus: usize) {
    let rings = deal(cpus);
    let count: usize = rings.iter().map(Vec::len).sum();
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| Merge::new(rings.iter().map(|records| Dealt { records })))
        .bench_local_values(|mut merge| while !merge.drain(ROUND, u64::MAX, |record| black_box_drop(*record)) {});
}

/// A round that finds nothing: what an idle host pays twenty times a second.
#[divan::bench(args = [2, 64, 256])]
fn merge_nothing(bencher: Bencher<'_, '_>, cpus: usize) {
    let mut merge = Merge::new((0..cpus * 2).map(|_| Dealt { records: &[] }));
    bencher.bench_local(move || merge.drain(ROUND, u64::MAX, |record| black_box_drop(*record)));
}
