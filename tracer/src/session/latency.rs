//! A run in which the kernel adds handshakes up: nothing is streamed, histograms are read once an interval.

use std::{num::NonZeroU64, time::Duration};

use tokio::time::{self, Instant, MissedTickBehavior};

use super::{Printer, confine::confine, ending::Ending, live::prepare, say, stop::Stop};
use crate::{
    account::LatencyAccount,
    config::{self, Speech},
    doctor::{self, Readiness},
    event::MonotonicNs,
    figures::LatencyBy,
    measure::LatencyAggregate,
    observation::{Feature, Observation, Start},
    output::{Form, Output, Sink, SinkError},
    run::{Failure, Status},
    services::Services,
    source::live::{self, Latencies, LatencyError, LatencyOptions},
};

/// When it is said how much was seen so far, so that an idle host is not mistaken for a broken tool.
const FIRST_WORD: Duration = Duration::from_millis(2500);
/// What may be measured here or not, of all that depends on the kernel.
const FEATURES: [&str; 6] = ["ipv6", "netns", "cgroup", "syn_ack_retransmits", "syn_retransmits", "deferred_accept"];
/// The features without which something is not measured of which people should know.
const MISSED: [&str; 2] = ["syn_ack_retransmits", "syn_retransmits"];

/// Runs a command that lets the kernel add up to its end.
pub(crate) fn measure(latency: config::Latency, speech: Speech, services: Services) -> Result<Status, Failure> {
    let ready = prepare(&latency.filter)?;
    if latency.by == LatencyBy::Cgroup {
        ready.can_tell("--by cgroup", "cgroup").map_err(Failure::machine)?;
    }
    let tables = latency.filter.compile(live::ephemeral_range());
    let options = LatencyOptions {
        kernel: &ready.members,
        filter: &tables,
        roles: latency.filter.roles(),
        by: latency.by,
        groups: latency.groups,
    };
    let latencies = Latencies::start(&options).map_err(|error| match error {
        LatencyError::Load(_) => Failure::machine(doctor::explain(&error)),
        other => other.into(),
    })?;
    let privilege = latency.privilege;
    let session = Session::new(latency, ready, latencies, speech, services)?;
    if let Some(words) = confine(privilege, session.latencies.reads(), None)? {
        session.say(words);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session.run())
}

struct Session {
    latencies: Latencies,
    aggregate: LatencyAggregate,
    printer: Printer,
    interval: Duration,
    remaining: Option<NonZeroU64>,
    duration: Option<Duration>,
    quiet: bool,
}

impl Session {
    fn new(
        latency: config::Latency,
        ready: Readiness,
        mut latencies: Latencies,
        speech: Speech,
        services: Services,
    ) -> Result<Self, Failure> {
        let sink = Sink::open(latency.output.as_deref())?;
        let output = Output::new(speech, Some(Form::Figures), latency.numeric, services, sink.is_terminal());
        let mut printer = Printer::new(output, sink);
        let clock = live::now()?;
        let mut aggregate = LatencyAggregate::new(latency.by, latency.top, clock.monotonic);
        let Readiness { host, boot_id, kernel, mut features, .. } = ready;
        features.retain(|feature| FEATURES.contains(&&*feature.name));
        features.insert(0, Feature { name: "handshakes".into(), missing: None });
        let mut lacking = lacking(&features);
        match latencies.deferring() {
            Ok(listeners) => listeners.into_iter().for_each(|(netns, port)| aggregate.note_deferring(netns, port)),
            Err(error) => lacking.push(format!("listeners older than this run: {}.", error.reason())),
        }
        let config::Latency { filters, interval, count: remaining, duration, .. } = latency;
        printer.start(&Start { clock, host, boot_id, kernel, filters, features });
        let session = Self { latencies, aggregate, printer, interval, remaining, duration, quiet: speech.quiet };
        lacking.iter().for_each(|words| session.say(words));
        Ok(session)
    }

    fn say(&self, words: &str) {
        if !self.quiet {
            say(words);
        }
    }

    /// Measures until Ctrl-C, SIGTERM, the time or the count; a closed pipe is a way to end, too.
    async fn run(mut self) -> Result<Status, Failure> {
        let ended = match self.repeat().await {
            Ok(()) => self.finish(),
            Err(stop) => Err(stop),
        };
        match ended {
            Err(Stop::Sink(SinkError::Closed)) => Ok(Status::Done),
            other => other.map_err(Into::into),
        }
    }

