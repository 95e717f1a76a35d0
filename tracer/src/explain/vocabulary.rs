//! All words that can be explained, with what is always true of them.

use std::{borrow::Cow, collections::HashSet};

use super::{
    Aspect, Explanation, Kind, Says, accounts, connections, errors, events, figures, machine, resets, says, states,
    topics,
};
use crate::{
    doctor::{Check, Health, TRANSITIONS},
    errno,
    event::{Family, LossStage, TcpState, squeezed},
    figures::{
        GroupBy, LatencyBy, SocketOrder, SocketsBy, SortBy,
        host::{Cause, Counted, Incomparable},
    },
    namespace::Counter,
    observation::{Direction, HandshakeMethod, Outcome, OwnerSource, Role, Side, TimeWaitEnd, UnknownLatency},
    output::EventType,
    services::PortClass,
    socket::{Protocol, TimerKind},
    source::live::offsets::{FEATURES, Feature},
};

/// Everything but ports. What a word most likely means comes first.
#[must_use]
pub fn vocabulary() -> Vec<Explanation> {
    let mut all = Vec::new();
    let mut add = |kind, name, says| all.push(Explanation::new(kind, name, says));
    topics::TOPICS.iter().for_each(|(name, says)| add(Kind::Topic, *name, *says));
    TcpState::ALL.iter().for_each(|it| add(Kind::State, it.name(), states::state(*it)));
    add(Kind::State, states::UNKNOWN, states::NO_STATE);
    resets::REASONS.iter().for_each(|(name, says)| add(Kind::Reason, *name, *says));
    errors_of(&mut add);
    Outcome::ALL.iter().for_each(|it| add(Kind::Outcome, it.name(), connections::outcome(*it)));
    TimeWaitEnd::ALL.iter().for_each(|it| add(Kind::End, it.name(), connections::end(*it)));
    UnknownLatency::ALL.iter().for_each(|it| add(Kind::UnknownReason, it.name(), connections::unknown_reason(*it)));
    HandshakeMethod::ALL.iter().for_each(|it| add(Kind::Method, it.name(), connections::method(*it)));
    Side::ALL.iter().for_each(|it| add(Kind::Side, it.name(), connections::side(*it)));
    Direction::ALL.iter().for_each(|it| add(Kind::Direction, it.name(), connections::direction(*it)));
    Role::ALL.iter().for_each(|it| add(Kind::Role, it.name(), connections::role(*it)));
    OwnerSource::ALL.iter().for_each(|it| add(Kind::OwnerSource, it.name(), connections::owner_source(*it)));
    TimerKind::ALL.iter().for_each(|it| add(Kind::Timer, it.name(), connections::timer(*it)));
    EventType::ALL.iter().for_each(|it| add(Kind::Type, it.name(), events::event(*it)));
    LossStage::ALL.iter().for_each(|it| add(Kind::Stage, it.name(), accounts::stage(*it)));
    Counter::ALL.iter().for_each(|it| add(Kind::Counter, it.name(), accounts::counter(*it)));
    let both = Counted::ALL.iter().filter(|it| Counter::ALL.iter().all(|counter| counter.name() != it.name()));
    both.for_each(|it| add(Kind::Counter, it.name(), accounts::counted(*it)));
    Cause::ALL.iter().for_each(|it| add(Kind::Cause, it.name(), accounts::cause(*it)));
    Incomparable::all().for_each(|it| add(Kind::Incomparable, it.name(), accounts::incomparable(it)));
    accounts::TERMS.iter().for_each(|(name, says)| add(Kind::Term, *name, *says));
    SortBy::ALL.iter().for_each(|it| add(Kind::Figure, it.name(), figures::figure(*it)));
    GroupBy::ALL.iter().for_each(|it| add(Kind::GroupBy, it.name(), figures::group_by(*it)));
    let by_latency = LatencyBy::ALL.iter().filter_map(|it| Some((it.name(), figures::latency_by(*it)?)));
    by_latency.for_each(|(name, says)| add(Kind::GroupBy, name, says));
    let by_socket = SocketsBy::ALL.iter().filter_map(|it| Some((it.name(), figures::sockets_by(*it)?)));
    by_socket.for_each(|(name, says)| add(Kind::GroupBy, name, says));
    let orders = SocketOrder::ALL.iter().filter_map(|it| Some((it.name(), figures::order(*it)?)));
    orders.for_each(|(name, says)| add(Kind::Figure, name, says));
    figures::GROUPS.iter().for_each(|(name, says)| add(Kind::Group, *name, *says));
    figures::MEMBERS.iter().for_each(|(name, says)| add(Kind::Member, *name, *says));
    Check::ALL.iter().for_each(|it| add(Kind::Check, it.name(), machine::check(*it)));
    Health::ALL.iter().for_each(|it| add(Kind::Health, it.name(), machine::health(*it)));
    add(Kind::Feature, TRANSITIONS, machine::TRANSITIONS);
    Family::ALL.iter().for_each(|it| add(Kind::Family, it.name(), connections::family(*it)));
    Protocol::ALL.iter().for_each(|it| add(Kind::Protocol, it.name(), connections::protocol(*it)));
    PortClass::ALL.iter().for_each(|it| add(Kind::PortClass, it.name(), connections::class(*it)));
    all.extend(FEATURES.iter().map(|it| feature(it)));
    place(&mut all);
    all
}

/// What is completed when it is typed: each word once.
#[must_use]
pub fn completions() -> Vec<&'static str> {
    let mut seen = HashSet::new();
    let words = vocabulary().into_iter().filter(is_listed).filter_map(|it| match it.name {
        Cow::Borrowed(name) => Some(name).filter(|name| !name.contains(' ')),
        Cow::Owned(_) => None,
    });
    words.filter(|name| seen.insert(squeezed(name))).collect()
}

/// Whether it is worth a place in a list: most errors are not of TCP.
pub(crate) fn is_listed(it: &Explanation) -> bool {
    it.kind != Kind::Error || errors::of_tcp(&it.name).is_some()
}

/// The usual ones first.
fn errors_of(add: &mut impl FnMut(Kind, &'static str, Says)) {
    let rank = |name: &str| errors::USUAL.iter().position(|usual| *usual == name).unwrap_or(errors::USUAL.len());
    let mut all: Vec<_> = errno::all().collect();
    all.sort_by_key(|(_, name, _)| (rank(name), errors::of_tcp(name).is_none()));
    for (_, name, meaning) in all {
        let says = errors::of_tcp(name).unwrap_or_else(|| says(meaning).more(&[(Aspect::Plain, errors::NOT_OF_TCP)]));
        add(Kind::Error, name, says);
    }
}

fn feature(Feature { name, lost, remedy }: &'static Feature) -> Explanation {
    let says = says("Measured only where the kernel tells it; start.features says whether, and why not.");
    let mut explanation = Explanation::new(Kind::Feature, *name, says);
    explanation.more.push((Aspect::Plain, format!("Without it: no {lost}; {remedy}.").into()));
    explanation
}

/// Where states stand in the diagram of RFC 9293's.
fn place(all: &mut [Explanation]) {
    for explanation in all.iter_mut().filter(|it| it.kind == Kind::State) {
        explanation.place = TcpState::ALL.iter().copied().find(|state| state.name() == explanation.name);
    }
}
