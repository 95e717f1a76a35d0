//! A tracer while it runs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::fdinfo;

const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing must happen before we believe that nothing more will.
const QUIET: Duration = Duration::from_millis(300);

/// Is killed if nobody stops it.
pub(crate) struct Running {
    child: Child,
    output: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts it and waits until it holds its links.
    pub(crate) fn attached(mut command: Command, output: &Path) -> Result<Self> {
        let errors = File::create(errors_beside(output)).context("cannot create a file for its errors")?;
        let child = command.stdin(Stdio::null()).stderr(errors).spawn().context("cannot start it")?;
        let mut running = Self { child, output: output.to_owned() };
        let links = running.settled(|running| fdinfo::read(running.child.id()).map(|found| found.links))?;
        if links == 0 {
            bail!("it attached nothing");
        }
        Ok(running)
    }

    /// Waits until it has written all that it saw.
    pub(crate) fn wait_until_quiet(&mut self) -> Result<()> {
        self.settled(|running| Ok(fs::metadata(&running.output)?.len())).map(drop)
    }

    /// Time its programs took in the kernel, as far as the kernel was asked to account for it.
    pub(crate) fn run_time_ns(&self) -> Result<u64> {
        Ok(fdinfo::read(self.child.id())?.run_time_ns)
    }

    /// Ends it the way a person does.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("cannot interrupt it")?;
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                bail!("it does not end on Ctrl-C");
            }
            sleep(QUIET / 10);
        }
        Ok(())
    }

    /// What `measure` gives once that has not changed for a while and is not zero any more.
    fn settled(&mut self, measure: impl Fn(&Self) -> Result<u64>) -> Result<u64> {
        let end = Instant::now() + PATIENCE;
        let (mut last, mut since) = (measure(self)?, Instant::now());
        while last == 0 || since.elapsed() < QUIET {
            sleep(QUIET / 10);
            if let Some(status) = self.child.try_wait()? {
                let errors = fs::read_to_string(errors_beside(&self.output)).unwrap_or_default();
                bail!("it ended too early ({status}): {}", errors.trim());
            }
            let now = measure(self)?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if Instant::now() > end {
                bail!("it is not ready after {} s", PATIENCE.as_secs());
            }
        }
        Ok(last)
    }
}

fn errors_beside(output: &Path) -> PathBuf {
    output.with_extension("errors")
}
