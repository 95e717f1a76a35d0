//! Events of sockets as rows of numbers, and back.
//!
//! Every kind of event uses the same columns, as far as it has them; the rest are 0. `docs/recording.md` has the table.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU64,
    sync::Arc,
};

use super::RecordError;
use crate::event::{
    Call, Caller, Comm, Endpoint, Event, ExistingSocket, Family, MonotonicNs, Process, Reset, ResetKind, SockAddress,
    SocketCookie, SynAck, TcpState, Timer, TimerStep, Transition,
};

/// How many columns a row has, the time not counted.
pub(super) const COLUMNS: usize = 26;

/// What a column holds. The first are those that change most often, so that the mask of changed columns is short.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Srtt,
    Retransmits,
    BytesAcked,
    BytesReceived,
    Flags,
    Error,
    Pid,
    Cookie,
    Sock,
    LocalPort,
    RemotePort,
    RemoteLow,
    LocalLow,
    RemoteHigh,
    LocalHigh,
    Netns,
    Family,
    Ifindex,
    Cgroup,
    Uid,
    CommHigh,
    CommLow,
    /// Of a reset: its state and kind. Of a timer: the kernel's tick.
    First,
    /// Of a reset: the number of its reason's text. Of a timer: the tick at which it is due.
    Second,
    /// Of a timer: when TIME_WAIT was entered, plus one.
    Third,
    /// Of a timer: what its canceller called.
    Fourth,
}

/// The columns that say which socket it is: a row is like the socket's last one in these, like its class's in the others.
pub(super) const IDENTITY: std::ops::Range<usize> = Column::Cookie as usize..Column::CommHigh as usize;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Transition = 0,
    Reset = 1,
    SynAck = 2,
    Timer = 3,
    Existing = 4,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Transition, Self::Reset, Self::SynAck, Self::Timer, Self::Existing];
}

/// An event as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: Kind,
    /// What rows of a kind differ in most: the states of a transition, the step of a timer.
    pub(super) class: u8,
    pub(super) time: MonotonicNs,
    pub(super) columns: [u64; COLUMNS],
}

const SENT: u64 = 1;
const UNACKED: u64 = 1 << 1;
const FAST_OPEN_KNOWN: u64 = 1 << 2;
const SYN_DATA: u64 = 1 << 3;
const SYN_DEFERRED: u64 = 1 << 4;
const DEFER_ACCEPT: u64 = 1 << 5;
const FIN_RECEIVED: u64 = 1 << 6;
const RECOVERED: u64 = 1 << 7;
const UNDECIDED: u64 = 1 << 8;
const REMOTE: u64 = 1 << 9;
const PROCESS: u64 = 1 << 10;
const NETNS_DELETED: u64 = 1 << 11;
const SHUTDOWN_SHIFT: u32 = 16;

impl Row {
    pub(super) fn new(kind: Kind, class: u8, time: MonotonicNs) -> Self {
        Self { kind, class, time, columns: [0; COLUMNS] }
    }

    /// The row of an event, if it is one of a socket. `text` gives the number of a reset's reason; a socket that exists has
    /// no time of its own and gets `now`.
    pub(super) fn of(event: &Event, now: MonotonicNs, text: impl FnOnce(&str) -> u64) -> Option<Self> {
        match event {
            Event::Transition(it) => {
                let mut row = Self::new(Kind::Transition, states(it.old, it.new), it.time);
                row.put_socket(it);
                Some(row)
            }
            Event::Reset(Reset { socket, state, kind, reason }) => {
                let class = state.map_or(0, |state| state as u8) << 4 | *kind as u8;
                let mut row = Self::new(Kind::Reset, class, socket.time);
                row.put_socket(socket);
                row.set(Column::Second, reason.as_deref().map_or(0, text));
                Some(row)
            }
            Event::SynAckRetransmitted(it) => {
                let mut row = Self::new(Kind::SynAck, 0, it.first);
                row.put_names(Some(it.cookie), SockAddress(0), it.netns);
                row.put_ends(family_of(&it.local), &it.local, Some(&it.remote));
                Some(row)
            }
            Event::Timer(it) => Some(Self::of_timer(it)),
            Event::Existing(it) => {
                let mut row = Self::new(Kind::Existing, it.state as u8, now);
                row.put_names(Some(it.cookie), SockAddress(0), it.netns);
                row.put_ends(it.family, &it.local, Some(&it.remote));
                row.put_process(it.holder);
                row.flag(DEFER_ACCEPT, it.defer_accept);
                Some(row)
            }
            Event::Clock(_) | Event::Cgroup { .. } | Event::Namespace(_) | Event::Until(_) | Event::Gap(_) => None,
        }
    }

