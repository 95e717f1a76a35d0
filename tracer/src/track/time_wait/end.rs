//! What ended a timewait socket before its time.

use std::collections::VecDeque;

use super::{Ends, FRESH, Remnant, TimeWaits, canonical};
use crate::{
    event::{Call, Endpoint, MonotonicNs, SockAddress, SocketCookie, TcpState, Timer, TimerStep, Transition},
    hashing::HashMap,
    memory::{Budget, Map},
    observation::{Observation, TimeWaitEnd},
    track::Tracker,
};

/// When a timer is only set anew, or its time is over, that follows at once; a millisecond is a hundred times as long.
const AT_ONCE_NS: u64 = 1_000_000;
/// `connect()` takes the pair of ends of a timewait socket 10 to 15 µs after it has entered SYN_SENT.
const CONNECT_NS: u64 = 5_000_000;
/// If a SYN opened the pair of ends anew, the handshake completes by then, or the SYN-ACK is sent once more
/// (`TCP_TIMEOUT_INIT`, one second).
const REOPEN_NS: u64 = 1_200_000_000;

/// Those that may be opened anew at most: beyond it, it is not known any more what ended the first.
const REOPENING: usize = 65_000;

/// A `connect()` under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connecting {
    since: MonotonicNs,
    socket: Option<SocketCookie>,
    pid: u32,
    netns: u32,
    to: Endpoint,
}

/// Timewait sockets whose timers were taken off.
#[derive(Debug)]
pub(super) struct Awaited {
    /// In order of time, until what follows at once has followed; by their ends, too.
    recent: VecDeque<(MonotonicNs, SockAddress, Ends)>,
    by_ends: HashMap<Ends, SockAddress>,
    /// Those that are over, until it is known what packet did that; in order of time, too.
    reopening: Map<Ends, (Remnant, Timer)>,
    order: VecDeque<(MonotonicNs, Ends)>,
}

impl Awaited {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            recent: VecDeque::new(),
            by_ends: HashMap::default(),
            reopening: Map::new(budget),
            order: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, timer: &Timer) {
        let ends = Ends::of(timer);
        self.recent.push_back((timer.time, timer.sock, ends));
        self.by_ends.insert(ends, timer.sock);
    }

    /// Takes out one after which nothing can follow at once any more at `now`.
    fn next_over(&mut self, now: MonotonicNs) -> Option<(MonotonicNs, SockAddress, Ends)> {
        let is_full = self.recent.len() > FRESH;
        self.recent.pop_front_if(|(time, ..)| is_full || now.since(*time) > AT_ONCE_NS)
    }

    /// Takes out the ends of one that nobody will open anew any more at `now`.
    fn next_closed(&mut self, now: MonotonicNs) -> Option<(MonotonicNs, Ends)> {
        let is_full = self.order.len() > REOPENING;
        self.order.pop_front_if(|(time, _)| is_full || now.since(*time) > REOPEN_NS)
    }

    /// One that seemed to be over but is not: its timer is heard of again.
    pub(super) fn take_back(&mut self, timer: &Timer) -> Option<Remnant> {
        let ends = Ends::of(timer);
        let (_, last) = self.reopening.get(&ends)?;
        let is_same = last.sock == timer.sock && last.cookie == timer.cookie;
        is_same.then(|| self.reopening.remove(&ends)).flatten().map(|(remnant, _)| remnant)
    }

    /// Its timer was set anew, or it is over.
    pub(super) fn forget(&mut self, timer: &Timer) {
        self.by_ends.remove(&Ends::of(timer));
    }
}

impl TimeWaits {
    /// Whether the process that takes a timer off is connecting to the other end.
    pub(super) fn is_reused(&self, timer: &Timer) -> bool {
        let TimerStep::Cancelled { by: Some(by), .. } = timer.step else { return false };
        self.connecting.iter().rev().any(|it| {
            let is_recent = it.since <= timer.time && timer.time.since(it.since) < CONNECT_NS;
            is_recent && (it.pid, it.netns, it.to) == (by.pid, timer.netns, canonical(timer.remote))
        })
    }

    /// Takes out the socket whose timer was taken off then, unless it was set anew or its end is known.
    fn take_cancelled(&mut self, time: MonotonicNs, sock: SockAddress) -> Option<(Remnant, Timer)> {
        let last = *self.sockets.get(&sock)?.cancelled.as_deref().filter(|last| last.time == time)?;
        Some((self.sockets.remove(&sock)?, last))
    }
}

impl Tracker {
    /// Takes note of a connection that begins, or that may be a timewait socket's pair of ends opened anew.
    pub(in crate::track) fn note_opening(&mut self, transition: &Transition, report: &mut impl FnMut(&Observation)) {
        let Transition { time, cookie, netns, local, remote: Some(remote), new, actor, .. } = *transition else {
            return;
        };
        let connecting = &mut self.time_waits.connecting;
        match (transition.old, new, actor) {
            (TcpState::Close, TcpState::SynSent, Some(process)) => {
                while connecting.pop_front_if(|it| time.since(it.since) > CONNECT_NS).is_some() {}
                if connecting.len() > FRESH {
                    connecting.pop_front();
                }
                let pid = process.pid;
                let to = canonical(remote);
                connecting.push_back(Connecting { since: time, socket: cookie, pid, netns, to });
            }
            (TcpState::SynSent, ..) => {
                if let Some(place) = connecting.iter().rposition(|it| it.socket == cookie) {
                    connecting.remove(place);
                }
            }
            (TcpState::Listen, TcpState::SynRecv, _) | (TcpState::SynRecv, TcpState::Established, _) => {
                self.reopened(&Ends::new(netns, local, remote), time, report);
            }
            _ => {}
        }
    }

