//! Lines as a person sees them.

use std::collections::HashSet;

use jiff::tz::{TimeZone, offset};

use super::{Form, TextOptions, TextOutput, numbers};
use crate::{
    config::Columns,
    event::TcpState::{Close, CloseWait, Established, LastAck, SynSent},
    explain::{Host, find},
    figures::{Group, LatencyGroup, SocketOrder, Sockets, SocketsBy},
    measure::grouped,
    namespace::Settings,
    observation::{Observation, Role},
    output::Screen,
    samples::{CLOCK, at, change, conclusions, holder, latency, sockets, start, story, summary, troubled},
    services::Services,
    socket::Owners,
    source::sockets::Listing,
};

fn options() -> TextOptions {
    let services = Services::parse("https 443/tcp\nhttp 80/tcp\nodd 40000/tcp\nhosts2 81/tcp\ndomain 53/udp");
    TextOptions {
        form: Form::Lines,
        zone: TimeZone::UTC,
        services: Some(services),
        color: false,
        quiet: false,
        verbose: false,
    }
}

fn print(options: TextOptions, observations: &[Observation]) -> String {
    let mut output = TextOutput::new(options);
    let mut buf = Vec::new();
    output.start(&start(), &mut buf);
    observations.iter().for_each(|observation| output.observe(observation, &mut buf));
    String::from_utf8(buf).expect("text")
}

macro_rules! snapshot {
    ($text:expr) => {
        insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!($text) })
    };
}

#[test]
fn a_story() {
    snapshot!(print(options(), &story()));
}

#[test]
fn a_story_in_numbers_with_details_and_no_frame() {
    snapshot!(print(TextOptions { services: None, quiet: true, verbose: true, ..options() }, &story()));
}

#[test]
fn a_story_in_colour() {
    snapshot!(print(TextOptions { color: true, ..options() }, &story()).replace('\u{1b}', "␛"));
}

#[test]
fn handshakes_and_ends() {
    let text = print(TextOptions { quiet: true, ..options() }, &conclusions());
    let mut usual = text.lines().filter(|line| !line.contains("retransmit"));
    assert!(usual.all(|line| line.chars().count() <= 100), "{text}");
    snapshot!(text);
}

#[test]
fn the_usual_line_fits_into_100_columns_and_the_summary_into_12_lines() {
    let text = print(options(), &story());
    let usual = text.lines().find(|line| line.contains("SYN_SENT→ESTABLISHED")).expect("the line");
    assert!(usual.chars().count() <= 100, "{usual}");
    let summary = text.lines().skip_while(|line| !line.contains("shown in")).count();
    assert!(summary <= 12, "{summary} lines");
}

#[test]
fn figures_only() {
    let summary = Observation::Summary(Box::new(summary()));
    let text = print(TextOptions { form: Form::Figures, ..options() }, std::slice::from_ref(&summary));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    snapshot!(text);
    let quiet = print(TextOptions { form: Form::Figures, quiet: true, ..options() }, &[summary]);
    assert!(text.contains(&quiet) && !quiet.contains("account"), "{quiet}");
}

