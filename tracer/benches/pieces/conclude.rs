//! From events to figures: the filter, the table of connections, the measures.

use divan::{Bencher, black_box, black_box_drop, counter::ItemsCount};
use tracer::{
    figures::GroupBy,
    filter::{CgroupAncestry, Criteria, Filter},
    measure::{Aggregate, host::Host},
    observation::Known,
};

use crate::incident::{INCIDENT, budget, tracker};

/// What user space decides of a filter by address, family and loopback.
#[divan::bench]
fn filter_decide(bencher: Bencher<'_, '_>) {
    let criteria = Criteria { no_loopback: true, ..Criteria::default() };
    let filter = Filter::new(criteria).expect("a filter");
    let transitions: Vec<_> = INCIDENT.transitions().collect();
    let (known, cgroups) = (Known::default(), CgroupAncestry::default());
    bencher.counter(ItemsCount::new(transitions.len())).bench_local(|| {
        for transition in &transitions {
            black_box(filter.decide(black_box(transition), &known, &cgroups));
        }
    });
}

/// The table of connections: every event of the incident.
#[divan::bench]
fn track_events(bencher: Bencher<'_, '_>) {
    let events = &INCIDENT.events;
    bencher.counter(ItemsCount::new(events.len())).with_inputs(tracker).bench_local_refs(|tracker| {
        for event in events {
            tracker.apply(event, &mut |observation| black_box_drop(observation));
        }
    });
}

/// Figures by service.
#[divan::bench]
fn measure_groups(bencher: Bencher<'_, '_>) {
    let observations = &INCIDENT.observations;
    bencher
        .counter(ItemsCount::new(observations.len()))
        .with_inputs(|| Aggregate::new(GroupBy::Service, true, &budget()))
        .bench_local_refs(|groups| observations.iter().for_each(|observation| groups.observe(observation)));
}

/// What the host runs out of, and the kernel's own counters.
#[divan::bench]
fn measure_host(bencher: Bencher<'_, '_>) {
    let observations = &INCIDENT.observations;
    bencher
        .counter(ItemsCount::new(observations.len()))
        .with_inputs(|| Host::new(&budget()))
        .bench_local_refs(|host| observations.iter().for_each(|observation| host.observe(observation)));
}
