//! Examples at the end of each help text.

pub(super) const TRACER: &str = "\
Examples:
  sudo tracer watch --port 443
  sudo tracer summary --duration 30s
  sudo tracer latency --interval 10s
  sudo tracer record -w change.trec
  tracer watch -r change.trec --since 14:03
  tracer doctor

\"tracer COMMAND --help\" describes a command.
Exit status: 0 done, 1 failed, 2 wrong usage, 3 this machine cannot do it,
4 done but records were lost or damaged.";

macro_rules! when {
    () => {
        "\
WHEN: 2026-11-21T14:03:05+01:00; in local time 2026-11-21T14:03, 2026-11-21
or 14:03 (the last one in the recording); -10m, before its end. With -r, network
namespaces and interfaces go by number, cgroups by number or path."
    };
}

pub(super) const WATCH: &str = concat!(
    when!(),
    "

Examples:
  sudo tracer watch --port 443 --no-loopback
  sudo tracer watch --role client --state syn-sent --format json -o connects.ndjson --duration 5m
  tracer watch -r change.trec --since 14:03 --until 14:05 --port 443"
);

pub(super) const SUMMARY: &str = concat!(
    "\
--group-by: service (a server: local port; a client: remote address and port), peer (remote
address), process (who connected, or who listens), container (outside of containers: cgroup).
--sort: connections, failures, handshakes, p50, p90, p99, max (of handshakes), resets, retransmits,
time-wait, name.
The summary at the end is of the whole run, also with --interval. Percentiles are within 1 % of the
exact ones, maxima are exact; what is unknown or nothing is \u{2013}.
",
    when!(),
    "

Examples:
  sudo tracer summary --duration 30s --no-loopback
  sudo tracer summary --interval 10s --sort p99 --role client
  sudo tracer summary --group-by process --sort failures --format json -o figures.ndjson
  tracer summary -r change.trec --since -10m"
);

pub(super) const LATENCY: &str = "\
--by: port (a server: local port; a client: remote address and port), peer (remote address),
prefix (the remote address's network, /24 or /64, and the service's port), cgroup.
Percentiles are within 1.6 % of the exact ones; what the kernel measures comes in whole
microseconds. A client's time is from its SYN to the SYN-ACK, a server's from its SYN-ACK to the
ACK. Where one of them was sent more than once it is the time since the first, counted apart. A
histogram has a column for each power of two; what is unknown or nothing is \u{2013}.
Filters that ask for a process (--pid, --comm) are for \"tracer summary\".

Examples:
  sudo tracer latency
  sudo tracer latency --port 443 --role server --interval 1s
  sudo tracer latency --by prefix --no-loopback --interval 1m --format json -o latency.ndjson";

pub(super) const RECORD: &str = "\
In a file a recording is one segment; in a directory there are several, and
SIGHUP begins the next one. The files are yours alone (0600), and existing ones
stay as they are. Killed, it loses a second at most; --sync is for a crash of
the machine. On a full disk it ends, and says how much is missing.
--pid, --comm and --role are decided when a connection's owner or role is known:
the connections of all are recorded, and -r leaves out the others.

Examples:
  sudo tracer record -w change.trec --duration 30m --port 443
  sudo tracer record -w /var/log/tracer/ --rotate-time 1h --keep-size 2G
  tracer watch -r change.trec";

pub(super) const EXPORT: &str = concat!(
    "\
ndjson: exactly what \"tracer watch -r PATH --format json\" prints.
",
    when!(),
    "

Examples:
  tracer export -r change.trec -o change.ndjson
  tracer export -r /var/log/tracer --since 14:03 --port 443 | jq .type"
);

pub(super) const DOCTOR: &str = "\
Examples:
  sudo tracer doctor
  sudo tracer doctor --format json

Exit status: 0 it can, 3 it cannot.";
