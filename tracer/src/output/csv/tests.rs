//! The table: read back, and compared with JSON.

use std::collections::{BTreeMap, BTreeSet};

use csv::ReaderBuilder;
use proptest::prelude::*;
use serde_json::Value;

use super::CsvOutput;
use crate::{
    event::{
        ResetKind,
        TcpState::{CloseWait, Established, SynSent},
    },
    observation::{Observation, ObservedReset, OwnerSource},
    output::{JsonOutput, Output, names::NAMES},
    samples::{change, conclusions, owner, process, sockets, start, story},
    services::Services,
};

/// Cells by the names of their columns.
type Row = BTreeMap<String, String>;

const ENDS: (&str, &str) = ("10.0.0.5:51324", "93.184.216.34:443");

fn print(mut output: Output, observations: &[Observation]) -> String {
    let mut buf = Vec::new();
    output.start(&start(), &mut buf);
    observations.iter().for_each(|observation| output.observe(observation, &mut buf));
    String::from_utf8(buf).expect("UTF-8")
}

/// The rows below the header, as many cells in each.
fn read(text: &str) -> Vec<Row> {
    ReaderBuilder::new().from_reader(text.as_bytes()).deserialize().map(|row| row.expect("a row")).collect()
}

fn rows(observations: &[Observation]) -> Vec<Row> {
    read(&print(Output::Csv(Box::new(CsvOutput::new(services()))), observations))
}

fn services() -> Option<Services> {
    Some(Services::parse("https 443/tcp\ndomain 53/udp"))
}

/// The objects that are events.
fn objects(observations: &[Observation]) -> Vec<Value> {
    let text = print(Output::Json(Box::new(JsonOutput::new(services()))), observations);
    let objects = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    objects.filter(|object| object["type"] != "start" && object["type"] != "summary").collect()
}

/// All samples, and what they lack: a container, a name of each kind, something inferred, something deferred.
fn samples() -> Vec<Observation> {
    let path = format!("/system.slice/docker-{}.scope", "0f".repeat(32)).into();
    let mut inferred = change(80_000_000, ENDS, Established, CloseWait);
    inferred.inferred = true;
    inferred.transition.cgroup_id = Some(78);
    let mut conclusions = conclusions();
    for observation in &mut conclusions {
        match observation {
            Observation::Handshake(handshake) => handshake.deferred_accept = Some(true),
            Observation::Connection(connection) => connection.observed.known.past.inferred = true,
            _ => {}
        }
    }
    let lacking = [Observation::Cgroup { id: 78, path }, Observation::Transition(inferred)];
    story().into_iter().chain(lacking).chain(conclusions).chain([Observation::Sockets(sockets())]).collect()
}

/// A JSON value as a cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\u{1b}', "\\u{1b}"),
        Value::Object(owner) => format!("{}/{}:{}", cell(&owner["comm"]), owner["pid"], owner["fd"]),
        Value::Array(nobody) if nobody.is_empty() => "-".to_owned(),
        Value::Array(words) => words.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[test]
fn every_member_of_every_sample_is_what_it_is_in_json() {
    let (rows, objects) = (rows(&samples()), objects(&samples()));
    assert_eq!(rows.len(), objects.len());
    for (row, object) in rows.iter().zip(objects) {
        let members = object.as_object().expect("an object");
        let of_json: Row = members.iter().map(|(name, value)| (name.clone(), cell(value))).collect();
        let mut of_csv = row.clone();
        of_csv.retain(|name, cell| !cell.is_empty() || of_json.contains_key(name));
        assert_eq!(of_csv, of_json);
    }
}

#[test]
fn every_column_is_of_some_use() {
    let used: BTreeSet<_> =
        rows(&samples()).into_iter().flatten().filter(|(_, cell)| !cell.is_empty()).map(|(name, _)| name).collect();
    assert_eq!(used, NAMES.map(str::to_owned).into());
}

#[test]
fn the_header_comes_first_and_lines_end_as_rfc_4180_says() {
    let text = print(Output::Csv(Box::default()), &samples());
    assert_eq!(text.split("\r\n").next(), Some(&*NAMES.join(",")));
    assert!(text.ends_with("\r\n"));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(text.matches('\n').count(), 1 + objects(&samples()).len());
}

