//! A run on the live kernel: from the first program that is loaded to the last figure.

use std::{future, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{self, MissedTickBehavior},
};

use super::{
    Asked, Pipeline, Stage, TIME_WAIT, View,
    confine::{Unconfined, confine},
    ending::Ending,
    progress::Progress,
    recorder::Recorder,
    stop::Stop,
    verdict::judge,
};
use crate::{
    config::{self, Keep},
    doctor::{self, Readiness, Visibility},
    event::Event,
    filter::Filter,
    observation::{Feature, Start},
    output::SinkError,
    recording::{End, StoreError},
    run::{Failure, Status},
    source::live::{self, Live, LiveError},
};

/// How long a record waits at most for the reader, if nothing wakes it before.
const TICK: Duration = Duration::from_millis(50);
/// When it is said how much was seen so far, so that an idle host is not mistaken for a broken tool.
const FIRST_WORD: Duration = Duration::from_millis(2500);

/// The feature of knowing whose the sockets are that are older than the trace.
const EXISTING: &str = "existing_sockets";

/// Whether this machine can do it.
pub(super) fn prepare(filter: &Filter) -> Result<Readiness, Failure> {
    let ready = doctor::preflight().map_err(Failure::machine)?;
    ready.can_answer(filter).map_err(Failure::machine)?;
    Ok(ready)
}

/// Runs a command that listens to the kernel to its end.
pub(super) fn run<V: View>(
    how: config::Live,
    asked: Asked,
    ready: Readiness,
    stage: &mut Stage<V>,
    quiet: bool,
) -> Result<Status, Failure> {
    let tables = asked.filter.compile(live::ephemeral_range());
    let options = live::Options {
        kernel: &ready.members,
        filter: &tables,
        ring_bytes: how.resources.ring_bytes,
        time_wait: how.resources.time_wait,
        kernel_log: how.resources.kernel_log.map(Into::into),
    };
    let wants = |netns| asked.filter.may_take(netns);
    let live = Live::start(&options, wants).map_err(|error| match error {
        LiveError::Load(_) => Failure::machine(doctor::explain(&error)),
        other => other.into(),
    })?;
    let (duration, privilege) = (how.duration, how.privilege);
    let mut session = Session::new(how, asked, ready, live, stage, quiet)?;
    session.confine(privilege)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session.run(duration))
}

/// A running stream.
struct Session<'a, V> {
    live: Live,
    pipeline: Pipeline<'a, V>,
    recorder: Option<Recorder>,
    quiet: bool,
    events: Vec<Event>,
}

impl<'a, V: View> Session<'a, V> {
    fn new(
        how: config::Live,
        asked: Asked,
        ready: Readiness,
        mut live: Live,
        stage: &'a mut Stage<V>,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let clock = live::now()?;
        let Asked { filter, filters } = asked;
        let Readiness { host, boot_id, kernel, mut features, .. } = ready;
        let mut lacking = Vec::new();
        lacking.extend(lacking_time_wait(&mut features, how.resources.time_wait));
        let mut events = live.namespaces();
        lacking.extend(list_existing(&mut live, &mut features, &mut events));
        let start = Start { clock, host, boot_id, kernel, filters, features };
        let progress = (V::FORM.is_none() && !quiet).then(Progress::new).flatten();
        let begin = |destination| Recorder::begin(destination, &start, filter.criteria(), progress);
        let mut recorder = how.record.map(begin).transpose()?;
        let mut pipeline = Pipeline::new(stage, filter, &start);
        for event in events.drain(..) {
            recorder.iter_mut().for_each(|recorder| recorder.meet(&event));
            pipeline.meet(&event);
        }
        let mut session = Self { live, pipeline, recorder, quiet, events };
        lacking.iter().for_each(|words| session.say(words));
        Ok(session)
    }

    /// Gives up what is not needed any more; what could not be given up is said.
    fn confine(&mut self, keep: Keep) -> Result<(), Unconfined> {
        let rotation = self.recorder.as_ref().and_then(Recorder::rotation);
        if let Some(words) = confine(keep, self.live.reads(), rotation)? {
            self.say(words);
        }
        Ok(())
    }

    /// Streams until Ctrl-C, SIGTERM, the time or the count; a closed pipe is a way to end, too.
    async fn run(mut self, duration: Option<Duration>) -> Result<Status, Failure> {
        let ended = match self.stream(duration).await {
            // Nobody reads on, but it is still said what was lost.
            Ok(()) | Err(Stop::Sink(SinkError::Closed)) => self.finish(),
            // What was recorded is to have an end.
            Err(stop @ Stop::Sink(_)) if self.recorder.is_some() => self.finish().and(Err(stop)),
            // What is on the disk stays and gets an end, and what was seen is told.
            Err(stop @ Stop::Recording(_)) => self.finish().and(Err(stop)),
            Err(stop) => Err(stop),
        };
        ended.map_err(Into::into)
    }

    async fn stream(&mut self, duration: Option<Duration>) -> Result<(), Stop> {
        let mut ending = Ending::new(duration)?;
        let mut hangup = self.recorder.as_ref().map(|_| signal(SignalKind::hangup())).transpose()?;
        let wakeup = self.live.wakeup()?;
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first_word = time::sleep(FIRST_WORD);
        tokio::pin!(first_word);
        self.say("attached; Ctrl-C ends.");
        self.pipeline.flush()?;

        let mut more = false;
        while !self.pipeline.is_satisfied() {
            tokio::select! {
                biased;
                () = ending.come() => break,
                () = next(&mut hangup) => if !self.rotate()? { break },
                () = &mut first_word, if !first_word.is_elapsed() => self.say_first_word()?,
                () = async {}, if more => {}
                _ = tick.tick() => {}
                announced = wakeup.announced() => announced?,
            }
            more = self.round()?;
        }
        Ok(())
    }

