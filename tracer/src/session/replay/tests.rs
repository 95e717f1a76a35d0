//! Scripted runs: what a replay prints is what the live run printed, and what becomes of those that are not whole.

use std::{collections::VecDeque, fs, num::NonZeroU64, time::Duration};

use super::{Asked, Reader, Replay, Steps, Unconfined};
use crate::{
    account::Account,
    cli::{ColorWhen, Format},
    config::Speech,
    event::{
        Endpoint, Event, Gap, LossStage, MonotonicNs, SocketCookie,
        TcpState::{self, Close, Established, SynSent},
        Transition,
    },
    figures::{GroupBy, SortBy},
    filter::{Criteria, EndLists, Filter, List},
    measure::Listing,
    observation::Observation,
    output::{Form, Output, Sink},
    recording::{End, Run},
    run::Status,
    samples::{self, CLOCK, at},
    sandbox::SandboxError,
    services::Services,
    session::{Figuring, Pipeline, Printer, Stage, View},
    source::recording::{Damage, Moment, ReadError, Step},
};

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// Everything, until there are enough transitions.
struct All {
    remaining: Option<u64>,
}

impl View for All {
    const FORM: Option<Form> = Some(Form::Lines);

    fn show(&mut self, observation: &Observation, printer: &mut Printer) {
        if !(self.is_satisfied() && observation.observed().is_some()) {
            printer.print(observation);
        }
    }

    fn shown(&mut self, observation: &Observation) {
        if let Observation::Transition(_) = observation {
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
        }
    }

    fn is_satisfied(&self) -> bool {
        self.remaining == Some(0)
    }
}

/// A stage whose output can be read back.
struct Theatre {
    directory: tempfile::TempDir,
    stage: Stage<All>,
}

impl Theatre {
    fn new(count: Option<u64>, interval: Option<Duration>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sink = Sink::open(Some(&directory.path().join("out"))).expect("a file");
        let speech = Speech { format: Format::Json, color: ColorWhen::Never, quiet: true, verbose: false };
        let output = Output::new(speech, All::FORM, true, Services::default(), false);
        let listing = Listing { sort: SortBy::Connections, top: 20 };
        let figuring = Figuring { group_by: GroupBy::Service, listing, interval };
        let printer = Printer::new(output, sink);
        Self { directory, stage: Stage { view: All { remaining: count }, printer, figuring, table_size: 100 } }
    }

    /// What was printed: the `start` object, and the others.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.path().join("out")).expect("the output");
        text.lines().map(str::to_owned).collect()
    }

    fn of_type(&self, kind: &str) -> Vec<String> {
        let begin = format!("{{\"type\":\"{kind}\"");
        self.lines().into_iter().filter(|line| line.starts_with(&begin)).collect()
    }
}

/// Steps as they are written down.
struct Script {
    steps: VecDeque<(Step, Vec<Event>)>,
    damage: Damage,
}

impl Steps for Script {
    fn next(&mut self, events: &mut Vec<Event>) -> Result<Option<Step>, ReadError> {
        Ok(self.steps.pop_front().map(|(step, given)| {
            events.extend(given);
            step
        }))
    }

