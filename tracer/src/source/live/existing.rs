//! The sockets that exist when the trace starts, and whose they are: the kernel's own list of them, one network namespace
//! at a time, and the descriptors of every process that can be looked at.

mod holders;

use std::{
    error::Error,
    fs::File,
    io::{self, Read as _},
    num::NonZeroU64,
};

use aya::programs::{Iter, ProgramError, iter::IterLink, links::LinkError};
use tracer_common::wire::{FLAG_DEFER_ACCEPT, SocketRecord};
use zerocopy::FromBytes as _;

use self::holders::Holders;
use crate::{
    decode,
    event::{Event, TcpState},
    source::netns,
};

/// Why the sockets that exist already are not known.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    /// The object lacks the program.
    #[error("the BPF object has no program that lists sockets: tracer was built wrongly, build it again")]
    Incomplete,
    /// They were asked for before.
    #[error("the sockets that exist already are listed once in a run")]
    Again,
    /// The kernel refused the program or its link.
    #[error("the kernel does not list its sockets")]
    Program(#[from] ProgramError),
    /// The list could not be opened.
    #[error("the kernel does not list its sockets")]
    Link(#[from] LinkError),
    /// The list could not be read.
    #[error("the kernel's list of sockets cannot be read")]
    Read(#[from] io::Error),
}

impl ExistingError {
    /// What failed and why, in one line; a verifier's log is not in it.
    #[must_use]
    pub fn reason(&self) -> String {
        let causes = std::iter::successors(Some(self as &(dyn Error + 'static)), |error| (*error).source());
        let lines: Vec<_> =
            causes.map(|cause| cause.to_string().lines().next().unwrap_or_default().to_owned()).collect();
        lines.join(": ")
    }
}

/// Every socket of every namespace that can be entered; timewait sockets only `with_time_wait`.
pub(super) fn sockets(program: &mut Iter, with_time_wait: bool) -> Result<Vec<Event>, ExistingError> {
    let records = records(program)?;
    let holders = Holders::of(records.iter().map(|record| record.inode));
    let socket = |record: &SocketRecord| match decode::found(record) {
        Some(timer) => with_time_wait.then_some(Event::Timer(timer)),
        None => decode::existing(record, |listens| holders.process(record.inode, listens)).map(Event::Existing).ok(),
    };
    let mut sockets: Vec<_> = records.iter().filter_map(socket).collect();
    // Listeners first: they tell which of the others were accepted.
    let listens = |event: &Event| matches!(event, Event::Existing(socket) if socket.state == TcpState::Listen);
    sockets.sort_by_key(|event| !listens(event));
    Ok(sockets)
}

/// The listeners that let connections wait for their first data (`TCP_DEFER_ACCEPT`), by namespace and port.
pub(super) fn deferring(program: &mut Iter) -> Result<Vec<(u32, u16)>, ExistingError> {
    let defers = |record: &&SocketRecord| record.flags & FLAG_DEFER_ACCEPT != 0;
    Ok(records(program)?.iter().filter(defers).map(|record| (record.netns, record.local_port)).collect())
}

/// The function that timewait sockets' timers call, if this namespace has one.
pub(super) fn timer_handler(program: &mut Iter) -> Option<NonZeroU64> {
    list(program, None).ok()?.iter().find_map(|record| NonZeroU64::new(record.handler))
}

/// The sockets of every namespace that can be entered.
fn records(program: &mut Iter) -> Result<Vec<SocketRecord>, ExistingError> {
    let own = netns::own()?;
    let mut records = list(program, None)?;
    for (_, namespace) in netns::all().into_iter().filter(|(inode, _)| *inode != own) {
        // It may be closed to us: then its sockets are as unknown as before.
        records.extend(list(program, Some(&namespace)).unwrap_or_default());
    }
    Ok(records)
}

/// The sockets of one namespace: the one in which the list is opened.
fn list(program: &mut Iter, namespace: Option<&File>) -> Result<Vec<SocketRecord>, ExistingError> {
    let id = program.attach()?;
    let link = program.take_link(id)?;
    let bytes = match namespace {
        Some(namespace) => netns::within(namespace, || read(link))??,
        None => read(link)?,
    };
    let records = bytes.chunks_exact(size_of::<SocketRecord>());
    Ok(records.filter_map(|bytes| SocketRecord::read_from_bytes(bytes).ok()).collect())
}

fn read(link: IterLink) -> Result<Vec<u8>, ExistingError> {
    let mut bytes = Vec::new();
    link.into_file()?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
