//! The project's chores: one vocabulary for people and CI.

use std::process::ExitCode;

mod artifacts;
mod bench;
mod budget;
mod check;
mod cli;
mod command;
mod debian;
mod ebpf;
mod fuzz;
mod incident;
mod namespace;
mod prebuilt;
mod privilege;
mod run;
mod soak;
mod storm;
mod test;
mod vm;

fn main() -> ExitCode {
    cli::main()
}