#[test]
fn rows_in_full() {
    let story = story();
    let shown: Vec<_> = story.iter().filter(|it| !matches!(it, Observation::Summary(_))).cloned().collect();
    insta::assert_snapshot!(print(Output::Csv(Box::default()), &shown));
}

#[test]
fn neither_facts_nor_figures_are_rows() {
    let mut output = CsvOutput::default();
    let mut buf = Vec::new();
    for observation in story() {
        if !matches!(observation, Observation::Gap(_)) && observation.observed().is_none() {
            output.observe(&observation, &mut buf);
        }
    }
    assert_eq!(buf, b"");
}

#[test]
fn a_clock_that_steps_is_followed() {
    let mut stepped = crate::samples::CLOCK;
    stepped.realtime_ns += 3_600_000_000_000;
    let transition = || Observation::Transition(change(0, ENDS, SynSent, Established));
    let rows = rows(&[transition(), Observation::Clock(stepped), transition()]);
    assert_eq!(rows[0]["ts"], "2026-02-03T14:03:07.123456789Z");
    assert_eq!(rows[1]["ts"], "2026-02-03T15:03:07.123456789Z");
}

/// A reset in whose every text somebody else has a say.
fn named(comm: &[u8], text: &str) -> [Observation; 2] {
    let mut observed = change(0, ENDS, Established, Established);
    observed.known.owner = owner(7, comm, OwnerSource::Proc);
    observed.known.listener = Some(process(8, comm));
    let cgroup = Observation::Cgroup { id: 77, path: text.into() };
    let (kind, reason) = (ResetKind::Answer, Some(text.into()));
    [cgroup, Observation::Reset(ObservedReset { observed, state: None, kind, reason })]
}

#[test]
fn hostile_names() {
    for (name, expected) in [
        ("a\"b", "a\"b"),
        ("a,b\",c", "a,b\",c"),
        ("\"", "\""),
        ("'", "'"),
        ("a\r\nb", "a\\r\\nb"),
        ("\u{1b}[2J\u{9b}", "\\u{1b}[2J\\u{9b}"),
        ("a\\x2db", "a\\x2db"),
        ("ä b", "ä b"),
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\\tx"),
        ("\rx", "'\\rx"),
        ("\nx", "'\\nx"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("a=1-2", "a=1-2"),
        ("a;=1", "a;'=1"),
        (";\"=1", ";'\"=1"),
    ] {
        let row = &rows(&named(name.as_bytes(), name))[0];
        for column in ["comm", "listener_comm", "cgroup", "reason"] {
            assert_eq!(row[column], expected, "{column} of {name:?}");
        }
    }
    assert_eq!(rows(&named(b"\xff=", "/"))[0]["comm"], "\u{fffd}=", "not UTF-8");
}

/// What a spreadsheet that takes `separator` for the end of a cell would run.
fn formulas(text: &str, separator: u8) -> Vec<String> {
    let mut reader = ReaderBuilder::new();
    let mut reader = reader.delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let cells = reader.records().flat_map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>());
    cells.filter(|cell| cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])).collect()
}

/// Characters that mean something to somebody, more often than others.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof!["[\"',;=+@\t\r\n \\\\-]{0,16}", any::<String>()]
}

proptest! {
    #[test]
    fn no_name_breaks_the_table(
        comm in prop_oneof![
            prop::collection::vec(1..=u8::MAX, 0..16),
            hostile().prop_map(|text| text.bytes().filter(|byte| *byte != 0).take(15).collect()),
        ],
        text in hostile(),
    ) {
        let named = named(&comm, &text);
        let table = print(Output::Csv(Box::default()), &named);
        let rows = read(&table);
        prop_assert_eq!(rows.len(), 1);
        prop_assert_eq!(&rows[0]["state"], "", "columns keep their places");
        prop_assert_eq!(&rows[0]["initiator"], "local");
        prop_assert_eq!(formulas(&table, b','), Vec::<String>::new());
        prop_assert_eq!(formulas(&table, b';'), Vec::<String>::new());
        prop_assert!(!table.replace("\r\n", "").contains(char::is_control));
        let object = &objects(&named)[0];
        if text.chars().all(|c| c.is_alphanumeric() || "/\"',\\ ".contains(c)) {
            prop_assert_eq!(object["reason"].as_str(), Some(&*rows[0]["reason"]));
        }
    }
}
