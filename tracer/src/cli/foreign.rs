//! Flags that netstat, ss and lsof have and `tracer list` has not: what to do instead.

/// Spellings, and the rest of a sentence that begins with one of them.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["-s", "--summary", "--statistics"],
        "counts are \"tracer list --group-by state\", the kernel's counters \"nstat\"; lsof's -sTCP:LISTEN is --state listen.",
    ),
    (&["-K", "--kill"], "tracer changes nothing; \"ss -K\" closes sockets."),
    (
        &["-r", "--route", "--resolve", "--read"],
        "routes are \"ip route\", addresses stay numbers, and a recording is read by \"tracer watch -r\": a list is of now.",
    ),
    (&["--interfaces"], "interfaces are \"ip -s link\"; here -i is lsof's: -i :443."),
    (&["-c", "--continuous"], "netstat's -c is --watch 1 here, lsof's -c NAME is --comm NAME."),
    (&["-E", "--events"], "sockets are shown as they end by \"tracer watch --state close\"."),
    (&["-x", "--unix", "-U"], "Unix sockets are listed by \"ss -x\"; this is for TCP and UDP."),
    (
        &["-w", "--raw", "--write"],
        "raw sockets are listed by \"ss -w\"; a recording is written by \"tracer record -w\".",
    ),
    (&["-0", "--packet"], "packet sockets are listed by \"ss -0\"; this is for TCP and UDP."),
    (
        &["-S", "--sctp", "-M", "--mptcp", "-d", "--dccp", "--udplite", "--tipc", "--vsock", "--xdp"],
        "only TCP and UDP are listed here; \"ss\" lists other protocols.",
    ),
    (&["--ax25", "--ipx", "--netrom"], "only TCP and UDP are listed here; \"netstat\" lists other families."),
    (
        &["-A", "--query", "--socket", "--inet", "--inet6", "--protocol"],
        "protocols and families are -t, -u, -4 and -6 here.",
    ),
    (&["-B", "--bound-inactive"], "what is only bound is --state bound."),
    (&["-Q", "--no-queues"], "queues are always shown; leave it out."),
    (&["-m", "--memory"], "the memory of sockets is shown by \"ss -m\"; -e shows what there is here."),
    (
        &["--tos", "--inet-sockopt", "--tipcinfo", "--bpf-maps"],
        "options of sockets are shown by \"ss\"; -e shows what there is here.",
    ),
    (&["--info"], "round trips and retransmissions are shown by -e, all else by \"ss -i\"."),
    (&["--masquerade"], "translated addresses are listed by \"conntrack -L\"."),
    (
        &["--numeric-hosts", "--numeric-ports", "--numeric-users", "--symbolic"],
        "addresses and users always are numbers here, and -n makes ports numbers, too.",
    ),
    (&["-V", "--version"], "the version is \"tracer --version\"."),
    (&["-N", "--net"], "another network namespace is --netns NAME here."),
    (&["-T", "--threads"], "threads share their process's sockets; -p shows the process."),
    (&["-Z", "-z", "--context", "--contexts"], "security contexts are shown by \"ss -Z\"."),
    (&["-b", "--bpf"], "the filters of sockets are shown by \"ss -b\"."),
    (&["-D", "--diag"], "the kernel's answer is not dumped; --format json has all that is known of a socket."),
    (&["-F", "--filter", "--fib"], "filters are flags here: --port, --addr, --state and others."),
    (&["-H", "--no-header"], "-q leaves out the headings."),
    (&["-O", "--oneline"], "a socket is one line already, unless the terminal is too narrow; leave it out."),
    (&["-W", "--wide"], "addresses are never cut here; leave it out."),
    (&["-g", "--groups"], "multicast groups are \"ip maddr\"."),
    (&["-C", "--cache"], "routes are \"ip route\"."),
    (&["-R"], "parents are shown by \"ps -o ppid\"; -p shows the process."),
    (&["-k"], "kernel tables are not read by hand any more; leave it out."),
];

/// Words with which a filter of ss begins.
const EXPRESSIONS: &[(&[&str], &str)] = &[
    (&["state"], "states are --state here: --state established."),
    (&["exclude"], "states are left out by an exclamation mark here: --state !time-wait."),
    (&["dst", "dport"], "the other end is --remote and --remote-port here."),
    (&["src", "sport"], "this host's end is --local and --local-port here."),
    (&["dev"], "interfaces are --dev here."),
    (&["cgroup"], "cgroups are --cgroup here."),
    (&["(", "not", "and", "or"], "different flags must all hold here, any of a flag's values, and ! excludes."),
];

/// What to do instead of `given`, an argument of `tracer list`; `before` is the argument before it.
pub(super) fn instead(given: &str, before: Option<&str>) -> Option<String> {
    let row = FLAGS.iter().chain(EXPRESSIONS).find(|(spellings, _)| spellings.contains(&given));
    if let Some((_, instead)) = row {
        return Some(format!("{given}: {instead}"));
    }
    // The last of several short flags that are written as one.
    let flag = before.filter(|flags| flags.starts_with('-') && !flags.starts_with("--"))?.chars().last()?;
    match flag {
        'p' if given.split(',').all(|pid| pid.parse::<u32>().is_ok()) => Some(format!(
            "{given}: -p shows who holds a socket and takes no value; lsof's -p {given} is --pid {given}."
        )),
        'u' => {
            let port = given.parse::<u16>().map_or(String::new(), |port| format!("a port is --port {port}, "));
            Some(format!(
                "{given}: -u is UDP here and takes no value; {port}the number of a socket's user is shown by -e."
            ))
        }
        'o' => Some(format!("{given}: -o shows timers here, as in netstat and ss; a file is --output {given}.")),
        _ => None,
    }
}
