//! Our count beside the kernel's.

use proptest::{collection::vec, prelude::*};

use super::{NETNS, SECOND, at, circumstances, facts, figures, host, last, opening, reading};
use crate::{
    event::TcpState::{self, Close, CloseWait, Established, Listen, SynRecv, SynSent},
    figures::host::{Cause, Comparison, Counted, HostFigures, Incomparable, Pair},
    filter::{Criteria, Filter, List},
    measure::host::{Circumstances, Host},
    memory::Budget,
    namespace::{Counter, NamespaceFacts, Unread},
    observation::Observation,
};

const MS: u64 = 1_000_000;

fn only(figures: &HostFigures) -> &Comparison {
    let [comparison] = &figures.kernel_counters[..] else { panic!("one namespace: {figures:#?}") };
    comparison
}

fn pair(figures: &HostFigures, counted: Counted) -> &Pair {
    &only(figures).pairs[counted as usize]
}

/// The counters after something happened.
fn grown(by: &[(Counter, u64)]) -> NamespaceFacts {
    let mut later = facts(1_000);
    by.iter().for_each(|(counter, by)| later.counters.set(*counter, 1_000 + by));
    later
}

/// A run of three seconds: readings at 1 s and 3 s, these at 2 s.
fn run(happened: &[Observation], by: &[(Counter, u64)]) -> Host {
    let first = reading(SECOND, Ok(facts(1_000)));
    let all: Vec<_> = [first].iter().chain(happened).chain(&[reading(3 * SECOND, Ok(grown(by)))]).cloned().collect();
    host(&all)
}

fn change(number: u64, old: TcpState, new: TcpState, error: Option<u16>) -> Observation {
    let mut observed = at(2 * SECOND, number, "10.0.0.5:40001", old, new);
    observed.transition.error = error;
    Observation::Transition(observed)
}

#[test]
fn each_counter_has_its_transitions() {
    let mut no_port = at(2 * SECOND, 5, "10.0.0.5:0", SynSent, Close);
    no_port.transition.sent = false;
    let host = run(
        &[
            change(1, Close, SynSent, None),
            change(1, SynSent, Close, Some(111)),
            change(2, Listen, SynRecv, None),
            change(2, SynRecv, Established, None),
            change(2, Established, Close, None),
            change(3, CloseWait, Close, Some(32)),
            // Given up by close(): no failure to the kernel.
            change(4, Close, SynSent, None),
            change(4, SynSent, Close, None),
            opening(2 * SECOND, 5),
            Observation::Transition(no_port),
        ],
        &[(Counter::ActiveOpens, 2), (Counter::PassiveOpens, 1), (Counter::AttemptFails, 1), (Counter::EstabResets, 2)],
    );
    let figures = last(&host, 4 * SECOND);
    let rest: Vec<_> = only(&figures).counted().map(|(_, pair)| (pair.ours, pair.unexplained)).collect();
    assert_eq!(rest, [2, 1, 1, 2, 0, 0].map(|ours| (Some(ours), Some(0))));
    assert!(only(&figures).pairs.iter().all(|pair| pair.causes.is_empty()));
}

#[test]
fn what_is_missing_has_a_cause_or_is_unexplained() {
    let mut inferred = at(2 * SECOND, 2, "10.0.0.5:40001", Established, Close);
    inferred.inferred = true;
    let by = [
        (Counter::ActiveOpens, 5),
        (Counter::AttemptFails, 3),
        (Counter::EmbryonicRsts, 2),
        (Counter::EstabResets, 1),
        (Counter::OutRsts, 7),
        (Counter::TimeWaits, 4),
    ];
    let host = run(&[opening(2 * SECOND, 1), Observation::Transition(inferred)], &by);
    let figures = figures(&host, 4 * SECOND, |it| {
        it.lost = 3;
        it.sees_all_resets = false;
        it.sees_time_wait = false;
    });
    let causes = |counted| (pair(&figures, counted).causes.clone(), pair(&figures, counted).unexplained);
    assert_eq!(causes(Counted::ActiveOpens), (vec![(Cause::Lost, 3)], Some(1)));
    assert_eq!(causes(Counted::AttemptFails), (vec![(Cause::HalfOpenReset, 2), (Cause::Lost, 1)], Some(0)));
    assert_eq!(causes(Counted::EstabResets), (vec![(Cause::Inferred, 1)], Some(0)));
    assert_eq!(causes(Counted::OutRsts), (vec![(Cause::NoSocket, 7)], Some(0)));
    let unseen = pair(&figures, Counted::TimeWaits);
    assert_eq!((unseen.kernel, unseen.ours, unseen.unexplained), (Some(4), None, None));
}

#[test]
fn more_than_the_kernel_counted_is_never_explained() {
    let host = run(&[opening(2 * SECOND, 1), opening(2 * SECOND, 2)], &[(Counter::ActiveOpens, 1)]);
    let figures = figures(&host, 4 * SECOND, |it| it.lost = 10);
    assert_eq!(pair(&figures, Counted::ActiveOpens).unexplained, Some(-1));
}

