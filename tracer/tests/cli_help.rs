//! What `--help` prints, and what bare `tracer` does. Snapshots: reading the diff is the review.

use tracer::cli::{Early, parse};

const COMMANDS: [&[&str]; 11] = [
    &[],
    &["watch"],
    &["summary"],
    &["latency"],
    &["list"],
    &["record"],
    &["export"],
    &["doctor"],
    &["explain"],
    &["completions"],
    &["man"],
];

fn answer(args: &[&str]) -> String {
    match parse(["tracer"].iter().chain(args)) {
        Err(Early::Answer(text)) => text,
        other => panic!("{args:?}: {other:?}"),
    }
}

#[test]
fn tracer_help() {
    insta::assert_snapshot!(answer(&["--help"]));
}

#[test]
fn watch_help() {
    insta::assert_snapshot!(answer(&["watch", "--help"]));
}

#[test]
fn summary_help() {
    insta::assert_snapshot!(answer(&["summary", "--help"]));
}

#[test]
fn latency_help() {
    insta::assert_snapshot!(answer(&["latency", "--help"]));
}

#[test]
fn list_help() {
    insta::assert_snapshot!(answer(&["list", "--help"]));
}

#[test]
fn record_help() {
    insta::assert_snapshot!(answer(&["record", "--help"]));
}

#[test]
fn export_help() {
    insta::assert_snapshot!(answer(&["export", "--help"]));
}

#[test]
fn explain_help() {
    insta::assert_snapshot!(answer(&["explain", "--help"]));
}

#[test]
fn completions_help() {
    insta::assert_snapshot!(answer(&["completions", "--help"]));
}

#[test]
fn man_help() {
    insta::assert_snapshot!(answer(&["man", "--help"]));
}

#[test]
fn doctor_help() {
    insta::assert_snapshot!(answer(&["doctor", "--help"]));
}

#[test]
fn the_short_flag_prints_the_same_help() {
    for command in COMMANDS {
        let with = |flag| answer(&[command, &[flag]].concat());
        assert_eq!(with("-h"), with("--help"));
    }
}

#[test]
fn help_fits_into_100_columns() {
    for command in COMMANDS {
        for line in answer(&[command, &["--help"]].concat()).lines() {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        }
    }
}

#[test]
fn nothing_asked_prints_the_help() {
    assert!(matches!(parse(["tracer"]), Err(Early::Help(text)) if text == answer(&["--help"])));
}

#[test]
fn the_version_is_the_package_s() {
    assert_eq!(answer(&["--version"]), format!("tracer {}\n", env!("CARGO_PKG_VERSION")));
}