    /// One round: drain, record, conclude, print.
    fn round(&mut self) -> Result<bool, Stop> {
        let more = self.live.drain(&mut self.events)?;
        let Self { pipeline, recorder, events, .. } = self;
        take(events, recorder, pipeline);
        pipeline.flush()?;
        if let Some(recorder) = recorder {
            let now = live::now()?;
            let ticked = recorder.tick(now);
            if recorder.is_report_due(now.monotonic) {
                recorder.report(now.monotonic, self.live.account()?.lost());
            }
            go_on::<V>(ticked)?;
        }
        Ok(more)
    }

    /// SIGHUP: the next segment. Where there is only one, it ends the run, as when a terminal goes away.
    fn rotate(&mut self) -> Result<bool, Stop> {
        let now = live::now()?;
        match &mut self.recorder {
            Some(recorder) => {
                let rotated = recorder.rotate(now);
                let can_rotate = *rotated.as_ref().unwrap_or(&true);
                go_on::<V>(rotated)?;
                Ok(can_rotate)
            }
            None => Ok(false),
        }
    }

    /// Detaches, shows what is left, closes the account. The recording gets its end whatever happens to the output.
    fn finish(self) -> Result<Status, Stop> {
        let Self { mut live, mut pipeline, mut recorder, quiet, .. } = self;
        let (mut flushed, mut ticked) = (Ok(()), Ok(()));
        let account = live.finish(|events| {
            take(events, &mut recorder, &mut pipeline);
            if flushed.is_ok() {
                flushed = pipeline.flush();
            }
            if let (Some(recorder), Ok(now), true) = (&mut recorder, live::now(), ticked.is_ok()) {
                ticked = recorder.tick(now);
            }
        })?;
        let now = live::now()?;
        let end = End { at: now.monotonic, account };
        let has_stopped = recorder.as_ref().is_some_and(Recorder::has_stopped);
        let recorded = ticked.and(recorder.map(|recorder| recorder.finish(&end, now)).transpose());
        let summary = pipeline.finish(Some(&end));
        let status = judge(&summary, pipeline.lost());
        let shown = flushed.and_then(|()| pipeline.flush());
        if let Some(words) = recorded?.flatten().filter(|_| !quiet) {
            super::say(&words);
        }
        match shown {
            Ok(()) | Err(SinkError::Closed) if has_stopped => Ok(Status::Failed),
            Ok(()) | Err(SinkError::Closed) => Ok(status),
            Err(error) => Err(error.into()),
        }
    }

    fn say(&mut self, words: &str) {
        self.recorder.iter_mut().for_each(Recorder::make_room);
        if !self.quiet {
            super::say(words);
        }
    }

    fn say_first_word(&mut self) -> Result<(), Stop> {
        let seen = self.live.account()?.states.seen();
        let matched = self.pipeline.matched();
        self.say(&format!("{seen} state changes seen on this host so far, {matched} of them match."));
        Ok(())
    }
}

/// What is shown goes on though the recording beside it cannot; where nothing is shown, there is nothing to go on for.
fn go_on<V: View>(recorded: Result<impl Sized, StoreError>) -> Result<(), Stop> {
    match recorded {
        Err(error) if V::FORM.is_some() => super::say(&format!("the recording has ended, tracer goes on: {error}")),
        recorded => drop(recorded?),
    }
    Ok(())
}

/// A recording is of what was shown, event by event.
fn take<V: View>(events: &mut Vec<Event>, recorder: &mut Option<Recorder>, pipeline: &mut Pipeline<'_, V>) {
    for event in events.iter() {
        if let Some(recorder) = recorder {
            recorder.take(event);
        }
        pipeline.take(event);
    }
    events.clear();
}

/// The next signal: never, if none is listened to.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => future::pending().await,
    }
}

/// Says why TIME_WAIT is not measured, unless nobody asked for it.
fn lacking_time_wait(features: &mut [Feature], is_asked: bool) -> Option<String> {
    let feature = features.iter_mut().find(|feature| feature.name == TIME_WAIT)?;
    if is_asked {
        return feature.missing.as_ref().map(|reason| format!("TIME_WAIT is not measured: {reason}."));
    }
    feature.missing = Some("--time-wait=off was given".to_owned());
    None
}

/// Appends the sockets that exist already; says which of them stay unknown, and why.
fn list_existing(live: &mut Live, features: &mut [Feature], events: &mut Vec<Event>) -> Option<String> {
    let feature = features.iter_mut().find(|feature| feature.name == EXISTING)?;
    if feature.missing.is_none() {
        feature.missing = existing(live, events).err();
    }
    feature.missing.as_ref().map(|reason| format!("sockets older than this run: {reason}."))
}

fn existing(live: &mut Live, events: &mut Vec<Event>) -> Result<(), String> {
    let visible = doctor::visible_processes();
    if let Visibility::None(reason) = visible {
        return Err(reason);
    }
    events.extend(live.existing().map_err(|error| error.reason())?);
    match visible {
        Visibility::Some(reason) => Err(reason),
        _ => Ok(()),
    }
}
