//! What records the incident.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than the story takes: if this process is killed, the recorder ends all the same.
const LONGEST: &str = "150s";
/// How long it may take to write down what it saw.
const PATIENCE: Duration = Duration::from_secs(30);
/// tracer's exit status when records were lost.
const LOST: i32 = 4;

/// Killed, and what it recorded removed, unless it is stopped.
pub(crate) struct Recorder {
    child: Child,
    output: PathBuf,
    said: Option<JoinHandle<Vec<String>>>,
    complete: bool,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.complete {
            // All fail only if it is gone already.
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = fs::remove_file(&self.output);
        }
    }
}

/// How the incident is recorded.
fn recording(tracer: &Path, output: &Path, namespaces: &str) -> Command {
    let mut command = Command::new(tracer);
    command.args(["record", "-w"]).arg(output);
    command.args(["--netns", namespaces, "--duration", LONGEST]);
    command
}

impl Recorder {
    /// Starts it and waits until it says that it is attached.
    pub(crate) fn start(tracer: &Path, output: &Path, namespaces: &[u64]) -> Result<Self> {
        let namespaces: Vec<_> = namespaces.iter().map(u64::to_string).collect();
        let mut command = recording(tracer, output, &namespaces.join(","));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", tracer.display()))?;
        let stderr = child.stderr.take().context("tracer has no standard error")?;
        let mut recorder = Self { child, output: output.to_owned(), said: None, complete: false };
        recorder.said = Some(attached(stderr)?);
        Ok(recorder)
    }

    /// An error if it has ended.
    pub(crate) fn is_recording(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot wait for the recorder")? {
            Some(status) => bail!("the recorder ended before the story did ({status}):\n{}", self.said()),
            None => Ok(()),
        }
    }

    /// Stops it the way a person does. Records that were lost are an error, unless they may be missing.
    pub(crate) fn stop(mut self, may_miss: bool) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::INT).context("cannot interrupt the recorder")?;
        let status = self.wait()?;
        let said = self.said();
        match status.code() {
            Some(0) => {}
            Some(LOST) if may_miss => eprintln!("{said}"),
            Some(LOST) => bail!("the recorder missed something; stage it again, or keep it with --keep-going:\n{said}"),
            _ => bail!("the recorder failed ({status}):\n{said}"),
        }
        self.complete = true;
        Ok(())
    }

    /// What it said after the start; waits for its end.
    fn said(&mut self) -> String {
        self.said.take().and_then(|said| said.join().ok()).unwrap_or_default().join("\n")
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                bail!("the recorder does not end on Ctrl-C");
            }
            sleep(Duration::from_millis(20));
        }
    }
}

/// Reads until it is attached; a thread collects what it says after that, so that it never waits for a reader.
fn attached(stderr: ChildStderr) -> Result<JoinHandle<Vec<String>>> {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    loop {
        match lines.next().transpose().context("cannot hear from the recorder")? {
            Some(line) if line.contains("attached") => break,
            Some(line) => said.push(line),
            None => bail!("the recorder did not start:\n{}", said.join("\n")),
        }
    }
    Ok(thread::spawn(move || lines.map_while(Result::ok).collect()))
}
