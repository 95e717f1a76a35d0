//! One boot.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{archive::Kernel, guest};

/// Longest that a boot with all its tests may take.
const TIMEOUT: Duration = Duration::from_secs(1_200);
/// All that can be emulated, but for one instruction: where `cmpxchg16b` fails, the emulator (seen in QEMU 10.0) leaves
/// half of a pointer in the flags, and the kernel, whose allocator uses it, dies of a double fault.
const CPU: &str = "max,-cx16";
/// Boots at most. While a kernel patches its own code, the emulator's other CPU may still execute the breakpoint that was
/// there for a moment, which no real CPU does, and the kernel dies of it.
const ATTEMPTS: usize = 5;

/// A machine to be.
pub(crate) struct Machine<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) initramfs: &'a Path,
    /// Whether the kernel is locked down to confidentiality.
    pub(crate) lockdown: bool,
}

/// What a kernel dies of if QEMU before 8.1 translates code that the kernel is just patching (its commit deba78709a, "Always
/// lock pages before translation"): it runs into a breakpoint that is not there any more. Attaching to a tracepoint patches
/// code, and timers run all the time; so something is attached there already when the tests begin.
const PATCHED: &str = "Oops: int3";

impl Machine<'_> {
    /// Boots, waits for the end, and returns what was printed and how many seconds it took.
    pub(crate) fn boot(&self) -> Result<(String, u64)> {
        let started = Instant::now();
        let mut console = self.attempt()?;
        for _ in 1..ATTEMPTS {
            // What dies later, and not of that defect, may have died of tracer.
            let of_emulation = console.contains(PATCHED) || !console.contains(guest::DOCTOR);
            if !of_emulation || !console.contains("Kernel panic") {
                break;
            }
            eprintln!("The emulated kernel {} died; booting it again.", self.kernel.release);
            console = self.attempt()?;
        }
        Ok((console, started.elapsed().as_secs()))
    }

    fn attempt(&self) -> Result<String> {
        let mut command_line = "console=ttyS0 oops=panic panic=-1 quiet".to_owned();
        if self.lockdown {
            command_line += " lockdown=confidentiality";
        }
        let out = Command::new("timeout")
            .arg(TIMEOUT.as_secs().to_string())
            .arg("qemu-system-x86_64")
            .args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU, "-m", "1G"])
            // Two, and sockets for two more that are never filled, as in most virtual machines.
            .args(["-smp", "2,maxcpus=4"])
            .args(["-nographic", "-nodefaults", "-serial", "stdio", "-no-reboot"])
            .arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(self.initramfs)
            .args(["-append", &command_line])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start qemu-system-x86_64")?;
        // A serial line ends its lines in two characters.
        Ok(String::from_utf8_lossy(&out.stdout).replace('\r', ""))
    }
}