    /// The peer opened this pair of ends: if a timewait socket that had it is gone, that is why.
    pub(in crate::track) fn reopened(&mut self, ends: &Ends, time: MonotonicNs, report: &mut impl FnMut(&Observation)) {
        let waits = &mut self.time_waits;
        let reopening = &mut waits.awaited.reopening;
        let is_gone = reopening.get(ends).is_some_and(|(_, last)| last.time <= time);
        let gone = is_gone.then(|| reopening.remove(ends)).flatten();
        let going = || {
            let sock = waits.awaited.by_ends.get(ends)?;
            let last = *waits.sockets.get(sock)?.cancelled.as_deref().filter(|last| last.time <= time)?;
            reopening.remove(ends);
            Some((waits.sockets.remove(sock)?, last))
        };
        if let Some((remnant, last)) = gone.or_else(going) {
            self.end(remnant, &last, Some(TimeWaitEnd::NewSyn), true, report);
        }
    }

    /// Decides what ended those whose timers were taken off long enough before `now`.
    pub(super) fn settle_cancelled(&mut self, now: MonotonicNs, report: &mut impl FnMut(&Observation)) {
        while let Some((time, sock, ends)) = self.time_waits.awaited.next_over(now) {
            if let Some((remnant, last)) = self.time_waits.take_cancelled(time, sock) {
                self.over(remnant, last, report);
            } else if self.time_waits.sockets.get(&sock).is_none_or(|it| it.cancelled.is_none()) {
                self.time_waits.awaited.by_ends.remove(&ends);
            }
        }
        while let Some((time, ends)) = self.time_waits.awaited.next_closed(now) {
            self.give_up(time, &ends, true, report);
        }
    }

    /// Nothing more will be heard of a timewait socket, but perhaps of its ends.
    pub(super) fn over(&mut self, remnant: Remnant, last: Timer, report: &mut impl FnMut(&Observation)) {
        if let Some((end, inferred)) = known_end(&remnant, &last) {
            self.end(remnant, &last, Some(end), inferred, report);
            return;
        }
        let awaited = &mut self.time_waits.awaited;
        awaited.forget(&last);
        let ends = Ends::of(&last);
        awaited.order.push_back((last.time, ends));
        awaited.reopening.insert(ends, (remnant, last));
    }

    /// The ends of a timewait socket that was over then will not be waited for any more. If that was `long_enough`, nobody
    /// opened them anew, and if it was a packet that ended it, that was a reset (RFC 1337: `tcp_rfc1337` = 0).
    fn give_up(&mut self, time: MonotonicNs, ends: &Ends, long_enough: bool, report: &mut impl FnMut(&Observation)) {
        let awaited = &mut self.time_waits.awaited;
        if awaited.reopening.get(ends).is_some_and(|(_, last)| last.time == time)
            && let Some((remnant, last)) = awaited.reopening.remove(ends)
        {
            let by_packet = match last.step {
                TimerStep::Cancelled { by, .. } => by.is_none_or(|by| by.call == Call::Writes),
                _ => false,
            };
            let end = (long_enough && by_packet).then_some(TimeWaitEnd::Reset);
            self.end(remnant, &last, end, end.is_some(), report);
        }
    }

    /// Reports those of which no more will be heard.
    pub(in crate::track) fn finish_time_waits(&mut self, report: &mut impl FnMut(&Observation)) {
        while let Some((_, _, sock)) = self.time_waits.fresh.pop_front() {
            self.report_begun(sock, report);
        }
        while let Some((time, ends)) = self.time_waits.awaited.order.pop_front() {
            self.give_up(time, &ends, false, report);
        }
        while let Some((time, sock, _)) = self.time_waits.awaited.recent.pop_front() {
            if let Some((remnant, last)) = self.time_waits.take_cancelled(time, sock) {
                let (end, inferred) = known_end(&remnant, &last).unzip();
                self.end(remnant, &last, end, inferred == Some(true), report);
            }
        }
    }
}

/// What ended it, and whether that is inferred; `None` if only what follows can tell.
fn known_end(remnant: &Remnant, last: &Timer) -> Option<(TimeWaitEnd, bool)> {
    let TimerStep::Cancelled { by, netns_deleted } = last.step else { return None };
    if netns_deleted {
        return Some((TimeWaitEnd::Netns, false));
    }
    // Only one that waits for a FIN answers with a reset, and that always ends it (`TCP_TW_RST`, `tcp_v4_rcv`).
    if remnant.reset.time().is_some_and(|reset| reset <= last.time) {
        return Some((TimeWaitEnd::Reset, false));
    }
    if remnant.reused {
        return Some((TimeWaitEnd::Reused, true));
    }
    match by?.call {
        Call::Connects => Some((TimeWaitEnd::Reused, true)),
        Call::Sends => Some((TimeWaitEnd::Killed, true)),
        Call::Writes | Call::Other => None,
    }
}
