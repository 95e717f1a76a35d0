//! Examples at the end of each help text.

pub(super) const TRACER: &str = "\
Examples:
  sudo tracer watch --port 443
  tracer doctor

\"tracer COMMAND --help\" describes a command.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 this machine cannot do it,
4 done but records were lost.";

pub(super) const WATCH: &str = "\
Examples:
  sudo tracer watch --port 443 --no-loopback
  sudo tracer watch --role client --state syn-sent --format json -o connects.ndjson --duration 5m";

pub(super) const DOCTOR: &str = "\
Examples:
  sudo tracer doctor
  sudo tracer doctor --format json

Exit status: 0 it can, 3 it cannot.";
