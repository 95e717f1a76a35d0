//! `cargo xtask vm`: the kernel tests on other kernels, in QEMU without KVM.

mod archive;
mod guest;
mod initramfs;
mod machine;
mod matrix;
mod report;

use anyhow::{Context as _, Result, bail};

use self::{
    archive::Archive,
    initramfs::Programs,
    machine::Machine,
    report::{Outcome, Row},
};
use crate::{command, debian};

/// The emulator, the guest's shell, the archiver its file system is made with, what the tests call, and what unpacks
/// compressed modules.
const PACKAGES: [&str; 5] = ["qemu-system-x86", "busybox-static", "cpio", "iproute2", "xz-utils"];

/// Options of `vm`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Series to boot, like 6.1 or newest; all if none is given.
    series: Vec<String>,
    /// Boot each kernel once, without lockdown and with it by turns: half the time.
    #[arg(long)]
    once: bool,
    /// Only tests whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

/// Boots the kernels with and without lockdown and prints one line for each boot.
pub(crate) fn run(args: &Args) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the kernels that are booted here are x86-64, and so must this machine be");
    }
    let wanted = matrix::select(&args.series)?;
    debian::install(&PACKAGES).context("booting kernels needs these packages")?;
    let home = command::root().join("target/vm");
    let programs = Programs::build(&home, args.only.as_deref())?;
    let archive = Archive::open(home.join("apt"), matrix::SERIES.iter().map(|series| series.suite))?;
    println!("{}", report::HEADING);
    let mut failed = Vec::new();
    for (number, series) in wanted.into_iter().enumerate() {
        let kernel = match archive.kernel(series) {
            Ok(kernel) => kernel,
            Err(error) => {
                println!("| {} | – | **failed** | – | {error:#} | – | – | – |", series.name);
                failed.push(series.name.to_owned());
                continue;
            }
        };
        let initramfs = programs.for_kernel(&kernel)?;
        let boots = if args.once { vec![number % 2 == 1] } else { vec![false, true] };
        for lockdown in boots {
            let machine = Machine { kernel: &kernel, initramfs: &initramfs, lockdown };
            let (console, seconds) = machine.boot()?;
            let outcome = Outcome::of(&console, series);
            println!("{}", Row { release: &kernel.release, lockdown, outcome: &outcome, seconds });
            if outcome.stumbled() {
                eprintln!("{}", report::failures(&console));
            }
            if outcome.failed() {
                let log = home.join(format!("{}{}.log", kernel.release, if lockdown { "-lockdown" } else { "" }));
                std::fs::write(&log, &console)?;
                failed.push(log.display().to_string());
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}
