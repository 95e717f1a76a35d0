//! What is not listed although it was wanted.

use std::io;

use rustix::{io::Errno, process::geteuid};

use super::dump::Question;
use crate::{event::Family, socket::Protocol};

/// A part of what was wanted that is not in the list; a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// The kernel was built without what lists this protocol, or may not load it.
    #[error(
        "this kernel lists no {name} sockets, for it has no module {name}_diag: load it by \"modprobe {name}_diag\", \
         or build the kernel with CONFIG_INET_{}_DIAG",
        .0.name().to_uppercase(), name = .0.name()
    )]
    NoModule(Protocol),
    /// The kernel refused, or broke off.
    #[error(
        "the kernel does not list the {} sockets of {} in network namespace {netns}: {error}",
        protocol.name(), spelled(*family)
    )]
    Refused {
        /// The protocol.
        protocol: Protocol,
        /// The family.
        family: Family,
        /// The namespace.
        netns: u32,
        /// What it said.
        error: io::Error,
    },
    /// The kernel's tables changed under every attempt to list them.
    #[error(
        "{} sockets of {} in network namespace {netns} may be missing or listed twice, for they change too \
         fast: try again, or ask for less",
        protocol.name(), spelled(*family)
    )]
    Interrupted {
        /// The protocol.
        protocol: Protocol,
        /// The family.
        family: Family,
        /// The namespace.
        netns: u32,
    },
    /// A namespace could not be entered.
    #[error("cannot enter network namespace {netns}, so its sockets are not listed: {error}; that takes root")]
    Namespace {
        /// The namespace.
        netns: u32,
        /// Why.
        error: io::Error,
    },
    /// Which namespaces there are is known in part.
    #[error(
        "some processes cannot be looked at, so network namespaces that only they are in are not listed: {}",
        remedy()
    )]
    Withheld,
    /// A namespace was not found.
    #[error("no process that can be looked at is in network namespace {0} and it has no name, so it is not listed")]
    NoNamespace(u32),
    /// The own namespace has no number.
    #[error("cannot read /proc/thread-self/ns/net, which says whose sockets these are ({0}); mount /proc")]
    Own(io::Error),
}

/// The family as people write it.
fn spelled(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// What lets a process look at the namespaces of others (`ptrace_may_access`).
fn remedy() -> &'static str {
    if geteuid().is_root() {
        "that takes CAP_SYS_PTRACE, and a security module may forbid it"
    } else {
        "run it with sudo, or give it CAP_SYS_PTRACE"
    }
}

impl Unseen {
    pub(super) fn refused(question: Question<'_>, error: io::Error) -> Self {
        let Question { protocol, family, netns, .. } = question;
        match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => Self::NoModule(protocol),
            _ => Self::Refused { protocol, family, netns, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::{Family, Protocol, Unseen};

    #[test]
    fn what_is_missing_is_said_in_the_words_of_the_field() {
        let said = Unseen::NoModule(Protocol::Udp).to_string();
        assert!(said.ends_with("\"modprobe udp_diag\", or build the kernel with CONFIG_INET_UDP_DIAG"), "{said}");
        let (protocol, family, netns) = (Protocol::Tcp, Family::Ipv6, 1);
        let refused = Unseen::Refused { protocol, family, netns, error: ErrorKind::PermissionDenied.into() };
        assert!(refused.to_string().contains("the tcp sockets of IPv6 in network namespace 1"), "{refused}");
        let interrupted = Unseen::Interrupted { protocol, family, netns };
        assert!(interrupted.to_string().starts_with("tcp sockets of IPv6 in network namespace 1"), "{interrupted}");
    }
}
