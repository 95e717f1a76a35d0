//! From events to what is printed of them: no clock, no kernel, no file to read from. A live run and the replay of its
//! recording give the same events, and so the same bytes.

use super::{Figuring, Printer, Stage, View, measures::Measures, span::Span};
use crate::{
    account::Account,
    event::{Event, LossStage, MonotonicNs},
    figures::Summary,
    filter::Filter,
    measure,
    memory::Budget,
    observation::{Observation, Start},
    output::SinkError,
    recording::End,
    track::Tracker,
};

/// A run that is under way.
pub(super) struct Pipeline<'a, V> {
    stage: &'a mut Stage<V>,
    /// Whether anybody wants to know of connections; otherwise events are counted and no more.
    follows: bool,
    tracker: Tracker,
    measures: Measures,
    whole: Span,
    /// Since the last summary.
    recent: Span,
    every_ns: Option<u64>,
    /// When there are figures next.
    due: Option<MonotonicNs>,
    /// The stream sets in later than the run does: nothing of it was taken in yet.
    is_late: bool,
    /// The latest that the stream has come to.
    reached: MonotonicNs,
    /// Transitions that were taken in and not followed.
    passed: u64,
    /// Records that were lost, as the stream tells, and those among them that were unreadable.
    lost: u64,
    unreadable: u64,
}

