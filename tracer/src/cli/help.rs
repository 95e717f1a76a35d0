//! Examples at the end of each help text.

pub(super) const TRACER: &str = "\
Examples:
  sudo tracer watch --port 443
  sudo tracer summary --duration 30s
  sudo tracer latency --interval 10s
  sudo tracer record -w change.trec
  tracer watch -r change.trec --since 14:03
  sudo tracer list -tanp
  tracer explain CLOSE_WAIT
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
--by, or --group-by: port (a server: local port; a client: remote address and port), peer (remote
address), prefix (the remote address's network, /24 or /64, and the service's port), cgroup.
Percentiles are within 1.6 % of the exact ones; what the kernel measures comes in whole
microseconds. A client's time is from its SYN to the SYN-ACK, a server's from its SYN-ACK to the
ACK. Where one of them was sent more than once it is the time since the first, counted apart. A
histogram has a column for each power of two; what is unknown or nothing is \u{2013}.
Filters that ask for a process (--pid, --comm) are for \"tracer summary\".

Examples:
  sudo tracer latency
  sudo tracer latency --port 443 --role server --interval 1s
  sudo tracer latency --by prefix --no-loopback --interval 1m --format json -o latency.ndjson";

pub(super) const LIST: &str = "\
Short flags combine as in netstat and ss: -tanp, -ltnp, -tulpn, -ln4. Of -a and -l, -a wins.
SPEC: [4|6][tcp|udp][@HOST][:PORT,...]; a HOST may be a name. Without it -i is all of TCP and UDP.
--state also takes what ss calls connected, synchronized, bucket and big.
--sort: none (as the kernel has them), recv-q, send-q, state, local, remote, rtt, retransmits,
process, timer. Groups are sorted by how many sockets they have, or by recv-q or send-q.
--netns: this network namespace unless another one is named; all is every one.
RECV-Q and SEND-Q of what listens: connections that wait to be accepted, and how many may.
\u{2192} this host opened it, \u{2190} accepted it, as far as states and ports tell; \u{b7} it listens. PROCESS is - if
no process holds the socket, ? if you may not know.

Examples:
  sudo tracer list -tlnp
  sudo tracer list --state close-wait --group-by process
  sudo tracer list -i :443 --sort send-q
  sudo tracer list --port 5432 -o --watch 1
  sudo tracer list --netns all --format json | jq 'select(.recv_q > 0)'";

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

pub(super) const EXPLAIN: &str = "\
A word may have several meanings; a kind in front of it chooses: \"state close\", \"errno 104\",
\"outcome reset\", \"port 443\". Ports come with who listens now, TIME_WAIT with this host's settings.

Examples:
  tracer explain CLOSE_WAIT
  tracer explain fin wait 2
  tracer explain TCP_ABORT_ON_CLOSE
  tracer explain 443
  tracer explain handshake
  tracer explain time-wait --format json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  tracer completions bash > /etc/bash_completion.d/tracer
  tracer completions zsh > /usr/local/share/zsh/site-functions/_tracer
  tracer completions fish > ~/.config/fish/completions/tracer.fish";

pub(super) const MAN: &str = "\
Examples:
  tracer man | man -l -
  tracer man watch | man -l -
  tracer man -o /usr/local/share/man/man1";
