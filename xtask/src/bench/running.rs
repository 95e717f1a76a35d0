//! A tracer while it runs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde::Serialize;

use super::{
    fdinfo::{self, Held},
    process::{self, CpuTime},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// What programs are attached to where the kernel has no link for it.
const PERF_EVENT: &str = "anon_inode:[perf_event]";
/// How long nothing must happen before we believe that nothing more will.
const QUIET: Duration = Duration::from_millis(300);

/// Is killed if nobody stops it.
pub(crate) struct Running {
    child: Child,
    output: PathBuf,
    before: CpuTime,
    idle_kib: u64,
}

/// Memory of a process, KiB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// When it was attached and nothing had happened yet.
    pub(crate) idle_kib: u64,
    /// Before it was told to end.
    pub(crate) busy_kib: u64,
    /// The most that it ever had resident.
    pub(crate) peak_kib: u64,
}

/// What it took.
pub(crate) struct Usage {
    /// From when it was attached to its end.
    pub(crate) cpu: CpuTime,
    /// What it had.
    pub(crate) memory: Memory,
    /// Its exit status, unless a signal ended it.
    pub(crate) status: Option<i32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts it and waits until its programs are attached. It writes to `output` and ends if we do.
    pub(crate) fn attached(command: &Command, output: &Path) -> Result<Self> {
        let errors = File::create(errors_beside(output)).context("cannot create a file for its errors")?;
        let mut bound = Command::new("setpriv");
        // A shell that starts us in the background has SIGINT ignored, which children inherit.
        bound.args(["--pdeathsig", "TERM", "--", "env", "--default-signal=INT"]);
        bound.arg(command.get_program()).args(command.get_args());
        bound.stdin(Stdio::null()).stderr(errors);
        // Whatever it writes goes to the end, so that others can empty the file meanwhile.
        let append = File::options().create(true).append(true).open(output);
        bound.stdout(append.context("cannot create the output file")?);
        let child = bound.spawn().context("cannot start it")?;
        let mut running = Self { child, output: output.to_owned(), before: CpuTime::default(), idle_kib: 0 };
        running.settled(1, Self::attachments)?;
        running.before = process::cpu_time(running.pid())?;
        running.idle_kib = running.memory_kib();
        Ok(running)
    }

    fn attachments(&self) -> Result<u64> {
        let descriptors = process::descriptors(self.pid()).unwrap_or_default();
        let events = descriptors.iter().filter(|it| it.as_os_str() == PERF_EVENT).count();
        Ok(self.held()?.links + events as u64)
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has written all that it saw.
    pub(crate) fn wait_until_quiet(&mut self) -> Result<()> {
        self.settled(0, |running| Ok(fs::metadata(&running.output)?.len()))
    }

    /// Its programs and links.
    pub(crate) fn held(&self) -> Result<Held> {
        fdinfo::read(self.pid())
    }

    /// What it said on standard error.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(errors_beside(&self.output)).unwrap_or_default()
    }

    /// Ends it the way a person does.
    pub(crate) fn stop(mut self) -> Result<Usage> {
        let pid = Pid::from_child(&self.child);
        let busy_kib = self.memory_kib();
        let mut peak_kib = self.peak_kib();
        kill_process(pid, Signal::INT).context("cannot interrupt it")?;
        let end = Instant::now() + PATIENCE;
        let has_ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(pid), has_ended)?.is_none() {
            if Instant::now() > end {
                bail!("it does not end on Ctrl-C");
            }
            peak_kib = peak_kib.max(self.peak_kib());
            sleep(QUIET / 100);
        }
        let cpu = process::cpu_time(self.pid())? - self.before;
        let status = self.child.wait().context("cannot wait for it")?.code();
        Ok(Usage { cpu, memory: Memory { idle_kib: self.idle_kib, busy_kib, peak_kib }, status })
    }

    fn memory_kib(&self) -> u64 {
        process::memory_kib(self.pid()).unwrap_or(0)
    }

    fn peak_kib(&self) -> u64 {
        process::status(self.pid(), "VmHWM").unwrap_or(0)
    }

    /// Waits until what `measure` gives has not changed for a while and is not below `least`.
    fn settled(&mut self, least: u64, measure: impl Fn(&Self) -> Result<u64>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let (mut last, mut since) = (measure(self)?, Instant::now());
        while last < least || since.elapsed() < QUIET {
            sleep(QUIET / 10);
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended too early ({status}): {}", self.errors().trim());
            }
            let now = measure(self)?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if Instant::now() > end {
                bail!("it is not ready after {} s", PATIENCE.as_secs());
            }
        }
        Ok(())
    }
}

fn errors_beside(output: &Path) -> PathBuf {
    output.with_extension("errors")
}
