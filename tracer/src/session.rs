//! A run on the live kernel: from the first program that is loaded to the last figure. What is shown of it is a [`View`]'s.

mod measures;
mod printer;
mod span;
mod stop;
mod verdict;

use std::{future, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{self, Interval, MissedTickBehavior},
};

pub(crate) use self::printer::Printer;
use self::{measures::Measures, span::Span, stop::Stop, verdict::judge};
use crate::{
    config::{Keep, Speech, Stream},
    doctor::{self, Readiness, Visibility},
    event::Event,
    figures::{GroupBy, Summary},
    measure::{self, Listing},
    observation::{Observation, Start},
    output::{Form, Output, Sink, SinkError},
    run::{Failure, Status},
    sandbox::{Sandbox, SandboxError},
    services::Services,
    source::live::{self, Live, LiveError},
    track::Tracker,
};

/// How long a record waits at most for the reader, if nothing wakes it before.
const TICK: Duration = Duration::from_millis(50);
/// When it is said how much was seen so far, so that an idle host is not mistaken for a broken tool.
const FIRST_WORD: Duration = Duration::from_millis(2500);

/// The feature of knowing whose the sockets are that are older than the trace.
const EXISTING: &str = "existing_sockets";
/// The feature of knowing how long timewait sockets live.
const TIME_WAIT: &str = "time_wait";

/// What a command shows of the stream.
pub(crate) trait View {
    /// What the output consists of.
    const FORM: Form;

    /// Prints an observation or what follows from one, if it is to be shown.
    fn show(&mut self, observation: &Observation, printer: &mut Printer);

    /// All that follows from an observation was shown.
    fn shown(&mut self, _observation: &Observation) {}

    /// Whether all that was asked for was shown.
    fn is_satisfied(&self) -> bool {
        false
    }
}

/// The figures that a run ends with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figuring {
    /// What is a group.
    pub(crate) group_by: GroupBy,
    /// Which of them are listed.
    pub(crate) listing: Listing,
    /// Figures so often, not only at the end.
    pub(crate) interval: Option<Duration>,
}

/// Runs a command that listens to the kernel to its end.
pub(crate) fn run<V: View>(
    stream: Stream,
    figuring: Figuring,
    view: V,
    speech: Speech,
    services: Services,
) -> Result<Status, Failure> {
    let ready = doctor::preflight().map_err(Failure::machine)?;
    ready.can_answer(&stream.filter).map_err(Failure::machine)?;
    let sink = Sink::open(stream.output.as_deref())?;
    let output = Output::new(speech, V::FORM, stream.numeric, services, sink.is_terminal());
    let filter = stream.filter.compile(live::ephemeral_range());
    let live = Live::start(&live::Options {
        kernel: &ready.members,
        filter: &filter,
        ring_bytes: stream.resources.ring_bytes,
        time_wait: stream.resources.time_wait,
        kernel_log: stream.resources.kernel_log.map(Into::into),
    })
    .map_err(|error| match error {
        LiveError::Load(_) => Failure::machine(doctor::explain(&error)),
        other => other.into(),
    })?;
    let (duration, privilege) = (stream.duration, stream.privilege);
    let session = Session::new(stream, figuring, view, speech.quiet, ready, live, (output, sink))?;
    session.confine(privilege)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session.run(duration))
}

/// A running stream.
struct Session<V> {
    live: Live,
    tracker: Tracker,
    measures: Measures,
    view: V,
    printer: Printer,
    figuring: Figuring,
    quiet: bool,
    run: Span,
    /// Since the last summary.
    recent: Span,
    events: Vec<Event>,
}

