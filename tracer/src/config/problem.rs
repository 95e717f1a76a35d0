//! What can be wrong with what was typed. Each is one sentence together with the flag and the value.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{cli::printable, event::TcpState, filter::TooMany};

/// Wrong usage. Exit status 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value of a flag is wrong.
    #[error("{flag} {value}: {problem}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What was given, safe to print.
        value: String,
        /// What is wrong with it, and what to do.
        problem: Problem,
    },
    /// Both families at once.
    #[error("-4 and -6 exclude each other: give one of them, or neither to see both families.")]
    BothFamilies,
    /// It asks something of the kernel.
    #[error("{flag}: it is for listening to the kernel, but -r reads a recording; leave one of the two out.")]
    LiveOnly {
        /// The flag.
        flag: &'static str,
    },
    /// It asks something of a recording.
    #[error("{flag}: it chooses from a recording, but none is given; name one with -r PATH, or leave it out.")]
    NothingToRead {
        /// The flag.
        flag: &'static str,
    },
    /// Nothing is read.
    #[error("--since is not before --until, so nothing lies between them; exchange the two.")]
    BackwardSpan,
    /// One file is one segment.
    #[error(
        "{flag}: there are segments only in a directory, and {} is none; make it, or leave the flag out.",
        shown(path)
    )]
    NoDirectory {
        /// The flag.
        flag: &'static str,
        /// Where it is to be written.
        path: PathBuf,
    },
    /// Retention would remove what is being written.
    #[error("--keep-size is less than one segment; raise it, or lower --rotate-size.")]
    KeepsLessThanOne,
    /// There are other formats to export to than to print.
    #[error("--format: an export has formats of its own; give --to ndjson or --to csv.")]
    ExportFormat,
    /// Scripts for shells and pages for man have formats of their own.
    #[error("--format: completions are for a shell and pages for man, in formats of their own; leave it out.")]
    OwnFormat,
    /// Several files are written.
    #[error("{flag} {}: there is no such directory; make it, or name another one.", shown(path))]
    NotADirectory {
        /// The flag.
        flag: &'static str,
        /// Where they are to be written.
        path: PathBuf,
    },
    /// The kernel side adds handshakes up without knowing whose they are.
    #[error(
        "{flag}: the kernel adds handshakes up without knowing their process; use tracer summary, or leave it out."
    )]
    NoProcess {
        /// The flag.
        flag: &'static str,
    },
    /// No handshake has a role that is left.
    #[error("--role: both roles are excluded, so nothing could be measured; leave one of them.")]
    NoRole,
    /// What is asked for by state and by kind is not the same.
    #[error("--state: nothing that the other flags ask for is in such a state; leave out -t, -u or -l.")]
    NoSuchState,
    /// A row is a socket.
    #[error("--group-by: a table has a row for each socket; use --format json, or leave one of the two out.")]
    GroupsAsTable,
    /// A group has not all that a socket has.
    #[error("--sort {order}: groups are sorted by recv-q, send-q or, without it, by how many sockets they have.")]
    GroupOrder {
        /// The word.
        order: &'static str,
    },
    /// A list is too long for the kernel side.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

impl ConfigError {
    pub(super) fn value(flag: &'static str, value: &str, problem: Problem) -> Self {
        let plain = !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let value = if plain { value.to_owned() } else { format!("{value:?}") };
        Self::Value { flag, value, problem }
    }
}

