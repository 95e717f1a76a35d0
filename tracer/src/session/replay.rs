//! The replay of recordings: their events through the same pipeline, as fast as they can be read.

mod damage;
mod files;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use self::files::prepare;
use self::reader::{Reader, Steps};
use super::{Asked, Pipeline, Stage, View, progress::Progress, stop::Stop, verdict::judge};
use crate::{
    event::Event,
    filter::Filter,
    observation::Start,
    output::{Form, SinkError},
    recording::Run,
    run::{Failure, Status},
    sandbox::{Sandbox, SandboxError},
    source::recording::{Moment, Reading, Recording, Step},
};

/// What is read may be hostile, so there is no way around it.
#[derive(Debug, thiserror::Error)]
#[error("{0}; recordings are read in confinement only: read them where the system allows it.")]
struct Unconfined(#[from] SandboxError);

/// Runs a command that reads recordings to its end. Nothing of them is believed: they are read in confinement.
pub(super) fn run<V: View>(
    reading: &Reading,
    asked: Asked,
    stage: &mut Stage<V>,
    quiet: bool,
) -> Result<Status, Failure> {
    let progress = (may_show_progress(stage) && !quiet).then(Progress::new).flatten();
    Sandbox { readable: files::readable(reading), ..Sandbox::default() }.enter().map_err(Unconfined)?;
    let recording = Recording::open(reading)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let reader = Reader::new(recording, progress)?;
        Replay { reader, stage, asked, since: reading.since, has_run: false, is_lossy: false }.run().await
    })
}

/// Lines on the same terminal would go through it.
fn may_show_progress<V: View>(stage: &Stage<V>) -> bool {
    !stage.printer.is_terminal() || V::FORM == Some(Form::Figures)
}

/// Recordings that are being read.
struct Replay<'a, V, S> {
    reader: Reader<S>,
    stage: &'a mut Stage<V>,
    asked: Asked,
    since: Option<Moment>,
    /// There was something to be shown.
    has_run: bool,
    /// Not all of it was.
    is_lossy: bool,
}

impl<V: View, S: Steps> Replay<'_, V, S> {
    /// Reads until the end, Ctrl-C, SIGTERM or the count; a closed pipe is a way to end, too.
    async fn run(mut self) -> Result<Status, Failure> {
        let ended = self.runs().await;
        self.reader.make_room();
        if !matches!(ended, Err(Stop::Sink(SinkError::Closed))) {
            ended?;
        }
        if let Some(words) = damage::sentence(&self.reader.damage()) {
            super::say(&words);
            self.is_lossy = true;
        }
        Ok(match self.is_lossy || self.reader.has_refused() {
            false => Status::Done,
            true if self.has_run => Status::Lossy,
            true => Status::Failed,
        })
    }

    async fn runs(&mut self) -> Result<(), Stop> {
        let mut events = Vec::new();
        let mut step = self.reader.step(&mut events).await;
        while let Some(now) = step {
            step = match now {
                Step::Run(run) => self.one_run(*run, &mut events).await?,
                // Of no run, so there is nothing to be told of it.
                Step::Existing | Step::Events | Step::End(_) => {
                    events.clear();
                    self.reader.step(&mut events).await
                }
                Step::Wait => {
                    self.reader.pause().await;
                    self.reader.step(&mut events).await
                }
            };
        }
        Ok(())
    }

    /// Shows a run. Returns the step that follows it.
    async fn one_run(&mut self, run: Run, events: &mut Vec<Event>) -> Result<Option<Step>, Stop> {
        self.has_run = true;
        let Run { start, criteria, .. } = run;
        let is_cut = self.since.is_some_and(|since| is_later(since, &start));
        let filter = Filter::new(criteria).map_err(Failure::from)?.and(self.asked.filter.clone());
        let filters = start.filters.iter().chain(&self.asked.filters).cloned().collect();
        let mut pipeline = Pipeline::new(self.stage, filter, &Start { filters, ..start });
        if is_cut {
            pipeline.set_in_late();
        }
        let over = tell(&mut self.reader, &mut pipeline, events).await;
        let end = match &over {
            Ok(Some(Step::End(end))) => end.as_deref(),
            _ => None,
        };
        let summary = pipeline.finish(end);
        let shown = self.reader.write(&mut pipeline);
        // What is damaged is said once, at the end.
        let lost = pipeline.lost().saturating_sub(self.reader.damage().records);
        self.is_lossy |= judge(&summary, lost) == Status::Lossy;
        shown?;
        match over? {
            Some(Step::End(_)) => Ok(self.reader.step(events).await),
            next => Ok(next),
        }
    }
}

/// Tells what a run's steps bring. Returns the step with which it is over.
async fn tell<V: View, S: Steps>(
    reader: &mut Reader<S>,
    pipeline: &mut Pipeline<'_, V>,
    events: &mut Vec<Event>,
) -> Result<Option<Step>, Stop> {
    loop {
        events.clear();
        match reader.step(events).await {
            Some(Step::Existing) => {
                events.iter().for_each(|event| pipeline.meet(event));
                events.clear();
            }
            Some(Step::Events) => {
                events.iter().for_each(|event| pipeline.take(event));
                events.clear();
                reader.write(pipeline)?;
                if pipeline.is_satisfied() {
                    reader.stop_soon();
                }
            }
            Some(Step::Wait) => reader.pause().await,
            over => return Ok(over),
        }
    }
}

/// Whether a moment is later than the start of a run. The end of a recording, from which some are counted, is.
fn is_later(moment: Moment, start: &Start) -> bool {
    match moment {
        Moment::At(realtime_ns) => realtime_ns > start.clock.realtime_ns,
        Moment::BeforeEnd(_) | Moment::TimeOfDay(_) => true,
    }
}
