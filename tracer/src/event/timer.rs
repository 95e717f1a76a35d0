//! What happens to timewait sockets: only their timers tell.

use super::{Endpoint, Family, MonotonicNs, SockAddress, SocketCookie, TcpState};

/// What happened to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerStep {
    /// It ran already when the trace started.
    Found,
    /// It was started, or set anew.
    Started,
    /// It was taken off: because its time is over, to be set anew, or because something else ended the socket.
    Cancelled {
        /// The process in whose system call that was done; `None`: a packet did it.
        by: Option<Caller>,
        /// The network namespace is being deleted.
        netns_deleted: bool,
    },
    /// Its time was over.
    Expired,
}

/// A process in a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What user space calls the pid.
    pub pid: u32,
    /// What it calls.
    pub call: Call,
}

/// What a system call that ends a timewait socket may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It connects.
    Connects,
    /// It sends: who asks the kernel to end a socket sends it a netlink message.
    Sends,
    /// It writes: to a TUN device, that is a packet.
    Writes,
    /// Something else.
    Other,
}

/// An event of a timewait socket's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When.
    pub time: MonotonicNs,
    /// The cookie of the socket it is left of; `None` if that never had one.
    pub cookie: Option<SocketCookie>,
    /// Address of the timewait socket: identifies it while it lives, then is reused.
    pub sock: SockAddress,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// The socket's family.
    pub family: Family,
    /// This host's end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// Interface it was bound to.
    pub ifindex: Option<u32>,
    /// `TIME_WAIT`, or `FIN_WAIT2` before the peer's FIN has come.
    pub substate: TcpState,
    /// The kernel's clock tick, and the one at which the timer is due.
    pub jiffies: u64,
    /// See `jiffies`.
    pub expires: u64,
    /// When it entered TIME_WAIT proper, milliseconds of the monotonic clock, low 32 bits; `None` before Linux 6.14.
    pub entered_ms: Option<u32>,
    /// What happened.
    pub step: TimerStep,
    /// The source could not decide the filter for this event.
    pub undecided: bool,
}
