//! What is remembered of a timewait socket.

use crate::{
    event::{Endpoint, Family, MaybeNs, MonotonicNs, Process, SockAddress, SocketCookie, TcpState, Timer, Transition},
    observation::{Known, ObservedTransition, Owner, Role, TimeWait, TimeWaitEnded},
};

/// A timewait socket: what is said of it, and no more, for there may be a million of them.
#[derive(Clone, Debug)]
pub(super) struct Remnant {
    pub(super) cookie: Option<SocketCookie>,
    pub(super) sock: SockAddress,
    /// When it was first heard of: if it was seen to begin, then.
    pub(super) since: MonotonicNs,
    /// When it entered TIME_WAIT proper, if a timer has told.
    pub(super) entered: MaybeNs,
    /// When it is over at the latest.
    pub(super) due: MonotonicNs,
    /// When it last answered with a reset.
    pub(super) reset: MaybeNs,
    /// Its timer was taken off, so that it is over unless the timer is started again.
    pub(super) cancelled: Option<Box<Timer>>,
    pub(super) cgroup_id: Option<u64>,
    pub(super) netns: u32,
    pub(super) uid: Option<u32>,
    pub(super) ifindex: Option<u32>,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    pub(super) owner: Option<Owner>,
    pub(super) listener: Option<Process>,
    pub(super) role: Option<Role>,
    pub(super) family: Family,
    pub(super) substate: TcpState,
    /// It was seen to begin.
    pub(super) is_born: bool,
    pub(super) seeded: bool,
    /// The process that took its timer off was connecting to the other end.
    pub(super) reused: bool,
    pub(super) undecided: bool,
}

const _: () = assert!(size_of::<Remnant>() <= 192);

impl Remnant {
    pub(super) fn new(timer: &Timer) -> Self {
        let Timer { time, cookie, sock, netns, family, local, remote, ifindex, substate, undecided, .. } = *timer;
        Self {
            cookie,
            sock,
            since: time,
            entered: MaybeNs::UNKNOWN,
            due: time,
            reset: MaybeNs::UNKNOWN,
            cancelled: None,
            cgroup_id: None,
            netns,
            uid: None,
            ifindex,
            local,
            remote,
            owner: None,
            listener: None,
            role: None,
            family,
            substate,
            is_born: false,
            seeded: false,
            reused: false,
            undecided,
        }
    }

    /// Learns which connection it is left of.
    pub(super) fn is_left_of(&mut self, ObservedTransition { transition, known, .. }: &ObservedTransition) {
        let Transition { netns, family, cgroup_id, uid, ifindex, undecided, .. } = *transition;
        (self.netns, self.family, self.ifindex, self.undecided) = (netns, family, ifindex, undecided);
        (self.cgroup_id, self.uid) = (cgroup_id, uid);
        (self.owner, self.listener, self.role) = (known.owner, known.listener, known.role);
    }

    /// Whether it is the same socket's timer, not one that has the address of the socket by now.
    pub(super) fn is_of(&self, timer: &Timer) -> bool {
        self.cookie == timer.cookie
    }

    pub(super) fn began(&self) -> Option<MonotonicNs> {
        self.is_born.then_some(self.since)
    }

    /// That it began, or ended as `ended` says, in the form that all observations have.
    pub(super) fn observed(&self, time: MonotonicNs, ended: Option<TimeWaitEnded>) -> TimeWait {
        let Self { owner, listener, role, seeded, .. } = *self;
        let known = Known { role, owner, listener, ..Known::default() };
        let transition = self.transition(time);
        let observed = ObservedTransition { transition, in_state_ns: None, known, inferred: false };
        TimeWait { observed, seeded, ended }
    }

    fn transition(&self, time: MonotonicNs) -> Transition {
        let Self { cookie, sock, netns, cgroup_id, uid, family, local, remote, substate, ifindex, undecided, .. } =
            *self;
        let at_rest = Transition::at_rest(family, local, remote, substate);
        Transition { time, cookie, sock, netns, cgroup_id, uid, ifindex, undecided, ..at_rest }
    }
}
