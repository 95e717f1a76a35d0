//! From the arguments to the exit status: the program's story.

use std::{ffi::OsString, fmt, io::Write as _, process::ExitCode};

use crate::{
    cli::{self, Early},
    config::{Action, Config},
    doctor::{self, PreflightError},
    explain, latency, list, packaging, record,
    services::Services,
    summary, watch,
};

/// How a run ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done = 0,
    /// Failed while running.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// This machine cannot do it; `tracer doctor` says why.
    Machine = 3,
    /// Done, but records were lost or damaged.
    Lossy = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a run did not end well.
#[derive(Debug)]
pub struct Failure {
    /// What scripts see.
    pub status: Status,
    /// What people read.
    pub error: anyhow::Error,
}

impl Failure {
    /// What was asked for is wrong.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::Usage, error: error.into() }
    }

    /// The machine cannot do it.
    pub fn machine(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::Machine, error: error.into() }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { status: Status::Failed, error: error.into() }
    }
}

/// Runs the command line `args`, the first of which is the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(early) => return answer(early),
    };
    let verbose = cli.global.verbose;
    let services = Services::load();
    let config = match Config::new(cli, &services) {
        Ok(config) => config,
        Err(error) => return complain(Status::Usage, &error),
    };
    let ended = match config.action {
        Action::Watch(watch) => watch::watch(*watch, config.speech, services),
        Action::Summary(summary) => summary::summary(*summary, config.speech, services),
        Action::Latency(latency) => latency::latency(*latency, config.speech, services),
        Action::List(list) => list::list(*list, config.speech, services),
        Action::Record(record) => record::record(*record, config.speech, services),
        Action::Explain(what) => explain::explain(what.as_deref(), config.speech, &services),
        Action::Doctor => doctor::doctor(config.speech),
        Action::Completions(shell) => packaging::completions(shell),
        Action::Manual(manual) => packaging::man(manual),
    };
    match ended {
        Ok(status) => status.into(),
        Err(failure) => complain(failure.status, &Chain { error: &failure.error, verbose }),
    }
}

fn answer(early: Early) -> ExitCode {
    match early {
        Early::Answer(text) => {
            // A closed pipe is success.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Status::Done.into()
        }
        Early::Help(text) => {
            eprint!("{text}");
            Status::Usage.into()
        }
        Early::Usage(sentence) => complain(Status::Usage, &sentence),
    }
}

fn complain(status: Status, error: &dyn fmt::Display) -> ExitCode {
    eprintln!("tracer: {error}");
    status.into()
}

/// An error and its causes on one line; a cause that its error names itself is not said twice. A verifier log has many lines:
/// only the first is shown unless asked for.
struct Chain<'a> {
    error: &'a anyhow::Error,
    verbose: bool,
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            let shown = if self.verbose { text.trim_end() } else { text.lines().next().unwrap_or("") };
            if !said.contains(shown) {
                write!(f, "{}{shown}", if said.is_empty() { "" } else { ": " })?;
                said.push_str(shown);
            }
        }
        let refusal = self.error.downcast_ref::<PreflightError>();
        if let Some(log) = refusal.and_then(|refusal| refusal.finding().log.as_ref()).filter(|_| self.verbose) {
            write!(f, "\n{}", log.trim_end())?;
        }
        Ok(())
    }
}
