//! Every word that an output prints is known, in every spelling; and what is said can be typed.

use super::{Explanation, Host, Kind, find, vocabulary};
use crate::{
    account::Account,
    cli::parse,
    config::Config,
    doctor::{Check, Health, TRANSITIONS},
    errno,
    event::{Family, LossStage, TcpState},
    figures::{
        GroupBy, LatencyBy, SocketOrder, SocketsBy, SortBy,
        host::{Cause, Counted, Incomparable},
    },
    measure,
    namespace::{Counter, Settings},
    observation::{Direction, HandshakeMethod, Outcome, OwnerSource, Role, Side, TimeWaitEnd, UnknownLatency},
    output::EventType,
    services::{PortClass, Services},
    socket::{Protocol, TimerKind},
    source::{
        live::offsets::FEATURES,
        sockets::{Listing, Unseen},
    },
};

fn nobody() -> Result<Listing, Unseen> {
    Ok(Listing::default())
}

fn explained(text: &str) -> Result<Vec<Explanation>, super::Unknown> {
    let services = Services::parse("https 443/tcp\nhttps 443/udp\nntp 123/udp\nhttp 80/tcp www\ntime 37/tcp");
    find(text, &Host { settings: &Settings::default(), services: &services, listeners: nobody })
}

/// The kinds of what a word means.
fn kinds(text: &str) -> Vec<Kind> {
    explained(text).unwrap_or_default().iter().map(|it| it.kind).collect()
}

/// The names of an enum's values, by its own list.
macro_rules! names {
    ($($list:expr),+ $(,)?) => {
        [$($list.iter().map(|it| it.name()).collect::<Vec<_>>()),+].concat()
    };
}

fn printed() -> Vec<&'static str> {
    let mut all = names![
        TcpState::ALL,
        Outcome::ALL,
        Side::ALL,
        Direction::ALL,
        Role::ALL,
        OwnerSource::ALL,
        HandshakeMethod::ALL,
        UnknownLatency::ALL,
        TimeWaitEnd::ALL,
        TimerKind::ALL,
        LossStage::ALL,
        EventType::ALL,
        Counter::ALL,
        Counted::ALL,
        Cause::ALL,
        GroupBy::ALL,
        SortBy::ALL,
        LatencyBy::ALL,
        SocketsBy::ALL,
        SocketOrder::ALL,
        Check::ALL,
        Health::ALL,
        Family::ALL,
        Protocol::ALL,
        PortClass::ALL,
        Kind::ALL,
    ];
    all.extend(Incomparable::all().map(Incomparable::name));
    all.extend(FEATURES.iter().map(|feature| feature.name));
    all.extend(errno::all().map(|(_, name, _)| name));
    all.extend([TRANSITIONS, measure::REFUSED]);
    all.extend(Account::default().tracepoints().map(|(name, _)| name));
    all
}

#[test]
fn every_value_of_every_enum_that_is_printed_can_be_asked_for() {
    for name in printed() {
        assert!(explained(name).is_ok(), "{name}");
    }
}

#[test]
fn every_word_is_found_in_any_case_and_spelling() {
    for it in vocabulary() {
        let name = &*it.name;
        let spellings = [
            name.to_owned(),
            name.to_lowercase(),
            name.to_uppercase(),
            name.replace('_', "-"),
            name.replace(['_', '-'], " "),
            name.replace(['_', '-'], ""),
        ];
        for spelling in spellings {
            let found = explained(&spelling).unwrap_or_default();
            assert!(found.iter().any(|found| found.kind == it.kind && found.name == it.name), "{spelling}");
        }
    }
}

#[test]
fn a_word_of_one_kind_is_there_once() {
    let mut seen = std::collections::HashSet::new();
    for it in vocabulary() {
        assert!(seen.insert((it.kind, it.name.clone())), "{} {}", it.kind.name(), it.name);
    }
}

#[test]
fn what_other_tools_print_is_understood() {
    let states =
        ["estab", "syn-received", "SYN_RCVD", "fin wait 1", "FIN-WAIT-2", "unconn", "bound", "TCP_LISTEN", "UNKNOWN"];
    for word in states {
        assert_eq!(kinds(word).first(), Some(&Kind::State), "{word}");
    }
    assert_eq!(kinds("~REFUSED"), [Kind::Reason, Kind::Outcome]);
    assert_eq!(kinds("SK_RST_REASON_TCP_STATE").first(), Some(&Kind::Reason));
    assert_eq!((kinds("TcpExtListenOverflows"), kinds("TcpOutRsts")), (vec![Kind::Counter], vec![Kind::Counter]));
    assert_eq!(kinds("Connection reset by peer"), [Kind::Error]);
    assert_eq!(kinds("keepalive timeout"), [Kind::Reason, Kind::Outcome]);
    assert_eq!((kinds("three-way handshake"), kinds("RST")), (vec![Kind::Topic], vec![Kind::Topic]));
}