    async fn repeat(&mut self) -> Result<(), Stop> {
        let mut ending = Ending::new(self.duration)?;
        let mut tick = time::interval_at(Instant::now() + self.interval, self.interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first_word = time::sleep(FIRST_WORD);
        tokio::pin!(first_word);
        self.say("attached; Ctrl-C ends.");
        self.printer.flush()?;
        loop {
            tokio::select! {
                biased;
                () = ending.come() => return Ok(()),
                () = &mut first_word, if !first_word.is_elapsed() => self.say_first_word()?,
                _ = tick.tick() => if self.show_recent()? { return Ok(()) },
            }
        }
    }

    /// Shows what has come since the last time. True if that is enough.
    fn show_recent(&mut self) -> Result<bool, Stop> {
        take(&mut self.latencies, &mut self.aggregate)?;
        let now = self.tell_time()?;
        let figures = self.aggregate.recent(now);
        self.printer.print(&Observation::Latency(Box::new(figures)));
        self.printer.flush()?;
        let Some(remaining) = self.remaining else { return Ok(false) };
        self.remaining = NonZeroU64::new(remaining.get() - 1);
        Ok(self.remaining.is_none())
    }

    /// Detaches, reads what is left, shows the whole run and closes the account.
    fn finish(&mut self) -> Result<Status, Stop> {
        let Self { latencies, aggregate, .. } = self;
        let mut account = LatencyAccount::default();
        latencies.finish(|latencies| -> Result<bool, LatencyError> {
            take(latencies, aggregate)?;
            account = settled(latencies, aggregate)?;
            Ok(account.closes())
        })?;
        let now = self.tell_time()?;
        let mut figures = self.aggregate.whole(now);
        figures.account = Some(account);
        self.printer.print(&Observation::Latency(Box::new(figures)));
        let shown = self.printer.flush();
        let status = judge(&account);
        shown?;
        Ok(status)
    }

    /// The time now; what is printed from here on uses the clocks as they are now.
    fn tell_time(&mut self) -> Result<MonotonicNs, Stop> {
        let pair = live::now()?;
        self.printer.print(&Observation::Clock(pair));
        Ok(pair.monotonic)
    }

    fn say_first_word(&mut self) -> Result<(), Stop> {
        let LatencyAccount { seen, filtered, .. } = self.latencies.account()?;
        let matched = seen - filtered;
        self.say(&format!("{seen} handshakes seen on this host so far, {matched} of them match."));
        Ok(())
    }
}

/// Reads all histograms, and the names of the cgroups in them.
fn take(latencies: &mut Latencies, aggregate: &mut LatencyAggregate) -> Result<(), LatencyError> {
    latencies.read(|key, histogram| aggregate.take(key, histogram))?;
    for id in aggregate.nameless_cgroups() {
        if let Some(path) = latencies.cgroup_path(id) {
            aggregate.learn_cgroup(id, &path);
        }
    }
    Ok(())
}

/// The kernel side's account with what was read.
fn settled(latencies: &mut Latencies, aggregate: &LatencyAggregate) -> Result<LatencyAccount, LatencyError> {
    let (measured, unknown) = aggregate.counted();
    Ok(LatencyAccount { measured, unknown, ..latencies.account()? })
}

/// Says what is not measured here, and why.
fn lacking(features: &[Feature]) -> Vec<String> {
    let missed = features.iter().filter(|feature| MISSED.contains(&&*feature.name));
    missed
        .filter_map(|feature| {
            let reason = feature.missing.as_ref()?;
            Some(format!("handshakes with {} are of unknown latency: {reason}.", feature.name))
        })
        .collect()
}

/// The exit status, said aloud if it is bad news.
fn judge(account: &LatencyAccount) -> Status {
    if account.lost > 0 {
        say(&format!("{} handshakes were lost: the kernel had no memory for their histograms.", account.lost));
    }
    if account.missed > 0 {
        say(&format!("the kernel skipped {} state changes: so many handshakes are missing at most.", account.missed));
    }
    if !account.closes() {
        say("the account does not close, which is a defect of tracer: run with --format json and report it.");
    }
    if account.lost + account.missed > 0 || !account.closes() { Status::Lossy } else { Status::Done }
}

#[cfg(test)]
mod tests {
    use super::lacking;
    use crate::observation::Feature;

    #[test]
    fn what_this_kernel_does_not_tell_is_said() {
        let feature = |name: &'static str, missing: Option<&str>| Feature {
            name: name.into(),
            missing: missing.map(str::to_owned),
        };
        let features = [
            feature("ipv6", Some("no IPv6")),
            feature("syn_retransmits", Some("no member")),
            feature("syn_ack_retransmits", None),
        ];
        assert_eq!(lacking(&features), ["handshakes with syn_retransmits are of unknown latency: no member."]);
    }
}