impl<V: View> Session<V> {
    fn new(
        stream: Stream,
        figuring: Figuring,
        view: V,
        quiet: bool,
        ready: Readiness,
        mut live: Live,
        (mut output, sink): (Output, Sink),
    ) -> Result<Self, Failure> {
        let started = live.now()?;
        let mut tracker = Tracker::new(stream.filter.clone(), stream.resources.table_size);
        let mut features = ready.features;
        let mut lacking = Vec::new();
        if let Some(feature) = features.iter_mut().find(|feature| feature.name == TIME_WAIT) {
            lacking.extend(feature.missing.as_ref().map(|reason| format!("TIME_WAIT is not measured: {reason}.")));
            if !stream.resources.time_wait {
                feature.missing = Some("--time-wait=off was given".to_owned());
                lacking.clear();
            }
        }
        let mut measures = Measures::new(figuring.group_by, stream.filter, &features);
        for event in live.namespaces() {
            tracker.apply(event, &mut |observation| measures.meet(observation));
        }
        if let Some(feature) = features.iter_mut().find(|feature| feature.name == EXISTING) {
            let met = || meet_existing(&mut live, &mut tracker, &mut measures).err();
            feature.missing = feature.missing.take().or_else(met);
            lacking.extend(feature.missing.as_ref().map(|reason| format!("sockets older than this run: {reason}.")));
        }
        let start = Start {
            clock: started,
            host: ready.host,
            boot_id: ready.boot_id,
            kernel: ready.kernel,
            filters: stream.filters,
            features,
        };
        let mut buffer = Vec::with_capacity(1 << 20);
        output.start(&start, &mut buffer);
        let begun = Span::begin(started.monotonic, &tracker);
        let session = Self {
            live,
            tracker,
            measures,
            view,
            printer: Printer::new(output, sink, buffer),
            figuring,
            quiet,
            run: begun.clone(),
            recent: begun,
            events: Vec::new(),
        };
        lacking.iter().for_each(|words| session.say(words));
        Ok(session)
    }

    /// Gives up what is not needed any more; what could not be given up is said.
    fn confine(&self, keep: Keep) -> Result<(), SandboxError> {
        let user = match keep {
            Keep::Everything => {
                self.say("not confined (--no-sandbox): keeps its capabilities, files and system calls.");
                return Ok(());
            }
            Keep::User => None,
            Keep::Nothing(user) => Some(user),
        };
        let confinement = Sandbox { user, readable: self.live.reads(), rotation: None }.enter()?;
        if !confinement.files {
            self.say("this kernel has no Landlock, so files stay within reach while tracer runs.");
        }
        Ok(())
    }

    /// Streams until Ctrl-C, SIGTERM, the time or the count; a closed pipe is a way to end, too.
    async fn run(mut self, duration: Option<Duration>) -> Result<Status, Failure> {
        match self.stream(duration).await.and_then(|()| self.finish()) {
            Err(Stop::Sink(SinkError::Closed)) => Ok(Status::Done),
            Err(Stop::Sink(error)) => Err(error.into()),
            Err(Stop::Failure(failure)) => Err(failure),
            Ok(status) => Ok(status),
        }
    }

    async fn stream(&mut self, duration: Option<Duration>) -> Result<(), Stop> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let wakeup = self.live.wakeup()?;
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = self.figuring.interval.map(|every| time::interval_at(time::Instant::now() + every, every));
        due.iter_mut().for_each(|due| due.set_missed_tick_behavior(MissedTickBehavior::Skip));
        let end = time::sleep(duration.unwrap_or(Duration::MAX));
        let first_word = time::sleep(FIRST_WORD);
        tokio::pin!(end, first_word);
        self.say("attached; Ctrl-C ends.");
        self.printer.flush()?;