    fn of_timer(it: &Timer) -> Self {
        let (step, caller, netns_deleted) = match it.step {
            TimerStep::Found => (0, None, false),
            TimerStep::Started => (1, None, false),
            TimerStep::Cancelled { by, netns_deleted } => (2, by, netns_deleted),
            TimerStep::Expired => (3, None, false),
        };
        let mut row = Self::new(Kind::Timer, (it.substate as u8) << 4 | step, it.time);
        row.put_names(it.cookie, it.sock, it.netns);
        row.put_ends(it.family, &it.local, Some(&it.remote));
        row.set(Column::Ifindex, it.ifindex.unwrap_or(0).into());
        row.set(Column::First, it.jiffies);
        row.set(Column::Second, it.expires);
        row.set(Column::Third, it.entered_ms.map_or(0, |ms| u64::from(ms) + 1));
        if let Some(Caller { pid, call }) = caller {
            row.set(Column::Pid, pid.into());
            row.set(Column::Fourth, call as u64);
        }
        row.flag(PROCESS, caller.is_some());
        row.flag(NETNS_DELETED, netns_deleted);
        row.flag(UNDECIDED, it.undecided);
        row
    }

    fn set(&mut self, column: Column, value: u64) {
        self.columns[column as usize] = value;
    }

    fn flag(&mut self, flag: u64, is_set: bool) {
        if is_set {
            self.columns[Column::Flags as usize] |= flag;
        }
    }

    fn put_names(&mut self, cookie: Option<SocketCookie>, sock: SockAddress, netns: u32) {
        self.set(Column::Cookie, cookie.map_or(0, |cookie| cookie.0.get()));
        self.set(Column::Sock, sock.0);
        self.set(Column::Netns, netns.into());
    }

    fn put_ends(&mut self, family: Family, local: &Endpoint, remote: Option<&Endpoint>) {
        let halves = |end: &Endpoint| {
            let bits = end.addr_v6().to_bits();
            ((bits >> 64) as u64, bits as u64)
        };
        self.set(Column::Family, if family == Family::Ipv4 { 4 } else { 6 });
        let (high, low) = halves(local);
        self.set(Column::LocalHigh, high);
        self.set(Column::LocalLow, low);
        self.set(Column::LocalPort, local.port.unwrap_or(0).into());
        self.flag(REMOTE, remote.is_some());
        if let Some(remote) = remote {
            let (high, low) = halves(remote);
            self.set(Column::RemoteHigh, high);
            self.set(Column::RemoteLow, low);
            self.set(Column::RemotePort, remote.port.unwrap_or(0).into());
        }
    }

    fn put_process(&mut self, process: Option<Process>) {
        self.flag(PROCESS, process.is_some());
        if let Some(Process { pid, comm }) = process {
            let bits = u128::from_be_bytes(comm.0);
            self.set(Column::Pid, pid.into());
            self.set(Column::CommHigh, (bits >> 64) as u64);
            self.set(Column::CommLow, bits as u64);
        }
    }

