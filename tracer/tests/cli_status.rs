//! What scripts see of the command line: exit status, and which stream says what.

use assert_cmd::Command;

/// Runs the command and returns its exit status, standard output and standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tracer")).args(args).output().expect("tracer runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_and_version_are_answers() {
    for args in [&["--help"][..], &["-h"], &["watch", "--help"], &["help", "doctor"], &["--version"]] {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn nothing_asked_is_wrong_usage() {
    let (status, stdout, stderr) = run(&[]);
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("Usage: tracer"));
}

#[test]
fn wrong_usage_is_one_line_on_standard_error_and_nothing_else() {
    let wrong = [
        &["watch", "--port", "0"][..],
        &["watch", "--addr", "10.0.0.1/8"],
        &["watch", "-6", "--addr", "10.0.0.0/8"],
        &["watch", "-4", "-6"],
        &["watch", "--frobnicate"],
        &["frobnicate"],
        &["watch", "-r", "a", "-w", "b"],
        &["record"],
        &["export", "-r", "a", "--since", "then"],
    ];
    for args in wrong {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(stderr.starts_with("tracer: ") && stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
}

#[test]
fn wrong_usage_leaves_no_file_behind() {
    let path = std::env::temp_dir().join(format!("tracer-cli-status-{}", std::process::id()));
    let (status, ..) = run(&["watch", "--port", "0", "-o", &path.to_string_lossy()]);
    assert_eq!((status, path.exists()), (Some(2), false));
}

#[test]
fn what_is_not_there_cannot_be_read() {
    for command in ["watch", "summary", "export"] {
        let (status, stdout, stderr) = run(&[command, "-r", "/no/such/recording"]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{command}");
        assert!(
            stderr.starts_with("tracer: cannot read /no/such/recording: ") && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}
