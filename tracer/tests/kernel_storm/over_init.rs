//! How many events happen while process 1 is current.
//!
//! Some kernels run no BPF program then, to keep their init out of sight; they count no miss either. A softirq runs over
//! whichever task is current, so they withhold now and then an event of a socket that has nothing to do with init. A
//! test that counts exactly must know how many. perf counts them there, too.

use std::{fs, path::Path, process::Command};

use perf_event::{Builder, Counter, events::Tracepoint};
use rustix::thread::UnshareFlags;

/// A running count; without counters where the kernel lets nobody look (lockdown), and then nothing is excused.
pub(crate) struct Witness(Vec<Counter>);

impl Witness {
    /// Starts to count these tracepoints, each with the group it is in: `sock/inet_sock_set_state`.
    pub(crate) fn start(tracepoints: &[&str]) -> Self {
        let ids = tracepoint_ids(tracepoints).unwrap_or_default();
        let threads = fs::read_dir("/proc/1/task").expect("threads of process 1").map(|thread| {
            let name = thread.expect("a thread").file_name();
            name.to_str().and_then(|name| name.parse().ok()).expect("a number")
        });
        let pairs = threads.flat_map(|tid: i32| ids.iter().map(move |id| (tid, Tracepoint::with_id(*id))));
        let counters = pairs.map(|(tid, tracepoint)| {
            let mut counter = Builder::new(tracepoint)
                .observe_pid(tid)
                .any_cpu()
                .inherit(true)
                .include_kernel()
                .build()
                .expect("a perf counter");
            counter.enable().expect("perf counts");
            counter
        });
        Self(counters.collect())
    }

    /// Events so far.
    pub(crate) fn count(&mut self) -> u64 {
        self.0.iter_mut().map(|counter| counter.read().expect("a count")).sum()
    }
}

/// perf's numbers of tracepoints, from a tracefs that only this thread sees if there is none yet.
fn tracepoint_ids(tracepoints: &[&str]) -> Option<Vec<u64>> {
    const TRACEFS: &str = "/sys/kernel/tracing";
    // Locked down, tracefs is empty, and unmounting it then has crashed Debian's 6.12.107 (tracefs_destroy_inode).
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return None;
    }
    if !Path::new(TRACEFS).join("events").exists() {
        // SAFETY: only this thread's mounts change.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.expect("a mount namespace");
        let mount = |args: &[&str]| Command::new("mount").args(args).status().is_ok_and(|status| status.success());
        assert!(mount(&["--make-rprivate", "/"]), "private mounts");
        assert!(mount(&["-t", "tracefs", "tracefs", TRACEFS]), "tracefs");
    }
    let read = |name: &&str| fs::read_to_string(format!("{TRACEFS}/events/{name}/id")).expect("its number");
    Some(tracepoints.iter().map(|name| read(name).trim().parse().expect("a number")).collect())
}
