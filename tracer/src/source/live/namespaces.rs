//! What each network namespace says of itself, over and over, after everything else was given up.
//!
//! An open `/proc/net/snmp` keeps its namespace alive, and with it a dead container's interfaces. So it is the directory
//! `/proc/PID/net` of a process inside that is kept open, which keeps nothing: its files are opened anew each time, which
//! Landlock allows below it, and need no privilege. Settings are descriptors that a thread opened inside; they keep
//! nothing either. Both seen on Linux 6.18 with a veth pair that goes when its namespace does.

mod parse;

use std::{
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    fs::{Mode, OFlags, open, openat},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::clock::monotonic;
use crate::{
    event::MonotonicNs,
    namespace::{Counters, NamespaceFacts, NamespaceReading, Settings, Unread},
    source::netns,
};

/// Namespaces that are read at most. With the settings below: no more descriptors than a process may usually have (1,024).
const NAMESPACES: usize = 128;
/// Processes that stand for a namespace, in case the first one ends.
const PLACES: usize = 2;
/// Namespaces whose settings are read again each time; those of the others were read once.
const FOLLOWED: usize = 32;
/// How often so many namespaces are read: 80 µs each.
const PERIOD_NS: u64 = 1_000_000_000;
const PER_PERIOD: u64 = 32;
/// A setting is short: only a long list of reserved ports is cut, and then unknown.
const SETTING_BYTES: usize = 4_096;

const SETTINGS: [&str; 6] = [
    "ip_local_port_range",
    "ip_local_reserved_ports",
    "tcp_tw_reuse",
    "tcp_tw_reuse_delay",
    "tcp_max_tw_buckets",
    "tcp_fin_timeout",
];

/// The namespaces that were there at the start.
pub(super) struct Namespaces {
    known: Vec<Namespace>,
    /// Those that are not read, until that was said.
    unread: Vec<(u32, Unread)>,
    read: Option<MonotonicNs>,
}

struct Namespace {
    inode: u32,
    places: Vec<Place>,
    settings: Kept,
}

/// A process that is in a namespace.
struct Place {
    path: PathBuf,
    directory: OwnedFd,
    /// Inode number of the table in it, which no other namespace's has: the process may move.
    table: u64,
}

/// Settings: descriptors, or what was read.
enum Kept {
    Open([Option<File>; SETTINGS.len()]),
    Read(Settings),
}

impl Namespaces {
    /// Finds those that processes are in, of those that are wanted.
    pub(super) fn open(wants: impl Fn(u32) -> bool) -> Self {
        let own = netns::own().unwrap_or_default();
        let mut found: Vec<_> = netns::processes().into_iter().collect();
        found.sort_by_key(|(inode, pids)| (*inode != own, pids.first().copied()));
        let mut namespaces = Self { known: Vec::new(), unread: Vec::new(), read: None };
        for (inode, pids) in found {
            if !wants(inode) {
                continue;
            }
            let places: Vec<_> = pids.iter().filter_map(|pid| Place::open(*pid, inode)).take(PLACES).collect();
            let unread = &mut namespaces.unread;
            match (namespaces.known.len() < NAMESPACES, places.is_empty()) {
                (false, _) => unread.push((inode, Unread::TooMany)),
                (_, true) => unread.push((inode, Unread::Denied)),
                _ => {
                    let settings = Kept::Read(Settings::default());
                    namespaces.known.push(Namespace { inode, places, settings });
                }
            }
        }
        namespaces.open_settings(own);
        namespaces
    }

    /// Opens the settings of each in a thread that enters it.
    fn open_settings(&mut self, own: u32) {
        let enter_all = || {
            for (number, namespace) in self.known.iter_mut().enumerate() {
                if namespace.inode == own || namespace.enter().is_ok() {
                    let open = Kept::Open(SETTINGS.map(|name| File::open(setting(name)).ok()));
                    namespace.settings = if number < FOLLOWED { open } else { Kept::Read(open.read()) };
                }
            }
        };
        // The own one is first: once another was entered there may be no way back.
        thread::scope(|scope| scope.spawn(enter_all).join().unwrap_or_else(|panic| resume_unwind(panic)));
    }

    /// Directories that are read later.
    pub(super) fn reads(&self) -> impl Iterator<Item = PathBuf> {
        self.known.iter().flat_map(|namespace| &namespace.places).map(|place| place.path.clone())
    }

    /// Whether it is time to read them again.
    pub(super) fn are_due(&self, now: MonotonicNs) -> bool {
        let rounds = (self.known.len() as u64).div_ceil(PER_PERIOD);
        self.read.is_none_or(|read| now.since(read) >= PERIOD_NS * rounds.max(1))
    }

    /// Reads all of them.
    pub(super) fn read(&mut self) -> Vec<NamespaceReading> {
        let now = monotonic();
        self.read = Some(now);
        let said = |(netns, unread)| NamespaceReading { netns, from: now, to: now, facts: Err(unread) };
        let mut readings: Vec<_> = self.unread.drain(..).map(said).collect();
        self.known.retain(|namespace| {
            let from = monotonic();
            let facts = namespace.read();
            let stays = facts != Err(Unread::Vanished);
            readings.push(NamespaceReading { netns: namespace.inode, from, to: monotonic(), facts });
            stays
        });
        readings
    }
}

impl Namespace {
    fn enter(&self) -> io::Result<()> {
        let place = self.places.first().ok_or(io::ErrorKind::NotFound)?;
        let namespace = File::open(place.path.with_file_name("ns/net"))?;
        if namespace.metadata()?.ino() != u64::from(self.inode) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    fn read(&self) -> Result<NamespaceFacts, Unread> {
        let mut why = Unread::Vanished;
        for place in &self.places {
            match place.tables() {
                Ok(tables) => {
                    let mut counters = Counters::default();
                    let whole = tables.iter().all(|text| parse::counters(text, &mut counters));
                    let facts = NamespaceFacts { settings: self.settings.read(), counters };
                    return if whole { Ok(facts) } else { Err(Unread::Unreadable) };
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => why = Unread::Denied,
                Err(_) => {}
            }
        }
        Err(why)
    }
}

impl Place {
    fn open(pid: u32, inode: u32) -> Option<Self> {
        let path = PathBuf::from(format!("/proc/{pid}/net"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(&path, flags, Mode::empty()).ok()?;
        let mut place = Self { path, directory, table: 0 };
        place.table = place.file("snmp").and_then(|file| file.metadata()).ok()?.ino();
        // It may have moved meanwhile.
        (netns::of_process(pid)? == inode).then_some(place)
    }

    fn file(&self, name: &str) -> io::Result<File> {
        Ok(openat(&self.directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?.into())
    }

    /// Both tables of counters.
    fn tables(&self) -> io::Result<[String; 2]> {
        let mut snmp = self.file("snmp")?;
        if snmp.metadata()?.ino() != self.table {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut texts = [String::new(), String::new()];
        snmp.read_to_string(&mut texts[0])?;
        self.file("netstat")?.read_to_string(&mut texts[1])?;
        Ok(texts)
    }
}

impl Kept {
    fn read(&self) -> Settings {
        let files = match self {
            Self::Read(settings) => return settings.clone(),
            Self::Open(files) => files,
        };
        let [port_range, reserved, tw_reuse, delay, buckets, fin_timeout] =
            files.each_ref().map(|file| file.as_ref().and_then(text));
        Settings {
            port_range: port_range.as_deref().and_then(parse::port_range),
            reserved: reserved.as_deref().and_then(parse::reserved),
            tw_reuse: tw_reuse.as_deref().and_then(parse::number),
            tw_reuse_delay_ms: delay.as_deref().and_then(parse::number),
            max_tw_buckets: buckets.as_deref().and_then(parse::number),
            fin_timeout_s: fin_timeout.as_deref().and_then(parse::number),
        }
    }
}

/// The settings of the namespace that this process is in.
#[must_use]
pub fn own_settings() -> Settings {
    Kept::Open(SETTINGS.map(|name| File::open(setting(name)).ok())).read()
}

/// What a setting is now; `None` if it cannot be read, or not at once.
fn text(file: &File) -> Option<String> {
    let mut bytes = vec![0; SETTING_BYTES];
    let length = file.read_at(&mut bytes, 0).ok().filter(|length| *length < SETTING_BYTES)?;
    bytes.truncate(length);
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

fn setting(name: &str) -> PathBuf {
    Path::new("/proc/sys/net/ipv4").join(name)
}
