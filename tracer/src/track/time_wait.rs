//! Timewait sockets: what is left of a connection once its socket is closed.
//!
//! A timer starts when one begins, 1 to 10 µs before its connection reaches CLOSE. It is taken off when one ends, and also
//! when it is set anew; what follows tells which. What ended it is the kernel's word only where its time was over, its
//! namespace was deleted or it answered with a reset. All else is inferred from who did it and what came next.

mod end;
mod jiffies;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use self::{
    end::{Awaited, Connecting},
    jiffies::JiffyClock,
};
use super::Tracker;
use crate::{
    event::{Endpoint, MonotonicNs, SockAddress, SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition},
    hashing::HashMap,
    observation::{Known, Observation, ObservedTransition, TimeWait, TimeWaitEnd, TimeWaitEnded},
};

/// How late a timer may be: a bucket of the wheel is at most an eighth of the time that it is for, which is 7.5 s of a
/// minute, and softirqs may be delayed.
const LATE_NS: u64 = 10_000_000_000;
/// How long after its timer's start the connection's →CLOSE is waited for.
const CLOSING_NS: u64 = 10_000_000;

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

/// A timewait socket.
#[derive(Clone, Debug)]
struct Remnant {
    observed: ObservedTransition,
    began: Option<MonotonicNs>,
    /// When it entered TIME_WAIT proper, if a timer has told.
    entered: Option<MonotonicNs>,
    seeded: bool,
    /// When it is over at the latest.
    due: MonotonicNs,
    /// Its timer was taken off, so that it is over unless the timer is started again.
    cancelled: Option<Timer>,
    /// The process that took it off was connecting to the other end.
    reused: bool,
    /// When it last answered with a reset.
    reset: Option<MonotonicNs>,
}

impl Remnant {
    fn new(timer: &Timer) -> Self {
        let observed = ObservedTransition {
            transition: transition(timer),
            in_state_ns: None,
            known: Known::default(),
            inferred: false,
        };
        Self {
            observed,
            began: None,
            entered: None,
            seeded: false,
            due: timer.time,
            cancelled: None,
            reused: false,
            reset: None,
        }
    }

    /// Whether it is the same socket's timer, not one that has the address of the socket by now.
    fn is_of(&self, timer: &Timer) -> bool {
        self.observed.transition.cookie == timer.cookie
    }
}

/// All timewait sockets that are known of, at most `capacity`.
pub(super) struct TimeWaits {
    /// Boxed, or the reader would stand still for as long as a full table takes to be moved.
    sockets: HashMap<SockAddress, Box<Remnant>>,
    capacity: usize,
    /// Those that did not fit.
    evicted: u64,
    /// Whose connection's →CLOSE is still to come, in order of time.
    fresh: VecDeque<(MonotonicNs, Option<SocketCookie>, SockAddress)>,
    /// Whose timers were taken off, in order of time, and what is awaited to tell why.
    awaited: Awaited,
    connecting: VecDeque<Connecting>,
    /// When each is certainly over, the first on top. Those that are over before stay for a while: most come in order, and
    /// leave in none.
    due: BinaryHeap<Reverse<(MonotonicNs, SockAddress)>>,
    clock: JiffyClock,
}

