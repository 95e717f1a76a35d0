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
        &["list", "-tans"],
        &["list", "-l", "--state", "time-wait"],
        &["list", "-i", "tcp@no-such-host.invalid:80"],
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

/// Not the death of the process, whose signal says nothing.
#[test]
fn a_list_whose_file_may_not_grow_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("sockets");
    let script = "ulimit -f 0; exec \"$0\" list --watch 1 --output \"$1\"";
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_tracer")]).arg(&path).output().expect("sh");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("writing to") && said.contains("File too large"), "{said}");
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

#[test]
fn what_nobody_knows_is_wrong_usage_with_the_nearest_word() {
    for (word, meant) in
        [("tiem-wait", "did you mean TIME_WAIT?"), ("70000", "ports are numbers"), ("qqqq", "lists those")]
    {
        let (status, stdout, stderr) = run(&["explain", word]);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{word}");
        assert!(stderr.starts_with("tracer: explain ") && stderr.lines().count() == 1, "{stderr}");
        assert!(stderr.contains(meant), "{stderr}");
    }
    assert!(!run(&["explain", "\u{1b}[31m"]).2.contains('\u{1b}'));
}

#[test]
fn explanations_are_answers() {
    for args in [
        &["explain"][..],
        &["explain", "fin", "wait", "1"],
        &["explain", "443"],
        &["explain", "reset", "--format", "json"],
    ] {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!stdout.is_empty(), "{args:?}");
    }
    let coloured = |args: &[&str]| run(args).1.contains('\u{1b}');
    assert!(coloured(&["explain", "LISTEN", "--color", "always"]) && !coloured(&["explain", "LISTEN"]));
}

#[test]
fn a_reader_who_has_enough_is_no_failure() {
    for args in ["explain", "explain close", "completions bash", "man watch"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let args = args.split(' ');
        let mut tracer = std::process::Command::new(env!("CARGO_BIN_EXE_tracer"));
        let output = tracer.args(args.clone()).stdout(writer).output().expect("tracer runs");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}");
    }
}
