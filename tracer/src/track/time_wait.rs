//! Timewait sockets: what is left of a connection once its socket is closed.
//!
//! A timer starts when one begins, 1 to 10 µs before its connection reaches CLOSE. It is taken off when one ends, and also
//! when it is set anew; what follows tells which. What ended it is the kernel's word only where its time was over, its
//! namespace was deleted or it answered with a reset. All else is inferred from who did it and what came next.

mod end;
mod jiffies;
mod remnant;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use self::{
    end::{Awaited, Connecting},
    jiffies::JiffyClock,
    remnant::Remnant,
};
use super::Tracker;
use crate::{
    event::{Endpoint, MonotonicNs, SockAddress, SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition},
    memory::{Budget, Map},
    observation::{Observation, ObservedTransition, TimeWait, TimeWaitEnd, TimeWaitEnded},
};

/// How late a timer may be: a bucket of the wheel is at most an eighth of the time that it is for, which is 7.5 s of a
/// minute, and softirqs may be delayed.
const LATE_NS: u64 = 10_000_000_000;
/// How long after its timer's start the connection's →CLOSE is waited for.
const CLOSING_NS: u64 = 10_000_000;

/// What waits for something that follows at once, at most: beyond it, the first has waited long enough.
const FRESH: usize = 16_000;

/// How many that are over may be among those that are due, beside as many as are not.
const SPARE: usize = 1_024;

/// The end of one that was not seen.
const UNSEEN: TimeWaitEnded = TimeWaitEnded { minisocket_ns: None, time_wait_ns: None, end: None, inferred: false };

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    netns: u32,
    local: Endpoint,
    remote: Endpoint,
}

impl Ends {
    /// A socket for IPv6 that connects to an IPv4 address has the same ends as one for IPv4.
    fn new(netns: u32, local: Endpoint, remote: Endpoint) -> Self {
        Self { netns, local: canonical(local), remote: canonical(remote) }
    }

    pub(super) fn of_syn_ack(syn_ack: &SynAck) -> Self {
        Self::new(syn_ack.netns, syn_ack.local, syn_ack.remote)
    }

    fn of(timer: &Timer) -> Self {
        Self::new(timer.netns, timer.local, timer.remote)
    }
}

fn canonical(end: Endpoint) -> Endpoint {
    Endpoint { addr: end.canonical(), ..end }
}

/// All timewait sockets that are known of, at most `capacity` and what there is memory for.
pub(super) struct TimeWaits {
    sockets: Map<SockAddress, Remnant>,
    capacity: usize,
    /// Those that were more than that.
    evicted: u64,
    /// Whose connection's →CLOSE is still to come, in order of time.
    fresh: VecDeque<(MonotonicNs, Option<SocketCookie>, SockAddress)>,
    /// Whose timers were taken off, in order of time, and what is awaited to tell why.
    awaited: Awaited,
    connecting: VecDeque<Connecting>,
    /// When each is certainly over, the first on top. Those that are over before stay for a while: most come in order, and
    /// leave in none.
    due: BinaryHeap<Due>,
    clock: JiffyClock,
}

type Due = Reverse<(MonotonicNs, SockAddress)>;

impl TimeWaits {
    pub(super) fn new(capacity: usize, budget: &Budget) -> Self {
        Self {
            sockets: Map::and(2 * size_of::<Due>(), budget),
            capacity,
            evicted: 0,
            fresh: VecDeque::new(),
            awaited: Awaited::new(budget),
            connecting: VecDeque::new(),
            due: BinaryHeap::new(),
            clock: JiffyClock::default(),
        }
    }

    /// How many had to be forgotten.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Whether one has begun that this connection, which reaches CLOSE, leaves behind.
    pub(super) fn has_begun_for(&self, closed: &Transition) -> bool {
        self.place(closed).is_some()
    }

    fn place(&self, closed: &Transition) -> Option<usize> {
        self.fresh.iter().rposition(|(_, cookie, _)| cookie.is_some() && *cookie == closed.cookie)
    }

