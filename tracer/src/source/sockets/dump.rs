//! Asking the kernel: one request a protocol, family and namespace, answered by many messages.
//!
//! By hand rather than by a crate: it is two fixed structures, and those that exist allocate a tree for every socket.

use std::{io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{SOCK_DIAG, SocketAddrNetlink},
        recv, sendto, socket_with,
    },
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::message::{self, ALIGNMENT, Ends};
use crate::{
    event::{Family, TcpState},
    socket::{Protocol, Socket},
};

/// What the kernel puts into one answer at most, and some more.
const ANSWER: usize = 64 * 1024;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST: u16 = 0x301;
/// `NLM_F_DUMP_INTR`.
const INTERRUPTED: u16 = 0x10;
/// Types of messages: `NLMSG_ERROR`, `NLMSG_DONE`, `SOCK_DIAG_BY_FAMILY`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const BY_FAMILY: u16 = 20;

/// `struct nlmsghdr`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Head {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
}

/// `struct inet_diag_req_v2` behind its head.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Request {
    head: Head,
    family: u8,
    protocol: u8,
    extensions: u8,
    _padding: u8,
    states: u32,
    ends: Ends,
}

const _: () = assert!(size_of::<Request>() == 72);

/// One question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) protocol: Protocol,
    pub(super) family: Family,
    /// The number of the namespace.
    pub(super) netns: u32,
    pub(super) states: &'a [TcpState],
    pub(super) tcp_info: bool,
}

/// Whether an answer is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Whole,
    /// What is listed changed meanwhile.
    Interrupted,
}

/// Asks about the namespace that this thread is in, and adds the answer to `sockets`.
pub(super) fn ask(question: Question<'_>, sockets: &mut Vec<Socket>) -> io::Result<Answer> {
    let inquirer = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    sendto(&inquirer, question.request().as_bytes(), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = Answer::Whole;
    let mut buffer = vec![0; ANSWER];
    loop {
        let length = receive(&inquirer, &mut buffer)?;
        let mut messages = Messages(&buffer[..length]);
        while let Some((head, body)) = messages.next().transpose()? {
            if head.flags & INTERRUPTED != 0 {
                answer = Answer::Interrupted;
            }
            match head.kind {
                BY_FAMILY => {
                    let socket = message::socket(body, question.protocol, question.netns).ok_or_else(unexpected)?;
                    // It may have changed since it was chosen.
                    if question.states.contains(&socket.state) {
                        sockets.push(socket);
                    }
                }
                DONE | ERROR => return status(body).map(|()| answer),
                _ => {}
            }
        }
    }
}

fn receive(inquirer: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match recv(inquirer, &mut *buffer, RecvFlags::TRUNC) {
            Ok((_, length)) if length <= buffer.len() => return Ok(length),
            Ok(_) => return Err(unexpected()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Question<'_> {
    fn request(&self) -> Request {
        let length = size_of::<Request>() as u32;
        Request {
            head: Head { length, kind: BY_FAMILY, flags: REQUEST, sequence: 0, port: 0 },
            family: message::family_number(self.family),
            protocol: match self.protocol {
                Protocol::Tcp => 6,
                Protocol::Udp => 17,
            },
            extensions: if self.tcp_info && self.protocol == Protocol::Tcp { 1 << (message::INFO - 1) } else { 0 },
            _padding: 0,
            states: self.states.iter().fold(0, |mask, state| mask | 1 << *state as u8),
            ends: Ends::default(),
        }
    }
}

/// Messages one after another in an answer.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = io::Result<(Head, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.0);
        let Ok((head, _)) = Head::read_from_prefix(rest) else { return Some(Err(unexpected())) };
        let length = head.length as usize;
        let Some(body) = rest.get(size_of::<Head>()..length) else { return Some(Err(unexpected())) };
        self.0 = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(Ok((head, body)))
    }
}

/// The first number of the last message: 0, or a negated errno.
fn status(body: &[u8]) -> io::Result<()> {
    let (code, _) = i32::read_from_prefix(body).map_err(|_| unexpected())?;
    if code < 0 { Err(io::Error::from_raw_os_error(-code)) } else { Ok(()) }
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not as expected")
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes as _;

    use super::{DONE, Head, INTERRUPTED, Messages, status};

    fn message(length: u32, kind: u16, body: &[u8]) -> Vec<u8> {
        let head = Head { length, kind, flags: INTERRUPTED, sequence: 0, port: 0 };
        [head.as_bytes(), body].concat()
    }

    #[test]
    fn messages_follow_one_another_at_multiples_of_four() {
        let answer = [message(17, 20, b"a\0\0\0"), message(20, DONE, &[0; 4])].concat();
        let read: Vec<_> = Messages(&answer).map(|message| message.expect("whole")).collect();
        let bodies: Vec<_> = read.iter().map(|(head, body)| (head.kind, *body)).collect();
        assert_eq!(bodies, [(20, &b"a"[..]), (DONE, &[0; 4][..])]);
    }

    #[test]
    fn what_is_cut_off_is_refused_once() {
        for length in [0, 15, 21, u32::MAX] {
            let answer = message(length, 20, b"body");
            let read: Vec<_> = Messages(&answer).collect();
            assert!(matches!(&read[..], [Err(_)]), "{length}");
        }
    }

    #[test]
    fn the_last_message_says_how_it_went() {
        assert!(status(&0_i32.to_ne_bytes()).is_ok());
        let refused = status(&(-2_i32).to_ne_bytes()).expect_err("no such handler");
        assert_eq!(refused.kind(), std::io::ErrorKind::NotFound);
        assert!(status(&[0]).is_err());
    }
}