#[test]
fn the_likeliest_meaning_comes_first_and_a_kind_chooses_another() {
    assert_eq!(kinds("close").first(), Some(&Kind::Topic));
    assert_eq!(kinds("state close"), [Kind::State]);
    assert_eq!(kinds("time-wait").first(), Some(&Kind::State));
    assert_eq!(kinds("outcome reset"), [Kind::Outcome]);
    assert_eq!(kinds("event reset"), [Kind::Type]);
    assert_eq!(explained("errno 104").map(|found| found[0].name.clone()), Ok("ECONNRESET".into()));
    assert_eq!(kinds("errno 999"), []);
    assert_eq!(kinds("time"), [Kind::Member, Kind::Port]);
}

#[test]
fn a_change_is_two_states() {
    for change in ["SYN_SENT→ESTABLISHED", "SYN_SENT>ESTABLISHED", "syn-sent -> estab"] {
        let found = explained(change).expect("two states");
        assert_eq!(found.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["SYN_SENT", "ESTABLISHED"], "{change}");
    }
    assert_eq!((kinds("SYN_SENT→"), kinds("→"), kinds("CLOSE→https")), (vec![], vec![], vec![]));
}

#[test]
fn a_kind_by_itself_lists_its_words() {
    let [outcome] = &explained("outcome").expect("it is known")[..] else { panic!("one meaning") };
    assert!(
        outcome.short.ends_with(
            "Its words: closed, refused, reset, timeout, unreachable, address_in_use, aborted, \
         keepalive_timeout."
        ),
        "{}",
        outcome.short
    );
    assert!(!explained("errno").expect("it is known")[0].short.contains("ELIBSCN"));
    for kind in Kind::ALL {
        let found = explained(kind.name()).expect("it is known");
        let words = found[0].short.split_once("Its words: ").map(|(_, words)| words.len());
        assert!(words > Some(2), "{}: {}", kind.name(), found[0].short);
    }
}

#[test]
fn nothing_that_is_said_ends_in_two_marks() {
    let services = Services::default();
    let listeners = || Err(Unseen::Own(std::io::ErrorKind::NotFound.into()));
    let host = Host { settings: &Settings::default(), services: &services, listeners };
    for it in vocabulary().into_iter().chain(find("443", &host).expect("a port")) {
        for (_, text) in &it.more {
            let before = text.chars().rev().nth(1).expect("it is not empty");
            assert!(text.ends_with(['.', '?']) && !".?!:;".contains(before), "{}: {text}", it.name);
        }
    }
}

#[test]
fn ports_go_by_number_and_by_name() {
    let spellings =
        ["443", ":443", "443/tcp", "443/TCP", "https", "HTTPS", "port 443", "port https", "port :443", "port 443/udp"];
    for port in spellings {
        assert_eq!(explained(port).map(|found| found[0].name.clone()), Ok("443".into()), "{port}");
    }
    let [ntp] = &explained("ntp").expect("a service of UDP alone")[..] else { panic!("one meaning") };
    assert_eq!((&*ntp.name, &*ntp.short), ("123", "The port of ntp; a system port."));
    assert_eq!((kinds("0"), kinds("65536"), kinds("99999999999999999999")), (vec![], vec![], vec![]));
}

#[test]
fn the_nearest_word_is_suggested() {
    let nearest = |word| explained(word).expect_err("unknown").nearest;
    let pairs =
        [("fin wiat 2", "FIN_WAIT2"), ("econrefused", "ECONNREFUSED"), ("handshak", "handshake"), ("htps", "https")];
    for (mistyped, meant) in pairs {
        assert_eq!(nearest(mistyped).as_deref(), Some(meant), "{mistyped}");
    }
    assert_eq!(nearest("qqqq"), None);
}

#[test]
fn each_command_of_tracer_s_that_is_named_can_be_given() {
    for it in vocabulary().into_iter().chain(explained("443").expect("a port")) {
        for command in it.commands.iter().map(|command| command.trim_start_matches("sudo ")) {
            let Some(args) = command.strip_prefix("tracer ") else { continue };
            let args = args.split(" | ").next().unwrap_or(args);
            if let Some(word) = args.strip_prefix("explain ") {
                assert!(explained(word).is_ok(), "{command}");
            }
            let cli = parse(["tracer"].into_iter().chain(args.split(' ')));
            let config = cli.map(|cli| Config::new(cli, &Services::default()));
            assert!(matches!(config, Ok(Ok(_))), "{}: {command}: {config:?}", it.name);
        }
    }
}

#[test]
fn every_state_has_all_that_is_asked_at_night() {
    use super::Aspect::{Next, Normal, Plain, Rfc, Who};
    for it in vocabulary().into_iter().filter(|it| it.kind == Kind::State) {
        for aspect in [Rfc, Plain, Who, Normal, Next] {
            assert!(it.more.iter().any(|(found, _)| *found == aspect), "{}: {aspect:?}", it.name);
        }
        let tools = |tool: &str| it.commands.iter().any(|command| command.contains(tool));
        assert!(tools("ss ") && tools("tracer "), "{}", it.name);
    }
}