#[test]
fn handshakes_that_the_kernel_added_up() {
    let mut run = latency();
    let whole = Observation::Latency(Box::new(run.clone()));
    (run.is_final, run.account) = (false, None);
    run.top = 1;
    let part = Observation::Latency(Box::new(run.clone()));
    run.groups.clear();
    let nothing = Observation::Latency(Box::new(run));
    let text = print(TextOptions { form: Form::Figures, ..options() }, &[part, nothing, whole]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    snapshot!(text);
}

#[test]
fn a_namespace_is_named_where_two_lines_would_have_the_same_name() {
    let mut run = latency();
    let network = run.groups.swap_remove(2);
    let elsewhere = match network.group {
        Group::Network { addr, port, .. } => Group::Network { addr, port, netns: 7 },
        ref other => panic!("{other:?}"),
    };
    let client = LatencyGroup { role: Role::Client, ..network.clone() };
    let mut names = |groups: &[&LatencyGroup]| {
        run.groups = groups.iter().copied().cloned().collect();
        let text =
            print(TextOptions { form: Form::Figures, ..options() }, &[Observation::Latency(Box::new(run.clone()))]);
        text.matches("netns").count()
    };
    assert_eq!(names(&[&network, &client]), 0);
    assert_eq!(names(&[&network, &client, &LatencyGroup { group: elsewhere, ..network.clone() }]), 2);
}

fn list(columns: Columns, verbose: bool, screen: Screen) -> String {
    list_of(sockets(), columns, verbose, screen)
}

fn list_of(sockets: Sockets, columns: Columns, verbose: bool, screen: Screen) -> String {
    let form = Form::Sockets { columns, again: screen.rows.is_some() };
    let mut output = TextOutput::new(TextOptions { form, verbose, ..options() });
    output.screen = screen;
    let mut buf = Vec::new();
    output.start(&start(), &mut buf);
    output.observe(&Observation::Sockets(sockets), &mut buf);
    String::from_utf8(buf).expect("text")
}

const BARE: Columns = Columns { processes: true, extended: false, timers: false, port_class: false };
const ALL: Columns = Columns { processes: true, extended: true, timers: true, port_class: true };

fn wide(columns: usize) -> Screen {
    Screen { columns: Some(columns), rows: None }
}

#[test]
fn sockets_of_a_moment() {
    let text = list(BARE, false, Screen::default());
    let usual = text.lines().filter(|line| !line.contains("2001") && !line.contains("php"));
    assert!(usual.map(|line| line.chars().count()).all(|width| width <= 100), "{text}");
    assert_eq!(text, list(BARE, false, wide(140)), "only a narrow screen breaks lines");
    snapshot!(text);
}

#[test]
fn sockets_with_all_there_is_and_in_numbers() {
    let form = Form::Sockets { columns: ALL, again: false };
    let options = TextOptions { form, verbose: true, services: None, ..options() };
    snapshot!(print(options, &[Observation::Sockets(sockets())]));
}

#[test]
fn sockets_on_narrow_screens() {
    let texts = [80, 60].map(|columns| list(BARE, false, wide(columns)));
    for (text, columns) in texts.iter().zip([80, 60]) {
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{text}");
    }
    snapshot!(texts.join("\n"));
}

#[test]
fn a_socket_of_many_processes_takes_as_many_lines_as_are_counted() {
    let mut sockets = sockets();
    let workers = (1_000..1_064).map(|pid| holder(pid, b"nginx", 6, None)).collect();
    sockets.listed[0].socket.owners = Owners::Known(workers);
    let whole = list_of(sockets.clone(), BARE, false, wide(60));
    assert!(whole.lines().all(|line| line.chars().count() <= 60), "{whole}");
    assert!(whole.contains("nginx/1000,1001,") && whole.contains(",1063\n"), "{whole}");
    let part = list_of(sockets, BARE, false, Screen { columns: Some(60), rows: Some(16) });
    assert_eq!((part.lines().count(), part.contains("and 5 more")), (14, true), "{part}");
}

#[test]
fn sockets_of_several_namespaces_say_of_which_they_are() {
    let mut sockets = sockets();
    let columns = Columns::default();
    assert!(!list_of(sockets.clone(), columns, false, Screen::default()).contains("netns="));
    sockets.listed[0].socket.netns = 7;
    let text = list_of(sockets, columns, false, Screen::default());
    let named: Vec<_> = text.lines().filter(|line| line.contains(" netns=")).collect();
    assert_eq!((named.len(), named[0].ends_with("LISTEN      netns=7")), (7, true), "{text}");
}

#[test]
fn sockets_that_take_the_place_of_others() {
    let text = list(BARE, false, Screen { columns: Some(120), rows: Some(6) });
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("\u{1b}[H\u{1b}[J2026-02-03 14:03:07 UTC, 7 sockets"), "{text}");
    assert_eq!((lines.len(), lines[lines.len() - 1]), (5, "and 5 more"), "{text}");
    let whole = list(BARE, false, Screen { columns: Some(100), rows: Some(24) });
    assert!(!whole.contains("more"), "{whole}");
}

#[test]
fn sockets_in_groups() {
    let sockets = sockets();
    let groups = SocketsBy::ALL.iter().map(|by| grouped(sockets.at, &sockets.listed, *by, SocketOrder::None));
    let form = Form::Sockets { columns: BARE, again: true };
    let observations: Vec<_> = groups.map(|groups| Observation::SocketGroups(Box::new(groups))).collect();
    let text = print(TextOptions { form, ..options() }, &observations);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    snapshot!(text);
}