        let mut more = false;
        while !self.view.is_satisfied() {
            let mut is_due = false;
            tokio::select! {
                biased;
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = &mut end => break,
                () = next(&mut due) => is_due = true,
                () = &mut first_word, if !first_word.is_elapsed() => self.say_first_word()?,
                () = async {}, if more => {}
                _ = tick.tick() => {}
                announced = wakeup.announced() => announced?,
            }
            more = self.round()?;
            if is_due {
                self.sum_up()?;
            }
        }
        Ok(())
    }

    /// One round: drain, conclude, print.
    fn round(&mut self) -> Result<bool, Stop> {
        let more = self.live.drain(&mut self.events)?;
        let Self { tracker, measures, view, printer, events, .. } = self;
        for event in events.drain(..) {
            tracker.apply(event, &mut |observation| conclude(observation, measures, view, printer));
        }
        printer.flush()?;
        Ok(more)
    }

    /// Shows the figures since the last time. A change counts for the span in which it was read, which is milliseconds
    /// after it happened.
    fn sum_up(&mut self) -> Result<(), Stop> {
        let now = self.live.now()?.monotonic;
        let lost = self.live.account()?.lost() + self.tracker.tally().discontinuities;
        let groups = self.measures.aggregate.recent(self.figuring.listing, now);
        let host = self.measures.host((self.run.from(), now), false, lost);
        let next = Span::begin(now, &self.tracker);
        let summary = std::mem::replace(&mut self.recent, next).summary(now, &self.tracker, groups, host);
        self.printer.print(&Observation::Summary(Box::new(summary)));
        self.printer.flush()?;
        Ok(())
    }

    /// Detaches, shows what is left, closes the account.
    fn finish(&mut self) -> Result<Status, Stop> {
        let Self { live, tracker, measures, view, printer, figuring, run, .. } = self;
        let mut flushed = Ok(());
        let account = live.finish(|events| {
            for event in events.drain(..) {
                tracker.apply(event, &mut |observation| conclude(observation, measures, view, printer));
            }
            flushed = printer.flush();
        })?;
        flushed?;
        let (tracked, _) = tracker.occupancy();
        tracker.finish(&mut |observation| conclude(observation, measures, view, printer));
        let now = live.now()?.monotonic;
        let groups = measures.aggregate.whole(figuring.listing, now);
        let host = measures.host((run.from(), now), true, account.lost() + tracker.tally().discontinuities);
        let span = run.clone().summary(now, tracker, groups, host);
        let summary = Summary { is_final: true, tracked, account: Some(account), ..span };
        let status = judge(&summary);
        printer.print(&Observation::Summary(Box::new(summary)));
        printer.flush()?;
        Ok(status)
    }

    fn say(&self, words: &str) {
        if !self.quiet {
            eprintln!("tracer: {words}");
        }
    }

    fn say_first_word(&mut self) -> Result<(), Stop> {
        let seen = self.live.account()?.states.seen();
        let matched: u64 = self.tracker.tally().transitions.iter().sum();
        self.say(&format!("{seen} state changes seen on this host so far, {matched} of them match."));
        Ok(())
    }
}

/// Counts and shows an observation and what follows from it.
fn conclude(observation: &Observation, measures: &mut Measures, view: &mut impl View, printer: &mut Printer) {
    measures.meet(observation);
    view.show(observation, printer);
    measure::conclude(observation, &mut |conclusion| {
        measures.aggregate.observe(conclusion);
        view.show(conclusion, printer);
    });
    view.shown(observation);
}

/// The next moment at which figures are due: never, if none were asked for.
async fn next(due: &mut Option<Interval>) {
    match due {
        Some(due) => drop(due.tick().await),
        None => future::pending().await,
    }
}

/// Tells of the sockets that exist already; the error says which of them stay unknown, and why.
fn meet_existing(live: &mut Live, tracker: &mut Tracker, measures: &mut Measures) -> Result<(), String> {
    let visible = doctor::visible_processes();
    if let Visibility::None(reason) = visible {
        return Err(reason);
    }
    for event in live.existing().map_err(|error| error.reason())? {
        tracker.apply(event, &mut |observation| measures.meet(observation));
    }
    match visible {
        Visibility::Some(reason) => Err(reason),
        _ => Ok(()),
    }
}
