//! Every socket now, by `sock_diag`: what the kernel tells in one message a socket, to everybody, without a BPF program.
//!
//! Not by `iter/tcp`, which needs privilege and a program, and not by `/proc/net/tcp`, which lacks cookies, round trips,
//! cgroups and what is only bound, and takes ten times as long. Where a kernel has no `sock_diag`, that is said.

mod cgroups;
mod dump;
mod error;
mod interfaces;
mod message;
mod owners;

use std::{collections::BTreeMap, fs::File, path::PathBuf};

use self::dump::{Answer, Question, ask};
pub use self::error::Unseen;
pub use super::descriptors::Hindrance;
use super::{descriptors::references, live::ephemeral_range, netns};
use crate::{
    event::{Family, TcpState},
    socket::{Protocol, Socket},
};

/// A list that was interrupted is asked for again, but not more often than this.
const ATTEMPTS: usize = 4;

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// TCP sockets in these states; none: no TCP at all.
    pub tcp: Vec<TcpState>,
    /// UDP sockets in these states; only `Close` (not connected) and `Established` occur.
    pub udp: Vec<TcpState>,
    /// Sockets of these families. IPv4 mapped into IPv6 is a socket of IPv6.
    pub families: Vec<Family>,
    /// Of these network namespaces.
    pub namespaces: Namespaces,
    /// Who holds them; otherwise all are [`Owners::Hidden`](crate::socket::Owners::Hidden).
    pub owners: bool,
    /// Paths of their cgroups, for which the tree of all cgroups is walked.
    pub cgroups: bool,
    /// Round trips and retransmissions.
    pub tcp_info: bool,
}

/// Network namespaces, by inode number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// The one that this process is in.
    Own,
    /// Those of all processes that can be looked at, and those that have a name.
    All,
    /// These of all.
    Only {
        /// Which.
        numbers: Vec<u32>,
        /// Where some of them are that perhaps no process is in and that have no name.
        paths: Vec<PathBuf>,
    },
}

/// The sockets that were wanted.
#[derive(Debug, Default)]
pub struct Listing {
    /// By namespace, the own one first, protocol and family; beyond that in the kernel's order.
    pub sockets: Vec<Socket>,
    /// Which ports each network namespace gives out to who asks for none.
    pub ephemeral: BTreeMap<u32, (u16, u16)>,
    /// What is not among them although it was wanted.
    pub unseen: Vec<Unseen>,
    /// Why of some it is not known who holds them, if that was wanted.
    pub hindrance: Option<Hindrance>,
}

impl Default for Wanted {
    /// Everything of this namespace.
    fn default() -> Self {
        Self {
            tcp: TcpState::ALL.to_vec(),
            udp: vec![TcpState::Close, TcpState::Established],
            families: vec![Family::Ipv4, Family::Ipv6],
            namespaces: Namespaces::Own,
            owners: true,
            cgroups: true,
            tcp_info: true,
        }
    }
}

/// Lists them.
///
/// # Errors
/// The first [`Unseen`] if nothing at all can be listed.
pub fn sockets(wanted: &Wanted) -> Result<Listing, Unseen> {
    let mut inquiry = Inquiry { wanted, listing: Listing::default(), answers: 0 };
    inquiry.ask_all()?;
    let Inquiry { mut listing, answers, .. } = inquiry;
    if answers == 0 && !listing.unseen.is_empty() {
        return Err(listing.unseen.swap_remove(0));
    }
    // Afterwards: who holds a socket now has held it then, or was given it. The other way round the youngest had nobody.
    if wanted.owners {
        let references = references();
        owners::assign(&mut listing.sockets, &references);
        listing.hindrance = references.hindrance;
    }
    if wanted.cgroups {
        cgroups::name(&mut listing.sockets);
    }
    Ok(listing)
}

/// One namespace, protocol and family after the other.
struct Inquiry<'a> {
    wanted: &'a Wanted,
    listing: Listing,
    /// Questions that were answered.
    answers: usize,
}

impl Inquiry<'_> {
    fn ask_all(&mut self) -> Result<(), Unseen> {
        let own = netns::own().map_err(Unseen::Own)?;
        let wanted = &self.wanted.namespaces;
        let others = wanted.opened();
        if wanted.include(own, own) {
            self.ask_here(own);
        }
        for (netns, namespace) in others.iter().filter(|(netns, _)| **netns != own && wanted.include(**netns, own)) {
            if let Err(error) = netns::within(namespace, || self.ask_here(*netns)) {
                self.listing.unseen.push(Unseen::Namespace { netns: *netns, error });
            }
        }
        if *wanted == Namespaces::All && netns::some_are_withheld() {
            self.listing.unseen.push(Unseen::Withheld);
        }
        let missing = wanted.named().iter().filter(|netns| **netns != own && !others.contains_key(netns));
        self.listing.unseen.extend(missing.map(|netns| Unseen::NoNamespace(*netns)));
        Ok(())
    }

    /// The namespace that this thread is in.
    fn ask_here(&mut self, netns: u32) {
        let wanted = self.wanted;
        let before = self.listing.sockets.len();
        for (protocol, states) in [(Protocol::Tcp, &wanted.tcp), (Protocol::Udp, &wanted.udp)] {
            for family in wanted.families.iter().copied().filter(|_| !states.is_empty()) {
                self.ask(Question { protocol, family, netns, states, tcp_info: wanted.tcp_info });
            }
        }
        self.listing.ephemeral.insert(netns, ephemeral_range());
        interfaces::name(&mut self.listing.sockets[before..]);
    }

    fn ask(&mut self, question: Question<'_>) {
        let Listing { sockets, unseen, .. } = &mut self.listing;
        let before = sockets.len();
        for _ in 0..ATTEMPTS {
            sockets.truncate(before);
            match ask(question, sockets) {
                Ok(Answer::Interrupted) => {}
                Ok(Answer::Whole) => {
                    self.answers += 1;
                    return;
                }
                Err(error) => return unseen.push(Unseen::refused(question, error)),
            }
        }
        self.answers += 1;
        let Question { protocol, family, netns, .. } = question;
        unseen.push(Unseen::Interrupted { protocol, family, netns });
    }
}

impl Namespaces {
    fn include(&self, netns: u32, own: u32) -> bool {
        match self {
            Self::Own => netns == own,
            Self::All => true,
            Self::Only { numbers, .. } => numbers.contains(&netns),
        }
    }

    fn named(&self) -> &[u32] {
        match self {
            Self::Own | Self::All => &[],
            Self::Only { numbers, .. } => numbers,
        }
    }

    /// Those that can be entered, and perhaps more.
    fn opened(&self) -> BTreeMap<u32, File> {
        match self {
            Self::Own => BTreeMap::new(),
            Self::All => netns::all(),
            Self::Only { paths, .. } => {
                let mut namespaces = netns::all();
                namespaces.extend(paths.iter().filter_map(|path| netns::opened(path)));
                namespaces
            }
        }
    }
}
