//! A run from its first event to its last figure, on the live kernel or of a recording: the same [`Pipeline`], with another
//! source in front of it. What is shown of it is a [`View`]'s.

mod confine;
mod ending;
mod latency;
mod list;
mod live;
mod measures;
mod pipeline;
mod printer;
mod progress;
mod recorder;
mod replay;
mod span;
mod stop;
mod verdict;

use std::{io::Write as _, time::Duration};

use self::pipeline::Pipeline;
pub(crate) use self::{latency::measure, list::list, printer::Printer};
use crate::{
    config::{Source, Speech, Stream},
    figures::GroupBy,
    filter::Filter,
    measure::Listing,
    observation::Observation,
    output::{Form, Output, Sink},
    run::{Failure, Status},
    services::Services,
};

/// The feature of knowing how long timewait sockets live.
const TIME_WAIT: &str = "time_wait";

/// What a command shows of the stream.
pub(crate) trait View {
    /// What the text consists of; `None`: there is none.
    const FORM: Option<Form>;

    /// Prints an observation or what follows from one, if it is to be shown.
    fn show(&mut self, observation: &Observation, printer: &mut Printer);

    /// All that follows from an observation was shown.
    fn shown(&mut self, _observation: &Observation) {}

    /// Whether all that was asked for was shown.
    fn is_satisfied(&self) -> bool {
        false
    }

    /// Whether it needs to be told of connections. To follow them is most of the work of a run.
    fn follows_connections(&self) -> bool {
        true
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

/// What is shown of runs, and how; outlives each of them.
struct Stage<V> {
    view: V,
    printer: Printer,
    figuring: Figuring,
    /// Sockets remembered at a time.
    table_size: usize,
}

/// Which connections a run is about.
struct Asked {
    filter: Filter,
    /// The filter as typed.
    filters: Vec<String>,
}

/// Runs a command that shows a stream to its end.
pub(crate) fn run<V: View>(
    stream: Stream,
    figuring: Figuring,
    view: V,
    speech: Speech,
    services: Services,
) -> Result<Status, Failure> {
    let Stream { source, filter, filters, numeric, output, table_size } = stream;
    let open = || -> Result<Stage<V>, Failure> {
        let sink = Sink::open(output.as_deref())?;
        let output = Output::new(speech, V::FORM, numeric, services, sink.is_terminal());
        Ok(Stage { view, printer: Printer::new(output, sink), figuring, table_size })
    };
    let asked = Asked { filter, filters };
    match source {
        Source::Live(how) => {
            let ready = live::prepare(&asked.filter)?;
            live::run(*how, asked, ready, &mut open()?, speech.quiet)
        }
        Source::Recordings(reading) => {
            replay::prepare(&reading, output.as_deref())?;
            replay::run(&reading, asked, &mut open()?, speech.quiet)
        }
    }
}

/// Tells whoever started the run; a terminal that is gone does not matter.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "tracer: {words}");
}
