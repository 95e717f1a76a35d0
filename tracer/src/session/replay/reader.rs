//! Step by step through recordings, as long as nobody says stop.

use std::time::{Duration, Instant};

use tokio::{task, time};

use crate::{
    event::Event,
    output::{
        SinkError,
        numbers::{bytes, duration},
    },
    session::{Pipeline, View, ending::Ending, progress::Progress, say},
    source::recording::{Damage, ReadError, Recording, Step},
};

/// How long it is waited for what is still being written.
const PAUSE: Duration = Duration::from_millis(200);
/// A read that is over sooner needs no progress.
const FIRST_REPORT: Duration = Duration::from_secs(1);
const REPORT: Duration = Duration::from_millis(250);
/// Steps that are read on when all that was asked for was shown: the run may have stopped for that reason itself, and then
/// its end, and its account with it, is near.
const STEPS_TO_END: u32 = 8;

/// What gives the steps.
pub(super) trait Steps {
    /// The next one; `None`: that was all. After an error it goes on with the next file.
    fn next(&mut self, events: &mut Vec<Event>) -> Result<Option<Step>, ReadError>;

    /// What could not be read so far.
    fn damage(&self) -> Damage;

    /// Bytes read so far, and of how many, if that is known.
    fn progress(&self) -> (u64, Option<u64>);
}

impl Steps for Recording {
    fn next(&mut self, events: &mut Vec<Event>) -> Result<Option<Step>, ReadError> {
        self.next(events)
    }

    fn damage(&self) -> Damage {
        self.damage()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.progress()
    }
}

/// Goes through the steps.
pub(super) struct Reader<S> {
    steps: S,
    ending: Ending,
    is_interrupted: bool,
    /// A file, or the rest of it, could not be read.
    has_refused: bool,
    /// Steps that are still read.
    left: Option<u32>,
    progress: Option<Progress>,
    began: Instant,
    reported: Instant,
}

impl<S: Steps> Reader<S> {
    /// Must be made within a runtime.
    pub(super) fn new(steps: S, progress: Option<Progress>) -> std::io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            steps,
            ending: Ending::new(None)?,
            is_interrupted: false,
            has_refused: false,
            left: None,
            progress,
            began: now,
            reported: now,
        })
    }

    /// The next step; `None`: that was all, or all that is wanted.
    pub(super) async fn step(&mut self, events: &mut Vec<Event>) -> Option<Step> {
        // Lets the runtime look for signals, which it does not while there is something to do.
        task::yield_now().await;
        self.listen(Duration::ZERO).await;
        if self.is_interrupted || self.left == Some(0) {
            return None;
        }
        let step = loop {
            match self.steps.next(events) {
                Ok(step) => break step,
                Err(refusal) => self.refuse(&refusal),
            }
        };
        if let Some(left) = &mut self.left {
            *left = if let Some(Step::End(_)) = step { 0 } else { *left - 1 };
        }
        self.report();
        step
    }

    /// All that was asked for was shown.
    pub(super) fn stop_soon(&mut self) {
        self.left.get_or_insert(STEPS_TO_END);
    }

    /// Whether a file, or the rest of it, could not be read; which is said.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused
    }

    fn refuse(&mut self, refusal: &ReadError) {
        self.make_room();
        say(&refusal.to_string());
        self.has_refused = true;
    }

    /// Waits for what is still being written.
    pub(super) async fn pause(&mut self) {
        self.make_room();
        self.listen(PAUSE).await;
    }

    /// Writes what was printed, not into the progress.
    pub(super) fn write<V: View>(&mut self, pipeline: &mut Pipeline<'_, V>) -> Result<(), SinkError> {
        if pipeline.unwritten() > 0 {
            self.make_room();
        }
        pipeline.flush()
    }

    /// Makes room for lines that stay.
    pub(super) fn make_room(&mut self) {
        self.progress.iter_mut().for_each(Progress::clear);
    }

    /// What could not be read so far.
    pub(super) fn damage(&self) -> Damage {
        self.steps.damage()
    }

    async fn listen(&mut self, patience: Duration) {
        tokio::select! {
            biased;
            () = self.ending.come() => self.is_interrupted = true,
            () = nothing(patience) => {}
        }
    }

    fn report(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        let elapsed = self.began.elapsed();
        if elapsed >= FIRST_REPORT && self.reported.elapsed() >= REPORT {
            self.reported = Instant::now();
            let (done, total) = self.steps.progress();
            progress.show(&words(done, total, elapsed));
        }
    }
}

async fn nothing(patience: Duration) {
    if !patience.is_zero() {
        time::sleep(patience).await;
    }
}

/// `reading  43 %  1.20 GiB/s  ETA 5.00 s`
fn words(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
    let so_far = match total {
        Some(total) if total > 0 => format!("{:.0} %", done as f64 * 100.0 / total as f64),
        _ => bytes(done),
    };
    let eta = total.filter(|_| rate > 0.0).map_or_else(String::new, |total| {
        let seconds = total.saturating_sub(done) as f64 / rate;
        format!("  ETA {}", duration((seconds * 1e9) as u64))
    });
    format!("reading  {so_far}  {}/s{eta}", bytes(rate as u64))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::words;

    #[test]
    fn how_far_how_fast_how_long() {
        let two = Duration::from_secs(2);
        assert_eq!(words(1 << 30, Some(4 << 30), two), "reading  25 %  512 MiB/s  ETA 6.00 s");
        assert_eq!(words(1 << 30, None, two), "reading  1.00 GiB  512 MiB/s");
        assert_eq!(words(0, Some(0), two), "reading  0 B  0 B/s");
    }
}
