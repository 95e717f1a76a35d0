//! Who is measured: one line each.

/// Somebody who watches, or nobody.
#[derive(Debug)]
pub(crate) struct Row {
    /// What `--rows` calls it.
    pub(crate) key: &'static str,
    /// What the page calls it.
    pub(crate) title: &'static str,
    /// Who it is.
    pub(crate) who: Who,
    /// Whether it is also measured where connections stay.
    pub(crate) exchanges: bool,
}

/// What is started.
#[derive(Debug)]
pub(crate) enum Who {
    /// Nothing.
    Nobody,
    /// A program that does nothing, on the tracepoint of state changes.
    Empty,
    /// A program that does nothing for each of tracer's, on the same tracepoints.
    EmptyAsTracer,
    /// tracer, with these arguments.
    Tracer(&'static [&'static str], Tells),
    /// Somebody else's, with these arguments.
    Peer(&'static str, &'static [&'static str], Tells),
}

/// From what it is known how much somebody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tells {
    /// The transitions in the JSON summary at the end.
    Shown,
    /// Its account of what the programs saw: nothing of it is shown.
    Handled,
    /// The account of handshakes in the JSON at the end.
    Handshakes,
    /// The figures at the end of the text.
    Text,
    /// A replay of the recording.
    Recording,
    /// Lines that begin with this regular expression.
    Lines(&'static str),
    /// The counts in bpftrace's map.
    Map,
}

impl Row {
    /// From what it is known how much it saw, if it sees anything.
    pub(crate) fn tells(&self) -> Option<Tells> {
        match self.who {
            Who::Nobody | Who::Empty | Who::EmptyAsTracer => None,
            Who::Tracer(_, tells) | Who::Peer(_, _, tells) => Some(tells),
        }
    }
}

/// Where the output file's name goes in the arguments; otherwise it gets what is printed.
pub(crate) const FILE: &str = "FILE";
/// The row that the others are compared with.
pub(crate) const NONE: &str = "none";
/// The row that says what running nothing costs.
pub(crate) const EMPTY_ALL: &str = "empty-all";

const PRINT: &str = r#"tracepoint:sock:inet_sock_set_state { printf("%llu %d %s %d %d %s %d %s %d\n", nsecs, pid, comm,
    args->oldstate, args->newstate, ntop(args->saddr), args->sport, ntop(args->daddr), args->dport); }"#;
const COUNT: &str = "tracepoint:sock:inet_sock_set_state { @[args->oldstate, args->newstate] = count(); }";

/// In the order of the page.
pub(crate) const ROWS: [Row; 13] = [
    Row { key: NONE, title: "nobody", who: Who::Nobody, exchanges: true },
    Row { key: "empty", title: "an empty program on `inet_sock_set_state`", who: Who::Empty, exchanges: false },
    Row { key: EMPTY_ALL, title: "an empty program for each of tracer's", who: Who::EmptyAsTracer, exchanges: true },
    Row {
        key: "latency",
        title: "`tracer latency`",
        who: Who::Tracer(&["latency", "--format", "json"], Tells::Handshakes),
        exchanges: true,
    },
    Row {
        key: "filtered",
        title: "`tracer watch --port` of an unused port",
        who: Who::Tracer(&["watch", "--port", "1", "--format", "json"], Tells::Handled),
        exchanges: false,
    },
    Row {
        key: "summary",
        title: "`tracer summary`",
        who: Who::Tracer(&["summary", "--format", "json"], Tells::Shown),
        exchanges: true,
    },
    Row {
        key: "summary-without-time-wait",
        title: "`tracer summary --time-wait=off`",
        who: Who::Tracer(&["summary", "--time-wait=off", "--format", "json"], Tells::Shown),
        exchanges: true,
    },
    Row {
        key: "record",
        title: "`tracer record`",
        who: Who::Tracer(&["record", "-w", FILE], Tells::Recording),
        exchanges: true,
    },
    Row {
        key: "watch-json",
        title: "`tracer watch`, JSON to a file",
        who: Who::Tracer(&["watch", "--format", "json"], Tells::Shown),
        exchanges: true,
    },
    Row {
        key: "watch-text",
        title: "`tracer watch`, text to a file",
        who: Who::Tracer(&["watch"], Tells::Text),
        exchanges: false,
    },
    Row {
        key: "tcpstates",
        title: "`tcpstates` to a file",
        who: Who::Peer("tcpstates", &[], Tells::Lines("^[0-9a-f]{8}")),
        exchanges: false,
    },
    Row {
        key: "bpftrace-print",
        title: "`bpftrace` that prints each to a file",
        who: Who::Peer("bpftrace", &["-e", PRINT], Tells::Lines("^[0-9]+ ")),
        exchanges: false,
    },
    Row {
        key: "bpftrace-count",
        title: "`bpftrace` that counts in a map",
        who: Who::Peer("bpftrace", &["-e", COUNT], Tells::Map),
        exchanges: false,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own() {
        let keys: HashSet<_> = ROWS.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), ROWS.len());
        assert!(keys.contains(NONE) && keys.contains(EMPTY_ALL));
    }
}
