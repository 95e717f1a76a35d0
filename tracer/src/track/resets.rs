//! Whose a reset is, and whether one that seems received was sent.
//!
//! Data that arrives after the application has closed makes the kernel break the connection off as if a reset had come
//! (`tcp_rcv_state_process`, net/ipv4/tcp_input.c): it reports one received, then →CLOSE with ECONNRESET, and only then the
//! one it sends. So a reset that is accepted where that can happen is doubtful until the connection is settled.
//!
//! In FIN_WAIT2 it does so without an error, also for want of anything to wait for (`TCP_LINGER2` below 0), and so does a full
//! table of timewait sockets. So where FIN_WAIT2 ends and leaves none, the RST that follows tells whether it was in order.

use tracer_common::filter::Verdict;

use super::{Departed, Tracker, table::Connection};
use crate::{
    event::{MonotonicNs, Reset, ResetKind, TcpState, Transition},
    memory::Kept,
    observation::{Closed, Known, Observation, ObservedReset, ObservedTransition, Owner, OwnerSource, Role},
};

/// Bit 0 of `sk_shutdown`: nobody will read any more.
const RCV_SHUTDOWN: u8 = 1;

impl Tracker {
    pub(super) fn reset(&mut self, reset: &Reset, report: &mut impl FnMut(&Observation)) {
        if reset.state == Some(TcpState::TimeWait) {
            self.reset_of_remnant(reset.socket.sock, reset.socket.time);
        }
        // A socket that lives again has nothing to do with its last end.
        let is_over = matches!(reset.state, Some(TcpState::Close | TcpState::TimeWait));
        if let Some(departed) = reset.socket.cookie.filter(|_| is_over).and_then(|it| self.departures.take(it)) {
            self.reset_of_departed(reset, departed, report);
        } else if let Some(connection) = reset.socket.cookie.and_then(|cookie| self.table.of(cookie)) {
            let observed = observe(reset, connection.known, reset.state);
            if is_doubtful(reset)
                && let Some(kept) = self.gate.doubt(&observed)
            {
                connection.pending().doubtful = Some(kept);
                return;
            }
            match connection.verdict {
                Verdict::Match => self.gate.emit(&Observation::Reset(observed), report),
                Verdict::Undecided => self.gate.wait(Observation::Reset(observed), connection),
                Verdict::NoMatch => {}
            }
        } else {
            let observed = observe(reset, self.stranger(reset), reset.state);
            if is_doubtful(reset)
                && let Some(kept) = self.gate.doubt(&observed)
            {
                return self.meet_doubtful(kept, report);
            }
            self.gate.decide_finally(&Observation::Reset(observed), report);
        }
    }

    /// An RST that follows the end of its connection.
    fn reset_of_departed(&mut self, reset: &Reset, departed: Departed, report: &mut impl FnMut(&Observation)) {
        let Departed { observed, verdict, is_open, .. } = departed;
        if verdict != Verdict::Match {
            return;
        }
        let state = reset.state.filter(|state| *state != TcpState::Close).unwrap_or(observed.transition.old);
        self.gate.emit(&Observation::Reset(observe(reset, observed.known, Some(state))), report);
        if is_open {
            // What seemed received, if anything did, was this one.
            let broken_off = reset.state == Some(TcpState::Close);
            self.gate.emit(&Observation::Closed(Closed { observed, broken_off }), report);
        }
    }

    /// Files a connection of which nothing was seen before, until its end tells whose reset it was.
    fn meet_doubtful(&mut self, reset: Kept<ObservedReset>, report: &mut impl FnMut(&Observation)) {
        let ObservedTransition { transition: socket, known, .. } = reset.value.observed;
        let mut connection = Connection { known, ..Connection::new(socket.new) };
        connection.pending().doubtful = Some(reset);
        self.file(&socket, connection, report);
    }

    /// What is known of a socket of which nothing was seen, or of a connection that has none.
    fn stranger(&self, reset: &Reset) -> Known {
        match (reset.state, reset.socket.cookie) {
            // Half open: the listener answered for it.
            (Some(TcpState::Listen), None) => {
                let listener = self.origins.listeners.of(&reset.socket);
                Known {
                    role: Some(Role::Server),
                    listener: listener.map(|listener| listener.process),
                    ..Known::default()
                }
            }
            (_, Some(cookie)) => {
                let holder = self.origins.existing.get(&cookie).copied();
                let owner = holder.map(|process| Owner { process, source: OwnerSource::Proc });
                Known { owner, ..Known::default() }
            }
            _ => Known::default(),
        }
    }

    /// Reports what was doubtful about connections that ended long enough before `now`.
    pub(super) fn settle(&mut self, now: MonotonicNs, report: &mut impl FnMut(&Observation)) {
        self.settle_time_waits(now, report);
        while let Some(departed) = self.departures.settled(now) {
            self.settle_one(departed, report);
        }
    }

    /// The same for all.
    pub(super) fn settle_all(&mut self, report: &mut impl FnMut(&Observation)) {
        while let Some(departed) = self.departures.pop() {
            self.settle_one(departed, report);
        }
    }

    /// No RST was sent, so the one that seemed received was; without one the end was in order.
    pub(super) fn settle_one(&mut self, departed: Departed, report: &mut impl FnMut(&Observation)) {
        let Departed { observed, verdict, doubtful, is_open } = departed;
        if !is_open || verdict != Verdict::Match {
            return;
        }
        if let Some(reset) = doubtful {
            self.gate.emit(&Observation::Reset(*reset.value), report);
        }
        self.gate.emit(&Observation::Closed(Closed { observed, broken_off: false }), report);
    }
}

fn observe(reset: &Reset, known: Known, state: Option<TcpState>) -> ObservedReset {
    let nominal = state.unwrap_or(reset.socket.new);
    let transition = Transition { old: nominal, new: nominal, ..reset.socket };
    let observed = ObservedTransition { transition, in_state_ns: None, known, inferred: false };
    ObservedReset { observed, state, kind: reset.kind, reason: reset.reason.clone() }
}

/// Whether it may be that data came which nobody would read.
fn is_doubtful(reset: &Reset) -> bool {
    use TcpState::{CloseWait, Closing, FinWait1, FinWait2, LastAck};
    let closing = reset.kind == ResetKind::Received
        && matches!(reset.state, Some(FinWait1 | FinWait2 | Closing | CloseWait | LastAck));
    closing && reset.socket.shutdown & RCV_SHUTDOWN != 0
}
