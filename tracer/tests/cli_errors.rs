//! Every kind of wrong usage gets one sentence: what was given, what is wrong, what to do.

use tracer::{
    cli::{Early, parse},
    config::Config,
    services::Services,
};

const SERVICES: &str = "\
ssh    22/tcp
domain 53/udp
http   80/tcp  www
https  443/tcp # secure
";

/// The arguments are in the text already.
macro_rules! snapshot {
    ($text:expr) => {
        insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!($text) })
    };
}

fn complaint(args: &str) -> String {
    let cli = match parse(["tracer"].into_iter().chain(args.split(' '))) {
        Ok(cli) => cli,
        Err(Early::Usage(sentence)) => return sentence,
        Err(other) => panic!("{args}: {other:?}"),
    };
    match Config::new(cli, &Services::parse(SERVICES)) {
        Err(error) => error.to_string(),
        Ok(config) => panic!("{args}: accepted as {config:?}"),
    }
}

fn complaints(lines: &[&str]) -> String {
    lines.iter().map(|args| format!("{args}\n    {}\n", complaint(args))).collect()
}

#[test]
fn ports() {
    snapshot!(complaints(&[
        "watch --port 0",
        "watch --port 65536",
        "watch --port 443,70000",
        "watch --port 8100-8000",
        "watch --port 8000-",
        "watch --port -5",
        "watch --port 80-0",
        "watch --local-port !htps",
        "watch --remote-port zzz",
        "watch --port domain",
        "watch --port 22,,80",
        "watch --port !",
        "watch --port +5",
    ]));
}

#[test]
fn addresses() {
    snapshot!(complaints(&[
        "watch --addr 10.0.0",
        "watch --addr 10.0.0.0/33",
        "watch --addr 10.0.0.0/x",
        "watch --addr 10.0.0.1/8",
        "watch --local 2001:db8::1/32",
        "watch --remote 2001:db8::/129",
        "watch --addr ::ffff:10.0.0.1/104",
        "watch --addr example.org",
        "watch -6 --addr 10.0.0.0/8",
        "watch -4 --remote 2001:db8::/32",
        "watch -6 --addr ::ffff:10.0.0.1",
        "watch -4 -6",
    ]));
}

#[test]
fn processes_states_and_roles() {
    snapshot!(complaints(&[
        "watch --pid nginx",
        "watch --pid 0",
        "watch --pid 99999999999",
        "watch --role servr",
        "watch --state syn-snt",
        "watch --state foo",
        "watch --state time-wait",
    ]));
}

#[test]
fn names_of_this_host() {
    snapshot!(complaints(&[
        "watch --netns no-such-netns-here",
        "watch --netns 12345",
        "watch --netns pid:nginx",
        "watch --netns pid:4194305",
        "watch --netns /proc/self/ns/mnt",
        "watch --netns /etc/passwd",
        "watch --netns ./nowhere",
        "watch --dev no-such-dev",
        "watch --dev !loo",
    ]));
}

#[test]
fn amounts() {
    snapshot!(complaints(&[
        "watch -c 0",
        "watch --count many",
        "watch --duration soon",
        "watch --duration 0s",
        "watch --duration -5s",
        "watch --duration=-5s",
        "watch --ring-size 1",
        "watch --ring-size 99T",
        "watch --table-size 0",
    ]));
}

#[test]
fn recordings() {
    snapshot!(complaints(&[
        "watch --since 14:03",
        "summary --until -5m",
        "watch --follow",
        "watch -r",
        "watch -r a --since",
        "watch -r a --since 10m",
        "watch -r a --since yesterday",
        "watch -r a --since --until",
        "watch -r a --since=2026-11-31",
        "watch -r a --since 2026-11-21T14:05 --until 2026-11-21T14:03",
        "watch -r a --since -1m --until -10m",
        "watch -r a -w b",
        "watch -r a --duration 5s",
        "watch -r a --ring-size 4M",
        "summary -r a --time-wait on",
        "watch -r a --kernel-log info",
        "watch -r a --user nobody",
        "watch -r a --no-sandbox",
        "watch -r a --netns web",
        "watch -r a --netns self",
        "watch -r a --dev eth0",
        "watch -w -",
    ]));
}

#[test]
fn recording() {
    snapshot!(complaints(&[
        "record",
        "record -w",
        "record -w - --port 443",
        "record -w a -r b",
        "record -w a -o b",
        "record -w no-such-directory --rotate-size 1M",
        "record -w no-such-directory --keep-time 1h",
        "record -w . --rotate-size 1",
        "record -w . --keep-size lots",
        "record -w . --keep-size 1M",
        "record -w . --rotate-time 1ms",
        "record -w . --sync always",
        "record -w a -c 0",
        "watch -w . --keep-size 1G",
        "export",
        "export -r a --to parquet",
        "export -r a --format json",
        "export -r a --follow",
        "export -r a --dev eth0",
    ]));
}

