//! `tracer watch`: the live stream, from the kernel to the screen.

use std::{num::NonZeroU64, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::{self, MissedTickBehavior},
};

use crate::{
    config::{Keep, Speech, Watch},
    doctor::{self, Readiness, Visibility},
    event::{ClockPair, Event},
    figures::Summary,
    filter::{Filter, StateFilter},
    measure::{
        self,
        host::{Circumstances, Host},
    },
    observation::{Observation, ObservedReset, Start},
    output::{Output, Sink, SinkError},
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

/// The feature of following timewait sockets.
const TIME_WAIT: &str = "time_wait";
/// The feature of knowing whose the sockets are that are older than the trace.
const EXISTING: &str = "existing_sockets";

/// Runs `tracer watch` to its end.
pub(crate) fn watch(watch: Watch, speech: Speech, services: Services) -> Result<Status, Failure> {
    let ready = doctor::preflight().map_err(Failure::machine)?;
    ready.can_answer(&watch.filter).map_err(Failure::machine)?;
    let sink = Sink::open(watch.output.as_deref())?;
    let filter = watch.filter.compile(live::ephemeral_range());
    let live = Live::start(&live::Options {
        kernel: &ready.members,
        filter: &filter,
        ring_bytes: watch.resources.ring_bytes,
        time_wait: watch.resources.time_wait,
        kernel_log: watch.resources.kernel_log.map(Into::into),
    })
    .map_err(|error| match error {
        LiveError::Load(_) => Failure::machine(doctor::explain(&error)),
        other => other.into(),
    })?;
    let session = Session::new(&watch, speech, services, ready, live, sink)?;
    session.confine(watch.privilege)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session.run(watch.duration))
}

/// A running stream.
struct Session {
    live: Live,
    tracker: Tracker,
    printer: Printer,
    quiet: bool,
    started: ClockPair,
    filter: Filter,
    /// Names of the features that are measured.
    measured: Vec<&'static str>,
    events: Vec<Event>,
}

/// What is shown, and where it goes.
struct Printer {
    host: Host,
    output: Output,
    sink: Sink,
    shown: StateFilter,
    remaining: Option<NonZeroU64>,
    exhausted: bool,
    buffer: Vec<u8>,
}

impl Printer {
    /// Formats an observation and what follows from it.
    fn conclude(&mut self, observation: &Observation) {
        self.host.observe(observation);
        self.print(observation);
        measure::conclude(observation, &mut |conclusion| self.print(conclusion));
        if let Observation::Transition(observed) = observation
            && self.shown.shows(&observed.transition)
            && let Some(remaining) = self.remaining
        {
            self.remaining = NonZeroU64::new(remaining.get() - 1);
            self.exhausted = self.remaining.is_none();
        }
    }