    fn put_socket(&mut self, it: &Transition) {
        self.put_names(it.cookie, it.sock, it.netns);
        self.put_ends(it.family, &it.local, it.remote.as_ref());
        self.put_process(it.actor);
        self.set(Column::Cgroup, it.cgroup_id.map_or(0, |id| id.wrapping_add(1)));
        self.set(Column::Uid, it.uid.map_or(0, |uid| u64::from(uid) + 1));
        self.set(Column::Ifindex, it.ifindex.unwrap_or(0).into());
        self.set(Column::Error, it.error.unwrap_or(0).into());
        self.set(Column::Srtt, it.srtt_us8.into());
        self.set(Column::Retransmits, it.total_retrans.into());
        self.set(Column::BytesAcked, it.bytes_acked);
        self.set(Column::BytesReceived, it.bytes_received);
        self.set(Column::Flags, self.get(Column::Flags) | u64::from(it.shutdown) << SHUTDOWN_SHIFT);
        for (flag, is_set) in [
            (SENT, it.sent),
            (UNACKED, it.unacked),
            (FAST_OPEN_KNOWN, it.syn_data.is_some()),
            (SYN_DATA, it.syn_data == Some(true)),
            (SYN_DEFERRED, it.syn_deferred),
            (DEFER_ACCEPT, it.defer_accept),
            (FIN_RECEIVED, it.fin_received),
            (RECOVERED, it.recovered),
            (UNDECIDED, it.undecided),
        ] {
            self.flag(flag, is_set);
        }
    }

    fn get(&self, column: Column) -> u64 {
        self.columns[column as usize]
    }

    fn has(&self, flag: u64) -> bool {
        self.get(Column::Flags) & flag != 0
    }

    fn narrow<T: TryFrom<u64>>(&self, column: Column) -> Result<T, RecordError> {
        self.get(column).try_into().map_err(|_| RecordError::Value)
    }

    /// The event that a row tells of; `text` gives a reason by its number.
    pub(super) fn event(&self, text: impl FnOnce(u64) -> Option<Arc<str>>) -> Result<Event, RecordError> {
        let (high, low) = (self.class >> 4, self.class & 15);
        Ok(match self.kind {
            Kind::Transition => Event::Transition(self.socket(high.try_into()?, low.try_into()?)?),
            Kind::Reset => {
                let state = (high != 0).then(|| TcpState::try_from(high)).transpose()?;
                let nominal = state.unwrap_or(TcpState::Close);
                let kind = match low {
                    0 => ResetKind::Abort,
                    1 => ResetKind::Answer,
                    2 => ResetKind::Received,
                    _ => return Err(RecordError::Value),
                };
                let reason = match self.get(Column::Second) {
                    0 => None,
                    number => Some(text(number).ok_or(RecordError::Value)?),
                };
                Event::Reset(Reset { socket: self.socket(nominal, nominal)?, state, kind, reason })
            }
            Kind::SynAck => {
                let (_, local, remote) = self.ends()?;
                Event::SynAckRetransmitted(SynAck {
                    cookie: self.cookie().ok_or(RecordError::Value)?,
                    first: self.time,
                    netns: self.narrow(Column::Netns)?,
                    local,
                    remote: remote.ok_or(RecordError::Value)?,
                })
            }
            Kind::Timer => Event::Timer(self.timer(high.try_into()?, low)?),
            Kind::Existing => {
                let (family, local, remote) = self.ends()?;
                Event::Existing(ExistingSocket {
                    cookie: self.cookie().ok_or(RecordError::Value)?,
                    netns: self.narrow(Column::Netns)?,
                    family,
                    local,
                    remote: remote.ok_or(RecordError::Value)?,
                    state: self.class.try_into()?,
                    holder: self.process()?,
                    defer_accept: self.has(DEFER_ACCEPT),
                })
            }
        })
    }

    fn cookie(&self) -> Option<SocketCookie> {
        NonZeroU64::new(self.get(Column::Cookie)).map(SocketCookie)
    }

    fn ends(&self) -> Result<(Family, Endpoint, Option<Endpoint>), RecordError> {
        let family = match self.get(Column::Family) {
            4 => Family::Ipv4,
            6 => Family::Ipv6,
            _ => return Err(RecordError::Value),
        };
        let end = |high, low, port| {
            let bits = u128::from(self.get(high)) << 64 | u128::from(self.get(low));
            let v6 = Ipv6Addr::from_bits(bits);
            let addr = match family {
                Family::Ipv4 => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
                Family::Ipv6 => IpAddr::V6(v6),
            };
            let port: u16 = self.narrow(port)?;
            Ok::<_, RecordError>(Endpoint { addr, port: (port != 0).then_some(port) })
        };
        let local = end(Column::LocalHigh, Column::LocalLow, Column::LocalPort)?;
        let remote = end(Column::RemoteHigh, Column::RemoteLow, Column::RemotePort)?;
        Ok((family, local, self.has(REMOTE).then_some(remote)))
    }

