//! Becoming root.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::Command,
};

use anyhow::{Result, bail};

use crate::command;

/// How far away root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// We are root.
    Here,
    /// sudo makes us root, perhaps after asking for a password.
    BySudo,
    /// Out of reach.
    Out,
}

/// Asks the kernel, then sudo.
pub(crate) fn root() -> Root {
    // What belongs to us in /proc belongs to our user.
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        return Root::Here;
    }
    let asks: &[&str] = if io::stdin().is_terminal() { &["--version"] } else { &["--non-interactive", "true"] };
    command::probe(Command::new("sudo").args(asks)).map_or(Root::Out, |_| Root::BySudo)
}

impl Root {
    /// `program` with as much privilege as there is.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Self::Here | Self::Out => Command::new(program),
            Self::BySudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["--preserve-env", "--"]).arg(program);
                sudo
            }
        }
    }
}

/// `program` as root, or the sentence that says why not.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    match root() {
        Root::Out => bail!("this needs root, and sudo is missing or refuses: run it again as root"),
        root => Ok(root.command(program)),
    }
}

/// Runs what was typed again as root, with a tracer that is built by now: nothing is built as root.
pub(crate) fn again_as_root(tracer: &Path) -> Result<()> {
    let mut xtask = as_root(env::current_exe()?)?;
    command::run(xtask.args(env::args_os().skip(1)).arg("--tracer").arg(tracer))
}
