//! Examples at the end of each help text.

pub(super) const TRACER: &str = "\
Examples:
  sudo tracer watch --port 443
  sudo tracer summary --duration 30s
  tracer doctor

\"tracer COMMAND --help\" describes a command.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 this machine cannot do it,
4 done but records were lost.";

pub(super) const WATCH: &str = "\
Examples:
  sudo tracer watch --port 443 --no-loopback
  sudo tracer watch --role client --state syn-sent --format json -o connects.ndjson --duration 5m";

pub(super) const SUMMARY: &str = "\
--group-by: service (a server: local port; a client: remote address and port), peer (remote
address), process (who connected, or who listens), container (outside of containers: cgroup).
--sort: connections, failures, handshakes, p50, p90, p99, max (of handshakes), resets, retransmits,
time-wait, name.
The summary at the end is of the whole run, also with --interval. Percentiles are within 1 % of the
exact ones, maxima are exact; what is unknown or nothing is \u{2013}.

Examples:
  sudo tracer summary --duration 30s --no-loopback
  sudo tracer summary --interval 10s --sort p99 --role client
  sudo tracer summary --group-by process --sort failures --format json -o figures.ndjson";

pub(super) const DOCTOR: &str = "\
Examples:
  sudo tracer doctor
  sudo tracer doctor --format json

Exit status: 0 it can, 3 it cannot.";