#[test]
fn what_happened_at_the_ends_may_be_counted_or_not() {
    let happened = [opening(SECOND + MS, 1), opening(2 * SECOND, 2), opening(3 * SECOND - MS, 3)];
    for kernel in 1..=3 {
        let figures = last(&run(&happened, &[(Counter::ActiveOpens, kernel)]), 4 * SECOND);
        let Pair { ours, causes, unexplained, .. } = pair(&figures, Counted::ActiveOpens);
        assert_eq!((*ours, *unexplained), (Some(1), Some(0)), "{kernel}");
        assert_eq!(causes.iter().map(|(_, count)| count).sum::<u64>(), kernel - 1);
    }
    let before_and_after = [opening(SECOND / 2, 1), opening(3 * SECOND + SECOND / 2, 2)];
    let host = run(&before_and_after, &[]);
    assert!(last(&host, 4 * SECOND).kernel_counters.is_empty(), "nothing happened in between");
}

#[test]
fn what_the_first_reading_just_missed_is_heard_of_before_it() {
    let heard_of = [opening(SECOND / 2, 1), opening(SECOND - MS, 2), reading(SECOND, Ok(facts(1_000)))];
    for kernel in 0..=1 {
        let later = reading(3 * SECOND, Ok(grown(&[(Counter::ActiveOpens, kernel), (Counter::PassiveOpens, 1)])));
        let figures = last(&host(&[&heard_of[..], &[later]].concat()), 4 * SECOND);
        let Pair { ours, causes, unexplained, .. } = pair(&figures, Counted::ActiveOpens);
        assert_eq!((*ours, *unexplained), (Some(0), Some(0)), "{kernel}");
        assert_eq!(causes.iter().map(|(_, count)| count).sum::<u64>(), kernel);
    }
}

#[test]
fn what_cannot_be_compared_says_why() {
    let reason = |host: &Host| only(&last(host, 9 * SECOND)).incomparable;
    let unread = |why| host(&[reading(SECOND, Err(why)), opening(2 * SECOND, 1)]);
    assert_eq!(reason(&unread(Unread::Denied)), Some(Incomparable::Unread(Unread::Denied)));
    assert_eq!(reason(&host(&[opening(1, 1)])), Some(Incomparable::Unread(Unread::NotFound)));
    let mut gone = run(&[opening(2 * SECOND, 1)], &[(Counter::ActiveOpens, 1)]);
    assert_eq!(reason(&gone), None);
    gone.observe(&reading(4 * SECOND, Err(Unread::Vanished)));
    assert_eq!(reason(&gone), Some(Incomparable::Unread(Unread::Vanished)));
    assert_eq!(pair(&last(&gone, 9 * SECOND), Counted::ActiveOpens).unexplained, None);
}

#[test]
fn a_filter_that_takes_whole_namespaces_does_not_matter() {
    let host = run(&[opening(2 * SECOND, 1)], &[(Counter::ActiveOpens, 1)]);
    let with = |criteria| {
        let filter = Filter::new(criteria).expect("short lists");
        let unfiltered = Filter::new(Criteria::default()).expect("no lists");
        host.figures(&Circumstances { filter: &filter, ..circumstances(&unfiltered, 4 * SECOND) }).kernel_counters
    };
    let netns = |include| Criteria {
        netns: List { include, exclude: Vec::new() },
        typed: vec!["--netns".to_owned()],
        ..Criteria::default()
    };
    assert_eq!(with(netns(vec![NETNS]))[0].incomparable, None);
    assert!(with(netns(vec![NETNS + 1])).is_empty());
    let no_loopback = Criteria { no_loopback: true, ..Criteria::default() };
    assert_eq!(with(no_loopback)[0].incomparable, Some(Incomparable::Filtered));
}

proptest! {
    /// Events come late, the kernel counts them a little after it stamps them, and counters are read each second: whatever
    /// the order, nothing is unexplained, neither at the end nor in between.
    #[test]
    fn nothing_is_unexplained_in_any_order(
        events in vec((500 * MS..6_500 * MS, 0..5 * MS, 0..200 * MS), 0..300),
        last_second in 2_u64..7,
    ) {
        let mut steps: Vec<(u64, u64, Observation)> = Vec::new();
        for (number, (time, _, late)) in (1..).zip(&events) {
            steps.push((time + late, 1, opening(*time, number)));
        }
        for second in 1..=last_second {
            let counted = events.iter().filter(|(time, after, _)| time + after <= second * SECOND).count() as u64;
            // What was stamped before it may come after it, but not the other way round.
            steps.push((second * SECOND, 0, reading(second * SECOND, Ok(facts(counted)))));
        }
        steps.sort_by_key(|(when, order, _)| (*when, *order));
        let mut host = Host::new(&Budget::of_sockets(1));
        for (when, _, step) in &steps {
            host.observe(step);
            let between = figures(&host, *when, |it| it.is_final = false);
            for comparison in between.kernel_counters.iter().filter(|it| it.incomparable.is_none()) {
                prop_assert_eq!(comparison.pairs[0].unexplained, Some(0), "{:?}", comparison);
            }
        }
        for comparison in &last(&host, 9 * SECOND).kernel_counters {
            prop_assert_eq!(comparison.pairs[0].unexplained, Some(0), "{:?}", comparison);
        }
    }
}