#[test]
fn figures() {
    snapshot!(complaints(&[
        "summary --group-by servce",
        "summary --group-by color",
        "summary --sort conections",
        "summary --sort p98",
        "summary --sort frobnicate",
        "summary --top 0",
        "summary --top all",
        "summary --interval 1ms",
        "summary --interval often",
        "summary --state close",
        "summary -c 5",
        "sumary",
        "summary --port 0",
    ]));
}

#[test]
fn latency() {
    snapshot!(complaints(&[
        "latency --by peers",
        "latency --by process",
        "latency --interval 1ms",
        "latency --interval 2h",
        "latency -c 0",
        "latency --top 0",
        "latency --max-groups 0",
        "latency --max-groups 1000000",
        "latency --pid 1",
        "latency --port 443 --comm nginx",
        "latency --role !client,!server",
        "latency --state close",
        "latency -r a",
        "latency -w a",
    ]));
}

#[test]
fn packaging() {
    snapshot!(complaints(&[
        "completions",
        "completions tcsh",
        "completions bash zsh",
        "completions bash --format json",
        "man wacth",
        "man frobnicate",
        "man -o /no/such/directory",
        "man --format text",
        "explain --port 443",
        "explain close --format xml",
    ]));
}

#[test]
fn lists() {
    snapshot!(complaints(&[
        "list --state foo",
        "list --state estb",
        "list --state !",
        "list -l --state time-wait",
        "list -u --state syn-sent",
        "list --sort recvq",
        "list --sort colour",
        "list --group-by proces",
        "list --group-by state --sort rtt",
        "list --group-by state --format csv",
        "list --watch never",
        "list --watch 0.01",
        "list --duration 5s",
        "list -i frob",
        "list -i :zzz",
        "list -i :80-70",
        "list -i @",
        "list -i tcp@no-such-host.invalid:80",
        "list -i tcp@[::1",
        "list -f unix",
        "list -f !inet",
        "list -6 --remote 10.0.0.0/8",
        "list --remote no-such-host.invalid",
        "list --netns all,!no-such-netns-here",
        "list --port htps",
        "list --format xml",
        "list -o timers.txt",
    ]));
}

#[test]
fn flags_of_netstat_ss_and_lsof_that_a_list_has_not() {
    snapshot!(complaints(&[
        "list -s",
        "list -tans",
        "list -sTCP:LISTEN",
        "list --statistics",
        "list -K dst 10.0.0.1",
        "list -r",
        "list -rn",
        "list -c",
        "list -c nginx",
        "list -p 4121",
        "list -tanp 4121",
        "list -i -u www-data",
        "list -tu 443",
        "list -p 1,2",
        "list -p1234",
        "list -tin",
        "list -ti @127.0.0.0/8",
        "list -B",
        "list -tanQ",
        "list --protocol inet",
        "list -t --numeric-ports",
        "list --ipx",
        "list --tos",
        "list -V",
        "list -x",
        "list -lnx",
        "list -w",
        "list -A tcp",
        "list -ti -m",
        "list --info",
        "list -H",
        "list -E",
        "list -tan state established",
        "list -tan dst 10.0.0.1",
        "list -tan sport = :443",
        "list 443",
        "--quiet list -s",
        "watch -s",
    ]));
}

#[test]
fn arguments() {
    snapshot!(complaints(&[
        "wacth",
        "frobnicate",
        "watch --prot 443",
        "watch --frobnicate",
        "watch -x",
        "watch 443",
        "watch --port",
        "watch --format xml",
        "watch --format",
        "watch --color=sometimes",
        "watch --kernel-log loud",
        "watch --no-loopback=yes",
        "watch --quiet --quiet",
        "watch --format json --format text",
        "watch -c 1 -c 2",
        "-q",
        "doctor --port 443",
    ]));
}

#[test]
fn too_many_values_for_the_kernel() {
    let numbers: Vec<_> = (4_026_531_840_u32..).take(17).map(|number| number.to_string()).collect();
    snapshot!(complaint(&format!("watch --netns {}", numbers.join(","))));
}

#[test]
fn what_is_echoed_cannot_control_the_terminal() {
    assert!(!complaint("watch --port \u{1b}[31mred").contains('\u{1b}'));
    assert!(!complaint("watch --frob\u{1b}[31m").contains('\u{1b}'));
    assert!(!complaint("\u{1b}[31m").contains('\u{1b}'));
    assert!(!complaint("watch --format \u{1b}[31m").contains('\u{1b}'));
    assert!(!complaint("watch --netns \u{1b}[31m").contains('\u{1b}'));
}
