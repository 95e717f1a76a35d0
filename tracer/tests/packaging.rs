//! Completions and manual pages are made from the definitions of the command line when they are asked for: whatever is
//! defined is in them, and shells and man read them.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use clap::{Arg, CommandFactory as _};
use tracer::cli::Cli;

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// What the command prints.
fn print(args: &[&str]) -> String {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_tracer")).args(args).output().expect("tracer runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a program that reads it has to say against a text; `None`: it is not installed here.
fn judged(program: &str, args: &[&str], text: &str) -> Option<String> {
    let pipes =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = pipes.ok()?;
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { said } else { format!("{}: {said}", output.status) })
}

/// Each command with the long names of its flags.
fn defined() -> Vec<(String, Vec<String>)> {
    let mut tracer = Cli::command();
    tracer.build();
    let long = |arg: &Arg| arg.get_long().filter(|_| !arg.is_hide_set()).map(ToOwned::to_owned);
    let commands = tracer.get_subcommands().filter(|command| command.get_name() != "help");
    commands
        .map(|command| (command.get_name().to_owned(), command.get_arguments().filter_map(long).collect()))
        .collect()
}

#[test]
fn every_command_and_flag_is_completed_in_every_shell() {
    for shell in SHELLS {
        let script = print(&["completions", shell]);
        for (command, flags) in defined() {
            assert!(script.contains(&command), "{shell}: {command}");
            for flag in flags {
                let given = if shell == "fish" { format!("-l {flag}") } else { format!("--{flag}") };
                assert!(script.contains(&given), "{shell}: {command} --{flag}");
            }
        }
    }
}

#[test]
fn words_are_completed_where_words_are_taken() {
    for shell in SHELLS {
        let script = print(&["completions", shell]);
        for word in ["CLOSE_WAIT", "TCP_ABORT_ON_CLOSE", "handshake", "retransmits", "container", "prefix", "listener"]
        {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn shells_read_the_scripts() {
    for shell in SHELLS {
        if let Some(complaint) = judged(shell, &["-n"], &print(&["completions", shell])) {
            assert_eq!(complaint, "", "{shell}");
        }
    }
}

#[test]
fn bash_completes_a_reason() {
    let script = print(&["completions", "bash"]);
    let asked = "COMP_WORDS=(tracer explain TCP_ABORT_ON_C); COMP_CWORD=2; _tracer tracer TCP_ABORT_ON_C explain; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", &format!("{script}\n{asked}")]).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "TCP_ABORT_ON_CLOSE", "{output:?}");
}

#[test]
fn bash_completes_the_command_of_a_page() {
    let script = print(&["completions", "bash"]);
    let asked = "COMP_WORDS=(tracer man w); COMP_CWORD=2; _tracer tracer w man; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", &format!("{script}\n{asked}")]).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "watch", "{output:?}");
}

#[test]
fn a_page_says_what_it_is_of_and_how_its_command_is_used() {
    for (command, _) in defined() {
        let page = print(&["man", &command]);
        let title = concat!(" 1 \"\" \"tracer ", env!("CARGO_PKG_VERSION"), "\" tracer\n");
        assert!(page.contains(&format!(".TH tracer-{command}{title}")), "{command}");
        // Headings are printed in capitals, so -p would become -P.
        assert!(page.lines().filter(|line| line.starts_with(".SH")).all(|line| !line.contains("\\-")), "{command}");
    }
    assert!(print(&["man", "explain"]).contains("[WHAT]..."));
}

#[test]
fn every_command_has_a_page_with_every_flag() {
    let directory = tempfile::tempdir().expect("a directory");
    print(&["man", "-o", &directory.path().to_string_lossy()]);
    for (command, flags) in defined() {
        let page = std::fs::read_to_string(directory.path().join(format!("tracer-{command}.1"))).expect("a page");
        assert_eq!(page, print(&["man", &command]), "{command}");
        for flag in flags {
            let escaped = flag.replace('-', "\\-");
            assert!(page.contains(&format!("\\-\\-{escaped}")), "{command} --{flag}");
        }
        assert!(page.contains("Examples:"), "{command}");
    }
    let tracer = std::fs::read_to_string(directory.path().join("tracer.1")).expect("a page");
    defined().iter().for_each(|(command, _)| assert!(tracer.contains(&format!("tracer\\-{command}")), "{command}"));
}

#[test]
fn man_reads_the_pages() {
    for (command, _) in defined() {
        let page = print(&["man", &command]);
        if let Some(complaint) = judged("groff", &["-man", "-ww", "-Tutf8", "-K", "utf8", "-z"], &page) {
            assert_eq!(complaint, "", "{command}");
        }
        if let Some(complaint) = judged("mandoc", &["-T", "lint", "-W", "error"], &page) {
            assert_eq!(complaint, "", "{command}");
        }
    }
}
