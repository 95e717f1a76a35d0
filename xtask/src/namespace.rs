//! Network namespaces without a name: they go when nobody holds them and no process is in them, however a run ends.
#![expect(unsafe_code, reason = "unshare(2): network namespaces of our own")]

use std::{
    fs::{self, File},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::fs::MetadataExt as _,
    },
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::command;

/// A network namespace that somebody left a million sockets in TIME_WAIT in takes seconds to go.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the kernel must be seen not to remove one.
const QUIET: Duration = Duration::from_millis(100);

/// A network namespace.
pub(crate) struct Namespace {
    file: File,
    pub(crate) inode: u64,
}

impl Namespace {
    /// One in which nothing is up.
    pub(crate) fn make() -> Result<Self> {
        let make = || {
            // SAFETY: only the network namespace of this thread changes; no descriptor or memory is shared differently.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
            File::open("/proc/thread-self/ns/net")
        };
        let file = in_a_thread(make)?.context("cannot make a network namespace")?;
        let inode = file.metadata().context("cannot look at the network namespace")?.ino();
        Ok(Self { file, inode })
    }

    /// Acts inside; a process that it starts stays there.
    pub(crate) fn run<T: Send>(&self, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_a_thread(|| {
            let entered = move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network));
            entered.context("cannot enter the network namespace")?;
            act()
        })?
    }

    /// Runs `ip` with each of these lines.
    pub(crate) fn ip(&self, lines: &[String]) -> Result<()> {
        self.run(|| lines.iter().try_for_each(|line| command::run(Command::new("ip").args(line.split(' ')))))
    }

    /// What starts a program inside.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/fd/{}", process::id(), self.file.as_raw_fd()));
        command
    }

    /// Gives it up and waits until the kernel has removed it with all its sockets, so that this work is nobody else's.
    pub(crate) fn remove(self) {
        drop(self);
        let end = Instant::now() + PATIENCE;
        let mut quiet_since = Instant::now();
        while quiet_since.elapsed() < QUIET && Instant::now() < end {
            thread::sleep(QUIET / 10);
            if is_removing() {
                quiet_since = Instant::now();
            }
        }
    }
}

/// Whether one of the kernel's workers is at it now (`wq_worker_comm`, kernel/workqueue.c).
fn is_removing() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = processes.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok());
    names.any(|name| name.starts_with("kworker/") && name.contains("+netns"))
}

/// A thread can change its namespace; the others of this process stay where they are.
fn in_a_thread<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| scope.spawn(act).join()).map_err(|_| anyhow!("a thread panicked"))
}