#[test]
fn every_heading_can_be_explained() {
    let mut all: Vec<_> = story();
    all.extend([Observation::Summary(Box::new(summary())), Observation::Latency(Box::new(latency()))]);
    let listed = sockets();
    let groups = SocketsBy::ALL.iter().map(|by| grouped(listed.at, &listed.listed, *by, SocketOrder::None));
    all.extend(groups.map(|groups| Observation::SocketGroups(Box::new(groups))));
    all.push(Observation::Sockets(listed));
    let forms = [Form::Lines, Form::Figures, Form::Sockets { columns: ALL, again: false }];
    let text = forms.map(|form| print(TextOptions { form, ..options() }, &all)).concat();
    let is_heading = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase()) && **word == word.to_uppercase();
    let lines = text.lines().filter(|line| line.split_whitespace().take(2).filter(is_heading).count() == 2);
    let lines: Vec<_> = lines.map(|line| line.replace("HELD BY", "HELD_BY")).collect();
    assert!(lines.iter().collect::<HashSet<_>>().len() > 7, "{lines:#?}");
    let host =
        Host { settings: &Settings::default(), services: &Services::default(), listeners: || Ok(Listing::default()) };
    for word in lines.iter().flat_map(|line| line.split_whitespace()).filter(is_heading) {
        assert!(find(word, &host).is_ok(), "{word}");
    }
}

#[test]
fn midnight_gets_a_line_of_its_own() {
    let evening = 9 * 3_600_000_000_000;
    let ends = ("10.0.0.5:51324", "93.184.216.34:443");
    let changes = [change(0, ends, SynSent, Established), change(evening, ends, Established, CloseWait)];
    let late = change(evening + 3_600_000_000_000, ends, CloseWait, LastAck);
    let observations: Vec<_> = changes.into_iter().chain([late]).map(Observation::Transition).collect();
    let east = TextOptions { zone: TimeZone::fixed(offset(1)), ..options() };
    snapshot!(print(east, &observations));
}

#[test]
fn a_clean_a_broken_and_a_holed_account() {
    let mut clean = summary();
    let account = clean.account.as_mut().expect("a final one");
    account.states.first.handled += 1;
    account.states.first.reserve_failed = 0;
    account.states.first.submitted += 7;
    account.states.first.missed = 5;
    account.decoded += 7;
    account.matrix[0x12] += 1;
    assert!(account.closes());
    clean.anomalies = 0;
    let mut broken = clean.clone();
    broken.account.as_mut().expect("a final one").decoded -= 1;
    broken.evicted = 3;
    let holed = crate::figures::Summary { discontinuities: 2, ..clean.clone() };
    let all = [clean, broken, holed].map(|summary| Observation::Summary(Box::new(summary)));
    snapshot!(print(options(), &all));
}

#[test]
fn a_host_in_trouble_in_short_and_in_full() {
    let summary = crate::figures::Summary { host: troubled(), ..summary() };
    let print = |verbose| {
        let text = print(TextOptions { verbose, ..options() }, &[Observation::Summary(Box::new(summary.clone()))]);
        let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with("Ports")).map(str::to_owned).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{text}");
        lines.into_iter().take_while(|line| !line.starts_with("Account")).collect::<Vec<_>>().join("\n")
    };
    snapshot!(format!("{}\n\nWith -v:\n{}", print(false), print(true)));
}

#[test]
fn the_clock_may_step() {
    let mut output = TextOutput::new(TextOptions { quiet: true, ..options() });
    let mut buf = Vec::new();
    output.start(&start(), &mut buf);
    let stepped = crate::event::ClockPair { realtime_ns: CLOCK.realtime_ns + 2_000_000_000, ..CLOCK };
    output.observe(&Observation::Clock(stepped), &mut buf);
    let observed = change(0, ("10.0.0.5:1", "10.0.0.6:2"), Established, Close);
    output.observe(&Observation::Transition(observed), &mut buf);
    assert!(String::from_utf8_lossy(&buf).starts_with("14:03:09.123456 "));
    assert_eq!(at(0), CLOCK.monotonic);
}

#[test]
fn times_have_three_digits_that_count() {
    let cases = [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (17_000, "17.0 µs"),
        (999_400, "999 µs"),
        (999_500, "1.00 ms"),
        (9_994_999, "9.99 ms"),
        (9_995_000, "10.0 ms"),
        (99_950_000, "100 ms"),
        (12_345_678, "12.3 ms"),
        (1_234_567_890, "1.23 s"),
        (119_999_999_999, "120 s"),
        (120_000_000_000, "2m00s"),
        (11_520_000_000_000, "3h12m"),
        (356_400_000_000_000, "4d03h"),
    ];
    for (ns, text) in cases {
        assert_eq!(numbers::duration(ns), text, "{ns} ns");
    }
}

#[test]
fn long_numbers_are_grouped() {
    let grouped = [0, 999, 1_000, 1_234_567, 12_345_678].map(numbers::grouped);
    assert_eq!(grouped, ["0", "999", "1,000", "1,234,567", "12,345,678"]);
}