    fn damage(&self) -> Damage {
        self.damage
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

fn all() -> Filter {
    Filter::new(Criteria::default()).expect("no lists")
}

fn port(port: u16) -> Criteria {
    let either = List { include: vec![port..=port], exclude: Vec::new() };
    let typed = vec![format!("--port {port}")];
    Criteria { ports: EndLists { either, ..EndLists::default() }, typed, ..Criteria::default() }
}

fn begin(criteria: Criteria) -> Step {
    let start = samples::start();
    let start = crate::observation::Start { filters: criteria.typed.clone(), ..start };
    Step::Run(Box::new(Run { id: 1, version: "0.1.0".to_owned(), start, criteria }))
}

fn change(ns: u64, cookie: u64, port: u16, old: TcpState, new: TcpState) -> Event {
    let end = |port| Endpoint { addr: "10.0.0.1".parse().expect("an address"), port: Some(port) };
    Event::Transition(Transition {
        time: at(ns),
        cookie: NonZeroU64::new(cookie).map(SocketCookie),
        cgroup_id: Some(77),
        local: end(40_000),
        remote: Some(end(port)),
        ..samples::transition(old, new)
    })
}

/// Two connections, a loss, and a stretch of silence.
fn story() -> Vec<Event> {
    let gap = Gap { lost: 3, from: at(0), to: at(SECOND), stage: LossStage::Ring };
    vec![
        Event::Clock(CLOCK),
        Event::Cgroup { id: 77, path: "/system.slice".into() },
        change(10 * MILLISECOND, 1, 443, Close, SynSent),
        change(20 * MILLISECOND, 1, 443, SynSent, Established),
        Event::Until(at(500 * MILLISECOND)),
        Event::Gap(gap),
        change(SECOND + MILLISECOND, 2, 80, Close, SynSent),
        change(SECOND + 2 * MILLISECOND, 2, 80, SynSent, Close),
        Event::Until(at(7 * SECOND / 2)),
        change(4 * SECOND + MILLISECOND, 1, 443, Established, Close),
    ]
}

fn end() -> End {
    End { at: at(5 * SECOND), account: Account::default() }
}

fn live(events: Vec<Event>, end: Option<&End>, interval: Option<Duration>) -> Theatre {
    let mut theatre = Theatre::new(None, interval);
    let mut pipeline = Pipeline::new(&mut theatre.stage, all(), &samples::start());
    events.iter().for_each(|event| pipeline.take(event));
    pipeline.finish(end);
    pipeline.flush().expect("a file");
    theatre
}

fn replay(theatre: &mut Theatre, steps: Vec<(Step, Vec<Event>)>, now: Criteria, damage: Damage) -> Status {
    since(theatre, steps, now, damage, None)
}

fn since(
    theatre: &mut Theatre,
    steps: Vec<(Step, Vec<Event>)>,
    now: Criteria,
    damage: Damage,
    since: Option<Moment>,
) -> Status {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked = Asked { filters: now.typed.clone(), filter: Filter::new(now).expect("short lists") };
    let ended = runtime.block_on(async {
        let reader = Reader::new(Script { steps: steps.into(), damage }, None).expect("signals");
        Replay { reader, stage: &mut theatre.stage, asked, since, has_run: false, is_lossy: false }.run().await
    });
    ended.expect("read to the end")
}

/// The story in steps of three events.
fn in_steps(events: Vec<Event>) -> Vec<(Step, Vec<Event>)> {
    let mut steps = vec![(begin(Criteria::default()), Vec::new()), (Step::Existing, Vec::new())];
    steps.extend(events.chunks(3).map(|chunk| (Step::Events, chunk.to_vec())));
    steps
}

#[test]
fn a_replay_prints_what_the_live_run_printed() {
    for interval in [None, Some(Duration::from_secs(1))] {
        let shown = live(story(), Some(&end()), interval);
        let mut theatre = Theatre::new(None, interval);
        let mut steps = in_steps(story());
        steps.insert(3, (Step::Wait, Vec::new()));
        steps.push((Step::End(Some(Box::new(end()))), Vec::new()));
        assert_eq!(replay(&mut theatre, steps, Criteria::default(), Damage::default()), Status::Done);
        assert_eq!(theatre.lines()[1..], shown.lines()[1..]);
        assert_eq!(theatre.of_type("transition").len(), 5);
    }
}

#[test]
fn figures_are_due_when_the_stream_gets_there() {
    let shown = live(story(), Some(&end()), Some(Duration::from_secs(1)));
    let spans: Vec<_> = shown.of_type("summary").iter().map(|line| span(line)).collect();
    // Nothing happened between 1 and 3 s, and one summary says so; the last one is of the whole run.
    let expected = [("07", "08"), ("08", "10"), ("10", "11"), ("07", "12")];
    assert_eq!(spans, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
}

/// The seconds at which a summary's span begins and ends.
fn span(line: &str) -> (String, String) {
    let second = |member: &str| {
        let (_, rest) = line.split_once(&format!("\"{member}\":\"2026-02-03T14:03:")).expect("a time");
        rest[..2].to_owned()
    };
    (second("from"), second("to"))
}

#[test]
fn what_was_lost_counts_though_only_a_part_was_asked_for() {
    let mut steps = in_steps(story());
    steps.push((Step::End(None), Vec::new()));
    assert_eq!(replay(&mut Theatre::new(None, None), steps, Criteria::default(), Damage::default()), Status::Lossy);
    let mut whole = story();
    whole.retain(|event| !matches!(event, Event::Gap(_)));
    let mut steps = in_steps(whole);
    steps.push((Step::End(None), Vec::new()));
    assert_eq!(replay(&mut Theatre::new(None, None), steps, Criteria::default(), Damage::default()), Status::Done);
}

#[test]
fn a_run_without_an_end_has_no_account_and_ends_with_its_last_event() {
    let mut theatre = Theatre::new(None, None);
    let damage = Damage { unended: 1, ..Damage::default() };
    let mut steps = in_steps(story());
    steps.push((Step::Events, vec![Event::Until(at(6 * SECOND))]));
    assert_eq!(replay(&mut theatre, steps, Criteria::default(), damage), Status::Lossy);
    let summaries = theatre.of_type("summary");
    let [summary] = &summaries[..] else { panic!("{summaries:?}") };
    assert!(summary.contains("\"final\":true") && summary.ends_with("\"account\":null}"), "{summary}");
    assert_eq!(span(summary), ("07".to_owned(), "13".to_owned()));
}

#[test]
fn both_filters_must_let_a_connection_pass() {
    let run = |recorded, now: Criteria| {
        let mut theatre = Theatre::new(None, None);
        let steps = vec![(begin(recorded), Vec::new()), (Step::Events, story())];
        replay(&mut theatre, steps, now, Damage::default());
        theatre
    };
    assert_eq!(run(port(443), Criteria::default()).of_type("transition").len(), 3);
    assert_eq!(run(Criteria::default(), port(80)).of_type("transition").len(), 2);
    let neither = run(port(443), port(80));
    assert_eq!(neither.of_type("transition").len(), 0);
    assert!(neither.lines()[0].contains("\"filters\":[\"--port 443\",\"--port 80\"]"), "{}", neither.lines()[0]);
}

#[test]
fn each_run_has_its_own_start_and_end() {
    let mut theatre = Theatre::new(None, None);
    let mut steps = in_steps(story());
    steps.extend(in_steps(story()));
    steps.push((Step::End(None), Vec::new()));
    steps.extend(in_steps(story()));
    steps.push((Step::End(Some(Box::new(end()))), Vec::new()));
    replay(&mut theatre, steps, Criteria::default(), Damage::default());
    let count = |kind| theatre.of_type(kind).len();
    assert_eq!((count("start"), count("transition"), count("summary")), (3, 15, 3));
    let accounts: Vec<_> = theatre.of_type("summary").iter().map(|line| line.ends_with("\"account\":null}")).collect();
    assert_eq!(accounts, [true, true, false]);
}

#[test]
fn a_count_ends_the_reading_but_not_before_an_end_that_is_near() {
    let mut near = Theatre::new(Some(2), None);
    let mut steps = in_steps(story());
    steps.push((Step::End(Some(Box::new(end()))), Vec::new()));
    steps.extend(in_steps(story()));
    replay(&mut near, steps, Criteria::default(), Damage::default());
    assert_eq!((near.of_type("start").len(), near.of_type("transition").len()), (1, 2));
    assert!(!near.of_type("summary")[0].ends_with("\"account\":null}"));

    let mut far = Theatre::new(Some(2), None);
    let mut steps = in_steps(story());
    steps.extend((6..100).map(|second| (Step::Events, vec![Event::Until(at(second * SECOND))])));
    replay(&mut far, steps, Criteria::default(), Damage::default());
    assert_eq!(span(&far.of_type("summary")[0]), ("07".to_owned(), "18".to_owned()));
}

#[test]
fn figures_since_a_moment_begin_there() {
    let mut theatre = Theatre::new(None, Some(Duration::from_secs(2)));
    let steps = vec![(begin(Criteria::default()), Vec::new()), (Step::Events, story().split_off(6))];
    let moment = Moment::At(CLOCK.realtime_ns + SECOND.cast_signed());
    since(&mut theatre, steps, Criteria::default(), Damage::default(), Some(moment));
    let spans: Vec<_> = theatre.of_type("summary").iter().map(|line| span(line)).collect();
    assert_eq!(spans, [("08", "09"), ("09", "11"), ("08", "11")].map(|(from, to)| (from.to_owned(), to.to_owned())));
}

#[test]
fn a_time_beyond_all_clocks_is_survived() {
    let events = vec![Event::Until(MonotonicNs(u64::MAX)), Event::Until(MonotonicNs(u64::MAX))];
    let shown = live(events, None, Some(Duration::from_millis(100)));
    assert!(shown.of_type("summary").len() <= 2);
}

#[test]
fn a_remedy_that_is_refused_is_not_suggested() {
    let error = SandboxError::Identity { what: "the groups", source: std::io::ErrorKind::PermissionDenied.into() };
    let sentence = "cannot give up the groups: permission denied; recordings are read in confinement only: read them where the \
                    system allows it.";
    assert_eq!(Unconfined(error).to_string(), sentence);
}
