//! What is said once and read by people, too: JSON objects. Members may be added; a reader ignores those it does not know.

mod account;
mod criteria;
mod namespace;
mod run;

pub(crate) use self::run::HeadFact;
pub(super) use self::run::{read_end, read_head, write_end, write_head};

use serde::{Deserialize, Serialize};

use self::namespace::NamespaceFact;
use super::RecordError;
use crate::event::{ClockPair, Event, Gap, LossStage, MonotonicNs};

/// Both clocks, nanoseconds: since boot, and since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Clock {
    monotonic_ns: u64,
    realtime_ns: i64,
}

impl From<ClockPair> for Clock {
    fn from(pair: ClockPair) -> Self {
        Self { monotonic_ns: pair.monotonic.0, realtime_ns: pair.realtime_ns }
    }
}

impl From<Clock> for ClockPair {
    fn from(clock: Clock) -> Self {
        Self { monotonic: MonotonicNs(clock.monotonic_ns), realtime_ns: clock.realtime_ns }
    }
}

/// A fact in the stream: an object with one member, which says what it is about.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Fact {
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<Clock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<Cgroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<NamespaceFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<GapFact>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Cgroup {
    id: u64,
    path: Box<str>,
}

#[derive(Debug, Serialize, Deserialize)]
struct GapFact {
    lost: u64,
    from_ns: u64,
    to_ns: u64,
    stage: String,
}

/// The fact of an event that is none of a socket's.
pub(super) fn event(event: &Event) -> Vec<u8> {
    let mut fact = Fact::default();
    match event {
        Event::Clock(pair) => fact.clock = Some((*pair).into()),
        Event::Cgroup { id, path } => fact.cgroup = Some(Cgroup { id: *id, path: path.clone() }),
        Event::Namespace(reading) => fact.namespace = Some(NamespaceFact::of(reading)),
        Event::Gap(gap) => {
            let Gap { lost, from, to, stage } = *gap;
            fact.gap = Some(GapFact { lost, from_ns: from.0, to_ns: to.0, stage: stage.name().to_owned() });
        }
        _ => {}
    }
    json(&fact)
}

/// The event that a fact tells of; `None` if this version knows none.
pub(super) fn to_event(json: &[u8]) -> Result<Option<Event>, RecordError> {
    let fact: Fact = serde_json::from_slice(json)?;
    let clock = fact.clock.map(|clock| Event::Clock(clock.into()));
    let cgroup = fact.cgroup.map(|Cgroup { id, path }| Event::Cgroup { id, path });
    let namespace = fact.namespace.map(NamespaceFact::reading).transpose()?;
    let namespace = namespace.map(|reading| Event::Namespace(Box::new(reading)));
    let gap = fact.gap.map(GapFact::gap).transpose()?.map(Event::Gap);
    Ok(clock.or(cgroup).or(namespace).or(gap))
}

impl GapFact {
    fn gap(self) -> Result<Gap, RecordError> {
        let Self { lost, from_ns, to_ns, stage } = self;
        let stage = LossStage::ALL.into_iter().find(|it| it.name() == stage).ok_or(RecordError::Value)?;
        Ok(Gap { lost, from: MonotonicNs(from_ns), to: MonotonicNs(to_ns), stage })
    }
}

/// These types hold no map with other keys than text, so that they cannot fail to be written.
fn json(fact: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(fact).unwrap_or_default()
}