impl TimeWaits {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sockets: HashMap::default(),
            capacity,
            evicted: 0,
            fresh: VecDeque::new(),
            awaited: Awaited::default(),
            connecting: VecDeque::new(),
            due: BinaryHeap::new(),
            clock: JiffyClock::default(),
        }
    }

    /// How many had to be forgotten.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Files a socket; false if there is no room for it.
    fn insert(&mut self, timer: &Timer, mut remnant: Box<Remnant>) -> bool {
        if self.sockets.len() == self.capacity {
            self.evicted += 1;
            return false;
        }
        remnant.due = MonotonicNs(self.clock.due(timer).0.saturating_add(LATE_NS));
        self.due.push(Reverse((remnant.due, timer.sock)));
        self.sockets.insert(timer.sock, remnant);
        if self.due.len() > 2 * self.sockets.len() + SPARE {
            let Self { due, sockets, .. } = self;
            due.retain(|Reverse((due, sock))| sockets.get(sock).is_some_and(|it| it.due == *due));
        }
        true
    }

    /// Takes out one that is certainly over at `now`.
    fn overdue(&mut self, now: MonotonicNs) -> Option<Box<Remnant>> {
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
        let proper = last.substate == TcpState::TimeWait;
        let entered = proper.then(|| remnant.entered.or_else(|| self.clock.entered(last, remnant.began))).flatten();
        TimeWaitEnded {
            minisocket_ns: remnant.began.map(|began| last.time.since(began)),
            time_wait_ns: entered.map(|entered| last.time.since(entered.max(remnant.began.unwrap_or(entered)))),
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
            Some(earlier) if same.is_none() => match earlier.cancelled {
                Some(last) => self.over(earlier, &last, report),
                None => self.report_end(*earlier, timer.time, UNSEEN, report),
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
                let mut remnant = same.unwrap_or_else(|| Box::new(Remnant::new(timer)));
                remnant.cancelled = Some(*timer);
                remnant.reused = self.time_waits.is_reused(timer);
                self.time_waits.insert(timer, remnant);
                self.time_waits.awaited.push(timer);
            }
            TimerStep::Expired => {
                let remnant = same.unwrap_or_else(|| Box::new(Remnant::new(timer)));
                self.end(remnant, timer, Some(TimeWaitEnd::Expired), false, report);
            }
        }
    }

    fn found(&mut self, timer: &Timer, report: &mut impl FnMut(&Observation)) {
        let remnant = Remnant { seeded: true, ..Remnant::new(timer) };
        let begun = TimeWait { observed: remnant.observed, seeded: true, ended: None };
        self.time_waits.insert(timer, Box::new(remnant));
        self.report_time_wait(begun, report);
    }

    fn started(&mut self, timer: &Timer, same: Option<Box<Remnant>>, report: &mut impl FnMut(&Observation)) {
        let waits = &mut self.time_waits;
        // One that was found began before that, unless its beginning is what is seen now.
        if let Some(mut remnant) = same.filter(|it| !it.seeded || it.observed.transition.time < timer.time) {
            waits.clock.note_entry(timer, &mut remnant);
            remnant.cancelled = None;
            waits.awaited.forget(timer);
            let transition = &mut remnant.observed.transition;
            (transition.old, transition.new) = (timer.substate, timer.substate);
            waits.insert(timer, remnant);
            return;
        }
        let entered = (timer.substate == TcpState::TimeWait).then_some(timer.time);
        let remnant = Remnant { began: Some(timer.time), entered, ..Remnant::new(timer) };
        let begun = TimeWait { observed: remnant.observed, seeded: false, ended: None };
        if waits.insert(timer, Box::new(remnant)) {
            waits.fresh.push_back((timer.time, timer.cookie, timer.sock));
        } else {
            self.report_time_wait(begun, report);
        }
    }

    /// The connection that a timewait socket is left of has reached CLOSE: so that is whose it is.
    pub(super) fn left_behind(&mut self, observed: &ObservedTransition, report: &mut impl FnMut(&Observation)) {
        let closed = &observed.transition;
        let fresh = &mut self.time_waits.fresh;
        let Some(place) = fresh.iter().rposition(|(_, cookie, _)| cookie.is_some() && *cookie == closed.cookie) else {
            return;
        };
        let Some((_, _, sock)) = fresh.remove(place) else { return };
        let Some(remnant) = self.time_waits.sockets.get_mut(&sock) else { return };
        let born = remnant.observed.transition;
        let transition = Transition {
            time: born.time,
            sock,
            old: born.old,
            new: born.new,
            local: born.local,
            remote: born.remote,
            actor: None,
            error: None,
            ..*closed
        };
        remnant.observed = ObservedTransition { transition, known: observed.known, ..remnant.observed };
        let begun = TimeWait { observed: remnant.observed, seeded: false, ended: None };
        self.report_time_wait(begun, report);
    }

    /// A timewait socket answered with a reset.
    pub(super) fn reset_of_remnant(&mut self, sock: SockAddress, time: MonotonicNs) {
        if let Some(remnant) = self.time_waits.sockets.get_mut(&sock) {
            remnant.reset = Some(time);
        }
    }

    /// Reports what nothing more can be learnt about at `now`.
    pub(super) fn settle_time_waits(&mut self, now: MonotonicNs, report: &mut impl FnMut(&Observation)) {
        while let Some((_, _, sock)) = self.time_waits.fresh.pop_front_if(|(time, ..)| now.since(*time) > CLOSING_NS) {
            self.report_begun(sock, report);
        }
        self.settle_cancelled(now, report);
        while let Some(remnant) = self.time_waits.overdue(now) {
            self.report_end(*remnant, now, UNSEEN, report);
        }
    }

    /// Reports that one has begun whose connection was not seen to close.
    fn report_begun(&mut self, sock: SockAddress, report: &mut impl FnMut(&Observation)) {
        if let Some(remnant) = self.time_waits.sockets.get(&sock) {
            let begun = TimeWait { observed: remnant.observed, seeded: remnant.seeded, ended: None };
            self.report_time_wait(begun, report);
        }
    }

    /// One that was taken out has ended, as `last` says.
    fn end(
        &mut self,
        mut remnant: Box<Remnant>,
        last: &Timer,
        end: Option<TimeWaitEnd>,
        inferred: bool,
        report: &mut impl FnMut(&Observation),
    ) {
        self.time_waits.awaited.forget(last);
        let ended = self.time_waits.ended(&remnant, last, end, inferred);
        let transition = &mut remnant.observed.transition;
        (transition.old, transition.new) = (last.substate, last.substate);
        self.report_end(*remnant, last.time, ended, report);
    }

    fn report_end(
        &mut self,
        Remnant { mut observed, seeded, .. }: Remnant,
        time: MonotonicNs,
        ended: TimeWaitEnded,
        report: &mut impl FnMut(&Observation),
    ) {
        observed.transition.time = time;
        self.report_time_wait(TimeWait { observed, seeded, ended: Some(ended) }, report);
    }

    fn report_time_wait(&mut self, time_wait: TimeWait, report: &mut impl FnMut(&Observation)) {
        self.gate.decide_finally(&Observation::TimeWait(time_wait), report);
    }
}

/// What a timer tells of its socket, in the form that all observations have.
fn transition(timer: &Timer) -> Transition {
    Transition {
        time: timer.time,
        cookie: timer.cookie,
        sock: timer.sock,
        netns: timer.netns,
        cgroup_id: None,
        uid: None,
        family: timer.family,
        local: timer.local,
        remote: Some(timer.remote),
        old: timer.substate,
        new: timer.substate,
        error: None,
        shutdown: 0,
        sent: true,
        unacked: false,
        syn_data: None,
        syn_deferred: false,
        defer_accept: false,
        fin_received: false,
        actor: None,
        srtt_us8: 0,
        total_retrans: 0,
        bytes_acked: 0,
        bytes_received: 0,
        ifindex: timer.ifindex,
        recovered: false,
        undecided: timer.undecided,
    }
}
