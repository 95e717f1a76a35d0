//! The committed recording, and what is made of it.

use std::{io::Cursor, sync::LazyLock};

use tracer::{
    event::{Endpoint, Event, Transition},
    filter::{Criteria, Filter},
    measure,
    memory::Budget,
    observation::Observation,
    recording::Run,
    source::recording::{Recording, Step},
    track::Tracker,
};
use tracer_common::{
    filter::{AF_INET, AF_INET6},
    wire::{EventRecord, KIND_TRANSITION},
};
use zerocopy::FromBytes as _;

/// The staged incident: docs/incident.trec.
pub(crate) static INCIDENT: LazyLock<Incident> =
    LazyLock::new(|| Incident::read(include_bytes!("../../../docs/incident.trec")));

/// Sockets remembered at a time.
pub(crate) const CAPACITY: usize = 65_536;

/// A recording, read.
pub(crate) struct Incident {
    pub(crate) bytes: &'static [u8],
    pub(crate) run: Box<Run>,
    pub(crate) events: Vec<Event>,
    /// What the tracker makes of the events, and what follows from that.
    pub(crate) observations: Vec<Observation>,
}

impl Incident {
    fn read(bytes: &'static [u8]) -> Self {
        let mut recording = Recording::stream(Cursor::new(bytes)).expect("a recording");
        let (mut first, mut events, mut read) = (None, Vec::new(), Vec::new());
        while let Some(step) = recording.next(&mut read).expect("readable") {
            if let Step::Run(run) = step {
                first.get_or_insert(run);
            }
            events.append(&mut read);
        }
        assert!(events.len() > 5_000, "too little to measure anything with");
        let observations = observations(&events);
        Self { bytes, run: first.expect("a run"), events, observations }
    }

    /// The transitions among the events.
    pub(crate) fn transitions(&self) -> impl Iterator<Item = &Transition> {
        self.events.iter().filter_map(|event| match event {
            Event::Transition(transition) => Some(transition),
            _ => None,
        })
    }
}

/// Room for these.
pub(crate) fn budget() -> Budget {
    Budget::of_sockets(CAPACITY)
}

/// A tracker that lets everything through.
pub(crate) fn tracker() -> Tracker {
    Tracker::new(Filter::new(Criteria::default()).expect("no filter"), CAPACITY, &budget())
}

fn observations(events: &[Event]) -> Vec<Observation> {
    let mut observations = Vec::new();
    let mut tracker = tracker();
    let mut report = |observation: &Observation| {
        observations.push(observation.clone());
        measure::conclude(observation, &mut |conclusion| observations.push(conclusion.clone()));
    };
    events.iter().for_each(|event| tracker.apply(event, &mut report));
    observations
}

/// A transition as the kernel side tells of it: what merging and decoding look at.
pub(crate) fn record(transition: &Transition) -> EventRecord {
    let addr = |end: Option<Endpoint>| {
        let octets = end.map_or([0; 16], |end| match end.addr {
            std::net::IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
            std::net::IpAddr::V6(addr) => addr.octets(),
        });
        <[u64; 2]>::read_from_bytes(&octets).expect("16 bytes")
    };
    let port = |end: Option<Endpoint>| end.and_then(|end| end.port).unwrap_or(0);
    let is_v6 = transition.local.addr.is_ipv6();
    EventRecord {
        time_ns: transition.time.0,
        cookie: transition.cookie.map_or(0, |cookie| cookie.0.get()),
        sock: transition.sock.0,
        local_addr: addr(Some(transition.local)),
        remote_addr: addr(transition.remote),
        netns: transition.netns,
        local_port: port(Some(transition.local)),
        remote_port: port(transition.remote),
        family: if is_v6 { AF_INET6 } else { AF_INET },
        old_state: transition.old as u8,
        new_state: transition.new as u8,
        kind: KIND_TRANSITION,
        ..EventRecord::default()
    }
}
