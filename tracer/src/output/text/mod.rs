//! Lines for people: aligned, at most 100 columns in the usual case, never cut.

mod columns;
mod conclusion;
mod diagram;
mod endpoint;
pub(super) mod explain;
mod groups;
mod host;
mod latency;
mod line;
pub(crate) mod numbers;
mod socket_groups;
mod sockets;
mod style;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

use std::io::Write as _;

use jiff::{civil::Date, tz::TimeZone};

use self::columns::Widths;
pub(crate) use self::style::{Pair as Style, Palette};
use super::{
    Screen,
    time::{WallClock, push_fraction},
};
use crate::{
    config::Columns,
    event::{Gap, LossStage, MonotonicNs},
    observation::{Observation, Start},
    services::Services,
};

/// Columns of what has a fixed width, and of a page that is not a terminal's.
const WIDTH: usize = 100;

/// What a text consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line for each change, and figures at the end.
    Lines,
    /// Figures.
    Figures,
    /// Sockets of a moment, or of several, one after the other.
    Sockets {
        /// What is shown of them.
        columns: Columns,
        /// More than once.
        again: bool,
    },
}

/// What a person chose about the text.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// What the text consists of.
    pub form: Form,
    /// The zone of the clock times.
    pub zone: TimeZone,
    /// Names of ports; `None`: numbers.
    pub services: Option<Services>,
    /// Escape sequences for colour.
    pub color: bool,
    /// No header and no account; no figures after lines.
    pub quiet: bool,
    /// Namespace, cookie and user at the end of each line.
    pub verbose: bool,
}

/// The text format.
#[derive(Clone, Debug)]
pub struct TextOutput {
    options: TextOptions,
    palette: Palette,
    clock: WallClock,
    day: Date,
    widths: Widths,
    shown: u64,
    resets: u64,
    /// Figures were printed.
    has_figures: bool,
    scratch: String,
    pub(super) screen: Screen,
}

impl TextOutput {
    /// A fresh text.
    #[must_use]
    pub fn new(options: TextOptions) -> Self {
        Self {
            palette: Palette::new(options.color),
            clock: WallClock::time_of_day(options.zone.clone()),
            options,
            day: Date::ZERO,
            widths: Widths::default(),
            shown: 0,
            resets: 0,
            has_figures: false,
            scratch: String::new(),
            screen: Screen::default(),
        }
    }

    /// Appends the header, unless it is quiet.
    pub fn start(&mut self, start: &Start, buf: &mut Vec<u8>) {
        self.clock.set(start.clock);
        self.day = self.clock.day(start.clock.monotonic);
        if !self.options.quiet && self.options.form == Form::Lines {
            self.header(start.clock.monotonic, buf);
        }
    }

    /// Appends a line or several.
    pub fn observe(&mut self, observation: &Observation, buf: &mut Vec<u8>) {
        match observation {
            Observation::Clock(pair) => self.clock.set(*pair),
            Observation::Cgroup { .. } | Observation::Namespace(_) | Observation::Existing(_) => {}
            Observation::Transition(observed) => self.transition(observed, buf),
            Observation::Anomaly(anomaly) => self.anomaly(anomaly, buf),
            Observation::Handshake(handshake) => self.handshake(handshake, buf),
            Observation::Reset(reset) => self.reset(reset, buf),
            Observation::Connection(connection) => self.connection(connection, buf),
            Observation::Closed(_) => {}
            Observation::TimeWait(time_wait) => self.time_wait(time_wait, buf),
            Observation::Gap(gap) => self.gap(gap, buf),
            Observation::Summary(summary) => self.summary(summary, buf),
            Observation::Latency(latency) => self.latency(latency, buf),
            Observation::Sockets(sockets) => self.sockets(sockets, buf),
            Observation::SocketGroups(groups) => self.socket_groups(groups, buf),
        }
    }

    fn header(&mut self, time: MonotonicNs, buf: &mut Vec<u8>) {
        let zone = self.clock.zone(time);
        // Writing to memory does not fail, here and below.
        let _ = writeln!(
            buf,
            "{}, times in {zone}; → client here, ← server, · listener, ? unknown; (who listens)",
            self.day
        );
        self.heading(buf);
    }

    fn gap(&mut self, gap: &Gap, buf: &mut Vec<u8>) {
        let (set, reset) = self.palette.alarm();
        let why = match gap.stage {
            LossStage::Recursion => "skipped by the kernel",
            LossStage::Ring => "ring buffer full, a larger --ring-size helps",
            LossStage::Queue => "tracer too slow",
            LossStage::Damage => "unreadable",
        };
        let lost = numbers::grouped(gap.lost);
        let records = if gap.lost == 1 { "record" } else { "records" };
        let _ = write!(buf, "{set}!! {lost} {records} lost ({why}) between ");
        self.clock_time(gap.from, buf);
        buf.extend_from_slice(b" and ");
        self.clock_time(gap.to, buf);
        let _ = writeln!(buf, "{reset}");
    }

    /// Appends a time of day, `14:03:07.123456`.
    fn clock_time(&mut self, time: MonotonicNs, buf: &mut Vec<u8>) {
        let (seconds, nanoseconds) = self.clock.split(time);
        buf.extend_from_slice(seconds.as_bytes());
        push_fraction(buf, nanoseconds, 6);
    }
}