    /// Files a socket; false if there is no room for it.
    fn insert(&mut self, timer: &Timer, mut remnant: Remnant) -> bool {
        if self.sockets.len() == self.capacity {
            self.evicted += 1;
            return false;
        }
        remnant.due = MonotonicNs(self.clock.due(timer).0.saturating_add(LATE_NS));
        let due = remnant.due;
        if self.sockets.insert(timer.sock, remnant).is_none() {
            return false;
        }
        self.due.push(Reverse((due, timer.sock)));
        if self.due.len() > 2 * self.sockets.len() + SPARE {
            let Self { due, sockets, .. } = self;
            due.retain(|Reverse((due, sock))| sockets.get(sock).is_some_and(|it| it.due == *due));
        }
        true
    }

    /// Takes out one whose connection has had long enough to close at `now`.
    fn ripe(&mut self, now: MonotonicNs) -> Option<SockAddress> {
        let is_full = self.fresh.len() > FRESH;
        let ripe = self.fresh.pop_front_if(|(time, ..)| is_full || now.since(*time) > CLOSING_NS);
        ripe.map(|(_, _, sock)| sock)
    }

    /// Takes out one that is certainly over at `now`.
    fn overdue(&mut self, now: MonotonicNs) -> Option<Remnant> {
        while let Some(&Reverse((due, sock))) = self.due.peek().filter(|Reverse((due, _))| *due < now) {
            self.due.pop();
            if self.sockets.get(&sock).is_some_and(|it| it.due == due) {
                return self.sockets.remove(&sock);
            }
        }
        None
    }

    /// How long it lived, and what of it in TIME_WAIT proper, when it ended as `last` says.
    fn ended(&self, remnant: &Remnant, last: &Timer, end: Option<TimeWaitEnd>, inferred: bool) -> TimeWaitEnded {
        let began = remnant.began();
        let proper = last.substate == TcpState::TimeWait;
        let entered = proper.then(|| remnant.entered.time().or_else(|| self.clock.entered(last, began))).flatten();
        TimeWaitEnded {
            minisocket_ns: began.map(|began| last.time.since(began)),
            time_wait_ns: entered.map(|entered| last.time.since(entered.max(began.unwrap_or(entered)))),
            end,
            inferred,
        }
    }
}

impl Tracker {
    /// Takes in what happened to a timer.
    pub(super) fn timer(&mut self, timer: &Timer, report: &mut impl FnMut(&Observation)) {
        let waits = &mut self.time_waits;
        waits.clock.note(timer);
        let is_found = timer.step == TimerStep::Found;
        if is_found && waits.sockets.get(&timer.sock).is_some_and(|remnant| remnant.is_of(timer)) {
            // The stream knows it already.
            return;
        }
        let (same, earlier) = match waits.sockets.remove(&timer.sock) {
            Some(remnant) if remnant.is_of(timer) => (Some(remnant), None),
            // What follows at once may have come late.
            earlier => (waits.awaited.take_back(timer), earlier),
        };
        match earlier {
            // The one that had this address before is over.
            Some(mut earlier) if same.is_none() => match earlier.cancelled.take() {
                Some(last) => self.over(earlier, *last, report),
                None => self.report_end(&earlier, timer.time, UNSEEN, report),
            },
            _ => {}
        }
        match timer.step {
            TimerStep::Found => {
                if same.is_none() {
                    self.found(timer, report);
                }
            }
            TimerStep::Started => self.started(timer, same, report),
            TimerStep::Cancelled { .. } => {
                let mut remnant = same.unwrap_or_else(|| Remnant::new(timer));
                remnant.cancelled = Some(Box::new(*timer));
                remnant.reused = self.time_waits.is_reused(timer);
                self.time_waits.insert(timer, remnant);
                self.time_waits.awaited.push(timer);
            }
            TimerStep::Expired => {
                let remnant = same.unwrap_or_else(|| Remnant::new(timer));
                self.end(remnant, timer, Some(TimeWaitEnd::Expired), false, report);
            }
        }
    }