/// What is wrong with a value, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("a value is missing here; separate values by single commas.")]
    Empty,
    #[error("a port is a number from 1 to 65535, a range (8000-8100) or a service name (https).")]
    NotAPort,
    #[error("the range runs backwards; write {last}-{first}.")]
    BackwardRange { first: u16, last: u16 },
    #[error("/etc/services has no such {protocols} service; {}", or(nearest, "give the port's number."))]
    UnknownService { protocols: &'static str, nearest: Option<String> },
    #[error("not an IP address or network; write it as 10.0.0.0/8, 10.0.0.1 or 2001:db8::/32.")]
    NotAnAddress,
    #[error("the prefix length is a number from 0 to {max}; write {addr}/{max} for the one address.")]
    PrefixLength { addr: std::net::IpAddr, max: u8 },
    #[error("the address has bits beyond the prefix; write {network} for the network, or {addr} for the one address.")]
    HostBits { network: String, addr: std::net::IpAddr },
    #[error("with {flag} nothing can match an {family} address; leave out one of the two.")]
    OtherFamily { flag: &'static str, family: &'static str },
    #[error("a process is given by its number, from 1 to 4194304; for a name use --comm.")]
    NotAPid,
    #[error("the role is client or server.")]
    NotARole,
    #[error(
        "there is no such TCP state; {}",
        or(
            nearest,
            "the states are ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN and CLOSING."
        )
    )]
    UnknownState { nearest: Option<String> },
    #[error(
        "there is no such state; {}",
        or(
            nearest,
            "write it as established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, time-wait, close, close-wait, last-ack, listen or closing."
        )
    )]
    UnknownSocketState { nearest: Option<String> },
    #[error("the kernel reports no change from or to {0}, so nothing would ever be shown; name another state.")]
    UnreportedState(TcpState),
    #[error("network namespaces have numbers from 4026531833 on; \"ls -Li /proc/PID/ns/net\" shows a process's.")]
    NotANetnsNumber,
    #[error(
        "there is no {}; {}",
        shown(path),
        or(nearest, "give a name that \"ip netns\" lists, an inode number, pid:PID, a path or self.")
    )]
    NoNetns { path: PathBuf, nearest: Option<String> },
    #[error("there is no process {0}; give the number of a running one, or a namespace's name or inode number.")]
    NoProcess(u32),
    #[error("{} is not a network namespace; give a file such as /proc/PID/ns/net or /run/netns/NAME.", shown(.0))]
    NotANetns(PathBuf),
    #[error("the cgroup v2 hierarchy is not mounted on this machine; leave the flag out, or mount it.")]
    NoCgroupMount,
    #[error(
        "there is no cgroup of that name below {}; {}",
        shown(mount),
        or(nearest, "\"systemd-cgls\" shows the paths.")
    )]
    NoCgroup { mount: PathBuf, nearest: Option<String> },
    #[error("no cgroup below {} has this number; \"ls -di PATH\" shows a cgroup's.", shown(mount))]
    NoCgroupNumber { mount: PathBuf },
    #[error("there is no such network interface in this namespace; {}", or(nearest, "\"ip link\" lists them."))]
    NoInterface { nearest: Option<String> },
    #[error("{} cannot be read ({error}); {}", shown(path), remedy(error))]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("there is no such user here; \"getent passwd\" lists them.")]
    NoUser,
    #[error("there is no such command; {}", or(nearest, "\"tracer --help\" lists them."))]
    NoCommand { nearest: Option<String> },
    #[error("only root can become another user; run tracer with sudo, or leave the flag out.")]
    NotRoot,
    #[error("not a time; write it as 30s, 5m, 1h30m or 7d.")]
    NotATime,
    #[error("the time must be longer than nothing; write it as 30s, 5m, 1h30m or 7d.")]
    NoTime,
    #[error("a number from 1 on is needed.")]
    NotACount,
    #[error("not a size from 4 KiB to 16 GiB; write it as 64KiB, 4M or 1G.")]
    NotARingSize,
    #[error("a number of sockets from 1 to 100000000 is needed.")]
    NotATableSize,
    #[error("nothing is grouped by that; {}", or(nearest, "it takes port, peer, prefix or cgroup."))]
    UnknownKey { nearest: Option<String> },
    #[error("a number of groups from 1 to 65536 is needed.")]
    NotAGroupCount,
    #[error("nothing is grouped by that; {}", or(nearest, "it takes service, peer, process or container."))]
    UnknownGroup { nearest: Option<String> },
    #[error(
        "nothing is sorted by that; {}",
        or(
            nearest,
            "it takes connections, failures, handshakes, p50, p90, p99, max, resets, retransmits, time-wait or name."
        )
    )]
    UnknownSort { nearest: Option<String> },
    #[error("sockets are not grouped by that; {}", or(nearest, "it takes state, process, peer, service or container."))]
    UnknownSocketGroup { nearest: Option<String> },
    #[error(
        "sockets are not sorted by that; {}",
        or(nearest, "it takes none, recv-q, send-q, state, local, remote, rtt, retransmits, process or timer.")
    )]
    UnknownSocketOrder { nearest: Option<String> },
    #[error("TCP and UDP are over inet and inet6; \"ss -f\" lists other families.")]
    OtherSockets,
    #[error("not what lsof takes; write it as tcp, 6, :443, tcp:8000-8100, @10.0.0.1 or udp@[2001:db8::1]:domain.")]
    NotAnInternetSpec,
    #[error("this takes what lsof's -i takes; for ss's -i use -e, as in -tne.")]
    InternetOfSs,
    #[error("a network is --addr {}.", printable(network))]
    NetworkAsHost { network: String },
    #[error("no address is known for this host; give the address, or check the name with \"getent hosts\".")]
    UnknownHost,
    #[error("a number from 1 on is needed: how many lines there are at most; the others are summed up in one.")]
    NotATop,
    #[error("the time must be 100ms or longer; write it as 1s, 10s or 1m.")]
    ShortInterval,
    #[error("the time must be 1h or shorter; write it as 10s, 1m or 1h.")]
    LongInterval,
    #[error(
        "not a moment; {}",
        or(nearest, "write it as 14:03, 2026-11-21T14:03, 2026-11-21T14:03:05+01:00 or -10m (before the end).")
    )]
    NotAMoment { nearest: Option<String> },
    #[error("not a size from 64 KiB to 1 PiB; write it as 256KiB, 64M or 2G.")]
    NotADiskSize,
    #[error("the time must be 1s or longer; write it as 10m, 1h or 24h.")]
    ShortSegment,
    #[error("a recording goes to a file or a directory, not to standard output; --format json prints a stream.")]
    NotAFile,
    #[error(
        "names of network namespaces are this host's, not the recording's; give the inode number, which --format json shows."
    )]
    ForeignNetns,
    #[error("names of interfaces are this host's, not the recording's; give the interface's index there, from 1 on.")]
    ForeignInterface,
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

fn or(nearest: &Option<String>, otherwise: &str) -> String {
    nearest.as_ref().map_or_else(|| otherwise.to_owned(), |name| format!("did you mean {name}?"))
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "run tracer with sudo.",
        _ => "check that it exists and is readable.",
    }
}
