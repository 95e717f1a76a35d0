//! Somebody who is measured: how to start it, and one sample of it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{
    Plan,
    figures::Sample,
    kernel_stats::KernelStats,
    load,
    row::{FILE, Row, Who},
    running::Running,
    tells::{self, Seen},
};
use crate::{
    command::probe,
    namespace::Namespace,
    storm::{Load, Storm},
};

/// A row, and the program that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) row: &'static Row,
    /// tracer, or a peer's.
    program: PathBuf,
    /// Measured beside the one in question.
    pub(crate) is_old: bool,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.row.key, if self.is_old { "@old" } else { "" })
    }
}

impl Contender {
    /// The sentence says why it cannot be measured here.
    pub(crate) fn find(row: &'static Row, tracer: &Path, is_old: bool) -> Result<Self> {
        let program = match &row.who {
            Who::Nobody => PathBuf::new(),
            Who::Empty | Who::EmptyAsTracer => std::env::current_exe()?,
            Who::Tracer(args, _) => {
                let command = args.first().copied().unwrap_or_default();
                let known = probe(Command::new(tracer).args([command, "--help"]));
                known.with_context(|| format!("{} knows no command {command}", tracer.display()))?;
                tracer.to_owned()
            }
            Who::Peer(name, ..) => installed(name)?,
        };
        Ok(Self { row, program, is_old })
    }

    /// Watches one storm. With statistics the kernel says how long programs ran, which takes time itself.
    pub(crate) fn sample(&self, plan: &Plan, load: Load, with_stats: bool) -> Result<Sample> {
        let file = plan.directory.join("output");
        let stats = with_stats.then(KernelStats::on).transpose()?;
        let namespace = load::namespace()?;
        let running = self.start(&plan.tracepoints, &file).transpose();
        let sample = running.and_then(|running| self.watch(running, plan, load, &namespace, &file));
        drop(stats);
        namespace.remove();
        sample
    }

    /// Starts it, if there is something to start; it writes to `file`, new.
    pub(crate) fn start(&self, tracepoints: &[String], file: &Path) -> Option<Result<Running>> {
        let command = self.command(tracepoints, file)?;
        // Else the next one finds what the last one wrote.
        let _ = fs::remove_file(file);
        // Unless it writes the file by name.
        let is_named = command.get_args().any(|arg| arg == file);
        let printed = if is_named { file.with_extension("printed") } else { file.to_owned() };
        Some(Running::attached(&command, &printed))
    }

    /// What it says it saw.
    pub(crate) fn seen(&self, file: &Path, errors: &str) -> Result<Option<Seen>> {
        self.row.tells().map(|tells| tells::seen(tells, &self.program, file, errors)).transpose()
    }

    /// How many there were of what it sees.
    pub(crate) fn made(&self, storm: &Storm) -> u64 {
        self.row.tells().map_or(0, |tells| tells::made(tells, storm))
    }

    fn watch(
        &self,
        running: Option<Running>,
        plan: &Plan,
        load: Load,
        namespace: &Namespace,
        file: &Path,
    ) -> Result<Sample> {
        let storm = load::storm(namespace, &plan.storm(load), plan.limit(), || Ok(()))?;
        let Some(mut running) = running else {
            return Ok(Sample { storm, programs: Vec::new(), cpu: None, memory: None, seen: None });
        };
        // tracer reads the rest when it is told to end; others may leave it.
        if let Who::Peer(..) = self.row.who {
            running.wait_until_quiet()?;
        }
        let programs = running.held()?.programs.into_values().collect();
        let errors = running.errors();
        let usage = running.stop()?;
        let seen = self.seen(file, &errors)?;
        Ok(Sample { storm, programs, cpu: Some(usage.cpu), memory: Some(usage.memory), seen })
    }

    fn command(&self, tracepoints: &[String], file: &Path) -> Option<Command> {
        let mut command = Command::new(&self.program);
        match &self.row.who {
            Who::Nobody => return None,
            Who::Empty => drop(command.args(["hold-empty", "inet_sock_set_state"])),
            Who::EmptyAsTracer => drop(command.arg("hold-empty").args(tracepoints)),
            Who::Tracer(args, _) => {
                for arg in *args {
                    if *arg == FILE {
                        command.arg(file)
                    } else {
                        command.arg(arg)
                    };
                }
            }
            Who::Peer(_, args, _) => {
                // It needs tracefs, which not every machine mounts: this mount goes away with it.
                command = Command::new("unshare");
                let script = "test -e $0/events || mount -t tracefs tracefs $0; exec \"$@\"";
                command.args(["--mount", "sh", "-c", script, "/sys/kernel/tracing"]).arg(&self.program).args(*args);
            }
        }
        Some(command)
    }
}

/// Where Debian puts it, which changed.
fn installed(name: &str) -> Result<PathBuf> {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(|place| Path::new(place).join(name));
    match places.into_iter().find(|path| path.exists()) {
        Some(path) => Ok(path),
        None => bail!("{name} is not installed"),
    }
}