    fn found(&mut self, timer: &Timer, report: &mut impl FnMut(&Observation)) {
        let remnant = Remnant { seeded: true, ..Remnant::new(timer) };
        let begun = remnant.observed(remnant.since, None);
        self.time_waits.insert(timer, remnant);
        self.report_time_wait(begun, report);
    }

    fn started(&mut self, timer: &Timer, same: Option<Remnant>, report: &mut impl FnMut(&Observation)) {
        let waits = &mut self.time_waits;
        // One that was found began before that, unless its beginning is what is seen now.
        if let Some(mut remnant) = same.filter(|it| !it.seeded || it.since < timer.time) {
            waits.clock.note_entry(timer, &mut remnant);
            remnant.cancelled = None;
            waits.awaited.forget(timer);
            remnant.substate = timer.substate;
            waits.insert(timer, remnant);
            return;
        }
        let entered = (timer.substate == TcpState::TimeWait).then_some(timer.time).into();
        let remnant = Remnant { is_born: true, entered, ..Remnant::new(timer) };
        let begun = remnant.observed(remnant.since, None);
        if waits.insert(timer, remnant) {
            waits.fresh.push_back((timer.time, timer.cookie, timer.sock));
        } else {
            self.report_time_wait(begun, report);
        }
    }

    /// The connection that a timewait socket is left of has reached CLOSE: so that is whose it is.
    pub(super) fn left_behind(&mut self, observed: &ObservedTransition, report: &mut impl FnMut(&Observation)) {
        let Some(place) = self.time_waits.place(&observed.transition) else { return };
        let Some((_, _, sock)) = self.time_waits.fresh.remove(place) else { return };
        let Some(remnant) = self.time_waits.sockets.get_mut(&sock) else { return };
        remnant.is_left_of(observed);
        let begun = remnant.observed(remnant.since, None);
        self.report_time_wait(begun, report);
    }

    /// A timewait socket answered with a reset.
    pub(super) fn reset_of_remnant(&mut self, sock: SockAddress, time: MonotonicNs) {
        if let Some(remnant) = self.time_waits.sockets.get_mut(&sock) {
            remnant.reset = time.into();
        }
    }

    /// Reports what nothing more can be learnt about at `now`.
    pub(super) fn settle_time_waits(&mut self, now: MonotonicNs, report: &mut impl FnMut(&Observation)) {
        while let Some(sock) = self.time_waits.ripe(now) {
            self.report_begun(sock, report);
        }
        self.settle_cancelled(now, report);
        while let Some(remnant) = self.time_waits.overdue(now) {
            self.report_end(&remnant, now, UNSEEN, report);
        }
    }

    /// Reports that one has begun whose connection was not seen to close.
    fn report_begun(&mut self, sock: SockAddress, report: &mut impl FnMut(&Observation)) {
        if let Some(remnant) = self.time_waits.sockets.get(&sock) {
            let begun = remnant.observed(remnant.since, None);
            self.report_time_wait(begun, report);
        }
    }

    /// One that was taken out has ended, as `last` says.
    fn end(
        &mut self,
        mut remnant: Remnant,
        last: &Timer,
        end: Option<TimeWaitEnd>,
        inferred: bool,
        report: &mut impl FnMut(&Observation),
    ) {
        self.time_waits.awaited.forget(last);
        let ended = self.time_waits.ended(&remnant, last, end, inferred);
        remnant.substate = last.substate;
        self.report_end(&remnant, last.time, ended, report);
    }

    fn report_end(
        &mut self,
        remnant: &Remnant,
        time: MonotonicNs,
        ended: TimeWaitEnded,
        report: &mut impl FnMut(&Observation),
    ) {
        self.report_time_wait(remnant.observed(time, Some(ended)), report);
    }

    fn report_time_wait(&mut self, time_wait: TimeWait, report: &mut impl FnMut(&Observation)) {
        self.gate.decide_finally(&Observation::TimeWait(time_wait), report);
    }
}
