//! Builds with cargo and says which programs came out.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// A program that cargo built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Name of cargo's target: `kernel_storm` for tests/kernel_storm.rs.
    pub(crate) name: String,
    /// Whether it runs tests: cargo also builds the plain programs that integration tests call.
    pub(crate) test: bool,
    /// Whether it is an integration test.
    pub(crate) integration_test: bool,
    /// The manifest of its package.
    pub(crate) manifest: PathBuf,
    /// The program.
    pub(crate) executable: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Runs `cargo` (a build of some sort); compiler messages go to stderr as always.
pub(crate) fn build(cargo: &mut Command) -> Result<Vec<Program>> {
    cargo.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = cargo.spawn().context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no stdout")?;
    let mut programs = Vec::new();
    for line in BufReader::new(stdout).lines() {
        programs.extend(program(&line?));
    }
    if !child.wait()?.success() {
        bail!("the build failed");
    }
    Ok(programs)
}

/// The program that one of cargo's messages tells of, if it does.
fn program(message: &str) -> Option<Program> {
    let message: Message = serde_json::from_str(message).ok()?;
    let target = message.target?;
    Some(Program {
        test: message.profile?.test,
        integration_test: target.kind.iter().any(|kind| kind == "test"),
        name: target.name,
        manifest: message.manifest_path?,
        executable: message.executable?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_found_among_the_messages() {
        let test = r#"{"reason":"compiler-artifact","manifest_path":"/t/Cargo.toml","executable":"/t/k-12",
            "profile":{"test":true},"target":{"kind":["test"],"name":"kernel_storm","src_path":"/t/tests/k.rs"}}"#;
        let found = program(test).expect("a program");
        assert_eq!((found.name.as_str(), found.test, found.integration_test), ("kernel_storm", true, true));
        let called_by_tests = r#"{"reason":"compiler-artifact","manifest_path":"/t/Cargo.toml","executable":"/t/tracer",
            "profile":{"test":false},"target":{"kind":["bin"],"name":"tracer"}}"#;
        assert!(program(called_by_tests).is_some_and(|found| !found.test));
        let library = r#"{"reason":"compiler-artifact","manifest_path":"/t/Cargo.toml","executable":null,
            "profile":{"test":true},"target":{"kind":["lib"],"name":"t"}}"#;
        assert_eq!(program(library), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