impl<'a, V: View> Pipeline<'a, V> {
    /// Prints what heads the run.
    pub(super) fn new(stage: &'a mut Stage<V>, filter: Filter, start: &Start) -> Self {
        let follows = stage.view.follows_connections() || !stage.printer.is_silent();
        let budget = Budget::of_sockets(stage.table_size);
        let tracker = Tracker::new(filter.clone(), stage.table_size, &budget);
        let Figuring { group_by, interval, .. } = stage.figuring;
        let measures = Measures::new(group_by, filter, &start.features, !stage.printer.is_silent(), &budget);
        let begun = Span::begin(start.clock.monotonic, &tracker);
        let every_ns = interval.map(|every| u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1));
        stage.printer.start(start);
        Self {
            stage,
            follows,
            tracker,
            measures,
            whole: begun.clone(),
            recent: begun,
            every_ns,
            due: every_ns.and_then(|every_ns| after(start.clock.monotonic, every_ns)),
            is_late: false,
            reached: start.clock.monotonic,
            passed: 0,
            lost: 0,
            unreadable: 0,
        }
    }

    /// Figures begin with the first event, not with the run: what came before is not told.
    pub(super) fn set_in_late(&mut self) {
        self.is_late = true;
    }

    /// Takes in what was there when the run started; nothing of it is shown.
    pub(super) fn meet(&mut self, event: &Event) {
        if !self.follows {
            return;
        }
        let Self { tracker, measures, stage, .. } = self;
        tracker.apply(event, &mut |observation| {
            measures.meet(observation);
            // Facts that what is shown refers to.
            if let Observation::Clock(_) | Observation::Cgroup { .. } = observation {
                stage.printer.print(observation);
            }
        });
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, event: &Event) {
        self.keep_time(event);
        if !self.follows {
            self.passed += u64::from(matches!(event, Event::Transition(_)));
            return;
        }
        let Self { tracker, measures, stage, .. } = self;
        let Stage { view, printer, .. } = &mut **stage;
        tracker.apply(event, &mut |observation| conclude(observation, measures, view, printer));
    }

    /// Shows what is left, and figures until the end; without one, until the last event.
    pub(super) fn finish(&mut self, end: Option<&End>) -> Summary {
        let Self { tracker, measures, stage, .. } = self;
        let Stage { view, printer, .. } = &mut **stage;
        let (tracked, _) = tracker.occupancy();
        tracker.finish(&mut |observation| conclude(observation, measures, view, printer));
        let to = end.map_or(self.reached, |end| end.at);
        let account = end.map(|end| end.account);
        let lost = account.as_ref().map_or(self.lost, |account| self.lost_of(account));
        let groups = self.measures.aggregate.whole(self.stage.figuring.listing, to);
        let lost = lost.saturating_add(self.tracker.tally().discontinuities);
        let host = self.measures.host((self.whole.from(), to), true, lost);
        let span = self.whole.clone().summary(to, &self.tracker, groups, host);
        let summary = Summary { is_final: true, tracked, account, ..span };
        self.stage.printer.print(&Observation::Summary(Box::new(summary.clone())));
        summary
    }

    /// Transitions so far that the filter lets through, as far as it was asked.
    pub(super) fn matched(&self) -> u64 {
        self.passed + self.tracker.tally().transitions.iter().sum::<u64>()
    }

    /// Records that were lost, as the stream tells.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether all that was asked for was shown.
    pub(super) fn is_satisfied(&self) -> bool {
        self.stage.view.is_satisfied()
    }

    /// What waits to be written, bytes.
    pub(super) fn unwritten(&self) -> usize {
        self.stage.printer.unwritten()
    }

    /// Writes what was printed.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        self.stage.printer.flush()
    }

    /// What the account lacks: those that became unreadable after it was closed.
    fn lost_of(&self, account: &Account) -> u64 {
        account.lost().saturating_add(self.unreadable.saturating_sub(account.undecodable))
    }

    /// The stream's own time: figures are due when it gets there.
    fn keep_time(&mut self, event: &Event) {
        if let Event::Gap(gap) = event {
            self.lost = self.lost.saturating_add(gap.lost);
            let unreadable = if gap.stage == LossStage::Damage { gap.lost } else { 0 };
            self.unreadable = self.unreadable.saturating_add(unreadable);
        }
        let Some(time) = time(event) else { return };
        if std::mem::take(&mut self.is_late) {
            self.begin_at(time);
        }
        self.reached = self.reached.max(time);
        if let (Some(due), Some(every_ns)) = (self.due.filter(|due| *due <= time), self.every_ns) {
            // A span in which nothing happened is no reason for a row of empty summaries.
            let now = MonotonicNs(due.0 + time.since(due) / every_ns * every_ns);
            self.sum_up(now);
            self.due = after(now, every_ns);
        }
    }

    fn begin_at(&mut self, time: MonotonicNs) {
        let began = self.whole.from();
        if let (true, Some(every_ns)) = (time > began, self.every_ns) {
            self.due = after(MonotonicNs(began.0 + time.since(began) / every_ns * every_ns), every_ns);
        }
        self.whole = Span::begin(time.max(began), &self.tracker);
        self.recent = self.whole.clone();
    }

    /// Shows the figures since the last time.
    fn sum_up(&mut self, now: MonotonicNs) {
        let lost = self.lost.saturating_add(self.tracker.tally().discontinuities);
        let groups = self.measures.aggregate.recent(self.stage.figuring.listing, now);
        let host = self.measures.host((self.whole.from(), now), false, lost);
        let next = Span::begin(now, &self.tracker);
        let summary = std::mem::replace(&mut self.recent, next).summary(now, &self.tracker, groups, host);
        self.stage.printer.print(&Observation::Summary(Box::new(summary)));
    }
}

/// Counts and shows an observation and what follows from it.
fn conclude(observation: &Observation, measures: &mut Measures, view: &mut impl View, printer: &mut Printer) {
    view.show(observation, printer);
    if measures.are_wanted {
        measures.meet(observation);
        measure::conclude(observation, &mut |conclusion| {
            measures.aggregate.observe(conclusion);
            view.show(conclusion, printer);
        });
    }
    view.shown(observation);
}

/// When an event happened, if it comes in order of time.
fn time(event: &Event) -> Option<MonotonicNs> {
    match event {
        Event::Transition(transition) => Some(transition.time),
        Event::Reset(reset) => Some(reset.socket.time),
        Event::Timer(timer) => Some(timer.time),
        Event::Until(time) => Some(*time),
        // Read or found out at another time than what surrounds it.
        Event::Clock(_)
        | Event::Cgroup { .. }
        | Event::Namespace(_)
        | Event::Existing(_)
        | Event::SynAckRetransmitted(_)
        | Event::Gap(_) => None,
    }
}

/// `None`: never, by any clock.
fn after(time: MonotonicNs, ns: u64) -> Option<MonotonicNs> {
    time.0.checked_add(ns).map(MonotonicNs)
}