    /// Formats an observation, if it is to be shown.
    fn print(&mut self, observation: &Observation) {
        let shows = match observation {
            // There is no connection that could be in a state.
            Observation::Reset(ObservedReset { state: None, .. }) => self.shown == StateFilter::default(),
            _ => observation.observed().is_none_or(|observed| self.shown.shows(&observed.transition)),
        };
        if !shows || (self.exhausted && observation.observed().is_some()) {
            return;
        }
        self.output.observe(observation, &mut self.buffer);
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let written = self.sink.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

impl Session {
    fn new(
        watch: &Watch,
        speech: Speech,
        services: Services,
        ready: Readiness,
        mut live: Live,
        sink: Sink,
    ) -> Result<Self, Failure> {
        let started = live.now()?;
        let mut tracker = Tracker::new(watch.filter.clone(), watch.resources.table_size);
        let mut host = Host::default();
        for event in live.namespaces() {
            tracker.apply(event, &mut |observation| host.observe(observation));
        }
        let mut features = ready.features;
        let existing = features.iter_mut().find(|feature| feature.name == EXISTING);
        let existing = existing.map(|feature| {
            feature.missing =
                feature.missing.take().or_else(|| meet_existing(&mut live, &mut tracker, &mut host).err());
            feature.missing.clone()
        });
        if !watch.resources.time_wait
            && let Some(feature) = features.iter_mut().find(|feature| feature.name == TIME_WAIT)
        {
            feature.missing = Some("--time-wait=off was given".to_owned());
        }
        let measured = features.iter().filter(|it| it.missing.is_none()).map(|feature| feature.name).collect();
        let start = Start {
            clock: started,
            host: ready.host,
            boot_id: ready.boot_id,
            kernel: ready.kernel,
            filters: watch.filters.clone(),
            features,
        };
        let mut output = Output::new(speech, watch.numeric, services, sink.is_terminal());
        let mut buffer = Vec::with_capacity(1 << 20);
        output.start(&start, &mut buffer);
        let session = Self {
            live,
            tracker,
            printer: Printer {
                host,
                output,
                sink,
                shown: watch.shown,
                remaining: watch.count,
                exhausted: false,
                buffer,
            },
            quiet: speech.quiet,
            started,
            filter: watch.filter.clone(),
            measured,
            events: Vec::new(),
        };
        if let Some(reason) = existing.flatten() {
            session.say(&format!("sockets older than this run: {reason}."));
        }
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
        let confinement = Sandbox { user, readable: self.live.reads() }.enter()?;
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
        let end = time::sleep(duration.unwrap_or(Duration::MAX));
        let first_word = time::sleep(FIRST_WORD);
        tokio::pin!(end, first_word);
        self.say("attached; Ctrl-C ends.");
        self.printer.flush()?;

        let mut more = false;
        while !self.printer.exhausted {
            tokio::select! {
                biased;
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                () = &mut end => break,
                () = &mut first_word, if !first_word.is_elapsed() => self.say_first_word()?,
                () = async {}, if more => {}
                _ = tick.tick() => {}
                announced = wakeup.announced() => announced?,
            }
            more = self.round()?;
        }
        Ok(())
    }

    /// One round: drain, conclude, print.
    fn round(&mut self) -> Result<bool, Stop> {
        let more = self.live.drain(&mut self.events)?;
        self.consume()?;
        Ok(more)
    }

    fn consume(&mut self) -> Result<(), SinkError> {
        let Self { tracker, printer, events, .. } = self;
        for event in events.drain(..) {
            tracker.apply(event, &mut |observation| printer.conclude(observation));
        }
        printer.flush()
    }

    /// Detaches, shows what is left, closes the account.
    fn finish(&mut self) -> Result<Status, Stop> {
        let Self { live, tracker, printer, filter, measured, .. } = self;
        let mut flushed = Ok(());
        let account = live.finish(|events| {
            for event in events.drain(..) {
                tracker.apply(event, &mut |observation| printer.conclude(observation));
            }
            flushed = printer.flush();
        })?;
        flushed?;
        let (tracked, evicted) = tracker.occupancy();
        tracker.finish(&mut |observation| printer.conclude(observation));
        let tally = *tracker.tally();
        let (from, to) = (self.started.monotonic, live.now()?.monotonic);
        let sees = |feature| measured.contains(&feature);
        let host = printer.host.figures(&Circumstances {
            span: (from, to),
            is_final: true,
            filter,
            lost: account.lost() + tally.discontinuities,
            sees_time_wait: sees("time_wait"),
            sees_resets: sees("resets"),
            sees_all_resets: sees("reset_reasons"),
        });
        let summary = Summary {
            is_final: true,
            from,
            to,
            transitions: tally.transitions,
            anomalies: tally.anomalies,
            tracked,
            evicted,
            discontinuities: tally.discontinuities,
            inferred: tally.inferred,
            duplicates: tally.duplicates,
            resets: tally.resets,
            host,
            account,
        };
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

/// Tells the tracker of the sockets that exist already; the error says which of them stay unknown, and why.
fn meet_existing(live: &mut Live, tracker: &mut Tracker, host: &mut Host) -> Result<(), String> {
    let visible = doctor::visible_processes();
    if let Visibility::None(reason) = visible {
        return Err(reason);
    }
    for event in live.existing().map_err(|error| error.reason())? {
        tracker.apply(event, &mut |observation| host.observe(observation));
    }
    match visible {
        Visibility::Some(reason) => Err(reason),
        _ => Ok(()),
    }
}

/// What the end means for the exit status, said aloud if it is bad news.
fn judge(summary: &Summary) -> Status {
    let account = &summary.account;
    if account.lost() > 0 {
        eprintln!(
            "tracer: {} records were lost ({} to full ring buffers, {} to nesting, {} damaged); a larger --ring-size \
             or a narrower filter helps.",
            account.lost(),
            account.reserve_failed(),
            account.missed(),
            account.undecodable
        );
    } else if !account.closes() {
        eprintln!(
            "tracer: the account does not close, which is a defect of tracer: run with --format json and report it."
        );
    }
    if summary.unexplained_holes() > 0 {
        eprintln!(
            "tracer: {} transitions or more are missing from sockets' histories although the kernel counted no loss: it \
             ran no program for them.",
            summary.unexplained_holes()
        );
    }
    if account.lost() > 0 || !account.closes() || summary.unexplained_holes() > 0 {
        Status::Lossy
    } else {
        Status::Done
    }
}

/// Why a stream stopped before its time.
enum Stop {
    /// The output failed or was closed.
    Sink(SinkError),
    /// Something else.
    Failure(Failure),
}

impl From<SinkError> for Stop {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl From<LiveError> for Stop {
    fn from(error: LiveError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<live::ClockError> for Stop {
    fn from(error: live::ClockError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failure(error.into())
    }
}