    fn process(&self) -> Result<Option<Process>, RecordError> {
        let bits = u128::from(self.get(Column::CommHigh)) << 64 | u128::from(self.get(Column::CommLow));
        let pid = self.narrow(Column::Pid)?;
        Ok(self.has(PROCESS).then_some(Process { pid, comm: Comm(bits.to_be_bytes()) }))
    }

    fn ifindex(&self) -> Result<Option<u32>, RecordError> {
        self.narrow(Column::Ifindex).map(|index: u32| (index != 0).then_some(index))
    }

    fn socket(&self, old: TcpState, new: TcpState) -> Result<Transition, RecordError> {
        let (family, local, remote) = self.ends()?;
        let error: u16 = self.narrow(Column::Error)?;
        let uid = match self.get(Column::Uid) {
            0 => None,
            more => Some(u32::try_from(more - 1).map_err(|_| RecordError::Value)?),
        };
        let cgroup = self.get(Column::Cgroup);
        Ok(Transition {
            time: self.time,
            cookie: self.cookie(),
            sock: SockAddress(self.get(Column::Sock)),
            netns: self.narrow(Column::Netns)?,
            cgroup_id: (cgroup != 0).then(|| cgroup.wrapping_sub(1)),
            uid,
            family,
            local,
            remote,
            old,
            new,
            error: (error != 0).then_some(error),
            shutdown: (self.get(Column::Flags) >> SHUTDOWN_SHIFT) as u8,
            sent: self.has(SENT),
            unacked: self.has(UNACKED),
            syn_data: self.has(FAST_OPEN_KNOWN).then_some(self.has(SYN_DATA)),
            syn_deferred: self.has(SYN_DEFERRED),
            defer_accept: self.has(DEFER_ACCEPT),
            fin_received: self.has(FIN_RECEIVED),
            actor: self.process()?,
            srtt_us8: self.narrow(Column::Srtt)?,
            total_retrans: self.narrow(Column::Retransmits)?,
            bytes_acked: self.get(Column::BytesAcked),
            bytes_received: self.get(Column::BytesReceived),
            ifindex: self.ifindex()?,
            recovered: self.has(RECOVERED),
            undecided: self.has(UNDECIDED),
        })
    }

    fn timer(&self, substate: TcpState, step: u8) -> Result<Timer, RecordError> {
        let (family, local, remote) = self.ends()?;
        let caller = || {
            let call = match self.get(Column::Fourth) {
                0 => Call::Connects,
                1 => Call::Sends,
                2 => Call::Writes,
                _ => Call::Other,
            };
            Ok::<_, RecordError>(Caller { pid: self.narrow(Column::Pid)?, call })
        };
        let entered = match self.get(Column::Third) {
            0 => None,
            more => Some(u32::try_from(more - 1).map_err(|_| RecordError::Value)?),
        };
        Ok(Timer {
            time: self.time,
            cookie: self.cookie(),
            sock: SockAddress(self.get(Column::Sock)),
            netns: self.narrow(Column::Netns)?,
            family,
            local,
            remote: remote.ok_or(RecordError::Value)?,
            ifindex: self.ifindex()?,
            substate,
            jiffies: self.get(Column::First),
            expires: self.get(Column::Second),
            entered_ms: entered,
            step: match step {
                0 => TimerStep::Found,
                1 => TimerStep::Started,
                2 => TimerStep::Cancelled {
                    by: self.has(PROCESS).then(caller).transpose()?,
                    netns_deleted: self.has(NETNS_DELETED),
                },
                3 => TimerStep::Expired,
                _ => return Err(RecordError::Value),
            },
            undecided: self.has(UNDECIDED),
        })
    }
}

fn states(old: TcpState, new: TcpState) -> u8 {
    (old as u8) << 4 | new as u8
}

fn family_of(end: &Endpoint) -> Family {
    if end.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}
